/* Encoders: the static one, and a transformer of MiniLM's shape beside ONNX Runtime. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "encoder/encoder.h"
#include "math/blas.h"
#include "tests/bench/bench.h"
#include "tests/bench/ort.h"

/* ---- a query by the static encoder ---- */

static const char query_text[] =
    "vitamin d supplementation lowers the risk of respiratory infection in adults";

typedef struct encoded {
    imr_encoder *encoder;
    float *out;
} encoded;

static void encode(void *user)
{
    encoded *e = user;
    imr_error err;
    const char *text = query_text;
    const size_t len = strlen(text);
    bench_need(imr_encoder_encode(e->encoder, &text, &len, 1, e->out, NULL, NULL, &err), &err);
}

static void static_query(void)
{
    encoded e;
    imr_error err;
    bench_need(imr_encoder_open(&e.encoder, bench_corpus_get()->encoder, NULL, &err), &err);
    e.out = bench_alloc(e.encoder->dim, sizeof *e.out);
    bench_row("static encoder, a query of 11 words", bench_measure(encode, &e), 0, "");
    imr_free(e.out);
    imr_encoder_free(e.encoder);
}

/* ---- a transformer ---- */

enum { BATCH = 32, RUNS = 3, MOST_TIMES = 200 };

/* What is encoded, and how often: `rounds` times in turn, `times` each. */
typedef struct work {
    const char *what;
    int rounds, times;
    bool unsorted; /* padded batches in the order of the texts are timed too, once */
} work;

enum { QUERY, FULL, LONG, SHORT, MIXED, SETS };

static const work works[SETS] = {
    [QUERY] = {"a query of 8 tokens", 8, MOST_TIMES, false},
    [FULL] = {"32 documents of 128 tokens", 3, 2, false},
    [LONG] = {"96 documents of SciFact's lengths, up to 512", 2, 1, true},
    [SHORT] = {"96 documents of SciFact's lengths, up to 256", 2, 1, false},
    [MIXED] = {"texts of 3 to 60 tokens", 0, 0, false},
};

typedef struct spent {
    double best, median; /* seconds; the median of the rounds' medians */
    double medians[8];
    int n;
} spent;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void note(spent *s, double best, double median)
{
    s->best = s->n && s->best < best ? s->best : best;
    s->medians[s->n++] = median;
    qsort(s->medians, (size_t)s->n, sizeof *s->medians, ascending);
    s->median = s->medians[s->n / 2];
}

static void ours(float *out, const imr_encoder *e, const bench_texts *t)
{
    imr_error err;
    bench_need(
        imr_encoder_encode(e, (const char *const *)t->text, t->len, t->n, out, NULL, NULL, &err),
        &err);
}

static void time_ours(spent *s, float *out, const imr_encoder *e, const bench_texts *t, int times)
{
    double seconds[MOST_TIMES];
    for (int i = 0; i < times; i++) {
        const double at = imr_clock_seconds();
        ours(out, e, t);
        seconds[i] = imr_clock_seconds() - at;
    }
    qsort(seconds, (size_t)times, sizeof *seconds, ascending);
    note(s, seconds[0], seconds[times / 2]);
}

static void time_theirs(spent *s, bench_ort *o, const bench_texts *t, bool sorted, int times)
{
    double best, median;
    bench_ort_time(o, t, sorted, times, &best, &median);
    note(s, best, median);
}

static void print_spent(const char *who, const spent *s, const bench_texts *t)
{
    const double rate = bench_texts_flops(t) / s->best * 1e-9;
    printf("    %-34s%9.2f ms%9.2f ms%10.1f texts/s%8.1f GFLOP/s%6.2f of sgemm\n", who,
           1e3 * s->best, 1e3 * s->median, (double)t->n / s->best, rate, rate / bench_gflops());
}

