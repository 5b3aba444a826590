#include "base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

typedef struct region {
    void *p;
    size_t bytes;
    int descriptor;
} region;

struct imr_scratch {
    char *dir;
    IMR_ARRAY(region) regions;
    int failure; /* errno of the last refusal; 0: memory */
};

/* ---- the folder ---- */

/* Cuts path to the nearest folder that exists; "." when none of it does. */
static void nearest_folder(char *path)
{
    while (path[0] && !imr_dir_exists(path)) {
        char *slash = strrchr(path, '/');
        if (!slash)
            path[0] = '\0';
        else
            slash[slash == path] = '\0';
    }
}

imr_status imr_scratch_open(imr_scratch **out, const char *path, imr_error *err)
{
    IMR_AUTOFREE imr_scratch *s = IMR_NEW(imr_scratch);
    IMR_NEED(s && (s->dir = imr_strdup(path)), err);
    nearest_folder(s->dir);
    return IMR_GIVE(out, s);
}

static void release(const region *r)
{
    if (r->p)
        munmap(r->p, r->bytes);
    close(r->descriptor);
}

void imr_scratch_close(imr_scratch *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->regions.n; i++)
        release(&s->regions.v[i]);
    IMR_FREE(s->regions.v, s->dir, s);
}

/* ---- regions ---- */

static region *find(const imr_scratch *s, const void *p)
{
    for (size_t i = 0; s && p && i < s->regions.n; i++)
        if (s->regions.v[i].p == p)
            return &s->regions.v[i];
    return NULL;
}

/* A new file that nobody can find; -1 and errno. */
static int nameless_file(const char *dir)
{
    imr_buf b = {0};
    imr_buf_printf(&b, "%s%s" IMR_SCRATCH_NAME "XXXXXX", dir, dir[0] ? "/" : "");
    IMR_AUTOFREE char *name = imr_buf_take(&b);
    if (!name) {
        errno = ENOMEM;
        return -1;
    }
    int fd = mkstemp(name);
    if (fd < 0)
        return -1;
    if (unlink(name) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* Gives the region this many bytes; what it held stays. False, the region as it was, and errno. */
static bool resize(region *r, size_t bytes)
{
    do {
        errno = posix_fallocate(r->descriptor, 0, (off_t)bytes);
    } while (errno == EINTR);
    if (errno)
        return false;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->descriptor, 0);
    if (p == MAP_FAILED)
        return false;
    if (r->p)
        munmap(r->p, r->bytes);
    r->p = p;
    r->bytes = bytes;
    return true;
}

/* s may be NULL: then it is memory that ran out. */
static void *refuse(imr_scratch *s, int why)
{
    if (s)
        s->failure = why == ENOMEM ? 0 : why;
    return NULL;
}

static void *new_region(imr_scratch *s, size_t bytes)
{
    if (!IMR_GROW(&s->regions, 1))
        return refuse(s, ENOMEM);
    region r = {.descriptor = nameless_file(s->dir)};
    if (r.descriptor < 0)
        return refuse(s, errno);
    if (!resize(&r, bytes)) {
        int why = errno;
        release(&r);
        return refuse(s, why);
    }
    s->regions.v[s->regions.n++] = r;
    return r.p;
}

/* ---- tables ---- */

void *imr_scratch_alloc(imr_scratch *s, size_t count, size_t size)
{
    if (s && size && count > SIZE_MAX / 2 / size)
        return refuse(s, ENOMEM);
    if (s && count * size >= IMR_SCRATCH_LEAST)
        return new_region(s, count * size);
    void *p = imr_calloc(count, size);
    return p ? p : refuse(s, ENOMEM);
}

void *imr_scratch_realloc(imr_scratch *s, void *old, size_t old_count, size_t count, size_t size)
{
    region *r = find(s, old);
    if (s && size && count > SIZE_MAX / 2 / size)
        return refuse(s, ENOMEM);
    if (r && count)
        return resize(r, count * size) ? r->p : refuse(s, errno);
    if (!s || count * size < IMR_SCRATCH_LEAST) {
        void *p = imr_realloc(old, count, size);
        return p ? p : refuse(s, ENOMEM);
    }
    void *p = new_region(s, count * size);
    if (p && old) {
        memcpy(p, old, (old_count < count ? old_count : count) * size);
        imr_free(old);
    }
    return p;
}

void imr_scratch_free(imr_scratch *s, void *p)
{
    region *r = find(s, p);
    if (!r) {
        imr_free(p);
        return;
    }
    release(r);
    *r = s->regions.v[--s->regions.n];
}

imr_status imr_scratch_fail(const imr_scratch *s, imr_error *err)
{
    IMR_NEED(s && s->failure, err);
    return imr_fail_errno(err, IMR_E_IO, s->failure,
                          "no room for the tables of ids in %s (make room and run the same command "
                          "again)",
                          s->dir[0] ? s->dir : "the current folder");
}

bool imr_scratch_grow(imr_scratch *s, void *p, size_t n, size_t *cap, size_t more, size_t size)
{
    if (n + more <= *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 16;
    if (want < n + more)
        want = n + more;
    void *old;
    memcpy(&old, p, sizeof old);
    void *grown = imr_scratch_realloc(s, old, n, want, size);
    if (!grown)
        return false;
    memcpy(p, &grown, sizeof grown);
    *cap = want;
    return true;
}
