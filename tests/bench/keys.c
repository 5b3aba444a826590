/* From a key to what it paints, through a pseudo-terminal: 10 queries typed into the explorer, a key
 * every 150 ms, at SciFact's size and at a million documents. IMRNN_BENCH_PROGRAM names another
 * build, to compare with. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "retrieval/dataset.h"
#include "tests/bench/bench.h"

enum { QUERIES = 10, DOCUMENTS = 1000000, MOST_KEYS = 4096 };
#define KEY_SECONDS 0.15
static const char marker[] = "\033]7770;frame;";

typedef struct typist {
    int master;
    char seen[1 << 16]; /* since the last whole marker */
    size_t n;
    double echo[MOST_KEYS], settled[MOST_KEYS]; /* ms: the next frame; the first with all in it */
    size_t n_echo, n_settled, keys;
} typist;

static void become_explorer(int terminal, const char *const *argv)
{
    const char *other = getenv("IMRNN_BENCH_PROGRAM");
    bench_terminal_take(terminal);
    execv(other && *other ? other : IMRNN_PROGRAM, (char *const *)argv);
    _exit(127);
}

/* How many jobs were pending when the next frame was drawn; -1: none came until then. */
static int next_frame(typist *t, double until)
{
    for (;;) {
        t->seen[t->n] = '\0';
        for (char *at = t->seen; (at = memchr(at, '\033', t->n - (size_t)(at - t->seen))); at++) {
            int pending, used = 0;
            if (strncmp(at, marker, sizeof marker - 1) != 0 ||
                sscanf(at, "\033]7770;frame;%*u;%*dx%*d;%d\007%n", &pending, &used) != 1 || !used)
                continue;
            t->n -= (size_t)(at - t->seen) + (size_t)used;
            memmove(t->seen, at + used, t->n);
            return pending;
        }
        if (t->n > sizeof t->seen / 2) { /* no frame is as long: what is there is of none */
            memmove(t->seen, t->seen + t->n - 100, 100);
            t->n = 100;
        }
        struct pollfd p = {.fd = t->master, .events = POLLIN};
        const double left = until - imr_clock_seconds();
        if (left <= 0 || poll(&p, 1, (int)(left * 1e3) + 1) <= 0)
            return -1;
        const ssize_t got = read(t->master, t->seen + t->n, sizeof t->seen - 1 - t->n);
        if (got <= 0)
            return -1;
        t->n += (size_t)got;
    }
}

static bool settle(typist *t, double seconds)
{
    const double until = imr_clock_seconds() + seconds;
    for (int pending = 1; pending;)
        if ((pending = next_frame(t, until)) < 0)
            return false;
    return true;
}

static void press(typist *t, char key)
{
    const double at = imr_clock_seconds();
    if (t->keys++ == MOST_KEYS || write(t->master, &key, 1) != 1)
        return;
    for (bool first = true;; first = false) {
        const int pending = next_frame(t, at + KEY_SECONDS);
        if (pending < 0)
            break;
        const double ms = 1e3 * (imr_clock_seconds() - at);
        if (first)
            t->echo[t->n_echo++] = ms;
        if (pending == 0) {
            t->settled[t->n_settled++] = ms;
            break;
        }
    }
    while (next_frame(t, at + KEY_SECONDS) >= 0)
        ;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double *ms, size_t n, size_t of)
{
    qsort(ms, n, sizeof *ms, ascending);
    if (n)
        printf("  %-44s%8.1f ms median%8.1f ms p95   (%zu of %zu keys)\n", what, ms[n / 2],
               ms[n * 95 / 100], n, of);
}

static void type(const char *cache, const char *dataset)
{
    imr_error err;
    const bench_corpus *c = bench_corpus_get();
    char *state = bench_file("state");
    const char *const argv[] = {"imrnn",     "explore", cache,       "--checkpoint", c->adapter,
                                "--dataset", dataset,   "--encoder", c->encoder,     NULL};
    int child;
    typist *t = bench_alloc(1, sizeof *t);
    imr_dataset *queries;
    bench_need(imr_dataset_open(&queries, dataset, NULL, &err), &err);
    t->master = bench_terminal_open(&child);
    fflush(stdout);
    const pid_t pid = t->master < 0 ? -1 : fork();
    if (pid == 0) {
        close(t->master);
        setenv("XDG_STATE_HOME", state, 1); /* nobody's history, and none to come back to */
        become_explorer(child, argv);
    }
    close(child);
    bool there = pid > 0 && settle(t, 120);
    for (size_t i = 0; there && i < QUERIES && i < queries->query_ids.n; i++) {
        for (const char *text = queries->query_texts[i]; *text; text++)
            press(t, *text);
        there = write(t->master, "\025", 1) == 1; /* clears the line */
        (void)settle(t, 1);
    }
    print("a key to the next frame", t->echo, t->n_echo, t->keys);
    print("a key to ranking, Why and text painted", t->settled, t->n_settled, t->keys);
    if (!there)
        printf("  the explorer did not answer\n");
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(t->master);
    bench_remove(state);
    imr_dataset_free(queries);
    imr_free(t);
    imr_free(state);
}

void bench_keys(void)
{
    const bench_corpus *c = bench_corpus_get();
    type(c->cache, c->dataset);
}

void bench_keys_million(void)
{
    (void)bench_corpus_get();
    char *dir = bench_file("growth-1000000-f32");
    bench_make(dir, DOCUMENTS, BENCH_N, IMR_F32);
    char *cache = imr_path_join(dir, "cache"), *dataset = imr_path_join(dir, "dataset");
    type(cache, dataset);
    imr_free(cache);
    imr_free(dataset);
    imr_free(dir);
}
