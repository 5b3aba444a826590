#include <math.h>

#include "format/json.h"
#include "retrieval/bm25.h"
#include "session/evaluate.h"
#include "support/test.h"

typedef struct bench {
    imr_cache *cache;
    imr_adapter *adapter;
} bench;

static bench open_golden(void)
{
    imr_error err;
    bench b = {0};
    char dataset[1024];
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    imr_cache_options o = {.dataset = dataset};
    CHECK_OK(imr_cache_open(&b.cache, test_golden("cache"), &o, &err));
    CHECK_OK(imr_adapter_open(&b.adapter, test_golden("tiny/adapter-v1.pt"), IMR_FORM_AUTO, &err));
    return b;
}

static void close_golden(bench *b)
{
    imr_cache_free(b->cache);
    imr_adapter_free(b->adapter);
}

static imr_status run(imr_eval *e, const bench *b, uint32_t feedback_k, const imr_metric *metrics,
                      size_t n, imr_error *err)
{
    imr_eval_split split;
    IMR_TRY(imr_eval_find_split(&split, b->cache, "test", 0, err));
    imr_eval_options o = {.feedback_k = feedback_k, .metrics = metrics, .n_metrics = n};
    return imr_eval_run(e, b->cache, b->adapter, split.qrels, split.queries, split.n_queries,
                        split.train, &o, NULL, err);
}

TEST("metrics of the adapter's ranking equal the reference's own, for every depth it was run with")
{
    /* Ranks are integers, so sums agree to the last bits of double. */
    imr_error err;
    bench b = open_golden();
    imr_json *root;
    CHECK_OK(imr_json_open(&root, test_golden("cache/expected_reference_metrics.json"), &err));
    size_t compared = 0;
    for (const imr_json *run_of = imr_json_child(root); run_of; run_of = imr_json_next(run_of)) {
        unsigned feedback_k = 0;
        CHECK(sscanf(imr_json_key(run_of), "feedback_k=%u", &feedback_k) == 1);
        for (const imr_json *v = imr_json_child(run_of); v; v = imr_json_next(v)) {
            char name[IMR_METRIC_NAME];
            const char *key = imr_json_key(v);
            imr_metric metric;
            /* Its NDCG has the exponential gain. */
            if (strncmp(key, "NDCG@", 5) == 0)
                snprintf(name, sizeof name, "nDCG(exp)@%s", key + 5);
            else
                snprintf(name, sizeof name, "%s", key);
            CHECK_OK(imr_metric_parse(&metric, name, &err));
            imr_eval e;
            CHECK_OK(run(&e, &b, feedback_k, &metric, 1, &err));
            CHECK_NEAR(imr_eval_mean(&e, IMR_RANKED_AFTER, 0), imr_json_number_or(v, "", -1),
                       1e-12);
            imr_eval_done(&e);
            compared++;
        }
    }
    CHECK_INT(compared, 12 + 6 + 6);
    imr_json_free(root);
    close_golden(&b);
}

TEST("the encoder's ranking is the same with and without an adapter")
{
    imr_error err;
    bench b = open_golden();
    imr_metric metric = {IMR_METRIC_NDCG, 10};
    imr_eval with, without;
    CHECK_OK(run(&with, &b, 50, &metric, 1, &err));
    imr_adapter *adapter = b.adapter;
    b.adapter = NULL;
    CHECK_OK(run(&without, &b, 50, &metric, 1, &err));
    CHECK_INT(with.queries, without.queries);
    CHECK(with.queries > 0 && !without.has_adapter && without.values[IMR_RANKED_AFTER] == NULL);
    for (size_t i = 0; i < with.queries; i++)
        CHECK_NEAR(with.values[IMR_RANKED_ENCODER][i], without.values[IMR_RANKED_ENCODER][i], 0);
    imr_eval_done(&with);
    imr_eval_done(&without);
    b.adapter = adapter;
    close_golden(&b);
}

TEST("BM25 stands beside: its ranking is the one of its scores, and unjudged documents are counted")
{
    imr_error err;
    bench b = open_golden();
    const imr_metric metric = {IMR_METRIC_RR, 10};
    const imr_eval_options o = {.feedback_k = 50,
                                .metrics = &metric,
                                .n_metrics = 1,
                                .bm25 = true,
                                .bm25_k1 = 0.9,
                                .bm25_b = 0.4};
    imr_eval e;
    imr_bm25 *index = NULL;
    imr_eval_split split;
    CHECK_OK(imr_eval_find_split(&split, b.cache, "test", 0, &err));
    CHECK_OK(imr_eval_run(&e, b.cache, NULL, split.qrels, split.queries, split.n_queries, NULL, &o,
                          NULL, &err));
    const imr_dataset *d = b.cache->dataset;
    CHECK_OK(imr_bm25_build(&index, d, (imr_bm25_form){true, 0.9, 0.4}, NULL, &err));
    double *s = malloc(d->documents.n * sizeof *s), unjudged = 0;
    for (size_t i = 0; i < e.queries; i++) {
        const char *text = imr_cache_query_text(b.cache, e.query[i]);
        uint32_t q;
        double best = 0;
        size_t none = 0, n = 0;
        CHECK(imr_qrels_find(split.qrels, imr_ids_at(&b.cache->queries.ids, e.query[i]), &q));
        CHECK_OK(imr_bm25_scores(index, text, strlen(text), s, &err));
        for (size_t k = 0; k < d->documents.n; k++) { /* its rank by counting */
            const char *id = imr_ids_at(&d->documents, k);
            size_t rank = 1;
            bool judged;
            for (size_t j = 0; j < d->documents.n; j++)
                rank += (float)s[j] > (float)s[k] || ((float)s[j] == (float)s[k] &&
                                                      strcmp(imr_ids_at(&d->documents, j), id) > 0);
            if (!(s[k] > 0) || rank > 10)
                continue;
            n++;
            if (imr_qrels_grade(split.qrels, q, id, &judged) > 0)
                best = fmax(best, 1 / (double)rank);
            none += !judged;
        }
        CHECK_NEAR(e.values[IMR_RANKED_BM25][i], best, 1e-15);
        unjudged += n ? (double)none / (double)n : 0;
    }
    CHECK_NEAR(e.unjudged_at[IMR_RANKED_BM25], unjudged / (double)e.queries, 1e-12);
    CHECK(e.unjudged_at[IMR_RANKED_BM25] > 0);
    free(s);
    imr_bm25_free(index);
    imr_eval_done(&e);
    close_golden(&b);
}

