/* The three rankings of a corpus of several blocks, against what the definitions give. */
#include "session/ranker.h"

#include "base/mem.h"
#include "math/nn.h"
#include "math/topk.h"
#include "tests/unit/session/big_store.h"

enum { K = 50 };

typedef struct fixture {
    imr_cache *cache;
    imr_adapter *adapter;
    imr_ranker ranker;
    imr_arena *arena;
    imr_candidates_by by;
} fixture;

static fixture open_fixture(const big_store *s, bool kept)
{
    imr_error err = {0};
    fixture f = {big_cache(s), big_adapter(s), {0}, imr_arena_new()};
    CHECK_OK(imr_ranker_init(&f.ranker, f.adapter, f.cache, kept ? 100 : SIZE_MAX, NULL, &err));
    CHECK_INT(f.ranker.projected.file.mapped != NULL, kept);
    return f;
}

static void close_fixture(fixture *f)
{
    imr_ranker_done(&f->ranker);
    imr_arena_free(f->arena);
    imr_adapter_free(f->adapter);
    imr_cache_free(f->cache);
}

static imr_listing run(fixture *f, size_t query, imr_scope scope)
{
    imr_error err = {0};
    imr_listing l;
    const imr_view queries = imr_rows_view(f->cache->queries.rows);
    CHECK_OK(
        imr_ranker_run(&f->ranker, imr_view_row(&queries, query),
                       &(imr_trace_settings){.feedback_k = K, .scope = scope, .candidates = f->by},
                       f->arena, NULL, &l, &err));
    return l;
}

/* Everything by the definitions: cosines of whole rows, the adapter over whole arrays. */
typedef struct naive {
    float *d, *encoder, *before, *after;
    uint32_t *by_encoder, *by_before, *by_after; /* documents, best first */
    size_t n;
} naive;

static void naive_done(naive *v)
{
    free(v->d), free(v->encoder), free(v->before), free(v->after);
    free(v->by_encoder), free(v->by_before), free(v->by_after);
}

static uint32_t *sorted(const fixture *f, const float *scores, size_t n)
{
    uint32_t *out = calloc(n, sizeof *out);
    imr_topk(out, n, scores, n, f->cache->documents.ids.places);
    return out;
}

/* The ranking candidates are the head of, as method.md section 2 has it. */
static const uint32_t *candidates_of(const fixture *f, const naive *v)
{
    const bool mean = f->adapter->w.form == IMR_FORM_MEAN;
    return f->by == IMR_CANDIDATES_ENCODER || (f->by == IMR_CANDIDATES_AUTO && mean) ? v->by_encoder
                                                                                     : v->by_before;
}

static naive naive_of(fixture *f, size_t query, imr_scope scope)
{
    imr_error err = {0};
    float *floats = calloc(f->cache->documents.ids.n * f->cache->dim, sizeof *floats);
    const imr_view base = imr_view_of(floats, f->cache->documents.ids.n, f->cache->dim);
    CHECK_OK(imr_cache_read_rows(f->cache, 0, base.rows, floats, &err));
    const imr_view queries = imr_rows_view(f->cache->queries.rows);
    const imr_rows rows = f->ranker.projected.d; /* in the precision it is held in */
    const size_t n = base.rows, m = rows.cols;
    naive v = {.n = n};
    v.d = calloc(n * m, sizeof *v.d);
    v.encoder = calloc(n, sizeof *v.encoder);
    v.before = calloc(n, sizeof *v.before);
    v.after = calloc(n, sizeof *v.after);
    imr_rows_read(v.d, rows, 0, n);
    imr_nn_cosine_rows(v.encoder, base, imr_view_row(&queries, query));
    free(floats);
    float q[BIG_M];
    imr_adapter_result r = {0};
    CHECK_OK(imr_adapter_project(
        f->adapter, imr_view_of(imr_view_row(&queries, query), 1, base.cols), q, &err));
    imr_nn_cosine_rows(v.before, imr_view_of(v.d, n, m), q);
    v.by_encoder = sorted(f, v.encoder, n);
    v.by_before = sorted(f, v.before, n);
    if (scope == IMR_SCOPE_CORPUS) {
        CHECK_OK(imr_adapter_run(f->adapter, q, imr_view_of(v.d, n, m), &r, &err));
        memcpy(v.after, r.after, n * sizeof *v.after);
        v.by_after = sorted(f, v.after, n);
    } else {
        float *candidates = calloc(K * m, sizeof *candidates);
        const uint32_t *by = candidates_of(f, &v);
        for (size_t i = 0; i < K; i++)
            memcpy(candidates + i * m, v.d + by[i] * m, m * sizeof *candidates);
        CHECK_OK(imr_adapter_run(f->adapter, q, imr_view_of(candidates, K, m), &r, &err));
        if (scope == IMR_SCOPE_RESCORE) {
            CHECK_OK(imr_adapter_score(f->adapter, &r, imr_rows_of_view(imr_view_of(v.d, n, m)),
                                       v.after, NULL, &err));
        } else {
            for (size_t i = 0; i < n; i++)
                v.after[i] = -2; /* not scored */
            for (size_t i = 0; i < K; i++)
                v.after[by[i]] = r.after[i];
        }
        v.by_after = sorted(f, v.after, n);
        free(candidates);
    }
    imr_adapter_result_done(&r);
    return v;
}

