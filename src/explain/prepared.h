/*
 * explain/prepared.h - a shift in the coordinates of the lens, from which all its numbers are read.
 *
 * Formulas: explain/attribution.h. Precision: double. Threads: no state; vectors are the caller's.
 */
#ifndef IMR_EXPLAIN_PREPARED_H
#define IMR_EXPLAIN_PREPARED_H

#include "explain/attribution.h"

/* Every vector [r]. */
typedef struct imr_prepared {
    double *direction; /* S^-1 U' delta, unit length or zero */
    double *change;    /* U' delta */
    double *removal;   /* S U' (x' - |x'| unit(x)) */
    double *after;     /* S U' x' */
    double *other;     /* S U' o */
    double length, length_base, alignment;
    double norm_after, dot_other; /* |x'|, x'.o */
} imr_prepared;
#define IMR_PREPARED_VECTORS ((size_t)5)

/* vectors [IMR_PREPARED_VECTORS,r] are what p points to. */
void imr_prepared_place(imr_prepared *p, double *vectors, size_t r);
/* wide [m]: x, x', o (zeros for none); left [r]: U' of them. */
void imr_prepared_set(imr_prepared *p, const imr_backprojector *b, imr_change_kind kind,
                      const double *const wide[3], const double *const left[3]);
/* Everything about one token but its significance (false). */
void imr_prepared_score(imr_token_score *out, uint32_t id, const imr_prepared *p,
                        const imr_lens *lens, const imr_shift *shift);
/* The effects of tokens in a row, from their reach and the products of F_t with removal, after and
 * other. */
void imr_prepared_effects(float *effects, const imr_prepared *p, const float *reach,
                          const float *removal, const float *after, const float *other,
                          size_t tokens);

#endif