TEST("a cut-off deeper than the ranking and a ranking deeper than the corpus are errors")
{
    imr_error err;
    bench b = open_golden();
    imr_eval e;
    imr_metric metric = {IMR_METRIC_NDCG, 20};
    CHECK_INT(run(&e, &b, 19, &metric, 1, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "nDCG@20 needs 20 ranked documents, feedback-k ranks 19");
    CHECK_INT(run(&e, &b, 121, &metric, 1, &err), IMR_E_USAGE);
    CHECK_CONTAINS(err.text, "feedback-k is 121");
    CHECK_INT(run(&e, &b, 0, &metric, 1, &err), IMR_E_USAGE);
    imr_eval_split split;
    CHECK_INT(imr_eval_find_split(&split, b.cache, "dev", 0, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "it has: test");
    close_golden(&b);
}

TEST("without judgements the rankings are still compared, and agree with those of a judged run")
{
    imr_error err;
    bench b = open_golden();
    imr_metric metric = {IMR_METRIC_NDCG, 10};
    imr_eval judged, bare;
    CHECK_OK(run(&judged, &b, 40, &metric, 1, &err));
    imr_eval_options o = {.feedback_k = 40, .metrics = &metric, .n_metrics = 1};
    CHECK_OK(imr_eval_run(&bare, b.cache, b.adapter, NULL, judged.query, judged.queries, NULL, &o,
                          NULL, &err));
    CHECK_INT(bare.queries, judged.queries);
    CHECK_INT(bare.metrics, 0);
    for (size_t i = 0; i < bare.queries; i++) {
        CHECK_NEAR(bare.rbo[i], judged.rbo[i], 0);
        CHECK(bare.rbo[i] > 0 && bare.rbo[i] <= 1);
        CHECK(bare.tau_ap[i] <= 1 && bare.overlap[i] <= 1);
    }
    CHECK(bare.mover != 0 && llabs(bare.mover) < 40);
    imr_eval_done(&bare);
    imr_eval_done(&judged);
    close_golden(&b);
}

TEST("groups partition the queries, and a row's means are those of its group")
{
    imr_error err;
    uint32_t queries[6] = {0, 1, 2, 3, 4, 5};
    bool seen[6] = {true, false, true, true, false, true};
    double encoder[6] = {0, 1, 0, 0.5, 0.25, 0}, after[6] = {1, 1, 1, 1, 0.75, 1};
    double before[6] = {0};
    imr_eval e = {.queries = 6,
                  .metrics = 1,
                  .has_adapter = true,
                  .has_train = true,
                  .query = queries,
                  .seen = seen,
                  .values = {encoder, before, after}};
    imr_eval_row row[IMR_GROUPS];
    for (imr_eval_group g = 0; g < IMR_GROUPS; g++)
        CHECK_OK(imr_eval_row_of(&row[g], &e, 0, g, 1, &err));
    CHECK_INT(row[IMR_GROUP_ALL].n, 6);
    CHECK_INT(row[IMR_GROUP_SEEN].n, 4);
    CHECK_INT(row[IMR_GROUP_UNSEEN].n, 2);
    CHECK_NEAR(row[IMR_GROUP_SEEN].mean[IMR_RANKED_ENCODER], 0.125, 1e-15);
    CHECK_NEAR(row[IMR_GROUP_UNSEEN].mean[IMR_RANKED_AFTER], 0.875, 1e-15);
    CHECK_NEAR(row[IMR_GROUP_ALL].from_encoder.difference, 5.75 / 6 - 1.75 / 6, 1e-15);
    CHECK_INT(row[IMR_GROUP_ALL].from_encoder.wins, 5);
    CHECK_INT(row[IMR_GROUP_ALL].from_encoder.ties, 1);
    CHECK(row[IMR_GROUP_ALL].from_encoder.has_verdict);
    CHECK(!row[IMR_GROUP_UNSEEN].from_encoder.has_verdict);
    e.has_train = false;
    CHECK_OK(imr_eval_row_of(&row[0], &e, 0, IMR_GROUP_UNSEEN, 1, &err));
    CHECK_INT(row[0].n, 0);
}
