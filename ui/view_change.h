/*
 * ui/view_change.h - what a change says, as rows: lists of words by kind, side by side where there
 * is room, each with the table it comes from and what that is worth. Words that may be chance
 * stand in ( ), hubs carry a mark, in every theme.
 */
#ifndef UI_VIEW_CHANGE_H
#define UI_VIEW_CHANGE_H

#include "session/session.h"
#include "ui/rows.h"

/* full: every kind, with all trust columns. Without an adapter: the words of the vector. */
void ui_build_change(ui_rows *out, const imr_trace *t, const imr_detail *d,
                     const imr_session_facts *facts, bool full);

#endif
