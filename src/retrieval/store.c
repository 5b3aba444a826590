/*
 * Building our cache on disk: plan, journal, blocks, publication. store_open.c reads it back.
 *
 * A finished cache is replaced by one that was built whole beside it, in DIR/update: until then, and
 * however that ends, the old one is there. What follows takes no time: the old manifest goes, the
 * files take their names, the new manifest comes last. Killed in between, the folder holds no cache
 * but an update/manifest.json, and the next run finishes the moves.
 */
#include "retrieval/store.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/kept.h"
#include "retrieval/cache_internal.h"

#define DEFAULT_BLOCK 256
#define MANIFEST_END  "\n}\n"

typedef struct builder {
    const imr_store_plan *plan;
    const char *dir;
    size_t block;
    imr_kept lock, journal;
    imr_kept_rows rows[2]; /* documents, queries, as: */
    imr_buf manifest;
    char manifest_sha256[IMR_SHA256_HEX];
    char header[16 + IMR_SHA256_HEX + 32]; /* first line of the journal */
    imr_store_result result;
    const imr_progress *progress;
    imr_encode_fn encode; /* NULL: plan->rows */
    void *user;
    imr_encode_job jobs[2];
    imr_store_reuse reuse; /* while a finished cache is replaced */
} builder;

/* One of the two matrices. */
typedef struct part {
    const builder *b;
    const imr_encode_job *job;
    float *wide; /* a block, where halves are kept */
    uint8_t head[IMR_NPY_HEADER];
} part;

static const char ADVICE[] = "what is finished is kept: make room and run the same command again";

static void builder_done(builder *b)
{
    imr_kept_close(&b->rows[0].file);
    imr_kept_close(&b->rows[1].file);
    imr_kept_close(&b->journal);
    imr_kept_close(&b->lock);
    imr_buf_done(&b->manifest);
    imr_store_reuse_done(&b->reuse);
}

static imr_path path_in(const builder *b, const char *name)
{
    return imr_path_in(b->dir, name);
}

/* ---- the plan ---- */

/* The manifest is known before anything is encoded: it depends on the inputs only. */
static imr_status make_manifest(builder *b, imr_error *err)
{
    const imr_dataset *d = b->plan->dataset;
    const imr_encoder_identity *e = b->plan->encoder;
    char corpus[IMR_SHA256_HEX], queries[IMR_SHA256_HEX];
    imr_status status = imr_dataset_sha256(d, corpus, queries, b->progress, err);
    if (status == IMR_E_CANCELLED)
        return imr_fail(err, status,
                        "checking the corpus was cancelled; run the same command again "
                        "to go on");
    IMR_TRY(status);
    char *real = realpath(d->path, NULL);
    imr_buf *m = &b->manifest;
    imr_json_printf(m, "{\n 'schema': %s,\n 'version': %d,\n 'encoder': {\n", IMR_STORE_SCHEMA,
                    IMR_STORE_VERSION);
    for (size_t i = 0; i < IMR_ENCODER_TEXTS; i++)
        if (i + 1 < IMR_ENCODER_TEXTS || (e->precision && e->precision[0]))
            imr_json_printf(m, i ? ",\n  %s: %s" : "  %s: %s", imr_encoder_keys[i],
                            e->text[i] ? e->text[i] : "");
    imr_json_printf(m,
                    "\n },\n 'n': %zu,\n 'dtype': %s,\n 'documents': %zu,\n 'queries': %zu,\n"
                    " 'dataset': {\n  'path': %s,\n  'corpus_bytes': %zu,\n"
                    "  'corpus_sha256': %s,\n  'queries_sha256': %s,\n  'skipped_lines': %zu\n"
                    " }" MANIFEST_END,
                    b->plan->n, imr_dtype_name(b->plan->dtype), d->documents.n, d->query_ids.n,
                    real ? real : d->path, d->corpus.len, corpus, queries, d->n_bad);
    free(real);
    IMR_TRY(imr_buf_check(m, err));

    IMR_TRY(imr_sha256_memory(m->data, m->len, b->manifest_sha256, err));
    snprintf(b->header, sizeof b->header, "imrnn-journal 1 %s %zu\n", b->manifest_sha256, b->block);
    return IMR_OK;
}

