#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sort.h"

/* A pipe may have a writer that needs time; a file never says EAGAIN. */
static bool wait_for_more(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return (errno == EAGAIN || errno == EWOULDBLOCK) && poll(&p, 1, -1) >= 0;
}

static imr_status read_all(imr_file *out, int fd, const char *path, imr_error *err)
{
    enum { PIECE = 65536 };
    IMR_AUTOBUF imr_buf b = {.limit = IMR_MAX_JSON_BYTES};
    for (ssize_t n = 1; n != 0;) {
        char *to = imr_buf_reserve(&b, PIECE);
        IMR_NEED(to, err);
        n = read(fd, to, PIECE);
        if (n < 0 && errno != EINTR && !wait_for_more(fd))
            return imr_fail_errno(err, IMR_E_IO, errno, "cannot read %s", path);
        b.len += n > 0 ? (size_t)n : 0;
        imr_budget_add(imr_budget_now, n > 0 ? (uint64_t)n : 0);
    }
    const size_t len = b.len;
    char *data = imr_buf_take(&b);
    IMR_NEED(data, err);
    *out = (imr_file){.data = (const uint8_t *)data, .len = len, .owned = data};
    return IMR_OK;
}

/* What stands in a file's place, when it is nothing we read. */
static const char *not_a_file(mode_t mode, unsigned how)
{
    return S_ISREG(mode)         ? NULL
           : S_ISDIR(mode)       ? "a folder"
           : S_ISSOCK(mode)      ? "a socket"
           : !S_ISFIFO(mode)     ? "a device"
           : how & IMR_FILE_PIPE ? NULL
                                 : "a pipe";
}

static bool begins(const imr_file *f, size_t at, const char *with)
{
    const size_t n = strlen(with);
    assert(f->data);
    return f->len >= at + n && strncasecmp((const char *)f->data + at, with, n) == 0;
}

/* Two things that come in place of a file that was to be fetched. */
static imr_status check_content(const imr_file *f, const char *path, unsigned how, imr_error *err)
{
    assert(f->data);
    if (begins(f, 0, "version https://git-lfs.github.com/spec/"))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is a pointer of Git LFS, not the file itself; fetch it with: git lfs "
                        "pull, or huggingface-cli download",
                        path);
    size_t at = begins(f, 0, "\xEF\xBB\xBF") ? 3 : 0;
    while (at < f->len && f->data[at] <= ' ')
        at++;
    if (!(how & IMR_FILE_TEXT) && (begins(f, at, "<!doctype html") || begins(f, at, "<html")))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s is a web page (HTML), not the file itself: download the raw file",
                        path);
    return IMR_OK;
}

imr_status imr_file_map(imr_file *out, const char *path, imr_error *err)
{
    return imr_file_map_as(out, path, 0, err);
}

imr_status imr_file_map_as(imr_file *out, const char *path, unsigned how, imr_error *err)
{
    /* Not blocking: a pipe nobody writes to is at its end at once. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno != ENXIO)
        return imr_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? IMR_E_NOT_FOUND : IMR_E_IO,
                              errno, "cannot open %s", path);
    struct stat st = {0};
    imr_file f = {0};
    const char *what = fd < 0                ? "a socket or a device"
                       : fstat(fd, &st) != 0 ? "gone"
                                             : not_a_file(st.st_mode, how);
    const size_t len = !what && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
    void *p = len ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    imr_status status = IMR_OK;
    if (what)
        status = imr_fail(err, IMR_E_NOT_FOUND, "%s is %s where a file is needed", path, what);
    else if (p == MAP_FAILED)
        status = read_all(&f, fd, path, err);
    else
        f = (imr_file){.data = p, .len = len, .mapped = p, .descriptor = fd};
    imr_budget_add(imr_budget_now, f.mapped ? len : 0);
    if (fd >= 0 && !f.mapped)
        close(fd);
    if (status == IMR_OK && (status = check_content(&f, path, how, err)) != IMR_OK)
        imr_file_unmap(&f);
    if (status == IMR_OK)
        *out = f;
    return status;
}

void imr_file_unmap(imr_file *f)
{
    if (f->mapped) {
        munmap(f->mapped, f->len);
        close(f->descriptor);
    }
    imr_free(f->owned);
    *f = (imr_file){0};
}

void imr_file_forget(const imr_file *f)
{
    /* POSIX has no call that does it (posix_madvise need not): the same file over itself. */
    if (f->mapped)
        (void)mmap(f->mapped, f->len, PROT_READ, MAP_PRIVATE | MAP_FIXED, f->descriptor, 0);
    if (f->mapped && f->sequential)
        imr_file_read_ahead(f->data, f->len);
}

