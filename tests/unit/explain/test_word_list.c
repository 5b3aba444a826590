#include "base/mem.h"
#include "explain/word_list.h"
#include "math/linalg.h"
#include "tests/unit/explain/support.h"

enum { M = 12, N = 30, V = 80, COUNT = 9, WORDS = 6, SAMPLE = 40 };

static const imr_change_kind changes[] = {IMR_CHANGE_PAPER, IMR_CHANGE_OWN, IMR_CHANGE_UNIT,
                                          IMR_CHANGE_CONTRAST};

/* A world with COUNT texts, what they share, and a background. */
typedef struct stage {
    world w;
    float *before, *after, *other, *deltas;
    double common[M];
    imr_background background, by_kind[IMR_CHANGE_COUNT];
    imr_word_subject subjects[COUNT];
    imr_word_list lists[COUNT][IMR_CHANGE_COUNT];
    imr_arena *arena;
} stage;

static void stage_init(stage *s, uint64_t seed)
{
    imr_error err = {0};
    memset(s, 0, sizeof *s);
    world_init(&s->w, M, N, V, M, seed);
    s->before = random_floats((size_t)COUNT * M, 0.2, seed + 10);
    s->after = random_floats((size_t)COUNT * M, 2, seed + 11);
    s->other = random_floats((size_t)COUNT * M, 0.3, seed + 12);
    s->deltas = random_floats((size_t)SAMPLE * M, 1, seed + 13);
    s->arena = imr_arena_new();
    imr_change_common(s->common, NULL, imr_view_of(s->before, COUNT, M),
                      imr_view_of(s->after, COUNT, M));
    CHECK_OK(imr_background_init(&s->background, &s->w.lens, imr_view_of(s->deltas, SAMPLE, M),
                                 NULL, &err));
    for (size_t i = 0; i < COUNT; i++) {
        s->subjects[i] = (imr_word_subject){.before = s->before + i * M,
                                            .after = s->after + i * M,
                                            .other = s->other + i / 3 * M, /* some share it */
                                            .common = s->common,
                                            .background = s->by_kind};
    }
    for (size_t k = 0; k < IMR_CHANGE_COUNT; k++)
        s->by_kind[k] = s->background;
}

static void stage_done(stage *s)
{
    imr_background_done(&s->background);
    world_done(&s->w);
    imr_arena_free(s->arena);
    free(s->before);
    free(s->after);
    free(s->other);
    free(s->deltas);
}

static void list_all(stage *s, imr_token_order order, size_t words)
{
    imr_error err = {0};
    const imr_word_settings set = {changes, IMR_LEN(changes), order, words};
    CHECK_OK(imr_word_lists(s->lists, &s->w.lens, s->subjects, COUNT, &set, s->arena, NULL, &err));
}

/* delta by its definition. */
static void naive_delta(double *delta, const stage *s, size_t text, imr_change_kind kind)
{
    const bool less = kind == IMR_CHANGE_OWN || kind == IMR_CHANGE_CONTRAST;
    imr_change_delta(delta, less ? IMR_CHANGE_UNIT : kind, s->before + text * M,
                     s->after + text * M, M);
    for (size_t j = 0; j < M && less; j++)
        delta[j] -= s->common[j];
}

/* Everything about one word by the formulas as they stand, in double. */
typedef struct naive_score {
    double cosine, z, background_z, effect;
} naive_score;

