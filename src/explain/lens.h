/*
 * explain/lens.h - an adapter and a token table, folded into one: how changes are read as words.
 *
 * Formula (method.md section 4, fast path): with E_t the table's row less its centre, where it has
 * one, e_t = unit(E_t) and B = unit_rows(E) P+ ,
 *
 *     cosine_t = cos(P+ delta, E_t) = B_t delta / sqrt(delta' (P P')^+ delta)
 *
 * We keep B in the orthonormal coordinates of explain/backproject.h, F = unit_rows(E) V [V,r], so
 *
 *     cosine_t = F_t . c / |c| ,           c = S^-1 U' delta              (the same number)
 *     visibility_t = |P+ P E_t|^2/|E_t|^2 = |F_t|^2                       in [0,1]
 *     reach_t = |P e_t| = |S F_t| ,        W_t = unit(P E_t) = U S F_t / reach_t
 *
 * One product of F with any number of directions gives all cosines; entries of F are at most 1, so
 * its float32 error is near 1e-7 whatever the condition number. A zero row of E has F_t = 0:
 * cosine, visibility and reach 0, never NaN.
 *
 * Memory: 4 V r bytes and two floats a token. Table and backprojector are borrowed.
 * Threads: const after init.
 */
#ifndef IMR_EXPLAIN_LENS_H
#define IMR_EXPLAIN_LENS_H

#include "base/progress.h"
#include "explain/backproject.h"
#include "explain/token_table.h"
#include "math/packed.h"

typedef struct imr_lens {
    const imr_token_table *table;
    const imr_backprojector *back;
    imr_packed folded; /* F [V,r], laid out for products */
    float *visibility; /* [V] */
    float *reach;      /* [V] */
} imr_lens;

/* Once per adapter and table; reports progress and can be cancelled every few milliseconds.
 * Errors: IMR_E_SHAPE when the table's n is not the adapter's, IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_lens_init(imr_lens *out, const imr_token_table *table, const imr_backprojector *back,
                         const imr_progress *progress, imr_error *err) IMR_NODISCARD;
void imr_lens_done(imr_lens *l); /* {0} is fine */

/* Tokens whose cosines one product computes between two looks at the cancel flag. */
#define IMR_LENS_BLOCK ((size_t)4096)

/*
 * out[i*out_stride + t - first] = F_t . directions_i for count directions [count,r] and tokens t in
 * [first, first+tokens). With unit directions these are cosines. first is a multiple of
 * IMR_LENS_BLOCK. A number depends neither on the other directions nor on the threads, among which
 * OpenMP shares the tokens out.
 */
void imr_lens_products(float *out, size_t out_stride, const imr_lens *l, const float *directions,
                       size_t count, size_t first, size_t tokens);

/* out[r] = F_t. */
void imr_lens_row(float *out, const imr_lens *l, uint32_t token);

/* cosine / sqrt(visibility/r), r the rank of P (m unless m > n): against a uniformly random
 * direction of what P can see; 0 for a token P cannot see. */
double imr_lens_z(const imr_lens *l, uint32_t token, double cosine);

#endif
