/* ui/view_lines.c - the three lines above the panes and the two below. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "text/utf8.h"
#include "ui/format.h"
#include "ui/update.h"
#include "ui/view.h"

static int width(const char *text)
{
    return (int)imr_utf8_width(text, strlen(text));
}

/* The key that leads to an action here, as a label; "" when there is none. */
static const char *key_for(const ui_app *a, ui_context c, ui_action action, char *out)
{
    ui_key key = ui_keymap_key(&a->keymap, c, action, 0);
    if (key == UI_KEY_NONE)
        return "";
    ui_key_label(out, key);
    if (a->glyphs->ascii && (unsigned char)out[0] >= 0x80)
        ui_key_format(out, key);
    return out;
}

/* " · top 100" of the rows shown, or another scope than that; before there are rows, the scope they
 * will have. "" when there is nothing to say or the usual has no room. */
static void depth(const ui_app *a, char *out, size_t size, int room)
{
    const imr_trace_settings *now = a->trace ? &a->trace->settings : &a->settings;
    const char *dot = a->glyphs->middot;
    *out = 0;
    if (now->scope != IMR_SCOPE_RERANK)
        snprintf(out, size, " %s scope %s", dot, imr_scope_name(now->scope));
    else if (a->trace)
        snprintf(out, size, " %s top %u", dot, now->feedback_k);
    if (now->scope == IMR_SCOPE_RERANK && width(out) > room)
        *out = 0;
}

/* Data set, adapter and depth right-aligned in [from, end): where room is short the usual depth
 * goes first, then both names are cut alike. */
static void session_names(const ui_app *a, ui_surface s, int from, int end)
{
    char dot[16], top[64];
    const char *names[] = {a->facts->dataset_name, a->facts->adapter_name};
    int w[2], room = end - from, between = 2 + width(a->glyphs->middot);
    for (int i = 0; i < 2; i++)
        w[i] = width(names[i]);
    depth(a, top, sizeof top, room - w[0] - between - w[1]);
    room -= width(top);
    int over = w[0] + between + w[1] - room;
    if (room < between + 12)
        return;
    if (over > 0) {
        int longer = w[0] > w[1] ? 0 : 1, half = (room - between) / 2;
        w[longer] = w[!longer] <= half ? w[longer] - over : half;
        w[!longer] = w[!longer] <= half ? w[!longer] : room - between - half;
    }
    int x = end - w[0] - between - w[1] - width(top);
    x = ui_put_cut(s, 0, x, w[0], UI_DIM, names[0], strlen(names[0]));
    snprintf(dot, sizeof dot, " %s ", a->glyphs->middot);
    x = ui_put(s, 0, x, UI_DIM, dot);
    x = ui_put_cut(s, 0, x, w[1], UI_DIM, names[1], strlen(names[1]));
    ui_put(s, 0, x, UI_DIM, top);
}

void ui_draw_tabs(const ui_app *a, ui_surface s)
{
    static const struct {
        ui_screen screen;
        const char *name;
    } tabs[] = {{UI_RANK, "1 Rank"}, {UI_DOCUMENT, "2 Document"}};
    char key[UI_KEY_NAME_MAX], right[400];
    int x = ui_put(s, 0, 1, UI_STRONG, "imrnn") + 1;
    for (size_t i = 0; i < IMR_LEN(tabs); i++) {
        bool on = a->screen == tabs[i].screen || (a->screen != UI_DOCUMENT && i == 0);
        x = ui_put(s, 0, x, on ? UI_STRONG : UI_DIM, on ? "[" : " ");
        x = ui_put(s, 0, x, on ? UI_STRONG : UI_DIM, tabs[i].name);
        x = ui_put(s, 0, x, on ? UI_STRONG : UI_DIM, on ? "]" : " ");
    }
    ui_context c = ui_app_context(a);
    int end = s.at.w;
    snprintf(right, sizeof right, "%s help", key_for(a, c, UI_DO_HELP, key));
    ui_put_right(s, 0, end, UI_KEY, right);
    end -= width(right) + 2;
    if (!a->facts)
        return;
    session_names(a, s, x + 1, end);
}

