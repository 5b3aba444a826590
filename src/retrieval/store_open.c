/* Opening our cache: every file checked against the manifest before its bytes are trusted. */
#include <inttypes.h>

#include "retrieval/cache_internal.h"

/* Documents looked at when opening: the builder has checked them all, a stranger may not have. */
#define FINITE_SAMPLE 64

#define OFFSETS_MAGIC 0x315346464F524D49u /* "IMROFFS1" */

/* The head of DIR/offsets. */
typedef struct offsets_head {
    uint64_t magic, count, corpus_bytes, reserved;
    int64_t
        stamp[2]; /* imr_dataset_bytes.stamp when the corpus was last known to be the right one */
} offsets_head;

typedef struct opening {
    imr_cache *c;
    const char *dir;
    const imr_json *manifest;
    const imr_cache_options *options;
} opening;

static imr_status check_version(imr_dtype *dtype, const imr_json *manifest, imr_error *err)
{
    int64_t version;
    const char *schema, *name;
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
    IMR_TRY(imr_json_need_string(&name, manifest, "dtype", err));
    if (strcmp(name, "F32") != 0 && strcmp(name, "F16") != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED, "\"dtype\" is \"%.40s\", expected F32 or F16",
                        name);
    *dtype = strcmp(name, "F16") == 0 ? IMR_F16 : IMR_F32;
    return IMR_OK;
}

/* ---- ids and vectors ---- */

/* One id a line, `n` of them. */
static imr_status read_lines(imr_ids *ids, const imr_file *f, size_t n, const char *path,
                             imr_error *err)
{
    char *text = f->len ? imr_alloc(f->len, 1) : NULL;
    size_t lines = 0;
    IMR_NEED(text || !f->len, err);
    for (size_t i = 0; i < f->len; i++) {
        lines += f->data[i] == '\n';
        text[i] = f->data[i] == '\n' ? '\0' : (char)f->data[i];
    }
    if (lines == n && (f->len == 0 || f->data[f->len - 1] == '\n'))
        return imr_ids_take(ids, NULL, NULL, text, f->len, n, path, err);
    imr_free(text);
    return imr_fail(err, IMR_E_FORMAT,
                    "%s holds %zu whole lines, the manifest says %zu: build the cache again", path,
                    lines, n);
}

static imr_status open_ids(imr_ids *ids, const opening *o, const char *name, const char *index,
                           size_t n, imr_error *err)
{
    const imr_path path = imr_path_in(o->dir, name), made = imr_path_in(o->dir, index ? index : "");
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path.s, err));
    bool found = false;
    if (index)
        IMR_TRY(imr_ids_open(&found, ids, made.s, f.data, f.len, n, err));
    if (found)
        return IMR_OK;
    IMR_TRY(read_lines(ids, &f, n, path.s, err));
    /* A folder that cannot be written to is only slower to open. */
    return index ? imr_only_memory(imr_ids_write(ids, made.s, NULL), err) : IMR_OK;
}

/* Mapped where the bytes lie as they are used; `whole` asks for float32 and for finite values
 * throughout. */
static imr_status take_vectors(imr_cache_rows *rows, const imr_cache *c, bool whole, imr_error *err)
{
    const imr_tensor *t = &rows->mapped.t;
    size_t n = rows->ids.n;
    bool aligned = (uintptr_t)t->data % imr_dtype_size(t->dtype) == 0;
    if (aligned && (c->dtype == IMR_F32 || !whole)) {
        rows->rows = (imr_rows){t->data, c->dtype == IMR_F16, n, c->dim, c->dim};
        return IMR_OK;
    }
    IMR_TRY(imr_matrix_init(&rows->owned, n, c->dim, err));
    IMR_TRY(imr_tensor_to_f32(t, rows->owned.v, err));
    rows->rows = imr_rows_of_view(imr_matrix_view(&rows->owned));
    imr_npy_done(&rows->mapped);
    return IMR_OK;
}

