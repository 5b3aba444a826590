#include "explain/change.h"

#include <math.h>

#include "math/nn.h"

const char *const imr_change_kind_names[] = {"paper", "own", "unit", "vector", "contrast"};

imr_change_factors imr_change_factors_of(imr_change_kind kind, double norm_before,
                                         double norm_after)
{
    if (kind == IMR_CHANGE_VECTOR || kind == IMR_CHANGE_PAPER)
        return (imr_change_factors){1, kind == IMR_CHANGE_PAPER};
    return (imr_change_factors){1 / fmax(norm_after, IMR_NN_UNIT_FLOOR),
                                1 / fmax(norm_before, IMR_NN_UNIT_FLOOR)};
}

void imr_change_delta(double *delta, imr_change_kind kind, const float *before, const float *after,
                      size_t m)
{
    const imr_change_factors f =
        imr_change_factors_of(kind, imr_nn_norm(before, m), imr_nn_norm(after, m));
    for (size_t j = 0; j < m; j++)
        delta[j] = f.after * (double)after[j] - f.before * (double)before[j];
}

void imr_change_common(double *mean, float *part, imr_view before, imr_view after)
{
    const size_t m = before.cols;
    double length = 0, square = 0;
    for (size_t j = 0; j < m; j++)
        mean[j] = 0;
    for (size_t i = 0; i < before.rows; i++) {
        const float *x = imr_view_row(&before, i), *y = imr_view_row(&after, i);
        const imr_change_factors f =
            imr_change_factors_of(IMR_CHANGE_UNIT, imr_nn_norm(x, m), imr_nn_norm(y, m));
        double own = 0;
        for (size_t j = 0; j < m; j++) {
            const double delta = f.after * (double)y[j] - f.before * (double)x[j];
            own += delta * delta;
            mean[j] += delta / (double)before.rows;
        }
        length += sqrt(own) / (double)before.rows;
    }
    for (size_t j = 0; j < m; j++)
        square += mean[j] * mean[j];
    if (part)
        *part = length > 0 ? (float)(sqrt(square) / length) : 0;
}

/* ---- shares ---- */

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

const char *const imr_step_names[] = {
    "projected", "doc scale", "doc bias", "doc norm", "query scale", "query bias", "query norm",
};

imr_share_check imr_contribution_steps(imr_step_share out[IMR_STEP_COUNT], const imr_pair *pair,
                                       const imr_gates *gates)
{
    const size_t m = pair->m;
    const imr_gates *g = gates;
    const double cosines[IMR_STEP_COUNT] = {
        cosine(pair->q, pair->d, m),
        gated_cosine(pair->d, g->doc_scale, NULL, pair->q, m),
        gated_cosine(pair->d, g->doc_scale, g->doc_bias, pair->q, m),
        cosine(pair->q, pair->d_after, m),
        gated_cosine(pair->q, g->query_scale, NULL, pair->d_after, m),
        gated_cosine(pair->q, g->query_scale, g->query_bias, pair->d_after, m),
        cosine(pair->q_after, pair->d_after, m),
    };
    double sum = 0;
    for (size_t i = 0; i < IMR_STEP_COUNT; i++) {
        out[i] = (imr_step_share){cosines[i], i ? cosines[i] - cosines[i - 1] : 0};
        sum += out[i].change;
    }
    return check_of(sum, pair);
}