/* Timings when they are known, then the mode. Returns the columns used at the right end. */
static int query_right(const ui_app *a, ui_surface s)
{
    const char *mode = a->editing && a->screen == UI_RANK ? "QUERY" : "LIST";
    if (a->overlay != UI_OVER_NONE)
        mode = a->overlay == UI_OVER_HELP ? "HELP" : a->overlay == UI_OVER_MENU ? "MENU" : "PICK";
    else if (a->screen == UI_DOCUMENT)
        mode = "DOC";
    int used = 7;
    ui_put_right(s, 0, s.at.w - 1, UI_MODE, mode);
    char text[120] = "";
    if (a->stale) {
        snprintf(text, sizeof text, "%s", a->glyphs->ascii ? "working" : "?");
    } else if (a->trace && a->query_error.status != IMR_OK) {
        snprintf(text, sizeof text, "old rows");
    } else if (a->facts && !a->facts->has_encoder) {
        snprintf(text, sizeof text,
                 s.at.w >= 100 ? "no encoder: cached queries only" : "no encoder");
    } else if (a->trace && s.at.w >= 100) {
        const imr_trace_timing *t = &a->trace->timing;
        const char *dot = a->glyphs->middot;
        snprintf(text, sizeof text, "encode %.1f %s search %.1f %s adapt %.1f %s explain %.1f ms",
                 t->encode, dot, t->search, dot, t->adapt, dot, t->explain);
    } else if (a->trace) {
        const imr_trace_timing *t = &a->trace->timing;
        snprintf(text, sizeof text, "%.0f ms", t->encode + t->search + t->adapt + t->explain);
    }
    ui_put_right(s, 0, s.at.w - used - 1, a->stale ? UI_STRONG : UI_DIM, text);
    return used + width(text) + 2;
}

void ui_draw_query(const ui_app *a, ui_surface s)
{
    int right = query_right(a, s);
    int x = ui_put(s, 0, 1, UI_STRONG, a->glyphs->prompt) + 1;
    int w = s.at.w - right - x;
    bool active = a->editing && a->screen == UI_RANK && a->overlay == UI_OVER_NONE;
    ui_prompt_draw(&a->query, s, 0, x, w, UI_TEXT, active);
    if (active && a->ghost && a->query.cursor == a->query.text.len) {
        int at = x + width(ui_prompt_text(&a->query));
        if (at + 4 < x + w)
            ui_put_cut(s, 0, at, x + w - at, UI_BORDER, a->ghost, strlen(a->ghost));
    }
}

static int one_metric(const ui_app *a, ui_surface s, int x, const imr_trace_metric *m)
{
    const ui_glyphs *g = a->glyphs;
    char before[UI_NUMBER], after[UI_NUMBER], change[UI_NUMBER], text[200];
    double d = m->after - m->before;
    const char *mark = d > 0 ? g->up : d < 0 ? g->down : g->same;
    ui_format_plain(before, g, m->before, 3);
    ui_format_plain(after, g, m->after, 3);
    snprintf(text, sizeof text, "%s %s %s %s ", m->name, before, g->arrow, after);
    snprintf(change, sizeof change, "%s", mark);
    if (x + width(text) + 1 > s.at.w)
        return s.at.w;
    x = ui_put(s, 0, x, UI_TEXT, text);
    x = ui_put(s, 0, x, ui_sign_role(d), change);
    if (s.at.w >= 100 && d != 0 && x + 7 < s.at.w)
        x = ui_put(s, 0, x, ui_sign_role(d), ui_format_signed(text, g, d, 3));
    return x + 3;
}

