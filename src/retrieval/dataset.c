#include "retrieval/dataset.h"

#include <strings.h>
#include <sys/stat.h>

#include "retrieval/dataset_internal.h"
#include "text/normalise.h"
#include "text/utf8.h"

void imr_dataset_bytes_done(imr_dataset_bytes *b, imr_scratch *beside)
{
    imr_file_unmap(&b->file);
    imr_scratch_free(beside, b->owned);
    imr_free(b->name);
}

void imr_dataset_free(imr_dataset *d)
{
    if (!d)
        return;
    imr_free(d->path);
    imr_dataset_bytes_done(&d->corpus, d->beside);
    imr_dataset_bytes_done(&d->queries, d->beside);
    imr_scratch_close(d->beside);
    imr_ids_done(&d->documents);
    imr_scratch_free(d->scratch, d->made_offsets);
    imr_scratch_free(d->scratch, d->made_lengths);
    imr_ids_done(&d->query_ids);
    imr_scratch_free(d->scratch, d->query_blob);
    imr_scratch_free(d->scratch, d->query_texts);
    for (size_t i = 0; i < d->n_splits; i++) {
        imr_free(d->splits[i].name);
        imr_qrels_free(d->splits[i].qrels);
    }
    imr_free(d->splits);
    for (size_t i = 0; i < IMR_BAD_LINES_KEPT; i++)
        imr_free(d->bad[i]);
    imr_free(d);
}

imr_status imr_dataset_read(const imr_dataset *d, size_t document, imr_buf *title, imr_buf *text,
                            imr_error *err)
{
    if (d->text_folder)
        return text ? imr_dataset_read_text(d, document, text, err) : IMR_OK;
    imr_json *node IMR_AUTOJSON = NULL;
    imr_status status =
        imr_json_parse(&node, d->corpus.data + d->offsets[document], d->lengths[document],
                       imr_ids_at(&d->documents, document), err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, d->corpus.name);
    if (title) {
        imr_buf_str(title, imr_json_string_or(node, "title", ""));
        IMR_TRY(imr_buf_check(title, err));
    }
    if (!text)
        return IMR_OK;
    imr_buf_str(text, imr_json_string_or(node, imr_json_is_string(node) ? "" : "text", ""));
    return imr_buf_check(text, err);
}

/* White space as Python's str.strip() knows it, since the reference strips with that. */
static bool is_space(uint32_t c)
{
    return imr_char_is_space(c) || (c >= 0x1C && c <= 0x1F);
}

static void strip(const char **text, size_t *len)
{
    uint32_t c;
    for (size_t n; (n = imr_utf8_decode(*text, *len, &c)) && is_space(c); *text += n)
        *len -= n;
    while (*len) {
        size_t at = *len - 1;
        while (at > 0 && ((unsigned char)(*text)[at] & 0xC0) == 0x80)
            at--;
        imr_utf8_decode(*text + at, *len - at, &c);
        if (!is_space(c))
            return;
        *len = at;
    }
}

void imr_document_text(imr_buf *out, const char *title, size_t title_len, const char *text,
                       size_t text_len)
{
    strip(&title, &title_len);
    strip(&text, &text_len);
    imr_buf_add(out, title, title_len);
    if (title_len && text_len)
        imr_buf_char(out, '\n');
    imr_buf_add(out, text, text_len);
}

imr_status imr_dataset_text(const imr_dataset *d, size_t document, imr_buf *out, imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0};
    IMR_AUTOBUF imr_buf text = {0};
    IMR_TRY(imr_dataset_read(d, document, &title, &text, err));
    imr_document_text(out, imr_buf_text(&title), title.len, imr_buf_text(&text), text.len);
    return imr_buf_check(out, err);
}

imr_status imr_dataset_prefixed(const imr_dataset *d, bool query, size_t row, const char *prefix,
                                imr_buf *out, imr_error *err)
{
    imr_buf_str(out, prefix ? prefix : "");
    if (!query)
        return imr_dataset_text(d, row, out, err);
    imr_buf_str(out, d->query_texts[row]);
    return imr_buf_check(out, err);
}

