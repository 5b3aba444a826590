/* report/inspect_cache.c - caches of vectors, and data sets. */
#include <math.h>

#include "math/nn.h"
#include "report/inspect.h"
#include "retrieval/store.h"
#include "session/encoded_table.h"

enum { BLOCK = 4096, SHOWN = 5 /* malformed lines that are named one by one */ };

/* Every vector once: the shortest and the longest, and that none holds what is no number. */
static imr_status norms(double *low, double *high, const imr_cache *c, const imr_progress *progress,
                        imr_error *err)
{
    const size_t rows = c->documents.ids.n, n = c->dim;
    IMR_AUTOFREE float *block = imr_alloc(BLOCK, n * sizeof *block);
    IMR_NEED(block, err);
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

static imr_status add_vectors(imr_inspection *i, const imr_cache *c, imr_error *err)
{
    double low = 0, high = 0;
    const imr_status status = norms(&low, &high, c, i->progress, err);
    if (status == IMR_E_NUMERIC) {
        imr_found_error(i, "documents", err->text, "build the cache again");
        return IMR_OK;
    }
    IMR_TRY(status);
    imr_fact_number(i, "norm_min", "shortest vector", low, 4);
    imr_fact_number(i, "norm_max", "longest vector", high, 4);
    if (low <= 0)
        imr_found(i, IMR_SEVERITY_WARNING, "documents", "a document's vector is zero",
                  "the encoder knows none of its words");
    return IMR_OK;
}

/* A member of "splits", and what is said of it. */
static void put_split(imr_buf *json, imr_buf *text, const char *name, size_t queries,
                      const char *key, size_t n, const char *words)
{
    imr_buf_str(json, json->len > 1 ? ", " : "");
    imr_json_printf(json, "%s: {'queries': %zu, %s: %zu}", name, queries, key, n);
    imr_buf_printf(text, "%s%s %zu queries, %zu %s", text->len ? "; " : "", name, queries, n,
                   words);
}

static void put_splits(imr_inspection *i, imr_buf *json, imr_buf *text)
{
    imr_buf_char(json, '}');
    imr_buf_str(text, text->len ? "" : "none");
    imr_fact_buf(i, "splits", "splits", json, text);
}

static void add_cache_splits(imr_inspection *i, const imr_cache *c)
{
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    imr_buf_char(&json, '{');
    for (size_t s = 0; s < c->n_splits; s++) {
        size_t queries;
        imr_cache_split_queries(c, s, &queries);
        const imr_qrels *qrels = c->splits[s].qrels;
        put_split(&json, &text, c->splits[s].name, queries, "judged", qrels ? qrels->queries.n : 0,
                  "of them judged");
    }
    put_splits(i, &json, &text);
}

/* How much of the texts the encoder reads. */
static void add_tokens(imr_inspection *i, const imr_cache *c)
{
    static const char *const names[] = {"documents", "queries"};
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    for (int k = 0; k < 2; k++) {
        const imr_token_totals t = c->tokens[k];
        if (t.total == 0)
            continue;
        imr_buf_str(&json, json.len ? ", " : "{");
        imr_json_printf(&json, "%s: {'texts': %zu, 'cut': %zu, 'read': %zu, 'total': %zu}",
                        names[k], (size_t)t.texts, (size_t)t.cut, (size_t)t.read, (size_t)t.total);
        imr_buf_printf(&text, "%s%s: ", text.len ? "; " : "", names[k]);
        imr_token_totals_text(&text, &t);
    }
    imr_buf_char(&json, '}');
    if (text.len)
        imr_fact_buf(i, "tokens", "texts", &json, &text);
}

static imr_status add_tables(imr_inspection *i, const imr_cache *c, imr_error *err)
{
    IMR_AUTOFREE imr_encoded_table_info *tables = NULL;
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    const char *own = c->encoder.sha256;
    size_t n;
    IMR_TRY(imr_encoded_table_list(&tables, &n, i->path, err));
    for (size_t k = 0; k < n; k++) {
        const imr_encoded_table_info *t = &tables[k];
        imr_buf_str(&json, k ? ", " : "[");
        imr_json_printf(&json,
                        "{'name': 'encoded', 'encoder_sha256': %s, 'rows': %zu, 'dim': %zu, "
                        "'finished': %zu}",
                        t->sha256, (size_t)t->rows, (size_t)t->dim, (size_t)t->finished);
        imr_buf_printf(&text, "%sencoded, %zu x %zu", k ? "; " : "", (size_t)t->rows,
                       (size_t)t->dim);
        if (t->finished < t->rows)
            imr_buf_printf(&text, ", %zu of them made", (size_t)t->finished);
        if (own[0])
            imr_buf_str(&text, strcmp(own, t->sha256) == 0 ? ", of the cache's encoder"
                                                           : ", of another encoder");
        imr_buf_printf(&text, " %.12s", t->sha256);
        if (t->damaged)
            imr_found(i, IMR_SEVERITY_WARNING, "tokens",
                      "a token table does not hold what was written",
                      "the next --token-table encoded makes the rest of it again");
    }
    imr_buf_str(&json, n ? "]" : "[]");
    imr_buf_str(&text, n ? "" : "none kept");
    imr_fact_buf(i, "token_tables", "token tables", &json, &text);
    return IMR_OK;
}

/* What can be made again, and how to be rid of it. */
static void add_derived(imr_inspection *i)
{
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    size_t sum = 0;
    for (size_t k = 0; k < IMR_DERIVED; k++) {
        const char *name = imr_derived_names[k];
        const size_t bytes = (size_t)imr_derived_bytes(i->path, name, false);
        imr_buf_str(&json, k ? ", " : "[");
        imr_json_printf(&json, "{'name': %s, 'bytes': %zu}", name, bytes);
        if (bytes)
            imr_buf_printf(&text, "%s %.1f MB, ", name, (double)bytes / 1e6);
        sum += bytes;
    }
    imr_buf_char(&json, ']');
    imr_buf_printf(&text, "together %.1f MB; imrnn cache --cache-dir %s --remove-derived",
                   (double)sum / 1e6, i->path);
    imr_fact_buf(i, "derived", sum ? "can be made again" : NULL, &json, &text);
    imr_fact_int(i, "derived_bytes", NULL, sum);
}

imr_status imr_inspect_cache(imr_inspection *i, imr_error *err)
{
    const imr_cache_options options = {.skip_bad_lines = true, .progress = i->progress};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = NULL;
    IMR_TRY(imr_cache_open(&c, i->path, &options, err));
    const imr_encoder_identity *e = &c->encoder;
    const char *notice = c->notice;
    snprintf(i->sha256, sizeof i->sha256, "%s", c->sha256);
    imr_fact_string(i, "layout", "layout", c->layout);
    imr_fact_int(i, "dim", "dimension n", c->dim);
    imr_fact_string(i, "dtype", "stored as", imr_dtype_name(c->dtype));
    imr_fact_int(i, "documents", "documents", c->documents.ids.n);
    imr_fact_int(i, "queries", "queries", c->queries.ids.n);
    imr_fact_string(i, "encoder", "encoder", e->name);
    imr_fact_string(i, "precision", "encoded with", e->precision[0] ? e->precision : NULL);
    imr_fact_string(i, "encoder_path", e->path[0] ? "encoder folder" : NULL, e->path);
    imr_fact_string(i, "encoder_sha256", NULL, e->sha256);
    add_tokens(i, c);
    IMR_TRY(add_tables(i, c, err));
    add_derived(i);
    add_cache_splits(i, c);
    IMR_TRY(add_vectors(i, c, err));
    if (notice[0])
        imr_found(i, IMR_SEVERITY_WARNING, i->path, notice, "");
    return IMR_OK;
}

/* ---- data sets ---- */

static void found_missing(imr_inspection *i, const char *split, size_t n, const char *what,
                          const char *first, const char *fix)
{
    IMR_AUTOBUF imr_buf where = {0}, text = {0};
    imr_buf_printf(&where, "qrels/%s.tsv", split);
    imr_buf_printf(&text, "%zu judged %s, the first is '%s'", n, what, first);
    if (n)
        imr_found(i, IMR_SEVERITY_WARNING, imr_buf_text(&where), imr_buf_text(&text), fix);
}

static void add_splits(imr_inspection *i, const imr_dataset *d)
{
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    imr_buf_char(&json, '{');
    for (size_t s = 0; s < d->n_splits; s++) {
        const char *name = d->splits[s].name, *query = "", *document = "";
        const imr_qrels *qrels = imr_dataset_qrels(d, name);
        size_t judged = 0;
        for (size_t q = 0; q < qrels->queries.n; q++)
            judged += qrels->queries.v[q].n;
        put_split(&json, &text, name, qrels->queries.n, "judgements", judged, "judgements");
        const size_t unknown = imr_qrels_absent_queries(qrels, &d->query_ids, &query);
        found_missing(i, name, unknown, "queries are not in queries.jsonl", query,
                      "they are left out");
        const size_t absent = imr_qrels_absent(qrels, &d->documents, &document);
        found_missing(i, name, absent, "documents are not in the corpus", document,
                      "no ranking can find them: recall stays below 1");
    }
    put_splits(i, &json, &text);
}

static imr_status add_lengths(imr_inspection *i, const imr_dataset *d, imr_error *err)
{
    size_t n = d->documents.n, empty = 0;
    double total = 0;
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t k = 0; k < n; k++) {
        imr_buf_clear(&text);
        IMR_TRY(imr_dataset_text(d, k, &text, err));
        empty += text.len == 0;
        total += (double)text.len;
        if (k % 256 == 0 && !imr_progress_step(i->progress, "measuring texts", k, n))
            return imr_fail(err, IMR_E_CANCELLED, "looking at the dataset was cancelled");
    }
    imr_fact_number(i, "mean_bytes", "bytes a document", n ? total / (double)n : 0, 0);
    if (empty)
        imr_found(i, IMR_SEVERITY_WARNING, "corpus",
                  imr_textf("%zu documents have neither title nor text", empty).s,
                  "their vectors mean nothing: drop them from the corpus");
    return IMR_OK;
}

