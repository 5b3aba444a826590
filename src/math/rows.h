/*
 * math/rows.h - a borrowed matrix as it is stored: float32 or IEEE half, row-major.
 *
 * What reads every row of a corpus (retrieval/search.h, adapter/sweep.h) takes this type, so that a
 * half-precision store is read as it lies on the disk: the values become float32 in registers.
 * Row i starts at element i*stride. Nothing is owned; copying it copies the view.
 */
#ifndef IMR_MATH_ROWS_H
#define IMR_MATH_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "math/matrix.h"

typedef struct imr_rows {
    const void *v; /* float, or uint16_t when half */
    bool half;
    size_t rows, cols, stride; /* in elements */
} imr_rows;

static inline imr_rows imr_rows_of_view(imr_view m)
{
    return (imr_rows){m.v, false, m.rows, m.cols, m.stride};
}
static inline imr_rows imr_rows_of_matrix(const imr_matrix *m)
{
    return (imr_rows){m->v, false, m->rows, m->cols, m->cols};
}
static inline imr_rows imr_rows_f32(const float *v, size_t rows, size_t cols)
{
    return (imr_rows){v, false, rows, cols, cols};
}
static inline imr_rows imr_rows_f16(const uint16_t *v, size_t rows, size_t cols)
{
    return (imr_rows){v, true, rows, cols, cols};
}
/* Where row i starts, whatever it holds. */
static inline const void *imr_rows_at(imr_rows m, size_t i)
{
    return m.half ? (const void *)((const uint16_t *)m.v + i * m.stride)
                  : (const void *)((const float *)m.v + i * m.stride);
}
/* Rows [first, first+count). */
static inline imr_rows imr_rows_slice(imr_rows m, size_t first, size_t count)
{
    assert(first <= m.rows && count <= m.rows - first);
    return (imr_rows){imr_rows_at(m, first), m.half, count, m.cols, m.stride};
}
/* Of float32 rows only. */
static inline imr_view imr_rows_view(imr_rows m)
{
    assert(!m.half);
    return (imr_view){m.v, m.rows, m.cols, m.stride};
}

/* out[cols] = row i as float32. */
void imr_rows_get(float *out, imr_rows m, size_t i);
/* out[count,cols] = rows [first, first+count) as float32, without gaps. */
void imr_rows_read(float *out, imr_rows m, size_t first, size_t count);
/* out[n] = v[n] as halves. Returns the index of the first that has none (too large, or not finite);
 * n: all have. */
size_t imr_rows_to_half(uint16_t *out, const float *v, size_t n);

#endif
