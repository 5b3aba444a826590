/* ui/update.c - events, and actions that move, edit and leave. */

#include "base/clock.h"
#include "base/number.h"
#include "ui/app.h"

/* ---- actions ---- */

static void (*const handlers[UI_ACTION_COUNT])(ui_app *, ui_action, const char *) = {
#define X(id, name, group, handler, keys, hint, help) [UI_DO_##id] = ui_on_##handler,
#include "ui/actions.def"
#undef X
};

static void close_overlay(ui_app *a)
{
    bool history = a->overlay == UI_OVER_HISTORY;
    if (a->live.of) {
        ui_live_close(a, false);
        return;
    }
    if (a->overlay == UI_OVER_EXPORT) {
        a->export.writing = false;
        a->effects |= UI_FX_EXPORT;
    }
    a->overlay = UI_OVER_NONE;
    imr_trace_free(IMR_TAKE(a->judged));
    if (history)
        ui_app_list_offers(a); /* offers for the query line again */
}

void ui_do(ui_app *a, ui_action action, const char *argument)
{
    ui_group group = ui_actions[action].group;
    if (a->stranger && ui_keymap_writes(action)) {
        a->refused = action;
        return;
    }
    if (group == UI_GROUP_SCREEN || group == UI_GROUP_ALL) {
        ui_overlay over = a->overlay;
        bool writing = over >= UI_OVER_PALETTE && over != UI_OVER_MENU;
        if (writing && action != UI_DO_OPEN && action != UI_DO_HELP && action != UI_DO_PALETTE)
            return;
        if (over != UI_OVER_NONE && !writing) { /* help and menus are left by what is not theirs */
            close_overlay(a);
            if (over == UI_OVER_HELP && action == UI_DO_HELP)
                return;
        }
    }
    if (a->screen != UI_AUDIT || a->overlay != UI_OVER_NONE ||
        !ui_app_audit_does(a, action, argument))
        handlers[action](a, action, argument);
}

static void command(ui_app *a, const char *line)
{
    static const bool reads[UI_ACTION_COUNT] = {
        [UI_DO_SORT] = 1,    [UI_DO_FILTER] = 1, [UI_DO_COLUMNS] = 1,     [UI_DO_SCOPE] = 1,
        [UI_DO_WHY_NOT] = 1, [UI_DO_ORDER] = 1,  [UI_DO_WHAT_IF] = 1,     [UI_DO_WITHOUT] = 1,
        [UI_DO_JUDGE] = 1,   [UI_DO_ACCEPT] = 1, [UI_DO_REJECT] = 1,      [UI_DO_UNSURE] = 1,
        [UI_DO_NOTE] = 1,    [UI_DO_EXPORT] = 1, [UI_DO_EXPORT_OVER] = 1, [UI_DO_THEME] = 1,
        [UI_DO_COPY] = 1};
    line += strspn(line, " :");
    size_t n = strcspn(line, " ");
    ui_action action = ui_action_find(line, n);
    const char *rest = line + n + strspn(line + n, " ");
    if (action != UI_DO_NOTHING && *rest && !reads[action] &&
        ui_actions[action].group != UI_GROUP_MOVE)
        ui_app_say(a, true, "%s takes no words: what is %.60s?", ui_actions[action].name, rest);
    else if (action != UI_DO_NOTHING)
        ui_do(a, action, *rest ? rest : NULL);
    else if (n)
        ui_app_say(a, true, "no command is called %.*s; : lists them", (int)n, line);
}

/* ---- the query ---- */

/* Another query, or other words in an overlay's line, whose list begins anew. */
static void text_changed(ui_app *a, bool line)
{
    const char *query = ui_prompt_text(&a->query);
    a->offers.pick = 0;
    if (line) {
        a->pick = 0;
        a->export.field = UI_EXPORT_FILE;
        a->export.replace = false;
        ui_live_typed(a);
    } else if (query[strspn(query, " ")] == 0 || (a->facts && a->facts->has_encoder))
        ui_app_run(a, query, NULL);
    if (line ? a->overlay == UI_OVER_HISTORY : a->facts != NULL)
        ui_app_list_offers(a);
}

