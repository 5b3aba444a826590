#include "explain/shares.h"

#include <math.h>

#include "math/blas.h"
#include "math/nn.h"

void imr_share_rows_done(imr_share_rows *r)
{
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        imr_matrix_done(&r->stage[k]);
}

/* total [cols] = the sum of all rows. */
static void add_up(double *total, const imr_matrix *rows)
{
    for (size_t j = 0; j < rows->cols; j++)
        total[j] = 0;
    for (size_t i = 0; i < rows->rows; i++) {
        const float *row = imr_matrix_row(rows, i);
        for (size_t j = 0; j < rows->cols; j++)
            total[j] += (double)row[j];
    }
}

/* Divides all rows by the length of their sum. */
static imr_status to_unit(imr_matrix *rows, double *total, imr_error *err)
{
    add_up(total, rows);
    const double norm = sqrt(imr_nn_dot_double(total, total, rows->cols));
    if (!isfinite(norm) || norm <= IMR_NN_UNIT_FLOOR)
        return imr_fail(err, IMR_E_NUMERIC, "the words of the text add up to %s",
                        isfinite(norm) ? "nothing" : "a vector that is not finite");
    for (size_t i = 0; i < rows->rows * rows->cols; i++)
        rows->v[i] = (float)((double)rows->v[i] / norm);
    return IMR_OK;
}

/* Adds v [cols] to the last row; NULL: nothing. */
static void add_to_last(imr_matrix *rows, const float *v)
{
    float *last = imr_matrix_row(rows, rows->rows - 1);
    for (size_t j = 0; v && j < rows->cols; j++)
        last[j] += v[j];
}

/* out = rows w' without the last row's bias, which is added: bias [cols] or NULL. */
static imr_status through(imr_matrix *out, const imr_matrix *rows, imr_view w, const float *bias,
                          imr_error *err)
{
    IMR_TRY(imr_matrix_init(out, rows->rows, w.rows, err));
    imr_blas_gemm(out->v, out->cols, 1, imr_matrix_view(rows), IMR_PLAIN, w, IMR_TRANSPOSED, 0);
    add_to_last(out, bias);
    return IMR_OK;
}

static double row_mean(const float *row, size_t m)
{
    double mean = 0;
    for (size_t j = 0; j < m; j++)
        mean += (double)row[j] / (double)m;
    return mean;
}

/* 1/sd of a vector, as a layer norm computes it. */
static double inverse_sd(const double *x, size_t m)
{
    double mean = 0, square = 0;
    for (size_t j = 0; j < m; j++)
        mean += x[j] / (double)m;
    for (size_t j = 0; j < m; j++)
        square += (x[j] - mean) * (x[j] - mean) / (double)m;
    return 1 / sqrt(square + IMR_NN_LAYERNORM_EPS);
}

/* The layer norm, row by row: what it subtracts and divides by is linear once sd is known. */
static void normalise(imr_matrix *rows, double *total, const imr_share_side *side)
{
    const size_t m = rows->cols;
    add_up(total, rows);
    const double inverse = inverse_sd(total, m);
    for (size_t i = 0; i < rows->rows; i++) {
        float *row = imr_matrix_row(rows, i);
        const double mean = row_mean(row, m);
        for (size_t j = 0; j < m; j++)
            row[j] = (float)(((double)row[j] - mean) * (double)side->gain[j] * inverse);
    }
    add_to_last(rows, side->shift);
}

/* x becomes (1 - by) old + by x, without the dimensions left out. */
static void blend(double *x, const double *old, const imr_blend *b, size_t m)
{
    for (size_t j = 0; j < m; j++)
        x[j] = (1 - b->by) * old[j] + b->by * x[j];
    for (size_t j = 0; j < b->n_dims; j++)
        x[b->dims[j]] = 0;
}

/* The same of the rows whose sums are the unit vectors. */
static imr_status blend_rows(imr_matrix *after, const imr_matrix *before, const imr_blend *b,
                             double *total, imr_error *err)
{
    const size_t m = after->cols;
    for (size_t i = 0; i < after->rows; i++) {
        float *row = imr_matrix_row(after, i);
        const float *old = imr_matrix_row(before, i);
        for (size_t j = 0; j < m; j++)
            row[j] = (float)((1 - b->by) * (double)old[j] + b->by * (double)row[j]);
        for (size_t j = 0; j < b->n_dims; j++)
            row[b->dims[j]] = 0;
    }
    return to_unit(after, total, err);
}

