/*
 * base/half.h - IEEE half precision to float32, exactly, and back; bfloat16 to float32. In C that
 * every compiler turns into vector code. Whole rows: math/matrix.h.
 */
#pragma once

#include <stdint.h>
#include <string.h>

static inline float imr_float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t imr_bits_of_float(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline float imr_bf16_to_f32(uint16_t bits)
{
    return imr_float_of_bits((uint32_t)bits << 16);
}

static inline float imr_f16_to_f32(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = (uint32_t)(bits & 0x7fff) << 13;
    /* Read with float32's exponent bias the value is 2^-112 of what it should be; the product is
     * exact and turns half-precision subnormals into normal numbers. */
    const uint32_t value = imr_bits_of_float(imr_float_of_bits(rest) * 0x1p112f);
    const uint32_t special = (bits & 0x7c00) == 0x7c00 ? 0x7f800000U | rest : value;
    return imr_float_of_bits(sign | special);
}

/* To the nearest, ties to even; from 65520 on infinity; NaN stays NaN. */
static inline uint16_t imr_f32_to_f16(float value)
{
    const uint32_t x = imr_bits_of_float(value), a = x & 0x7fffffff;
    /* Below 2^-14: adding 0.5 rounds at 2^-24, the spacing of subnormals. */
    const uint32_t small = imr_bits_of_float(imr_float_of_bits(a) + 0.5f) - 0x3f000000;
    const uint32_t normal = (a + 0xfff + (a >> 13 & 1) - 0x38000000) >> 13;
    const uint32_t finite = a < 0x38800000 ? small : a < 0x477ff000 ? normal : 0x7c00;
    const uint32_t rest = a > 0x7f800000 ? 0x7e00 | (a >> 13 & 0x3ff) : finite;
    return (uint16_t)((x >> 16 & 0x8000) | rest);
}
