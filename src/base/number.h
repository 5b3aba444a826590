/*
 * base/number.h - numbers to text and back, whatever the locale says.
 *
 * Parsing accepts the whole text or nothing (no spaces, no trailing letters).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool imr_parse_int(const char *text, size_t len, int64_t *out);   /* decimal, optional sign */
bool imr_parse_double(const char *text, size_t len, double *out); /* finite decimal or scientific */

/* value with 9 significant digits, enough to get the float32 back; "NaN", "Infinity", "-Infinity"
 * as words. out holds at least 32 bytes. Returns out. */
char *imr_format_float(char *out, double value);
/* value with `decimals` digits after the point (sign: '+' forces a plus). out holds at least 64
 * bytes. Returns out. */
char *imr_format_fixed(char *out, double value, int decimals, bool plus);
/* The same as an argument of printf: the text lives as long as the block around the call. */
#define IMR_FIXED(value, decimals)  imr_format_fixed((char[64]){0}, (value), (decimals), false)
#define IMR_SIGNED(value, decimals) imr_format_fixed((char[64]){0}, (value), (decimals), true)
