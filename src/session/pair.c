#include "session/pair.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "explain/backproject.h"
#include "math/nn.h"

static imr_status encode(imr_session *s, imr_trace *t, imr_trace_pair *p, const char *document,
                         imr_error *err)
{
    IMR_AUTOBUF imr_buf whole = {0};
    imr_token_count count;
    if (!document[strspn(document, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "the document of the pair is empty");
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "'%.80s' is no document of the cache, and a text takes an encoder: %s",
                        document, s->facts.encoder_problem);
    imr_buf_str(&whole, imr_cache_encoder(s->cache)->passage_prefix);
    imr_buf_str(&whole, document);
    IMR_TRY(imr_buf_check(&whole, err));
    p->text = imr_arena_strdup(t->arena, document);
    p->base = IMR_ARENA_ARRAY(t->arena, float, imr_cache_dim(s->cache));
    if (!p->text || !p->base)
        return imr_fail_memory(err);
    const char *text = imr_buf_text(&whole);
    IMR_TRY(imr_encoder_encode(s->encoder, &text, &whole.len, 1, p->base, &count, NULL, err));
    return count.known ? IMR_OK
                       : imr_fail(err, IMR_E_UNSUPPORTED,
                                  "no word of the document is known to the encoder (%s)",
                                  s->facts.encoder_name);
}

imr_status imr_pair_find(imr_session *s, imr_trace *t, const char *document, imr_error *err)
{
    imr_trace_pair *p = IMR_ARENA_ARRAY(t->arena, imr_trace_pair, 1);
    if (!p)
        return imr_fail_memory(err);
    t->pair = p;
    if (imr_cache_find_document(s->cache, document, &p->row)) {
        p->base = IMR_ARENA_ARRAY(t->arena, float, imr_cache_dim(s->cache));
        return p->base ? imr_cache_read_rows(s->cache, p->row, 1, p->base, err)
                       : imr_fail_memory(err);
    }
    p->row = UINT32_MAX;
    return encode(s, t, p, document, err);
}

/* ---- the list of their package ---- */

/* Puts a token among the n best so far of at most `most`; returns how many there are then. */
static size_t insert(imr_trace_token *best, size_t n, size_t most, imr_trace_token token)
{
    if (n == most && fabsf(best[n - 1].cosine) >= fabsf(token.cosine))
        return n;
    size_t at = n < most ? n : n - 1;
    for (; at > 0 && fabsf(best[at - 1].cosine) < fabsf(token.cosine); at--)
        best[at] = best[at - 1];
    best[at] = token;
    return n < most ? n + 1 : n;
}

static imr_status nearest(imr_trace_token **out, size_t *n, const imr_session *s, imr_trace *t,
                          const float *before, const float *after, imr_error *err)
{
    const imr_backprojector *b = &s->words.back;
    const imr_view rows = imr_encoder_token_rows(s->encoder);
    const size_t most = t->settings.tokens;
    IMR_AUTOFREE double *delta = IMR_NEW_ARRAY(double, b->m + b->n + b->rank);
    IMR_AUTOFREE float *direction = IMR_NEW_ARRAY(float, b->n);
    *out = IMR_ARENA_ARRAY(t->arena, imr_trace_token, most);
    *n = 0;
    if (!delta || !direction || !*out)
        return imr_fail_memory(err);
    double *base = delta + b->m, length = 0;
    for (size_t j = 0; j < b->m; j++)
        length += fabs(delta[j] = (double)after[j] - (double)before[j]);
    if (length <= 0)
        return IMR_OK; /* nothing changed: no word is near it */
    imr_backproject(base, b, delta, base + b->n);
    for (size_t j = 0; j < b->n; j++)
        direction[j] = (float)base[j];
    for (size_t i = 0; i < rows.rows; i++) {
        if (s->encoder->tokenizer->flags[i] & IMR_TOKEN_SPECIAL)
            continue;
        const float cosine = (float)imr_nn_cosine(direction, imr_view_row(&rows, i), b->n);
        const char *text = imr_encoder_token_text(s->encoder, (uint32_t)i);
        *n = insert(*out, *n, most, (imr_trace_token){text, cosine});
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
    IMR_TRY(nearest(&p->document, &p->n_document, s, t, r->d, r->d_after, err));
    for (size_t i = 0; i < p->n_query + p->n_document; i++) {
        imr_trace_token *token = i < p->n_query ? &p->query[i] : &p->document[i - p->n_query];
        if (!(token->text = imr_trace_keep(t->arena, token->text)))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}
