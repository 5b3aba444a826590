#include "base/mem.h"
#include "base/worker.h"
#include "tests/support/test.h"

#include <poll.h>
#include <stdatomic.h>
#include <time.h>

typedef struct counting_job {
    imr_job job;
    atomic_int *ran;
    int *finished, *dropped;
    bool until_cancelled;
} counting_job;

static void run(imr_job *job, imr_worker *w)
{
    counting_job *j = (counting_job *)job;
    atomic_fetch_add(j->ran, 1);
    while (j->until_cancelled && !imr_worker_cancelled(w))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static void done(imr_job *job)
{
    counting_job *j = (counting_job *)job;
    ++*(job->dropped ? j->dropped : j->finished);
    imr_free(j);
}

static void submit(imr_worker *w, int kind, bool endless, bool replace, atomic_int *ran,
                   int *finished, int *dropped)
{
    counting_job *j = IMR_NEW(counting_job);
    *j = (counting_job){{kind, run, done, false, NULL}, ran, finished, dropped, endless};
    imr_worker_submit(w, &j->job, replace);
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
    imr_error err;
    imr_worker *w;
    atomic_int ran = 0;
    int finished = 0, dropped = 0;
    CHECK_OK(imr_worker_new(&w, &err));
    for (int i = 0; i < 50; i++)
        submit(w, i % 3, false, false, &ran, &finished, &dropped);
    drain(w);
    CHECK_INT(atomic_load(&ran), 50);
    CHECK_INT(finished, 50);
    CHECK_INT(dropped, 0);
    imr_worker_free(w);
}

TEST("the latest job of a kind wins")
{
    imr_error err;
    imr_worker *w;
    atomic_int ran = 0;
    int finished = 0, dropped = 0;
    CHECK_OK(imr_worker_new(&w, &err));
    submit(w, 1, true, true, &ran, &finished, &dropped);
    while (atomic_load(&ran) == 0)
        nanosleep(&(struct timespec){0, 100000}, NULL);
    for (int i = 0; i < 10; i++)
        submit(w, 1, false, true, &ran, &finished, &dropped);
    drain(w);
    CHECK_INT(finished + dropped, 11);
    CHECK(finished >= 2); /* the cancelled first one and the last */
    imr_worker_free(w);
}

TEST("freeing a worker cancels what runs and drops what waits")
{
    imr_error err;
    imr_worker *w;
    atomic_int ran = 0;
    int finished = 0, dropped = 0;
    CHECK_OK(imr_worker_new(&w, &err));
    submit(w, 1, true, false, &ran, &finished, &dropped);
    submit(w, 2, false, false, &ran, &finished, &dropped);
    imr_worker_free(w);
    CHECK_INT(finished + dropped, 2);
}
