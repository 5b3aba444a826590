/* Compiled once per instruction set by src/math/meson.build, with IMR_SIEVE naming the table. */
#include <math.h>
#include <stdbool.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "math/sieve.h"

#ifdef __AVX512F__

#define NAME "avx512"
enum { LANES = 16 };

/* The first n lanes. */
static inline __mmask16 lanes(size_t n)
{
    return (__mmask16)((1u << (n < LANES ? n : LANES)) - 1);
}

static size_t outside(uint32_t *at, const float *v, size_t n, float low, float high)
{
    const __m512 least = _mm512_set1_ps(low), most = _mm512_set1_ps(high);
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t found = 0;
    for (size_t i = 0; i < n; i += LANES) {
        const __mmask16 valid = lanes(n - i);
        const __m512 x = _mm512_maskz_loadu_ps(valid, v + i);
        const unsigned out = _mm512_mask_cmp_ps_mask(valid, x, most, _CMP_GT_OQ) |
                             _mm512_mask_cmp_ps_mask(valid, x, least, _CMP_LT_OQ);
        if (!out)
            continue;
        const __m512i place = _mm512_add_epi32(first, _mm512_set1_epi32((int)i));
        const unsigned count = (unsigned)__builtin_popcount(out);
        _mm512_mask_storeu_epi32(at + found, lanes(count),
                                 _mm512_maskz_compress_epi32((__mmask16)out, place));
        found += count;
    }
    return found;
}

static size_t sizes(float *size, uint8_t *at, const float *v, const float *mean,
                    const float *inverse, const uint8_t *skip, size_t n, float slack, float least)
{
    const __m512 wide = _mm512_set1_ps(slack), bar = _mm512_set1_ps(least);
    const __m512i first = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t found = 0;
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 valid = lanes(n - i);
        const __m512 x = _mm512_maskz_loadu_ps(valid, v + i);
        const __m512 mu = _mm512_maskz_loadu_ps(valid, mean + i);
        const __m512 by = _mm512_maskz_loadu_ps(valid, inverse + i);
        const __m512 z = _mm512_abs_ps(_mm512_mul_ps(_mm512_sub_ps(x, mu), by));
        const __m512 most = _mm512_add_ps(z, _mm512_mul_ps(wide, by));
        if (skip) {
            const __m128i out = _mm_maskz_loadu_epi8(valid, skip + i);
            valid = _mm_mask_testn_epi8_mask(valid, out, out);
        }
        const __mmask16 kept = _mm512_mask_cmp_ps_mask(valid, most, bar, _CMP_GE_OQ);
        const unsigned count = (unsigned)__builtin_popcount(kept);
        const __m512i place = _mm512_add_epi32(first, _mm512_set1_epi32((int)i));
        const __m512 sizes_kept = _mm512_maskz_compress_ps(kept, z);
        const __m128i at_kept = _mm512_cvtepi32_epi8(_mm512_maskz_compress_epi32(kept, place));
        /* Whole registers where they fit: what lies behind is written again, or not read. */
        if (found + LANES <= n) {
            _mm512_storeu_ps(size + found, sizes_kept);
            _mm_storeu_si128((__m128i *)(void *)(at + found), at_kept);
        } else {
            _mm512_mask_storeu_ps(size + found, lanes(count), sizes_kept);
            _mm_mask_storeu_epi8(at + found, lanes(count), at_kept);
        }
        found += count;
    }
    return found;
}

#else

#ifdef __AVX2__
#define NAME "avx2"
#else
#define NAME "plain"
#endif

/* Looked at together. */
enum { CHUNK = 32 };

static inline bool is_outside(float v, float low, float high)
{
    return (v > high) | (v < low);
}

static size_t outside(uint32_t *at, const float *v, size_t n, float low, float high)
{
    size_t found = 0;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t end = n - first < CHUNK ? n : first + CHUNK;
        int any = end - first < CHUNK;
        if (!any) {
#pragma omp simd reduction(| : any)
            for (size_t i = 0; i < CHUNK; i++)
                any |= is_outside(v[first + i], low, high);
        }
        for (size_t i = first; any && i < end; i++)
            if (is_outside(v[i], low, high))
                at[found++] = (uint32_t)i;
    }
    return found;
}

/* Which are kept is noise, so each is written, over the last one when that was not kept. */
static size_t sizes(float *size, uint8_t *at, const float *v, const float *mean,
                    const float *inverse, const uint8_t *skip, size_t n, float slack, float least)
{
    size_t found = 0;
    for (size_t first = 0; first < n; first += CHUNK) {
        const size_t count = n - first < CHUNK ? n - first : CHUNK;
        float z[CHUNK], most[CHUNK];
#pragma omp simd
        for (size_t i = 0; i < count; i++) {
            z[i] = fabsf((v[first + i] - mean[first + i]) * inverse[first + i]);
            most[i] = z[i] + slack * inverse[first + i];
        }
        for (size_t i = 0; i < count; i++) {
            size[found] = z[i];
            at[found] = (uint8_t)(first + i);
            found += (most[i] >= least) & !(skip && skip[first + i]);
        }
    }
    return found;
}

#endif

extern const imr_sieve IMR_SIEVE;
const imr_sieve IMR_SIEVE = {NAME, outside, sizes};