static void document_facts(const ui_app *a, ui_surface s, const imr_trace_document *d)
{
    const ui_glyphs *g = a->glyphs;
    char b[5][UI_NUMBER], text[400];
    const char *gap = s.at.w >= 100 ? "   " : "  ";
    snprintf(text, sizeof text, "rank %u %s %u %s%scos %s %s %s%s%ssim %s%s%s%smed %s%s%s",
             d->rank_before, g->arrow, d->rank_after, ui_format_move(b[0], g, d->move), gap,
             ui_format_plain(b[1], g, d->sim_before, 4), g->arrow,
             ui_format_plain(b[2], g, d->sim_after, 4), gap, g->delta,
             ui_format_signed(b[3], g, d->delta_sim, 4), gap, g->delta, g->minus,
             ui_format_signed(b[4], g, d->delta_sim_relative, 4), gap,
             d->relevance > 0    ? "relevant"
             : d->relevance == 0 ? "not relevant"
                                 : "not judged");
    ui_put_cut(s, 0, 1, s.at.w - 2, UI_TEXT, text, strlen(text));
}

void ui_draw_banner(const ui_app *a, ui_surface s)
{
    const char *text = ui_app_banner(a);
    if (text)
        ui_put_wrapped(s, 0, 1, s.at.w - 2, s.at.h, ui_query_error_role(a), text);
}

void ui_draw_metrics(const ui_app *a, ui_surface s)
{
    const imr_trace_document *d = ui_app_selected(a);
    if (!a->trace)
        return;
    if (a->screen == UI_DOCUMENT && d) {
        document_facts(a, s, d);
        return;
    }
    if (a->query_error.status != IMR_OK) {
        int from = ui_put(s, 0, 1, UI_DIM, "? the rows below answer: ");
        ui_put_cut(s, 0, from, s.at.w - from - 1, UI_TEXT, a->trace->query_text,
                   strlen(a->trace->query_text));
        return;
    }
    int x = 1;
    for (size_t i = 0; i < a->trace->n_metrics; i++)
        x = one_metric(a, s, x, &a->trace->metrics[i]);
    if (a->trace->n_metrics == 0)
        ui_put_cut(s, 0, 1, s.at.w - 2, UI_DIM, "no judgements for this query: no metrics", 40);
}

static void status_left(const ui_app *a, imr_buf *b)
{
    const char *dot = a->glyphs->middot;
    const imr_trace_document *d = ui_app_selected(a);
    if (!a->trace) {
        if (a->facts) {
            char n[UI_NUMBER], q[UI_NUMBER];
            imr_buf_printf(b, "%s documents %s %s cached queries",
                           ui_format_count(n, a->facts->documents), dot,
                           ui_format_count(q, a->facts->queries));
        }
        return;
    }
    if (a->screen == UI_DOCUMENT) {
        imr_buf_printf(b, "line %zu of %zu %s %zu highlights", a->document_top + 1,
                       a->document_lines.n ? a->document_lines.n : 1, dot, a->n_highlights);
        if (a->highlight_at && a->n_highlights)
            imr_buf_printf(b, " %s at %zu", dot, a->highlight_at);
        imr_buf_printf(b, " %s %s", dot,
                       a->signs == UI_SIGNS_BOTH   ? "raising and lowering"
                       : a->signs == UI_SIGNS_GAIN ? "raising"
                                                   : "lowering");
        return;
    }
    imr_buf_printf(b, "%zu of %zu %s sort %s%s", a->n_order ? a->at + 1 : 0, a->n_order, dot,
                   ui_sort_name(a->sort), a->reversed ? " reversed" : "");
    if (a->filter != UI_FILTER_NONE)
        imr_buf_printf(b, " %s filter %s%s%s", dot, ui_filter_name(a->filter),
                       a->filter_words ? " " : "", a->filter_words ? a->filter_words : "");
    if (a->find && *a->find)
        imr_buf_printf(b, " %s find %s", dot, a->find);
    if (a->selected && d)
        imr_buf_printf(b, " %s on document %s", dot, d->id);
    else
        imr_buf_printf(b, " %s on rank 1", dot);
    if (a->pinned)
        imr_buf_printf(b, " %s pinned %s", dot, a->pinned);
    const char *table = a->trace->inputs.table_name;
    const bool other = *table && strcmp(table, "input") != 0; /* than the usual one */
    imr_buf_printf(b, " %s %s, %s%stokens by %s", dot,
                   imr_delta_kind_name(a->trace->settings.delta), other ? imr_path_base(table) : "",
                   other ? " " : "", imr_token_order_name(a->trace->settings.order));
}

