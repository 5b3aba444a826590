/*
 * task/cache.h - make an encoder, and encode a dataset into a cache folder with one: what cache,
 * run and demo share.
 *
 * The encoder's prefixes are put before each text. Resumable, one process at a time, whole or not
 * at all: retrieval/store.h. The manifest says how much of the texts the encoder reads. While a
 * transformer encodes all documents in one go, the table of the corpus's words in context is made
 * (session/context_table.h) and kept beside the vectors; after a stop it is not, and made by who
 * needs it. Without it or where it cannot be kept, the cache is whole.
 */
#pragma once

#include "encoder/encoder.h"
#include "encoder/train_static.h"
#include "retrieval/store.h"

/*
 * A static encoder from a dataset's documents (imr_dataset_text) into a Model2Vec folder, by the
 * method of encoder/train_static.h. *words: rows of the table; may be NULL. Errors:
 * imr_static_train's, imr_static_write's.
 */
imr_status imr_encoder_train(size_t *words, const char *folder, const imr_dataset *dataset,
                             const imr_static_train_options *options, const imr_progress *progress,
                             imr_error *err);

/*
 * result may be NULL. Errors: imr_store_build's, the encoder's, imr_encoder_sha256's.
 */
imr_status imr_cache_encode(imr_store_result *result, const char *dir, const imr_dataset *dataset,
                            const imr_encoder *encoder, imr_dtype dtype, bool overwrite,
                            const imr_progress *progress, imr_error *err);

/* An encoder as caches name it. */
typedef struct imr_encoder_names {
    imr_encoder_identity identity; /* strings of the encoder and of this struct */
    char sha256[IMR_SHA256_HEX];
    char *path; /* absolute: the cache is opened from any folder */
} imr_encoder_names;

imr_status imr_encoder_names_init(imr_encoder_names *out, const imr_encoder *encoder,
                                  imr_error *err);
void imr_encoder_names_done(imr_encoder_names *n); /* {0} is fine */

/* imr_store_plan.count for a token_counter: the texts are tokenised, on all threads. */
typedef struct imr_token_counter {
    const imr_dataset *dataset;
    const imr_encoder *encoder;
    const imr_encoder_identity *identity; /* for its prefixes */
    const imr_progress *progress;
} imr_token_counter;
/* The text of a document or query as it is encoded, its prefix before it. */
imr_status imr_counter_text(imr_buf *out, const imr_token_counter *c, bool queries, size_t row,
                            imr_error *err);
imr_status imr_count_tokens(void *counter, imr_token_totals out[2], imr_error *err);
