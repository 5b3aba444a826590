/*
 * retrieval/search.h - exact nearest documents of a query by inner product.
 *
 *   score_i = q . d_i     float32 sums over m (cosine when both are unit vectors)
 *
 * Order: math/topk.h takes the best of the scores (a pass over N floats, a hundredth of the scan);
 * here are the scores, and the ranks of chosen documents among all. The id order comes as a table
 * (imr_topk_places, documents.ids.places of a cache).
 * Threads: reads only; OpenMP over blocks of documents. Every row is summed in one fixed order,
 * whatever the number of threads.
 */
#pragma once

#include "math/matrix.h"

/* scores[i] = (documents_i . query) (scale[i] by), query [cols]: cosines, when scale [rows] has
 * 1/|d_i| (NULL: 1, rows are unit vectors) and by is 1/|query|. */
void imr_search_cosines(float *scores, imr_rows documents, const float *query, const float *scale,
                        float by);

/* ranks[j] = rank (from 1) of documents[j] among all n scores, for count documents: one pass over
 * the scores for all of them. IMR_E_MEMORY. */
imr_status imr_search_ranks(uint32_t *ranks, const uint32_t *documents, size_t count,
                            const float *scores, size_t n, const uint32_t *places, imr_error *err);
