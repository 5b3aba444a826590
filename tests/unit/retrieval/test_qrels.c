#include "base/mem.h"
#include "retrieval/qrels.h"
#include "tests/support/test.h"

static imr_qrels *parse(const char *text)
{
    imr_error err = {0};
    imr_qrels *q = NULL;
    CHECK_OK(imr_qrels_parse(&q, text, strlen(text), "test.tsv", &err));
    return q;
}

static void refuse(const char *text, size_t len, imr_status status, const char *because)
{
    imr_error err = {0};
    imr_qrels *q = NULL;
    CHECK_INT(imr_qrels_parse(&q, text, len, "test.tsv", &err), status);
    CHECK_CONTAINS(err.text, because);
    CHECK(q == NULL);
}

TEST("BEIR judgements are read with their header, in file order")
{
    imr_qrels *q =
        parse("query-id\tcorpus-id\tscore\nq2\tb\t1\nq1\ta x\t0\nq2\ta x\t3\r\nq2\tc\t-1");
    CHECK_INT(q->queries.n, 2);
    imr_qrels_query first = q->queries.v[0];
    CHECK_STR(first.id, "q2");
    CHECK_INT(first.n, 3);
    CHECK_STR(q->documents.v[first.v[0].document], "b");
    CHECK_STR(q->documents.v[first.v[1].document], "a x");
    CHECK_INT(first.relevant, 2);
    CHECK_INT(first.ideal[0], 3);
    CHECK_INT(first.ideal[1], 1);
    bool judged = true;
    CHECK_INT(imr_qrels_grade(q, 0, "a x", &judged), 3);
    CHECK(judged);
    CHECK_INT(imr_qrels_grade(q, 0, "c", &judged), 0);
    CHECK(!judged);
    CHECK_INT(imr_qrels_grade(q, 1, "a x", &judged), 0);
    CHECK(judged);
    CHECK_INT(imr_qrels_grade(q, 1, "nowhere", &judged), 0);
    CHECK(!judged);
    uint32_t at;
    CHECK(imr_qrels_find(q, "q1", &at) && at == 1);
    CHECK(!imr_qrels_find(q, "q3", &at));
    imr_qrels_free(q);
}

TEST("TREC judgements are read whether blanks or tabs separate them")
{
    imr_qrels *q = parse("1 0 D1 2\n\n1\t0\tD2\t0\n  2   Q0  D1   1  \n");
    CHECK_INT(q->queries.n, 2);
    CHECK_INT(q->documents.n, 2);
    CHECK_INT(imr_qrels_grade(q, 0, "D1", NULL), 2);
    CHECK_INT(imr_qrels_grade(q, 1, "D1", NULL), 1);
    imr_qrels_free(q);
}

TEST("the same judgement twice counts once, two different grades are refused")
{
    imr_qrels *q = parse("q\ta\t1\nq\tb\t2\nq\ta\t1\n");
    CHECK_INT(q->queries.v[0].n, 2);
    CHECK_INT(q->queries.v[0].relevant, 2);
    CHECK_STR(q->documents.v[q->queries.v[0].v[1].document], "b");
    imr_qrels_free(q);
    const char *two = "q\ta\t1\nq\ta\t2\n";
    refuse(two, strlen(two), IMR_E_FORMAT, "judged twice for query \"q\", with grades 1 and 2");
}

TEST("bad judgements are refused with their line")
{
#define REFUSE(text, status, because) refuse(text, sizeof text - 1, status, because)
    REFUSE("", IMR_E_FORMAT, "holds no judgements");
    REFUSE("query-id\tcorpus-id\tscore\n", IMR_E_FORMAT, "holds no judgements");
    REFUSE("q\ta\t1\nq\tb\n", IMR_E_FORMAT, "test.tsv: line 2: 2 columns found, expected 3");
    REFUSE("q 0 a 1\nq 0 a\n", IMR_E_FORMAT, "test.tsv: line 2: 3 columns found, expected 4");
    REFUSE("q\ta\t1\nq\tb\thigh\n", IMR_E_FORMAT, "test.tsv: line 2: the grade \"high\" is not");
    REFUSE("q 0 a 1.5\n", IMR_E_FORMAT, "test.tsv: line 1: the grade \"1.5\" is not an integer");
    REFUSE("q1\td1\t0.5\nq1\td2\t1\n", IMR_E_FORMAT, "line 1: the grade \"0.5\" is not an integer");
    REFUSE("q1\td1\t-1e3\nq1\td2\t1\n", IMR_E_FORMAT, "line 1: the grade \"-1e3\" is not");
    REFUSE("q1\td1\t\nq1\td2\t1\n", IMR_E_FORMAT, "line 1: the grade \"\" is not an integer");
    REFUSE("q\ta\t5000\n", IMR_E_LIMIT, "test.tsv: line 1: the grade 5000 is not within");
    REFUSE("q\t\t1\n", IMR_E_FORMAT, "test.tsv: line 1: the document id is empty");
    REFUSE("q\ta\xff\t1\n", IMR_E_FORMAT, "test.tsv: line 1: not text in UTF-8");
    REFUSE("q\ta\t1\n\0\n", IMR_E_FORMAT, "zero bytes");
    char longer[3000];
    memset(longer, 'x', sizeof longer);
    memcpy(longer + 2900, "\td\t1", 5);
    refuse(longer, 2904, IMR_E_FORMAT, "test.tsv: line 1: the query id is too long");
}

