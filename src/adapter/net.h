/*
 * adapter/net.h - what an adapter is made of: its nets, and what they do to vectors.
 *
 * Formulas (method.md section 1):
 *   hyper(v) = L3(relu(L2(relu(L1 v)))),  scale = sigmoid(first m) in (0,1), bias = tanh(last m) in
 *            (-1,1)
 *   what a side's net says, about a vector or about many on average:
 *     diagonal, mean  mean_i hyper(v_i)                  scale s [m], then bias b [m]
 *     full            L2(mean_i relu(L1 v_i))            m*m row-major entries of W, then m of b:
 *                     L2 is linear, so the hidden layer is averaged and L2 applied once
 *   modulation
 *     diagonal, mean  out[i] = LN(x[i]*s + b; gain, shift)
 *     full            out[i] = LN(W x[i] + b; gain, shift)
 * Range: modulated rows have norm about sqrt(m) when the gain is near 1
 * Precision: sums over rows in double, in order: the same for any number of threads.
 * Aliasing: none but in modulation, where out may be x, but not of form full.
 * Threads: const weights, the rest is the caller's. No allocation.
 */
#pragma once

#include "adapter/weights.h"
#include "base/progress.h"

typedef enum imr_side { IMR_SIDE_QUERY, IMR_SIDE_DOC } imr_side; /* whose net */

/* out [rows,outputs] = relu(L v), then dropout; mask: multipliers 0 or 1/(1-p), NULL outside
 * training. */
void imr_hidden_layer(float *out, imr_view v, const imr_weights *w, imr_weight_id id,
                      const float *mask);

/* v [rows,m]; h1 [rows,h], h2 [rows,h/2], masks of their shapes (may be NULL); out [rows,2m]:
 * scale, then bias, in each row. */
void imr_hypernet(const imr_weights *w, imr_side side, imr_view v, const float *mask_h1,
                  const float *mask_h2, float *h1, float *h2, float *out);

/* v [rows,m], rows >= 1; out imr_net_out values; scratch imr_net_scratch values, aligned to 8
 * bytes. progress (may be NULL) is told "averaging documents" after every 256 rows; false: it asked
 * to stop, and out is unspecified. */
size_t imr_net_out(const imr_weights *w);
size_t imr_net_scratch(const imr_weights *w, size_t rows);
bool imr_net(const imr_weights *w, imr_side side, imr_rows v, float *scratch, float *out,
             const imr_progress *progress);

/* x and out [K,m]. scale: s, of form full W. norm: IMR_W_QUERY_NORM or IMR_W_DOC_NORM of w. */
void imr_modulate(float *out, imr_view x, const imr_weights *w, imr_weight_id norm,
                  const float *scale, const float *bias);

/* ---- vectors side by side in one block of memory, each on cache lines of its own ---- */

/* Where the next n are; NULL without a block, when *at only counts. */
float *imr_place(float *block, size_t *at, size_t n);
/* A block of at least `need`; what a smaller one held is lost. IMR_E_MEMORY. */
imr_status imr_make_room(float **block, size_t *capacity, size_t need, imr_error *err);
