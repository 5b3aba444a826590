/* What every maker of a cache shares: ids, encoder, splits. */

#include "retrieval/cache_internal.h"

const char *const imr_encoder_keys[IMR_ENCODER_TEXTS] = {
    "kind", "name", "path", "sha256", "query_prefix", "passage_prefix", "precision"};

imr_status imr_cache_set_encoder(imr_cache *c, const imr_encoder_identity *from, imr_error *err)
{
    imr_encoder_identity e = from ? *from : (imr_encoder_identity){0};
    if (!imr_cache_is_own(c->path) || strcmp(c->layout, "engine") == 0) {
        e.path = NULL;
        if (e.name && (e.name[0] == '/' || strstr(e.name, "..")))
            e.name = NULL;
    }
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++) {
        char *copy = imr_strdup(e.text[i] ? e.text[i] : "");
        IMR_NEED(copy, err);
        imr_free((void *)(uintptr_t)c->encoder.text[i]);
        c->encoder.text[i] = copy;
    }
    return IMR_OK;
}

static imr_status read_vector(float *out, const imr_cache_vector *v, size_t dim, imr_error *err)
{
    imr_tensor t = {.dtype = (imr_dtype)v->dtype,
                    .rank = 1,
                    .shape = {dim},
                    .stride = {v->stride},
                    .data = v->data};
    t.bytes = ((dim - 1) * v->stride + 1) * imr_dtype_size(t.dtype);
    return imr_tensor_to_f32(&t, out, err);
}

static imr_status read_rows(const imr_cache_rows *rows, const char *what, size_t first,
                            size_t count, float *out, imr_error *err)
{
    size_t cols = rows->rows.cols;
    if (!rows->scattered)
        imr_rows_read(out, rows->rows, first, count);
    else
        for (size_t i = 0; i < count; i++)
            IMR_TRY(read_vector(out + i * cols, &rows->scattered[first + i], cols, err));
    size_t bad = imr_view_first_bad(imr_view_of(out, count, cols));
    if (bad == count * cols)
        return IMR_OK;
    return imr_fail(err, IMR_E_NUMERIC, "the vector of %s \"%.200s\" is not finite", what,
                    imr_ids_at(&rows->ids, first + bad / cols));
}

imr_status imr_cache_check_finite(const imr_cache_rows *rows, const char *what, size_t sample,
                                  imr_error *err)
{
    const size_t all = rows->ids.n, n = sample && sample < all ? sample : all;
    IMR_AUTOFREE float *row = IMR_NEW_ARRAY(float, rows->rows.cols);
    IMR_NEED(row, err);
    for (size_t i = 0; i < n; i++)
        IMR_TRY(read_rows(rows, what, n == all ? i : i * (all - 1) / (n - 1), 1, row, err));
    return IMR_OK;
}

imr_status imr_cache_gather(imr_cache_rows *rows, const char *what, imr_error *err)
{
    IMR_TRY(imr_matrix_init(&rows->owned, rows->ids.n, rows->rows.cols, err));
    IMR_TRY(read_rows(rows, what, 0, rows->ids.n, rows->owned.v, err));
    rows->rows = imr_rows_of_view(imr_matrix_view(&rows->owned));
    imr_scratch_free(rows->scratch, rows->scattered);
    rows->scattered = NULL;
    for (size_t i = 0; i < IMR_LEN(rows->torch); i++) {
        imr_torch_free(rows->torch[i]);
        rows->torch[i] = NULL;
    }
    return IMR_OK;
}

imr_status imr_cache_read_rows(const imr_cache *c, size_t first, size_t count, float *out,
                               imr_error *err)
{
    return read_rows(&c->documents, "document", first, count, out, err);
}

imr_status imr_cache_read_query(const imr_cache *c, size_t query, float *out, imr_error *err)
{
    return read_rows(&c->queries, "query", query, 1, out, err);
}

imr_status imr_cache_add_split(imr_cache *c, const char *name, const uint32_t *queries, size_t n,
                               const imr_qrels *qrels, imr_qrels *made, imr_error *err)
{
    imr_cache_split *grown = imr_realloc(c->splits, c->n_splits + 1, sizeof *grown);
    if (!grown) {
        imr_qrels_free(made);
        return imr_fail_memory(err);
    }
    size_t first = 0;
    for (size_t i = 0; i < c->n_splits; i++)
        first += grown[i].n;
    imr_cache_split *s = &grown[c->n_splits++];
    *s = (imr_cache_split){imr_strdup(name), IMR_NEW_ARRAY(uint32_t, n), n, made ? made : qrels,
                           made};
    c->splits = grown;
    IMR_NEED(s->name && s->queries, err);
    for (size_t i = 0; i < n; i++)
        s->queries[i] = queries ? queries[i] : (uint32_t)(first + i);
    return IMR_OK;
}

/* The dataset's splits, each with those of its queries that have a vector. */
static imr_status dataset_splits(imr_cache *c, imr_error *err)
{
    IMR_AUTOFREE uint32_t *found = IMR_NEW_ARRAY(uint32_t, c->queries.ids.n);
    IMR_NEED(found, err);
    for (size_t s = 0; s < c->dataset->n_splits; s++) {
        const char *name = c->dataset->splits[s].name;
        const imr_qrels *qrels = imr_dataset_qrels(c->dataset, name);
        size_t n = 0;
        uint32_t at;
        for (size_t i = 0; i < qrels->queries.n; i++)
            if (imr_ids_find(&c->queries.ids, qrels->queries.v[i].id, &at))
                found[n++] = at;
        IMR_TRY(imr_cache_add_split(c, name, found, n, qrels, NULL, err));
    }
    return IMR_OK;
}

imr_status imr_cache_finish(imr_cache *c, imr_error *err)
{
    c->query_texts = IMR_NEW_ARRAY(const char *, c->queries.ids.n);
    IMR_NEED(c->query_texts, err);
    for (size_t i = 0; i < c->queries.ids.n; i++) {
        uint32_t at;
        const char *id = imr_ids_at(&c->queries.ids, i);
        bool known = c->dataset && imr_ids_find(&c->dataset->query_ids, id, &at);
        c->query_texts[i] = known ? c->dataset->query_texts[at] : id;
    }
    if (c->n_splits)
        return IMR_OK;
    if (c->dataset && c->dataset->n_splits)
        return dataset_splits(c, err);
    return imr_cache_add_split(c, "all", NULL, c->queries.ids.n, NULL, NULL, err);
}
