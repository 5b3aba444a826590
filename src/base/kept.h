/*
 * base/kept.h - a file that takes long to make: written by one process at a time, killed at any
 * moment, gone on with later. imr_writer (base/file.h) is for what is written in one go.
 *
 * Locking. imr_kept_lock opens a file and holds it (flock, exclusive, not waited for) until it is
 * closed or the process ends, however it ends. When it succeeds the name still belongs to what is
 * locked: whoever held it before may have renamed or removed it, then the new file of that name is
 * taken. It may be the file that is written (X.partial, published in the end) or one that only
 * locks and stays (X.lock).
 *
 * Finishing. imr_kept_publish flushes the data, renames the file over its real name and flushes
 * the folder: under that name there is nothing, the file before, or the whole new one.
 * imr_kept_sync alone is enough where a manifest or a full journal says what is whole. What is made
 * of rows, one block after the other, is gone on with as said below.
 *
 * Errors:
 *   IMR_E_BUSY    another process holds the lock: "another process is writing PATH" (a caller who
 *                 knows more says it in its own words)
 *   IMR_E_IO      names the path and the system's reason, in writes with `advice` in brackets; a
 *                 short write is a full disk
 *   IMR_E_MEMORY
 * After a failed write the bytes of that call may be there in part, those of earlier ones are.
 *
 * Ownership: an imr_kept owns a copy of its path and its descriptor (closed on exec); `advice` is
 * borrowed. {0} is a file that is not open: closing it is fine, reading from it finds nothing.
 * Threads: one at a time per imr_kept; the lock is between processes, and between two imr_kept of
 * one process too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/progress.h"

typedef struct imr_kept {
    char *path; /* NULL: not open */
    int fd;
    size_t end;         /* where imr_kept_append goes on */
    const char *advice; /* NULL, or what to do when a write fails */
    size_t flush_every; /* bytes after which writes are flushed, so that the last flush, and with it
                           a cancel, waits no longer than these take; 0: the system's choice */
    size_t unflushed;
} imr_kept;

/* Opens to read and write, made empty when it is absent; IMR_E_IO for a link. */
imr_status imr_kept_open(imr_kept *out, const char *path, imr_error *err);
/* The same, locked. */
imr_status imr_kept_lock(imr_kept *out, const char *path, imr_error *err);
/* The same, waiting up to 3 seconds for another process. */
imr_status imr_kept_lock_wait(imr_kept *out, const char *path, imr_error *err);
/* Opens what is there to read. Errors: IMR_E_NOT_FOUND, IMR_E_IO. */
imr_status imr_kept_open_read(imr_kept *out, const char *path, imr_error *err);
void imr_kept_close(imr_kept *f); /* unlocks; {0} is fine */

/* n bytes from offset `at`; false when they are not all there. */
bool imr_kept_read(const imr_kept *f, void *out, size_t n, size_t at);

imr_status imr_kept_write(imr_kept *f, const void *bytes, size_t n, size_t at, imr_error *err);
imr_status imr_kept_append(imr_kept *f, const void *bytes, size_t n, imr_error *err);
/* Cuts, or lengthens with zeros (sparse where the file system can). */
imr_status imr_kept_resize(imr_kept *f, size_t size, imr_error *err);
/* On the disk when it returns; file systems that cannot say so are believed. */
imr_status imr_kept_sync(imr_kept *f, imr_error *err);

/* Gives the file its real name; it stays open and locked. Errors name `path`. */
imr_status imr_kept_publish(imr_kept *f, const char *path, imr_error *err);
/* Gives up: removes the name, which is still ours, then closes. {0} is fine. */
void imr_kept_remove(imr_kept *f);

/*
 * Tests: let `n` more steps of this thread succeed, then fail one with the errno `number`; a
 * negative n switches off. A step is an open, a lock, a write, a resize, a flush or a rename; a
 * write that fails has written half its bytes.
 */
void imr_kept_fail_after(long n, int number);

/* ---- rows that take long to make: block by block into a file, gone on with later ----
 *
 * Layout. A file begins with `head`; row i of column c lies at column[c].at + i * column[c].bytes,
 * in the file or, where there is none, in `memory`. One column is a matrix; more hold what is made
 * with its rows (norms). Rows come in blocks of `block`, the last one may be shorter.
 *
 * Journal. A text file beside the rows, of one or several imr_kept_rows: a header line that says
 * what is being made, then a line for each finished block:
 *   NOTE END SHA256   the block before row END; the hash is of its bytes, column after column
 * A block is written first, then noted; nothing is flushed in between, since a note is believed
 * only when the block has its hash.
 *
 * Making, under a lock of the caller's:
 *   imr_kept_rows_check    believes the notes up to the first that is not good: sets `done`
 *   imr_kept_resume        cuts the journal there
 *   imr_kept_rows_make     makes what is missing, block by block
 * A run that was stopped and resumed ends with the bytes of one that was not, provided the maker
 * gives the same rows for the same block again. What was whole needs no lock to be checked.
 *
 * Errors: as above; IMR_E_CANCELLED when progress asks to stop, between two blocks or in one.
 * What is noted stays in any case.
 * Ownership: everything is the caller's, `file` too.
 * Threads: one at a time per value.
 */
enum { IMR_KEPT_COLUMNS = 3 };

typedef struct imr_kept_column {
    size_t at, bytes; /* of row 0; of a row, 0: there is no such column */
} imr_kept_column;

typedef struct imr_kept_rows {
    const char *what; /* "encoding documents", for progress and errors; static storage */
    const char *note; /* begins its notes: "documents ", or "" where the journal has no others */
    const void *head; /* what the file begins with */
    size_t head_bytes;
    size_t rows, block;
    imr_kept_column column[IMR_KEPT_COLUMNS];
    imr_kept file;   /* open, or {0}: */
    uint8_t *memory; /* room for every row */
    size_t done;     /* rows that are there and good */
} imr_kept_rows;

typedef struct imr_kept_notes {
    size_t end;   /* bytes up to the last good note; 0: not even the header */
    bool damaged; /* another header, or a whole note that is not good: no kill leaves that */
} imr_kept_notes;

/* Compares the n rows with the notes of the journal at `path`, which may be read-only. `header`
 * ends with its newline. Also for files that are only open to be read.
 * Errors: IMR_E_NOT_FOUND and IMR_E_IO of the journal, IMR_E_MEMORY, IMR_E_CANCELLED; then `done`
 * of the rows is of no use. */
imr_status imr_kept_rows_check(imr_kept_notes *out, const char *path, const char *header,
                               imr_kept_rows *rows, size_t n, const imr_progress *progress,
                               imr_error *err);

/* Cuts the open journal to `end` (of imr_kept_notes); where that is 0 it begins with the header. */
imr_status imr_kept_resume(imr_kept *journal, size_t end, const char *header, imr_error *err);

/* Rows [first, first + count): those of column c into out[c], without gaps. A file's buffers begin
 * at multiples of 64 bytes. */
typedef imr_status (*imr_kept_make_fn)(void *user, size_t first, size_t count, void *const out[],
                                       imr_error *err);

/* Makes rows from `done` on; in the end a file has the length of its rows and is flushed. journal
 * may be NULL: no notes. Errors: also make's. */
imr_status imr_kept_rows_make(imr_kept_rows *r, imr_kept *journal, imr_kept_make_fn make,
                              void *user, const imr_progress *progress, imr_error *err);
