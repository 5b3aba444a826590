#include "math/matrix.h"

#include <math.h>
#include <stdint.h>

#include "base/mem.h"

imr_status imr_matrix_init(imr_matrix *m, size_t rows, size_t cols, imr_error *err)
{
    if (cols != 0 && rows > SIZE_MAX / cols)
        return imr_fail_memory(err);
    float *v = imr_alloc_aligned(rows * cols, sizeof *v);
    if (!v)
        return imr_fail_memory(err);
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
