/*
 * retrieval/columns.h - lines of columns, cut in place: judgements, rankings, topics; and ASCII
 * case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct imr_lines {
    char *at, *end; /* what is left; *end may be written to */
    size_t number;  /* of the line last returned, from 1 */
    size_t len;     /* its bytes */
} imr_lines;

/* The next line, zero-terminated, without its end (LF or CRLF); NULL behind the last one. */
char *imr_lines_next(imr_lines *l);
size_t imr_count_tabs(const char *line);
/* Cuts a line at each of `stops`, or at each run of them, into at most max fields; how many. */
size_t imr_cut(char *line, const char *stops, bool runs, char **fields, size_t max);

/* Does text begin with the n bytes of `with`, whatever the case of ASCII letters? What the locale
 * thinks of 'I' does not matter here. */
bool imr_begins(const char *text, const char *with, size_t n);