static void job_text(const ui_app *a, imr_buf *b)
{
    if (a->pending && a->progress.total)
        imr_buf_printf(b, "%s %d%%", a->progress.what,
                       (int)(100 * a->progress.done / a->progress.total));
    else if (a->stale)
        imr_buf_str(b, a->trace ? "? ranking of the query before" : "searching");
}

void ui_draw_status(const ui_app *a, ui_surface s)
{
    IMR_AUTOBUF imr_buf left = {0}, right = {0};
    status_left(a, &left);
    if (a->message[0])
        imr_buf_printf(&right, "%s%s", a->message_error ? "Error: " : "", a->message);
    else
        job_text(a, &right);
    const char *r = imr_buf_text(&right), *l = imr_buf_text(&left);
    int rw = width(r), room = s.at.w - 2;
    if (rw > room)
        rw = room;
    if (*r)
        ui_put_cut(s, 0, s.at.w - 1 - rw, rw,
                   a->message_error && a->message[0] ? UI_ERROR : UI_TEXT, r, strlen(r));
    int rest = room - rw - (*r ? 2 : 0);
    if (rest >= 20 || rest >= width(l)) /* else a long message has the line to itself */
        ui_put_cut(s, 0, 1, rest, UI_DIM, l, strlen(l));
}

/* ---- hints ---- */

typedef struct hint {
    ui_action action;
    const char *words; /* NULL: those of the table */
} hint;

static const hint query_hints[] = {{UI_DO_NEXT, NULL},
                                   {UI_DO_TO_LIST, NULL},
                                   {UI_DO_KILL_START, NULL},
                                   {UI_DO_HISTORY, NULL},
                                   {UI_DO_PALETTE, NULL}};
static const hint offer_hints[] = {{UI_DO_NEXT, NULL},
                                   {UI_DO_TO_LIST, "rank it"},
                                   {UI_DO_KILL_START, NULL},
                                   {UI_DO_ESCAPE, "leave"},
                                   {UI_DO_PALETTE, NULL}};
static const hint list_hints[] = {
    {UI_DO_NEXT, NULL},   {UI_DO_OPEN, NULL},    {UI_DO_EDIT_QUERY, NULL}, {UI_DO_SORT, NULL},
    {UI_DO_FILTER, NULL}, {UI_DO_WHY, NULL},     {UI_DO_TOKENS, NULL},     {UI_DO_SCOPE, NULL},
    {UI_DO_EXPORT, NULL}, {UI_DO_PALETTE, NULL}, {UI_DO_QUIT, NULL},       {UI_DO_COPY, NULL},
    {UI_DO_FIND, NULL}};
static const hint full_hints[] = {{UI_DO_NEXT, "scroll"}, {UI_DO_QUIT, "back"}, {UI_DO_OPEN, NULL},
                                  {UI_DO_TOKENS, NULL},   {UI_DO_ORDER, NULL},  {UI_DO_DELTA, NULL},
                                  {UI_DO_EXPORT, NULL},   {UI_DO_COPY, NULL}};
static const hint doc_hints[] = {{UI_DO_NEXT, "scroll"}, {UI_DO_HIGHLIGHT_NEXT, NULL},
                                 {UI_DO_DOC_NEXT, NULL}, {UI_DO_QUIT, "back"},
                                 {UI_DO_SIGNS, NULL},    {UI_DO_WHY, NULL},
                                 {UI_DO_EXPORT, NULL},   {UI_DO_COPY, NULL}};
