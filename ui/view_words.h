/*
 * ui/view_words.h - the screen Words: every word of the query by every word of the document, in
 * numbers and shades, with totals that include what has no room and what no word carries.
 */
#ifndef UI_VIEW_WORDS_H
#define UI_VIEW_WORDS_H

#include "session/trace.h"
#include "ui/reading.h"
#include "ui/surface.h"

/* The cell at (query, document), in the order of the reading, is under the cursor and in sight.
 * Returns the row after; the last row of s is the legend's. */
int ui_draw_words(ui_surface s, const imr_trace_document *d, const ui_reading *r, size_t query,
                  size_t document);

#endif
