#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "retrieval/dataset.h"
#include "tests/support/test.h"

static void put(const char *path, const char *text)
{
    imr_error err = {0};
    CHECK_OK(imr_file_write(path, text, strlen(text), &err));
}

/* A dataset of one corpus text, or the status and words of its refusal. */
static imr_status try_text(imr_dataset **d, const char *corpus, size_t len, bool skip,
                           imr_error *err)
{
    imr_dataset_options options = {.skip_bad_lines = skip};
    imr_named_bytes bytes = {"corpus.jsonl", corpus, len}, none = {0};
    return imr_dataset_open_memory(d, bytes, none, NULL, 0, &options, err);
}

static void refuse(const char *corpus, const char *because)
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_status status = try_text(&d, corpus, strlen(corpus), false, &err);
    if (status != IMR_E_FORMAT && status != IMR_E_LIMIT)
        FAIL("accepted: %s", corpus);
    CHECK_CONTAINS(err.text, because);
    CHECK(d == NULL);
}

static void check_document(const imr_dataset *d, size_t i, const char *id, const char *title,
                           const char *text)
{
    imr_error err = {0};
    imr_buf t = {0}, b = {0};
    CHECK_STR(imr_ids_at(&d->documents, i), id);
    CHECK_OK(imr_dataset_read(d, i, &t, &b, &err));
    CHECK_STR(imr_buf_text(&t), title);
    CHECK_STR(imr_buf_text(&b), text);
    imr_buf_done(&t);
    imr_buf_done(&b);
}

TEST("a BEIR folder gives documents, queries and judgements")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    CHECK_INT(d->documents.n, 120);
    CHECK_STR(imr_ids_at(&d->documents, 1), "d001");
    uint32_t at = 0;
    CHECK(imr_ids_find(&d->documents, "d119", &at) && at == 119);
    CHECK(!imr_ids_find(&d->documents, "d120", &at));
    CHECK_INT(d->query_ids.n, 24);
    CHECK_STR(imr_ids_at(&d->query_ids, 1), "q01");
    CHECK_STR(d->query_texts[1], "midin sobar");
    CHECK(imr_ids_find(&d->query_ids, "q21", &at) && at == 21);
    CHECK_INT(d->n_splits, 1);
    CHECK_STR(d->splits[0].name, "test");
    CHECK(imr_dataset_qrels(d, "test") != NULL);
    CHECK(imr_dataset_qrels(d, "train") == NULL);
    imr_buf text = {0};
    CHECK_OK(imr_dataset_text(d, 0, &text, &err));
    CHECK(strncmp(imr_buf_text(&text), "sogem kabar", 11) == 0); /* no title: no newline */
    imr_buf_clear(&text);
    CHECK_OK(imr_dataset_text(d, 1, &text, &err));
    CHECK(strncmp(imr_buf_text(&text), "Zebar Sohut\nrahut", 17) == 0);
    imr_buf_done(&text);
    imr_dataset_free(d);
}

TEST("title and text join by the reference's rule")
{
    static const char *const rows[][3] = {
        {"T", "x", "T\nx"},     {"", "x", "x"},           {"T", "", "T"},
        {"", "", ""},           {" T\t", " x\n", "T\nx"}, {"\u00a0", "\u2003x y\u3000", "x y"},
        {"a b", "\x1f", "a b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imr_buf b = {0};
        imr_document_text(&b, rows[i][0], strlen(rows[i][0]), rows[i][1], strlen(rows[i][1]));
        CHECK_STR(imr_buf_text(&b), rows[i][2]);
        imr_buf_done(&b);
    }
}

TEST("plain JSONL holds objects, bare strings and documents called by their line")
{
    const char *text = "\"first\"\n{\"_id\":\"x\",\"text\":\"second\",\"title\":null}\r\n\n"
                       "{\"id\":7,\"text\":\"third\"}\n{\"text\":\"fourth\",\"title\":\"T\"}";
    char *path = (char *)(uintptr_t)test_path(test_tmpdir(), "docs.jsonl");
    put(path, text);
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, path, NULL, &err));
    CHECK_INT(d->documents.n, 4);
    check_document(d, 0, "1", "", "first");
    check_document(d, 1, "x", "", "second");
    check_document(d, 2, "7", "", "third");
    check_document(d, 3, "5", "T", "fourth");
    CHECK_INT(d->query_ids.n, 0);
    CHECK_INT(d->n_splits, 0);
    imr_dataset_free(d);
}