static imr_status check_plan(const builder *b, imr_error *err)
{
    const imr_store_plan *p = b->plan;
    if (p->dtype != IMR_F32 && p->dtype != IMR_F16)
        return imr_fail(err, IMR_E_UNSUPPORTED, "a cache holds F32 or F16 vectors, not %s",
                        imr_dtype_name(p->dtype));
    if (p->n == 0 || p->n > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_SHAPE, "vectors of length %zu; from 1 to %u can be stored", p->n,
                        IMR_MAX_DIM);
    if (b->block > IMR_STORE_MAX_BLOCK)
        return imr_fail(err, IMR_E_LIMIT, "blocks of %zu texts, at most %u", b->block,
                        IMR_STORE_MAX_BLOCK);
    return IMR_OK;
}

/* ---- the folder ---- */

/* Nothing of anyone else's is written over: the folder is new, empty or already ours. */
static imr_status check_folder(const builder *b, imr_error *err)
{
    if (!imr_dir_exists(b->dir))
        return imr_dir_make(b->dir, err);
    if (imr_file_exists(path_in(b, "lock").s) || imr_file_exists(path_in(b, "manifest.json").s))
        return IMR_OK;
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    size_t strangers = 0;
    IMR_TRY(imr_dir_list(&names, b->dir, err));
    /* but for a scratch file whose maker was killed before it had no name */
    for (size_t i = 0; i < names.n; i++)
        strangers += strncmp(names.v[i], IMR_SCRATCH_NAME, strlen(IMR_SCRATCH_NAME)) != 0;
    if (strangers == 0)
        return IMR_OK;
    return imr_fail(err, IMR_E_USAGE,
                    "%s is not empty and holds no cache: name a new or an empty folder", b->dir);
}

static imr_status take_lock(builder *b, imr_error *err)
{
    const imr_status status = imr_kept_lock(&b->lock, path_in(b, "lock").s, err);
    if (status == IMR_E_BUSY)
        return imr_fail(err, status,
                        "another process is building the cache %s: wait for it or name another "
                        "folder",
                        b->dir);
    return status;
}

/* The same encoder over the same dataset: what is there is an older state of what is asked for. */
static bool same_source(const imr_json *old, const imr_json *new)
{
    static const char *const keys[] = {
        "encoder/sha256", "encoder/query_prefix", "encoder/passage_prefix", "encoder/precision",
        "dtype",          "dataset/path"};
    for (size_t i = 0; i < IMR_LEN(keys); i++)
        if (strcmp(imr_json_string_or(old, keys[i], ""), imr_json_string_or(new, keys[i], "")) != 0)
            return false;
    return imr_json_string_or(old, keys[0], "")[0] &&
           imr_json_int_or(old, "n", 0) == imr_json_int_or(new, "n", -1);
}

static imr_status same_manifest(bool *out, builder *b, const char *path, imr_error *err)
{
    *out = false;
    if (!imr_file_exists(path))
        return IMR_OK;
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path, err));
    /* What was counted afterwards follows. */
    const size_t known = b->manifest.len - strlen(MANIFEST_END);
    *out = f.len > known && memcmp(f.data, b->manifest.data, known) == 0 &&
           (f.data[known] == MANIFEST_END[0] || f.data[known] == ',');
    return *out ? imr_sha256_memory(f.data, f.len, b->manifest_sha256, err) : IMR_OK;
}

/* A finished cache: is it what was asked for, or may it be replaced? */
static imr_status check_finished(bool *replace, builder *b, imr_error *err)
{
    const imr_path manifest = path_in(b, "manifest.json");
    const char *path = manifest.s;
    *replace = false;
    IMR_TRY(same_manifest(&b->result.already, b, path, err));
    if (b->result.already || !imr_file_exists(path))
        return IMR_OK;
    imr_json *old IMR_AUTOJSON = NULL;
    imr_json *new IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&old, path, err));
    IMR_TRY(imr_json_parse(&new, b->manifest.data, b->manifest.len, path, err));
    if (strcmp(imr_json_string_or(old, "schema", ""), IMR_STORE_SCHEMA) != 0)
        return imr_fail(err, IMR_E_USAGE,
                        "%s holds a cache in the reference's layout: name another "
                        "folder",
                        b->dir);
    *replace = b->plan->overwrite || same_source(old, new);
    if (*replace)
        return IMR_OK;
    return imr_fail(err, IMR_E_IO,
                    "%s holds another cache (encoder \"%s\", n %lld, %s, %lld documents of %s): "
                    "name another folder, or --overwrite replaces it",
                    b->dir, imr_json_string_or(old, "encoder/name", ""),
                    (long long)imr_json_int_or(old, "n", 0), imr_json_string_or(old, "dtype", ""),
                    (long long)imr_json_int_or(old, "documents", 0),
                    imr_json_string_or(old, "dataset/path", ""));
}

