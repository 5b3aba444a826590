/*
 * base/kept_rows.h - rows that take long to make: block by block into a file, gone on with later.
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
 * Making, under a lock of the caller's (base/kept.h):
 *   imr_kept_rows_check    believes the notes up to the first that is not good: sets `done`
 *   imr_kept_resume        cuts the journal there
 *   imr_kept_rows_make     makes what is missing, block by block
 * A run that was stopped and resumed ends with the bytes of one that was not, provided the maker
 * gives the same rows for the same block again. What was whole needs no lock to be checked.
 *
 * Errors: base/kept.h's; IMR_E_CANCELLED when progress asks to stop, between two blocks or in one.
 * What is noted stays in any case.
 * Ownership: everything is the caller's, `file` too.
 * Threads: one at a time per value.
 */
#ifndef IMR_BASE_KEPT_ROWS_H
#define IMR_BASE_KEPT_ROWS_H

#include <stdint.h>

#include "base/kept.h"
#include "base/progress.h"

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
                               imr_error *err) IMR_NODISCARD;

/* Cuts the open journal to `end` (of imr_kept_notes); where that is 0 it begins with the header. */
imr_status imr_kept_resume(imr_kept *journal, size_t end, const char *header,
                           imr_error *err) IMR_NODISCARD;

/* Rows [first, first + count): those of column c into out[c], without gaps. A file's buffers begin
 * at multiples of 64 bytes. */
typedef imr_status (*imr_kept_make_fn)(void *user, size_t first, size_t count, void *const out[],
                                       imr_error *err);

/* Makes rows from `done` on; in the end a file has the length of its rows and is flushed. journal
 * may be NULL: no notes. Errors: also make's. */
imr_status imr_kept_rows_make(imr_kept_rows *r, imr_kept *journal, imr_kept_make_fn make,
                              void *user, const imr_progress *progress,
                              imr_error *err) IMR_NODISCARD;

#endif