/* Documents closer than the tolerance may stand in either order: the rank by the listing's own
 * similarity must be right for the naive similarities. */
static void check_rank(uint32_t rank, float sim, const float *scores, size_t n, double tolerance)
{
    size_t above = 0, not_below = 0;
    for (size_t i = 0; i < n; i++) {
        above += (double)scores[i] > (double)sim + tolerance;
        not_below += (double)scores[i] >= (double)sim - tolerance;
    }
    CHECK(rank > above && rank <= not_below);
}

static void check_listing(const fixture *f, const imr_listing *l, const naive *v, imr_scope scope)
{
    const uint32_t *places = f->cache->documents.ids.places;
    CHECK_INT(l->n, K);
    CHECK_INT(l->scored, scope == IMR_SCOPE_RERANK ? K : v->n);
    for (size_t i = 0; i < l->n; i++) {
        const uint32_t d = l->document[i];
        float row[BIG_M];
        CHECK_NEAR(l->sim[IMR_STAGE_ENCODER][i], v->encoder[d], 1e-6);
        CHECK_NEAR(l->sim[IMR_STAGE_BEFORE][i], v->before[d], 1e-6);
        CHECK_NEAR(l->sim[IMR_STAGE_AFTER][i], v->after[d], 1e-5);
        CHECK_NEAR(l->sim[IMR_STAGE_AFTER][i], v->after[v->by_after[i]], 1e-5);
        CHECK_INT(l->rank[IMR_STAGE_AFTER][i], i + 1);
        check_rank(l->rank[IMR_STAGE_ENCODER][i], l->sim[IMR_STAGE_ENCODER][i], v->encoder, v->n,
                   1e-6);
        check_rank(l->rank[IMR_STAGE_BEFORE][i], l->sim[IMR_STAGE_BEFORE][i], v->before, v->n,
                   1e-6);
        const bool by_encoder = candidates_of(f, v) == v->by_encoder;
        CHECK_INT(l->feedback[i],
                  scope == IMR_SCOPE_CORPUS || (by_encoder ? l->rank[IMR_STAGE_ENCODER][i]
                                                           : l->rank[IMR_STAGE_BEFORE][i]) <= K);
        CHECK(i == 0 || l->sim[IMR_STAGE_AFTER][i - 1] > l->sim[IMR_STAGE_AFTER][i] ||
              (l->sim[IMR_STAGE_AFTER][i - 1] == l->sim[IMR_STAGE_AFTER][i] &&
               places[l->document[i - 1]] > places[d]));
        imr_rows_get(row, f->ranker.projected.d, d);
        CHECK_ALL_NEAR(l->d + i * BIG_M, row, BIG_M, 0);
        /* What is shown is the cosine of the vectors that are shown. */
        float cosine;
        imr_nn_cosine_rows(&cosine, imr_view_of(l->d_mod + i * BIG_M, 1, BIG_M),
                           f->ranker.run.q_mod);
        CHECK_NEAR(cosine, l->sim[IMR_STAGE_AFTER][i], 1e-6);
    }
}

TEST("every scope lists what the definitions list, in all forms, both precisions, by either "
     "ranking's candidates")
{
    for (int kind = 0; kind < 8; kind++) {
        const imr_form form = (imr_form)(IMR_FORM_DIAGONAL + kind / 2 % 3);
        const big_store s = big_store_make(kind & 1 ? IMR_F16 : IMR_F32, form);
        fixture f = open_fixture(&s, true);
        if (kind >= 6) /* the other way round */
            f.by = IMR_CANDIDATES_ENCODER;
        else if (form == IMR_FORM_MEAN && (kind & 1))
            f.by = IMR_CANDIDATES_BEFORE;
        for (int scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
            for (size_t query = 0; query < 12; query += 5) {
                naive v = naive_of(&f, query, (imr_scope)scope);
                const imr_listing l = run(&f, query, (imr_scope)scope);
                check_listing(&f, &l, &v, (imr_scope)scope);
                naive_done(&v);
            }
        }
        close_fixture(&f);
    }
}

