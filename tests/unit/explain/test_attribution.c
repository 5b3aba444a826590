#include "base/mem.h"
#include "explain/attribution.h"
#include "math/linalg.h"
#include "tests/unit/explain/support.h"

enum { M = 12, N = 30, V = 80, COUNT = 9, TOKENS = 6, SAMPLE = 40 };

/* A world with COUNT texts of one query, and a background. */
typedef struct stage {
    world w;
    float *before, *after, *other, *deltas;
    imr_background background;
    imr_shift shifts[COUNT];
} stage;

static void stage_init(stage *s, uint64_t seed)
{
    imr_error err = {0};
    world_init(&s->w, M, N, V, M, seed);
    s->before = random_floats((size_t)COUNT * M, 0.2, seed + 10);
    s->after = random_floats((size_t)COUNT * M, 2, seed + 11);
    s->other = random_floats((size_t)COUNT * M, 0.3, seed + 12);
    s->deltas = random_floats((size_t)SAMPLE * M, 1, seed + 13);
    CHECK_OK(imr_background_init(&s->background, &s->w.lens, imr_view_of(s->deltas, SAMPLE, M),
                                 NULL, &err));
    for (size_t i = 0; i < COUNT; i++)
        s->shifts[i] = (imr_shift){.before = s->before + i * M,
                                   .after = s->after + i * M,
                                   .other = s->other + i / 3 * M, /* some share it */
                                   .background = &s->background};
}

static void stage_done(stage *s)
{
    imr_background_done(&s->background);
    world_done(&s->w);
    free(s->before);
    free(s->after);
    free(s->other);
    free(s->deltas);
}

/* Everything about one token by the formulas as they stand, in double. */
typedef struct naive_score {
    double cosine, z, background_z, effect;
} naive_score;

static naive_score naive(const stage *s, const imr_shift *shift, imr_change_kind kind, size_t t)
{
    double x[M], y[M], o[M], delta[M], base[N], scratch[M], w[M], removed[M];
    double nx = 0, ny = 0;
    for (size_t j = 0; j < M; j++) {
        x[j] = (double)shift->before[j];
        y[j] = (double)shift->after[j];
        o[j] = (double)shift->other[j];
        nx += x[j] * x[j];
        ny += y[j] * y[j];
    }
    nx = sqrt(nx);
    ny = sqrt(ny);
    imr_change_delta(delta, kind, shift->before, shift->after, M);
    imr_backproject(base, &s->w.back, delta, scratch);
    naive_score n = {.cosine = naive_token_cosine(&s->w, base, t)};
    const double visibility = (double)s->w.lens.visibility[t];
    n.z = visibility > 0 ? n.cosine / sqrt(visibility / M) : 0;
    n.background_z = imr_background_z(&s->background, (uint32_t)t, n.cosine);
    naive_direction(w, &s->w, t);
    double a = 0;
    for (size_t j = 0; j < M; j++)
        a += w[j] * (y[j] - ny * x[j] / nx);
    for (size_t j = 0; j < M; j++)
        removed[j] = y[j] - a * w[j];
    n.effect =
        naive_dot(y, o, M) / ny - naive_dot(removed, o, M) / sqrt(naive_dot(removed, removed, M));
    return n;
}

static double naive_key(naive_score n, imr_attribution_order order)
{
    return order == IMR_BY_COSINE ? n.cosine : (order == IMR_BY_EFFECT ? n.effect : n.background_z);
}

static void check_score(const imr_token_score *found, naive_score n)
{
    CHECK_NEAR(found->cosine, n.cosine, 1e-6);
    CHECK_NEAR(found->z, n.z, 1e-5);
    /* sigma is near 0.2 here, so float32 in mean and sd weighs five times */
    CHECK_NEAR(found->background_z, n.background_z, 1e-4);
    CHECK_NEAR(found->effect, n.effect, 1e-6);
}

