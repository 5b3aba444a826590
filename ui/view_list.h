/*
 * ui/view_list.h - the ranking as rows, for any width from 60 columns on.
 */
#ifndef UI_VIEW_LIST_H
#define UI_VIEW_LIST_H

#include "ui/list.h"
#include "ui/surface.h"

/* l->trace is not NULL. focused: the cursor is parked on the selected row. */
void ui_draw_list(ui_surface s, const ui_list *l, bool focused);
/* "87 of 100 moved, tau 0.61", against the encoder. */
void ui_moved_text(const imr_trace *t, const ui_glyphs *g, char *out, size_t size);

#endif
