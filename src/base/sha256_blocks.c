#include "base/sha256_blocks.h"

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* ---- in C ---- */

static inline uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* One round with word + constant; the caller renames the variables instead of moving them. */
static inline void one_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e,
                             uint32_t f, uint32_t g, uint32_t *h, uint32_t wk)
{
    uint32_t t = *h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + wk;
    *d += t;
    *h = t + (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));
}

#define WK(i) (w[i] + round_constants[base + (i)])
#define EIGHT(i)                                                                                   \
    do {                                                                                           \
        one_round(a, b, c, &d, e, f, g, &h, WK(i));                                                \
        one_round(h, a, b, &c, d, e, f, &g, WK((i) + 1));                                          \
        one_round(g, h, a, &b, c, d, e, &f, WK((i) + 2));                                          \
        one_round(f, g, h, &a, b, c, d, &e, WK((i) + 3));                                          \
        one_round(e, f, g, &h, a, b, c, &d, WK((i) + 4));                                          \
        one_round(d, e, f, &g, h, a, b, &c, WK((i) + 5));                                          \
        one_round(c, d, e, &f, g, h, a, &b, WK((i) + 6));                                          \
        one_round(b, c, d, &e, f, g, h, &a, WK((i) + 7));                                          \
    } while (0)

void imr_sha256_blocks_plain(uint32_t state[8], const uint8_t *p, size_t count)
{
    for (; count; count--, p += 64) {
        uint32_t w[16];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5],
                 g = state[6], h = state[7];
        for (int i = 0; i < 16; i++)
            w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
                   (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
        for (int base = 0;; base += 16) {
            EIGHT(0);
            EIGHT(8);
            if (base == 48)
                break;
            for (int i = 0; i < 16; i++) { /* the next sixteen words in the place of these */
                uint32_t x = w[(i + 1) % 16], y = w[(i + 14) % 16];
                w[i] += (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[(i + 9) % 16] +
                        (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
            }
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}

/* ---- with instructions for it ---- */

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

/* Four rounds: sha256rnds2 does two with the lower half of w + k, and the two halves of the state
 * change places. */
WITH_SHA static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i w, const uint32_t *k)
{
    const __m128i sum = _mm_add_epi32(w, _mm_loadu_si128((const __m128i *)(const void *)k));
    *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

/* The four words after the sixteen of w0 to w3. */
WITH_SHA static inline __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
    return _mm_sha256msg2_epu32(sum, w3);
}

WITH_SHA static __m128i load_words(const uint8_t *p)
{
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), swap);
}

WITH_SHA static void blocks_native(uint32_t state[8], const uint8_t *p, size_t count)
{
    __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
    __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
    for (; count; count--, p += 64) {
        const __m128i before_abef = abef, before_cdgh = cdgh;
        __m128i w0 = load_words(p), w1 = load_words(p + 16), w2 = load_words(p + 32),
                w3 = load_words(p + 48);
        for (int at = 0;; at += 16) {
            four_rounds(&abef, &cdgh, w0, round_constants + at);
            four_rounds(&abef, &cdgh, w1, round_constants + at + 4);
            four_rounds(&abef, &cdgh, w2, round_constants + at + 8);
            four_rounds(&abef, &cdgh, w3, round_constants + at + 12);
            if (at == 48)
                break;
            w0 = next_words(w0, w1, w2, w3);
            w1 = next_words(w1, w2, w3, w0);
            w2 = next_words(w2, w3, w0, w1);
            w3 = next_words(w3, w0, w1, w2);
        }
        abef = _mm_add_epi32(abef, before_abef);
        cdgh = _mm_add_epi32(cdgh, before_cdgh);
    }
    uint32_t out[8];
    _mm_storeu_si128((__m128i *)(void *)out, abef);
    _mm_storeu_si128((__m128i *)(void *)(out + 4), cdgh);
    static const int place[8] = {5, 4, 1, 0, 7, 6, 3, 2};
    for (int i = 0; i < 8; i++)
        state[place[i]] = out[i];
}

imr_sha256_blocks_fn imr_sha256_blocks_native(void)
{
    enum { SSSE3 = 1 << 9, SSE4_1 = 1 << 19, SHA = 1 << 29 };
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & SSSE3) || !(c & SSE4_1))
        return NULL;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & SHA) ? blocks_native : NULL;
}

/* Where clang hides the intrinsics unless the whole file may use them, it is C. */
#elif defined(__aarch64__) &&                                                                      \
    (defined(__ARM_FEATURE_SHA2) ||                                                                \
     (defined(__linux__) && (!defined(__clang__) || __clang_major__ >= 16)))

#include <arm_neon.h>
#ifdef __ARM_FEATURE_SHA2
#define WITH_SHA
#else
#include <sys/auxv.h>
#define WITH_SHA __attribute__((target("+crypto")))
#endif

WITH_SHA static inline void four_rounds(uint32x4_t *abcd, uint32x4_t *efgh, uint32x4_t w,
                                        const uint32_t *k)
{
    const uint32x4_t sum = vaddq_u32(w, vld1q_u32(k)), before = *abcd;
    *abcd = vsha256hq_u32(*abcd, *efgh, sum);
    *efgh = vsha256h2q_u32(*efgh, before, sum);
}

/* The four words after the sixteen of w0 to w3. */
WITH_SHA static inline uint32x4_t next_words(uint32x4_t w0, uint32x4_t w1, uint32x4_t w2,
                                             uint32x4_t w3)
{
    return vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3);
}

WITH_SHA static inline uint32x4_t load_words(const uint8_t *p)
{
    return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p)));
}

WITH_SHA static void blocks_native(uint32_t state[8], const uint8_t *p, size_t count)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; count; count--, p += 64) {
        const uint32x4_t before_abcd = abcd, before_efgh = efgh;
        uint32x4_t w0 = load_words(p), w1 = load_words(p + 16), w2 = load_words(p + 32),
                   w3 = load_words(p + 48);
        for (int at = 0;; at += 16) {
            four_rounds(&abcd, &efgh, w0, round_constants + at);
            four_rounds(&abcd, &efgh, w1, round_constants + at + 4);
            four_rounds(&abcd, &efgh, w2, round_constants + at + 8);
            four_rounds(&abcd, &efgh, w3, round_constants + at + 12);
            if (at == 48)
                break;
            w0 = next_words(w0, w1, w2, w3);
            w1 = next_words(w1, w2, w3, w0);
            w2 = next_words(w2, w3, w0, w1);
            w3 = next_words(w3, w0, w1, w2);
        }
        abcd = vaddq_u32(abcd, before_abcd);
        efgh = vaddq_u32(efgh, before_efgh);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

imr_sha256_blocks_fn imr_sha256_blocks_native(void)
{
#ifdef __ARM_FEATURE_SHA2
    return blocks_native;
#else
    enum { HAS_SHA2 = 1 << 6 }; /* HWCAP_SHA2 */
    return getauxval(AT_HWCAP) & HAS_SHA2 ? blocks_native : NULL;
#endif
}

#else

imr_sha256_blocks_fn imr_sha256_blocks_native(void)
{
    return NULL;
}

#endif
