/*
 * explain/lens.h - an adapter and a token table, folded into one: how changes are read as words.
 *
 * Formula (method.md section 4, fast path): with e_t = unit(E_t) and B = unit_rows(E) P+ ,
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
 * Where the CPU has instructions for bfloat16, F is also kept rounded to it: such products take
 * half the time and tell, within bounds that always hold (imr_lens_near), which tokens can matter.
 *
 * Memory: F twice, in rows and laid out for products, 8 V r bytes, 2 V r more where it is kept
 * rounded, and two floats a token. Table and backprojector are borrowed. Threads: const after init.
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
    imr_matrix folded;    /* F [V,r] */
    imr_packed packed;    /* the same */
    imr_packed rounded;   /* the same in bfloat16, or empty */
    double lost, longest; /* then the most of |F_t - its rounding|, and of |F_t| */
    float *visibility;    /* [V] */
    float *reach;         /* [V] */
} imr_lens;

/* Once per adapter and table; reports progress and can be cancelled every few milliseconds.
 * Errors: IMR_E_SHAPE when the table's n is not the adapter's, IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_lens_init(imr_lens *out, const imr_token_table *table, const imr_backprojector *back,
                         const imr_progress *progress, imr_error *err) IMR_NODISCARD;
void imr_lens_done(imr_lens *l); /* {0} is fine */

/* Keeps F rounded, whatever the CPU; kernels NULL: its best. imr_lens_init does where it pays.
 * Errors: IMR_E_MEMORY. */
imr_status imr_lens_add_rounded(imr_lens *l, const imr_kernels *kernels,
                                imr_error *err) IMR_NODISCARD;

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

/* The same in the calling thread alone, for a part that fits its caches; first is a multiple of
 * IMR_LENS_PART. */
#define IMR_LENS_PART ((size_t)256)
void imr_lens_part(float *out, size_t out_stride, const imr_lens *l, const float *directions,
                   size_t count, size_t first, size_t tokens);

/* Of a direction [r], rounded to bfloat16 for imr_lens_near [imr_packed_stride(rounded.cells)],
 * returns the most by which its products there differ from those in double: by Cauchy-Schwarz from
 * what rounding F and the direction lost. scratch [r]. */
float imr_lens_round(uint32_t *rounded, const imr_lens *l, const double *direction, float *scratch);

/* As imr_lens_part, within the bounds of each direction; rounded: one after the other. */
void imr_lens_near(float *out, size_t out_stride, const imr_lens *l, uint32_t *rounded,
                   size_t count, size_t first, size_t tokens);

/* F_t . c in double. */
double imr_lens_product(const imr_lens *l, uint32_t token, const double *c);
/* Four at once, each the same number. */
void imr_lens_product_4(double out[4], const imr_lens *l, uint32_t token, const double *const c[4]);

/* cosine / sqrt(visibility/r), r the rank of P (m unless m > n): against a uniformly random
 * direction of what P can see; 0 for a token P cannot see. */
double imr_lens_z(const imr_lens *l, uint32_t token, double cosine);

/*
 * Lens quality (method.md section 4): project each text's base vector x with P, back-project
 * (P+ P x), rank all shown tokens by cosine, and take the mean percentile rank of the text's own
 * shown tokens: (tokens below + half of those equal)/(shown - 1). 0.5 is chance, 1 is perfect.
 * Mean over tokens within a text, then over texts; texts without a shown token are left out.
 *
 * vectors [S,n]; ids of text i: ids[starts[i]] .. ids[starts[i+1]-1] (repeats count once each
 * time). *texts_used (may be NULL): texts that counted; 0 gives quality NaN. Errors: IMR_E_SHAPE,
 * IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_lens_quality(double *quality, size_t *texts_used, const imr_lens *l,
                            imr_view vectors, const size_t *starts, const uint32_t *ids,
                            const imr_progress *progress, imr_error *err) IMR_NODISCARD;

#endif
