/*
 * session/notes.h - notes and verdicts on documents of a ranking, and on queries: who judged what,
 * when, at which ranks, with which inputs; kept so that others can see that none was changed.
 *
 * A file of JSON Lines that only grows, a record a line. In brackets the bytes a text may have;
 * what is absent is null.
 *   schema    "imrnn.note/1"
 *   time      UTC, "2026-11-30T05:29:06Z"
 *   reviewer  [200]
 *   verdict   accept, reject, unsure; note: words without a verdict
 *   reason    [8192] "": none, but a note has one
 *   query     {"id" [1024], null: it was typed, "text" [65536]}
 *   document  its id [1024]; null: the query itself is judged
 *   ranks     {"encoder", "before", "after"} from 1; null where it has none
 *   hashes    {"adapter", "encoder", "cache", "table"} as in imr_trace_inputs; {"settings"} sha256
 *             of the bytes of "settings" in a JSON report
 *   previous  sha256 of the bytes of the line before, without its end and blanks there; null of
 *             the first
 * The chain shows every change of a line that another follows; for the last ones keep the hash of
 * the last line, which `imrnn notes` prints, elsewhere.
 *
 * Appending holds the file's lock (waited for up to 3 seconds), flushes, and takes back what a
 * failed write left. A line cut off all the same (no power) stays: the next record ends it, and
 * its `previous` is the hash of what is left. A file is hostile: texts are one line of UTF-8 (what
 * a screen shows as a sign may be in them), a line has 1 MiB at most, a file 256 MiB.
 * Threads: const after reading.
 */
#pragma once

#include "base/array.h"
#include "base/strmap.h"
#include "session/trace.h"

typedef enum imr_verdict { IMR_ACCEPT, IMR_REJECT, IMR_UNSURE, IMR_REMARK } imr_verdict;
extern const char *const imr_verdict_names[4]; /* "accept" ... "note" */

typedef struct imr_note {
    const char *verdict_name, *time, *reviewer, *reason;
    const char *query_id, *query, *document;                             /* "": null, */
    const char *adapter, *encoder, *cache, *table, *settings, *previous; /* likewise */
    imr_verdict verdict;
    uint32_t rank[IMR_STAGE_COUNT]; /* 0: null */
    const struct imr_note *earlier; /* the one before on the same, or NULL */
} imr_note;

typedef struct imr_notes {
    IMR_ARRAY(imr_note *) v;      /* in the order of the file */
    uint64_t broken;              /* the first line that is no record, or does not follow the one */
    char problem[IMR_ERROR_TEXT]; /* before, and what is wrong; 0: none */
    uint64_t cut;                 /* the first line that was cut off; 0: none */
    char last[IMR_SHA256_HEX];    /* of the last line; "": there is none */
    imr_strmap subjects;          /* what was judged, places in: */
    IMR_ARRAY(const imr_note *) newest;
    struct imr_arena *arena;
} imr_notes;

/* Lines that are no records are left out. name: for problems. Errors: IMR_E_MEMORY. */
imr_status imr_notes_parse(imr_notes **out, const void *data, size_t len, const char *name,
                           imr_error *err);
/* An absent file has no notes. */
imr_status imr_notes_read(imr_notes **out, const char *path, imr_error *err);
void imr_notes_free(imr_notes *n); /* NULL is fine */
IMR_FREE_AT(imr_notes, imr_notes_free)

/* The newest on a document of a query (id "": by its text), document "": on the query itself; NULL:
 * none is. n may be NULL. */
const imr_note *imr_notes_find(const imr_notes *n, const char *query_id, const char *query,
                               const char *document);
/* What counts: the newest of `note` and those before that has a verdict, else `note`. */
const imr_note *imr_note_verdict(const imr_note *note);

/* A record as it is stored, without the line's end. */
void imr_note_put(imr_buf *b, const imr_note *note);
/* TREC judgements: accept 1, reject 0, of what counts. said: lines on what is not in them, and on
 * reviewers who disagree. */
void imr_notes_qrels(imr_buf *b, imr_buf *said, const imr_notes *n);

/* Appends a record on the document at `place` (imr_trace_at; SIZE_MAX: on the query). The file is
 * as it was after IMR_E_USAGE (a note without words, a text too long), IMR_E_BUSY, IMR_E_IO. */
imr_status imr_notes_add(const char *path, const imr_trace *t, size_t place, imr_verdict verdict,
                         const char *reviewer, const char *reason, imr_error *err);
