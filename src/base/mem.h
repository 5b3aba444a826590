/*
 * base/mem.h - allocation with overflow checks and a way to make any allocation fail in a test.
 *
 * All engine memory comes from here. Sizes are count * size, checked. NULL means failure (callers
 * return imr_fail_memory). imr_free(NULL) is fine. Memory from imr_alloc_aligned and
 * imr_alloc_large is freed the same way.
 */
#ifndef IMR_BASE_MEM_H
#define IMR_BASE_MEM_H

#include <stddef.h>

#include "base/attr.h"

void *imr_alloc(size_t count,
                size_t size) IMR_NODISCARD; /* uninitialised; never NULL for 0 bytes */
void *imr_calloc(size_t count, size_t size) IMR_NODISCARD; /* zeroed */
void *imr_realloc(void *old, size_t count,
                  size_t size) IMR_NODISCARD;                     /* old stays valid on failure */
void *imr_alloc_aligned(size_t count, size_t size) IMR_NODISCARD; /* 64-byte aligned, zeroed */
/* Uninitialised, for what is gone through again and again. From 1 MB on it begins at a multiple of
 * 2 MB, is as long, and asks the system for pages of that size (transparent huge pages on Linux):
 * the processor remembers where a limited number of pages are. Below it is 64-byte aligned. */
void *imr_alloc_large(size_t count, size_t size) IMR_NODISCARD;
char *imr_strdup(const char *text) IMR_NODISCARD;
char *imr_strndup(const char *text, size_t n) IMR_NODISCARD; /* always terminated */
void imr_free(void *p);

/* For __attribute__((cleanup)): frees the pointer the variable holds. */
void imr_free_ptr(void *pointer_to_pointer);
#define IMR_AUTOFREE IMR_CLEANUP(imr_free_ptr)

#define IMR_NEW(type)          ((type *)imr_calloc(1, sizeof(type)))
#define IMR_NEW_ARRAY(type, n) ((type *)imr_calloc((n), sizeof(type)))

/* Tests: let `n` more allocations of this thread succeed, then fail one; negative switches off. */
void imr_mem_fail_after(long n);
/* Tests: allocations of this thread since the last call of imr_mem_fail_after. */
long imr_mem_count(void);

#endif
