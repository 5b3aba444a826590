/* Why a document is not higher: explain/why.h, imr_why_not. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/strmap.h"
#include "explain/sentence.h"
#include "explain/shares.h"
#include "retrieval/search.h"
#include "session/internal.h"

enum {
    TRIED = IMR_DELETION_MOST, /* words of the document, one by one */
    INDEXED = 200000,          /* documents, at most, for BM25 */
    WIDEST = 20000,            /* candidates */
    WORDS = IMR_WHY_NOT_WORDS,
    PAIRS = IMR_WHY_NOT_PAIRS
};

#define LEAST_SHARE 0.02 /* sd */

static imr_stage last_stage(const imr_session *s)
{
    return s->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
}

/* Ranks the whole corpus for a query x [n], and the document's rank at each stage. What the ranker
 * knows of what if lives in the arena. */
static imr_status rank_all(uint32_t rank[IMR_STAGE_COUNT], imr_session *s, const imr_trace *t,
                           const float *x, uint32_t row, imr_arena *arena,
                           const imr_progress *progress, imr_error *err)
{
    const imr_ids *ids = &s->cache->documents.ids;
    imr_trace_settings settings = t->settings;
    imr_listing l;
    if (settings.scope == IMR_SCOPE_RERANK)
        settings.scope = IMR_SCOPE_RESCORE;
    imr_status status = imr_ranker_run(&s->ranker, x, &settings, arena, progress, &l, err);
    for (imr_stage k = 0; k <= last_stage(s) && status == IMR_OK; k++)
        status = imr_search_ranks(&rank[k], &row, 1, s->ranker.sim[k], ids->n, ids->places, err);
    return status;
}

/* ---- what the document at rank k has ---- */

static bool has_word(const imr_pairs *p, const char *word)
{
    for (size_t i = 0; i < p->n_document; i++)
        if (strcmp(p->document[i].text, word) == 0)
            return true;
    return false;
}

static imr_status find_lacks(imr_why_not *w, imr_detail *d, const imr_detail *above, imr_error *err)
{
    const imr_pairs *p = &above->why.pairs;
    const imr_stage k = p->centred[IMR_STAGE_AFTER] ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    if (d->why.pairs.problem[0] || p->problem[0] || !p->centred[k])
        return IMR_OK;
    for (size_t b = 0; b < p->n_document; b++) {
        if (!p->document[b].named || has_word(&d->why.pairs, p->document[b].text))
            continue;
        for (size_t a = 0; a < p->n_query; a++) {
            const double share = p->centred[k][a * (p->n_document + 1) + b] / p->reference[k].sd;
            size_t at = w->n_lacks;
            while (at > 0 && share > w->lacks[at - 1].share)
                at--;
            if (!p->query[a].named || share < LEAST_SHARE || at == PAIRS)
                continue;
            w->n_lacks += w->n_lacks < PAIRS;
            memmove(&w->lacks[at + 1], &w->lacks[at], (w->n_lacks - at - 1) * sizeof *w->lacks);
            w->lacks[at] = (struct imr_why_not_pair){p->query[a].text, p->document[b].text, share};
        }
    }
    for (size_t i = 0; i < w->n_lacks; i++) {
        w->lacks[i].query = imr_arena_strdup(d->arena, w->lacks[i].query);
        w->lacks[i].document = imr_arena_strdup(d->arena, w->lacks[i].document);
        IMR_NEED(w->lacks[i].query && w->lacks[i].document, err);
    }
    return IMR_OK;
}

/* ---- words that would lift it ---- */

typedef struct tried {
    imr_buf texts; /* the query with each word behind it */
    const char *word[TRIED];
    size_t start[TRIED + 1], n;
    float *base; /* [n, dim] */
} tried;

static void tried_done(tried *t)
{
    imr_buf_done(&t->texts);
    imr_free(t->base);
}

/* Named words that were read and the query has not. */
static imr_status choose(tried *out, const imr_session *s, const imr_reading *r, imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap seen = {0};
    const imr_tokens *q = &s->query.tokens;
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].word != IMR_NO_WORD) {
            const char *word = imr_tokens_word(q, q->v[i].word);
            IMR_NEED(imr_strmap_add(&seen, word, strlen(word), 1, NULL, NULL), err);
        }
    for (size_t i = 0; i < r->tokens.n && out->n < TRIED; i++) {
        const imr_token *token = &r->tokens.v[i];
        if (token->word == IMR_NO_WORD || token->start < r->prefix || token->end > r->read_end)
            continue;
        const char *word = imr_tokens_word(&r->tokens, token->word);
        bool added;
        IMR_NEED(imr_strmap_add(&seen, word, strlen(word), 1, NULL, &added), err);
        if (!added || !imr_word_is_named(word))
            continue;
        imr_buf_printf(&out->texts, "%s %s", imr_buf_text(&s->query.text), word);
        out->word[out->n++] = word;
        out->start[out->n] = out->texts.len;
    }
    return imr_buf_check(&out->texts, err);
}