void imr_file_sequential(imr_file *f)
{
    f->sequential = true;
    if (f->mapped)
        imr_file_read_ahead(f->data, f->len);
}

void imr_file_read_ahead(const void *data, size_t len)
{
    const long page = sysconf(_SC_PAGESIZE);
    const uintptr_t start = (uintptr_t)data & ~((uintptr_t)(page > 0 ? page : 4096) - 1);
    (void)posix_madvise((void *)start, (uintptr_t)data + len - start, POSIX_MADV_SEQUENTIAL);
}

bool imr_file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

imr_status imr_dir_admits(const char *path, imr_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 ? !S_ISDIR(st.st_mode) || access(path, X_OK) == 0 : errno != EACCES)
        return IMR_OK;
    return imr_fail_errno(err, IMR_E_IO, EACCES, "cannot look into %s", path);
}

bool imr_dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

imr_status imr_dir_make(const char *path, imr_error *err)
{
    IMR_AUTOFREE char *copy = imr_strdup(path);
    IMR_NEED(copy, err);
    for (char *p = copy + (copy[0] == '/');; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        if (copy[0] && mkdir(copy, 0777) != 0 && !(errno == EEXIST && imr_dir_exists(copy)))
            return imr_fail_errno(err, IMR_E_IO, errno, "cannot make the folder %s", copy);
        if (kept == '\0')
            return IMR_OK;
        *p = kept;
    }
}

imr_status imr_dir_make_own(const char *path, imr_error *err)
{
    struct stat st;
    IMR_TRY(imr_dir_make(path, err));
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode)
               ? IMR_OK
               : imr_fail(err, IMR_E_IO, "%s is a link: nothing is written through it", path);
}

imr_status imr_dir_room(const char *path, uint64_t bytes, imr_error *err)
{
    struct statvfs v;
    if (statvfs(path, &v) != 0 || bytes <= (uint64_t)v.f_bavail * v.f_frsize / 2)
        return IMR_OK;
    return imr_fail(err, IMR_E_IO,
                    "%s would need %" PRIu64 " MB, and of the disk's %" PRIu64
                    " MB that are free at most half is taken",
                    path, bytes >> 20, (uint64_t)v.f_bavail * v.f_frsize >> 20);
}

void imr_dir_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

imr_status imr_dir_list(imr_names *out, const char *path, imr_error *err)
{
    *out = (imr_names){0};
    DIR *dir = opendir(path);
    if (!dir)
        return imr_fail_errno(err, errno == ENOENT ? IMR_E_NOT_FOUND : IMR_E_IO, errno,
                              "cannot list %s", path);
    IMR_CLEANUP(imr_names_done) imr_names list = {0};
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (!IMR_GROW(&list, 1) || !(list.v[list.n] = imr_strdup(e->d_name))) {
            closedir(dir);
            return imr_fail_memory(err);
        }
        list.n++;
    }
    closedir(dir);
    if (list.n)
        qsort(list.v, list.n, sizeof *list.v, imr_by_text);
    return IMR_GIVE(out, list);
}

void imr_names_done(imr_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        imr_free(names->v[i]);
    imr_free(names->v);
}

