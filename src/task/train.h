/*
 * task/train.h - from a cache to a trained adapter on disk.
 *
 * Training queries: the split "train". Validation queries: the cache's val/dev split when it has
 * judgements, else 15 % of the training queries, drawn with the seed (at least one). Positives:
 * judgements with a grade over 0, in file order. Negatives: the cache's own, else BM25's, which
 * needs the data set's texts. Validation: nDCG@10 of `after` over the top feedback_k documents.
 *
 * Writes OUTPUT_DIR/adapter.pt, adapter.safetensors and history.json, each whole or not at all.
 */
#ifndef IMR_TASK_TRAIN_H
#define IMR_TASK_TRAIN_H

#include "adapter/train.h"
#include "retrieval/cache.h"

typedef struct imr_train_plan {
    imr_form form;
    size_t output_dim, hidden_dim; /* m, h */
    imr_train_options options;     /* epochs, loss, rate ...; negatives: a query's */
    size_t negative_pool;          /* BM25 results the negatives are taken from */
    uint32_t feedback_k;           /* of validation; cut to the number of documents */
    size_t max_queries;            /* of each split; 0: all */
} imr_train_plan;

typedef struct imr_train_outcome {
    imr_adapter *adapter; /* the best epoch's; the caller's */
    imr_train_history history;
    size_t train_queries, validation_queries;
    bool validation_carved;     /* taken out of the training queries */
    const char *negatives_from; /* "the cache" or "BM25"; static */
    double encoder_validation;  /* nDCG@10 of the encoder's ranking on the validation queries */
} imr_train_outcome;

void imr_train_outcome_done(imr_train_outcome *o); /* {0} is fine */

/*
 * Errors: IMR_E_NOT_FOUND when the cache has no training split, no judgements, or no negatives and
 * no texts to mine them from; IMR_E_USAGE for options out of range; what imr_train returns. When
 * training is cancelled after an epoch was finished, the outcome holds the best so far and
 * history.cancelled is set.
 */
imr_status imr_train_cache(imr_train_outcome *out, const imr_cache *cache,
                           const imr_train_plan *plan, const imr_progress *progress,
                           imr_error *err) IMR_NODISCARD;

/* Writes the three files; the folder is made. command[n]: the command line, for the history. */
imr_status imr_train_save(const imr_train_outcome *o, const imr_cache *cache,
                          const imr_train_plan *plan, const char *output_dir,
                          const char *const *command, size_t n, imr_error *err) IMR_NODISCARD;

#endif
