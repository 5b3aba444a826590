#include "explain/coverage.h"

#include <math.h>

#include "math/nn.h"

/* A shown token whose direction has no more than this (squared) outside the span of those before it
 * adds nothing: F is float32, so what is left of it is rounding. */
#define SPAN_FLOOR 1e-12

/*
 * One step of a Cholesky factorisation L L' of the shown directions' inner products: writes W_token
 * (its coordinates S F_t / reach_t) as row `rows` of basis and fills that row of L. Returns the
 * change's coordinate along what is new in W_token, given those along the rows before
 * (part[0..rows)); NaN when nothing is new.
 */
static double extend(double *basis, double *factor, size_t stride, size_t rows, const double *part,
                     const imr_lens *lens, uint32_t id, const double *change, float *f)
{
    const size_t r = lens->back->rank;
    const double reach = (double)lens->reach[id];
    double *w = basis + rows * r, *l = factor + rows * stride;
    if (!(reach > 0))
        return (double)NAN;
    imr_lens_row(f, lens, id);
    for (size_t k = 0; k < r; k++)
        w[k] = (double)f[k] * lens->back->svd.s[k] / reach;
    double left = imr_nn_dot_double(w, w, r), along = imr_nn_dot_double(w, change, r);
    for (size_t i = 0; i < rows; i++) {
        const double *above = factor + i * stride;
        double g = imr_nn_dot_double(w, basis + i * r, r);
        for (size_t k = 0; k < i; k++)
            g -= l[k] * above[k];
        l[i] = g / above[i];
        left -= l[i] * l[i];
        along -= l[i] * part[i];
    }
    if (left < SPAN_FLOOR)
        return (double)NAN;
    l[rows] = sqrt(left);
    return along / l[rows];
}

double imr_coverage(const uint32_t *ids, size_t n, const double *change, double length,
                    const imr_lens *lens, size_t span, double *basis, double *factor, float *row)
{
    const size_t stride = span + 1;
    double *part = factor + span * stride; /* the one row L does not use */
    if (!(length > 0))
        return 0;
    size_t rows = 0;
    double covered = 0;
    for (size_t i = 0; i < n && rows < span; i++) {
        const double new = extend(basis, factor, stride, rows, part, lens, ids[i], change, row);
        if (isnan(new))
            continue;
        covered += new *new;
        part[rows++] = new;
    }
    return fmin(covered / (length * length), 1);
}