static imr_status open_vectors(imr_cache_rows *rows, const opening *o, bool queries, imr_error *err)
{
    imr_cache *c = o->c;
    const imr_path path = imr_path_in(o->dir, queries ? "queries.npy" : "documents.npy");
    IMR_TRY(imr_npy_open(&rows->mapped, path.s, err));
    const imr_tensor *t = &rows->mapped.t;
    uint64_t shape[2] = {rows->ids.n, c->dim};
    if (t->dtype != c->dtype || !imr_tensor_has_shape(t, 2, shape)) {
        char found[160];
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is %s %s, the manifest says %s %zu x %zu: build the cache again",
                        path.s, imr_dtype_name(t->dtype), imr_tensor_shape_text(t, found),
                        imr_dtype_name(c->dtype), rows->ids.n, c->dim);
    }
    IMR_TRY(take_vectors(rows, c, queries, err));
    return imr_cache_check_finite(rows, queries ? "query" : "document", queries ? 0 : FINITE_SAMPLE,
                                  err);
}

/* ---- DIR/texts: which text each vector was made from, so that it is not encoded again while that
 * text stays what it is, and so that what changed can be named ---- */

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

#define STORE_CHANGES_NAMED 3

/* How a dataset differs from the one a cache was made from. */
typedef struct store_changes {
    bool known; /* false: the cache does not say what its texts were */
    size_t same, changed, added, gone, named;
    char names[200]; /* of the first that changed or were added */
} store_changes;

static void name_text(store_changes *out, const char *id)
{
    const size_t at = strlen(out->names);
    if (out->named++ < STORE_CHANGES_NAMED)
        snprintf(out->names + at, sizeof out->names - at, "%s%.60s", at ? ", " : "", id);
}

/* rows[documents of c]: the document of d with the same text, UINT32_MAX where there is none. */
static imr_status compare(store_changes *out, uint32_t *rows, const imr_cache *c,
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

/* ---- the dataset ---- */

imr_status imr_store_write_offsets(const char *dir, const imr_dataset *d, imr_error *err)
{
    const size_t n = d->offsets ? d->documents.n : 0;
    offsets_head head = {.magic = OFFSETS_MAGIC, .count = n, .corpus_bytes = d->corpus.len};
    memcpy(head.stamp, d->corpus.stamp, sizeof head.stamp);
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, imr_path_in(dir, STORE_OFFSETS).s, err));
    imr_writer_add(&w, &head, sizeof head);
    imr_writer_add(&w, d->offsets, n * sizeof *d->offsets);
    imr_writer_add(&w, d->lengths, n * sizeof *d->lengths);
    return imr_writer_commit(&w, err);
}

/* *head stays NULL when the file is absent, damaged or of other documents than c's. What the tables
 * behind it say is checked by imr_dataset_open. */
static imr_status open_offsets(const offsets_head **head, imr_cache *c, const char *dir,
                               imr_error *err)
{
    const imr_file *f = &c->offsets;
    IMR_TRY(
        imr_only_memory(imr_file_map(&c->offsets, imr_path_in(dir, STORE_OFFSETS).s, NULL), err));
    const offsets_head *h = (const void *)f->data;
    const size_t each = sizeof(uint64_t) + sizeof(uint32_t), n = c->documents.ids.n;
    if (f->len >= sizeof *h && h->magic == OFFSETS_MAGIC && (h->count == 0 || h->count == n) &&
        (f->len - sizeof *h) / each == h->count && (f->len - sizeof *h) % each == 0)
        *head = h;
    return IMR_OK;
}

/* *same: is this the very dataset the vectors were made from? *untouched: the corpus is as old as it
 * was when that was last found out, so its bytes are not looked at. The stamps are of the time
 * before anything was read: a corpus that changed since is hashed, however soon it changed. */
static imr_status check_dataset(bool *same, bool *untouched, const opening *o, const imr_dataset *d,
                                const offsets_head *head, imr_error *err)
{
    const imr_ids *mine = &o->c->documents.ids, *theirs = &d->documents;
    uint64_t bytes = d->corpus.len;
    const int64_t *stamp = d->corpus.stamp;
    *untouched = head && bytes == head->corpus_bytes && stamp[0] &&
                 memcmp(stamp, head->stamp, sizeof head->stamp) == 0;
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
    const char *path = d->path;
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
static imr_status attach_changed(const opening *o, const imr_dataset *d, imr_error *err)
{
    imr_cache *c = o->c;
    store_changes changes;
    imr_error fault;
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, c->documents.ids.n);
    IMR_NEED(rows, err);
    IMR_TRY(compare(&changes, rows, c, d, o->options->progress, err));
    if (o->options->dataset || !changes.known || changes.same == 0)
        return stale(o, d, &changes, err);
    (void)stale(o, d, &changes, &fault);
    imr_cache_add_notice(c, "%s", fault.text);
    c->dataset_rows = IMR_TAKE(rows);
    return IMR_OK;
}

