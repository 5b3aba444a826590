#include "encoder/transformer.h"

#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/mem.h"
#include "math/blas.h"
#include "math/nn.h"

enum { BATCH_TEXTS = 512 };

/* The working memory of one call. */
typedef struct work {
    const imr_encoder *e;
    const imr_transformer *t;
    imr_tokens tokens;
    IMR_ARRAY(uint32_t) ids;        /* of the batch's tokens */
    IMR_ARRAY(uint32_t) places;     /* their positions */
    size_t starts[BATCH_TEXTS + 1]; /* of its texts */
    size_t texts, longest;
    size_t room, room_longest; /* tokens and longest text there is memory for */
    float *x, *y;              /* [room, hidden] */
    float *wide;               /* [room, max(3 hidden, inner)] */
    float *scratch;            /* of the attention */
    float *heads[2];           /* [room_texts, widest] */
    size_t room_texts;
    const imr_progress *progress;
    size_t done, total; /* texts */
} work;

static void work_done(work *w)
{
    imr_tokens_done(&w->tokens);
    imr_free(w->ids.v);
    imr_free(w->places.v);
    imr_free(w->x);
    imr_free(w->y);
    imr_free(w->wide);
    imr_free(w->scratch);
    imr_free(w->heads[0]);
    imr_free(w->heads[1]);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static imr_status make_room(work *w, imr_error *err)
{
    const imr_transformer_config *c = &w->t->config;
    size_t tokens = w->ids.n;
    if (tokens > w->room) {
        imr_free(w->x);
        imr_free(w->y);
        imr_free(w->wide);
        w->room = 0;
        w->x = imr_alloc_aligned(tokens * c->hidden, sizeof *w->x);
        w->y = imr_alloc_aligned(tokens * c->hidden, sizeof *w->y);
        w->wide = imr_alloc_aligned(tokens * larger(3 * c->hidden, c->inner), sizeof *w->wide);
        if (!w->x || !w->y || !w->wide)
            return imr_fail_memory(err);
        w->room = tokens;
    }
    if (w->longest > w->room_longest || !w->scratch) {
        size_t width = c->hidden / c->heads;
        imr_free(w->scratch);
        w->scratch = imr_alloc_aligned(imr_layer_threads() * imr_layer_scratch(w->longest, width),
                                       sizeof *w->scratch);
        if (!w->scratch)
            return imr_fail_memory(err);
        w->room_longest = w->longest;
    }
    return IMR_OK;
}

/* ---- a batch of tokens ---- */

static void embed(work *w)
{
    const imr_transformer *t = w->t;
    size_t hidden = t->config.hidden;
    imr_layer_norm norm = {t->embedding_gain, t->embedding_shift, t->config.eps};
    for (size_t i = 0; i < w->ids.n; i++)
        imr_layer_norm_row(w->x + i * hidden, w->e->rows + w->ids.v[i] * hidden,
                           t->position + w->places.v[i] * hidden, t->type, hidden, &norm);
}

/* out = x w' for the batch's rows; bias follows with the step after it. */
static void dense(float *out, const float *x, size_t rows, size_t in, const float *w, size_t outs)
{
    imr_blas_gemm(out, outs, 1, imr_view_of(x, rows, in), IMR_PLAIN, imr_view_of(w, outs, in),
                  IMR_TRANSPOSED, 0);
}

static void run_layer(work *w, const imr_transformer_layer *l)
{
    const imr_transformer_config *c = &w->t->config;
    size_t rows = w->ids.n, hidden = c->hidden, inner = c->inner;
    imr_layer_norm middle = {l->attention_gain, l->attention_shift, c->eps};
    imr_layer_norm last = {l->gain, l->shift, c->eps};
    dense(w->wide, w->x, rows, hidden, l->qkv, 3 * hidden);
    imr_attention a = {.heads = c->heads,
                       .width = hidden / c->heads,
                       .qkv = w->wide,
                       .bias = l->qkv_bias,
                       .starts = w->starts,
                       .sequences = w->texts,
                       .longest = w->room_longest,
                       .relative = w->t->relative,
                       .reach = w->e->max_tokens,
                       .scratch = w->scratch};
    imr_layer_attention(w->y, &a);
    /* The queries, keys and values are done with: their memory takes the product. */
    dense(w->wide, w->y, rows, hidden, l->out, hidden);
    imr_layer_add_norm(w->x, w->wide, l->out_bias, rows, hidden, &middle);
    dense(w->wide, w->x, rows, hidden, l->up, inner);
    imr_layer_gelu(w->wide, rows, inner, l->up_bias);
    dense(w->y, w->wide, rows, inner, l->down, hidden);
    imr_layer_add_norm(w->x, w->y, l->down_bias, rows, hidden, &last);
}

/* ---- from tokens to vectors ---- */

static void activate(float *v, size_t n, imr_activation activation)
{
    switch (activation) {
    case IMR_ACTIVATION_TANH:
        imr_nn_tanh(v, n);
        break;
    case IMR_ACTIVATION_RELU:
        imr_nn_relu(v, n);
        break;
    case IMR_ACTIVATION_SIGMOID:
        imr_nn_sigmoid(v, n);
        break;
    default:
        break;
    }
}

/* Memory for the vectors between pooling and the last step. */
static imr_status make_heads(work *w, imr_error *err)
{
    size_t widest = w->t->pool.n * w->t->config.hidden;
    for (size_t i = 0; i < w->t->n_steps; i++)
        widest = larger(widest, w->t->steps[i].out);
    for (size_t i = 0; i < 2 && w->texts > w->room_texts; i++) {
        imr_free(w->heads[i]);
        w->heads[i] = imr_alloc_aligned(w->texts * widest, sizeof *w->heads[i]);
        if (!w->heads[i])
            return imr_fail_memory(err);
    }
    w->room_texts = larger(w->room_texts, w->texts);
    return IMR_OK;
}

/* out [texts, e->dim] */
static void finish(work *w, float *out)
{
    const imr_transformer *t = w->t;
    size_t hidden = t->config.hidden, width = t->pool.n * hidden;
    float *v = w->heads[0], *other = w->heads[1];
    for (size_t i = 0; i < w->texts; i++)
        imr_pool_rows(v + i * width, &t->pool, w->x + w->starts[i] * hidden,
                      w->starts[i + 1] - w->starts[i], hidden);
    for (size_t i = 0; i < t->n_steps; i++) {
        const imr_transformer_step *s = &t->steps[i];
        if (!s->w) {
            imr_nn_unit_rows(v, imr_view_of(v, w->texts, width));
            continue;
        }
        imr_nn_linear(other, imr_view_of(v, w->texts, width), imr_view_of(s->w, s->out, s->in),
                      s->bias);
        width = s->out;
        activate(other, w->texts * width, s->activation);
        float *swap = v;
        v = other;
        other = swap;
    }
    memcpy(out, v, w->texts * width * sizeof *out);
}

static imr_status watch(const work *w, imr_error *err)
{
    if (imr_progress_step(w->progress, "encoding texts", w->done, w->total))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "stopped after %zu of %zu texts", w->done, w->total);
}

