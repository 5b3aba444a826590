/* ui/update.c - events and actions to changes of the model. */
#include "ui/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "text/utf8.h"
#include "ui/words.h"

/* ---- the palette ---- */

size_t ui_palette(const ui_app *a, ui_action *out, size_t max)
{
    const char *line = ui_prompt_text(&a->line);
    char name[64] = "";
    size_t n = strcspn(line, " "), found = 0;
    memcpy(name, line, n < sizeof name ? n : sizeof name - 1);
    for (int pass = 0; pass < 4; pass++)
        for (int i = 1; i < UI_ACTION_COUNT && found < max; i++) {
            const ui_action_info *info = ui_action_info_of((ui_action)i);
            if (info->group == UI_GROUP_EDIT || i == UI_DO_ESCAPE || i == UI_DO_TO_LIST)
                continue;
            bool whole = strcmp(info->name, name) == 0;
            bool begins = ui_begins(info->name, name) || !*name;
            bool inside = ui_contains(info->name, name);
            bool told = ui_contains(info->help, name);
            int fits = whole ? 0 : begins ? 1 : inside ? 2 : told ? 3 : -1;
            if (fits == pass)
                out[found++] = (ui_action)i;
        }
    return found;
}

void ui_command(ui_app *a, const char *line)
{
    line += strspn(line, " :");
    size_t n = strcspn(line, " ");
    ui_action action = ui_action_find(line, n);
    const char *rest = line + n + strspn(line + n, " ");
    if (action == UI_DO_NOTHING) {
        if (n)
            ui_app_say(a, true, "no command is called %.*s; : lists them", (int)n, line);
        return;
    }
    ui_do(a, action, *rest ? rest : NULL);
}

/* ---- typing ---- */

static bool offering(const ui_app *a)
{
    return a->facts && !a->facts->has_encoder && a->editing && a->screen == UI_RANK;
}

static void query_changed(ui_app *a)
{
    bool blank = ui_prompt_text(&a->query)[strspn(ui_prompt_text(&a->query), " ")] == 0;
    a->pick = 0;
    if (blank || (a->facts && a->facts->has_encoder))
        ui_app_run(a, ui_prompt_text(&a->query), NULL);
    if (a->facts)
        ui_app_list_offers(a);
}

static void take_offer(ui_app *a, size_t i)
{
    if (i >= a->offers.n)
        return;
    const ui_offer *o = &a->offers.v[i];
    ui_prompt_set(&a->query, o->text);
    ui_history_add(&a->history, o->text);
    ui_app_run(a, o->text, *o->query_id ? o->query_id : NULL);
    ui_replace(&a->ghost, NULL);
}

static void leave_query(ui_app *a, bool chose)
{
    if (chose && offering(a) && a->offers.n == 0) {
        ui_app_say(a, false, "no cached query has that; C-u clears the line");
        return;
    }
    if (chose && offering(a)) {
        take_offer(a, a->pick);
    } else if (a->trace) {
        ui_history_add(&a->history, ui_prompt_text(&a->query));
    }
    ui_replace(&a->ghost, NULL);
    a->editing = false;
    a->pane = UI_PANE_LIST;
}

static void close_overlay(ui_app *a)
{
    bool history = a->overlay == UI_OVER_HISTORY;
    a->overlay = UI_OVER_NONE;
    a->pick = 0;
    if (history)
        ui_app_list_offers(a); /* offers for the query line again */
}

static void open_overlay(ui_app *a, ui_overlay overlay)
{
    a->overlay = overlay;
    a->pick = a->help_top = 0;
    ui_prompt_set(&a->line, "");
    if (overlay == UI_OVER_HISTORY)
        ui_app_list_offers(a);
}

