/* ui/app.c - the model's life, what is asked and what arrives. */
#include "ui/app.h"

#include <stdarg.h>

#include "base/clock.h"

imr_status ui_app_init(ui_app *out, const ui_glyphs *glyphs, int rows, int cols, imr_error *err)
{
    *out = (ui_app){.glyphs = glyphs, .rows = rows, .cols = cols};
    out->editing = out->preview = true;
    out->cancelled = out->wanted = -1;
    out->settings = (imr_trace_settings){.feedback_k = 100, .tokens = 10};
    out->map_stage = IMR_STAGE_AFTER;
    out->reading.wish.stage = out->reading.measure.stage = IMR_STAGE_AFTER;
    IMR_TRY(ui_keymap_init(&out->keymap, err));
    out->query.history = &out->history;
    return IMR_OK;
}

static void clear_offers(ui_app *a)
{
    for (size_t i = 0; i < a->offers.n; i++)
        IMR_FREE(a->offers.v[i].text, a->offers.v[i].query_id);
    a->offers.n = 0;
}

void ui_app_done(ui_app *a)
{
    ui_audit_done(&a->audit);
    ui_state_done(&a->states);
    imr_trace_free(a->trace);
    imr_trace_free(a->held);
    imr_trace_free(a->judged);
    imr_quality_free(a->quality);
    imr_comparison_free(a->comparison);
    clear_offers(a);
    ui_keymap_done(&a->keymap);
    ui_prompt_done(&a->query);
    ui_prompt_done(&a->line);
    ui_history_done(&a->history);
    ui_list_done(&a->list);
    ui_reading_done(&a->reading);
    imr_buf_done(&a->clip);
    IMR_FREE(a->map, a->offers.v, a->hits.v, a->request_text, a->request_id, a->ghost,
             a->live.before, a->suggest_text, a->beside, a->export.folder, a->export.path,
             a->reason);
    *a = (ui_app){0};
}

/* ---- what views ask ---- */

const char *ui_app_what_if(const ui_app *a)
{
    return a->trace && *a->trace->settings.what_if.terms ? a->trace->warning : NULL;
}

/* What if has a line of its own. */
const char *ui_app_banner(const ui_app *a)
{
    const bool second = ui_app_what_if(a) != NULL;
    return !a->trace                         ? NULL
           : a->query_error.status != IMR_OK ? a->query_error.text
           : second             ? (a->trace->n_warnings > 1 ? a->trace->warnings[1].text : NULL)
           : *a->trace->warning ? a->trace->warning
                                : NULL;
}

ui_layout ui_app_layout(const ui_app *a)
{
    const char *banner = ui_app_banner(a);
    int rows = banner ? ui_lines_of(banner, a->cols - 2) : 0;
    ui_layout l = ui_layout_of(a->rows, a->cols, a->preview,
                               (rows > 2 ? 2 : rows) + (ui_app_what_if(a) != NULL), a->split);
    if (a->screen == UI_DOCUMENT && a->pane == UI_PANE_WORDS && !l.words.w) {
        l.words = l.body; /* no room for both */
        l.document.w = 0;
    }
    return l;
}

ui_context ui_app_screen_context(const ui_app *a)
{
    return a->screen == UI_DOCUMENT ? UI_IN_DOC
           : a->screen == UI_WORDS  ? UI_IN_WORDS
           : a->screen == UI_MAP    ? UI_IN_MAP
                                    : UI_IN_LIST;
}

ui_context ui_app_context(const ui_app *a)
{
    const ui_context screen = ui_app_screen_context(a);
    static const ui_context overlays[] = {
        [UI_OVER_HELP] = UI_IN_HELP,    [UI_OVER_POINT] = UI_IN_HELP,   [UI_OVER_MENU] = UI_IN_HELP,
        [UI_OVER_PALETTE] = UI_IN_PICK, [UI_OVER_HISTORY] = UI_IN_PICK, [UI_OVER_LINE] = UI_IN_PICK,
        [UI_OVER_EXPORT] = UI_IN_PICK,  [UI_OVER_COLUMNS] = UI_IN_HELP};
    return a->overlay != UI_OVER_NONE           ? overlays[a->overlay]
           : a->editing && screen == UI_IN_LIST ? UI_IN_QUERY
                                                : screen;
}

bool ui_app_detail_fits(const ui_app *a)
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    const imr_detail *have = a->reading.detail;
    return d && have && have->serial == a->trace->serial && strcmp(have->document_id, d->id) == 0;
}