static naive_score naive(const stage *s, size_t text, imr_change_kind kind, size_t t)
{
    double x[M], y[M], o[M], delta[M], base[N], scratch[M], w[M], removed[M];
    double nx = 0, ny = 0, a = 0;
    for (size_t j = 0; j < M; j++) {
        x[j] = (double)s->before[text * M + j];
        y[j] = (double)s->after[text * M + j];
        o[j] = (double)s->other[text / 3 * M + j];
    }
    nx = sqrt(naive_dot(x, x, M));
    ny = sqrt(naive_dot(y, y, M));
    naive_delta(delta, s, text, kind);
    imr_backproject(base, &s->w.back, delta, scratch);
    naive_score n = {.cosine = naive_token_cosine(&s->w, base, t)};
    const double visibility = (double)s->w.lens.visibility[t];
    n.z = visibility > 0 ? n.cosine / sqrt(visibility / M) : 0;
    n.background_z = imr_background_z(&s->background, (uint32_t)t, n.cosine);
    naive_direction(w, &s->w, t);
    for (size_t j = 0; j < M; j++)
        a += w[j] * (y[j] - ny * x[j] / nx);
    for (size_t j = 0; j < M; j++)
        removed[j] = y[j] - a * w[j];
    n.effect =
        naive_dot(y, o, M) / ny - naive_dot(removed, o, M) / sqrt(naive_dot(removed, removed, M));
    return n;
}

static double naive_key(naive_score n, imr_token_order order)
{
    return order == IMR_ORDER_COSINE ? n.cosine : order == IMR_ORDER_Z ? n.background_z : n.effect;
}

static void check_list(const stage *s, size_t text, imr_change_kind kind, imr_token_order order,
                       const imr_word_score *list, size_t n, double sign)
{
    CHECK_INT(n, WORDS);
    for (size_t k = 0; k < n; k++) {
        const naive_score mine = naive(s, text, kind, list[k].id);
        size_t ahead = 0, level = 0;
        CHECK_NEAR(list[k].cosine, mine.cosine, 1e-6);
        CHECK_NEAR(list[k].z, mine.z, 1e-5);
        /* sigma is near 0.2 here, so float32 in mean and sd weighs five times */
        CHECK_NEAR(list[k].background_z, mine.background_z, 1e-4);
        CHECK_NEAR(list[k].effect, mine.effect, 1e-6);
        CHECK_STR(list[k].text, s->w.texts[list[k].id]);
        CHECK(!s->w.table.hidden[list[k].id]);
        CHECK(list[k].hub == (list[k].hub_count >= SAMPLE / 5));
        for (size_t t = 0; t < V; t++) {
            if (s->w.table.hidden[t])
                continue;
            const double gap =
                sign * (naive_key(naive(s, text, kind, t), order) - naive_key(mine, order));
            ahead += gap > 1e-4;
            level += fabs(gap) <= 1e-4;
        }
        CHECK(ahead <= k && ahead + level > k);
    }
}

TEST("lists, scores and order equal those of the slow path for every kind and every order")
{
    static stage s;
    for (uint64_t seed = 400; seed < 403; seed++) {
        stage_init(&s, seed);
        for (imr_token_order order = IMR_ORDER_COSINE; order <= IMR_ORDER_EFFECT; order++) {
            list_all(&s, order, WORDS);
            for (size_t i = 0; i < COUNT; i++)
                for (size_t k = 0; k < IMR_LEN(changes); k++) {
                    const imr_word_list *l = &s.lists[i][changes[k]];
                    check_list(&s, i, changes[k], order, l->positive, l->n_positive, 1);
                    check_list(&s, i, changes[k], order, l->negative, l->n_negative, -1);
                }
        }
        stage_done(&s);
    }
}

TEST("alignment is that of the change, and what is common is what its mean is to it")
{
    static stage s;
    float part;
    double mean[M] = {0}, length = 0;
    stage_init(&s, 410);
    list_all(&s, IMR_ORDER_COSINE, WORDS);
    for (size_t i = 0; i < COUNT; i++) {
        double delta[M], after[M];
        for (size_t k = 0; k < IMR_LEN(changes); k++) {
            naive_delta(delta, &s, i, changes[k]);
            for (size_t j = 0; j < M; j++)
                after[j] = (double)s.after[i * M + j];
            CHECK_NEAR(s.lists[i][changes[k]].alignment, naive_cosine(delta, after, M), 1e-7);
        }
        naive_delta(delta, &s, i, IMR_CHANGE_UNIT);
        length += sqrt(naive_dot(delta, delta, M)) / COUNT;
        for (size_t j = 0; j < M; j++)
            mean[j] += delta[j] / COUNT;
    }
    imr_change_common(s.common, &part, imr_view_of(s.before, COUNT, M),
                      imr_view_of(s.after, COUNT, M));
    for (size_t j = 0; j < M; j++)
        CHECK_NEAR(s.common[j], mean[j], 1e-12);
    CHECK_NEAR(part, sqrt(naive_dot(mean, mean, M)) / length, 1e-7);
    stage_done(&s);
}

