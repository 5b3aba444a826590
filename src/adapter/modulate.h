/*
 * adapter/modulate.h - reshape vectors by a scale and a bias, or by a matrix and a bias.
 *
 * Formula:  diagonal, mean  out[i] = LN(x[i]*s + b; gain, shift)
 *           full            out[i] = LN(W x[i] + b; gain, shift)    method.md section 1
 * Shapes:   x [K,m], s [m], W [m,m] row-major, b [m], out [K,m] without gaps
 * Aliasing: out may be x, but not of form full
 * Range:    rows of out have norm about sqrt(m) when the gain is near 1
 */
#ifndef IMR_ADAPTER_MODULATE_H
#define IMR_ADAPTER_MODULATE_H

#include "adapter/weights.h"

/* scale: s, of form full W. norm: IMR_W_QUERY_NORM or IMR_W_DOC_NORM of w. */
void imr_modulate(float *out, imr_view x, const imr_weights *w, imr_weight_id norm,
                  const float *scale, const float *bias);

#endif
