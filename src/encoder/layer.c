#include "encoder/transformer.h"

#include <math.h>

enum { BLOCK = 12 }; /* queries at a time, at most: their scores stay in the first-level cache */

static size_t padded(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* One head of one sequence and the working rows of a block, all within the scratch. */
typedef struct bench {
    const imr_attention *a;
    const float *queries; /* in qkv */
    size_t n, columns;    /* rows of the sequence, and padded */
    size_t width;         /* padded */
    float *keys;          /* panels [width] x [cols] of the transpose, as in math/packed.h */
    float *values;        /* panels [n] x [cols] */
    float *scores;        /* [BLOCK, columns] */
    float *sums;          /* [BLOCK, width] */
} bench;

size_t imr_layer_scratch(const imr_kernels *k, size_t longest, size_t width)
{
    const size_t n = padded(longest, k->cols), w = padded(width, k->cols);
    return width * n + longest * w + BLOCK * (n + w);
}

static bench lay_out(const imr_attention *a, size_t sequence, float *at)
{
    const size_t start = a->starts[sequence], cols = a->kernels->cols;
    bench b = {.a = a, .n = a->starts[sequence + 1] - start};
    b.queries = a->qkv + start * a->stride;
    b.columns = padded(b.n, cols);
    b.width = padded(a->width, cols);
    b.scores = at;
    b.sums = b.scores + BLOCK * b.columns;
    b.keys = b.sums + BLOCK * b.width;
    b.values = b.keys + a->width * b.columns;
    return b;
}

static void pack_keys(const bench *b)
{
    const imr_attention *a = b->a;
    const size_t cols = a->kernels->cols;
    for (size_t j = 0; j < b->n; j += cols) {
        const size_t some = b->n - j < cols ? b->n - j : cols;
        float *to = b->keys + j * a->width;
        if (some < cols)
            memset(to, 0, a->width * cols * sizeof *to);
        for (size_t i = 0; i < some; i++) {
            const float *key = b->queries + a->width + (j + i) * a->stride;
            for (size_t k = 0; k < a->width; k++)
                to[k * cols + i] = key[k];
        }
    }
}

static void pack_values(const bench *b)
{
    const imr_attention *a = b->a;
    const size_t cols = a->kernels->cols;
    const float *values = b->queries + 2 * a->width;
    float *to = b->values;
    for (size_t k = 0; k < a->width; k += cols) {
        const size_t some = a->width - k < cols ? a->width - k : cols;
        for (size_t j = 0; j < b->n; j++, to += cols) {
            memcpy(to, values + j * a->stride + k, some * sizeof *to);
            memset(to + some, 0, (cols - some) * sizeof *to);
        }
    }
}

/* out [count,cols of all panels] = rows [count,inner] panels [inner,cols]; count <= BLOCK. */
static void multiply(float *out, size_t out_stride, const float *rows, size_t stride, size_t count,
                     const float *panels, size_t inner, const imr_kernels *k)
{
    for (size_t j = 0; j < out_stride; j += k->cols) {
        for (size_t i = 0; i < count; i += k->rows) {
            const imr_tile t = {.c = out + i * out_stride + j,
                                .a = rows + i * stride,
                                .b = panels + j * inner,
                                .c_stride = out_stride,
                                .a_stride = stride,
                                .inner = inner,
                                .rows = count - i < k->rows ? count - i : k->rows};
            k->tile(&t);
        }
    }
}

/* Queries [first, first+count) of the sequence, whose results begin at out. */
static void attend_block(float *out, size_t out_stride, const bench *b, size_t first, size_t count)
{
    const imr_attention *a = b->a;
    const imr_kernels *k = a->kernels;
    const float scale = (float)(1 / sqrt((double)a->width));
    multiply(b->scores, b->columns, b->queries + first * a->stride, a->stride, count, b->keys,
             a->width, k);
    float inverse[BLOCK];
    for (size_t i = 0; i < count; i++) {
        float *row = b->scores + i * b->columns;
        if (a->relative) {
            const float *shift = a->relative + a->reach - 1 - (first + i);
            for (size_t j = 0; j < b->n; j++)
                row[j] = scale * row[j] + shift[j];
        }
        inverse[i] = k->softmax(row, b->n, a->relative ? 1 : scale);
    }
    multiply(b->sums, b->width, b->scores, b->columns, count, b->values, b->n, k);
    for (size_t i = 0; i < count; i++)
        k->scale(out + i * out_stride, b->sums + i * b->width, a->width, inverse[i]);
}

void imr_layer_attend(float *out, size_t out_stride, const imr_attention *a, size_t sequence,
                      float *scratch)
{
    const bench b = lay_out(a, sequence, scratch);
    pack_keys(&b);
    pack_values(&b);
    out += a->starts[sequence] * out_stride;
    /* Blocks of equal height, give or take a row. */
    const size_t blocks = (b.n + BLOCK - 1) / BLOCK;
    for (size_t i = 0; i < blocks; i++) {
        const size_t first = b.n * i / blocks, end = b.n * (i + 1) / blocks;
        attend_block(out + first * out_stride, out_stride, &b, first, end - first);
    }
}