/* The part of delta in the span of the listed words' directions, by Gram and Schmidt, twice. */
static double naive_coverage(const stage *s, const imr_word_list *l, const double *delta)
{
    const size_t n = l->n_positive + l->n_negative;
    double q[M][M], covered = 0;
    for (size_t k = 0; k < n; k++) {
        naive_direction(q[k], &s->w,
                        k < l->n_positive ? l->positive[k].id : l->negative[k - l->n_positive].id);
        for (size_t i = 0; i < 2 * k; i++) {
            const double part = naive_dot(q[k], q[i % k], M);
            for (size_t j = 0; j < M; j++)
                q[k][j] -= part * q[i % k][j];
        }
        const double length = sqrt(naive_dot(q[k], q[k], M));
        for (size_t j = 0; j < M; j++)
            q[k][j] /= length;
        const double part = naive_dot(q[k], delta, M);
        covered += part * part;
    }
    return covered / naive_dot(delta, delta, M);
}

TEST("coverage is the part of the change inside the span of the listed directions")
{
    static stage s;
    double last[COUNT] = {0};
    stage_init(&s, 420);
    for (size_t words = 1; words <= M; words++) {
        list_all(&s, IMR_ORDER_COSINE, words);
        for (size_t i = 0; i < COUNT; i++) {
            const imr_word_list *l = &s.lists[i][IMR_CHANGE_PAPER];
            double delta[M];
            naive_delta(delta, &s, i, IMR_CHANGE_PAPER);
            /* F is float32; the directions of random words are far from parallel. */
            CHECK_NEAR(l->coverage, 2 * words < M ? naive_coverage(&s, l, delta) : 1, 1e-5);
            CHECK(l->coverage >= last[i] - 1e-7);
            last[i] = l->coverage;
        }
    }
    stage_done(&s);
}

TEST("the projector's blind part of a change is covered by no word")
{
    imr_error err = {0};
    world w;
    world_init(&w, 10, 24, 40, 6, 425); /* rank 6 of 10 */
    float before[10] = {0}, after[10] = {0};
    after[0] = 1; /* rows 0 and 6 of P are equal, so e_0 - e_6 is outside its range */
    after[6] = -1;
    after[1] = 1;
    const imr_word_subject subject = {.before = before, .after = after};
    const imr_word_settings set = {changes, 1, IMR_ORDER_COSINE, 5};
    imr_word_list out[1][IMR_CHANGE_COUNT] = {0};
    imr_arena *arena = imr_arena_new();
    CHECK_OK(imr_word_lists(out, &w.lens, &subject, 1, &set, arena, NULL, &err));
    /* e_1 is half visible (rows 1 and 7): 0.5 of 3 */
    CHECK(out[0][IMR_CHANGE_PAPER].coverage < 0.4 && out[0][IMR_CHANGE_PAPER].coverage > 0.1);
    imr_arena_free(arena);
    world_done(&w);
}

TEST("significance marks what passes the threshold of the whole shown vocabulary")
{
    static stage s;
    size_t marked = 0;
    stage_init(&s, 450);
    list_all(&s, IMR_ORDER_Z, WORDS);
    for (size_t i = 0; i < COUNT; i++) {
        const imr_word_list *l = &s.lists[i][IMR_CHANGE_PAPER];
        float cosines[V], scratch[V];
        double delta[M], base[N], c[M];
        naive_delta(delta, &s, i, IMR_CHANGE_PAPER);
        imr_backproject(base, &s.w.back, delta, c);
        for (size_t t = 0; t < V; t++)
            cosines[t] = (float)naive_token_cosine(&s.w, base, t);
        double bar =
            imr_background_threshold(&s.background, cosines, s.w.table.hidden, 0.05, scratch);
        for (size_t k = 0; k < l->n_positive; k++) {
            CHECK_INT(l->positive[k].significant, fabs((double)l->positive[k].background_z) >= bar);
            marked += l->positive[k].significant;
        }
    }
    CHECK(marked < COUNT * WORDS);
    stage_done(&s);
}

