/* topk, stats, random */
#include "tests/support/test.h"

#include "base/mem.h"
#include "math/random.h"
#include "math/stats.h"
#include "math/topk.h"

static const float *sort_scores;
static const char *const *sort_ids;

static int naive_order(const void *a, const void *b)
{
    uint32_t i, j;
    memcpy(&i, a, sizeof i);
    memcpy(&j, b, sizeof j);
    if (sort_scores[i] != sort_scores[j])
        return sort_scores[i] > sort_scores[j] ? -1 : 1;
    return -strcmp(sort_ids[i], sort_ids[j]);
}

TEST("top-k equals a full sort by score and then by id, descending")
{
    enum { N = 500 };
    imr_error err;
    float scores[N];
    char names[N][8];
    const char *ids[N];
    uint32_t places[N], all[N], best[N];
    imr_random r;
    imr_random_init(&r, 1);
    for (uint32_t i = 0; i < N; i++) {
        scores[i] = (float)imr_random_below(&r, 20); /* many ties */
        snprintf(names[i], sizeof names[i], "d%u", (unsigned)((i * 7919) % N));
        ids[i] = names[i];
        all[i] = i;
    }
    CHECK_OK(imr_topk_places(places, ids, N, &err));
    sort_scores = scores, sort_ids = ids;
    qsort(all, N, sizeof *all, naive_order);
    size_t ks[] = {0, 1, 2, 10, 99, N - 1, N, N + 5};
    for (size_t c = 0; c < sizeof ks / sizeof *ks; c++) {
        size_t got = imr_topk(best, ks[c], scores, N, places);
        CHECK_INT(got, ks[c] < N ? ks[c] : N);
        for (size_t i = 0; i < got; i++)
            CHECK_INT(best[i], all[i]);
    }
}

TEST("ties go to the larger id by strcmp, which is not the larger number")
{
    imr_error err;
    const char *ids[] = {"10", "9", "100"};
    float scores[] = {1, 1, 1};
    uint32_t places[3], best[3];
    CHECK_OK(imr_topk_places(places, ids, 3, &err));
    CHECK_INT(imr_topk(best, 3, scores, 3, places), 3);
    CHECK_INT(best[0], 1);
    CHECK_INT(best[1], 2);
    CHECK_INT(best[2], 0);
}

TEST("a score that is not a number sorts after everything, infinities at the ends")
{
    float scores[] = {(float)NAN, 1, -(float)INFINITY, (float)NAN, (float)INFINITY};
    uint32_t best[5];
    CHECK_INT(imr_topk(best, 5, scores, 5, NULL), 5);
    uint32_t expected[] = {4, 1, 2, 0, 3};
    for (size_t i = 0; i < 5; i++)
        CHECK_INT(best[i], expected[i]);
    CHECK_INT(imr_topk(best, 2, scores, 5, NULL), 2);
    CHECK_INT(best[0], 4);
    CHECK_INT(best[1], 1);
}

typedef struct named {
    char text[160];
    uint32_t index;
} named;

static int naive_place(const void *a, const void *b)
{
    const named *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    return order ? order : (x->index < y->index ? 1 : -1);
}

TEST("id places equal a plain sort: long common beginnings, other alphabets, ids that repeat")
{
    enum { N = 4000 };
    static named all[N];
    static const char *ids[N];
    static uint32_t places[N];
    imr_error err;
    imr_random r;
    imr_random_init(&r, 4);
    for (uint32_t i = 0; i < N; i++) {
        const unsigned number = (unsigned)imr_random_below(&r, 3000);
        const char *const before[] = {"", "document-0000", "\xc3\xa9t\xc3\xa9/"};
        char *text = all[i].text;
        const uint64_t kind = imr_random_below(&r, 5);
        if (kind == 3)
            snprintf(text, sizeof all[i].text, "%0150u", number);
        else if (kind < 3)
            snprintf(text, sizeof all[i].text, "%s%u", before[kind], number);
        all[i].index = i;
    }
    named *sorted = malloc(sizeof all);
    memcpy(sorted, all, sizeof all);
    for (uint32_t i = 0; i < N; i++)
        ids[i] = all[i].text;
    qsort(sorted, N, sizeof *sorted, naive_place);
    CHECK_OK(imr_topk_places(places, ids, N, &err));
    for (uint32_t i = 0; i < N; i++)
        CHECK_INT(places[sorted[i].index], i);
    free(sorted);
}

TEST("the best of many scores are those of a full sort, wherever they stand")
{
    enum { N = 5000 };
    static float scores[N];
    static uint32_t all[N], best[N];
    imr_random r;
    imr_random_init(&r, 5);
    for (int kind = 0; kind < 3; kind++) {
        for (uint32_t i = 0; i < N; i++) {
            scores[i] = kind == 0   ? (float)imr_random_normal(&r)
                        : kind == 1 ? (float)i
                                    : (float)imr_random_below(&r, 9);
            if (kind == 2 && i < 700) /* no numbers where the heap starts */
                scores[i] = (float)NAN;
            all[i] = i;
        }
        imr_topk_sort(all, N, scores, NULL);
        for (size_t i = 1; i < N; i++)
            CHECK(imr_topk_before(scores, NULL, all[i - 1], all[i]));
        const size_t ks[] = {1, 100, 600, 4400};
        for (size_t c = 0; c < sizeof ks / sizeof *ks; c++) {
            CHECK_INT(imr_topk(best, ks[c], scores, N, NULL), ks[c]);
            for (size_t i = 0; i < ks[c]; i++)
                CHECK_INT(best[i], all[i]);
        }
    }
}

