/*
 * adapter/train.h - train an adapter from vectors in memory.
 *
 * Method (method.md section 5): an example is a query with `negatives` documents it is not about
 * and one it is about. Either the first of each list, as the reference does, or drawn anew in every
 * epoch (`draw`); a list that is too short repeats its last one; a query without a positive or
 * without negatives is left out. Each epoch goes once through the examples of the first set in a
 * new seeded order, in batches, the last one possibly smaller. With a second set each step also
 * takes a batch of that one, begun again when it is used up; its loss is added with its weight.
 *
 * Validation judges the adapter before training (epoch 0) and after each epoch; the best is kept,
 * epoch 0 too, and after `patience` epochs without a better one training stops. It knows nothing of
 * retrieval.
 *
 * Deterministic for a given seed, thread count and processor.
 * Memory: about six times the weights (seven with a second set) and one batch.
 */
#pragma once

#include "adapter/adapter.h"
#include "adapter/loss.h"
#include "base/progress.h"
#include "math/matrix.h"

/* ---- the optimiser ----
 *
 * Adam with decoupled or with L2 weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019),
 * step t from 1, as PyTorch's:
 *   AdamW  p -= lr decay p ;            g unchanged
 *   Adam   g += decay p
 *   m = b1 m + (1-b1) g ,  v = b2 v + (1-b2) g^2
 *   p -= lr/(1-b1^t) m / (sqrt(v)/sqrt(1-b2^t) + eps)               b1 0.9, b2 0.999, eps 1e-8 */

typedef enum imr_optimiser_kind { IMR_ADAMW, IMR_ADAM } imr_optimiser_kind;

extern const char *const imr_optimiser_names[]; /* "AdamW", "Adam" */

typedef struct imr_optimiser {
    imr_optimiser_kind kind;
    double lr, weight_decay;
    uint64_t step;
    float *first, *second; /* moments, [count] */
    size_t count;
} imr_optimiser;

imr_status imr_optimiser_init(imr_optimiser *o, imr_optimiser_kind kind, double lr,
                              double weight_decay, const imr_weights *w, imr_error *err);
void imr_optimiser_done(imr_optimiser *o); /* {0} is fine */

/* One step on w; gradient has its shape. */
void imr_optimiser_step(imr_optimiser *o, imr_weights *w, const imr_weights *gradient);

/* ---- what is trained on ---- */

/* Queries and their lists. Rows of the documents by index, in the order of preference. */
typedef struct imr_train_set {
    imr_view queries;               /* [Q,n] encoder vectors, prefix included */
    const uint64_t *positive_start; /* [Q+1]: query i's positives are at [start[i], start[i+1]) */
    const uint32_t *positives;
    const uint64_t *negative_start; /* [Q+1] */
    const uint32_t *negatives;
    double weight; /* of its loss; 1 for the first set */
} imr_train_set;

#define IMR_TRAIN_SETS 2

/* Borrowed. Document D + i is row i of more. */
typedef struct imr_train_data {
    imr_rows documents; /* [D,n] */
    imr_view more;      /* [E,n]; {0}: none */
    imr_train_set set[IMR_TRAIN_SETS];
    size_t n_sets;
} imr_train_data;

typedef struct imr_train_options {
    imr_loss loss;
    imr_optimiser_kind optimiser;
    double lr, weight_decay, dropout;
    size_t batch_size, negatives; /* batch_size: queries of each set in a step */
    bool draw;       /* positive and negatives at random from the lists, else their first ones */
    size_t epochs;   /* 0: until patience ends it */
    size_t patience; /* epochs without a better validation; 0: never stop early */
    uint64_t seed;
} imr_train_options;

/* The columns of method.md section 5. mnrl: AdamW, 10 epochs; margin: Adam, until patience ends
 * it. Both: lr 1e-4, decay 1e-5, dropout 0.1, batch 32, 20 negatives, patience 5, seed 1.
 * improvement: as the authors' package 0.2: Adam, 30 epochs, 63 negatives, patience 7, no dropout,
 * margin 0.05. */
imr_train_options imr_train_defaults(imr_loss_kind loss);

typedef struct imr_train_epoch {
    double loss;       /* mean over batches, dropout on; NaN for epoch 0 */
    double validation; /* what the callback said; NaN without one */
    double seconds;    /* training and validation; 0 under a frozen clock */
} imr_train_epoch;

typedef struct imr_train_history {
    imr_train_epoch *v; /* [n + 1]: v[0] before training, v[e] after epoch e */
    size_t n;           /* epochs done */
    size_t best;        /* the epoch kept, 0 to n */
    size_t examples;    /* queries trained on, of all sets */
    size_t left_out;    /* queries without a positive or without negatives */
    bool cancelled, stopped_early;
} imr_train_history;

void imr_train_history_done(imr_train_history *h); /* {0} is fine */

/* A number to be made as large as possible, such as nDCG@10 over the validation queries. The
 * adapter is borrowed for the call. */
typedef double (*imr_train_validate)(void *user, const imr_adapter *a);

/*
 * Trains a from its present weights; on success a holds the best epoch's (the last one's without
 * validation). progress is called for every batch; cancelling ends training with the best epoch so
 * far and history->cancelled, or with IMR_E_CANCELLED when no epoch was finished.
 * history is the caller's, to be ended with _done; may not be NULL.
 * Errors: IMR_E_SHAPE (dimensions that do not fit, an index outside the documents, no example at
 * all), IMR_E_USAGE (an option out of range, named), IMR_E_NUMERIC (the loss is no longer finite),
 * IMR_E_MEMORY. On failure a and history are untouched.
 */
imr_status imr_train(imr_adapter *a, imr_train_history *history, const imr_train_data *data,
                     const imr_train_options *options, imr_train_validate validate, void *user,
                     const imr_progress *progress, imr_error *err);
