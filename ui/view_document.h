/*
 * ui/view_document.h - the text of a document with the words that speak for it and against it, on
 * a screen of its own and in the preview. Where the encoder stopped reading stands a rule; what
 * comes after it is dim and never highlighted.
 */
#ifndef UI_VIEW_DOCUMENT_H
#define UI_VIEW_DOCUMENT_H

#include "ui/list.h"
#include "ui/reading.h"
#include "ui/surface.h"

/* missing: NULL, or in place of the text why there is none ("": it is on its way). words: empty
 * where there is no room. */
void ui_draw_document(ui_surface text, ui_surface words, const ui_list *l, const ui_reading *r,
                      size_t top, const char *missing, bool boxed);
/* The text from where its marked word is first, where there is room for some lines. */
void ui_draw_text(ui_surface s, const ui_reading *r);
void ui_draw_preview(ui_surface s, const ui_list *l, const ui_reading *r, size_t top,
                     const char *missing, bool boxed, bool focused);

#endif
