/*
 * adapter/full.h - the nets of the paper's form: from vectors to a matrix and a bias.
 *
 * Formula:  A(v) = L2(relu(L1 v)) = m*m row-major entries of W, then m of b; for documents the mean
 *           over them. L2 is linear, so the hidden layer is averaged and L2 applied once.
 *           method.md section 1
 * Shapes:   v [rows,m], hidden [h] (the mean over rows), out [m*m + m]
 * No allocation; scratch [block rows, m + h] is the caller's, imr_full_scratch values.
 */
#ifndef IMR_ADAPTER_FULL_H
#define IMR_ADAPTER_FULL_H

#include "adapter/hypernet.h"
#include "math/rows.h"

#define IMR_FULL_BLOCK ((size_t)256) /* rows converted and their hidden layers held at once */

static inline size_t imr_full_scratch(const imr_weights *w)
{
    return IMR_FULL_BLOCK * (w->m + w->h);
}

/* rows >= 1. hidden and out are outputs. */
void imr_full_net(const imr_weights *w, imr_side side, imr_rows v, float *scratch, float *hidden,
                  float *out);

/* The same in parts, the same to the bit when every part but the last is a multiple of
 * IMR_FULL_BLOCK rows: hidden (zeros at first) += sum of v's hidden layers / total; then out. */
void imr_full_add_hidden(const imr_weights *w, imr_side side, imr_rows v, size_t total,
                         float *scratch, float *hidden);
void imr_full_out(const imr_weights *w, imr_side side, const float *hidden, float *out);

#endif