ui_text ui_app_compared(const ui_app *a, size_t place[2])
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    const char *first = ui_list_compared(&a->list, 0), *second = ui_list_compared(&a->list, 1);
    if (!a->trace)
        return ui_textf("Two documents of a ranking are compared here: ask a query first.");
    const bool under_both =
        a->trace->beside && d && !second && (!first || strcmp(first, d->id) == 0);
    if (!under_both && (!first || (!second && !d)))
        return ui_textf("Space marks a document of the list: mark two, or one and move to another. "
                        "Why A stands above B is told here.");
    first = first ? first : d->id;
    second = second ? second : d->id;
    if (!under_both && strcmp(first, second) == 0)
        return ui_textf("A is marked and selected: mark another with Space, or move to it.");
    for (int i = 0; i < 2; i++) {
        const char *id = i ? second : first;
        if ((place[i] = imr_trace_place(a->trace, id)) == SIZE_MAX)
            return ui_textf("%.200s, marked %c, is not listed for this query.", id, "AB"[i]);
    }
    return (ui_text){""};
}

bool ui_app_offering(const ui_app *a)
{
    return a->facts && !a->facts->has_encoder && a->editing && a->screen == UI_RANK;
}

int ui_app_list_rows(const ui_app *a)
{
    ui_layout l = ui_app_layout(a);
    int rows = l.list.h - (l.boxed ? 3 : 1);
    return rows > 0 ? rows : 0;
}

/* ---- rows ---- */

/* Another document is read from its beginning. */
static void read_anew(ui_app *a)
{
    a->why.top = a->document.top = a->words.top = a->text.top = 0;
    a->reading.highlight_at = 0;
    a->cell_query = a->cell_document = 0;
}

void ui_app_select(ui_app *a, size_t row)
{
    ui_list *l = &a->list;
    if (l->n) {
        l->at = row < l->n ? row : l->n - 1;
        ui_replace(&l->selected, l->at == 0 && !l->selected ? NULL : ui_list_selected(l)->id);
    }
    read_anew(a);
}

/* ---- asking ---- */

void ui_app_say(ui_app *a, bool error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->message, sizeof a->message, format, args);
    va_end(args);
    a->message_error = error;
    a->message_time = imr_clock_seconds();
}

void ui_app_forget(ui_app *a)
{
    if (a->message[0] && imr_clock_seconds() - a->message_time >= UI_MESSAGE_SECONDS)
        a->message[0] = 0;
}

void ui_app_run(ui_app *a, const char *text, const char *query_id)
{
    const char *id = a->request_id, *before = a->request_text;
    const bool none = !query_id && text[strspn(text, " ")] == 0;
    a->query_error.status = IMR_OK;
    if (none || ((id || before) && (query_id ? !id || strcmp(id, query_id) != 0
                                             : !before || strcmp(before, text) != 0))) {
        imr_whatif_drop(&a->settings.what_if, "without:"); /* these belong to one query */
        imr_whatif_drop(&a->settings.what_if, "feedback:");
    }
    if (none) {
        a->serial++;
        if (a->waiting)
            a->effects |= UI_FX_CANCEL;
        a->effects &= ~(unsigned)UI_FX_QUERY;
        a->waiting = a->stale = false;
        ui_replace(&a->request_text, NULL);
        ui_replace(&a->request_id, NULL);
        imr_trace_free(a->trace);
        a->list.trace = a->trace = NULL;
        ui_replace(&a->list.selected, NULL); /* another query begins at rank 1 */
        ui_list_arrange(&a->list);
        return;
    }
    ui_replace(&a->request_text, query_id ? NULL : text);
    ui_replace(&a->request_id, query_id);
    ui_app_run_again(a);
}

void ui_app_run_again(ui_app *a)
{
    if (!a->request_text && !a->request_id)
        return;
    a->serial++;
    if (!a->waiting)
        a->asked = imr_clock_seconds();
    a->waiting = true;
    a->effects |= UI_FX_QUERY;
}

void ui_app_list_offers(ui_app *a)
{
    bool typing = a->overlay == UI_OVER_NONE;
    ui_replace(&a->suggest_text, ui_prompt_text(typing ? &a->query : &a->line));
    a->suggest_serial++;
    a->effects |= UI_FX_SUGGEST;
    ui_replace(&a->ghost, NULL);
}

