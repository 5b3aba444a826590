#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <asm/mman.h>

int madvise(void *address, size_t length, int advice); /* not POSIX: <sys/mman.h> has it hidden */
#endif

static _Thread_local long fail_after = -1;
static _Thread_local long counted;

static bool refuse(size_t count, size_t size)
{
    counted++;
    if (fail_after == 0) {
        fail_after = -1;
        return true;
    }
    if (fail_after > 0)
        fail_after--;
    return size != 0 && count > SIZE_MAX / 2 / size;
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
    return calloc(count ? count : 1, size ? size : 1);
}

void *imr_realloc(void *old, size_t count, size_t size)
{
    if (refuse(count, size))
        return NULL;
    size_t bytes = count * size;
    return realloc(old, bytes ? bytes : 1);
}

/* *bytes: a multiple of align. */
static void *aligned(size_t *bytes, size_t count, size_t size, size_t align)
{
    void *p = NULL;
    *bytes = (count * size + align - 1) / align * align;
    *bytes = *bytes ? *bytes : align;
    return posix_memalign(&p, align, *bytes) == 0 ? p : NULL;
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
    free(p);
}

void imr_free_ptr(void *pointer_to_pointer)
{
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof p);
    free(p);
}