static imr_status adapt(imr_share_rows *r, const imr_matrix *base, const imr_share_side *side,
                        double *total, imr_error *err)
{
    imr_matrix *before = &r->stage[IMR_STAGE_BEFORE], *after = &r->stage[IMR_STAGE_AFTER];
    const size_t m = side->projector.rows;
    IMR_TRY(through(before, base, side->projector, side->projector_bias, err));
    if (side->weight) /* of P x as it is, without being divided */
        IMR_TRY(through(after, before, imr_view_of(side->weight, m, m), side->bias, err));
    IMR_TRY(to_unit(before, total, err));
    if (!side->weight) {
        IMR_TRY(imr_matrix_init(after, before->rows, m, err));
        for (size_t i = 0; i < before->rows; i++)
            for (size_t j = 0; j < m; j++)
                after->v[i * m + j] = before->v[i * m + j] * side->scale[j];
        add_to_last(after, side->bias);
    }
    normalise(after, total, side);
    IMR_TRY(to_unit(after, total, err));
    return side->blend ? blend_rows(after, before, side->blend, total, err) : IMR_OK;
}

imr_status imr_share_rows_init(imr_share_rows *out, imr_view words, const float *extra,
                               const imr_share_side *side, imr_error *err)
{
    const size_t n = words.cols, m = side ? side->projector.rows : 0;
    IMR_CLEANUP(imr_share_rows_done) imr_share_rows r = {0};
    IMR_CLEANUP(imr_matrix_done) imr_matrix base = {0};
    IMR_AUTOFREE double *total = IMR_NEW_ARRAY(double, n > m ? n : m);
    IMR_NEED(total, err);
    IMR_TRY(imr_matrix_init(&base, words.rows + 1, n, err));
    for (size_t i = 0; i < words.rows; i++)
        memcpy(imr_matrix_row(&base, i), imr_view_row(&words, i), n * sizeof *base.v);
    if (extra)
        memcpy(imr_matrix_row(&base, words.rows), extra, n * sizeof *base.v);
    if (side)
        IMR_TRY(adapt(&r, &base, side, total, err));
    IMR_TRY(to_unit(&base, total, err));
    r.stage[IMR_STAGE_ENCODER] = IMR_TAKE(base);
    *out = IMR_TAKE(r);
    return IMR_OK;
}

/* ---- the average candidate ---- */

void imr_share_average_done(imr_share_average *a)
{
    imr_free(a->memory);
    *a = (imr_share_average){0};
}

/* What a candidate is before the layer norm: W P x + b, or d * s + b. */
static imr_status before_norm(imr_matrix *out, const imr_why_run *c, const imr_share_side *side,
                              imr_error *err)
{
    const size_t m = side->projector.rows;
    IMR_TRY(imr_matrix_init(out, c->k, m, err));
    if (side->weight)
        imr_blas_gemm(out->v, m, 1, imr_view_of(c->d, c->k, m), IMR_PLAIN,
                      imr_view_of(side->weight, m, m), IMR_TRANSPOSED, 0);
    for (size_t i = 0; i < c->k; i++)
        for (size_t j = 0; j < m; j++) {
            float *y = &out->v[i * m + j];
            *y = (side->weight ? *y : c->d[i * m + j] * side->scale[j]) + side->bias[j];
        }
    return IMR_OK;
}

/* Divides both by the length of x. */
static void divide(double *x, double *row, size_t m)
{
    const double by = 1 / fmax(sqrt(imr_nn_dot_double(x, x, m)), IMR_NN_UNIT_FLOOR);
    for (size_t j = 0; j < m; j++) {
        x[j] *= by;
        row[j] *= by;
    }
}

/* A candidate before the layer norm and its last row there become its unit vector and its last row
 * at the stage after. before: 2 [m], the same at that stage. */
static void finish(double *x, double *row, const double *before, const imr_share_side *side)
{
    const size_t m = side->projector.rows;
    double mean = 0, own = 0;
    for (size_t j = 0; j < m; j++) {
        mean += x[j] / (double)m;
        own += row[j] / (double)m;
    }
    const double inverse = inverse_sd(x, m);
    for (size_t j = 0; j < m; j++) {
        const double gain = (double)side->gain[j] * inverse, shift = (double)side->shift[j];
        x[j] = (x[j] - mean) * gain + shift;
        row[j] = (row[j] - own) * gain + shift;
    }
    divide(x, row, m);
    if (!side->blend)
        return;
    blend(x, before, side->blend, m);
    blend(row, before + m, side->blend, m);
    divide(x, row, m);
}

