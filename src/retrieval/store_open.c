/* Opening our cache: every file checked against the manifest before its bytes are trusted. */
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "format/json.h"
#include "retrieval/cache_internal.h"
#include "retrieval/store.h"
#include "retrieval/store_internal.h"

/* Rows of a mapped matrix looked at when opening; the builder has checked them all. */
#define FINITE_SAMPLE 1024

typedef struct opening {
    imr_cache *c;
    const char *dir;
    const imr_json *manifest;
    const imr_cache_options *options;
} opening;

static imr_status dtype_of(imr_dtype *out, const imr_json *manifest, imr_error *err)
{
    const char *name;
    IMR_TRY(imr_json_need_string(&name, manifest, "dtype", err));
    if (strcmp(name, "F32") == 0)
        *out = IMR_F32;
    else if (strcmp(name, "F16") == 0)
        *out = IMR_F16;
    else
        return imr_fail(err, IMR_E_UNSUPPORTED, "\"dtype\" is \"%.40s\", expected F32 or F16",
                        name);
    return IMR_OK;
}

static imr_status check_version(const imr_json *manifest, imr_error *err)
{
    int64_t version;
    const char *schema;
    IMR_TRY(imr_json_need_string(&schema, manifest, "schema", err));
    if (strcmp(schema, IMR_STORE_SCHEMA) != 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "\"schema\" is \"%.40s\", expected \"" IMR_STORE_SCHEMA "\"", schema);
    IMR_TRY(imr_json_need_int(&version, manifest, "version", 1, INT32_MAX, err));
    if (version > IMR_STORE_VERSION)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the cache has version %" PRId64 ", this program reads up to %d: build it "
                        "again or use a newer imrnn",
                        version, IMR_STORE_VERSION);
    return IMR_OK;
}

/* ids: one a line, `n` of them. */
static imr_status open_ids(cache_rows *rows, const opening *o, const char *name, size_t n,
                           imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(o->dir, name);
    if (!path)
        return imr_fail_memory(err);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path, err));
    char *blob = imr_alloc(f.len + 1, 1);
    if (!blob)
        return imr_fail_memory(err);
    size_t lines = 0;
    for (size_t i = 0; i < f.len; i++) {
        blob[i] = f.data[i] == '\n' ? '\0' : (char)f.data[i];
        lines += f.data[i] == '\n' || f.data[i] == '\0';
    }
    blob[f.len] = '\0';
    if (lines != n || (f.len && f.data[f.len - 1] != '\n')) {
        imr_free(blob);
        return imr_fail(err, IMR_E_FORMAT,
                        "%s holds %zu whole lines, the manifest says %zu: build the cache again",
                        path, lines, n);
    }
    return imr_cache_take_ids(rows, blob, n, path, err);
}

static imr_status open_vectors(cache_rows *rows, const opening *o, const char *name,
                               const char *what, imr_error *err)
{
    imr_cache *c = o->c;
    IMR_AUTOFREE char *path = imr_path_join(o->dir, name);
    if (!path)
        return imr_fail_memory(err);
    IMR_TRY(imr_npy_open(&rows->mapped, path, err));
    const imr_tensor *t = &rows->mapped.t;
    uint64_t shape[2] = {rows->n, c->dim};
    if (t->dtype != c->dtype || !imr_tensor_has_shape(t, 2, shape)) {
        char found[160];
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is %s %s, the manifest says %s %zu x %zu: build the cache again", path,
                        imr_dtype_name(t->dtype), imr_tensor_shape_text(t, found),
                        imr_dtype_name(c->dtype), rows->n, c->dim);
    }
    if (c->dtype == IMR_F32 && (uintptr_t)t->data % sizeof(float) == 0) {
        rows->vectors = imr_view_of((const float *)(const void *)t->data, rows->n, c->dim);
        return imr_cache_check_finite(rows, what, FINITE_SAMPLE, err);
    }
    IMR_TRY(imr_matrix_init(&rows->owned, rows->n, c->dim, err));
    IMR_TRY(imr_tensor_to_f32(t, rows->owned.v, err));
    rows->vectors = imr_matrix_view(&rows->owned);
    imr_npy_done(&rows->mapped);
    return imr_cache_check_finite(rows, what, 0, err);
}

/* ---- the dataset ---- */

typedef struct offsets {
    imr_file file;
    store_offsets head;
    const uint64_t *offset;
    const uint32_t *length;
} offsets;

static void offsets_done(offsets *f)
{
    imr_file_unmap(&f->file);
}

static imr_status open_offsets(offsets *out, const opening *o, imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(o->dir, "offsets");
    if (!path)
        return imr_fail_memory(err);
    IMR_TRY(imr_file_map(&out->file, path, err));
    size_t n = o->c->documents.n, len = out->file.len;
    if (len >= sizeof out->head)
        memcpy(&out->head, out->file.data, sizeof out->head);
    size_t count = (size_t)out->head.count;
    if (len < sizeof out->head || out->head.magic != STORE_OFFSETS_MAGIC ||
        (count != n && count != 0) ||
        len != sizeof out->head + count * (sizeof *out->offset + sizeof *out->length))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s (%zu bytes) is damaged or not of %zu documents: build the cache again",
                        path, len, n);
    out->offset = (const uint64_t *)(const void *)(out->file.data + sizeof out->head);
    out->length = (const uint32_t *)(const void *)(out->offset + count);
    return IMR_OK;
}

