#include "explain/change.h"

#include <math.h>

#include "math/nn.h"

const char *imr_change_kind_name(imr_change_kind kind)
{
    static const char *const names[] = {"paper", "own", "unit", "vector"};
    return names[kind];
}

imr_change_factors imr_change_factors_of(imr_change_kind kind, double norm_before,
                                         double norm_after)
{
    if (kind == IMR_CHANGE_VECTOR)
        return (imr_change_factors){1, 0};
    if (kind != IMR_CHANGE_UNIT && kind != IMR_CHANGE_OWN)
        return (imr_change_factors){1, 1};
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
