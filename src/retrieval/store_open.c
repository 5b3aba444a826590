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

/* Documents looked at when opening: the builder has checked them all, a stranger may not have. */
#define FINITE_SAMPLE 64

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

/* ---- ids and vectors ---- */

static imr_status wrong_lines(const char *path, size_t lines, size_t n, imr_error *err)
{
    return imr_fail(err, IMR_E_FORMAT,
                    "%s holds %zu whole lines, the manifest says %zu: build the cache again", path,
                    lines, n);
}

/* One id a line, `n` of them. */
static imr_status read_lines(imr_ids *ids, const imr_file *f, size_t n, const char *path,
                             imr_error *err)
{
    size_t lines = 0;
    for (size_t i = 0; i < f->len; i++)
        lines += f->data[i] == '\n';
    if (lines != n || (f->len && f->data[f->len - 1] != '\n'))
        return wrong_lines(path, lines, n, err);
    char *text = f->len ? imr_alloc(f->len, 1) : NULL;
    if (f->len && !text)
        return imr_fail_memory(err);
    for (size_t i = 0; i < f->len; i++)
        text[i] = f->data[i] == '\n' ? '\0' : (char)f->data[i];
    return imr_ids_take(ids, NULL, NULL, text, f->len, n, path, err);
}

static imr_status open_ids(imr_ids *ids, const opening *o, const char *name, const char *index,
                           size_t n, imr_error *err)
{
    IMR_AUTOFREE char *path = imr_path_join(o->dir, name);
    IMR_AUTOFREE char *index_path = imr_path_join(o->dir, index ? index : "");
    if (!path || !index_path)
        return imr_fail_memory(err);
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path, err));
    bool found = false;
    if (index)
        IMR_TRY(imr_ids_open(&found, ids, index_path, f.data, f.len, n, err));
    if (found)
        return IMR_OK;
    IMR_TRY(read_lines(ids, &f, n, path, err));
    imr_error ignored; /* a folder that cannot be written to is only slower to open */
    return index && imr_ids_write(ids, index_path, &ignored) == IMR_E_MEMORY ? imr_fail_memory(err)
                                                                             : IMR_OK;
}

/* Mapped where the bytes lie as they are used; `whole` asks for float32 and for finite values
 * throughout. */
static imr_status take_vectors(cache_rows *rows, const imr_cache *c, bool whole, imr_error *err)
{
    const imr_tensor *t = &rows->mapped.t;
    size_t n = rows->ids.n;
    bool aligned = (uintptr_t)t->data % imr_dtype_size(t->dtype) == 0;
    if (aligned && c->dtype == IMR_F32) {
        rows->rows = imr_rows_f32((const float *)(const void *)t->data, n, c->dim);
        return IMR_OK;
    }
    if (aligned && !whole) {
        rows->rows = imr_rows_f16((const uint16_t *)(const void *)t->data, n, c->dim);
        return IMR_OK;
    }
    IMR_TRY(imr_matrix_init(&rows->owned, n, c->dim, err));
    IMR_TRY(imr_tensor_to_f32(t, rows->owned.v, err));
    rows->rows = imr_rows_of_view(imr_matrix_view(&rows->owned));
    imr_npy_done(&rows->mapped);
    return IMR_OK;
}

static imr_status open_vectors(cache_rows *rows, const opening *o, bool queries, imr_error *err)
{
    imr_cache *c = o->c;
    IMR_AUTOFREE char *path = imr_path_join(o->dir, queries ? "queries.npy" : "documents.npy");
    if (!path)
        return imr_fail_memory(err);
    IMR_TRY(imr_npy_open(&rows->mapped, path, err));
    const imr_tensor *t = &rows->mapped.t;
    uint64_t shape[2] = {rows->ids.n, c->dim};
    if (t->dtype != c->dtype || !imr_tensor_has_shape(t, 2, shape)) {
        char found[160];
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is %s %s, the manifest says %s %zu x %zu: build the cache again", path,
                        imr_dtype_name(t->dtype), imr_tensor_shape_text(t, found),
                        imr_dtype_name(c->dtype), rows->ids.n, c->dim);
    }
    IMR_TRY(take_vectors(rows, c, queries, err));
    return imr_cache_check_finite(rows, queries ? "query" : "document", queries ? 0 : FINITE_SAMPLE,
                                  err);
}

