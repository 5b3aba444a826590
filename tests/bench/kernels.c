/* Kernels on made-up numbers of SciFact's shapes, beside what the machine does at best. */
#include <math.h>

#include "adapter/train.h"
#include "base/mem.h"
#include "explain/word_list.h"
#include "math/blas.h"
#include "math/random.h"
#include "tests/bench/bench.h"

/* ---- yardsticks ---- */

typedef struct product {
    imr_matrix a, b, out;
} product;

static void multiply(void *user)
{
    product *p = user;
    imr_blas_gemm(p->out.v, p->out.cols, 1, imr_matrix_view(&p->a), IMR_PLAIN,
                  imr_matrix_view(&p->b), IMR_TRANSPOSED, 0);
}

static bench_time time_product(size_t rows, size_t cols, size_t inner)
{
    product p = {bench_normal(rows, inner, 1), bench_normal(cols, inner, 2),
                 bench_normal(rows, cols, 3)};
    const bench_time t = bench_measure(multiply, &p);
    imr_matrix_done(&p.a);
    imr_matrix_done(&p.b);
    imr_matrix_done(&p.out);
    return t;
}

double bench_gemm_seconds(size_t rows, size_t cols, size_t inner)
{
    return time_product(rows, cols, inner).wall;
}

double bench_gflops(void)
{
    static double found;
    if (found == 0)
        found = 2.0 * 2048 * 2048 * 2048 / time_product(2048, 2048, 2048).wall * 1e-9;
    return found;
}

void bench_yardsticks(void)
{
    const bench_time t = time_product(2048, 2048, 2048);
    printf("  %-44s%9.1f GFLOP/s\n", "sgemm 2048 x 2048 x 2048",
           2.0 * 2048 * 2048 * 2048 / t.wall * 1e-9);
    static const size_t rows[] = {BENCH_DOCUMENTS, 100000};
    for (size_t i = 0; i < IMR_LEN(rows); i++)
        printf("  dot products with %6zu x %d%20s%9.1f GB/s\n", rows[i], BENCH_M, "",
               (double)(rows[i] * BENCH_M * sizeof(float)) / bench_scan_seconds(rows[i], BENCH_M) *
                   1e-9);
}

/* ---- adapter ---- */

typedef struct adapted {
    imr_adapter *adapter;
    imr_matrix q, d;
    imr_adapter_result result;
    double after[BENCH_K];
} adapted;

static void adapt(void *user)
{
    adapted *a = user;
    imr_error err;
    bench_need(imr_adapter_run(a->adapter, a->q.v, imr_matrix_view(&a->d), &a->result, &err), &err);
}

static void adapt_naive(void *user)
{
    adapted *a = user;
    bench_naive_run(a->after, &a->adapter->w, a->q.v, imr_matrix_view(&a->d));
}

void bench_adapter(void)
{
    adapted a = {.q = bench_unit_rows(1, BENCH_M, 7), .d = bench_unit_rows(BENCH_K, BENCH_M, 8)};
    imr_error err;
    bench_need(imr_adapter_new(&a.adapter, IMR_FORM_DIAGONAL, BENCH_N, BENCH_M, BENCH_H, 1, &err),
               &err);
    const bench_time naive = bench_measure(adapt_naive, &a);
    bench_row("naive twin, double, one thread", naive, 0, "");
    bench_row("imr_adapter_run", bench_measure(adapt, &a), naive.wall, "naive");
    double worst = 0;
    for (size_t i = 0; i < BENCH_K; i++) { /* gcc 12.2 for ARM64 breaks off at an fmax here */
        const double gap = fabs(a.after[i] - (double)a.result.after[i]);
        worst = gap > worst ? gap : worst;
    }
    printf("  largest difference of the two: %.1e\n", worst);
    imr_adapter_result_done(&a.result);
    imr_adapter_free(a.adapter);
    imr_matrix_done(&a.q);
    imr_matrix_done(&a.d);
}

/* ---- tokens ---- */

enum { VOCABULARY = 30522, LISTED = 10, SAMPLE = 200 };

typedef struct words {
    imr_token_table table;
    imr_backprojector back;
    imr_lens lens;
    imr_word_subject subjects[2];
} words;

/* Of one document and its query, three kinds each. */
static void list_words(void *user)
{
    words *w = user;
    imr_error err;
    static const imr_change_kind kinds[] = {IMR_CHANGE_PAPER, IMR_CHANGE_OWN, IMR_CHANGE_UNIT};
    const imr_word_settings settings = {kinds, 3, IMR_ORDER_COSINE, LISTED};
    imr_word_list out[2][IMR_CHANGE_COUNT] = {0};
    imr_arena *arena = imr_arena_new();
    if (!arena)
        abort();
    bench_need(imr_word_lists(out, &w->lens, w->subjects, 2, &settings, arena, NULL, &err), &err);
    imr_arena_free(arena);
}

static void fold(void *user)
{
    words *w = user;
    imr_error err;
    imr_lens_done(&w->lens);
    bench_need(imr_lens_init(&w->lens, &w->table, &w->back, NULL, &err), &err);
}

