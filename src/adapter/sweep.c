#include "adapter/sweep.h"

#include <math.h>
#include <string.h>

#include "adapter/run_private.h"
#include "base/mem.h"
#include "math/nn.h"

enum { BLOCK = 4096 };
#define WORTH_THREADS ((size_t)1 << 20) /* see nn.c */

/* Weights of the linear and quadratic sums, [m] each, in the notation of sweep.h. */
typedef struct coefficients {
    size_t m;
    const float *s, *sb, *g2s, *g2sb, *gbes;     /* linear in d */
    const float *s2, *g2s2;                      /* in d^2 */
    double b, b2, g2, g2b, g2b2, gbe, gbeb, be2; /* sums that do not depend on d */
} coefficients;

/* What the first sweep keeps of a document. */
typedef struct summary {
    float mean, inverse_sd, inverse_norm, inverse_base;
} summary;

typedef struct row_sums {
    float s, sb, g2s, g2sb, gbes, s2, g2s2, d2;
} row_sums;

IMR_CPU_CLONES
static void sum_row(row_sums *out, const coefficients *c, const float *d)
{
    const float *cs = c->s, *csb = c->sb, *cg2s = c->g2s, *cg2sb = c->g2sb, *cgbes = c->gbes;
    const float *cs2 = c->s2, *cg2s2 = c->g2s2;
    float s = 0, sb = 0, g2s = 0, g2sb = 0, gbes = 0, s2 = 0, g2s2 = 0, d2 = 0;
#pragma omp simd reduction(+ : s, sb, g2s, g2sb, gbes, s2, g2s2, d2)
    for (size_t j = 0; j < c->m; j++) {
        float x = d[j], square = x * x;
        s += cs[j] * x;
        sb += csb[j] * x;
        g2s += cg2s[j] * x;
        g2sb += cg2sb[j] * x;
        gbes += cgbes[j] * x;
        s2 += cs2[j] * square;
        g2s2 += cg2s2[j] * square;
        d2 += square;
    }
    *out = (row_sums){s, sb, g2s, g2sb, gbes, s2, g2s2, d2};
}

static summary summarise(const coefficients *c, const row_sums *r)
{
    double m = (double)c->m, mean = ((double)r->s + c->b) / m;
    double var = ((double)r->s2 + 2 * (double)r->sb + c->b2) / m - mean * mean;
    double sd2 = fmax(var, 0.0) + IMR_NN_LAYERNORM_EPS, inverse = 1.0 / sqrt(sd2);
    double a = (double)r->g2s2 + 2 * (double)r->g2sb + c->g2b2;
    double b = (double)r->g2s + c->g2b, cc = (double)r->gbes + c->gbeb;
    double norm2 = (a - 2 * mean * b + mean * mean * c->g2) / sd2 +
                   2 * (cc - mean * c->gbe) * inverse + c->be2;
    /* A NaN must come out as one: fmax would hide it. */
    double norm = sqrt(norm2 < 0 ? 0 : norm2), base = sqrt((double)r->d2);
    return (summary){(float)mean, (float)(isnan(var) ? var : inverse),
                     (float)(1.0 / (norm < IMR_NN_UNIT_FLOOR ? IMR_NN_UNIT_FLOOR : norm)),
                     (float)(1.0 / (base < IMR_NN_UNIT_FLOOR ? IMR_NN_UNIT_FLOOR : base))};
}

IMR_CPU_CLONES
static void add_scaled(float *restrict sum, const float *restrict d, float by, size_t m)
{
#pragma omp simd
    for (size_t j = 0; j < m; j++)
        sum[j] += d[j] * by;
}

/* vectors: 7 m floats of memory for the coefficients. */
static coefficients derive(float *vectors, const imr_weights *w, const imr_adapter_result *r)
{
    size_t m = w->m;
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    coefficients c = {.m = m};
    for (size_t j = 0; j < m; j++) {
        double s = (double)r->scale_q[j], b = (double)r->bias_q[j];
        double gj = (double)g[j], bej = (double)be[j], g2 = gj * gj;
        vectors[j] = (float)s;
        vectors[m + j] = (float)(s * b);
        vectors[2 * m + j] = (float)(g2 * s);
        vectors[3 * m + j] = (float)(g2 * s * b);
        vectors[4 * m + j] = (float)(gj * bej * s);
        vectors[5 * m + j] = (float)(s * s);
        vectors[6 * m + j] = (float)(g2 * s * s);
        c.b += b;
        c.b2 += b * b;
        c.g2 += g2;
        c.g2b += g2 * b;
        c.g2b2 += g2 * b * b;
        c.gbe += gj * bej;
        c.gbeb += gj * bej * b;
        c.be2 += bej * bej;
    }
    c.s = vectors, c.sb = vectors + m, c.g2s = vectors + 2 * m, c.g2sb = vectors + 3 * m;
    c.gbes = vectors + 4 * m, c.s2 = vectors + 5 * m, c.g2s2 = vectors + 6 * m;
    return c;
}

