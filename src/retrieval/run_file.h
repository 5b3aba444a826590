/*
 * retrieval/run_file.h - rankings as TREC run files: `query Q0 document rank score tag` a line.
 *
 * Reading ignores the rank column, as trec_eval does: the order is score descending, then document
 * id descending (strcmp), on the float32 score. Fields are separated by blanks or tabs; in a
 * line of just five tabs by those alone, so that ids may hold blanks. Queries are in strcmp order.
 * Errors: IMR_E_FORMAT with file and line: a wrong number of fields, a score that is no number, a
 * document met twice for one query; a file without a line.
 * Threads: const after reading.
 */
#pragma once

#include "base/file.h"

typedef struct imr_run imr_run;

typedef struct imr_run_query {
    const char *id;
    const char *const *documents; /* best first */
    const float *scores;
    size_t n;
} imr_run_query;

/* name: for errors. data need not outlive the call. */
imr_status imr_run_parse(imr_run **out, const void *data, size_t len, const char *name,
                         imr_error *err);
imr_status imr_run_open(imr_run **out, const char *path, imr_error *err);
void imr_run_free(imr_run *r); /* NULL is fine */
IMR_FREE_AT(imr_run, imr_run_free)

size_t imr_run_count(const imr_run *r);
imr_run_query imr_run_at(const imr_run *r, size_t i);
/* An imr_ranked_fn (retrieval/metrics.h); user is the imr_run. */
bool imr_run_ranked(void *user, const char *query_id, const char *const **ids, size_t *n);

/* One line; rank from 1, the score with 9 significant digits. Separated by blanks, by tabs where an
 * id holds a blank: other programs cannot read such a line in either way. */
void imr_run_put(imr_writer *w, const char *query_id, const char *document_id, size_t rank,
                 float score, const char *tag);
bool imr_run_needs_tabs(const char *id);