static const char **token_texts(char (*names)[8])
{
    const char **texts = bench_alloc(VOCABULARY, sizeof *texts);
    for (size_t i = 0; i < VOCABULARY; i++) {
        snprintf(names[i], sizeof names[i], "t%zuw", i);
        texts[i] = names[i];
    }
    return texts;
}

void bench_tokens(void)
{
    imr_error err;
    words *w = bench_alloc(1, sizeof *w);
    char(*names)[8] = bench_alloc(VOCABULARY, sizeof *names);
    const char **texts = token_texts(names);
    imr_matrix rows = bench_normal(VOCABULARY, BENCH_N, 9),
               weight = bench_normal(BENCH_M, BENCH_N, 10);
    imr_matrix before = bench_unit_rows(BENCH_K + 1, BENCH_M, 11);
    imr_matrix after = bench_normal(BENCH_K + 1, BENCH_M, 12);
    for (size_t i = 0; i < 2; i++)
        w->subjects[i] = (imr_word_subject){.before = imr_matrix_row(&before, i),
                                            .after = imr_matrix_row(&after, i),
                                            .other = imr_matrix_row(&before, 1 - i)};
    bench_need(imr_token_table_init(&w->table, imr_matrix_view(&rows), texts, NULL, &err), &err);
    bench_need(imr_backprojector_init(&w->back, imr_matrix_view(&weight), &err), &err);
    const double folded = bench_gemm_seconds(VOCABULARY, BENCH_M, BENCH_N);
    bench_row("lens fold, once per adapter and table", bench_measure(fold, w), folded,
              "bare product");
    const double bare = bench_gemm_seconds(6, VOCABULARY, BENCH_M);
    bench_row("10 + and 10 - words of 6 changes", bench_measure(list_words, w), bare,
              "bare product");
    imr_background background, by_kind[IMR_CHANGE_COUNT];
    imr_matrix sample = bench_normal(SAMPLE, BENCH_M, 13);
    bench_need(imr_background_init(&background, &w->lens, imr_matrix_view(&sample), NULL, &err),
               &err);
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++)
        by_kind[kind] = background;
    w->subjects[0].background = w->subjects[1].background = by_kind;
    bench_row("the same, judged against a background", bench_measure(list_words, w), bare,
              "bare product");
    imr_background_done(&background);
    imr_matrix_done(&sample);
    imr_lens_done(&w->lens);
    imr_backprojector_done(&w->back);
    imr_token_table_done(&w->table);
    imr_matrix_done(&rows);
    imr_matrix_done(&weight);
    imr_matrix_done(&before);
    imr_matrix_done(&after);
    imr_free(texts);
    imr_free(names);
    imr_free(w);
}

/* ---- training ---- */

enum { QUERIES = 688, NEGATIVES = 20 };

typedef struct training {
    imr_adapter *adapter;
    imr_train_data data;
    imr_train_options options;
} training;

static void epoch(void *user)
{
    training *t = user;
    imr_error err;
    imr_train_history history;
    bench_need(imr_train(t->adapter, &history, &t->data, &t->options, NULL, NULL, NULL, &err),
               &err);
    imr_train_history_done(&history);
}

void bench_training(void)
{
    imr_error err;
    imr_random random;
    imr_matrix queries = bench_unit_rows(QUERIES, BENCH_N, 13);
    imr_matrix documents = bench_unit_rows(BENCH_DOCUMENTS, BENCH_N, 14);
    uint64_t *starts = bench_alloc(2 * (QUERIES + 1), sizeof *starts);
    uint32_t *lists = bench_alloc(QUERIES * (1 + NEGATIVES), sizeof *lists);
    imr_random_init(&random, 15);
    for (size_t i = 0; i <= QUERIES; i++) {
        starts[i] = i;
        starts[QUERIES + 1 + i] = i * NEGATIVES;
    }
    for (size_t i = 0; i < QUERIES * (1 + NEGATIVES); i++)
        lists[i] = (uint32_t)imr_random_below(&random, BENCH_DOCUMENTS);
    training t = {.data = {.documents = imr_rows_of_view(imr_matrix_view(&documents)),
                           .set = {{imr_matrix_view(&queries), starts, lists, starts + QUERIES + 1,
                                    lists + QUERIES, 1}},
                           .n_sets = 1},
                  .options = imr_train_defaults(IMR_LOSS_MNRL)};
    t.options.epochs = 1;
    bench_need(imr_adapter_new(&t.adapter, IMR_FORM_DIAGONAL, BENCH_N, BENCH_M, BENCH_H, 1, &err),
               &err);
    /* Forward and weight gradient of the projector are nearly all of the multiplications. */
    const double flops = 4.0 * QUERIES * (2 + NEGATIVES) * BENCH_N * BENCH_M;
    const bench_time one = bench_measure(epoch, &t);
    bench_row("epoch, mnrl, batches of 32", one, flops / bench_gflops() * 1e-9,
              "projector's products at the sgemm rate");
    const double steps = (QUERIES + 31) / 32;
    bench_row("one step", (bench_time){one.wall / steps, one.cpu / steps}, 0, "");
    imr_adapter_free(t.adapter);
    imr_matrix_done(&queries);
    imr_matrix_done(&documents);
    imr_free(starts);
    imr_free(lists);
}
