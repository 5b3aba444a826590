#include "explain/contribution.h"

#include <math.h>

#include "base/attr.h"
#include "math/nn.h"

static double cosine_of(double dot, double xx, double yy)
{
    return xx > 0 && yy > 0 ? dot / (sqrt(xx) * sqrt(yy)) : 0;
}

static double cosine(const float *x, const float *y, size_t m)
{
    return cosine_of(imr_nn_dot(x, y, m), imr_nn_dot(x, x, m), imr_nn_dot(y, y, m));
}

/* cos(x*scale + bias, y); bias NULL stands for zeros. */
IMR_CPU_CLONES
static double gated_cosine(const float *x, const float *scale, const float *bias, const float *y,
                           size_t m)
{
    double xy = 0, xx = 0;
#pragma omp simd reduction(+ : xy, xx)
    for (size_t j = 0; j < m; j++) {
        double v = (double)x[j] * (double)scale[j] + (bias ? (double)bias[j] : 0);
        xy += v * (double)y[j];
        xx += v * v;
    }
    return cosine_of(xy, xx, imr_nn_dot(y, y, m));
}

static double inverse_norm(const float *x, size_t m)
{
    double xx = imr_nn_dot(x, x, m);
    return xx > 0 ? 1 / sqrt(xx) : 0;
}

static imr_share_check check_of(double sum, const imr_pair *p)
{
    double delta = cosine(p->q_after, p->d_after, p->m) - cosine(p->q, p->d, p->m);
    return (imr_share_check){sum, delta, delta - sum};
}

imr_share_check imr_contribution_dimensions(double *shares, double *before, double *after,
                                            const imr_pair *pair)
{
    const size_t m = pair->m;
    const double q = inverse_norm(pair->q, m), d = inverse_norm(pair->d, m);
    const double q_after = inverse_norm(pair->q_after, m), d_after = inverse_norm(pair->d_after, m);
    double sum = 0;
    for (size_t j = 0; j < m; j++) {
        double old = (double)pair->q[j] * q * ((double)pair->d[j] * d);
        double new = (double)pair->q_after[j] * q_after *((double)pair->d_after[j] * d_after);
        shares[j] = new - old;
        sum += shares[j];
        if (before)
            before[j] = old;
        if (after)
            after[j] = new;
    }
    return check_of(sum, pair);
}

size_t imr_contribution_top(uint32_t *index, size_t k, const double *shares, size_t m)
{
    if (k > m)
        k = m;
    size_t n = 0;
    for (size_t j = 0; j < m && k > 0; j++) {
        double size = fabs(shares[j]);
        if (n == k && !(size > fabs(shares[index[n - 1]])))
            continue;
        size_t at = n < k ? n++ : n - 1;
        for (; at > 0 && size > fabs(shares[index[at - 1]]); at--)
            index[at] = index[at - 1];
        index[at] = (uint32_t)j;
    }
    return n;
}

imr_share_check imr_contribution_sides(double *query, double *document, const imr_pair *pair)
{
    const size_t m = pair->m;
    const double f00 = cosine(pair->q, pair->d, m), f10 = cosine(pair->q_after, pair->d, m);
    const double f01 = cosine(pair->q, pair->d_after, m);
    const double f11 = cosine(pair->q_after, pair->d_after, m);
    *query = (f10 - f00 + f11 - f01) / 2;
    *document = (f01 - f00 + f11 - f10) / 2;
    return check_of(*query + *document, pair);
}

const char *imr_step_name(imr_step stage)
{
    static const char *const names[IMR_STEP_COUNT] = {
        "projected", "doc scale", "doc bias", "doc norm", "query scale", "query bias", "query norm",
    };
    return names[stage];
}

imr_share_check imr_contribution_steps(imr_step_share out[IMR_STEP_COUNT], const imr_pair *pair,
                                       const imr_gates *gates)
{
    const size_t m = pair->m;
    const imr_gates *g = gates;
    out[IMR_STEP_PROJECTED].cosine = cosine(pair->q, pair->d, m);
    out[IMR_STEP_DOC_SCALE].cosine = gated_cosine(pair->d, g->doc_scale, NULL, pair->q, m);
    out[IMR_STEP_DOC_BIAS].cosine = gated_cosine(pair->d, g->doc_scale, g->doc_bias, pair->q, m);
    out[IMR_STEP_DOC_NORM].cosine = cosine(pair->q, pair->d_after, m);
    out[IMR_STEP_QUERY_SCALE].cosine =
        gated_cosine(pair->q, g->query_scale, NULL, pair->d_after, m);
    out[IMR_STEP_QUERY_BIAS].cosine =
        gated_cosine(pair->q, g->query_scale, g->query_bias, pair->d_after, m);
    out[IMR_STEP_QUERY_NORM].cosine = cosine(pair->q_after, pair->d_after, m);
    out[IMR_STEP_PROJECTED].change = 0;
    double sum = 0;
    for (size_t i = 1; i < IMR_STEP_COUNT; i++) {
        out[i].change = out[i].cosine - out[i - 1].cosine;
        sum += out[i].change;
    }
    return check_of(sum, pair);
}
