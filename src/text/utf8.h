/*
 * text/utf8.h - UTF-8: decode, make untrusted text safe to show, measure and cut by columns.
 *
 * Positions and lengths are bytes, widths are terminal columns. Nothing here needs terminated
 * strings and nothing depends on the locale. Every function accepts any bytes; what is not UTF-8
 * (overlong forms, surrogates, beyond U+10FFFF, cut sequences) counts as one U+FFFD for each
 * maximal ill-formed part (Unicode 15, section 3.9, table 3-8).
 * Threads: pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8_step.h" /* imr_utf8_decode, imr_utf8_first_bad */

/* Writes 1 to 4 bytes; cp that is no scalar value is written as U+FFFD. Returns the bytes. */
size_t imr_utf8_encode(uint32_t cp, char out[4]);
size_t imr_utf8_count(const char *text, size_t len); /* code points */

/* Letters, digits and marks: what a word is made of when moving or selecting by words. */
bool imr_utf8_is_word(uint32_t cp);
bool imr_utf8_is_letter(uint32_t cp); /* categories L* */
/* Simple lower case of one code point, for searches that ignore case. */
uint32_t imr_utf8_lower(uint32_t cp);

/* Case does not count; "" is in everything. */
bool imr_utf8_contains(const char *text, const char *part);
/* Bytes of text that `prefix` takes up when text begins with it, 0 when it does not. */
size_t imr_utf8_begins(const char *text, const char *prefix);

/* ---- columns ---- */

/* UAX 11: 2 for Wide and Fullwidth; 0 for Mn, Me, format characters, conjoining Jamo vowels and
 * finals, controls; otherwise 1 (Ambiguous is narrow). */
int imr_utf8_cp_width(uint32_t cp);
/* "<U+202E>" for what would act on a terminal, or hide or turn text: controls and what
 * imr_utf8_is_hidden says; nothing for the rest. Returns its bytes, which are its columns. */
size_t imr_utf8_sign(uint32_t cp, char out[16]);
size_t imr_utf8_width(const char *text, size_t len); /* sum over the text, signs counted */

/* End of the grapheme cluster (UAX 29) that starts at pos, a boundary; len when pos >= len. */
size_t imr_utf8_next(const char *text, size_t len, size_t pos);
/* Start of the cluster that ends at pos; 0 when pos is 0. */
size_t imr_utf8_prev(const char *text, size_t len, size_t pos);

/* Bytes of the longest run of whole clusters from the start that needs at most `columns`; *used
 * (may be NULL) gets the columns it needs. */
size_t imr_utf8_fit(const char *text, size_t len, size_t columns, size_t *used);
/* Appends text, cut to `columns` by whole clusters, a cut shown by `ellipsis` at the end (itself
 * cut when columns is smaller than it). Returns the columns appended; a wide character that would
 * straddle the edge is left out, so it can be less than `columns`. */
size_t imr_utf8_clip(imr_buf *out, const char *text, size_t len, size_t columns,
                     const char *ellipsis);

/* ---- untrusted text ---- */

typedef enum imr_clean_flags {
    IMR_CLEAN_LINE = 0,     /* tabs and line ends become one space each: text for one line */
    IMR_CLEAN_NEWLINES = 1, /* line feeds stay (CR LF becomes LF), tabs become a space */
    IMR_CLEAN_KEEP = 2, /* what has a sign stays itself: for JSON and the screen, which show it */
} imr_clean_flags;

/*
 * Appends text as it may be shown on a terminal:
 *   ill-formed bytes                         U+FFFD
 *   C0, C1, DEL                              a sign, except tab and line ends (see flags)
 *   U+200B-200F, U+202A-202E, U+2060-206F,
 *   U+FEFF, U+00AD, variation selectors,
 *   interlinear marks, tags                  a sign; one joiner or selector where scripts and
 *                                            emoji are written with it (behind U+0590 and above)
 *                                            is dropped
 *   unassigned, non-characters               U+FFFD
 *   marks (Mn, Me)                           at most 2 after each base; none at the very start
 * The result is valid UTF-8. Failure to allocate sticks in `out`.
 */
void imr_utf8_clean(imr_buf *out, const char *text, size_t len, imr_clean_flags flags);

/* A copy in the arena, one line of valid UTF-8 (IMR_CLEAN_KEEP). NULL when memory ran out. */
const char *imr_line_keep(const char *text, size_t len, imr_arena *arena);

/*
 * The same, IMR_CLEAN_KEEP implied, with a way back: (*source)[i] is the source
 * offset of output byte i, and (*source)[n] is len, for i in [0, n), n the bytes appended.
 * Ascending. The caller frees *source.
 */
imr_status imr_utf8_clean_map(imr_buf *out, uint32_t **source, const char *text, size_t len,
                              imr_clean_flags flags, imr_error *err);