/* ---- blocks ---- */

/* Takes over what a stopped run finished. The journal of another build is thrown away. */
static imr_status resume(builder *b, imr_error *err)
{
    const imr_path path = path_in(b, "journal");
    IMR_TRY(imr_kept_open(&b->journal, path.s, err));
    b->journal.advice = ADVICE;
    imr_kept_notes notes;
    IMR_TRY(imr_kept_rows_check(&notes, path.s, b->header, b->rows, 2, b->progress, err));
    b->result.resumed_rows = b->rows[0].done + b->rows[1].done;
    return imr_kept_resume(&b->journal, notes.end, b->header, err);
}

static imr_status open_part(imr_kept_rows *out, part *p, imr_error *err)
{
    static const char *const what[2][2] = {{"encoding documents", "encoding queries"},
                                           {"taking over documents", "taking over queries"}};
    const imr_store_plan *plan = p->b->plan;
    const bool queries = p->job->queries;
    const size_t rows = imr_encode_ids(p->job)->n;
    imr_npy_header(p->head, plan->dtype, rows, plan->n);
    *out = (imr_kept_rows){.what = what[!p->b->encode][queries],
                           .note = queries ? "queries " : "documents ",
                           .head = p->head,
                           .head_bytes = sizeof p->head,
                           .rows = rows,
                           .block = p->b->block,
                           .column = {{sizeof p->head, plan->n * imr_dtype_size(plan->dtype)}}};
    IMR_TRY(
        imr_kept_open(&out->file, path_in(p->b, queries ? "queries.npy" : "documents.npy").s, err));
    out->file.advice = ADVICE;
    return IMR_OK;
}

static imr_status check_rows(const imr_encode_job *job, size_t first, size_t count, size_t n,
                             const float *v, imr_error *err)
{
    const size_t bad = imr_view_first_bad(imr_view_of(v, count, n));
    if (bad == count * n)
        return IMR_OK;
    return imr_fail(
        err, IMR_E_NUMERIC, "the encoder gave %s \"%.200s\" a vector that is not finite",
        job->queries ? "query" : "document", imr_ids_at(imr_encode_ids(job), first + bad / n));
}

imr_status imr_encode_rows(const imr_encode_job *job, size_t first, size_t count, size_t n,
                           imr_encode_fn encode, void *user, float *out, imr_error *err)
{
    IMR_AUTOBUF imr_buf all = {0};
    IMR_AUTOFREE size_t *lens = IMR_NEW_ARRAY(size_t, count);
    IMR_AUTOFREE const char **texts = IMR_NEW_ARRAY(const char *, count);
    IMR_NEED(lens && texts, err);
    for (size_t i = 0; i < count; i++) {
        size_t before = all.len;
        IMR_TRY(
            imr_dataset_prefixed(job->dataset, job->queries, first + i, job->prefix, &all, err));
        lens[i] = all.len - before;
        imr_buf_char(&all, '\0');
    }
    IMR_TRY(imr_buf_check(&all, err));
    const char *at = imr_buf_text(&all);
    for (size_t i = 0; i < count; i++) {
        texts[i] = at;
        at += lens[i] + 1;
    }
    const imr_encode_texts all_texts = {job->queries, first, count, texts, lens};
    IMR_TRY(encode(user, &all_texts, out, err));
    return check_rows(job, first, count, n, out, err);
}

