/*
 * task/examples.h - what training is shown: queries with the rows of documents they are about, and
 * of others that look like it.
 *
 * Judged: positives are judgements with a grade over 0, the best grade first, equal ones in file
 * order. Pseudo (task/pseudo.h): document i asks, its rest is positive: row documents + i,
 * and other documents that ask are negatives as their rests, so that a title tells nothing.
 * Negatives: the cache's own, else mined, BM25's (retrieval/bm25.h) or the encoder's: the `pool`
 * best by the cosine of the base vectors, ties as everywhere, less the query's positives, best
 * first.
 */
#pragma once

#include "adapter/train.h"
#include "base/array.h"
#include "retrieval/cache.h"
#include "session/ranker.h"

typedef enum imr_miner { IMR_MINER_BM25, IMR_MINER_ENCODER } imr_miner;

typedef struct imr_examples {
    IMR_ARRAY(uint32_t) positives;
    IMR_ARRAY(uint32_t) negatives;
    uint64_t *positive_start, *negative_start; /* [queries + 1] */
    imr_matrix vectors;                        /* [queries, n] */
    const char *negatives_from;                /* "the cache", "BM25", "the encoder"; static */
} imr_examples;

void imr_examples_done(imr_examples *e); /* {0} is fine */
imr_train_set imr_examples_set(const imr_examples *e, double weight);

typedef struct imr_example_plan {
    imr_miner miner;
    size_t negatives, pool;    /* negatives: of BM25; the encoder's are the whole pool */
    const bool *held;          /* [documents] not to be anybody's positive; NULL: none */
    const imr_ranker *encoder; /* of the cache, without an adapter; not for the miner BM25 */
} imr_example_plan;

/* queries[n] of the cache. Errors: IMR_E_NOT_FOUND when there are no negatives and no texts to mine
 * them from; IMR_E_CANCELLED. */
imr_status imr_examples_judged(imr_examples *out, const imr_cache *cache, const imr_qrels *qrels,
                               const uint32_t *queries, size_t n, const imr_example_plan *plan,
                               const imr_progress *progress, imr_error *err);

/* asks[n] of the pseudo cache; documents: the row of the cache each of its rows came from. */
imr_status imr_examples_pseudo(imr_examples *out, const imr_cache *cache, const imr_cache *pseudo,
                               const uint32_t *documents, const uint32_t *asks, size_t n,
                               const imr_example_plan *plan, const imr_progress *progress,
                               imr_error *err);

/* The k best documents of each query by the encoder's cosine, best first: out[queries, k].
 * encoder: of the cache, without an adapter. */
imr_status imr_examples_nearest(uint32_t *out, const imr_ranker *encoder, imr_view queries,
                                size_t k, const imr_progress *progress, imr_error *err);