static void check_list(const stage *s, const imr_shift *shift, imr_attribution_settings set,
                       const imr_token_score *list, size_t n, double sign)
{
    CHECK_INT(n, TOKENS);
    for (size_t k = 0; k < n; k++) {
        const naive_score mine = naive(s, shift, set.kind, list[k].id);
        size_t ahead = 0, level = 0;
        check_score(&list[k], mine);
        CHECK(set.with_hidden || !s->w.table.hidden[list[k].id]);
        for (size_t t = 0; t < V; t++) {
            if (!set.with_hidden && s->w.table.hidden[t])
                continue;
            const double gap = sign * (naive_key(naive(s, shift, set.kind, t), set.order) -
                                       naive_key(mine, set.order));
            ahead += gap > 1e-4;
            level += fabs(gap) <= 1e-4;
        }
        CHECK(ahead <= k && ahead + level > k);
    }
}

TEST("lists, scores and order equal those of the slow path for every kind and every order")
{
    imr_error err = {0};
    for (uint64_t seed = 400; seed < 403; seed++) {
        stage s = {0};
        stage_init(&s, seed);
        imr_attribution_space space = {0};
        imr_attribution out[COUNT];
        imr_token_score scores[COUNT * 2 * TOKENS];
        for (imr_change_kind kind = IMR_CHANGE_PAPER; kind <= IMR_CHANGE_UNIT; kind++)
            for (imr_attribution_order order = IMR_BY_COSINE; order <= IMR_BY_EFFECT; order++) {
                const imr_attribution_settings set = {kind, order, TOKENS, seed == 402};
                CHECK_OK(imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space,
                                             NULL, &err));
                for (size_t i = 0; i < COUNT; i++) {
                    check_list(&s, &s.shifts[i], set, out[i].positive, out[i].n_positive, 1);
                    check_list(&s, &s.shifts[i], set, out[i].negative, out[i].n_negative, -1);
                }
            }
        imr_attribution_space_done(&space);
        stage_done(&s);
    }
}

TEST("alignment and lengths are those of the change")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 410);
    imr_attribution_space space = {0};
    imr_attribution out[COUNT];
    imr_token_score scores[COUNT * 2 * TOKENS];
    const imr_attribution_settings set = {IMR_CHANGE_UNIT, IMR_BY_COSINE, TOKENS, false};
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    for (size_t i = 0; i < COUNT; i++) {
        double delta[M], after[M], base[N], scratch[M];
        imr_change_delta(delta, IMR_CHANGE_UNIT, s.shifts[i].before, s.shifts[i].after, M);
        for (size_t j = 0; j < M; j++)
            after[j] = (double)s.shifts[i].after[j];
        imr_backproject(base, &s.w.back, delta, scratch);
        CHECK_NEAR(out[i].alignment, naive_cosine(delta, after, M), 1e-12);
        CHECK_NEAR(out[i].length, sqrt(naive_dot(delta, delta, M)), 1e-12);
        CHECK_NEAR(out[i].length_base, sqrt(naive_dot(base, base, N)), 1e-10);
    }
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("coverage is the part of the change inside the span of the shown directions")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 420);
    imr_attribution_space space = {0};
    imr_attribution out[COUNT];
    imr_token_score scores[COUNT * 2 * M];
    double last[COUNT] = {0};
    for (size_t tokens = 1; tokens <= M; tokens++) {
        const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, tokens, false};
        CHECK_OK(
            imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
        for (size_t i = 0; i < COUNT; i++) {
            if (2 * tokens < M) {
                const size_t n = out[i].n_positive + out[i].n_negative;
                double q[M * M], w[M], delta[M], covered = 0;
                for (size_t k = 0; k < n; k++) {
                    naive_direction(w, &s.w,
                                    k < out[i].n_positive
                                        ? out[i].positive[k].id
                                        : out[i].negative[k - out[i].n_positive].id);
                    for (size_t j = 0; j < M; j++)
                        q[j * n + k] = w[j];
                }
                CHECK_OK(imr_qr(q, M, n, NULL, &err));
                imr_change_delta(delta, IMR_CHANGE_PAPER, s.shifts[i].before, s.shifts[i].after, M);
                for (size_t k = 0; k < n; k++) {
                    double part = 0;
                    for (size_t j = 0; j < M; j++)
                        part += q[j * n + k] * delta[j];
                    covered += part * part;
                }
                /* F is float32; the directions of random tokens are far from parallel. */
                CHECK_NEAR(out[i].coverage, covered / naive_dot(delta, delta, M), 1e-5);
            } else {
                CHECK_NEAR(out[i].coverage, 1, 1e-6); /* the directions span everything */
            }
            CHECK(out[i].coverage >= last[i] - 1e-7);
            last[i] = out[i].coverage;
        }
    }
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("the projector's blind part of a change is covered by no token")
{
    imr_error err = {0};
    world w;
    world_init(&w, 10, 24, 40, 6, 425); /* rank 6 of 10 */
    float before[10] = {0}, after[10] = {0};
    after[0] = 1; /* rows 0 and 6 of P are equal, so e_0 - e_6 is outside its range */
    after[6] = -1;
    const imr_shift shift = {.before = before, .after = after};
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, 5, true};
    imr_attribution_space space = {0};
    imr_attribution out;
    imr_token_score scores[10];
    after[1] = 1;
    CHECK_OK(imr_attribution_run(&out, scores, &w.lens, &shift, 1, &set, &space, NULL, &err));
    CHECK(out.coverage < 0.4); /* e_1 is half visible (rows 1 and 7): 0.5 of 3 */
    CHECK(out.coverage > 0.1);
    imr_attribution_space_done(&space);
    world_done(&w);
}

