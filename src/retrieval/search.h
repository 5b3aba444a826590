/*
 * retrieval/search.h - exact nearest documents of a query by inner product.
 *
 *   score_i = q . d_i     float32 sums over m (cosine when both are unit vectors)
 * Order: math/topk.h takes the best of the scores; here are the scores, and the ranks of chosen
 * documents among all. The id order comes as a table (imr_topk_places, imr_cache_id_places).
 * Threads: reads only; OpenMP over blocks of documents.
 */
#ifndef IMR_RETRIEVAL_SEARCH_H
#define IMR_RETRIEVAL_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "math/rows.h"

/* scores[rows] = documents . query; query [cols]. Every row is summed in one fixed order, whatever
 * the number of threads. */
void imr_search_scores(float *scores, imr_rows documents, const float *query);

/* ranks[j] = rank (from 1) of documents[j] among all n scores, for count documents. */
imr_status imr_search_ranks(uint32_t *ranks, const uint32_t *documents, size_t count,
                            const float *scores, size_t n, const uint32_t *places,
                            imr_error *err) IMR_NODISCARD;

#endif