/* ---- arriving ---- */

void ui_app_opened(ui_app *a, imr_session *session, const imr_session_facts *facts)
{
    a->session = session;
    a->list.both = (a->facts ? a->list.both : *facts->other_name) && !a->held;
    imr_trace_free(a->held); /* of the session before */
    a->held = NULL;
    a->beside_wanted = a->beside != NULL;
    a->facts = facts;
    imr_quality_free(a->quality);
    a->quality = NULL;
    a->quality_asked = false;
    ui_audit_done(&a->audit);
    const char *told = *facts->cache_notice                           ? facts->cache_notice
                       : *facts->tokens_problem && facts->has_encoder ? facts->tokens_problem
                                                                      : facts->tokens_notice;
    if (*told)
        ui_app_say(a, false, "%s", told);
    a->effects |= UI_FX_NOTES;
    ui_app_list_offers(a);
    if (a->request_text || a->request_id) { /* under another adapter, or before it was open */
        ui_app_run_again(a);
    } else if (a->query.text.len) { /* typed before it was open, or given on the command line */
        ui_app_run(a, ui_prompt_text(&a->query), NULL);
        a->editing = a->editing && facts->has_encoder; /* else the offers would hide the answer */
    }
}

static void add_offer(ui_app *a, const char *text, const char *query_id)
{
    ui_offer o = {imr_strdup(text), imr_strdup(query_id)};
    if (!o.text || !o.query_id || !IMR_PUSH(&a->offers, o))
        IMR_FREE(o.text, o.query_id);
}

static void take_suggestions(ui_app *a, const imr_delivery *d)
{
    const char *typed = a->suggest_text ? a->suggest_text : "";
    clear_offers(a);
    if (a->overlay == UI_OVER_HISTORY)
        for (size_t i = a->history.n; i-- > 0;)
            if (imr_utf8_contains(a->history.v[i], typed))
                add_offer(a, a->history.v[i], "");
    for (size_t i = 0; i < d->n_suggestions; i++)
        add_offer(a, d->suggestions[i].text, d->suggestions[i].query_id);
    if (a->offers.pick >= a->offers.n)
        a->offers.pick = 0;
    ui_replace(&a->ghost, NULL);
    for (size_t i = 0; a->overlay == UI_OVER_NONE && *typed && i < a->offers.n && !a->ghost; i++) {
        size_t n = imr_utf8_begins(a->offers.v[i].text, typed);
        if (n && a->offers.v[i].text[n])
            ui_replace(&a->ghost, a->offers.v[i].text + n);
    }
}

static void take_trace(ui_app *a, const imr_delivery *d)
{
    bool latest = d->serial == a->serial;
    if (latest)
        a->waiting = a->stale = false;
    if (latest && a->beside_wanted && d->status != IMR_E_CANCELLED) { /* it was ranked first */
        imr_trace_free(a->held);
        a->held = d->trace;
        a->beside_wanted = false;
        ui_replace(&a->beside, a->held ? a->held->query_text : NULL);
        ui_app_run_again(a);
        return;
    }
    if (d->status != IMR_OK) {
        if (latest && d->status != IMR_E_CANCELLED && d->serial == a->what_if_serial) {
            a->settings.what_if = a->what_if_before;
            ui_app_say(a, true, "%s", d->error.text);
        } else if (latest && d->status != IMR_E_CANCELLED) {
            a->query_error = d->error;
        }
        return;
    }
    /* An answer to an older line is better than one to a still older one. */
    if (!latest && (!a->waiting || (a->trace && a->trace->serial >= d->trace->serial))) {
        imr_trace_free(d->trace);
        return;
    }
    imr_trace_free(a->trace);
    a->list.trace = a->trace = d->trace;
    a->export.measured = false;
    ui_app_forget(a);
    if (latest) {
        a->query_error.status = IMR_OK;
        a->settings = d->trace->settings; /* it may have come in spite of being cancelled */
    }
    a->list.top = 0;
    ui_list_arrange(&a->list);
    if (!latest)
        return;
    if (a->states.came && a->list.selected &&
        imr_trace_place(a->trace, a->list.selected) == SIZE_MAX)
        ui_app_say(a, false, "as it was left, but %s is not ranked now", a->list.selected);
    a->states.came = false;
    if (a->list.pinned && imr_trace_place(a->trace, a->list.pinned) == SIZE_MAX) {
        ui_app_say(a, true, "this collection has no document %s", a->list.pinned);
        ui_replace(&a->list.pinned, NULL);
    } else if (a->why_not) {
        ui_on_why_not(a, UI_DO_WHY_NOT, NULL);
    }
    a->why_not = false;
}

