/*
 * What grows with the collection: a session over made-up caches of 10^4, 10^5 and 10^6 documents,
 * each in a process of its own so that its memory can be told.
 *
 * `bench growth N...` takes other sizes (10000000 wants 28 GB where TMPDIR is), `bench growth
 * N:f16` a store of half precision.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "session/session.h"
#include "tests/bench/bench.h"

enum { QUERIES = 20 };

typedef enum figure {
    FIRST,     /* opening that projects, s */
    OPENING,   /* any later one, s */
    ANONYMOUS, /* MB, after the queries */
    MAPPED,    /* MB of files that were touched */
    SEARCH,    /* medians, ms: both rankings and the adapter on 100 candidates */
    RESCORE,
    CORPUS,
    KEY, /* a whole typed key: encoded, ranked, explained */
    FIGURES
} figure;

/* ---- one process, one opening ---- */

static double status_mb(const char *name)
{
    char line[256];
    long kb = 0;
    const size_t len = strlen(name);
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, len) == 0)
            kb = strtol(line + len, NULL, 10);
    if (f)
        fclose(f);
    return (double)kb / 1024;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median over the queries: of the ranking alone, or of everything (key). The text is a prefix, so
 * that it is no cached query's and has to be encoded. */
static double median_ms(imr_session *s, imr_scope scope, bool key)
{
    imr_error err;
    double ms[QUERIES];
    for (size_t i = 0; i < QUERIES; i++) {
        imr_trace *t;
        IMR_AUTOFREE char *text = imr_strdup(imr_session_query(s, i).text);
        if (text)
            text[strlen(text) - 1] = '\0';
        const imr_request r = {.text = text,
                               .settings = {.feedback_k = BENCH_K, .tokens = 10, .scope = scope}};
        const double start = imr_clock_seconds();
        bench_need(imr_session_run(s, &r, &t, &err), &err);
        ms[i] = key ? 1e3 * (imr_clock_seconds() - start) : t->timing.search + t->timing.adapt;
        imr_trace_free(t);
    }
    qsort(ms, QUERIES, sizeof *ms, ascending);
    return ms[QUERIES / 2];
}

/* Prints the figures of DIR in order, but for FIRST; with one argument more only opens. */
int bench_growth_of(int argc, char **argv)
{
    imr_error err;
    imr_session *s;
    if (argc < 3)
        return 2;
    char *cache = imr_path_join(argv[0], "cache"), *dataset = imr_path_join(argv[0], "dataset");
    const imr_session_options o = {.adapter = argv[1],
                                   .encoder = argv[2],
                                   .cache = cache,
                                   .dataset = dataset,
                                   .settings = {.feedback_k = BENCH_K, .tokens = 10},
                                   .background = true};
    const double start = imr_clock_seconds();
    bench_need(imr_session_open(&s, &o, NULL, &err), &err);
    printf("%.4f\n", imr_clock_seconds() - start);
    if (argc == 3) {
        (void)median_ms(s, IMR_SCOPE_RERANK, false); /* pages */
        const double search = median_ms(s, IMR_SCOPE_RERANK, false);
        const double rescore = median_ms(s, IMR_SCOPE_RESCORE, false);
        const double corpus = median_ms(s, IMR_SCOPE_CORPUS, false);
        const double key = median_ms(s, IMR_SCOPE_RERANK, true);
        const double mapped = status_mb("RssFile:") + status_mb("RssShmem:"); /* in a tmpfs */
        printf("%.1f %.1f %.3f %.3f %.3f %.3f\n", status_mb("RssAnon:"), mapped, search, rescore,
               corpus, key);
    }
    imr_session_close(s);
    imr_free(cache);
    imr_free(dataset);
    return 0;
}

/* ---- the table ---- */

/* n figures printed by a process of this program. */
static void run_process(double *out, size_t n, const char *dir, bool only_open)
{
    imr_error err;
    int ends[2], how = 1;
    const bench_corpus *c = bench_corpus_get();
    const char *const args[] = {
        "bench", "growth-of", dir, c->adapter, c->encoder, only_open ? "open" : NULL, NULL};
    if (pipe(ends) != 0)
        bench_need(imr_fail(&err, IMR_E_IO, "cannot make a pipe"), &err);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        execv("/proc/self/exe", (char *const *)(uintptr_t)args);
        _exit(127);
    }
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    size_t got = 0;
    while (from && got < n && fscanf(from, "%lf", &out[got]) == 1)
        got++;
    if (from)
        fclose(from);
    if (child < 0 || waitpid(child, &how, 0) != child || how != 0 || got < n)
        bench_need(imr_fail(&err, IMR_E_IO, "the process that was to be measured failed"), &err);
}

