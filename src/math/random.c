#include "math/random.h"

#include <assert.h>
#include <math.h>

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

void imr_random_init(imr_random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t imr_random_next(imr_random *r)
{
    uint64_t *s = r->s;
    uint64_t out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return out;
}

double imr_random_uniform(imr_random *r)
{
    return (double)(imr_random_next(r) >> 11) * 0x1p-53;
}

uint64_t imr_random_below(imr_random *r, uint64_t n)
{
    assert(n > 0);
    uint64_t skip = (UINT64_MAX - n + 1) % n; /* 2^64 mod n values would be favoured */
    uint64_t x;
    do
        x = imr_random_next(r);
    while (x < skip);
    return x % n;
}

double imr_random_normal(imr_random *r)
{
    for (;;) {
        double x = 2.0 * imr_random_uniform(r) - 1.0, y = 2.0 * imr_random_uniform(r) - 1.0;
        double s = x * x + y * y;
        if (s < 1.0 && s > 0.0)
            return x * sqrt(-2.0 * log(s) / s);
    }
}

void imr_random_shuffle(imr_random *r, uint32_t *v, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)imr_random_below(r, i);
        uint32_t t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}

void imr_random_fill_normal(imr_random *r, float *v, size_t n, double sd)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(sd * imr_random_normal(r));
}
