/*
 * adapter/sweep.h - every document as feedback and every document scored (scope `corpus`).
 *
 * Form diagonal, two sweeps over d (method.md section 2): with x = d*s + b, everything LayerNorm
 * and the norm need is linear or diagonal-quadratic in d, so no d' is ever written:
 *
 *   mean_i   = (s.d + sum b)/m
 *   sd_i^2   = (s^2.d^2 + 2 (s b).d + sum b^2)/m - mean_i^2 + 1e-5
 *   |d_i'|^2 = (A - 2 mean_i B + mean_i^2 sum g^2)/sd_i^2 + 2 (C - mean_i sum g be)/sd_i + sum be^2
 *              A = (g^2 s^2).d^2 + 2 (g^2 s b).d + sum g^2 b^2
 *              B = (g^2 s).d + sum g^2 b
 *              C = (g be s).d + sum g be b
 *   mean d'  = (g*(s*G + b a - c) + N be)/N
 *              G = sum d_i/sd_i ,  a = sum 1/sd_i ,  c = sum mean_i/sd_i
 *   score_i  = (((t g s).d_i + t.(g b) - mean_i t.g)/sd_i + t.be) / |d_i'|       t = unit(q')
 *
 * The first sweep gives mean_i, sd_i, `before` and the mean of d', the second |d_i'| and the
 * scores: five or six products a value in each, so that both take about what reading d takes
 * (math/scan.h). Scoring with q' known (imr_adapter_score) is one sweep of all of it.
 *
 * Forms mean and full: what the documents say to a query does not depend on the query, so their net
 * is applied once to each and the result kept (imr_feedback); then scoring is one sweep, of form
 * full by blocks of d' (adapter/adapter.h).
 *
 * Precision: float32 sums of a row, numbers of a row in double; within 2e-6 of imr_adapter_run.
 * Memory: two floats a document and a partial sum for each 1,024.
 * Threads: OpenMP over blocks of documents, sums joined in block order, so the same for any thread
 * count, and with anyone watching or no one.
 */
#ifndef IMR_ADAPTER_SWEEP_H
#define IMR_ADAPTER_SWEEP_H

#include "adapter/adapter.h"
#include "base/progress.h"

/* What a set of documents says to every query under an adapter of form mean or full. {0} at first;
 * made by the first sweep that gets it, used by later ones over the same documents. */
typedef struct imr_feedback {
    float *v; /* imr_net_out values */
} imr_feedback;

void imr_feedback_done(imr_feedback *kept); /* {0} is fine */

/*
 * q [m], d [N,m], before and after [N]; kept may be NULL. r: as imr_adapter_run, without d_mod,
 * before and after (NULL, k 0); imr_adapter_score may follow.
 * progress (may be NULL) is told after every few milliseconds of work how many of the N documents
 * the sweep has read, in the first as "averaging documents" (absent when it was kept), in the
 * second as "scoring documents"; after the last of the second all is done.
 * Errors: those of imr_adapter_run, but no limit on N; IMR_E_CANCELLED, after which before and
 * after are partly written and r is as after any failure.
 */
imr_status imr_adapter_score_sweep(const imr_adapter *a, const float *q, imr_rows d,
                                   imr_feedback *kept, imr_adapter_result *r, float *before,
                                   float *after, const imr_progress *progress,
                                   imr_error *err) IMR_NODISCARD;

#endif
