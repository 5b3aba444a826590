/* report/inspect_dataset.c - data sets. */
#include "format/json.h"
#include "report/inspect_kinds.h"
#include "retrieval/dataset.h"

#define SHOWN 5 /* problems of one sort that are named one by one */

static bool known(const void *user, const char *document_id)
{
    uint32_t at;
    return imr_dataset_find(user, document_id, &at);
}

static imr_status count_missing(imr_inspection *i, const imr_dataset *d, const char *split,
                                const imr_qrels *qrels, imr_error *err)
{
    size_t queries = 0;
    const char *query = "", *document = "";
    uint32_t at;
    for (size_t q = 0; q < imr_qrels_count(qrels); q++)
        if (!imr_dataset_find_query(d, imr_qrels_at(qrels, q).id, &at) && queries++ == 0)
            query = imr_qrels_at(qrels, q).id;
    const size_t documents = imr_qrels_absent(qrels, known, d, &document);
    IMR_AUTOBUF imr_buf where = {0};
    imr_buf_printf(&where, "qrels/%s.tsv", split);
    IMR_AUTOBUF imr_buf what = {0};
    if (queries) {
        imr_buf_printf(&what, "%zu judged queries are not in queries.jsonl, the first is '%s'",
                       queries, query);
        IMR_TRY(imr_inspection_problem(i, IMR_SEVERITY_WARNING, imr_buf_text(&where),
                                       imr_buf_text(&what), "they are left out", err));
        imr_buf_clear(&what);
    }
    if (documents) {
        imr_buf_printf(&what, "%zu judged documents are not in the corpus, the first is '%s'",
                       documents, document);
        IMR_TRY(imr_inspection_problem(i, IMR_SEVERITY_WARNING, imr_buf_text(&where),
                                       imr_buf_text(&what),
                                       "no ranking can find them: recall stays below 1", err));
    }
    return IMR_OK;
}

static imr_status add_splits(imr_inspection *i, const imr_dataset *d, imr_error *err)
{
    IMR_AUTOBUF imr_buf json = {0};
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_char(&json, '{');
    for (size_t s = 0; s < imr_dataset_splits(d); s++) {
        const char *name = imr_dataset_split_name(d, s);
        const imr_qrels *qrels = imr_dataset_qrels(d, name);
        size_t judged = 0, queries = imr_qrels_count(qrels);
        for (size_t q = 0; q < queries; q++)
            judged += imr_qrels_at(qrels, q).n;
        imr_buf_str(&json, s ? ", " : "");
        imr_json_put_string(&json, name);
        imr_buf_printf(&json, ": {\"queries\": %zu, \"judgements\": %zu}", queries, judged);
        imr_buf_printf(&text, "%s%s %zu queries, %zu judgements", s ? "; " : "", name, queries,
                       judged);
        IMR_TRY(count_missing(i, d, name, qrels, err));
    }
    imr_buf_char(&json, '}');
    IMR_TRY(imr_buf_check(&json, err));
    return imr_inspection_raw(i, "splits", "splits", imr_buf_text(&json),
                              text.len ? imr_buf_text(&text) : "none", err);
}

static imr_status add_lengths(imr_inspection *i, const imr_dataset *d, const imr_progress *progress,
                              imr_error *err)
{
    size_t n = imr_dataset_count(d), empty = 0;
    double total = 0;
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t k = 0; k < n; k++) {
        imr_buf_clear(&text);
        IMR_TRY(imr_dataset_text(d, k, &text, err));
        empty += text.len == 0;
        total += (double)text.len;
        if (k % 256 == 0 && !imr_progress_step(progress, "measuring texts", k, n))
            return imr_fail(err, IMR_E_CANCELLED, "looking at the dataset was cancelled");
    }
    IMR_TRY(imr_inspection_number(i, "mean_bytes", "bytes a document", n ? total / (double)n : 0, 0,
                                  err));
    if (!empty)
        return IMR_OK;
    imr_buf_clear(&text);
    imr_buf_printf(&text, "%zu documents have neither title nor text", empty);
    return imr_inspection_problem(i, IMR_SEVERITY_WARNING, "corpus", imr_buf_text(&text),
                                  "their vectors mean nothing: drop them from the corpus", err);
}

static imr_status add_dataset(imr_inspection *i, const imr_dataset *d, const imr_progress *progress,
                              imr_error *err)
{
    char queries[IMR_SHA256_HEX];
    IMR_TRY(imr_dataset_sha256(d, i->sha256, queries, progress, err));
    IMR_TRY(imr_inspection_string(i, "queries_sha256", "sha256 of queries", queries, err));
    IMR_TRY(imr_inspection_int(i, "documents", "documents", (int64_t)imr_dataset_count(d), err));
    if (imr_dataset_summary(d)[0] && imr_dataset_corpus_bytes(d) == 0)
        IMR_TRY(imr_inspection_string(i, "files", "files", imr_dataset_summary(d), err));
    IMR_TRY(imr_inspection_int(i, "queries", "queries", (int64_t)imr_dataset_queries(d), err));
    IMR_TRY(add_lengths(i, d, progress, err));
    IMR_TRY(add_splits(i, d, err));
    size_t bad = imr_dataset_bad_lines(d), kept = imr_dataset_bad_lines_kept(d);
    if (!bad)
        return IMR_OK;
    i->usable = false;
    IMR_TRY(imr_inspection_int(i, "bad_lines", "malformed lines", (int64_t)bad, err));
    for (size_t k = 0; k < kept && k < SHOWN; k++)
        IMR_TRY(imr_inspection_problem(i, IMR_SEVERITY_ERROR, i->path, imr_dataset_bad_line(d, k),
                                       "mend the line, or use --skip-bad-lines", err));
    return IMR_OK;
}

imr_status imr_inspect_dataset(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    imr_dataset *d;
    imr_error why;
    imr_dataset_options options = {.skip_bad_lines = true, .progress = progress};
    imr_status status = imr_dataset_open(&d, i->path, &options, &why);
    if (status == IMR_E_NOT_FOUND)
        i->kind = "unknown";
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why,
                                     "name the file or folder itself: an adapter, an encoder, a "
                                     "cache, a dataset",
                                     err);
    status = add_dataset(i, d, progress, &why);
    imr_dataset_free(d);
    return imr_inspection_failed(i, status, &why, "", err);
}
