#include "retrieval/dataset.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "format/json.h"
#include "retrieval/dataset_internal.h"
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
    imr_free(d->text_folder);
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

void imr_dataset_free_ptr(imr_dataset **d)
{
    imr_dataset_free(*d);
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
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
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

static imr_status hash_step(const imr_progress *progress, uint64_t done, uint64_t total,
                            imr_error *err)
{
    if (imr_progress_step(progress, "checking the corpus", done, total))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED, "checking the corpus was cancelled");
}

static imr_status sha256_of_folder(const imr_dataset *d, char out[IMR_SHA256_HEX],
                                   const imr_progress *progress, imr_error *err)
{
    IMR_AUTOSHA256 imr_sha256 s;
    imr_sha256_init(&s);
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t i = 0; i < d->documents.n; i++) {
        const char *id = imr_ids_at(&d->documents, i);
        imr_buf_clear(&text);
        IMR_TRY(imr_dataset_read_text(d, i, &text, err));
        imr_sha256_add(&s, id, strlen(id) + 1);
        imr_sha256_add(&s, imr_buf_text(&text), text.len + 1);
        IMR_TRY(hash_step(progress, i + 1, d->documents.n, err));
    }
    return imr_sha256_hex(&s, out, err);
}

static imr_status sha256_of_corpus(const imr_dataset *d, char out[IMR_SHA256_HEX],
                                   const imr_progress *progress, imr_error *err)
{
    const size_t step = (size_t)4 << 20;
    IMR_AUTOSHA256 imr_sha256 s;
    imr_sha256_init(&s);
    for (size_t at = 0; at < d->corpus.len; at += step) {
        size_t left = d->corpus.len - at;
        imr_sha256_add(&s, d->corpus.data + at, left < step ? left : step);
        IMR_TRY(hash_step(progress, at, d->corpus.len, err));
    }
    return imr_sha256_hex(&s, out, err);
}

imr_status imr_dataset_sha256(const imr_dataset *d, char corpus[IMR_SHA256_HEX],
                              char queries[IMR_SHA256_HEX], const imr_progress *progress,
                              imr_error *err)
{
    if (corpus)
        IMR_TRY(d->text_folder ? sha256_of_folder(d, corpus, progress, err)
                               : sha256_of_corpus(d, corpus, progress, err));
    return queries ? imr_sha256_memory(d->queries.data, d->queries.len, queries, err) : IMR_OK;
}