void ui_take_offer(ui_app *a, size_t i)
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
    if (chose && ui_app_offering(a) && a->offers.n == 0) {
        ui_app_say(a, false, "no cached query has that; C-u clears the line");
        return;
    }
    if (chose && ui_app_offering(a))
        ui_take_offer(a, a->offers.pick);
    else if (a->trace)
        ui_history_add(&a->history, ui_prompt_text(&a->query));
    ui_replace(&a->ghost, NULL);
    a->editing = false;
    a->states.last = SIZE_MAX; /* what is typed next is a step of its own */
    a->pane = UI_PANE_LIST;
}

UI_ON(query)
{
    a->screen = UI_RANK;
    a->editing = true;
}

UI_ON(list)
{
    leave_query(a, true);
}

UI_ON(edit)
{
    bool line = a->overlay != UI_OVER_NONE, right = action == UI_DO_CHAR_RIGHT;
    if (a->overlay == UI_OVER_EXPORT && ui_export_key(a, action))
        return;
    ui_prompt *p = line ? &a->line : &a->query;
    bool end = !line && (right || action == UI_DO_LINE_END) && p->cursor == p->text.len;
    if (end && a->ghost ? ui_prompt_insert(p, a->ghost, strlen(a->ghost)) : ui_prompt_do(p, action))
        text_changed(a, line);
}

/* total: characters that were pasted, of which these are the first; 0: they were typed. */
static void insert(ui_app *a, const char *text, size_t len, size_t total)
{
    bool line = ui_app_context(a) == UI_IN_PICK;
    if (!line) {
        a->overlay = UI_OVER_NONE;
        ui_on_query(a, UI_DO_EDIT_QUERY, NULL);
    }
    ui_prompt *p = line ? &a->line : &a->query;
    const size_t before = p->text.len;
    if (ui_prompt_insert(p, text, len))
        text_changed(a, line);
    const size_t n = p->text.len - before,
                 kept = imr_utf8_count(ui_prompt_text(p) + p->cursor - n, n);
    if (kept < total && p->text.len + 4 > UI_PROMPT_MAX)
        ui_app_say(a, true, "pasted text cut at %s characters of %s", ui_count(kept).s,
                   ui_count(total).s);
    else if (!n && len && p->text.len + 4 > UI_PROMPT_MAX)
        ui_app_say(a, true, "a line holds %s bytes: no more is taken", ui_count(UI_PROMPT_MAX).s);
}

/* ---- overlays ---- */

static void open_overlay(ui_app *a, ui_overlay overlay)
{
    if (a->live.of)
        ui_live_close(a, false);
    a->overlay = overlay;
    imr_trace_free(IMR_TAKE(a->judged));
    a->help.top = 0;
    ui_prompt_set(&a->line, "");
    text_changed(a, true);
}

UI_ON(overlay)
{
    a->keys_told = action == UI_DO_KEYS;
    open_overlay(a, action == UI_DO_HELP || a->keys_told ? UI_OVER_HELP
                    : action == UI_DO_PALETTE            ? UI_OVER_PALETTE
                                                         : UI_OVER_HISTORY);
}

void ui_open_line(ui_app *a, ui_action action, const char *text)
{
    open_overlay(a, UI_OVER_LINE);
    a->line_action = action;
    ui_prompt_set(&a->line, text ? text : "");
}

/* Enter in an overlay with a line. */
static void accept_line(ui_app *a)
{
    ui_command found[UI_COMMANDS_MAX];
    ui_overlay overlay = a->overlay;
    ui_text line = ui_textf("%s", ui_prompt_text(&a->line));
    if (a->live.of) {
        ui_live_close(a, true);
        return;
    }
    if (overlay == UI_OVER_HISTORY)
        ui_take_offer(a, a->offers.pick);
    imr_trace *judged = IMR_TAKE(a->judged);
    close_overlay(a);
    a->judged = judged;
    if (overlay == UI_OVER_PALETTE) {
        size_t n = ui_palette(line.s, ui_app_menus(a), found);
        /* Behind a full name its words; else the line under the cursor. */
        if (a->pick < n && !(strchr(line.s, ' ') && ui_action_find(line.s, strcspn(line.s, " "))))
            ui_do(a, found[a->pick].action, found[a->pick].argument);
        else
            command(a, line.s);
    } else if (overlay == UI_OVER_LINE) {
        ui_do(a, a->line_action, line.s);
    }
}

