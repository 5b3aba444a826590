/*
 * ui/views.h - what each view draws. A view is right for any rectangle, changes nothing and knows
 * what it is given, not the model; ui/view.c takes that apart.
 *
 * Views tag the numbers they draw with a term of report/glossary.def (ui_about), so that the screen
 * can be asked what they are.
 */
#pragma once

#include "session/async.h"
#include "ui/prompt.h"
#include "ui/reading.h"

typedef enum ui_term_id {
    UI_TERM_NONE,
#define X(id, name, formula, range, good) UI_TERM_##id,
#include "report/glossary.def"
#undef X
    UI_TERM_COUNT
} ui_term_id;

/* ---- view_lines.c: the lines above the panes and the two below ---- */

/* Tabs, of which the one with key `on` is shown, and what is opened: facts NULL while nothing is.
 * now: the settings of the rows, ranked: there are rows. */
void ui_draw_tabs(ui_surface s, int on, const imr_session_facts *facts,
                  const imr_trace_settings *now, bool ranked, const char *help_key);

/* Metrics of the three rankings, or of A and B, and the sentence of the query. */
void ui_draw_metrics(ui_surface s, const imr_trace *t, bool both);
/* Ranks and numbers of a document. */
void ui_draw_facts(ui_surface s, const imr_trace *t, const imr_trace_document *d);

/* hints: names of actions, "next=scroll,quit", with words where those of the table do not fit. Only
 * keys that work in the context are drawn, the help key last if that is wanted. */
void ui_draw_hint(ui_surface s, const ui_keymap *m, ui_context c, const char *hints, bool help);

/* The key that leads to an action here, as a label; "" when there is none. */
ui_text ui_key_for(const ui_keymap *m, const ui_glyphs *g, ui_context c, ui_action action);

/* ---- view_list.c: the ranking as rows, for any width from 60 columns on ---- */

/* l->trace is not NULL. focused: the cursor is parked on the selected row. */
void ui_draw_list(ui_surface s, const ui_list *l, bool focused);
/* "87 of 100 moved, tau 0.61", against the encoder; or who enters the top 10 under B. */
ui_text ui_moved_text(const ui_list *l, const ui_glyphs *g);

/* ---- view_why.c: why a document stands where it stands, as rows ---- */

typedef struct ui_why_parts {
    const imr_trace *trace;
    const imr_trace_document *document;
    const ui_reading *reading; /* NULL: its detail is not here yet */
    const imr_session_facts *facts;
    const imr_notes *notes;   /* NULL: none came */
    const imr_error *problem; /* status IMR_OK, or why there is no detail */
    bool full;                /* all words and every column */
    bool brief;               /* the first rows count: no heads of columns */
    bool dimensions;
} ui_why_parts;
/* The sentence; which words met; what the adapter did; its change in words; sides and steps;
 * dimensions. Adds to rows that were begun, as all ui_build_... do. */
void ui_build_why(ui_rows *out, const ui_why_parts *in);
/* "Why #1 · 11705328 ▲2" */
ui_text ui_why_title(const imr_trace *t, const imr_trace_document *d, const ui_glyphs *g);

/* A row: name, bar around an axis, number. */
void ui_rows_bar(ui_rows *r, uint8_t term, const char *name, double value, double scale,
                 int decimals);

/* view_compare.c: why the document at place[0] stands above that at place[1], or below; equal ones:
 * why A ranks it above where B does. c NULL: it
 * is on its way, or there is a problem. stage: of words and pairs, as in ui_measure. */
void ui_build_compare(ui_rows *out, const imr_trace *t, const size_t place[2],
                      const imr_comparison *c, const imr_error *problem, int stage);

/* view_change.c: lists of words by kind, side by side where there is room, each with the table it
 * comes from and what that is worth. Words that may be chance stand in ( ), hubs carry a mark, in
 * every theme. in->full: every kind, with all trust columns. Without an adapter: the words of the
 * vector. */
void ui_build_change(ui_rows *out, const ui_why_parts *in);

/* ---- view_words.c: every word of the query by every word of the document ---- */

/* In numbers and shades, with totals that include what has no room and what no word carries. The
 * cell at (query, document), in the order of the reading, is under the cursor and in sight. Returns
 * the row after; the last row of s is the legend's. */
int ui_draw_words(ui_surface s, const imr_trace_document *d, const ui_reading *r, size_t query,
                  size_t document);

