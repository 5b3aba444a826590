/*
 * retrieval/cache.h - one face for every cache of vectors: our store and the reference's layout.
 *
 *   documents   id, vector [n] (float32 or half), title and text when a dataset is attached
 *   queries     id, text (when known), vector [n]; grouped in splits
 *   judgements  by split, negatives by query
 *
 * imr_cache_open looks at DIR/manifest.json: ours has "schema": "imrnn-cache"; else the reference's
 * DIR/{train,val,test}/ layout. A dataset that cannot be found leaves the cache usable (ids stand
 * for titles, no judgements) and its notice says so; a dataset the caller named must open.
 * Errors:
 *   IMR_E_NOT_FOUND   names what is missing and how to make it
 *   IMR_E_FORMAT      names the file, what it holds and what the manifest promises
 *   IMR_E_SHAPE       vectors of different length
 *   IMR_E_NUMERIC     names the document or query whose vector is not finite
 * Threads: const after opening; many threads may read (each with its own buffers).
 */
#pragma once

#include <stdatomic.h>

#include "format/npy.h"
#include "format/torch_pt.h"
#include "math/matrix.h"
#include "retrieval/dataset.h"

enum { IMR_ENCODER_TEXTS = 7 };

/* Who made the vectors. All strings may be NULL or "" when unknown. */
typedef struct imr_encoder_identity {
    union {
        struct {
            const char *kind;   /* "static", "bert", ... */
            const char *name;   /* as the user named it: "minilm", a model id, a folder's name */
            const char *path;   /* its folder */
            const char *sha256; /* of its weights */
            const char *query_prefix, *passage_prefix;
            const char *precision; /* of its products: "bf16"; "": float32 */
        };
        const char *text[IMR_ENCODER_TEXTS];
    };
} imr_encoder_identity;

/* Texts with their byte lengths; prefixes are already in them. */
typedef struct imr_encode_texts {
    bool queries; /* else documents */
    size_t first; /* row of the first of them; SIZE_MAX when they are not consecutive rows */
    size_t count;
    const char *const *texts;
    const size_t *lens;
} imr_encode_texts;

/* -> out[count x n] */
typedef imr_status (*imr_encode_fn)(void *user, const imr_encode_texts *t, float *out,
                                    imr_error *err);

/* How much of the documents, or of the queries, an encoder reads. */
typedef struct imr_token_totals {
    uint64_t texts, cut;  /* texts, and those of them that are longer than it reads */
    uint64_t read, total; /* tokens it reads, and tokens there are; total 0: not known */
} imr_token_totals;
/* "71% are longer than the encoder reads, 29% of all tokens are never read", "all are read whole",
 * or "not counted". */
void imr_token_totals_text(imr_buf *out, const imr_token_totals *t);

enum { IMR_REFERENCE_SPLITS = 3 };

/* One vector within a mapped file. */
typedef struct imr_cache_vector {
    const uint8_t *data;
    uint32_t stride; /* in elements */
    uint8_t dtype;
} imr_cache_vector;

/* Rows with ids: documents or queries. */
typedef struct imr_cache_rows {
    imr_ids ids;
    /* [ids.n, n] documents as they are stored, queries as float32; not after one_pass. Of a store
     * they are a mapped file somebody else may have written: opening looks at a few documents only,
     * who reads all of them checks that they are finite. */
    imr_rows rows;
    imr_matrix owned; /* vectors that are not mapped */
    imr_npy mapped;
    imr_torch *torch[IMR_REFERENCE_SPLITS]; /* files behind rows or scattered */
    imr_cache_vector *scattered;            /* [ids.n] instead of rows.v, NULL */
    imr_scratch *scratch;                   /* of scattered */
} imr_cache_rows;

typedef struct imr_cache_split {
    char *name;        /* as the cache or dataset has it */
    uint32_t *queries; /* [n] those of the split's that have a vector */
    size_t n;
    const imr_qrels
        *qrels; /* of the split's queries: the dataset's, or made; NULL: there are none */
    imr_qrels *made;
} imr_cache_split;

