#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

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

bool imr_kept_read(const imr_kept *f, void *out, size_t n, size_t at)
{
    if (!f->path)
        return false;
    char *to = out;
    for (size_t done = 0; done < n;) {
        const ssize_t got = pread(f->fd, to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

imr_status imr_kept_write(imr_kept *f, const void *bytes, size_t n, size_t at, imr_error *err)
{
    const char *from = bytes;
    const bool fail = refused();
    const size_t whole = fail ? n / 2 : n;
    for (size_t done = 0; done < whole;) {
        const ssize_t wrote = pwrite(f->fd, from + done, whole - done, (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC;
        if (wrote <= 0)
            return cannot_write(f, f->path, err);
        done += (size_t)wrote;
    }
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
