#include "explain/change.h"
#include "tests/unit/explain/support.h"

enum { M = 33 };

typedef struct scene {
    float *v; /* q d q' d' s b u w, M each */
    imr_pair pair;
    imr_gates gates;
} scene;

static scene scene_of(uint64_t seed)
{
    scene s = {.v = random_floats(8 * M, 1, seed)};
    s.pair = (imr_pair){s.v, s.v + M, s.v + 2 * M, s.v + 3 * M, M};
    s.gates = (imr_gates){s.v + 4 * M, s.v + 5 * M, s.v + 6 * M, s.v + 7 * M};
    return s;
}

TEST("shares by dimension, by side and by stage each add up to the change")
{
    for (uint64_t seed = 1; seed < 30; seed++) {
        scene s = scene_of(seed);
        double shares[M], before[M], after[M], query, document, sum = 0;
        imr_step_share stages[IMR_STEP_COUNT];
        imr_share_check d = imr_contribution_dimensions(shares, before, after, &s.pair);
        imr_share_check a = imr_contribution_sides(&query, &document, &s.pair);
        imr_share_check t = imr_contribution_steps(stages, &s.pair, &s.gates);
        for (size_t j = 0; j < M; j++) {
            CHECK_NEAR(shares[j], after[j] - before[j], 1e-16);
            sum += shares[j];
        }
        CHECK_NEAR(sum, d.delta_sim, 1e-14);
        CHECK_NEAR(query + document, d.delta_sim, 1e-14);
        CHECK_NEAR(stages[IMR_STEP_QUERY_NORM].cosine - stages[IMR_STEP_PROJECTED].cosine,
                   d.delta_sim, 1e-14);
        CHECK_NEAR(d.residual, 0, 1e-14);
        CHECK_NEAR(a.residual, 0, 1e-14);
        CHECK_NEAR(t.residual, 0, 1e-14);
        CHECK(a.delta_sim == d.delta_sim && t.delta_sim == d.delta_sim);
        free(s.v);
    }
}

TEST("shares do not depend on the length of any vector")
{
    scene s = scene_of(40);
    double one[M], two[M];
    imr_contribution_dimensions(one, NULL, NULL, &s.pair);
    for (size_t j = 0; j < M; j++) {
        s.v[j] *= 4;
        s.v[M + j] *= 0.5F;
        s.v[2 * M + j] *= 16;
        s.v[3 * M + j] *= 0.125F;
    }
    imr_contribution_dimensions(two, NULL, NULL, &s.pair);
    for (size_t j = 0; j < M; j++)
        CHECK_NEAR(one[j], two[j], 1e-15);
    free(s.v);
}

TEST("the side that did not change has no share, and equal changes have equal shares")
{
    scene s = scene_of(41);
    double query, document, other_query, other_document;
    imr_pair p = s.pair;
    p.q_after = p.q;
    imr_share_check c = imr_contribution_sides(&query, &document, &p);
    CHECK_NEAR(query, 0, 1e-16);
    CHECK_NEAR(document, c.delta_sim, 1e-15);
    imr_pair swapped = {s.pair.d, s.pair.q, s.pair.d_after, s.pair.q_after, M};
    imr_contribution_sides(&query, &document, &s.pair);
    imr_contribution_sides(&other_query, &other_document, &swapped);
    CHECK_NEAR(query, other_document, 1e-15);
    CHECK_NEAR(document, other_query, 1e-15);
    free(s.v);
}

TEST("each stage is the cosine of its formula")
{
    scene s = scene_of(42);
    imr_step_share out[IMR_STEP_COUNT];
    imr_contribution_steps(out, &s.pair, &s.gates);
    double x[M], y[M];
    for (size_t j = 0; j < M; j++) {
        x[j] = (double)s.pair.q[j];
        y[j] = (double)s.pair.d[j] * (double)s.gates.doc_scale[j] + (double)s.gates.doc_bias[j];
    }
    CHECK_NEAR(out[IMR_STEP_DOC_BIAS].cosine, naive_cosine(x, y, M), 1e-14);
    for (size_t j = 0; j < M; j++)
        y[j] = (double)s.pair.d[j] * (double)s.gates.doc_scale[j];
    CHECK_NEAR(out[IMR_STEP_DOC_SCALE].cosine, naive_cosine(x, y, M), 1e-14);
    for (size_t j = 0; j < M; j++) {
        x[j] = (double)s.pair.q[j] * (double)s.gates.query_scale[j];
        y[j] = (double)s.pair.d_after[j];
    }
    CHECK_NEAR(out[IMR_STEP_QUERY_SCALE].cosine, naive_cosine(x, y, M), 1e-14);
    for (size_t j = 0; j < M; j++)
        x[j] += (double)s.gates.query_bias[j];
    CHECK_NEAR(out[IMR_STEP_QUERY_BIAS].cosine, naive_cosine(x, y, M), 1e-14);
    CHECK_STR(imr_step_names[IMR_STEP_PROJECTED], "projected");
    CHECK_STR(imr_step_names[IMR_STEP_QUERY_NORM], "query norm");
    free(s.v);
}

TEST("a zero vector gives zeros, never NaN")
{
    scene s = scene_of(43);
    memset(s.v, 0, M * sizeof *s.v);
    double shares[M], query, document;
    imr_step_share stages[IMR_STEP_COUNT];
    imr_share_check c = imr_contribution_dimensions(shares, NULL, NULL, &s.pair);
    CHECK_NEAR(c.residual, 0, 1e-14);
    c = imr_contribution_sides(&query, &document, &s.pair);
    CHECK_NEAR(c.residual, 0, 1e-14);
    CHECK(isfinite(query) && isfinite(document));
    c = imr_contribution_steps(stages, &s.pair, &s.gates);
    CHECK(stages[IMR_STEP_PROJECTED].cosine == 0);
    CHECK_NEAR(c.residual, 0, 1e-14);
    free(s.v);
}

TEST("the largest shares come first, by size, equal ones by index")
{
    const double shares[] = {0.1, -0.5, 0.5, 0, 0.3, -0.1};
    uint32_t index[6];
    CHECK_INT(imr_contribution_top(index, 3, shares, 6), 3);
    CHECK(index[0] == 1 && index[1] == 2 && index[2] == 4);
    CHECK_INT(imr_contribution_top(index, 9, shares, 6), 6);
    CHECK(index[3] == 0 && index[4] == 5 && index[5] == 3);
    CHECK_INT(imr_contribution_top(index, 0, shares, 6), 0);
}
