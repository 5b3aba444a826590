#include "math/packed.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/team.h"

/* Numbers laid out that are worth a second thread. */
#define WORTH_THREADS ((size_t)1 << 20)

imr_status imr_packed_init(imr_packed *out, imr_view w, imr_precision precision,
                           const imr_kernels *kernels, imr_error *err)
{
    IMR_CLEANUP(imr_packed_done)
    imr_packed p = {.paired = precision == IMR_BFLOAT16, .outs = w.rows, .ins = w.cols};
    p.kernels = kernels ? kernels : imr_kernels_at(0);
    const size_t cols = p.kernels->cols;
    p.cells = p.paired ? w.cols / 2 + w.cols % 2 : w.cols;
    p.panels = w.rows / cols + (w.rows % cols != 0);
    if (p.cells && p.panels > SIZE_MAX / cols / p.cells)
        return imr_fail_memory(err);
    IMR_AUTOFREE uint32_t *rows = imr_alloc_aligned(imr_team_most() * p.cells, sizeof *rows);
    p.v = imr_alloc_aligned(p.panels * cols * p.cells, sizeof *p.v); /* zeroed */
    IMR_NEED(rows && p.v, err);
#pragma omp parallel for if (p.panels * cols * p.cells > WORTH_THREADS)
    for (size_t panel = 0; panel < p.panels; panel++)
        for (size_t o = panel * cols; o < w.rows && o < (panel + 1) * cols; o++) {
            uint32_t *row = rows + imr_team_member() * p.cells;
            uint32_t *to = p.v + panel * cols * p.cells + o % cols;
            if (p.paired)
                p.kernels->to_pairs(row, w.v + o * w.stride, w.cols);
            else if (p.cells)
                memcpy(row, w.v + o * w.stride, p.cells * sizeof *row);
            for (size_t k = 0; k < p.cells; k++)
                to[k * cols] = row[k];
        }
    return IMR_GIVE(out, p);
}

void imr_packed_done(imr_packed *p)
{
    if (!p->lent)
        imr_free(p->v);
    *p = (imr_packed){0};
}

size_t imr_packed_bytes(const imr_packed *p)
{
    const size_t cells = p->kernels ? p->panels * p->kernels->cols * p->cells : 0;
    return (cells * sizeof(float) + 63) / 64 * 64;
}

void imr_packed_move(imr_packed *p, void *place)
{
    imr_packed moved = *p;
    if (p->v)
        moved.v = memcpy(place, p->v, imr_packed_bytes(p));
    moved.lent = true;
    imr_packed_done(p);
    *p = moved;
}

size_t imr_packed_scratch(const imr_packed *w, size_t rows)
{
    return w->paired ? rows * imr_packed_stride(w->cells) : 0;
}

void imr_packed_row(float *out, const imr_packed *w, size_t i)
{
    assert(!w->paired && i < w->outs);
    const size_t cols = w->kernels->cols;
    const uint32_t *from = w->v + i / cols * cols * w->cells + i % cols;
    for (size_t k = 0; k < w->ins; k++)
        memcpy(out + k, from + k * cols, sizeof *out);
}

imr_packed imr_packed_part(const imr_packed *w, size_t first, size_t last)
{
    assert(first <= last && last <= w->panels);
    const size_t at = first * w->kernels->cols, end = last * w->kernels->cols;
    imr_packed part = *w;
    part.outs = (end < w->outs ? end : w->outs) - at;
    part.panels = last - first;
    part.lent = true;
    part.v += at * w->cells;
    return part;
}

/* A panel of fewer columns than its tile: through a copy of the tile. */
static void narrow(const imr_tile *tile, void (*run)(const imr_tile *), size_t width, size_t cols)
{
    float out[IMR_KERNEL_MOST_ROWS * IMR_KERNEL_MOST_COLS] = {0};
    float first[IMR_KERNEL_MOST_COLS] = {0};
    imr_tile t = *tile;
    t.c = out;
    t.c_stride = width;
    if (t.first) {
        memcpy(first, t.first, cols * sizeof *first);
        t.first = first;
    }
    for (size_t i = 0; t.add && i < t.rows; i++)
        memcpy(out + i * width, tile->c + i * tile->c_stride, cols * sizeof *out);
    run(&t);
    for (size_t i = 0; i < t.rows; i++)
        memcpy(tile->c + i * tile->c_stride, out + i * width, cols * sizeof *out);
}

void imr_packed_multiply(const imr_packed *w, const imr_product *p, size_t first, size_t last)
{
    const imr_kernels *k = w->kernels;
    assert(first <= last && last <= w->panels);
    if (p->rows == 0 || first == last)
        return;
    void (*const run)(const imr_tile *) = w->paired ? k->tile_pairs : k->tile;
    const size_t stride = w->paired ? imr_packed_stride(w->cells) : p->x_stride;
    for (size_t i = 0; w->paired && p->x && i < p->rows; i++)
        k->to_pairs(p->scratch + i * stride, p->x + i * p->x_stride, w->ins);
    /* Tiles of equal height, give or take a row, rather than a low one at the end. */
    const size_t tiles = (p->rows + k->rows - 1) / k->rows;
    for (size_t panel = first; panel < last; panel++) {
        const size_t at = panel * k->cols, cols = w->outs - at < k->cols ? w->outs - at : k->cols;
        for (size_t i = 0; i < tiles; i++) {
            const size_t row = p->rows * i / tiles, end = p->rows * (i + 1) / tiles;
            imr_tile t = {.c = p->out + row * p->out_stride + at,
                          .a = w->paired ? (const void *)(p->scratch + row * stride)
                                         : (const void *)(p->x + row * stride),
                          .b = w->v + at * w->cells,
                          .first = p->bias ? p->bias + at : NULL,
                          .c_stride = p->out_stride,
                          .a_stride = stride,
                          .inner = w->cells,
                          .rows = end - row,
                          .add = p->finish == IMR_FINISH_ADD};
            if (cols == k->cols)
                run(&t);
            else
                narrow(&t, run, k->cols, cols);
            if (p->finish == IMR_FINISH_GELU)
                k->gelu(t.c, t.c_stride, t.rows, cols);
        }
    }
}
