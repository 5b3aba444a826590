/* ui/view_card.c - what stands in place of a ranking: nothing yet, loading, failed, too small. */
#include <stdio.h>
#include <string.h>

#include "ui/format.h"
#include "ui/view.h"

void ui_draw_too_small(const ui_app *a, ui_surface s)
{
    char text[120];
    if (s.at.h < 7 || s.at.w < 44) {
        snprintf(text, sizeof text, "%dx%d<%dx%d", a->cols, a->rows, UI_MIN_COLS, UI_MIN_ROWS);
        ui_put(s, 0, 0, UI_TEXT, text);
        return;
    }
    ui_surface box = ui_sub(s, (ui_rect){0, 0, s.at.h < 9 ? s.at.h : 9, s.at.w < 46 ? s.at.w : 46});
    ui_box(box, a->glyphs, false, NULL, NULL);
    snprintf(text, sizeof text, "Window is %d%s%d. imrnn needs %d%s%d.", a->cols,
             a->glyphs->ascii ? "x" : "×", a->rows, UI_MIN_COLS, a->glyphs->ascii ? "x" : "×",
             UI_MIN_ROWS);
    ui_put(box, 1, 2, UI_STRONG, text);
    ui_put_wrapped(box, 3, 2, box.at.w - 4, 2, UI_TEXT,
                   "Widen the window, or zoom this pane (tmux: prefix z).");
    if (a->pending)
        ui_putf(box, 5, 2, UI_TEXT, "%s", a->progress.what);
    ui_put(box, box.at.h - 2, 2, UI_TEXT, "q quits. Other keys wait.");
}

/* All of it or, where it does not fit, nothing; returns the row after. */
static int intro(const ui_app *a, ui_surface s, int y)
{
    ui_lines l = {0};
    ui_lines_set(&l, a->intro, s.at.w - 4);
    int rows = (int)l.n;
    ui_lines_done(&l);
    if (!rows || y + rows > s.at.h)
        return y;
    return 1 + ui_put_wrapped(s, y, 2, s.at.w - 4, rows, UI_TEXT, a->intro);
}

/* The first two lines: what to do, or why what was typed has no ranking. */
static void headline(const ui_app *a, ui_surface s)
{
    if (a->query_error.status != IMR_OK)
        ui_put_wrapped(s, 1, 2, s.at.w - 4, 2, ui_query_error_role(a), a->query_error.text);
    else
        ui_put(s, 1, 2, UI_STRONG,
               a->facts->has_encoder
                   ? "Type a claim or a question. The ranking changes as you type."
                   : "The encoder is absent. Queries of the cache can be ranked.");
}

void ui_draw_empty(const ui_app *a, ui_surface s)
{
    char count[UI_NUMBER];
    /* Always the same rows, so that nothing jumps while the first word is typed. */
    int examples = s.at.h - 8 < 0 ? 0 : s.at.h - 8 > 3 ? 3 : s.at.h - 8, y = 4 + examples + 1;
    headline(a, s);
    for (int i = 0; (size_t)i < a->offers.n && i < examples; i++) {
        const char *text = a->offers.v[i].text;
        ui_put(s, 4 + i, 2, UI_DIM, i == 0 ? "Try" : "");
        ui_put_cut(s, 4 + i, 8, s.at.w - 10, UI_TEXT, text, strlen(text));
    }
    ui_put(s, y, 2, UI_DIM, "or");
    int x = ui_put(s, y, 8, UI_KEY, "C-r");
    ui_putf(s, y, x, UI_TEXT, " picks one of %s cached queries",
            ui_format_count(count, a->facts->queries));
    y += 2;
    y = intro(a, s, y);
    if (*a->facts->tokens_problem)
        ui_put_wrapped(s, y, 2, s.at.w - 4, 3, UI_TEXT, a->facts->tokens_problem);
    else if (!a->editing)
        ui_put(s, y, 2, UI_TEXT, "i edits the query");
}

void ui_draw_nothing_left(const ui_app *a, ui_surface s)
{
    char text[200];
    snprintf(text, sizeof text, "0 of %zu documents match the filter %s%s%s",
             a->trace ? a->trace->n_documents : 0, ui_filter_name(a->filter),
             a->filter_words ? " " : "", a->filter_words ? a->filter_words : "");
    ui_put_cut(s, 1, 2, s.at.w - 4, UI_STRONG, text, strlen(text));
    bool unjudged = a->filter == UI_FILTER_RELEVANT && a->trace && a->trace->n_metrics == 0;
    ui_put(s, 3, 2, UI_TEXT,
           unjudged ? "This query has no judgements. f changes the filter, Esc clears it"
                    : "f changes the filter, Esc clears it");
}

/* Steps that are over before it can be read say nothing. */
static void time_left(ui_surface s, int x, const imr_async_progress *p)
{
    char rate[UI_NUMBER];
    const double left = (double)(p->total - p->done) / p->rate;
    if (left < 1 || left > 1e6)
        return;
    const unsigned long seconds = (unsigned long)(left + 0.5);
    ui_putf(s, 5, x, UI_DIM, ", %s a second, %lu:%02lu left",
            ui_format_count(rate, (uint64_t)p->rate), seconds / 60, seconds % 60);
}

void ui_draw_loading(const ui_app *a, ui_surface s)
{
    ui_put(s, 1, 2, UI_STRONG, "Opening");
    if (a->progress.what[0]) {
        const imr_async_progress *p = &a->progress;
        char done[UI_NUMBER], total[UI_NUMBER];
        ui_put_cut(s, 3, 2, s.at.w - 4, UI_TEXT, p->what, strlen(p->what));
        if (p->total) {
            ui_meter(s, a->glyphs, 4, 2, 40, (double)p->done, (double)p->total, UI_TEXT);
            ui_putf(s, 4, 44, UI_TEXT, "%3d%%", (int)(100 * p->done / p->total));
            int x = ui_putf(s, 5, 2, UI_DIM, "%s of %s", ui_format_count(done, p->done),
                            ui_format_count(total, p->total));
            if (p->rate > 0 && p->total > p->done)
                time_left(s, x, p);
        }
    }
    ui_put(s, 7, 2, UI_TEXT, "You can type now; the ranking follows.   C-c stops loading.");
    intro(a, s, 10); /* where the empty screen has it */
}

/* As high as its text. */
void ui_draw_failed(const ui_app *a, ui_surface s)
{
    ui_lines text = {0};
    ui_lines_set(&text, a->error.text, s.at.w - 4);
    int rows = (int)text.n;
    ui_lines_done(&text);
    s = ui_sub(s, (ui_rect){0, 0, rows + 6, s.at.w});
    const bool stopped = a->error.status == IMR_E_CANCELLED;
    ui_box(s, a->glyphs, true, stopped ? "Stopped" : "Error: this set cannot be opened", NULL);
    ui_surface in = ui_sub(s, (ui_rect){2, 2, s.at.h - 4, s.at.w - 4});
    ui_put_wrapped(in, 0, 0, in.at.w, in.at.h - 2, UI_TEXT, a->error.text);
    ui_put(in, in.at.h - 1, 0, UI_DIM,
           stopped ? "q quits." : "imrnn inspect FILE says what a file is. q quits.");
}
