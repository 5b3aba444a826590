/* Parts of a dataset to compare encoders on. */
#include "base/mem.h"
#include "task/sample.h"
#include "support/test.h"

static imr_error err;

/* Documents d0, d1, ... and queries q0, q1, ...; the bytes live as long as it. */
typedef struct made {
    imr_buf corpus, queries, qrels[2];
    imr_dataset *d;
} made;

static void add_query(made *m, size_t i)
{
    imr_buf_printf(&m->queries, "{\"_id\": \"q%zu\", \"text\": \"what of %zu\"}\n", i, i);
}

static void judge(made *m, int split, size_t query, size_t document, int grade)
{
    imr_buf_printf(&m->qrels[split], "q%zu\td%zu\t%d\n", query, document, grade);
}

static void begin(made *m, size_t documents)
{
    *m = (made){0};
    for (int i = 0; i < 2; i++)
        imr_buf_str(&m->qrels[i], "query-id\tcorpus-id\tscore\n");
    for (size_t i = 0; i < documents; i++)
        imr_buf_printf(&m->corpus,
                       "{\"_id\": \"d%zu\", \"title\": \"T\\u00e9 %zu\", \"text\": \" a \\\"b\\\" "
                       "\\n%zu\"}\n",
                       i, i, i);
}

static void finish(made *m, const char *first, const char *second)
{
    const imr_named_bytes corpus = {"corpus.jsonl", m->corpus.data, m->corpus.len},
                          queries = {"queries.jsonl", m->queries.data, m->queries.len},
                          qrels[] = {{first, m->qrels[0].data, m->qrels[0].len},
                                     {second, m->qrels[1].data, m->qrels[1].len}};
    CHECK_OK(imr_dataset_open_memory(&m->d, corpus, queries, qrels,
                                     (first != NULL) + (second != NULL), NULL, &err));
}

static void done(made *m)
{
    imr_dataset_free(m->d);
    imr_buf_done(&m->corpus);
    imr_buf_done(&m->queries);
    for (int i = 0; i < 2; i++)
        imr_buf_done(&m->qrels[i]);
}

static bool holds(const imr_sample *s, const imr_dataset *d, size_t document)
{
    char id[32];
    snprintf(id, sizeof id, "d%zu", document);
    for (size_t i = 0; i < s->documents; i++)
        if (strcmp(imr_ids_at(&d->documents, s->document[i]), id) == 0)
            return true;
    return false;
}

TEST("a small collection is its own sample, with the queries in the split's order")
{
    made m;
    begin(&m, 7);
    for (size_t i = 0; i < 4; i++)
        add_query(&m, i);
    judge(&m, 0, 2, 3, 1);
    judge(&m, 0, 0, 5, 0);
    judge(&m, 0, 9, 5, 1); /* not among the queries */
    judge(&m, 1, 1, 1, 1);
    finish(&m, "test", "train");
    imr_sample s;
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK_STR(s.split, "test");
    CHECK(s.qrels == imr_dataset_qrels(m.d, "test"));
    CHECK(s.documents == 7 && s.of_documents == 7 && s.queries == 2 && s.of_queries == 2);
    for (size_t i = 0; i < 7; i++)
        CHECK_INT(s.document[i], i);
    CHECK_STR(imr_ids_at(&m.d->query_ids, s.query[0]), "q2");
    CHECK_STR(imr_ids_at(&m.d->query_ids, s.query[1]), "q0");
    imr_sample_done(&s);
    done(&m);
}

TEST("a sample of a large collection holds what its queries are judged on and an even spread of "
     "the rest, the same every time")
{
    enum { N = 7000 };
    made m;
    begin(&m, N);
    for (size_t i = 0; i < 650; i++) {
        add_query(&m, i);
        judge(&m, 0, i, i, 1);
        judge(&m, 0, i, N + i, 1); /* in no corpus */
    }
    finish(&m, "dev", NULL);
    imr_sample s, again;
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK_OK(imr_sample_take(&again, m.d, &err));
    CHECK_INT(memcmp(s.document, again.document, s.documents * sizeof *s.document), 0);
    CHECK_INT(memcmp(s.query, again.query, s.queries * sizeof *s.query), 0);
    CHECK_STR(s.split, "dev");
    CHECK(s.documents == N / 10 && s.of_documents == N);
    CHECK(s.queries == IMR_SAMPLE_QUERIES && s.of_queries == 650);
    for (size_t i = 1; i < s.documents; i++)
        CHECK(s.document[i] > s.document[i - 1] && s.document[i] < N);
    for (size_t i = 0; i < s.queries; i++) {
        const size_t query = i * 650 / s.queries;
        char id[32];
        snprintf(id, sizeof id, "q%zu", query);
        CHECK_STR(imr_ids_at(&m.d->query_ids, s.query[i]), id);
        CHECK(holds(&s, m.d, query));
    }
    /* 400 of the other 6,700: in each seventeen neighbours that nothing is judged on, one. */
    for (size_t first = 650; first + 17 < N; first++) {
        size_t n = 0;
        for (size_t i = first; i < first + 17; i++)
            n += holds(&s, m.d, i);
        CHECK(n == 1 || n == 2);
    }
    imr_sample_done(&s);
    imr_sample_done(&again);
    done(&m);
}

TEST("queries judged on more than the sample has room for bring their best documents, or stay out")
{
    enum { N = 2000, JUDGED = 14 };
    made m;
    begin(&m, N);
    for (size_t i = 0; i < N / JUDGED; i++) {
        add_query(&m, i);
        for (size_t k = 0; k < JUDGED; k++)
            judge(&m, 1, i, i * JUDGED + k, k < 6 ? (int)k - 1 : 3);
    }
    judge(&m, 0, 0, 1, 1);
    finish(&m, "train", "test");
    imr_sample s;
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK_STR(s.split, "test");
    CHECK_INT(s.of_queries, N / JUDGED);
    CHECK_INT(s.documents, IMR_SAMPLE_LEAST);
    CHECK(s.queries * IMR_SAMPLE_JUDGED <= s.documents &&
          s.queries * 2 * IMR_SAMPLE_JUDGED > s.documents);
    for (size_t i = 0; i < s.queries; i++) {
        const size_t query = i * s.of_queries / s.queries;
        for (size_t k = 4; k < JUDGED; k++) /* grades 3, 4 and eight times 3 */
            CHECK(holds(&s, m.d, query * JUDGED + k));
    }
    imr_sample_done(&s);
    done(&m);
}

TEST("a split without queries is passed over, and without any judgement all queries count")
{
    made m;
    begin(&m, 3);
    add_query(&m, 0);
    add_query(&m, 1);
    judge(&m, 0, 5, 0, 1);
    judge(&m, 1, 1, 0, 1);
    finish(&m, "test", "odd");
    imr_sample s;
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK_STR(s.split, "odd");
    CHECK(s.queries == 1 && s.of_queries == 1);
    imr_sample_done(&s);
    imr_dataset_free(m.d);
    finish(&m, NULL, NULL);
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK(s.split == NULL && s.qrels == NULL && s.queries == 2 && s.of_queries == 2);
    imr_sample_done(&s);
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i++) {
        imr_mem_fail_after(i);
        status = imr_sample_take(&s, m.d, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
    }
    imr_sample_done(&s);
    imr_buf_done(&m.queries);
    imr_dataset_free(m.d);
    finish(&m, NULL, NULL);
    CHECK_OK(imr_sample_take(&s, m.d, &err));
    CHECK(s.queries == 0 && s.documents == 3);
    imr_sample_done(&s);
    done(&m);
}
