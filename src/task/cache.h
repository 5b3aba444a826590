/*
 * task/cache.h - encode a dataset into a cache folder with an encoder: what cache, run and
 * demo share.
 *
 * The encoder's prefixes are put before each text. Resumable, one process at a time, whole or not
 * at all: retrieval/store.h.
 */
#ifndef IMR_TASK_CACHE_H
#define IMR_TASK_CACHE_H

#include "encoder/encoder.h"
#include "retrieval/store.h"

/*
 * result may be NULL. Errors: imr_store_build's, the encoder's, imr_encoder_sha256's.
 */
imr_status imr_cache_encode(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_encoder *encoder, imr_dtype dtype, bool overwrite,
                            const imr_progress *progress, imr_error *err) IMR_NODISCARD;

#endif
