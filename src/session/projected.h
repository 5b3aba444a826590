/*
 * session/projected.h - a cache's documents in the working space of one adapter: made once, kept on
 * the disk when there are many, mapped from then on.
 *
 *   d_i                  adapter/adapter.h of every document vector, in the precision of the store
 *   base_scale_i         1/|base vector|, 0 for a vector of zeros
 *   working_scale_i      1/|d_i| of d_i as it is held; NULL where that is 1: form diagonal, float32
 *
 * Below IMR_PROJECTED_KEEP_FROM documents, and for caches that are no store of ours, all of it is
 * made in memory at each opening. From there on it lies in
 *
 *   CACHE/projected/<sha256 of the adapter file>           native byte order
 *     4,096 bytes   what it belongs to: version, type, N, n, m, form, sha256 of adapter and of the
 *                   cache's manifest; compared as a whole
 *     [N,m]         d, padded to 64 bytes
 *     float32 [N]   base_scale
 *     float32 [N]   working_scale, where there is one
 *
 * A file of another identity or size, or one whose sampled rows are not what the adapter makes of
 * the cache's, is made again. It is written as <sha256>.partial under a lock, flushed, then renamed
 * (base/kept.h): killed at any moment, nothing half-written has the name. Two processes never write
 * one file: the second works in memory. What cannot be written (read-only folder, full disk) is
 * held in memory too, and `notice` says so. The folder can be deleted at any time.
 *
 * A mapped file is a stranger's: rows that are not sampled may hold any value, so whoever ranks
 * with them checks what comes out (session/ranker.h does).
 */
#pragma once

#include "adapter/adapter.h"
#include "base/file.h"
#include "base/progress.h"
#include "math/matrix.h"
#include "retrieval/cache.h"

/* Projecting fewer takes less than a tenth of a second on any machine that runs this well. */
#define IMR_PROJECTED_KEEP_FROM 50000

typedef struct imr_projected {
    imr_rows d;                              /* [N,m] */
    const float *base_scale, *working_scale; /* [N]; the latter may be NULL */
    char *notice;  /* NULL, or one sentence: why a large corpus is held in memory */
    imr_file file; /* mapped, or empty */
    void *owned;   /* or in memory */
} imr_projected;

/*
 * Maps, or makes and then maps. keep_from: documents from which on there is a file, 0:
 * IMR_PROJECTED_KEEP_FROM, SIZE_MAX: never. Looks at progress every few milliseconds.
 * Errors: IMR_E_SHAPE names both dimensions when the adapter does not fit the cache; IMR_E_NUMERIC
 * names the document whose vector is not finite or does not fit float16; IMR_E_CANCELLED, which
 * leaves no file; IMR_E_MEMORY.
 */
imr_status imr_projected_open(imr_projected *out, const imr_adapter *adapter,
                              const imr_cache *cache, size_t keep_from,
                              const imr_progress *progress, imr_error *err);
void imr_projected_done(imr_projected *p); /* {0} is fine */