TEST("no change has no words, a vector has its own, and missing columns are NaN rather than zero")
{
    imr_error err = {0};
    world w;
    world_init(&w, M, N, V, M, 460);
    float *x = random_floats(M, 1, 461), zero[M] = {0}, apart[M];
    double mean[M];
    for (size_t j = 0; j < M; j++) /* `vector` takes it off */
        apart[j] = x[j] + (float)(mean[j] = .25 * (double)(j % 3));
    const imr_word_subject subjects[] = {{.before = x, .after = x},
                                         {.before = zero, .after = x},
                                         {.after = x},
                                         {.after = apart, .common = mean}};
    static const imr_change_kind kinds[] = {IMR_CHANGE_PAPER, IMR_CHANGE_VECTOR};
    const imr_word_settings set = {kinds, 2, IMR_ORDER_EFFECT, V};
    imr_word_list out[4][IMR_CHANGE_COUNT] = {0};
    imr_arena *arena = imr_arena_new();
    CHECK_OK(imr_word_lists(out, &w.lens, subjects, 4, &set, arena, NULL, &err));
    const imr_word_list *none = &out[0][IMR_CHANGE_PAPER], *some = &out[1][IMR_CHANGE_PAPER];
    const imr_word_list *vector = &out[2][IMR_CHANGE_VECTOR];
    const imr_word_list *less = &out[3][IMR_CHANGE_VECTOR];
    CHECK_INT(none->n_positive + none->n_negative, 0);
    CHECK(none->alignment == 0 && none->coverage == 0);
    /* Asked for more than there are, and ordered by an effect that there is not. */
    CHECK_INT(some->n_positive + some->n_negative, w.table.count[0] - 1); /* row 5 is zero */
    CHECK_NEAR(some->alignment, 1, 1e-7);
    CHECK(isnan(some->positive[0].background_z) && isnan(some->positive[0].effect));
    CHECK(!some->positive[0].significant && some->positive[0].hub_count == 0);
    CHECK(some->positive[0].cosine > 0 && some->negative[0].cosine < 0);
    CHECK_INT(vector->n_positive, some->n_positive);
    CHECK_INT(less->n_positive, some->n_positive);
    for (size_t k = 0; k < vector->n_positive; k++) {
        CHECK_INT(vector->positive[k].id, some->positive[k].id);
        CHECK_NEAR(less->positive[k].cosine, some->positive[k].cosine, 1e-6);
    }
    free(x);
    imr_arena_free(arena);
    world_done(&w);
}

static bool refuse(void *user, const imr_progress_info *info)
{
    (void)user, (void)info;
    return false;
}

TEST("word lists can be cancelled and run out of memory, their output untouched")
{
    imr_error err = {0};
    static stage s;
    stage_init(&s, 470);
    const imr_progress stop = {refuse, NULL};
    const imr_word_settings set = {changes, IMR_LEN(changes), IMR_ORDER_EFFECT, WORDS};
    CHECK_INT(imr_word_lists(s.lists, &s.w.lens, s.subjects, 1, &set, s.arena, &stop, &err),
              IMR_E_CANCELLED);
    CHECK(s.lists[0][IMR_CHANGE_PAPER].positive == NULL);
    imr_status status = IMR_E_MEMORY;
    for (long n = 0; status != IMR_OK; n++) {
        imr_mem_fail_after(n);
        status = imr_word_lists(s.lists, &s.w.lens, s.subjects, 1, &set, s.arena, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(n < 100 && (status == IMR_OK || status == IMR_E_MEMORY));
    }
    stage_done(&s);
}
