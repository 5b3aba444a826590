#include "math/matrix.h"

#include <math.h>

#include "base/half.h"
#include "base/mem.h"

imr_status imr_matrix_init(imr_matrix *m, size_t rows, size_t cols, imr_error *err)
{
    if (cols != 0 && rows > SIZE_MAX / cols)
        return imr_fail_memory(err);
    float *v = imr_alloc_aligned(rows * cols, sizeof *v);
    IMR_NEED(v, err);
    *m = (imr_matrix){v, rows, cols};
    return IMR_OK;
}

void imr_matrix_done(imr_matrix *m)
{
    imr_free(m->v);
    *m = (imr_matrix){0};
}

size_t imr_view_first_bad(imr_view m)
{
    for (size_t i = 0; i < m.rows; i++) {
        const float *row = m.v + i * m.stride;
        /* x - x is 0 for finite x and NaN otherwise: one sum tells about the whole row. */
        float sum = 0;
        for (size_t j = 0; j < m.cols; j++)
            sum += row[j] - row[j];
        if (sum == 0.0f)
            continue;
        for (size_t j = 0; j < m.cols; j++)
            if (!isfinite(row[j]))
                return i * m.cols + j;
    }
    return m.rows * m.cols;
}

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

imr_view imr_rows_widened(imr_rows m, size_t first, size_t count, float *room)
{
    if (!m.half)
        return imr_rows_view(imr_rows_slice(m, first, count));
    imr_rows_read(room, m, first, count);
    return imr_view_of(room, count, m.cols);
}