TEST("permuting the candidates permutes the results and nothing else")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 430);
    imr_attribution_space space = {0};
    imr_attribution one[COUNT], two[COUNT];
    imr_token_score first[COUNT * 2 * TOKENS], second[COUNT * 2 * TOKENS];
    imr_shift turned[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        turned[i] = s.shifts[(i * 4 + 5) % COUNT];
    for (imr_attribution_order order = IMR_BY_COSINE; order <= IMR_BY_EFFECT; order++) {
        const imr_attribution_settings set = {IMR_CHANGE_UNIT, order, TOKENS, false};
        CHECK_OK(
            imr_attribution_run(one, first, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
        CHECK_OK(
            imr_attribution_run(two, second, &s.w.lens, turned, COUNT, &set, &space, NULL, &err));
        for (size_t i = 0; i < COUNT; i++) {
            const imr_attribution *a = &one[(i * 4 + 5) % COUNT], *b = &two[i];
            CHECK_INT(a->n_positive, b->n_positive);
            CHECK_NEAR(a->coverage, b->coverage, 1e-9);
            for (size_t k = 0; k < a->n_positive; k++) {
                CHECK_INT(a->positive[k].id, b->positive[k].id);
                CHECK_NEAR(a->positive[k].cosine, b->positive[k].cosine, 1e-7);
                CHECK_INT(a->positive[k].significant, b->positive[k].significant);
            }
        }
    }
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("the same token has the same number in a list and when asked for by name")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 440);
    imr_attribution_space space = {0};
    imr_attribution out[COUNT];
    imr_token_score scores[COUNT * 2 * TOKENS], asked[TOKENS];
    const imr_attribution_settings set = {IMR_CHANGE_UNIT, IMR_BY_COSINE, TOKENS, false};
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t ids[TOKENS];
        for (size_t k = 0; k < TOKENS; k++)
            ids[k] = out[i].negative[k].id;
        CHECK_OK(imr_attribution_tokens(asked, ids, TOKENS, &s.w.lens, &s.shifts[i],
                                        IMR_CHANGE_UNIT, &err));
        for (size_t k = 0; k < TOKENS; k++) {
            CHECK_NEAR(asked[k].cosine, out[i].negative[k].cosine, 1e-7);
            CHECK_NEAR(asked[k].effect, out[i].negative[k].effect, 1e-7);
            CHECK_INT(asked[k].hub_count, out[i].negative[k].hub_count);
        }
    }
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("significance marks what passes the threshold of the whole shown vocabulary")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 450);
    /* Strong and weak at once: a change along one token against one along none. */
    imr_attribution_space space = {0};
    imr_attribution out[COUNT];
    imr_token_score scores[COUNT * 2 * TOKENS];
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_BACKGROUND, TOKENS, false};
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    size_t marked = 0;
    for (size_t i = 0; i < COUNT; i++) {
        float cosines[V], scratch[V];
        double delta[M], base[N], c[M];
        imr_change_delta(delta, set.kind, s.shifts[i].before, s.shifts[i].after, M);
        imr_backproject(base, &s.w.back, delta, c);
        for (size_t t = 0; t < V; t++)
            cosines[t] = (float)naive_token_cosine(&s.w, base, t);
        double bar =
            imr_background_threshold(&s.background, cosines, s.w.table.hidden, 0.05, scratch);
        for (size_t k = 0; k < out[i].n_positive; k++) {
            CHECK_INT(out[i].positive[k].significant,
                      fabs((double)out[i].positive[k].background_z) >= bar);
            marked += out[i].positive[k].significant;
        }
    }
    CHECK(marked < COUNT * TOKENS);
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("no change has no words, and missing columns are NaN rather than zero")
{
    imr_error err = {0};
    world w;
    world_init(&w, M, N, V, M, 460);
    float *x = random_floats(M, 1, 461), zero[M] = {0};
    const imr_shift shifts[] = {{.before = x, .after = x}, {.before = zero, .after = x}};
    imr_attribution_space space = {0};
    imr_attribution out[2];
    imr_token_score scores[2 * 2 * TOKENS];
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, TOKENS, false};
    CHECK_OK(imr_attribution_run(out, scores, &w.lens, shifts, 2, &set, &space, NULL, &err));
    CHECK_INT(out[0].n_positive, 0);
    CHECK_INT(out[0].n_negative, 0);
    CHECK(out[0].alignment == 0 && out[0].coverage == 0 && out[0].length == 0);
    CHECK_INT(out[1].n_positive, TOKENS);
    CHECK_NEAR(out[1].alignment, 1, 1e-12);
    CHECK(isnan(out[1].positive[0].background_z) && isnan(out[1].positive[0].effect));
    CHECK(!out[1].positive[0].significant && out[1].positive[0].hub_count == 0);
    CHECK(out[1].positive[0].cosine > 0 && out[1].negative[0].cosine < 0);
    free(x);
    imr_attribution_space_done(&space);
    world_done(&w);
}