/* The three whose queries bring it furthest above the listed ones, by the rank they give. */
static imr_status find_words(imr_why_not *w, imr_detail *d, imr_session *s, const imr_trace *t,
                             const imr_reading *r, uint32_t row, imr_arena *arena,
                             const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(tried_done) tried all = {0};
    IMR_AUTOFREE float *own = IMR_NEW_ARRAY(float, t->run.n);
    double lead[TRIED];
    IMR_NEED(own, err);
    if (!r->tokens.n || !s->query.tokens.n || t->push ||
        strstr(t->settings.what_if.terms, "feedback:")) /* with another query it may give none */
        return IMR_OK;
    IMR_TRY(choose(&all, s, r, err));
    IMR_NEED(all.base = IMR_NEW_ARRAY(float, all.n * t->run.n), err);
    IMR_TRY(imr_deletion_encode(all.base, s, &all.texts, all.start, all.n, progress, err));
    IMR_TRY(imr_cache_read_rows(s->cache, row, 1, own, err));
    for (size_t i = 0; i < all.n; i++)
        IMR_TRY(imr_session_ahead(&lead[i], s, t, 0, own, all.base + i * t->run.n,
                                  IMR_STAGE_ENCODER, err));
    for (; w->n_words < WORDS && w->n_words < all.n; w->n_words++) {
        uint32_t rank[IMR_STAGE_COUNT];
        size_t best = 0, at = w->n_words;
        for (size_t i = 1; i < all.n; i++)
            best = lead[i] > lead[best] ? i : best;
        lead[best] = -INFINITY;
        IMR_TRY(rank_all(rank, s, t, all.base + best * t->run.n, row, arena, progress, err));
        const uint32_t now = rank[last_stage(s)];
        for (; at > 0 && now < w->words[at - 1].rank; at--)
            w->words[at] = w->words[at - 1];
        w->words[at].rank = now;
        IMR_NEED(w->words[at].text = imr_trace_keep(d->arena, all.word[best]), err);
    }
    return IMR_OK;
}

/* ---- words alone ---- */

static imr_status rank_words(imr_why_not *w, imr_session *s, const imr_trace *t, uint32_t row,
                             const imr_progress *progress, imr_error *err)
{
    const imr_cache *c = s->cache;
    const size_t n = c->documents.ids.n;
    if (!c->dataset || n > INDEXED)
        return IMR_OK;
    IMR_AUTOFREE double *by_words = IMR_NEW_ARRAY(double, c->dataset->documents.n);
    IMR_AUTOFREE float *by_row = IMR_NEW_ARRAY(float, n);
    IMR_NEED(by_words && by_row, err);
    if (!s->bm25) /* as evaluate --bm25 has it */
        IMR_TRY(
            imr_bm25_build(&s->bm25, c->dataset, (imr_bm25_form){true, 0.9, 0.4}, progress, err));
    IMR_TRY(imr_bm25_scores(s->bm25, t->query_read, strlen(t->query_read), by_words, err));
    for (size_t i = 0; i < n; i++) {
        const uint32_t at = c->dataset_rows ? c->dataset_rows[i] : (uint32_t)i;
        by_row[i] = at == UINT32_MAX ? 0 : (float)by_words[at];
    }
    w->has_bm25 = true;
    return by_row[row] > 0
               ? imr_search_ranks(&w->bm25, &row, 1, by_row, n, c->documents.ids.places, err)
               : IMR_OK;
}

/* ---- the sentence ---- */

/* "it fell outside the 100 candidates" and what would make it one, or the step that cost it most: by
 * its lift, without one by ranks. */
static void put_loss(imr_buf *out, const imr_why_not *w, const imr_lift *lift)
{
    const uint32_t encoder = w->rank[IMR_STAGE_ENCODER], before = w->rank[IMR_STAGE_BEFORE];
    const uint32_t now = w->rank[w->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER];
    imr_number text;
    if (w->adapter && !w->candidate)
        imr_buf_printf(out, ": it fell outside the %u candidates.", w->feedback_k);
    else if (now <= w->k)
        imr_buf_printf(out, ": it is among the first %u.", w->k);
    else if (!w->adapter || now <= encoder)
        imr_buf_str(out, w->adapter ? ": the encoder never had it higher." : ".");
    else
        imr_buf_printf(out, ": it lost most in the %s.",
                       (isfinite(lift->total) ? lift->modulation < lift->projector
                                              : now - (int64_t)before > before - (int64_t)encoder)
                           ? "modulation"
                           : "projector");
    if (w->adapter && !w->candidate) {
        imr_buf_printf(out, " It is one from K = %u on", w->smallest_k);
        if (w->rank_then)
            imr_buf_printf(out, ", and then %s", imr_sentence_rank(text, w->rank_then));
        imr_buf_char(out, '.');
    }
}

