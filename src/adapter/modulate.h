/*
 * adapter/modulate.h - reshape vectors by a scale and a bias, or by a matrix and a bias.
 *
 * Formula:  diagonal, mean  out[i] = LN(x[i]*s + b; gain, shift)
 *           full            out[i] = LN(W x[i] + b; gain, shift)    method.md section 1
 * Shapes:   x [K,m], s [m], W [m,m] row-major, b [m], out [K,m] without gaps
 * Aliasing: out may be x in _diagonal, not in _full
 * Range:    rows of out have norm about sqrt(m) when the gain is near 1
 */
#ifndef IMR_ADAPTER_MODULATE_H
#define IMR_ADAPTER_MODULATE_H

#include "math/matrix.h"

void imr_modulate_diagonal(float *out, imr_view x, const float *scale, const float *bias,
                           const float *gain, const float *shift);
void imr_modulate_full(float *out, imr_view x, const float *weight, const float *bias,
                       const float *gain, const float *shift);

#endif