static imr_status make_rows(void *user, size_t first, size_t count, void *const out[],
                            imr_error *err)
{
    const part *p = user;
    const builder *b = p->b;
    float *v = p->wide ? p->wide : out[0];
    const size_t n = count * b->plan->n;
    if (b->encode) {
        IMR_TRY(imr_encode_rows(p->job, first, count, b->plan->n, b->encode, b->user, v, err));
    } else {
        IMR_TRY(b->plan->rows(b->user, p->job->queries, first, count, v, err));
        IMR_TRY(check_rows(p->job, first, count, b->plan->n, v, err));
    }
    size_t bad = p->wide ? imr_rows_to_half(out[0], v, n) : n;
    if (bad < n)
        return imr_fail(err, IMR_E_NUMERIC,
                        "a vector holds %g, too large for F16: build with dtype F32",
                        (double)v[bad]);
    return IMR_OK;
}

/* ---- publication ---- */

static imr_status write_ids(const builder *b, const char *name, const imr_ids *ids, imr_error *err)
{
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path_in(b, name).s, err));
    for (size_t i = 0; i < ids->n; i++)
        imr_writer_printf(&w, "%s\n", imr_ids_at(ids, i));
    return imr_writer_commit(&w, err);
}

static imr_status add_counts(builder *b, imr_error *err)
{
    imr_token_totals *t = b->result.tokens;
    if (!b->plan->count)
        return IMR_OK;
    IMR_TRY(b->plan->count(b->plan->counter, t, err));
    b->manifest.len -= strlen(MANIFEST_END);
    imr_buf_str(&b->manifest, ",\n \"tokens\": {");
    for (int i = 0; i < 2; i++, t++) {
        imr_buf_str(&b->manifest, i ? ",\n  " : "\n  ");
        imr_json_printf(&b->manifest,
                        "%s: {'texts': %" PRIu64 ", 'cut': %" PRIu64 ", 'read': %" PRIu64
                        ", 'total': %" PRIu64 "}",
                        i ? "queries" : "documents", t->texts, t->cut, t->read, t->total);
    }
    imr_buf_str(&b->manifest, "\n }" MANIFEST_END);
    IMR_TRY(imr_buf_check(&b->manifest, err));
    return imr_sha256_memory(b->manifest.data, b->manifest.len, b->manifest_sha256, err);
}

static imr_status publish(builder *b, imr_error *err)
{
    const imr_dataset *d = b->plan->dataset;
    IMR_TRY(add_counts(b, err));
    IMR_TRY(write_ids(b, "document_ids", &d->documents, err));
    IMR_TRY(write_ids(b, "query_ids", &d->query_ids, err));
    IMR_TRY(imr_ids_write(&d->documents, path_in(b, STORE_IDS_INDEX).s, err));
    IMR_TRY(imr_store_write_offsets(b->dir, d, err));
    if (b->encode)
        IMR_TRY(imr_store_write_texts(b->dir, b->manifest_sha256, b->jobs, b->progress, err));
    IMR_TRY(imr_file_write(path_in(b, "manifest.json").s, b->manifest.data, b->manifest.len, err));
    (void)unlink(path_in(b, "journal").s); /* a journal beside a manifest does no harm */
    return IMR_OK;
}

static imr_status build(builder *b, imr_error *err)
{
    part parts[2] = {{.b = b, .job = &b->jobs[0]}, {.b = b, .job = &b->jobs[1]}};
    imr_kept_rows *rows = b->rows;
    IMR_AUTOFREE float *wide = NULL;
    if (b->plan->dtype == IMR_F16 && !(wide = imr_alloc(b->block, b->plan->n * sizeof *wide)))
        return imr_fail_memory(err);
    for (int i = 0; i < 2; i++) {
        parts[i].wide = wide;
        IMR_TRY(open_part(&rows[i], &parts[i], err));
    }
    IMR_TRY(resume(b, err));
    for (int i = 0; i < 2; i++)
        IMR_TRY(imr_kept_rows_make(&rows[i], &b->journal, make_rows, &parts[i], b->progress, err));
    b->result.encoded_rows = rows[0].rows + rows[1].rows - b->result.resumed_rows;
    return publish(b, err);
}

/* ---- a finished cache makes room ---- */

static imr_status drop_update(const char *dir, imr_error *err)
{
    const imr_path update = imr_path_in(dir, STORE_UPDATE);
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    if (!imr_dir_exists(update.s))
        return IMR_OK;
    IMR_TRY(imr_dir_list(&names, update.s, err));
    for (size_t i = 0; i < names.n; i++)
        (void)unlink(imr_path_in(update.s, names.v[i]).s);
    (void)rmdir(update.s); /* what is left of it does no harm */
    return IMR_OK;
}

