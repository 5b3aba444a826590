/* What an adapter does to real queries: numbers against their definitions, words against numbers. */
#include "session/quality.h"

#include "base/mem.h"
#include "math/nn.h"
#include "tests/unit/session/big_store.h"

enum { QUERIES = 12, K = 100, FIRST = 10 };

static imr_quality *quality_of(const big_store *s, const imr_cache *c, imr_ranker *r)
{
    imr_error err = {0};
    imr_adapter *a = big_adapter(s);
    imr_quality *q = NULL;
    CHECK_OK(imr_ranker_init(r, a, c, SIZE_MAX, NULL, &err));
    CHECK_OK(imr_quality_make(&q, r, NULL, &err));
    return q;
}

static uint32_t place_of(const uint32_t *order, size_t n, uint32_t document)
{
    for (size_t i = 0; i < n; i++)
        if (order[i] == document)
            return (uint32_t)i + 1;
    return 0;
}

static double degrees(const float *x, const float *y, size_t m)
{
    return acos(fmax(-1, fmin(1, imr_nn_cosine(x, y, m)))) * 180 / acos(-1);
}

typedef struct naive {
    double moved[IMR_EFFECT_STEPS], ranked[IMR_EFFECT_STEPS], kept[IMR_EFFECT_STEPS], query,
        document, scale;
    double count[IMR_STAGE_COUNT][BIG_DOCUMENTS];
} naive;

/* Whole rankings, looked through place by place. */
static void add_query(naive *v, imr_ranker *r, const imr_cache *c, size_t i, imr_arena *arena)
{
    imr_error err = {0};
    imr_listing l;
    const imr_view queries = imr_rows_view(c->queries.rows);
    const size_t m = r->adapter->w.m;
    static uint32_t whole[IMR_STAGE_COUNT][BIG_DOCUMENTS];
    CHECK_OK(imr_ranker_run(r, imr_view_row(&queries, i), &(imr_trace_settings){.feedback_k = K},
                            arena, NULL, &l, &err));
    imr_ranker_top(r, IMR_STAGE_ENCODER, whole[0], BIG_DOCUMENTS);
    imr_ranker_top(r, IMR_STAGE_BEFORE, whole[1], BIG_DOCUMENTS);
    memcpy(whole[2], l.document, K * sizeof **whole);
    static const int steps[IMR_EFFECT_STEPS][2] = {{0, 1}, {1, 2}, {0, 2}};
    for (size_t s = 0; s < IMR_EFFECT_STEPS; s++)
        for (size_t j = 0; j < FIRST; j++) {
            const uint32_t *to = whole[steps[s][1]];
            const size_t n = steps[s][1] == 2 ? K : BIG_DOCUMENTS;
            const uint32_t now = place_of(to, n, whole[steps[s][0]][j]);
            v->moved[s] += now ? fabs((double)now - (double)(j + 1)) : 0;
            v->ranked[s] += now > 0;
            v->kept[s] += (now > 0 && now <= FIRST) / (double)QUERIES;
        }
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
        for (size_t j = 0; j < FIRST; j++)
            v->count[k][whole[k][j]]++;
    v->query += degrees(r->query, r->run.q_mod, m) / QUERIES;
    for (size_t j = 0; j < FIRST; j++)
        v->document += degrees(l.d + j * m, l.d_mod + j * m, m) / FIRST / QUERIES;
    for (size_t j = 0; j < m; j++)
        v->scale += (double)r->run.scale_q[j] / (double)m / QUERIES;
}

