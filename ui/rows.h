/*
 * ui/rows.h - styled rows built once from a model and a width; drawing copies a slice of them.
 *
 * A view adds rows at the end and writes them like any surface. How many there are is known before
 * anything is drawn, so scrolling knows its end.
 */
#ifndef UI_ROWS_H
#define UI_ROWS_H

#include "ui/surface.h"

typedef struct ui_rows {
    ui_grid grid; /* of which the first n rows are used */
    int n;
} ui_rows;

/* Empty again, `cols` wide, with glyphs and halves as `like` has them. */
void ui_rows_begin(ui_rows *r, const ui_grid *like, int cols);
void ui_rows_done(ui_rows *r);
/* The next n rows, blank; without any when memory ran out. Valid until ui_rows_done. */
ui_surface ui_rows_add(ui_rows *r, int n);
/* A text wrapped from column x on. */
void ui_rows_text(ui_rows *r, int x, ui_style style, const char *text);
/* The same, *words between stars* bold. */
void ui_rows_sentence(ui_rows *r, int x, const char *text);
/* A rule with a title and, at the right, a note (may be NULL); in a box it joins the borders. */
void ui_rows_heading(ui_rows *r, const char *title, const char *note);

/* Pieces one after another, each whole, in as many rows as they need, from column `indent` on. */
typedef struct ui_flow {
    ui_rows *rows;
    int indent, y, x;
} ui_flow;
/* The first row begins with a label. */
ui_flow ui_flow_begin(ui_rows *r, int indent, ui_style style, const char *label);
void ui_flow_put(ui_flow *f, ui_style style, uint8_t term, const char *text);
/* Whether a piece of that width still fits into the row begun. */
bool ui_flow_fits(const ui_flow *f, int width);

/* Rows [top, top + s.at.h). */
void ui_rows_draw(const ui_rows *r, ui_surface s, int top);
/* The same inside a box, whose borders headings join. */
void ui_rows_draw_boxed(const ui_rows *r, ui_surface box, bool focused, int top);

#endif
