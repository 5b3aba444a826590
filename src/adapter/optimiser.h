/*
 * adapter/optimiser.h - Adam with decoupled or with L2 weight decay.
 *
 * Formulas (Kingma and Ba 2015; Loshchilov and Hutter 2019), step t from 1, as PyTorch's:
 *   AdamW  p -= lr decay p ;            g unchanged
 *   Adam   g += decay p
 *   m = b1 m + (1-b1) g ,  v = b2 v + (1-b2) g^2
 *   p -= lr/(1-b1^t) m / (sqrt(v)/sqrt(1-b2^t) + eps)               b1 0.9, b2 0.999, eps 1e-8
 */
#ifndef IMR_ADAPTER_OPTIMISER_H
#define IMR_ADAPTER_OPTIMISER_H

#include <stdint.h>

#include "adapter/weights.h"

typedef enum imr_optimiser_kind { IMR_ADAMW, IMR_ADAM } imr_optimiser_kind;

const char *imr_optimiser_name(imr_optimiser_kind kind); /* "AdamW", "Adam" */

typedef struct imr_optimiser {
    imr_optimiser_kind kind;
    double lr, weight_decay;
    uint64_t step;
    float *first, *second; /* moments, [count] */
    size_t count;
} imr_optimiser;

imr_status imr_optimiser_init(imr_optimiser *o, imr_optimiser_kind kind, double lr,
                              double weight_decay, const imr_weights *w,
                              imr_error *err) IMR_NODISCARD;
void imr_optimiser_done(imr_optimiser *o); /* {0} is fine */

/* One step on w; gradient has its shape. */
void imr_optimiser_step(imr_optimiser *o, imr_weights *w, const imr_weights *gradient);

#endif
