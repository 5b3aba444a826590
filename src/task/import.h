/*
 * task/import.h - vectors somebody else computed, as a cache of ours.
 *
 * A cache the reference wrote is read as it is everywhere; importing it adds what that layout
 * lacks: texts, judgements, mapped vectors. Vectors are taken over by document and query id; a
 * prefix is already in them. What the old cache has no vector for is encoded when there is an
 * encoder (of the same model), else an error that names it.
 *
 * Memory: a block of the writer is IMR_IMPORT_BLOCK bytes of float32 vectors (4 MiB: 2,730 of 384
 * dimensions, 1,024 of 1,024); one block is held. When both the cache (one_pass) and the dataset
 * were opened with a scratch (base/scratch.h), nothing else grows with the collection: the whole
 * process stays below two blocks of anonymous memory, whatever the size of the files. Everything
 * else is pages of files, which the kernel may drop or write out: the mapped .pt (given back every
 * 16 to 32 MB while vectors are taken over, not while its checksum and structure are read), the
 * corpus, and tables of ids, places and archive entries, 60 to 150 bytes a vector for the time of
 * the import, without a name in the nearest folder of the cache that exists.
 */
#pragma once

#include "encoder/encoder.h"
#include "retrieval/store.h"

#define IMR_IMPORT_BLOCK ((size_t)4 << 20)

/*
 * encoder may be NULL. result may be NULL: encoded_rows then counts taken over rows too. Resumable
 * and exclusive as imr_store_build. Errors: imr_store_build's; IMR_E_SHAPE when the encoder's
 * dimension is not the cache's; IMR_E_NOT_FOUND names a document or query without a vector.
 */
imr_status imr_cache_import(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_cache *from, const imr_encoder *encoder, imr_dtype dtype,
                            bool overwrite, const imr_progress *progress, imr_error *err);
