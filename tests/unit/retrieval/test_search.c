#include "base/mem.h"
#include "math/topk.h"
#include "retrieval/ranking.h"
#include "retrieval/search.h"
#include "tests/support/test.h"

static unsigned state = 1;
static float noise(void)
{
    return (float)((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f - 0.5f;
}

TEST("scores equal a plain dot product for every width and for rows with gaps")
{
    static float v[700 * 80], query[80], scores[700];
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        v[i] = noise();
    for (size_t i = 0; i < 80; i++)
        query[i] = noise();
    for (size_t cols = 1; cols <= 80; cols += 7) {
        imr_view documents = {v, 700, cols, 80};
        imr_search_scores(scores, documents, query);
        for (size_t r = 0; r < 700; r++) {
            double sum = 0;
            for (size_t j = 0; j < cols; j++)
                sum += (double)v[r * 80 + j] * query[j];
            CHECK_NEAR(scores[r], sum, 1e-6); /* 80 terms below 1/4, eps 6e-8 */
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

TEST("three rankings of the same candidates, their moves and relative changes")
{
    const uint32_t documents[] = {4, 0, 2}, places[] = {0, 1, 2, 3, 4};
    const float encoder[] = {0.1f, 0.3f, 0.2f}, before[] = {0.5f, 0.75f, 0.25f},
                after[] = {0.25f, 0.125f, 0.25f};
    imr_error err = {0};
    imr_ranking r;
    CHECK_OK(imr_ranking_make(&r, documents, encoder, before, after, 3, places, &err));
    CHECK_INT(r.n, 3);
    CHECK_INT(r.v[0].document, 4); /* ties with 2, the larger id wins */
    CHECK_INT(r.v[1].document, 2);
    CHECK_INT(r.v[2].document, 0);
    CHECK_INT(r.v[0].rank_before, 2);
    CHECK_INT(r.v[0].rank_after, 1);
    CHECK_INT(r.v[0].move, 1);
    CHECK_INT(r.v[0].rank_encoder, 3);
    CHECK_INT(r.v[2].rank_encoder, 1);
    CHECK_INT(r.v[2].move, -2);
    CHECK_NEAR(r.v[0].delta, -0.25, 0);
    CHECK_NEAR(r.median_delta, -0.25, 0);
    CHECK_NEAR(r.v[1].relative, 0.25, 0);
    CHECK_NEAR(r.v[2].relative, -0.375, 0);
    CHECK_INT(imr_ranking_find(&r, 0), 2);
    CHECK_INT(imr_ranking_find(&r, 1), 3);
    imr_ranking_done(&r);
}

TEST("permuting the candidates permutes nothing but the input")
{
    enum { N = 50 };
    uint32_t documents[N], places[N], mirrored[N];
    float before[N], after[N], before_m[N], after_m[N];
    for (uint32_t i = 0; i < N; i++) {
        documents[i] = i;
        places[i] = i * 3 % N;
        before[i] = floorf(noise() * 8) / 8;
        after[i] = floorf(noise() * 8) / 8;
    }
    for (uint32_t i = 0; i < N; i++) {
        mirrored[i] = documents[N - 1 - i];
        before_m[i] = before[N - 1 - i];
        after_m[i] = after[N - 1 - i];
    }
    imr_error err = {0};
    imr_ranking a, b;
    CHECK_OK(imr_ranking_make(&a, documents, NULL, before, after, N, places, &err));
    CHECK_OK(imr_ranking_make(&b, mirrored, NULL, before_m, after_m, N, places, &err));
    int64_t moves = 0;
    for (size_t i = 0; i < N; i++) {
        CHECK_INT(a.v[i].document, b.v[i].document);
        CHECK_INT(a.v[i].rank_before, b.v[i].rank_before);
        CHECK_NEAR(a.v[i].relative, b.v[i].relative, 0);
        moves += a.v[i].move;
    }
    CHECK_INT(moves, 0); /* what rises is what others fall */
    imr_ranking_done(&a);
    imr_ranking_done(&b);
}

TEST("a score that is not finite is refused with its ranking and document")
{
    const uint32_t documents[] = {7, 9}, places[10] = {0};
    const float good[] = {0, 0}, bad[] = {0, NAN};
    imr_error err = {0};
    imr_ranking r;
    CHECK_INT(imr_ranking_make(&r, documents, bad, good, good, 2, places, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "encoder score of document 9");
    CHECK_INT(imr_ranking_make(&r, documents, NULL, good, bad, 2, places, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "after score of document 9");
    for (long i = 0; i < 3; i++) {
        imr_mem_fail_after(i);
        imr_status status = imr_ranking_make(&r, documents, good, good, good, 2, places, &err);
        imr_mem_fail_after(-1);
        CHECK_INT(status, IMR_E_MEMORY);
    }
}
