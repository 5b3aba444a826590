/*
 * base/mem.h - allocation with overflow checks, a budget for what files may make it take, and a way
 * to make any allocation fail in a test.
 *
 * All engine memory comes from here. Sizes are count * size, checked. NULL means failure (callers
 * return imr_fail_memory). imr_free(NULL) is fine. Memory from imr_alloc_aligned and
 * imr_alloc_large is freed the same way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

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
void imr_free_all(void *const *p, size_t n);
/* Each of them. */
#define IMR_FREE(...)                                                                              \
    imr_free_all((void *[]){__VA_ARGS__}, sizeof((void *[]){__VA_ARGS__}) / sizeof(void *))

/* For __attribute__((cleanup)): frees the pointer the variable holds, or begins with (an array of
 * base/array.h). */
void imr_free_ptr(void *pointer_to_pointer);
#define IMR_AUTOFREE IMR_CLEANUP(imr_free_ptr)

/* The value of a variable, which is zero afterwards: what its cleanup would end is handed on. */
#define IMR_TAKE(variable)                                                                         \
    __extension__({                                                                                \
        __typeof__(variable) imr_taken_ = (variable);                                              \
        memset(&(variable), 0, sizeof(variable));                                                  \
        imr_taken_;                                                                                \
    })
/* return IMR_GIVE(out, made); hands it on to the caller of a function that succeeded. */
#define IMR_GIVE(out, variable) (*(out) = IMR_TAKE(variable), IMR_OK)

#define IMR_NEW(type)          ((type *)imr_calloc(1, sizeof(type)))
#define IMR_NEW_ARRAY(type, n) ((type *)imr_calloc((n), sizeof(type)))

/*
 * What files may make the program take: while a budget is open, the memory this thread takes and
 * does not give back may come to
 *
 *   64 MiB + 64 * (bytes of the files mapped meanwhile), at most half of the machine's memory
 *
 * or to imr_budget_said instead. An allocation beyond that is not made, and imr_fail_memory tells
 * why (IMR_E_BUDGET). Budgets nest, each must allow. Blocks below 4 KiB and those of other threads
 * do not count, older memory that is given back makes room: a budget errs to be lenient.
 */
typedef struct imr_budget {
    const char *what; /* borrowed; for errors */
    uint64_t files, allowed, used;
    uint64_t refused; /* what `used` would have become; 0: nothing was refused */
    bool sealed;      /* what is mapped from now on was made of its files, and adds nothing */
    struct imr_budget *outer;
} imr_budget;

extern _Thread_local imr_budget *imr_budget_now; /* the innermost; NULL: none is open */
extern uint64_t imr_budget_said; /* bytes, for all threads; 0: the formula. Set before the first */

void imr_budget_open(imr_budget *b, const char *what);
void imr_budget_close(imr_budget *b);
/* A budget for the rest of the block. */
#define IMR_BUDGET(what)                                                                           \
    IMR_CLEANUP(imr_budget_close) imr_budget imr_budget_here_;                                     \
    imr_budget_open(&imr_budget_here_, what)
/* A file was mapped (base/file.h says so): counts for b and for those around it. */
void imr_budget_add(imr_budget *b, uint64_t bytes);
bool imr_budget_allows(uint64_t bytes);     /* asked before what is taken in many pieces */
imr_status imr_budget_fail(imr_error *err); /* of what was refused; IMR_OK: nothing was */
/* What is made of `from` bytes for the disk has the same budget, but for the machine's memory. */
imr_status imr_budget_disk(const char *what, uint64_t made, uint64_t from, imr_error *err);

extern _Thread_local unsigned imr_mem_refused; /* allocations that failed, so far */
/* Tests: let `n` more allocations of this thread succeed, then fail one; negative switches off. */
void imr_mem_fail_after(long n);
/* Tests: allocations of this thread since the last call of imr_mem_fail_after. */
long imr_mem_count(void);
