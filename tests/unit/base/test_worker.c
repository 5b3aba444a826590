#include "base/mem.h"
#include "base/worker.h"
#include "tests/support/test.h"

#include <poll.h>
#include <stdatomic.h>
#include <time.h>

typedef struct counts {
    atomic_int ran;
    int finished, dropped;
} counts;

typedef struct counting_job {
    imr_job job;
    counts *counts;
    bool until_cancelled;
} counting_job;

static void run(imr_job *job, imr_worker *w)
{
    counting_job *j = (counting_job *)job;
    atomic_fetch_add(&j->counts->ran, 1);
    while (j->until_cancelled && !imr_worker_cancelled(w))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void done(imr_job *job)
{
    counting_job *j = (counting_job *)job;
    ++*(job->dropped ? &j->counts->dropped : &j->counts->finished);
    imr_free(j);
}

static void submit(imr_worker *w, int kind, bool endless, bool replace, counts *c)
{
    counting_job *j = IMR_NEW(counting_job);
    *j = (counting_job){{kind, run, done, false, NULL}, c, endless};
    imr_worker_submit(w, &j->job, replace);
}

static imr_worker *start(counts *c)
{
    imr_error err;
    imr_worker *w;
    *c = (counts){.finished = 0};
    CHECK_OK(imr_worker_new(&w, &err));
    return w;
}

static void drain(imr_worker *w)
{
    while (imr_worker_pending(w) > 0) {
        struct pollfd p = {imr_worker_fd(w), POLLIN, 0};
        poll(&p, 1, 1000);
        imr_worker_reap(w);
    }
}

TEST("jobs run in order and each is finished once")
{
    counts c;
    imr_worker *w = start(&c);
    for (int i = 0; i < 50; i++)
        submit(w, i % 3, false, false, &c);
    drain(w);
    CHECK_INT(atomic_load(&c.ran), 50);
    CHECK_INT(c.finished, 50);
    CHECK_INT(c.dropped, 0);
    imr_worker_free(w);
}

TEST("the latest job of a kind wins")
{
    counts c;
    imr_worker *w = start(&c);
    submit(w, 1, true, true, &c);
    while (atomic_load(&c.ran) == 0)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    for (int i = 0; i < 10; i++)
        submit(w, 1, false, true, &c);
    drain(w);
    CHECK_INT(c.finished + c.dropped, 11);
    CHECK(c.finished >= 2); /* the cancelled first one and the last */
    imr_worker_free(w);
}

TEST("freeing a worker cancels what runs and drops what waits")
{
    counts c;
    imr_worker *w = start(&c);
    submit(w, 1, true, false, &c);
    submit(w, 2, false, false, &c);
    imr_worker_free(w);
    CHECK_INT(c.finished + c.dropped, 2);
}
