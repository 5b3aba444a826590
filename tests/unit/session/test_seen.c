/* What an adapter was trained on: told, read from its file, or not known. */
#include "session/provenance.h"

#include "base/file.h"
#include "retrieval/reference_split.h"
#include "tests/unit/retrieval/store_support.h"

/* An adapter that says `metadata` of itself, as the authors' release 0.2 writes one. */
static imr_adapter *adapter_of(imr_form form, const imr_torch_meta *metadata, size_t n)
{
    imr_error err = {0};
    imr_adapter *plain = NULL, *a = NULL;
    const char *path = test_path(test_tmpdir(), "a.pt");
    CHECK_OK(imr_adapter_new(&plain, form, 8, 8, 128, 1, &err));
    CHECK_OK(imr_adapter_save(plain, path, metadata, n, &err));
    CHECK_OK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err));
    imr_adapter_free(plain);
    return a;
}

typedef struct where {
    made m;
    imr_cache *cache;
} where;

static where where_open(void)
{
    imr_error err = {0};
    where w = {.m = made_built(IMR_F32)};
    CHECK_OK(imr_cache_open(&w.cache, w.m.dir, NULL, &err));
    return w;
}

static void where_close(where *w)
{
    imr_cache_free(w->cache);
    made_done(&w->m);
}

static void check_seen(const where *w, const imr_adapter *a, const char *trained_on, bool known,
                       size_t queries, const char *words)
{
    imr_error err = {0};
    imr_seen s;
    CHECK_OK(imr_seen_find(&s, a, w->cache, trained_on, &err));
    CHECK_INT(s.known, known);
    CHECK_INT(s.train ? s.train->queries.n : 0, queries);
    CHECK_CONTAINS(s.words, words);
    imr_seen_done(&s);
}

TEST("--trained-on names a split, a file of judgements, or none")
{
    imr_error err = {0};
    where w = where_open();
    imr_adapter *a = adapter_of(IMR_FORM_MEAN, NULL, 0);
    imr_seen s;
    const char *file = test_path(test_tmpdir(), "qrels.txt");
    CHECK_OK(imr_file_write(file, "q1 0 d1 1\nq2 0 d1 1\n", 20, &err));
    size_t split;
    CHECK(imr_cache_find_split(w.cache, "test", &split));
    check_seen(&w, a, "test", true, w.cache->splits[split].qrels->queries.n,
               "\"test\", as --trained-on says");
    check_seen(&w, a, file, true, 2, "qrels.txt");
    check_seen(&w, a, "none", true, 0, "no judgement");
    CHECK_INT(imr_seen_find(&s, a, w.cache, "nowhere", &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "--trained-on nowhere is neither");
    imr_adapter_free(a);
    where_close(&w);
}

TEST("hashes of the authors' splits tell which queries were trained on")
{
    imr_error err = {0};
    where w = where_open();
    imr_reference_splits splits;
    char hashes[2][IMR_SHA256_HEX];
    CHECK_OK(imr_reference_splits_make(&splits, w.m.d, IMR_REFERENCE_SEED, &err));
    const size_t used = splits.v[0].n + splits.v[1].n;
    for (size_t i = 0; i < 2; i++)
        CHECK_OK(imr_reference_hash(&splits.v[i], hashes[i], &err));
    for (int wrong = 0; wrong < 2; wrong++) {
        const imr_torch_meta one[] = {{.name = "query_ids_sha256", .kind = 's', .s = hashes[0]}};
        const imr_torch_meta two[] = {
            {.name = "query_ids_sha256", .kind = 's', .s = hashes[!wrong]}};
        const imr_torch_meta of[] = {
            {.name = "train", .kind = 'd', .items = one, .n_items = 1},
            {.name = "validation", .kind = 'd', .items = two, .n_items = 1}};
        const imr_torch_meta manifest[] = {
            {.name = "splits", .kind = 'd', .items = of, .n_items = 2}};
        const imr_torch_meta metadata[] = {
            {.name = "dataset", .kind = 's', .s = "BEIR"},
            {.name = "dataset_manifest", .kind = 'd', .items = manifest, .n_items = 1}};
        imr_adapter *a = adapter_of(IMR_FORM_MEAN, metadata, 2);
        if (wrong)
            check_seen(&w, a, NULL, false, 0, "there are no judged training queries");
        else
            check_seen(&w, a, NULL, true, used, "whose hashes");
        imr_adapter_free(a);
    }
    imr_reference_splits_done(&splits);
    where_close(&w);
}

TEST("another data set, no word at all, and release 0.1 leave it unknown; texts alone do not")
{
    where w = where_open();
    const imr_torch_meta fiqa[] = {{.name = "dataset", .kind = 's', .s = "fi\x1bqa"}};
    const imr_torch_meta beir[] = {{.name = "dataset", .kind = 's', .s = "beir"}};
    const imr_torch_meta none[] = {{.name = "judged_queries", .kind = 'i', .i = 0}};
    const imr_torch_meta texts[] = {{.name = "dataset", .kind = 's', .s = "moved"},
                                    {.name = "training", .kind = 'd', .items = none, .n_items = 1}};
    imr_adapter *a = adapter_of(IMR_FORM_MEAN, fiqa, 1);
    check_seen(&w, a, NULL, false, 0,
               "unknown what it was trained on: its file names the data set");
    imr_adapter_free(a);
    a = adapter_of(IMR_FORM_MEAN, NULL, 0);
    check_seen(&w, a, NULL, false, 0, "its file does not say");
    imr_adapter_free(a);
    a = adapter_of(IMR_FORM_DIAGONAL, beir, 1);
    check_seen(&w, a, NULL, false, 0, "release 0.1");
    imr_adapter_free(a);
    a = adapter_of(IMR_FORM_MEAN, texts, 2);
    check_seen(&w, a, NULL, true, 0, "without judgements");
    imr_adapter_free(a);
    where_close(&w);
}

TEST("of each query is told whether training saw it")
{
    imr_error err = {0};
    imr_qrels *train = NULL, *test = NULL;
    const char *const judged = "a 0 d1 1\na 0 d2 0\nb 0 d3 2\n";
    const char *const asked = "x 0 d1 1\ny 0 d2 1\nz 0 d9 1\na 0 d8 1\nw 0 d3 0\n";
    const bool seen[5] = {true, false, false, true, false};
    CHECK_OK(imr_qrels_parse(&train, judged, strlen(judged), "train", &err));
    CHECK_OK(imr_qrels_parse(&test, asked, strlen(asked), "test", &err));
    for (size_t i = 0; i < 5; i++)
        CHECK_INT(imr_qrels_saw(train, test, i), seen[i]);
    imr_qrels_free(train), imr_qrels_free(test);
}
