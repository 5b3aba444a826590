/* Caches of schema 2: written, read again, and refused where something does not fit. */
#include "task/export.h"

#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/torch_pt.h"
#include "tests/unit/retrieval/store_support.h"

typedef struct exported {
    made m;
    imr_cache *from;
    char dir[512];
} exported;

static exported export_of(imr_dtype dtype)
{
    imr_error err = {0};
    exported e = {.m = made_built(dtype)};
    snprintf(e.dir, sizeof e.dir, "%s/theirs", test_tmpdir());
    CHECK_OK(imr_cache_open(&e.from, e.m.dir, NULL, &err));
    CHECK_OK(imr_cache_export(e.dir, e.from, &(imr_export_plan){.negatives = 5, .pool = 20}, NULL,
                              &err));
    return e;
}

static void exported_done(exported *e)
{
    imr_cache_free(e->from);
    made_done(&e->m);
}

static imr_status open_again(imr_cache **out, const exported *e, imr_error *err)
{
    char dataset[1024];
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    return imr_cache_open(out, e->dir, &(imr_cache_options){.dataset = dataset}, err);
}

static void check_vectors(const exported *e, const imr_cache *c)
{
    imr_error err = {0};
    float a[FAKE_DIM], b[FAKE_DIM];
    CHECK_INT(c->documents.ids.n, e->from->documents.ids.n);
    for (uint32_t i = 0; i < c->documents.ids.n; i++) {
        uint32_t at;
        CHECK(imr_ids_find(&e->from->documents.ids, imr_ids_at(&c->documents.ids, i), &at));
        CHECK_OK(imr_cache_read_rows(c, i, 1, a, &err));
        CHECK_OK(imr_cache_read_rows(e->from, at, 1, b, &err));
        CHECK_ALL_NEAR(a, b, FAKE_DIM, 0);
    }
    for (uint32_t i = 0; i < c->queries.ids.n; i++) {
        uint32_t at;
        CHECK(imr_ids_find(&e->from->queries.ids, imr_ids_at(&c->queries.ids, i), &at));
        CHECK_OK(imr_cache_read_query(c, i, a, &err));
        CHECK_OK(imr_cache_read_query(e->from, at, b, &err));
        CHECK_ALL_NEAR(a, b, FAKE_DIM, 0);
    }
}

TEST("what is exported opens with the same vectors, their splits, and dense negatives")
{
    for (int half = 0; half < 2; half++) {
        imr_error err = {0};
        exported e = export_of(half ? IMR_F16 : IMR_F32);
        imr_cache *c = NULL;
        CHECK_OK(open_again(&c, &e, &err));
        check_vectors(&e, c);
        CHECK_INT(c->n_splits, 3);
        CHECK_STR(c->splits[1].name, "validation");
        CHECK_STR(c->encoder.name, "made-up");
        CHECK_STR(c->encoder.sha256, identity.sha256);
        CHECK_STR(c->encoder.query_prefix, identity.query_prefix);
        size_t n, negatives;
        const uint32_t *test = imr_cache_split_queries(c, 2, &n);
        const imr_qrels *qrels = c->splits[2].qrels;
        CHECK(n > 0 && qrels);
        for (size_t i = 0; i < n; i++) {
            const uint32_t *of = imr_cache_negatives(c, test[i], &negatives);
            uint32_t judged;
            CHECK_INT(negatives, 5);
            CHECK(imr_qrels_find(qrels, imr_ids_at(&c->queries.ids, test[i]), &judged));
            for (size_t k = 0; k < negatives; k++)
                CHECK(imr_qrels_grade(qrels, judged, imr_ids_at(&c->documents.ids, of[k]), NULL) <=
                      0);
        }
        imr_cache_free(c);
        CHECK_INT(imr_cache_export(e.dir, e.from, &(imr_export_plan){0}, NULL, &err), IMR_E_IO);
        CHECK_CONTAINS(err.text, "manifest.json exists; --overwrite");
        CHECK_OK(
            imr_cache_export(e.dir, e.from, &(imr_export_plan){.overwrite = true}, NULL, &err));
        exported_done(&e);
    }
}