static imr_status open_dataset_at(const opening *o, const char *path, imr_error *err)
{
    imr_cache *c = o->c;
    const offsets_head *head = NULL;
    IMR_TRY(open_offsets(&head, c, o->dir, err));
    const size_t n = head ? head->count : 0;
    const uint64_t *offsets = n ? (const uint64_t *)(const void *)(head + 1) : NULL;
    const imr_path unpacked = imr_path_in(o->dir, IMR_STORE_UNPACKED);
    imr_dataset_index index = {head ? head->corpus_bytes : 0, &c->documents.ids, offsets,
                               n ? (const uint32_t *)(const void *)(offsets + n) : NULL,
                               head ? head->stamp : NULL};
    imr_dataset_options options = {.skip_bad_lines =
                                       o->options->skip_bad_lines ||
                                       imr_json_int_or(o->manifest, "dataset/skipped_lines", 0) > 0,
                                   .index = head ? &index : NULL,
                                   .unpacked = unpacked.s,
                                   .progress = o->options->progress};
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *d = NULL;
    bool same, untouched;
    IMR_TRY(imr_dataset_open(&d, path, &options, err));
    IMR_TRY(check_dataset(&same, &untouched, o, d, head, err));
    if (d->notice[0])
        imr_cache_add_notice(c, "%s", d->notice);
    if (!same) {
        imr_dataset_free(d); /* it may have believed the index */
        d = NULL;
        options.index = NULL;
        options.unpacked = o->options->dataset ? NULL : unpacked.s;
        IMR_TRY(imr_dataset_open(&d, path, &options, err));
        IMR_TRY(attach_changed(o, d, err));
    } else if (!untouched) { /* a folder that cannot be written to is only slower to open */
        IMR_TRY(imr_only_memory(imr_store_write_offsets(o->dir, d, NULL), err));
    }
    c->dataset_untouched = same && untouched;
    c->dataset = IMR_TAKE(d);
    return IMR_OK;
}

/* A dataset the caller named must open; the remembered one may be gone. */
static imr_status open_dataset(const opening *o, imr_error *err)
{
    const char *named = o->options->dataset;
    const char *path = named ? named : imr_json_string_or(o->manifest, "dataset/path", "");
    if (!path[0])
        return IMR_OK;
    if (!named && !imr_cache_is_own(o->dir)) {
        imr_cache_add_notice(o->c,
                             "the cache belongs to another user: what it names is opened when you "
                             "name it: --dataset %s --encoder %s",
                             path, imr_json_string_or(o->manifest, "encoder/path", "E"));
        return IMR_OK;
    }
    imr_error fault;
    imr_status status = open_dataset_at(o, path, &fault);
    if (status == IMR_OK)
        return IMR_OK;
    if (named || status == IMR_E_MEMORY || status == IMR_E_CANCELLED)
        return imr_fail(err, status, "%s", fault.text);
    imr_cache_add_notice(o->c, "no texts and no judgements: %s; --dataset FOLDER names it",
                         fault.text);
    return IMR_OK;
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
    IMR_TRY(check_version(&c->dtype, m, err));
    IMR_TRY(imr_json_need_int(&n, m, "n", 1, IMR_MAX_DIM, err));
    IMR_TRY(imr_json_need_int(&documents, m, "documents", 1, IMR_MAX_DOCUMENTS, err));
    IMR_TRY(imr_json_need_int(&queries, m, "queries", 0, IMR_MAX_DOCUMENTS, err));
    c->dim = (size_t)n;
    c->tokens[0] = totals_of(m, "documents", documents);
    c->tokens[1] = totals_of(m, "queries", queries);
    imr_encoder_identity e;
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        e.text[i] = imr_json_string_or(imr_json_at(m, "encoder"), imr_encoder_keys[i], "");
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

imr_status imr_store_open(imr_cache **out, const char *dir, const imr_json *manifest,
                          const imr_cache_options *options, imr_error *err)
{
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = imr_cache_new(dir, "store");
    IMR_NEED(c, err);
    IMR_TRY(imr_sha256_file(imr_path_in(dir, "manifest.json").s, c->sha256, err));
    opening o = {c, dir, manifest, options};
    imr_status status = open_parts(&o, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, dir);
    IMR_TRY(imr_cache_finish(c, err));
    return IMR_GIVE(out, c);
}