static void check_against_naive(imr_form form)
{
    const big_store s = big_store_make(IMR_F32, form);
    imr_cache *c = big_cache(&s);
    imr_ranker r = {0};
    imr_quality *q = quality_of(&s, c, &r);
    imr_arena *arena = imr_arena_new();
    static naive v;
    v = (naive){0};
    for (size_t i = 0; i < QUERIES; i++)
        add_query(&v, &r, c, i, arena);
    const imr_quality_reading *own = &q->reading[0];
    CHECK_INT(q->queries, QUERIES);
    CHECK_INT(q->n_readings, form == IMR_FORM_FULL ? 2 : 3);
    CHECK_INT(own->form, form);
    const imr_quality_reading *fresh = &q->reading[q->n_readings - 1];
    CHECK(fresh->untrained && fresh->form == form);
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++) {
        CHECK_NEAR(own->effect[step][IMR_EFFECT_MOVED], v.moved[step] / v.ranked[step], 1e-9);
        CHECK_NEAR(own->effect[step][IMR_EFFECT_KEPT], v.kept[step], 1e-9);
    }
    CHECK_NEAR(own->effect[IMR_BY_MODULATION][IMR_EFFECT_QUERY], v.query, 1e-4);
    CHECK_NEAR(own->effect[IMR_BY_MODULATION][IMR_EFFECT_DOCUMENT], v.document, 1e-4);
    CHECK(isnan(own->effect[IMR_BY_PROJECTOR][IMR_EFFECT_QUERY])); /* n is not m */
    if (form != IMR_FORM_FULL)
        CHECK_NEAR(own->gate[IMR_GATE_QUERY_SCALE].mean, v.scale, 1e-6);
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        double mean = 0, second = 0, third = 0;
        for (size_t d = 0; d < BIG_DOCUMENTS; d++)
            mean += v.count[k][d] / BIG_DOCUMENTS;
        for (size_t d = 0; d < BIG_DOCUMENTS; d++) {
            second += pow(v.count[k][d] - mean, 2) / BIG_DOCUMENTS;
            third += pow(v.count[k][d] - mean, 3) / BIG_DOCUMENTS;
        }
        CHECK_NEAR(own->hubs[k].skewness, third / pow(second, 1.5), 1e-9);
        CHECK(isnan(own->ndcg[k]));
    }
    CHECK_STR(q->code,
              own->effect[IMR_BY_MODULATION][IMR_EFFECT_TAU] < 0.3 ? "shuffles" : "unjudged");
    if (form != IMR_FORM_FULL) { /* and read as the other form */
        const imr_adapter *file = r.file;
        imr_adapter other = *file;
        other.w.form = form == IMR_FORM_MEAN ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN;
        r.adapter = r.file = &other;
        v = (naive){0};
        for (size_t i = 0; i < QUERIES; i++)
            add_query(&v, &r, c, i, arena);
        r.adapter = r.file = file;
        const double *effect = q->reading[1].effect[IMR_BY_MODULATION];
        CHECK_INT(q->reading[1].form, other.w.form);
        CHECK_NEAR(effect[IMR_EFFECT_KEPT], v.kept[IMR_BY_MODULATION], 1e-9);
        CHECK_NEAR(effect[IMR_EFFECT_QUERY], v.query, 1e-4);
    }
    imr_arena_free(arena);
    imr_quality_free(q);
    imr_adapter_free((imr_adapter *)(uintptr_t)r.file);
    imr_ranker_done(&r);
    imr_cache_free(c);
}

TEST("moves, what is kept, angles, gates and hubs are what their definitions give, in every form")
{
    check_against_naive(IMR_FORM_DIAGONAL);
    check_against_naive(IMR_FORM_MEAN);
    check_against_naive(IMR_FORM_FULL);
}

TEST("every allocation of trying an adapter can fail, and it can be cancelled")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_MEAN);
    imr_cache *c = big_cache(&s);
    imr_ranker r = {0};
    imr_quality_free(quality_of(&s, c, &r));
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i += i < 60 ? 1 : 37) {
        imr_quality *q = NULL;
        imr_mem_fail_after(i);
        status = imr_quality_make(&q, &r, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        CHECK((q != NULL) == (status == IMR_OK));
        CHECK(r.file->w.form == IMR_FORM_MEAN);
        imr_quality_free(q);
        CHECK(i < 20000);
    }
    imr_adapter_free((imr_adapter *)(uintptr_t)r.file);
    imr_ranker_done(&r);
    imr_cache_free(c);
}

/* ---- words ---- */