static void take_detail(ui_app *a, const imr_delivery *d)
{
    const imr_detail *have = a->reading.detail;
    if (d->status != IMR_OK) {
        if (d->status != IMR_E_CANCELLED) {
            a->reading.error = d->error;
            a->wanted = -1;
        }
        return;
    }
    if (!a->trace || d->detail->serial != a->trace->serial) {
        imr_detail_free(d->detail);
        return;
    }
    if (!have || strcmp(have->document_id, d->detail->document_id) != 0)
        read_anew(a);
    if (d->detail->depth > IMR_DETAIL_WORDS)
        a->message[0] = 0; /* that it is being made */
    ui_reading_take(&a->reading, d->detail);
    if (ui_app_detail_fits(a)) {
        a->wanted = -1;
        a->late = false;
    }
}

static void take_map(ui_app *a, const imr_delivery *d)
{
    const bool latest = a->trace && d->serial == a->trace->serial;
    if (latest)
        a->map_error = d->error;
    imr_free(latest && d->map ? a->map : d->map);
    if (!latest || !d->map)
        return;
    a->map = d->map;
    if (!a->map->stage[a->map_stage].at)
        a->map_stage = IMR_STAGE_ENCODER;
}

static void take_comparison(ui_app *a, const imr_delivery *d)
{
    const imr_comparison *c = d->comparison;
    imr_comparison_free(a->comparison);
    a->comparison = NULL;
    if (d->status != IMR_OK)
        a->compare_error = d->error;
    const bool under_both = a->compared[0] == a->compared[1];
    if (c && a->trace && d->serial == a->trace->serial &&
        under_both == (c->why.of != IMR_COMPARE_DOCUMENTS) &&
        c->place[under_both && a->trace->second] == a->compared[0] &&
        (under_both || c->place[1] == a->compared[1]))
        a->comparison = d->comparison;
    else
        imr_comparison_free(d->comparison);
}

static void take_notes(ui_app *a, const imr_delivery *d)
{
    imr_notes *other = d->notes; /* where jobs are cancelled they may come out of order */
    if (other && (!a->list.notes || a->list.notes->v.n <= other->v.n)) {
        other = a->list.notes;
        a->list.notes = d->notes;
    }
    imr_notes_free(other);
    const imr_notes *n = a->list.notes;
    if (d->status != IMR_OK)
        ui_app_say(a, true, "%s", d->error.text);
    else if (d->serial)
        ui_app_say(a, false, a->judged_n > 1 ? "noted in %s, %zu documents" : "noted in %s",
                   d->path, a->judged_n);
    else if (n && (n->broken || n->cut))
        ui_app_say(a, true, "%s: line %llu: %s", d->path,
                   (unsigned long long)(n->broken ? n->broken : n->cut),
                   n->broken ? n->problem : "it was cut off, and is no note");
    if (!d->serial)
        return;
    ui_replace(&a->reason, d->status != IMR_OK ? d->path : NULL); /* to be tried again */
    a->note_error = d->error;
    a->note_error.status = d->status;
}

void ui_app_deliver(ui_app *a, const imr_delivery *d)
{
    bool failed = d->status != IMR_OK;
    if (d->kind == IMR_ASYNC_OPEN && failed) {
        a->editing = false; /* nothing can be asked: q quits */
        a->error = d->error;
    } else if (d->kind == IMR_ASYNC_QUERY) {
        take_trace(a, d);
    } else if (d->kind == IMR_ASYNC_DETAIL) {
        take_detail(a, d);
    } else if (d->kind == IMR_ASYNC_MAP) {
        take_map(a, d);
    } else if (d->kind == IMR_ASYNC_QUALITY) {
        a->quality = d->quality;
        a->quality_error = d->error;
    } else if (d->kind == IMR_ASYNC_AUDIT) {
        ui_app_take_audit(a, d);
    } else if (d->kind == IMR_ASYNC_NOTES) {
        take_notes(a, d);
    } else if (d->kind == IMR_ASYNC_COMPARE) {
        take_comparison(a, d);
    } else if (d->kind == IMR_ASYNC_SUGGEST && !failed && d->serial == a->suggest_serial) {
        take_suggestions(a, d);
    } else if (d->kind == IMR_ASYNC_EXPORT || d->kind == IMR_ASYNC_SIZE) {
        ui_export_take(a, d);
    } else if (d->kind != IMR_ASYNC_SUGGEST && failed) { /* of writing, words, another adapter */
        a->second = a->second_asked = a->facts && a->facts->second;
        ui_app_say(a, true, "%s", d->error.text);
    }
    IMR_FREE(d->suggestions, d->path);
    ui_app_settle(a);
}

