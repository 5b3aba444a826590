/* The authors' package 0.2.3: its caches, adapters and the numbers it prints for them. */
#include <stdlib.h>

#include "format/json.h"
#include "session/ranker.h"
#include "session/evaluate.h"
#include "tests/support/test.h"

typedef struct theirs {
    imr_cache *cache;
    imr_adapter *adapter;
    imr_eval_split test;
} theirs;

/* dataset NULL: the one the cache names. */
static theirs theirs_open(const char *cache, const char *dataset, const char *adapter)
{
    imr_error err = {0};
    theirs t = {0};
    CHECK_OK(imr_cache_open(&t.cache, cache, &(imr_cache_options){.dataset = dataset}, &err));
    CHECK_OK(imr_adapter_open(&t.adapter, adapter, IMR_FORM_AUTO, &err));
    CHECK_OK(imr_eval_find_split(&t.test, t.cache, "test", 0, &err));
    return t;
}

static void theirs_close(theirs *t)
{
    imr_cache_free(t->cache);
    imr_adapter_free(t->adapter);
}

/* Their three metrics, which have the exponential gain; sums in another order. */
static void check_metrics(const theirs *t, const imr_json *encoder, const imr_json *after)
{
    static const char *const names[] = {"NDCG@10", "MRR@10", "Recall@10"};
    static const imr_metric metrics[] = {
        {IMR_METRIC_NDCG_EXP, 10}, {IMR_METRIC_RR, 10}, {IMR_METRIC_RECALL, 10}};
    imr_error err = {0};
    imr_eval e;
    const size_t n = t->cache->documents.ids.n;
    const imr_eval_options o = {
        .feedback_k = n < 100 ? (uint32_t)n : 100, .metrics = metrics, .n_metrics = 3};
    CHECK_OK(imr_eval_run(&e, t->cache, t->adapter, t->test.qrels, t->test.queries,
                          t->test.n_queries, t->test.train, &o, NULL, &err));
    for (size_t m = 0; m < 3; m++) {
        CHECK_NEAR(imr_eval_mean(&e, IMR_RANKED_ENCODER, m),
                   imr_json_number_or(encoder, names[m], -1), 1e-5);
        CHECK_NEAR(imr_eval_mean(&e, IMR_RANKED_AFTER, m), imr_json_number_or(after, names[m], -1),
                   1e-5);
    }
    imr_eval_done(&e);
}

TEST("a small cache of the authors' package gives the metrics their package printed")
{
    imr_error err = {0};
    char cache[1024], dataset[1024], adapter[1024];
    snprintf(cache, sizeof cache, "%s", test_shared("oracle/final/small/cache"));
    snprintf(dataset, sizeof dataset, "%s", test_shared("oracle/final/small/beir"));
    snprintf(adapter, sizeof adapter, "%s", test_shared("oracle/final/small/adapter.pt"));
    theirs t = theirs_open(cache, dataset, adapter);
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(imr_json_open(&expected, test_shared("oracle/final/small/expected.json"), &err));
    check_metrics(&t, imr_json_at(expected, "base_evaluation"),
                  imr_json_at(expected, "evaluation"));
    CHECK_INT(t.cache->n_splits, 3);
    size_t n;
    CHECK(imr_cache_negatives(t.cache, 0, &n) && n == 15);
    theirs_close(&t);
}

/* A cache of SciFact made with the real all-MiniLM-L6-v2, which takes minutes to make. */
static theirs scifact(void)
{
    const char *cache = getenv("IMRNN_SCIFACT_MINILM");
    if (!cache)
        SKIP("$IMRNN_SCIFACT_MINILM names no cache of SciFact made with all-MiniLM-L6-v2");
    char dataset[1024], adapter[1024];
    snprintf(dataset, sizeof dataset, "%s", test_shared("datasets/scifact"));
    snprintf(adapter, sizeof adapter, "%s",
             test_shared("adapters/final/imrnns-final-minilm-scifact.pt"));
    return theirs_open(cache, dataset, adapter);
}

TEST("SciFact's metrics with the authors' adapter are those their package printed")
{
    imr_error err = {0};
    theirs t = scifact();
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(imr_json_open(&expected, test_shared("oracle/final/scifact_metrics.json"), &err));
    check_metrics(&t, imr_json_at(expected, "base"), imr_json_at(expected, "adapted"));
    theirs_close(&t);
}

/* Documents closer than the tolerance may stand in either order. */
static void check_ranking(const theirs *t, const imr_listing *l, const imr_json *expected)
{
    const imr_json *place = imr_json_child(imr_json_at(expected, "after"));
    CHECK_INT(imr_json_count(imr_json_at(expected, "after")), l->n);
    for (size_t i = 0; i < l->n; i++, place = imr_json_next(place)) {
        const char *id = imr_json_string_or(place, "0", "");
        const double score = imr_json_number_or(place, "1", -9);
        uint32_t document;
        CHECK(imr_ids_find(&t->cache->documents.ids, id, &document));
        CHECK_NEAR(l->sim[IMR_STAGE_AFTER][i], score, 1e-5);
        size_t at = 0;
        while (at < l->n && l->document[at] != document)
            at++;
        CHECK(at < l->n);
        CHECK_NEAR(l->sim[IMR_STAGE_AFTER][at], score, 1e-5);
    }
}

TEST("SciFact's rankings with the authors' adapter are their package's, to the score")
{
    imr_error err = {0};
    theirs t = scifact();
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(imr_json_open(&expected, test_shared("oracle/final/scifact_rankings.json"), &err));
    imr_ranker r = {0};
    CHECK_OK(imr_ranker_init(&r, t.adapter, t.cache, SIZE_MAX, NULL, &err));
    const imr_view queries = imr_rows_view(t.cache->queries.rows);
    CHECK(imr_json_count(expected) == 20);
    for (const imr_json *q = imr_json_child(expected); q; q = imr_json_next(q)) {
        imr_arena *arena = imr_arena_new();
        imr_listing l;
        uint32_t row;
        CHECK(imr_ids_find(&t.cache->queries.ids, imr_json_key(q), &row));
        CHECK_OK(imr_ranker_run(&r, imr_view_row(&queries, row),
                                &(imr_trace_settings){.feedback_k = 100}, arena, NULL, &l, &err));
        check_ranking(&t, &l, q);
        imr_arena_free(arena);
    }
    imr_ranker_done(&r);
    theirs_close(&t);
}
