#include "explain/backproject.h"

#include <float.h>
#include <math.h>

#include "base/mem.h"

/* For m, n and rank. */
static imr_status allocate(imr_backprojector *b, imr_error *err)
{
    b->left = IMR_NEW_ARRAY(double, b->m * b->rank);
    b->singular = IMR_NEW_ARRAY(double, b->rank);
    b->basis = IMR_NEW_ARRAY(double, b->rank * b->n);
    if (!b->left || !b->singular || !b->basis)
        return imr_fail_memory(err);
    return imr_matrix_init(&b->basis_f, b->rank, b->n, err);
}

static imr_status fill(imr_backprojector *b, const imr_svd *svd, imr_error *err)
{
    const size_t longest = svd->rows > svd->cols ? svd->rows : svd->cols;
    const double floor = (double)longest * DBL_EPSILON * svd->s[0];
    size_t r = 0;
    while (r < svd->k && svd->s[r] > floor)
        r++;
    if (r == 0)
        return imr_fail(err, IMR_E_NUMERIC,
                        "projector weight [%zu,%zu] is zero everywhere; nothing can be projected "
                        "back: use an adapter that was trained",
                        svd->rows, svd->cols);
    b->m = svd->rows;
    b->n = svd->cols;
    b->rank = r;
    b->condition = r < svd->k ? (double)INFINITY : svd->s[0] / svd->s[r - 1];
    IMR_TRY(allocate(b, err));
    for (size_t j = 0; j < b->m; j++)
        for (size_t k = 0; k < r; k++)
            b->left[j * r + k] = svd->u[j * svd->k + k];
    for (size_t k = 0; k < r; k++)
        b->singular[k] = svd->s[k];
    for (size_t i = 0; i < r * b->n; i++) {
        b->basis[i] = svd->vt[i];
        b->basis_f.v[i] = (float)svd->vt[i];
    }
    return IMR_OK;
}

imr_status imr_backprojector_init(imr_backprojector *out, imr_view weight, imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    IMR_TRY(imr_svd_init(&svd, weight, err));
    imr_backprojector b = {0};
    imr_status status = fill(&b, &svd, err);
    if (status != IMR_OK) {
        imr_backprojector_done(&b);
        return status;
    }
    *out = b;
    return IMR_OK;
}

imr_status imr_backprojector_identity(imr_backprojector *out, size_t n, imr_error *err)
{
    imr_backprojector b = {.m = n, .n = n, .rank = n, .condition = 1};
    const imr_status status = allocate(&b, err);
    if (status != IMR_OK) {
        imr_backprojector_done(&b);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        b.left[i * n + i] = b.basis[i * n + i] = b.singular[i] = 1;
        b.basis_f.v[i * n + i] = 1;
    }
    *out = b;
    return IMR_OK;
}

void imr_backprojector_done(imr_backprojector *b)
{
    imr_free(b->left);
    imr_free(b->singular);
    imr_free(b->basis);
    imr_matrix_done(&b->basis_f);
    *b = (imr_backprojector){0};
}

IMR_CPU_CLONES
void imr_backproject_left(double *out, const imr_backprojector *b, const double *x)
{
    const size_t r = b->rank;
    for (size_t k = 0; k < r; k++)
        out[k] = 0;
    for (size_t j = 0; j < b->m; j++) {
        const double *row = b->left + j * r;
        const double xj = x[j];
#pragma omp simd
        for (size_t k = 0; k < r; k++)
            out[k] += xj * row[k];
    }
}

void imr_backproject_coordinates(double *out, const imr_backprojector *b, const double *x)
{
    imr_backproject_left(out, b, x);
    for (size_t k = 0; k < b->rank; k++)
        out[k] /= b->singular[k];
}

void imr_backproject(double *out, const imr_backprojector *b, const double *x, double *scratch)
{
    imr_backproject_coordinates(scratch, b, x);
    for (size_t i = 0; i < b->n; i++)
        out[i] = 0;
    for (size_t k = 0; k < b->rank; k++) {
        const double *row = b->basis + k * b->n;
        for (size_t i = 0; i < b->n; i++)
            out[i] += scratch[k] * row[i];
    }
}
