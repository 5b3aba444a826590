/*
 * retrieval/reference_internal.h - what the readers of the authors' caches share.
 *
 * Caches the authors' package wrote, read as they are (reference_cache.c). Release 0.1:
 *
 *   1. DIR/manifest.json                                 "encoder": the key of the query files
 *   2. DIR/{train,val,test}/embeddings.pt                dict id -> vector; the same in every split
 *   3. DIR/{...}/query_embeddings_<key>.pt               dict id -> vector, prefixes already in
 *   4. DIR/{...}/negatives.json                          {query: [document, ...]}: its keys are the
 *                                                        split's queries, in this order
 * Release 0.2, "schema_version": 2 in the manifest:
 *
 *   1. DIR/manifest.json                                 documents {count, ids_sha256}, splits
 *                                                        {name: {query_count, query_ids_sha256}}
 *   2. DIR/documents/embeddings.pt, ids.json             dict id -> vector; its keys, a list
 *   3. DIR/{train,validation,test}/query_embeddings.pt   dict id -> vector, prefixes already in
 *   4. DIR/{...}/query_ids.json                          the split's queries
 *   5. DIR/{...}/negatives.json                          {query: [document, ...]}, in their order
 * A hash is that of the ids joined by newlines; ids that have another are refused.
 *
 * A split that is absent is no error, one without a list of queries takes those it has vectors for.
 *
 * torch.save writes a dict of vectors in one of two ways: all of them views of one storage (those
 * of a matrix), or each with a storage of its own, in an archive of as many entries. Both are read
 * without a copy; what is held of each vector is its id and its place (cache_vector), in the
 * scratch when there is one. Read in one pass, queries are kept the same way and negatives.json,
 * splits and texts are left alone.
 */
#ifndef IMR_RETRIEVAL_REFERENCE_INTERNAL_H
#define IMR_RETRIEVAL_REFERENCE_INTERNAL_H

#include "base/array.h"
#include "format/json.h"
#include "retrieval/cache_internal.h"

/* Where things lie. */
typedef struct reference_layout {
    const char *splits[CACHE_REFERENCE_SPLITS];
    bool second; /* release 0.2 */
} reference_layout;

/* Queries of all splits, gathered one split after another. */
typedef IMR_ARRAY(char) reference_ids; /* zero-terminated, one after another */
typedef IMR_ARRAY(cache_vector) reference_places;

typedef struct reference_gather {
    imr_cache *c;
    const reference_layout *layout;
    const imr_json *manifest;
    const char *dir, *key; /* key NULL: whatever single query file is there */
    imr_scratch *scratch;
    reference_ids ids;
    reference_places places; /* in one pass, else: */
    IMR_ARRAY(float) vectors;
    IMR_ARRAY(size_t) first; /* of each query's negatives */
    IMR_ARRAY(uint32_t) negatives;
    size_t n, ends[CACHE_REFERENCE_SPLITS];
    bool present[CACHE_REFERENCE_SPLITS], one_pass;
    size_t without_vector;
} reference_gather;

/* DIR/folder/file; imr_free(*out). */
imr_status imr_reference_path(char **out, const reference_gather *g, const char *folder,
                              const char *file, imr_error *err) IMR_NODISCARD;

/* ---- reference_manifest.c ---- */

/* Parses DIR/manifest.json (NULL: there is none) and notes its hash; the layout it tells of. */
imr_status imr_reference_manifest(imr_json **out, const reference_layout **layout, imr_cache *c,
                                  const char *dir, imr_error *err) IMR_NODISCARD;
/* The documents' ids have the hash and the number the manifest says. */
imr_status imr_reference_check_documents(const reference_gather *g, imr_error *err) IMR_NODISCARD;
/* The split's query_ids.json, checked likewise; *out stays NULL when there is none. */
imr_status imr_reference_query_ids(imr_json **out, const reference_gather *g, const char *split,
                                   imr_error *err) IMR_NODISCARD;

/* ---- reference_texts.c ---- */

/* The dataset beside the vectors, and judgements for the splits that were gathered. */
imr_status imr_reference_attach(const reference_gather *g, const imr_cache_options *options,
                                imr_error *err) IMR_NODISCARD;

#endif
