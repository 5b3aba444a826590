/*
 * adapter/run_private.h - what the two ways of running an adapter share.
 */
#ifndef IMR_ADAPTER_RUN_PRIVATE_H
#define IMR_ADAPTER_RUN_PRIVATE_H

#include "adapter/adapter.h"

/* Room for k candidates (0: none are kept), every pointer set, q copied. */
imr_status imr_run_prepare(imr_adapter_result *r, const imr_weights *w, const float *q, size_t k,
                           imr_error *err) IMR_NODISCARD;
/* IMR_E_SHAPE when d has another m or no row. */
imr_status imr_run_check(const imr_weights *w, imr_rows d, imr_error *err) IMR_NODISCARD;
/* From q: scale_q and bias_q, or weight_q and bias_q. */
void imr_run_query_net(const imr_weights *w, imr_adapter_result *r);
/* From d_mean (diagonal) or from d (the others): scale_d and bias_d, or weight_d and bias_d; then
 * q'. */
void imr_run_doc_net(const imr_weights *w, imr_rows d, imr_adapter_result *r);
/* The last step of that, when scale_d (or weight_d) and bias_d are known. */
void imr_run_modulate_query(const imr_weights *w, imr_adapter_result *r);
/* imr_adapter_score of the forms that scale: one sweep, see sweep.h. */
imr_status imr_run_rescore(const imr_weights *w, const imr_adapter_result *r, imr_rows d,
                           float *before, float *after, const imr_progress *progress,
                           imr_error *err) IMR_NODISCARD;
/* IMR_E_NUMERIC naming the first candidate whose similarity is not finite. */
imr_status imr_run_check_scores(const float *before, const float *after, size_t n,
                                imr_error *err) IMR_NODISCARD;

#endif
