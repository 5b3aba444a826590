/*
 * task/export.h - a cache of ours as the authors' package 0.2 has it
 * (retrieval/reference_cache.c, schema 2), for their `imrnns train` and `imrnns evaluate`.
 *
 * Splits are theirs (retrieval/reference_split.h), negatives too: the `pool` documents of the
 * largest cosine of the encoder's vectors, best first, without the query's relevant ones, at most
 * `negatives` of them. Vectors are float32 views of one storage; ids in byte order.
 * Files are written whole or not at all, the manifest last: a folder without it is no cache.
 * Memory: the vectors once more where they are not mapped float32; a block of 128 queries.
 */
#pragma once

#include "base/progress.h"
#include "retrieval/cache.h"

typedef struct imr_export_plan {
    size_t negatives, pool; /* 0: theirs, 63 of 100 */
    bool overwrite;         /* files that are there already */
} imr_export_plan;

/*
 * Errors: IMR_E_NOT_FOUND when the cache has no dataset or its dataset no judgements, or a query or
 * document of theirs has no vector; IMR_E_LIMIT above 4 GiB of vectors; IMR_E_IO, for a
 * file that is there and overwrite off, too; IMR_E_NUMERIC, IMR_E_CANCELLED.
 */
imr_status imr_cache_export(const char *dir, const imr_cache *cache, const imr_export_plan *plan,
                            const imr_progress *progress, imr_error *err);
