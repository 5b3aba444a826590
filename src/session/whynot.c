/* Why a document is not higher: explain/why.h, imr_why_not. */
#include <math.h>

#include "base/number.h"
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

/* Asked of one document. */
typedef struct asking {
    imr_why_not *w;
    imr_detail *d;
    imr_session *s;
    const imr_trace *t;
    const imr_reading *document;
    uint32_t row;
    imr_stage last;
    imr_arena *arena; /* of rankings: what the ranker knows of what if lives there */
    const imr_progress *progress;
} asking;

/* The document's rank among all at each stage. The ranker has what the key ranked by, unless
 * something else was asked meanwhile; what of `after` is lacking is one read of the corpus. */
static imr_status rank_all(uint32_t rank[IMR_STAGE_COUNT], const asking *a, imr_error *err)
{
    imr_ranker *r = &a->s->ranker;
    const imr_cache *c = imr_cache_of(a->s, a->t);
    const imr_trace *t = a->t;
    imr_listing l;
    IMR_TRY(imr_ranker_look(r, t->window, err));
    if (r->of != t->number)
        IMR_TRY(imr_ranker_run(r, t->run.query_base, &t->settings, a->arena, a->progress, &l, err));
    if (r->adapter && t->settings.scope == IMR_SCOPE_RERANK) {
        IMR_TRY(imr_adapter_score(r->adapter, &r->run, r->projected.d, r->sim[IMR_STAGE_AFTER],
                                  a->progress, err));
        for (size_t i = 0; i < t->n_documents; i++) /* as they are listed, to the last digit */
            r->sim[IMR_STAGE_AFTER][t->documents[i].row] = t->documents[i].sim_after;
    }
    for (imr_stage k = 0; k <= a->last; k++)
        IMR_TRY(imr_search_ranks(&rank[k], &a->row, 1, r->sim[k], imr_cache_ranked(c),
                                 c->documents.ids.places, err));
    return IMR_OK;
}

/* ---- what the document at rank k has ---- */

static bool has_word(const imr_pair_word *words, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i].text, text) == 0)
            return true;
    return false;
}

static imr_status find_lacks(const asking *of, imr_error *err)
{
    IMR_CLEANUP(imr_detail_free_at) imr_detail *above = NULL;
    imr_why_not *w = of->w;
    IMR_TRY(
        imr_session_detail(of->s, of->t, w->k - 1, IMR_DETAIL_WORDS, of->progress, &above, err));
    const imr_pairs *own = &of->d->why.pairs, *p = &above->why.pairs;
    const imr_stage k = p->centred[IMR_STAGE_AFTER] ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    if (own->problem[0] || p->problem[0] || !p->centred[k])
        return IMR_OK;
    for (size_t b = 0; b < p->n_document; b++) {
        if (!p->document[b].named || has_word(own->document, own->n_document, p->document[b].text))
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
        w->lacks[i].query = imr_arena_strdup(of->d->arena, w->lacks[i].query);
        w->lacks[i].document = imr_arena_strdup(of->d->arena, w->lacks[i].document);
        IMR_NEED(w->lacks[i].query && w->lacks[i].document, err);
    }
    return IMR_OK;
}

/* ---- words that would lift it ---- */

/* The query with each named word behind it that was read and that it has not: texts up to `end`. */
static imr_status choose(imr_buf *texts, const char *word[TRIED], size_t end[TRIED], size_t *count,
                         const asking *a, imr_error *err)
{
    const imr_reading *q = &a->s->query, *r = a->document;
    imr_pair_word *asked, *own;
    uint32_t *place;
    size_t n_asked, n;
    IMR_TRY(imr_words_join(&asked, &place, &n_asked, &q->tokens, 0, SIZE_MAX, NULL, a->arena, err));
    IMR_TRY(
        imr_words_join(&own, &place, &n, &r->tokens, r->prefix, r->read_end, NULL, a->arena, err));
    for (size_t i = 0; i < n && *count < TRIED; i++) {
        if (!own[i].named || has_word(asked, n_asked, own[i].text))
            continue;
        imr_buf_printf(texts, "%s %s", imr_buf_text(&q->text), own[i].text);
        word[*count] = own[i].text;
        end[(*count)++] = texts->len;
    }
    return imr_buf_check(texts, err);
}

