#include "encoder/layer.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/attr.h"

/* Values to touch before threads pay for being woken. */
#define WORTH_THREADS ((size_t)1 << 16)

/* ---- exp and gelu ---- */

/* given <= 0; what is not finite gives NaN. e^x = 2^k e^r with |r| <= ln 2 / 2; Taylor's series of
 * e^r up to r^7 / 7!, whose first term left out is below 6e-9. ln 2 is split so that k times its
 * first part is exact. */
static inline float exp_negative(float given)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float x = given > -87.0f ? given : -87.0f;
    float k = (x * 1.44269504088896341f + round) - round;
    float r = (x - k * 0.693145751953125f) - k * 1.42860682030941723e-6f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits = ((int32_t)k + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale + (given - given);
}

/* The normal distribution's tail beyond |x| is erfc(|x| / sqrt 2) / 2, which 7.1.26 gives directly:
 * no digits are lost on the negative side. */
static inline float gelu(float x)
{
    float z = fabsf(x) * 0.70710678118654752f;
    float t = 1.0f / (1.0f + 0.3275911f * z);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float tail = 0.5f * t * p * exp_negative(-z * z);
    return x * (x < 0 ? tail : 1.0f - tail);
}

IMR_CPU_CLONES
static void gelu_row(float *v, size_t cols, const float *bias)
{
#pragma omp simd
    for (size_t i = 0; i < cols; i++)
        v[i] = gelu(v[i] + bias[i]);
}

void imr_layer_gelu(float *v, size_t rows, size_t cols, const float *bias)
{
#pragma omp parallel for schedule(static) if (rows * cols > WORTH_THREADS)
    for (size_t i = 0; i < rows; i++)
        gelu_row(v + i * cols, cols, bias);
}

/* ---- layer normalisation ---- */

IMR_CPU_CLONES
static void norm_row(float *out, size_t n, const imr_layer_norm *norm)
{
    double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)out[i];
    double mean = sum / (double)n;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++)
        squares += ((double)out[i] - mean) * ((double)out[i] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + norm->eps);
    const float *gain = norm->gain, *shift = norm->shift;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(((double)out[i] - mean) * inverse) * gain[i] + shift[i];
}

void imr_layer_norm_row(float *out, const float *a, const float *b, const float *c, size_t cols,
                        const imr_layer_norm *norm)
{
    for (size_t i = 0; i < cols; i++)
        out[i] = c ? a[i] + (b[i] + c[i]) : a[i] + b[i];
    norm_row(out, cols, norm);
}

void imr_layer_add_norm(float *x, const float *y, const float *bias, size_t rows, size_t cols,
                        const imr_layer_norm *norm)
{
#pragma omp parallel for schedule(static) if (rows * cols > WORTH_THREADS)
    for (size_t i = 0; i < rows; i++)
        imr_layer_norm_row(x + i * cols, x + i * cols, y + i * cols, bias, cols, norm);
}

/* ---- attention ---- */

enum {
    LANES = 16, /* columns of a tile: one vector of AVX-512, two of AVX2 */
    TILE = 6,   /* rows of a tile: its sums and operands fill the sixteen registers of AVX2 */
    BLOCK = 12  /* queries at a time: their scores stay in the first-level cache */
};

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static size_t padded(size_t n)
{
    return (n + LANES - 1) / LANES * LANES;
}

/* c [TILE,cols] = a [TILE,inner] b [inner,cols]; cols is a multiple of LANES. */
IMR_CPU_CLONES
static void product(float *c, size_t cols, const float *a, size_t a_stride, const float *b,
                    size_t inner)
{
    for (size_t j = 0; j < cols; j += LANES) {
        /* Six names instead of an array, which gcc 12 would keep in memory. */
        lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0};
        for (size_t k = 0; k < inner; k++) {
            lanes row;
            memcpy(&row, b + k * cols + j, sizeof row);
            s0 += a[k] * row;
            s1 += a[a_stride + k] * row;
            s2 += a[2 * a_stride + k] * row;
            s3 += a[3 * a_stride + k] * row;
            s4 += a[4 * a_stride + k] * row;
            s5 += a[5 * a_stride + k] * row;
        }
        memcpy(c + j, &s0, sizeof s0);
        memcpy(c + cols + j, &s1, sizeof s1);
        memcpy(c + 2 * cols + j, &s2, sizeof s2);
        memcpy(c + 3 * cols + j, &s3, sizeof s3);
        memcpy(c + 4 * cols + j, &s4, sizeof s4);
        memcpy(c + 5 * cols + j, &s5, sizeof s5);
    }
}

/* v[j] = e^(v[j] - max v); returns 1 / their sum. */
IMR_CPU_CLONES
static float softmax_row(float *v, size_t n)
{
    float most = v[0], sum = 0;
#pragma omp simd reduction(max : most)
    for (size_t j = 0; j < n; j++)
        most = v[j] > most ? v[j] : most;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        v[j] = exp_negative(v[j] - most);
        sum += v[j];
    }
    return 1.0f / sum;
}

