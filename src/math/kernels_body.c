/*
 * Compiled once per instruction set by src/math/meson.build, with IMR_KERNELS naming the table.
 * Vectors are the compiler's, so that one text serves every set; with -ffp-contract=fast it fuses
 * their products and sums where the set can.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif
#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC
#include <arm_neon.h>
#endif

#include "math/kernels.h"

/* Sums, two operands and a broadcast must fit the registers: 32 of them, or 16. */
#if defined(__AVX512F__)
#ifdef __AVX512BF16__
#define NAME     "avx512bf16"
#define HAS_BF16 true
#else
#define NAME "avx512"
#endif
#define TALL
enum { LANES = 16, ROWS = 12 };
#elif defined(__AVX2__)
#define NAME "avx2"
enum { LANES = 8, ROWS = 6 };
#else
#ifdef __ARM_FEATURE_BF16_VECTOR_ARITHMETIC
#define NAME     "neonbf16"
#define HAS_BF16 true
#else
#define NAME "plain"
#endif
#if defined(__aarch64__)
#define TALL
enum { LANES = 4, ROWS = 12 };
#else
enum { LANES = 4, ROWS = 6 };
#endif
#endif
enum { COLS = 2 * LANES };
#ifndef HAS_BF16
#define HAS_BF16 false
#endif

_Static_assert(ROWS <= IMR_KERNEL_MOST_ROWS && COLS <= IMR_KERNEL_MOST_COLS, "header says so");

/* ---- products ---- */

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static inline lanes load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, lanes v)
{
    memcpy(p, &v, sizeof v);
}

#define ROWS_1(F)  F(0)
#define ROWS_2(F)  ROWS_1(F) F(1)
#define ROWS_3(F)  ROWS_2(F) F(2)
#define ROWS_4(F)  ROWS_3(F) F(3)
#define ROWS_5(F)  ROWS_4(F) F(4)
#define ROWS_6(F)  ROWS_5(F) F(5)
#define ROWS_7(F)  ROWS_6(F) F(6)
#define ROWS_8(F)  ROWS_7(F) F(7)
#define ROWS_9(F)  ROWS_8(F) F(8)
#define ROWS_10(F) ROWS_9(F) F(9)
#define ROWS_11(F) ROWS_10(F) F(10)
#define ROWS_12(F) ROWS_11(F) F(11)

