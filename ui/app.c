/* ui/app.c - the model's life, what arrives, and the rows of the list. */
#include "ui/app.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/mem.h"
#include "text/utf8.h"
#include "ui/view.h"
#include "ui/words.h"

void ui_replace(char **slot, const char *text)
{
    char *copy = text ? imr_strdup(text) : NULL;
    imr_free(*slot);
    *slot = copy;
}

imr_status ui_app_init(ui_app *out, const ui_glyphs *glyphs, int rows, int cols, imr_error *err)
{
    *out = (ui_app){.glyphs = glyphs, .rows = rows, .cols = cols, .editing = true, .preview = true};
    out->cancelled = -1;
    out->settings = (imr_trace_settings){.feedback_k = 100, .tokens = 10};
    IMR_TRY(ui_keymap_init(&out->keymap, err));
    ui_prompt_init(&out->query, &out->history);
    ui_prompt_init(&out->line, NULL);
    return IMR_OK;
}

static void clear_offers(ui_app *a)
{
    for (size_t i = 0; i < a->offers.n; i++) {
        imr_free(a->offers.v[i].text);
        imr_free(a->offers.v[i].query_id);
    }
    a->offers.n = 0;
}

void ui_app_done(ui_app *a)
{
    ui_app_idle(a);
    imr_trace_free(a->trace);
    imr_detail_free(a->detail);
    clear_offers(a);
    imr_free(a->offers.v);
    imr_free(a->retired);
    ui_keymap_done(&a->keymap);
    ui_prompt_done(&a->query);
    ui_prompt_done(&a->line);
    ui_history_done(&a->history);
    ui_lines_done(&a->document_lines);
    ui_lines_done(&a->preview_lines);
    imr_buf_done(&a->clip);
    imr_free(a->order);
    imr_free(a->highlights);
    imr_free(a->words);
    char **strings[] = {&a->request_text, &a->request_id,    &a->ghost,       &a->suggest_text,
                        &a->selected,     &a->pinned,        &a->find,        &a->filter_words,
                        &a->clip_path,    &a->export_format, &a->export_path, &a->folder};
    for (size_t i = 0; i < IMR_LEN(strings); i++)
        imr_free(*strings[i]);
    *a = (ui_app){0};
}

void ui_app_idle(ui_app *a)
{
    for (size_t i = 0; i < a->n_retired; i++)
        imr_trace_free(a->retired[i].trace);
    a->n_retired = 0;
}

/* A job may still read the trace; it goes when none runs. */
static void retire(ui_app *a, imr_trace *t)
{
    if (t && imr_array_grow(&a->retired, a->n_retired, &a->cap_retired, 1, sizeof *a->retired))
        a->retired[a->n_retired++].trace = t;
}

/* ---- what views ask ---- */

const char *ui_app_banner(const ui_app *a)
{
    if (!a->trace)
        return NULL;
    if (a->query_error.status != IMR_OK)
        return a->query_error.text;
    return *a->trace->warning ? a->trace->warning : NULL;
}

ui_layout ui_app_layout(const ui_app *a)
{
    const char *banner = ui_app_banner(a);
    ui_lines lines = {0};
    if (banner)
        ui_lines_set(&lines, banner, a->cols - 2);
    int rows = lines.n > 2 ? 2 : (int)lines.n;
    ui_lines_done(&lines);
    return ui_layout_of(a->rows, a->cols, a->preview, rows);
}

ui_context ui_app_context(const ui_app *a)
{
    switch (a->overlay) {
    case UI_OVER_HELP:
    case UI_OVER_MENU:
        return UI_IN_HELP;
    case UI_OVER_PALETTE:
    case UI_OVER_HISTORY:
    case UI_OVER_LINE:
        return UI_IN_PICK;
    case UI_OVER_NONE:
        break;
    }
    if (a->screen == UI_DOCUMENT)
        return UI_IN_DOC;
    return a->editing ? UI_IN_QUERY : UI_IN_LIST;
}

const imr_trace_document *ui_app_selected(const ui_app *a)
{
    return a->trace && a->at < a->n_order ? &a->trace->documents[a->order[a->at]] : NULL;
}

