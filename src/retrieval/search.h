/*
 * retrieval/search.h - exact nearest documents of a query by inner product.
 *
 *   score_i = q . d_i     float32 sums over m (cosine when both are unit vectors)
 * Order: higher score, then larger id (strcmp), on the float32 value: the trec_eval rule. The id
 * order comes as a table (imr_cache_id_order), so no string is compared here.
 * Threads: reads only; OpenMP over blocks of documents.
 */
#ifndef IMR_RETRIEVAL_SEARCH_H
#define IMR_RETRIEVAL_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "math/matrix.h"

/* order[i]: rank of ids[i] among all by strcmp, 0 the smallest. order[n] is the caller's. */
imr_status imr_id_order(uint32_t *order, const char *const *ids, size_t n,
                        imr_error *err) IMR_NODISCARD;

/* scores[rows] = documents . query; query [cols]. */
void imr_search_scores(float *scores, imr_view documents, const float *query);

/* The k best of n scores, best first: out[k] indexes. k is cut to n; returns how many. A NaN score
 * ranks below every number. */
size_t imr_search_top(uint32_t *out, const float *scores, size_t n, const uint32_t *order,
                      size_t k);

/* ranks[j] = rank (from 1) of documents[j] among all n scores, for count documents. */
imr_status imr_search_ranks(uint32_t *ranks, const uint32_t *documents, size_t count,
                            const float *scores, size_t n, const uint32_t *order,
                            imr_error *err) IMR_NODISCARD;

#endif
