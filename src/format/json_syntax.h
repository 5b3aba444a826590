/*
 * format/json_syntax.h - is this text JSON? Asked before anything is built from it.
 *
 * Accepts RFC 8259 (a leading byte-order mark is skipped) and nothing else: no trailing bytes, no
 * comments, no control bytes in strings, valid UTF-8, surrogates in pairs. Beyond the standard it
 * refuses numbers longer than 63 characters or outside
 * float64, and more than the caps of base/limits.h. No recursion, no allocation.
 * Errors: IMR_E_FORMAT or IMR_E_LIMIT, "name: line L, column C: ..." (columns are bytes from 1).
 */
#ifndef IMR_FORMAT_JSON_SYNTAX_H
#define IMR_FORMAT_JSON_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* first_line: the number of the text's first line, 1 unless it is a part of a file. */
imr_status imr_json_check(const void *text, size_t len, const char *name, uint64_t first_line,
                          imr_error *err) IMR_NODISCARD;

#endif
