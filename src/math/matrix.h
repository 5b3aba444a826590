/*
 * math/matrix.h - row-major float32 matrices: a view of what is borrowed, an owner of what is not.
 *
 * imr_view never owns; copying it copies the view. Row i starts at v + i*stride. imr_matrix owns
 * 64-byte aligned memory with stride == cols. A vector is a matrix of one row or a plain (pointer,
 * length).
 */
#ifndef IMR_MATH_MATRIX_H
#define IMR_MATH_MATRIX_H

#include <assert.h>
#include <stddef.h>

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
imr_status imr_matrix_init(imr_matrix *m, size_t rows, size_t cols, imr_error *err) IMR_NODISCARD;
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

#endif
