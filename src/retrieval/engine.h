/*
 * retrieval/engine.h - documents that stay where they live: an engine retrieves, we re-rank.
 *
 *   DIR                                        our own store (retrieval/cache.h), exact
 *   postgresql://USER@HOST/DB?table=T...       PostgreSQL with pgvector (retrieval/pgvector.c)
 *   solr+http://HOST:8983/solr/COLLECTION?...  Solr, over HTTP or HTTPS (retrieval/solr.c)
 *
 * Of a corpus an adapter needs the candidates of a query alone: ids, vectors, titles, texts. They
 * come as a window, a small imr_cache in memory that whoever ranks and explains cannot tell from
 * one on disk. A window owns what it has; so does whoever looks back at an earlier query.
 *
 * The parameters id, vector, title and text (and table, of PostgreSQL) in the URL name columns or
 * fields; what is not named is looked up. Others are the engine's own. A URL never holds a
 * password: PGPASSWORD, ~/.pgpass and ~/.netrc do.
 *
 * Answers are a stranger's, like a file: counts, lengths, UTF-8 and numbers are checked here, for
 * every engine. Errors:
 *   IMR_E_USAGE        a URL that names no engine, or holds a password
 *   IMR_E_UNSUPPORTED  built without this engine; a type of vectors it does not read
 *   IMR_E_NOT_FOUND    no such table, collection, column, document
 *   IMR_E_IO           not reached, refused, lost, slower than the time allowed
 *   IMR_E_FORMAT, IMR_E_SHAPE, IMR_E_NUMERIC, IMR_E_LIMIT   what an answer holds
 *   IMR_E_CANCELLED    within 50 ms of being asked; the next request works
 * After each of them, and after a lost connection, the next request is tried anew.
 * Threads: one at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/array.h"
#include "base/strmap.h"
#include "retrieval/cache.h"

enum { IMR_ENGINE_MOST_IDS = 1000 };       /* a request asks for */
#define IMR_ENGINE_TEXT  ((size_t)1 << 20) /* of one text; the rest is cut, and counted */
#define IMR_ENGINE_BYTES ((size_t)1 << 28) /* of one answer */

typedef enum imr_engine_metric {
    IMR_METRIC_OF_NONE, /* there is no index: exact */
    IMR_METRIC_OF_COSINE,
    IMR_METRIC_OF_INNER_PRODUCT,
    IMR_METRIC_OF_L2
} imr_engine_metric;
extern const char *const imr_engine_metric_names[]; /* "none", "cosine", "inner product", "L2" */

typedef struct imr_engine_options {
    const char *url;
    const char *filter; /* NULL, or in the engine's own language: goes with every query */
    double timeout;     /* seconds a request may take; 0: 10 */
    uint32_t effort;    /* hnsw.ef_search and its like; 0: what the driver takes for good */
    bool netrc;         /* HTTP: credentials of ~/.netrc */
    bool fill;          /* to be filled: only the connection is made, nothing is looked up */
} imr_engine_options;

/* What is known once it is open. Strings are the engine's; never NULL. */
typedef struct imr_engine_facts {
    const char *kind;   /* "store", "pgvector", "solr" */
    const char *name;   /* the URL as it is shown and kept: no secrets */
    const char *fields; /* what was found: "table docs, id id, vector v, title title, text body" */
    const char *type;   /* of the vectors, as the engine calls it: "vector", "halfvec" ... */
    const char *index;  /* "hnsw", "ivfflat", ""; */
    imr_engine_metric metric; /* of it */
    uint64_t documents;       /* with a vector and an id, filter or not; an estimate from 10^6 on */
    size_t dim;
    uint32_t effort; /* in force; 0: none */
    bool has_texts;
    imr_encoder_identity encoder; /* as noted when imrnn filled it; strings "" when unknown */
} imr_engine_facts;

/* One document. Pointers are borrowed for the call. */
typedef struct imr_engine_row {
    const char *id, *title, *text; /* title and text may be NULL */
    size_t id_len, title_len, text_len;
    const float *vector;
    size_t dim;
} imr_engine_row;

typedef struct imr_engine_document {
    const char *id, *title, *text; /* in the arena; "" where there is none */
} imr_engine_document;

/* An answer. {0} with `most` is empty. */
typedef struct imr_engine_rows {
    size_t most;          /* more is IMR_E_FORMAT: nobody asked for it */
    size_t dim;           /* of the first row; another is IMR_E_SHAPE */
    size_t repeated, cut; /* rows left out whose id was there; texts that were cut */
    IMR_ARRAY(imr_engine_document) rows;
    IMR_ARRAY(float) vectors; /* [rows.n,dim] */
    imr_strmap by_id;
    imr_arena *arena;
} imr_engine_rows;
void imr_engine_rows_done(imr_engine_rows *r);

/* Checks a row and takes it. Bytes that are not UTF-8 become U+FFFD. Errors: IMR_E_FORMAT for an id
 * that is empty, too long or has a control character, and for too many rows; IMR_E_SHAPE,
 * IMR_E_NUMERIC name the document; IMR_E_LIMIT. */
imr_status imr_engine_add(imr_engine_rows *r, const imr_engine_row *row, imr_error *err);

/* Appends text as valid UTF-8 without a zero: U+FFFD for what is neither. */
void imr_engine_put_text(imr_buf *out, const char *text, size_t len);

