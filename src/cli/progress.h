/*
 * cli/progress.h - long work on standard error: a bar on a terminal, now and then a line elsewhere,
 * and C-c as a request to stop.
 *
 * Bar: one line, cut to the terminal's width, redrawn at most 10 times a second, erased at the end;
 * never on a dumb terminal, with --no-progress or -q. Elsewhere (a log, a pipe): a line after 5
 * seconds, then one whenever a tenth of the time so far has passed, at least once a minute; none
 * for work shorter than that.
 *
 * The rate is that of the whole step, without what a stopped run had done.
 *
 * The first SIGINT or SIGTERM makes the callback answer "stop" (the work then ends with
 * IMR_E_CANCELLED and leaves nothing half written); the second kills.
 * Threads: the callback comes from the thread that computes, one at a time.
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "base/progress.h"

typedef enum imr_meter_mode { IMR_METER_OFF, IMR_METER_BAR, IMR_METER_LINES } imr_meter_mode;

typedef struct imr_meter {
    imr_meter_mode mode;
    FILE *to;
    const char *what; /* of the step under way */
    double started, drawn;
    uint64_t first; /* done when the step began: what a stopped run left counts for no rate */
    bool visible;   /* a bar stands on the current line */
    imr_progress progress;
} imr_meter;

void imr_meter_init(imr_meter *m, imr_meter_mode mode, FILE *to);
/* Erases the bar, so that something else may be printed. */
void imr_meter_clear(imr_meter *m);

/* From now on SIGINT and SIGTERM ask to stop once, then kill. SIGPIPE and SIGXFSZ are ignored:
 * writes say so. */
void imr_interrupt_install(void);
bool imr_interrupted(void);

/* The bar as text, at most `columns` wide: "encoding documents [####      ] 512/5183 9% 51/s, 92 s
 * left note". seconds: since the step began with `first` done; 0 when unknown. Pure, for tests. */
void imr_meter_line(imr_buf *out, const imr_progress_info *info, uint64_t first, double seconds,
                    size_t columns);
/* The line of a log: "encoding documents: 512 of 5183 (9%), 51/s, 92 s left, note". Pure. */
void imr_meter_log_line(imr_buf *out, const imr_progress_info *info, uint64_t first,
                        double seconds);
/* Seconds from one such line to the next, `seconds` after the step began. Pure. */
double imr_meter_log_pause(double seconds);
