/*
 * retrieval/qrels.h - relevance judgements by query.
 *
 * A grade is an integer: over 0 relevant, 0 judged and not relevant, negative as good as unjudged.
 * Queries and judgements keep the file's order (the reference's "first positive" depends on it).
 * Documents are numbered by first appearance; they need not be in any corpus.
 * Formats:
 *   BEIR   query-id, corpus-id, score, tab separated, header line
 *   TREC   query, iteration, document, grade
 * Errors: IMR_E_FORMAT with file and line; a document judged twice for one query with different
 * grades is one.
 * Threads: const after reading.
 */
#pragma once

#include "base/sha256.h"
#include "base/strmap.h"
#include "retrieval/ids.h"

typedef struct imr_judgement {
    uint32_t document; /* number within this qrels */
    int32_t grade;
} imr_judgement;

typedef struct imr_qrels_query {
    const char *id;
    const imr_judgement *v; /* file order */
    size_t n;
    const int32_t *ideal; /* the grades over 0, descending */
    size_t relevant;      /* length of ideal */
} imr_qrels_query;

/* To be read by everybody. */
typedef struct imr_qrels {
    char *text; /* the file, its fields zero-terminated in place */
    IMR_ARRAY(imr_qrels_query) queries;
    IMR_ARRAY(const char *) documents; /* ids by number */
    bool *relevant;                    /* [documents] to any query */
    imr_judgement *judgements;         /* grouped by query, file order within */
    int32_t *ideal;
    imr_strmap by_query, by_document;
} imr_qrels;

/* name: for errors. data need not outlive the call. */
imr_status imr_qrels_parse(imr_qrels **out, const void *data, size_t len, const char *name,
                           imr_error *err);
imr_status imr_qrels_open(imr_qrels **out, const char *path, imr_error *err);
/* The judgements of the queries `ids` (in that order), each taken from the first source that has
 * the query; queries no source has are left out. */
imr_status imr_qrels_subset(imr_qrels **out, const imr_qrels *const *sources, size_t n_sources,
                            const char *const *ids, size_t n_ids, imr_error *err);
void imr_qrels_free(imr_qrels *q);
IMR_FREE_AT(imr_qrels, imr_qrels_free)

bool imr_qrels_find(const imr_qrels *q, const char *query_id, uint32_t *query);

/* sha256 of all judgements, a line each: query, document and grade between blanks, file order; of
 * NULL that of no line. */
imr_status imr_qrels_sha256(char out[IMR_SHA256_HEX], const imr_qrels *q, imr_error *err);

/* How many of the documents, of the queries, are unknown; the first of them (untouched at 0). */
size_t imr_qrels_absent(const imr_qrels *q, const imr_ids *known, const char **first);
size_t imr_qrels_absent_queries(const imr_qrels *q, const imr_ids *known, const char **first);

/* Grade of a document for a query; *judged (may be NULL) tells 0 from unjudged. Negative grades
 * come back as unjudged 0. */
int32_t imr_qrels_grade(const imr_qrels *q, size_t query, const char *document_id, bool *judged);
/* Grades of a whole ranking, unjudged 0: out[n]. */
void imr_qrels_grades(const imr_qrels *q, size_t query, const char *const *ranked, size_t n,
                      int32_t *out);

/* Leakage (method.md section 5): true when the query shares a relevant document (grade > 0 on both
 * sides) with any query of `train`, or is itself one of them. */
bool imr_qrels_saw(const imr_qrels *train, const imr_qrels *q, size_t query);
/* Whether the document is relevant to any query. */
bool imr_qrels_has(const imr_qrels *q, const char *document_id);
