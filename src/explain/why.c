#include "explain/why.h"

#include <math.h>

#include "explain/sentence.h"
#include "explain/shares.h"
#include "explain/word_list.h"
#include "math/nn.h"
#include "text/utf8.h"

enum { DIMENSIONS = 10 };

const char *const imr_stage_names[] = {"encoder", "before", "after"};

const char *const imr_where_names[] = {"neither", "query", "document", "both"};

const char *const imr_token_order_names[] = {"cosine", "z", "effect"};

/* ---- where it stands ---- */

imr_reference imr_reference_of(const float *similarities, size_t n)
{
    double mean = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        mean += (double)similarities[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = (double)similarities[i] - mean;
        square += off * off / (double)n;
    }
    /* Similarities are float32: what is left below their rounding is no spread. */
    return (imr_reference){mean, n > 1 && square > 1e-14 ? sqrt(square) : 0};
}

imr_lift imr_stand(double standing[IMR_STAGE_COUNT], const float similarity[IMR_STAGE_COUNT],
                   const imr_reference reference[IMR_STAGE_COUNT])
{
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        standing[k] = reference[k].sd > 0
                          ? ((double)similarity[k] - reference[k].mean) / reference[k].sd
                          : (double)NAN;
    const double encoder = standing[IMR_STAGE_ENCODER], before = standing[IMR_STAGE_BEFORE];
    const double after = standing[IMR_STAGE_AFTER];
    return (imr_lift){after - encoder, before - encoder, after - before};
}

/* ---- words that were read ---- */

/* Adds the words of a text that were read (or those that were not), and the tokens they are made
 * of: what the rows of any table are looked up in. */
