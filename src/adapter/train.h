/*
 * adapter/train.h - train an adapter from vectors in memory.
 *
 * Method (method.md section 5): one example a query, as the reference does: its first positive and
 * its first `negatives` negatives (a shorter list repeats its last one; a query without a positive
 * or without negatives is left out). Each epoch goes once through the examples in a new seeded
 * order, in batches, the last one possibly smaller. After each epoch the caller's validation judges
 * the adapter; the best epoch so far is kept, and after `patience` epochs without a better one
 * training stops. It knows nothing of retrieval.
 *
 * Deterministic for a given seed, thread count and processor. Memory: about six times the weights
 * and one batch.
 */
#ifndef IMR_ADAPTER_TRAIN_H
#define IMR_ADAPTER_TRAIN_H

#include "adapter/adapter.h"
#include "adapter/loss.h"
#include "adapter/optimiser.h"
#include "base/progress.h"
#include "math/rows.h"

/* Borrowed; rows of `documents` are named by index. Lists in the order of preference. */
typedef struct imr_train_data {
    imr_view queries;               /* [Q,n] encoder vectors, prefix included */
    imr_rows documents;             /* [D,n] */
    const uint64_t *positive_start; /* [Q+1]: query i's positives are at [start[i], start[i+1]) */
    const uint32_t *positives;
    const uint64_t *negative_start; /* [Q+1] */
    const uint32_t *negatives;
} imr_train_data;

typedef struct imr_train_options {
    imr_loss loss;
    imr_optimiser_kind optimiser;
    double lr, weight_decay, dropout;
    size_t batch_size, negatives;
    size_t epochs;   /* 0: until patience ends it */
    size_t patience; /* epochs without a better validation; 0: never stop early */
    uint64_t seed;
} imr_train_options;

/* The columns of method.md section 5. mnrl: AdamW, 10 epochs; margin: Adam, until patience ends
 * it. Both: lr 1e-4, decay 1e-5, dropout 0.1, batch 32, 20 negatives, patience 5, seed 1. */
imr_train_options imr_train_defaults(imr_loss_kind loss);

typedef struct imr_train_epoch {
    double loss;       /* mean over batches, dropout on */
    double validation; /* what the callback said; NaN without one */
    double seconds;    /* training and validation; 0 under a frozen clock */
} imr_train_epoch;

typedef struct imr_train_history {
    imr_train_epoch *v;
    size_t n;        /* epochs done */
    size_t best;     /* index of the epoch kept */
    size_t examples; /* queries trained on */
    size_t left_out; /* queries without a positive or without negatives */
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
                     const imr_progress *progress, imr_error *err) IMR_NODISCARD;

#endif
