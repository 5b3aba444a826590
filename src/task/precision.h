/*
 * task/precision.h - what an encoder of less precision costs and gains on a dataset.
 *
 * A sample of the dataset (task/sample.h) is encoded by both encoders, in turns of a few texts
 * so that both meet the same machine, and ranked exactly by both: the numbers are those `evaluate`
 * prints of two caches of this collection.
 */
#pragma once

#include "base/progress.h"
#include "encoder/encoder.h"
#include "retrieval/dataset.h"
#include "retrieval/significance.h"

typedef struct imr_precision_effect {
    size_t documents, of_documents; /* of the sample, of the dataset */
    size_t queries, of_queries;     /* of the sample, of the split or of the dataset */
    const char *split;              /* NULL: nothing is judged. The dataset's. */
    double mean_cosine;             /* of the two vectors of a document or query */
    double least_cosine;
    double seconds, exact_seconds; /* to encode the documents; 0 when the clock is frozen */
    size_t k;                      /* 10, or how many documents there are */
    imr_significance ndcg;         /* nDCG@k: a exact, b not; all 0 when nothing is judged */
    size_t same_lists;             /* queries with the same first k documents in the same order */
    double overlap;                /* mean share of them that both have; 1 without queries */
} imr_precision_effect;

/*
 * exact: the same encoder in float32. Memory: twice the sample's vectors.
 * IMR_E_CANCELLED; errors of the encoders and of reading documents.
 */
imr_status imr_precision_compare(imr_precision_effect *out, const imr_encoder *encoder,
                                 const imr_encoder *exact, const imr_dataset *dataset,
                                 const imr_progress *progress, imr_error *err);
