/*
 * One query and one document alone, as explain() of the authors' package 0.2.
 *
 * The document is the only candidate (K = 1), so the query's change comes from it alone; there is
 * no average candidate to compare it with, and shares are in cosine units (method.md section 3b).
 * Beside our words stands the list their package prints:
 *
 *     cosine_t = cos(P+ delta, E_t) ,  E: the encoder's own table `input`, pieces as they are,
 *     the largest |cosine_t| first, special tokens left out;  delta: kind `paper`
 */
#include <math.h>

#include "math/nn.h"
#include "math/topk.h"
#include "session/internal.h"

static imr_status encode(imr_session *s, imr_trace_pair *p, const char *document, imr_error *err)
{
    imr_token_count count;
    if (!document[strspn(document, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "the document of the pair is empty");
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "'%.80s' is no document of the cache, and a text takes an encoder: %s",
                        document, s->facts.encoder_problem);
    IMR_TRY(
        imr_session_encode(s, p->base, &count, s->cache->encoder.passage_prefix, document, err));
    return count.known ? IMR_OK
                       : imr_fail(err, IMR_E_UNSUPPORTED,
                                  "no word of the document is known to the encoder (%s)",
                                  s->facts.encoder_name);
}

imr_status imr_pair_find(imr_session *s, imr_trace *t, const char *document, imr_error *err)
{
    imr_trace_pair *p = t->pair = IMR_ARENA_ARRAY(t->arena, imr_trace_pair, 1);
    IMR_NEED(p && (p->base = IMR_ARENA_ARRAY(t->arena, float, s->cache->dim)), err);
    const imr_cache *c = imr_cache_of(s, t);
    if (imr_ids_find(&c->documents.ids, document, &p->row))
        return imr_cache_read_rows(c, p->row, 1, p->base, err);
    p->row = UINT32_MAX;
    p->text = imr_arena_strdup(t->arena, document);
    return p->text ? encode(s, p, document, err) : imr_fail_memory(err);
}

/* ---- the list of their package ---- */

static imr_status nearest(imr_trace_token **out, size_t *n, const imr_session *s, imr_trace *t,
                          const float *before, const float *after, imr_error *err)
{
    const imr_backprojector *b = &s->words.back;
    const imr_view rows = imr_encoder_token_rows(s->encoder);
    IMR_AUTOFREE double *delta = IMR_NEW_ARRAY(double, b->m + b->n + b->rank);
    IMR_AUTOFREE float *direction = IMR_NEW_ARRAY(float, b->n + 2 * rows.rows);
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, t->settings.tokens);
    *out = IMR_ARENA_ARRAY(t->arena, imr_trace_token, t->settings.tokens);
    *n = 0;
    IMR_NEED(delta && direction && order && *out, err);
    double *base = delta + b->m, length = 0;
    float *cosine = direction + b->n, *size = cosine + rows.rows;
    for (size_t j = 0; j < b->m; j++)
        length += fabs(delta[j] = (double)after[j] - (double)before[j]);
    if (length <= 0)
        return IMR_OK; /* nothing changed: no word is near it */
    imr_backproject(base, b, delta, base + b->n);
    for (size_t j = 0; j < b->n; j++)
        direction[j] = (float)base[j];
    for (size_t i = 0; i < rows.rows; i++) {
        const bool special = s->encoder->tokenizer->flags[i] & IMR_TOKEN_SPECIAL;
        cosine[i] = special ? NAN : (float)imr_nn_cosine(direction, imr_view_row(&rows, i), b->n);
        size[i] = fabsf(cosine[i]);
    }
    const size_t found = imr_topk(order, t->settings.tokens, size, rows.rows, NULL);
    for (; *n < found && !isnan(size[order[*n]]); ++*n) {
        const char *text = imr_encoder_token_text(s->encoder, order[*n]);
        (*out)[*n] = (imr_trace_token){imr_trace_keep(t->arena, text), cosine[order[*n]]};
        IMR_NEED((*out)[*n].text, err);
    }
    return IMR_OK;
}

imr_status imr_pair_tokens(const imr_session *s, imr_trace *t, imr_error *err)
{
    const imr_why_run *r = &t->run;
    imr_trace_pair *p = t->pair;
    if (!s->adapter || !s->encoder || imr_encoder_token_rows(s->encoder).cols != r->n ||
        s->words.back.m != r->m)
        return IMR_OK;
    IMR_TRY(nearest(&p->query, &p->n_query, s, t, r->q, r->q_after, err));
    return nearest(&p->document, &p->n_document, s, t, r->d, r->d_after, err);
}
