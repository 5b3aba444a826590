/* report/inspect_files.c - arrays, runs, judgements, encoder folders, reports and histories. */
#include <math.h>

#include "base/number.h"
#include "encoder/encoder.h"
#include "math/nn.h"
#include "report/inspect.h"
#include "retrieval/run_file.h"

imr_status imr_inspect_array(imr_inspection *i, imr_error *err)
{
    IMR_CLEANUP(imr_npy_done) imr_npy array = {0};
    IMR_TRY(imr_npy_open(&array, i->path, err));
    char shape[160];
    IMR_AUTOBUF imr_buf json = {0}, text = {0};
    imr_buf_char(&json, '[');
    for (uint32_t d = 0; d < array.t.rank; d++)
        imr_buf_printf(&json, "%s%llu", d ? ", " : "", (unsigned long long)array.t.shape[d]);
    imr_buf_char(&json, ']');
    imr_buf_str(&text, imr_tensor_shape_text(&array.t, shape));
    imr_fact_string(i, "dtype", "values", imr_dtype_name(array.t.dtype));
    imr_fact_buf(i, "shape", "shape", &json, &text);
    return IMR_OK;
}

imr_status imr_inspect_run(imr_inspection *i, imr_error *err)
{
    IMR_CLEANUP(imr_run_free_at) imr_run *run = NULL;
    IMR_TRY(imr_run_open(&run, i->path, err));
    size_t lines = 0, n = imr_run_count(run);
    for (size_t q = 0; q < n; q++)
        lines += imr_run_at(run, q).n;
    imr_fact_int(i, "queries", "queries", n);
    imr_fact_int(i, "lines", "ranked documents", lines);
    return IMR_OK;
}

imr_status imr_inspect_qrels(imr_inspection *i, imr_error *err)
{
    IMR_CLEANUP(imr_qrels_free_at) imr_qrels *qrels = NULL;
    IMR_TRY(imr_qrels_open(&qrels, i->path, err));
    size_t judged = 0, relevant = 0, n = qrels->queries.n;
    for (size_t q = 0; q < n; q++) {
        judged += qrels->queries.v[q].n;
        relevant += qrels->queries.v[q].relevant;
    }
    imr_fact_int(i, "queries", "queries", n);
    imr_fact_int(i, "documents", "documents", qrels->documents.n);
    imr_fact_int(i, "judgements", "judgements", judged);
    imr_fact_int(i, "relevant", "relevant", relevant);
    return IMR_OK;
}

imr_status imr_inspect_encoder(imr_inspection *i, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    IMR_TRY(imr_encoder_open(&e, i->path, NULL, err));
    IMR_TRY(imr_encoder_sha256(e, i->sha256, err));
    const imr_view rows = imr_encoder_token_rows(e);
    size_t zero = 0, most = e->max_tokens;
    for (size_t r = 0; r < rows.rows; r++)
        zero += imr_nn_norm(imr_view_row(&rows, r), rows.cols) == 0.0;
    imr_fact_string(i, "encoder_kind", "kind", e->kind);
    imr_fact_string(i, "name", "name", e->folder.name);
    imr_fact_string(i, "folder", "folder", e->folder.path);
    imr_fact_int(i, "dim", "dimension n", e->dim);
    imr_fact_string(i, "tokenizer", "tokeniser",
                    e->tokenizer->spec.model == IMR_WORDPIECE ? "WordPiece" : "WordLevel");
    imr_fact_int(i, "vocabulary", "vocabulary", imr_encoder_token_count(e));
    imr_fact_int(i, "max_tokens", most ? "longest text, tokens" : NULL, most);
    if (*imr_buf_text(&e->notice))
        imr_found(i, IMR_SEVERITY_WARNING, i->path, imr_buf_text(&e->notice), "");
    imr_fact_string(i, "query_prefix", "query prefix", e->query_prefix);
    imr_fact_string(i, "passage_prefix", "passage prefix", e->passage_prefix);
    imr_fact_int(i, "zero_rows", "tokens without vector", zero);
    return IMR_OK;
}