/* ---- the dataset ---- */

/* *same: is this the very dataset the vectors were made from? *untouched: the corpus is as old as it
 * was when that was last found out, so its bytes are not looked at. The stamps are of the time
 * before anything was read: a corpus that changed since is hashed, however soon it changed. */
static imr_status check_dataset(bool *same, bool *untouched, const opening *o, const imr_dataset *d,
                                const store_tables *t, imr_error *err)
{
    const imr_ids *mine = &o->c->documents.ids, *theirs = imr_dataset_ids(d);
    uint64_t bytes = imr_dataset_corpus_bytes(d);
    int64_t stamp[2];
    imr_dataset_stamp(d, stamp);
    *untouched = t->found && bytes == t->head.corpus_bytes && stamp[0] &&
                 memcmp(stamp, t->head.stamp, sizeof stamp) == 0;
    char sha[IMR_SHA256_HEX];
    *same = *untouched;
    if (!*same && bytes == (uint64_t)imr_json_int_or(o->manifest, "dataset/corpus_bytes", -1)) {
        IMR_TRY(imr_dataset_sha256(d, sha, NULL, o->options->progress, err));
        *same = strcmp(sha, o->c->dataset_sha256) == 0;
    }
    *same = *same && theirs->n == mine->n;
    if (theirs->text != mine->text)
        for (size_t i = 0; *same && i < mine->n; i++)
            *same = strcmp(imr_ids_at(theirs, i), imr_ids_at(mine, i)) == 0;
    return IMR_OK;
}

static imr_status stale(const opening *o, const imr_dataset *d, const store_changes *changes,
                        imr_error *err)
{
    const char *path = imr_dataset_path(d);
    if (!changes->known || changes->same == 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "the dataset %s is not the one this cache was built from, or it changed "
                        "since: build the cache again",
                        path);
    return imr_fail(err, IMR_E_FORMAT,
                    "%s changed since this cache was made: %zu changed, %zu new, %zu gone%s%s%s%s; "
                    "`imrnn cache --cache-dir %s` brings it up to date",
                    path, changes->changed, changes->added, changes->gone,
                    changes->named ? " (" : "", changes->names,
                    changes->named > STORE_CHANGES_NAMED ? ", ..." : "", changes->named ? ")" : "",
                    o->dir);
}

/* A dataset that changed: texts that are as they were are shown, of the others only the ids. One the
 * caller named is refused. */
static imr_status attach_changed(const opening *o, imr_dataset *d, imr_error *err)
{
    imr_cache *c = o->c;
    store_changes changes;
    imr_error fault;
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, c->documents.ids.n);
    if (!rows)
        return imr_fail_memory(err);
    IMR_TRY(imr_store_compare(&changes, rows, c, d, o->options->progress, err));
    if (o->options->dataset || !changes.known || changes.same == 0)
        return stale(o, d, &changes, err);
    (void)stale(o, d, &changes, &fault);
    IMR_TRY(imr_cache_add_notice(c, fault.text, err));
    c->dataset = d;
    c->dataset_rows = rows;
    rows = NULL;
    return IMR_OK;
}

/* What the next opening need not find out again. A folder that cannot be written to is only slower
 * to open. */
static imr_status keep_tables(const char *dir, const imr_dataset *d, bool untouched, imr_error *err)
{
    imr_error ignored;
    return !untouched && imr_store_write_offsets(dir, d, &ignored) == IMR_E_MEMORY
               ? imr_fail_memory(err)
               : IMR_OK;
}

