#include "base/mem.h"
#include "retrieval/metrics.h"
#include "tests/support/test.h"

/* ---- the run file of the golden folder, read with as little as possible ---- */

typedef struct line {
    char query[16], document[16];
    float score;
} line;

static line run[2000];
static size_t n_run;

static int trec_order(const void *a, const void *b)
{
    const line *x = a, *y = b;
    int q = strcmp(x->query, y->query);
    if (q)
        return q;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return strcmp(y->document, x->document);
}

static void load_run(void)
{
    size_t len;
    char *text = test_read(test_golden("metrics/run.txt"), &len), *save = NULL;
    n_run = 0;
    for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save)) {
        line *l = &run[n_run++];
        if (sscanf(s, "%15s Q0 %15s %*d %f", l->query, l->document, &l->score) != 3)
            FAIL("run line %zu", n_run);
    }
    free(text);
    qsort(run, n_run, sizeof *run, trec_order);
}

static bool ranked(void *user, const char *query, const char *const **ids, size_t *n)
{
    static const char *found[2000];
    (void)user;
    *n = 0;
    for (size_t i = 0; i < n_run; i++)
        if (strcmp(run[i].query, query) == 0)
            found[(*n)++] = run[i].document;
    *ids = found;
    return *n > 0;
}

/* Every line of trec_eval's output is found again to its four digits. */
static void check_against(const char *file, bool with_missing)
{
    imr_error err = {0};
    imr_qrels *q = NULL;
    load_run();
    CHECK_OK(imr_qrels_open(&q, test_golden("metrics/qrels.txt"), &err));
    char *text = test_read(test_golden(file), NULL), *save = NULL;
    size_t lines = 0;
    for (char *s = strtok_r(text, "\n", &save); s; s = strtok_r(NULL, "\n", &save), lines++) {
        char name[32], query[16], value[32], printed[32], again[IMR_METRIC_NAME];
        CHECK_INT(sscanf(s, "%31s %15s %31s", name, query, value), 3);
        imr_metric m;
        CHECK_OK(imr_metric_parse(&m, name, &err));
        CHECK_STR(imr_metric_trec_name(m, again), name);
        imr_evaluation e;
        CHECK_OK(imr_evaluate(&e, q, ranked, NULL, &m, 1, with_missing, &err));
        double found = e.summary[0];
        for (size_t i = 0; i < e.queries; i++)
            if (strcmp(q->queries.v[e.query[i]].id, query) == 0)
                found = e.values[i];
        snprintf(printed, sizeof printed, imr_metric_is_count(m) ? "%.0f" : "%.4f", found);
        if (strcmp(printed, value) != 0)
            FAIL("%s of query %s is %s, trec_eval prints %s", name, query, printed, value);
        imr_evaluation_done(&e);
    }
    CHECK(lines >= 3);
    free(text);
    imr_qrels_free(q);
}

TEST("every measure trec_eval prints for a run with ties is printed the same")
{
    check_against("metrics/expected_trec_eval.txt", false);
}

TEST("judged queries without a ranking count as zero when asked, as trec_eval -c does")
{
    check_against("metrics/expected_trec_eval_c_flag.txt", true);
}

static double value_of(const char *name, const int32_t *grades, size_t n, const int32_t *ideal,
                       size_t relevant)
{
    imr_error err = {0};
    imr_metric m;
    CHECK_OK(imr_metric_parse(&m, name, &err));
    return imr_metric_value(m, grades, n, ideal, relevant);
}

TEST("measures follow their definitions on a ranking small enough to do by hand")
{
    const int32_t grades[] = {0, 2, 0, 1}, ideal[] = {3, 2, 1};
    double linear = 2 / log2(3) + 1 / log2(5), best = 3 + 2 / log2(3) + 1 / log2(4);
    CHECK_NEAR(value_of("nDCG@10", grades, 4, ideal, 3), linear / best, 1e-15);
    CHECK_NEAR(value_of("nDCG@2", grades, 4, ideal, 3), 2 / log2(3) / (3 + 2 / log2(3)), 1e-15);
    double exponential = 3 / log2(3) + 1 / log2(5), best_e = 7 + 3 / log2(3) + 1 / log2(4);
    CHECK_NEAR(value_of("nDCG(exp)@10", grades, 4, ideal, 3), exponential / best_e, 1e-15);
    CHECK_NEAR(value_of("RR@10", grades, 4, ideal, 3), 0.5, 0);
    CHECK_NEAR(value_of("RR@1", grades, 4, ideal, 3), 0, 0);
    CHECK_NEAR(value_of("Recall@2", grades, 4, ideal, 3), 1 / 3.0, 1e-15);
    CHECK_NEAR(value_of("MAP@10", grades, 4, ideal, 3), (0.5 + 0.5) / 3, 1e-15);
    CHECK_NEAR(value_of("P@10", grades, 4, ideal, 3), 0.2, 1e-15);
    CHECK_NEAR(value_of("Success@1", grades, 4, ideal, 3), 0, 0);
    CHECK_NEAR(value_of("Success@2", grades, 4, ideal, 3), 1, 0);
}