static void accept_line(ui_app *a)
{
    ui_action found[64];
    char line[512];
    size_t n;
    switch (a->overlay) {
    case UI_OVER_PALETTE:
        n = ui_palette(a, found, IMR_LEN(found));
        snprintf(line, sizeof line, "%s", ui_prompt_text(&a->line));
        close_overlay(a);
        /* Behind a full name its words; else the line under the cursor. */
        if (strchr(line, ' ') && ui_action_find(line, strcspn(line, " ")))
            ui_command(a, line);
        else if (a->pick < n)
            ui_do(a, found[a->pick], NULL);
        else
            ui_command(a, line);
        break;
    case UI_OVER_HISTORY: {
        size_t pick = a->pick;
        a->overlay = UI_OVER_NONE;
        take_offer(a, pick);
        ui_app_list_offers(a);
        break;
    }
    case UI_OVER_LINE:
        snprintf(line, sizeof line, "%s", ui_prompt_text(&a->line));
        a->overlay = UI_OVER_NONE;
        if (a->line_action == UI_DO_FIND) {
            ui_replace(&a->find, line);
            ui_command_find(a, 1);
        } else {
            char words[600];
            snprintf(words, sizeof words, "%s%s", *line ? "words " : "none", line);
            ui_command_filter(a, words);
        }
        break;
    default:
        break;
    }
}

/* ---- moving ---- */

static void shift(size_t *value, long by, size_t end)
{
    if (by < 0 && (size_t)-by > *value)
        *value = 0;
    else
        *value = (size_t)((long)*value + by);
    if (*value >= end)
        *value = end ? end - 1 : 0;
}

/* What is scrolled now, how many lines it has and how many of them a page holds. */
static void move(ui_app *a, long by, bool pages)
{
    ui_layout l = ui_app_layout(a);
    const size_t endless = 1u << 30; /* settling knows the end */
    ui_action found[64];
    int page = l.body.h - 3;
    if (a->overlay == UI_OVER_HELP) {
        shift(&a->help_top, pages ? by * page / 2 : by, endless);
    } else if (a->overlay == UI_OVER_PALETTE || a->overlay == UI_OVER_HISTORY || offering(a)) {
        size_t n =
            a->overlay == UI_OVER_PALETTE ? ui_palette(a, found, IMR_LEN(found)) : a->offers.n;
        shift(&a->pick, pages ? by * 5 : by, n);
    } else if (a->screen == UI_DOCUMENT) {
        shift(&a->document_top, pages ? by * page / 2 : by, endless);
    } else if (a->screen == UI_WHY_FULL) {
        shift(&a->why_top, pages ? by * page / 2 : by, endless);
    } else if (a->screen == UI_PREVIEW_FULL || (!a->editing && a->pane == UI_PANE_PREVIEW)) {
        shift(&a->preview_top, pages ? by * page / 2 : by, endless);
    } else {
        size_t row = a->at;
        shift(&row, pages ? by * (ui_app_list_rows(a) > 2 ? ui_app_list_rows(a) / 2 : 1) : by,
              a->n_order);
        ui_app_select(a, row);
    }
}

static void next_pane(ui_app *a)
{
    ui_layout l = ui_app_layout(a);
    if (a->screen != UI_RANK)
        return;
    a->pane = a->pane == UI_PANE_LIST && l.preview.w ? UI_PANE_PREVIEW : UI_PANE_LIST;
}

static void go(ui_app *a, ui_screen screen)
{
    if (screen != UI_RANK && screen != UI_SELFTEST && !ui_app_selected(a)) {
        ui_app_say(a, false, "no document is selected");
        return;
    }
    a->screen = screen;
    a->editing = false;
    a->effects |= UI_FX_REDRAW;
}

/* ---- leaving ---- */

static void escape(ui_app *a)
{
    if (a->overlay != UI_OVER_NONE)
        close_overlay(a);
    else if (a->editing && a->screen == UI_RANK)
        leave_query(a, false);
    else if (a->waiting)
        ui_do(a, UI_DO_CANCEL, NULL);
    else if (a->find && *a->find)
        ui_replace(&a->find, NULL);
    else if (a->filter != UI_FILTER_NONE)
        ui_command_filter(a, "none");
    else if (a->screen != UI_RANK)
        go(a, UI_RANK);
    else
        ui_app_say(a, false, "q quits");
}

