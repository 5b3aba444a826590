/* A query over documents that stay in an engine: the engine's answer alone, our part alone, and
 * both as a key has them; and what its index finds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "session/session.h"
#include "tests/bench/bench.h"

enum { QUERIES = 60, WORDS = 6 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void row(const char *name, double *v, size_t n)
{
    qsort(v, n, sizeof *v, ascending);
    printf("  %-44s p50 %8.2f ms   p95 %8.2f ms\n", name, 1e3 * v[n / 2], 1e3 * v[n * 95 / 100]);
}

/* The first words of a stored text. */
static void query_of(char out[256], const imr_cache *c, size_t i)
{
    const size_t at = i * c->documents.ids.n / QUERIES;
    const char *text = c->titles[at][0] ? c->titles[at] : c->texts[at];
    size_t n = 0;
    for (size_t words = 0; text[n] && n < 255; n++) {
        words += text[n] == ' ';
        if (words == WORDS)
            break;
        out[n] = text[n];
    }
    out[n] = '\0';
}

static imr_session *open_store(const char *url, const imr_progress *progress)
{
    imr_error err;
    imr_session *s = NULL;
    const char *named = getenv("IMRNN_BENCH_ENCODER");
    char *encoder = named ? imr_strdup(named) : bench_shared("models/all-MiniLM-L6-v2");
    char *adapter = bench_shared("adapters/final/imrnns-final-minilm-scifact.pt");
    char *folder = bench_file("store");
    bench_need(imr_dir_make(folder, &err), &err);
    const imr_session_options o = {.adapter = adapter,
                                   .cache = folder,
                                   .encoder = encoder,
                                   .store = {.url = url},
                                   .words_later = true};
    bench_need(imr_session_open(&s, &o, progress, &err), &err);
    bench_need(imr_session_measure_store(s, progress, &err), &err);
    imr_free_all((void *[]){encoder, adapter, folder}, 3);
    return s;
}

/* As a key has it, then once more with the same window. base [n]: its vector. */
static void ask(imr_session *s, size_t i, float *base, double *key, double *own)
{
    imr_error err;
    char text[256];
    imr_trace *t = NULL;
    query_of(text, imr_session_cache(s), i);
    const imr_request request = {.text = text};
    double start = imr_clock_seconds();
    bench_need(imr_session_run(s, &request, &t, &err), &err);
    *key = imr_clock_seconds() - start;
    *own = t->timing.encode / 1e3; /* the second time the query is remembered */
    memcpy(base, t->run.query_base, t->run.n * sizeof *base);
    imr_trace_free(t);
    start = imr_clock_seconds();
    bench_need(imr_session_run(s, &request, &t, &err), &err);
    *own += imr_clock_seconds() - start;
    imr_trace_free(t);
}

static double ask_engine(imr_session *s, const float *base)
{
    imr_error err;
    imr_engine *e = imr_session_engine(s);
    IMR_CLEANUP(imr_engine_rows_done) imr_engine_rows rows = {.most = BENCH_K};
    const double start = imr_clock_seconds();
    bench_need(e->driver->nearest(e, &rows, base, BENCH_K, false, NULL, &err), &err);
    return imr_clock_seconds() - start;
}

void bench_engine(void)
{
    static double engine[QUERIES], key[QUERIES], own[QUERIES], ratio[QUERIES];
    const char *url = getenv("IMRNN_BENCH_STORE");
    bench_title("a query over documents in an engine");
    if (!url) {
        puts("  skipped: IMRNN_BENCH_STORE names no filled store");
        return;
    }
    imr_session *s = open_store(url, NULL);
    const imr_trace_store *f = &imr_session_facts_of(s)->inputs.store;
    imr_buf told = {0};
    imr_trace_store_text(&told, f);
    printf("  %llu documents; %s\n", (unsigned long long)imr_session_facts_of(s)->documents,
           imr_buf_text(&told));
    imr_buf_done(&told);
    const size_t n = imr_session_cache(s)->dim;
    float *base = bench_alloc(QUERIES * n, sizeof *base);
    /* Round about: no query finds pages that another measure of it has just read. */
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < QUERIES; i++)
            ask(s, i, base + i * n, &key[i], &own[i]);
        for (size_t i = 0; i < QUERIES; i++)
            engine[i] = ask_engine(s, base + i * n);
    }
    for (size_t i = 0; i < QUERIES; i++)
        ratio[i] = key[i] / (engine[i] + own[i]);
    imr_free(base);
    row("the engine's own answer, vectors and texts", engine, QUERIES);
    row("ours: encoding, re-rank, trace", own, QUERIES);
    row("key to ranking", key, QUERIES);
    qsort(ratio, QUERIES, sizeof *ratio, ascending);
    printf("  %-44s p50 %8.2f      p95 %8.2f\n", "key to ranking / (engine + ours)",
           ratio[QUERIES / 2], ratio[QUERIES * 95 / 100]);
    imr_session_close(s);
}
