/* What a person typing sees: 20 queries, key by key from the first whole word on, every prefix one
 * request to the session. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "session/session.h"
#include "tests/bench/bench.h"

enum { TYPED = 20, MOST_REQUESTS = 8192 };

typedef enum part { TOTAL, CPU, ENCODE, SEARCH, ADAPT, EXPLAIN, PARTS } part;

typedef struct typing {
    imr_session *session;
    double *ms[PARTS]; /* [MOST_REQUESTS] */
    size_t n, unknown; /* requests answered; prefixes without a word the encoder knows */
} typing;

static void type_one(typing *t, const char *text)
{
    imr_error err;
    imr_trace *trace;
    const imr_request request = {.text = text};
    const double cpu = bench_cpu_seconds(), at = imr_clock_seconds();
    const imr_status status = imr_session_run(t->session, &request, &trace, &err);
    const double wall = imr_clock_seconds() - at;
    if (status == IMR_E_UNSUPPORTED) {
        t->unknown++;
        return;
    }
    bench_need(status, &err);
    const double values[PARTS] = {1e3 * wall,           1e3 * (bench_cpu_seconds() - cpu),
                                  trace->timing.encode, trace->timing.search,
                                  trace->timing.adapt,  trace->timing.explain};
    for (size_t i = 0; i < PARTS && t->n < MOST_REQUESTS; i++)
        t->ms[i][t->n] = values[i];
    t->n += t->n < MOST_REQUESTS;
    imr_trace_free(trace);
}

static void type(typing *t, const char *text)
{
    char prefix[512];
    const char *space = strchr(text, ' ');
    const size_t len = strlen(text) < sizeof prefix ? strlen(text) : sizeof prefix - 1;
    for (size_t n = space ? (size_t)(space - text) : len; n <= len; n++) {
        if (((unsigned char)text[n] & 0xC0) == 0x80) /* within a character */
            continue;
        memcpy(prefix, text, n);
        prefix[n] = '\0';
        type_one(t, prefix);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(typing *t)
{
    static const char *const names[PARTS] = {
        "total", "total, processor time", "encode", "search", "adapt", "explain"};
    printf("  %-28s%10s%10s%10s   of %zu keys (%zu more had no known word)\n", "ms", "median",
           "p95", "max", t->n, t->unknown);
    for (size_t i = 0; i < PARTS; i++) {
        qsort(t->ms[i], t->n, sizeof *t->ms[i], ascending);
        printf("  %-28s%10.2f%10.2f%10.2f\n", names[i], t->ms[i][t->n / 2],
               t->ms[i][t->n * 95 / 100], t->ms[i][t->n - 1]);
    }
    bench_verdict("median", t->ms[TOTAL][t->n / 2], 30);
    bench_verdict("95th percentile", t->ms[TOTAL][t->n * 95 / 100], 100);
}

void bench_typing(void)
{
    const bench_corpus *c = bench_corpus_get();
    imr_error err;
    typing t = {0};
    const imr_session_options options = {.adapter = c->adapter,
                                         .cache = c->cache,
                                         .dataset = c->dataset,
                                         .encoder = c->encoder,
                                         .settings = {.feedback_k = BENCH_K, .tokens = 10},
                                         .background = true};
    const double start = imr_clock_seconds(), cpu = bench_cpu_seconds();
    bench_need(imr_session_open(&t.session, &options, NULL, &err), &err);
    const imr_session_facts *facts = imr_session_facts_of(t.session);
    printf("  (%llu documents, %llu tokens; opened in %.2f s, %.2f s cpu)\n",
           (unsigned long long)facts->documents, (unsigned long long)facts->inputs.table_rows,
           imr_clock_seconds() - start, bench_cpu_seconds() - cpu);
    for (size_t i = 0; i < PARTS; i++)
        t.ms[i] = bench_alloc(MOST_REQUESTS, sizeof *t.ms[i]);
    for (size_t i = 0; i < TYPED && i < facts->queries; i++)
        type(&t, imr_session_query(t.session, i * (facts->queries / TYPED)).text);
    if (t.n)
        print(&t);
    for (size_t i = 0; i < PARTS; i++)
        imr_free(t.ms[i]);
    imr_session_close(t.session);
}