static const hint pick_hints[] = {{UI_DO_NEXT, NULL}, {UI_DO_OPEN, "run"}, {UI_DO_ESCAPE, NULL}};
static const hint line_hints[] = {{UI_DO_OPEN, "search"}, {UI_DO_ESCAPE, NULL}};
static const hint menu_hints[] = {{UI_DO_ESCAPE, "close; a letter of the menu chooses"}};
static const hint help_hints[] = {
    {UI_DO_NEXT, "scroll"}, {UI_DO_PAGE_DOWN, NULL}, {UI_DO_ESCAPE, NULL}, {UI_DO_PALETTE, NULL}};
static const hint failed_hints[] = {{UI_DO_QUIT, NULL}, {UI_DO_PALETTE, NULL}};
static const hint empty_hints[] = {
    {UI_DO_EDIT_QUERY, NULL}, {UI_DO_HISTORY, NULL}, {UI_DO_PALETTE, NULL}, {UI_DO_QUIT, NULL}};

#define HINTS(list) (*n = IMR_LEN(list), list)

static const hint *hints_for(const ui_app *a, ui_context c, size_t *n)
{
    if (a->overlay == UI_OVER_MENU)
        return HINTS(menu_hints);
    if (a->overlay == UI_OVER_LINE)
        return HINTS(line_hints);
    if (c == UI_IN_PICK)
        return HINTS(pick_hints);
    if (c == UI_IN_HELP)
        return HINTS(help_hints);
    if (c == UI_IN_DOC)
        return HINTS(doc_hints);
    if (c == UI_IN_QUERY)
        return a->facts && !a->facts->has_encoder ? HINTS(offer_hints) : HINTS(query_hints);
    if (a->failed)
        return HINTS(failed_hints);
    if (!a->trace)
        return HINTS(empty_hints);
    return a->screen == UI_RANK ? HINTS(list_hints) : HINTS(full_hints);
}

/* One hint "key words"; two opposite actions share one. Empty when no key leads there. */
static void hint_text(const ui_app *a, ui_context c, const hint *h, imr_buf *key, imr_buf *words)
{
    static const struct {
        ui_action one, other;
    } pairs[] = {{UI_DO_NEXT, UI_DO_PREV},
                 {UI_DO_HIGHLIGHT_NEXT, UI_DO_HIGHLIGHT_PREV},
                 {UI_DO_DOC_NEXT, UI_DO_DOC_PREV}};
    char label[UI_KEY_NAME_MAX];
    imr_buf_clear(key);
    imr_buf_clear(words);
    bool arrows = h->action == UI_DO_NEXT && (c == UI_IN_QUERY || c == UI_IN_PICK);
    imr_buf_str(key, arrows ? a->glyphs->updown : key_for(a, c, h->action, label));
    if (!key->len)
        return;
    for (size_t i = 0; i < IMR_LEN(pairs); i++)
        if (pairs[i].one == h->action && !arrows && *key_for(a, c, pairs[i].other, label))
            imr_buf_printf(key, "/%s", label);
    imr_buf_printf(words, " %s", h->words ? h->words : ui_action_info_of(h->action)->hint);
}

void ui_draw_hint(const ui_app *a, ui_surface s)
{
    ui_context c = ui_app_context(a);
    size_t n;
    const hint *hints = hints_for(a, c, &n);
    IMR_AUTOBUF imr_buf key = {0}, words = {0}, help = {0};
    char label[UI_KEY_NAME_MAX] = "";
    key_for(a, a->overlay == UI_OVER_MENU ? UI_IN_ANY : c, UI_DO_HELP, label);
    imr_buf_printf(&help, "%s help", label);
    int x = 1, end = s.at.w - width(imr_buf_text(&help)) - 2;
    for (size_t i = 0; i < n; i++) {
        hint_text(a, c, &hints[i], &key, &words);
        int w = width(imr_buf_text(&key)) + width(imr_buf_text(&words));
        if (!key.len || x + w > end)
            continue;
        x = ui_put(s, 0, x, UI_KEY, imr_buf_text(&key));
        x = ui_put(s, 0, x, UI_DIM, imr_buf_text(&words)) + 2;
    }
    int at = ui_put(s, 0, x, UI_KEY, label);
    ui_put(s, 0, at, UI_DIM, " help");
}