imr_status imr_inspect_dataset(imr_inspection *i, imr_error *err)
{
    const imr_dataset_options options = {.skip_bad_lines = true, .progress = i->progress};
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *d = NULL;
    char queries[IMR_SHA256_HEX];
    const imr_status status = imr_dataset_open(&d, i->path, &options, err);
    if (status == IMR_E_NOT_FOUND)
        i->kind = "unknown";
    if (status != IMR_OK)
        return imr_found_failure(i, status, err,
                                 "name the file or folder itself: an adapter, an encoder, a cache, "
                                 "a dataset",
                                 err);
    IMR_TRY(imr_dataset_sha256(d, i->sha256, queries, i->progress, err));
    imr_fact_string(i, "queries_sha256", "sha256 of queries", queries);
    imr_fact_int(i, "documents", "documents", d->documents.n);
    if (d->summary[0] && d->corpus.len == 0)
        imr_fact_string(i, "files", "files", d->summary);
    imr_fact_int(i, "queries", "queries", d->query_ids.n);
    IMR_TRY(add_lengths(i, d, err));
    add_splits(i, d);
    const size_t bad = d->n_bad;
    if (bad)
        imr_fact_int(i, "bad_lines", "malformed lines", bad);
    for (size_t k = 0; k < bad && k < SHOWN; k++)
        imr_found_error(i, i->path, d->bad[k], "mend the line, or use --skip-bad-lines");
    i->usable &= !bad;
    return IMR_OK;
}