static void cancel(ui_app *a)
{
    double now = imr_clock_seconds();
    if (a->cancelled >= 0 && now - a->cancelled < 1) {
        a->effects |= UI_FX_QUIT;
        return;
    }
    a->cancelled = now;
    if (a->overlay != UI_OVER_NONE) {
        close_overlay(a);
    } else if (a->waiting || a->pending) {
        a->effects |= UI_FX_CANCEL;
        a->effects &= ~(unsigned)UI_FX_QUERY;
        a->waiting = a->stale = false;
        if (a->trace) /* the next query is ranked as what is shown */
            a->settings = a->trace->settings;
        ui_app_say(a, false, "cancelled; C-c again quits");
    } else {
        ui_app_say(a, false, "nothing runs; C-c again quits");
    }
}

static void quit(ui_app *a)
{
    if (a->overlay != UI_OVER_NONE)
        close_overlay(a);
    else if (a->screen != UI_RANK)
        go(a, UI_RANK);
    else
        a->effects |= UI_FX_QUIT;
}

static void toggle_pin(ui_app *a)
{
    const imr_trace_document *d = ui_app_selected(a);
    bool same = d && a->pinned && strcmp(a->pinned, d->id) == 0;
    if (!d)
        return;
    ui_replace(&a->pinned, same ? NULL : d->id);
    ui_app_say(a, false, same ? "no document is pinned" : "%s stays in sight", d->id);
}

static void toggle_preview(ui_app *a)
{
    ui_class c = ui_app_layout(a).class;
    if (c == UI_CLASS_S || a->screen == UI_PREVIEW_FULL) {
        go(a, a->screen == UI_PREVIEW_FULL ? UI_RANK : UI_PREVIEW_FULL);
        return;
    }
    a->preview = !a->preview;
    if (!a->preview && a->pane == UI_PANE_PREVIEW)
        a->pane = UI_PANE_LIST;
    ui_app_say(a, false, a->preview ? "preview on" : "preview off");
}

/* ---- actions ---- */

static void edit(ui_app *a, ui_action action)
{
    if (a->overlay == UI_OVER_NONE) {
        bool end = a->query.cursor == a->query.text.len;
        if ((action == UI_DO_CHAR_RIGHT || action == UI_DO_LINE_END) && end && a->ghost) {
            if (ui_prompt_insert(&a->query, a->ghost, strlen(a->ghost)))
                query_changed(a);
        } else if (ui_prompt_do(&a->query, action)) {
            query_changed(a);
        }
        return;
    }
    if (ui_prompt_do(&a->line, action)) {
        a->pick = 0;
        if (a->overlay == UI_OVER_HISTORY)
            ui_app_list_offers(a);
    }
}

static void vertical(ui_app *a, ui_action action, long count)
{
    bool down = action == UI_DO_NEXT || action == UI_DO_HALF_DOWN || action == UI_DO_PAGE_DOWN;
    long by = down ? count : -count;
    bool half = action == UI_DO_HALF_DOWN || action == UI_DO_HALF_UP;
    bool whole = action == UI_DO_PAGE_DOWN || action == UI_DO_PAGE_UP;
    bool typing = a->overlay == UI_OVER_NONE && a->screen == UI_RANK && a->editing;
    /* Above the first row of the list lie the queries of the past. */
    if (typing && !offering(a) && action == UI_DO_PREV && a->at == 0 && !a->selected)
        edit(a, UI_DO_OLDER);
    else
        move(a, whole ? 2 * by : by, half || whole);
}

static void to_end(ui_app *a, bool last)
{
    move(a, last ? 1 << 29 : -(1 << 29), false);
}

static long count_of(const char *argument)
{
    int64_t n = 1;
    if (argument && (!imr_parse_int(argument, strlen(argument), &n) || n < 1 || n > 100000))
        n = 1;
    return (long)n;
}

