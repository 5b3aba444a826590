#include "encoder/token_sum.h"

#include <math.h>

#include "encoder/encoder_kind.h"
#include "encoder/transformer.h"
#include "math/nn.h"

void imr_token_sum_done(imr_token_sum *s)
{
    imr_tokens_done(&s->tokens);
    IMR_FREE(s->rows, s->extra, s->vector);
    *s = (imr_token_sum){0};
}

const char *imr_encoder_sum_problem(const imr_encoder *e)
{
    const imr_transformer *t = e->transformer;
    for (size_t i = 0; t && i < t->pool.n; i++) {
        if (t->pool.modes[i] == IMR_POOL_CLS)
            return "the encoder takes the vector of the first token (CLS pooling), which is no sum "
                   "over words";
        if (t->pool.modes[i] == IMR_POOL_MAX)
            return "the encoder takes the largest value of each dimension (max pooling), which is "
                   "no sum over words";
    }
    for (size_t i = 0; t && i < t->n_steps; i++)
        if (t->steps[i].w && t->steps[i].activate)
            return "a Dense module with an activation follows the pooling, so the vector is no sum "
                   "over words";
    return "";
}

size_t imr_encoder_outputs(const imr_encoder *e)
{
    const imr_transformer *t = e->transformer;
    return *imr_encoder_sum_problem(e) ? 0 : !t ? e->dim : t->pool.n == 1 ? t->config.hidden : 0;
}

imr_status imr_encoder_through_dense(imr_matrix *v, const imr_encoder *e, imr_error *err)
{
    const imr_transformer *t = e->transformer;
    for (size_t i = 0; t && i < t->n_steps; i++) {
        const imr_transformer_step *d = &t->steps[i];
        if (!d->w)
            continue;
        IMR_TRY(imr_transformer_dense(&v->v, v->rows, d, NULL, err));
        v->cols = d->out;
    }
    return IMR_OK;
}

/* ---- static encoders ---- */

static imr_status sum_rows(imr_token_sum *s, const imr_encoder *e, imr_error *err)
{
    double *sum IMR_AUTOFREE = IMR_NEW_ARRAY(double, s->n);
    IMR_NEED(sum, err);
    const double scale = imr_static_sum(e, &s->tokens, sum);
    for (size_t b = 0; b < s->tokens.n; b++) {
        const uint32_t id = s->tokens.v[b].id;
        const bool none = imr_static_leaves_out(e, id);
        const float *row = e->rows + (size_t)id * s->n;
        for (size_t j = 0; j < s->n; j++)
            s->rows[b * s->n + j] = none ? 0 : (float)((double)row[j] * scale);
    }
    return IMR_OK;
}

/* ---- transformers ---- */

/* What the encoder tells of its one text. */
typedef struct hearing {
    float *rows;
    const imr_pool *pool;
} hearing;

/* Each token's part of what pooling gives: [read, modes * hidden]. */
static void hear(void *user, size_t text, imr_view rows)
{
    (void)text;
    const hearing *h = user;
    float *out = h->rows;
    for (size_t b = 0; b < rows.rows; b++) {
        for (size_t m = 0; m < h->pool->n; m++, out += rows.cols) {
            const double scale = imr_pool_weight(h->pool->modes[m], rows.rows);
            for (size_t j = 0; j < rows.cols; j++)
                out[j] = (float)((double)imr_view_row(&rows, b)[j] * scale);
        }
    }
}

static void scale_to_unit(imr_token_sum *s, size_t width)
{
    double square = 0;
    for (size_t j = 0; j < width; j++) {
        double sum = (double)s->extra[j];
        for (size_t b = 0; b < s->tokens.n; b++)
            sum += (double)s->rows[b * width + j];
        square += sum * sum;
    }
    const double scale = 1 / fmax(sqrt(square), IMR_NN_UNIT_FLOOR);
    for (size_t i = 0; i < s->tokens.n * width; i++)
        s->rows[i] = (float)((double)s->rows[i] * scale);
    for (size_t j = 0; j < width; j++)
        s->extra[j] = (float)((double)s->extra[j] * scale);
}

static imr_status sum_outputs(imr_token_sum *s, const imr_transformer *t, imr_error *err)
{
    size_t width = t->pool.n * t->config.hidden;
    for (size_t i = 0; i < t->n_steps; i++) {
        const imr_transformer_step *d = &t->steps[i];
        if (!d->w) {
            scale_to_unit(s, width);
            continue;
        }
        IMR_TRY(imr_transformer_dense(&s->rows, s->tokens.n, d, NULL, err));
        IMR_TRY(imr_transformer_dense(&s->extra, 1, d, d->bias, err));
        width = d->out;
    }
    return IMR_OK;
}

static imr_status make(imr_token_sum *s, const imr_encoder *e, const char *text, size_t len,
                       const imr_progress *progress, imr_error *err)
{
    const imr_transformer *t = e->transformer;
    const size_t width = t ? t->pool.n * t->config.hidden : e->dim;
    const imr_status status = imr_encoder_read_tokens(&s->tokens, e, text, len, err);
    if (status != IMR_OK)
        return t ? imr_error_prefix(err, status, "text 0") : status;
    s->read_end = len;
    if (s->tokens.n < s->tokens.total) {
        s->read_end = 0;
        for (size_t i = 0; i < s->tokens.n; i++)
            if (s->tokens.v[i].end > s->tokens.v[i].start)
                s->read_end = s->tokens.v[i].end;
    }
    s->extra = IMR_NEW_ARRAY(float, width);
    s->rows = imr_alloc_aligned(s->tokens.n * width, sizeof *s->rows);
    s->vector = IMR_NEW_ARRAY(float, e->dim);
    IMR_NEED(s->extra && s->rows && s->vector, err);
    hearing h = {s->rows, t ? &t->pool : NULL}; /* a static encoder tells nothing */
    const imr_encoder_listener listener = {.heard = hear, .user = &h};
    IMR_TRY(imr_encoder_encode_heard(e, &text, &len, 1, s->vector, &s->count, &listener, progress,
                                     err));
    return t ? sum_outputs(s, t, err) : sum_rows(s, e, err);
}

imr_status imr_encoder_token_sum(imr_token_sum *out, const imr_encoder *e, const char *text,
                                 size_t len, const imr_progress *progress, imr_error *err)
{
    const char *problem = imr_encoder_sum_problem(e);
    if (*problem)
        return imr_fail(err, IMR_E_UNSUPPORTED, "%s", problem);
    IMR_CLEANUP(imr_token_sum_done) imr_token_sum s = {.n = e->dim};
    IMR_TRY(make(&s, e, text, len, progress, err));
    return IMR_GIVE(out, s);
}