static imr_quality made_up(imr_arena *arena)
{
    imr_quality q = {.queries = 300,
                     .judged = true,
                     .n_readings = 3,
                     .arena = arena,
                     .spectrum = {.k = 8, .rank = 8, .effective_rank = 7}};
    for (size_t i = 0; i < 3; i++) {
        imr_quality_reading *r = &q.reading[i];
        r->untrained = i == 2;
        r->form = i == 1 ? IMR_FORM_MEAN : IMR_FORM_DIAGONAL;
        r->effect[IMR_BY_PROJECTOR][IMR_EFFECT_MOVED] = 2;
        r->effect[IMR_BY_MODULATION][IMR_EFFECT_MOVED] = 9;
        r->effect[IMR_BY_MODULATION][IMR_EFFECT_TAU] = i ? 0.97 : -0.4;
        r->effect[IMR_BY_MODULATION][IMR_EFFECT_QUERY] = i ? 8 : 114.4;
        r->ndcg[IMR_STAGE_ENCODER] = 0.645;
        r->ndcg[IMR_STAGE_AFTER] = i ? 0.594 : 0.25;
        r->gain = (imr_significance){.n = 300, .has_verdict = true, .low = -0.4, .high = -0.3};
        for (size_t g = 0; g < IMR_GATES; g++)
            r->gate[g] = (imr_gate){.n = 8, .still = 8};
        for (size_t k = 0; k < IMR_STAGE_COUNT; k++)
            r->hubs[k] = (imr_hubs){.skewness = 2, .document = "d1", .most = 6};
    }
    return q;
}

TEST("a verdict follows from the numbers: order, turn, gain, and how the other form would do")
{
    imr_error err = {0};
    imr_arena *arena = imr_arena_new();
    imr_quality q = made_up(arena);
    CHECK_OK(imr_quality_say(&q, &err));
    CHECK_STR(q.code, "backwards");
    CHECK_STR(q.verdict,
              "Reads as first-release form; turns the query by 114 degrees on average: ranks "
              "backwards. Worse than the encoder alone (nDCG@10 0.645, now 0.250). As form mean it "
              "keeps the order (0.594).");
    CHECK_CONTAINS(q.meaning, "what changes is mostly the modulation's");
    CHECK_CONTAINS(q.meaning, "Its gates never move");
    CHECK_CONTAINS(q.meaning, "training made it worse");
    CHECK_CONTAINS(q.meaning, "It makes no new hubs");

    static const struct {
        double tau, low, high;
        const char *code, *order;
    } cases[] = {{0.29, 0.1, 0.2, "shuffles", "shuffles the candidates"},
                 {0.5, 0.1, 0.2, "better", "reorders the candidates"},
                 {0.9, -0.1, 0.2, "same", "keeps most of the order"},
                 {0.99, -0.2, -0.1, "worse", "keeps the order"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        q.reading[0].effect[IMR_BY_MODULATION][IMR_EFFECT_TAU] = cases[i].tau;
        q.reading[0].gain.low = cases[i].low;
        q.reading[0].gain.high = cases[i].high;
        CHECK_OK(imr_quality_say(&q, &err));
        CHECK_STR(q.code, cases[i].code);
        CHECK_CONTAINS(q.verdict, cases[i].order);
        CHECK(!strstr(q.meaning, "evaluate tells") == (strcmp(q.code, "better") != 0));
    }
    q.judged = false;
    q.reading[0].gain = (imr_significance){0};
    q.reading[0].gate[IMR_GATE_QUERY_BIAS].still = 3;
    q.reading[0].hubs[IMR_STAGE_AFTER].skewness = 3.1;
    q.n_readings = 1;
    CHECK_OK(imr_quality_say(&q, &err));
    CHECK_STR(q.code, "unjudged");
    CHECK_STR(q.verdict, "Reads as first-release form; turns the query by 114 degrees on average: "
                         "keeps the order.");
    CHECK_CONTAINS(q.meaning, "and 5 of 8 of its biases");
    CHECK_CONTAINS(q.meaning, "what follows the query is a shift");
    CHECK_CONTAINS(q.meaning, "It makes hubs");
    CHECK(!strstr(q.meaning, "reaches"));
    imr_arena_free(arena);
}