void ui_do(ui_app *a, ui_action action, const char *argument)
{
    if (ui_action_info_of(action)->group == UI_GROUP_EDIT) {
        edit(a, action);
        return;
    }
    switch (action) {
    case UI_DO_NEXT:
    case UI_DO_PREV:
    case UI_DO_HALF_DOWN:
    case UI_DO_HALF_UP:
    case UI_DO_PAGE_DOWN:
    case UI_DO_PAGE_UP:
        vertical(a, action, count_of(argument));
        return;
    case UI_DO_ESCAPE:
        escape(a);
        return;
    case UI_DO_CANCEL:
        cancel(a);
        return;
    case UI_DO_QUIT:
        quit(a);
        return;
    case UI_DO_REDRAW:
        a->effects |= UI_FX_REDRAW;
        return;
    case UI_DO_SUSPEND:
        a->effects |= UI_FX_SUSPEND;
        return;
    case UI_DO_FIRST:
    case UI_DO_LAST:
        to_end(a, action == UI_DO_LAST);
        return;
    default:
        break;
    }
    if (a->overlay == UI_OVER_HELP || a->overlay == UI_OVER_MENU) {
        /* Help and menus are left by any action that is not theirs. */
        ui_overlay was = a->overlay;
        close_overlay(a);
        if (action == UI_DO_BACK || (was == UI_OVER_HELP && action == UI_DO_HELP))
            return;
    } else if (a->overlay != UI_OVER_NONE) {
        if (action == UI_DO_OPEN)
            accept_line(a);
        else if (action == UI_DO_HELP || action == UI_DO_PALETTE)
            open_overlay(a, action == UI_DO_HELP ? UI_OVER_HELP : UI_OVER_PALETTE);
        return;
    }
    switch (action) {
    case UI_DO_MOVER_NEXT:
    case UI_DO_MOVER_PREV:
        ui_command_mover(a, action == UI_DO_MOVER_NEXT ? 1 : -1);
        break;
    case UI_DO_DOC_NEXT:
    case UI_DO_DOC_PREV:
        if (action == UI_DO_DOC_NEXT ? a->at + 1 < a->n_order : a->at > 0)
            ui_app_select(a, action == UI_DO_DOC_NEXT ? a->at + 1 : a->at - 1);
        break;
    case UI_DO_PANE_NEXT:
    case UI_DO_PANE_PREV:
        next_pane(a);
        break;
    case UI_DO_OPEN:
    case UI_DO_DOC:
        go(a, UI_DOCUMENT);
        break;
    case UI_DO_RANK:
    case UI_DO_BACK:
        go(a, UI_RANK);
        break;
    case UI_DO_EDIT_QUERY:
        a->screen = UI_RANK;
        a->editing = true;
        break;
    case UI_DO_TO_LIST:
        leave_query(a, true);
        break;
    case UI_DO_SORT:
        ui_command_sort(a, argument);
        break;
    case UI_DO_REVERSE:
        a->reversed = !a->reversed;
        ui_app_reorder(a);
        ui_app_say(a, false, "%s order", a->reversed ? "reversed" : "usual");
        break;
    case UI_DO_FILTER:
        ui_command_filter(a, argument);
        break;
    case UI_DO_WHY:
        go(a, a->screen == UI_WHY_FULL ? UI_RANK : UI_WHY_FULL);
        break;
    case UI_DO_PREVIEW:
        toggle_preview(a);
        break;
    case UI_DO_TOKENS:
        a->show_query_tokens = !a->show_query_tokens;
        a->why_top = 0;
        ui_app_say(a, false, "tokens of the %s's change",
                   a->show_query_tokens ? "query" : "document");
        break;
    case UI_DO_SCOPE:
        ui_command_scope(a, argument);
        break;
    case UI_DO_ORDER:
        ui_command_order(a, argument);
        break;
    case UI_DO_DELTA:
        ui_command_delta(a, argument);
        break;
    case UI_DO_PIN:
        toggle_pin(a);
        break;
    case UI_DO_HIGHLIGHT_NEXT:
    case UI_DO_HIGHLIGHT_PREV:
        ui_command_highlight(a, action == UI_DO_HIGHLIGHT_NEXT ? 1 : -1);
        break;
    case UI_DO_SIGNS:
        a->signs = (ui_signs)((a->signs + 1) % 3);
        ui_app_say(a, false,
                   a->signs == UI_SIGNS_BOTH   ? "words that raise and that lower"
                   : a->signs == UI_SIGNS_GAIN ? "words that raise"
                                               : "words that lower");
        break;
    case UI_DO_FIND:
        if (argument) {
            ui_replace(&a->find, argument);
            ui_command_find(a, 1);
        } else {
            ui_open_line(a, UI_DO_FIND, "");
        }
        break;
    case UI_DO_FIND_NEXT:
    case UI_DO_FIND_PREV:
        ui_command_find(a, action == UI_DO_FIND_NEXT ? 1 : -1);
        break;
    case UI_DO_COPY:
    case UI_DO_COPY_ALL:
        ui_command_copy(a, action == UI_DO_COPY_ALL);
        break;
    case UI_DO_EXPORT:
        ui_command_export(a, argument);
        break;
    case UI_DO_HISTORY:
        open_overlay(a, UI_OVER_HISTORY);
        break;
    case UI_DO_THEME:
        ui_command_theme(a, argument);
        break;
    case UI_DO_SELFTEST:
        go(a, UI_SELFTEST);
        break;
    case UI_DO_HELP:
        open_overlay(a, UI_OVER_HELP);
        break;
    case UI_DO_PALETTE:
        open_overlay(a, UI_OVER_PALETTE);
        break;
    default:
        break;
    }
}

