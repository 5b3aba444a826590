/* Queries out of the collection itself, and training on them. */
#include "base/file.h"
#include "base/mem.h"
#include "task/cache.h"
#include "task/pseudo.h"
#include "task/train.h"
#include "tests/unit/encoder/tiny_transformer.h"

static imr_error err;

static void write_text(const char *dir, const char *name, const char *text)
{
    CHECK_OK(imr_file_write(test_path(dir, name), text, strlen(text), &err));
}

TEST("a text without a title is cut behind its first line, else behind its first sentence")
{
    static const struct {
        const char *text, *ask;
    } cases[] = {
        {"On folic acid\nSerum levels rose slowly.", "On folic acid"},
        {"It rose by two. Nothing else was seen.", "It rose by two."},
        {"Did it really rise? Nobody could say.", "Did it really rise?"},
        {"Abstract\nSerum levels rose. Nothing else was seen.", "Abstract\nSerum levels rose."},
        {"One sentence, and no more of them.", ""},
        {"Many words first.\nTwo words", ""},
        {"", ""},
        {"\n\n", ""},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        const size_t n = imr_pseudo_cut(cases[i].text, strlen(cases[i].text));
        CHECK_INT(n, strlen(cases[i].ask));
        CHECK(strncmp(cases[i].text, cases[i].ask, n) == 0);
    }
}

typedef struct collection {
    tiny t;
    imr_encoder *encoder;
    imr_dataset *dataset;
    imr_cache *cache;
} collection;

/* A folder of the given files in BEIR's layout, NULL for one that is absent. */
static collection collect(const char *corpus, const char *queries, const char *train)
{
    collection c = {.t = tiny_new(false, 12, 3, 20, 64)};
    const char *dir = keep(test_path(test_tmpdir(), "made"));
    CHECK_OK(imr_dir_make(test_path(dir, "qrels"), &err));
    write_text(dir, "corpus.jsonl", corpus);
    if (queries)
        write_text(dir, "queries.jsonl", queries);
    if (train)
        write_text(dir, "qrels/train.tsv", train);
    CHECK_OK(imr_encoder_open(&c.encoder, c.t.dir, NULL, &err));
    CHECK_OK(imr_dataset_open(&c.dataset, dir, NULL, &err));
    const char *cache = keep(test_path(test_tmpdir(), "cache"));
    CHECK_OK(imr_cache_encode(NULL, cache, c.dataset, c.encoder, IMR_F32, false, NULL, &err));
    CHECK_OK(imr_cache_open(&c.cache, cache, NULL, &err));
    return c;
}

static void collection_done(collection *c)
{
    imr_cache_free(c->cache);
    imr_dataset_free(c->dataset);
    imr_encoder_free(c->encoder);
    tiny_done(&c->t);
}

static const char three[] =
    "{\"_id\": \"a\", \"title\": \"the first title\", \"text\": \"and what it says\"}\n"
    "{\"_id\": \"b\", \"title\": \"alone\", \"text\": \"\"}\n"
    "{\"_id\": \"c\", \"title\": \"\", \"text\": \"one two three. four five six.\"}\n";

TEST("titles ask and rests answer, each the vector of its own words, made once")
{
    collection c = collect(three, NULL, NULL);
    imr_cache *pseudo;
    CHECK_OK(imr_pseudo_open(&pseudo, c.cache, c.encoder, NULL, &err));
    CHECK_INT(pseudo->queries.ids.n, 2);
    CHECK_STR(imr_ids_at(&pseudo->queries.ids, 0), "a");
    CHECK_STR(imr_ids_at(&pseudo->documents.ids, 1), "c");
    static const char *const texts[] = {"the first title", "one two three.", "and what it says",
                                        " four five six."};
    const size_t n = pseudo->dim;
    for (size_t i = 0; i < 4; i++) {
        const size_t len = strlen(texts[i]);
        float expected[64], found[64];
        CHECK_OK(imr_encoder_encode(c.encoder, &texts[i], &len, 1, expected, NULL, NULL, &err));
        if (i < 2)
            CHECK_OK(imr_cache_read_query(pseudo, i, found, &err));
        else
            CHECK_OK(imr_cache_read_rows(pseudo, i - 2, 1, found, &err));
        CHECK_ALL_NEAR(found, expected, n, 1e-6);
    }
    imr_cache_free(pseudo);
    const char *manifest = keep(test_path(c.cache->path, "pseudo/manifest.json"));
    size_t len, again;
    char *before = test_read(manifest, &len);
    CHECK_OK(imr_pseudo_open(&pseudo, c.cache, c.encoder, NULL, &err));
    char *after = test_read(manifest, &again);
    CHECK(len == again && memcmp(before, after, len) == 0);
    free(before), free(after);
    imr_cache_free(pseudo);
    collection_done(&c);
}