/* Encodes the texts collected, out being the row of the first of them, and forgets them. */
static imr_status run_batch(work *w, float *out, imr_error *err)
{
    const imr_transformer *t = w->t;
    IMR_TRY(make_room(w, err));
    IMR_TRY(make_heads(w, err));
    embed(w);
    for (size_t i = 0; i < t->config.layers; i++) {
        run_layer(w, &t->layers[i]);
        if (i + 1 < t->config.layers)
            IMR_TRY(watch(w, err));
    }
    finish(w, out);
    size_t bad = imr_view_first_bad(imr_view_of(out, w->texts, w->e->dim));
    if (bad < w->texts * w->e->dim)
        return imr_fail(err, IMR_E_NUMERIC,
                        "text %zu: its vector is not finite: the encoder's weights overflow",
                        w->done + bad / w->e->dim);
    w->done += w->texts;
    w->texts = w->longest = 0;
    w->ids.n = w->places.n = 0;
    return watch(w, err);
}

/* ---- texts to batches ---- */

/* What a call encodes: texts, or token ids each alone. */
typedef struct input {
    const char *const *texts;
    const size_t *lens;
    const uint32_t *ids; /* NULL: texts */
} input;

static imr_status read_input(work *w, const input *in, size_t i, imr_error *err)
{
    if (in->ids)
        return imr_tokenizer_alone(w->e->tokenizer, in->ids[i], &w->tokens, err);
    imr_encode_options o = {.special = true, .max_ids = w->e->max_tokens};
    return imr_tokenizer_encode(w->e->tokenizer, in->texts[i], in->lens[i], &o, &w->tokens, err);
}

static imr_status add_text(work *w, const input *in, size_t index, size_t *known, imr_error *err)
{
    const imr_transformer_config *c = &w->t->config;
    IMR_TRY(read_input(w, in, index, err));
    size_t n = w->tokens.n, plain = 0;
    uint32_t place = (uint32_t)c->first_position;
    if (!IMR_GROW(&w->ids, n) || !IMR_GROW(&w->places, n))
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = w->tokens.v[i].id;
        bool pad = w->t->family->positions_after_pad && id == c->pad;
        w->ids.v[w->ids.n++] = id;
        w->places.v[w->places.n++] = pad ? (uint32_t)c->pad : place++;
        plain += !(imr_tokenizer_flags(w->e->tokenizer, id) & IMR_TOKEN_SPECIAL);
    }
    w->starts[w->texts++] = w->ids.n - n;
    w->starts[w->texts] = w->ids.n;
    w->longest = larger(w->longest, n);
    *known = plain;
    return IMR_OK;
}

static imr_status encode_texts(work *w, const input *in, float *out, size_t *known, imr_error *err)
{
    for (size_t i = 0; i < w->total; i++) {
        size_t plain = 0;
        imr_error why;
        imr_status status = add_text(w, in, i, &plain, &why);
        if (status != IMR_OK)
            return imr_fail(err, status, "text %zu: %s", i, why.text);
        if (known)
            known[i] = plain;
        if (w->ids.n >= IMR_TRANSFORMER_BATCH || w->texts == BATCH_TEXTS || i + 1 == w->total)
            IMR_TRY(run_batch(w, out + w->done * w->e->dim, err));
    }
    return IMR_OK;
}

imr_status imr_transformer_encode(const imr_encoder *e, const char *const *texts,
                                  const size_t *lens, size_t count, float *out, size_t *known,
                                  const imr_progress *progress, imr_error *err)
{
    work w = {.e = e, .t = e->transformer, .progress = progress, .total = count};
    input in = {.texts = texts, .lens = lens};
    imr_status status = encode_texts(&w, &in, out, known, err);
    work_done(&w);
    return status;
}

imr_status imr_transformer_encode_tokens(const imr_encoder *e, const uint32_t *ids, size_t count,
                                         float *out, const imr_progress *progress, imr_error *err)
{
    work w = {.e = e, .t = e->transformer, .progress = progress, .total = count};
    input in = {.ids = ids};
    imr_status status = encode_texts(&w, &in, out, NULL, err);
    work_done(&w);
    return status;
}
