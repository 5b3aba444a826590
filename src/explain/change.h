/*
 * explain/change.h - which difference is being explained (method.md section 4, "Which delta"), and
 * exact shares of what it does to a similarity.
 *
 *     paper     x' - x                     what the modulated vector says, as published
 *     own       unit, less its mean        what is this document's own: the mean is the one over
 *                                          the listed documents (for the query: over the sampled
 *                                          cached queries)
 *     unit      unit(x') - unit(x)         what modulation changed, as the cosine sees it
 *     vector    x less its mean over       what a vector says; the only one without an adapter
 *               sampled documents
 *     contrast  unit(x_A') - unit(x_A) - (unit(x_B') - unit(x_B)); without an adapter
 *               unit(x_A) - unit(x_B)      what moved A against B, in explain/compare.h
 *
 * Every kind is  from_after x' - from_before x  for two vectors x, x' and two factors;
 * unit(x) = x / max(|x|, 1e-12).
 * delta_sim = cos(q',d') - cos(q,d) is split three ways, each of which adds up to it
 * (method.md section 3, hats for unit vectors):
 *
 *     dimensions      c_j = q'^_j d'^_j - q^_j d^_j
 *     query/document  Shapley over the two swaps f(q or q', d or d'):
 *                     phi_query = (f(q',d)-f(q,d) + f(q',d')-f(q,d'))/2, phi_document likewise
 *     stages          the cosine after each step of the modulation minus the one before it
 *
 * Shapes: every vector [m].
 * Precision: float32 in, double throughout; a zero vector has cosine 0 with everything. Residuals
 * of these sums are rounding only, far below the 1e-6 promised.
 * Memory: none. Threads: pure functions.
 */
#pragma once

#include <stddef.h>

#include "math/matrix.h"

typedef enum imr_change_kind {
    IMR_CHANGE_PAPER,
    IMR_CHANGE_OWN,
    IMR_CHANGE_UNIT,
    IMR_CHANGE_VECTOR,
    IMR_CHANGE_CONTRAST,
    IMR_CHANGE_COUNT
} imr_change_kind;

extern const char *const imr_change_kind_names[]; /* "paper", "own" ... "contrast" */

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

/* ---- shares ---- */

/* One query and one document, before and after modulation. Borrowed. */
typedef struct imr_pair {
    const float *q, *d, *q_after, *d_after;
    size_t m;
} imr_pair;

/* What is shown beside every list of shares. residual = delta_sim - sum. */
typedef struct imr_share_check {
    double sum, delta_sim, residual;
} imr_share_check;

/* shares[m]; before[m] and after[m] (each may be NULL) get q^_j d^_j and q'^_j d'^_j. */
imr_share_check imr_contribution_dimensions(double *shares, double *before, double *after,
                                            const imr_pair *pair);
/* Indices of the k largest |shares|, largest first, equal ones by index; k is cut to m. Returns
 * how many. Cost O(m k) at worst. */
size_t imr_contribution_top(uint32_t *index, size_t k, const double *shares, size_t m);

imr_share_check imr_contribution_sides(double *query, double *document, const imr_pair *pair);

typedef enum imr_step {
    IMR_STEP_PROJECTED,   /* cos(q, d) */
    IMR_STEP_DOC_SCALE,   /* cos(q, d*s) */
    IMR_STEP_DOC_BIAS,    /* cos(q, d*s + b) */
    IMR_STEP_DOC_NORM,    /* cos(q, d') */
    IMR_STEP_QUERY_SCALE, /* cos(q*u, d') */
    IMR_STEP_QUERY_BIAS,  /* cos(q*u + w, d') */
    IMR_STEP_QUERY_NORM,  /* cos(q', d') */
    IMR_STEP_COUNT
} imr_step;
extern const char *const imr_step_names[]; /* "projected", "doc scale" ... "query norm" */

typedef struct imr_step_share {
    double cosine; /* after the step */
    double change; /* minus the cosine before it; 0 for IMR_STEP_PROJECTED */
} imr_step_share;

/* The released form's modulation: s, b of the documents and u, w of the query, each [m]. */
typedef struct imr_gates {
    const float *doc_scale, *doc_bias, *query_scale, *query_bias;
} imr_gates;

imr_share_check imr_contribution_steps(imr_step_share out[IMR_STEP_COUNT], const imr_pair *pair,
                                       const imr_gates *gates);