imr_path imr_path_in(const char *dir, const char *name)
{
    imr_path path;
    const size_t n = dir && name[0] != '/' ? strlen(dir) : 0;
    snprintf(path.s, sizeof path.s, "%s%s%s", n ? dir : "", n && dir[n - 1] != '/' ? "/" : "",
             name);
    return path;
}

char *imr_path_join(const char *dir, const char *name)
{
    return imr_strdup(imr_path_in(dir, name).s);
}

const char *imr_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *imr_path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return imr_strdup(".");
    return imr_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

#define TEMPORARY ".tmp-"

/* Removes what killed writers of `path` left: our files with a temporary name that nobody locks. */
static void sweep(const char *path)
{
    IMR_AUTOFREE char *dir = imr_path_dir(path);
    const char *base = imr_path_base(path);
    const size_t n = strlen(base), mark = n + strlen(TEMPORARY);
    DIR *d = dir ? opendir(dir) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strlen(e->d_name) != mark + 8 || strncmp(e->d_name, base, n) != 0 ||
            strncmp(e->d_name + n, TEMPORARY, mark - n) != 0 ||
            strspn(e->d_name + mark, "0123456789abcdef") != 8)
            continue;
        const int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        struct stat st;
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)unlinkat(dirfd(d), e->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
    if (d)
        closedir(d);
}

/* Creates a file under a name nobody can have put there before. */
static int create_beside(char **name, const char *path)
{
    static _Thread_local uint32_t last;
    struct stat st;
    sweep(path);
    for (int tries = 0; tries < 100; tries++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        last = (last + (uint32_t)now.tv_nsec) * 2654435761u + (uint32_t)getpid();
        imr_buf b = {0};
        imr_buf_printf(&b, "%s" TEMPORARY "%08" PRIx32, path, last);
        *name = imr_buf_take(&b);
        int fd =
            *name ? open(*name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666) : -1;
        /* Locked, unless another's sweep came first. */
        if (fd < 0 ? !*name || errno != EEXIST
                   : (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) &&
                         (fstat(fd, &st) != 0 || st.st_nlink > 0))
            return fd;
        if (fd >= 0)
            close(fd);
        imr_free(*name);
        *name = NULL;
    }
    return -1;
}

/* Writes to fd, which may have failed, from now on; w has its names. */
static imr_status begin(imr_writer *out, imr_writer w, int fd, imr_error *err)
{
    w.file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (w.file) {
        *out = w;
        return IMR_OK;
    }
    imr_status status = imr_fail_errno(err, IMR_E_IO, errno, "cannot write %s", w.path);
    if (fd >= 0)
        close(fd);
    imr_writer_done(&w);
    return status;
}

/* Takes path in any case. */
static imr_status open_beside(imr_writer *w, char *path, const struct stat *mode, imr_error *err)
{
    imr_writer made = {.path = path};
    int fd = path ? create_beside(&made.temporary, path) : -1;
    if (!made.temporary) {
        imr_free(path);
        return imr_fail_memory(err);
    }
    if (fd >= 0 && mode &&
        (fchmod(fd, mode->st_mode & 0777) != 0 || fchown(fd, mode->st_uid, mode->st_gid) != 0)) {
        /* only root can keep another's owner, and not everywhere */
    }
    return begin(w, made, fd, err);
}

imr_status imr_writer_open(imr_writer *w, const char *path, imr_error *err)
{
    return open_beside(w, imr_strdup(path), NULL, err);
}

/* What a chain of links ends at, there or not. NULL when memory ran out. */
static char *behind_links(const char *path)
{
    enum { MOST = 40 }; /* as many as Linux follows */
    char *at = imr_strdup(path), to[4096];
    for (int i = 0; at && i < MOST; i++) {
        ssize_t n = readlink(at, to, sizeof to - 1);
        if (n < 0 || (size_t)n == sizeof to - 1)
            break;
        to[n] = '\0';
        char *dir IMR_AUTOFREE = imr_path_dir(at);
        imr_free(at);
        at = dir ? imr_path_join(dir, to) : NULL;
    }
    return at;
}

