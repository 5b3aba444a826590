/*
 * math/kernels.h - the innermost loops of a transformer, once per instruction set.
 *
 * kernels_body.c is compiled several times, each time for another instruction set; a table of its
 * functions stands for each. The best one this CPU has is found at run time. All of them compute
 * the same formulas; results differ in the last bits between tables (fused or separate
 * multiply-add, other orders of summation), never with where in memory a row lies or with what
 * else is computed.
 *
 * Precision: float32; means and variances in double. exp is a polynomial, the normal distribution
 * function a quotient of two:
 *   GELU   within 1e-7 + 2.5e-7 |x| of the exact one
 *   e^x    within 2e-7 + 1e-7 |x| relative
 * Threads: no state; one call is one thread's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMR_KERNEL_MOST_ROWS 12u /* of a tile, in any table */
#define IMR_KERNEL_MOST_COLS 32u

typedef enum imr_precision {
    IMR_FLOAT32,
    IMR_BFLOAT16 /* float32 rounded to its upper 16 bits; sums stay float32 */
} imr_precision;

/*
 * c [rows,cols] = a [rows,inner] b [inner,cols] + first; cols is the table's, rows 1 to the
 * table's. a and b are of cells: floats, or pairs of bfloat16 in a uint32_t, the first in its lower
 * half, two neighbours of a row of a and two of a column of b. Strides and inner count cells.
 */
typedef struct imr_tile {
    float *c;
    const void *a, *b;
    const float *first; /* [cols], added to each row, or NULL */
    size_t c_stride, a_stride;
    size_t inner, rows;
    bool add; /* c += instead of c = */
} imr_tile;

typedef struct imr_kernels {
    const char *name;  /* "avx512bf16", "avx512", "avx2", "neonbf16", "plain": what every CPU of
                        * this architecture has (SSE2 on x86-64, NEON on ARM64) */
    size_t rows, cols; /* of the largest tile: what the registers hold */
    bool has_bf16;     /* instructions for pairs; without them pairs are slower than floats */

    /* c overlaps neither a nor b. */
    void (*tile)(const imr_tile *t);       /* of floats */
    void (*tile_pairs)(const imr_tile *t); /* of pairs */
    /* out [(n+1)/2] = v [n] rounded to the nearest, ties to even; an odd n is filled up with 0. */
    void (*to_pairs)(uint32_t *out, const float *v, size_t n);
    /* v = gelu(v), each of rows x cols; gelu(x) = x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and
     * Gimpel 2016). */
    void (*gelu)(float *v, size_t stride, size_t rows, size_t cols);
    /* v = gain (v - mean) / sqrt(variance + eps) + shift, biased variance (Ba, Kiros and Hinton
     * 2016). */
    void (*norm)(float *v, size_t n, const float *gain, const float *shift, double eps);
    /* v[j] = e^(scale (v[j] - max v)), 0 < n < 2^31, 0 < scale <= 1; returns 1 / their sum. v has
     * room for n rounded up to the table's cols; what is there beyond n is overwritten. */
    float (*softmax)(float *v, size_t n, float scale);
    /* out = factor v */
    void (*scale)(float *out, const float *v, size_t n, float factor);
} imr_kernels;

/* What the CPU can do, found at run time. */
enum {
    IMR_CPU_AVX2 = 1,   /* and FMA */
    IMR_CPU_AVX512 = 2, /* F, DQ, BW, VL and CD: what every server of Intel and Zen 4 have */
    IMR_CPU_BF16 = 4,   /* AVX-512 with products of bfloat16 */
    IMR_CPU_BFDOT = 8   /* products of bfloat16 on ARM64; NEON itself is in every one */
};

/* Of this CPU and the operating system, which must save the registers. 0 on other architectures,
 * and on ARM64 under systems that are not asked (all but Linux and macOS). */
unsigned imr_cpu_features(void);

const char *imr_precision_name(imr_precision p); /* "float32", "bf16" */

/* Those this CPU can run, the best first; NULL from the end on. */
const imr_kernels *imr_kernels_at(size_t i);
const imr_kernels *imr_kernels_find(const char *name); /* NULL: no such, or not on this CPU */
