/*
 * task/train.h - from a cache to a trained adapter on disk.
 *
 * A recipe says what is learnt from and how (method.md section 5); options override single parts.
 *
 *   corpus       asks of the collection itself (task/pseudo.h), and judgements of the split
 *                "train", where there are any, in a second batch of each step; needs texts and the
 *                encoder
 *   imrnns-0.2   judgements alone, as the authors' package 0.2 trains
 *   imrnns-0.1   judgements alone, as the release of March 2026: loss mnrl, form diagonal
 *
 * Validation. The cache's split val/dev where it has judgements, else 15 % of the judged training
 * queries, drawn with the seed (at least one), for imrnns-0.2 the ones that package takes
 * (retrieval/reference_split.h). Recipe corpus holds out documents, not only queries:
 * no document that is relevant to a validation query is relevant to a training query, nor does it
 * ask; and a twentieth of the asks (at most 500) has to find its own rest among all documents,
 * which counts beside the judged queries, or alone without any. The epoch with the best value is
 * kept, epoch 0 (before training) too.
 *
 * Writes OUTPUT_DIR/adapter.pt, adapter.safetensors and history.json, each whole or not at all.
 */
#pragma once

#include "adapter/train.h"
#include "encoder/encoder.h"
#include "retrieval/cache.h"
#include "task/examples.h"

typedef enum imr_recipe {
    IMR_RECIPE_CORPUS,
    IMR_RECIPE_IMRNNS_02,
    IMR_RECIPE_IMRNNS_01,
    IMR_RECIPES
} imr_recipe;

const char *imr_recipe_name(imr_recipe r); /* "corpus", "imrnns-0.2", "imrnns-0.1" */

typedef struct imr_train_plan {
    imr_recipe recipe;
    imr_form form;
    size_t output_dim, hidden_dim; /* m, h; m 0: the encoder's */
    imr_train_options options;     /* epochs, loss, rate ...; negatives: a query's */
    imr_miner miner;
    size_t negative_pool; /* results the negatives are taken from */
    double judged_weight; /* recipe corpus: of the judgements' batch */
    uint32_t feedback_k;  /* of validation; cut to the number of documents */
    size_t max_queries;   /* of each split; 0: all */
} imr_train_plan;

/* The recipe's values everywhere. */
imr_train_plan imr_train_plan_of(imr_recipe recipe);

/* The ranking of some validation queries: mean of nDCG@10, Recall@10 and RR@10, and nDCG@10
 * alone. */
typedef struct imr_train_measure {
    size_t queries;
    double encoder, after;           /* the mean of the three, what epochs are chosen by */
    double encoder_ndcg, after_ndcg; /* nDCG@10 */
} imr_train_measure;

typedef struct imr_train_outcome {
    imr_adapter *adapter; /* the best epoch's; the caller's */
    imr_train_history history;
    size_t asks, judged;           /* queries trained on */
    bool validation_carved;        /* taken out of the training queries */
    imr_train_measure asked;       /* on the asks held out; queries 0: another recipe */
    imr_train_measure all, unseen; /* of the adapter kept; unseen: queries none of whose relevant
                                      documents is relevant to a training query */
    const char *negatives_from;    /* "the cache", "BM25" or "the encoder"; static */
} imr_train_outcome;

void imr_train_outcome_done(imr_train_outcome *o); /* {0} is fine */

/*
 * encoder: for the asks of recipe corpus, else NULL. Errors: IMR_E_NOT_FOUND when the cache has
 * nothing to train on, each with what would help; IMR_E_USAGE for options out of range; what
 * imr_pseudo_open and imr_train return. When training is cancelled after an epoch was finished, the
 * outcome holds the best so far and history.cancelled is set.
 */
imr_status imr_train_cache(imr_train_outcome *out, const imr_cache *cache,
                           const imr_encoder *encoder, const imr_train_plan *plan,
                           const imr_progress *progress, imr_error *err);

/* What training did, in words, one paragraph: what was learnt from, what it was measured on, better
 * or not. */
void imr_train_verdict(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan);

extern const char *const imr_train_files[]; /* what it writes, ended by NULL */
/* The folder is made. command[n]: the command line, for the history. */
imr_status imr_train_save(const imr_train_outcome *o, const imr_cache *cache,
                          const imr_train_plan *plan, const char *output_dir,
                          const char *const *command, size_t n, imr_error *err);
