/* ui/view_help.c */
#include "ui/view_help.h"

#include <stdio.h>

#include "ui/glossary.h"

static const char *const groups[UI_GROUP_COUNT] = {"Move", "This screen", "Everywhere", "Leave",
                                                   "Editing the query"};

/* ---- the glossary ---- */

static void told(ui_rows *out, int indent, const char *what, const char *text)
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "%s%s", what, text);
    ui_rows_text(out, indent, UI_TEXT, imr_buf_text(&b));
}

static void glossary(ui_rows *out)
{
    ui_rows_heading(out, "What the numbers are", NULL);
    for (int term = 1; term < UI_TERM_COUNT; term++) {
        const ui_glossary_entry *e = ui_glossary_of(term);
        IMR_AUTOBUF imr_buf b = {0};
        imr_buf_printf(&b, "%s; %s; %s.", e->formula, e->range, e->good);
        ui_surface s = ui_rows_add(out, 0);
        if (s.at.w < 60) {
            ui_put(ui_rows_add(out, 1), 0, 1, UI_STRONG, e->name);
            ui_rows_text(out, 3, UI_TEXT, imr_buf_text(&b));
            continue;
        }
        int row = out->n;
        ui_rows_text(out, 18, UI_TEXT, imr_buf_text(&b));
        if (out->n > row)
            ui_put_cut((ui_surface){&out->grid, {row, 0, 1, s.at.w}, 0}, 0, 1, 16, UI_STRONG,
                       e->name, strlen(e->name));
    }
}

static void marks(ui_rows *out)
{
    const ui_glyphs *g = out->grid.glyphs;
    char text[300];
    ui_rows_heading(out, "Marks", NULL);
    snprintf(text, sizeof text,
             "%sn %sn %s: moved up, down, not. %s judged relevant, %s judged not relevant. %s cut "
             "off. ? not final, still computing. %s less than is told.",
             g->up, g->down, g->same, g->relevant, g->judged, g->ellipsis, g->judged);
    told(out, 1, text, "");
    told(out, 1, "",
         "Blue or bold is for, orange or underlined against, in lists, texts and tables alike; "
         "signs, sides and arrows say the same without colour.");
}

/* ---- keys ---- */

static bool belongs(const ui_keymap *keymap, ui_action action, ui_context here)
{
    return ui_action_info_of(action)->group != UI_GROUP_SCREEN ||
           ui_keymap_key(keymap, here, action) != UI_KEY_NONE;
}

/* The actions of a group as lines of a column. */
static size_t collect(const ui_keymap *keymap, ui_context here, ui_group group,
                      ui_action out[UI_ACTION_COUNT])
{
    size_t n = 0;
    for (int i = 1; i < UI_ACTION_COUNT; i++)
        if (ui_action_info_of((ui_action)i)->group == group && belongs(keymap, (ui_action)i, here))
            out[n++] = (ui_action)i;
    return n;
}

/* Keys, then what they do. */
static void entry(ui_surface s, int y, int x, int w, const ui_keymap *keymap, ui_action action)
{
    IMR_AUTOBUF imr_buf keys = {0};
    ui_keymap_labels(keymap, action, 3, &keys);
    const ui_action_info *info = ui_action_info_of(action);
    if (!keys.len)
        imr_buf_printf(&keys, ":%s", info->name);
    ui_put_cut(s, y, x, 13, UI_KEY, imr_buf_text(&keys), strlen(imr_buf_text(&keys)));
    ui_put_cut(s, y, x + 14, w - 15, UI_TEXT, info->help, strlen(info->help));
}

void ui_build_help(ui_rows *out, const ui_keymap *keymap, ui_context here)
{
    ui_action actions[UI_ACTION_COUNT];
    told(out, 1, "",
         "An arrow points at a number of the screen and tells what it is; j and k scroll.");
    glossary(out);
    marks(out);
    int columns = out->grid.cols >= 96 ? 2 : 1, w = (out->grid.cols - 2) / columns;
    for (int g = 0; g < UI_GROUP_COUNT; g++) {
        ui_rows_heading(out, groups[g], NULL);
        size_t n = collect(keymap, here, (ui_group)g, actions);
        int rows = ((int)n + columns - 1) / columns;
        ui_surface s = ui_rows_add(out, rows);
        for (size_t i = 0; i < n; i++)
            entry(s, (int)i % (rows ? rows : 1), 1 + (int)i / (rows ? rows : 1) * w, w, keymap,
                  actions[i]);
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
    char note[80];
    ui_fill(box, (ui_rect){0, 0, box.at.h, box.at.w}, UI_TEXT);
    snprintf(note, sizeof note, "line %d of %d, Esc closes", top + 1, rows->n);
    ui_box(box, true, "Help", note);
    ui_rows_draw_boxed(rows, box, true, top);
}

void ui_draw_point(ui_surface s, int y, int x, int w, int term)
{
    const ui_glossary_entry *e = ui_glossary_of(term);
    const struct {
        const char *label, *text;
    } lines[] = {{"", e->formula}, {"range ", e->range}, {"good  ", e->good}};
    ui_mark(s, (ui_rect){y, x, 1, w}, UI_SELECTED);
    int width = s.at.w < 74 ? s.at.w : 74, rows = 0;
    for (int pass = 0; pass < 2; pass++) { /* how high, then the card above or below */
        int from = y < s.at.h / 2 ? s.at.h - rows - 3 : 1;
        ui_surface box =
            ui_sub(s, (ui_rect){from, (s.at.w - width) / 2, pass ? rows + 2 : 0, width});
        ui_surface in = ui_inside(box);
        if (pass) {
            ui_fill(box, (ui_rect){0, 0, box.at.h, box.at.w}, UI_TEXT);
            ui_box(box, true, e->name, "arrows point, Esc closes");
        }
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
    const char *const all[] = {g->eighths[1], g->eighths[4], g->eighths[8], g->v,   g->h,
                               g->tl,         g->hv,         g->hh,         g->up,  g->down,
                               g->relevant,   g->judged,     g->cursor,     g->pin, g->ellipsis,
                               g->minus,      g->delta,      g->dash,       g->hub, g->prompt};
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
