/* ui/view_pick.c - lists to choose from over the screen, menus, and one-line questions. */
#include "ui/view_pick.h"

#include <stdio.h>

/* A cleared, framed box in the middle of s; returns its inside. */
static ui_surface card(ui_surface s, int h, int w, const char *title, const char *note)
{
    h = h > s.at.h ? s.at.h : h;
    w = w > s.at.w ? s.at.w : w;
    ui_surface box = ui_sub(s, (ui_rect){(s.at.h - h) / 2, (s.at.w - w) / 2, h, w});
    ui_fill(box, (ui_rect){0, 0, h, w}, UI_TEXT);
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
    ui_put(s, y, 0, UI_STRONG, s.grid->glyphs->cursor);
}

void ui_draw_palette(ui_surface s, const ui_keymap *keymap, const ui_prompt *line, size_t pick)
{
    ui_action found[UI_ACTION_COUNT];
    size_t n = ui_palette(ui_prompt_text(line), found, IMR_LEN(found));
    char note[64];
    snprintf(note, sizeof note, "%zu", n);
    ui_surface in =
        card(s, s.at.h > 20 ? 20 : s.at.h, s.at.w >= 100 ? 84 : s.at.w - 2, "Command", note);
    ui_put(in, 0, 1, UI_STRONG, ":");
    ui_prompt_draw(line, in, 3, in.at.w - 4, true);
    ui_repeat(in, 1, 0, in.at.w, UI_BORDER, s.grid->glyphs->h);
    size_t rows = in.at.h > 2 ? (size_t)in.at.h - 2 : 0, top = window(pick, n, rows);
    for (size_t i = 0; i < rows && top + i < n; i++) {
        const ui_action_info *info = ui_action_info_of(found[top + i]);
        IMR_AUTOBUF imr_buf keys = {0};
        int y = 2 + (int)i;
        ui_keymap_labels(keymap, found[top + i], 2, &keys);
        int w = ui_width(imr_buf_text(&keys));
        ui_put(in, y, 2, UI_STRONG, info->name);
        ui_put_cut(in, y, 18, in.at.w - 20 - w, UI_TEXT, info->help, strlen(info->help));
        ui_put_right(in, y, in.at.w - 1, UI_KEY, imr_buf_text(&keys));
        if (top + i == pick)
            select_row(in, y);
    }
    if (n == 0)
        ui_put(in, 2, 2, UI_TEXT, "no command has that in its name or help");
}

static void offer_rows(ui_surface s, const ui_offers *o)
{
    size_t rows = s.at.h > 0 ? (size_t)s.at.h : 0, top = window(o->pick, o->n, rows);
    for (size_t i = 0; i < rows && top + i < o->n; i++) {
        const ui_offer *one = &o->v[top + i];
        const char *from = *one->query_id ? one->query_id : "typed";
        int y = (int)i;
        ui_put_cut(s, y, 2, s.at.w - ui_width(from) - 6, UI_TEXT, one->text, strlen(one->text));
        ui_put_right(s, y, s.at.w - 1, UI_DIM, from);
        if (top + i == o->pick)
            select_row(s, y);
    }
    if (o->n == 0)
        ui_put(s, 0, 2, UI_TEXT, "no query has that");
}

void ui_draw_history(ui_surface s, const ui_prompt *line, const ui_offers *offers)
{
    char note[64];
    snprintf(note, sizeof note, "%zu", offers->n);
    ui_surface in = card(s, s.at.h > 24 ? 24 : s.at.h, s.at.w >= 100 ? 96 : s.at.w - 2,
                         "Queries: typed before, and of the cache", note);
    ui_put(in, 0, 1, UI_STRONG, "/");
    ui_prompt_draw(line, in, 3, in.at.w - 4, true);
    ui_repeat(in, 1, 0, in.at.w, UI_BORDER, s.grid->glyphs->h);
    offer_rows(ui_sub(in, (ui_rect){2, 0, in.at.h - 2, in.at.w}), offers);
}

void ui_draw_offers(ui_surface s, const imr_session_facts *facts, const ui_offers *offers)
{
    static const char only[] =
        "Only cached queries can be ranked; --encoder FOLDER names the encoder:";
    static const char ids[] = "Their texts are absent too, ids stand for them (--dataset FOLDER).";
    ui_put_cut(s, 0, 1, s.at.w - 2, UI_STRONG, only, strlen(only));
    int y = ui_put_wrapped(s, 1, 1, s.at.w - 2, 4, UI_TEXT, facts->encoder_problem);
    if (!facts->has_texts)
        ui_put_cut(s, y++, 1, s.at.w - 2, UI_TEXT, ids, strlen(ids));
    ui_repeat(s, y, 0, s.at.w, UI_BORDER, s.grid->glyphs->h);
    ui_put(s, y, 1, UI_STRONG, " Cached queries that fit; Enter runs the marked one ");
    offer_rows(ui_sub(s, (ui_rect){y + 1, 0, s.at.h - y - 1, s.at.w}), offers);
}

void ui_draw_menu(ui_surface s, const char *title, const ui_menu_item *items, size_t n)
{
    int w = 30;
    ui_surface box = ui_sub(s, (ui_rect){s.at.h - (int)n - 2, s.at.w - w - 1, (int)n + 2, w});
    ui_fill(box, (ui_rect){0, 0, box.at.h, box.at.w}, UI_TEXT);
    ui_box(box, true, title, "Esc");
    for (size_t i = 0; i < n; i++) {
        char key[2] = {items[i].key, 0};
        ui_put(box, 1 + (int)i, 3, UI_KEY, key);
        ui_put(box, 1 + (int)i, 6, UI_TEXT, items[i].label);
    }
}

void ui_draw_line(ui_surface s, const char *title, const ui_prompt *line)
{
    ui_surface in = card(s, 3, s.at.w >= 100 ? 72 : s.at.w - 4, title, "Enter");
    ui_prompt_draw(line, in, 1, in.at.w - 2, true);
}
