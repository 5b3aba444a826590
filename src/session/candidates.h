/*
 * session/candidates.h - the feedback documents of many queries in one read of the corpus.
 *
 *   out[q] = the K documents with the largest cos(query_q, d_i), best first; ties as everywhere
 *            (math/topk.h), NaN last
 *
 * One query alone is a scan, bound by memory; a hundred together are a matrix product in blocks
 * (a million documents of 256 values: 0.5 s instead of 100 scans of 30 ms and more). Similarities
 * are sums in another order than the ranker's, so documents closer than 1e-6 may change places.
 * Memory: queries x (4,096 + 2K) values.
 * Threads: OpenMP over queries; looks at progress after every 4,096 documents.
 */
#ifndef IMR_SESSION_CANDIDATES_H
#define IMR_SESSION_CANDIDATES_H

#include "base/progress.h"
#include "math/matrix.h"

/* queries [q,cols] and documents d [N,cols] of one space, scale [N] 1/|d_i| (NULL where that is 1);
 * places: imr_cache_id_places; k at most N; what: the words for progress. Errors: IMR_E_CANCELLED,
 * IMR_E_MEMORY. */
imr_status imr_candidates(uint32_t *out, imr_rows d, const float *scale, const uint32_t *places,
                          imr_view queries, size_t k, const char *what,
                          const imr_progress *progress, imr_error *err) IMR_NODISCARD;

#endif
