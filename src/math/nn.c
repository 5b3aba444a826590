#include "math/nn.h"

#include <math.h>

#include "math/blas.h"

/* About a millisecond of work. A parallel region costs microseconds on an idle machine, but up to a
 * time slice when the processors are busy, because waiting threads spin. */
#define WORTH_THREADS ((size_t)1 << 20)

void imr_nn_linear(float *out, imr_view x, imr_view w, const float *bias)
{
    assert(x.cols == w.cols);
    for (size_t i = 0; bias && i < x.rows; i++)
        for (size_t j = 0; j < w.rows; j++)
            out[i * w.rows + j] = bias[j];
    if (x.rows == 1)
        imr_blas_gemv(out, 1.0f, w, IMR_PLAIN, x.v, bias ? 1.0f : 0.0f);
    else
        imr_blas_gemm(out, w.rows, 1.0f, x, IMR_PLAIN, w, IMR_TRANSPOSED, bias ? 1.0f : 0.0f);
}

IMR_CPU_CLONES
double imr_nn_dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

IMR_CPU_CLONES
double imr_nn_dot_double(const double *x, const double *y, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Returns 1/sqrt(var + eps). */
IMR_CPU_CLONES
static float layernorm_row(float *out, float *hat, const float *x, size_t n, const float *gain,
                           const float *shift)
{
    double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    const double mean = sum / (double)n;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    const double inverse = 1.0 / sqrt(squares / (double)n + IMR_NN_LAYERNORM_EPS);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        const float z = (float)(((double)x[i] - mean) * inverse);
        if (hat)
            hat[i] = z;
        out[i] = z * gain[i] + shift[i];
    }
    return (float)inverse;
}

void imr_nn_layernorm(float *out, float *hat, float *inverse, imr_view x, const float *gain,
                      const float *shift)
{
#pragma omp parallel for schedule(static) if (x.rows * x.cols > WORTH_THREADS)
    for (size_t i = 0; i < x.rows; i++) {
        const float row = layernorm_row(out + i * x.cols, hat ? hat + i * x.cols : NULL,
                                        x.v + i * x.stride, x.cols, gain, shift);
        if (inverse)
            inverse[i] = row;
    }
}

IMR_CPU_CLONES
void imr_nn_layernorm_backward(float *dx, float *dgain, float *dshift, const float *dy,
                               const float *hat, const float *inverse, size_t rows, size_t cols,
                               const float *gain)
{
    for (size_t r = 0; r < rows; r++) {
        const float *g = dy + r * cols, *z = hat + r * cols;
        float *d = dx + r * cols;
        double sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
        for (size_t i = 0; i < cols; i++) {
            float scaled = g[i] * gain[i];
            sum += (double)scaled;
            along += (double)scaled * (double)z[i];
            dgain[i] += g[i] * z[i];
            dshift[i] += g[i];
        }
        float mean = (float)(sum / (double)cols), slope = (float)(along / (double)cols);
#pragma omp simd
        for (size_t i = 0; i < cols; i++)
            d[i] = inverse[r] * (g[i] * gain[i] - mean - z[i] * slope);
    }
}

void imr_nn_relu(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = v[i] < 0.0f ? 0.0f : v[i];
}

void imr_nn_sigmoid(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = 1.0f / (1.0f + expf(-v[i]));
}

void imr_nn_tanh(float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = tanhf(v[i]);
}

double imr_nn_norm(const float *x, size_t n)
{
    return sqrt(imr_nn_dot(x, x, n));
}

float imr_nn_inverse_norm(const float *x, size_t n)
{
    const double norm = imr_nn_norm(x, n);
    return (float)(norm > IMR_NN_UNIT_FLOOR ? 1 / norm : 0);
}

double imr_nn_unit(float *out, const float *x, size_t n)
{
    double norm = imr_nn_norm(x, n), inverse = 1.0 / fmax(norm, IMR_NN_UNIT_FLOOR);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((double)x[i] * inverse);
    return norm;
}

void imr_nn_unit_rows(float *out, imr_view x)
{
#pragma omp parallel for schedule(static) if (x.rows * x.cols > WORTH_THREADS)
    for (size_t i = 0; i < x.rows; i++)
        imr_nn_unit(out + i * x.cols, x.v + i * x.stride, x.cols);
}

double imr_nn_cosine(const float *x, const float *y, size_t n)
{
    return imr_nn_dot(x, y, n) / (fmax(imr_nn_norm(x, n), IMR_NN_UNIT_FLOOR) *
                                  fmax(imr_nn_norm(y, n), IMR_NN_UNIT_FLOOR));
}

double imr_nn_angle(const float *x, const float *y, size_t n)
{
    const double a = imr_nn_norm(x, n), b = imr_nn_norm(y, n);
    double apart = 0, together = 0; /* |x^ - y^|, |x^ + y^|: exact for small angles, unlike acos */
    for (size_t i = 0; i < n; i++) {
        const double u = (double)x[i] / a, v = (double)y[i] / b;
        apart += (u - v) * (u - v);
        together += (u + v) * (u + v);
    }
    return 360 / acos(-1) * atan2(sqrt(apart), sqrt(together));
}

void imr_nn_cosine_rows(float *out, imr_view rows, const float *x)
{
    double norm = fmax(imr_nn_norm(x, rows.cols), IMR_NN_UNIT_FLOOR);
#pragma omp parallel for schedule(static) if (rows.rows * rows.cols > WORTH_THREADS)
    for (size_t i = 0; i < rows.rows; i++) {
        const float *r = rows.v + i * rows.stride;
        out[i] = (float)(imr_nn_dot(r, x, rows.cols) /
                         (norm * fmax(imr_nn_norm(r, rows.cols), IMR_NN_UNIT_FLOOR)));
    }
}