static bool is_validation(const char *name)
{
    static const char *const names[] = {"dev", "val", "valid", "validation"};
    for (size_t i = 0; i < IMR_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

bool imr_same_split(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || (is_validation(a) && is_validation(b));
}

const imr_qrels *imr_dataset_qrels(const imr_dataset *d, const char *split)
{
    for (size_t i = 0; i < d->n_splits; i++)
        if (imr_same_split(d->splits[i].name, split))
            return d->splits[i].qrels;
    return NULL;
}

imr_status imr_dataset_sha256(const imr_dataset *d, char corpus[IMR_SHA256_HEX],
                              char queries[IMR_SHA256_HEX], const imr_progress *progress,
                              imr_error *err)
{
    const bool folder = d->text_folder;
    const size_t total = folder ? d->documents.n : d->corpus.len, step = folder ? 1 : 4 << 20;
    IMR_AUTOSHA256 imr_sha256 s;
    IMR_AUTOBUF imr_buf text = {0};
    imr_sha256_init(&s);
    for (size_t at = 0; corpus && at < total; at += step) {
        if (folder) {
            const char *id = imr_ids_at(&d->documents, at);
            imr_buf_clear(&text);
            IMR_TRY(imr_dataset_read_text(d, at, &text, err));
            imr_sha256_add(&s, id, strlen(id) + 1);
            imr_sha256_add(&s, imr_buf_text(&text), text.len + 1);
        } else {
            imr_sha256_add(&s, d->corpus.data + at, total - at < step ? total - at : step);
        }
        if (!imr_progress_step(progress, "checking the corpus", folder ? at + 1 : at, total))
            return imr_fail(err, IMR_E_CANCELLED, "checking the corpus was cancelled");
    }
    if (corpus)
        IMR_TRY(imr_sha256_hex(&s, corpus, err));
    return queries ? imr_sha256_memory(d->queries.data, d->queries.len, queries, err) : IMR_OK;
}

/* ---- opening: judgements ---- */

static int split_rank(const char *name)
{
    return imr_same_split(name, "train")        ? 0
           : imr_same_split(name, "validation") ? 1
           : imr_same_split(name, "test")       ? 2
                                                : 3;
}

static bool comes_before(const char *a, const char *b)
{
    int x = split_rank(a), y = split_rank(b);
    return x != y ? x < y : strcmp(a, b) < 0;
}

imr_status imr_dataset_add_split(imr_dataset *d, const char *name, size_t name_len, imr_qrels *q,
                                 imr_error *err)
{
    char *copy = imr_strndup(name, name_len);
    imr_dataset_split *grown =
        copy ? imr_realloc(d->splits, d->n_splits + 1, sizeof *d->splits) : NULL;
    if (!grown) {
        imr_free(copy);
        imr_qrels_free(q);
        return imr_fail_memory(err);
    }
    d->splits = grown;
    size_t at = d->n_splits++;
    for (; at > 0 && comes_before(copy, grown[at - 1].name); at--)
        grown[at] = grown[at - 1];
    grown[at] = (imr_dataset_split){copy, q};
    return IMR_OK;
}

/* ---- opening: which layout a path holds, and its parts ---- */

void imr_dataset_stamp_of(int64_t out[2], const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return;
    out[0] = (int64_t)st.st_mtim.tv_sec;
    out[1] = (int64_t)st.st_mtim.tv_nsec;
}

static imr_status map_into(imr_dataset_bytes *b, const char *dir, const char *file, imr_error *err)
{
    b->name = imr_path_join(dir, file);
    IMR_NEED(b->name, err);
    imr_dataset_stamp_of(b->stamp, b->name);
    IMR_TRY(imr_file_map(&b->file, b->name, err));
    b->data = (const char *)b->file.data;
    b->len = b->file.len;
    return IMR_OK;
}

size_t imr_dataset_stem_len(const char *file, bool text)
{
    static const char *const all[2][4] = {{".tsv", ".txt", ".qrels"}, {".txt", ".md"}};
    const size_t len = strlen(file);
    for (const char *const *ending = all[text]; *ending; ending++) {
        const size_t n = strlen(*ending);
        if (len > n && (text ? strcasecmp : strcmp)(file + len - n, *ending) == 0)
            return len - n;
    }
    return 0;
}

static imr_status read_splits(imr_dataset *d, const char *dir, imr_error *err)
{
    const imr_path folder = imr_path_in(dir, "qrels");
    if (!imr_dir_exists(folder.s))
        return IMR_OK;
    IMR_CLEANUP(imr_names_done) imr_names files = {0};
    IMR_TRY(imr_dir_list(&files, folder.s, err));
    for (size_t i = 0; i < files.n; i++) {
        const char *name = files.v[i];
        size_t len = imr_dataset_stem_len(name, false);
        if (!len || name[0] == '.')
            continue;
        imr_qrels *q = NULL;
        IMR_TRY(imr_qrels_open(&q, imr_path_in(folder.s, name).s, err));
        IMR_TRY(imr_dataset_add_split(d, name, len, q, err));
    }
    return IMR_OK;
}

imr_status imr_dataset_open_beir(imr_dataset *d, const char *dir, const imr_dataset_options *o,
                                 imr_error *err)
{
    d->ids_needed = true;
    IMR_TRY(map_into(&d->corpus, dir, "corpus.jsonl", err));
    IMR_TRY(imr_dataset_read_corpus(d, o, err));
    const bool jsonl = imr_file_exists(imr_path_in(dir, "queries.jsonl").s);
    if (jsonl || imr_file_exists(imr_path_in(dir, "queries.tsv").s)) {
        IMR_TRY(map_into(&d->queries, dir, jsonl ? "queries.jsonl" : "queries.tsv", err));
        IMR_TRY(imr_dataset_read_queries(d, o, !jsonl, err));
    }
    return o->without_judgements ? IMR_OK : read_splits(d, dir, err);
}

size_t imr_dataset_archive_len(const char *path)
{
    static const char ending[] = ".zip";
    const size_t n = sizeof ending - 1, len = strlen(path);
    if (len > n && strcmp(path + len - n, ending) == 0)
        return len;
    for (const char *p = strstr(path, ".zip/"); p; p = strstr(p + 1, ".zip/")) {
        IMR_AUTOFREE char *file = imr_strndup(path, (size_t)(p - path) + n);
        if (file && imr_file_exists(file))
            return (size_t)(p - path) + n;
    }
    return 0;
}

static const imr_dataset_options no_options;

imr_status imr_dataset_open(imr_dataset **out, const char *path, const imr_dataset_options *options,
                            imr_error *err)
{
    const imr_dataset_options *o = options ? options : &no_options;
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *d = IMR_NEW(imr_dataset);
    IMR_NEED(d && (d->path = imr_strdup(path)), err);
    d->scratch = o->scratch;
    IMR_TRY(imr_dir_admits(path, err));
    const size_t archive = imr_dir_exists(path) ? 0 : imr_dataset_archive_len(path);
    IMR_AUTOFREE char *file = imr_strndup(path, archive ? archive : strlen(path));
    IMR_NEED(file, err);
    imr_dataset_stamp_of(d->corpus.stamp, file);
    if (imr_dir_exists(path)) {
        const bool beir = imr_file_exists(imr_path_in(path, "corpus.jsonl").s);
        IMR_TRY(beir ? imr_dataset_open_beir(d, path, o, err) : imr_dataset_open_texts(d, o, err));
    } else if (archive) {
        IMR_TRY(imr_dataset_open_archive(d, o, err));
    } else {
        IMR_TRY(map_into(&d->corpus, "", path, err));
        IMR_TRY(imr_dataset_read_corpus(d, o, err));
    }
    return IMR_GIVE(out, d);
}

static imr_status borrow(imr_dataset_bytes *b, imr_named_bytes from, imr_error *err)
{
    b->data = from.data;
    b->len = from.len;
    b->name = imr_strdup(from.name);
    return b->name ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_dataset_open_memory(imr_dataset **out, imr_named_bytes corpus,
                                   imr_named_bytes queries, const imr_named_bytes *qrels,
                                   size_t n_qrels, const imr_dataset_options *options,
                                   imr_error *err)
{
    const imr_dataset_options *o = options ? options : &no_options;
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *d = IMR_NEW(imr_dataset);
    IMR_NEED(d && (d->path = imr_strdup(corpus.name)), err);
    d->scratch = o->scratch;
    IMR_TRY(borrow(&d->corpus, corpus, err));
    IMR_TRY(imr_dataset_read_corpus(d, o, err));
    if (queries.data) {
        IMR_TRY(borrow(&d->queries, queries, err));
        IMR_TRY(imr_dataset_read_queries(d, o, false, err));
    }
    for (size_t i = 0; i < n_qrels; i++) {
        imr_qrels *q = NULL;
        IMR_TRY(imr_qrels_parse(&q, qrels[i].data, qrels[i].len, qrels[i].name, err));
        IMR_TRY(imr_dataset_add_split(d, qrels[i].name, strlen(qrels[i].name), q, err));
    }
    return IMR_GIVE(out, d);
}
