#include "session/encoded_table.h"

#include "base/kept.h"
#include "session/internal.h"

/* A multiple of no batch size in particular, but always the same: a row's bytes depend on the rows
 * encoded with it. */
enum { BLOCK = 1024, HEADER_BYTES = 192 };

static const char WHAT[] = "encoding each token alone";

static const char ADVICE[] =
    "what is finished is kept: make room and run the same command again, or "
    "use --token-table input";

/* The files of one table and how far they are good. */
typedef struct table_files {
    imr_path npy, blocks, lock;
    char header[HEADER_BYTES]; /* first line of .blocks */
    uint8_t head[IMR_NPY_HEADER];
    size_t dim;
    imr_kept_rows table; /* .npy */
    imr_kept_notes notes;
    imr_kept journal, guard; /* .blocks, .lock */
} table_files;

static void files_done(table_files *f)
{
    imr_kept_close(&f->table.file);
    imr_kept_close(&f->journal);
    imr_kept_close(&f->guard);
}

static void lay_out(table_files *f, size_t rows, size_t dim, size_t block)
{
    imr_npy_header(f->head, IMR_F32, rows, dim);
    f->dim = dim;
    f->table = (imr_kept_rows){.what = WHAT,
                               .note = "",
                               .head = f->head,
                               .head_bytes = sizeof f->head,
                               .rows = rows,
                               .block = block,
                               .column = {{sizeof f->head, dim * sizeof(float)}}};
}

static void name_files(table_files *f, const char *dir, const char *sha256)
{
    f->npy = imr_table_path(dir, sha256, "npy");
    f->blocks = imr_table_path(dir, sha256, "blocks");
    f->lock = imr_table_path(dir, sha256, "lock");
}

/* ---- checking ---- */

static imr_status check(table_files *f, const imr_progress *progress, imr_error *err)
{
    return imr_kept_rows_check(&f->notes, f->blocks.s, f->header, &f->table, 1, progress, err);
}

/* Is everything there and good? Needs no lock: a whole table is never written to. */
static imr_status find_whole(bool *whole, table_files *f, const imr_progress *progress,
                             imr_error *err)
{
    *whole = false;
    if (!imr_file_exists(f->npy.s) || !imr_file_exists(f->blocks.s))
        return IMR_OK;
    imr_kept *file = &f->table.file;
    imr_status status = imr_kept_open_read(file, f->npy.s, NULL);
    if (status != IMR_OK) /* building will say why */
        return status == IMR_E_MEMORY ? imr_fail_memory(err) : IMR_OK;
    status = check(f, progress, err);
    char more;
    *whole =
        status == IMR_OK && f->table.done == f->table.rows &&
        !imr_kept_read(file, &more, 1, sizeof f->head + f->table.rows * f->dim * sizeof(float));
    imr_kept_close(file);
    return status;
}

/* ---- making ---- */

typedef struct making {
    const imr_encoder *e;
    imr_progress_part part; /* the block that is being made */
} making;

static making making_of(const imr_encoder *e, const imr_progress *progress)
{
    return (making){e, {progress, WHAT, 0, imr_encoder_token_count(e)}};
}

static imr_status encode_rows(void *user, size_t first, size_t count, void *const out[],
                              imr_error *err)
{
    uint32_t ids[BLOCK];
    making *m = user;
    const imr_progress inner = {imr_progress_part_step, &m->part};
    m->part.first = first;
    for (size_t i = 0; i < count; i++)
        ids[i] = (uint32_t)(first + i);
    return imr_encoder_encode_tokens(m->e, ids, count, out[0], &inner, err);
}

/* t owns the memory, whatever is returned. */
static imr_status make_in_memory(imr_encoded_table *t, const imr_encoder *e,
                                 const imr_progress *progress, imr_error *err)
{
    const size_t rows = imr_encoder_token_count(e), dim = e->dim;
    IMR_NEED(t->owned = imr_alloc_aligned(rows * dim, sizeof *t->owned), err);
    imr_kept_rows r = {.what = WHAT,
                       .rows = rows,
                       .block = BLOCK,
                       .column = {{0, dim * sizeof(float)}},
                       .memory = (uint8_t *)t->owned};
    making m = making_of(e, progress);
    IMR_TRY(imr_kept_rows_make(&r, NULL, encode_rows, &m, progress, err));
    t->made = rows;
    t->rows = imr_view_of(t->owned, rows, dim);
    return IMR_OK;
}

