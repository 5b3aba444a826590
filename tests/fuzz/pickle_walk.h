/*
 * tests/fuzz/pickle_walk.h - visits a whole tree, which must end soon and not go deep.
 */
#pragma once

#include <string.h>

#include "format/pickle.h"
#include "tests/fuzz/fuzz.h"

/* *left: how many values may still come; the reader promises a bound, shared values counted. */
static inline void walk(const imr_pickle_value *v, unsigned depth, size_t *left)
{
    must(depth <= IMR_MAX_PICKLE_DEPTH);
    if (*left == 0)
        return; /* the reader's own bound is too large to visit here */
    --*left;
    must(imr_pickle_kind_name(v) != NULL);
    if (v->kind == IMR_PK_STRING || v->kind == IMR_PK_GLOBAL || v->kind == IMR_PK_STORAGE)
        must(strlen(v->text) == v->len);
    if (v->kind == IMR_PK_TENSOR)
        must(v->tensor->rank <= IMR_MAX_TENSOR_RANK && v->tensor->storage->kind == IMR_PK_STORAGE);
    size_t items = v->kind == IMR_PK_DICT                              ? 2 * v->len
                   : v->kind == IMR_PK_LIST || v->kind == IMR_PK_TUPLE ? v->len
                                                                       : 0;
    for (size_t i = 0; i < items; i++)
        walk(v->items[i], depth + 1, left);
}
