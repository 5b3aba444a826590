#include "base/mem.h"
#include "format/json.h"
#include "retrieval/bm25.h"
#include "tests/support/test.h"

static imr_dataset *of_lines(const char *corpus)
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_named_bytes bytes = {"corpus.jsonl", corpus, strlen(corpus)}, none = {0};
    CHECK_OK(imr_dataset_open_memory(&d, bytes, none, NULL, 0, NULL, &err));
    return d;
}

TEST("negatives equal the reference's, in its order, for every query of its cache")
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    imr_bm25 *b = NULL;
    imr_json *expected = NULL;
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    CHECK_OK(imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err));
    CHECK_OK(imr_json_open(&expected, test_golden("cache/test/negatives.json"), &err));
    size_t queries = 0;
    for (const imr_json *q = imr_json_child(expected); q; q = imr_json_next(q), queries++) {
        uint32_t at, found[20];
        size_t n = 0, i = 0;
        CHECK(imr_ids_find(&d->query_ids, imr_json_key(q), &at));
        const char *text = d->query_texts[at];
        CHECK_OK(imr_bm25_negatives(b, text, strlen(text), imr_dataset_qrels(d, "test"),
                                    imr_json_key(q), 20, 60, found, &n, &err));
        CHECK_INT(n, imr_json_count(q));
        for (const imr_json *id = imr_json_child(q); id; id = imr_json_next(id), i++)
            CHECK_STR(imr_ids_at(&d->documents, found[i]), imr_json_string_or(id, "", ""));
    }
    CHECK(queries >= 20);
    imr_json_free(expected);
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("a score is the formula, worked out for two short documents")
{
    imr_dataset *d = of_lines("{\"_id\":\"a\",\"title\":\"Tea\",\"text\":\"tea and milk\"}\n"
                              "{\"_id\":\"b\",\"title\":\"\",\"text\":\"milk jug\"}\n"
                              "{\"_id\":\"c\",\"title\":\"\",\"text\":\"stone\"}\n");
    imr_error err = {0};
    imr_bm25 *b = NULL;
    double s[3];
    CHECK_OK(imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err));
    CHECK_OK(imr_bm25_scores(b, "tea tea", 7, s, &err));
    /* lengths 3, 2, 1, average 2; tea: tf 2 in a alone; twice in the query counts twice */
    double idf = log(1 + 2.5 / 1.5), norm = 1.2 * (0.25 + 0.75 * 3 / 2.0);
    CHECK_NEAR(s[0], 2 * idf * 2 * 2.2 / (2 + norm), 1e-14);
    CHECK_NEAR(s[1], 0, 0);
    CHECK_OK(imr_bm25_scores(b, "unknown", 7, s, &err));
    CHECK_NEAR(s[0] + s[1] + s[2], 0, 0);
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("terms are whole runs of ASCII letters: digits, accents and underscores spoil a run")
{
    imr_dataset *d =
        of_lines("{\"_id\":\"a\",\"text\":\"Word word2 wo_rd wörd (WORD) word's x\\u0301word\"}\n"
                 "{\"_id\":\"b\",\"text\":\"other\"}\n");
    imr_error err = {0};
    imr_bm25 *b = NULL;
    double s[2];
    CHECK_OK(imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err));
    CHECK_OK(imr_bm25_scores(b, "word", 4, s, &err));
    /* Word, WORD, word('s), word after the mark: tf 4, length 4; b has length 1 */
    double norm = 1.2 * (0.25 + 0.75 * 4 / 2.5);
    CHECK_NEAR(s[0], log(1 + 1.5 / 1.5) * 4 * 2.2 / (4 + norm), 1e-14);
    const char *nothing[] = {"word2", "the", "of", "rd", "wörd", ""};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        CHECK_OK(imr_bm25_scores(b, nothing[i], strlen(nothing[i]), s, &err));
        CHECK_NEAR(s[0], 0, 0);
    }
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("the English form stems runs of letters and digits, and leaves Lucene's stop words out")
{
    imr_dataset *d = of_lines(
        "{\"_id\":\"a\",\"title\":\"Runners\",\"text\":\"were running; they will run x2 y\"}\n"
        "{\"_id\":\"b\",\"text\":\"caf\u00e9s and caf\u00c9\"}\n");
    imr_error err = {0};
    imr_bm25 *b = NULL;
    double s[2];
    CHECK_OK(imr_bm25_build(&b, d, (imr_bm25_form){true, 0.9, 0.4}, NULL, &err));
    /* runner, were, run, run, x2: "they" and "will" are stop words, y is too short; caf\u00e9 twice */
    const double norm = 0.9 * (0.6 + 0.4 * 5 / 3.5), idf = log(1 + 1.5 / 1.5);
    static const struct {
        const char *query;
        size_t document;
        double tf;
    } cases[] = {{"runs", 0, 2}, {"RUNNER", 0, 1}, {"X2", 0, 1}, {"were", 0, 1}};
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        CHECK_OK(imr_bm25_scores(b, cases[i].query, strlen(cases[i].query), s, &err));
        CHECK_NEAR(s[0], idf * cases[i].tf * 1.9 / (cases[i].tf + norm), 1e-14);
        CHECK_NEAR(s[1], 0, 0);
    }
    CHECK_OK(imr_bm25_scores(b, "Caf\u00c9", 5, s, &err));
    CHECK(s[0] == 0 && s[1] > 0);
    CHECK_OK(imr_bm25_scores(b, "they will and y", 15, s, &err));
    CHECK(s[0] == 0 && s[1] == 0);
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("documents without any shared term follow in corpus order and fill the pool")
{
    imr_dataset *d = of_lines("\"one\"\n\"two\"\n\"three\"\n\"four\"\n\"one more\"\n");
    imr_error err = {0};
    imr_bm25 *b = NULL;
    uint32_t out[5];
    size_t n;
    imr_qrels *q = NULL;
    CHECK_OK(imr_qrels_parse(&q, "q\t1\t1\nq\t2\t0\n", 12, "q", &err));
    CHECK_OK(imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err));
    CHECK_OK(imr_bm25_negatives(b, "one", 3, q, "q", 5, 4, out, &n, &err));
    CHECK_INT(n, 3); /* a pool of 4 minus the relevant "1" */
    CHECK_INT(out[0], 4);
    CHECK_INT(out[1], 1);
    CHECK_INT(out[2], 2);
    CHECK_OK(imr_bm25_negatives(b, "one", 3, NULL, "q", 2, 4, out, &n, &err));
    CHECK_INT(n, 2);
    CHECK_INT(out[0], 0);
    imr_qrels_free(q);
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("a corpus of empty documents scores zero instead of dividing by zero")
{
    imr_dataset *d = of_lines("\"\"\n\"a\"\n");
    imr_error err = {0};
    imr_bm25 *b = NULL;
    double s[2];
    CHECK_OK(imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err));
    CHECK_OK(imr_bm25_scores(b, "anything at all", 15, s, &err));
    CHECK_NEAR(s[0], 0, 0);
    imr_bm25_free(b);
    imr_dataset_free(d);
}

TEST("every allocation of building and querying the index may fail once")
{
    imr_dataset *d = of_lines("\"alpha beta\"\n\"beta gamma delta\"\n");
    for (long i = 0;; i++) {
        imr_error err = {0};
        imr_bm25 *b = NULL;
        uint32_t out[2];
        size_t n;
        imr_mem_fail_after(i);
        imr_status status =
            i % 2 ? imr_bm25_build(&b, d, IMR_BM25_REFERENCE, NULL, &err)
                  : imr_bm25_build(&b, d, (imr_bm25_form){true, 0.9, 0.4}, NULL, &err);
        if (status == IMR_OK)
            status = imr_bm25_negatives(b, "beta", 4, NULL, "", 2, 2, out, &n, &err);
        imr_mem_fail_after(-1);
        imr_bm25_free(b);
        if (status == IMR_OK) {
            CHECK(i > 8);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
    imr_dataset_free(d);
}
