/*
 * retrieval/ids.h - the ids of documents or queries: from row to id, and back.
 *
 * The ids stand one after another in row order, each with a zero behind it; two tables say where
 * each begins and how they sort. All three are memory of their own (or a scratch's, base/scratch.h)
 * or parts of one mapped file, so that a million ids open without being read one by one. Looking
 * one up is a binary search.
 *
 * The file, all numbers little-endian:
 *   1. u64 [4]      magic, n, bytes, 0
 *   2. u64 [n]      where each id begins
 *   3. u32 [n]      rows in the order of their ids (strcmp)
 *   4. u32 [n]      the inverse: how many ids are below this row's (math/topk.h, places)
 *   5. char [bytes] the ids, each with its zero
 * It is derived from a list of ids, one a line, and is only believed beside that list.
 *
 * Threads: const after opening.
 */
#pragma once

#include "base/file.h"
#include "base/scratch.h"

typedef struct imr_ids {
    size_t n, bytes;
    const char *text;
    const uint64_t *start;          /* [n] into text */
    const uint32_t *order, *places; /* [n] */
    void *owned[3];                 /* text; start; order and places */
    imr_scratch *scratch;           /* what is owned came from it */
    imr_file file;
} imr_ids;

void imr_ids_done(imr_ids *ids); /* {0} is fine */

static inline const char *imr_ids_at(const imr_ids *ids, size_t row)
{
    return ids->text + ids->start[row];
}

/* The row of an id; false when there is none. */
bool imr_ids_find(const imr_ids *ids, const char *id, uint32_t *row);
/* The same, but looks at row `guess` first: for lists in nearly the same order. */
bool imr_ids_find_near(const imr_ids *ids, const char *id, uint32_t guess, uint32_t *row);

/* Rows that repeat an id of an earlier row, ascending; freed with imr_free(v). */
typedef struct imr_ids_repeat {
    const char *id;      /* borrowed of the ids */
    uint32_t row, first; /* the row, and the first one with its id */
} imr_ids_repeat;
typedef IMR_ARRAY(imr_ids_repeat) imr_ids_repeats;
/* Takes the repeated rows out of a table of n rows of `size` bytes (NULL is fine): what stays. */
size_t imr_ids_drop(void *table, size_t size, size_t n, const imr_ids_repeats *repeats);

/*
 * n zero-terminated ids in text[0..bytes), taken also on failure. What is repeated goes to *repeats
 * and is left out, later rows move up; with repeats NULL a repeated id is IMR_E_FORMAT.
 * scratch (NULL: memory) is where text came from and where the tables go: 16 bytes an id, while
 * they are made 48 more. Errors: IMR_E_FORMAT when text does not hold n ids (name: in errors);
 * imr_scratch_fail's.
 */
imr_status imr_ids_take(imr_ids *out, imr_ids_repeats *repeats, imr_scratch *scratch, char *text,
                        size_t bytes, size_t n, const char *name, imr_error *err);
/* The same ids borrowed: `ids` must outlive the result, which need not be released. */
imr_ids imr_ids_borrow(const imr_ids *ids);

/*
 * Maps the file at path when it describes exactly these n lines (each ended by a newline): *found
 * false when it is absent, damaged or of other lines. Every table is checked in one pass of
 * sequential reads, their sorting at some places: a wrong file can at most hide ids.
 */
imr_status imr_ids_open(bool *found, imr_ids *out, const char *path, const void *lines,
                        size_t lines_len, size_t n, imr_error *err);
/* Writes it, atomically. */
imr_status imr_ids_write(const imr_ids *ids, const char *path, imr_error *err);
