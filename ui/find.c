/* ui/find.c - what is found where one looks, and lines that act while they are typed: find, filter. */
#include "base/clock.h"
#include "ui/app.h"

#define SECONDS 0.05 /* that an expression may take */

/* ---- where one looks ---- */

typedef struct place {
    ui_found_in in;
    ui_scroll *scroll;     /* of TEXT and ROWS */
    const ui_lines *lines; /* of TEXT */
} place;

static place looked_at(ui_app *a)
{
    const bool panes = a->screen == UI_RANK && !a->editing;
    if (ui_app_helps(a))
        return (place){UI_FOUND_ROWS, &a->help, NULL};
    if (a->screen == UI_DOCUMENT)
        return (place){UI_FOUND_TEXT, &a->document, &a->reading.page};
    if (a->screen == UI_PREVIEW || (panes && a->pane == UI_PANE_PREVIEW))
        return (place){UI_FOUND_TEXT, &a->text, &a->reading.preview};
    if (a->screen == UI_AUDIT && !a->audit.words)
        return (place){.in = UI_FOUND_AUDIT};
    if (ui_is_rows(a->screen) || (panes && a->pane == UI_PANE_WHY))
        return (place){UI_FOUND_ROWS, &a->why, NULL};
    return (place){.in = a->screen == UI_WORDS ? UI_FOUND_WORDS : UI_FOUND_LIST};
}

/* The row under the cursor, or the first one shown. */
static size_t *cursor(ui_app *a, const place *p)
{
    return p->in == UI_FOUND_AUDIT   ? &a->audit.at
           : p->in == UI_FOUND_WORDS ? &a->cell_document
           : p->in == UI_FOUND_LIST  ? &a->list.at
                                     : &p->scroll->top;
}

static void put_cursor(ui_app *a, const place *p, size_t at)
{
    if (p->in == UI_FOUND_LIST)
        ui_app_select(a, at);
    else
        *cursor(a, p) = at;
}

/* The row a match is in. */
static size_t row_of(const place *p, const ui_span *m)
{
    return p->in == UI_FOUND_TEXT   ? ui_lines_find(p->lines, m->start)
           : p->in == UI_FOUND_ROWS ? m->start / UI_MAX_COLS
                                    : m->start;
}

/* ---- all of it ---- */

static bool add(ui_found *f, size_t start, size_t end)
{
    return IMR_PUSH(f, (ui_span){start, end});
}

static void add_cells(void *found, ui_span at)
{
    add(found, at.start, at.end);
}

static void if_found(ui_app *a, double until, size_t row, const char *text, const char *other)
{
    size_t from = 0, end, again = 0;
    if (imr_pattern_find(&a->list.find, text, until, &from, &end) ||
        imr_pattern_find(&a->list.find, other, until, &again, &end))
        add(&a->reading.found, row, row + 1);
}

static void collect(ui_app *a, const place *p)
{
    const ui_reading *r = &a->reading;
    ui_found *f = &a->reading.found;
    const uint64_t of = p->in == UI_FOUND_TEXT ? r->taken : a->list.arranged;
    const double until = imr_clock_seconds() + SECONDS;
    size_t from = 0, end;
    if (p->in == UI_FOUND_ROWS || (f->of == of && f->in == p->in && f->in <= UI_FOUND_TEXT))
        return;
    f->n = f->at = 0;
    f->of = of;
    f->in = p->in;
    for (size_t i = 0; p->in == UI_FOUND_LIST && i < a->list.n; i++)
        if_found(a, until, i, ui_list_row(&a->list, i)->title, ui_list_row(&a->list, i)->id);
    for (size_t i = 0; p->in == UI_FOUND_AUDIT && i < a->audit.n; i++) {
        const imr_suggestion q = imr_audit_query(a->audit.of, a->audit.order[i]);
        if_found(a, until, i, q.text, q.query_id);
    }
    for (size_t i = 0; p->in == UI_FOUND_WORDS && i < r->document.n && r->detail; i++)
        if_found(a, until, i, r->detail->why.pairs.document[r->document.order[i]].text, "");
    while (p->in == UI_FOUND_TEXT && r->detail &&
           imr_pattern_find(&a->list.find, r->detail->text, until, &from, &end) &&
           add(f, from, end))
        from = end;
}

/* To the next one that way; here: it may begin in the row under the cursor. */
static void step(ui_app *a, const place *p, int by, bool here)
{
    ui_found *f = &a->reading.found;
    const size_t top = *cursor(a, p), page = p->scroll ? p->scroll->page : 1;
    size_t i = f->at - 1; /* where it stopped, if that is in sight */
    if (!f->n) {
        ui_app_say(a, false, "nothing here has %s", a->list.find.text);
        return;
    }
    if (!f->at || here || row_of(p, &f->v[i]) < top || row_of(p, &f->v[i]) >= top + page) {
        for (i = 0; i < f->n && row_of(p, &f->v[i]) < top + (by > 0 && !here && !p->scroll);)
            i++;
        i = by > 0 ? i : i + f->n - 1;
    } else {
        i += by > 0 ? 1 : f->n - 1;
    }
    i %= f->n;
    f->at = i + 1;
    put_cursor(a, p,
               p->scroll ? ui_in_sight(top, row_of(p, &f->v[i]), page ? page : 1) : f->v[i].start);
}

