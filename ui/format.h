/*
 * ui/format.h - numbers as the screens write them.
 *
 * Similarities and their changes: 4 decimals; a change carries its sign. Metrics: 3 decimals. The
 * minus is the glyph set's. What is not a number is a dash, infinity a word. Every function fills
 * `out` (UI_NUMBER bytes) and returns it.
 */
#ifndef UI_FORMAT_H
#define UI_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "ui/glyphs.h"
#include "ui/style.h"

#define UI_NUMBER 48

char *ui_format_signed(char *out, const ui_glyphs *g, double value, int decimals); /* +0.0012 */
char *ui_format_plain(char *out, const ui_glyphs *g, double value, int decimals);  /* 0.8714 */
char *ui_format_short(char *out, const ui_glyphs *g, double value, int decimals);  /* +.37 */
char *ui_format_count(char *out, uint64_t value);                                  /* 171 332 */
/* gain, loss or plain by the sign of a number */
static inline ui_role ui_sign_role(double v)
{
    return v > 0 ? UI_GAIN : v < 0 ? UI_LOSS : UI_TEXT;
}
char *ui_format_move(char *out, const ui_glyphs *g, int32_t move); /* up, down, same */
/* The largest "nice" bound (1, 2 or 5 times a power of ten) not below value; 0 stays a bound of
 * 0.0001, so that it can divide. */
double ui_nice_scale(double value);
/* A bound without its leading zero: .05, 2, .0005. */
char *ui_format_bound(char *out, double bound);

#endif
