/*
 * adapter/loss.h - the training losses on modulated vectors, and their gradients.
 *
 * Formulas (method.md section 5), hats for unit vectors, column 0 of every list the positive:
 *   mnrl    mean_a -log softmax_b(scale * q^_a . d^_b0)[a]        the lists' other columns act only
 *                                                                 through the feedback mean
 *   margin  mean over a and l >= 1 of max(0, margin - q^_a . d^_a0 + q^_a . d^_al)
 *   improvement  the same with margin + base_a0 - base_al for margin: the adapter is to hold the
 *           positive further from each negative than the encoder does
 * Shapes:   q [size,m], d [size,list,m], base [size,list] cosines of the encoder's vectors (NULL
 *           but for improvement); dq, dd gradients of the same shapes, overwritten
 * Precision: norms and the softmax in double, gradients float32
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

typedef enum imr_loss_kind { IMR_LOSS_MNRL, IMR_LOSS_MARGIN, IMR_LOSS_IMPROVEMENT } imr_loss_kind;

typedef struct imr_loss {
    imr_loss_kind kind;
    double scale;  /* mnrl: 10 */
    double margin; /* margin: 0.3; improvement: 0.05 */
} imr_loss;

extern const char *const imr_loss_names[]; /* "mnrl", "margin", "improvement" */

/* Values of scratch imr_loss_run needs. */
size_t imr_loss_scratch(size_t size, size_t list, size_t m);

/* Returns the loss. All but mnrl need list >= 2. */
double imr_loss_run(const imr_loss *loss, const float *q, const float *d, const float *base,
                    size_t size, size_t list, size_t m, float *dq, float *dd, float *scratch);
