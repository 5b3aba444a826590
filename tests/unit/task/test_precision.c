/* What bfloat16 does to vectors, rankings and nDCG. */
#include "base/mem.h"
#include "task/cache.h"
#include "session/evaluate.h"
#include "task/precision.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

typedef struct pair {
    tiny t;
    imr_encoder *exact, *half;
} pair;

static pair open_pair(void)
{
    pair p = {.t = tiny_new(true, 48, 4, 96, 64)};
    const imr_encoder_options o = {.precision = IMR_BFLOAT16};
    CHECK_OK(imr_encoder_open(&p.exact, p.t.dir, NULL, &err));
    CHECK_OK(imr_encoder_open(&p.half, p.t.dir, &o, &err));
    return p;
}

static void close_pair(pair *p)
{
    imr_encoder_free(p->exact);
    imr_encoder_free(p->half);
    tiny_done(&p->t);
}

enum { DOCUMENTS = 120, QUERIES = 24 };

static void put_words(imr_buf *b, imr_random *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        imr_buf_printf(b, "%sw%c", i ? " " : "", (char)('a' + imr_random_below(r, TINY_VOCAB - 4)));
    imr_buf_str(b, "\"}\n");
}

/* Texts of the words the tiny encoders know, judged at random. */
static const char *made_up_dataset(void)
{
    const char *dir = keep(test_tmpdir());
    imr_buf corpus = {0}, queries = {0}, qrels = {0};
    imr_random r;
    imr_random_init(&r, 3);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        imr_buf_printf(&corpus, "{\"_id\": \"d%zu\", \"text\": \"", i);
        put_words(&corpus, &r, 3 + imr_random_below(&r, 30));
    }
    imr_buf_str(&qrels, "query-id\tcorpus-id\tscore\n");
    for (size_t i = 0; i < QUERIES; i++) {
        imr_buf_printf(&queries, "{\"_id\": \"q%zu\", \"text\": \"", i);
        put_words(&queries, &r, 3 + imr_random_below(&r, 6));
        for (size_t k = 0; k < DOCUMENTS; k += 3)
            imr_buf_printf(&qrels, "q%zu\td%zu\t%u\n", i, k, (unsigned)imr_random_below(&r, 4));
    }
    CHECK_OK(imr_dir_make(test_path(dir, "qrels"), &err));
    CHECK_OK(imr_file_write(test_path(dir, "corpus.jsonl"), corpus.data, corpus.len, &err));
    CHECK_OK(imr_file_write(test_path(dir, "queries.jsonl"), queries.data, queries.len, &err));
    CHECK_OK(imr_file_write(test_path(dir, "qrels/test.tsv"), qrels.data, qrels.len, &err));
    imr_buf_done(&corpus);
    imr_buf_done(&queries);
    imr_buf_done(&qrels);
    return dir;
}

/* nDCG@10 of a cache of that dataset, and the documents it ranks first. */
typedef struct ranked {
    double ndcg;
    char top[QUERIES][10][16];
    size_t n;
} ranked;

static imr_status note(void *user, imr_ranking_kind kind, const char *query_id,
                       const char *const *ids, const float *scores, size_t n, imr_error *e)
{
    ranked *r = user;
    (void)kind;
    (void)query_id;
    (void)scores;
    (void)e;
    CHECK(r->n < QUERIES && n == 10);
    for (size_t i = 0; i < n; i++)
        snprintf(r->top[r->n][i], sizeof r->top[r->n][i], "%s", ids[i]);
    r->n++;
    return IMR_OK;
}

