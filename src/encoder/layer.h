/*
 * encoder/layer.h - the arithmetic of a transformer layer besides its dense products.
 *
 * Rows are the tokens of several sequences, one after the other without padding:
 * starts[s] <= row < starts[s+1] is sequence s.
 *
 * Precision: float32, as math/kernels.h has it; no result depends on which other sequences stand
 * beside.
 * Threads: no state; one call is one thread's.
 */
#ifndef IMR_ENCODER_LAYER_H
#define IMR_ENCODER_LAYER_H

#include <stddef.h>

#include "math/kernels.h"

typedef struct imr_attention {
    const imr_kernels *kernels;
    size_t width;          /* of the head */
    const float *qkv;      /* [rows, 3 width]: its queries, keys, values */
    size_t stride;         /* from row to row of qkv */
    const size_t *starts;  /* [sequences + 1] */
    const float *relative; /* [2 reach - 1] or NULL: added to the score of query i and key j at
                              reach - 1 + j - i */
    size_t reach;          /* at least the longest sequence */
} imr_attention;

/*
 * One head in the rows of one sequence of out [rows, width]:
 * softmax(Q K' / sqrt(width) + relative) V (Vaswani et al. 2017, 3.2), some queries at a time, so
 * that scores never leave the caches.
 */
void imr_layer_attend(float *out, size_t out_stride, const imr_attention *a, size_t sequence,
                      float *scratch);
/* Floats of scratch, aligned to 64 bytes, for sequences of up to `longest` rows. */
size_t imr_layer_scratch(const imr_kernels *k, size_t longest, size_t width);

#endif
