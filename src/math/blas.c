#include "math/blas.h"

#include <cblas.h>
#include <limits.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static CBLAS_TRANSPOSE trans(imr_op op)
{
    return op == IMR_TRANSPOSED ? CblasTrans : CblasNoTrans;
}

static int dim(size_t n)
{
    assert(n <= INT_MAX);
    return (int)n;
}

static int lead(size_t stride) /* BLAS wants a leading dimension of at least 1 */
{
    return dim(stride ? stride : 1);
}

void imr_blas_gemm(float *out, size_t out_stride, float alpha, imr_view a, imr_op op_a, imr_view b,
                   imr_op op_b, float beta)
{
    size_t rows = op_a == IMR_PLAIN ? a.rows : a.cols;
    size_t inner = op_a == IMR_PLAIN ? a.cols : a.rows;
    size_t cols = op_b == IMR_PLAIN ? b.cols : b.rows;
    assert(inner == (op_b == IMR_PLAIN ? b.rows : b.cols));
    assert(out_stride >= cols);
    if (rows == 0 || cols == 0)
        return;
    cblas_sgemm(CblasRowMajor, trans(op_a), trans(op_b), dim(rows), dim(cols), dim(inner), alpha,
                a.v, lead(a.stride), b.v, lead(b.stride), beta, out, lead(out_stride));
}

void imr_blas_gemv(float *out, float alpha, imr_view a, imr_op op_a, const float *x, float beta)
{
    size_t outs = op_a == IMR_PLAIN ? a.rows : a.cols;
    size_t ins = op_a == IMR_PLAIN ? a.cols : a.rows;
    if (outs == 0)
        return;
    if (ins == 0) {
        for (size_t i = 0; i < outs; i++)
            out[i] = beta == 0.0f ? 0.0f : beta * out[i];
        return;
    }
    cblas_sgemv(CblasRowMajor, trans(op_a), dim(a.rows), dim(a.cols), alpha, a.v, lead(a.stride), x,
                1, beta, out, 1);
}

void imr_blas_square_d(double *out, const double *a, const double *b, size_t n)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, dim(n), dim(n), dim(n), 1, a, lead(n), b,
                lead(n), 0, out, lead(n));
}

int imr_blas_set_threads(int n)
{
#ifdef _OPENMP
    if (n <= 0)
        n = omp_get_num_procs();
    omp_set_num_threads(n);
#else
    if (n <= 0)
        n = 1;
#endif
    openblas_set_num_threads(n);
    return n;
}

const char *imr_blas_config(void)
{
    return openblas_get_config();
}

const char *imr_blas_core(void)
{
    return openblas_get_corename();
}
