#include "session/encoded_table.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"

/* A multiple of no batch size in particular, but always the same: a row's bytes depend on the rows
 * encoded with it. */
enum { BLOCK = 1024, HEADER_BYTES = 192, LINE_BYTES = 128 };

static const char WHAT[] = "encoding each token alone";

/* The files of one table and how far they are good. */
typedef struct table_files {
    char *npy, *blocks, *lock;
    char header[HEADER_BYTES]; /* first line of .blocks */
    size_t rows, dim, block;
    size_t done;  /* rows in good blocks */
    off_t noted;  /* bytes of .blocks up to the last good line */
    bool damaged; /* something noted is not there */
    int npy_fd, blocks_fd, lock_fd;
} table_files;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void files_done(table_files *f)
{
    close_fd(&f->npy_fd);
    close_fd(&f->blocks_fd);
    close_fd(&f->lock_fd);
    imr_free(f->npy);
    imr_free(f->blocks);
    imr_free(f->lock);
}

static imr_status name_files(table_files *f, const char *dir, const char *sha256, imr_error *err)
{
    char **const paths[] = {&f->npy, &f->blocks, &f->lock};
    static const char *const endings[] = {"npy", "blocks", "lock"};
    for (size_t i = 0; i < IMR_LEN(paths); i++) {
        char name[IMR_SHA256_HEX + 32];
        snprintf(name, sizeof name, "tokens/%.64s.%s", sha256, endings[i]);
        *paths[i] = imr_path_join(dir, name);
        if (!*paths[i])
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static size_t row_bytes(const table_files *f)
{
    return f->dim * sizeof(float);
}

static off_t row_offset(const table_files *f, size_t row)
{
    return (off_t)(IMR_NPY_HEADER + row * row_bytes(f));
}

/* ---- checking ---- */

static bool read_at(int fd, void *out, size_t n, off_t at)
{
    uint8_t *to = out;
    while (n) {
        ssize_t got = pread(fd, to, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
        at += got;
    }
    return true;
}

static bool header_is_good(const table_files *f)
{
    uint8_t expected[IMR_NPY_HEADER], found[IMR_NPY_HEADER];
    imr_npy_header(expected, IMR_F32, f->rows, f->dim);
    return read_at(f->npy_fd, found, sizeof found, 0) && memcmp(found, expected, sizeof found) == 0;
}

/* "<end> <sha256>": the block before row `end` is what the line says. */
static bool line_is_good(const table_files *f, const char *line, size_t len, uint8_t *scratch)
{
    char expected[LINE_BYTES], hex[IMR_SHA256_HEX];
    const size_t count = f->rows - f->done < f->block ? f->rows - f->done : f->block;
    if (!count || !read_at(f->npy_fd, scratch, count * row_bytes(f), row_offset(f, f->done)))
        return false;
    imr_sha256_memory(scratch, count * row_bytes(f), hex);
    const int n = snprintf(expected, sizeof expected, "%zu %s", f->done + count, hex);
    return len == (size_t)n && memcmp(line, expected, len) == 0;
}

/* Sets done, noted and damaged from the open files. */
static imr_status check(table_files *f, const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file notes = {0};
    IMR_AUTOFREE uint8_t *scratch = imr_alloc(f->block, row_bytes(f));
    if (!scratch)
        return imr_fail_memory(err);
    f->done = 0;
    f->noted = 0;
    IMR_TRY(imr_file_map(&notes, f->blocks, err));
    const char *text = (const char *)notes.data;
    size_t at = strlen(f->header);
    const bool named = memcmp(text, f->header, notes.len < at ? notes.len : at) == 0;
    f->damaged = !named || (notes.len >= at && !header_is_good(f));
    if (f->damaged || notes.len < at) /* or killed before the first block */
        return IMR_OK;
    f->noted = (off_t)at;
    while (at < notes.len) {
        const char *stop = memchr(text + at, '\n', notes.len - at);
        if (!stop)
            break; /* killed while noting */
        const size_t len = (size_t)(stop - text) - at;
        f->damaged = !line_is_good(f, text + at, len, scratch);
        if (f->damaged)
            break;
        f->done += f->rows - f->done < f->block ? f->rows - f->done : f->block;
        at += len + 1;
        f->noted = (off_t)at;
        if (!imr_progress_step(progress, "checking the token table", f->done, f->rows))
            return imr_fail(err, IMR_E_CANCELLED, "stopped while checking %s", f->npy);
    }
    return IMR_OK;
}

/* Is everything there and good? Needs no lock: a whole table is never written to. */
static imr_status find_whole(bool *whole, table_files *f, const imr_progress *progress,
                             imr_error *err)
{
    *whole = false;
    if (!imr_file_exists(f->npy) || !imr_file_exists(f->blocks))
        return IMR_OK;
    f->npy_fd = open(f->npy, O_RDONLY | O_CLOEXEC);
    if (f->npy_fd < 0)
        return IMR_OK; /* building will say why */
    imr_status status = check(f, progress, err);
    struct stat st;
    *whole = status == IMR_OK && f->done == f->rows && fstat(f->npy_fd, &st) == 0 &&
             st.st_size == row_offset(f, f->rows);
    close_fd(&f->npy_fd);
    return status;
}

/* ---- making ---- */

typedef struct nested {
    const imr_progress *up;
    size_t first, total;
} nested;

static bool nested_step(void *user, const imr_progress_info *info)
{
    const nested *n = user;
    return imr_progress_step(n->up, WHAT, n->first + info->done, n->total);
}

/* Rows [first, first + count) of the table. */
static imr_status encode_rows(float *out, const imr_encoder *e, size_t first, size_t count,
                              size_t total, const imr_progress *progress, imr_error *err)
{
    uint32_t ids[BLOCK];
    nested n = {progress, first, total};
    const imr_progress inner = {nested_step, &n};
    for (size_t i = 0; i < count; i++)
        ids[i] = (uint32_t)(first + i);
    return imr_encoder_encode_tokens(e, ids, count, out, &inner, err);
}

static imr_status make_in_memory(imr_encoded_table *t, const imr_encoder *e,
                                 const imr_progress *progress, imr_error *err)
{
    const size_t rows = imr_encoder_token_count(e), dim = imr_encoder_dim(e);
    t->owned = imr_alloc_aligned(rows * dim, sizeof *t->owned);
    if (!t->owned)
        return imr_fail_memory(err);
    for (size_t first = 0; first < rows; first += BLOCK) {
        const size_t count = rows - first < BLOCK ? rows - first : BLOCK;
        IMR_TRY(encode_rows(t->owned + first * dim, e, first, count, rows, progress, err));
    }
    t->made = rows;
    t->rows = imr_view_of(t->owned, rows, dim);
    return IMR_OK;
}

static imr_status write_failed(const char *path, imr_error *err)
{
    return imr_fail_errno(err, IMR_E_IO, errno,
                          "cannot write %s (what is finished is kept: make room and run the same "
                          "command again, or use --token-table input)",
                          path);
}

static imr_status write_at(int fd, const void *bytes, size_t n, off_t at, const char *path,
                           imr_error *err)
{
    const uint8_t *from = bytes;
    while (n) {
        ssize_t wrote = pwrite(fd, from, n, at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            if (wrote == 0)
                errno = ENOSPC;
            return write_failed(path, err);
        }
        from += wrote;
        n -= (size_t)wrote;
        at += wrote;
    }
    return IMR_OK;
}

/* Opens for writing under the lock; *why says in words what refused it, for a table in memory. */
static imr_status open_for_writing(bool *refused, table_files *f, const char *dir, imr_error *why,
                                   imr_error *err)
{
    IMR_AUTOFREE char *folder = imr_path_join(dir, "tokens");
    if (!folder)
        return imr_fail_memory(err);
    *refused = true;
    imr_status status = imr_dir_make(folder, why);
    if (status == IMR_E_MEMORY)
        return imr_fail_memory(err);
    if (status != IMR_OK)
        return IMR_OK;
    const struct {
        const char *path;
        int *fd;
    } files[] = {{f->lock, &f->lock_fd}, {f->npy, &f->npy_fd}, {f->blocks, &f->blocks_fd}};
    for (size_t i = 0; i < IMR_LEN(files); i++) {
        *files[i].fd = open(files[i].path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*files[i].fd < 0) {
            (void)imr_fail_errno(why, IMR_E_IO, errno, "cannot write %s", files[i].path);
            return IMR_OK;
        }
        if (i == 0 && flock(f->lock_fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return imr_fail(err, IMR_E_BUSY,
                                "another process is encoding the tokens for %s: wait for it, or "
                                "use --token-table input",
                                dir);
            (void)imr_fail_errno(why, IMR_E_IO, errno, "cannot lock %s", f->lock);
            return IMR_OK;
        }
    }
    *refused = false;
    return IMR_OK;
}

static imr_status note_block(table_files *f, const float *v, size_t count, imr_error *err)
{
    char hex[IMR_SHA256_HEX], line[LINE_BYTES];
    imr_sha256_memory(v, count * row_bytes(f), hex);
    f->done += count;
    const int n = snprintf(line, sizeof line, "%zu %s\n", f->done, hex);
    IMR_TRY(write_at(f->blocks_fd, line, (size_t)n, f->noted, f->blocks, err));
    f->noted += n;
    return IMR_OK;
}

static imr_status make_rest(table_files *f, imr_encoded_table *t, const imr_encoder *e,
                            const imr_progress *progress, imr_error *err)
{
    uint8_t header[IMR_NPY_HEADER];
    IMR_AUTOFREE float *v = imr_alloc(f->block, row_bytes(f));
    if (!v)
        return imr_fail_memory(err);
    imr_npy_header(header, IMR_F32, f->rows, f->dim);
    IMR_TRY(write_at(f->npy_fd, header, sizeof header, 0, f->npy, err));
    if (ftruncate(f->blocks_fd, f->noted) != 0)
        return write_failed(f->blocks, err);
    if (!f->noted) {
        f->noted = (off_t)strlen(f->header);
        IMR_TRY(write_at(f->blocks_fd, f->header, (size_t)f->noted, 0, f->blocks, err));
    }
    while (f->done < f->rows) {
        const size_t count = f->rows - f->done < f->block ? f->rows - f->done : f->block;
        imr_status status = encode_rows(v, e, f->done, count, f->rows, progress, err);
        if (status == IMR_E_CANCELLED)
            return imr_fail(err, status,
                            "%s was stopped after %zu of %zu; what is finished is kept, the same "
                            "command goes on from there",
                            WHAT, f->done, f->rows);
        IMR_TRY(status);
        IMR_TRY(write_at(f->npy_fd, v, count * row_bytes(f), row_offset(f, f->done), f->npy, err));
        IMR_TRY(note_block(f, v, count, err));
        t->made += count;
    }
    /* An older, longer file may have had this name. */
    if (ftruncate(f->npy_fd, row_offset(f, f->rows)) != 0 || fsync(f->npy_fd) != 0)
        return write_failed(f->npy, err);
    return IMR_OK;
}

static imr_status map_rows(imr_encoded_table *t, const table_files *f, imr_error *err)
{
    IMR_TRY(imr_npy_open(&t->mapped, f->npy, err));
    const uint64_t shape[2] = {f->rows, f->dim};
    if (t->mapped.t.dtype != IMR_F32 || !imr_tensor_has_shape(&t->mapped.t, 2, shape))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s changed while it was opened; run the same command again", f->npy);
    if ((uintptr_t)t->mapped.t.data % sizeof(float) == 0) {
        t->rows = imr_view_of((const float *)(const void *)t->mapped.t.data, f->rows, f->dim);
        return IMR_OK;
    }
    t->owned = imr_alloc_aligned(f->rows * f->dim, sizeof *t->owned);
    if (!t->owned)
        return imr_fail_memory(err);
    t->rows = imr_view_of(t->owned, f->rows, f->dim);
    return imr_tensor_to_f32(&t->mapped.t, t->owned, err);
}

static imr_status open_files(table_files *f, imr_encoded_table *t, const imr_encoder *e,
                             const char *dir, const imr_progress *progress, imr_error *err)
{
    bool whole, refused;
    imr_error why;
    IMR_TRY(find_whole(&whole, f, progress, err));
    if (!whole) {
        IMR_TRY(open_for_writing(&refused, f, dir, &why, err));
        if (refused) {
            snprintf(t->notice, sizeof t->notice,
                     "the token table is in memory only and is made again every time: %.200s",
                     why.text);
            return make_in_memory(t, e, progress, err);
        }
        IMR_TRY(check(f, progress, err)); /* another process may have written since */
        if (f->damaged)
            snprintf(t->notice, sizeof t->notice,
                     "the token table %.160s was damaged or of another encoder from row %zu on: "
                     "made again from there",
                     f->npy, f->done);
        t->kept = f->done;
        IMR_TRY(make_rest(f, t, e, progress, err));
    }
    t->kept = f->rows - t->made;
    return map_rows(t, f, err);
}

imr_status imr_encoded_table_open(imr_encoded_table *out, const imr_encoder *e, const char *sha256,
                                  const char *dir, const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(files_done)
    table_files f = {.rows = imr_encoder_token_count(e),
                     .dim = imr_encoder_dim(e),
                     .block = BLOCK,
                     .npy_fd = -1,
                     .blocks_fd = -1,
                     .lock_fd = -1};
    imr_encoded_table t = {.made = 0};
    imr_status status;
    if (!dir[0] || imr_encoder_is_static(e)) {
        status = make_in_memory(&t, e, progress, err);
    } else {
        snprintf(f.header, sizeof f.header, "imrnn-tokens 1 %.64s %zu %zu %zu\n", sha256, f.rows,
                 f.dim, f.block);
        status = name_files(&f, dir, sha256, err);
        if (status == IMR_OK)
            status = open_files(&f, &t, e, dir, progress, err);
    }
    if (status != IMR_OK) {
        imr_encoded_table_done(&t);
        return status;
    }
    *out = t;
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
    char rows[24], dim[24], block[24];
    int64_t v[3];
    if (sscanf(f->header, "imrnn-tokens 1 %64s %20s %20s %20s", sha256, rows, dim, block) != 4 ||
        strlen(sha256) != IMR_SHA256_HEX - 1 || !imr_parse_int(rows, strlen(rows), &v[0]) ||
        !imr_parse_int(dim, strlen(dim), &v[1]) || !imr_parse_int(block, strlen(block), &v[2]) ||
        v[0] < 1 || v[0] > (int64_t)IMR_MAX_VOCAB || v[1] < 1 || v[1] > (int64_t)IMR_MAX_DIM ||
        v[2] < 1 || v[2] > BLOCK)
        return false;
    f->rows = (size_t)v[0];
    f->dim = (size_t)v[1];
    f->block = (size_t)v[2];
    return true;
}

static imr_status look_at(imr_encoded_table_info *out, bool *is_table, const char *dir,
                          const char *name, imr_error *err)
{
    IMR_CLEANUP(files_done) table_files f = {.npy_fd = -1, .blocks_fd = -1, .lock_fd = -1};
    IMR_CLEANUP(imr_file_unmap) imr_file notes = {0};
    imr_encoded_table_info info = {.rows = 0};
    IMR_TRY(name_files(&f, dir, name, err));
    *is_table = imr_file_exists(f.blocks) && imr_file_map(&notes, f.blocks, NULL) == IMR_OK &&
                parse_header(&f, info.sha256, &notes);
    if (!*is_table)
        return IMR_OK;
    f.npy_fd = open(f.npy, O_RDONLY | O_CLOEXEC);
    IMR_TRY(check(&f, NULL, err));
    info.rows = f.rows;
    info.dim = f.dim;
    info.finished = f.done;
    info.damaged = f.damaged || strncmp(name, info.sha256, IMR_SHA256_HEX - 1) != 0;
    *out = info;
    return IMR_OK;
}

imr_status imr_encoded_table_list(imr_encoded_table_info **out, size_t *count, const char *dir,
                                  imr_error *err)
{
    IMR_AUTOFREE char *folder = imr_path_join(dir, "tokens");
    char **names = NULL;
    size_t n = 0, found = 0;
    if (!folder)
        return imr_fail_memory(err);
    *count = 0;
    *out = NULL;
    if (!imr_dir_exists(folder))
        return IMR_OK;
    IMR_TRY(imr_dir_list(&names, &n, folder, err));
    imr_encoded_table_info *list = IMR_NEW_ARRAY(imr_encoded_table_info, n);
    imr_status status = list ? IMR_OK : imr_fail_memory(err);
    for (size_t i = 0; i < n && status == IMR_OK; i++) {
        const size_t len = strlen(names[i]);
        bool is_table = false;
        if (len == IMR_SHA256_HEX - 1 + 7 && strcmp(names[i] + len - 7, ".blocks") == 0)
            status = look_at(&list[found], &is_table, dir, names[i], err);
        found += is_table;
    }
    imr_dir_list_free(names, n);
    if (status != IMR_OK) {
        imr_free(list);
        return status;
    }
    *out = list;
    *count = found;
    return IMR_OK;
}
