/*
 * ui/view.h - drawing the model. One function a view; each is right for any rectangle, changes
 * nothing and prints only numbers of the trace.
 */
#ifndef UI_VIEW_H
#define UI_VIEW_H

#include "ui/app.h"
#include "ui/surface.h"

/* The whole screen. */
void ui_draw(const ui_app *a, ui_surface s);

/* ---- ui/view_rank.c ---- */
void ui_draw_list(const ui_app *a, ui_surface s, bool boxed);

/* ---- ui/view_why.c ---- */
void ui_draw_why(const ui_app *a, ui_surface s);       /* a pane with a border */
void ui_draw_why_strip(const ui_app *a, ui_surface s); /* class S: a rule and a few rows */
/* The whole screen from line `top` on; returns the number of lines there are. */
int ui_draw_why_full(const ui_app *a, ui_surface s, int top);

/* ---- ui/view_document.c ---- */
void ui_draw_document(const ui_app *a, ui_surface text, ui_surface words, bool boxed);
void ui_draw_preview(const ui_app *a, ui_surface s, bool boxed);

/* ---- ui/view_help.c ---- */
/* From line `top` on; returns the number of lines there are. */
int ui_draw_help(const ui_app *a, ui_surface s, int top);
void ui_draw_selftest(const ui_app *a, ui_surface s);

/* ---- ui/view_pick.c ---- */
void ui_draw_palette(const ui_app *a, ui_surface s);
void ui_draw_history(const ui_app *a, ui_surface s);
void ui_draw_menu(const ui_app *a, ui_surface s);
void ui_draw_line(const ui_app *a, ui_surface s);
/* The cached queries that fit what is typed, where there is no encoder. */
void ui_draw_offers(const ui_app *a, ui_surface s);

/* ---- ui/view_card.c ---- */
void ui_draw_too_small(const ui_app *a, ui_surface s);
void ui_draw_empty(const ui_app *a, ui_surface s);
void ui_draw_nothing_left(const ui_app *a, ui_surface s); /* the filter hides everything */
void ui_draw_loading(const ui_app *a, ui_surface s);
void ui_draw_failed(const ui_app *a, ui_surface s);

/* ---- ui/view_lines.c: top and bottom ---- */
void ui_draw_tabs(const ui_app *a, ui_surface s);
void ui_draw_query(const ui_app *a, ui_surface s);
void ui_draw_banner(const ui_app *a, ui_surface s);
void ui_draw_metrics(const ui_app *a, ui_surface s);
void ui_draw_status(const ui_app *a, ui_surface s);
void ui_draw_hint(const ui_app *a, ui_surface s);

/* Lines of the help and of the whole-screen Why at the present width, for scrolling. */
int ui_help_lines(const ui_app *a);
int ui_why_lines(const ui_app *a);

/* Text wrapped into lines from row y on, at most `rows`; returns the row after. */
int ui_put_wrapped(ui_surface s, int y, int x, int w, int rows, ui_style style, const char *text);
/* "87 of 100 moved, tau 0.61" */
void ui_moved_text(const ui_app *a, char *out, size_t size);
/* Words nobody knows are no error, a broken file is. */
static inline ui_role ui_query_error_role(const ui_app *a)
{
    return a->query_error.status == IMR_OK || a->query_error.status == IMR_E_UNSUPPORTED ? UI_STRONG
                                                                                         : UI_ERROR;
}
/* gain, loss or plain by the sign of a number */
static inline ui_role ui_sign_role(double v)
{
    return v > 0 ? UI_GAIN : v < 0 ? UI_LOSS : UI_TEXT;
}

#endif
