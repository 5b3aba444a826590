/* Every instruction set's sieve against loops that ask one number at a time. */
#include <math.h>

#include "base/attr.h"
#include "math/random.h"
#include "math/sieve.h"
#include "tests/support/test.h"

enum { MOST = 200, GUARD = 16 };

static const size_t lengths[] = {0, 1, 5, 15, 16, 17, 31, 32, 33, 64, 100, 128, 199};

/* Eighths, so that many lie on the bars; few of them, or nearly all, outside. */
static void fill(float *v, size_t n, uint64_t seed)
{
    imr_random r;
    imr_random_init(&r, seed);
    for (size_t i = 0; i < n; i++)
        v[i] = ((float)imr_random_below(&r, 33) - 16) / 8;
}

TEST("what is outside is found in order, bars are inside and NaN is nowhere, in every set")
{
    static const float bars[][2] = {{-1, 1}, {-1.875F, 1.875F}, {-5, 5}, {0, 0}, {1, -1}};
    float v[MOST];
    uint32_t at[MOST];
    const imr_sieve *s;
    for (size_t set = 0; (s = imr_sieve_at(set)); set++)
        for (size_t l = 0; l < IMR_LEN(lengths); l++)
            for (size_t b = 0; b < IMR_LEN(bars); b++) {
                const size_t n = lengths[l];
                fill(v, n, 7 * l + b);
                if (n > 3)
                    v[3] = NAN;
                const size_t found = s->outside(at, v, n, bars[b][0], bars[b][1]);
                size_t expected = 0;
                for (size_t i = 0; i < n; i++)
                    if (v[i] > bars[b][1] || v[i] < bars[b][0]) {
                        CHECK(expected < found && at[expected] == i);
                        expected++;
                    }
                CHECK_INT(found, expected);
            }
}

static void check_sizes(const imr_sieve *s, size_t n, const uint8_t *skip, float slack, float least)
{
    float v[MOST], mean[MOST], inverse[MOST], size[MOST + GUARD];
    uint8_t at[MOST + GUARD];
    fill(v, n, n + 1);
    fill(mean, n, n + 2);
    fill(inverse, n, n + 3);
    for (size_t i = 0; i < n; i++)
        inverse[i] = fabsf(inverse[i]);
    for (size_t i = n; i < n + GUARD; i++) {
        size[i] = -7;
        at[i] = 77;
    }
    const size_t found = s->sizes(size, at, v, mean, inverse, skip, n, slack, least);
    size_t expected = 0;
    for (size_t i = 0; i < n; i++) {
        const float z = fabsf((v[i] - mean[i]) * inverse[i]); /* sums of 64ths: exact */
        if ((skip && skip[i]) || z + slack * inverse[i] < least)
            continue;
        CHECK(expected < found && size[expected] == z && at[expected] == i);
        expected++;
    }
    CHECK_INT(found, expected);
    for (size_t i = n; i < n + GUARD; i++)
        CHECK(size[i] == -7 && at[i] == 77);
}

TEST("sizes that may reach a bar are kept with their places, and nothing behind n is touched")
{
    static const float slacks[] = {0, 0.125F, 1}, leasts[] = {0, 0.5F, 2, 100};
    uint8_t skip[MOST];
    const imr_sieve *s;
    for (size_t i = 0; i < MOST; i++)
        skip[i] = (uint8_t)(i % 5 == 2 ? i : 0);
    for (size_t set = 0; (s = imr_sieve_at(set)); set++)
        for (size_t l = 0; l < IMR_LEN(lengths); l++)
            for (size_t k = 0; k < IMR_LEN(slacks) * IMR_LEN(leasts); k++) {
                check_sizes(s, lengths[l], NULL, slacks[k % 3], leasts[k / 3]);
                check_sizes(s, lengths[l], skip, slacks[k % 3], leasts[k / 3]);
            }
}
