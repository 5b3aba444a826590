/*
 * retrieval/store_internal.h - the files of a store that are derived from others: store.c has
 * them written, store_open.c reads them and makes them again when they are absent or do not fit.
 *
 * document_ids.index   retrieval/ids.h
 * offsets
 *   1. 48 bytes     store_offsets, little-endian
 *   2. u64 [count]  offset of each document's line in the corpus
 *   3. u32 [count]  its length
 *   count is 0 for datasets without a corpus file.
 * texts
 *   1. a line: "imrnn-texts 1", the sha256 of the manifest, documents, queries
 *   2. a line for each document, then for each query: the first 32 digits of the sha256 of what the
 *      encoder was given, its prefix included
 *   Absent where the vectors came from elsewhere.
 * update/              a cache being built to replace this one (store.c)
 */
#ifndef IMR_RETRIEVAL_STORE_INTERNAL_H
#define IMR_RETRIEVAL_STORE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strmap.h"
#include "retrieval/cache_internal.h"
#include "retrieval/store.h"

#define STORE_IDS_INDEX "document_ids.index"
#define STORE_OFFSETS   "offsets"
#define STORE_TEXTS     "texts"
#define STORE_UPDATE    "update"

imr_status imr_store_write_offsets(const char *dir, const imr_dataset *d,
                                   imr_error *err) IMR_NODISCARD;
/* manifest: its sha256. jobs: documents, queries. */
imr_status imr_store_write_texts(const char *dir, const char *manifest,
                                 const imr_encode_job jobs[2], const imr_progress *progress,
                                 imr_error *err) IMR_NODISCARD;

/* The vectors of the cache in a folder by the texts they were made from. */
typedef struct imr_store_reuse {
    imr_encode_fn encode; /* for texts that cache has not */
    void *user;
    size_t kept; /* texts that needed no encoding so far */
    imr_cache *cache;
    imr_file texts;
    imr_strmap rows; /* documents, then queries */
} imr_store_reuse;

/* r has encode and user. A cache of another encoder, or one that cannot be read, gives none. */
imr_status imr_store_reuse_open(imr_store_reuse *r, const char *dir, const imr_store_plan *plan,
                                imr_error *err) IMR_NODISCARD;
/* An imr_encode_fn; user is the imr_store_reuse. */
imr_status imr_store_reuse_encode(void *user, const imr_encode_texts *t, float *out,
                                  imr_error *err) IMR_NODISCARD;
void imr_store_reuse_done(imr_store_reuse *r);

#define STORE_CHANGES_NAMED 3

/* How a dataset differs from the one a cache was made from. */
typedef struct store_changes {
    bool known; /* false: the cache does not say what its texts were */
    size_t same, changed, added, gone, named;
    char names[200]; /* of the first that changed or were added */
} store_changes;

/* rows[documents of c]: the document of d with the same text, UINT32_MAX where there is none. */
imr_status imr_store_compare(store_changes *out, uint32_t *rows, const imr_cache *c,
                             const imr_dataset *d, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

/* Was the replacement of a cache by the one in DIR/update stopped half-way? */
bool imr_store_update_stopped(const char *dir);

#endif