/* Ranks; where it was lost; how far it is from rank k; what would help. */
static void say(imr_buf *out, const imr_why_not *w, const imr_lift *lift)
{
    static const char *const stages[] = {"for the encoder", "projected", "now"};
    const imr_stage last = w->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    imr_number text;
    for (imr_stage k = 0; k <= last; k++)
        imr_buf_printf(out, "%s%s %s", k ? ", " : "Of all documents ",
                       imr_sentence_rank(text, w->rank[k]), stages[k]);
    put_loss(out, w, lift);
    if (w->gap > 0) {
        imr_buf_printf(out, " It lacks %s in cosine", IMR_FIXED(w->gap, 3));
        if (isfinite(w->gap_sd))
            imr_buf_printf(out, " (%s sd)", IMR_FIXED(w->gap_sd, 2));
        imr_buf_printf(out, " to rank %u", w->k);
    }
    for (size_t i = 0; i < w->n_lacks && i < WORDS; i++)
        imr_sentence_named(out,
                           i            ? ", "
                           : w->gap > 0 ? ", where there is "
                                        : " The document at that rank has ",
                           w->lacks[i].query, w->lacks[i].document);
    imr_buf_str(out, w->gap > 0 ? "." : w->n_lacks ? "." : "");
    for (size_t i = 0; i < w->n_words && w->words[i].rank < w->rank[last]; i++) {
        imr_sentence_named(out, i ? ", with " : " With ", w->words[i].text, NULL);
        imr_buf_printf(out, "%s %s", i ? "" : " in the query it is",
                       imr_sentence_rank(text, w->words[i].rank));
    }
    imr_buf_str(out, w->n_words && w->words[0].rank < w->rank[last] ? "." : "");
    if (w->bm25)
        imr_buf_printf(out, " By words alone (BM25) it is %s.", imr_sentence_rank(text, w->bm25));
    else if (w->has_bm25)
        imr_buf_str(out, " By words alone (BM25) it has none of the query's.");
}

/* ---- the whole ---- */

static imr_status fill(imr_detail *d, imr_session *s, const imr_trace *t,
                       const imr_reading *document, imr_arena *arena, const imr_progress *progress,
                       imr_error *err)
{
    const imr_trace_document *of = imr_trace_at(t, d->place);
    const imr_stage last = last_stage(s);
    const imr_stage by =
        t->settings.candidates == IMR_CANDIDATES_ENCODER ? IMR_STAGE_ENCODER : IMR_STAGE_BEFORE;
    imr_detail *above = NULL;
    IMR_AUTOBUF imr_buf text = {0};
    if (t->pair)
        return imr_fail(err, IMR_E_USAGE, "a pair is no ranking: there is no rank to be below");
    imr_why_not *w = IMR_ARENA_ARRAY(d->arena, imr_why_not, 1);
    IMR_NEED(w, err);
    w->adapter = s->adapter != NULL;
    w->k =
        t->settings.ranking_k < t->n_documents ? t->settings.ranking_k : (uint32_t)t->n_documents;
    w->feedback_k = t->settings.feedback_k;
    const imr_trace_document *at_k = &t->documents[w->k - 1];
    IMR_NEED(w->above = imr_arena_strdup(d->arena, at_k->id), err);
    IMR_TRY(rank_all(w->rank, s, t, t->run.query_base, of->row, arena, progress, err));
    w->gap = (double)s->ranker.sim[last][at_k->row] - (double)s->ranker.sim[last][of->row];
    w->gap_sd = t->reference[last].sd > 0 ? w->gap / t->reference[last].sd : (double)NAN;
    w->smallest_k = t->settings.scope == IMR_SCOPE_CORPUS ? 1 : w->rank[by];
    w->candidate = w->smallest_k <= w->feedback_k;
    if (w->adapter && !w->candidate && w->smallest_k <= WIDEST)
        IMR_TRY(
            imr_ranker_place(&s->ranker, w->smallest_k, by, of->row, &w->rank_then, progress, err));
    IMR_TRY(imr_session_detail(s, t, w->k - 1, IMR_DETAIL_WORDS, progress, &above, err));
    const imr_status status = find_lacks(w, d, above, err);
    imr_detail_free(above);
    IMR_TRY(status);
    IMR_TRY(find_words(w, d, s, t, document, of->row, arena, progress, err));
    IMR_TRY(rank_words(w, s, t, of->row, progress, err));
    say(&text, w, &d->why.lift);
    IMR_TRY(imr_buf_keep(&w->sentence, &text, d->arena, err));
    d->why.why_not = w;
    return IMR_OK;
}

imr_status imr_why_not_fill(imr_detail *d, imr_session *s, const imr_trace *t,
                            const imr_reading *document, const imr_progress *progress,
                            imr_error *err)
{
    imr_arena *arena = imr_arena_new();
    const imr_status status =
        arena ? fill(d, s, t, document, arena, progress, err) : imr_fail_memory(err);
    imr_arena_free(arena);
    return status;
}
