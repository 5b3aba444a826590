/* ui/commands.c - actions that take words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "text/utf8.h"
#include "ui/update.h"
#include "ui/words.h"

static const ui_menu_item sort_items[] = {
    {'n', "now", "rank now"}, {'w', "was", "rank before"}, {'m', "move", "ranks moved"},
    {'d', "delta", "change"}, {'a', "abs", "|change|"},    {'c', "cos", "similarity"},
    {'t', "title", "title"},  {'i', "id", "id"},
};
static const ui_menu_item filter_items[] = {
    {'w', "winners", "moved up"}, {'l', "losers", "moved down"}, {'r', "relevant", "relevant"},
    {'m', "movers", "moved 10+"}, {'t', "words", "title has"},   {'n', "none", "all"},
};
static const ui_menu_item scope_items[] = {
    {'t', "rerank", "rerank the top"},
    {'a', "rescore", "rescore all"},
    {'c', "corpus", "corpus: all feed back"},
};
static const ui_menu_item export_items[] = {
    {'t', "text", "text, for reading"},
    {'j', "json", "JSON, for programs"},
};

const ui_menu_item *ui_menu_items(ui_action menu, size_t *n)
{
    switch (menu) {
    case UI_DO_SORT:
        *n = IMR_LEN(sort_items);
        return sort_items;
    case UI_DO_FILTER:
        *n = IMR_LEN(filter_items);
        return filter_items;
    case UI_DO_SCOPE:
        *n = IMR_LEN(scope_items);
        return scope_items;
    case UI_DO_EXPORT:
        *n = IMR_LEN(export_items);
        return export_items;
    default:
        *n = 0;
        return NULL;
    }
}

void ui_open_menu(ui_app *a, ui_action menu)
{
    a->overlay = UI_OVER_MENU;
    a->menu = menu;
}

void ui_open_line(ui_app *a, ui_action action, const char *text)
{
    a->overlay = UI_OVER_LINE;
    a->line_action = action;
    ui_prompt_set(&a->line, text ? text : "");
}

void ui_run_again(ui_app *a)
{
    if (!a->request_text && !a->request_id)
        return;
    a->serial++;
    if (!a->waiting)
        a->asked = imr_clock_seconds();
    a->waiting = true;
    a->effects |= UI_FX_QUERY;
}

void ui_command_sort(ui_app *a, const char *argument)
{
    if (!argument) {
        ui_open_menu(a, UI_DO_SORT);
        return;
    }
    for (int i = 0; i < UI_SORT_COUNT; i++)
        if (strcmp(ui_sort_name((ui_sort)i), argument) == 0) {
            a->sort = (ui_sort)i;
            a->reversed = false;
            ui_app_reorder(a);
            ui_app_say(a, false, "sorted by %s", argument);
            return;
        }
    ui_app_say(a, true,
               "no order is called %s; there are now, was, move, delta, abs, cos, title, id",
               argument);
}

void ui_command_filter(ui_app *a, const char *argument)
{
    if (!argument) {
        ui_open_menu(a, UI_DO_FILTER);
        return;
    }
    size_t n = strcspn(argument, " ");
    for (int i = 0; i < UI_FILTER_COUNT; i++) {
        const char *name = ui_filter_name((ui_filter)i);
        if (strlen(name) != n || memcmp(name, argument, n) != 0)
            continue;
        const char *words = argument + n + strspn(argument + n, " ");
        if (i == UI_FILTER_WORDS && !*words) {
            ui_open_line(a, UI_DO_FILTER, a->filter_words);
            return;
        }
        ui_replace(&a->filter_words, i == UI_FILTER_WORDS ? words : NULL);
        a->filter = (ui_filter)i;
        ui_app_reorder(a);
        if (i == UI_FILTER_NONE)
            ui_app_say(a, false, "filter off");
        else
            ui_app_say(a, false, "%zu of %zu documents: %s", a->n_order,
                       a->trace ? a->trace->n_documents : 0, argument);
        return;
    }
    ui_app_say(a, true,
               "no filter is called %s; there are none, winners, losers, relevant, movers, words",
               argument);
}

void ui_command_scope(ui_app *a, const char *argument)
{
    static const char *const told[] = {
        "the top give feedback and are ranked",
        "the top give feedback, all documents are ranked",
        "all documents give feedback and are ranked",
    };
    if (!argument) {
        ui_open_menu(a, UI_DO_SCOPE);
        return;
    }
    for (imr_scope s = IMR_SCOPE_RERANK; s <= IMR_SCOPE_CORPUS; s++) {
        if (strcmp(imr_scope_name(s), argument) != 0)
            continue;
        a->settings.scope = s;
        ui_app_say(a, false, "scope %s: %s", argument, told[s]);
        ui_run_again(a);
        return;
    }
    ui_app_say(a, true, "no scope is called %s; there are rerank, rescore, corpus", argument);
}

void ui_command_order(ui_app *a, const char *argument)
{
    imr_token_order next =
        a->settings.order == IMR_ORDER_EFFECT ? IMR_ORDER_COSINE : a->settings.order + 1;
    bool known = !argument;
    for (imr_token_order o = IMR_ORDER_COSINE; argument && o <= IMR_ORDER_EFFECT; o++)
        if (strcmp(imr_token_order_name(o), argument) == 0) {
            next = o;
            known = true;
        }
    if (!known) {
        ui_app_say(a, true, "no token order is called %s; there are cosine, z, effect", argument);
        return;
    }
    a->settings.order = next;
    ui_app_say(a, false, "tokens by %s", imr_token_order_name(next));
    ui_run_again(a);
}

void ui_command_delta(ui_app *a, const char *argument)
{
    imr_delta_kind next =
        a->settings.delta == IMR_TRACE_DELTA_PAPER ? IMR_TRACE_DELTA_UNIT : IMR_TRACE_DELTA_PAPER;
    if (argument && strcmp(argument, "paper") == 0)
        next = IMR_TRACE_DELTA_PAPER;
    else if (argument && strcmp(argument, "unit") == 0)
        next = IMR_TRACE_DELTA_UNIT;
    else if (argument) {
        ui_app_say(a, true, "no change is called %s; there are paper and unit", argument);
        return;
    }
    a->settings.delta = next;
    ui_app_say(a, false, "tokens explain the %s change", imr_delta_kind_name(next));
    ui_run_again(a);
}

void ui_command_theme(ui_app *a, const char *argument)
{
    ui_theme next = (ui_theme)((a->theme + 1) % UI_THEME_COUNT);
    if (argument && !ui_theme_parse(&next, argument)) {
        ui_app_say(a, true,
                   "no theme is called %s; there are auto, dark, light, contrast, mono, 16",
                   argument);
        return;
    }
    a->theme = next;
    a->effects |= UI_FX_THEME;
    ui_app_say(a, false, "theme %s", ui_theme_name(next));
}

/* A file name from the query: its first words, letters and digits only. */
static void export_name(const ui_app *a, const char *extension, imr_buf *out)
{
    const char *text = a->trace->query_text;
    size_t start = out->len;
    if (a->folder)
        imr_buf_printf(out, "%s/", a->folder);
    imr_buf_str(out, "imrnn-");
    size_t from = out->len;
    for (size_t i = 0, n = strlen(text); i < n && out->len - from < 32;) {
        uint32_t code;
        i += imr_utf8_decode(text + i, n - i, &code);
        bool plain = (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9') ||
                     (code >= 'A' && code <= 'Z');
        if (plain)
            imr_buf_char(out, (char)imr_utf8_lower(code));
        else if (out->len > from && out->data[out->len - 1] != '-')
            imr_buf_char(out, '-');
    }
    if (!out->failed && out->len > start && out->data[out->len - 1] == '-')
        out->len--;
    imr_buf_printf(out, ".%s", extension);
}

void ui_command_export(ui_app *a, const char *argument)
{
    if (!a->trace) {
        ui_app_say(a, true, "nothing to export yet: type a query first");
        return;
    }
    if (!argument) {
        ui_open_menu(a, UI_DO_EXPORT);
        return;
    }
    size_t n = strcspn(argument, " ");
    bool json = n == 4 && memcmp(argument, "json", 4) == 0;
    if (!json && !(n == 4 && memcmp(argument, "text", 4) == 0)) {
        ui_app_say(a, true, "no format is called %s; there are text and json", argument);
        return;
    }
    const char *path = argument + n + strspn(argument + n, " ");
    IMR_AUTOBUF imr_buf name = {0};
    if (*path)
        imr_buf_str(&name, path);
    else
        export_name(a, json ? "json" : "txt", &name);
    if (name.failed)
        return;
    ui_replace(&a->export_format, json ? "json" : "text");
    ui_replace(&a->export_path, name.data);
    a->effects |= UI_FX_EXPORT;
    ui_app_say(a, false, "writing %s", name.data);
}

/* ---- copying ---- */

static void copy_row(imr_buf *b, const imr_trace_document *d)
{
    char before[64], after[64], delta[64], relative[64];
    imr_format_fixed(before, d->sim_before, 4, false);
    imr_format_fixed(after, d->sim_after, 4, false);
    imr_format_fixed(delta, d->delta_sim, 4, true);
    imr_format_fixed(relative, d->delta_sim_relative, 4, true);
    imr_buf_printf(b, "%u\t%u\t%+d\t%s\t%s\t%s\t%s\t", d->rank_after, d->rank_before, d->move,
                   delta, relative, before, after);
    if (d->relevance >= 0)
        imr_buf_printf(b, "%d", d->relevance);
    imr_buf_printf(b, "\t%s\t%s\n", d->id, d->title);
}

void ui_command_copy(ui_app *a, bool all)
{
    const imr_trace_document *d = ui_app_selected(a);
    if (!d) {
        ui_app_say(a, true, "nothing to copy");
        return;
    }
    imr_buf_clear(&a->clip);
    if (a->screen == UI_DOCUMENT && all) {
        imr_buf_str(&a->clip, d->id);
    } else if (a->screen == UI_DOCUMENT) {
        imr_buf_printf(&a->clip, "%s\n", d->title);
        if (ui_app_detail_fits(a))
            imr_buf_printf(&a->clip, "\n%s\n", a->detail->text);
    } else if (all) {
        imr_buf_str(&a->clip, "now\twas\tmove\tdelta\tdelta_relative\tsim_before\tsim_after\t"
                              "relevance\tid\ttitle\n");
        for (size_t i = 0; i < a->n_order; i++)
            copy_row(&a->clip, &a->trace->documents[a->order[i]]);
    } else {
        copy_row(&a->clip, d);
    }
    if (!a->clip.failed)
        a->effects |= UI_FX_COPY;
}

/* ---- moving to something ---- */

void ui_command_find(ui_app *a, int step)
{
    if (!a->find || !*a->find) {
        ui_app_say(a, false, "nothing to find; / asks for a word");
        return;
    }
    for (size_t i = 1; i <= a->n_order; i++) {
        size_t row = (a->at + (step > 0 ? i : a->n_order - i)) % a->n_order;
        const imr_trace_document *d = &a->trace->documents[a->order[row]];
        if (ui_contains(d->title, a->find) || ui_contains(d->id, a->find)) {
            ui_app_select(a, row);
            return;
        }
    }
    ui_app_say(a, false, "no title or id has %s", a->find);
}

void ui_command_mover(ui_app *a, int step)
{
    for (size_t row = a->at; step > 0 ? ++row < a->n_order : row-- > 0;)
        if (abs(a->trace->documents[a->order[row]].move) >= UI_BIG_MOVE) {
            ui_app_select(a, row);
            return;
        }
    ui_app_say(a, false, "no document %s moved %d ranks or more", step > 0 ? "below" : "above",
               UI_BIG_MOVE);
}

static bool shown_sign(const ui_app *a, const ui_highlight *h)
{
    return a->signs == UI_SIGNS_BOTH || (a->signs == UI_SIGNS_GAIN) == (h->effect > 0);
}

void ui_command_highlight(ui_app *a, int step)
{
    if (a->screen != UI_DOCUMENT) {
        ui_app_say(a, false, "highlighted words are on the document screen; 2 opens it");
        return;
    }
    if (!ui_app_detail_fits(a) || a->n_highlights == 0) {
        ui_app_say(a, false, "no words are highlighted here");
        return;
    }
    size_t n = a->n_highlights;
    for (size_t i = 1; i <= n; i++) {
        size_t k = (a->highlight_at + (step > 0 ? i - 1 : 2 * n - i - 1)) % n;
        if (!shown_sign(a, &a->highlights[k]))
            continue;
        a->highlight_at = k + 1;
        size_t line = ui_lines_find(&a->document_lines, a->highlights[k].start);
        size_t rows =
            (size_t)(ui_app_layout(a).document.h > 3 ? ui_app_layout(a).document.h - 3 : 1);
        if (line < a->document_top)
            a->document_top = line;
        if (line >= a->document_top + rows)
            a->document_top = line - rows + 1;
        return;
    }
}
