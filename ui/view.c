/* ui/view.c - which views make up the screen. */
#include "ui/view.h"

#include <stdio.h>
#include <string.h>

#include "text/utf8.h"
#include "ui/format.h"

int ui_put_wrapped(ui_surface s, int y, int x, int w, int rows, ui_style style, const char *text)
{
    ui_lines l = {0};
    ui_lines_set(&l, text, w);
    for (size_t i = 0; i < l.n && rows-- > 0; i++)
        ui_put_n(s, y++, x, style, text + l.v[i].start, l.v[i].end - l.v[i].start);
    ui_lines_done(&l);
    return y;
}

/* As wide as the body, without rows: everything is clipped, only counted. */
static ui_surface nowhere(const ui_app *a, ui_grid *g)
{
    *g = (ui_grid){0};
    return (ui_surface){g, {0, 0, 0, ui_app_layout(a).body.w}};
}

int ui_help_lines(const ui_app *a)
{
    ui_grid g;
    return ui_draw_help(a, nowhere(a, &g), 0);
}

int ui_why_lines(const ui_app *a)
{
    ui_grid g;
    return ui_draw_why_full(a, nowhere(a, &g), 0);
}

void ui_moved_text(const ui_app *a, char *out, size_t size)
{
    char tau[UI_NUMBER];
    snprintf(out, size, "%u of %zu moved %s %s %s", a->trace->moved, a->trace->n_documents,
             a->glyphs->middot, a->glyphs->tau,
             ui_format_plain(tau, a->glyphs, a->trace->kendall_tau, 2));
}

static bool offers_instead(const ui_app *a)
{
    return a->facts && !a->facts->has_encoder && a->editing;
}

/* Keys of the list that the hint line has no room for; while typing they are behind Enter. */
static void note_keys(const ui_app *a, ui_surface s, int end)
{
    static const ui_action typing[] = {UI_DO_PREVIEW, UI_DO_WHY, UI_DO_TOKENS};
    static const ui_action moving[] = {UI_DO_PREVIEW, UI_DO_SCOPE, UI_DO_ORDER, UI_DO_DELTA,
                                       UI_DO_MOVER_NEXT};
    size_t n = a->editing ? IMR_LEN(typing) : IMR_LEN(moving);
    int x = 1;
    if (a->editing)
        x = ui_put(s, 0, x, UI_DIM, "in the list:") + 1;
    for (size_t i = 0; i < n; i++) {
        ui_action action = a->editing ? typing[i] : moving[i];
        ui_key key = ui_keymap_key(&a->keymap, UI_IN_LIST, action, 0);
        char label[UI_KEY_NAME_MAX];
        if (key == UI_KEY_NONE)
            continue;
        if (a->glyphs->ascii)
            ui_key_format(label, key);
        else
            ui_key_label(label, key);
        const char *words = ui_action_info_of(action)->hint;
        if (x + (int)strlen(label) + 1 + (int)strlen(words) > end)
            break;
        x = ui_put(s, 0, x, UI_KEY, label) + 1;
        x = ui_put(s, 0, x, UI_DIM, words) + 2;
    }
}

static void draw_rank(const ui_app *a, ui_surface s, const ui_layout *l)
{
    if (!a->trace || offers_instead(a)) {
        ui_surface body = ui_sub(s, l->body);
        if (a->failed)
            ui_draw_failed(a, body);
        else if (!a->facts)
            ui_draw_loading(a, body);
        else if (offers_instead(a))
            ui_draw_offers(a, body);
        else
            ui_draw_empty(a, body);
        return;
    }
    ui_draw_list(a, ui_sub(s, l->list), l->boxed);
    if (l->boxed)
        ui_draw_why(a, ui_sub(s, l->why));
    else
        ui_draw_why_strip(a, ui_sub(s, l->why));
    if (l->preview.w)
        ui_draw_preview(a, ui_sub(s, l->preview), true);
    /* Rows that answer another query than the one typed look it. */
    for (int y = 0; a->query_error.status != IMR_OK && y < l->body.h; y++)
        ui_paint(ui_sub(s, l->body), y, 0, l->body.w, UI_DIM);
    if (l->note.w) {
        char text[96];
        ui_moved_text(a, text, sizeof text);
        ui_surface note = ui_sub(s, l->note);
        note_keys(a, note, note.at.w - (int)imr_utf8_width(text, strlen(text)) - 2);
        ui_put_right(note, 0, note.at.w, UI_DIM, text);
    }
}

static void draw_overlay(const ui_app *a, ui_surface body)
{
    switch (a->overlay) {
    case UI_OVER_HELP:
        ui_draw_help(a, body, (int)a->help_top);
        break;
    case UI_OVER_PALETTE:
        ui_draw_palette(a, body);
        break;
    case UI_OVER_HISTORY:
        ui_draw_history(a, body);
        break;
    case UI_OVER_MENU:
        ui_draw_menu(a, body);
        break;
    case UI_OVER_LINE:
        ui_draw_line(a, body);
        break;
    case UI_OVER_NONE:
        break;
    }
}

void ui_draw(const ui_app *a, ui_surface s)
{
    ui_layout l = ui_app_layout(a);
    s.grid->ascii = a->glyphs->ascii;
    if (l.class == UI_CLASS_T) {
        ui_draw_too_small(a, s);
        return;
    }
    ui_draw_tabs(a, ui_sub(s, l.tabs));
    ui_draw_query(a, ui_sub(s, l.query));
    ui_draw_banner(a, ui_sub(s, l.banner));
    ui_draw_metrics(a, ui_sub(s, l.metrics));
    ui_surface body = ui_sub(s, l.body);
    switch (a->screen) {
    case UI_RANK:
        draw_rank(a, s, &l);
        break;
    case UI_DOCUMENT:
        ui_draw_document(a, ui_sub(s, l.document), ui_sub(s, l.words), l.boxed);
        break;
    case UI_WHY_FULL:
        ui_draw_why_full(a, body, (int)a->why_top);
        break;
    case UI_PREVIEW_FULL:
        ui_draw_preview(a, body, false);
        break;
    case UI_SELFTEST:
        ui_draw_selftest(a, body);
        break;
    }
    ui_draw_status(a, ui_sub(s, l.status));
    ui_draw_hint(a, ui_sub(s, l.hint));
    draw_overlay(a, body);
}