typedef struct imr_engine imr_engine;

/* What `imrnn cache --store` is to fill in. */
typedef struct imr_engine_plan {
    const imr_encoder_identity *encoder; /* noted where the engine lets us */
    size_t dim;
    uint64_t documents;
    bool half;          /* 16 bits a number, where there is such a type */
    bool into_existing; /* a table or collection that we did not make is added to */
} imr_engine_plan;

/* One engine: what a file of its own fills in. out of nearest, find and sample: empty, `most` set;
 * rows go there through imr_engine_add. */
typedef struct imr_engine_driver {
    const char *kind;
    const char *const *schemes; /* of its URLs, ended by NULL; NULL: everything else */
    const char *needs;          /* NULL, or it is not built in: what to install */
    /* Connects, looks up and fills e->facts, whose strings it keeps in e->arena. */
    imr_status (*open)(imr_engine *e, const imr_progress *progress, imr_error *err);
    void (*close)(imr_engine *e);
    /* NULL, or takes no time: a request is about to come (a lost connection is begun anew). */
    void (*wake)(imr_engine *e);
    /* The k nearest with a vector. exact: without the index; IMR_E_UNSUPPORTED where there is no
     * such thing. */
    imr_status (*nearest)(imr_engine *e, imr_engine_rows *out, const float *vector, size_t k,
                          bool exact, const imr_progress *progress, imr_error *err);
    /* Those of n ids that are there, in any order, filter or not. */
    imr_status (*find)(imr_engine *e, imr_engine_rows *out, const char *const *ids, size_t n,
                       const imr_progress *progress, imr_error *err);
    /* About n documents from all over, the same ones as long as the corpus is the same. */
    imr_status (*sample)(imr_engine *e, imr_engine_rows *out, size_t n,
                         const imr_progress *progress, imr_error *err);
    /* Filling. begin makes what is not there or goes on: *done documents are in already, the first
     * ones in the order they come. add: all of n rows or none. end: the index, and that it is
     * whole. NULL: it is not filled so. */
    imr_status (*fill_begin)(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                             const imr_progress *progress, imr_error *err);
    imr_status (*fill_add)(imr_engine *e, const imr_engine_row *rows, size_t n,
                           const imr_progress *progress, imr_error *err);
    imr_status (*fill_end)(imr_engine *e, const imr_progress *progress, imr_error *err);
} imr_engine_driver;

extern const imr_engine_driver imr_engine_pgvector, imr_engine_solr, imr_engine_store;

struct imr_engine {
    const imr_engine_driver *driver;
    imr_engine_options options; /* strings are in the arena */
    imr_engine_facts facts;
    imr_arena *arena;
    void *state;     /* the driver's */
    imr_cache *last; /* NULL, or the last window, whose request is: */
    imr_buf asked;
};

imr_status imr_engine_open(imr_engine **out, const imr_engine_options *options,
                           const imr_progress *progress, imr_error *err);
void imr_engine_close(imr_engine *e); /* NULL is fine */
IMR_FREE_AT(imr_engine, imr_engine_close)

/* Takes a parameter out of the URL in `url`: its value, decoded, in the arena; *out NULL when it is
 * not there. IMR_E_USAGE for one that is there twice, empty, or badly encoded. */
imr_status imr_engine_parameter(const char **out, imr_engine *e, imr_buf *url, const char *name,
                                imr_error *err);

/* ---- whose vectors they are, as noted where we filled ---- */

/* {"kind": ...}, without where the encoder lies: that is nobody's business. */
void imr_engine_put_encoder(imr_buf *out, const imr_encoder_identity *by);
/* The same read, into e->facts; NULL: not known. IMR_E_MEMORY. */
imr_status imr_engine_keep_encoder(imr_engine *e, const imr_json *by, imr_error *err);
/* Is it that of e->facts? Names, and where they lie, do not count. */
bool imr_engine_same_encoder(const imr_engine *e, const imr_encoder_identity *with);

/* ---- windows ---- */

/*
 * The candidates of a query: its k nearest (rows [0, imr_cache_ranked)), behind them those of n ids
 * that are there and not among them. k 0: those alone. The same request twice is asked once.
 * IMR_E_NOT_FOUND when there is no document at all. A share is the caller's.
 */
imr_status imr_engine_window(imr_cache **out, imr_engine *e, const float *vector, size_t k,
                             const char *const *ids, size_t n, const imr_progress *progress,
                             imr_error *err);
/* A sample of the corpus likewise: all of its rows are ranked. */
imr_status imr_engine_sample(imr_cache **out, imr_engine *e, size_t n, const imr_progress *progress,
                             imr_error *err);

/* How many of the k nearest the index finds, measured on queries [q,dim]. Exact: against the same
 * query without the index. Else, of those sampled documents that are nearer than the last one
 * found, how many were found. */
typedef struct imr_engine_recall {
    double recall;  /* 0..1; NaN: nothing could be measured */
    bool exact;     /* which of the two */
    size_t queries; /* that were looked at: at most q, no more once `seconds` are over */
    size_t k;
} imr_engine_recall;
imr_status imr_engine_measure(imr_engine_recall *out, imr_engine *e, imr_view queries, size_t k,
                              const imr_cache *sample, double seconds, const imr_progress *progress,
                              imr_error *err);
