/*
 * base/worker.h - one worker thread, jobs in order, results handed over by ownership.
 *
 * The owner (UI) thread submits jobs; the worker runs them one after another and, after each,
 * writes a byte to a pipe whose read end the owner polls. "Latest wins": submitting with `replace`
 * drops waiting jobs of the same kind and asks the running one of that kind to cancel.
 *
 * Threads: every function here is for the owner thread except imr_worker_cancelled, which the
 * running job calls, imr_worker_submit, with which it may ask for another, and imr_worker_wake. A
 * job's run() is called on the worker, its done() on the owner inside imr_worker_reap, exactly
 * once, also when it was dropped before it started (then run() was not called).
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

typedef struct imr_worker imr_worker;
typedef struct imr_job imr_job;

struct imr_job {
    int kind;
    void (*run)(imr_job *job, imr_worker *w); /* on the worker */
    void (*done)(imr_job *job);               /* on the owner; frees the job */
    bool dropped;                             /* set when it was replaced before it ran */
    imr_job *next;                            /* the worker's */
};

imr_status imr_worker_new(imr_worker **out, imr_error *err);
/* Cancels what runs, drops what waits (their done() is called), joins the thread. NULL is fine. */
void imr_worker_free(imr_worker *w);

void imr_worker_submit(imr_worker *w, imr_job *job, bool replace);
void imr_worker_cancel(imr_worker *w, int kind); /* kind < 0: all */
int imr_worker_fd(const imr_worker *w);          /* readable when something finished */
void imr_worker_reap(imr_worker *w);             /* calls done() of all that finished */
int imr_worker_pending(imr_worker *w);           /* waiting + running + finished but not reaped */

bool imr_worker_cancelled(imr_worker *w); /* on the worker: should the running job stop? */
void imr_worker_wake(imr_worker *w);      /* any thread: makes fd readable (progress) */
