/*
 * math/scan.h - what is computed of every row of a large matrix, once per instruction set.
 *
 *   dots     q . d_i
 *   forms    linear  w . d_i ,  quadratic  u . d_i^2 + v . d_i : several in one read
 *   add      sum_i by_i d_i
 *
 * A corpus does not fit the caches: a scan costs what reading it costs, as long as what is computed
 * of a value takes less time than its transport. Rows are read one after the other, which is what
 * the processor's prefetching is made for (four at a time took 1.7 times as long). scan_body.c is
 * compiled several times, like math/kernels_body.c; the best table is found at run time.
 *
 * Rows may be float32 or half precision (math/matrix.h), with gaps, of any length.
 * Precision: float32 sums in as many lanes as a register has, then joined. A row's result does not
 * depend on other rows; between tables results differ in the last bits.
 * Threads: no state; one call is one thread's.
 */
#pragma once

#include "math/matrix.h"

#define IMR_SCAN_ROWS  16u /* at most so many rows in one call of forms or add */
#define IMR_SCAN_FORMS 6u

/* What forms computes, in this order. Every vector is [cols]. */
typedef struct imr_forms {
    enum {
        IMR_FORMS_1_1, /* w[0], (u,v)[0] */
        IMR_FORMS_3_1, /* w[0..2], (u,v)[0] */
        IMR_FORMS_4_2  /* w[0..3], (u,v)[0..1] */
    } kind;
    const float *w[4], *u[2], *v[2];
} imr_forms;

typedef struct imr_scan_kernels {
    const char *name; /* "avx512", "avx2", "plain" */
    /* out[rows] */
    void (*dots)(float *out, imr_rows d, const float *q);
    /* out[k * IMR_SCAN_ROWS + i]: form k of row i; room for IMR_SCAN_FORMS * IMR_SCAN_ROWS. */
    void (*forms)(float *out, const imr_forms *f, imr_rows d);
    /* sum[cols] += sum over rows of by[i] d_i */
    void (*add)(float *sum, imr_rows d, const float *by);
} imr_scan_kernels;

/* Those this CPU can run, the best first; NULL from the end on. */
const imr_scan_kernels *imr_scan_at(size_t i);
