#include "math/packed.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

imr_status imr_packed_init(imr_packed *out, imr_view w, const imr_kernels *kernels, imr_error *err)
{
    imr_packed p = {.outs = w.rows, .ins = w.cols};
    p.kernels = kernels ? kernels : imr_kernels_at(0);
    const size_t cols = p.kernels->cols;
    p.panels = w.rows / cols + (w.rows % cols != 0);
    if (w.cols && p.panels > SIZE_MAX / cols / w.cols)
        return imr_fail_memory(err);
    p.v = imr_alloc_aligned(p.panels * cols * w.cols, sizeof *p.v); /* zeroed */
    if (!p.v)
        return imr_fail_memory(err);
    for (size_t o = 0; o < w.rows; o++) {
        const float *from = w.v + o * w.stride;
        float *to = p.v + o / cols * cols * w.cols + o % cols;
        for (size_t k = 0; k < w.cols; k++)
            to[k * cols] = from[k];
    }
    *out = p;
    return IMR_OK;
}

void imr_packed_done(imr_packed *p)
{
    imr_free(p->v);
    *p = (imr_packed){0};
}

/* A panel of fewer columns than its tile: through a copy of the tile. */
static void narrow(const imr_tile *tile, const imr_kernels *k, size_t cols)
{
    float out[IMR_KERNEL_MOST_ROWS * IMR_KERNEL_MOST_COLS] = {0};
    float first[IMR_KERNEL_MOST_COLS] = {0};
    imr_tile t = *tile;
    t.c = out;
    t.c_stride = k->cols;
    if (t.first) {
        memcpy(first, t.first, cols * sizeof *first);
        t.first = first;
    }
    for (size_t i = 0; t.add && i < t.rows; i++)
        memcpy(out + i * k->cols, tile->c + i * tile->c_stride, cols * sizeof *out);
    k->tile(&t);
    for (size_t i = 0; i < t.rows; i++)
        memcpy(tile->c + i * tile->c_stride, out + i * k->cols, cols * sizeof *out);
}

void imr_packed_multiply(const imr_packed *w, const imr_product *p, size_t first, size_t last)
{
    const imr_kernels *k = w->kernels;
    assert(first <= last && last <= w->panels);
    if (p->rows == 0)
        return;
    /* Tiles of equal height, give or take a row, rather than a low one at the end. */
    const size_t tiles = (p->rows + k->rows - 1) / k->rows;
    for (size_t panel = first; panel < last; panel++) {
        const size_t at = panel * k->cols, cols = w->outs - at < k->cols ? w->outs - at : k->cols;
        for (size_t i = 0; i < tiles; i++) {
            const size_t row = p->rows * i / tiles, end = p->rows * (i + 1) / tiles;
            const imr_tile t = {.c = p->out + row * p->out_stride + at,
                                .a = p->x + row * p->x_stride,
                                .b = w->v + at * w->ins,
                                .first = p->bias ? p->bias + at : NULL,
                                .c_stride = p->out_stride,
                                .a_stride = p->x_stride,
                                .b_stride = k->cols,
                                .inner = w->ins,
                                .rows = end - row,
                                .add = p->finish == IMR_FINISH_ADD};
            if (cols == k->cols)
                k->tile(&t);
            else
                narrow(&t, k, cols);
            if (p->finish == IMR_FINISH_GELU)
                k->gelu(t.c, t.c_stride, t.rows, cols);
        }
    }
}
