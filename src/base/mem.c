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
    if (refuse(count, size))
        return NULL;
    size_t bytes = count * size;
    return malloc(bytes ? bytes : 1);
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

void *imr_alloc_aligned(size_t count, size_t size)
{
    if (refuse(count, size))
        return NULL;
    size_t bytes = (count * size + 63) / 64 * 64;
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 64) != 0)
        return NULL;
    memset(p, 0, bytes ? bytes : 64);
    return p;
}

void *imr_alloc_large(size_t count, size_t size)
{
    const size_t page = (size_t)1 << 21;
    if (refuse(count, size))
        return NULL;
    const size_t align = count * size < page / 2 ? 64 : page;
    const size_t bytes = (count * size + align - 1) / align * align;
    void *p = NULL;
    if (posix_memalign(&p, align, bytes ? bytes : align) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (align == page) { /* as good as it goes */
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