TEST("a query without relevant documents scores zero everywhere")
{
    const int32_t grades[] = {0, 0};
    const char *names[] = {"nDCG@5", "nDCG(exp)@5", "RR@5",       "Recall@5",
                           "MAP",    "P@5",         "num_rel_ret"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_NEAR(value_of(names[i], grades, 2, NULL, 0), 0, 0);
}

TEST("an empty ranking scores zero and divides nothing by zero")
{
    const int32_t ideal[] = {1};
    const char *names[] = {"nDCG", "nDCG@5", "RR", "Recall@5", "MAP", "P@5", "Success@3"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_NEAR(value_of(names[i], NULL, 0, ideal, 1), 0, 0);
}

TEST("the ideal order scores one, and swapping a better document up never lowers a measure")
{
    const char *names[] = {"nDCG@5", "nDCG(exp)@5", "RR@5", "Recall@5", "MAP@5", "P@5"};
    unsigned seed = 7;
    for (int round = 0; round < 200; round++) {
        int32_t grades[8], ideal[8];
        size_t relevant = 0;
        for (int i = 0; i < 8; i++)
            grades[i] = (int32_t)((seed = seed * 1103515245u + 12345u) >> 16) % 4;
        for (int32_t g = 3; g > 0; g--)
            for (int i = 0; i < 8; i++)
                if (grades[i] == g)
                    ideal[relevant++] = g;
        if (relevant)
            CHECK_NEAR(value_of("nDCG@8", ideal, relevant, ideal, relevant), 1, 1e-15);
        for (int i = 1; i < 8; i++) {
            if (grades[i - 1] >= grades[i])
                continue;
            int32_t better[8];
            memcpy(better, grades, sizeof better);
            better[i - 1] = grades[i];
            better[i] = grades[i - 1];
            for (size_t m = 0; m < sizeof names / sizeof *names; m++)
                CHECK(value_of(names[m], better, 8, ideal, relevant) >=
                      value_of(names[m], grades, 8, ideal, relevant) - 1e-12);
        }
    }
}

TEST("names of measures are read in both spellings and printed in ours")
{
    static const char *const rows[][3] = {
        {"ndcg_cut.10", "nDCG@10", "ndcg_cut_10"},
        {"NDCG@10", "nDCG@10", "ndcg_cut_10"},
        {"ndcg", "nDCG", "ndcg"},
        {"map", "MAP", "map"},
        {"map_cut_5", "MAP@5", "map_cut_5"},
        {"recip_rank", "RR", "recip_rank"},
        {"MRR@10", "RR@10", "RR@10"},
        {"P.5", "P@5", "P_5"},
        {"recall_100", "Recall@100", "recall_100"},
        {"ndcg(EXP)@3", "nDCG(exp)@3", "nDCG(exp)@3"},
        {"success.1", "Success@1", "success_1"},
        {"num_rel_ret", "num_rel_ret", "num_rel_ret"},
    };
    imr_error err = {0};
    char name[IMR_METRIC_NAME];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        imr_metric m;
        CHECK_OK(imr_metric_parse(&m, rows[i][0], &err));
        CHECK_STR(imr_metric_name(m, name), rows[i][1]);
        CHECK_STR(imr_metric_trec_name(m, name), rows[i][2]);
    }
}

TEST("an unknown measure is refused with the list of known ones")
{
    const char *bad[] = {"",         "nDCG@",  "nDCG@0",        "nDCG@x",        "P",       "P@-1",
                         "ndcg_cut", "Recall", "P@99999999999", "num_rel_ret@5", "ndcg@10x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        imr_error err = {0};
        imr_metric m = {IMR_METRIC_P, 77};
        CHECK_INT(imr_metric_parse(&m, bad[i], &err), IMR_E_USAGE);
        CHECK_CONTAINS(err.text, "nDCG@k");
        CHECK_INT(m.k, 77);
    }
}

TEST("every allocation of an evaluation may fail and nothing leaks or changes")
{
    imr_error err = {0};
    imr_qrels *q = NULL;
    load_run();
    CHECK_OK(imr_qrels_open(&q, test_golden("metrics/qrels.txt"), &err));
    imr_metric m = {IMR_METRIC_NDCG, 10};
    for (long i = 0;; i++) {
        imr_evaluation e = {.queries = 99};
        imr_mem_fail_after(i);
        imr_status status = imr_evaluate(&e, q, ranked, NULL, &m, 1, false, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            CHECK(i > 3);
            imr_evaluation_done(&e);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
        CHECK_INT(e.queries, 99);
    }
    imr_qrels_free(q);
}