TEST("a zipped BEIR folder opens like the folder, wherever it lies inside")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, test_golden("zip/beir.zip"), NULL, &err));
    CHECK(d->documents.n > 0 && d->query_ids.n > 0);
    CHECK_INT(d->n_splits, 1);
    CHECK_STR(d->splits[0].name, "test");
    imr_buf text = {0};
    for (size_t i = 0; i < d->documents.n; i++)
        CHECK_OK(imr_dataset_text(d, i, &text, &err));
    imr_buf_done(&text);
    imr_dataset_free(d);

    CHECK_INT(imr_dataset_open(&d, "/nonexistent/beir.zip", NULL, &err), IMR_E_NOT_FOUND);
    char path[512];
    snprintf(path, sizeof path, "%s/x.zip", test_tmpdir());
    put(path, "no archive");
    CHECK_INT(imr_dataset_open(&d, path, NULL, &err), IMR_E_FORMAT);
    for (long i = 0;; i++) {
        imr_dataset *z = NULL;
        imr_mem_fail_after(i);
        imr_status status = imr_dataset_open(&z, test_golden("zip/beir.zip"), NULL, &err);
        imr_mem_fail_after(-1);
        imr_dataset_free(z);
        if (status == IMR_OK) {
            CHECK(i > 10);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
}

TEST("splits come in the order train, validation, test, others, under any usual name")
{
    char dir[256];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    put(test_path(dir, "corpus.jsonl"), "\"x\"\n");
    CHECK_INT(0, mkdir(test_path(dir, "qrels"), 0777));
    const char *names[] = {"qrels/aux.tsv", "qrels/dev.tsv", "qrels/test.tsv", "qrels/train.qrels",
                           "qrels/readme.md"};
    for (size_t i = 0; i < 5; i++)
        put(test_path(dir, names[i]), i == 3 ? "q 0 1 1\n" : "q\t1\t1\n");
    put(test_path(dir, "queries.tsv"), "q\twhat is x\n\nr\tand y\n");
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
    const char *order[] = {"train", "dev", "test", "aux"};
    CHECK_INT(d->n_splits, 4);
    for (size_t i = 0; i < 4; i++)
        CHECK_STR(d->splits[i].name, order[i]);
    CHECK(imr_dataset_qrels(d, "validation") != NULL);
    CHECK(imr_dataset_qrels(d, "validation") == imr_dataset_qrels(d, "val"));
    CHECK_INT(d->query_ids.n, 2);
    CHECK_STR(d->query_texts[1], "and y");
    imr_dataset_free(d);
}

TEST("whatever is wrong with a line is named with file and line")
{
    refuse("", "corpus.jsonl holds no documents");
    refuse("\n\n", "corpus.jsonl holds no documents");
    refuse("\"a\"\n{\"_id\":\"b\",\"text\":\n", "corpus.jsonl: line 2");
    refuse("{\"_id\":\"a\",\"text\":\"x\"}\n{\"_id\":\"a\",\"text\":\"y\"}\n",
           "corpus.jsonl: line 2: the id \"a\" was used before, on line 1");
    refuse("{\"_id\":\"2\",\"text\":\"x\"}\n\"y\"\n",
           "line 2: the id \"2\" was used before, on line 1");
    refuse("{\"_id\":\"a\"}\n", "line 1: the line has no \"text\"");
    refuse("{\"_id\":\"a\",\"text\":5}\n", "line 1: \"text\" is not a string");
    refuse("{\"_id\":\"a\",\"text\":\"x\",\"title\":[]}\n", "line 1: \"title\" is not a string");
    refuse("{\"_id\":\"\",\"text\":\"x\"}\n", "line 1: the id is empty");
    refuse("{\"_id\":1.5,\"text\":\"x\"}\n", "neither a string nor an integer");
    refuse("{\"_id\":\"a\\nb\",\"text\":\"x\"}\n", "newline, tab or other control");
    refuse("{\"_id\":\"a\",\"text\":\"x\xff\"}\n", "corpus.jsonl: line 1");
    refuse("[1,2]\n", "line 1: expected an object");
    char longer[2000];
    snprintf(longer, sizeof longer, "{\"_id\":\"%01500d\",\"text\":\"x\"}\n", 7);
    refuse(longer, "line 1: the id has");
}

TEST("bad lines can be skipped: they are counted and the first ones listed")
{
    imr_buf b = {0};
    imr_buf_str(&b, "{\"_id\":\"a\",\"text\":\"one\"}\nbroken\n{\"_id\":\"a\",\"text\":\"again\"}\n"
                    "{\"_id\":\"b\",\"text\":\"two\"}\n");
    for (int i = 0; i < 30; i++)
        imr_buf_str(&b, "{\"_id\":\"c\"}\n");
    imr_buf_str(&b, "{\"_id\":\"d\",\"text\":\"three\"}\n");
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(try_text(&d, b.data, b.len, true, &err));
    CHECK_INT(d->documents.n, 3);
    CHECK_INT(d->n_bad, 32);
    CHECK_CONTAINS(d->bad[0], "corpus.jsonl: line 2");
    check_document(d, 0, "a", "", "one");
    check_document(d, 1, "b", "", "two");
    check_document(d, 2, "d", "", "three");
    uint32_t at;
    CHECK(imr_ids_find(&d->documents, "d", &at) && at == 2);
    imr_dataset_free(d);
    CHECK_INT(try_text(&d, "broken\n", 7, true, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "all 1 lines were skipped");
    imr_buf_done(&b);
}

TEST("a corpus cut anywhere is read or refused, never worse")
{
    const char *text = "{\"_id\":\"a\",\"title\":\"T\",\"text\":\"\\u00e9\xc3\xa9\"}\n\"b\"\n";
    size_t n = strlen(text), good = 0;
    for (size_t len = 0; len <= n; len++) {
        char *copy = malloc(len + 1); /* exactly as long, so that a read beyond is seen */
        memcpy(copy, text, len);
        imr_error err = {0};
        imr_dataset *d = NULL;
        if (try_text(&d, copy, len, false, &err) == IMR_OK) {
            good++;
            imr_dataset_free(d);
        }
        free(copy);
    }
    CHECK(good >= 4 && good < n / 2);
}

TEST("what is no dataset is refused with what was looked for")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_INT(imr_dataset_open(&d, test_tmpdir(), NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "expected corpus.jsonl (BEIR), or .txt or .md files");
    CHECK_INT(imr_dataset_open(&d, "/nonexistent/data", NULL, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/nonexistent/data");
}

TEST("a remembered index opens the corpus without reading it, a wrong one is not believed")
{
    const char *text = "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\"two\"}\n";
    imr_error err = {0};
    imr_dataset *d = NULL, *again = NULL;
    CHECK_OK(try_text(&d, text, strlen(text), false, &err));
    uint64_t offsets[2];
    uint32_t lengths[2];
    memcpy(offsets, d->offsets, sizeof offsets);
    memcpy(lengths, d->lengths, sizeof lengths);
    /* Ids other than the file's show that the index was used. */
    imr_ids ids;
    char *names = imr_alloc(4, 1);
    memcpy(names, "x\0y", 4);
    CHECK_OK(imr_ids_take(&ids, NULL, NULL, names, 4, 2, "ids", &err));
    imr_dataset_index index = {strlen(text), &ids, offsets, lengths};
    imr_dataset_options options = {.index = &index};
    imr_named_bytes bytes = {"corpus.jsonl", text, strlen(text)}, none = {0};
    CHECK_OK(imr_dataset_open_memory(&again, bytes, none, NULL, 0, &options, &err));
    check_document(again, 1, "y", "", "two");
    imr_dataset_free(again);
    for (int fault = 0; fault < 2; fault++) {
        imr_dataset_index wrong = index;
        uint64_t beyond[] = {0, 1000};
        wrong.corpus_bytes += fault == 0;
        wrong.offsets = fault == 1 ? beyond : offsets;
        options.index = &wrong;
        CHECK_OK(imr_dataset_open_memory(&again, bytes, none, NULL, 0, &options, &err));
        check_document(again, 1, "b", "", "two");
        imr_dataset_free(again);
    }
    imr_dataset_free(d);
    imr_ids_done(&ids);
}

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    return ++*(int *)user < 2;
}

TEST("opening can be cancelled")
{
    imr_buf b = {0};
    for (int i = 0; i < 2000; i++)
        imr_buf_str(&b, "\"text\"\n");
    int calls = 0;
    imr_progress progress = {stop, &calls};
    imr_dataset_options options = {.progress = &progress};
    imr_named_bytes bytes = {"c", b.data, b.len}, none = {0};
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_INT(imr_dataset_open_memory(&d, bytes, none, NULL, 0, &options, &err), IMR_E_CANCELLED);
    CHECK_INT(calls, 2);
    imr_buf_done(&b);
}

TEST("SciFact opens with all its documents, queries and both splits")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, test_shared("datasets/scifact"), NULL, &err));
    CHECK_INT(d->documents.n, 5183);
    CHECK_INT(d->query_ids.n, 1109);
    CHECK_INT(d->n_splits, 2);
    CHECK_STR(d->splits[0].name, "train");
    imr_dataset_free(d);
}

