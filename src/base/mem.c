#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/limits.h"
#ifdef __linux__
#include <asm/mman.h>
#include <malloc.h>
#define USABLE(p) malloc_usable_size(p) /* bytes of a block */

int madvise(void *address, size_t length, int advice); /* not POSIX: <sys/mman.h> has it hidden */
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#define USABLE(p) malloc_size(p)
#else /* cannot be asked: single blocks are held to a budget, their sum is not */
#define USABLE(p) ((void)(p), (size_t)0)
#endif

static _Thread_local long fail_after = -1;
static _Thread_local long counted;
_Thread_local unsigned imr_mem_refused;

/* ---- the budget ---- */

#define COUNTED 4096 /* bytes: smaller blocks are not worth the time */

_Thread_local imr_budget *imr_budget_now;
uint64_t imr_budget_said;

/* Files are shorter than 2^57 bytes. */
static uint64_t by_size(uint64_t files)
{
    return IMR_BUDGET_FREE + IMR_BUDGET_TIMES * files;
}

void imr_budget_add(imr_budget *b, uint64_t bytes)
{
    if (!b || b->sealed)
        return;
    imr_budget_add(b->outer, bytes);
    const uint64_t own = by_size(b->files += bytes);
    uint64_t most = UINT64_MAX;
#ifdef _SC_PHYS_PAGES
    most = (uint64_t)sysconf(_SC_PHYS_PAGES) / 2 * (uint64_t)sysconf(_SC_PAGESIZE);
#endif
    b->allowed = imr_budget_said ? imr_budget_said : own < most ? own : most;
    if (b->outer && b->allowed > b->outer->allowed - b->outer->used)
        b->allowed = b->outer->allowed - b->outer->used;
}

void imr_budget_open(imr_budget *b, const char *what)
{
    *b = (imr_budget){.what = what, .outer = imr_budget_now};
    imr_budget_add(imr_budget_now = b, 0);
}

void imr_budget_close(imr_budget *b)
{
    imr_budget_now = b->outer;
    if (b->outer)
        b->outer->used += b->used;
}

bool imr_budget_allows(uint64_t bytes)
{
    imr_budget *b = imr_budget_now;
    if (!b || b->used + bytes <= b->allowed)
        return true;
    b->refused = b->used + bytes;
    return false;
}

static imr_status too_much(const imr_budget *b, imr_error *err)
{
    return imr_fail(err, IMR_E_BUDGET,
                    "%.300s takes %.1f MB or more for %.1f MB of files, allowed are %.1f MB: if "
                    "you trust it, allow more with --max-memory SIZE",
                    b->what, (double)b->refused / 1e6, (double)b->files / 1e6,
                    (double)b->allowed / 1e6);
}

imr_status imr_budget_fail(imr_error *err)
{
    const imr_budget *b = imr_budget_now;
    while (b && !b->refused)
        b = b->outer;
    return b ? too_much(b, err) : IMR_OK;
}

imr_status imr_budget_disk(const char *what, uint64_t made, uint64_t from, imr_error *err)
{
    const uint64_t most = imr_budget_said > by_size(from) ? imr_budget_said : by_size(from);
    const imr_budget b = {what, from, most, 0, made, false, NULL};
    return made <= most ? IMR_OK : too_much(&b, err);
}

/* A block that was taken. */
static void *took(void *p, size_t bytes)
{
    if (imr_budget_now && p && bytes >= COUNTED)
        imr_budget_now->used += USABLE(p);
    imr_mem_refused += !p;
    return p;
}

/* One that is about to be given back. */
static void *gives(void *p)
{
    const uint64_t n = imr_budget_now && p ? USABLE(p) : 0;
    if (n >= COUNTED)
        imr_budget_now->used -= n < imr_budget_now->used ? n : imr_budget_now->used;
    return p;
}

/* ---- allocation ---- */

static bool refuse(size_t count, size_t size)
{
    counted++;
    const bool none =
        fail_after == 0 ||
        (size != 0 && (count > SIZE_MAX / 2 / size ||
                       (count * size >= COUNTED && !imr_budget_allows(count * size))));
    if (fail_after >= 0)
        fail_after--;
    imr_mem_refused += none;
    return none;
}

void imr_mem_fail_after(long n)
{
    fail_after = n;
    counted = 0;
}

long imr_mem_count(void)
{
    return counted;
}

void *imr_alloc(size_t count, size_t size)
{
    return imr_realloc(NULL, count, size);
}

void *imr_calloc(size_t count, size_t size)
{
    if (refuse(count, size))
        return NULL;
    return took(calloc(count ? count : 1, size ? size : 1), count * size);
}

void *imr_realloc(void *old, size_t count, size_t size)
{
    if (refuse(count, size))
        return NULL;
    size_t bytes = count * size;
    void *p = realloc(gives(old), bytes ? bytes : 1);
    return took(p, bytes);
}

/* *bytes: a multiple of align. */
static void *aligned(size_t *bytes, size_t count, size_t size, size_t align)
{
    void *p = NULL;
    *bytes = (count * size + align - 1) / align * align;
    *bytes = *bytes ? *bytes : align;
    return posix_memalign(&p, align, *bytes) == 0 ? took(p, *bytes) : NULL;
}

void *imr_alloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    void *p = refuse(count, size) ? NULL : aligned(&bytes, count, size, 64);
    return p ? memset(p, 0, bytes) : NULL;
}

void *imr_alloc_large(size_t count, size_t size)
{
    const size_t page = (size_t)1 << 21;
    size_t bytes;
    if (refuse(count, size))
        return NULL;
    const bool large = count * size >= page / 2;
    void *p = aligned(&bytes, count, size, large ? page : 64);
#ifdef MADV_HUGEPAGE
    if (p && large) { /* as good as it goes */
        (void)madvise(p, bytes, MADV_HUGEPAGE);
        (void)madvise(p, bytes, MADV_DONTNEED); /* small pages left from what was freed here */
    }
#endif
    return p;
}

char *imr_strndup(const char *text, size_t n)
{
    size_t len = strnlen(text, n);
    char *copy = imr_alloc(len + 1, 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *imr_strdup(const char *text)
{
    return imr_strndup(text, strlen(text));
}

void imr_free(void *p)
{
    free(gives(p));
}

void imr_free_all(void *const *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        imr_free(p[i]);
}

void imr_free_ptr(void *pointer_to_pointer)
{
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof p);
    imr_free(p);
}