UI_ON(open)
{
    if (a->overlay == UI_OVER_EXPORT) {
        ui_export_to(a, ui_prompt_text(&a->line), a->export.replace);
        return;
    }
    if (a->overlay != UI_OVER_NONE) {
        accept_line(a);
        return;
    }
    bool marked = a->screen == UI_WORDS && a->reading.marked;
    ui_go(a, UI_DOCUMENT);
    if (marked)
        ui_on_highlight(a, UI_DO_HIGHLIGHT_NEXT, NULL);
}

/* ---- moving ---- */

static void shift(size_t *value, long by, size_t end)
{
    long moved = (long)*value + by, last = end ? (long)end - 1 : 0;
    *value = moved < 0 ? 0 : (size_t)(moved < last ? moved : last);
}

void ui_scroll_by(ui_scroll *s, long by, bool half_pages)
{
    long page = (long)(s->page > 2 ? s->page : 2);
    shift(&s->top, half_pages ? by * page / 2 : by,
          s->lines > s->page ? s->lines - s->page + 1 : 1);
}

/* by rows or half pages of what is scrolled now. */
static void move(ui_app *a, long by, bool half_pages)
{
    ui_command found[UI_COMMANDS_MAX];
    if (a->overlay == UI_OVER_POINT) {
        ui_on_point(a, by > 0 ? UI_DO_POINT_DOWN : UI_DO_POINT_UP, NULL);
    } else if (a->overlay == UI_OVER_HELP) {
        ui_scroll_by(&a->help, by, half_pages);
    } else if (a->overlay == UI_OVER_EXPORT) {
        shift(&a->export.field, by, UI_EXPORT_FILE + 1);
    } else if (a->overlay == UI_OVER_COLUMNS) {
        shift(&a->pick, by, UI_COL_COUNT);
    } else if (a->overlay == UI_OVER_PALETTE) {
        shift(&a->pick, half_pages ? by * 5 : by,
              ui_palette(ui_prompt_text(&a->line), ui_app_menus(a), found));
    } else if (a->overlay == UI_OVER_HISTORY || ui_app_offering(a)) {
        shift(&a->offers.pick, half_pages ? by * 5 : by, a->offers.n);
    } else if (a->screen == UI_DOCUMENT) {
        ui_scroll_by(a->pane == UI_PANE_WORDS ? &a->words : &a->document, by, half_pages);
    } else if (a->screen == UI_MAP) {
        ui_go_on_map(a, by > 0 ? -1 : 1, 0);
    } else if (a->screen == UI_WORDS) {
        shift(&a->cell_query, half_pages ? by * 5 : by, a->reading.query.n);
    } else if (a->screen == UI_AUDIT && !a->audit.words) {
        shift(&a->audit.at, half_pages ? by * (long)a->audit.scroll.page / 2 : by, a->audit.n);
    } else if (ui_is_rows(a->screen) || (!a->editing && a->pane == UI_PANE_WHY)) {
        ui_scroll_by(&a->why, by, half_pages);
    } else if (a->screen == UI_PREVIEW || (!a->editing && a->pane == UI_PANE_PREVIEW)) {
        ui_scroll_by(&a->text, by, half_pages);
    } else {
        size_t row = a->list.at;
        int page = ui_app_list_rows(a) > 2 ? ui_app_list_rows(a) / 2 : 1;
        shift(&row, half_pages ? by * page : by, a->list.n);
        ui_app_select(a, row);
    }
}

/* How far the action goes; 0: what was typed is no count, which is said. */
static long count_of(ui_app *a, ui_action action, const char *argument)
{
    int64_t n = 1;
    if (!argument || (imr_parse_int(argument, strlen(argument), &n) && n >= 1 && n <= 100000))
        return (long)n;
    ui_app_say(a, true, "%s takes a number from 1 to 100,000, not %.60s", ui_actions[action].name,
               argument);
    return 0;
}

UI_ON(vertical)
{
    bool down = action == UI_DO_NEXT || action == UI_DO_HALF_DOWN || action == UI_DO_PAGE_DOWN;
    const long n = count_of(a, action, argument), by = down ? n : -n;
    bool half = action == UI_DO_HALF_DOWN || action == UI_DO_HALF_UP;
    bool whole = action == UI_DO_PAGE_DOWN || action == UI_DO_PAGE_UP;
    bool typing = a->overlay == UI_OVER_NONE && a->screen == UI_RANK && a->editing;
    if (!by)
        return;
    /* Above the first row of the list lie the queries of the past. */
    if (typing && !ui_app_offering(a) && action == UI_DO_PREV && a->list.at == 0 &&
        !a->list.selected)
        ui_on_edit(a, UI_DO_OLDER, NULL);
    else
        move(a, whole ? 2 * by : by, half || whole);
}

