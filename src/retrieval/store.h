/*
 * retrieval/store.h - our cache on disk, built so that it can be killed at any moment.
 *
 *   DIR/manifest.json   written last: a folder without it is no cache yet. Known beforehand but for
 *                       "tokens": how much of the texts the encoder reads
 *   DIR/documents.npy   [documents, n] '<f4' or '<f2', mapped as it is
 *   DIR/queries.npy     [queries, n], the same type
 *   DIR/document_ids    one id a line, in row order; query_ids likewise
 *   DIR/document_ids.index
 *                       the same ids to be mapped, with their order (retrieval/ids.h); made again
 *                       when it is absent or does not fit
 *   DIR/offsets         where each document's line lies in the corpus (retrieval/dataset.h)
 *   DIR/texts           a hash of the text each vector was made from: what is not encoded again
 *   DIR/update/         while a finished cache is being replaced: the new one
 *   DIR/journal         while building: what is being built and the sha256 of each finished block
 *   DIR/lock            held while building
 *   DIR/projected/      derived, may be deleted: session/projected.h
 *   DIR/tokens/         likewise: session/encoded_table.h
 *   DIR/unpacked/       likewise, of a corpus that is a FILE.zip: the BEIR folder in it, unpacked
 *                       when the cache is first opened (retrieval/dataset.h)
 *
 * Vectors come in blocks of `block` texts, noted in the journal (base/kept.h). The next run of
 * the same build goes on after the last good one. A journal of another build (other dataset,
 * encoder, type or length) is thrown away. A full disk ends the build with an error and leaves it
 * resumable.
 *
 * A finished cache of the same encoder and dataset is brought up to date: only texts it has not are
 * encoded, and it ends with the bytes of a cache built from nothing, which a text's vector not
 * depending on the texts beside it allows. Until the new one is whole the old one is there, and who
 * has it open keeps it.
 */
#pragma once

#include "retrieval/cache.h"

#define IMR_STORE_SCHEMA    "imrnn-cache"
#define IMR_STORE_VERSION   1
#define IMR_STORE_MAX_BLOCK 65536u
#define IMR_STORE_UNPACKED  "unpacked" /* in DIR */

/* Vectors of rows [first, first + count), documents or queries, into out[count x n]. */
typedef imr_status (*imr_store_rows_fn)(void *user, bool queries, size_t first, size_t count,
                                        float *out, imr_error *err);

typedef struct imr_store_plan {
    const imr_dataset *dataset;
    const imr_encoder_identity *encoder;
    size_t n;
    imr_dtype dtype; /* IMR_F32 or IMR_F16 */
    size_t block;    /* texts a call of encode gets and a journal line covers; 0: 256. One block of
                        float32 is held: 393,216 bytes of 384 dimensions, 1 MiB of 1,024 */
    bool overwrite;  /* replace a finished cache of something else */
    imr_store_rows_fn rows; /* of vectors that need no text, read from elsewhere: without encode */
    /* NULL, or asked once everything is encoded what the manifest is to say of documents and of
     * queries. */
    imr_status (*count)(void *counter, imr_token_totals out[2], imr_error *err);
    void *counter;
} imr_store_plan;

typedef struct imr_store_result {
    bool already;        /* DIR held exactly this cache: nothing was done */
    size_t resumed_rows; /* rows taken over from a stopped run */
    size_t kept_rows;    /* rows of the cache that was replaced, resumed ones not counted */
    size_t encoded_rows;
    imr_token_totals tokens[2]; /* of documents and queries, as the plan's count says */
} imr_store_result;

/*
 * Builds DIR. result may be NULL. Errors:
 *   IMR_E_BUSY        another process builds DIR
 *   IMR_E_NUMERIC     names the text whose vector is not finite
 *   IMR_E_IO          a refused write; DIR holds a finished cache of another encoder or dataset,
 *                     overwrite is off
 *   IMR_E_CANCELLED   resumable, as whatever encode returns
 */
imr_status imr_store_build(imr_store_result *result, const char *dir, const imr_store_plan *plan,
                           imr_encode_fn encode, void *user, const imr_progress *progress,
                           imr_error *err);

/* Folders in DIR of what can be made again: documents as an adapter has them, texts made up to
 * train on, tables of words, audits, and, while its archive is there, the unpacked data set. */
enum { IMR_DERIVED = 5 };
extern const char *const imr_derived_names[IMR_DERIVED];
/* Bytes of the files below DIR/name; `remove`: of those that were removed. */
uint64_t imr_derived_bytes(const char *dir, const char *name, bool remove);
