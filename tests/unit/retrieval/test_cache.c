#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "retrieval/cache.h"
#include "tests/support/test.h"
#include "tests/unit/retrieval/fake_encoder.h"
#include "tests/unit/retrieval/made_cache.h"

static void put(const char *dir, const char *name, const void *bytes, size_t n)
{
    char path[512];
    imr_error err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK_OK(imr_file_write(path, bytes, n, &err));
}

static void copy(const char *dir, const char *name, const char *from)
{
    size_t len;
    char *bytes = test_read(from, &len);
    put(dir, name, bytes, len);
    free(bytes);
}

/* A fresh copy of the golden cache; `embeddings` is taken from that folder of it. */
static void make_reference(char dir[256], const char *embeddings)
{
    char sub[300], from[64];
    imr_error err = {0};
    snprintf(dir, 256, "%s", test_tmpdir());
    snprintf(sub, sizeof sub, "%s/test", dir);
    CHECK_OK(imr_dir_make(sub, &err));
    snprintf(from, sizeof from, "cache/%s/embeddings.pt", embeddings);
    copy(sub, "embeddings.pt", test_golden(from));
    copy(sub, "query_embeddings_tiny.pt", test_golden("cache/test/query_embeddings_tiny.pt"));
    copy(sub, "negatives.json", test_golden("cache/test/negatives.json"));
    copy(dir, "manifest.json", test_golden("cache/manifest.json"));
}

static imr_cache *open_ok(const char *dir, const char *dataset)
{
    imr_error err = {0};
    imr_cache *c = NULL;
    imr_cache_options options = {.dataset = dataset};
    CHECK_OK(imr_cache_open(&c, dir, &options, &err));
    return c;
}

static void refuse(const char *dir, const imr_cache_options *options, imr_status status,
                   const char *because)
{
    imr_error err = {0};
    imr_cache *c = NULL;
    CHECK_INT(imr_cache_open(&c, dir, options, &err), status);
    CHECK_CONTAINS(err.text, because);
    CHECK(c == NULL);
}

TEST("a cache of the reference opens with shared storages, its split, negatives and dataset")
{
    imr_cache *c = open_ok(test_golden("cache"), test_golden("cache/beir"));
    CHECK_STR(c->layout, "reference");
    CHECK_STR(c->encoder.name, "example/tiny");
    CHECK_STR(c->encoder.sha256, "");
    CHECK_STR(c->notice, "");
    CHECK_INT(strlen(c->sha256), 64);
    CHECK_INT(c->dim, 48);
    CHECK_INT(c->dtype, IMR_F32);
    CHECK_INT(c->documents.ids.n, 120);
    CHECK_INT(c->n_splits, 1);
    CHECK_STR(c->splits[0].name, "test");
    size_t n, split = 9;
    CHECK(imr_cache_find_split(c, "test", &split) && split == 0);
    CHECK(!imr_cache_find_split(c, "train", &split));
    const uint32_t *queries = imr_cache_split_queries(c, 0, &n);
    CHECK_INT(n, c->queries.ids.n);

    /* the split is negatives.json, key by key, and so are the negatives */
    imr_error err = {0};
    imr_json *expected IMR_AUTOJSON = NULL;
    CHECK_OK(imr_json_open(&expected, test_golden("cache/test/negatives.json"), &err));
    CHECK_INT(n, imr_json_count(expected));
    size_t i = 0;
    for (const imr_json *q = imr_json_child(expected); q; q = imr_json_next(q), i++) {
        size_t count, k = 0;
        CHECK_STR(imr_ids_at(&c->queries.ids, queries[i]), imr_json_key(q));
        const uint32_t *negatives = imr_cache_negatives(c, queries[i], &count);
        CHECK_INT(count, imr_json_count(q));
        for (const imr_json *id = imr_json_child(q); id; id = imr_json_next(id), k++)
            CHECK_STR(imr_ids_at(&c->documents.ids, negatives[k]), imr_json_string_or(id, "", ""));
    }

    const imr_qrels *qrels = c->splits[0].qrels;
    uint32_t at;
    CHECK(qrels && imr_qrels_find(qrels, "q00", &at));
    CHECK_INT(imr_qrels_grade(qrels, at, "d098", NULL), 3);
    imr_buf title = {0}, text = {0};
    CHECK(imr_ids_find(&c->documents.ids, "d001", &at));
    CHECK_OK(imr_cache_document(c, at, &title, &text, &err));
    CHECK_STR(imr_buf_text(&title), "Zebar Sohut");
    CHECK(strncmp(imr_buf_text(&text), "rahut kagem", 11) == 0);
    imr_buf_done(&title);
    imr_buf_done(&text);
    CHECK(imr_ids_find(&c->queries.ids, "q01", &at));
    CHECK_STR(imr_cache_query_text(c, at), "midin sobar");
    imr_cache_free(c);
}

