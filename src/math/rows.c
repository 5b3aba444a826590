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

IMR_CPU_CLONES
static bool narrow(uint16_t *restrict out, const float *restrict from, size_t n)
{
    uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
    for (size_t j = 0; j < n; j++) {
        out[j] = imr_f32_to_f16(from[j]);
        const uint32_t size = out[j] & 0x7fffu;
        largest = size > largest ? size : largest;
    }
    return largest < 0x7c00;
}

size_t imr_rows_to_half(uint16_t *out, const float *v, size_t n)
{
    const size_t piece = (size_t)1 << 14;
    bool good = true;
#pragma omp parallel for schedule(static) reduction(&& : good) if (n > 4 * piece)
    for (size_t i = 0; i < n; i += piece)
        good = narrow(out + i, v + i, n - i < piece ? n - i : piece) && good;
    size_t bad = good ? n : 0;
    while (bad < n && (out[bad] & 0x7c00) != 0x7c00)
        bad++;
    return bad;
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