/* Under the lock. */
static imr_status open_for_writing(table_files *f, const char *dir, imr_error *err)
{
    const imr_path own = imr_path_in(dir, "tokens");
    IMR_TRY(imr_dir_make_own(own.s, err));
    IMR_TRY(imr_dir_room(own.s, f->table.rows * f->dim * sizeof(float), err));
    IMR_TRY(imr_kept_lock(&f->guard, f->lock.s, err));
    IMR_TRY(imr_kept_open(&f->table.file, f->npy.s, err));
    IMR_TRY(imr_kept_open(&f->journal, f->blocks.s, err));
    f->table.file.advice = f->journal.advice = ADVICE;
    return IMR_OK;
}

static imr_status map_rows(imr_encoded_table *t, const table_files *f, imr_error *err)
{
    IMR_TRY(imr_npy_open(&t->mapped, f->npy.s, err));
    const uint64_t shape[2] = {f->table.rows, f->dim};
    const void *rows = t->mapped.t.data;
    if (t->mapped.t.dtype != IMR_F32 || !imr_tensor_has_shape(&t->mapped.t, 2, shape) ||
        (uintptr_t)rows % sizeof(float) != 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s changed while it was opened; run the same command again", f->npy.s);
    t->rows = imr_view_of(rows, f->table.rows, f->dim);
    return IMR_OK;
}

/* What of the table is not on the disk; without a way to write, all of it in memory. */
static imr_status make_missing(table_files *f, imr_encoded_table *t, const imr_encoder *e,
                               const char *dir, const imr_progress *progress, imr_error *err)
{
    imr_error why;
    const imr_status status = open_for_writing(f, dir, &why);
    if (status == IMR_E_BUSY)
        return imr_fail(err, status,
                        "another process is encoding the tokens for %s: wait for it, or use "
                        "--token-table input",
                        dir);
    if (status == IMR_E_MEMORY)
        return imr_fail_memory(err);
    if (status != IMR_OK) {
        snprintf(t->notice, sizeof t->notice,
                 "the token table is in memory only and is made again every time: %.200s",
                 why.text);
        return make_in_memory(t, e, progress, err);
    }
    IMR_TRY(check(f, progress, err)); /* another process may have written since */
    if (f->notes.damaged)
        snprintf(t->notice, sizeof t->notice,
                 "the token table %.160s was damaged or of another encoder from row %zu on: "
                 "made again from there",
                 f->npy.s, f->table.done);
    making m = making_of(e, progress);
    t->made = f->table.rows - f->table.done;
    IMR_TRY(imr_kept_resume(&f->journal, f->notes.end, f->header, err));
    return imr_kept_rows_make(&f->table, &f->journal, encode_rows, &m, progress, err);
}

static imr_status open_files(table_files *f, bool *found, imr_encoded_table *t,
                             const imr_encoder *e, const char *sha256, const char *dir,
                             const imr_progress *progress, imr_error *err)
{
    bool whole;
    lay_out(f, imr_encoder_token_count(e), e->dim, BLOCK);
    snprintf(f->header, sizeof f->header, "imrnn-tokens 1 %.64s %zu %zu %d\n", sha256,
             f->table.rows, f->dim, BLOCK);
    name_files(f, dir, sha256);
    IMR_TRY(find_whole(&whole, f, progress, err));
    if (found)
        *found = whole;
    else if (!whole)
        IMR_TRY(make_missing(f, t, e, dir, progress, err));
    t->kept = f->table.rows - t->made;
    return t->owned || (found && !whole) ? IMR_OK : map_rows(t, f, err);
}

imr_status imr_encoded_table_open(imr_encoded_table *out, bool *found, const imr_encoder *e,
                                  const char *sha256, const char *dir, const imr_progress *progress,
                                  imr_error *err)
{
    IMR_CLEANUP(files_done) table_files f = {.dim = 0};
    IMR_CLEANUP(imr_encoded_table_done) imr_encoded_table t = {.made = 0};
    if (dir[0] && e->transformer)
        IMR_TRY(open_files(&f, found, &t, e, sha256, dir, progress, err));
    else if (found)
        *found = false;
    else
        IMR_TRY(make_in_memory(&t, e, progress, err));
    *out = t;
    t = (imr_encoded_table){.made = 0};
    return IMR_OK;
}

void imr_encoded_table_done(imr_encoded_table *t)
{
    imr_npy_done(&t->mapped);
    imr_free(t->owned);
    *t = (imr_encoded_table){0};
}

/* ---- listing ---- */

/* "imrnn-tokens 1 <sha256> V n block" of a file this size can check; false: something else. */
static bool parse_header(table_files *f, char sha256[IMR_SHA256_HEX], const imr_file *notes)
{
    const char *stop = memchr(notes->data, '\n', notes->len);
    const size_t len = stop ? (size_t)(stop - (const char *)notes->data) + 1 : 0;
    if (!len || len >= sizeof f->header)
        return false;
    memcpy(f->header, notes->data, len);
    f->header[len] = '\0';
    size_t rows, dim, block;
    /* Widths keep the numbers in range. NOLINTNEXTLINE(cert-err34-c) */
    if (sscanf(f->header, "imrnn-tokens 1 %64s %9zu %9zu %9zu", sha256, &rows, &dim, &block) != 4 ||
        strlen(sha256) != IMR_SHA256_HEX - 1 || rows < 1 || rows > IMR_MAX_VOCAB || dim < 1 ||
        dim > IMR_MAX_DIM || block < 1 || block > BLOCK)
        return false;
    lay_out(f, rows, dim, block);
    return true;
}

static imr_status look_at(imr_encoded_table_info *out, bool *is_table, const char *dir,
                          const char *name, imr_error *err)
{
    IMR_CLEANUP(files_done) table_files f = {.dim = 0};
    IMR_CLEANUP(imr_file_unmap) imr_file notes = {0};
    imr_encoded_table_info info = {.rows = 0};
    name_files(&f, dir, name);
    *is_table = imr_file_exists(f.blocks.s) && imr_file_map(&notes, f.blocks.s, NULL) == IMR_OK &&
                parse_header(&f, info.sha256, &notes);
    if (!*is_table)
        return IMR_OK;
    if (imr_kept_open_read(&f.table.file, f.npy.s, NULL) ==
        IMR_E_MEMORY) /* absent: nothing is good */
        return imr_fail_memory(err);
    IMR_TRY(check(&f, NULL, err));
    info.rows = f.table.rows;
    info.dim = f.dim;
    info.finished = f.table.done;
    info.damaged = f.notes.damaged || strncmp(name, info.sha256, IMR_SHA256_HEX - 1) != 0;
    *out = info;
    return IMR_OK;
}

imr_status imr_encoded_table_list(imr_encoded_table_info **out, size_t *count, const char *dir,
                                  imr_error *err)
{
    const imr_path folder = imr_path_in(dir, "tokens");
    IMR_CLEANUP(imr_names_done) imr_names names = {0};
    *count = 0;
    *out = NULL;
    if (!imr_dir_exists(folder.s))
        return IMR_OK;
    IMR_TRY(imr_dir_list(&names, folder.s, err));
    IMR_AUTOFREE imr_encoded_table_info *list = IMR_NEW_ARRAY(imr_encoded_table_info, names.n);
    IMR_NEED(list, err);
    size_t found = 0;
    for (size_t i = 0; i < names.n; i++) {
        const size_t len = strlen(names.v[i]);
        bool is_table = false;
        if (len == IMR_SHA256_HEX - 1 + 7 && strcmp(names.v[i] + len - 7, ".blocks") == 0)
            IMR_TRY(look_at(&list[found], &is_table, dir, names.v[i], err));
        found += is_table;
    }
    *count = found;
    return IMR_GIVE(out, list);
}
