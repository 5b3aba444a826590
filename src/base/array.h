/*
 * base/array.h - typed growable arrays.
 *
 *   IMR_ARRAY(int32_t) ids = {0};           struct { int32_t *v; size_t n, cap; }
 *   if (!IMR_PUSH(&ids, 7)) return imr_fail_memory(err);
 *   imr_free(ids.v);
 *
 * IMR_PUSH copies the value, returns false when memory ran out (the array stays as it was).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define IMR_ARRAY(type)                                                                            \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }

/* Room for `more` further items (base/scratch.c; s may be NULL). p: address of the array's v. */
struct imr_scratch;
bool imr_scratch_grow(struct imr_scratch *s, void *p, size_t n, size_t *cap, size_t more,
                      size_t size);

static inline bool imr_array_grow(void *p, size_t n, size_t *cap, size_t more, size_t size)
{
    return n + more <= *cap || imr_scratch_grow(NULL, p, n, cap, more, size);
}

#define IMR_GROW(a, more) imr_array_grow(&(a)->v, (a)->n, &(a)->cap, (more), sizeof *(a)->v)
#define IMR_PUSH(a, ...)  (IMR_GROW(a, 1) ? ((a)->v[(a)->n++] = (__VA_ARGS__), true) : false)
