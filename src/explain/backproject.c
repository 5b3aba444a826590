#include "explain/backproject.h"

#include "base/mem.h"

imr_status imr_backprojector_init(imr_backprojector *out, imr_view weight, imr_error *err)
{
    IMR_CLEANUP(imr_backprojector_done) imr_backprojector b = {.m = weight.rows, .n = weight.cols};
    IMR_TRY(imr_svd_init(&b.svd, weight, err));
    b.rank = b.svd.rank;
    if (b.rank == 0)
        return imr_fail(err, IMR_E_NUMERIC,
                        "projector weight [%zu,%zu] is zero everywhere; nothing can be projected "
                        "back: use an adapter that was trained",
                        b.m, b.n);
    IMR_TRY(imr_matrix_init(&b.basis, b.rank, b.n, err));
    for (size_t i = 0; i < b.rank * b.n; i++)
        b.basis.v[i] = (float)b.svd.vt[i];
    *out = b;
    b = (imr_backprojector){0};
    return IMR_OK;
}

imr_status imr_backprojector_identity(imr_backprojector *out, size_t n, imr_error *err)
{
    IMR_CLEANUP(imr_backprojector_done) imr_backprojector b = {.m = n, .n = n, .rank = n};
    b.svd = (imr_svd){.k = n, .condition = 1};
    b.svd.u = IMR_NEW_ARRAY(double, n *n);
    b.svd.s = IMR_NEW_ARRAY(double, n);
    b.svd.vt = IMR_NEW_ARRAY(double, n *n);
    if (!b.svd.u || !b.svd.s || !b.svd.vt)
        return imr_fail_memory(err);
    IMR_TRY(imr_matrix_init(&b.basis, n, n, err));
    for (size_t i = 0; i < n; i++) {
        b.svd.u[i * n + i] = b.svd.vt[i * n + i] = b.svd.s[i] = 1;
        b.basis.v[i * n + i] = 1;
    }
    *out = b;
    b = (imr_backprojector){0};
    return IMR_OK;
}

void imr_backprojector_done(imr_backprojector *b)
{
    imr_svd_done(&b->svd);
    imr_matrix_done(&b->basis);
    *b = (imr_backprojector){0};
}

IMR_CPU_CLONES
void imr_backproject_left(double *out, const imr_backprojector *b, const double *x)
{
    const size_t r = b->rank;
    for (size_t k = 0; k < r; k++)
        out[k] = 0;
    for (size_t j = 0; j < b->m; j++) {
        const double *row = b->svd.u + j * b->svd.k;
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
        out[k] /= b->svd.s[k];
}

void imr_backproject(double *out, const imr_backprojector *b, const double *x, double *scratch)
{
    imr_backproject_coordinates(scratch, b, x);
    for (size_t i = 0; i < b->n; i++)
        out[i] = 0;
    for (size_t k = 0; k < b->rank; k++)
        for (size_t i = 0; i < b->n; i++)
            out[i] += scratch[k] * b->svd.vt[k * b->n + i];
}