static void compare(const work *w, const imr_encoder *e, const imr_encoder *half, bench_ort *o,
                    const bench_texts *t)
{
    spent us = {0}, fast = {0}, sorted = {0}, plain = {0};
    float *out = bench_alloc(t->n * MODEL_HIDDEN, sizeof *out);
    const bool one = t->n <= BATCH; /* a single batch has nothing to sort */
    for (int i = 0; i < w->rounds; i++) {
        time_ours(&us, out, e, t, w->times);
        time_ours(&fast, out, half, t, w->times);
        if (o && i)
            bench_ort_again(o);
        if (o)
            time_theirs(&sorted, o, t, true, w->times);
        if (o && w->unsorted && i == 0)
            time_theirs(&plain, o, t, false, w->times);
    }
    printf("  %s\n", w->what);
    print_spent("imrnn", &us, t);
    print_spent("imrnn --precision bf16", &fast, t);
    if (o)
        print_spent(one ? "ONNX Runtime" : "ONNX Runtime, sorted by length", &sorted, t);
    if (plain.n)
        print_spent("ONNX Runtime, in file order", &plain, t);
    const double theirs = plain.n && plain.best < sorted.best ? plain.best : sorted.best;
    if (o)
        printf("    imrnn is %.2f times as fast\n", theirs / us.best);
    imr_free(out);
}

static double largest_difference(const imr_encoder *e, bench_ort *o, const bench_texts *t)
{
    const size_t n = t->n * MODEL_HIDDEN;
    float *a = bench_alloc(n, sizeof *a), *b = bench_alloc(n, sizeof *b);
    double worst = 0;
    ours(a, e, t);
    bench_ort_vectors(o, t, b);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    imr_free(a);
    imr_free(b);
    return worst;
}

static bool make_sets(bench_texts sets[SETS])
{
    enum { N = BATCH * RUNS };
    size_t tokens[N] = {8};
    sets[QUERY] = bench_texts_new("query", tokens, 1, 1);
    for (size_t i = 0; i < BATCH; i++)
        tokens[i] = 128;
    sets[FULL] = bench_texts_new("full", tokens, BATCH, 2);
    const bool real = bench_scifact_lengths(tokens, N, BATCH, MODEL_POSITIONS);
    sets[LONG] = bench_texts_new("long", tokens, N, 3);
    (void)bench_scifact_lengths(tokens, N, BATCH, 256);
    sets[SHORT] = bench_texts_new("short", tokens, N, 4);
    for (size_t i = 0; i < 8; i++)
        tokens[i] = i ? 4 + 8 * i : 3;
    sets[MIXED] = bench_texts_new("mixed", tokens, 8, 5);
    return real;
}

static void transformer(void)
{
    imr_error err;
    imr_encoder *e, *half;
    const imr_encoder_options less = {.precision = IMR_BFLOAT16};
    bench_texts sets[SETS];
    char *folder = bench_file("transformer");
    const int threads = imr_blas_set_threads(0);
    bench_model_write(folder);
    const bool real = make_sets(sets);
    bench_need(imr_encoder_open(&e, folder, NULL, &err), &err);
    bench_need(imr_encoder_open(&half, folder, &less, &err), &err);
    printf("  a BERT of MiniLM's shape: %d layers, hidden %d, inner %d, %d heads, random weights\n",
           MODEL_LAYERS, MODEL_HIDDEN, MODEL_INNER, MODEL_HEADS);
    printf("  lengths in tokens: %s; sgemm of this run: %.1f GFLOP/s\n",
           real ? "SciFact's" : "made up, like SciFact's", bench_gflops());
    bench_ort *o = bench_ort_open(folder, sets, SETS, threads);
    if (o) {
        printf("  ONNX Runtime %s\n", bench_ort_about(o));
        printf("  largest difference of a unit vector's numbers: %.1e\n",
               fmax(largest_difference(e, o, &sets[FULL]), largest_difference(e, o, &sets[MIXED])));
    }
    printf("    %-34s%9s   %9s\n", "", "best", "median");
    for (size_t i = 0; i < SETS; i++)
        if (works[i].rounds)
            compare(&works[i], e, half, o, &sets[i]);
    bench_ort_close(o);
    for (size_t i = 0; i < SETS; i++)
        bench_texts_done(&sets[i]);
    imr_encoder_free(e);
    imr_encoder_free(half);
    imr_free(folder);
}

void bench_encode(void)
{
    static_query();
    transformer();
}