TEST("without an adapter the encoder's ranking is listed")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F16, IMR_FORM_DIAGONAL);
    fixture f = open_fixture(&s, false);
    imr_ranker alone = {0};
    CHECK_OK(imr_ranker_init(&alone, NULL, f.cache, 0, NULL, &err));
    const imr_view queries = imr_rows_view(f.cache->queries.rows);
    const imr_trace_settings settings = {.feedback_k = K};
    naive v = naive_of(&f, 5, IMR_SCOPE_RERANK);
    imr_listing l;
    CHECK_OK(imr_ranker_run(&alone, imr_view_row(&queries, 5), &settings, f.arena, NULL, &l, &err));
    for (size_t i = 0; i < K; i++) {
        CHECK_NEAR(l.sim[IMR_STAGE_ENCODER][i], v.encoder[v.by_encoder[i]], 1e-6);
        CHECK(l.rank[IMR_STAGE_ENCODER][i] == i + 1 && l.rank[IMR_STAGE_AFTER][i] == 0 &&
              isnan(l.sim[IMR_STAGE_AFTER][i]));
    }
    CHECK(l.n == K && l.scored == 0 && l.d == NULL);
    naive_done(&v);
    imr_ranker_done(&alone);
    close_fixture(&f);
}

TEST("a mapped corpus is ranked with the very numbers of one in memory")
{
    for (int kind = 0; kind < 4; kind++) {
        const big_store s = big_store_make(kind & 1 ? IMR_F16 : IMR_F32,
                                           kind & 2 ? IMR_FORM_FULL : IMR_FORM_DIAGONAL);
        fixture memory = open_fixture(&s, false), mapped = open_fixture(&s, true);
        for (int scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
            const imr_listing a = run(&memory, 3, (imr_scope)scope);
            const imr_listing b = run(&mapped, 3, (imr_scope)scope);
            CHECK(memcmp(a.document, b.document, K * sizeof *a.document) == 0);
            CHECK(memcmp(a.sim[IMR_STAGE_AFTER], b.sim[IMR_STAGE_AFTER],
                         K * sizeof *a.sim[IMR_STAGE_AFTER]) == 0);
            CHECK(memcmp(a.sim[IMR_STAGE_BEFORE], b.sim[IMR_STAGE_BEFORE],
                         K * sizeof *a.sim[IMR_STAGE_BEFORE]) == 0);
            CHECK(memcmp(a.sim[IMR_STAGE_ENCODER], b.sim[IMR_STAGE_ENCODER],
                         K * sizeof *a.sim[IMR_STAGE_ENCODER]) == 0);
            CHECK(memcmp(a.rank[IMR_STAGE_BEFORE], b.rank[IMR_STAGE_BEFORE],
                         K * sizeof *a.rank[IMR_STAGE_BEFORE]) == 0);
            CHECK(memcmp(a.rank[IMR_STAGE_ENCODER], b.rank[IMR_STAGE_ENCODER],
                         K * sizeof *a.rank[IMR_STAGE_ENCODER]) == 0);
        }
        close_fixture(&memory);
        close_fixture(&mapped);
    }
}

/* Stops at the step-th look. */
static bool stop_at(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(long *)user > 0;
}

TEST("a query can be cancelled wherever it looks, and the next one is answered as ever")
{
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    fixture f = open_fixture(&s, true);
    const imr_view queries = imr_rows_view(f.cache->queries.rows);
    for (int scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
        const imr_listing whole = run(&f, 1, (imr_scope)scope);
        imr_status status = IMR_E_CANCELLED;
        for (long i = 1; status != IMR_OK; i++) {
            imr_error err = {0};
            imr_listing l;
            long left = i;
            const imr_progress progress = {stop_at, &left};
            status =
                imr_ranker_run(&f.ranker, imr_view_row(&queries, 1),
                               &(imr_trace_settings){.feedback_k = K, .scope = (imr_scope)scope},
                               f.arena, &progress, &l, &err);
            CHECK(status == IMR_OK || status == IMR_E_CANCELLED);
            CHECK(i < 100);
            if (status == IMR_OK)
                CHECK(memcmp(l.document, whole.document, K * sizeof *l.document) == 0);
        }
    }
    close_fixture(&f);
}

