#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"

/* Each try loses against a process that published or gave up in between. */
enum { LOCK_TRIES = 10 };

static _Thread_local long fail_after = -1;
static _Thread_local int fail_number;

void imr_kept_fail_after(long n, int number)
{
    fail_after = n;
    fail_number = number;
}

/* True, with errno set, when a test wants this step to fail. */
static bool refused(void)
{
    if (fail_after < 0 || fail_after-- > 0)
        return false;
    errno = fail_number;
    return true;
}

static imr_status cannot_write(const imr_kept *f, const char *path, imr_error *err)
{
    const bool advice = f->advice != NULL;
    return imr_fail_errno(err, IMR_E_IO, errno, "cannot write %s%s%s%s", path, advice ? " (" : "",
                          advice ? f->advice : "", advice ? ")" : "");
}

/* ---- opening ---- */

static imr_status open_as(imr_kept *out, const char *path, int flags, imr_error *err)
{
    imr_kept made = {.path = imr_strdup(path)};
    IMR_NEED(made.path, err);
    /* What is written to may lie in a stranger's folder: a link there is not followed. */
    made.fd =
        refused() ? -1 : open(path, flags | (flags & O_CREAT ? O_NOFOLLOW : 0) | O_CLOEXEC, 0666);
    if (made.fd < 0) {
        const int number = errno;
        imr_free(made.path);
        return flags & O_CREAT ? imr_fail_errno(err, IMR_E_IO, number, "cannot write %s", path)
                               : imr_fail_errno(err, number == ENOENT ? IMR_E_NOT_FOUND : IMR_E_IO,
                                                number, "cannot open %s", path);
    }
    *out = made;
    return IMR_OK;
}

imr_status imr_kept_open(imr_kept *out, const char *path, imr_error *err)
{
    return open_as(out, path, O_RDWR | O_CREAT, err);
}

imr_status imr_kept_open_read(imr_kept *out, const char *path, imr_error *err)
{
    return open_as(out, path, O_RDONLY, err);
}

static bool has_its_name(const imr_kept *f)
{
    struct stat a, b;
    return fstat(f->fd, &a) == 0 && stat(f->path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

imr_status imr_kept_lock(imr_kept *out, const char *path, imr_error *err)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        imr_kept f;
        IMR_TRY(imr_kept_open(&f, path, err));
        imr_status status = IMR_OK;
        if (refused() || flock(f.fd, LOCK_EX | LOCK_NB) != 0)
            status = errno == EWOULDBLOCK
                         ? imr_fail(err, IMR_E_BUSY, "another process is writing %s", path)
                         : imr_fail_errno(err, IMR_E_IO, errno, "cannot lock %s", path);
        if (status == IMR_OK && has_its_name(&f)) {
            *out = f;
            return IMR_OK;
        }
        imr_kept_close(&f);
        IMR_TRY(status);
    }
    return imr_fail(err, IMR_E_BUSY, "other processes are writing %s", path);
}

