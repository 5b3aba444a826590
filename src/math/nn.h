/*
 * math/nn.h - the layers of the adapter, row-wise.
 *
 * Precision: float32 in and out; means, variances, norms, dots in double.
 * Aliasing: out may be the input in every call but imr_nn_linear.
 * Threads: no state; rows are shared out with OpenMP when there is enough work.
 */
#pragma once

#include <stddef.h>

#include "math/matrix.h"

#define IMR_NN_LAYERNORM_EPS 1e-5  /* inside the root, as in PyTorch's LayerNorm */
#define IMR_NN_UNIT_FLOOR    1e-12 /* unit(x) = x / max(|x|, floor) */

/* out[x.rows, w.rows] = x w' + bias; w [outputs, inputs]; bias [outputs] or NULL. */
void imr_nn_linear(float *out, imr_view x, imr_view w, const float *bias);

/*
 * out = gain*(x - mean)/sqrt(var + eps) + shift, each row by itself, biased variance. What the way
 * back needs is kept where it is asked for, else NULL: hat [rows,cols] = (x - mean)/sqrt(var + eps)
 * and inverse [rows] = 1/sqrt(var + eps). hat may be x (without gaps); then out may not.
 */
void imr_nn_layernorm(float *out, float *hat, float *inverse, imr_view x, const float *gain,
                      const float *shift);
/*
 * Gradients of the loss: dx from dy (both [rows,cols], may be one array), and dgain, dshift [cols],
 * which are added to. One thread: callers share out blocks of rows.
 */
void imr_nn_layernorm_backward(float *dx, float *dgain, float *dshift, const float *dy,
                               const float *hat, const float *inverse, size_t rows, size_t cols,
                               const float *gain);

void imr_nn_relu(float *v, size_t n);    /* max(0, x); NaN stays NaN */
void imr_nn_sigmoid(float *v, size_t n); /* 1/(1 + e^-x), in (0,1) */
void imr_nn_tanh(float *v, size_t n);

/* out row = x row / max(|x row|, 1e-12). */
void imr_nn_unit_rows(float *out, imr_view x);
/* One vector; returns |x|. */
double imr_nn_unit(float *out, const float *x, size_t n);

double imr_nn_dot(const float *x, const float *y, size_t n);
double imr_nn_dot_double(const double *x, const double *y, size_t n);
double imr_nn_norm(const float *x, size_t n);
float imr_nn_inverse_norm(const float *x, size_t n); /* 1/|x|, 0 for one of zeros (to 1e-12) */
/* x.y / (max(|x|,1e-12) max(|y|,1e-12)). */
double imr_nn_cosine(const float *x, const float *y, size_t n);
/* The angle between x and y in degrees, 0..180; NaN when one of them is zero. */
double imr_nn_angle(const float *x, const float *y, size_t n);
/* out[i] = cosine of x with row i. */
void imr_nn_cosine_rows(float *out, imr_view rows, const float *x);