TEST("half-precision vectors of the reference are those of the full ones, rounded")
{
    char dir[256];
    make_reference(dir, "test-fp16");
    imr_cache *full = open_ok(test_golden("cache"), ""), *half = open_ok(dir, "");
    CHECK_INT(half->dtype, IMR_F16);
    CHECK_INT(half->documents.ids.n, full->documents.ids.n);
    imr_view a = imr_rows_view(full->documents.rows), b = imr_rows_view(half->documents.rows);
    for (size_t i = 0; i < a.rows; i++) {
        uint32_t at = 0;
        CHECK(imr_ids_find(&half->documents.ids, imr_ids_at(&full->documents.ids, i), &at));
        /* 11 bits: values below 1 are off by at most 2^-12 */
        CHECK_ALL_NEAR(imr_view_row(&b, at), imr_view_row(&a, i), a.cols, 0x1p-12);
    }
    imr_cache_free(full);
    imr_cache_free(half);
}

TEST("read in one pass, the reference's vectors are those of a cache opened to be searched")
{
    static const char *const tests[] = {"test", "test-fp16"};
    for (size_t k = 0; k < IMR_LEN(tests); k++) {
        char dir[256];
        make_reference(dir, tests[k]);
        imr_error err = {0};
        imr_cache *whole = open_ok(dir, ""), *pass = NULL;
        imr_scratch *scratch = NULL;
        CHECK_OK(imr_scratch_open(&scratch, dir, &err));
        imr_cache_options options = {.dataset = "", .one_pass = true, .scratch = scratch};
        CHECK_OK(imr_cache_open(&pass, dir, &options, &err));
        CHECK_INT(pass->documents.ids.n, whole->documents.ids.n);
        for (size_t i = 0; i < pass->documents.ids.n; i++) {
            float a[64], b[64];
            uint32_t at = 0;
            CHECK(imr_ids_find_near(&pass->documents.ids, imr_ids_at(&whole->documents.ids, i),
                                    (uint32_t)(i), &at));
            CHECK_INT(at, i);
            CHECK_OK(imr_cache_read_rows(pass, i, 1, a, &err));
            CHECK_OK(imr_cache_read_rows(whole, i, 1, b, &err));
            CHECK_ALL_NEAR(a, b, pass->dim, 0);
            if (i % 50 == 0)
                imr_cache_forget(pass);
        }
        CHECK_INT(whole->queries.ids.n, 22);
        CHECK_INT(pass->queries.ids.n, 24); /* two are not in negatives.json */
        imr_view queries = imr_rows_view(whole->queries.rows);
        for (size_t i = 0; i < queries.rows; i++) {
            float q[64];
            uint32_t at = 0;
            CHECK(imr_ids_find(&pass->queries.ids, imr_ids_at(&whole->queries.ids, i), &at));
            CHECK_STR(imr_cache_query_text(pass, at), imr_ids_at(&whole->queries.ids, i));
            CHECK_OK(imr_cache_read_query(pass, at, q, &err));
            CHECK_ALL_NEAR(q, imr_view_row(&queries, i), queries.cols, 0);
        }
        imr_cache_free(whole);
        imr_cache_free(pass);
        imr_scratch_close(scratch);
    }
}