imr_status imr_kept_lock_wait(imr_kept *out, const char *path, imr_error *err)
{
    imr_status status = IMR_E_BUSY;
    for (int i = 0; i < 300 && (status = imr_kept_lock(out, path, err)) == IMR_E_BUSY; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return status;
}

void imr_kept_close(imr_kept *f)
{
    if (f->path)
        close(f->fd);
    imr_free(f->path);
    *f = (imr_kept){0};
}

/* ---- bytes ---- */

/* All n bytes from or to offset `at`; errno when they are not. */
static bool transfer(int fd, char *bytes, size_t n, size_t at, bool write)
{
    for (size_t done = 0; done < n;) {
        const off_t place = (off_t)(at + done);
        const ssize_t some = write ? pwrite(fd, bytes + done, n - done, place)
                                   : pread(fd, bytes + done, n - done, place);
        if (some < 0 && errno == EINTR)
            continue;
        if (some == 0)
            errno = ENOSPC;
        if (some <= 0)
            return false;
        done += (size_t)some;
    }
    return true;
}

bool imr_kept_read(const imr_kept *f, void *out, size_t n, size_t at)
{
    return f->path && transfer(f->fd, out, n, at, false);
}

imr_status imr_kept_write(imr_kept *f, const void *bytes, size_t n, size_t at, imr_error *err)
{
    const bool fail = refused();
    if (!transfer(f->fd, (char *)(uintptr_t)bytes, fail ? n / 2 : n, at, true))
        return cannot_write(f, f->path, err);
    if (fail) {
        errno = fail_number;
        return cannot_write(f, f->path, err);
    }
    f->unflushed += n;
    if (!f->flush_every || f->unflushed < f->flush_every)
        return IMR_OK;
    f->unflushed = 0;
    return !refused() && (fdatasync(f->fd) == 0 || errno == EINVAL) ? IMR_OK
                                                                    : cannot_write(f, f->path, err);
}

imr_status imr_kept_append(imr_kept *f, const void *bytes, size_t n, imr_error *err)
{
    IMR_TRY(imr_kept_write(f, bytes, n, f->end, err));
    f->end += n;
    return IMR_OK;
}

imr_status imr_kept_resize(imr_kept *f, size_t size, imr_error *err)
{
    if (!refused() && ftruncate(f->fd, (off_t)size) == 0)
        return IMR_OK;
    return cannot_write(f, f->path, err);
}

/* Some files cannot be flushed: those have nothing to lose. */
static bool sync_data(const imr_kept *f)
{
    return !refused() && (fsync(f->fd) == 0 || errno == EINVAL);
}

imr_status imr_kept_sync(imr_kept *f, imr_error *err)
{
    return sync_data(f) ? IMR_OK : cannot_write(f, f->path, err);
}

/* ---- the end ---- */

imr_status imr_kept_publish(imr_kept *f, const char *path, imr_error *err)
{
    IMR_AUTOFREE char *name = imr_strdup(path);
    IMR_AUTOFREE char *dir = imr_path_dir(path);
    IMR_NEED(name && dir, err);
    if (!sync_data(f) || refused() || rename(f->path, path) != 0)
        return cannot_write(f, path, err);
    imr_dir_sync(dir);
    imr_free(f->path);
    f->path = IMR_TAKE(name);
    return IMR_OK;
}

void imr_kept_remove(imr_kept *f)
{
    if (f->path)
        (void)unlink(f->path);
    imr_kept_close(f);
}

/* ---- rows, block by block ---- */

enum { LINE_BYTES = 128, ALIGNMENT = 64 };

static size_t next_count(const imr_kept_rows *r)
{
    return r->rows - r->done < r->block ? r->rows - r->done : r->block;
}

/* Memory for a block on its way to or from the file: out[c] of its column c. */
static imr_status make_room(uint8_t **bytes, void *out[], const imr_kept_rows *r, imr_error *err)
{
    size_t at[IMR_KEPT_COLUMNS + 1] = {0};
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++)
        at[c + 1] = at[c] + (r->block * r->column[c].bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    IMR_NEED(*bytes = imr_alloc_aligned(at[IMR_KEPT_COLUMNS], 1), err);
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++)
        out[c] = *bytes + at[c];
    return IMR_OK;
}

/* "NOTE END SHA256" of the block of `count` rows that comes next. */
static imr_status describe(char line[LINE_BYTES], const imr_kept_rows *r, void *const block[],
                           size_t count, imr_error *err)
{
    char hex[IMR_SHA256_HEX];
    imr_sha256 s;
    imr_sha256_init(&s);
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++)
        imr_sha256_add(&s, block[c], count * r->column[c].bytes);
    IMR_TRY(imr_sha256_hex(&s, hex, err));
    snprintf(line, LINE_BYTES, "%s%zu %s", r->note, r->done + count, hex);
    return IMR_OK;
}

/* ---- checking ---- */

static bool head_is_good(const imr_kept_rows *r)
{
    uint8_t found[256];
    size_t n;
    for (size_t at = 0; at < r->head_bytes; at += n) {
        n = r->head_bytes - at < sizeof found ? r->head_bytes - at : sizeof found;
        if (!imr_kept_read(&r->file, found, n, at) ||
            memcmp(found, (const uint8_t *)r->head + at, n) != 0)
            return false;
    }
    return true;
}

/* Does the line speak of the next block of r, and is that block what it says? */
static imr_status check_line(bool *good, imr_kept_rows *r, const char *line, size_t len,
                             imr_error *err)
{
    IMR_AUTOFREE uint8_t *bytes = NULL;
    void *block[IMR_KEPT_COLUMNS];
    char expected[LINE_BYTES];
    const size_t count = next_count(r);
    *good = false;
    if (!count || (!r->done && !head_is_good(r)))
        return IMR_OK;
    IMR_TRY(make_room(&bytes, block, r, err));
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++) {
        const imr_kept_column column = r->column[c];
        if (!imr_kept_read(&r->file, block[c], count * column.bytes,
                           column.at + r->done * column.bytes))
            return IMR_OK;
    }
    IMR_TRY(describe(expected, r, block, count, err));
    *good = len == strlen(expected) && memcmp(line, expected, len) == 0;
    r->done += *good ? count : 0;
    return IMR_OK;
}

