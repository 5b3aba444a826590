/*
 * adapter/sweep.h - every document as feedback and every document scored: the inside of
 * imr_adapter_score_sweep and imr_adapter_score.
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
 * The first sweep gives mean_i, sd_i and the mean of d', the second |d_i'| and the
 * scores: three to five products a value in each, so that both take about what reading d takes
 * (math/scan.h). Scoring with q' known is one sweep of all of it.
 *
 * Precision: float32 sums of a row, numbers of a row in double; within 2e-6 of imr_adapter_run.
 * Memory: two floats a document and a partial sum for each 1,024.
 * Threads: OpenMP over blocks of documents, sums joined in block order, so the same for any thread
 * count, and with anyone watching or no one.
 */
#pragma once

#include "adapter/adapter.h"
#include "adapter/net.h"

/* Form diagonal, q's net asked: d_mean, what the documents say, q' and the scores. */
imr_status imr_sweep_diagonal(const imr_weights *w, imr_rows d, imr_adapter_result *r, float *after,
                              const imr_progress *progress, imr_error *err);
/* The forms that scale, q' known. */
imr_status imr_sweep_score(const imr_weights *w, const imr_adapter_result *r, imr_rows d,
                           float *after, const imr_progress *progress, imr_error *err);

/* From d_mean (diagonal) or from d (the others): scale_d and bias_d, then q'. */
void imr_run_doc_net(const imr_weights *w, imr_rows d, imr_adapter_result *r);
