#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "math/nn.h"
#include "math/random.h"
#include "session/evaluate.h"
#include "task/train.h"
#include "support/test.h"
#include "tests/unit/retrieval/made_cache.h"

#define TOPICS 12
#define EACH   5
#define N      24

/* A text's vector: its topic's direction plus noise of its own; queries live in shifted directions,
 * which an adapter can learn. The topic is the number after the first letter. */
static imr_status encode(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    (void)user, (void)err;
    for (size_t i = 0; i < t->count; i++) {
        unsigned topic = 0, own = 0;
        CHECK(sscanf(t->texts[i] + 1, "%u %u", &topic, &own) == 2);
        bool query = t->texts[i][0] == 'q';
        imr_random r;
        imr_random_init(&r, 1000 + own + (query ? 5000 : 0) + topic * 100);
        float *v = out + i * N;
        for (size_t j = 0; j < N; j++)
            v[j] = 0.15f * (float)imr_random_normal(&r);
        v[query ? TOPICS + topic : topic] += 1;
        imr_nn_unit(v, v, N);
    }
    return IMR_OK;
}

static void put(imr_buf *b, const char *format, unsigned a, unsigned c, unsigned d, unsigned e)
{
    char line[200];
    const unsigned v[] = {a, c, d, e};
    size_t at = 0, k = 0;
    for (; *format; format++)
        if (*format == '%')
            at += (size_t)snprintf(line + at, sizeof line - at, "%u", v[k++]);
        else
            line[at++] = *format;
    imr_buf_add(b, line, at);
}

/* Documents d<topic>-<i>; queries q<topic>-<i> whose relevant documents are their topic's. */
static imr_cache *make_cache(bool with_dev)
{
    imr_buf corpus = {0}, queries = {0}, train = {0}, test = {0}, dev = {0};
    imr_buf *all[] = {&corpus, &queries, &train, &test, &dev};
    imr_buf *qrels[] = {&train, &test, &dev};
    for (size_t i = 0; i < 3; i++)
        imr_buf_str(qrels[i], "query-id\tcorpus-id\tscore\n");
    for (unsigned t = 0; t < TOPICS; t++)
        for (unsigned i = 0; i < EACH; i++) {
            put(&corpus, "{\"_id\": \"d%-%\", \"text\": \"d% % common words\"}\n", t, i, t, i);
            put(&queries, "{\"_id\": \"q%-%\", \"text\": \"q% % common words\"}\n", t, i, t, i);
            imr_buf *split = i == 4 ? &test : i == 3 && with_dev ? &dev : &train;
            put(split, "q%-%\td%-%\t1\n", t, i, t, (i + 1) % EACH);
        }
    static const char *const names[] = {"corpus.jsonl", "queries.jsonl", "qrels/train.tsv",
                                        "qrels/test.tsv", "qrels/dev.tsv"};
    imr_named_bytes files[IMR_LEN(names)];
    for (size_t i = 0; i < IMR_LEN(names); i++)
        files[i] = (imr_named_bytes){names[i], imr_buf_text(all[i]), all[i]->len};
    const imr_encoder_identity identity = {.kind = "made-up", .name = "made-up"};
    imr_cache *cache = made_cache(files, with_dev ? 5 : 4, &identity, N, encode, NULL);
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_buf_done(all[i]);
    return cache;
}

static imr_train_plan make_plan(imr_loss_kind loss)
{
    imr_train_plan p = imr_train_plan_of(IMR_RECIPE_IMRNNS_01);
    p.options = imr_train_defaults(loss);
    p.output_dim = 16;
    p.hidden_dim = 8;
    p.negative_pool = 30;
    p.feedback_k = 20;
    p.options.lr = 3e-3;
    p.options.batch_size = 8;
    p.options.negatives = 5;
    p.options.epochs = 12;
    p.options.seed = 3;
    return p;
}

