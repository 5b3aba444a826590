/*
 * base/scratch.h - tables that grow with a collection, in memory or in the pages of a file.
 *
 * Large tables of an imr_scratch are files without a name in a folder, mapped shared: the kernel
 * writes their pages out when memory is wanted and takes them in again, so the process needs room
 * on the disk instead of memory. Room is asked for before it is handed out, so that a full disk is
 * an error here and never a fault later. The files go with the process, however it ends. Tables
 * below IMR_SCRATCH_LEAST bytes are ordinary memory; without a scratch (NULL) all are.
 *
 * A table must be given back to the scratch it came from, before that is closed.
 * Threads: one at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/array.h"
#include "base/error.h"

#define IMR_SCRATCH_LEAST ((size_t)128 << 10)
/* What the files are called for the moment before they lose their names. */
#define IMR_SCRATCH_NAME ".imrnn-tables-"

typedef struct imr_scratch imr_scratch;

/* In the folder `path`, or in the nearest one above it that exists. */
imr_status imr_scratch_open(imr_scratch **out, const char *path, imr_error *err);
void imr_scratch_close(imr_scratch *s); /* NULL is fine */
IMR_FREE_AT(imr_scratch, imr_scratch_close)

/* Zeroed; NULL when there is no room (imr_scratch_fail says of what). */
void *imr_scratch_alloc(imr_scratch *s, size_t count, size_t size) IMR_NODISCARD;
/* old (may be NULL) stays valid on failure; what is behind old_count items is not zeroed. */
void *imr_scratch_realloc(imr_scratch *s, void *old, size_t old_count, size_t count,
                          size_t size) IMR_NODISCARD;
void imr_scratch_free(imr_scratch *s, void *p); /* NULL is fine */

/* Returns the error behind the last NULL: IMR_E_IO names folder and reason, else IMR_E_MEMORY. */
imr_status imr_scratch_fail(const imr_scratch *s, imr_error *err);

/* IMR_GROW and IMR_PUSH (base/array.h) for an IMR_ARRAY whose v comes from a scratch. */
#define IMR_SCRATCH_GROW(s, a, more)                                                               \
    imr_scratch_grow((s), &(a)->v, (a)->n, &(a)->cap, (more), sizeof *(a)->v)
#define IMR_SCRATCH_PUSH(s, a, ...)                                                                \
    (IMR_SCRATCH_GROW(s, a, 1) ? ((a)->v[(a)->n++] = (__VA_ARGS__), true) : false)
