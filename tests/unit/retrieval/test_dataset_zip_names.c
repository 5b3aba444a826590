/* What names in an archive mean: separators of other systems, several collections. */
#include "base/file.h"
#include "retrieval/dataset.h"
#include "tests/support/made_zip.h"
#include "tests/support/test.h"

static imr_error err;

static const char queries[] =
    "{\"_id\":\"q1\",\"text\":\"one\"}\n{\"_id\":\"q2\",\"text\":\"two\"}\n";
static const char qrels[] = "query-id\tcorpus-id\tscore\nq1\td1\t1\n";

/* Lines with CRLF and without, blank ones, broken ones when asked for, no newline at the end. */
static void put_entries(const char *path, const char *const *names, size_t n)
{
    made_entry entries[8];
    CHECK(n <= 8);
    for (size_t i = 0; i < n; i++) {
        const bool judged = strstr(names[i], "qrels") != NULL;
        entries[i] =
            (made_entry){.name = names[i],
                         .data = judged ? qrels : queries, /* lines with ids all the same */
                         .len = judged ? sizeof qrels - 1 : sizeof queries - 1,
                         .level = 6};
    }
    imr_buf zip = made_zip(entries, n);
    CHECK_OK(imr_file_write(path, zip.data, zip.len, &err));
    imr_buf_done(&zip);
}

TEST("backslashes of an archive made on MS-DOS and its children are separators")
{
    static const char *const names[] = {"ds\\corpus.jsonl", "ds\\queries.jsonl",
                                        "ds\\qrels\\test.tsv"};
    imr_dataset *d = NULL;
    const char *path = test_path(test_tmpdir(), "a.zip");
    put_entries(path, names, 3);
    CHECK_OK(imr_dataset_open(&d, path, NULL, &err));
    CHECK_INT(d->documents.n, 2);
    CHECK_INT(d->query_ids.n, 2);
    CHECK(imr_dataset_qrels(d, "test") != NULL);
    imr_dataset_free(d);
}

TEST("of several collections in an archive one must be named, and can be")
{
    static const char *const names[] = {"f/a/corpus.jsonl", "f/b/corpus.jsonl",
                                        "f/b/qrels/test.tsv", "f/b/old/corpus.jsonl",
                                        "__MACOSX/f/a/corpus.jsonl"};
    imr_dataset *d = NULL;
    char path[512], inside[600];
    snprintf(path, sizeof path, "%s", test_path(test_tmpdir(), "a.zip"));
    put_entries(path, names, 5);
    CHECK_INT(imr_dataset_open(&d, path, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "holds 3 datasets (f/a, f/b, f/b/old): name one");
    snprintf(inside, sizeof inside, "%s/f/b", path);
    CHECK_OK(imr_dataset_open(&d, inside, NULL, &err)); /* what lies below it is another's */
    CHECK(imr_dataset_qrels(d, "test") != NULL);
    imr_dataset_free(d);
    d = NULL;
    snprintf(inside, sizeof inside, "%s/f/c", path);
    CHECK_INT(imr_dataset_open(&d, inside, NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "it holds no corpus.jsonl below f/c");
    CHECK(d == NULL);
}
