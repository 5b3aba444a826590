/*
 * base/buf.h - a growable byte buffer, always zero-terminated after the last byte.
 *
 * Failure sticks: after an allocation failed or the cap was passed, further appends do nothing and
 * imr_buf_check reports it once at the end, so writers need no check a line. {0} is an empty
 * buffer. Numbers are written with '.' whatever the locale says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_buf {
    char *data; /* NULL only while nothing was appended; use imr_buf_text for reading */
    size_t len; /* bytes without the terminator */
    size_t cap;
    size_t limit; /* largest len allowed; 0: no limit */
    bool failed;
} imr_buf;

void imr_buf_done(imr_buf *b);  /* frees; b is empty again */
void imr_buf_clear(imr_buf *b); /* keeps the memory and forgets a failure */
void imr_buf_add(imr_buf *b, const void *bytes, size_t n);
void imr_buf_str(imr_buf *b, const char *text);
void imr_buf_char(imr_buf *b, char c);
void imr_buf_fill(imr_buf *b, char c, size_t n); /* n times c */
void imr_buf_printf(imr_buf *b, const char *format, ...) IMR_PRINTF(2, 3);
/* Makes room for n more bytes and returns where they go (len unchanged); NULL on failure. */
char *imr_buf_reserve(imr_buf *b, size_t n);

const char *imr_buf_text(const imr_buf *b); /* "" when empty; borrowed until the next append */
char *imr_buf_take(imr_buf *b);             /* the caller's; NULL when failed; b is empty again */
imr_status imr_buf_check(const imr_buf *b, imr_error *err);

#define IMR_AUTOBUF IMR_CLEANUP(imr_buf_done)

/* A short text by value: imr_textf(...).s lives until the statement it stands in ends. What is
 * longer is cut. */
typedef struct imr_text {
    char s[600];
} imr_text;
imr_text imr_textf(const char *format, ...) IMR_PRINTF(1, 2);
