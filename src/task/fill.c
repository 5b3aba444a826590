/* task/fill.c */
#include "task/fill.h"

#include <inttypes.h>

#include "retrieval/cache_internal.h"
#include "task/cache.h"

enum { BATCH = 256, BATCH_BYTES = 8 << 20 }; /* documents, and of their texts */

typedef struct filling {
    const imr_fill_plan *plan;
    const imr_progress *up;
    imr_encode_job job;
    const imr_ids *ids;
    size_t at, dim; /* first document of the batch */
    imr_buf titles, texts;
    float *vectors; /* [BATCH,dim] */
    imr_engine_row rows[BATCH];
} filling;

static void filling_done(filling *f)
{
    imr_buf_done(&f->titles);
    imr_buf_done(&f->texts);
    imr_free(f->vectors);
}

static bool step(const filling *f, uint64_t done)
{
    return imr_progress_step(f->up, f->plan->from ? "sending documents" : "encoding documents",
                             done, f->ids->n);
}

/* A batch of a large model takes seconds. */
static bool encoder_step(void *user, const imr_progress_info *info)
{
    const filling *f = user;
    return step(f, f->at + info->done);
}

static imr_status encode(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    const imr_progress inner = {encoder_step, user};
    return imr_encoder_encode(((const filling *)user)->plan->encoder, t->texts, t->lens, t->count,
                              out, NULL, &inner, err);
}

/* Ids and texts of the documents from f->at on; the rows point into buffers that grow no more. */
static imr_status read_texts(filling *f, size_t *count, imr_error *err)
{
    const imr_fill_plan *p = f->plan;
    size_t n = 0, title = 0, text = 0;
    imr_buf_clear(&f->titles);
    imr_buf_clear(&f->texts);
    for (; n < BATCH && f->at + n < f->ids->n && f->texts.len < BATCH_BYTES; n++) {
        const size_t row = f->at + n, titles = f->titles.len, texts = f->texts.len;
        IMR_TRY(p->from ? imr_cache_document(p->from, row, &f->titles, &f->texts, err)
                        : imr_dataset_read(p->dataset, row, &f->titles, &f->texts, err));
        const char *id = imr_ids_at(f->ids, row);
        f->rows[n] = (imr_engine_row){.id = id,
                                      .id_len = strlen(id),
                                      .title_len = f->titles.len - titles,
                                      .text_len = f->texts.len - texts,
                                      .vector = f->vectors + n * f->dim,
                                      .dim = f->dim};
    }
    IMR_TRY(imr_buf_check(&f->titles, err));
    IMR_TRY(imr_buf_check(&f->texts, err));
    for (size_t i = 0; i < n; i++) {
        f->rows[i].title = imr_buf_text(&f->titles) + title;
        f->rows[i].text = imr_buf_text(&f->texts) + text;
        title += f->rows[i].title_len;
        text += f->rows[i].text_len;
    }
    *count = n;
    return IMR_OK;
}

static imr_status add_batch(filling *f, imr_engine *e, imr_error *err)
{
    size_t n;
    if (!step(f, f->at))
        return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    IMR_TRY(read_texts(f, &n, err));
    if (f->plan->from)
        IMR_TRY(imr_cache_read_rows(f->plan->from, f->at, n, f->vectors, err));
    else
        IMR_TRY(imr_encode_rows(&f->job, f->at, n, f->dim, encode, f, f->vectors, err));
    IMR_TRY(e->driver->fill_add(e, f->rows, n, f->up, err));
    f->at += n;
    return IMR_OK;
}

/* Engines know how many documents are in; the last of them shows whether they are these. */
static imr_status check_there(const filling *f, imr_engine *e, uint64_t there, imr_error *err)
{
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows found = {.most = 1};
    if (there && there <= f->ids->n)
        IMR_TRY(e->driver->find(e, &found, &(const char *){imr_ids_at(f->ids, there - 1)}, 1, f->up,
                                err));
    return !there || found.rows.n
               ? IMR_OK
               : imr_fail(err, IMR_E_IO,
                          "%s was filled from another data set: name another one, or delete it",
                          e->facts.name);
}

imr_status imr_engine_fill(imr_fill_result *out, imr_engine *e, const imr_fill_plan *plan,
                           const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_names_done) imr_encoder_names names = {.path = NULL};
    IMR_CLEANUP(filling_done) filling f = {.plan = plan, .up = progress};
    imr_error why;
    *out = (imr_fill_result){0};
    if (!e->driver->fill_begin)
        return imr_fail(err, IMR_E_UNSUPPORTED, "%s is not filled so", e->facts.name);
    if (!plan->from)
        IMR_TRY(imr_encoder_names_init(&names, plan->encoder, err));
    f.ids = plan->from ? &plan->from->documents.ids : &plan->dataset->documents;
    f.dim = plan->from ? plan->from->dim : plan->encoder->dim;
    f.job = (imr_encode_job){.dataset = plan->dataset, .prefix = names.identity.passage_prefix};
    IMR_NEED(f.vectors = imr_alloc(BATCH, f.dim * sizeof *f.vectors), err);
    const imr_engine_plan what = {.encoder = plan->from ? &plan->from->encoder : &names.identity,
                                  .dim = f.dim,
                                  .documents = f.ids->n,
                                  .half = plan->half,
                                  .into_existing = plan->into_existing};
    IMR_TRY(e->driver->fill_begin(e, &what, &out->there, progress, err));
    IMR_TRY(check_there(&f, e, out->there, err));
    imr_status status = IMR_OK;
    for (f.at = out->there; f.at < f.ids->n && status == IMR_OK;)
        status = add_batch(&f, e, &why);
    out->filled = f.at - out->there;
    if (status == IMR_OK)
        status = e->driver->fill_end(e, progress, &why);
    if (status == IMR_OK)
        return IMR_OK;
    return imr_fail(err, status,
                    "%s; %zu of %zu documents are in %s: run the same command again to go on",
                    status == IMR_E_CANCELLED ? "filling was cancelled" : why.text, f.at, f.ids->n,
                    e->facts.name);
}