/* Is this the very dataset the vectors were made from? */
static imr_status check_dataset(const opening *o, const imr_dataset *d, const offsets *f,
                                imr_error *err)
{
    const char *path = imr_dataset_path(d);
    int64_t stamp[2];
    imr_dataset_stamp(d, stamp);
    bool untouched = imr_dataset_corpus_bytes(d) == f->head.corpus_bytes && stamp[0] &&
                     stamp[0] == f->head.stamp[0] && stamp[1] == f->head.stamp[1] && f->head.count;
    char sha[IMR_SHA256_HEX];
    bool same = untouched;
    if (!same && imr_dataset_corpus_bytes(d) == f->head.corpus_bytes) {
        IMR_TRY(imr_dataset_sha256(d, sha, NULL, err));
        same = strcmp(sha, o->c->dataset_sha256) == 0;
    }
    same = same && imr_dataset_count(d) == o->c->documents.n;
    for (size_t i = 0; same && i < o->c->documents.n; i++)
        same = strcmp(imr_dataset_id(d, i), o->c->documents.ids[i]) == 0;
    if (same)
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT,
                    "the dataset %s is not the one this cache was built from, or it changed since: "
                    "build the cache again",
                    path);
}

static imr_status open_dataset_at(const opening *o, const char *path, imr_error *err)
{
    imr_cache *c = o->c;
    IMR_CLEANUP(offsets_done) offsets f = {0};
    IMR_TRY(open_offsets(&f, o, err));
    imr_buf ids IMR_AUTOBUF = {0};
    for (size_t i = 0; f.head.count && i < c->documents.n; i++) {
        imr_buf_str(&ids, c->documents.ids[i]);
        imr_buf_char(&ids, '\n');
    }
    IMR_TRY(imr_buf_check(&ids, err));
    imr_dataset_index index = {f.head.corpus_bytes, c->documents.n, f.offset, f.length,
                               imr_buf_text(&ids),  ids.len};
    imr_dataset_options options = {.skip_bad_lines =
                                       o->options->skip_bad_lines ||
                                       imr_json_int_or(o->manifest, "dataset/skipped_lines", 0) > 0,
                                   .index = f.head.count ? &index : NULL,
                                   .progress = o->options->progress};
    imr_dataset *d = NULL;
    IMR_TRY(imr_dataset_open(&d, path, &options, err));
    imr_status status = check_dataset(o, d, &f, err);
    if (status == IMR_OK)
        c->dataset = d;
    else
        imr_dataset_free(d);
    return status;
}

/* A dataset the caller named must open; the remembered one may be gone. */
static imr_status open_dataset(const opening *o, imr_error *err)
{
    const char *named = o->options->dataset;
    const char *path = named ? named : imr_json_string_or(o->manifest, "dataset/path", "");
    if (!path[0])
        return IMR_OK;
    imr_error fault;
    imr_status status = open_dataset_at(o, path, &fault);
    if (status == IMR_OK)
        return IMR_OK;
    bool fatal = named || status == IMR_E_MEMORY || status == IMR_E_CANCELLED;
    if (!fatal) {
        (void)imr_error_prefix(&fault, status, "no texts and no judgements");
        return imr_cache_add_notice(o->c, fault.text, err);
    }
    if (err)
        *err = fault;
    return status;
}

static imr_status open_parts(const opening *o, imr_error *err)
{
    imr_cache *c = o->c;
    const imr_json *m = o->manifest;
    int64_t n, documents, queries;
    IMR_TRY(check_version(m, err));
    IMR_TRY(dtype_of(&c->dtype, m, err));
    IMR_TRY(imr_json_need_int(&n, m, "n", 1, IMR_MAX_DIM, err));
    IMR_TRY(imr_json_need_int(&documents, m, "documents", 1, IMR_MAX_DOCUMENTS, err));
    IMR_TRY(imr_json_need_int(&queries, m, "queries", 0, IMR_MAX_DOCUMENTS, err));
    c->dim = (size_t)n;
    imr_encoder_identity e = {imr_json_string_or(m, "encoder/kind", ""),
                              imr_json_string_or(m, "encoder/name", ""),
                              imr_json_string_or(m, "encoder/path", ""),
                              imr_json_string_or(m, "encoder/sha256", ""),
                              imr_json_string_or(m, "encoder/query_prefix", ""),
                              imr_json_string_or(m, "encoder/passage_prefix", "")};
    IMR_TRY(imr_cache_set_encoder(c, &e, err));
    snprintf(c->dataset_sha256, sizeof c->dataset_sha256, "%s",
             imr_json_string_or(m, "dataset/corpus_sha256", ""));
    IMR_TRY(open_ids(&c->documents, o, "document_ids", (size_t)documents, err));
    IMR_TRY(open_ids(&c->queries, o, "query_ids", (size_t)queries, err));
    IMR_TRY(open_vectors(&c->documents, o, "documents.npy", "document", err));
    IMR_TRY(open_vectors(&c->queries, o, "queries.npy", "query", err));
    return open_dataset(o, err);
}

imr_status imr_store_open(imr_cache **out, const char *dir, const imr_cache_options *options,
                          imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(dir, "manifest.json");
    IMR_CLEANUP(imr_cache_free_ptr) imr_cache *c = imr_cache_new(dir, "store");
    if (!path || !c)
        return imr_fail_memory(err);
    imr_json *manifest IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&manifest, path, err));
    IMR_TRY(imr_sha256_file(path, c->sha256, err));
    opening o = {c, dir, manifest, options};
    imr_status status = open_parts(&o, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, dir);
    IMR_TRY(imr_cache_finish(c, err));
    *out = c;
    c = NULL;
    return IMR_OK;
}
