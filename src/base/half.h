/*
 * base/half.h - IEEE half precision to float32, exactly.
 *
 * In C that every compiler turns into vector code; the way back is in format/tensors.h.
 */
#ifndef IMR_BASE_HALF_H
#define IMR_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float imr_half_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline float imr_f16_to_f32(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16, rest = (uint32_t)(bits & 0x7fff) << 13;
    /* Read with float32's exponent bias the value is 2^-112 of what it should be; the product is
     * exact and turns half-precision subnormals into normal numbers. */
    uint32_t value;
    const float scaled = imr_half_of_bits(rest) * 0x1p112f;
    memcpy(&value, &scaled, sizeof value);
    const uint32_t special = (bits & 0x7c00) == 0x7c00 ? 0x7f800000U | rest : value;
    return imr_half_of_bits(sign | special);
}

#endif
