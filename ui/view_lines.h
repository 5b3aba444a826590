/*
 * ui/view_lines.h - the lines above the panes and the two below.
 */
#ifndef UI_VIEW_LINES_H
#define UI_VIEW_LINES_H

#include "session/session.h"
#include "ui/keymap.h"
#include "ui/prompt.h"

/* Tabs, of which the on-th is shown, and what is opened: facts NULL while nothing is. now: the
 * settings of the rows, ranked: there are rows. */
void ui_draw_tabs(ui_surface s, int on, const imr_session_facts *facts,
                  const imr_trace_settings *now, bool ranked, const char *help_key);

typedef struct ui_query_line {
    const ui_prompt *prompt;
    const char *ghost; /* the rest of a query that begins as typed, or NULL */
    const char *mark;  /* a word marked in it, or NULL */
    const char *note;  /* before the mode */
    const char *mode;
    bool active, important; /* the cursor is in it; the note matters */
} ui_query_line;
void ui_draw_query(ui_surface s, const ui_query_line *q);

/* Metrics of the three rankings, or the sentence of the query. */
void ui_draw_metrics(ui_surface s, const imr_trace *t);
/* Ranks and numbers of a document. */
void ui_draw_facts(ui_surface s, const imr_trace *t, const imr_trace_document *d);

void ui_draw_status(ui_surface s, const char *left, const char *right, bool error);

typedef struct ui_hint {
    ui_action action;
    const char *words; /* NULL: those of the table */
} ui_hint;
/* Only keys that work in the context, the help key last. */
void ui_draw_hint(ui_surface s, const ui_keymap *m, ui_context c, const ui_hint *hints, size_t n);

/* The key that leads to an action here, as a label; "" when there is none. */
const char *ui_key_for(const ui_keymap *m, const ui_glyphs *g, ui_context c, ui_action action,
                       char out[UI_KEY_NAME_MAX]);

#endif