/* The three whose queries bring it furthest above the listed ones, by the rank they give. */
static imr_status find_words(const asking *a, imr_error *err)
{
    IMR_AUTOBUF imr_buf texts = {0};
    const char *word[TRIED];
    size_t end[TRIED], tried = 0;
    const size_t n = a->t->run.n;
    imr_why_not *w = a->w;
    double lead[TRIED];
    uint32_t rank[WORDS];
    if (!a->document->tokens.n || !a->s->query.tokens.n || a->t->push || a->t->window ||
        strstr(a->t->settings.what_if.terms, "feedback:")) /* with another query it may give none */
        return IMR_OK;
    IMR_TRY(choose(&texts, word, end, &tried, a, err));
    if (!tried)
        return IMR_OK;
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, (tried + 1 + WORDS) * n);
    IMR_NEED(base, err);
    float *own = base + tried * n, *best = own + n;
    IMR_TRY(imr_deletion_encode(base, a->s, &texts, end, tried, a->progress, err));
    IMR_TRY(imr_cache_read_rows(imr_cache_of(a->s, a->t), a->row, 1, own, err));
    for (size_t i = 0; i < tried; i++)
        IMR_TRY(
            imr_session_ahead(&lead[i], a->s, a->t, 0, own, base + i * n, IMR_STAGE_ENCODER, err));
    for (; w->n_words < WORDS && w->n_words < tried; w->n_words++) {
        size_t at = 0;
        for (size_t i = 1; i < tried; i++)
            at = lead[i] > lead[at] ? i : at;
        lead[at] = -INFINITY;
        memcpy(best + w->n_words * n, base + at * n, n * sizeof *base);
        IMR_NEED(w->words[w->n_words].text = imr_trace_keep(a->d->arena, word[at]), err);
    }
    IMR_TRY(imr_ranker_try(&a->s->ranker, rank, imr_view_of(best, w->n_words, n), a->row,
                           &a->t->settings, a->progress, err));
    for (size_t i = 0, at; i < w->n_words; i++) {
        const struct imr_why_not_word tried_word = {w->words[i].text, rank[i]};
        for (at = i; at > 0 && rank[i] < w->words[at - 1].rank; at--)
            w->words[at] = w->words[at - 1];
        w->words[at] = tried_word;
    }
    return IMR_OK;
}

/* ---- words alone ---- */

static imr_status rank_words(const asking *a, imr_error *err)
{
    imr_session *s = a->s;
    const imr_cache *c = imr_cache_of(s, a->t);
    const char *query = a->t->query_read;
    const size_t n = c->documents.ids.n;
    if (!c->dataset || n > INDEXED)
        return IMR_OK;
    IMR_AUTOFREE float *by_row = IMR_NEW_ARRAY(float, n);
    IMR_NEED(by_row, err);
    if (!s->bm25) /* as evaluate --bm25 has it */
        IMR_TRY(imr_bm25_build(&s->bm25, c->dataset, (imr_bm25_form){true, 0.9, 0.4}, a->progress,
                               err));
    IMR_TRY(imr_bm25_cache_scores(by_row, s->bm25, c, query, err));
    a->w->has_bm25 = true;
    return by_row[a->row] > 0
               ? imr_search_ranks(&a->w->bm25, &a->row, 1, by_row, n, c->documents.ids.places, err)
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
    if (w->among && !w->candidate) {
        imr_buf_printf(out, ": the engine does not have it among the %u candidates", w->among);
    } else if (w->adapter && !w->candidate) {
        imr_buf_printf(out, ": it fell outside the %u candidates. It becomes one from K = %u on",
                       w->feedback_k, w->smallest_k);
        if (w->rank_then)
            imr_buf_printf(out, ", and is %s then", imr_sentence_rank(text, w->rank_then));
    } else if (now <= w->k) {
        imr_buf_printf(out, ": it is among the first %u", w->k);
    } else if (w->adapter && now <= encoder) {
        imr_buf_str(out, ": the encoder never had it higher");
    } else if (w->adapter) {
        imr_buf_printf(out, ": it lost most in the %s",
                       (isfinite(lift->total) ? lift->modulation < lift->projector
                                              : now - (int64_t)before > before - (int64_t)encoder)
                           ? "modulation"
                           : "projector");
    }
    imr_buf_char(out, '.');
}

