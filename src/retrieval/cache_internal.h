/*
 * retrieval/cache_internal.h - the steps the makers of a cache share.
 *
 * A maker (store_open.c, reference_cache.c, cache_make.c) fills ids, vectors, the encoder and, when
 * there is one, the dataset; imr_cache_finish does the rest.
 *
 * Of the files of a store these are derived from others: store.c has them written, store_open.c
 * reads them and makes them again when they are absent or do not fit.
 * document_ids.index   retrieval/ids.h
 * offsets
 *   1. 48 bytes     offsets_head (store_open.c), little-endian
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
#pragma once

#include "retrieval/store.h"

imr_cache *imr_cache_new(const char *path, const char *layout); /* NULL: no memory */

/* What a manifest of ours calls the strings of an identity. */
extern const char *const imr_encoder_keys[IMR_ENCODER_TEXTS];
/* Copies every string, in place of those there were; NULL becomes "". */
imr_status imr_cache_set_encoder(imr_cache *c, const imr_encoder_identity *from, imr_error *err);
/* What people should know about this cache; a second line is joined with "; ". */
void imr_cache_add_notice(imr_cache *c, const char *format, ...) IMR_PRINTF(2, 3);

/* Scattered vectors become a matrix of float32, all finite; their files are released. */
imr_status imr_cache_gather(imr_cache_rows *rows, const char *what, imr_error *err);
/* IMR_E_NUMERIC names the row; looks at every row, or at `sample` of them spread evenly. */
imr_status imr_cache_check_finite(const imr_cache_rows *rows, const char *what, size_t sample,
                                  imr_error *err);
/* queries NULL: the n behind those of the splits before; else copied. qrels is borrowed, `made`
 * taken. */
imr_status imr_cache_add_split(imr_cache *c, const char *name, const uint32_t *queries, size_t n,
                               const imr_qrels *qrels, imr_qrels *made, imr_error *err);
/* Places, query texts and, unless there are splits, those of the dataset. */
imr_status imr_cache_finish(imr_cache *c, imr_error *err);

/* ---- encoding rows of a dataset ---- */
typedef struct imr_encode_job {
    const imr_dataset *dataset;
    bool queries;       /* else documents */
    const char *prefix; /* put before every text */
} imr_encode_job;

static inline const imr_ids *imr_encode_ids(const imr_encode_job *job)
{
    return job->queries ? &job->dataset->query_ids : &job->dataset->documents;
}

/* Vectors [count,n] of these rows; IMR_E_NUMERIC names the one that is not finite. */
imr_status imr_encode_rows(const imr_encode_job *job, size_t first, size_t count, size_t n,
                           imr_encode_fn encode, void *user, float *out, imr_error *err);

/* ---- the layouts ---- */
imr_status imr_store_open(imr_cache **out, const char *dir, const imr_json *manifest,
                          const imr_cache_options *options, imr_error *err);
/* Has DIR a split with embeddings.pt? */
bool imr_reference_cache_here(const char *dir);
/* manifest: NULL when there is none. */
imr_status imr_reference_cache_open(imr_cache **out, const char *dir, const imr_json *manifest,
                                    const imr_cache_options *options, imr_error *err);

/* ---- files of a store ---- */
#define STORE_IDS_INDEX "document_ids.index"
#define STORE_OFFSETS   "offsets"
#define STORE_TEXTS     "texts"
#define STORE_UPDATE    "update"

imr_status imr_store_write_offsets(const char *dir, const imr_dataset *d, imr_error *err);
/* manifest: its sha256. jobs: documents, queries. */
imr_status imr_store_write_texts(const char *dir, const char *manifest,
                                 const imr_encode_job jobs[2], const imr_progress *progress,
                                 imr_error *err);

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
                                imr_error *err);
/* An imr_encode_fn; user is the imr_store_reuse. */
imr_status imr_store_reuse_encode(void *user, const imr_encode_texts *t, float *out,
                                  imr_error *err);
void imr_store_reuse_done(imr_store_reuse *r);

/* Was the replacement of a cache by the one in DIR/update stopped half-way? */
bool imr_store_update_stopped(const char *dir);