UI_ON(ends)
{
    move(a, action == UI_DO_LAST ? 1 << 29 : -(1 << 29), false);
}

UI_ON(horizontal)
{
    if (a->overlay != UI_OVER_NONE)
        ui_on_point(a, action, argument);
    else if (a->screen == UI_MAP)
        ui_go_on_map(a, 0, ui_step(action, UI_DO_RIGHT));
    else if (a->screen == UI_WORDS)
        shift(&a->cell_document, count_of(a, action, argument) * ui_step(action, UI_DO_RIGHT),
              a->reading.document.n);
}

/* How far a number lies in the direction of an arrow; negative: not there. Along it counts once,
 * across it four times. */
static long distance(const ui_rect *from, const ui_rect *to, ui_action arrow)
{
    bool upright = arrow == UI_DO_POINT_UP || arrow == UI_DO_POINT_DOWN;
    long dy = to->y - from->y, dx = to->x - from->x;
    long along = arrow == UI_DO_POINT_DOWN ? dy
                 : arrow == UI_DO_POINT_UP ? -dy
                 : arrow == UI_DO_RIGHT    ? dx
                                           : -dx;
    long across = upright ? dx : 4 * dy; /* a row is as high as two columns are wide */
    across = across < 0 ? -across : across;
    return along > 0 ? (upright ? 8 : 1) * along + 4 * across : -1;
}

UI_ON(point)
{
    const struct ui_hit *h = a->hits.v;
    if (a->overlay != UI_OVER_POINT) {
        a->overlay = UI_OVER_POINT;
        a->pointed = 0;
        return;
    }
    long nearest = -1;
    const size_t from = a->pointed;
    for (size_t i = 0; from < a->hits.n && i < a->hits.n && h[i].kind == UI_HIT_TERM; i++) {
        long far = distance(&h[from].at, &h[i].at, action);
        if (far >= 0 && (nearest < 0 || far < nearest)) {
            nearest = far;
            a->pointed = i;
        }
    }
}

UI_ON(pane)
{
    ui_layout l = ui_app_layout(a);
    const bool text = a->screen == UI_DOCUMENT,
               there[UI_PANE_COUNT] = {true, !text && l.boxed, !text && l.preview.w > 0, text};
    if (a->screen != UI_RANK && !text)
        return;
    int step = action == UI_DO_PANE_NEXT ? 1 : UI_PANE_COUNT - 1;
    do
        a->pane = (ui_pane)((a->pane + step) % UI_PANE_COUNT);
    while (!there[a->pane]);
}

/* ---- screens and leaving ---- */

void ui_go(ui_app *a, ui_screen screen)
{
    if (ui_is_of_document(screen) && !ui_list_selected(&a->list)) {
        ui_app_say(a, false, "no document is selected");
        return;
    }
    if (screen == UI_ADAPTER && a->quality_error.status != IMR_OK) { /* once more */
        a->quality_error.status = IMR_OK;
        a->quality_asked = false;
    }
    if (screen == UI_AUDIT && a->audit.error.status != IMR_OK) {
        a->audit.error.status = IMR_OK;
        a->audit.asked = false;
    }
    a->screen = screen;
    a->pane = a->pane == UI_PANE_WORDS ? UI_PANE_LIST : a->pane;
    a->editing = false;
    a->effects |= UI_FX_REDRAW;
}

UI_ON(screen)
{
    static const ui_screen screens[UI_ACTION_COUNT] = {
        [UI_DO_RANK] = UI_RANK,   [UI_DO_DOC] = UI_DOCUMENT,     [UI_DO_WORDS] = UI_WORDS,
        [UI_DO_MAP] = UI_MAP,     [UI_DO_COMPARE] = UI_COMPARE,  [UI_DO_ADAPTER] = UI_ADAPTER,
        [UI_DO_AUDIT] = UI_AUDIT, [UI_DO_SELFTEST] = UI_SELFTEST};
    ui_go(a, screens[action]);
}

