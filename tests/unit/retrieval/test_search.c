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
            imr_search_scores(scores, documents, query);
            for (size_t r = 0; r < 700; r++) {
                double sum = 0;
                for (size_t j = 0; j < cols; j++)
                    sum += (double)v[r * 80 + j] * query[j];
                CHECK_NEAR(scores[r], sum, 1e-6); /* 80 terms below 1/4, eps 6e-8 */
            }
        }
    }
}

TEST("ranks of chosen documents equal counting who stands before them, ties included")
{
    enum { N = 300, K = 40 };
    float scores[N];
    uint32_t places[N], chosen[K], ranks[K];
    for (uint32_t i = 0; i < N; i++) {
        scores[i] = floorf(noise() * 20); /* many ties */
        places[i] = i * 7 % N;            /* 7 and 300 share no factor: a permutation */
    }
    for (uint32_t j = 0; j < K; j++)
        chosen[j] = j * 7 % N;
    imr_error err = {0};
    CHECK_OK(imr_search_ranks(ranks, chosen, K, scores, N, places, &err));
    for (size_t j = 0; j < K; j++) {
        uint32_t before = 0;
        for (uint32_t i = 0; i < N; i++)
            before += i != chosen[j] && imr_topk_before(scores, places, i, chosen[j]);
        CHECK_INT(ranks[j], before + 1);
    }
    CHECK_OK(imr_search_ranks(ranks, chosen, 0, scores, N, places, &err));
    for (long i = 0; i < 2; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_search_ranks(ranks, chosen, K, scores, N, places, &err);
        imr_mem_fail_after(-1);
        CHECK_INT(status, IMR_E_MEMORY);
    }
}
