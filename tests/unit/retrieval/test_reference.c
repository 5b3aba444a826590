/* The whole chain on the golden cache, against what the reference's code printed for it. */
#include "adapter/adapter.h"
#include "base/mem.h"
#include "format/json.h"
#include "math/topk.h"
#include "retrieval/cache.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "tests/support/test.h"

#define N 120

typedef struct chain {
    imr_cache *cache;
    imr_adapter *adapter;
    size_t m;
    float *projected; /* [N,m] */
    size_t k;         /* feedback documents, all of them ranked */
    size_t cut;       /* the ranking's length */
    uint32_t candidates[N];
    float before[N], after[N]; /* of the candidates, in their order */
    const char *ranked[N];
    imr_adapter_result run;
} chain;

static void chain_open(chain *c)
{
    imr_error err = {0};
    char dataset[512];
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    imr_cache_options options = {.dataset = dataset};
    *c = (chain){0};
    CHECK_OK(imr_cache_open(&c->cache, test_golden("cache"), &options, &err));
    CHECK_OK(imr_adapter_open(&c->adapter, test_golden("tiny/adapter-v1.pt"), IMR_FORM_AUTO, &err));
    c->m = c->adapter->w.m;
    c->projected = imr_alloc(N, c->m * sizeof(float));
    CHECK_OK(imr_adapter_project(c->adapter, imr_rows_view(c->cache->documents.rows), c->projected,
                                 &err));
}

static void chain_close(chain *c)
{
    imr_adapter_result_done(&c->run);
    imr_free(c->projected);
    imr_adapter_free(c->adapter);
    imr_cache_free(c->cache);
}

static void rank(chain *c, size_t query)
{
    imr_error err = {0};
    float q[256], scores[N], chosen[N * 256];
    uint32_t order[N];
    imr_view queries = imr_rows_view(c->cache->queries.rows);
    CHECK_OK(imr_adapter_project(
        c->adapter, imr_view_of(imr_view_row(&queries, query), 1, queries.cols), q, &err));
    imr_search_cosines(scores, imr_rows_f32(c->projected, N, c->m), q, NULL, 1);
    size_t k = imr_topk(c->candidates, c->k, scores, N, c->cache->documents.ids.places);
    for (size_t i = 0; i < k; i++)
        memcpy(chosen + i * c->m, c->projected + c->candidates[i] * c->m, c->m * sizeof(float));
    CHECK_OK(imr_adapter_run(c->adapter, q, imr_view_of(chosen, k, c->m), &c->run, &err));
    for (size_t i = 0; i < k; i++) {
        c->before[i] = scores[c->candidates[i]];
        c->after[i] = c->run.after[i];
        order[i] = (uint32_t)i;
    }
    imr_topk_sort(order, k, c->after, NULL);
    for (size_t i = 0; i < k; i++)
        c->ranked[i] = imr_ids_at(&c->cache->documents.ids, c->candidates[order[i]]);
}

TEST("candidates, scores and the order after are the reference's")
{
    imr_error err = {0};
    chain c;
    chain_open(&c);
    c.k = 30;
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(
        imr_json_open(&expected, test_golden("cache/expected_rankings_feedback30.json"), &err));
    CHECK(imr_json_count(expected) >= 6);
    for (const imr_json *q = imr_json_child(expected); q; q = imr_json_next(q)) {
        uint32_t query;
        CHECK(imr_ids_find(&c.cache->queries.ids, imr_json_key(q), &query));
        rank(&c, query);
        for (size_t i = 0; i < 30; i++) {
            char path[32];
            snprintf(path, sizeof path, "candidates/%zu", i);
            CHECK_STR(imr_ids_at(&c.cache->documents.ids, c.candidates[i]),
                      imr_json_string_or(q, path, ""));
            snprintf(path, sizeof path, "base/%zu", i);
            CHECK_NEAR(c.before[i], imr_json_number_or(q, path, 9), 1e-5);
            snprintf(path, sizeof path, "after/%zu", i);
            CHECK_NEAR(c.after[i], imr_json_number_or(q, path, 9), 1e-5);
            snprintf(path, sizeof path, "order_after/%zu", i);
            CHECK_STR(c.ranked[i], imr_json_string_or(q, path, ""));
        }
    }
    chain_close(&c);
}

static bool ranked_by_chain(void *user, const char *query_id, const char *const **ids, size_t *n)
{
    chain *c = user;
    uint32_t query;
    if (!imr_ids_find(&c->cache->queries.ids, query_id, &query))
        return false;
    rank(c, query);
    *ids = c->ranked;
    *n = c->cut < c->k ? c->cut : c->k;
    return true;
}

TEST("the reference's own metrics come out the same for each of its settings")
{
    imr_error err = {0};
    chain c;
    chain_open(&c);
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(imr_json_open(&expected, test_golden("cache/expected_reference_metrics.json"), &err));
    size_t values = 0;
    for (const imr_json *setting = imr_json_child(expected); setting;
         setting = imr_json_next(setting)) {
        CHECK_INT(sscanf(imr_json_key(setting), "feedback_k=%zu,ranking_k=%zu", &c.k, &c.cut), 2);
        for (const imr_json *v = imr_json_child(setting); v; v = imr_json_next(v), values++) {
            char name[32];
            const char *key = imr_json_key(v);
            snprintf(name, sizeof name, "%s%s", strncmp(key, "NDCG@", 5) == 0 ? "nDCG(exp)@" : "",
                     strncmp(key, "NDCG@", 5) == 0 ? key + 5 : key);
            imr_metric m;
            imr_evaluation e;
            CHECK_OK(imr_metric_parse(&m, name, &err));
            CHECK_OK(imr_evaluate(&e, c.cache->splits[0].qrels, ranked_by_chain, &c, &m, 1, false,
                                  &err));
            CHECK_INT(e.queries, 22);
            if (fabs(e.summary[0] - imr_json_number_or(v, "", -1)) > 1e-12)
                FAIL("%s of %s is %.15g, expected %.15g", key, imr_json_key(setting), e.summary[0],
                     imr_json_number_or(v, "", -1));
            imr_evaluation_done(&e);
        }
    }
    CHECK_INT(values, 24);
    chain_close(&c);
}
