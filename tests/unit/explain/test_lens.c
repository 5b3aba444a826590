#include "base/mem.h"
#include "explain/lens.h"
#include "tests/unit/explain/support.h"

/* F_t . c in double. */
static double product(const imr_lens *l, size_t t, const double *c)
{
    float row[64];
    double sum = 0;
    imr_packed_row(row, &l->folded, (uint32_t)t);
    for (size_t k = 0; k < l->back->rank; k++)
        sum += (double)row[k] * c[k];
    return sum;
}

static const size_t shapes[][4] = {
    /* m, n, tokens, rank */
    {12, 30, 40, 12}, {30, 12, 40, 30}, {16, 16, 25, 16}, {10, 24, 40, 6}, {1, 3, 9, 1},
};

TEST("the fast path gives the cosines of the slow path, zero rows of the table included")
{
    for (size_t s = 0; s < IMR_LEN(shapes); s++) {
        world w;
        world_init(&w, shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3], 100 + s);
        double x[64], base[64], c[64], norm;
        float direction[64], found[64];
        float *delta = random_floats(w.m, 3, 200 + s);
        for (size_t j = 0; j < w.m; j++)
            x[j] = (double)delta[j];
        imr_backproject(base, &w.back, x, c);
        norm = sqrt(naive_dot(c, c, w.back.rank));
        for (size_t k = 0; k < w.back.rank; k++) {
            c[k] /= norm;
            direction[k] = (float)c[k];
        }
        imr_lens_products(found, &w.lens, direction, 1, 0, w.v);
        for (size_t t = 0; t < w.v; t++) {
            /* float32 products of entries of at most 1 */
            CHECK_NEAR(found[t], naive_token_cosine(&w, base, t), 1e-6);
            CHECK_NEAR(product(&w.lens, t, c), naive_token_cosine(&w, base, t), 2e-7);
        }
        CHECK(found[5] == 0);
        CHECK(w.lens.visibility[5] == 0 && w.lens.reach[5] == 0);
        CHECK(imr_lens_z(&w.lens, 5, 0) == 0);
        free(delta);
        world_done(&w);
    }
}

TEST(
    "the fold equals the published form: unit rows times the inverse, over the root of a quadratic")
{
    world w;
    world_init(&w, 12, 30, 40, 12, 110);
    float *delta = random_floats(w.m, 1, 111);
    double x[12], c[12], back[30], scratch[12], norm = 0;
    for (size_t j = 0; j < w.m; j++)
        x[j] = (double)delta[j];
    imr_backproject_left(c, &w.back, x);
    for (size_t k = 0; k < w.back.rank; k++)
        c[k] /= w.back.svd.s[k];
    norm = sqrt(naive_dot(c, c, 12));
    /* delta' (P P')^-1 delta = |P+ delta|^2 */
    imr_backproject(back, &w.back, x, scratch);
    const double quadratic = naive_dot(back, back, w.n);
    for (size_t t = 0; t < w.v; t++) {
        double length = 0, sum = 0;
        for (size_t i = 0; i < w.n; i++) {
            const double e = (double)w.e[t * w.n + i];
            length += e * e;
            sum += e * back[i];
        }
        double expected = length > 0 ? sum / sqrt(length) / sqrt(quadratic) : 0;
        CHECK_NEAR(product(&w.lens, t, c) / norm, expected, 1e-6);
    }
    free(delta);
    world_done(&w);
}

TEST("visibility is the part of a token the projector sees, reach the length of its projection")
{
    for (size_t s = 0; s < IMR_LEN(shapes); s++) {
        world w;
        world_init(&w, shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3], 120 + s);
        double mean = 0;
        for (size_t t = 0; t < w.v; t++) {
            double p[64], seen[64], scratch[64], e2 = 0;
            naive_project(p, &w, w.e + t * w.n);
            imr_backproject(seen, &w.back, p, scratch);
            for (size_t i = 0; i < w.n; i++)
                e2 += (double)w.e[t * w.n + i] * (double)w.e[t * w.n + i];
            const double part = e2 > 0 ? naive_dot(seen, seen, w.n) / e2 : 0;
            CHECK_NEAR(w.lens.visibility[t], part, 1e-6);
            CHECK(w.lens.visibility[t] >= 0 && w.lens.visibility[t] <= 1);
            CHECK_NEAR(w.lens.reach[t], e2 > 0 ? sqrt(naive_dot(p, p, w.m) / e2) : 0, 1e-5);
            mean += part / (double)(w.v - 1);
        }
        /* Random rows: rank/n on average, 40 of them leave a spread of a few hundredths. */
        CHECK_NEAR(mean, (double)w.back.rank / (double)w.n, 0.15);
        world_done(&w);
    }
}

TEST("z measures a cosine against a random direction of what the projector sees")
{
    world w;
    world_init(&w, 12, 30, 40, 12, 130);
    imr_random r;
    imr_random_init(&r, 131);
    double squares = 0;
    enum { DRAWS = 4000 };
    for (size_t i = 0; i < DRAWS; i++) {
        double c[12], norm = 0;
        for (size_t k = 0; k < 12; k++) {
            c[k] = imr_random_normal(&r);
            norm += c[k] * c[k];
        }
        double z = imr_lens_z(&w.lens, 3, product(&w.lens, 3, c) / sqrt(norm));
        squares += z * z;
    }
    /* Variance 1; the mean of 4,000 squares spreads by about 0.022. */
    CHECK_NEAR(squares / DRAWS, 1, 0.1);
    world_done(&w);
}

TEST("a table of another dimension is refused with both named")
{
    imr_error err = {0};
    world w;
    world_init(&w, 6, 8, 20, 6, 160);
    imr_token_table other = w.table;
    other.rows.cols = 7;
    imr_lens l = {0};
    CHECK_INT(imr_lens_init(&l, &other, &w.back, NULL, &err), IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "7");
    CHECK_CONTAINS(err.text, "8");
    CHECK(!l.folded.v);
    world_done(&w);
}

static bool refuse(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

TEST("folding can be cancelled, and every allocation of it may fail")
{
    imr_error err = {0};
    world w;
    world_init(&w, 6, 8, 20, 6, 170);
    int looks = 1;
    const imr_progress progress = {refuse, &looks};
    imr_lens l = {0};
    CHECK_INT(imr_lens_init(&l, &w.table, &w.back, &progress, &err), IMR_E_CANCELLED);
    long i = 0;
    imr_status status;
    do {
        imr_mem_fail_after(i);
        status = imr_lens_init(&l, &w.table, &w.back, NULL, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK)
            CHECK_INT(status, IMR_E_MEMORY);
        imr_lens_done(&l);
    } while (status != IMR_OK && ++i < 100);
    CHECK(i >= 3 && i < 100);
    world_done(&w);
}
