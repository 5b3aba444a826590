#include "base/mem.h"
#include "explain/lens.h"
#include "tests/unit/explain/support.h"

/* out[ar,bc] = a b */
static void product(double *out, const double *a, size_t ar, size_t ac, const double *b, size_t bc)
{
    for (size_t i = 0; i < ar; i++)
        for (size_t j = 0; j < bc; j++) {
            out[i * bc + j] = 0;
            for (size_t k = 0; k < ac; k++)
                out[i * bc + j] += a[i * ac + k] * b[k * bc + j];
        }
}

static double worst(const double *a, const double *b, size_t n)
{
    double w = 0;
    for (size_t i = 0; i < n; i++)
        w = fmax(w, fabs(a[i] - b[i]));
    return w;
}

static double asymmetry(const double *a, size_t n)
{
    double w = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w = fmax(w, fabs(a[i * n + j] - a[j * n + i]));
    return w;
}

/* P+ column by column, in double. */
static void inverse_of(double *out, const imr_backprojector *b)
{
    double x[64] = {0}, scratch[64], column[64];
    for (size_t j = 0; j < b->m; j++) {
        x[j] = 1;
        imr_backproject(column, b, x, scratch);
        x[j] = 0;
        for (size_t i = 0; i < b->n; i++)
            out[i * b->m + j] = column[i];
    }
}

static void check_penrose(size_t m, size_t n, size_t rank, uint64_t seed)
{
    world w;
    world_init(&w, m, n, 8, rank, seed);
    CHECK_INT(w.back.rank, rank < n ? rank : n);
    double p[64 * 64], x[64 * 64], px[64 * 64], xp[64 * 64], back[64 * 64];
    for (size_t i = 0; i < m * n; i++)
        p[i] = (double)w.p[i];
    inverse_of(x, &w.back);
    product(px, p, m, n, x, m);
    product(xp, x, n, m, p, n);
    /* Double throughout; entries near 1, condition numbers below 100. */
    product(back, px, m, m, p, n);
    CHECK_NEAR(worst(back, p, m * n), 0, 1e-12);
    product(back, xp, n, n, x, m);
    CHECK_NEAR(worst(back, x, n * m), 0, 1e-11);
    CHECK_NEAR(asymmetry(px, m), 0, 1e-12);
    CHECK_NEAR(asymmetry(xp, n), 0, 1e-12);
    world_done(&w);
}

TEST("back-projection satisfies the four Penrose identities for wide, tall and square projectors")
{
    check_penrose(8, 20, 8, 1);
    check_penrose(20, 8, 20, 2);
    check_penrose(12, 12, 12, 3);
    check_penrose(1, 5, 1, 4);
}

TEST("back-projection satisfies them when the projector has less than full rank")
{
    check_penrose(10, 24, 6, 5);
    check_penrose(24, 10, 3, 6);
}

TEST("coordinates have the length of the back-projected change")
{
    world w;
    world_init(&w, 12, 30, 8, 12, 7);
    float *delta = random_floats(12, 1, 8);
    double x[12], c[12], scratch[12], base[30];
    for (size_t j = 0; j < 12; j++)
        x[j] = (double)delta[j];
    imr_backproject_left(c, &w.back, x);
    for (size_t k = 0; k < w.back.rank; k++)
        c[k] /= w.back.svd.s[k];
    imr_backproject(base, &w.back, x, scratch);
    CHECK_NEAR(naive_dot(c, c, 12), naive_dot(base, base, 30), 1e-11);
    free(delta);
    world_done(&w);
}

TEST("less than full rank is reported with an infinite condition number")
{
    world w;
    world_init(&w, 10, 24, 8, 6, 10);
    CHECK(isinf(w.back.svd.condition));
    world_done(&w);
}

TEST("a projector of zeros and one that is not finite are refused, the output untouched")
{
    imr_error err = {0};
    float p[6] = {0};
    imr_backprojector b = {.m = 77};
    CHECK_INT(imr_backprojector_init(&b, imr_view_of(p, 2, 3), &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "zero everywhere");
    p[4] = NAN;
    CHECK_INT(imr_backprojector_init(&b, imr_view_of(p, 2, 3), &err), IMR_E_NUMERIC);
    CHECK_INT(imr_backprojector_init(&b, imr_view_of(p, 0, 3), &err), IMR_E_SHAPE);
    CHECK_INT(b.m, 77);
}

TEST("every allocation of a backprojector may fail")
{
    imr_error err = {0};
    float *p = random_floats(4 * 6, 1, 11);
    long i = 0;
    imr_status status;
    do {
        imr_backprojector b = {0};
        imr_mem_fail_after(i);
        status = imr_backprojector_init(&b, imr_view_of(p, 4, 6), &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK)
            CHECK_INT(status, IMR_E_MEMORY);
        imr_backprojector_done(&b);
    } while (status != IMR_OK && ++i < 100);
    CHECK(i > 4 && i < 100);
    free(p);
}
