#include "base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"

struct imr_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    imr_job *waiting, *finished; /* both in order; lock */
    imr_job *running;            /* lock */
    atomic_bool cancel;          /* of the running job */
    bool stop;                   /* lock */
    int pipe[2];
};

static void append(imr_job **list, imr_job *job)
{
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

void imr_worker_wake(imr_worker *w)
{
    /* A full pipe already wakes the reader. */
    ssize_t n = write(w->pipe[1], "", 1);
    (void)n;
}

static void *work(void *user)
{
    imr_worker *w = user;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->waiting && !w->stop)
            pthread_cond_wait(&w->wanted, &w->lock);
        if (w->stop)
            break;
        imr_job *job = w->waiting;
        w->waiting = job->next;
        w->running = job;
        atomic_store(&w->cancel, false);
        pthread_mutex_unlock(&w->lock);
        job->run(job, w);
        pthread_mutex_lock(&w->lock);
        w->running = NULL;
        append(&w->finished, job);
        imr_worker_wake(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void release(imr_worker *w)
{
    close(w->pipe[0]);
    close(w->pipe[1]);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->wanted);
    imr_free(w);
}

imr_status imr_worker_new(imr_worker **out, imr_error *err)
{
    imr_worker *w = IMR_NEW(imr_worker);
    IMR_NEED(w, err);
    if (pipe(w->pipe) != 0) {
        imr_free(w);
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot make a pipe for the worker");
    }
    for (int i = 0; i < 2; i++) {
        fcntl(w->pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(w->pipe[i], F_SETFD, FD_CLOEXEC);
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wanted, NULL);
    atomic_init(&w->cancel, false);
    /* Signals belong to the owner's poll loop, but those of a crash come where it happens: blocked
     * they would kill without the handler. LAPACK's stack needs more than small defaults. */
    static const int crash[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all, old;
    sigfillset(&all);
    for (size_t i = 0; i < IMR_LEN(crash); i++)
        sigdelset(&all, crash[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, (size_t)8 << 20);
    int failed = pthread_create(&w->thread, &attr, work, w);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        release(w);
        return imr_fail_errno(err, IMR_E_IO, failed, "cannot start the worker thread");
    }
    *out = w;
    return IMR_OK;
}

/* Moves waiting jobs of a kind to the finished list as dropped. Lock held. */
static void drop(imr_worker *w, int kind)
{
    imr_job *keep = NULL;
    for (imr_job *job = w->waiting, *next; job; job = next) {
        next = job->next;
        bool hit = kind < 0 || job->kind == kind;
        job->dropped |= hit;
        append(hit ? &w->finished : &keep, job);
    }
    w->waiting = keep;
    if (w->running && (kind < 0 || w->running->kind == kind))
        atomic_store(&w->cancel, true);
    if (w->finished)
        imr_worker_wake(w);
}

void imr_worker_free(imr_worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    drop(w, -1);
    w->stop = true;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    drop(w, -1); /* what the last job asked for */
    imr_worker_reap(w);
    release(w);
}

void imr_worker_submit(imr_worker *w, imr_job *job, bool replace)
{
    job->dropped = false;
    pthread_mutex_lock(&w->lock);
    if (replace)
        drop(w, job->kind);
    append(&w->waiting, job);
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->lock);
}

void imr_worker_cancel(imr_worker *w, int kind)
{
    pthread_mutex_lock(&w->lock);
    drop(w, kind);
    pthread_mutex_unlock(&w->lock);
}

int imr_worker_fd(const imr_worker *w)
{
    return w->pipe[0];
}

void imr_worker_reap(imr_worker *w)
{
    char bytes[256];
    while (read(w->pipe[0], bytes, sizeof bytes) > 0) {
    }
    pthread_mutex_lock(&w->lock);
    imr_job *job = IMR_TAKE(w->finished);
    pthread_mutex_unlock(&w->lock);
    while (job) {
        imr_job *next = job->next;
        job->done(job);
        job = next;
    }
}

int imr_worker_pending(imr_worker *w)
{
    pthread_mutex_lock(&w->lock);
    int n = w->running != NULL;
    for (const imr_job *job = w->waiting; job; job = job->next)
        n++;
    for (const imr_job *job = w->finished; job; job = job->next)
        n++;
    pthread_mutex_unlock(&w->lock);
    return n;
}

bool imr_worker_cancelled(imr_worker *w)
{
    return atomic_load(&w->cancel);
}
