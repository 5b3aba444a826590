/* The map of a query and its candidates, against power iteration; placing points in a grid. */
#include "explain/map.h"

#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"
#include "tests/support/test.h"

enum { K = 40, N = 24 };

static float points[K][N], query[N];

static void make(double spread)
{
    imr_random r;
    imr_random_init(&r, 11);
    for (size_t i = 0; i <= K; i++) {
        float *v = i < K ? points[i] : query;
        for (size_t j = 0; j < N; j++)
            v[j] = (float)(imr_random_normal(&r) * spread / (double)(j + 1) + 1);
        imr_nn_unit(v, v, N);
    }
}

/* The direction in which rows vary most, the rows' own part in `other` taken off first. */
static void power(double *v, const double *other)
{
    double mean[N] = {0};
    for (size_t j = 0; j < N; j++)
        for (size_t i = 0; i < K; i++)
            mean[j] += (double)points[i][j] / K;
    for (size_t j = 0; j < N; j++)
        v[j] = 1 / (double)(j + 1);
    for (int round = 0; round < 3000; round++) {
        double next[N] = {0}, along = 0, length = 0;
        for (size_t i = 0; i < K; i++) {
            double dot = 0;
            for (size_t j = 0; j < N; j++)
                dot += ((double)points[i][j] - mean[j]) * v[j];
            for (size_t j = 0; j < N; j++)
                next[j] += dot * ((double)points[i][j] - mean[j]);
        }
        for (size_t j = 0; other && j < N; j++)
            along += next[j] * other[j];
        for (size_t j = 0; j < N; j++) {
            next[j] -= other ? along * other[j] : 0;
            length += next[j] * next[j];
        }
        for (size_t j = 0; j < N; j++)
            v[j] = next[j] / sqrt(length);
    }
}

static imr_map_stage project(size_t k, imr_arena *arena)
{
    imr_error err = {0};
    imr_map_stage s = {.at = (double(*)[2])IMR_ARENA_ARRAY(arena, double, 2 * (k + 1))};
    imr_matrix rows;
    CHECK_OK(imr_matrix_init(&rows, k + 1, N, &err));
    memcpy(rows.v, points, k * sizeof *points);
    memcpy(imr_matrix_row(&rows, k), query, sizeof query);
    CHECK_OK(imr_map_project(&s, &rows, &err));
    imr_matrix_done(&rows);
    return s;
}

TEST("axes are those of power iteration, the query lies on their positive side")
{
    imr_arena *arena = imr_arena_new();
    make(1);
    const imr_map_stage s = project(K, arena);
    double axes[2][N], all = 0, mean[N] = {0};
    power(axes[0], NULL);
    power(axes[1], axes[0]);
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < N; j++)
            mean[j] += (double)points[i][j] / K;
    for (size_t i = 0; i < K; i++)
        for (size_t j = 0; j < N; j++)
            all += pow((double)points[i][j] - mean[j], 2);
    for (size_t a = 0; a < 2; a++) {
        double along = 0, side = 0, low = 0;
        for (size_t j = 0; j < N; j++)
            side += ((double)query[j] - mean[j]) * axes[a][j];
        CHECK_NEAR(s.at[K][a], fabs(side), 1e-5);
        for (size_t i = 0; i < K; i++) {
            double at = 0;
            for (size_t j = 0; j < N; j++)
                at += ((double)points[i][j] - mean[j]) * axes[a][j] * (side < 0 ? -1 : 1);
            CHECK_NEAR(s.at[i][a], at, 1e-5);
            along += at * at;
            low = fmin(low, at);
        }
        CHECK_NEAR(s.carried[a], along / all, 1e-5);
        CHECK_NEAR(s.low[a], low, 1e-5);
    }
    CHECK(s.carried[0] >= s.carried[1]);
    imr_arena_free(arena);
}

TEST("one candidate, identical candidates, two, and zero vectors have finite places")
{
    imr_arena *arena = imr_arena_new();
    make(1);
    imr_map_stage s = project(1, arena);
    CHECK(isnan(s.carried[0]));
    double apart = 0;
    for (size_t j = 0; j < N; j++)
        apart += pow((double)query[j] - (double)points[0][j], 2);
    CHECK_NEAR(s.at[0][0], 0, 1e-6);
    CHECK_NEAR(s.at[1][0], sqrt(apart), 1e-6);
    s = project(2, arena);
    CHECK_NEAR(s.carried[0], 1, 1e-6);
    CHECK_NEAR(s.carried[1], 0, 1e-6);
    for (size_t i = 1; i < K; i++)
        memcpy(points[i], points[0], sizeof points[0]);
    s = project(K, arena);
    CHECK(isnan(s.carried[0]));
    memset(points, 0, sizeof points);
    memset(query, 0, sizeof query);
    s = project(K, arena);
    for (size_t i = 0; i <= K; i++)
        CHECK_NEAR(s.at[i][0] + s.at[i][1], 0, 0);
    size_t y, x;
    imr_map_place(&s, 3, 20, 60, 2, &y, &x);
    CHECK_INT(x, 30); /* the middle */
    CHECK_INT(y, 10);
    imr_arena_free(arena);
}

TEST("every point lies in the grid, one touches two opposite edges, and one scale holds")
{
    imr_arena *arena = imr_arena_new();
    make(1);
    const imr_map_stage s = project(K, arena);
    static const size_t sizes[][2] = {{20, 60}, {80, 30}, {1, 1}, {5, 200}};
    for (size_t c = 0; c < 4; c++) {
        size_t low[2] = {SIZE_MAX, SIZE_MAX}, high[2] = {0, 0};
        for (size_t i = 0; i <= K; i++) {
            size_t at[2];
            imr_map_place(&s, i, sizes[c][0], sizes[c][1], 2, &at[0], &at[1]);
            for (size_t a = 0; a < 2; a++) {
                CHECK(at[a] < sizes[c][a]);
                low[a] = at[a] < low[a] ? at[a] : low[a];
                high[a] = at[a] > high[a] ? at[a] : high[a];
            }
        }
        CHECK((low[0] == 0 && high[0] == sizes[c][0] - 1) ||
              (low[1] == 0 && high[1] == sizes[c][1] - 1));
        const double wide = (double)(high[1] - low[1]), tall = 2 * (double)(high[0] - low[0]);
        if (c != 2)
            CHECK_NEAR(wide / tall, (s.high[0] - s.low[0]) / (s.high[1] - s.low[1]),
                       0.3 * wide / tall);
    }
    imr_arena_free(arena);
}
