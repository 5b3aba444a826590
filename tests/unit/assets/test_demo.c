#include <ctype.h>

#include "assets/demo.h"
#include "base/strmap.h"
#include "format/json.h"
#include "retrieval/dataset.h"
#include "text/utf8.h"
#include "tests/support/test.h"

static imr_error err;

static imr_dataset *open_demo(void)
{
    imr_dataset *d = NULL;
    imr_named_bytes corpus = {"corpus.jsonl", imr_demo_corpus, imr_demo_corpus_len};
    imr_named_bytes queries = {"queries.jsonl", imr_demo_queries, imr_demo_queries_len};
    imr_named_bytes qrels[] = {{"train", imr_demo_qrels_train, imr_demo_qrels_train_len},
                               {"dev", imr_demo_qrels_dev, imr_demo_qrels_dev_len},
                               {"test", imr_demo_qrels_test, imr_demo_qrels_test_len}};
    CHECK_OK(imr_dataset_open_memory(&d, corpus, queries, qrels, 3, NULL, &err));
    return d;
}

static size_t words_of(const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += !isspace((unsigned char)*p) && (p == text || isspace((unsigned char)p[-1]));
    return n;
}

TEST("the demo's passages have 40 to 90 words, a title and one of 28 subjects, none twice")
{
    imr_jsonl it;
    imr_jsonl_init(&it, imr_demo_corpus, imr_demo_corpus_len, "corpus.jsonl");
    const imr_json *node;
    imr_strmap texts = {0}, subjects = {0};
    char *kept[2000];
    size_t n = 0;
    for (;;) {
        CHECK_OK(imr_jsonl_next(&it, &node, &err));
        if (!node)
            break;
        const char *text = imr_json_string_or(node, "text", "");
        const char *title = imr_json_string_or(node, "title", "");
        const char *subject = imr_json_string_or(node, "metadata/subject", "");
        size_t words = words_of(text);
        if (words < 40 || words > 90)
            FAIL("%s has %zu words", imr_json_string_or(node, "_id", ""), words);
        CHECK(*title && *subject);
        CHECK(imr_utf8_first_bad(text, strlen(text)) == strlen(text));
        const char *each[3] = {text, title, subject};
        for (size_t i = 0; i < 3; i++) {
            bool added;
            CHECK(3 * n + i < IMR_LEN(kept));
            char *copy = kept[3 * n + i] = strdup(each[i]);
            CHECK(imr_strmap_add(i == 2 ? &subjects : &texts, copy, strlen(copy), 0, NULL, &added));
            CHECK(added || i == 2);
        }
        n++;
    }
    CHECK_INT(n, 560);
    CHECK_INT(subjects.count, 28);
    imr_jsonl_done(&it);
    imr_strmap_done(&texts);
    imr_strmap_done(&subjects);
    for (size_t i = 0; i < 3 * n; i++)
        free(kept[i]);
}

TEST("the demo's judgements have grades 1 and 2, a best answer each, and name what exists")
{
    imr_dataset *d = open_demo();
    CHECK_INT(d->query_ids.n, 1736);
    const char *splits[] = {"train", "dev", "test"};
    bool used[1736] = {false};
    size_t queries = 0;
    for (size_t s = 0; s < 3; s++) {
        const imr_qrels *q = imr_dataset_qrels(d, splits[s]);
        CHECK(q != NULL);
        queries += q->queries.n;
        for (size_t i = 0; i < q->queries.n; i++) {
            imr_qrels_query one = q->queries.v[i];
            uint32_t found;
            CHECK(imr_ids_find(&d->query_ids, one.id, &found));
            CHECK(!used[found]);
            used[found] = true;
            CHECK_INT(one.ideal[0], 2);
            for (size_t j = 0; j < one.n; j++) {
                CHECK(one.v[j].grade == 1 || one.v[j].grade == 2);
                CHECK(imr_ids_find(&d->documents, q->documents.v[one.v[j].document], &found));
            }
        }
    }
    CHECK_INT(queries, 1736);
    imr_dataset_free(d);
}

/* Queries of a split by whether training judged one of their relevant passages. */
static void halves(size_t out[2], const imr_dataset *d, const char *split)
{
    const imr_qrels *q = imr_dataset_qrels(d, split);
    out[0] = out[1] = 0;
    for (size_t i = 0; i < q->queries.n; i++)
        out[imr_qrels_saw(imr_dataset_qrels(d, "train"), q, i) ? 0 : 1]++;
}

TEST("about half of the demo's test queries ask for passages that training never saw")
{
    imr_dataset *d = open_demo();
    size_t test[2], dev[2];
    halves(test, d, "test");
    halves(dev, d, "dev");
    CHECK_INT(imr_dataset_qrels(d, "train")->queries.n, 1372);
    CHECK_INT(test[0], 126);
    CHECK_INT(test[1], 115);
    CHECK_INT(dev[0], 71);
    CHECK_INT(dev[1], 52);
    imr_dataset_free(d);
}

TEST("the table of the demo's files names the same bytes")
{
    CHECK_INT(imr_demo_files_count, 5);
    for (size_t i = 0; i < imr_demo_files_count; i++) {
        const imr_asset *f = &imr_demo_files[i];
        CHECK(f->len > 0 && f->data[f->len] == 0);
        CHECK(f->data[f->len - 1] == '\n');
    }
    CHECK_STR(imr_demo_files[2].name, "qrels/train.tsv");
    CHECK(imr_demo_files[2].data == imr_demo_qrels_train);
}
