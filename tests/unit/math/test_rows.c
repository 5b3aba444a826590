#include "base/half.h"
#include "format/tensors.h"
#include "math/matrix.h"
#include "tests/support/test.h"

TEST("rows of either precision are read at their place, gaps left out")
{
    enum { ROWS = 7, COLS = 37, STRIDE = 41 };
    float wide[ROWS * STRIDE], got[ROWS * COLS];
    uint16_t half[ROWS * STRIDE];
    for (size_t i = 0; i < ROWS * STRIDE; i++) {
        wide[i] = (float)i / 64 - 2; /* 11 bits: exact in half precision */
        half[i] = imr_f32_to_f16(wide[i]);
    }
    const imr_rows both[2] = {{wide, false, ROWS, COLS, STRIDE}, {half, true, ROWS, COLS, STRIDE}};
    for (size_t kind = 0; kind < 2; kind++) {
        const imr_rows part = imr_rows_slice(both[kind], 2, 4);
        CHECK_INT(part.rows, 4);
        imr_rows_read(got, part, 1, 3);
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < COLS; j++)
                CHECK(got[i * COLS + j] == wide[(i + 3) * STRIDE + j]);
    }
}

TEST("every half-precision number is read as its value, also in bulk")
{
    static uint16_t bits[1 << 16];
    static float got[1 << 16];
    for (uint32_t i = 0; i < 1 << 16; i++)
        bits[i] = (uint16_t)i;
    imr_rows_get(got, imr_rows_f16(bits, 1, 1 << 16), 0);
    for (uint32_t i = 0; i < 1 << 16; i++) {
        const uint32_t exponent = i >> 10 & 31, fraction = i & 1023;
        double value = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent     ? ldexp(1024 + (double)fraction, (int)exponent - 25)
                                      : ldexp((double)fraction, -24);
        value = i & 0x8000 ? -value : value;
        CHECK(isnan(value) ? isnan(got[i]) : (double)got[i] == value);
        CHECK(isnan(value) ? isnan(imr_f16_to_f32(bits[i]))
                           : (double)imr_f16_to_f32(bits[i]) == value);
    }
}