/* A whole cache in DIR/update takes the place of the one in DIR, or goes on doing so. */
static imr_status adopt_update(const char *dir, imr_error *err)
{
    static const char *const moved[] = {"documents.npy", "queries.npy",   "document_ids",
                                        "query_ids",     STORE_IDS_INDEX, STORE_OFFSETS,
                                        STORE_TEXTS,     "manifest.json"}; /* the last */
    const imr_path update = imr_path_in(dir, STORE_UPDATE), old = imr_path_in(dir, "manifest.json");
    if (unlink(old.s) != 0 && errno != ENOENT)
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot remove %s", old.s);
    for (size_t i = 0; i < IMR_LEN(moved); i++) {
        const imr_path from = imr_path_in(update.s, moved[i]), to = imr_path_in(dir, moved[i]);
        if (rename(from.s, to.s) != 0 && errno != ENOENT) /* moved already, or never made */
            return imr_fail_errno(err, IMR_E_IO, errno, "cannot rename %s to %s", from.s, to.s);
    }
    imr_dir_sync(dir);
    return drop_update(dir, err);
}

bool imr_store_update_stopped(const char *dir)
{
    return imr_file_exists(imr_path_in(dir, STORE_UPDATE "/manifest.json").s) &&
           !imr_file_exists(imr_path_in(dir, "manifest.json").s);
}

/* In DIR/update, with the vectors of the cache that is replaced where its texts are the same. */
static imr_status replace(builder *b, imr_error *err)
{
    const char *dir = b->dir;
    const imr_path update = imr_path_in(dir, STORE_UPDATE);
    bool whole;
    IMR_TRY(same_manifest(&whole, b, imr_path_in(update.s, "manifest.json").s, err));
    if (!whole) {
        if (b->encode)
            IMR_TRY(imr_store_reuse_open(&b->reuse, dir, b->plan, err));
        if (b->reuse.rows.count) {
            b->encode = imr_store_reuse_encode;
            b->user = &b->reuse;
        }
        IMR_TRY(imr_dir_make_own(update.s, err));
        b->dir = update.s;
        const imr_status status = build(b, err);
        b->dir = dir;
        IMR_TRY(status);
    }
    b->result.kept_rows = b->reuse.kept;
    b->result.encoded_rows -= b->reuse.kept;
    return adopt_update(dir, err);
}

static imr_status build_in(builder *b, imr_error *err)
{
    IMR_TRY(check_plan(b, err));
    IMR_TRY(check_folder(b, err));
    IMR_TRY(take_lock(b, err));
    IMR_TRY(make_manifest(b, err));
    bool other;
    if (imr_store_update_stopped(b->dir))
        IMR_TRY(adopt_update(b->dir, err));
    IMR_TRY(check_finished(&other, b, err));
    if (other)
        return replace(b, err);
    if (!b->result.already)
        return build(b, err);
    IMR_TRY(drop_update(b->dir, err));
    /* Caches of older versions have no notes of their texts, which are still the same here. */
    if (!b->encode || imr_file_exists(path_in(b, STORE_TEXTS).s))
        return IMR_OK;
    return imr_store_write_texts(b->dir, b->manifest_sha256, b->jobs, b->progress, err);
}

imr_status imr_store_build(imr_store_result *result, const char *dir, const imr_store_plan *plan,
                           imr_encode_fn encode, void *user, const imr_progress *progress,
                           imr_error *err)
{
    const imr_encoder_identity *e = plan->encoder;
    IMR_CLEANUP(builder_done)
    builder b = {
        .plan = plan,
        .dir = dir,
        .block = plan->block ? plan->block : DEFAULT_BLOCK,
        .progress = progress,
        .encode = encode,
        .user = user,
        .jobs = {{plan->dataset, false, e->passage_prefix}, {plan->dataset, true, e->query_prefix}},
        .reuse = {.encode = encode, .user = user}};
    IMR_TRY(build_in(&b, err));
    if (result)
        *result = b.result;
    return IMR_OK;
}