#define BEGIN(i) lanes low##i = low, high##i = high;
#define END(i)                                                                                     \
    {                                                                                              \
        float *c = t->c + (i)*t->c_stride;                                                         \
        store(c, t->add ? load(c) + low##i : low##i);                                              \
        store(c + LANES, t->add ? load(c + LANES) + high##i : high##i);                            \
    }

/* b is read once, in order, from memory when rows are few: asked for this many cells ahead, about a
 * memory's delay. */
enum { AHEAD = 512, LINE = 16 };

/* A name for each sum instead of an array, which compilers would keep in memory. Three rows share a
 * pointer: addresses take [pointer + stride] and [pointer + 2 stride] for free, so pointers and
 * strides fit the registers. */
#define TILE(name, cell, wide, STEP, n)                                                            \
    static void name##_##n(const imr_tile *t)                                                      \
    {                                                                                              \
        const size_t stride = t->a_stride;                                                         \
        const cell *a = t->a, *b = t->b, *from[((n) + 2) / 3];                                     \
        for (size_t i = 0; i < ((n) + 2) / 3; i++)                                                 \
            from[i] = a + 3 * i * stride;                                                          \
        lanes low = {0}, high = {0};                                                               \
        if (t->first) {                                                                            \
            low = load(t->first);                                                                  \
            high = load(t->first + LANES);                                                         \
        }                                                                                          \
        ROWS_##n(BEGIN);                                                                           \
        for (size_t k = t->inner; k > 0; k--) {                                                    \
            wide left, right;                                                                      \
            memcpy(&left, b, sizeof left);                                                         \
            memcpy(&right, b + LANES, sizeof right);                                               \
            for (size_t i = 0; i < COLS; i += LINE)                                                \
                __builtin_prefetch((const void *)((uintptr_t)(b + i) + AHEAD * sizeof *b));        \
            b += COLS;                                                                             \
            ROWS_##n(STEP);                                                                        \
            for (size_t i = 0; i < ((n) + 2) / 3; i++)                                             \
                from[i]++;                                                                         \
        }                                                                                          \
        ROWS_##n(END)                                                                              \
    }

#ifdef TALL
#define TILES(T) T(1) T(2) T(3) T(4) T(5) T(6) T(7) T(8) T(9) T(10) T(11) T(12)
#else
#define TILES(T) T(1) T(2) T(3) T(4) T(5) T(6)
#endif

#define FLOAT_STEP(i)                                                                              \
    {                                                                                              \
        const float x = from[(i) / 3][(i) % 3 * stride];                                           \
        low##i += x * left;                                                                        \
        high##i += x * right;                                                                      \
    }
#define FLOAT_TILE(n) TILE(tile, float, lanes, FLOAT_STEP, n)
#define FLOAT_NAME(n) tile_##n,
TILES(FLOAT_TILE)

static void tile(const imr_tile *t)
{
    static void (*const by_rows[ROWS])(const imr_tile *) = {TILES(FLOAT_NAME)};
    by_rows[t->rows - 1](t);
}

/* ---- products of bfloat16 ---- */

typedef uint32_t pairs __attribute__((vector_size(LANES * sizeof(uint32_t))));

/* sum + x w, both numbers of each pair; the first is the lower half. */
static inline lanes add_pairs(lanes sum, pairs x, pairs w)
{
#ifdef __AVX512BF16__
    return (lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)w);
#elif defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
    return (lanes)vbfdotq_f32((float32x4_t)sum, (bfloat16x8_t)x, (bfloat16x8_t)w);
#else
    sum += (lanes)(x << 16) * (lanes)(w << 16);
    return sum + (lanes)(x & 0xffff0000u) * (lanes)(w & 0xffff0000u);
#endif
}

#define PAIR_STEP(i)                                                                               \
    {                                                                                              \
        const pairs x = from[(i) / 3][(i) % 3 * stride] - (pairs){0};                              \
        low##i = add_pairs(low##i, x, left);                                                       \
        high##i = add_pairs(high##i, x, right);                                                    \
    }
#define PAIR_TILE(n) TILE(tile_pairs, uint32_t, pairs, PAIR_STEP, n)
#define PAIR_NAME(n) tile_pairs_##n,
TILES(PAIR_TILE)

static void tile_pairs(const imr_tile *t)
{
    static void (*const by_rows[ROWS])(const imr_tile *) = {TILES(PAIR_NAME)};
    by_rows[t->rows - 1](t);
}

/* To the nearest, ties to even; NaN stays NaN. */
static inline uint32_t bfloat16(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded;
}

static void to_pairs(uint32_t *out, const float *v, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n / 2; i++)
        out[i] = bfloat16(v[2 * i]) | bfloat16(v[2 * i + 1]) << 16;
    if (n % 2)
        out[n / 2] = bfloat16(v[n - 1]);
}

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
static inline float gelu_of(float x)
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

static void gelu(float *v, size_t stride, size_t rows, size_t cols)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = v + i * stride;
#pragma omp simd
        for (size_t j = 0; j < cols; j++)
            row[j] = gelu_of(row[j]);
    }
}

static float softmax(float *v, size_t n, float scale)
{
    float most = v[0], sum = 0;
#pragma omp simd reduction(max : most)
    for (size_t j = 0; j < n; j++)
        most = v[j] > most ? v[j] : most;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++) {
        v[j] = exp_negative(scale * (v[j] - most));
        sum += v[j];
    }
    return 1.0f / sum;
}

/* ---- rows ---- */

static void norm(float *v, size_t n, const float *gain, const float *shift, double eps)
{
    double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i];
    double mean = sum / (double)n;
#pragma omp simd reduction(+ : squares)
    for (size_t i = 0; i < n; i++)
        squares += ((double)v[i] - mean) * ((double)v[i] - mean);
    double inverse = 1.0 / sqrt(squares / (double)n + eps);
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(((double)v[i] - mean) * inverse) * gain[i] + shift[i];
}

static void scale(float *out, const float *v, size_t n, float factor)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = factor * v[i];
}

extern const imr_kernels IMR_KERNELS;
const imr_kernels IMR_KERNELS = {NAME,     ROWS, COLS, HAS_BF16, tile, tile_pairs,
                                 to_pairs, gelu, norm, softmax,  scale};
