/*
 * tests/ui/headless.h - a terminal in memory, for ui_act and ui_frame: input is what the caller
 * feeds, the last grid shown can be read. What only ui_loop calls is not there. And grids as text.
 */
#ifndef TESTS_UI_HEADLESS_H
#define TESTS_UI_HEADLESS_H

#include "ui/term.h"

imr_status ui_term_headless_open(ui_term **out, int rows, int cols, imr_error *err) IMR_NODISCARD;
void ui_term_headless_feed(ui_term *t, const void *bytes, size_t n);
void ui_term_headless_resize(ui_term *t, int rows, int cols);
const ui_grid *ui_term_headless_shown(const ui_term *t);
const char *ui_term_headless_copied(const ui_term *t); /* "" or the last text copied */

/* The screen as text: one line a row, trailing blanks cut. */
void ui_grid_text(const ui_grid *g, imr_buf *out);
/* Roles as runs, "06:002-004 gain"; with +selected, +reversed; rows of plain text are left out. */
void ui_grid_roles(const ui_grid *g, imr_buf *out);

#endif