/* ---- what we wrote ---- */

enum { BAR = 40, ROWS = 60 /* longer histories show every second epoch, every third ... */ };

typedef struct range {
    double low, high;
} range;

static range range_of(const imr_json *epochs)
{
    range r = {INFINITY, -INFINITY};
    for (const imr_json *e = imr_json_child(epochs); e; e = imr_json_next(e)) {
        const double v = imr_json_number_or(e, "validation", (double)NAN);
        r.low = v < r.low ? v : r.low;
        r.high = v > r.high ? v : r.high;
    }
    return r;
}

static const char *number(char out[64], double value)
{
    return isfinite(value) ? imr_format_fixed(out, value, 4, false) : "-";
}

static void put_rows(imr_buf *b, const imr_json *epochs, int64_t best)
{
    const range r = range_of(epochs);
    const size_t step = 1 + imr_json_count(epochs) / ROWS;
    size_t i = 0;
    for (const imr_json *e = imr_json_child(epochs); e; e = imr_json_next(e), i++) {
        const int64_t epoch = imr_json_int_or(e, "epoch", 0);
        const double v = imr_json_number_or(e, "validation", (double)NAN);
        if (i % step && epoch != best)
            continue;
        char loss[64], value[64];
        imr_buf_printf(b, "\n  %6lld%10s%10s    |", (long long)epoch,
                       number(loss, imr_json_number_or(e, "loss", (double)NAN)), number(value, v));
        if (isfinite(v))
            imr_buf_fill(b, '#',
                         r.high > r.low ? (size_t)((v - r.low) / (r.high - r.low) * BAR) : 0);
        imr_buf_str(b, epoch == best ? " best" : "");
    }
}

static void add_history(imr_inspection *i, const imr_json *root)
{
    const imr_json *epochs = imr_json_at(root, "epochs");
    const int64_t best = imr_json_int_or(root, "best_epoch", -1);
    static const char *const texts[] = {"recipe", "form", "loss", "optimizer", "cache"};
    for (size_t k = 0; k < IMR_LEN(texts); k++)
        imr_fact_string(i, texts[k], texts[k], imr_json_string_or(root, texts[k], NULL));
    imr_fact_number(i, "best_epoch", "best epoch", (double)best, 0);
    imr_buf_printf(&i->words, "%6s%10s  validation", "epoch", "loss");
    put_rows(&i->words, epochs, best);
}

imr_status imr_inspect_report(imr_inspection *i, imr_error *err)
{
    static const char *const inputs[][3] = {
        {"inputs/adapter/path", "adapter", "adapter"},
        {"inputs/adapter/sha256", "adapter_sha256", "adapter sha256"},
        {"inputs/cache/path", "cache", "cache"},
        {"query/text", "query", "query"}};
    IMR_AUTOJSON imr_json *root = NULL;
    IMR_TRY(imr_json_open(&root, i->path, err));
    const char *schema = imr_json_string_or(root, "schema", NULL);
    imr_fact_string(i, "schema", "schema", schema);
    if (!schema || strncmp(schema, "imrnn.", 6) != 0) {
        i->kind = "json";
        imr_found(i, IMR_SEVERITY_NOTE, i->path,
                  "JSON without a schema of ours; nothing more is known of it", "");
        return IMR_OK;
    }
    imr_fact_string(i, "version", "written by version",
                    imr_json_string_or(root, "tool/version", NULL));
    if (strcmp(schema, "imrnn.training/1") == 0) {
        i->kind = "history";
        add_history(i, root);
        return IMR_OK;
    }
    for (size_t k = 0; k < IMR_LEN(inputs); k++)
        imr_fact_string(i, inputs[k][1], inputs[k][2],
                        imr_json_string_or(root, inputs[k][0], NULL));
    imr_fact_int(i, "documents", "documents", imr_json_count(imr_json_at(root, "documents")));
    return IMR_OK;
}
