/* ui/view_help.c */
#include "ui/views.h"

static const char *const groups[UI_GROUP_COUNT] = {"Move", "This screen", "Everywhere", "Leave",
                                                   "Editing the query"};

/* ---- the glossary ---- */

static const struct {
    const char *name, *formula, *range, *good;
} terms[UI_TERM_COUNT] = {
#define X(id, name, formula, range, good) [UI_TERM_##id] = {name, formula, range, good},
#include "report/glossary.def"
#undef X
};

static void glossary(ui_rows *out)
{
    ui_rows_heading(out, "What the numbers are", NULL);
    for (int i = 1; i < UI_TERM_COUNT; i++) {
        IMR_AUTOBUF imr_buf b = {0};
        imr_buf_printf(&b, "%s; %s; %s.", terms[i].formula, terms[i].range, terms[i].good);
        bool narrow = out->grid.cols < 60;
        int row = out->n;
        if (narrow)
            ui_put(ui_rows_add(out, 1), 0, 1, UI_STRONG, terms[i].name);
        ui_rows_text(out, narrow ? 3 : 18, UI_TEXT, imr_buf_text(&b));
        if (!narrow && out->n > row)
            ui_put_cut((ui_surface){&out->grid, {row, 0, 1, out->grid.cols}, 0}, 0, 1, 16,
                       UI_STRONG, terms[i].name);
    }
}

/* ---- keys ---- */

void ui_build_help(ui_rows *out, const ui_keymap *keymap, ui_context here)
{
    ui_action actions[UI_ACTION_COUNT];
    ui_rows_text(
        out, 1, UI_TEXT,
        "An arrow points at a number of the screen and tells what it is; j and k scroll. "
        "A click selects, one more opens; heads sort, borders drag, tabs and keys do as they say, "
        "words of the query go and come back. M gives the mouse back.");
    glossary(out);
    ui_rows_heading(out, "Marks", NULL);
    ui_rows_text(
        out, 1, UI_TEXT,
        "▲n ▼n =: moved up, down, not. ★ judged relevant, · judged not relevant. … cut off. ? "
        "not final, still computing. · less than is told. A word of the query underlined: the "
        "encoder "
        "does not know it.");
    ui_rows_text(out, 1, UI_TEXT,
                 "Blue or bold is for, orange or underlined against, in lists, texts and tables "
                 "alike; signs, sides and arrows say the same without colour.");
    int columns = out->grid.cols >= 96 ? 2 : 1, w = (out->grid.cols - 2) / columns;
    for (int g = 0; g < UI_GROUP_COUNT; g++) {
        int n = 0;
        for (ui_action i = 1; i < UI_ACTION_COUNT; i++)
            if ((int)ui_actions[i].group == g &&
                (g != UI_GROUP_SCREEN || ui_keymap_key(keymap, here, i) != UI_KEY_NONE))
                actions[n++] = i;
        ui_rows_heading(out, groups[g], NULL);
        int rows = (n + columns - 1) / columns;
        ui_surface s = ui_rows_add(out, rows);
        for (int i = 0; i < n; i++) { /* keys, then what they do */
            int y = i % rows, x = 1 + i / rows * w;
            ui_text keys = ui_keymap_labels(keymap, actions[i], 3);
            ui_put_cut(s, y, x, 13, UI_KEY,
                       *keys.s ? keys.s : ui_textf(":%s", ui_actions[actions[i]].name).s);
            ui_put_cut(s, y, x + 14, w - 15, UI_TEXT, ui_actions[actions[i]].help);
        }
    }
}

static ui_surface help_box(ui_surface s)
{
    int margin = s.at.w >= 116 ? 4 : 0;
    return ui_sub(s, (ui_rect){0, margin, s.at.h, s.at.w - 2 * margin});
}

ui_surface ui_help_inside(ui_surface s)
{
    return ui_inside(help_box(s));
}

void ui_draw_help(ui_surface s, const ui_rows *rows, int top)
{
    ui_surface box = help_box(s);
    ui_box(box, true, "Help", ui_textf("line %d of %d, Esc closes", top + 1, rows->n).s);
    ui_rows_draw_boxed(rows, box, true, top);
}

void ui_find_numbers(ui_surface s)
{
    const ui_grid *g = s.grid;
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->cols;) {
            uint8_t term = ui_grid_cell(g, y, x)->term;
            int end = x + 1;
            while (end < g->cols && ui_grid_cell(g, y, end)->term == term &&
                   !(term && ui_grid_cell(g, y, end)->text[0] == ' ' &&
                     ui_grid_cell(g, y, end - 1)->text[0] == ' '))
                end++;
            if (term)
                ui_hit_put(s, (ui_rect){y, x, 1, end - x}, UI_HIT_TERM, term);
            x = end;
        }
}

void ui_draw_point(ui_surface s, int y, int x, int w, int term)
{
    const struct {
        const char *label, *text;
    } lines[] = {
        {"", terms[term].formula}, {"range ", terms[term].range}, {"good  ", terms[term].good}};
    ui_mark(s, (ui_rect){y, x, 1, w}, UI_SELECTED);
    int width = s.at.w < 74 ? s.at.w : 74, rows = 0;
    for (int pass = 0; pass < 2; pass++) { /* how high, then the card above or below */
        int from = y < s.at.h / 2 ? s.at.h - rows - 3 : 1;
        ui_surface box =
            ui_sub(s, (ui_rect){from, (s.at.w - width) / 2, pass ? rows + 2 : 0, width});
        ui_surface in = ui_inside(box);
        ui_box(box, true, terms[term].name, "arrows point, Esc closes");
        rows = 0;
        for (size_t i = 0; i < IMR_LEN(lines); i++) {
            int label = ui_put(in, rows, 1, UI_DIM, lines[i].label);
            rows = ui_put_wrapped(in, rows, label, width - label - 3, 9, UI_TEXT, lines[i].text);
        }
    }
}

void ui_draw_selftest(ui_surface s)
{
    const ui_glyphs *g = s.grid->glyphs;
    const char *const *e = g->eighths, *corner = g->border[0].tl, *hub = g->hub;
    const char *const all[] = {e[1], e[4], e[8], "│", "─", corner, "┃", "━", "▲", "▼",
                               "★",  "·",  "▌",  "●", "…", "−",    "Δ", "┄", hub, "›"};
    ui_put(s, 0, 1, UI_STRONG, "Each glyph is one column wide when its | stands below the others.");
    for (size_t i = 0; i < IMR_LEN(all); i++) {
        int y = 2 + (int)(i % 10), x = 4 + 24 * (int)(i / 10);
        ui_put(s, y, ui_put(s, y, x, UI_TEXT, all[i]), UI_TEXT, "| ");
        ui_put(s, y, x + 4, UI_DIM, "| one column");
    }
    int y = 13;
    for (int r = 0; r < UI_ROLE_COUNT; r++)
        ui_putf(s, y + r / 5, 4 + 15 * (r % 5), (ui_style)r, "%s", ui_role_word((ui_role)r));
    ui_put(s, y + 5, 1, UI_DIM, "Esc goes back. --glyphs ascii draws without them.");
}