TEST("read in one pass, a query of two splits is there once")
{
    char dir[256];
    make_reference(dir, "test");
    imr_error err = {0};
    static const char *const files[] = {"embeddings.pt", "query_embeddings_tiny.pt"};
    char val[300];
    snprintf(val, sizeof val, "%s/val", dir);
    CHECK_OK(imr_dir_make(val, &err));
    for (size_t i = 0; i < IMR_LEN(files); i++) {
        char from[300], to[300];
        size_t len;
        snprintf(from, sizeof from, "%s/test/%s", dir, files[i]);
        snprintf(to, sizeof to, "val/%s", files[i]);
        char *bytes = test_read(from, &len);
        put(dir, to, bytes, len);
        free(bytes);
    }
    refuse(dir, NULL, IMR_E_FORMAT, "stands there twice");
    imr_cache *c = NULL, *once = open_ok(test_golden("cache"), "");
    imr_cache_options options = {.dataset = "", .one_pass = true};
    CHECK_OK(imr_cache_open(&c, dir, &options, &err));
    CHECK_INT(c->queries.ids.n, 24);
    imr_view queries = imr_rows_view(once->queries.rows);
    for (size_t i = 0; i < queries.rows; i++) {
        float q[64];
        uint32_t at = 0;
        CHECK(imr_ids_find(&c->queries.ids, imr_ids_at(&once->queries.ids, i), &at));
        CHECK_OK(imr_cache_read_query(c, at, q, &err));
        CHECK_ALL_NEAR(q, imr_view_row(&queries, i), queries.cols, 0);
    }
    imr_cache_free(c);
    imr_cache_free(once);
}

