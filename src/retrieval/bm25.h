/*
 * retrieval/bm25.h - BM25 and the hard negatives the reference mines with it.
 *
 *   score(q,d) = sum over the query's terms t, repeats included, of
 *                idf_t * tf (k1+1) / (tf + k1 (1 - b + b |d|/avg)),
 *                idf_t = ln(1 + (N - df + 1/2)/(df + 1/2)),   k1 = 1.2, b = 0.75
 * Robertson and Zaragoza 2009, in the form and constants of the reference package (caching.py of
 * github YashSaxena21/IMRNNs, commit be602ad). Terms: lower-cased runs of ASCII letters that touch
 * no other letter, digit or underscore, at least 3 long, without 39 function words. A document's
 * text is title, space, text.
 * The English form is the one evaluations set beside (Lucene's, as bm25s and Anserini compute it):
 * terms are lower-cased runs of letters, digits and underscores, at least 2 long, without Lucene's
 * 33 stop words, stemmed by Snowball; k1 and b are the caller's.
 * Double precision in the reference's order of operations, so that ties fall the same way.
 * Threads: const after building.
 */
#pragma once

#include "retrieval/cache.h"

typedef struct imr_bm25 imr_bm25;

typedef struct imr_bm25_form {
    bool english;
    double k1, b;
} imr_bm25_form;
#define IMR_BM25_REFERENCE ((imr_bm25_form){false, 1.2, 0.75})

/* dataset must outlive the index. */
imr_status imr_bm25_build(imr_bm25 **out, const imr_dataset *dataset, imr_bm25_form form,
                          const imr_progress *progress, imr_error *err);
void imr_bm25_free(imr_bm25 *b);
IMR_FREE_AT(imr_bm25, imr_bm25_free)

/* scores[documents], 0 where no term is shared. */
imr_status imr_bm25_scores(const imr_bm25 *b, const char *query, size_t len, double *scores,
                           imr_error *err);
/* The same of the documents of a cache, [c->documents.ids.n], 0 where the index, which is of the
 * cache's dataset, has none: what all that ranks by words ranks by. */
imr_status imr_bm25_cache_scores(float *scores, const imr_bm25 *b, const imr_cache *c,
                                 const char *query, imr_error *err);

/*
 * Hard negatives of a query: the `pool` best documents (equal float32 scores in corpus order,
 * documents that share no term included), without the relevant ones, at most `want` of them.
 * out holds `want` document indexes; *found says how many were written.
 * relevant: the query's judgements, NULL for none.
 */
imr_status imr_bm25_negatives(const imr_bm25 *b, const char *query, size_t len,
                              const imr_qrels *qrels, const char *query_id, size_t want,
                              size_t pool, uint32_t *out, size_t *found, imr_error *err);