TEST("id places report missing memory")
{
    imr_error err;
    const char *ids[] = {"a", "b"};
    uint32_t places[2];
    imr_mem_fail_after(0);
    CHECK(imr_topk_places(places, ids, 2, &err) == IMR_E_MEMORY);
    imr_mem_fail_after(-1);
}

TEST("mean, standard deviation, median and quantiles of known values")
{
    double v[] = {4, 1, 3, 2};
    CHECK_NEAR(imr_stats_mean(v, 4), 2.5, 0);
    CHECK_NEAR(imr_stats_sd(v, 4), 1.2909944487358056, 1e-15);
    CHECK_NEAR(imr_stats_median(v, 4), 2.5, 0);
    CHECK_NEAR(imr_stats_quantile(v, 4, 0), 1, 0);
    CHECK_NEAR(imr_stats_quantile(v, 4, 1), 4, 0);
    CHECK_NEAR(imr_stats_quantile(v, 4, 0.9), 3.7, 1e-15);
    CHECK_NEAR(imr_stats_median(v, 3), 2, 0);
    CHECK_NEAR(imr_stats_mean(v, 0), 0, 0);
    CHECK_NEAR(imr_stats_sd(v, 1), 0, 0);
    CHECK_NEAR(imr_stats_median(v, 0), 0, 0);
}

TEST("skewness and effective number equal their sums, and are 0 without spread or weight")
{
    double v[200], mean = 0, second = 0, third = 0, sum = 0, product = 1;
    imr_random r;
    imr_random_init(&r, 5);
    for (size_t i = 0; i < 200; i++)
        sum += v[i] = exp(imr_random_normal(&r));
    mean = sum / 200;
    for (size_t i = 0; i < 200; i++) {
        second += pow(v[i] - mean, 2);
        third += pow(v[i] - mean, 3);
        product *= pow(v[i] / sum, -v[i] / sum);
    }
    CHECK_NEAR(imr_stats_skewness(v, 200), sqrt(200) * third / pow(second, 1.5), 1e-12);
    CHECK_NEAR(imr_stats_effective_number(v, 200), product, 1e-9);
    const double same[] = {3, 3, 3, 3}, none[] = {0, 0};
    CHECK_NEAR(imr_stats_skewness(same, 4), 0, 0);
    CHECK_NEAR(imr_stats_effective_number(same, 4), 4, 1e-12);
    CHECK_NEAR(imr_stats_effective_number(none, 2), 0, 0);
    CHECK_NEAR(imr_stats_skewness(none, 0), 0, 0);
}

TEST("the generator is xoshiro256** with splitmix64 seeding")
{
    /* Reference outputs of splitmix64 from seed 0 fill the state. */
    imr_random r;
    imr_random_init(&r, 0);
    CHECK(r.s[0] == 0xe220a8397b1dcdafu);
    CHECK(r.s[1] == 0x6e789e6aa1b965f4u);
    imr_random known = {{1, 2, 3, 4}}; /* the first outputs for this state are published */
    CHECK_INT(imr_random_next(&known), 11520);
    CHECK_INT(imr_random_next(&known), 0);
    CHECK_INT(imr_random_next(&known), 1509978240);
    imr_random a, b;
    imr_random_init(&a, 7);
    imr_random_init(&b, 8);
    CHECK(imr_random_next(&a) != imr_random_next(&b));
}

TEST("normal values have mean 0 and sd 1, uniform ones stay in range, bounded ones are even")
{
    enum { N = 40000 };
    imr_random r;
    imr_random_init(&r, 3);
    double sum = 0, squares = 0;
    size_t counts[7] = {0};
    for (int i = 0; i < N; i++) {
        double x = imr_random_normal(&r), u = imr_random_uniform(&r);
        sum += x, squares += x * x;
        CHECK(u >= 0 && u < 1);
        counts[imr_random_below(&r, 7)]++;
    }
    CHECK_NEAR(sum / N, 0, 4 / sqrt(N)); /* four standard errors */
    CHECK_NEAR(squares / N, 1, 4 * sqrt(2.0 / N));
    for (int i = 0; i < 7; i++)
        CHECK_NEAR(counts[i], N / 7.0, 4 * sqrt(N / 7.0));
}

TEST("shuffling keeps every item and puts each anywhere")
{
    enum { N = 5, T = 5000 };
    imr_random r;
    imr_random_init(&r, 4);
    size_t where[N] = {0};
    for (int t = 0; t < T; t++) {
        uint32_t v[N] = {0, 1, 2, 3, 4}, seen = 0;
        imr_random_shuffle(&r, v, N);
        for (size_t i = 0; i < N; i++) {
            seen |= 1u << v[i];
            where[i] += v[i] == 2;
        }
        CHECK_INT(seen, 31);
    }
    for (size_t i = 0; i < N; i++)
        CHECK_NEAR(where[i], T / (double)N, 4 * sqrt(T / (double)N));
}
