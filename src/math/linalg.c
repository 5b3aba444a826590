#include "math/linalg.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>

#include <lapacke.h>

#include "base/mem.h"
#include "math/blas.h"

static imr_status check_shape(size_t rows, size_t cols, imr_error *err)
{
    if (rows == 0 || cols == 0 || rows > INT_MAX || cols > INT_MAX)
        return imr_fail(err, IMR_E_SHAPE, "cannot factorise a %zu x %zu matrix", rows, cols);
    return IMR_OK;
}

static imr_status lapack_failed(lapack_int info, const char *what, imr_error *err)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return imr_fail_memory(err);
    return imr_fail(
        err, IMR_E_NUMERIC,
        "%s failed (LAPACK code %d): the matrix holds values that are not finite, or is "
        "too badly scaled",
        what, (int)info);
}

/* ---- singular values ---- */

void imr_svd_done(imr_svd *s)
{
    IMR_FREE(s->u, s->s, s->vt);
    *s = (imr_svd){0};
}

imr_status imr_svd_init(imr_svd *out, imr_view a, imr_error *err)
{
    const size_t rows = a.rows, cols = a.cols, k = rows < cols ? rows : cols;
    IMR_TRY(check_shape(rows, cols, err));
    IMR_CLEANUP(imr_svd_done) imr_svd s = {.rows = rows, .cols = cols, .k = k};
    IMR_AUTOFREE double *copy = imr_alloc_aligned(rows * cols, sizeof *copy);
    IMR_NEED(copy, err);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) {
            copy[i * cols + j] = (double)a.v[i * a.stride + j];
            if (!isfinite(copy[i * cols + j]))
                return imr_fail(err, IMR_E_NUMERIC,
                                "row %zu column %zu is not finite: cannot find singular values", i,
                                j);
        }
    s.u = imr_alloc_aligned(rows * k, sizeof *s.u);
    s.s = imr_alloc_aligned(k, sizeof *s.s);
    s.vt = imr_alloc_aligned(k * cols, sizeof *s.vt);
    IMR_NEED(s.u && s.s && s.vt, err);
    /* Row-major a is column-major a': a' = vt' diag(s) u', so the factors change places and
     * nothing is transposed. */
    lapack_int info =
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (lapack_int)cols, (lapack_int)rows, copy,
                       (lapack_int)cols, s.s, s.vt, (lapack_int)cols, s.u, (lapack_int)k);
    if (info != 0)
        return lapack_failed(info, "singular value decomposition", err);
    const double floor = (double)(rows > cols ? rows : cols) * DBL_EPSILON * s.s[0];
    while (s.rank < k && s.s[s.rank] > floor)
        s.rank++;
    s.condition = s.rank == k ? s.s[0] / s.s[k - 1] : (double)INFINITY;
    return IMR_GIVE(out, s);
}

/* ---- orthogonal factors: row-major a is column-major a', and a' = L Q gives a = Q' L' ---- */

imr_status imr_qr_f(float *a, size_t rows, size_t cols, float *r, imr_error *err)
{
    IMR_TRY(check_shape(rows, cols, err));
    assert(rows >= cols);
    IMR_AUTOFREE float *tau = imr_alloc(cols, sizeof *tau);
    IMR_NEED(tau, err);
    lapack_int m = (lapack_int)cols, n = (lapack_int)rows;
    lapack_int info = LAPACKE_sgelqf(LAPACK_COL_MAJOR, m, n, a, m, tau);
    if (info != 0)
        return lapack_failed(info, "QR factorisation", err);
    for (size_t i = 0; r && i < cols; i++)
        for (size_t j = 0; j < cols; j++)
            r[i * cols + j] = j >= i ? a[i * cols + j] : 0.0f;
    info = LAPACKE_sorglq(LAPACK_COL_MAJOR, m, n, m, a, m, tau);
    return info == 0 ? IMR_OK : lapack_failed(info, "QR factorisation", err);
}

/*
 * One step of CholeskyQR: to = from R^-1 with R'R = from'from. factor [cols,cols] gets R, inverse
 * is scratch of 2 cols*cols floats. *well: false when R's diagonal says that the columns are too
 * close to dependent; to is then not written.
 */
static imr_status cholesky_step(float *to, const float *from, size_t rows, size_t cols,
                                double *factor, float *inverse, bool *well, imr_error *err)
{
    imr_view a = imr_view_of(from, rows, cols);
    float *gram = inverse + cols * cols;
    imr_blas_gemm(gram, cols, 1.0f, a, IMR_TRANSPOSED, a, IMR_PLAIN, 0.0f);
    for (size_t i = 0; i < cols; i++)
        for (size_t j = 0; j < cols; j++)
            factor[i * cols + j] = j >= i ? (double)gram[i * cols + j] : 0.0;
    lapack_int n = (lapack_int)cols;
    lapack_int info = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'U', n, factor, n);
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return imr_fail_memory(err);
    double low = (double)INFINITY, high = 0;
    for (size_t i = 0; i < cols; i++) {
        low = fmin(low, factor[i * cols + i]);
        high = fmax(high, factor[i * cols + i]);
    }
    /* The second step repairs what 2^-24 cond^2 spoils as long as that is well below 1. */
    *well = info == 0 && low > 2e-3 * high;
    if (!*well)
        return IMR_OK;
    IMR_AUTOFREE double *back = imr_alloc(cols * cols, sizeof *back);
    IMR_NEED(back, err);
    memcpy(back, factor, cols * cols * sizeof *back);
    info = LAPACKE_dtrtri(LAPACK_ROW_MAJOR, 'U', 'N', n, back, n);
    if (info != 0)
        return lapack_failed(info, "inversion of a triangle", err);
    for (size_t i = 0; i < cols * cols; i++)
        inverse[i] = (float)back[i];
    imr_blas_gemm(to, cols, 1.0f, a, IMR_PLAIN, imr_view_of(inverse, cols, cols), IMR_PLAIN, 0.0f);
    return IMR_OK;
}

imr_status imr_qr_tall_f(float *a, size_t rows, size_t cols, float *r, imr_error *err)
{
    IMR_TRY(check_shape(rows, cols, err));
    assert(rows >= cols);
    IMR_AUTOFREE float *copy = imr_alloc_aligned(rows * cols, sizeof *copy);
    IMR_AUTOFREE float *inverse = imr_alloc_aligned(cols * cols, 2 * sizeof *inverse);
    IMR_AUTOFREE double *first = imr_alloc_aligned(cols * cols, sizeof *first);
    IMR_AUTOFREE double *second = imr_alloc_aligned(cols * cols, sizeof *second);
    IMR_AUTOFREE double *product = imr_alloc_aligned(cols * cols, sizeof *product);
    IMR_NEED(copy && inverse && first && second && product, err);
    bool well = false;
    IMR_TRY(cholesky_step(copy, a, rows, cols, first, inverse, &well, err));
    if (!well)
        return imr_qr_f(a, rows, cols, r, err);
    IMR_TRY(cholesky_step(a, copy, rows, cols, second, inverse, &well, err));
    if (!well)
        return imr_qr_f(a, rows, cols, r, err); /* a was not written */
    if (!r)
        return IMR_OK;
    imr_blas_square_d(product, second, first, cols);
    for (size_t i = 0; i < cols * cols; i++)
        r[i] = (float)product[i];
    return IMR_OK;
}
