/* ui/mouse.c */
#include "ui/app.h"

static long outside(int at, int from, int n)
{
    return at < from ? from - at : at >= from + n ? at - from - n + 1 : 0;
}

/* The nearest part of a kind, or of any, at most `far` away, squared; of several that drawn last. */
static const struct ui_hit *hit_at(const ui_app *a, int y, int x, ui_hit_kind kind, long far)
{
    const struct ui_hit *found = NULL;
    for (const struct ui_hit *h = a->hits.v; h < a->hits.v + a->hits.n; h++) {
        /* a row is as high as two columns are wide */
        const long dy = 2 * outside(y, h->at.y, h->at.h), dx = outside(x, h->at.x, h->at.w);
        if ((kind == UI_HIT_ANY || h->kind == kind) && dy * dy + dx * dx <= far) {
            far = dy * dy + dx * dx;
            found = h;
        }
    }
    return found;
}

/* Selects a row; the selected one is opened. */
static void click_row(ui_app *a, size_t row)
{
    const bool audit = a->screen == UI_AUDIT, focused = !a->editing && a->pane == UI_PANE_LIST;
    if (row == (audit ? a->audit.at : a->list.at) && (focused || a->screen != UI_RANK)) {
        ui_do(a, UI_DO_OPEN, NULL);
    } else if (audit) {
        a->audit.at = row < a->audit.n ? row : a->audit.at;
    } else {
        ui_do(a, UI_DO_TO_LIST, NULL);
        ui_app_select(a, row);
    }
}

/* A typed line gets its cursor there; a word of a query that stands is left out, or comes back. */
static void click_text(ui_app *a, const struct ui_hit *h, int x)
{
    const bool line = a->overlay != UI_OVER_NONE;
    ui_prompt *p = line ? &a->line : &a->query;
    const size_t at = ui_prompt_at(p, h->at.w, x - h->at.x), before = p->cursor;
    a->export.field = UI_EXPORT_FILE;
    p->cursor = at;
    if (line || (a->editing && a->screen == UI_RANK))
        return;
    ui_prompt_do(p, UI_DO_WORD_RIGHT);
    const size_t to = p->cursor;
    ui_prompt_do(p, UI_DO_WORD_LEFT);
    const bool on = p->cursor <= at && at < to && a->trace;
    const ui_text word = ui_textf("%.*s", (int)(to - p->cursor), ui_prompt_text(p) + p->cursor);
    p->cursor = on ? before : at;
    ui_do(a, on ? UI_DO_WITHOUT : UI_DO_EDIT_QUERY, on ? word.s : NULL);
}