imr_status imr_file_vacant(const char *path, bool overwrite, imr_error *err)
{
    struct stat st;
    return overwrite || strncmp(path, "/dev/", 5) == 0 || stat(path, &st) != 0 ||
                   !S_ISREG(st.st_mode)
               ? IMR_OK
               : imr_fail(err, IMR_E_IO, "%s exists; --overwrite replaces it", path);
}

imr_status imr_writer_open_named(imr_writer *w, const char *path, bool overwrite, imr_error *err)
{
    struct stat st;
    const bool there = stat(path, &st) == 0;
    IMR_TRY(imr_file_vacant(path, overwrite, err));
    if (!there || S_ISREG(st.st_mode)) {
        IMR_TRY(open_beside(w, behind_links(path), there ? &st : NULL, err));
        w->fresh = !there && !overwrite;
        return IMR_OK;
    }
    imr_writer made = {.path = imr_strdup(path)};
    IMR_NEED(made.path, err);
    return begin(w, made, open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC), err);
}

void imr_writer_add(imr_writer *w, const void *bytes, size_t n)
{
    if (!w->failure && n && fwrite(bytes, 1, n, w->file) != n)
        w->failure = errno ? errno : EIO;
}

void imr_writer_printf(imr_writer *w, const char *format, ...)
{
    if (w->failure)
        return;
    va_list args;
    va_start(args, format);
    if (vfprintf(w->file, format, args) < 0)
        w->failure = errno ? errno : EIO;
    va_end(args);
}

/* A link takes no name that is there; some file systems have none. */
static bool publish(const imr_writer *w)
{
    if (w->fresh && link(w->temporary, w->path) == 0)
        return unlink(w->temporary) == 0;
    return (!w->fresh || errno != EEXIST) && rename(w->temporary, w->path) == 0;
}

imr_status imr_writer_commit(imr_writer *w, imr_error *err)
{
    if (!w->failure && (fflush(w->file) != 0 || (w->temporary && fsync(fileno(w->file)) != 0)) &&
        errno != EINVAL)
        w->failure = errno;
    /* Before it is closed, which gives up its lock. */
    if (!w->failure && w->temporary && !publish(w))
        w->failure = errno;
    if (fclose(w->file) != 0 && !w->failure && !w->temporary)
        w->failure = errno;
    w->file = NULL;
    imr_status status = IMR_OK;
    if (w->failure) {
        status = imr_fail_errno(err, IMR_E_IO, w->failure, "cannot write %s%s", w->path,
                                w->temporary ? " (nothing was left half written)" : "");
    } else if (w->temporary) {
        IMR_AUTOFREE char *dir = imr_path_dir(w->path);
        if (dir)
            imr_dir_sync(dir);
        imr_free(w->temporary);
        w->temporary = NULL;
    }
    imr_writer_done(w);
    return status;
}

void imr_writer_done(imr_writer *w)
{
    if (w->file)
        fclose(w->file);
    if (w->temporary)
        unlink(w->temporary);
    IMR_FREE(w->path, w->temporary);
    *w = (imr_writer){0};
}

static imr_status write_all(const char *path, const void *bytes, size_t n, bool private,
                            imr_error *err)
{
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path, err));
    if (private)
        fchmod(fileno(w.file), S_IRUSR | S_IWUSR);
    imr_writer_add(&w, bytes, n);
    return imr_writer_commit(&w, err);
}

imr_status imr_file_write(const char *path, const void *bytes, size_t n, imr_error *err)
{
    return write_all(path, bytes, n, false, err);
}

imr_status imr_file_write_private(const char *path, const void *bytes, size_t n, imr_error *err)
{
    return write_all(path, bytes, n, true, err);
}
