/* DIR/texts: which text each vector was made from, so that it is not encoded again while that text
 * stays what it is, and so that what changed can be named. */
#include <string.h>

#include "retrieval/cache_internal.h"

#define DIGITS     32 /* of the sha256 of prefix and text: 128 bits tell any two texts apart */
#define LINE_BYTES (DIGITS + 1)
#define HEAD_BYTES 160

static int put_head(char head[HEAD_BYTES], const char *manifest, size_t documents, size_t queries)
{
    return snprintf(head, HEAD_BYTES, "imrnn-texts 1 %s %zu %zu\n", manifest, documents, queries);
}

static imr_status hash_row(char hex[IMR_SHA256_HEX], const imr_encode_job *job, size_t row,
                           imr_buf *scratch, imr_error *err)
{
    imr_buf_clear(scratch);
    IMR_TRY(imr_dataset_prefixed(job->dataset, job->queries, row, job->prefix, scratch, err));
    return imr_sha256_memory(imr_buf_text(scratch), scratch->len, hex, err);
}

static imr_status step(const imr_progress *progress, uint64_t done, uint64_t total, imr_error *err)
{
    if (done % 256 || imr_progress_step(progress, "comparing texts", done, total))
        return IMR_OK;
    return imr_fail(err, IMR_E_CANCELLED,
                    "comparing texts was cancelled; run the same command again to go on");
}

imr_status imr_store_write_texts(const char *dir, const char *manifest,
                                 const imr_encode_job jobs[2], const imr_progress *progress,
                                 imr_error *err)
{
    const size_t rows[2] = {imr_encode_ids(&jobs[0])->n, imr_encode_ids(&jobs[1])->n};
    char head[HEAD_BYTES], hex[IMR_SHA256_HEX];
    IMR_AUTOBUF imr_buf scratch = {0};
    IMR_CLEANUP(imr_writer_done) imr_writer w = {0};
    IMR_TRY(imr_writer_open(&w, imr_path_in(dir, STORE_TEXTS).s, err));
    imr_writer_add(&w, head, (size_t)put_head(head, manifest, rows[0], rows[1]));
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < rows[part]; i++) {
            IMR_TRY(hash_row(hex, &jobs[part], i, &scratch, err));
            hex[DIGITS] = '\n';
            imr_writer_add(&w, hex, LINE_BYTES);
            IMR_TRY(step(progress, i, rows[part], err));
        }
    return imr_writer_commit(&w, err);
}

/* *lines: that of the first document; NULL when the file is absent or belongs to another cache. */
static imr_status open_texts(const char **lines, imr_file *file, const imr_cache *c, imr_error *err)
{
    char head[HEAD_BYTES];
    const size_t n = c->documents.ids.n + c->queries.ids.n,
                 at = (size_t)put_head(head, c->sha256, c->documents.ids.n, c->queries.ids.n);
    *lines = NULL;
    IMR_TRY(imr_only_memory(imr_file_map(file, imr_path_in(c->path, STORE_TEXTS).s, NULL), err));
    if (file->len == at + n * LINE_BYTES && memcmp(file->data, head, at) == 0)
        *lines = (const char *)file->data + at;
    return IMR_OK;
}

/* ---- vectors that need not be made again ---- */

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

void imr_store_reuse_done(imr_store_reuse *r)
{
    imr_strmap_done(&r->rows);
    imr_file_unmap(&r->texts);
    imr_cache_free(r->cache);
}

imr_status imr_store_reuse_open(imr_store_reuse *r, const char *dir, const imr_store_plan *plan,
                                imr_error *err)
{
    const imr_cache_options alone = {.dataset = ""};
    IMR_TRY(imr_only_memory(imr_cache_open(&r->cache, dir, &alone, NULL), err));
    if (!r->cache)
        return IMR_OK; /* a damaged one has nothing to give */
    const imr_encoder_identity *old = &r->cache->encoder, *e = plan->encoder;
    const char *line;
    if (!old->sha256[0] || !same(old->sha256, e->sha256) || !same(old->precision, e->precision) ||
        r->cache->dim != plan->n || r->cache->dtype != plan->dtype)
        return IMR_OK;
    IMR_TRY(open_texts(&line, &r->texts, r->cache, err));
    const size_t n = line ? r->cache->documents.ids.n + r->cache->queries.ids.n : 0;
    IMR_NEED(imr_strmap_reserve(&r->rows, n), err);
    for (size_t i = 0; i < n; i++, line += LINE_BYTES)
        IMR_NEED(imr_strmap_add(&r->rows, line, DIGITS, (uint32_t)i, NULL, NULL), err);
    return IMR_OK;
}