TEST("a value that is not finite in a mapped file is an error, never a number on a screen")
{
    imr_error err = {0};
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    fixture f = open_fixture(&s, true);
    char path[512];
    snprintf(path, sizeof path, "%s/projected/%s", s.dir, f.adapter->sha256);
    const imr_listing l = run(&f, 0, IMR_SCOPE_RERANK);
    const uint32_t best = l.document[0];
    size_t n;
    char *bytes = test_read(path, &n);
    close_fixture(&f);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        memcpy(bytes + 4096 + best * BIG_M * sizeof *bad, &bad[i], sizeof *bad);
        CHECK_OK(imr_file_write(path, bytes, n, &err));
        f = open_fixture(&s, true);
        const imr_view queries = imr_rows_view(f.cache->queries.rows);
        for (int scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
            imr_listing found;
            const imr_status status =
                imr_ranker_run(&f.ranker, imr_view_row(&queries, 0),
                               &(imr_trace_settings){.feedback_k = K, .scope = (imr_scope)scope},
                               f.arena, NULL, &found, &err);
            CHECK(status == IMR_OK || status == IMR_E_NUMERIC);
            for (size_t k = 0; status == IMR_OK && k < found.n; k++)
                CHECK(isfinite(found.sim[IMR_STAGE_BEFORE][k]) &&
                      isfinite(found.sim[IMR_STAGE_AFTER][k]) && found.document[k] != best);
            if (status == IMR_E_NUMERIC)
                CHECK_CONTAINS(err.text, "not finite");
        }
        close_fixture(&f);
    }
    free(bytes);
}

TEST("every allocation of a ranking can fail")
{
    const big_store s = big_store_make(IMR_F32, IMR_FORM_DIAGONAL);
    fixture f = open_fixture(&s, true);
    const imr_view queries = imr_rows_view(f.cache->queries.rows);
    for (int scope = IMR_SCOPE_RERANK; scope <= IMR_SCOPE_CORPUS; scope++) {
        imr_status status = IMR_E_MEMORY;
        for (long i = 0; status != IMR_OK; i++) {
            imr_error err = {0};
            imr_listing l;
            imr_arena *arena = imr_arena_new();
            imr_mem_fail_after(i);
            status =
                imr_ranker_run(&f.ranker, imr_view_row(&queries, 1),
                               &(imr_trace_settings){.feedback_k = K, .scope = (imr_scope)scope},
                               arena, NULL, &l, &err);
            imr_mem_fail_after(-1);
            imr_arena_free(arena);
            CHECK(status == IMR_OK || status == IMR_E_MEMORY);
            CHECK(i < 100);
        }
    }
    close_fixture(&f);
}

TEST("candidates of many queries at once are those of each query alone")
{
    for (int kind = 0; kind < 4; kind++) {
        imr_error err = {0};
        const big_store s = big_store_make(kind & 1 ? IMR_F16 : IMR_F32,
                                           kind & 2 ? IMR_FORM_FULL : IMR_FORM_DIAGONAL);
        fixture f = open_fixture(&s, true);
        const imr_view queries = imr_rows_view(f.cache->queries.rows);
        float q[12 * BIG_M];
        uint32_t found[12 * K], alone[K];
        const float *before = f.ranker.sim[IMR_STAGE_BEFORE];
        CHECK_OK(imr_adapter_project(f.adapter, queries, q, &err));
        CHECK_OK(imr_candidates(found, &f.ranker, IMR_STAGE_BEFORE, imr_view_of(q, 12, BIG_M), K,
                                "", NULL, &err));
        for (size_t i = 0; i < 12; i++) {
            (void)run(&f, i, IMR_SCOPE_RERANK);
            imr_ranker_top(&f.ranker, IMR_STAGE_BEFORE, alone, K);
            for (size_t k = 0; k < K; k++) /* summed in another order */
                CHECK_NEAR(before[found[i * K + k]], before[alone[k]], 1e-6);
            for (size_t k = 1; k < K; k++)
                CHECK(found[i * K + k] != found[i * K + k - 1]);
        }
        long left = 1;
        const imr_progress progress = {stop_at, &left};
        CHECK_INT(imr_candidates(found, &f.ranker, IMR_STAGE_BEFORE, imr_view_of(q, 12, BIG_M), K,
                                 "", &progress, &err),
                  IMR_E_CANCELLED);
        close_fixture(&f);
    }
}