TEST("a collection in which nothing can ask, or with one document that can, is refused in words")
{
    imr_cache *pseudo;
    collection c = collect("{\"_id\": \"a\", \"title\": \"x\", \"text\": \"\"}\n"
                           "{\"_id\": \"b\", \"text\": \"one sentence only\"}\n",
                           NULL, NULL);
    CHECK_INT(imr_pseudo_open(&pseudo, c.cache, c.encoder, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "nothing can ask for anything");
    collection_done(&c);
    c = collect("{\"_id\": \"a\", \"title\": \"a title\", \"text\": \"its text\"}\n", NULL, NULL);
    imr_train_outcome o;
    const imr_train_plan plan = imr_train_plan_of(IMR_RECIPE_CORPUS);
    CHECK_INT(imr_train_cache(&o, c.cache, c.encoder, &plan, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "only 1 documents");
    collection_done(&c);
}

static imr_train_plan quick(void)
{
    imr_train_plan plan = imr_train_plan_of(IMR_RECIPE_CORPUS);
    plan.hidden_dim = 8;
    plan.options.epochs = 2;
    plan.options.batch_size = 8;
    plan.options.negatives = 5;
    plan.negative_pool = 20;
    return plan;
}

/* Made-up documents "word<i> ..." with titles, and queries judged relevant to one or two of them. */
static void put_collection(imr_buf *corpus, imr_buf *queries, imr_buf *train)
{
    static const char *const words[] = {"the",  "first", "title", "and",   "what", "it",
                                        "says", "one",   "two",   "three", "four", "five"};
    for (size_t i = 0; i < 60; i++)
        imr_buf_printf(
            corpus, "{\"_id\": \"d%zu\", \"title\": \"%s %s\", \"text\": \"%s %s %s\"}\n", i,
            words[i % 12], words[i / 5], words[i / 5], words[(i + 3) % 12], words[i % 7]);
    imr_buf_str(train, "query-id\tcorpus-id\tscore\n");
    for (size_t i = 0; i < 20; i++) {
        imr_buf_printf(queries, "{\"_id\": \"q%zu\", \"text\": \"%s %s\"}\n", i, words[i % 12],
                       words[(i + 5) % 12]);
        imr_buf_printf(train, "q%zu\td%zu\t1\nq%zu\td%zu\t1\n", i, i * 3, i, (i * 3 + 3) % 60);
    }
}

TEST("texts without a judgement train an adapter, measured on titles that did not ask")
{
    IMR_AUTOBUF imr_buf corpus = {0}, queries = {0}, train = {0}, words = {0};
    put_collection(&corpus, &queries, &train);
    collection c = collect(imr_buf_text(&corpus), NULL, NULL);
    const imr_train_plan plan = quick();
    imr_train_outcome o;
    CHECK_OK(imr_train_cache(&o, c.cache, c.encoder, &plan, NULL, &err));
    CHECK_INT(o.asked.queries, 3);
    CHECK_INT(o.all.queries, 0);
    CHECK_INT(o.asks, 57);
    CHECK_INT(o.judged, 0);
    CHECK_INT(o.adapter->w.form, IMR_FORM_MEAN);
    CHECK_NEAR(o.history.v[o.history.best].validation, o.asked.after, 1e-12);
    CHECK(o.asked.encoder > 0 && o.asked.encoder <= 1);
    imr_train_verdict(&words, &o, &plan);
    CHECK_CONTAINS(imr_buf_text(&words), "no judgement used");
    CHECK_CONTAINS(imr_buf_text(&words), "Without judgements nothing says");
    imr_train_outcome_done(&o);
    collection_done(&c);
}

TEST("with judgements no document relevant to a validation query is learnt from")
{
    IMR_AUTOBUF imr_buf corpus = {0}, queries = {0}, train = {0}, words = {0};
    put_collection(&corpus, &queries, &train);
    collection c = collect(imr_buf_text(&corpus), imr_buf_text(&queries), imr_buf_text(&train));
    const imr_train_plan plan = quick();
    imr_train_outcome o;
    CHECK_OK(imr_train_cache(&o, c.cache, c.encoder, &plan, NULL, &err));
    CHECK(o.validation_carved);
    CHECK_INT(o.all.queries, 3);
    CHECK_INT(o.asked.queries, 3);
    CHECK_NEAR(o.history.v[o.history.best].validation, (o.all.after + o.asked.after) / 2, 1e-12);
    CHECK_INT(o.unseen.queries, 3);
    CHECK_INT(o.judged, 17);
    CHECK(o.asks < 54 && o.asks >= 51); /* three queries judge four to six documents */
    imr_train_verdict(&words, &o, &plan);
    CHECK_CONTAINS(imr_buf_text(&words), "17 judged queries");
    CHECK_CONTAINS(imr_buf_text(&words), "than the encoder on what it never saw");
    imr_train_outcome_done(&o);

    /* What is held is nobody's positive. */
    static const uint32_t asked[] = {0, 1, 2};
    bool held[60] = {[3] = true};
    size_t split;
    CHECK(imr_cache_find_split(c.cache, "train", &split));
    imr_ranker ranker;
    CHECK_OK(imr_ranker_init(&ranker, NULL, c.cache, 0, NULL, &err));
    const imr_example_plan how = {IMR_MINER_ENCODER, 5, 20, held, &ranker};
    imr_examples e = {0};
    CHECK_OK(
        imr_examples_judged(&e, c.cache, c.cache->splits[split].qrels, asked, 3, &how, NULL, &err));
    CHECK_INT(e.positives.n, 4); /* of {0,3}, {3,6}, {6,9} */
    for (size_t q = 0; q < 3; q++)
        for (uint64_t i = e.negative_start[q]; i < e.negative_start[q + 1]; i++)
            for (uint64_t k = e.positive_start[q]; k < e.positive_start[q + 1]; k++)
                CHECK(e.negatives.v[i] != e.positives.v[k]);
    imr_examples_done(&e);
    imr_ranker_done(&ranker);
    collection_done(&c);
}
