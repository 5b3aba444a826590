/*
 * tests/unit/explain/support.h - made-up adapters and token tables, and naive twins in double.
 */
#ifndef TESTS_UNIT_EXPLAIN_SUPPORT_H
#define TESTS_UNIT_EXPLAIN_SUPPORT_H

#include "explain/lens.h"
#include "math/random.h"
#include "tests/support/test.h"

/* A projector [m,n] (rank < min(m,n) when asked), a table of v tokens whose row 5 is zero, and
 * their lens. Token names are w0, w1 ...; every seventh is [unused7] style and so hidden. */
typedef struct world {
    size_t m, n, v;
    float *p, *e;
    char **texts;
    imr_backprojector back;
    imr_token_table table;
    imr_lens lens;
} world;
void world_init(world *w, size_t m, size_t n, size_t v, size_t rank, uint64_t seed);
void world_done(world *w);

float *random_floats(size_t n, double sd, uint64_t seed); /* malloc'd */

/* Twins of the slow path, all in double. */
double naive_dot(const double *x, const double *y, size_t n);
double naive_cosine(const double *x, const double *y, size_t n);
void naive_project(double *out, const world *w, const float *x); /* P x */
double naive_token_cosine(const world *w, const double *delta_base,
                          size_t t); /* 0 for a zero row */
/* unit(P E_t) */
void naive_direction(double *out, const world *w, size_t t);

#endif