static imr_status open_dataset_at(const opening *o, const char *path, imr_error *err)
{
    imr_cache *c = o->c;
    store_tables t;
    IMR_TRY(imr_store_open_offsets(&t, &c->offsets, o->dir, c->documents.ids.n, err));
    IMR_AUTOFREE char *unpacked = imr_path_join(o->dir, IMR_STORE_UNPACKED);
    if (!unpacked)
        return imr_fail_memory(err);
    imr_dataset_index index = {t.head.corpus_bytes, &c->documents.ids, t.offset, t.length,
                               t.head.stamp};
    imr_dataset_options options = {.skip_bad_lines =
                                       o->options->skip_bad_lines ||
                                       imr_json_int_or(o->manifest, "dataset/skipped_lines", 0) > 0,
                                   .index = t.found ? &index : NULL,
                                   .unpacked = unpacked,
                                   .progress = o->options->progress};
    imr_dataset *d = NULL;
    bool same, untouched;
    IMR_TRY(imr_dataset_open(&d, path, &options, err));
    imr_status status = check_dataset(&same, &untouched, o, d, &t, err);
    if (status == IMR_OK && imr_dataset_notice(d)[0])
        status = imr_cache_add_notice(c, imr_dataset_notice(d), err);
    if (status == IMR_OK && same) {
        status = keep_tables(o->dir, d, untouched, err);
        c->dataset = status == IMR_OK ? d : NULL;
        c->dataset_untouched = status == IMR_OK && untouched;
    } else if (status == IMR_OK) {
        imr_dataset_free(d); /* it may have believed the index */
        d = NULL;
        options.index = NULL;
        options.unpacked = o->options->dataset ? NULL : unpacked;
        status = imr_dataset_open(&d, path, &options, err);
        if (status == IMR_OK)
            status = attach_changed(o, d, err);
    }
    if (!c->dataset)
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

/* Counts that contradict each other, or the number of rows, are not known. */
static imr_token_totals totals_of(const imr_json *m, const char *part, int64_t rows)
{
    static const char *const names[] = {"texts", "cut", "read", "total"};
    char name[48];
    uint64_t v[4];
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        snprintf(name, sizeof name, "tokens/%s/%s", part, names[i]);
        const int64_t found = imr_json_int_or(m, name, -1);
        if (found < 0)
            return (imr_token_totals){0};
        v[i] = (uint64_t)found;
    }
    if (v[0] != (uint64_t)rows || v[1] > v[0] || v[2] > v[3])
        return (imr_token_totals){0};
    return (imr_token_totals){v[0], v[1], v[2], v[3]};
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
    c->tokens[0] = totals_of(m, "documents", documents);
    c->tokens[1] = totals_of(m, "queries", queries);
    imr_encoder_identity e = {imr_json_string_or(m, "encoder/kind", ""),
                              imr_json_string_or(m, "encoder/name", ""),
                              imr_json_string_or(m, "encoder/path", ""),
                              imr_json_string_or(m, "encoder/sha256", ""),
                              imr_json_string_or(m, "encoder/query_prefix", ""),
                              imr_json_string_or(m, "encoder/passage_prefix", ""),
                              imr_json_string_or(m, "encoder/precision", "")};
    IMR_TRY(imr_cache_set_encoder(c, &e, err));
    snprintf(c->dataset_sha256, sizeof c->dataset_sha256, "%s",
             imr_json_string_or(m, "dataset/corpus_sha256", ""));
    IMR_TRY(
        open_ids(&c->documents.ids, o, "document_ids", STORE_IDS_INDEX, (size_t)documents, err));
    IMR_TRY(open_ids(&c->queries.ids, o, "query_ids", NULL, (size_t)queries, err));
    IMR_TRY(open_vectors(&c->documents, o, false, err));
    IMR_TRY(open_vectors(&c->queries, o, true, err));
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
