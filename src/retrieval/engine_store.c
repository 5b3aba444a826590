/* Our own store as an engine: exact, and what the others are held against. */
#include <math.h>

#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/engine.h"
#include "retrieval/search.h"

typedef struct store {
    imr_cache *cache;
    float *scale;  /* [N] 1/|row| */
    float *scores; /* [N] */
} store;

static imr_status open_store(imr_engine *e, const imr_progress *progress, imr_error *err)
{
    const imr_cache_options options = {.progress = progress};
    store *s = e->state = IMR_NEW(store);
    IMR_NEED(s, err);
    IMR_TRY(imr_cache_open(&s->cache, e->options.url, &options, err));
    const imr_cache *c = s->cache;
    const size_t n = c->documents.ids.n;
    s->scale = IMR_NEW_ARRAY(float, n);
    s->scores = IMR_NEW_ARRAY(float, n);
    IMR_AUTOFREE float *row = IMR_NEW_ARRAY(float, c->dim);
    IMR_NEED(s->scale && s->scores && row, err);
    for (size_t i = 0; i < n; i++) {
        IMR_TRY(imr_cache_read_rows(c, i, 1, row, err));
        s->scale[i] = imr_nn_inverse_norm(row, c->dim);
    }
    if (e->options.filter)
        return imr_fail(err, IMR_E_USAGE, "a cache has no language for --store-filter");
    e->facts.type = c->dtype == IMR_F16 ? "float16" : "float32";
    e->facts.documents = n;
    e->facts.dim = c->dim;
    e->facts.has_texts = c->dataset != NULL;
    e->facts.encoder = c->encoder;
    return IMR_OK;
}

static void close_store(imr_engine *e)
{
    store *s = e->state;
    if (!s)
        return;
    imr_cache_free(s->cache);
    IMR_FREE(s->scale, s->scores, s);
}

static imr_status give(imr_engine *e, imr_engine_rows *out, uint32_t row, imr_error *err)
{
    const imr_cache *c = ((store *)e->state)->cache;
    IMR_AUTOBUF imr_buf title = {0}, text = {0};
    IMR_AUTOFREE float *vector = IMR_NEW_ARRAY(float, c->dim);
    IMR_NEED(vector, err);
    IMR_TRY(imr_cache_read_rows(c, row, 1, vector, err));
    IMR_TRY(imr_cache_document(c, row, &title, &text, err));
    IMR_TRY(imr_buf_check(&title, err));
    IMR_TRY(imr_buf_check(&text, err));
    const char *id = imr_ids_at(&c->documents.ids, row);
    return imr_engine_add(out,
                          &(imr_engine_row){.id = id,
                                            .id_len = strlen(id),
                                            .title = imr_buf_text(&title),
                                            .title_len = title.len,
                                            .text = imr_buf_text(&text),
                                            .text_len = text.len,
                                            .vector = vector,
                                            .dim = c->dim},
                          err);
}

static imr_status nearest(imr_engine *e, imr_engine_rows *out, const float *vector, size_t k,
                          IMR_UNUSED bool exact, IMR_UNUSED const imr_progress *progress,
                          imr_error *err)
{
    store *s = e->state;
    const imr_cache *c = s->cache;
    const size_t n = c->documents.ids.n, most = k < n ? k : n;
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, most);
    IMR_NEED(rows, err);
    imr_search_cosines(s->scores, c->documents.rows, vector, s->scale,
                       imr_nn_inverse_norm(vector, c->dim));
    imr_topk(rows, most, s->scores, n, c->documents.ids.places);
    for (size_t i = 0; i < most; i++)
        IMR_TRY(give(e, out, rows[i], err));
    return IMR_OK;
}

static imr_status find(imr_engine *e, imr_engine_rows *out, const char *const *ids, size_t n,
                       IMR_UNUSED const imr_progress *progress, imr_error *err)
{
    uint32_t row;
    for (size_t i = 0; i < n; i++)
        if (imr_ids_find(&((store *)e->state)->cache->documents.ids, ids[i], &row))
            IMR_TRY(give(e, out, row, err));
    return IMR_OK;
}

static imr_status sample(imr_engine *e, imr_engine_rows *out, size_t n,
                         IMR_UNUSED const imr_progress *progress, imr_error *err)
{
    const size_t all = ((store *)e->state)->cache->documents.ids.n, most = n < all ? n : all;
    for (size_t i = 0; i < most; i++)
        IMR_TRY(give(e, out, (uint32_t)(i * all / most), err));
    return IMR_OK;
}

const imr_engine_driver imr_engine_store = {.kind = "store",
                                            .open = open_store,
                                            .close = close_store,
                                            .nearest = nearest,
                                            .find = find,
                                            .sample = sample};