static imr_kept_rows *find_rows(imr_kept_rows *rows, size_t n, const char *line, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        const size_t note = strlen(rows[i].note);
        if (len >= note && memcmp(line, rows[i].note, note) == 0)
            return &rows[i];
    }
    return NULL;
}

imr_status imr_kept_rows_check(imr_kept_notes *out, const char *path, const char *header,
                               imr_kept_rows *rows, size_t n, const imr_progress *progress,
                               imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file f = {0};
    IMR_TRY(imr_file_map(&f, path, err));
    const char *text = (const char *)f.data;
    const size_t head = strlen(header);
    imr_kept_notes found = {
        .damaged = memcmp(text, header, f.len < head ? f.len : head) != 0,
    };
    bool good = !found.damaged && f.len >= head;
    found.end = good ? head : 0;
    for (size_t i = 0; i < n; i++)
        rows[i].done = 0;
    while (good && found.end < f.len) {
        const char *line = text + found.end, *stop = memchr(line, '\n', f.len - found.end);
        if (!stop)
            break; /* killed while noting */
        imr_kept_rows *r = find_rows(rows, n, line, (size_t)(stop - line));
        good = false;
        if (r)
            IMR_TRY(check_line(&good, r, line, (size_t)(stop - line), err));
        found.damaged = !good;
        if (good)
            found.end = (size_t)(stop - text) + 1;
        if (good && !imr_progress_step(progress, "checking what is finished", r->done, r->rows))
            return imr_fail(err, IMR_E_CANCELLED, "checking %s was cancelled", r->file.path);
    }
    *out = found;
    return IMR_OK;
}

imr_status imr_kept_resume(imr_kept *journal, size_t end, const char *header, imr_error *err)
{
    IMR_TRY(imr_kept_resize(journal, end, err));
    journal->end = end;
    return end ? IMR_OK : imr_kept_append(journal, header, strlen(header), err);
}

/* ---- making ---- */

static imr_status write_block(imr_kept_rows *r, void *const block[], size_t count, imr_error *err)
{
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++) {
        const imr_kept_column column = r->column[c];
        if (column.bytes)
            IMR_TRY(imr_kept_write(&r->file, block[c], count * column.bytes,
                                   column.at + r->done * column.bytes, err));
    }
    return IMR_OK;
}

static imr_status make_block(imr_kept_rows *r, void *block[], imr_kept *journal,
                             imr_kept_make_fn make, void *user, imr_error *err)
{
    char line[LINE_BYTES];
    const size_t count = next_count(r);
    for (size_t c = 0; r->memory && c < IMR_KEPT_COLUMNS; c++)
        block[c] = r->memory + r->column[c].at + r->done * r->column[c].bytes;
    IMR_TRY(make(user, r->done, count, block, err));
    if (!r->memory)
        IMR_TRY(write_block(r, block, count, err));
    if (journal) {
        IMR_TRY(describe(line, r, block, count, err));
        const size_t len = strlen(line);
        line[len] = '\n';
        IMR_TRY(imr_kept_append(journal, line, len + 1, err));
    }
    r->done += count;
    return IMR_OK;
}

imr_status imr_kept_rows_make(imr_kept_rows *r, imr_kept *journal, imr_kept_make_fn make,
                              void *user, const imr_progress *progress, imr_error *err)
{
    IMR_AUTOFREE uint8_t *bytes = NULL;
    void *block[IMR_KEPT_COLUMNS];
    size_t end = r->head_bytes;
    if (!r->memory) {
        IMR_TRY(make_room(&bytes, block, r, err));
        IMR_TRY(imr_kept_write(&r->file, r->head, r->head_bytes, 0, err));
    }
    while (r->done < r->rows) {
        imr_status status = imr_progress_step(progress, r->what, r->done, r->rows)
                                ? make_block(r, block, journal, make, user, err)
                                : IMR_E_CANCELLED;
        if (status == IMR_E_CANCELLED)
            return imr_fail(err, status, "%s was cancelled after %zu of %zu%s", r->what, r->done,
                            r->rows, journal ? "; run the same command again to go on" : "");
        IMR_TRY(status);
    }
    if (r->memory)
        return IMR_OK;
    for (size_t c = 0; c < IMR_KEPT_COLUMNS; c++) {
        const size_t stop = r->column[c].at + r->rows * r->column[c].bytes;
        end = r->column[c].bytes && stop > end ? stop : end;
    }
    /* An older, longer file may have had this name. */
    IMR_TRY(imr_kept_resize(&r->file, end, err));
    return imr_kept_sync(&r->file, err);
}
