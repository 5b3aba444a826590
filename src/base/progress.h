/*
 * base/progress.h - how long work reports and is cancelled.
 *
 * The callback is called from the thread doing the work, at least every 20 ms of work where the
 * loop allows it. Returning false asks to stop; the worker then returns IMR_E_CANCELLED (training
 * keeps the best epoch so far, see there). NULL means no one is watching.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct imr_progress_info {
    const char *what;     /* "encoding documents": a phrase for people, static storage */
    uint64_t done, total; /* total 0: unknown */
    const char *note;     /* NULL or "loss 0.41 nDCG@10 0.612"; valid during the call */
} imr_progress_info;

typedef bool (*imr_progress_fn)(void *user, const imr_progress_info *info);

typedef struct imr_progress {
    imr_progress_fn fn;
    void *user;
} imr_progress;

/* True to go on. p may be NULL. */
static inline bool imr_progress_step(const imr_progress *p, const char *what, uint64_t done,
                                     uint64_t total)
{
    if (!p || !p->fn)
        return true;
    imr_progress_info info = {what, done, total, 0};
    return p->fn(p->user, &info);
}