UI_ON(back)
{
    if (a->overlay != UI_OVER_NONE)
        close_overlay(a);
    else if (a->screen == UI_RANK && a->audit.opened && a->request_id &&
             strcmp(a->request_id, a->audit.opened) == 0) {
        ui_go(a, UI_AUDIT);
        a->message[0] = '\0';
    } else { /* from the text back to the words marked in it */
        ui_go(a, a->screen == UI_DOCUMENT && a->reading.marked ? UI_WORDS : UI_RANK);
    }
}

UI_ON(escape)
{
    if (a->overlay != UI_OVER_NONE)
        close_overlay(a);
    else if (a->editing && a->screen == UI_RANK)
        leave_query(a, false);
    else if (a->waiting)
        ui_on_cancel(a, UI_DO_CANCEL, NULL);
    else if (ui_app_finds(a))
        ui_find(a, "");
    else if (ui_app_filter(a))
        ui_on_filter(a, UI_DO_FILTER, "none");
    else if (a->screen != UI_RANK)
        ui_on_back(a, action, argument);
    else
        ui_app_say(a, false, "q quits");
}

UI_ON(cancel)
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

UI_ON(quit)
{
    if (a->overlay == UI_OVER_NONE && a->screen == UI_RANK)
        a->effects |= UI_FX_QUIT;
    else
        ui_on_back(a, action, argument);
}

UI_ON(effect)
{
    a->effects |= action == UI_DO_SUSPEND ? UI_FX_SUSPEND : UI_FX_REDRAW;
}

/* ---- events ---- */

static void menu_key(ui_app *a, ui_key key)
{
    const ui_menu *m = ui_menu_of(a->menu, ui_app_menus(a));
    a->overlay = UI_OVER_NONE;
    for (size_t i = 0; m->keys[i]; i++)
        if (key == (ui_key)m->keys[i]) {
            ui_do(a, a->menu, m->names[i]);
            return;
        }
    const ui_bind *b = ui_keymap_get(&a->keymap, UI_IN_ANY, key);
    if (b)
        ui_do(a, b->action, b->argument);
    else if (key != UI_KEY_ESC)
        ui_app_say(a, false, "that key is not in the menu");
}

static void press(ui_app *a, ui_key key)
{
    ui_app_forget(a);
    bool dark = ui_app_layout(a).class == UI_CLASS_T; /* nothing is drawn: only leaving works */
    ui_context c = dark ? UI_IN_ANY : ui_app_context(a);
    const ui_bind *b = ui_keymap_get(&a->keymap, c, key);
    if (dark && key == 'q') {
        a->effects |= UI_FX_QUIT;
    } else if (dark) {
        if (b && ui_actions[b->action].group == UI_GROUP_LEAVE)
            ui_do(a, b->action, NULL);
    } else if (a->overlay == UI_OVER_COLUMNS && ui_columns_key(a, key)) {
        /* done */
    } else if (a->overlay == UI_OVER_MENU) {
        menu_key(a, key);
    } else if (b) {
        ui_do(a, b->action, b->argument);
    } else if (ui_key_is_text(key) && (c == UI_IN_QUERY || c == UI_IN_PICK)) {
        char text[4];
        insert(a, text, imr_utf8_encode(key, text), 0);
    }
}

void ui_update(ui_app *a, const ui_event *e)
{
    if (a->record)
        ui_record(a->record, e);
    IMR_AUTOBUF imr_buf before = {0};
    ui_state_write(a, &before);
    if (e->kind == UI_EVENT_KEY) {
        a->away = false;
        press(a, e->key);
    } else if (e->kind == UI_EVENT_PASTE) {
        insert(a, e->text, e->len, e->total);
    } else if (e->kind == UI_EVENT_MOUSE) {
        ui_point_at(a, e);
    } else if (e->kind == UI_EVENT_RESIZE) {
        a->rows = e->y;
        a->cols = e->x;
        a->effects |= UI_FX_REDRAW;
    } else if (e->kind == UI_EVENT_BACKGROUND) {
        a->background = e->light ? UI_THEME_LIGHT : UI_THEME_DARK;
        a->effects |= UI_FX_THEME;
    } else if (e->kind == UI_EVENT_COMMAND) {
        ui_app_forget(a);
        command(a, e->text);
    } else if (e->kind == UI_EVENT_TICK) {
        a->stale = a->waiting;
        a->late = a->wanted >= 0;
    }
    ui_app_settle(a);
    ui_state_step(a, imr_buf_text(&before));
}