/* Mean of d' from the blocks' sums of d_i/sd_i and the summaries. */
static void finish_mean(float *mean, const imr_weights *w, const imr_adapter_result *r,
                        const summary *sums, size_t n, const float *partial, size_t blocks)
{
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    double a = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        a += (double)sums[i].inverse_sd;
        c += (double)sums[i].mean * (double)sums[i].inverse_sd;
    }
    for (size_t j = 0; j < w->m; j++) {
        double total = 0;
        for (size_t b = 0; b < blocks; b++)
            total += (double)partial[b * w->m + j];
        double inner = (double)r->scale_q[j] * total + (double)r->bias_q[j] * a - c;
        mean[j] = (float)((double)g[j] * inner / (double)n + (double)be[j]);
    }
}

/* Row i as float32, in `wide` [m] when it is stored otherwise. */
static const float *row_of(float *wide, imr_rows d, size_t i)
{
    if (!d.half)
        return imr_rows_at(d, i);
    imr_rows_get(wide, d, i);
    return wide;
}

static void first_sweep(const coefficients *c, imr_rows d, float *wide, summary *sums,
                        float *partial, size_t blocks)
{
    size_t m = c->m;
#pragma omp parallel for schedule(static) if (d.rows * m > WORTH_THREADS)
    for (size_t b = 0; b < blocks; b++) {
        float *sum = partial + b * m;
        size_t end = (b + 1) * BLOCK < d.rows ? (b + 1) * BLOCK : d.rows;
        for (size_t i = b * BLOCK; i < end; i++) {
            const float *row = row_of(wide + b * m, d, i);
            row_sums r;
            sum_row(&r, c, row);
            sums[i] = summarise(c, &r);
            add_scaled(sum, row, sums[i].inverse_sd, m);
        }
    }
}

IMR_CPU_CLONES
static void two_dots(float *x, float *y, const float *a, const float *b, const float *d, size_t m)
{
    float s = 0, t = 0;
#pragma omp simd reduction(+ : s, t)
    for (size_t j = 0; j < m; j++) {
        s += a[j] * d[j];
        t += b[j] * d[j];
    }
    *x = s;
    *y = t;
}

/* tgs: [m] of memory for t*g*s; hat: [m] for unit(q). */
static void second_sweep(const imr_weights *w, const imr_adapter_result *r, imr_rows d, float *wide,
                         const summary *sums, float *tgs, float *hat, float *before, float *after)
{
    size_t m = w->m;
    const float *g = imr_weight(w, IMR_W_DOC_NORM), *be = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    double tgb = 0, tg = 0, tbe = 0;
    imr_nn_unit(tgs, r->q_mod, m);
    imr_nn_unit(hat, r->q, m);
    for (size_t j = 0; j < m; j++) {
        double t = (double)tgs[j];
        tg += t * (double)g[j];
        tgb += t * (double)g[j] * (double)r->bias_q[j];
        tbe += t * (double)be[j];
        tgs[j] = (float)(t * (double)g[j] * (double)r->scale_q[j]);
    }
    size_t blocks = (d.rows + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static) if (d.rows * m > WORTH_THREADS)
    for (size_t b = 0; b < blocks; b++) {
        size_t end = (b + 1) * BLOCK < d.rows ? (b + 1) * BLOCK : d.rows;
        for (size_t i = b * BLOCK; i < end; i++) {
            float dot, plain;
            two_dots(&dot, &plain, tgs, hat, row_of(wide + b * m, d, i), m);
            double x = ((double)dot + tgb - (double)sums[i].mean * tg) * (double)sums[i].inverse_sd;
            after[i] = (float)((x + tbe) * (double)sums[i].inverse_norm);
            before[i] = plain * sums[i].inverse_base;
        }
    }
}

static imr_status sweep_diagonal(const imr_weights *w, imr_rows d, imr_adapter_result *r,
                                 float *before, float *after, imr_error *err)
{
    size_t m = w->m, blocks = (d.rows + BLOCK - 1) / BLOCK;
    IMR_AUTOFREE float *vectors = imr_alloc_aligned(7 * m, sizeof *vectors);
    IMR_AUTOFREE float *partial = imr_alloc_aligned(blocks, m * sizeof *partial);
    IMR_AUTOFREE float *wide = imr_alloc_aligned(d.half ? blocks : 1, m * sizeof *wide);
    IMR_AUTOFREE summary *sums = imr_alloc_aligned(d.rows, sizeof *sums);
    if (!vectors || !partial || !wide || !sums)
        return imr_fail_memory(err);
    coefficients c = derive(vectors, w, r);
    first_sweep(&c, d, wide, sums, partial, blocks);
    finish_mean(r->d_mean, w, r, sums, d.rows, partial, blocks);
    imr_run_doc_net(w, d, r);
    second_sweep(w, r, d, wide, sums, vectors, vectors + m, before, after);
    return IMR_OK;
}

imr_status imr_adapter_score_sweep(const imr_adapter *a, const float *q, imr_rows d,
                                   imr_adapter_result *r, float *before, float *after,
                                   imr_error *err)
{
    assert(a->usable);
    const imr_weights *w = &a->w;
    IMR_TRY(imr_run_check(w, d, err));
    IMR_TRY(imr_run_prepare(r, w, q, 0, err));
    imr_run_query_net(w, r);
    if (w->form == IMR_FORM_FULL) {
        imr_run_doc_net(w, d, r);
        IMR_TRY(imr_adapter_score(a, r, d, before, after, err));
    } else {
        IMR_TRY(sweep_diagonal(w, d, r, before, after, err));
    }
    return imr_run_check_scores(before, after, d.rows, err);
}