bool ui_app_detail_fits(const ui_app *a)
{
    const imr_trace_document *d = ui_app_selected(a);
    return d && a->detail && a->detail->serial == a->trace->serial &&
           strcmp(a->detail->document_id, d->id) == 0;
}

const char *ui_sort_name(ui_sort sort)
{
    static const char *const names[UI_SORT_COUNT] = {"now", "was", "move",  "delta",
                                                     "abs", "cos", "title", "id"};
    return names[sort];
}

const char *ui_filter_name(ui_filter filter)
{
    static const char *const names[UI_FILTER_COUNT] = {"none",     "winners", "losers",
                                                       "relevant", "movers",  "words"};
    return names[filter];
}

double ui_token_value(const imr_trace_token *t, imr_token_order order)
{
    return order == IMR_ORDER_Z        ? t->background_z
           : order == IMR_ORDER_EFFECT ? t->effect
                                       : t->cosine;
}

int ui_app_list_rows(const ui_app *a)
{
    ui_layout l = ui_app_layout(a);
    int rows = l.list.h - (l.boxed ? 3 : 1);
    return rows > 0 ? rows : 0;
}

/* ---- rows ---- */

typedef struct row_key {
    double number;
    const char *text;
    size_t place;
} row_key;

static int by_key(const void *x, const void *y)
{
    const row_key *a = x, *b = y;
    if (a->text && b->text) {
        int order = strcmp(a->text, b->text);
        if (order)
            return order;
    }
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static row_key key_of(const imr_trace_document *d, size_t place, ui_sort sort)
{
    row_key k = {.place = place};
    switch (sort) {
    case UI_SORT_WAS:
        k.number = d->rank_before ? d->rank_before : INFINITY;
        break;
    case UI_SORT_MOVE:
        k.number = -d->move;
        break;
    case UI_SORT_DELTA:
        k.number = -d->delta_sim_relative;
        break;
    case UI_SORT_ABS:
        k.number = -fabs((double)d->delta_sim_relative);
        break;
    case UI_SORT_COS:
        k.number = -d->sim_after;
        break;
    case UI_SORT_TITLE:
        k.text = d->title;
        break;
    case UI_SORT_ID:
        k.text = d->id;
        break;
    default:
        break;
    }
    if (isnan(k.number))
        k.number = INFINITY;
    return k;
}

static bool passes(const ui_app *a, const imr_trace_document *d)
{
    switch (a->filter) {
    case UI_FILTER_WINNERS:
        return d->move > 0;
    case UI_FILTER_LOSERS:
        return d->move < 0;
    case UI_FILTER_RELEVANT:
        return d->relevance > 0;
    case UI_FILTER_MOVERS:
        return abs(d->move) >= UI_BIG_MOVE;
    case UI_FILTER_WORDS:
        return !a->filter_words || ui_contains(d->title, a->filter_words) ||
               ui_contains(d->id, a->filter_words);
    default:
        return true;
    }
}

void ui_app_reorder(ui_app *a)
{
    size_t n = a->trace ? a->trace->n_documents : 0;
    row_key *keys = IMR_NEW_ARRAY(row_key, n + 1);
    size_t *order = IMR_NEW_ARRAY(size_t, n + 1), kept = 0;
    if (!keys || !order) {
        imr_free(keys);
        imr_free(order);
        a->n_order = 0;
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (passes(a, &a->trace->documents[i]))
            keys[kept++] = key_of(&a->trace->documents[i], i, a->sort);
    qsort(keys, kept, sizeof *keys, by_key);
    for (size_t i = 0; i < kept; i++)
        order[i] = keys[a->reversed ? kept - 1 - i : i].place;
    imr_free(keys);
    imr_free(a->order);
    a->order = order;
    a->n_order = kept;

    size_t at = 0;
    for (size_t i = 0; a->selected && i < kept; i++)
        if (strcmp(a->trace->documents[order[i]].id, a->selected) == 0)
            at = i;
    a->at = at;
}

void ui_app_select(ui_app *a, size_t row)
{
    if (a->n_order == 0)
        return;
    a->at = row < a->n_order ? row : a->n_order - 1;
    const imr_trace_document *d = ui_app_selected(a);
    ui_replace(&a->selected, a->at == 0 && !a->selected ? NULL : d->id);
    a->why_top = a->preview_top = a->document_top = 0;
    a->highlight_at = 0;
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
    bool blank = !query_id && text[strspn(text, " ")] == 0;
    a->serial++;
    a->query_error.status = IMR_OK;
    if (blank) {
        if (a->waiting)
            a->effects |= UI_FX_CANCEL;
        a->effects &= ~(unsigned)UI_FX_QUERY;
        a->waiting = a->stale = false;
        ui_replace(&a->request_text, NULL);
        ui_replace(&a->request_id, NULL);
        retire(a, a->trace);
        a->trace = NULL;
        ui_replace(&a->selected, NULL); /* another query begins at rank 1 */
        ui_app_reorder(a);
        return;
    }
    ui_replace(&a->request_text, query_id ? NULL : text);
    ui_replace(&a->request_id, query_id);
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
    a->facts = facts;
    if (*facts->cache_notice)
        ui_app_say(a, false, "%s", facts->cache_notice);
    else if (*facts->tokens_problem && facts->has_encoder)
        ui_app_say(a, false, "%s", facts->tokens_problem);
    else if (*facts->tokens_notice)
        ui_app_say(a, false, "%s", facts->tokens_notice);
    ui_app_list_offers(a);
    if (a->query.text.len) { /* typed before it was open, or given on the command line */
        ui_app_run(a, ui_prompt_text(&a->query), NULL);
        a->editing = a->editing && facts->has_encoder; /* else the offers would hide the answer */
    }
}

static void add_offer(ui_app *a, const char *text, const char *query_id)
{
    ui_offer o = {imr_strdup(text), imr_strdup(query_id)};
    if (!o.text || !o.query_id || !IMR_PUSH(&a->offers, o)) {
        imr_free(o.text);
        imr_free(o.query_id);
    }
}

static void take_suggestions(ui_app *a, const imr_delivery *d)
{
    const char *typed = a->suggest_text ? a->suggest_text : "";
    clear_offers(a);
    if (a->overlay == UI_OVER_HISTORY)
        for (size_t i = a->history.n; i-- > 0;)
            if (ui_contains(a->history.v[i], typed))
                add_offer(a, a->history.v[i], "");
    for (size_t i = 0; i < d->n_suggestions; i++)
        add_offer(a, d->suggestions[i].text, d->suggestions[i].query_id);
    if (a->pick >= a->offers.n)
        a->pick = 0;
    ui_replace(&a->ghost, NULL);
    for (size_t i = 0; a->overlay == UI_OVER_NONE && *typed && i < a->offers.n && !a->ghost; i++) {
        size_t n = ui_begins(a->offers.v[i].text, typed);
        if (n && a->offers.v[i].text[n])
            ui_replace(&a->ghost, a->offers.v[i].text + n);
    }
}

static void take_trace(ui_app *a, const imr_delivery *d)
{
    bool latest = d->serial == a->serial;
    if (latest)
        a->waiting = a->stale = false;
    if (d->status != IMR_OK) {
        if (latest && d->status != IMR_E_CANCELLED)
            a->query_error = d->error;
        return;
    }
    /* An answer to an older line is better than one to a still older one. */
    if (!latest && (!a->waiting || (a->trace && a->trace->serial >= d->trace->serial))) {
        imr_trace_free(d->trace);
        return;
    }
    retire(a, a->trace);
    a->trace = d->trace;
    ui_app_forget(a);
    if (latest) {
        a->query_error.status = IMR_OK;
        a->settings = d->trace->settings; /* it may have come in spite of being cancelled */
    }
    a->top = 0;
    a->why_top = a->preview_top = 0;
    ui_app_reorder(a);
}

static void take_detail(ui_app *a, const imr_delivery *d)
{
    if (d->status != IMR_OK) {
        if (d->status != IMR_E_CANCELLED)
            a->detail_error = d->error;
        return;
    }
    if (!a->trace || d->detail->serial != a->trace->serial) {
        imr_detail_free(d->detail);
        return;
    }
    bool same = a->detail && strcmp(a->detail->document_id, d->detail->document_id) == 0;
    ui_lines_done(&a->document_lines);
    ui_lines_done(&a->preview_lines);
    imr_detail_free(a->detail);
    a->detail = d->detail;
    a->detail_error.status = IMR_OK;
    a->highlight_at = 0;
    if (!same)
        a->document_top = a->preview_top = 0;
    ui_words_of(a);
}

void ui_app_deliver(ui_app *a, const imr_delivery *d)
{
    switch (d->kind) {
    case IMR_ASYNC_OPEN:
        if (d->status != IMR_OK) {
            a->failed = true;
            a->editing = false; /* nothing can be asked: q quits */
            a->error = d->error;
        }
        break;
    case IMR_ASYNC_QUERY:
        take_trace(a, d);
        break;
    case IMR_ASYNC_DETAIL:
        take_detail(a, d);
        break;
    case IMR_ASYNC_SUGGEST:
        if (d->serial == a->suggest_serial && d->status == IMR_OK)
            take_suggestions(a, d);
        imr_free(d->suggestions);
        break;
    case IMR_ASYNC_WRITE:
        if (d->status != IMR_OK)
            ui_app_say(a, true, "%s", d->error.text);
        imr_free(d->path);
        break;
    case IMR_ASYNC_EXPORT:
        if (d->status == IMR_OK)
            ui_app_say(a, false, "saved %s", d->path);
        else
            ui_app_say(a, true, "%s", d->error.text);
        imr_free(d->path);
        break;
    }
    ui_app_settle(a);
}

/* ---- after every change ---- */

static void keep_in_sight(ui_app *a)
{
    size_t rows = (size_t)ui_app_list_rows(a);
    if (rows > 1 && a->pinned)
        rows--; /* the last row may be the pinned document's */
    if (rows == 0 || a->n_order == 0) {
        a->top = 0;
        return;
    }
    if (a->at < a->top)
        a->top = a->at;
    if (a->at >= a->top + rows)
        a->top = a->at - rows + 1;
    if (a->top + rows > a->n_order)
        a->top = a->n_order > rows ? a->n_order - rows : 0;
}

static void clamp_top(size_t *top, size_t lines, int rows)
{
    size_t room = rows > 0 ? (size_t)rows : 0;
    if (*top + room > lines)
        *top = lines > room ? lines - room : 0;
}

void ui_app_settle(ui_app *a)
{
    ui_layout l = ui_app_layout(a);
    keep_in_sight(a);
    if (a->overlay == UI_OVER_HELP)
        clamp_top(&a->help_top, (size_t)ui_help_lines(a), l.body.h - 2);
    if (a->screen == UI_WHY_FULL)
        clamp_top(&a->why_top, (size_t)ui_why_lines(a), l.body.h);
    if (a->trace && a->n_order && !a->waiting && a->facts && a->facts->has_texts &&
        (a->detail_serial != a->trace->serial || a->detail_place != a->order[a->at])) {
        a->detail_serial = a->trace->serial;
        a->detail_place = a->order[a->at];
        a->detail_error.status = IMR_OK;
        a->effects |= UI_FX_DETAIL;
    }
    if (a->detail && l.class != UI_CLASS_T) {
        int columns = a->screen == UI_PREVIEW_FULL ? a->cols - 2 : l.preview_columns;
        ui_lines_set(&a->preview_lines, a->detail->text, columns);
        ui_lines_set(&a->document_lines, a->detail->text, l.document_columns);
        clamp_top(&a->document_top, a->document_lines.n, l.document.h - (l.boxed ? 2 : 1));
        clamp_top(&a->preview_top, a->preview_lines.n,
                  a->screen == UI_PREVIEW_FULL ? l.body.h - 1 : l.preview.h - 2);
    }
}
