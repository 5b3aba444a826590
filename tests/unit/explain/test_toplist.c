#include <stdlib.h>
#include <string.h>

#include "explain/toplist.h"
#include "math/random.h"
#include "tests/support/test.h"

enum { VALUES = 700, K = 12, THREADS = 3, PART = 50 };

/* By size, of equal sizes by id. */
static int by_size(const void *a, const void *b)
{
    const imr_top *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The naive twin: sorts all that may be listed. sign -1: the smallest. */
static size_t sorted(imr_top *out, const float *values, const uint8_t *hidden, float sign)
{
    size_t n = 0;
    for (uint32_t i = 0; i < VALUES; i++)
        if (!hidden[i] && sign * values[i] > 0)
            out[n++] = (imr_top){sign * values[i], i};
    qsort(out, n, sizeof *out, by_size);
    return n < K ? n : K;
}

static void check_same(const imr_toplist *found, const imr_top *expected, size_t n)
{
    CHECK_INT(found->n, n);
    for (size_t i = 0; i < n && i < found->n; i++) {
        CHECK_INT(found->v[i].id, expected[i].id);
        CHECK(found->v[i].size == expected[i].size);
    }
}

/* Few different values, so that every list ends within a tie. */
static void fill(float *values, uint8_t *hidden, uint64_t seed, uint64_t different)
{
    imr_random random;
    imr_random_init(&random, seed);
    for (size_t i = 0; i < VALUES; i++) {
        values[i] = ((float)imr_random_below(&random, different) - (float)(different / 2)) / 8;
        hidden[i] = imr_random_below(&random, 5) == 0;
    }
}

TEST("lists of parts join to the list of all, ties by id, however the parts are shared out")
{
    static const uint64_t differents[] = {1, 2, 3, 9, 40, 100000};
    float values[VALUES];
    uint8_t hidden[VALUES];
    imr_top best[VALUES], worst[VALUES];
    for (uint64_t seed = 0; seed < 60; seed++) {
        fill(values, hidden, seed, differents[seed % 6]);
        const size_t n_best = sorted(best, values, hidden, 1);
        const size_t n_worst = sorted(worst, values, hidden, -1);
        imr_top room[2 * THREADS + 2][K];
        imr_toplist lists[2 * THREADS + 2];
        for (size_t i = 0; i < 2 * THREADS + 2; i++)
            lists[i] = (imr_toplist){.v = room[i], .k = K};
        imr_random random;
        imr_random_init(&random, seed + 1000);
        for (size_t at = 0; at < VALUES; at += PART) {
            imr_toplist *mine = &lists[2 * imr_random_below(&random, THREADS)];
            imr_toplist_scan(&mine[0], &mine[1], values + at, hidden, at, PART);
        }
        imr_toplist *joined = &lists[2 * THREADS];
        imr_toplist_join(&joined[0], &lists[0], THREADS, 2);
        imr_toplist_join(&joined[1], &lists[1], THREADS, 2);
        check_same(&joined[0], best, n_best);
        check_same(&joined[1], worst, n_worst);
    }
}

/* Values off by up to an error, offered in parts. */
static void scan_off(imr_toplist *lists, const float *values, const uint8_t *hidden, float error,
                     uint64_t seed)
{
    imr_random random;
    imr_random_init(&random, seed);
    for (size_t at = 0; at < VALUES; at += PART) {
        float off[PART];
        for (size_t i = 0; i < PART; i++)
            off[i] = values[at + i] + error * ((float)imr_random_below(&random, 2001) / 1000 - 1);
        imr_toplist *mine = &lists[2 * imr_random_below(&random, THREADS)];
        imr_toplist_scan(&mine[0], &mine[1], off, hidden, at, PART);
    }
}

TEST("of values known within an error, a certain list with a slack has all that are truly first")
{
    enum { SPARE = 9 };
    size_t certain = 0, asked = 0;
    float values[VALUES];
    uint8_t hidden[VALUES];
    imr_top best[2][VALUES];
    for (uint64_t seed = 0; seed < 300; seed++) {
        const float error = (float[]){0.001F, 0.02F, 0.1F, 0.5F}[seed % 4];
        fill(values, hidden, seed, 100000);
        for (size_t i = 0; i < VALUES; i++)
            values[i] /= 1000;
        const size_t n[2] = {sorted(best[0], values, hidden, 1),
                             sorted(best[1], values, hidden, -1)};
        imr_top room[2 * THREADS + 2][K + SPARE];
        imr_toplist lists[2 * THREADS + 2];
        for (size_t i = 0; i < 2 * THREADS + 2; i++)
            lists[i] = (imr_toplist){.v = room[i], .k = K, .spare = SPARE, .slack = 2.001F * error};
        scan_off(lists, values, hidden, error, seed + 1000);
        for (size_t side = 0; side < 2; side++) {
            imr_toplist *joined = &lists[2 * THREADS + side];
            imr_toplist_join(joined, &lists[side], THREADS, 2);
            CHECK(joined->n <= K + SPARE);
            asked++;
            if (!imr_toplist_certain(joined))
                continue;
            certain++;
            for (size_t i = 0; i < n[side]; i++) {
                bool found = false;
                for (size_t at = 0; at < joined->n; at++)
                    found |= joined->v[at].id == best[side][i].id;
                CHECK(found);
            }
        }
    }
    CHECK(certain > asked / 4 && certain < asked);
}

TEST("a list whose spare places do not suffice, or that zero may belong to, is not certain")
{
    float values[6] = {5, 5, 5, 5, 5, -1};
    imr_top room[2][4];
    imr_toplist high = {.v = room[0], .k = 2, .spare = 2, .slack = 0.5F}, low = high;
    low.v = room[1];
    imr_toplist_scan(&high, &low, values, NULL, 0, 4);
    CHECK(imr_toplist_certain(&high) && !imr_toplist_certain(&low));
    imr_toplist_scan(&high, &low, values + 4, NULL, 4, 2);
    CHECK(!imr_toplist_certain(&high));
    values[0] = values[1] = 0.25F;
    high = (imr_toplist){.v = room[0], .k = 2, .spare = 2, .slack = 0.5F};
    imr_toplist_scan(&high, &low, values, NULL, 0, 2);
    CHECK(!imr_toplist_certain(&high));
}

TEST("a list of no places stays empty, and joining empty parts gives an empty list")
{
    const float values[3] = {1, -2, 3};
    imr_top room[2];
    imr_toplist none = {.v = room}, also = {.v = room}, out = {.v = room, .k = 2};
    imr_toplist_scan(&none, &also, values, NULL, 0, 3);
    CHECK_INT(none.n, 0);
    CHECK_INT(also.n, 0);
    imr_toplist_join(&out, &none, 1, 1);
    CHECK_INT(out.n, 0);
}
