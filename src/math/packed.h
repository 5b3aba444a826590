/*
 * math/packed.h - products with a matrix that is laid out once for the products to come.
 *
 * A weight matrix [outs,ins] is stored as panels of some columns of its transpose (as many as the
 * kernels' tile is wide), each panel [ins, columns] without gaps, the last one filled up with
 * zeros: a product reads it once, in order, a tile of rows at a time (Goto and van de Geijn 2008,
 * without copying the rows: they are to be short enough for the caches).
 *
 * Precision: float32, or bfloat16: both factors are rounded to 8 bits of mantissa (within 2^-9 of
 * their size), products and sums are float32. Half the memory, and on CPUs with instructions for it
 * twice the speed. A row's result depends neither on the other rows nor on how the panels are
 * shared out: it is the same to the bit.
 * Threads: const after packing; one call is one thread's, so that callers share out rows and
 * panels as they like.
 */
#pragma once

#include "math/kernels.h"
#include "math/matrix.h"

typedef struct imr_packed {
    uint32_t *v; /* cells: floats (IMR_FLOAT32), or pairs of bfloat16 (IMR_BFLOAT16) */
    bool paired;
    size_t outs, ins, panels;
    size_t cells; /* of a row: ins, or pairs of them */
    const imr_kernels *kernels;
    bool lent; /* v is in memory of the caller's */
} imr_packed;

/* Copies w [outs,ins]. kernels NULL: this CPU's best. */
imr_status imr_packed_init(imr_packed *out, imr_view w, imr_precision precision,
                           const imr_kernels *kernels, imr_error *err);
void imr_packed_done(imr_packed *p); /* {0} is fine; p is empty again */

/* Moves what is stored to a place of the caller's that outlives p: imr_packed_bytes of it, 64-byte
 * aligned. Many matrices in one piece of memory share its large pages (imr_alloc_large). */
void imr_packed_move(imr_packed *p, void *place);
size_t imr_packed_bytes(const imr_packed *p); /* a multiple of 64 */

typedef enum imr_packed_finish {
    IMR_FINISH_NONE, /* out = x w' + bias */
    IMR_FINISH_GELU, /* out = gelu(x w' + bias) */
    IMR_FINISH_ADD   /* out = out + x w' + bias */
} imr_packed_finish;

typedef struct imr_product {
    float *out;     /* [rows,outs] */
    const float *x; /* [rows,ins]; strides that are a multiple of 4 KB are slow. NULL when scratch
                       holds its pairs */
    size_t out_stride, x_stride, rows;
    const float *bias; /* [outs] or NULL */
    imr_packed_finish finish;
    uint32_t *scratch; /* [imr_packed_scratch(w, rows)], IMR_BFLOAT16 only */
} imr_product;

/* Floats from row to row of a matrix that is multiplied: whole cache lines, an odd number of them,
 * so that neighbouring rows do not compete for the same place in a cache. */
static inline size_t imr_packed_stride(size_t cols)
{
    return ((cols + 15) / 16 | 1) * 16;
}
size_t imr_packed_scratch(const imr_packed *w, size_t rows);

/* out[ins] = row i of w as it was packed; IMR_FLOAT32 only. */
void imr_packed_row(float *out, const imr_packed *w, size_t i);

/* Panels first to last - 1 as a matrix of their own, which ends with w. */
imr_packed imr_packed_part(const imr_packed *w, size_t first, size_t last);

/* The columns of panels first to last - 1; other columns of out are left alone. out overlaps
 * neither x nor bias. */
void imr_packed_multiply(const imr_packed *w, const imr_product *p, size_t first, size_t last);