TEST("every allocation of opening a folder may fail once")
{
    for (long i = 0;; i++) {
        imr_error err = {0};
        imr_dataset *d = NULL;
        imr_buf text = {0};
        imr_mem_fail_after(i);
        imr_status status = imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err);
        if (status == IMR_OK)
            status = imr_dataset_text(d, 3, &text, &err);
        imr_mem_fail_after(-1);
        imr_buf_done(&text);
        imr_dataset_free(d);
        if (status == IMR_OK) {
            CHECK(i > 20);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
}

TEST("ids stand under other tools' names too; a BEIR line without one is an error")
{
    static const char *const names[] = {"id", "docid", "doc_id", "docno", "pid"};
    imr_error err = {0};
    imr_dataset *d = NULL;
    char dir[256], line[128];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    put(test_path(dir, "queries.jsonl"), "{\"qid\": 7, \"text\": \"x\"}\n");
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        snprintf(line, sizeof line, "{\"text\": \"a\", \"%s\": \"9\"}\n\"bare\"\n", names[i]);
        put(test_path(dir, "corpus.jsonl"), line);
        CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
        CHECK_STR(imr_ids_at(&d->documents, 0), "9");
        CHECK_STR(imr_ids_at(&d->documents, 1), "2");
        CHECK_STR(imr_ids_at(&d->query_ids, 0), "7");
        imr_dataset_free(d);
        d = NULL;
    }
    put(test_path(dir, "corpus.jsonl"), "{\"text\": \"a\", \"key\": \"9\"}\n");
    CHECK_INT(imr_dataset_open(&d, dir, NULL, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "corpus.jsonl: line 1: the line has no \"_id\"");
    CHECK_OK(imr_dataset_open(&d, test_path(dir, "corpus.jsonl"), NULL, &err));
    CHECK_STR(imr_ids_at(&d->documents, 0), "1");
    imr_dataset_free(d);
}

TEST("empty documents keep their ids, and it is said how many there are")
{
    const char *text = "{\"_id\":\"a\",\"text\":\"one\"}\n{\"_id\":\"b\",\"text\":\" \\n\"}\n\"\"\n"
                       "{\"_id\":\"c\",\"title\":\"t\",\"text\":\"\"}\n";
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(try_text(&d, text, strlen(text), false, &err));
    CHECK_INT(d->documents.n, 4);
    CHECK_STR(d->summary, "2 of 4 documents are empty: where they rank says nothing");
    imr_dataset_free(d);
    CHECK_OK(try_text(&d, text, 25, false, &err));
    CHECK_STR(d->summary, "");
    imr_dataset_free(d);
}
