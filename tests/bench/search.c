/*
 * What is done with every document of a corpus, beside plain dot products with the same matrix.
 *
 * How fast memory is changes from second to second on a machine shared with others: every run is
 * set against a plain scan right before it, and the median of those ratios is printed.
 */
#include <stdlib.h>

#include "adapter/adapter.h"
#include "base/clock.h"
#include "base/half.h"
#include "base/mem.h"
#include "format/tensors.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/search.h"
#include "tests/bench/bench.h"

typedef struct scan {
    imr_matrix documents, query, scores, before;
    uint16_t *half;
    imr_rows rows; /* which of the two is read */
    uint32_t best[BENCH_K], ranks[BENCH_K];
    imr_adapter *adapter;
    imr_adapter_result run;
} scan;

/* ---- the plain scan ---- */

IMR_CPU_CLONES
static void dots(float *out, const float *rows, size_t n, size_t cols, const float *x)
{
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t j = 0; j < cols; j++)
            sum += rows[i * cols + j] * x[j];
        out[i] = sum;
    }
}

static void plain_scan(void *user)
{
    scan *s = user;
    dots(s->scores.v, s->documents.v, s->documents.rows, s->documents.cols, s->query.v);
}

/* Unit rows; no two alike. Threads, for a gigabyte of normal numbers takes a while. */
static imr_matrix unit_rows(size_t rows, size_t cols)
{
    imr_error err;
    imr_matrix m;
    bench_need(imr_matrix_init(&m, rows, cols, &err), &err);
#pragma omp parallel for
    for (size_t i = 0; i < rows * cols; i++) {
        uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
        m.v[i] = (float)(x >> 40) - (float)(1 << 23);
    }
    imr_nn_unit_rows(m.v, imr_matrix_view(&m));
    return m;
}

static void scan_init(scan *s, size_t rows, size_t cols)
{
    *s = (scan){.documents = unit_rows(rows, cols),
                .query = bench_unit_rows(1, cols, 5),
                .scores = bench_normal(1, rows, 6),
                .before = bench_normal(1, rows, 7)};
    s->rows = imr_rows_of_view(imr_matrix_view(&s->documents));
}

static void scan_done(scan *s)
{
    imr_matrix_done(&s->documents);
    imr_matrix_done(&s->query);
    imr_matrix_done(&s->scores);
    imr_matrix_done(&s->before);
    imr_adapter_result_done(&s->run);
    imr_adapter_free(s->adapter);
    imr_free(s->half);
}

double bench_scan_seconds(size_t rows, size_t cols)
{
    scan s;
    scan_init(&s, rows, cols);
    const double seconds = bench_measure(plain_scan, &s).wall;
    scan_done(&s);
    return seconds;
}

/* ---- what is measured ---- */

static void search(void *user)
{
    scan *s = user;
    imr_search_cosines(s->scores.v, s->rows, s->query.v, NULL, 1);
    imr_topk(s->best, BENCH_K, s->scores.v, s->rows.rows, NULL);
}

static void best_only(void *user)
{
    scan *s = user;
    imr_topk(s->best, BENCH_K, s->scores.v, s->rows.rows, NULL);
}

static void ranks_of(scan *s, const uint32_t *documents)
{
    imr_error err;
    bench_need(
        imr_search_ranks(s->ranks, documents, BENCH_K, s->before.v, s->rows.rows, NULL, &err),
        &err);
}

static void ranks_of_best(void *user)
{
    scan *s = user;
    ranks_of(s, s->best);
}

/* The first hundred stand anywhere: nothing can be skipped. */
static void ranks_of_any(void *user)
{
    uint32_t documents[BENCH_K];
    for (uint32_t i = 0; i < BENCH_K; i++)
        documents[i] = i;
    ranks_of(user, documents);
}

static void rescore(void *user)
{
    scan *s = user;
    imr_error err;
    bench_need(imr_adapter_score(s->adapter, &s->run, s->rows, s->scores.v, NULL, &err), &err);
    imr_topk(s->best, BENCH_K, s->scores.v, s->rows.rows, NULL);
}

static void corpus(void *user)
{
    scan *s = user;
    imr_error err;
    bench_need(imr_adapter_score_sweep(s->adapter, s->query.v, s->rows, NULL, &s->run, s->scores.v,
                                       NULL, &err),
               &err);
    imr_topk(s->best, BENCH_K, s->scores.v, s->rows.rows, NULL);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Best time of fn, and the median ratio to a plain scan just before it. */
static void row(const char *name, scan *s, void (*fn)(void *user))
{
    enum { ROUNDS = 15 };
    double ratios[ROUNDS];
    bench_time best = {1e30, 0};
    fn(s);
    for (size_t i = 0; i < ROUNDS; i++) {
        const double start = imr_clock_seconds();
        plain_scan(s);
        const double cpu = bench_cpu_seconds(), at = imr_clock_seconds();
        fn(s);
        const double wall = imr_clock_seconds() - at;
        ratios[i] = wall / (at - start);
        if (wall < best.wall)
            best = (bench_time){wall, bench_cpu_seconds() - cpu};
    }
    qsort(ratios, ROUNDS, sizeof *ratios, ascending);
    bench_row(name, best, best.wall / ratios[ROUNDS / 2], "plain scan");
}

static void rows_of_precision(scan *s, const char *precision)
{
    static const struct {
        const char *name;
        void (*fn)(void *user);
    } what[] = {{"the best 100", search}, {"rescore", rescore}, {"corpus", corpus}};
    for (size_t i = 0; i < IMR_LEN(what); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s, %s", what[i].name, precision);
        row(name, s, what[i].fn);
    }
}

static void of_size(size_t rows)
{
    scan s;
    imr_error err;
    scan_init(&s, rows, BENCH_M);
    bench_need(imr_adapter_new(&s.adapter, IMR_FORM_DIAGONAL, BENCH_N, BENCH_M, BENCH_H, 1, &err),
               &err);
    bench_need(imr_adapter_run(s.adapter, s.query.v, imr_view_of(s.documents.v, BENCH_K, BENCH_M),
                               &s.run, &err),
               &err);
    printf(" %zu x %d\n", rows, BENCH_M);
    row("plain dot products", &s, plain_scan);
    rows_of_precision(&s, "float32");
    row("of that: the best 100 of the scores", &s, best_only);
    row("ranks of the best 100", &s, ranks_of_best);
    row("ranks of any 100", &s, ranks_of_any);
    s.half = bench_alloc(rows * BENCH_M, sizeof *s.half);
    for (size_t i = 0; i < rows * BENCH_M; i++)
        s.half[i] = imr_f32_to_f16(s.documents.v[i]);
    s.rows = imr_rows_f16(s.half, rows, BENCH_M);
    rows_of_precision(&s, "float16");
    scan_done(&s);
}

void bench_search(void)
{
    of_size(BENCH_DOCUMENTS);
    of_size(100000);
    of_size(1000000);
}
