/* report/inspect.c - telling what a file is, and writing down what was found. */
#include "report/inspect.h"

#include <string.h>

#include "base/array.h"
#include "base/file.h"
#include "base/number.h"
#include "format/json.h"
#include "format/npy.h"
#include "report/formats.h"
#include "report/inspect_kinds.h"
#include "retrieval/qrels.h"
#include "retrieval/run_file.h"
#include "text/utf8.h"

/* ---- facts and problems ---- */

imr_status imr_inspection_raw(imr_inspection *i, const char *key, const char *label,
                              const char *json, const char *text, imr_error *err)
{
    imr_fact f = {key, text ? label : NULL, imr_strdup(json), text ? imr_strdup(text) : NULL};
    if (f.json && (f.text || !text) &&
        imr_array_grow(&i->facts, i->n_facts, &i->cap_facts, 1, sizeof *i->facts)) {
        i->facts[i->n_facts++] = f;
        return IMR_OK;
    }
    imr_free(f.json);
    imr_free(f.text);
    return imr_fail_memory(err);
}

imr_status imr_inspection_int(imr_inspection *i, const char *key, const char *label, int64_t value,
                              imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_json_put_int(&b, value);
    IMR_TRY(imr_buf_check(&b, err));
    return imr_inspection_raw(i, key, label, imr_buf_text(&b), imr_buf_text(&b), err);
}

imr_status imr_inspection_number(imr_inspection *i, const char *key, const char *label,
                                 double value, int decimals, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    char text[64];
    imr_json_put_number(&b, value);
    IMR_TRY(imr_buf_check(&b, err));
    imr_format_fixed(text, value, decimals, false);
    return imr_inspection_raw(i, key, label, imr_buf_text(&b), text, err);
}

imr_status imr_inspection_string(imr_inspection *i, const char *key, const char *label,
                                 const char *text, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    if (!text)
        return IMR_OK;
    imr_json_put_string(&b, text);
    IMR_TRY(imr_buf_check(&b, err));
    return imr_inspection_raw(i, key, label, imr_buf_text(&b), text, err);
}

imr_status imr_inspection_problem(imr_inspection *i, imr_severity severity, const char *where,
                                  const char *what, const char *fix, imr_error *err)
{
    imr_problem p = {.severity = severity,
                     .status = IMR_E_FORMAT,
                     .where = imr_strdup(where),
                     .what = imr_strdup(what),
                     .fix = fix};
    imr_problems *list = &i->problems;
    if (p.where && p.what && imr_array_grow(&list->v, list->n, &list->cap, 1, sizeof *list->v)) {
        list->v[list->n++] = p;
        return IMR_OK;
    }
    imr_free(p.where);
    imr_free(p.what);
    return imr_fail_memory(err);
}

imr_status imr_inspection_failed(imr_inspection *i, imr_status status, const imr_error *why,
                                 const char *fix, imr_error *err)
{
    if (status == IMR_OK)
        return IMR_OK;
    if (status == IMR_E_MEMORY || status == IMR_E_CANCELLED) {
        if (err)
            *err = *why;
        return status;
    }
    i->usable = false;
    return imr_inspection_problem(i, IMR_SEVERITY_ERROR, i->path, why->text, fix, err);
}

void imr_inspection_done(imr_inspection *i)
{
    for (size_t f = 0; f < i->n_facts; f++) {
        imr_free(i->facts[f].json);
        imr_free(i->facts[f].text);
    }
    imr_free(i->facts);
    imr_problems_done(&i->problems);
    imr_free(i->path);
    imr_free(i->words);
    *i = (imr_inspection){0};
}

/* ---- small kinds ---- */

