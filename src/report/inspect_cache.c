/* report/inspect_cache.c - caches of vectors. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "format/json.h"
#include "math/nn.h"
#include "report/inspect_kinds.h"
#include "retrieval/store.h"
#include "session/encoded_table.h"

enum { BLOCK = 4096 };

/* Every vector once: the shortest and the longest, and that none holds what is no number. */
static imr_status norms(double *low, double *high, const imr_cache *c, const imr_progress *progress,
                        imr_error *err)
{
    const size_t rows = imr_cache_documents(c), n = imr_cache_dim(c);
    IMR_AUTOFREE float *block = imr_alloc(BLOCK, n * sizeof *block);
    if (!block)
        return imr_fail_memory(err);
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < rows; i += BLOCK) {
        const size_t count = rows - i < BLOCK ? rows - i : BLOCK;
        IMR_TRY(imr_cache_read_rows(c, i, count, block, err));
#pragma omp parallel for reduction(min : least) reduction(max : most)
        for (size_t k = 0; k < count; k++) {
            const double norm = imr_nn_norm(block + k * n, n);
            least = norm < least ? norm : least;
            most = norm > most ? norm : most;
        }
        if (!imr_progress_step(progress, "measuring vectors", i + count, rows))
            return imr_fail(err, IMR_E_CANCELLED, "looking at the cache was cancelled");
    }
    *low = rows ? least : 0;
    *high = most;
    return IMR_OK;
}

static imr_status add_vectors(imr_inspection *i, const imr_cache *c, const imr_progress *progress,
                              imr_error *err)
{
    double low = 0, high = 0;
    imr_error why;
    imr_status status = norms(&low, &high, c, progress, &why);
    if (status == IMR_E_NUMERIC) {
        i->usable = false;
        return imr_inspection_problem(i, IMR_SEVERITY_ERROR, "documents", why.text,
                                      "build the cache again", err);
    }
    if (status != IMR_OK) {
        if (err)
            *err = why;
        return status;
    }
    IMR_TRY(imr_inspection_number(i, "norm_min", "shortest vector", low, 4, err));
    IMR_TRY(imr_inspection_number(i, "norm_max", "longest vector", high, 4, err));
    if (low > 0)
        return IMR_OK;
    return imr_inspection_problem(i, IMR_SEVERITY_WARNING, "documents",
                                  "a document's vector is zero",
                                  "the encoder knows none of its words", err);
}

static imr_status add_cache_splits(imr_inspection *i, const imr_cache *c, imr_error *err)
{
    IMR_AUTOBUF imr_buf json = {0};
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_char(&json, '{');
    for (size_t s = 0; s < imr_cache_splits(c); s++) {
        size_t queries;
        imr_cache_split_queries(c, s, &queries);
        const imr_qrels *qrels = imr_cache_split_qrels(c, s);
        size_t judged = qrels ? imr_qrels_count(qrels) : 0;
        imr_buf_str(&json, s ? ", " : "");
        imr_json_put_string(&json, imr_cache_split_name(c, s));
        imr_buf_printf(&json, ": {\"queries\": %zu, \"judged\": %zu}", queries, judged);
        imr_buf_printf(&text, "%s%s %zu queries, %zu of them judged", s ? "; " : "",
                       imr_cache_split_name(c, s), queries, judged);
    }
    imr_buf_char(&json, '}');
    IMR_TRY(imr_buf_check(&json, err));
    return imr_inspection_raw(i, "splits", "splits", imr_buf_text(&json),
                              text.len ? imr_buf_text(&text) : "none", err);
}

/* How much of the texts the encoder reads. */
static imr_status add_tokens(imr_inspection *i, const imr_cache *c, imr_error *err)
{
    static const char *const names[] = {"documents", "queries"};
    IMR_AUTOBUF imr_buf json = {0};
    IMR_AUTOBUF imr_buf text = {0};
    for (int k = 0; k < 2; k++) {
        const imr_token_totals t = imr_cache_tokens(c, k);
        if (t.total == 0)
            continue;
        imr_buf_printf(&json,
                       "%s\"%s\": {\"texts\": %" PRIu64 ", \"cut\": %" PRIu64 ", \"read\": %" PRIu64
                       ", \"total\": %" PRIu64 "}",
                       json.len ? ", " : "{", names[k], t.texts, t.cut, t.read, t.total);
        imr_buf_printf(&text, "%s%s: ", text.len ? "; " : "", names[k]);
        imr_token_totals_text(&text, &t);
    }
    if (json.len == 0)
        return IMR_OK;
    imr_buf_char(&json, '}');
    IMR_TRY(imr_buf_check(&json, err));
    return imr_inspection_raw(i, "tokens", "texts", imr_buf_text(&json), imr_buf_text(&text), err);
}

