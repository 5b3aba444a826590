/*
 * adapter/hypernet.h - from vectors to a scale and a bias for every dimension (forms diagonal
 * and mean).
 *
 * Formula:  hyper(v) = L3(relu(L2(relu(L1 v)))),  scale = sigmoid(first m), bias = tanh(last m)
 *           method.md section 1
 * Shapes:   v [rows,m]; h1 [rows,h], h2 [rows,h/2], out [rows,2m]: scale, then bias, in each row
 * Range:    scale in (0,1), bias in (-1,1)
 * Aliasing: none. No allocation.
 * Threads: const weights, the rest is the caller's.
 */
#ifndef IMR_ADAPTER_HYPERNET_H
#define IMR_ADAPTER_HYPERNET_H

#include "adapter/weights.h"

typedef enum imr_side { IMR_SIDE_QUERY, IMR_SIDE_DOC } imr_side; /* whose hypernet */

/* Dropout multipliers after each relu, 0 or 1/(1-p), [rows,h] and [rows,h/2]; NULL outside
 * training. */
typedef struct imr_dropout {
    const float *h1, *h2;
} imr_dropout;

/* One layer of any form's nets: out = relu(L v), then dropout; mask may be NULL. */
void imr_hidden_layer(float *out, imr_view v, const imr_weights *w, imr_weight_id id,
                      const float *mask);

void imr_hypernet(const imr_weights *w, imr_side side, imr_view v, const imr_dropout *dropout,
                  float *h1, float *h2, float *out);

#endif
