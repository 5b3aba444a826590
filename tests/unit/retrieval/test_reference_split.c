/* The authors' splits: Python's shuffle, and the hashes their files hold. */
#include "retrieval/reference_split.h"

#include "base/file.h"
#include "tests/support/test.h"

TEST("a shuffle is the one of Python's random.Random(seed)")
{
    uint32_t order[1000];
    static const uint32_t ten[] = {7, 3, 2, 8, 5, 6, 9, 4, 0, 1}, seven[] = {4, 2, 1, 0, 5, 3, 6};
    static const uint32_t first[] = {776, 507, 895, 922, 33}, last[] = {25, 114, 654};
    imr_python_shuffle(order, 10, 42);
    CHECK(memcmp(order, ten, sizeof ten) == 0);
    imr_python_shuffle(order, 7, 0);
    CHECK(memcmp(order, seven, sizeof seven) == 0);
    imr_python_shuffle(order, 1000, 42);
    CHECK(memcmp(order, first, sizeof first) == 0);
    CHECK(memcmp(order + 997, last, sizeof last) == 0);
    imr_python_shuffle(order, 0, 1);
}

static void check_hash(const imr_reference_split *s, size_t n, const char *hash)
{
    imr_error err = {0};
    char found[IMR_SHA256_HEX];
    CHECK_OK(imr_reference_hash(s, found, &err));
    CHECK_INT(s->n, n);
    CHECK_STR(found, hash);
}

TEST("SciFact is split as the authors' package splits it")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_reference_splits s;
    CHECK_OK(imr_dataset_open(&d, test_shared("datasets/scifact"), NULL, &err));
    CHECK_OK(imr_reference_splits_make(&s, d, IMR_REFERENCE_SEED, &err));
    check_hash(&s.v[0], 688, "f2c0f9bc46cec6a55175ddbfb360e43c064be6ffabef9a9dde861f4112d2b1ce");
    check_hash(&s.v[1], 121, "0e6dcbebf04c1e099920c5cad5febb71cf8ca86c17910f907dddbbc943103a13");
    check_hash(&s.v[2], 300, "26cc483d5ed08c9559e5f99948281accbb9aac17b8c2ea6e1e857286d9ebd684");
    imr_reference_splits_done(&s);
    imr_dataset_free(d);
}

TEST("one kind of judgements is cut in three, without a query twice or left out")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_reference_splits s;
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    CHECK_OK(imr_reference_splits_make(&s, d, IMR_REFERENCE_SEED, &err));
    const size_t all = imr_dataset_qrels(d, "test")->queries.n;
    CHECK_INT(s.v[0].n + s.v[1].n + s.v[2].n, all);
    CHECK(s.v[0].n > 3 * s.v[1].n && s.v[2].n > 0);
    for (size_t i = 0; i < all; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(s.ids[i], s.ids[j]) != 0);
    imr_reference_splits_done(&s);
    imr_dataset_free(d);
}

TEST("a dataset without judgements has nothing to split")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_reference_splits s;
    char dir[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    const char *line = "{\"_id\":\"1\",\"text\":\"alone\"}\n";
    CHECK_OK(imr_file_write(test_path(dir, "corpus.jsonl"), line, strlen(line), &err));
    CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
    CHECK_INT(imr_reference_splits_make(&s, d, 1, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "nothing to split");
    imr_dataset_free(d);
}