/* One kept table, in words and as a member of the JSON array. */
static void put_table(imr_buf *json, imr_buf *text, const imr_encoded_table_info *t,
                      const imr_cache *c)
{
    const char *own = imr_cache_encoder(c)->sha256;
    imr_buf_printf(json,
                   "%s{\"name\": \"encoded\", \"encoder_sha256\": \"%s\", \"rows\": %" PRIu64
                   ", \"dim\": %" PRIu64 ", \"finished\": %" PRIu64 "}",
                   json->len > 1 ? ", " : "", t->sha256, t->rows, t->dim, t->finished);
    imr_buf_printf(text, "%sencoded, %" PRIu64 " x %" PRIu64, text->len ? "; " : "", t->rows,
                   t->dim);
    if (t->finished < t->rows)
        imr_buf_printf(text, ", %" PRIu64 " of them made", t->finished);
    if (own[0])
        imr_buf_str(text, strcmp(own, t->sha256) == 0 ? ", of the cache's encoder"
                                                      : ", of another encoder");
    imr_buf_printf(text, " %.12s", t->sha256);
}

static imr_status add_tables(imr_inspection *i, const imr_cache *c, imr_error *err)
{
    IMR_AUTOFREE imr_encoded_table_info *tables = NULL;
    IMR_AUTOBUF imr_buf json = {0};
    IMR_AUTOBUF imr_buf text = {0};
    size_t n;
    IMR_TRY(imr_encoded_table_list(&tables, &n, i->path, err));
    imr_buf_char(&json, '[');
    for (size_t t = 0; t < n; t++)
        put_table(&json, &text, &tables[t], c);
    imr_buf_char(&json, ']');
    IMR_TRY(imr_buf_check(&json, err));
    IMR_TRY(imr_inspection_raw(i, "token_tables", "token tables", imr_buf_text(&json),
                               n ? imr_buf_text(&text) : "none kept", err));
    for (size_t t = 0; t < n; t++)
        if (tables[t].damaged)
            IMR_TRY(imr_inspection_problem(
                i, IMR_SEVERITY_WARNING, "tokens", "a token table does not hold what was written",
                "the next --token-table encoded makes the rest of it again", err));
    return IMR_OK;
}

/* What a zipped corpus was unpacked to. */
static imr_status add_unpacked(imr_inspection *i, imr_error *err)
{
    IMR_AUTOFREE char *dir = imr_path_join(i->path, IMR_STORE_UNPACKED);
    if (!dir)
        return imr_fail_memory(err);
    const uint64_t bytes = imr_dataset_unpacked_bytes(dir);
    if (!bytes)
        return IMR_OK;
    char json[32], text[64];
    snprintf(json, sizeof json, "%" PRIu64, bytes);
    snprintf(text, sizeof text,
             "%.1f MB in " IMR_STORE_UNPACKED "; can be deleted while the archive is there",
             (double)bytes / 1e6);
    return imr_inspection_raw(i, "unpacked_bytes", "unpacked corpus", json, text, err);
}

static imr_status add_cache(imr_inspection *i, const imr_cache *c, const imr_progress *progress,
                            imr_error *err)
{
    const imr_encoder_identity *e = imr_cache_encoder(c);
    snprintf(i->sha256, sizeof i->sha256, "%s", imr_cache_sha256(c));
    IMR_TRY(imr_inspection_string(i, "layout", "layout", imr_cache_layout(c), err));
    IMR_TRY(imr_inspection_int(i, "dim", "dimension n", (int64_t)imr_cache_dim(c), err));
    IMR_TRY(
        imr_inspection_string(i, "dtype", "stored as", imr_dtype_name(imr_cache_dtype(c)), err));
    IMR_TRY(imr_inspection_int(i, "documents", "documents", (int64_t)imr_cache_documents(c), err));
    IMR_TRY(imr_inspection_int(i, "queries", "queries", (int64_t)imr_cache_queries(c), err));
    IMR_TRY(imr_inspection_string(i, "encoder", "encoder", e->name, err));
    if (e->precision[0])
        IMR_TRY(imr_inspection_string(i, "precision", "encoded with", e->precision, err));
    IMR_TRY(imr_inspection_string(i, "encoder_path", e->path[0] ? "encoder folder" : NULL, e->path,
                                  err));
    IMR_TRY(imr_inspection_string(i, "encoder_sha256", NULL, e->sha256, err));
    IMR_TRY(add_tokens(i, c, err));
    IMR_TRY(add_tables(i, c, err));
    IMR_TRY(add_unpacked(i, err));
    IMR_TRY(add_cache_splits(i, c, err));
    IMR_TRY(add_vectors(i, c, progress, err));
    const char *notice = imr_cache_notice(c);
    if (!notice[0])
        return IMR_OK;
    return imr_inspection_problem(i, IMR_SEVERITY_WARNING, i->path, notice,
                                  imr_cache_dataset(c) ? "" : "name the data set with --dataset",
                                  err);
}

imr_status imr_inspect_cache(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    imr_cache *c;
    imr_error why;
    imr_cache_options options = {.skip_bad_lines = true, .progress = progress};
    imr_status status = imr_cache_open(&c, i->path, &options, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    status = add_cache(i, c, progress, err);
    imr_cache_free(c);
    return status;
}
