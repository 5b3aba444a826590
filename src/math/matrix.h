/*
 * math/matrix.h - row-major matrices: views of what is borrowed, an owner of what is not.
 *
 * imr_view (float32) and imr_rows (float32 or IEEE half) never own; copying one copies the view.
 * Row i starts at element i*stride. imr_matrix owns 64-byte aligned memory with stride == cols. A
 * vector is a matrix of one row or a plain (pointer, length).
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_view {
    const float *v;
    size_t rows, cols, stride;
} imr_view;

typedef struct imr_matrix {
    float *v;
    size_t rows, cols;
} imr_matrix;

/* Zeroed. IMR_E_MEMORY, also when rows*cols overflows. */
imr_status imr_matrix_init(imr_matrix *m, size_t rows, size_t cols, imr_error *err);
void imr_matrix_done(imr_matrix *m); /* {0} is fine; m is empty again */

static inline imr_view imr_view_of(const float *v, size_t rows, size_t cols)
{
    return (imr_view){v, rows, cols, cols};
}
static inline imr_view imr_matrix_view(const imr_matrix *m)
{
    return (imr_view){m->v, m->rows, m->cols, m->cols};
}
static inline float *imr_matrix_row(const imr_matrix *m, size_t i)
{
    assert(i < m->rows);
    return m->v + i * m->cols;
}
static inline const float *imr_view_row(const imr_view *m, size_t i)
{
    assert(i < m->rows);
    return m->v + i * m->stride;
}

/* Index (row*cols + col) of the first value that is not finite, or rows*cols when all are. */
size_t imr_view_first_bad(imr_view m);

/* ---- as it is stored ----
 *
 * What reads every row of a corpus (retrieval/search.h, adapter/sweep.h) takes this type, so that a
 * half-precision store is read as it lies on the disk: the values become float32 in registers. */

typedef struct imr_rows {
    const void *v; /* float, or uint16_t when half */
    bool half;
    size_t rows, cols, stride; /* in elements */
} imr_rows;

static inline imr_rows imr_rows_of_view(imr_view m)
{
    return (imr_rows){m.v, false, m.rows, m.cols, m.stride};
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
/* The same rows where they lie when they are float32, else read into room [count,cols]. */
imr_view imr_rows_widened(imr_rows m, size_t first, size_t count, float *room);
/* out[n] = v[n] as halves. Returns the index of the first that has none (too large, or not finite);
 * n: all have. */
size_t imr_rows_to_half(uint16_t *out, const float *v, size_t n);