static void click(ui_app *a, int y, int x)
{
    const bool map = a->screen == UI_MAP && a->overlay == UI_OVER_NONE;
    const struct ui_hit *h = hit_at(a, y, x, UI_HIT_ANY, 0),
                        *near = h || !map ? NULL : hit_at(a, y, x, UI_HIT_ROW, 1L << 30);
    ui_app_forget(a);
    if (near)
        ui_app_select(a, near->value);
    if (!h)
        return;
    const size_t value = h->value;
    if (a->live.of && h->kind != UI_HIT_TEXT && y < a->rows - 1) /* what was typed stays */
        ui_do(a, UI_DO_OPEN, NULL);
    a->away &= h->kind == UI_HIT_PANE || h->kind == UI_HIT_BORDER;
    if (h->kind == UI_HIT_DO) {
        ui_do(a, (ui_action)value, NULL);
    } else if (h->kind == UI_HIT_KEY) {
        ui_update(a, &(ui_event){.kind = UI_EVENT_KEY, .key = (ui_key)value});
    } else if (h->kind == UI_HIT_PANE) {
        ui_do(a, UI_DO_TO_LIST, NULL);
        a->pane = (ui_pane)value;
    } else if (h->kind == UI_HIT_BORDER) {
        a->dragged = 1 + value;
    } else if (h->kind == UI_HIT_ROW &&
               (a->overlay == UI_OVER_EXPORT || a->overlay == UI_OVER_COLUMNS)) {
        const bool export = a->overlay == UI_OVER_EXPORT;
        *(export ? &a->export.field : &a->pick) = value;
        ui_update(a, &(ui_event){.kind = UI_EVENT_KEY, .key = export ? UI_KEY_RIGHT : ' '});
    } else if (h->kind == UI_HIT_ROW) {
        click_row(a, value);
    } else if (h->kind == UI_HIT_SORT) {
        const char *name = ui_menu_of(UI_DO_SORT, ui_app_menus(a))->names[value],
                   *by = a->audit.sort ? a->audit.sort : "";
        const bool again = a->screen == UI_AUDIT ? strcmp(by + (*by == '-'), name) == 0
                                                 : a->list.sort == (ui_column)value;
        ui_do(a, again ? UI_DO_REVERSE : UI_DO_SORT, name);
    } else if (h->kind == UI_HIT_PICK) {
        *(a->overlay == UI_OVER_PALETTE ? &a->pick : &a->offers.pick) = value;
        if (a->overlay == UI_OVER_NONE && !ui_app_offering(a))
            ui_take_offer(a, value);
        else
            ui_do(a, a->overlay != UI_OVER_NONE ? UI_DO_OPEN : UI_DO_TO_LIST, NULL);
    } else if (h->kind == UI_HIT_TERM) {
        a->pointed = (size_t)(h - a->hits.v);
    } else if (h->kind == UI_HIT_TEXT) {
        click_text(a, h, x);
    } else if (h->kind == UI_HIT_CELL) {
        a->cell_query = value >> 16;
        if ((value & UI_HIT_LABEL) == UI_HIT_LABEL)
            ui_do(a, UI_DO_WITHOUT, NULL);
        else
            a->cell_document = value & UI_HIT_LABEL;
    }
}

/* Scrolls what lies under it; the selected row may go out of sight. */
static void wheel(ui_app *a, int y, int x, bool up)
{
    const bool over = a->overlay != UI_OVER_NONE, few = a->overlay > UI_OVER_HELP;
    const struct ui_hit *h = over ? NULL : hit_at(a, y, x, UI_HIT_PANE, 0);
    ui_scroll list = {a->list.top, a->list.n, (size_t)ui_app_list_rows(a)};
    if (h) {
        ui_scroll_by(h->value == UI_PANE_WORDS     ? &a->words
                     : h->value == UI_PANE_WHY     ? &a->why
                     : h->value == UI_PANE_PREVIEW ? &a->text
                     : a->screen == UI_DOCUMENT    ? &a->document
                                                   : &list,
                     up ? -3 : 3, false);
        a->list.top = list.top;
        a->away |= h->value == UI_PANE_LIST;
    } else if (over ? a->overlay != UI_OVER_MENU : a->screen != UI_RANK || ui_app_offering(a)) {
        ui_do(a, up ? UI_DO_PREV : UI_DO_NEXT, few || a->screen == UI_WORDS ? "1" : "3");
    }
}

void ui_point_at(ui_app *a, const ui_event *e)
{
    const ui_layout l = ui_app_layout(a);
    const bool across = a->dragged == 3 || (a->dragged == 1 && l.why.x);
    const double part =
        across ? (e->x - l.body.x + 1.0) / l.body.w : (e->y - l.body.y + 1.0) / l.body.h;
    if (e->mouse >= UI_MOUSE_WHEEL_UP) {
        wheel(a, e->y, e->x, e->mouse == UI_MOUSE_WHEEL_UP);
    } else if (e->mouse == UI_MOUSE_DRAG && a->dragged) {
        a->split[a->dragged - 1] = part < .01 ? .01 : part > .99 ? .99 : part;
    } else if (e->mouse != UI_MOUSE_DRAG) {
        a->dragged = 0;
        if (e->mouse == UI_MOUSE_PRESS && e->button == 0)
            click(a, e->y, e->x);
    }
}

UI_ON(mouse)
{
    a->mouse = !a->mouse;
    ui_app_say(a, false, a->mouse ? "the mouse works here" : "the mouse is the terminal's again");
}
