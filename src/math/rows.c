#include "math/rows.h"

#include <string.h>

#include "base/attr.h"
#include "base/half.h"

IMR_CPU_CLONES
static void widen(float *restrict out, const uint16_t *restrict from, size_t n)
{
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        out[j] = imr_f16_to_f32(from[j]);
}

void imr_rows_get(float *out, imr_rows m, size_t i)
{
    assert(i < m.rows);
    if (m.half)
        widen(out, imr_rows_at(m, i), m.cols);
    else if (m.cols)
        memcpy(out, imr_rows_at(m, i), m.cols * sizeof *out);
}

void imr_rows_read(float *out, imr_rows m, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        imr_rows_get(out + i * m.cols, m, first + i);
}