TEST("the contrast of two documents is the difference of their unit changes")
{
    stage s = {0};
    stage_init(&s, 470);
    float before[M], after[M];
    double one[M], two[M], contrast[M];
    const imr_shift *a = &s.shifts[0], *b = &s.shifts[1];
    imr_change_contrast(before, after, a->before, a->after, b->before, b->after, M);
    imr_change_delta(contrast, IMR_CHANGE_CONTRAST, before, after, M);
    imr_change_delta(one, IMR_CHANGE_UNIT, a->before, a->after, M);
    imr_change_delta(two, IMR_CHANGE_UNIT, b->before, b->after, M);
    float rows[2 * M];
    imr_change_delta_rows(rows, IMR_CHANGE_UNIT, imr_view_of(s.before, 2, M),
                          imr_view_of(s.after, 2, M));
    for (size_t j = 0; j < M; j++) {
        CHECK_NEAR(contrast[j], one[j] - two[j], 1e-6);
        CHECK_NEAR(rows[j], one[j], 1e-7);
        CHECK_NEAR(rows[M + j], two[j], 1e-7);
    }
    CHECK_STR(imr_change_kind_name(IMR_CHANGE_CONTRAST), "contrast");
    stage_done(&s);
}

TEST("more tokens than there are, and a space used for other sizes before, are fine")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 480);
    imr_attribution_space space = {0};
    imr_attribution out[COUNT], again[2];
    imr_token_score *scores = malloc((size_t)COUNT * 2 * 500 * sizeof *scores);
    imr_token_score few[2 * 2 * 3];
    imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_EFFECT, 500, true};
    CHECK(scores != NULL);
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    /* all but the zero row, which has no effect */
    CHECK_INT(out[3].n_positive + out[3].n_negative, V - 1);
    set = (imr_attribution_settings){IMR_CHANGE_PAPER, IMR_BY_EFFECT, 3, true};
    CHECK_OK(imr_attribution_run(again, few, &s.w.lens, s.shifts + 3, 2, &set, &space, NULL, &err));
    for (size_t k = 0; k < 3; k++)
        CHECK_INT(again[0].positive[k].id, out[3].positive[k].id);
    CHECK_OK(imr_attribution_run(again, few, &s.w.lens, s.shifts, 0, &set, &space, NULL, &err));
    free(scores);
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("changes that fill several batches come out as they would one by one")
{
    imr_error err = {0};
    /* 64 at once are multiplied when ordered by effect. */
    enum { WIDE = 30000, MANY = 80 };
    world w;
    world_init(&w, 3, 3, WIDE, 3, 490);
    float *x = random_floats((size_t)MANY * 7, 1, 491);
    imr_shift shifts[MANY];
    for (size_t i = 0; i < MANY; i++)
        shifts[i] = (imr_shift){.before = x + i * 7, .after = x + i * 7 + 3, .other = x};
    imr_attribution_space space = {0};
    imr_attribution out[MANY], one;
    imr_token_score scores[MANY * 2 * 2], single[4];
    const imr_attribution_settings set = {IMR_CHANGE_UNIT, IMR_BY_EFFECT, 2, false};
    CHECK_OK(imr_attribution_run(out, scores, &w.lens, shifts, MANY, &set, &space, NULL, &err));
    for (size_t i = 0; i < MANY; i += 13) {
        CHECK_OK(
            imr_attribution_run(&one, single, &w.lens, shifts + i, 1, &set, &space, NULL, &err));
        CHECK_NEAR(out[i].positive[0].effect, one.positive[0].effect, 1e-6);
        CHECK_NEAR(out[i].negative[1].effect, one.negative[1].effect, 1e-6);
        CHECK_NEAR(out[i].coverage, one.coverage, 1e-3);
    }
    free(x);
    imr_attribution_space_done(&space);
    world_done(&w);
}