static void old_vector(float *out, const imr_cache *c, size_t row)
{
    const size_t documents = c->documents.ids.n;
    const bool query = row >= documents;
    imr_rows_get(out, query ? c->queries.rows : c->documents.rows, query ? row - documents : row);
}

imr_status imr_store_reuse_encode(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    imr_store_reuse *r = user;
    const size_t n = r->cache->dim;
    IMR_AUTOFREE const char **left = IMR_NEW_ARRAY(const char *, t->count);
    IMR_AUTOFREE size_t *left_lens = IMR_NEW_ARRAY(size_t, t->count);
    IMR_AUTOFREE size_t *places = IMR_NEW_ARRAY(size_t, t->count);
    size_t n_left = 0;
    IMR_NEED(left && left_lens && places, err);
    for (size_t i = 0; i < t->count; i++) {
        char hex[IMR_SHA256_HEX];
        uint32_t row;
        IMR_TRY(imr_sha256_memory(t->texts[i], t->lens[i], hex, err));
        if (imr_strmap_get(&r->rows, hex, DIGITS, &row)) {
            old_vector(out + i * n, r->cache, row);
            continue;
        }
        left[n_left] = t->texts[i];
        left_lens[n_left] = t->lens[i];
        places[n_left++] = i;
    }
    r->kept += t->count - n_left;
    if (n_left == 0)
        return IMR_OK;
    IMR_AUTOFREE float *made = imr_alloc(n_left, n * sizeof *made);
    IMR_NEED(made, err);
    const imr_encode_texts new = {t->queries, n_left == t->count ? t->first : SIZE_MAX, n_left,
                                  left, left_lens};
    IMR_TRY(r->encode(r->user, &new, made, err));
    for (size_t i = 0; i < n_left; i++)
        memcpy(out + places[i] * n, made + i * n, n * sizeof *made);
    return IMR_OK;
}

/* ---- what changed ---- */

static void name_text(store_changes *out, const char *id)
{
    const size_t at = strlen(out->names);
    if (out->named++ < STORE_CHANGES_NAMED)
        snprintf(out->names + at, sizeof out->names - at, "%s%.60s", at ? ", " : "", id);
}

imr_status imr_store_compare(store_changes *out, uint32_t *rows, const imr_cache *c,
                             const imr_dataset *d, const imr_progress *progress, imr_error *err)
{
    const size_t documents = c->documents.ids.n, n = d->documents.n;
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_AUTOBUF imr_buf scratch = {0};
    const imr_encode_job job = {.dataset = d, .prefix = c->encoder.passage_prefix};
    const char *lines;
    store_changes found = {0};
    IMR_TRY(open_texts(&lines, &file, c, err));
    found.known = lines != NULL;
    memset(rows, 0xFF, documents * sizeof *rows);
    for (size_t i = 0; lines && i < n; i++) {
        char hex[IMR_SHA256_HEX];
        uint32_t row;
        IMR_TRY(step(progress, i, n, err));
        const char *id = imr_ids_at(&d->documents, i);
        const bool there = imr_ids_find_near(&c->documents.ids, id, (uint32_t)i, &row);
        if (there)
            IMR_TRY(hash_row(hex, &job, i, &scratch, err));
        if (there && memcmp(hex, lines + (size_t)row * LINE_BYTES, DIGITS) == 0) {
            rows[row] = (uint32_t)i;
            found.same++;
        } else {
            found.changed += there;
            found.added += !there;
            name_text(&found, id);
        }
    }
    found.gone = documents - found.same - found.changed;
    *out = found;
    return IMR_OK;
}