TEST("a vector of the reference that is not finite is named, at the latest when it is read")
{
    char dir[256], path[512];
    make_reference(dir, "test");
    imr_error err = {0};
    imr_cache *c = open_ok(dir, "");
    float row[64];
    uint32_t at = 0;
    CHECK(imr_ids_find(&c->documents.ids, "d077", &at));
    CHECK_OK(imr_cache_read_rows(c, at, 1, row, &err));
    size_t dim = c->dim, len, hits = 0;
    imr_cache_free(c);
    snprintf(path, sizeof path, "%s/test/embeddings.pt", dir);
    char *bytes = test_read(path, &len);
    for (size_t i = 0; i + dim * sizeof *row <= len; i++)
        if (memcmp(bytes + i, row, dim * sizeof *row) == 0) {
            memset(bytes + i + 8, 0xff, 4);
            hits++;
        }
    CHECK_INT(hits, 1);
    CHECK_OK(imr_file_write(path, bytes, len, &err));
    free(bytes);
    imr_cache_options options = {.dataset = ""};
    CHECK_INT(imr_cache_open(&c, dir, &options, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "document \"d077\"");
    options.one_pass = true;
    CHECK_OK(imr_cache_open(&c, dir, &options, &err));
    CHECK_INT(imr_cache_read_rows(c, at, 1, row, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "document \"d077\"");
    imr_cache_free(c);
}

TEST("without a dataset ids stand for texts, and the notice says so")
{
    imr_cache *c = open_ok(test_golden("cache"), NULL);
    imr_error err = {0};
    imr_buf title = {0}, text = {0};
    CHECK_CONTAINS(c->notice, "--dataset FOLDER names it");
    CHECK(c->dataset == NULL);
    CHECK(c->splits[0].qrels == NULL);
    CHECK_STR(imr_cache_query_text(c, 0), imr_ids_at(&c->queries.ids, 0));
    CHECK_OK(imr_cache_document(c, 0, &title, &text, &err));
    CHECK_INT(title.len + text.len, 0);
    imr_cache_free(c);
}

TEST("places order documents by id whatever the order of rows")
{
    imr_cache *c = open_ok(test_golden("cache"), "");
    const uint32_t *places = c->documents.ids.places;
    for (size_t i = 0; i < 120; i++)
        for (size_t j = 0; j < 120; j++)
            CHECK((places[i] < places[j]) ==
                  (strcmp(imr_ids_at(&c->documents.ids, i), imr_ids_at(&c->documents.ids, j)) < 0));
    imr_cache_free(c);
}

TEST("a cache that lacks or breaks something is refused with what and where")
{
    char dir[256];
    imr_cache_options none = {0}, nowhere = {.dataset = "/nonexistent/beir"},
                      other = {.encoder_key = "e5"};
    refuse("/nonexistent/cache", NULL, IMR_E_NOT_FOUND, "there is no cache folder");
    refuse(test_tmpdir(), NULL, IMR_E_NOT_FOUND, "is no cache");
    refuse(test_golden("cache"), &nowhere, IMR_E_NOT_FOUND, "/nonexistent/beir");
    refuse(test_golden("cache"), &other, IMR_E_NOT_FOUND, "query_embeddings_e5.pt");

    make_reference(dir, "test");
    put(dir, "manifest.json", "{}", 2);
    imr_cache_free(open_ok(dir, NULL)); /* the only query file there is */
    put(dir, "test/query_embeddings_e5.pt", "", 0);
    refuse(dir, &none, IMR_E_NOT_FOUND, "name the encoder key");
    put(dir, "manifest.json", "{", 1);
    refuse(dir, &none, IMR_E_FORMAT, "manifest.json");

    make_reference(dir, "test");
    put(dir, "test/negatives.json", "[]", 2);
    refuse(dir, &none, IMR_E_FORMAT, "negatives.json is no object");
    put(dir, "test/negatives.json", "{\"q00\":[],\"q77\":[\"d001\"],\"q01\":[\"zzz\",\"d002\"]}",
        46);
    imr_cache *c = open_ok(dir, NULL);
    size_t n;
    CHECK_INT(c->queries.ids.n, 2);
    CHECK_CONTAINS(c->notice, "1 queries of negatives.json have no vector");
    CHECK_INT((imr_cache_negatives(c, 0, &n), n), 0);
    CHECK_INT((imr_cache_negatives(c, 1, &n), n), 1);
    imr_cache_free(c);

    make_reference(dir, "test");
    char text[300];
    snprintf(text, sizeof text, "%s/none.jsonl", dir);
    put(dir, "none.jsonl", "\"x\"\n", 4);
    imr_cache_options stranger = {.dataset = text};
    refuse(dir, &stranger, IMR_E_FORMAT, "this is another dataset");
    put(dir, "none.jsonl", "{\"_id\":\"d003\",\"text\":\"x\"}\n", 26);
    c = open_ok(dir, text);
    CHECK_CONTAINS(c->notice, "119 of 120 documents are not in");
    imr_cache_free(c);
}

TEST("a reference cache whose vectors are cut short is refused at every length")
{
    char dir[256];
    make_reference(dir, "test");
    size_t len;
    char *bytes = test_read(test_golden("cache/test/query_embeddings_tiny.pt"), &len);
    for (size_t cut = 0; cut < len; cut += 61) {
        imr_error err = {0};
        imr_cache *c = NULL;
        put(dir, "test/query_embeddings_tiny.pt", bytes, cut);
        CHECK(imr_cache_open(&c, dir, NULL, &err) != IMR_OK);
        CHECK(c == NULL);
    }
    free(bytes);
}

/* n documents and one query that are all the same vector, stored once. */
static void make_shared(char dir[256], size_t n, size_t dim)
{
    imr_error err = {0};
    const char **ids = calloc(n, sizeof *ids);
    char *names = calloc(n, 12);
    uint32_t *rows = calloc(n, sizeof *rows);
    float *vector = calloc(dim, sizeof *vector);
    for (size_t i = 0; i < dim; i++)
        vector[i] = 1;
    for (size_t i = 0; i < n; i++) {
        snprintf(names + 12 * i, 12, "d%zu", i);
        ids[i] = names + 12 * i;
    }
    snprintf(dir, 256, "%s", test_tmpdir());
    CHECK_OK(imr_dir_make(test_path(dir, "test"), &err));
    CHECK_OK(imr_torch_write_pairs(test_path(dir, "test/embeddings.pt"), ids, rows, n, vector, 1,
                                   dim, &err));
    CHECK_OK(imr_torch_write_pairs(test_path(dir, "test/query_embeddings_x.pt"), ids, rows, 1,
                                   vector, 1, dim, &err));
    free(ids);
    free(names);
    free(rows);
    free(vector);
}

TEST("vectors that share a storage are read within the budget of their files, also to be kept")
{
    char dir[256];
    make_shared(dir, 2000, 384);
    imr_cache *c = open_ok(dir, NULL);
    CHECK_INT(c->documents.ids.n, 2000);
    imr_cache_free(c);
    make_shared(dir, 1600, 16384); /* 105 MB from 0.2 MB */
    refuse(dir, NULL, IMR_E_BUDGET, " takes 104.9 MB or more for 0.1 MB of files");
    imr_cache_options kept = {.one_pass = true};
    refuse(dir, &kept, IMR_E_BUDGET, "0.2 MB of files, allowed are 80");
    imr_budget_said = (size_t)256 << 20;
    c = open_ok(dir, NULL);
    CHECK_INT(c->documents.ids.n, 1600);
    imr_cache_free(c);
    imr_budget_said = 0;
}

TEST("every allocation of opening a reference cache may fail once")
{
    char dataset[512];
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    imr_cache_options options = {.dataset = dataset};
    for (long i = 0;; i += i < 60 ? 1 : 17) { /* the many alike inside the pickle are thinned out */
        imr_error err = {0};
        imr_cache *c = NULL;
        imr_mem_fail_after(i);
        imr_status status = imr_cache_open(&c, test_golden("cache"), &options, &err);
        imr_mem_fail_after(-1);
        imr_cache_free(c);
        if (status == IMR_OK) {
            CHECK(i > 60);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
}

/* ---- of a dataset ---- */

static const char corpus[] = "{\"_id\":\"b\",\"title\":\"Tea\",\"text\":\"leaves in water\"}\n"
                             "{\"_id\":\"a\",\"title\":\"\",\"text\":\"coffee beans\"}\n";
static const char queries[] = "{\"_id\":\"q1\",\"text\":\"What is Tea\"}\n"
                              "{\"_id\":\"q2\",\"text\":\"  tea or coffee\"}\n"
                              "{\"_id\":\"q3\",\"text\":\"beans\"}\n";

static imr_cache *small_cache(const imr_encoder_identity *identity, fake_encoder *f)
{
    const imr_named_bytes files[] = {{"corpus.jsonl", corpus, sizeof corpus - 1},
                                     {"queries.jsonl", queries, sizeof queries - 1},
                                     {"qrels/test.tsv", "q3\ta\t1\nq9\tb\t1\n", 14},
                                     {"qrels/train.tsv", "q2\tb\t1\nq1\tb\t2\n", 14}};
    return made_cache(files, IMR_LEN(files), identity, FAKE_DIM, fake_encode, f);
}

TEST("a dataset is encoded with its prefixes and splits into its judgements")
{
    imr_error err = {0};
    fake_encoder f = {0};
    imr_encoder_identity id = {
        .name = "made-up", .query_prefix = "query: ", .passage_prefix = "passage: "};
    imr_cache *c = small_cache(&id, &f);
    CHECK_STR(f.last, "query: beans");
    CHECK_INT(f.texts, 5);
    CHECK_STR(c->layout, "store");
    CHECK_STR(c->encoder.passage_prefix, "passage: ");
    CHECK_INT(c->documents.ids.n, 2);
    const char *text = "passage: Tea\nleaves in water";
    size_t len = strlen(text), n;
    float expected[FAKE_DIM];
    CHECK_OK(fake_encode(&f, &(imr_encode_texts){false, 0, 1, &text, &len}, expected, &err));
    imr_view v = imr_rows_view(c->documents.rows);
    CHECK_ALL_NEAR(imr_view_row(&v, 0), expected, FAKE_DIM, 0);
    CHECK_INT(c->documents.ids.places[0], 1);
    CHECK_STR(c->splits[0].name, "train");
    const uint32_t *train = imr_cache_split_queries(c, 0, &n);
    CHECK_INT(n, 2);
    CHECK_INT(train[0], 1); /* the judgements' order */
    imr_cache_split_queries(c, 1, &n);
    CHECK_INT(n, 1); /* q9 has no vector */
    CHECK_INT((imr_cache_negatives(c, 0, &n), n), 0);
    imr_cache_free(c);
}

TEST("queries are offered by how they begin, then by their words, ignoring case")
{
    fake_encoder f = {0};
    uint32_t out[5], at;
    imr_cache *c = small_cache(&(imr_encoder_identity){.name = "made-up"}, &f);
    CHECK_INT(imr_cache_offer_queries(c, " TEA", out, 5), 2);
    CHECK_INT(out[0], 1);
    CHECK_INT(out[1], 0);
    CHECK_INT(imr_cache_offer_queries(c, "ea", out, 5), 0);
    CHECK_INT(imr_cache_offer_queries(c, "Q2", out, 5), 1); /* its id */
    CHECK_STR(imr_ids_at(&c->queries.ids, out[0]), "q2");
    CHECK_INT(imr_cache_offer_queries(c, "", out, 5), 3);
    CHECK_INT(imr_cache_offer_queries(c, "", out, 2), 2);
    CHECK(imr_cache_find_query_text(c, "  what IS tea ", &at) && at == 0);
    CHECK(imr_cache_find_query_text(c, "tea or coffee", &at) && at == 1);
    CHECK(!imr_cache_find_query_text(c, "what is", &at));
    imr_cache_free(c);
}
