/*
 * math/sieve.h - the few of many numbers that matter, once per instruction set.
 *
 * What nearly every number fails is asked of a register of them at a time. sieve_body.c is compiled
 * several times, like math/kernels_body.c; the best table is found at run time. All find the same.
 *
 * Threads: no state.
 */
#ifndef IMR_MATH_SIEVE_H
#define IMR_MATH_SIEVE_H

#include <stddef.h>
#include <stdint.h>

typedef struct imr_sieve {
    const char *name; /* "avx512", "avx2", "plain" */
    /* at[0..) = the positions of the numbers below low or above high, in order; returns how many. A
     * NaN is neither. at [n]. */
    size_t (*outside)(uint32_t *at, const float *v, size_t n, float low, float high);
    /*
     * size[0..) = the |(v - mean) inverse|, known within slack inverse, that may reach `least`, at
     * their positions, in order; returns how many. skip (may be NULL): bytes, those not 0 are left
     * out. n at most 256; size [n], at [n].
     */
    size_t (*sizes)(float *size, uint8_t *at, const float *v, const float *mean,
                    const float *inverse, const uint8_t *skip, size_t n, float slack, float least);
} imr_sieve;

/* Those this CPU can run, the best first; NULL from the end on. */
const imr_sieve *imr_sieve_at(size_t i);

#endif