/* Ranks; where it was lost; how far it is from rank k; what would help. */
static void say(imr_buf *out, const imr_why_not *w, const imr_lift *lift)
{
    static const char *const stages[] = {"for the encoder", "projected", "now"};
    const imr_stage last = w->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    imr_number text;
    for (imr_stage k = 0; k <= last; k++)
        imr_buf_printf(out, "%s%s %s",
                       k          ? ", "
                       : w->among ? "Held against the engine's candidates it is "
                                  : "Among all documents ",
                       imr_sentence_rank(text, w->rank[k]), stages[k]);
    put_loss(out, w, lift);
    if (w->gap > 0) {
        imr_buf_printf(out, " It lacks %s in cosine", IMR_FIXED(w->gap, 3));
        if (isfinite(w->gap_sd))
            imr_buf_printf(out, " (%s sd)", IMR_FIXED(w->gap_sd, 2));
        imr_buf_printf(out, " to rank %u.", w->k);
    }
    for (size_t i = 0; i < w->n_lacks && i < WORDS; i++)
        imr_sentence_named(out, i ? ", " : " The document at that rank has ", w->lacks[i].query,
                           w->lacks[i].document);
    imr_buf_str(out, w->n_lacks ? "." : "");
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

imr_status imr_why_not_fill(imr_detail *d, imr_session *s, const imr_trace *t,
                            const imr_reading *document, const imr_progress *progress,
                            imr_error *err)
{
    const imr_trace_settings *o = &t->settings;
    const imr_stage last = s->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    const imr_stage by =
        o->candidates == IMR_CANDIDATES_ENCODER ? IMR_STAGE_ENCODER : IMR_STAGE_BEFORE;
    IMR_AUTOBUF imr_buf text = {0};
    if (t->pair)
        return imr_fail(err, IMR_E_USAGE, "a pair is no ranking: there is no rank to be below");
    IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
    imr_why_not *w = IMR_ARENA_ARRAY(d->arena, imr_why_not, 1);
    IMR_NEED(arena && w, err);
    const uint32_t row = imr_trace_at(t, d->place)->row;
    const asking of = {w, d, s, t, document, row, last, arena, progress};
    w->adapter = s->adapter != NULL;
    w->k = o->ranking_k < t->n_documents ? o->ranking_k : (uint32_t)t->n_documents;
    w->feedback_k = o->feedback_k;
    const imr_trace_document *at_k = &t->documents[w->k - 1];
    IMR_NEED(w->above = imr_arena_strdup(d->arena, at_k->id), err);
    IMR_TRY(rank_all(w->rank, &of, err));
    w->gap = (double)s->ranker.sim[last][at_k->row] - (double)s->ranker.sim[last][row];
    w->gap_sd = t->reference[last].sd > 0 ? w->gap / t->reference[last].sd : (double)NAN;
    w->among = t->window ? (uint32_t)imr_cache_ranked(t->window) : 0;
    w->candidate =
        t->window ? row < w->among : o->scope == IMR_SCOPE_CORPUS || w->rank[by] <= w->feedback_k;
    w->smallest_k = o->scope == IMR_SCOPE_CORPUS ? 1 : w->candidate || !t->window ? w->rank[by] : 0;
    if (w->adapter && !w->candidate && !t->window && w->smallest_k <= WIDEST &&
        !s->ranker.what_if.n_left_out)
        IMR_TRY(imr_ranker_place(&s->ranker, w->smallest_k, by, row, &w->rank_then, progress, err));
    IMR_TRY(find_lacks(&of, err));
    IMR_TRY(find_words(&of, err));
    IMR_TRY(rank_words(&of, err));
    say(&text, w, &d->why.lift);
    IMR_TRY(imr_buf_keep(&w->sentence, &text, d->arena, err));
    d->why.why_not = w;
    return IMR_OK;
}
