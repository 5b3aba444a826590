/* ui/view_card.c - in place of a ranking, then over the screen. */
#include "ui/layout.h"
#include "ui/views.h"

void ui_draw_too_small(ui_surface s, const char *job)
{
    int rows = s.at.h, cols = s.at.w;
    if (rows < 7 || cols < 44) {
        ui_putf(s, 0, 0, UI_TEXT, "%dx%d<%dx%d", cols, rows, UI_MIN_COLS, UI_MIN_ROWS);
        return;
    }
    ui_surface box = ui_sub(s, (ui_rect){0, 0, rows < 9 ? rows : 9, cols < 46 ? cols : 46});
    ui_box(box, false, NULL, NULL);
    ui_putf(box, 1, 2, UI_STRONG, "Window is %d×%d. imrnn needs %d×%d.", cols, rows, UI_MIN_COLS,
            UI_MIN_ROWS);
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
        ui_hit_put(s, (ui_rect){4 + i, 0, 1, s.at.w}, UI_HIT_PICK, (size_t)i);
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

void ui_draw_loading(ui_surface s, const imr_async_progress *p, const char *intro)
{
    ui_put(s, 1, 2, UI_STRONG, "Opening");
    ui_put_cut(s, 3, 2, s.at.w - 4, UI_TEXT, p->what);
    if (p->what[0] && p->total) {
        ui_meter(s, 4, 2, 40, (double)p->done, (double)p->total);
        ui_putf(s, 4, 44, UI_TEXT, "%3d%%", (int)(100 * p->done / p->total));
        int x = ui_putf(s, 5, 2, UI_DIM, "%s of %s", ui_count(p->done).s, ui_count(p->total).s);
        double left = p->rate > 0 ? ((double)p->total - (double)p->done) / p->rate : 0;
        unsigned long seconds = left >= 1 && left <= 1e6 ? (unsigned long)(left + 0.5) : 0;
        if (seconds) /* steps that are over before it can be read say nothing */
            ui_putf(s, 5, x, UI_DIM, ", %s a second, %lu:%02lu left", ui_count((uint64_t)p->rate).s,
                    seconds / 60, seconds % 60);
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

/* ---- over the screen ---- */

/* A cleared, framed box in the middle of s; returns its inside. */
static ui_surface card(ui_surface s, int h, int w, const char *title, const char *note)
{
    ui_surface box = ui_sub(s, (ui_rect){(s.at.h - h) / 2, (s.at.w - w) / 2, h, w});
    ui_box(box, true, title, note);
    return ui_inside(box);
}

/* First row shown so that `pick` is among `rows`. */
static size_t window(size_t pick, size_t n, size_t rows)
{
    if (n <= rows || pick < rows / 2)
        return 0;
    size_t top = pick - rows / 2;
    return top + rows > n ? n - rows : top;
}

static void select_row(ui_surface s, int y)
{
    ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
    ui_put(s, y, 0, UI_STRONG, "▌");
}

/* A card with a line to type in and a rule under it; returns what is below. */
static ui_surface list_card(ui_surface s, int h, int w, const char *title, size_t n,
                            const char *sign, const ui_prompt *line)
{
    ui_surface in = card(s, h, s.at.w >= 100 ? w : s.at.w - 2, title, ui_textf("%zu", n).s);
    ui_put(in, 0, 1, UI_STRONG, sign);
    ui_prompt_draw(line, in, 3, in.at.w - 4, true);
    ui_repeat(in, 1, 0, in.at.w, UI_BORDER, "─");
    return ui_sub(in, (ui_rect){2, 0, in.at.h - 2, in.at.w});
}

void ui_draw_palette(ui_surface s, const ui_keymap *keymap, ui_menu_place place,
                     const ui_prompt *line, size_t pick)
{
    ui_command found[UI_COMMANDS_MAX];
    size_t n = ui_palette(ui_prompt_text(line), place, found);
    ui_surface in = list_card(s, 20, 84, "Command", n, ":", line);
    size_t rows = (size_t)in.at.h, top = window(pick, n, rows);
    for (size_t i = top; i < top + rows && i < n; i++) {
        const char *argument = found[i].argument ? found[i].argument : "";
        ui_text keys = ui_keymap_labels(keymap, found[i].action, 2);
        int y = (int)(i - top);
        int x = ui_put(in, y, 2, UI_STRONG, ui_actions[found[i].action].name) + 1;
        x = ui_put(in, y, x, UI_STRONG, argument) + 1;
        x = x < 18 ? 18 : x;
        ui_put_cut(in, y, x, in.at.w - 2 - x - ui_width(keys.s), UI_TEXT, found[i].help);
        ui_put_right(in, y, in.at.w - 1, UI_KEY, keys.s);
        ui_hit_put(in, (ui_rect){y, 0, 1, in.at.w}, UI_HIT_PICK, i);
        if (i == pick)
            select_row(in, y);
    }
    if (n == 0)
        ui_put(in, 0, 2, UI_TEXT, "no command has that in its name or help");
}

void ui_draw_columns(ui_surface s, const char *columns, size_t pick)
{
    ui_column v[UI_COL_COUNT];
    size_t n;
    if (ui_columns_parse(v, &n, columns, NULL) != IMR_OK)
        return;
    ui_surface in = card(s, UI_COL_COUNT + 2, 48, "Columns", "Space, < >, Esc");
    const size_t rows = (size_t)in.at.h, top = window(pick, UI_COL_COUNT, rows);
    for (size_t i = top; i < top + rows && i < UI_COL_COUNT; i++) {
        const int y = (int)(i - top);
        ui_hit_put(in, (ui_rect){y, 0, 1, in.at.w}, UI_HIT_ROW, i);
        ui_put(in, y, 2, UI_KEY, i < n ? "[x]" : "[ ]");
        ui_put(in, y, 6, UI_STRONG, ui_column_name(v[i]));
        ui_put(in, y, 18, UI_TEXT, ui_menu_of(UI_DO_SORT, UI_MENU_USUAL)->labels[v[i]]);
        if (i == pick)
            select_row(in, y);
    }
}

static void offer_rows(ui_surface s, const ui_offers *o)
{
    size_t rows = (size_t)s.at.h, top = window(o->pick, o->n, rows);
    for (size_t i = top; i < top + rows && i < o->n; i++) {
        const ui_offer *one = &o->v[i];
        const char *from = *one->query_id ? one->query_id : "typed";
        int y = (int)(i - top);
        ui_put_cut(s, y, 2, s.at.w - ui_width(from) - 6, UI_TEXT, one->text);
        ui_put_right(s, y, s.at.w - 1, UI_DIM, from);
        ui_hit_put(s, (ui_rect){y, 0, 1, s.at.w}, UI_HIT_PICK, i);
        if (i == o->pick)
            select_row(s, y);
    }
    if (o->n == 0)
        ui_put(s, 0, 2, UI_TEXT, "no query has that");
}

void ui_draw_history(ui_surface s, const ui_prompt *line, const ui_offers *offers)
{
    offer_rows(
        list_card(s, 24, 96, "Queries: typed before, and of the cache", offers->n, "/", line),
        offers);
}

void ui_draw_offers(ui_surface s, const imr_session_facts *facts, const ui_offers *offers)
{
    int w = s.at.w - 2;
    ui_put_cut(s, 0, 1, w, UI_STRONG,
               "Only cached queries can be ranked; --encoder FOLDER names the encoder:");
    int y = ui_put_wrapped(s, 1, 1, w, 4, UI_TEXT, facts->encoder_problem);
    if (!facts->has_texts)
        ui_put_cut(s, y++, 1, w, UI_TEXT,
                   "Their texts are absent too, ids stand for them (--dataset FOLDER).");
    ui_repeat(s, y, 0, s.at.w, UI_BORDER, "─");
    ui_put(s, y, 1, UI_STRONG, " Cached queries that fit; Enter runs the marked one ");
    offer_rows(ui_sub(s, (ui_rect){y + 1, 0, s.at.h - y - 1, s.at.w}), offers);
}

void ui_draw_menu(ui_surface s, const char *title, const ui_menu *menu)
{
    const int n = (int)strlen(menu->keys), most = s.at.h > 3 ? s.at.h - 2 : 1;
    const int columns = (n + most - 1) / most, h = (n + columns - 1) / columns;
    int w = 22;
    for (int i = 0; i < n; i++)
        w = ui_width(menu->labels[i]) > w ? ui_width(menu->labels[i]) : w;
    w = w + 6 < (s.at.w - 3) / columns ? w + 6 : (s.at.w - 3) / columns;
    ui_surface box =
        ui_sub(s, (ui_rect){s.at.h - h - 2, s.at.w - columns * w - 3, h + 2, columns * w + 2});
    ui_box(box, true, title, "Esc");
    for (int at = 0; at < n; at++) {
        const size_t i = ((size_t)at + menu->first) % (size_t)n;
        const int y = 1 + at % h, x = 1 + at / h * w;
        ui_hit_put(box, (ui_rect){y, x, 1, w}, UI_HIT_KEY, (size_t)menu->keys[i]);
        ui_put_n(box, y, x + 2, UI_KEY, &menu->keys[i], 1);
        ui_put_cut(box, y, x + 5, w - 5, UI_TEXT, menu->labels[i]);
    }
}

void ui_draw_line(ui_surface s, const char *title, const ui_prompt *line)
{
    ui_surface in = card(s, 3, s.at.w >= 100 ? 72 : s.at.w - 4, title, "Enter");
    ui_prompt_draw(line, in, 1, in.at.w - 2, true);
}

void ui_draw_export(ui_surface s, const char *what, const char *format, const ui_prompt *file,
                    size_t at, ui_style style, const char *told)
{
    static const char *const names[] = {"What", "Format", "File"};
    ui_surface in = card(s, 7, s.at.w >= 100 ? 84 : s.at.w - 2, "Export", "Enter writes");
    const int x = 11, w = in.at.w - x - 2;
    ui_put_cut(in, 0, x, w, UI_TEXT, what);
    ui_put_cut(in, 1, x, w, UI_TEXT, format);
    ui_put_wrapped(in, 3, x, w, 2, style, told);
    for (int y = 0; y < 3; y++) {
        ui_hit_put(in, (ui_rect){y, 0, 1, in.at.w}, UI_HIT_ROW, (size_t)y);
        ui_put(in, y, 2, UI_DIM, names[y]);
    }
    ui_prompt_draw(file, ui_sub(in, (ui_rect){2, 0, 1, in.at.w}), x, w, at == 2);
    select_row(in, (int)at);
    if (at == 2)
        return;
    ui_hit_put(in, (ui_rect){(int)at, 0, 1, x}, UI_HIT_DO, UI_DO_CHAR_LEFT);
    ui_put(in, (int)at, x - 2, UI_KEY, "<");
    ui_put(in, (int)at, in.at.w - 2, UI_KEY, ">");
    ui_cursor(in, (int)at, x, false);
}