/* ---- view_map.c: the query and its documents in two dimensions ---- */

typedef struct ui_map_parts {
    const imr_map *map; /* NULL: problem, or "": it is on its way */
    const char *problem;
    imr_stage stage; /* one the map has */
    bool blocks;     /* for points, in place of braille; neither where the glyphs are ASCII */
    const ui_list *list;
} ui_map_parts;
void ui_draw_map(ui_surface s, const ui_map_parts *in);

/* ---- view_audit.c: an adapter over all queries of a split ---- */

/* How many queries s has room for; rows from u->scroll.top on, under the verdict and its means. */
int ui_audit_page(ui_surface s, const ui_audit *u);
void ui_draw_audit(ui_surface s, const ui_audit *u);
/* The whole verdict, means of each metric, words of losing queries against winning ones. */
void ui_build_audit(ui_rows *out, const ui_audit *u);

/* q NULL: error, or status IMR_OK: it is on its way. facts may be NULL. */
void ui_build_adapter(ui_rows *out, const imr_session_facts *facts, const imr_quality *q,
                      const imr_error *error);

/* ---- view_document.c: a text with the words that speak for it and against it ---- */

/* Where the encoder stopped reading stands a rule; what comes after it is dim and never
 * highlighted. missing: NULL, or in place of the text why there is none ("": it is on its way).
 * One of the two is empty where there is no room for both; `at` is where words are scrolled to, and
 * in_words says that they are focused. */
void ui_draw_document(ui_surface text, ui_surface words, const ui_list *l, const ui_reading *r,
                      size_t top, const ui_scroll *at, const char *missing, bool boxed,
                      bool in_words);
/* The text from where its marked word is first, where there is room for some lines. */
void ui_draw_text(ui_surface s, const ui_reading *r);
void ui_draw_preview(ui_surface s, const ui_list *l, const ui_reading *r, size_t top,
                     const char *missing, bool boxed, bool focused);

/* ---- view_card.c: in place of a ranking: nothing yet, loading, failed, too small ---- */

void ui_draw_too_small(ui_surface s, const char *job);
/* error: status IMR_OK, or why what was typed has no ranking. */
void ui_draw_empty(ui_surface s, const imr_session_facts *facts, const ui_offers *offers,
                   const imr_error *error, const char *intro, bool editing);
void ui_draw_loading(ui_surface s, const imr_async_progress *progress, const char *intro);
void ui_draw_failed(ui_surface s, const imr_error *error);

/* Words nobody knows are no error, a broken file is. */
static inline ui_role ui_query_error_role(const imr_error *e)
{
    return e->status == IMR_OK || e->status == IMR_E_UNSUPPORTED ? UI_STRONG : UI_ERROR;
}

/* And over the screen: lists to choose from, menus, one-line questions. */
void ui_draw_columns(ui_surface s, const char *columns, size_t pick);
void ui_draw_palette(ui_surface s, const ui_keymap *keymap, ui_menu_place place,
                     const ui_prompt *line, size_t pick);
void ui_draw_history(ui_surface s, const ui_prompt *line, const ui_offers *offers);
void ui_draw_menu(ui_surface s, const char *title, const ui_menu *menu);
void ui_draw_line(ui_surface s, const char *title, const ui_prompt *line);
/* Three fields, of which `at` is chosen, and a sentence about the file. */
void ui_draw_export(ui_surface s, const char *what, const char *format, const ui_prompt *file,
                    size_t at, ui_style style, const char *told);
/* The cached queries that fit what is typed, where there is no encoder. */
void ui_draw_offers(ui_surface s, const imr_session_facts *facts, const ui_offers *offers);

/* ---- view_help.c: the glossary and the keys as they are, what a number means, glyphs ---- */

/* Actions of other screens than `here` are left out. */
void ui_build_help(ui_rows *out, const ui_keymap *keymap, ui_context here);
/* The rows in a frame, from line `top` on; the frame's inside as rows are built for it. */
ui_surface ui_help_inside(ui_surface s);
void ui_draw_help(ui_surface s, const ui_rows *rows, int top);
/* The numbers on the screen are hits, for pointing at. */
void ui_find_numbers(ui_surface s);
/* What stands in columns [x, x+w) of row y, and what the glossary says of it. */
void ui_draw_point(ui_surface s, int y, int x, int w, int term);
void ui_draw_selftest(ui_surface s);