/* To be read by everybody, changed by those who make it. */
typedef struct imr_cache {
    char *path;                   /* its folder */
    const char *layout;           /* "store", "reference" */
    imr_encoder_identity encoder; /* strings never NULL here */
    char sha256[IMR_SHA256_HEX];  /* of manifest.json; "" without one */
    /* Of the dataset's corpus, as remembered when the store was built; "" when unknown. */
    char dataset_sha256[IMR_SHA256_HEX];
    /* True when the corpus was not read for it: its size and time of change are those it had when
     * its bytes last had this hash. */
    bool dataset_untouched;
    char notice[2 * IMR_ERROR_TEXT]; /* "" or one line: the dataset is missing ... */
    imr_dtype dtype;                 /* as stored: IMR_F32 or IMR_F16 */
    size_t dim;                      /* n */
    imr_token_totals tokens[2]; /* of documents, of queries: as counted when the store was built */
    imr_dataset *dataset;       /* NULL when none is attached */
    imr_file offsets;           /* tables the dataset borrows */
    imr_cache_rows documents, queries;
    uint32_t *dataset_rows; /* row -> document of the dataset, UINT32_MAX: not in it; NULL: the
                               same */
    const char **query_texts;
    imr_cache_split *splits;
    size_t n_splits;
    size_t *negatives_first; /* [queries + 1] into negatives; NULL when there are none */
    uint32_t *negatives;
    /* Of a window into an engine (retrieval/engine.h); else zero. */
    const char *const *titles, *const *texts; /* [documents], in own */
    struct imr_arena *own;
    size_t beside;          /* the last documents: asked for by id, no candidates, not ranked */
    uint64_t sampled;       /* documents there are, of which these are a sample; 0: all are here */
    imr_dataset *questions; /* whose queries and judgements these are, where documents are not */
    atomic_uint owners;     /* beside the first */
} imr_cache;

typedef struct imr_cache_options {
    const char *dataset;     /* NULL: the one the manifest names; "": none */
    const char *encoder_key; /* reference layout: query_embeddings_<key>.pt; NULL: the manifest's */
    bool skip_bad_lines;     /* of the dataset */
    bool one_pass; /* documents and queries are only found by id and read by imr_cache_read_rows
                      and imr_cache_read_query: vectors of the reference's layout then stay where
                      they lie in its files, however they lie there; negatives, splits and texts
                      are not read, a query of several splits is there once */
    imr_scratch *scratch; /* with one_pass: takes ids and places of the reference's vectors (NULL:
                             memory); must outlive the cache */
    const imr_progress *progress;
} imr_cache_options;

/* Whether a cache and its manifest belong to whoever runs this, or to root. What another user's
 * manifest names is not opened: neither a data set nor an encoder's folder, and of encoders only a
 * name to look up. */
bool imr_cache_is_own(const char *dir);
/* options may be NULL. */
imr_status imr_cache_open(imr_cache **out, const char *dir, const imr_cache_options *options,
                          imr_error *err);
/* Has owners, on any thread; the last one to free it does. */
imr_cache *imr_cache_share(const imr_cache *c);
void imr_cache_free(imr_cache *c);
IMR_FREE_AT(imr_cache, imr_cache_free)

/* ---- documents ---- */
/* Rows [first, first+count) as float32 into out[count x n]. IMR_E_NUMERIC names the document whose
 * vector is not finite. */
imr_status imr_cache_read_rows(const imr_cache *c, size_t first, size_t count, float *out,
                               imr_error *err);
/* After one_pass: what was read of the vectors' files need not stay in memory. */
void imr_cache_forget(const imr_cache *c);
static inline size_t imr_cache_ranked(const imr_cache *c)
{
    return c->documents.ids.n - c->beside;
}
/* Of the corpus. */
static inline uint64_t imr_cache_corpus(const imr_cache *c)
{
    return c->sampled ? c->sampled : c->documents.ids.n;
}
/* Whose queries and judgements there are; NULL: none. */
static inline const imr_dataset *imr_cache_asked(const imr_cache *c)
{
    return c->dataset ? c->dataset : c->questions;
}
static inline bool imr_cache_has_texts(const imr_cache *c)
{
    return c->dataset || c->texts;
}
/* Title and text as the dataset or the engine has them, appended; either may be NULL. Without one
 * both are empty. */
imr_status imr_cache_document(const imr_cache *c, size_t document, imr_buf *title, imr_buf *text,
                              imr_error *err);

/* ---- queries ---- */
/* One of them into out[n]; IMR_E_NUMERIC as imr_cache_read_rows. */
imr_status imr_cache_read_query(const imr_cache *c, size_t query, float *out, imr_error *err);
const char *imr_cache_query_text(const imr_cache *c, size_t query); /* the id when unknown */
/* The query with exactly this text (white space around it and ASCII case do not count). */
bool imr_cache_find_query_text(const imr_cache *c, const char *text, uint32_t *query);
/* Queries whose text begins with `prefix` (white space before it and ASCII case do not count), then
 * those with a word, or an id, that begins so, each group in file order; at most `max`. Returns how
 * many. */
size_t imr_cache_offer_queries(const imr_cache *c, const char *prefix, uint32_t *out, size_t max);

/* ---- splits ---- */

/* val = dev = validation. */
bool imr_cache_find_split(const imr_cache *c, const char *name, size_t *split);
/* Indexes of the split's queries that have a vector. */
const uint32_t *imr_cache_split_queries(const imr_cache *c, size_t split, size_t *count);

/* Hard negatives of a query as document indexes, best BM25 first; *count 0 when the cache brings
 * none (mine them with retrieval/bm25.h). */
const uint32_t *imr_cache_negatives(const imr_cache *c, size_t query, size_t *count);
