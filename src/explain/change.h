/*
 * explain/change.h - which difference is being explained (method.md section 4, "Which delta").
 *
 *     paper     x' - x                     what the modulated vector says, as published
 *     own       unit, less its mean        what is this document's own: the mean is the one over
 *                                          the listed documents (for the query: over the sampled
 *                                          cached queries)
 *     unit      unit(x') - unit(x)         what modulation changed, as the cosine sees it
 *     vector    x                          what a vector says; the only one without an adapter
 *
 * Every kind is  from_after x' - from_before x  for two vectors x, x' and two factors;
 * unit(x) = x / max(|x|, 1e-12).
 * Shapes: every vector [m].
 * Precision: float32 in, double inside.
 * Threads: pure functions.
 */
#ifndef IMR_EXPLAIN_CHANGE_H
#define IMR_EXPLAIN_CHANGE_H

#include <stddef.h>

#include "math/matrix.h"

typedef enum imr_change_kind {
    IMR_CHANGE_PAPER,
    IMR_CHANGE_OWN,
    IMR_CHANGE_UNIT,
    IMR_CHANGE_VECTOR,
    IMR_CHANGE_COUNT
} imr_change_kind;

const char *imr_change_kind_name(imr_change_kind kind); /* "paper", "own" ... "vector" */

typedef struct imr_change_factors {
    double after, before;
} imr_change_factors;
imr_change_factors imr_change_factors_of(imr_change_kind kind, double norm_before,
                                         double norm_after);

void imr_change_delta(double *delta, imr_change_kind kind, const float *before, const float *after,
                      size_t m);

/* What all rows share: mean [cols] of their unit changes, and (part may be NULL) |mean| / mean |.|,
 * 0 where nothing changed. */
void imr_change_common(double *mean, float *part, imr_view before, imr_view after);

#endif
