/*
 * ui/view_help.h - the glossary and the keys as they are, what a number pointed at means, and the
 * glyph self-test.
 */
#ifndef UI_VIEW_HELP_H
#define UI_VIEW_HELP_H

#include "ui/keymap.h"
#include "ui/rows.h"

/* Adds to rows that were begun. Actions of other screens than `here` are left out. */
void ui_build_help(ui_rows *out, const ui_keymap *keymap, ui_context here);
/* The rows in a frame, from line `top` on; the frame's inside as rows are built for it. */
ui_surface ui_help_inside(ui_surface s);
void ui_draw_help(ui_surface s, const ui_rows *rows, int top);

/* What stands in columns [x, x+w) of row y, and what the glossary says of it. */
void ui_draw_point(ui_surface s, int y, int x, int w, int term);

void ui_draw_selftest(ui_surface s);

#endif