/* ---- events ---- */

static void menu_key(ui_app *a, ui_key key)
{
    size_t n;
    const ui_menu_item *items = ui_menu_items(a->menu, &n);
    for (size_t i = 0; i < n; i++)
        if (key == (ui_key)items[i].key) {
            ui_action menu = a->menu;
            a->overlay = UI_OVER_NONE;
            ui_do(a, menu, items[i].argument);
            return;
        }
    const ui_bind *b = ui_keymap_get(&a->keymap, UI_IN_ANY, key);
    a->overlay = UI_OVER_NONE;
    if (b)
        ui_do(a, b->action, b->argument);
    else if (key != UI_KEY_ESC)
        ui_app_say(a, false, "that key is not in the menu");
}

static void insert(ui_app *a, const char *text, size_t len)
{
    ui_context c = ui_app_context(a);
    if (c == UI_IN_PICK) {
        if (ui_prompt_insert(&a->line, text, len)) {
            a->pick = 0;
            if (a->overlay == UI_OVER_HISTORY)
                ui_app_list_offers(a);
        }
        return;
    }
    a->overlay = UI_OVER_NONE;
    a->screen = UI_RANK;
    a->editing = true;
    if (ui_prompt_insert(&a->query, text, len))
        query_changed(a);
}

static void press(ui_app *a, ui_key key)
{
    ui_app_forget(a);
    if (ui_app_layout(a).class == UI_CLASS_T) {
        const ui_bind *b = ui_keymap_get(&a->keymap, UI_IN_ANY, key);
        if (key == 'q')
            a->effects |= UI_FX_QUIT;
        else if (b && (b->action == UI_DO_CANCEL || b->action == UI_DO_SUSPEND ||
                       b->action == UI_DO_REDRAW))
            ui_do(a, b->action, NULL);
        return;
    }
    if (a->overlay == UI_OVER_MENU) {
        menu_key(a, key);
        return;
    }
    ui_context c = ui_app_context(a);
    const ui_bind *b = ui_keymap_get(&a->keymap, c, key);
    if (b) {
        ui_do(a, b->action, b->argument);
    } else if (ui_key_is_text(key) && (c == UI_IN_QUERY || c == UI_IN_PICK)) {
        char text[4];
        insert(a, text, imr_utf8_encode(key, text));
    }
}

void ui_update(ui_app *a, const ui_event *e)
{
    switch (e->kind) {
    case UI_EVENT_KEY:
        press(a, e->key);
        break;
    case UI_EVENT_PASTE:
        insert(a, e->text, e->len);
        break;
    case UI_EVENT_RESIZE:
        a->rows = e->y;
        a->cols = e->x;
        a->effects |= UI_FX_REDRAW;
        break;
    case UI_EVENT_TICK:
        a->stale = a->waiting;
        break;
    default:
        break;
    }
    ui_app_settle(a);
}
