/* The text of one document and what each token in it does. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/nn.h"
#include "session/internal.h"
#include "text/utf8.h"

/* Scores of the spans' tokens in this document's change; spans have their ids. */
static imr_status score(imr_session *s, const imr_trace *t, size_t place, imr_detail *d,
                        imr_error *err)
{
    const size_t m = t->working_dim, n = d->n_spans;
    IMR_AUTOFREE uint32_t *ids = IMR_NEW_ARRAY(uint32_t, n);
    IMR_AUTOFREE imr_token_score *scores = IMR_NEW_ARRAY(imr_token_score, n);
    IMR_AUTOFREE float *query_unit = IMR_NEW_ARRAY(float, m);
    IMR_AUTOFREE uint32_t *query_ids = NULL;
    size_t n_query = 0;
    if (!ids || !scores || !query_unit)
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        ids[i] = d->spans[i].id;
    imr_nn_unit(query_unit, t->q_after, m);
    const imr_shift shift = {t->d + place * m, t->d_after + place * m, query_unit, NULL};
    IMR_TRY(imr_attribution_tokens(scores, ids, n, &s->words.lens, &shift,
                                   imr_session_change_kind(t->settings.delta), err));
    IMR_TRY(imr_token_set(&query_ids, &n_query, s->words.tokeniser, t->query_text,
                          strlen(t->query_text), err));
    for (size_t i = 0; i < n; i++) {
        d->spans[i].cosine = scores[i].cosine;
        d->spans[i].effect = scores[i].effect;
        d->spans[i].in_query =
            imr_token_occurrence(ids[i], query_ids, n_query, NULL, 0) == IMR_OCCURS_QUERY;
    }
    return IMR_OK;
}

/* Tokens of the shown text, the ones the table hides by default left out. */
static imr_status find_spans(imr_session *s, imr_detail *d, imr_error *err)
{
    imr_tokens tokens = {0};
    IMR_TRY(
        imr_encoder_tokenize(s->words.tokeniser, d->text, strlen(d->text), false, &tokens, err));
    d->spans = IMR_ARENA_ARRAY(d->arena, imr_detail_span, tokens.n);
    for (size_t i = 0; d->spans && i < tokens.n; i++) {
        const imr_token *token = &tokens.v[i];
        if (token->id >= s->words.table.rows.rows || s->words.table.hidden[token->id])
            continue;
        d->spans[d->n_spans++] =
            (imr_detail_span){.start = token->start, .end = token->end, .id = token->id};
    }
    imr_tokens_done(&tokens);
    return d->spans ? IMR_OK : imr_fail_memory(err);
}

static imr_status fill(imr_session *s, const imr_trace *t, size_t place, imr_detail *d,
                       imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0}, text = {0}, clean = {0};
    const imr_trace_document *document = &t->documents[place];
    IMR_TRY(imr_cache_document(s->cache, document->row, &title, &text, err));
    imr_utf8_clean(&clean, imr_buf_text(&text), text.len, IMR_CLEAN_NEWLINES);
    IMR_TRY(imr_buf_check(&clean, err));
    d->document_id = imr_arena_strdup(d->arena, document->id);
    d->title = imr_arena_strdup(d->arena, document->title);
    d->text = imr_arena_strndup(d->arena, imr_buf_text(&clean), clean.len);
    if (!d->document_id || !d->title || !d->text)
        return imr_fail_memory(err);
    if (!s->words.ready || !d->text[0])
        return IMR_OK;
    IMR_TRY(find_spans(s, d, err));
    return d->n_spans ? score(s, t, place, d, err) : IMR_OK;
}

imr_status imr_session_detail(imr_session *s, const imr_trace *t, size_t place, imr_detail **out,
                              imr_error *err)
{
    imr_arena *arena = imr_arena_new();
    imr_detail *d = arena ? IMR_ARENA_ARRAY(arena, imr_detail, 1) : NULL;
    if (!d) {
        imr_arena_free(arena);
        return imr_fail_memory(err);
    }
    d->arena = arena;
    d->serial = t->serial;
    imr_status status = fill(s, t, place, d, err);
    if (status != IMR_OK) {
        imr_detail_free(d);
        return status;
    }
    *out = d;
    return IMR_OK;
}
