/* ui/find.c - what is found where one looks, and lines that act while they are typed: find, filter. */
#include "base/clock.h"
#include "ui/app.h"

/* Rows that are looked through; `at` is under the cursor or, of what scrolls, the first one shown. */
typedef struct place {
    size_t n, *at;
    const ui_scroll *scroll;
    const ui_lines *lines;
    const ui_rows *rows;
    bool list;
} place;

static place of_text(ui_scroll *s, const ui_lines *lines)
{
    return (place){lines->n, &s->top, .scroll = s, .lines = lines};
}

static place of_rows(ui_scroll *s, const ui_rows *rows)
{
    return (place){rows ? (size_t)rows->n : 0, &s->top, .scroll = s, .rows = rows};
}

static place looked_at(ui_app *a)
{
    const bool panes = a->screen == UI_RANK && !a->editing;
    if (ui_app_helps(a))
        return of_rows(&a->help, a->help_rows);
    if (a->screen == UI_DOCUMENT && a->pane == UI_PANE_WORDS)
        return (place){a->words.lines, &a->words.top, .scroll = &a->words};
    if (a->screen == UI_DOCUMENT)
        return of_text(&a->document, &a->reading.page);
    if (a->screen == UI_PREVIEW || (panes && a->pane == UI_PANE_PREVIEW))
        return of_text(&a->text, &a->reading.preview);
    if (a->screen == UI_AUDIT && !a->audit.words)
        return (place){a->audit.n, &a->audit.at};
    if (ui_is_rows(a->screen) || (panes && a->pane == UI_PANE_WHY))
        return of_rows(&a->why, a->why_rows);
    if (a->screen == UI_WORDS)
        return (place){a->reading.detail ? a->reading.document.n : 0, &a->cell_document};
    return (place){a->list.n, &a->list.at, .list = true};
}

static bool has(const ui_app *a, const place *p, size_t row, double until)
{
    const ui_line *line = p->lines ? &p->lines->v[row] : NULL;
    const ui_reading *r = &a->reading;
    IMR_AUTOBUF imr_buf b = {0};
    size_t from = 0, end, n = SIZE_MAX;
    if (line) { /* words may be broken over two lines */
        const size_t to = line[row + 1 < p->n].end;
        n = line->end - line->start;
        imr_buf_add(&b, p->lines->text + line->start, to - line->start);
    } else if (p->rows) {
        const ui_cell *c = ui_grid_cell(&p->rows->grid, (int)row, 0);
        for (int x = 0; x < p->rows->grid.cols; x++)
            imr_buf_add(&b, c[x].text, c[x].len);
    } else if (p->list) {
        const imr_trace_document *d = ui_list_row(&a->list, row);
        return imr_pattern_find(&a->list.find, d->title, until, &from, &end) ||
               imr_pattern_find(&a->list.find, d->id, until, &from, &end);
    } else if (p->at == &a->audit.at) {
        const imr_suggestion q = imr_audit_query(a->audit.of, a->audit.order[row]);
        imr_buf_printf(&b, "%s\n%s", q.text, q.query_id);
    } else {
        imr_buf_str(&b, r->detail->why.pairs.document[r->document.order[row]].text);
    }
    return imr_pattern_find(&a->list.find, imr_buf_text(&b), until, &from, &end) && from < n;
}

/* Counts the rows that have it and goes to the next, 1, or the one before, -1, around the ends; or
 * stays; here: the row one is in counts as the next. */
static void look(ui_app *a, int step, bool here)
{
    const place p = looked_at(a);
    ui_found *f = &a->found, next = {0}, before = {0}, last = {0};
    const double until = imr_clock_seconds() + 0.05;
    const size_t top = *p.at, page = p.scroll ? p.scroll->page : 1;
    const size_t from = !here && f->row >= top && f->row < top + page ? f->row : top;
    f->n = f->at = 0;
    for (size_t row = 0; ui_app_finds(a) && row < p.n; row++) {
        if (!has(a, &p, row, until))
            continue;
        last = (ui_found){row, ++f->n, 0};
        if (row < from)
            before = last;
        if (row == from)
            f->at = f->n;
        if (!next.at && (row > from || (here && row == from)))
            next = last;
        if (f->n == 1 && step)
            f->row = row; /* the first */
    }
    if (step && !f->n)
        ui_app_say(a, false, "nothing here has %s", a->list.find.text);
    if (!step || !f->n)
        return;
    const ui_found to =
        step > 0 ? (next.at ? next : (ui_found){f->row, 1, 0}) : (before.at ? before : last);
    f->row = to.row;
    f->at = to.at;
    if (p.list)
        ui_app_select(a, to.row);
    else
        *p.at = p.scroll ? ui_in_sight(top, to.row, page ? page : 1) : to.row;
}

void ui_found_settle(ui_app *a)
{
    look(a, 0, false);
}

bool ui_find(ui_app *a, const char *text)
{
    imr_error err;
    imr_pattern p = {0};
    const bool good = imr_pattern_make(&p, text, strlen(text), &err) == IMR_OK;
    imr_pattern_done(&a->list.find);
    a->list.find = p;
    if (!good)
        ui_app_say(a, true, "%s", err.text);
    return good && *text;
}

UI_ON(find)
{
    if (!argument)
        ui_live_open(a, action, a->list.find.text);
    else if (ui_find(a, argument))
        look(a, 1, false);
}

UI_ON(find_again)
{
    if (ui_app_finds(a))
        look(a, ui_step(action, UI_DO_FIND_NEXT), false);
    else
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
    a->live.at = *p.at;
    a->live.untouched = !a->list.selected;
    ui_replace(&a->live.before, before);
}

/* As it was when the line was opened. */
static void go_back(ui_app *a)
{
    const place p = looked_at(a);
    *p.at = a->live.at;
    if (p.list)
        ui_app_select(a, a->live.at);
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
        if (ui_find(a, text))
            look(a, 1, true);
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
