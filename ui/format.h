/*
 * ui/format.h - numbers as the screens write them (design, interface section 2.9).
 *
 * Similarities and their changes: 4 decimals; a change carries its sign. Metrics: 3 decimals. The
 * minus is the glyph set's. NaN and infinity are words. Every function fills `out` (UI_NUMBER
 * bytes) and returns it.
 */
#ifndef UI_FORMAT_H
#define UI_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/glyphs.h"

#define UI_NUMBER 48

char *ui_format_signed(char *out, const ui_glyphs *g, double value, int decimals); /* +0.0012 */
char *ui_format_plain(char *out, const ui_glyphs *g, double value, int decimals);  /* 0.8714 */
char *ui_format_count(char *out, uint64_t value);                                  /* 171 332 */
char *ui_format_move(char *out, const ui_glyphs *g, int32_t move); /* up, down, same */
/* The largest "nice" bound (1, 2 or 5 times a power of ten) not below value; 0 stays a bound of
 * 0.0001, so that it can divide. */
double ui_nice_scale(double value);
/* A bound without its leading zero: .05, 2, .0005. */
char *ui_format_bound(char *out, double bound);

#endif
