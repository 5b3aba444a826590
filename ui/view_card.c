/* ui/view_card.c */
#include "ui/layout.h"
#include "ui/text.h"
#include "ui/views.h"

void ui_draw_too_small(ui_surface s, const char *job)
{
    const char *by = s.grid->glyphs->ascii ? "x" : "×";
    int rows = s.at.h, cols = s.at.w;
    if (rows < 7 || cols < 44) {
        ui_putf(s, 0, 0, UI_TEXT, "%dx%d<%dx%d", cols, rows, UI_MIN_COLS, UI_MIN_ROWS);
        return;
    }
    ui_surface box = ui_sub(s, (ui_rect){0, 0, rows < 9 ? rows : 9, cols < 46 ? cols : 46});
    ui_box(box, false, NULL, NULL);
    ui_putf(box, 1, 2, UI_STRONG, "Window is %d%s%d. imrnn needs %d%s%d.", cols, by, rows,
            UI_MIN_COLS, by, UI_MIN_ROWS);
    ui_put_wrapped(box, 3, 2, box.at.w - 4, 2, UI_TEXT,
                   "Widen the window, or zoom this pane (tmux: prefix z).");
    ui_put(box, 5, 2, UI_TEXT, job);
    ui_put(box, box.at.h - 2, 2, UI_TEXT, "q quits. Other keys wait.");
}

/* All of it or, where it does not fit, nothing; returns the row after. */
static int put_intro(ui_surface s, int y, const char *intro)
{
    int rows = ui_lines_of(intro, s.at.w - 4);
    if (!rows || y + rows > s.at.h)
        return y;
    return 1 + ui_put_wrapped(s, y, 2, s.at.w - 4, rows, UI_TEXT, intro);
}

void ui_draw_empty(ui_surface s, const imr_session_facts *facts, const ui_offers *offers,
                   const imr_error *error, const char *intro, bool editing)
{
    /* Always the same rows, so that nothing jumps while the first word is typed. */
    int examples = s.at.h - 8 < 0 ? 0 : s.at.h - 8 > 3 ? 3 : s.at.h - 8, y = 4 + examples + 1;
    if (error->status != IMR_OK)
        ui_put_wrapped(s, 1, 2, s.at.w - 4, 2, ui_query_error_role(error), error->text);
    else
        ui_put(s, 1, 2, UI_STRONG,
               facts->has_encoder ? "Type a claim or a question. The ranking changes as you type."
                                  : "The encoder is absent. Queries of the cache can be ranked.");
    for (int i = 0; (size_t)i < offers->n && i < examples; i++) {
        ui_put(s, 4 + i, 2, UI_DIM, i == 0 ? "Try" : "");
        ui_put_cut(s, 4 + i, 8, s.at.w - 10, UI_TEXT, offers->v[i].text);
    }
    ui_put(s, y, 2, UI_DIM, "or");
    int x = ui_put(s, y, 8, UI_KEY, "C-r");
    ui_putf(s, y, x, UI_TEXT, " picks one of %s cached queries", ui_count(facts->queries).s);
    y = put_intro(s, y + 2, intro);
    if (*facts->tokens_problem)
        ui_put_wrapped(s, y, 2, s.at.w - 4, 3, UI_TEXT, facts->tokens_problem);
    else if (!editing)
        ui_put(s, y, 2, UI_TEXT, "i edits the query");
}

/* Steps that are over before it can be read say nothing. */
static void time_left(ui_surface s, int x, const imr_async_progress *p)
{
    const double left = (double)(p->total - p->done) / p->rate;
    if (left < 1 || left > 1e6)
        return;
    const unsigned long seconds = (unsigned long)(left + 0.5);
    ui_putf(s, 5, x, UI_DIM, ", %s a second, %lu:%02lu left", ui_count((uint64_t)p->rate).s,
            seconds / 60, seconds % 60);
}

void ui_draw_loading(ui_surface s, const imr_async_progress *p, const char *intro)
{
    ui_put(s, 1, 2, UI_STRONG, "Opening");
    ui_put_cut(s, 3, 2, s.at.w - 4, UI_TEXT, p->what);
    if (p->what[0] && p->total) {
        ui_meter(s, 4, 2, 40, (double)p->done, (double)p->total);
        ui_putf(s, 4, 44, UI_TEXT, "%3d%%", (int)(100 * p->done / p->total));
        int x = ui_putf(s, 5, 2, UI_DIM, "%s of %s", ui_count(p->done).s, ui_count(p->total).s);
        if (p->rate > 0 && p->total > p->done)
            time_left(s, x, p);
    }
    ui_put(s, 7, 2, UI_TEXT, "You can type now; the ranking follows.   C-c stops loading.");
    put_intro(s, 10, intro); /* where the empty screen has it */
}

/* As high as its text. */
void ui_draw_failed(ui_surface s, const imr_error *error)
{
    s = ui_sub(s, (ui_rect){0, 0, ui_lines_of(error->text, s.at.w - 4) + 6, s.at.w});
    const bool stopped = error->status == IMR_E_CANCELLED;
    ui_box(s, true, stopped ? "Stopped" : "Error: this set cannot be opened", NULL);
    ui_surface in = ui_sub(s, (ui_rect){2, 2, s.at.h - 4, s.at.w - 4});
    ui_put_wrapped(in, 0, 0, in.at.w, in.at.h - 2, UI_TEXT, error->text);
    ui_put(in, in.at.h - 1, 0, UI_DIM,
           stopped ? "q quits." : "imrnn inspect FILE says what a file is. q quits.");
}