TEST("judgements cut anywhere are read or refused, never worse")
{
    const char *text = "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\nq2\ta\t2\n";
    size_t n = strlen(text), good = 0;
    for (size_t len = 0; len <= n; len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, text, len);
        imr_error err = {0};
        imr_qrels *q = NULL;
        if (imr_qrels_parse(&q, copy, len, "cut", &err) == IMR_OK) {
            good++;
            imr_qrels_free(q);
        } else {
            CHECK(err.text[0] != '\0');
        }
        free(copy);
    }
    CHECK(good > 3 && good < n);
}

TEST("a missing file of judgements is named")
{
    imr_error err = {0};
    imr_qrels *q = NULL;
    CHECK_INT(imr_qrels_open(&q, "/nonexistent/test.tsv", &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "/nonexistent/test.tsv");
}

TEST("a subset takes each query from the first source that has it and keeps the asked order")
{
    imr_error err = {0};
    imr_qrels *a = parse("q1\tx\t1\nq2\ty z\t2\n"), *b = parse("q2\ty z\t0\nq3\tw\t-2\n"),
              *s = NULL;
    const imr_qrels *sources[] = {a, b};
    const char *ids[] = {"q3", "q9", "q2"};
    CHECK_OK(imr_qrels_subset(&s, sources, 2, ids, 3, &err));
    CHECK_INT(s->queries.n, 2);
    CHECK_STR(s->queries.v[0].id, "q3");
    CHECK_INT(s->queries.v[0].v[0].grade, -2);
    CHECK_INT(imr_qrels_grade(s, 1, "y z", NULL), 2);
    imr_qrels_free(s);
    CHECK_OK(imr_qrels_subset(&s, sources, 2, ids + 1, 1, &err));
    CHECK_INT(s->queries.n, 0);
    imr_qrels_free(s);
    imr_qrels_free(a);
    imr_qrels_free(b);
}

TEST("a test query leaks when training asked for one of its relevant documents")
{
    imr_qrels *train = parse("t1\ta\t1\nt1\tb\t0\nt2\tc\t2\nsame\tz\t0\n");
    imr_qrels *test = parse("q1\ta\t2\nq2\tb\t1\nq3\tc\t0\nq4\td\t1\nq4\tc\t1\nsame\ty\t1\n");
    CHECK(imr_qrels_saw(train, test, 0));
    CHECK(!imr_qrels_saw(train, test, 1)); /* training judged b not relevant */
    CHECK(!imr_qrels_saw(train, test, 2)); /* not relevant here */
    CHECK(imr_qrels_saw(train, test, 3));
    CHECK(imr_qrels_saw(train, test, 4)); /* the query itself was trained on */
    imr_qrels_free(train);
    imr_qrels_free(test);
}

TEST("SciFact shares relevant documents between training and 196 of its 300 test queries")
{
    imr_error err = {0};
    imr_qrels *train = NULL, *test = NULL;
    CHECK_OK(imr_qrels_open(&train, test_shared("datasets/scifact/qrels/train.tsv"), &err));
    CHECK_OK(imr_qrels_open(&test, test_shared("datasets/scifact/qrels/test.tsv"), &err));
    CHECK_INT(test->queries.n, 300);
    size_t count = 0;
    for (size_t i = 0; i < 300; i++)
        count += imr_qrels_saw(train, test, i);
    CHECK_INT(count, 196);
    imr_qrels_free(train);
    imr_qrels_free(test);
}

TEST("every allocation of reading judgements may fail once")
{
    const char *text = "q1\ta\t1\nq1\tb\t2\nq1\ta\t1\nq2\tc\t1\n";
    for (long i = 0;; i++) {
        imr_error err = {0};
        imr_qrels *q = NULL;
        imr_mem_fail_after(i);
        imr_status status = imr_qrels_parse(&q, text, strlen(text), "t", &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            CHECK(i > 5);
            imr_qrels_free(q);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
        CHECK(q == NULL);
    }
}
