/*
 * session/async.h - the session's calls as jobs on the worker thread: the explorer's way to it.
 *
 * Every call returns at once. Results arrive through `deliver`, called on the owner's thread inside
 * imr_async_reap after imr_async_fd became readable. Queries and details are "latest wins": a newer
 * request drops a waiting one and cancels the running one, whose delivery then has status
 * IMR_E_CANCELLED. A query cancels details, too.
 *
 * A query brings two deliveries: the ranking, and as soon as it is made the detail of the document
 * that was selected (request->selected). After a detail, while nothing is asked for, those of its
 * neighbours (the next two, the one before) are made ahead; they are delivered when they are asked
 * for, at once. Any call stops that within some milliseconds.
 *
 * A session comes without its words (session_options.words_later is set); they are opened while
 * nothing is asked for, stopped by any call and gone on with afterwards. Each time there are some,
 * or better ones, or an error, WORDS is delivered: the session's facts are new ones then.
 * Threads: everything here is for the owner (UI) thread.
 */
#pragma once

#include "base/buf.h"
#include "explain/map.h"
#include "session/audit.h"
#include "session/notes.h"

typedef enum imr_async_kind {
    IMR_ASYNC_OPEN,
    IMR_ASYNC_QUERY,
    IMR_ASYNC_DETAIL,
    IMR_ASYNC_COMPARE,
    IMR_ASYNC_SUGGEST,
    IMR_ASYNC_MAP,
    IMR_ASYNC_QUALITY,
    IMR_ASYNC_EXPORT,
    IMR_ASYNC_SIZE,
    IMR_ASYNC_WRITE,
    IMR_ASYNC_NOTES,
    IMR_ASYNC_SWAP,
    IMR_ASYNC_AUDIT,
    IMR_ASYNC_WORDS, /* follows OPEN and SWAP by itself */
    IMR_ASYNC_AHEAD  /* not delivered */
} imr_async_kind;

typedef struct imr_delivery {
    imr_async_kind kind;
    imr_status status;
    imr_error error;             /* when status is not IMR_OK */
    imr_session *session;        /* OPEN, SWAP, WORDS: borrowed, owned by the jobs */
    imr_trace *trace;            /* QUERY: the receiver's */
    imr_detail *detail;          /* DETAIL: the receiver's */
    imr_comparison *comparison;  /* COMPARE: the receiver's */
    imr_map *map;                /* MAP: the receiver's */
    imr_quality *quality;        /* QUALITY: the receiver's */
    imr_notes *notes;            /* NOTES: the receiver's */
    const imr_audit *audit;      /* AUDIT: the jobs', until the next OPEN; */
    size_t audit_rows;           /* those that are there, also of an EXPORT; */
    bool audit_ended;            /* all else is, too */
    imr_suggestion *suggestions; /* SUGGEST: the receiver's; strings are the session's */
    size_t n_suggestions;
    char *path;     /* EXPORT, WRITE, NOTES: the receiver's: the file written; of NOTES that failed
                       the reason that was not kept */
    uint64_t bytes; /* EXPORT, SIZE */
    bool exists;    /* EXPORT that failed: a file is there, which nobody said to replace */
    uint64_t serial;
} imr_delivery;

typedef struct imr_async imr_async;
typedef void (*imr_deliver_fn)(void *user, const imr_delivery *delivery);

imr_status imr_async_new(imr_async **out, imr_deliver_fn deliver, void *user, imr_error *err);
/* Cancels, joins, closes the session; undelivered results are freed. */
void imr_async_free(imr_async *j);

imr_status imr_async_open(imr_async *j, const imr_session_options *options,
                          imr_error *err);                                            /* copied */
imr_status imr_async_query(imr_async *j, const imr_request *request, imr_error *err); /* copied */
/* The trace is shared until delivery. A detail that is on its way already comes once; one in depth
 * IMR_DETAIL_DELETION takes seconds, with progress. */
imr_status imr_async_detail(imr_async *j, const imr_trace *trace, size_t place,
                            imr_detail_depth depth, imr_error *err);
/* MAP: of a trace, shared until delivery. QUALITY: imr_quality_make; a query cancels it. SWAP: the
 * other of two adapters is in force from now on. AUDIT: imr_audit_run, some
 * rows at a time, behind whatever else is asked for: delivered each time, at last with audit_ended,
 * or why it stopped; imr_async_cancel stops it, another call goes on. */
imr_status imr_async_make(imr_async *j, imr_async_kind kind, const imr_trace *trace,
                          imr_error *err);
/* imr_session_compare; the trace is shared until delivery. */
imr_status imr_async_compare(imr_async *j, const imr_trace *trace, const size_t place[2],
                             imr_error *err);
imr_status imr_async_suggest(imr_async *j, const char *text, uint64_t serial, imr_error *err);
/* A report of a trace, or (NULL) of the audit as far as it is, written whole or not at all: EXPORT.
 * Without a path it is made and measured: SIZE, the latest wins, also over this. NULL: what is on
 * its way of both is cancelled. render: on the worker, from report/report.h: session may not
 * include report. */
typedef struct imr_export imr_export;
typedef imr_status imr_render_fn(imr_session *s, const imr_trace *t, const imr_export *e,
                                 const imr_comparison *compared, const imr_progress *progress,
                                 imr_buf *out, imr_error *err);
struct imr_export {
    const char *format, *path;
    bool replace;       /* what is there */
    bool two;           /* are compared: */
    size_t compared[2]; /* places, as above */
    bool *printed;      /* [n_documents + n_left] places told of; taken, but where memory ran out */
    imr_render_fn *render;
    const char *sort, *filter; /* of the audit, see imr_audit_order; the jobs' is there then: */
    const imr_audit *audit;
};
imr_status imr_async_export(imr_async *j, const imr_trace *trace, const imr_export *what,
                            imr_error *err);

/* Writes bytes (copied) to path, whole or not at all, as imr_file_write_private does. */
imr_status imr_async_write(imr_async *j, const char *path, const void *bytes, size_t n,
                           imr_error *err);

/* imr_notes_add (trace NULL: nothing), then imr_notes_read. Neither cancelled nor dropped: what is
 * not written yet when the jobs are freed is written and delivered then. */
imr_status imr_async_notes(imr_async *j, const char *path, const imr_trace *trace, size_t place,
                           imr_verdict verdict, const char *reviewer, const char *reason,
                           imr_error *err);

void imr_async_cancel(imr_async *j); /* everything that waits or runs */
int imr_async_fd(const imr_async *j);
void imr_async_reap(imr_async *j);
int imr_async_pending(imr_async *j);
bool imr_async_idle(imr_async *j); /* nothing runs, not even what nobody waits for */

/* What the running job says of its progress, copied under a lock; false when nothing is known. */
typedef struct imr_async_progress {
    char what[80];
    uint64_t done, total;
    double rate; /* steps a second since this one began; 0 while unknown */
} imr_async_progress;
bool imr_async_progress_of(imr_async *j, imr_async_progress *out);
