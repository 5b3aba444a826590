/* bench.c - ./dev bench [PART...]: how fast, against yardsticks of the same run. */
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/command.h"
#include "math/blas.h"
#include "math/nn.h"
#include "math/random.h"

static const struct part {
    const char *name, *what;
    void (*run)(void);
} parts[] = {
    {"yardsticks", "the machine: products and memory", bench_yardsticks},
    {"search", "a query against every document: the best 100, rescore, corpus", bench_search},
    {"adapter", "modulation of 100 candidates", bench_adapter},
    {"tokens", "words for a query and a document, V 30,522", bench_tokens},
    {"encode", "texts to vectors, beside ONNX Runtime when it is here", bench_encode},
    {"training", "an epoch of 688 queries x 21 documents", bench_training},
    {"typing", "a query typed key by key", bench_typing},
    {"why", "a key to its ranking, and the why of a document", bench_why},
    {"paint", "the first screen of the explorer", bench_paint},
    {"keys", "a key to what it paints", bench_keys},
    {"memory", "the most memory of each command", bench_memory},
    {"import", "a cache the reference wrote becomes ours", bench_import},
    {"million", "a query typed at a million documents, a key every 100 ms", bench_typing_million},
    {"keys-million", "a key to what it paints, at a million documents", bench_keys_million},
    {"engine", "a query over documents in an engine: IMRNN_BENCH_STORE=URL", bench_engine},
    {"growth", "what grows with the collection: 10^4, 10^5, 10^6 documents", bench_growth},
};

double bench_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bench_time bench_measure(void (*fn)(void *user), void *user)
{
    enum { LEAST = 5, MOST = 2000 };
    const double enough = 0.5;
    bench_time best = {1e30, 0};
    double spent = 0;
    fn(user); /* caches, pages, threads */
    for (int i = 0; i < MOST && (spent < enough || (i < LEAST && spent < 10 * enough)); i++) {
        const double cpu = bench_cpu_seconds(), at = imr_clock_seconds();
        fn(user);
        const double wall = imr_clock_seconds() - at;
        spent += wall;
        if (wall < best.wall)
            best = (bench_time){wall, bench_cpu_seconds() - cpu};
    }
    return best;
}

static void print_seconds(double s)
{
    if (s < 1e-3)
        printf("%9.1f us", 1e6 * s);
    else if (s < 1)
        printf("%9.2f ms", 1e3 * s);
    else
        printf("%9.2f s ", s);
}

void bench_row(const char *name, bench_time t, double yardstick, const char *of)
{
    printf("  %-44s", name);
    print_seconds(t.wall);
    print_seconds(t.cpu);
    printf(" cpu");
    if (yardstick > 0)
        printf("%8.2f x %s", t.wall / yardstick, of);
    putchar('\n');
    fflush(stdout);
}

void bench_title(const char *text)
{
    printf("\n%s\n", text);
}

void bench_verdict(const char *what, double found_ms, double budget_ms)
{
    printf("  %s: %s %s budget of %.0f ms (%.1f ms)\n", found_ms <= budget_ms ? "within" : "over",
           what, found_ms <= budget_ms ? "keeps its" : "misses its", budget_ms, found_ms);
}

void bench_need(imr_status status, const imr_error *err)
{
    if (status == IMR_OK)
        return;
    fflush(stdout);
    fprintf(stderr, "bench: %s\n", err->text);
    bench_corpus_remove();
    exit(1);
}

void *bench_alloc(size_t count, size_t size)
{
    void *p = imr_calloc(count, size);
    imr_error err;
    if (!p)
        bench_need(imr_fail_memory(&err), &err);
    return p;
}

imr_matrix bench_normal(size_t rows, size_t cols, unsigned seed)
{
    imr_error err;
    imr_matrix m;
    imr_random random;
    bench_need(imr_matrix_init(&m, rows, cols, &err), &err);
    imr_random_init(&random, seed);
    imr_random_fill_normal(&random, m.v, rows * cols, 1);
    return m;
}

imr_matrix bench_unit_rows(size_t rows, size_t cols, unsigned seed)
{
    imr_matrix m = bench_normal(rows, cols, seed);
    imr_nn_unit_rows(m.v, imr_matrix_view(&m));
    return m;
}

static const struct part *find(const char *name)
{
    for (size_t i = 0; i < IMR_LEN(parts); i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

static int usage(void)
{
    fputs("usage: ./dev bench [PART...]\n"
          "       ./dev bench make-cache DIR DOCUMENTS DIMENSION f32|f16\n"
          "       ./dev bench open-cache CACHE\n"
          "       ./dev bench memory DOCUMENTS\n"
          "       ./dev bench import DOCUMENTS[:own] [DIMENSION]\n"
          "       ./dev bench growth DOCUMENTS[:f16]...\n"
          "Without a part all are run:\n",
          stderr);
    for (size_t i = 0; i < IMR_LEN(parts); i++)
        fprintf(stderr, "  %-12s %s\n", parts[i].name, parts[i].what);
    return 2;
}

/* The yardstick is what OpenBLAS makes of this machine, whatever the environment says of it. */
static void forget_settings(void)
{
    if (getenv("OPENBLAS_CORETYPE") || getenv("OPENBLAS_L2_SIZE"))
        unsetenv("OMP_WAIT_POLICY"); /* so that we are started again */
    unsetenv("OPENBLAS_CORETYPE");
    unsetenv("OPENBLAS_L2_SIZE");
}

int main(int argc, char **argv)
{
    forget_settings();
    imr_cli_tune_libraries(argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "make-cache") == 0)
        return bench_make_cache(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "open-cache") == 0)
        return bench_open_cache(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "memory-of") == 0)
        return bench_memory_of(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "memory") == 0)
        return bench_memory_at(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "growth-of") == 0)
        return bench_growth_of(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "growth") == 0)
        return bench_growth_at(argc - 2, argv + 2);
    if (argc > 2 && strcmp(argv[1], "import") == 0)
        return bench_import_at(argc - 2, argv + 2);
    for (int i = 1; i < argc; i++)
        if (!find(argv[i]))
            return usage();
    printf(
        "%d threads, OpenBLAS's kernels for %s; best wall time of several runs, processor time of "
        "that run\n",
        imr_blas_set_threads(0), imr_blas_core());
    for (size_t i = 0; i < IMR_LEN(parts); i++) {
        bool wanted = argc == 1;
        for (int k = 1; k < argc; k++)
            wanted |= find(argv[k]) == &parts[i];
        if (!wanted)
            continue;
        bench_title(parts[i].what);
        parts[i].run();
    }
    bench_corpus_remove();
    return 0;
}