static ranked evaluate(const imr_encoder *e, const imr_dataset *d)
{
    ranked r = {0};
    imr_cache *c = NULL;
    imr_eval_split split;
    imr_eval eval;
    const char *dir = keep(test_path(test_tmpdir(), "cache"));
    const imr_metric metric = {IMR_METRIC_NDCG, 10};
    const imr_eval_options o = {
        .feedback_k = 10, .metrics = &metric, .n_metrics = 1, .sink = note, .sink_user = &r};
    CHECK_OK(imr_cache_encode(NULL, dir, d, e, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    CHECK_OK(imr_eval_find_split(&split, c, "test", 0, &err));
    CHECK_OK(imr_eval_run(&eval, c, NULL, split.qrels, split.queries, split.n_queries, NULL, &o,
                          NULL, &err));
    r.ndcg = imr_eval_mean(&eval, IMR_RANKED_ENCODER, 0);
    imr_eval_done(&eval);
    imr_cache_free(c);
    return r;
}

TEST("an encoder of less precision is near the exact one, is another encoder, and says so")
{
    pair p = open_pair();
    CHECK_INT(p.exact->precision, IMR_FLOAT32);
    CHECK_INT(p.half->precision, IMR_BFLOAT16);
    char a[IMR_SHA256_HEX], b[IMR_SHA256_HEX];
    CHECK_OK(imr_encoder_sha256(p.exact, a, &err));
    CHECK_OK(imr_encoder_sha256(p.half, b, &err));
    CHECK(strcmp(a, b) != 0);
    close_pair(&p);
}

TEST("of a small collection the comparison has the nDCG and the lists of two evaluated caches")
{
    pair p = open_pair();
    imr_dataset *d = NULL;
    imr_precision_effect e;
    CHECK_OK(imr_dataset_open(&d, made_up_dataset(), NULL, &err));
    CHECK_OK(imr_precision_compare(&e, p.half, p.exact, d, NULL, &err));
    const ranked exact = evaluate(p.exact, d), half = evaluate(p.half, d);
    CHECK(e.documents == DOCUMENTS && e.of_documents == DOCUMENTS);
    CHECK(e.queries == exact.n && e.of_queries == exact.n && e.ndcg.n == exact.n &&
          exact.n == QUERIES);
    CHECK_STR(e.split, "test");
    CHECK_INT(e.k, 10);
    CHECK(e.ndcg.mean_a > 0 && e.ndcg.mean_a != e.ndcg.mean_b);
    CHECK_NEAR(e.ndcg.mean_a, exact.ndcg, 1e-15);
    CHECK_NEAR(e.ndcg.mean_b, half.ndcg, 1e-15);
    CHECK_NEAR(e.ndcg.difference, half.ndcg - exact.ndcg, 1e-15);
    CHECK_INT(e.ndcg.wins + e.ndcg.ties + e.ndcg.losses, e.queries);
    size_t same = 0, both = 0;
    for (size_t q = 0; q < exact.n; q++) {
        same += memcmp(exact.top[q], half.top[q], sizeof half.top[q]) == 0;
        for (size_t i = 0; i < 100; i++)
            both += strcmp(exact.top[q][i / 10], half.top[q][i % 10]) == 0;
    }
    CHECK_INT(e.same_lists, same);
    CHECK_NEAR(e.overlap, (double)both / 10 / (double)exact.n, 1e-15);
    /* Factors within 2^-9, sums of 96 of them: near 1, but not the same numbers. */
    CHECK(e.least_cosine <= e.mean_cosine && e.mean_cosine < 1 && e.least_cosine > 0.999);
    CHECK(e.seconds > 0 && e.exact_seconds > 0);

    CHECK_OK(imr_precision_compare(&e, p.exact, p.exact, d, NULL, &err));
    CHECK_NEAR(e.least_cosine, 1, 1e-12);
    CHECK_NEAR(e.ndcg.difference, 0, 0);
    CHECK(e.same_lists == e.queries && e.ndcg.ties == e.queries);
    CHECK_NEAR(e.overlap, 1, 0);
    imr_dataset_free(d);
    close_pair(&p);
}

TEST("without judgements lists and cosines are compared, without queries cosines, however few")
{
    static const char corpus[] = "{\"_id\": \"a\", \"text\": \"b c\"}\n"
                                 "{\"_id\": \"b\", \"text\": \"d\"}\n"
                                 "{\"_id\": \"c\", \"text\": \"c d\"}\n",
                      queries[] = "{\"_id\": \"q\", \"text\": \"d b\"}\n",
                      qrels[] = "query-id\tcorpus-id\tscore\nq\tb\t1\n";
    const imr_named_bytes c = {"corpus", corpus, sizeof corpus - 1},
                          q = {"queries", queries, sizeof queries - 1},
                          j = {"train", qrels, sizeof qrels - 1}, none = {0};
    pair p = open_pair();
    imr_dataset *d;
    imr_precision_effect e;
    CHECK_OK(imr_dataset_open_memory(&d, c, none, NULL, 0, NULL, &err));
    CHECK_OK(imr_precision_compare(&e, p.half, p.exact, d, NULL, &err));
    CHECK(e.documents == 3 && e.queries == 0 && e.split == NULL && e.least_cosine > 0.99);
    imr_dataset_free(d);
    CHECK_OK(imr_dataset_open_memory(&d, c, q, NULL, 0, NULL, &err));
    CHECK_OK(imr_precision_compare(&e, p.half, p.exact, d, NULL, &err));
    CHECK(e.queries == 1 && e.split == NULL && e.k == 3 && e.ndcg.n == 0);
    CHECK_NEAR(e.overlap, 1, 0); /* three of three */
    imr_dataset_free(d);
    CHECK_OK(imr_dataset_open_memory(&d, c, q, &j, 1, NULL, &err));
    CHECK_OK(imr_precision_compare(&e, p.half, p.exact, d, NULL, &err));
    CHECK_STR(e.split, "train");
    CHECK(e.ndcg.n == 1 && e.ndcg.mean_a > 0);
    imr_mem_fail_after(-1);
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i++) {
        imr_mem_fail_after(i);
        status = imr_precision_compare(&e, p.half, p.exact, d, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
    }
    imr_dataset_free(d);
    close_pair(&p);
}

typedef struct watcher {
    size_t calls, stop_at;
    uint64_t done;
} watcher;

static bool watch(void *user, const imr_progress_info *info)
{
    watcher *w = user;
    if (strcmp(info->what, "comparing precisions") == 0) {
        CHECK(info->done >= w->done && info->done <= info->total);
        w->done = info->done;
    }
    return ++w->calls != w->stop_at;
}

TEST("the comparison reports all it encodes and can be stopped at every report")
{
    pair p = open_pair();
    imr_dataset *d = NULL;
    imr_precision_effect e;
    watcher w = {0};
    const imr_progress progress = {watch, &w};
    CHECK_OK(imr_dataset_open(&d, made_up_dataset(), NULL, &err));
    CHECK_OK(imr_precision_compare(&e, p.half, p.exact, d, &progress, &err));
    CHECK_INT(w.done, 2 * (DOCUMENTS + QUERIES));
    const size_t calls = w.calls;
    CHECK(calls > 10);
    for (size_t stop = 1; stop <= calls; stop += 1 + calls / 12) {
        w = (watcher){.stop_at = stop};
        const imr_status status = imr_precision_compare(&e, p.half, p.exact, d, &progress, &err);
        CHECK_INT(status, w.calls < stop ? IMR_OK : IMR_E_CANCELLED); /* threads share out work */
        CHECK(w.calls <= stop);
        if (status != IMR_OK)
            CHECK_CONTAINS(err.text, "cancelled");
    }
    imr_dataset_free(d);
    close_pair(&p);
}
