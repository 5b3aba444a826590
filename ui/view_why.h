/*
 * ui/view_why.h - why a document stands where it stands, as rows: the sentence; which words met;
 * what the adapter did; its change in words; sides and steps; dimensions.
 */
#ifndef UI_VIEW_WHY_H
#define UI_VIEW_WHY_H

#include "session/session.h"
#include "ui/reading.h"
#include "ui/rows.h"

typedef struct ui_why_parts {
    const imr_trace *trace;
    const imr_trace_document *document;
    const ui_reading *reading; /* NULL: its detail is not here yet */
    const imr_session_facts *facts;
    const imr_error *problem; /* status IMR_OK, or why there is no detail */
    bool full;                /* all words and every column */
    bool brief;               /* the first rows count: no heads of columns */
    bool dimensions;
} ui_why_parts;

/* Adds to rows that were begun. */
void ui_build_why(ui_rows *out, const ui_why_parts *in);
/* "Why #1 · 11705328 ▲2" */
void ui_why_title(const imr_trace *t, const imr_trace_document *d, const ui_glyphs *g, char *out,
                  size_t size);

#endif