/* rest [m]: P e + c; full: scaled [m] is W of it. scratch [4 m] */
static imr_status average_adapted(imr_share_average *a, const imr_why_run *c, const double *rest,
                                  const double *scaled, const imr_share_side *side, double *scratch,
                                  imr_error *err)
{
    const size_t m = side->projector.rows;
    double *before = scratch, *after = scratch + 2 * m; /* a unit vector, then its last row */
    IMR_CLEANUP(imr_matrix_done) imr_matrix sums = {0};
    IMR_TRY(before_norm(&sums, c, side, err));
    for (size_t i = 0; i < c->k; i++) {
        const float *d = c->d + i * m, *sum = imr_matrix_row(&sums, i);
        const double norm = fmax(imr_nn_norm(d, m), IMR_NN_UNIT_FLOOR);
        /* d has unit length but in form full, whose d is P x. */
        const double by = side->weight ? norm : c->norms ? (double)c->norms[i] : 1;
        for (size_t j = 0; j < m; j++) {
            before[j] = (double)d[j] / norm;
            before[m + j] = rest[j] / by;
            after[j] = (double)sum[j];
            after[m + j] = (side->weight ? scaled[j] : rest[j] / by * (double)side->scale[j]) +
                           (double)side->bias[j];
        }
        finish(after, after + m, before, side);
        for (imr_stage k = IMR_STAGE_BEFORE; k <= IMR_STAGE_AFTER; k++)
            for (size_t j = 0; j < m; j++) {
                const double *x = k == IMR_STAGE_BEFORE ? before : after;
                a->rest[k][j] += x[m + j] / (double)c->k;
                a->words[k][j] += (x[j] - x[m + j]) / (double)c->k;
            }
    }
    return IMR_OK;
}

static double dot(const float *row, const double *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += (double)row[j] * x[j];
    return sum;
}

imr_status imr_share_average_init(imr_share_average *out, const imr_why_run *run,
                                  const float *extra, const imr_share_side *side, imr_error *err)
{
    const size_t n = run->n, m = side ? side->projector.rows : 0;
    IMR_CLEANUP(imr_share_average_done) imr_share_average a = {0};
    IMR_AUTOFREE double *rest = IMR_NEW_ARRAY(double, 6 * m);
    a.memory = IMR_NEW_ARRAY(double, 2 * n + 4 * m);
    IMR_NEED(a.memory && rest, err);
    double *at = a.memory;
    for (imr_stage k = 0; k < (side ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        const size_t cols = k == IMR_STAGE_ENCODER ? n : m;
        a.words[k] = at;
        a.rest[k] = at + cols;
        at += 2 * cols;
    }
    for (size_t j = 0; j < n; j++) {
        a.rest[IMR_STAGE_ENCODER][j] = extra ? (double)extra[j] : 0;
        a.words[IMR_STAGE_ENCODER][j] = run->base_mean[j] - a.rest[IMR_STAGE_ENCODER][j];
    }
    for (size_t j = 0; j < m; j++) /* P e + c */
        rest[j] = (extra ? imr_nn_dot(imr_view_row(&side->projector, j), extra, n) : 0) +
                  (side->projector_bias ? (double)side->projector_bias[j] : 0);
    for (size_t j = 0; j < m && side->weight && extra; j++)
        rest[m + j] = dot(side->weight + j * m, rest, m);
    if (side)
        IMR_TRY(average_adapted(&a, run, rest, rest + m, side, rest + 2 * m, err));
    *out = IMR_TAKE(a);
    return IMR_OK;
}

/* ---- pairs ---- */

imr_status imr_share_pairs(double *raw, double *centred, const imr_share_rows *query,
                           const imr_share_rows *document, imr_stage stage, const float *weight,
                           const imr_share_average *average, imr_error *err)
{
    const imr_matrix *q = &query->stage[stage], *d = &document->stage[stage];
    IMR_AUTOFREE float *products = imr_alloc_aligned(q->rows * d->rows, sizeof *products);
    IMR_NEED(products, err);
    imr_blas_gemm(products, d->rows, 1, imr_matrix_view(q), IMR_PLAIN, imr_matrix_view(d),
                  IMR_TRANSPOSED, 0);
    for (size_t i = 0; i < q->rows * d->rows; i++)
        raw[i] = (double)products[i];
    for (size_t a = 0; centred && a < q->rows; a++) {
        const float *row = imr_matrix_row(q, a);
        const double words = dot(row, average->words[stage], q->cols);
        double *out = centred + a * d->rows;
        for (size_t b = 0; b + 1 < d->rows; b++)
            out[b] = raw[a * d->rows + b] - (double)weight[b] * words;
        out[d->rows - 1] = raw[(a + 1) * d->rows - 1] - dot(row, average->rest[stage], q->cols);
    }
    return IMR_OK;
}