/* One sequence's keys, values and the working rows of a block, all within a thread's scratch. */
typedef struct bench {
    float *keys;    /* [width, padded(n)]: transposed */
    float *values;  /* [n, padded(width)] */
    float *queries; /* [BLOCK, width] */
    float *scores;  /* [BLOCK, padded(n)] */
    float *sums;    /* [BLOCK, padded(width)] */
} bench;

size_t imr_layer_scratch(size_t longest, size_t width)
{
    size_t n = padded(longest), w = padded(width);
    return padded(width * n + longest * w + BLOCK * (w + n + w));
}

static bench lay_out(float *at, size_t n, size_t width)
{
    bench b;
    b.keys = at;
    b.values = b.keys + width * padded(n);
    b.scores = b.values + n * padded(width);
    b.sums = b.scores + BLOCK * padded(n);
    b.queries = b.sums + BLOCK * padded(width);
    return b;
}

/* out = (x + bias) * scale */
IMR_CPU_CLONES
static void copy_row(float *out, const float *x, const float *bias, float scale, size_t n)
{
#pragma omp simd
    for (size_t k = 0; k < n; k++)
        out[k] = (x[k] + bias[k]) * scale;
}

static void pack(const bench *b, const imr_attention *a, size_t start, size_t n, size_t head)
{
    size_t width = a->width, hidden = a->heads * width, at = head * width;
    size_t columns = padded(n), w = padded(width);
    const float *key_bias = a->bias + hidden + at, *value_bias = a->bias + 2 * hidden + at;
    /* Sixteen tokens at a time: their rows stay in the first-level cache while their columns are
     * written. */
    for (size_t j = 0; j < n; j += LANES) {
        const float *keys = a->qkv + (start + j) * 3 * hidden + hidden + at;
        size_t some = n - j < LANES ? n - j : LANES;
        for (size_t k = 0; k < width; k++) {
            float *to = b->keys + k * columns + j;
            for (size_t l = 0; l < some; l++)
                to[l] = keys[l * 3 * hidden + k] + key_bias[k];
            for (size_t l = some; l < LANES; l++)
                to[l] = 0;
        }
    }
    for (size_t j = 0; j < n; j++) {
        const float *values = a->qkv + (start + j) * 3 * hidden + 2 * hidden + at;
        float *to = b->values + j * w;
        copy_row(to, values, value_bias, 1, width);
        memset(to + width, 0, (w - width) * sizeof *to);
    }
}

/* Queries [first, first+count) of the sequence; count <= BLOCK. */
static void attend_block(float *out, const bench *b, const imr_attention *a, size_t start, size_t n,
                         size_t head, size_t first, size_t count)
{
    size_t width = a->width, hidden = a->heads * width, at = head * width;
    size_t columns = padded(n), w = padded(width);
    float scale = (float)(1 / sqrt((double)width));
    memset(b->queries, 0, BLOCK * width * sizeof *b->queries);
    for (size_t i = 0; i < count; i++) {
        const float *query = a->qkv + (start + first + i) * 3 * hidden + at;
        copy_row(b->queries + i * width, query, a->bias + at, scale, width);
    }
    for (size_t i = 0; i < count; i += TILE)
        product(b->scores + i * columns, columns, b->queries + i * width, width, b->keys, width);
    float inverse[BLOCK];
    for (size_t i = 0; i < count; i++) {
        float *row = b->scores + i * columns;
        if (a->relative) {
            const float *shift =
                a->relative + head * (2 * a->reach - 1) + a->reach - 1 - (first + i);
            for (size_t j = 0; j < n; j++)
                row[j] += shift[j];
        }
        inverse[i] = softmax_row(row, n);
    }
    for (size_t i = 0; i < count; i += TILE)
        product(b->sums + i * w, w, b->scores + i * columns, columns, b->values, n);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++)
            out[(start + first + i) * hidden + at + k] = b->sums[i * w + k] * inverse[i];
}

static size_t thread_number(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}

size_t imr_layer_threads(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_max_threads();
#else
    return 1;
#endif
}

void imr_layer_attention(float *out, const imr_attention *a)
{
    size_t tasks = a->sequences * a->heads, per_thread = imr_layer_scratch(a->longest, a->width);
    IMR_UNUSED size_t work = a->starts[a->sequences] * a->longest * a->heads;
#pragma omp parallel for schedule(dynamic) if (work > WORTH_THREADS)
    for (size_t task = 0; task < tasks; task++) {
        size_t s = task / a->heads, head = task % a->heads;
        size_t start = a->starts[s], n = a->starts[s + 1] - start;
        bench b = lay_out(a->scratch + thread_number() * per_thread, n, a->width);
        pack(&b, a, start, n, head);
        for (size_t first = 0; first < n; first += BLOCK)
            attend_block(out, &b, a, start, n, head, first, n - first < BLOCK ? n - first : BLOCK);
    }
}