/* ---- after every change ---- */

void ui_scroll_fit(ui_scroll *s, size_t lines, int page)
{
    s->lines = lines;
    s->page = page > 0 ? (size_t)page : 0;
    if (s->top + s->page > lines)
        s->top = lines > s->page ? lines - s->page : 0;
}

/* The text in lines, of the pane that shows it. */
static void settle_text(ui_app *a)
{
    ui_layout l = ui_app_layout(a);
    ui_reading *r = &a->reading;
    if (!r->detail || l.class == UI_CLASS_T)
        return;
    const char *text = r->detail->text;
    size_t read = r->detail->read_end ? r->detail->read_end : SIZE_MAX;
    bool whole = a->screen == UI_PREVIEW || a->screen == UI_WORDS;
    ui_lines_set(&r->preview, text, whole ? a->cols - 2 : l.preview_columns, read);
    ui_lines_set(&r->page, text, l.document_columns, read);
    ui_scroll_fit(&a->document, r->page.n, l.document.h - (l.boxed ? 2 : 1));
    ui_scroll_fit(&a->words, r->document.words, l.words.h - 5); /* its box, its sums */
    ui_scroll_fit(&a->text, r->preview.n, whole ? l.body.h - 1 : l.preview.h - 2);
}

/* The screen Compare is of the two documents it says. */
static void settle_comparison(ui_app *a)
{
    size_t place[2] = {0};
    if (a->screen != UI_COMPARE || a->waiting || !a->facts || *ui_app_compared(a, place).s ||
        (a->compared_serial == a->trace->serial && place[0] == a->compared[0] &&
         place[1] == a->compared[1]))
        return;
    imr_comparison_free(a->comparison);
    a->comparison = NULL;
    a->compare_error.status = IMR_OK;
    a->compared_serial = a->trace->serial;
    memcpy(a->compared, place, sizeof place);
    a->why.top = 0;
    a->effects |= UI_FX_COMPARE;
}

void ui_app_settle(ui_app *a)
{
    ui_list *list = &a->list;
    ui_reading *r = &a->reading;
    ui_found_settle(a);
    if (!a->away)
        ui_list_keep_in_sight(list, (size_t)ui_app_list_rows(a));
    if (list->n && !a->waiting && a->facts &&
        (r->serial != a->trace->serial || r->place != list->order[list->at])) {
        r->serial = a->trace->serial;
        r->place = list->order[list->at];
        r->error.status = IMR_OK;
        a->effects |= UI_FX_DETAIL;
        a->wanted = imr_clock_seconds();
        a->late = false;
    }
    if (a->screen == UI_MAP && a->trace && !a->waiting && a->map_serial != a->trace->serial) {
        a->map_serial = a->trace->serial;
        a->effects |= UI_FX_MAP;
    }
    if (a->screen == UI_ADAPTER && a->facts && *a->facts->inputs.adapter_form &&
        !a->quality_asked) {
        a->quality_asked = true;
        a->effects |= UI_FX_QUALITY;
    }
    if (a->screen == UI_WORDS && ui_app_detail_fits(a) && a->cell_query < r->query.n &&
        a->cell_document < r->document.n)
        ui_reading_mark(r, r->query.order[a->cell_query], r->document.order[a->cell_document]);
    else if (a->screen != UI_DOCUMENT)
        ui_reading_mark(r, SIZE_MAX, SIZE_MAX);
    if (a->screen == UI_AUDIT && a->facts && !a->audit.asked) {
        a->audit.asked = true;
        a->audit.began = imr_clock_seconds();
        a->audit.first = a->audit.rows;
        a->effects |= UI_FX_AUDIT;
    }
    settle_comparison(a);
    settle_text(a);
    if (a->overlay == UI_OVER_EXPORT && !a->export.writing && !a->export.measured) {
        a->export.measured = true;
        a->export.bytes = 0;
        a->effects |= UI_FX_EXPORT;
    }
}
