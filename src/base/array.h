/*
 * base/array.h - typed growable arrays.
 *
 *   IMR_ARRAY(int32_t) ids = {0};           struct { int32_t *v; size_t n, cap; }
 *   if (!IMR_PUSH(&ids, 7)) return imr_fail_memory(err);
 *   imr_free(ids.v);
 *
 * IMR_PUSH copies the value, returns false when memory ran out (the array stays as it was).
 */
#ifndef IMR_BASE_ARRAY_H
#define IMR_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

#define IMR_ARRAY(type)                                                                            \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }

/* Room for `more` further items. p: address of the array's v. */
static inline bool imr_array_grow(void *p, size_t n, size_t *cap, size_t more, size_t size)
{
    if (n + more <= *cap)
        return true;
    size_t want = *cap ? *cap * 2 : 16;
    if (want < n + more)
        want = n + more;
    void *old;
    __builtin_memcpy(&old, p, sizeof old);
    void *grown = imr_realloc(old, want, size);
    if (!grown)
        return false;
    __builtin_memcpy(p, &grown, sizeof grown);
    *cap = want;
    return true;
}

#define IMR_GROW(a, more) imr_array_grow(&(a)->v, (a)->n, &(a)->cap, (more), sizeof *(a)->v)
#define IMR_PUSH(a, ...)  (IMR_GROW(a, 1) ? ((a)->v[(a)->n++] = (__VA_ARGS__), true) : false)

#endif