TEST("training learns what the encoder does not know, and the best epoch is the one kept")
{
    imr_error err;
    imr_cache *cache = make_cache(true);
    imr_train_plan plan = make_plan(IMR_LOSS_MNRL);
    imr_train_outcome o;
    CHECK_OK(imr_train_cache(&o, cache, NULL, &plan, NULL, &err));
    CHECK_INT(o.judged, 3 * TOPICS);
    CHECK_INT(o.all.queries, TOPICS);
    CHECK_INT(o.asks, 0);
    CHECK(!o.validation_carved);
    CHECK_STR(o.negatives_from, "BM25");
    double best = o.history.v[o.history.best].validation;
    CHECK_NEAR(o.all.after, best, 1e-12);
    CHECK(best > o.all.encoder + 0.1);
    for (size_t i = 0; i <= o.history.n; i++)
        CHECK(o.history.v[i].validation <= best);

    /* The adapter handed over is the one that was judged best. */
    imr_eval_split split;
    CHECK_OK(imr_eval_find_split(&split, cache, "val", 0, &err));
    imr_metric metric = {IMR_METRIC_NDCG, 10};
    imr_eval_options eo = {.feedback_k = 20, .metrics = &metric, .n_metrics = 1};
    imr_eval e;
    CHECK_OK(imr_eval_run(&e, cache, o.adapter, split.qrels, split.queries, split.n_queries,
                          split.train, &eo, NULL, &err));
    CHECK_NEAR(imr_eval_mean(&e, IMR_RANKED_AFTER, 0), o.all.after_ndcg, 1e-12);
    CHECK_NEAR(imr_eval_mean(&e, IMR_RANKED_ENCODER, 0), o.all.encoder_ndcg, 1e-12);
    imr_eval_done(&e);
    imr_train_outcome_done(&o);
    imr_cache_free(cache);
}

TEST("without a validation split 15 % of the training queries are held out, the same for a seed")
{
    imr_error err;
    imr_cache *cache = make_cache(false);
    imr_train_plan plan = make_plan(IMR_LOSS_MARGIN);
    plan.options.epochs = 2;
    imr_train_outcome a, b;
    CHECK_OK(imr_train_cache(&a, cache, NULL, &plan, NULL, &err));
    CHECK_OK(imr_train_cache(&b, cache, NULL, &plan, NULL, &err));
    CHECK(a.validation_carved);
    CHECK_INT(a.all.queries, 7); /* of 48 */
    CHECK_INT(a.judged, 41);
    CHECK_ALL_NEAR(a.adapter->w.v, b.adapter->w.v, a.adapter->w.count, 0);
    imr_train_outcome_done(&b);
    plan.options.seed = 4;
    CHECK_OK(imr_train_cache(&b, cache, NULL, &plan, NULL, &err));
    CHECK(memcmp(a.adapter->w.v, b.adapter->w.v, 100 * sizeof(float)) != 0);
    imr_train_outcome_done(&a);
    imr_train_outcome_done(&b);
    imr_cache_free(cache);
}

TEST("the saved adapter opens again with the same weights, beside a history that can be read")
{
    imr_error err;
    imr_cache *cache = make_cache(true);
    imr_train_plan plan = make_plan(IMR_LOSS_MNRL);
    plan.options.epochs = 2;
    imr_train_outcome o;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    const char *const command[] = {"imrnn", "train"};
    CHECK_OK(imr_train_cache(&o, cache, NULL, &plan, NULL, &err));
    CHECK_OK(imr_train_save(&o, cache, &plan, dir, command, 2, &err));
    static const char *const names[] = {"adapter.pt", "adapter.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        imr_adapter *a;
        CHECK_OK(imr_adapter_open(&a, test_path(dir, names[i]), IMR_FORM_AUTO, &err));
        CHECK_ALL_NEAR(a->w.v, o.adapter->w.v, o.adapter->w.count, 0);
        CHECK_CONTAINS(a->metadata, "mnrl");
        imr_adapter_free(a);
    }
    imr_json *history;
    CHECK_OK(imr_json_open(&history, test_path(dir, "history.json"), &err));
    CHECK_STR(imr_json_string_or(history, "schema", ""), "imrnn.training/1");
    CHECK_INT(imr_json_count(imr_json_at(history, "epochs")), 3); /* and before training */
    CHECK_INT(imr_json_int_or(history, "seed", -1), 3);
    CHECK_STR(imr_json_string_or(history, "command/1", ""), "train");
    imr_json_free(history);
    imr_train_outcome_done(&o);
    imr_cache_free(cache);
}

static bool stop_later(void *user, const imr_progress_info *info)
{
    (void)info;
    return ++*(int *)user < 40;
}

TEST("cancelled training keeps the best epoch so far, or says that there is none")
{
    imr_error err;
    imr_cache *cache = make_cache(true);
    imr_train_plan plan = make_plan(IMR_LOSS_MNRL);
    plan.options.epochs = 1000;
    plan.options.patience = 0;
    int calls = -1000;
    imr_progress p = {stop_later, &calls};
    imr_train_outcome o;
    CHECK_OK(imr_train_cache(&o, cache, NULL, &plan, &p, &err));
    CHECK(o.history.cancelled && o.history.n > 0 && o.history.n < 1000);
    imr_train_outcome_done(&o);
    calls = 39;
    CHECK_INT(imr_train_cache(&o, cache, NULL, &plan, &p, &err), IMR_E_CANCELLED);
    imr_cache_free(cache);
}
