/*
 * task/sample.h - a part of a dataset small enough to be encoded for a comparison, with queries
 * that can be judged on it.
 *
 * Documents: all of up to IMR_SAMPLE_LEAST, else a tenth of the dataset, no fewer than that and no
 * more than IMR_SAMPLE_MOST. Queries: up to IMR_SAMPLE_QUERIES, evenly spread over the judged ones
 * of the split that `evaluate` takes unasked (test, else dev, else the first that has any); without
 * judgements over all. The documents judged for them come first, the IMR_SAMPLE_JUDGED best graded
 * of each query, and as many queries are taken as these leave room for; the rest is evenly spread
 * over the corpus. The same dataset gives the same sample.
 *
 * Whatever ranks such a sample has fewer documents to beat than in the whole collection: its nDCG
 * is higher and compares only with another ranking of the same sample, and its scores lie further
 * apart: small errors exchange fewer documents.
 */
#pragma once

#include "retrieval/dataset.h"

#define IMR_SAMPLE_LEAST   500u
#define IMR_SAMPLE_MOST    1000u
#define IMR_SAMPLE_QUERIES 300u
#define IMR_SAMPLE_JUDGED  10u

typedef struct imr_sample {
    uint32_t *document, *query; /* rows of the dataset; queries in the order of the split */
    size_t documents, of_documents;
    size_t queries, of_queries; /* of those that could have been taken */
    const char *split;          /* NULL: no query of the dataset is judged. The dataset's. */
    const imr_qrels *qrels;     /* the split's, NULL likewise */
} imr_sample;

/* Errors: those of reading documents; IMR_E_MEMORY. */
imr_status imr_sample_take(imr_sample *out, const imr_dataset *from, imr_error *err);
void imr_sample_done(imr_sample *s); /* {0} is fine */
