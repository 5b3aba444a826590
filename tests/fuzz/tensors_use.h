/*
 * tests/fuzz/tensors_use.h - reads every element of every tensor of a table, as a caller would.
 */
#pragma once

#include "base/mem.h"
#include "format/tensors.h"
#include "tests/fuzz/fuzz.h"

static inline void use_tensors(const imr_tensors *t)
{
    imr_error err;
    char shape[160];
    uint64_t budget = 1 << 16; /* a view may repeat one element 2^40 times */
    for (size_t i = 0; i < t->n; i++) {
        const imr_tensor *x = &t->v[i];
        must(imr_tensors_find(t, x->name) == x);
        (void)imr_tensor_shape_text(x, shape);
        uint64_t n = imr_tensor_count(x);
        if (n > budget)
            continue;
        budget -= n;
        float *out = imr_alloc((size_t)n, sizeof *out);
        must(out && imr_tensor_to_f32(x, out, &err) == IMR_OK);
        if (x->rank > 0)
            must(imr_tensor_rows_to_f32(x, 0, x->shape[0], out, &err) == IMR_OK);
        imr_free(out);
    }
}