/* To the bit, NaN included. */
static void check_equal(const imr_token_score *a, const imr_token_score *b, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        CHECK_INT(a[k].id, b[k].id);
        CHECK(a[k].cosine == b[k].cosine);
        CHECK(memcmp(&a[k].background_z, &b[k].background_z, sizeof a->background_z) == 0);
        CHECK_INT(a[k].significant, b[k].significant);
    }
}

/* Words by rounded products in every instruction set beside those by float32 ones: changes along
 * no, one and many tokens, so that from none to most are significant; and none at all. */
static void check_rounded(size_t m, size_t n, uint64_t seed)
{
    enum { WIDE = 3000, MANY = 24, LIST = 5, LARGEST = 60 };
    imr_error err = {0};
    world w;
    world_init(&w, m, n, WIDE, m, seed);
    imr_background background;
    float *deltas = random_floats(SAMPLE * m, 1, seed + 1), *x = random_floats(MANY * m, 1, seed);
    float y[MANY * LARGEST], o[LARGEST];
    memset(o, 0, sizeof o);
    CHECK_OK(imr_background_init(&background, &w.lens, imr_view_of(deltas, SAMPLE, m), NULL, &err));
    imr_shift shifts[MANY];
    for (size_t i = 0; i < MANY; i++) {
        double towards[LARGEST] = {0};
        for (size_t t = 0; t < i * i; t++) {
            double one[LARGEST];
            naive_direction(one, &w, (7 * t + 8) % WIDE);
            for (size_t k = 0; k < m; k++)
                towards[k] += one[k];
        }
        for (size_t k = 0; k < m; k++)
            y[i * m + k] = x[i * m + k] + (i == 1 ? 0 : (float)towards[k]) +
                           (i == 1 ? 0 : 0.3F * deltas[i * m + k]);
        shifts[i] = (imr_shift){x + i * m, y + i * m, o, i % 5 == 4 ? NULL : &background};
    }
    imr_attribution_space space = {0};
    imr_attribution out[MANY], expected[MANY];
    imr_token_score scores[MANY * 2 * LIST], want[MANY * 2 * LIST];
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, LIST, seed % 2};
    imr_packed_done(&w.lens.rounded);
    CHECK_OK(imr_attribution_run(expected, want, &w.lens, shifts, MANY, &set, &space, NULL, &err));
    const imr_kernels *kernels;
    for (size_t k = 0; (kernels = imr_kernels_at(k)); k++) {
        CHECK_OK(imr_lens_add_rounded(&w.lens, kernels, &err));
        CHECK_OK(imr_attribution_run(out, scores, &w.lens, shifts, MANY, &set, &space, NULL, &err));
        for (size_t i = 0; i < MANY; i++) {
            CHECK_INT(out[i].n_positive, expected[i].n_positive);
            CHECK_INT(out[i].n_negative, expected[i].n_negative);
            CHECK_NEAR(out[i].coverage, expected[i].coverage, 1e-12);
            check_equal(out[i].positive, expected[i].positive, out[i].n_positive);
            check_equal(out[i].negative, expected[i].negative, out[i].n_negative);
        }
    }
    imr_attribution_space_done(&space);
    imr_background_done(&background);
    free(deltas);
    free(x);
    world_done(&w);
}

