#include "base/mem.h"
#include "explain/background.h"
#include "tests/unit/explain/support.h"

TEST("the normal tail and its inverse agree over the whole range")
{
    CHECK_NEAR(imr_normal_two_sided(0), 1, 1e-15);
    CHECK_NEAR(imr_normal_two_sided(1.959963984540054), 0.05, 1e-15);
    CHECK_NEAR(imr_normal_two_sided(-1.959963984540054), 0.05, 1e-15);
    CHECK_NEAR(imr_normal_two_sided_inverse(0.05), 1.959963984540054, 1e-12);
    CHECK_NEAR(imr_normal_two_sided_inverse(1), 0, 1e-12);
    for (int k = 0; k < 660; k++) {
        const double p = 0.999 * exp(-k);
        CHECK_NEAR(log(imr_normal_two_sided(imr_normal_two_sided_inverse(p))), log(p), 1e-9);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

TEST("moments and hub counts equal those of the slow path")
{
    imr_error err = {0};
    enum { S = 37 };
    world w;
    world_init(&w, 10, 24, 90, 10, 300);
    float *deltas = random_floats(S * w.m, 1, 301);
    imr_background b = {0};
    CHECK_OK(imr_background_init(&b, &w.lens, imr_view_of(deltas, S, w.m), NULL, &err));
    CHECK_INT(b.samples, S);
    CHECK_INT(b.tokens, w.v);
    double cosines[S][90];
    for (size_t i = 0; i < S; i++) {
        double x[10], base[24], scratch[10];
        for (size_t j = 0; j < w.m; j++)
            x[j] = (double)deltas[i * w.m + j];
        imr_backproject(base, &w.back, x, scratch);
        for (size_t t = 0; t < w.v; t++)
            cosines[i][t] = naive_token_cosine(&w, base, t);
    }
    size_t total = 0;
    for (size_t t = 0; t < w.v; t++) {
        double mean = 0, square = 0;
        size_t high = 0, low = 0;
        for (size_t i = 0; i < S; i++)
            mean += cosines[i][t] / S;
        for (size_t i = 0; i < S; i++) {
            square += (cosines[i][t] - mean) * (cosines[i][t] - mean) / (S - 1);
            size_t above = 0, below = 0;
            for (size_t k = 0; k < w.v; k++) {
                above += !w.table.hidden[k] && cosines[i][k] > cosines[i][t];
                below += !w.table.hidden[k] && cosines[i][k] < cosines[i][t];
            }
            high += !w.table.hidden[t] && cosines[i][t] > 0 && above < IMR_HUB_LIST;
            low += !w.table.hidden[t] && cosines[i][t] < 0 && below < IMR_HUB_LIST;
        }
        CHECK_NEAR(b.mean[t], mean, 1e-6);
        /* sigma is near 0.3; sums of 37 float32 cosines */
        CHECK_NEAR(b.inverse_sd[t], square > 1e-14 ? 1 / sqrt(square) : 0, 1e-4);
        CHECK_INT(b.hub_high[t], high);
        CHECK_INT(b.hub_low[t], low);
        total += b.hub_high[t];
    }
    CHECK_INT(total, S * IMR_HUB_LIST);
    CHECK(imr_background_z(&b, 5, 0.3) == 0); /* the zero row never varies */
    imr_background_done(&b);
    free(deltas);
    world_done(&w);
}

TEST("a sample in many batches counts like one in a single batch of a smaller table")
{
    imr_error err = {0};
    /* 16 MB of cosines hold 100 changes over 42,000 tokens: 250 samples take three batches. */
    enum { S = 250, V = 42000 };
    world w;
    world_init(&w, 2, 2, V, 2, 310);
    float *deltas = random_floats(S * w.m, 1, 311);
    imr_background b = {0};
    CHECK_OK(imr_background_init(&b, &w.lens, imr_view_of(deltas, S, w.m), NULL, &err));
    const uint32_t token = 41999;
    double mean = 0;
    for (size_t i = 0; i < S; i++) {
        double x[2] = {(double)deltas[i * 2], (double)deltas[i * 2 + 1]}, base[2], scratch[2];
        imr_backproject(base, &w.back, x, scratch);
        mean += naive_token_cosine(&w, base, token) / S;
    }
    CHECK_NEAR(b.mean[token], mean, 1e-6);
    size_t total = 0;
    for (size_t t = 0; t < V; t++)
        total += b.hub_high[t];
    CHECK_INT(total, (size_t)S * IMR_HUB_LIST);
    imr_background_done(&b);
    free(deltas);
    world_done(&w);
}

/* Benjamini-Hochberg as in the textbook: sort p, find the largest k with p_(k) <= level k/M. */
static size_t naive_discoveries(const imr_background *b, const float *cosines,
                                const uint8_t *hidden, double level)
{
    double *p = malloc(b->tokens * sizeof *p);
    size_t n = 0, found = 0;
    if (!p)
        FAIL("out of memory");
    for (size_t t = 0; t < b->tokens; t++)
        if (!hidden || !hidden[t])
            p[n++] = imr_normal_two_sided(imr_background_z(b, (uint32_t)t, (double)cosines[t]));
    qsort(p, n, sizeof *p, by_value);
    for (size_t k = 1; k <= n; k++)
        if (p[k - 1] <= level * (double)k / (double)n)
            found = k;
    free(p);
    return found;
}

TEST("the significance threshold makes the discoveries of Benjamini and Hochberg")
{
    enum { V = 2000 };
    static float mean[V], inverse_sd[V], scratch[V];
    static uint8_t hidden[V];
    for (size_t t = 0; t < V; t++) {
        mean[t] = 0.01F * (float)(t % 7);
        inverse_sd[t] = 1 / (0.05F + 0.001F * (float)(t % 13));
        hidden[t] = t % 9 == 0;
    }
    const imr_background b = {.tokens = V, .samples = 2, .mean = mean, .inverse_sd = inverse_sd};
    for (uint64_t seed = 0; seed < 40; seed++) {
        float *cosines = random_floats(V, 0.05 + 0.002 * (double)seed, seed);
        const uint8_t *mask = seed % 2 ? hidden : NULL;
        double bar = imr_background_threshold(&b, cosines, mask, 0.05, scratch);
        size_t found = 0;
        for (size_t t = 0; t < V; t++)
            found +=
                (!mask || !mask[t]) &&
                fabsf((float)imr_background_z(&b, (uint32_t)t, (double)cosines[t])) >= (float)bar;
        CHECK_INT(found, naive_discoveries(&b, cosines, mask, 0.05));
        free(cosines);
    }
    float none[V];
    memcpy(none, mean, sizeof none);
    CHECK(isinf(imr_background_threshold(&b, none, NULL, 0.05, scratch)));
}

static bool refuse(void *user, const imr_progress_info *info)
{
    (void)user, (void)info;
    return false;
}

TEST("a background sample can be refused, cancelled, and run out of memory at every place")
{
    imr_error err = {0};
    world w;
    world_init(&w, 6, 8, 20, 6, 330);
    float *deltas = random_floats(3 * 6, 1, 331);
    imr_background b = {0};
    const imr_progress no = {refuse, NULL};
    CHECK_INT(imr_background_init(&b, &w.lens, imr_view_of(deltas, 1, 6), NULL, &err), IMR_E_SHAPE);
    CHECK_INT(imr_background_init(&b, &w.lens, imr_view_of(deltas, 3, 5), NULL, &err), IMR_E_SHAPE);
    CHECK_INT(imr_background_init(&b, &w.lens, imr_view_of(deltas, 3, 6), &no, &err),
              IMR_E_CANCELLED);
    CHECK(!b.mean);
    long i = 0;
    imr_status status;
    do {
        imr_mem_fail_after(i);
        status = imr_background_init(&b, &w.lens, imr_view_of(deltas, 3, 6), NULL, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK)
            CHECK_INT(status, IMR_E_MEMORY);
        imr_background_done(&b);
    } while (status != IMR_OK && ++i < 100);
    CHECK(i >= 10 && i < 100);
    free(deltas);
    world_done(&w);
}