static imr_status inspect_array(imr_inspection *i, imr_error *err)
{
    imr_npy array;
    imr_error why;
    imr_status status = imr_npy_open(&array, i->path, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    char shape[160];
    IMR_AUTOBUF imr_buf json = {0};
    imr_buf_char(&json, '[');
    for (uint32_t d = 0; d < array.t.rank; d++)
        imr_buf_printf(&json, "%s%llu", d ? ", " : "", (unsigned long long)array.t.shape[d]);
    imr_buf_char(&json, ']');
    status = imr_inspection_string(i, "dtype", "values", imr_dtype_name(array.t.dtype), err);
    if (status == IMR_OK)
        status = imr_inspection_raw(i, "shape", "shape", imr_buf_text(&json),
                                    imr_tensor_shape_text(&array.t, shape), err);
    imr_npy_done(&array);
    return status;
}

static imr_status inspect_run(imr_inspection *i, imr_error *err)
{
    imr_run *run;
    imr_error why;
    imr_status status = imr_run_open(&run, i->path, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    size_t lines = 0, n = imr_run_count(run);
    for (size_t q = 0; q < n; q++)
        lines += imr_run_at(run, q).n;
    imr_run_free(run);
    IMR_TRY(imr_inspection_int(i, "queries", "queries", (int64_t)n, err));
    return imr_inspection_int(i, "lines", "ranked documents", (int64_t)lines, err);
}

static imr_status inspect_qrels(imr_inspection *i, imr_error *err)
{
    imr_qrels *qrels;
    imr_error why;
    imr_status status = imr_qrels_open(&qrels, i->path, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    size_t judged = 0, relevant = 0, n = imr_qrels_count(qrels);
    size_t documents = imr_qrels_documents(qrels);
    for (size_t q = 0; q < n; q++) {
        judged += imr_qrels_at(qrels, q).n;
        relevant += imr_qrels_at(qrels, q).relevant;
    }
    imr_qrels_free(qrels);
    IMR_TRY(imr_inspection_int(i, "queries", "queries", (int64_t)n, err));
    IMR_TRY(imr_inspection_int(i, "documents", "documents", (int64_t)documents, err));
    IMR_TRY(imr_inspection_int(i, "judgements", "judgements", (int64_t)judged, err));
    return imr_inspection_int(i, "relevant", "relevant", (int64_t)relevant, err);
}

static imr_status inspect_report(imr_inspection *i, imr_error *err)
{
    IMR_AUTOJSON imr_json *root = NULL;
    imr_error why;
    imr_status status = imr_json_open(&root, i->path, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "", err);
    const char *schema = imr_json_string_or(root, "schema", NULL);
    if (!schema || strncmp(schema, "imrnn.", 6) != 0) {
        i->kind = "json";
        IMR_TRY(imr_inspection_string(i, "schema", "schema", schema, err));
        return imr_inspection_problem(i, IMR_SEVERITY_NOTE, i->path,
                                      "JSON without a schema of ours; nothing more is known of it",
                                      "", err);
    }
    IMR_TRY(imr_inspection_string(i, "schema", "schema", schema, err));
    IMR_TRY(imr_inspection_string(i, "version", "written by version",
                                  imr_json_string_or(root, "tool/version", NULL), err));
    if (strcmp(schema, "imrnn.training/1") == 0) {
        i->kind = "history";
        return imr_inspect_history(i, root, err);
    }
    static const char *const inputs[][3] = {
        {"inputs/adapter/path", "adapter", "adapter"},
        {"inputs/adapter/sha256", "adapter_sha256", "adapter sha256"},
        {"inputs/cache/path", "cache", "cache"},
        {"query/text", "query", "query"}};
    for (size_t k = 0; k < IMR_LEN(inputs); k++)
        IMR_TRY(imr_inspection_string(i, inputs[k][1], inputs[k][2],
                                      imr_json_string_or(root, inputs[k][0], NULL), err));
    size_t n = imr_json_count(imr_json_at(root, "documents"));
    return imr_inspection_int(i, "documents", "documents", (int64_t)n, err);
}

/* ---- what is it? ---- */

typedef imr_status (*kind_fn)(imr_inspection *i, imr_error *err);

static bool begins(const imr_file *f, const char *magic, size_t n)
{
    return f->len >= n && memcmp(f->data, magic, n) == 0;
}

/* Fields of the first line, separated by blanks; the line ends at len. */
static size_t first_line_fields(const imr_file *f, char second[3])
{
    size_t fields = 0, at = 0;
    bool inside = false;
    for (; at < f->len && f->data[at] != '\n' && at < 65536; at++) {
        bool space = f->data[at] == ' ' || f->data[at] == '\t' || f->data[at] == '\r';
        if (!space && !inside)
            fields++;
        if (!space && fields == 2 && !inside && at + 2 < f->len) {
            second[0] = (char)f->data[at];
            second[1] = (char)f->data[at + 1];
            second[2] = '\0';
        }
        inside = !space;
    }
    return fields;
}

/* The first entry of a zip is named in its first bytes; torch.save puts <folder>/data.pkl there. */
static bool zip_of_torch(const imr_file *f)
{
    if (f->len < 30)
        return false;
    size_t n = (size_t)f->data[26] | (size_t)f->data[27] << 8;
    if (n > f->len - 30)
        return true; /* cut short: let the reader say where */
    const char *name = (const char *)f->data + 30;
    return n >= 8 && memcmp(name + n - 8, "data.pkl", 8) == 0;
}

/* JSON lines of texts: the first line is an object or string by itself and more follows. */
static bool is_jsonl(const imr_file *f)
{
    const char *text = (const char *)f->data, *newline = memchr(text, '\n', f->len);
    imr_json *node = NULL;
    if (!newline || newline == text ||
        imr_json_parse(&node, text, (size_t)(newline - text), "", NULL) != IMR_OK)
        return false;
    bool document =
        imr_json_is_string(node) || imr_json_at(node, "_id") || imr_json_at(node, "text");
    imr_json_free(node);
    return document;
}

static imr_status unknown(imr_inspection *i, imr_error *err)
{
    i->usable = false;
    return imr_inspection_problem(
        i, IMR_SEVERITY_ERROR, i->path,
        "none of: adapter, encoder folder, cache, data set, NumPy array, run, judgements, report",
        "name the folder or file itself, such as the folder that holds corpus.jsonl", err);
}

static imr_status tell_file(imr_inspection *i, const imr_file *f, const imr_progress *progress,
                            imr_error *err)
{
    char second[3] = "";
    if (f->len == 0) {
        i->usable = false;
        return imr_inspection_problem(i, IMR_SEVERITY_ERROR, i->path, "the file is empty",
                                      "get it again: it was probably cut short", err);
    }
    if (begins(f, "\x93NUMPY", 6)) {
        i->kind = "array";
        return inspect_array(i, err);
    }
    bool zip = begins(f, "PK\003\004", 4);
    if ((zip && zip_of_torch(f)) || begins(f, "\x80\002", 2) ||
        (f->len > 8 && f->data[8] == '{' && f->data[5] == 0 && f->data[6] == 0)) {
        i->kind = "adapter";
        return imr_inspect_adapter(i, progress, err);
    }
    if (zip || is_jsonl(f)) {
        i->kind = "dataset";
        return imr_inspect_dataset(i, progress, err);
    }
    if (f->data[0] == '{' || f->data[0] == '[') {
        i->kind = "report";
        return inspect_report(i, err);
    }
    size_t fields = first_line_fields(f, second);
    if (fields == 6 && second[0] == 'Q') {
        i->kind = "run";
        return inspect_run(i, err);
    }
    if (fields == 3 || fields == 4) {
        i->kind = "qrels";
        return inspect_qrels(i, err);
    }
    return unknown(i, err);
}

static bool holds(const char *dir, const char *name)
{
    IMR_AUTOFREE char *path = imr_path_join(dir, name);
    return path && (imr_file_exists(path) || imr_dir_exists(path));
}

static imr_status tell_folder(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    static const struct {
        const char *marks[8], *kind;
        imr_status (*look)(imr_inspection *i, const imr_progress *progress, imr_error *err);
    } kinds[] = {
        {{"corpus.jsonl"}, "dataset", imr_inspect_dataset},
        {{"modules.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "vocab.txt",
          "0_StaticEmbedding", "config.json"},
         "encoder",
         imr_inspect_encoder},
        {{"manifest.json", "documents.npy", "journal", "test/embeddings.pt", "train/embeddings.pt",
          "val/embeddings.pt"},
         "cache",
         imr_inspect_cache},
    };
    for (size_t k = 0; k < IMR_LEN(kinds); k++)
        for (size_t m = 0; kinds[k].marks[m]; m++)
            if (holds(i->path, kinds[k].marks[m])) {
                i->kind = kinds[k].kind;
                return kinds[k].look(i, progress, err);
            }
    i->kind = "dataset";
    return imr_inspect_dataset(i, progress, err);
}

static imr_status look(imr_inspection *i, const imr_progress *progress, imr_error *err)
{
    if (imr_dir_exists(i->path))
        return tell_folder(i, progress, err);
    imr_file file;
    imr_error why;
    imr_status status = imr_file_map(&file, i->path, &why);
    if (status != IMR_OK)
        return imr_inspection_failed(i, status, &why, "check the path", err);
    status = imr_sha256_memory(file.data, file.len, i->sha256, err);
    if (status == IMR_OK)
        status = tell_file(i, &file, progress, err);
    imr_file_unmap(&file);
    return status;
}

imr_status imr_inspect(imr_inspection *out, const char *path, const imr_progress *progress,
                       imr_error *err)
{
    imr_inspection i = {.kind = "unknown", .path = imr_strdup(path), .usable = true};
    imr_status status = i.path ? look(&i, progress, err) : imr_fail_memory(err);
    if (status != IMR_OK) {
        imr_inspection_done(&i);
        return status;
    }
    *out = i;
    return IMR_OK;
}

/* ---- writing ---- */

#define COLUMNS 80
#define VALUES  23 /* where the words beside a label begin */

static void clean(imr_buf *b, const char *text)
{
    imr_utf8_clean(b, text, strlen(text), IMR_CLEAN_LINE);
}

/* Cleaned, in lines of 80 columns; what fits into two of them stays one, which grep finds. */
static void put_wrapped(imr_buf *b, const char *text, size_t at, size_t indent)
{
    IMR_AUTOBUF imr_buf safe = {0};
    clean(&safe, text);
    const bool brief = at + imr_utf8_width(imr_buf_text(&safe), safe.len) <= 2 * COLUMNS;
    imr_report_wrap(b, imr_buf_text(&safe), at, indent, brief ? SIZE_MAX : COLUMNS);
}

static void put_problem(imr_buf *b, const imr_problem *problem, const char *path)
{
    IMR_AUTOBUF imr_buf text = {0};
    imr_buf_printf(&text, "%s: ", imr_severity_name(problem->severity));
    /* Readers name the path themselves. */
    if (strcmp(problem->where, path) != 0)
        imr_buf_printf(&text, "%s: ", problem->where);
    imr_buf_str(&text, problem->what);
    if (problem->fix && problem->fix[0])
        imr_buf_printf(&text, " (%s)", problem->fix);
    imr_buf_str(b, "  ");
    put_wrapped(b, imr_buf_text(&text), 2, 4);
}

void imr_inspection_text(imr_buf *b, const imr_inspection *i)
{
    clean(b, i->path);
    imr_buf_printf(b, ": %s%s\n", i->kind, i->usable ? "" : ", not usable");
    if (i->sha256[0])
        imr_buf_printf(b, "  %-20s %s\n", "sha256", i->sha256);
    for (size_t f = 0; f < i->n_facts; f++)
        if (i->facts[f].label) {
            imr_buf_printf(b, "  %-20s ", i->facts[f].label);
            put_wrapped(b, i->facts[f].text, VALUES, VALUES);
        }
    for (size_t p = 0; p < i->problems.n; p++)
        put_problem(b, &i->problems.v[p], i->path);
    if (i->words && strchr(i->words, '\n')) {
        imr_buf_printf(b, "  %s\n", i->words); /* a drawing of ours */
    } else if (i->words) {
        imr_buf_str(b, "  ");
        put_wrapped(b, i->words, 2, 2);
    }
}

void imr_inspection_json(imr_buf *b, const imr_inspection *i)
{
    imr_buf_str(b, "{\"kind\": ");
    imr_json_put_string(b, i->kind);
    imr_buf_str(b, ", \"path\": ");
    imr_json_put_string(b, i->path);
    imr_buf_str(b, ", \"sha256\": ");
    if (i->sha256[0])
        imr_json_put_string(b, i->sha256);
    else
        imr_buf_str(b, "null");
    imr_buf_printf(b, ", \"usable\": %s, \"problems\": [", i->usable ? "true" : "false");
    for (size_t p = 0; p < i->problems.n; p++) {
        const imr_problem *problem = &i->problems.v[p];
        imr_buf_printf(b, "%s\n  {\"severity\": \"%s\", \"what\": ", p ? "," : "",
                       imr_severity_name(problem->severity));
        imr_json_put_string(b, problem->what);
        imr_buf_str(b, ", \"where\": ");
        imr_json_put_string(b, problem->where);
        imr_buf_str(b, ", \"fix\": ");
        imr_json_put_string(b, problem->fix ? problem->fix : "");
        imr_buf_char(b, '}');
    }
    imr_buf_char(b, ']');
    for (size_t f = 0; f < i->n_facts; f++) {
        imr_buf_str(b, ",\n ");
        imr_json_put_string(b, i->facts[f].key);
        imr_buf_printf(b, ": %s", i->facts[f].json);
    }
    if (i->words) {
        imr_buf_str(b, ",\n \"meaning\": ");
        imr_json_put_string(b, i->words);
    }
    imr_buf_char(b, '}');
}
