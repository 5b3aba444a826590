/* What the files of the Solr engine share: solr_http.c asks, solr.c reads, solr_fill.c writes. */
#pragma once

#include "format/json.h"
#include "retrieval/cache_internal.h"
#include "retrieval/engine.h"

#define IMR_SOLR_MARK "property.imrnn" /* of the collection: what we put in, JSON */

/* Strings are in e->arena. Names of fields are letters, digits and _-. alone: they need no quotes
 * wherever they go. All else goes as a value in JSON. */
typedef struct imr_solr {
    struct imr_solr_http *http;
    const char *root, *collection, *rest; /* "http://host:8983/solr", "docs", "&more=parameters" */
    const char *id, *vector, *title, *text; /* fields; title and text NULL: there is none */
    const char *fields;                     /* all of them */
    int64_t documents;                      /* we were to fill it with; -1: we did not make it */
    imr_json_vectors vectors;               /* lifted from the last answer */
    long code;                              /* of HTTP, of the last answer */
} imr_solr;

imr_status imr_solr_connect(imr_engine *e, imr_error *err);
void imr_solr_close(imr_engine *e);
/* Sends body (NULL: a GET) to "root/where" + what + more; out: an answer that is no refusal. */
imr_status imr_solr_ask(imr_json **out, imr_engine *e, const imr_buf *body,
                        const imr_progress *progress, imr_error *err, const char *where,
                        const char *what, const char *more);
/* Fields, facts, mark. */
imr_status imr_solr_look_up(imr_engine *e, const imr_progress *progress, imr_error *err);

/* value goes as the parameter `name`, and is not read as a query where it is named in one. */
typedef struct imr_solr_request {
    const char *query, *name, *value;
    size_t limit;
    const char *filter; /* NULL: none */
    bool users;         /* the user's filter too */
    bool by_id;         /* sorted */
} imr_solr_request;
/* found, out: NULL when not wanted. */
imr_status imr_solr_select(uint64_t *found, imr_engine_rows *out, imr_engine *e,
                           const imr_solr_request *request, const imr_progress *progress,
                           imr_error *err);

void imr_solr_put_vector(imr_buf *out, const float *vector, size_t n);

imr_status imr_solr_fill_begin(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                               const imr_progress *progress, imr_error *err);
imr_status imr_solr_fill_add(imr_engine *e, const imr_engine_row *rows, size_t n,
                             const imr_progress *progress, imr_error *err);
imr_status imr_solr_fill_end(imr_engine *e, const imr_progress *progress, imr_error *err);