void ui_found_rows(ui_app *a, ui_rows *rows, const ui_scroll *scroll)
{
    const place p = looked_at(a);
    ui_found *f = &a->reading.found;
    if (p.in != UI_FOUND_ROWS || p.scroll != scroll || !ui_app_finds(a))
        return;
    f->n = 0;
    f->in = UI_FOUND_ROWS;
    ui_mark_found((ui_surface){&rows->grid, {0, 0, rows->n, rows->grid.cols}, 0}, &a->list.find,
                  add_cells, f);
    f->at = f->at <= f->n ? f->at : 0;
    if (f->step)
        step(a, &p, f->step, f->here);
    f->step = 0;
}

void ui_found_settle(ui_app *a)
{
    const place p = looked_at(a);
    ui_found *f = &a->reading.found;
    if (!ui_app_finds(a)) {
        f->n = f->at = 0;
        f->step = 0;
        return;
    }
    collect(a, &p);
    if (f->step && p.in != UI_FOUND_ROWS) {
        step(a, &p, f->step, f->here);
        f->step = 0;
    }
    f->at = p.scroll ? f->at : 0;
    for (size_t i = 0; !p.scroll && i < f->n; i++)
        if (f->v[i].start == *cursor(a, &p))
            f->at = i + 1;
}

bool ui_find(ui_app *a, const char *text)
{
    imr_error err;
    imr_pattern p = {0};
    const bool good = imr_pattern_make(&p, text, strlen(text), &err) == IMR_OK;
    imr_pattern_done(&a->list.find);
    a->list.find = p;
    a->reading.found.in = UI_FOUND_NOTHING;
    a->reading.found.n = a->reading.found.at = 0;
    if (!good)
        ui_app_say(a, true, "%s", err.text);
    return good;
}

UI_ON(find)
{
    if (!argument)
        ui_live_open(a, action, a->list.find.text);
    else if (ui_find(a, argument))
        ui_on_find_again(a, UI_DO_FIND_NEXT, NULL);
}

UI_ON(find_again)
{
    a->reading.found.step = ui_step(action, UI_DO_FIND_NEXT);
    a->reading.found.here = false;
    if (!ui_app_finds(a))
        ui_app_say(a, false, "nothing to find; / asks for a word");
}

/* ---- lines that act as they are typed ---- */

/* The filter of what is shown. */
static bool filter_by(ui_app *a, const char *text)
{
    IMR_AUTOFREE char *own = imr_strdup(text + strspn(text, " "));
    for (size_t n = own ? strlen(own) : 0; n && own[n - 1] == ' ';)
        own[--n] = '\0';
    const bool none = !own || !*own || strcmp(own, "none") == 0;
    if (a->screen == UI_AUDIT)
        return ui_audit_filter(a, none ? NULL : own);
    IMR_AUTOFREE char *before = IMR_TAKE(a->list.filter);
    ui_replace(&a->list.filter, none ? NULL : own);
    ui_list_arrange(&a->list);
    if (a->list.problem.status == IMR_OK)
        return true;
    ui_app_say(a, true, "%s", a->list.problem.text);
    ui_replace(&a->list.filter, before);
    ui_list_arrange(&a->list);
    return false;
}

ui_text ui_app_filtered(const ui_app *a, bool by)
{
    const bool audit = a->screen == UI_AUDIT;
    const char *filter = by ? ui_app_filter(a) : NULL;
    return ui_textf("%zu of %zu%s%.300s", audit ? a->audit.n : a->list.n,
                    audit      ? a->audit.rows
                    : a->trace ? a->trace->n_documents + a->trace->n_left
                               : 0,
                    filter ? ": " : "", filter ? filter : "");
}

UI_ON(filter)
{
    if (!argument)
        ui_live_open(a, action, ui_app_filter(a));
    else if (filter_by(a, argument) && !ui_app_filter(a)) /* else the status has it */
        ui_app_say(a, false, "filter off");
}

void ui_live_open(ui_app *a, ui_action action, const char *text)
{
    const place p = looked_at(a);
    IMR_AUTOFREE char *before = imr_strdup(text ? text : "");
    const ui_overlay under = a->overlay == UI_OVER_HELP ? UI_OVER_HELP : UI_OVER_NONE;
    ui_open_line(a, action, action == UI_DO_FILTER ? before : "");
    if (a->line.text.len)
        ui_prompt_insert(&a->line, " ", 1);
    a->live.of = action;
    a->live.under = under;
    a->live.at = *cursor(a, &p);
    a->live.untouched = !a->list.selected;
    ui_replace(&a->live.before, before);
}

/* As it was when the line was opened. */
static void go_back(ui_app *a)
{
    const place p = looked_at(a);
    put_cursor(a, &p, a->live.at);
    if (a->live.untouched)
        ui_replace(&a->list.selected, NULL);
}

void ui_live_typed(ui_app *a)
{
    const char *text = ui_prompt_text(&a->line);
    if (!a->live.of)
        return;
    a->message[0] = 0;
    if (a->live.of == UI_DO_FIND) {
        go_back(a);
        a->reading.found.here = ui_find(a, text);
        a->reading.found.step = 1;
    } else {
        filter_by(a, text);
    }
}

void ui_live_close(ui_app *a, bool keep)
{
    const ui_action of = a->live.of;
    const char *before = a->live.before ? a->live.before : "";
    a->live.of = UI_DO_NOTHING;
    a->overlay = a->live.under;
    if (of == UI_DO_FIND && !keep) {
        go_back(a);
        ui_find(a, before);
    } else if (of && !keep) {
        filter_by(a, before);
        go_back(a);
    } else if (of == UI_DO_FILTER &&
               !filter_by(a, ui_prompt_text(&a->line))) { /* until it is one */
        a->live.of = of;
        a->overlay = UI_OVER_LINE;
    }
}