/* Replaces the first `from` in DIR/file by `to`. */
static void edit(const exported *e, const char *file, const char *from, const char *to)
{
    imr_error err = {0};
    size_t n;
    const char *path = test_path(e->dir, file);
    char *text = test_read(path, &n), *at = strstr(text, from);
    CHECK(at != NULL);
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_add(&b, text, (size_t)(at - text));
    imr_buf_str(&b, to);
    imr_buf_str(&b, at + strlen(from));
    CHECK_OK(imr_file_write(path, imr_buf_text(&b), b.len, &err));
    free(text);
}

/* Opening, and importing, which reads it another way. */
static void check_refused(const exported *e, const char *words)
{
    imr_error err = {0};
    imr_cache *c = NULL;
    const imr_cache_options once = {.dataset = "", .one_pass = true};
    CHECK(open_again(&c, e, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, words);
    CHECK(imr_cache_open(&c, e->dir, &once, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, words);
    CHECK(c == NULL);
}

TEST("ids that have not the hash, or the number, the manifest says are refused")
{
    exported e = export_of(IMR_F32);
    edit(&e, "manifest.json", "\"ids_sha256\": \"", "\"ids_sha256\": \"0");
    check_refused(&e, "documents/embeddings.pt have sha256");
    exported_done(&e);
    e = export_of(IMR_F32);
    edit(&e, "validation/query_ids.json", "[\"", "[\"x");
    check_refused(&e, "validation/query_ids.json have sha256");
    exported_done(&e);
    e = export_of(IMR_F32);
    edit(&e, "manifest.json", "\"query_count\": ", "\"query_count\": 1");
    check_refused(&e, "the manifest says 1");
    exported_done(&e);
    e = export_of(IMR_F32);
    unlink(test_path(e.dir, "manifest.json"));
    check_refused(&e, "the cache is half made");
    exported_done(&e);
}

TEST("ids that repeat, and vectors of two lengths, are refused")
{
    imr_error err = {0};
    static const float v[2 * (FAKE_DIM + 1)] = {1};
    static const char *const twice[] = {"q1", "q1"};
    static const uint32_t rows[] = {0, 1};
    exported e = export_of(IMR_F32);
    const char *path = test_path(e.dir, "train/query_embeddings.pt");
    const char *ids = test_path(e.dir, "train/query_ids.json");
    CHECK_OK(imr_torch_write_pairs(path, twice, rows, 2, v, 2, FAKE_DIM, &err));
    unlink(ids); /* what has no list is told by the vectors */
    unlink(test_path(e.dir, "train/negatives.json"));
    imr_cache *c = NULL;
    CHECK(open_again(&c, &e, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, "q1");
    CHECK_OK(imr_torch_write_pairs(path, twice, rows, 1, v, 2, FAKE_DIM + 1, &err));
    check_refused(&e, "expected");
    exported_done(&e);
}

TEST("a split without queries is left out with a word, negatives out of order are refused")
{
    imr_error err = {0};
    exported e = export_of(IMR_F32);
    imr_cache *c = NULL;
    CHECK_OK(imr_file_write(test_path(e.dir, "validation/query_ids.json"), "[]", 2, &err));
    size_t n;
    char *manifest = test_read(test_path(e.dir, "manifest.json"), &n);
    char *at = strstr(manifest, "\"validation\"");
    CHECK(at != NULL);
    memcpy(at, "\"unheard-of\"", 12); /* so that it says nothing of it */
    CHECK_OK(imr_file_write(test_path(e.dir, "manifest.json"), manifest, n, &err));
    free(manifest);
    CHECK_OK(open_again(&c, &e, &err));
    CHECK_INT(c->n_splits, 2);
    CHECK_CONTAINS(c->notice, "split validation has no queries");
    imr_cache_free(c);
    c = NULL;
    edit(&e, "test/negatives.json", "{\"", "{\"stranger\": [], \"");
    CHECK(open_again(&c, &e, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, "the negatives of \"stranger\"");
    exported_done(&e);
}

TEST("a cache without its data set has nothing to split, and is not half exported")
{
    imr_error err = {0};
    exported e = export_of(IMR_F32);
    imr_cache *alone = NULL;
    char dir[512];
    snprintf(dir, sizeof dir, "%s/new", test_tmpdir());
    CHECK_OK(imr_cache_open(&alone, e.dir, &(imr_cache_options){.dataset = ""}, &err));
    CHECK_INT(imr_cache_export(dir, alone, &(imr_export_plan){0}, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "--dataset");
    CHECK(!imr_dir_exists(dir));
    imr_cache_free(alone);
    exported_done(&e);
}
