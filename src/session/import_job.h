/*
 * session/import_job.h - vectors somebody else computed, as a cache of ours.
 *
 * A cache the reference wrote is read as it is everywhere; importing it adds what that layout
 * lacks: texts, judgements, mapped vectors. Vectors are taken over by document and query id; a
 * prefix is already in them. What the old cache has no vector for is encoded when there is an
 * encoder (of the same model), else an error that names it.
 */
#ifndef IMR_SESSION_IMPORT_JOB_H
#define IMR_SESSION_IMPORT_JOB_H

#include "encoder/encoder.h"
#include "retrieval/store.h"

/*
 * encoder may be NULL. result may be NULL: encoded_rows then counts taken over rows too. Resumable
 * and exclusive as imr_store_build. Errors: imr_store_build's; IMR_E_SHAPE when the encoder's
 * dimension is not the cache's; IMR_E_NOT_FOUND names a document or query without a vector.
 */
imr_status imr_cache_import(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_cache *from, const imr_encoder *encoder, imr_dtype dtype,
                            bool overwrite, const imr_progress *progress,
                            imr_error *err) IMR_NODISCARD;

#endif