static imr_status spell(imr_strmap *out, const imr_reading *t, const imr_encoder *e, bool read,
                        imr_error *err)
{
    for (size_t i = 0; i < t->tokens.n; i++) {
        const imr_token *token = &t->tokens.v[i];
        if (token->word == IMR_NO_WORD || token->start < t->prefix ||
            (token->end <= t->read_end) != read)
            continue;
        const char *word = imr_tokens_word(&t->tokens, token->word);
        const char *piece = imr_encoder_token_text(e, token->id);
        if (!imr_strmap_add(out, word, strlen(word), 1, NULL, NULL) ||
            !imr_strmap_add(out, piece, strlen(piece), 1, NULL, NULL))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static imr_status find_unread(imr_why *why, const imr_why_input *in, const imr_strmap *read,
                              imr_arena *arena, imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap rest = {0};
    const imr_tokens *query = &in->query->tokens;
    if (!query->n || in->document->read.read == in->document->read.total)
        return IMR_OK;
    IMR_TRY(spell(&rest, in->document, in->encoder, false, err));
    why->unread = IMR_ARENA_ARRAY(arena, const char *, query->n);
    IMR_NEED(why->unread, err);
    for (size_t i = 0; i < query->n; i++) {
        if (query->v[i].word == IMR_NO_WORD || query->v[i].start < in->query->prefix)
            continue;
        const char *word = imr_tokens_word(query, query->v[i].word);
        const size_t len = strlen(word);
        if (!imr_word_is_named(word) || !imr_strmap_get(&rest, word, len, NULL) ||
            imr_strmap_get(read, word, len, NULL))
            continue;
        const char *kept = imr_line_keep(word, len, arena);
        IMR_NEED(kept, err);
        bool known = false;
        for (size_t k = 0; k < why->n_unread; k++)
            known |= strcmp(why->unread[k], kept) == 0;
        if (!known)
            why->unread[why->n_unread++] = kept;
    }
    return IMR_OK;
}

/* ---- what the changes say ---- */

/* out [m]: the mean of unit(d_i'). */
static void mean_unit(float *out, const imr_why_run *r)
{
    for (size_t i = 0; i < r->k; i++) {
        const float *d = r->d_after + i * r->m;
        const double norm = fmax(imr_nn_norm(d, r->m), IMR_NN_UNIT_FLOOR);
        for (size_t j = 0; j < r->m; j++)
            out[j] += (float)((double)d[j] / norm / (double)r->k);
    }
}

static void find_words(imr_word_list *l, const imr_strmap *query, const imr_strmap *document)
{
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < (side ? l->n_negative : l->n_positive); i++) {
            imr_word_score *w = &(side ? l->negative : l->positive)[i];
            const size_t len = strlen(w->text);
            w->where =
                (imr_where)((imr_strmap_get(query, w->text, len, NULL) ? IMR_IN_QUERY : 0) |
                            (imr_strmap_get(document, w->text, len, NULL) ? IMR_IN_DOCUMENT : 0));
        }
}

static imr_status list_words(imr_why *why, imr_word_list *query_words, const imr_why_input *in,
                             imr_arena *arena, const imr_progress *progress, imr_error *err)
{
    static const imr_change_kind changes[] = {IMR_CHANGE_PAPER, IMR_CHANGE_OWN, IMR_CHANGE_UNIT};
    static const imr_change_kind alone[] = {IMR_CHANGE_VECTOR};
    const imr_why_run *r = in->run;
    const imr_why_table *t = &in->table;
    imr_word_list lists[2][IMR_CHANGE_COUNT] = {0}; /* document, query */
    imr_word_subject subjects[2] = {{.after = in->document_base, .common = t->query_common},
                                    {.after = r->query_base, .common = t->query_common}};
    const imr_word_settings settings = {.kinds = r->m ? changes : alone,
                                        .n_kinds = r->m ? IMR_LEN(changes) : IMR_LEN(alone),
                                        .order = t->order,
                                        .words = t->words};
    IMR_AUTOFREE double *common = IMR_NEW_ARRAY(double, r->m);
    IMR_AUTOFREE float *other = IMR_NEW_ARRAY(float, 2 * r->m);
    IMR_NEED(common && other, err);
    lists[1][IMR_CHANGE_OWN].common_part = t->query_common ? t->query_common_part : NAN;
    if (r->m) {
        imr_nn_unit(other, r->q_after, r->m);
        mean_unit(other + r->m, r);
        imr_change_common(common, &lists[0][IMR_CHANGE_OWN].common_part,
                          imr_view_of(r->d, r->k, r->m), imr_view_of(r->d_after, r->k, r->m));
        if (imr_why_is_adapted(in))
            subjects[0] = (imr_word_subject){.before = r->d + in->place * r->m,
                                             .after = r->d_after + in->place * r->m,
                                             .common = common,
                                             .other = other};
        subjects[1] = (imr_word_subject){
            .before = r->q, .after = r->q_after, .common = t->query_common, .other = other + r->m};
    }
    subjects[0].background = t->document;
    subjects[1].background = t->query;
    const size_t skip = r->m && !imr_why_is_adapted(in); /* of it there is no change */
    IMR_TRY(imr_word_lists(lists + skip, t->lens, subjects + skip, 2 - skip, &settings, arena,
                           progress, err));
    if (!t->query_common) /* nothing was sampled: what is the query's own is not known */
        lists[1][IMR_CHANGE_OWN] = (imr_word_list){.common_part = NAN};
    memcpy(why->words, lists[0], sizeof lists[0]);
    memcpy(query_words, lists[1], sizeof lists[1]);
    return IMR_OK;
}

/* ---- shares of the change ---- */

static imr_status share(imr_why *why, const imr_why_input *in, imr_arena *arena, imr_error *err)
{
    const imr_why_run *r = in->run;
    const size_t m = r->m;
    const imr_pair pair = {r->q, r->d + in->place * m, r->q_after, r->d_after + in->place * m, m};
    why->share_residual =
        imr_contribution_sides(&why->share_query, &why->share_document, &pair).residual;
    if (imr_form_scales(in->weights->form) && !r->query_blend && !r->document_blend) {
        const imr_gates gates = {r->document_scale, r->document_bias, r->query_scale,
                                 r->query_bias};
        why->steps_residual = imr_contribution_steps(why->steps, &pair, &gates).residual;
        why->has_steps = true;
    }
    IMR_AUTOFREE double *shares = IMR_NEW_ARRAY(double, 3 * m);
    uint32_t top[DIMENSIONS];
    IMR_NEED(shares, err);
    double *before = shares + m, *after = shares + 2 * m;
    imr_contribution_dimensions(shares, before, after, &pair);
    why->n_dimensions = imr_contribution_top(top, DIMENSIONS, shares, m);
    why->dimensions = IMR_ARENA_ARRAY(arena, struct imr_why_dimension, why->n_dimensions);
    IMR_NEED(why->dimensions, err);
    for (size_t i = 0; i < why->n_dimensions; i++)
        why->dimensions[i] = (struct imr_why_dimension){
            top[i], (float)before[top[i]], (float)after[top[i]], (float)shares[top[i]]};
    return IMR_OK;
}

static imr_status say(imr_why *why, const imr_why_input *in, imr_arena *arena, imr_error *err)
{
    IMR_AUTOBUF imr_buf text = {0};
    imr_sentence_facts facts = {.adapter = in->weights != NULL,
                                .passed = in->passed,
                                .alone = in->alone ? in->similarity : NULL,
                                .why = why};
    memcpy(facts.rank, in->rank, sizeof facts.rank);
    imr_sentence_document(&text, &facts);
    IMR_TRY(imr_buf_check(&text, err));
    why->sentence = imr_arena_strndup(arena, imr_buf_text(&text), text.len);
    return why->sentence ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_why_make(imr_why *out, imr_word_list query_words[IMR_CHANGE_COUNT],
                        const imr_why_input *in, imr_arena *arena, const imr_progress *progress,
                        imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap query = {0};
    IMR_CLEANUP(imr_strmap_done) imr_strmap document = {0};
    imr_why why = {.query_tokens = in->query->read, .document_tokens = in->document->read};
    why.lift = imr_stand(why.standing, in->similarity, in->reference);
    if (!imr_progress_step(progress, "joining words", 0, 0))
        return imr_fail(err, IMR_E_CANCELLED, "a why was cancelled");
    why.pairs.problem = in->problem;
    if (!in->problem[0]) {
        IMR_TRY(imr_pairs_make(&why.pairs, in, arena, err));
        IMR_TRY(imr_pairs_strongest(&why.strongest, &why.n_strongest, &why.pairs, arena, err));
    }
    if (imr_why_is_adapted(in))
        IMR_TRY(share(&why, in, arena, err));
    IMR_TRY(spell(&query, in->query, in->encoder, true, err));
    IMR_TRY(spell(&document, in->document, in->encoder, true, err));
    IMR_TRY(find_unread(&why, in, &document, arena, err));
    if (in->table.lens)
        IMR_TRY(list_words(&why, query_words, in, arena, progress, err));
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT && in->table.lens; kind++) {
        find_words(&why.words[kind], &query, &document);
        find_words(&query_words[kind], &query, &document);
    }
    IMR_TRY(say(&why, in, arena, err));
    *out = why;
    return IMR_OK;
}