static void measure(double *figures, size_t documents, imr_dtype dtype)
{
    imr_error err;
    char name[64];
    snprintf(name, sizeof name, "growth-%zu-%s", documents, dtype == IMR_F16 ? "f16" : "f32");
    char *dir = bench_file(name);
    bench_make(dir, documents, BENCH_N, dtype);
    char *cache = imr_path_join(dir, "cache"),
         *kept = cache ? imr_path_join(cache, "projected") : NULL;
    if (!kept)
        bench_need(imr_fail_memory(&err), &err);
    bench_remove(kept); /* of an earlier run */
    run_process(&figures[FIRST], 1, dir, true);
    run_process(&figures[OPENING], FIGURES - 1, dir, false);
    imr_free(kept);
    imr_free(cache);
    imr_free(dir);
}

static const struct column {
    const char *head;
    int decimals;
} columns[FIGURES] = {{"first opening s", 2}, {"opening s", 2},   {"anonymous MB", 0},
                      {"mapped MB", 0},       {"search ms", 1},   {"rescore ms", 1},
                      {"corpus ms", 1},       {"typed key ms", 1}};

static void print_rule(void)
{
    printf("|---|");
    for (size_t i = 0; i < FIGURES; i++)
        printf("---:|");
    putchar('\n');
}

/* Figures grow as documents^slope. */
static void print_slopes(const double (*rows)[FIGURES], const size_t *sizes, size_t n)
{
    if (n < 2)
        return;
    const double decades = log10((double)sizes[n - 1] / (double)sizes[n - 2]);
    printf("| slope %.0e to %.0e |", (double)sizes[n - 2], (double)sizes[n - 1]);
    for (size_t i = 0; i < FIGURES; i++)
        printf(" %.2f |", log10(rows[n - 1][i] / rows[n - 2][i]) / decades);
    putchar('\n');
}

enum { MOST_SIZES = 8 };

static void table(const size_t *sizes, const imr_dtype *dtypes, size_t n)
{
    double rows[MOST_SIZES][FIGURES] = {{0}};
    for (size_t i = 0; i < n; i++)
        measure(rows[i], sizes[i], dtypes[i]);
    printf("\n| documents (n %d, m %d) |", BENCH_N, BENCH_M);
    for (size_t i = 0; i < FIGURES; i++)
        printf(" %s |", columns[i].head);
    putchar('\n');
    print_rule();
    for (size_t i = 0; i < n; i++) {
        printf("| %zu%s |", sizes[i], dtypes[i] == IMR_F16 ? ", f16" : "");
        for (size_t k = 0; k < FIGURES; k++)
            printf(" %.*f |", columns[k].decimals, rows[i][k]);
        putchar('\n');
    }
    print_slopes((const double(*)[FIGURES])rows, sizes, n);
}

void bench_growth(void)
{
    static const size_t sizes[] = {10000, 100000, 1000000};
    static const imr_dtype dtypes[] = {IMR_F32, IMR_F32, IMR_F32};
    table(sizes, dtypes, IMR_LEN(sizes));
}

int bench_growth_at(int argc, char **argv)
{
    size_t sizes[MOST_SIZES];
    imr_dtype dtypes[MOST_SIZES];
    for (int i = 0; i < argc; i++) {
        int64_t n;
        const size_t digits = strcspn(argv[i], ":");
        const char *rest = argv[i] + digits;
        if (i == MOST_SIZES || !imr_parse_int(argv[i], digits, &n) || n < 1000 ||
            (*rest && strcmp(rest, ":f16") != 0 && strcmp(rest, ":f32") != 0)) {
            fputs("usage: ./dev bench growth [DOCUMENTS[:f16]...]\n", stderr);
            return 2;
        }
        sizes[i] = (size_t)n;
        dtypes[i] = strcmp(rest, ":f16") == 0 ? IMR_F16 : IMR_F32;
    }
    table(sizes, dtypes, (size_t)argc);
    bench_corpus_remove();
    return 0;
}
