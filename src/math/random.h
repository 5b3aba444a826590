/*
 * math/random.h - a seeded generator, the same numbers on every machine.
 *
 * xoshiro256** (Blackman and Vigna 2018), its state filled by splitmix64 from one seed. Not for
 * secrets. The state is the caller's: one generator a thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct imr_random {
    uint64_t s[4];
} imr_random;

void imr_random_init(imr_random *r, uint64_t seed);
uint64_t imr_random_next(imr_random *r);                       /* 64 random bits */
double imr_random_uniform(imr_random *r);                      /* [0,1), multiples of 2^-53 */
uint64_t imr_random_below(imr_random *r, uint64_t n);          /* 0..n-1, no bias; n >= 1 */
double imr_random_normal(imr_random *r);                       /* mean 0, sd 1 (Marsaglia polar) */
void imr_random_shuffle(imr_random *r, uint32_t *v, size_t n); /* Fisher-Yates */

/* n normal values of standard deviation sd. */
void imr_random_fill_normal(imr_random *r, float *v, size_t n, double sd);
