/* Filling a collection of Solr, resumable. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>

#include "retrieval/solr_internal.h"

enum { BATCH = 1000, BATCH_BYTES = 16 << 20 }; /* of one request */

/* Collections and fields are made on the cluster, by whoever runs it: how. */
static imr_status how_to(const imr_engine *e, const imr_engine_plan *plan, imr_error *err)
{
    const imr_solr *s = e->state;
    const imr_error why = err ? *err : (imr_error){0};
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "%.300s. To make it: bin/solr create -c %s, then POST to %s/%s/schema "
                    "{\"add-field-type\":{\"name\":\"vector%zu\",\"class\":"
                    "\"solr.DenseVectorField\",\"vectorDimension\":%zu,\"similarityFunction\":"
                    "\"cosine\"},\"add-field\":[{\"name\":\"vector\",\"type\":\"vector%zu\"},"
                    "{\"name\":\"title\",\"type\":\"text_general\",\"multiValued\":false},"
                    "{\"name\":\"text\",\"type\":\"text_general\",\"multiValued\":false}]}",
                    why.text, s->collection, s->root, s->collection, plan->dim, plan->dim,
                    plan->dim);
}

static imr_status write_mark(imr_engine *e, const imr_engine_plan *plan,
                             const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf mark = {0}, what = {0};
    IMR_AUTOJSON imr_json *root = NULL;
    imr_json_printf(&mark, "{'vector':%s,'documents':%" PRIu64 ",'encoder':", s->vector,
                    plan->documents);
    imr_engine_put_encoder(&mark, plan->encoder);
    imr_buf_char(&mark, '}');
    imr_buf_str(&what, "?action=MODIFYCOLLECTION&wt=json&expandMacros=false&" IMR_SOLR_MARK "=");
    for (const char *c = imr_buf_text(&mark); *c; c++)
        imr_buf_printf(&what, isalnum((unsigned char)*c) ? "%c" : "%%%02X", (unsigned char)*c);
    imr_buf_str(&what, "&collection=");
    IMR_TRY(imr_buf_check(&mark, err));
    IMR_TRY(imr_buf_check(&what, err));
    return imr_solr_ask(&root, e, NULL, progress, err, "admin/collections", what.data,
                        s->collection);
}

/* What the mark says was begun: is it this? */
static imr_status check_mark(const imr_engine *e, const imr_engine_plan *plan, imr_error *err)
{
    const imr_solr *s = e->state;
    const char *other = !imr_engine_same_encoder(e, plan->encoder)
                            ? "by another encoder, or into another vector field"
                        : s->documents != (int64_t)plan->documents
                            ? "with another number of documents"
                            : NULL;
    return s->documents >= 0 && other
               ? imr_fail(err, IMR_E_IO,
                          "the collection %s was filled %s: take another, or delete this one",
                          s->collection, other)
               : IMR_OK;
}

static imr_status update(imr_engine *e, const imr_buf *body, const imr_progress *progress,
                         imr_error *err)
{
    IMR_AUTOJSON imr_json *root = NULL;
    return imr_solr_ask(&root, e, body, progress, err, ((imr_solr *)e->state)->collection,
                        "/update/json?wt=json", "");
}

/* What was put in is seen from here on. */
static imr_status commit(uint64_t *there, imr_engine *e, const imr_progress *progress,
                         imr_error *err)
{
    IMR_AUTOBUF imr_buf body = {0};
    imr_buf_str(&body, "{\"commit\":{}}");
    IMR_TRY(update(e, &body, progress, err));
    return imr_solr_select(there, NULL, e, &(imr_solr_request){.query = "*:*"}, progress, err);
}

imr_status imr_solr_fill_begin(imr_engine *e, const imr_engine_plan *plan, uint64_t *done,
                               const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    uint64_t there = 0;
    imr_status status = imr_solr_look_up(e, progress, err);
    if (status == IMR_OK && !(s->title && s->text))
        status = imr_fail(err, IMR_E_NOT_FOUND,
                          "the collection %s has no fields for title and text", s->collection);
    if (status == IMR_E_NOT_FOUND)
        return how_to(e, plan, err);
    IMR_TRY(status);
    if (e->facts.dim != plan->dim)
        return imr_fail(err, IMR_E_SHAPE, "the field %s takes %zu numbers, the encoder makes %zu",
                        s->vector, e->facts.dim, plan->dim);
    /* Lucene builds its graphs while it takes documents. */
    e->options.timeout = fmax(e->options.timeout, 600);
    IMR_TRY(check_mark(e, plan, err));
    IMR_TRY(commit(&there, e, progress, err));
    if (s->documents < 0 && there && !plan->into_existing)
        return imr_fail(err, IMR_E_IO,
                        "the collection %s has %" PRIu64
                        " documents that imrnn did not put in; --into-existing adds to them",
                        s->collection, there);
    if (s->documents < 0 && !there)
        IMR_TRY(write_mark(e, plan, progress, err));
    e->facts.documents = plan->documents;
    /* Batches go one after the other: all but the last are in whole. That one is put in again. */
    *done = s->documents < 0           ? 0
            : there >= plan->documents ? plan->documents
            : there > BATCH            ? there - BATCH
                                       : 0;
    return IMR_OK;
}

imr_status imr_solr_fill_add(imr_engine *e, const imr_engine_row *rows, size_t n,
                             const imr_progress *progress, imr_error *err)
{
    const imr_solr *s = e->state;
    IMR_AUTOBUF imr_buf body = {0};
    for (size_t i = 0, in = 0; i < n; i++) {
        const imr_engine_row *r = &rows[i];
        imr_buf_char(&body, in++ ? ',' : '[');
        imr_json_printf(&body, "{%s:%.*s,%s:%.*s,%s:%.*s,%s:", s->id, (int)r->id_len, r->id,
                        s->title, (int)r->title_len, r->title ? r->title : "", s->text,
                        (int)r->text_len, r->text ? r->text : "", s->vector);
        imr_solr_put_vector(&body, r->vector, r->dim);
        imr_buf_char(&body, '}');
        if (i + 1 < n && in < BATCH && body.len < BATCH_BYTES)
            continue;
        imr_buf_char(&body, ']');
        IMR_TRY(update(e, &body, progress, err));
        imr_buf_clear(&body);
        in = 0;
    }
    return IMR_OK;
}

imr_status imr_solr_fill_end(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    uint64_t there = 0;
    IMR_TRY(commit(&there, e, progress, err));
    return there >= e->facts.documents
               ? IMR_OK
               : imr_fail(err, IMR_E_IO,
                          "the collection %s has %" PRIu64 " of the %" PRIu64
                          " documents put in: delete it and fill it anew",
                          ((imr_solr *)e->state)->collection, there, e->facts.documents);
}
