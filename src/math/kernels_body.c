/*
 * Compiled once per instruction set by src/math/meson.build, with IMR_KERNELS naming the table.
 * Vectors are the compiler's, so that one text serves every set; with -ffp-contract=fast it fuses
 * their products and sums where the set can.
 */
#include <math.h>
#include <stdint.h>

#ifdef __SSE2__
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

/* Lanes of a comparison: all bits of those where it holds. */
typedef int32_t holds __attribute__((vector_size(LANES * sizeof(int32_t))));

/* a > b ? a : b, so b where either is NaN. */
static inline lanes larger(lanes a, lanes b)
{
#if defined(__AVX512F__)
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (lanes)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (lanes)_mm_max_ps((__m128)a, (__m128)b);
#else
    const holds when = a > b;
    return (lanes)((when & (holds)a) | (~when & (holds)b));
#endif
}

/* v where its lane's number is below n, else `other`. */
static inline lanes first_lanes(lanes v, size_t n, float other)
{
    static const int32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    holds number;
    memcpy(&number, numbers, sizeof number);
    const holds when = number < (int32_t)n;
    return (lanes)((when & (holds)v) | (~when & (holds)((lanes){0} + other)));
}

typedef float four __attribute__((vector_size(4 * sizeof(float))));

static inline float sum_of(lanes v)
{
    four part[LANES / 4];
    memcpy(part, &v, sizeof v);
    for (size_t i = 1; i < LANES / 4; i++)
        part[0] += part[i];
    return (part[0][0] + part[0][1]) + (part[0][2] + part[0][3]);
}

static inline float largest_of(lanes v)
{
    four part[LANES / 4];
    memcpy(part, &v, sizeof v);
    for (size_t i = 1; i < LANES / 4; i++) {
        const __typeof__(part[i] > part[0]) when = part[i] > part[0];
        part[0] = (four)((when & (__typeof__(when))part[i]) | (~when & (__typeof__(when))part[0]));
    }
    const float low = part[0][0] > part[0][1] ? part[0][0] : part[0][1];
    const float high = part[0][2] > part[0][3] ? part[0][2] : part[0][3];
    return low > high ? low : high;
}

/* 2^x for x up to 0 and a little above; below -125 as at -125. x = k + r with |r| <= 1/2, so r is
 * exact; 2^r is interpolated at Chebyshev's nodes, within 1.1e-7; k is added to the exponent. The
 * only NaN arithmetic makes has no low bits and stays one. */
static inline lanes power_of_two(lanes x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, which the sum's
                                        lowest bits then hold */
    x = larger((lanes){0} - 125.0f, x);
    const lanes sum = x + round, r = x - (sum - round);
    lanes p = 1.33908634e-3f * r + 9.67603192e-3f;
    p = p * r + 5.55035711e-2f;
    p = p * r + 0.240221075f;
    p = p * r + 0.693147188f;
    p = p * r + 1.00000008f;
    return (lanes)((pairs)p + ((pairs)sum << 23));
}

/* x times the normal distribution function, which is 1/2 + x P(x^2) / Q(x^2) within 4.1e-9 where
 * |x| <= 5.3, fitted for the smallest largest error; beyond it is within 6e-8 of 0 or 1. */
static inline lanes gelu_of(lanes x)
{
    const lanes some = -larger((lanes){0} - 5.3f, -x), u = some * some;
    lanes p = 2.40495264e-8f * u + 6.37901652e-6f, q = 1.23714259e-6f * u + 7.13530565e-5f;
    p = p * u + 1.60337862e-4f;
    q = q * u + 1.83659053e-3f;
    p = p * u + 4.62801228e-3f;
    q = q * u + 2.81390377e-2f;
    p = p * u + 3.29361818e-2f;
    q = q * u + 0.249224994f;
    p = p * u + 0.398942254f;
    q = q * u + 1.0f;
    const lanes part = 0.5f + some * p / q;
    return x * (lanes)(~(x < -5.3f) & (holds)part);
}

static void gelu(float *v, size_t stride, size_t rows, size_t cols)
{
    const size_t whole = cols / LANES * LANES;
    for (size_t i = 0; i < rows; i++, v += stride) {
        for (size_t j = 0; j < whole; j += LANES)
            store(v + j, gelu_of(load(v + j)));
        if (whole < cols) {
            float rest[LANES] = {0};
            memcpy(rest, v + whole, (cols - whole) * sizeof *rest);
            store(rest, gelu_of(load(rest)));
            memcpy(v + whole, rest, (cols - whole) * sizeof *rest);
        }
    }
}

static float softmax(float *v, size_t n, float scale)
{
    const float none = -3e38f;
    const size_t last = (n - 1) / LANES * LANES;
    lanes largest = first_lanes(load(v + last), n - last, none);
    store(v + last, largest);
    for (size_t j = 0; j < last; j += LANES)
        largest = larger(load(v + j), largest);
    const float by = scale * 1.44269504f, least = -by * largest_of(largest);
    lanes sum = {0};
    for (size_t j = 0; j <= last; j += LANES) {
        const lanes x = power_of_two(by * load(v + j) + least);
        store(v + j, x);
        sum += x;
    }
    return 1.0f / sum_of(sum);
}

/* ---- rows ---- */

static void norm(float *v, size_t n, const float *gain, const float *shift, double eps)
{
    double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum, squares)
    for (size_t i = 0; i < n; i++) {
        sum += (double)v[i];
        squares += (double)v[i] * (double)v[i];
    }
    /* Doubles hold what the difference loses of floats. */
    const double mean = sum / (double)n, variance = squares / (double)n - mean * mean;
    const double inverse = 1.0 / sqrt((variance > 0 ? variance : 0) + eps), least = -mean * inverse;
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        v[i] = (float)((double)v[i] * inverse + least) * gain[i] + shift[i];
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
