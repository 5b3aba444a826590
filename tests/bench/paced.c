/*
 * A person typing at a million documents: a key every 100 ms through the worker of the explorer
 * (session/async.h), latest wins. What counts is the time from a key to the first ranking that
 * answers it; a key whose answer was overtaken by the next key's has none.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "session/async.h"
#include "tests/bench/bench.h"

enum { DOCUMENTS = 1000000, TYPED = 20, MOST_KEYS = 4096 };
#define KEY_SECONDS 0.1

typedef struct typist {
    imr_async *jobs;
    imr_session *session;
    double pressed[MOST_KEYS], answered[MOST_KEYS]; /* seconds; answered 0: overtaken */
    double stopped[MOST_KEYS]; /* how long a cancelled request still held the worker */
    size_t keys, n_answered, n_stopped, unknown;
} typist;

static void deliver(void *user, const imr_delivery *d)
{
    typist *t = user;
    const double now = imr_clock_seconds();
    if (d->kind == IMR_ASYNC_OPEN) {
        bench_need(d->status, &d->error);
        t->session = d->session;
        return;
    }
    if (d->kind == IMR_ASYNC_DETAIL) {
        imr_detail_free(d->detail);
        return;
    }
    if (d->status == IMR_OK)
        t->answered[t->n_answered++] = now - t->pressed[d->serial];
    else if (d->status == IMR_E_CANCELLED && d->serial < t->keys)
        t->stopped[t->n_stopped++] = now - t->pressed[d->serial + 1];
    else if (d->status == IMR_E_UNSUPPORTED)
        t->unknown++;
    else
        bench_need(d->status, &d->error);
    imr_trace_free(d->trace);
}

/* Reaps until the time has come, or, with time 0, until nothing is pending. */
static void wait_until(typist *t, double time)
{
    while (time > 0 ? imr_clock_seconds() < time : imr_async_pending(t->jobs) > 0) {
        struct pollfd fd = {imr_async_fd(t->jobs), POLLIN, 0};
        const double left = time > 0 ? time - imr_clock_seconds() : 1;
        (void)poll(&fd, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);
        imr_async_reap(t->jobs);
    }
}

static void press(typist *t, const char *text, size_t n)
{
    imr_error err;
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%.*s", (int)n, text);
    const imr_request r = {
        .text = prefix, .settings = {.feedback_k = BENCH_K, .tokens = 10}, .serial = t->keys};
    t->pressed[t->keys] = imr_clock_seconds();
    bench_need(imr_async_query(t->jobs, &r, &err), &err);
    wait_until(t, t->pressed[t->keys++] + KEY_SECONDS);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(typist *t, double opened)
{
    qsort(t->answered, t->n_answered, sizeof *t->answered, ascending);
    qsort(t->stopped, t->n_stopped, sizeof *t->stopped, ascending);
    printf(
        "  (opened in %.2f s; %zu keys, %zu answered, %zu overtaken, %zu without a known word)\n",
        opened, t->keys, t->n_answered, t->n_stopped, t->unknown);
    if (t->n_answered == 0)
        return;
    const double median = 1e3 * t->answered[t->n_answered / 2],
                 late = 1e3 * t->answered[t->n_answered * 95 / 100];
    printf("  %-28s%10.1f ms median%10.1f ms p95\n", "key to its ranking", median, late);
    if (t->n_stopped)
        printf("  %-28s%10.1f ms median%10.1f ms most\n", "an overtaken one stops after",
               1e3 * t->stopped[t->n_stopped / 2], 1e3 * t->stopped[t->n_stopped - 1]);
    bench_verdict("median", median, 150);
    bench_verdict("95th percentile", late, 500);
}

void bench_typing_million(void)
{
    imr_error err;
    const bench_corpus *c = bench_corpus_get();
    char *dir = bench_file("growth-1000000-f32");
    bench_make(dir, DOCUMENTS, BENCH_N, IMR_F32);
    char *cache = imr_path_join(dir, "cache"), *dataset = imr_path_join(dir, "dataset");
    typist *t = bench_alloc(1, sizeof *t);
    const imr_session_options o = {.adapter = c->adapter,
                                   .encoder = c->encoder,
                                   .cache = cache,
                                   .dataset = dataset,
                                   .settings = {.feedback_k = BENCH_K, .tokens = 10},
                                   .background = true};
    bench_need(imr_async_new(&t->jobs, deliver, t, &err), &err);
    const double start = imr_clock_seconds();
    bench_need(imr_async_open(t->jobs, &o, &err), &err);
    wait_until(t, 0);
    const double opened = imr_clock_seconds() - start;
    const char *warm = imr_session_query(t->session, 0).text; /* pages */
    press(t, warm, strlen(warm));
    wait_until(t, 0);
    t->keys = t->n_answered = t->n_stopped = t->unknown = 0;
    for (size_t i = 0; i < TYPED; i++) {
        const char *text = imr_session_query(t->session, i).text;
        for (size_t n = 1; text[n] && t->keys + 1 < MOST_KEYS; n++)
            press(t, text, n);
        wait_until(t, 0);
    }
    print(t, opened);
    imr_async_free(t->jobs);
    imr_free(t);
    imr_free(cache);
    imr_free(dataset);
    imr_free(dir);
}
