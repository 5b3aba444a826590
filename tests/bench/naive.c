/* The adapter as method.md section 1 writes it: one loop a sum, double throughout. */
#include <math.h>

#include "adapter/weights.h"
#include "base/mem.h"
#include "tests/bench/bench.h"

static double unit_floor(double squares)
{
    return fmax(sqrt(squares), 1e-12);
}

static void linear(double *out, const imr_weights *w, imr_weight_id id, const double *x)
{
    const imr_view v = imr_weight_view(w, id);
    const float *bias = imr_weight(w, (imr_weight_id)(id + 1));
    for (size_t i = 0; i < v.rows; i++) {
        out[i] = (double)bias[i];
        for (size_t j = 0; j < v.cols; j++)
            out[i] += (double)v.v[i * v.stride + j] * x[j];
    }
}

/* scratch [2h + 2m]; the result is its last 2m. */
static const double *hyper(double *scratch, const imr_weights *w, imr_weight_id first,
                           const double *x)
{
    double *h1 = scratch, *h2 = scratch + w->h, *out = scratch + 2 * w->h;
    linear(h1, w, first, x);
    for (size_t i = 0; i < w->h; i++)
        h1[i] = fmax(h1[i], 0);
    linear(h2, w, (imr_weight_id)(first + 2), h1);
    for (size_t i = 0; i < w->h / 2; i++)
        h2[i] = fmax(h2[i], 0);
    linear(out, w, (imr_weight_id)(first + 4), h2);
    for (size_t i = 0; i < w->m; i++) {
        out[i] = 1 / (1 + exp(-out[i]));
        out[w->m + i] = tanh(out[w->m + i]);
    }
    return out;
}

/* out = LN(x * gate + shift). */
static void modulate(double *out, const imr_weights *w, imr_weight_id norm, const double *x,
                     const double *gate)
{
    const size_t m = w->m;
    const float *gain = imr_weight(w, norm), *shift = imr_weight(w, (imr_weight_id)(norm + 1));
    double mean = 0, variance = 0;
    for (size_t j = 0; j < m; j++)
        mean += (out[j] = x[j] * gate[j] + gate[m + j]) / (double)m;
    for (size_t j = 0; j < m; j++)
        variance += (out[j] - mean) * (out[j] - mean) / (double)m;
    for (size_t j = 0; j < m; j++)
        out[j] = (double)gain[j] * (out[j] - mean) / sqrt(variance + 1e-5) + (double)shift[j];
}

void bench_naive_run(double *after, const imr_weights *w, const float *q, imr_view d)
{
    const size_t m = w->m, k = d.rows;
    double *x = bench_alloc(2 * m + 2 * w->h + 2 * m, sizeof *x);
    double *mean = x + m, *scratch = mean + m;
    double *modulated = bench_alloc((k + 1) * m, sizeof *modulated), *query = modulated + k * m;
    for (size_t j = 0; j < m; j++)
        x[j] = (double)q[j];
    const double *gate = hyper(scratch, w, IMR_W_QUERY_1, x);
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < m; j++)
            x[j] = (double)d.v[i * d.stride + j];
        modulate(modulated + i * m, w, IMR_W_DOC_NORM, x, gate);
        for (size_t j = 0; j < m; j++)
            mean[j] += modulated[i * m + j] / (double)k;
    }
    gate = hyper(scratch, w, IMR_W_DOC_1, mean);
    for (size_t j = 0; j < m; j++)
        x[j] = (double)q[j];
    modulate(query, w, IMR_W_QUERY_NORM, x, gate);
    for (size_t i = 0; i < k; i++) {
        double dot = 0, a = 0, b = 0;
        for (size_t j = 0; j < m; j++) {
            dot += query[j] * modulated[i * m + j];
            a += query[j] * query[j];
            b += modulated[i * m + j] * modulated[i * m + j];
        }
        after[i] = dot / (unit_floor(a) * unit_floor(b));
    }
    imr_free(x);
    imr_free(modulated);
}
