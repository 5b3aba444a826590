#include "base/half.h"
#include "base/mem.h"
#include "format/tensors.h"
#include "math/topk.h"
#include "retrieval/search.h"
#include "tests/support/test.h"

static unsigned state = 1;
static float noise(void)
{
    return (float)((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
}

TEST("scores equal a plain dot product for every width, precision, and for rows with gaps")
{
    static float v[700 * 80], query[80], scores[700];
    static uint16_t half[700 * 80];
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        half[i] = imr_f32_to_f16(noise());
        v[i] = imr_f16_to_f32(half[i]); /* so that both precisions hold the same numbers */
    }
    for (size_t i = 0; i < 80; i++)
        query[i] = noise();
    for (size_t cols = 1; cols <= 80; cols += 7) {
        for (size_t kind = 0; kind < 2; kind++) {
            imr_rows documents = {kind ? (const void *)half : v, kind == 1, 700, cols, 80};
            imr_search_cosines(scores, documents, query, NULL, 1);
            for (size_t r = 0; r < 700; r++) {
                double sum = 0;
                for (size_t j = 0; j < cols; j++)
                    sum += (double)v[r * 80 + j] * query[j];
                CHECK_NEAR(scores[r], sum, 1e-6); /* 80 terms below 1/4, eps 6e-8 */
            }
        }
    }
}

TEST("cosines are scores times what each row and the query are divided by")
{
    enum { N = 600, M = 24 };
    static float v[N * M], scale[N], plain[N], got[N];
    for (size_t i = 0; i < N * M; i++)
        v[i] = noise();
    for (size_t i = 0; i < N; i++)
        scale[i] = 1 + noise();
    imr_search_cosines(plain, imr_rows_f32(v, N, M), v, NULL, 1);
    imr_search_cosines(got, imr_rows_f32(v, N, M), v, scale, 3);
    for (size_t i = 0; i < N; i++)
        CHECK(got[i] == plain[i] * (scale[i] * 3));
    imr_search_cosines(got, imr_rows_f32(v, N, M), v, NULL, 3);
    for (size_t i = 0; i < N; i++)
        CHECK(got[i] == plain[i] * 3);
}

static void check_ranks(const float *scores, size_t n, const uint32_t *chosen, size_t k,
                        const uint32_t *places)
{
    imr_error err = {0};
    uint32_t *ranks = malloc((k + 1) * sizeof *ranks);
    CHECK_OK(imr_search_ranks(ranks, chosen, k, scores, n, places, &err));
    for (size_t j = 0; j < k; j++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < n; i++)
            before += i != chosen[j] && imr_topk_before(scores, places, i, chosen[j]);
        CHECK_INT(ranks[j], before + 1);
    }
    free(ranks);
}

TEST("ranks of chosen documents equal counting who stands before them")
{
    enum { N = 20000, K = 100 };
    static float scores[N];
    static uint32_t places[N];
    uint32_t chosen[K];
    for (int kind = 0; kind < 4; kind++) {
        for (uint32_t i = 0; i < N; i++) {
            scores[i] = kind == 1 ? floorf(noise() * 20) : noise(); /* 1: many ties */
            if (kind > 1 && i % 7 == 0) /* 2, 3: no numbers among them */
                scores[i] = (float)NAN;
            places[i] = i * 7 % N; /* 7 and 20,000 share no factor: a permutation */
        }
        for (uint32_t j = 0; j < K; j++)
            chosen[j] = kind == 3 ? j * 71 + 1 : j * 199;
        check_ranks(scores, N, chosen, K, places);
        check_ranks(scores, N, chosen, 1, NULL);
        imr_topk(chosen, K, scores, N, places); /* as a listing has them: the best */
        check_ranks(scores, N, chosen, K, places);
    }
}

TEST("ranks are the same with threads, need some memory, and none are fine")
{
    enum { N = 300000, K = 3 };
    float *scores = malloc(N * sizeof *scores);
    const uint32_t chosen[K] = {5, 299999, 1000};
    uint32_t ranks[K];
    imr_error err = {0};
    for (uint32_t i = 0; i < N; i++)
        scores[i] = (float)((i * 2654435761u) >> 8);
    check_ranks(scores, N, chosen, K, NULL);
    CHECK_OK(imr_search_ranks(ranks, chosen, 0, scores, N, NULL, &err));
    for (long i = 0; i < 3; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_search_ranks(ranks, chosen, K, scores, N, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK_INT(status, IMR_E_MEMORY);
    }
    free(scores);
}