TEST("rounded products lead to the words and marks of float32 ones, however close the tokens lie")
{
    for (uint64_t seed = 520; seed < 524; seed++) {
        check_rounded(48, 60, seed); /* cosines far apart: few are looked at twice */
        check_rounded(3, 5, seed);   /* and close together: most changes are done again */
    }
}

static bool refuse(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

TEST("attribution can be cancelled and run out of memory, its output untouched")
{
    imr_error err = {0};
    stage s = {0};
    stage_init(&s, 500);
    imr_attribution_space space = {0};
    imr_attribution out[COUNT] = {{.n_positive = 99}};
    imr_token_score scores[COUNT * 2 * TOKENS];
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, TOKENS, false};
    int looks = 1;
    const imr_progress progress = {refuse, &looks};
    CHECK_INT(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, &progress, &err),
        IMR_E_CANCELLED);
    imr_attribution_space_done(&space);
    imr_mem_fail_after(0);
    imr_status run =
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err);
    imr_mem_fail_after(0);
    const uint32_t id = 1;
    imr_status tokens =
        imr_attribution_tokens(scores, &id, 1, &s.w.lens, &s.shifts[0], IMR_CHANGE_PAPER, &err);
    imr_mem_fail_after(-1);
    CHECK_INT(run, IMR_E_MEMORY);
    CHECK_INT(tokens, IMR_E_MEMORY);
    CHECK_INT(out[0].n_positive, 99);
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    /* a space that is large enough costs no allocation */
    imr_mem_fail_after(1000);
    CHECK_OK(
        imr_attribution_run(out, scores, &s.w.lens, s.shifts, COUNT, &set, &space, NULL, &err));
    long used = imr_mem_count();
    imr_mem_fail_after(-1);
    CHECK_INT(used, 0);
    imr_attribution_space_done(&space);
    stage_done(&s);
}

TEST("attribution stops between parts of a large table, its output untouched, and can go on after")
{
    imr_error err = {0};
    world w;
    world_init(&w, 3, 3, 30000, 3, 492);
    float *x = random_floats(7, 1, 493);
    const imr_shift shift = {.before = x, .after = x + 3};
    const imr_attribution_settings set = {IMR_CHANGE_PAPER, IMR_BY_COSINE, 2, false};
    imr_attribution_space space = {0};
    imr_attribution out = {.n_positive = 99}, whole;
    imr_token_score scores[4], expected[4];
    CHECK_OK(imr_attribution_run(&whole, expected, &w.lens, &shift, 1, &set, &space, NULL, &err));
    int stopped = 0;
    for (imr_status status = IMR_E_CANCELLED; status == IMR_E_CANCELLED && stopped < 100;) {
        int looks = stopped + 1;
        const imr_progress progress = {refuse, &looks};
        status =
            imr_attribution_run(&out, scores, &w.lens, &shift, 1, &set, &space, &progress, &err);
        if (status == IMR_E_CANCELLED) {
            CHECK_INT(out.n_positive, 99);
            stopped++;
        } else {
            CHECK_INT(status, IMR_OK);
        }
    }
    CHECK(stopped >= 1 && stopped < 100);
    CHECK_INT(out.n_positive, whole.n_positive);
    CHECK_INT(scores[0].id, expected[0].id);
    free(x);
    imr_attribution_space_done(&space);
    world_done(&w);
}
