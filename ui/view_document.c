/* ui/view_document.c - the text of a document with the words that matter, and the preview. */
#include "ui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"
#include "ui/format.h"

static bool shown(const ui_app *a, const ui_highlight *h)
{
    return a->signs == UI_SIGNS_BOTH || (a->signs == UI_SIGNS_GAIN) == (h->effect > 0);
}

/* One line of the text at (y,x): plain runs and highlighted ones. */
static void text_line(const ui_app *a, ui_surface s, int y, int x, const ui_line *line)
{
    const char *text = a->detail->text;
    size_t at = line->start, low = 0, high = a->n_highlights;
    while (low < high) { /* the first highlight that ends in this line or later */
        size_t middle = low + (high - low) / 2;
        if (a->highlights[middle].end <= line->start)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < a->n_highlights && a->highlights[i].start < line->end; i++) {
        const ui_highlight *h = &a->highlights[i];
        if (!shown(a, h))
            continue;
        size_t from = h->start > at ? h->start : at, to = h->end < line->end ? h->end : line->end;
        if (from >= to)
            continue;
        x = ui_put_n(s, y, x, UI_TEXT, text + at, from - at);
        ui_style style = h->effect > 0 ? UI_GAIN_WORD : UI_LOSS_WORD;
        if (a->screen == UI_DOCUMENT && a->highlight_at == i + 1)
            style |= UI_REVERSED;
        x = ui_put_n(s, y, x, style, text + from, to - from);
        at = to;
    }
    if (at < line->end)
        ui_put_n(s, y, x, UI_TEXT, text + at, line->end - at);
}

/* Why there is no text to show; NULL when there is. */
static const char *missing(const ui_app *a)
{
    if (a->facts && !a->facts->has_texts)
        return "The cache holds no texts: name the data set with --dataset to read documents here.";
    if (a->detail_error.status != IMR_OK)
        return a->detail_error.text;
    const imr_trace_document *d = ui_app_selected(a);
    bool same = d && a->detail && strcmp(a->detail->document_id, d->id) == 0;
    return same ? NULL : "";
}

static void words_pane(const ui_app *a, ui_surface s)
{
    if (s.at.w < 10)
        return;
    char note[64];
    snprintf(note, sizeof note, "%zu", a->n_words);
    ui_box(s, a->glyphs, false, "Tokens in this text", ui_app_detail_fits(a) ? note : NULL);
    if (!ui_app_detail_fits(a))
        return;
    ui_surface in = ui_sub(s, (ui_rect){1, 1, s.at.h - 2, s.at.w - 2});
    if (a->n_words == 0) {
        ui_put_wrapped(in, 0, 1, in.at.w - 2, 4, UI_TEXT,
                       a->facts && *a->facts->tokens_problem ? a->facts->tokens_problem
                                                             : "No token of this text is known.");
        return;
    }
    int half = (in.at.w - 14 - 5 - 10) / 2;
    if (half < 2)
        half = 2;
    int name = in.at.w - 5 - 10 - 2 * half - 1;
    double scale = ui_nice_scale(a->words[0].effect);
    for (int i = 0; i < in.at.h && (size_t)i < a->n_words; i++) {
        const ui_word *w = &a->words[i];
        char text[UI_NUMBER];
        ui_put_cut(in, i, 1, name - 1, UI_TEXT, a->detail->text + w->start, w->end - w->start);
        if (w->count > 1) {
            snprintf(text, sizeof text, "%s%u", a->glyphs->ascii ? "x" : "×", w->count);
            ui_put(in, i, 1 + name, UI_DIM, text);
        }
        ui_bar(in, a->glyphs, i, name + 5, half, w->effect, scale,
               a->theme == UI_THEME_MONO || a->theme == UI_THEME_16);
        ui_put_right(in, i, in.at.w - 1, ui_sign_role(w->effect),
                     ui_format_signed(text, a->glyphs, w->effect, 4));
    }
}

void ui_draw_document(const ui_app *a, ui_surface text, ui_surface words, bool boxed)
{
    const imr_trace_document *d = ui_app_selected(a);
    if (!d)
        return;
    char title[400], note[64];
    snprintf(title, sizeof title, "%.80s %s %.200s", d->id, *d->title ? a->glyphs->middot : "",
             d->title);
    snprintf(note, sizeof note, "%zu/%zu", a->at + 1, a->n_order);
    ui_surface in;
    if (boxed) {
        ui_box(text, a->glyphs, true, title, note);
        in = ui_sub(text, (ui_rect){1, 1, text.at.h - 2, text.at.w - 2});
    } else {
        int w = (int)strlen(note);
        ui_put_cut(text, 0, 1, text.at.w - w - 4, UI_STRONG, title, strlen(title));
        ui_put_right(text, 0, text.at.w - 1, UI_DIM, note);
        in = ui_sub(text, (ui_rect){1, 0, text.at.h - 1, text.at.w});
    }
    words_pane(a, words);
    const char *why_not = missing(a);
    if (why_not) {
        ui_put_wrapped(in, 0, 1, in.at.w - 2, in.at.h, UI_TEXT, *why_not ? why_not : "...");
        return;
    }
    const ui_lines *l = &a->document_lines;
    for (int y = 0; y < in.at.h && a->document_top + (size_t)y < l->n; y++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", a->document_top + (size_t)y + 1);
        ui_put_right(in, y, UI_GUTTER - 2, UI_BORDER, number);
        text_line(a, in, y, UI_GUTTER, &l->v[a->document_top + (size_t)y]);
    }
    ui_cursor(in, 0, UI_GUTTER, false);
}

void ui_draw_preview(const ui_app *a, ui_surface s, bool boxed)
{
    const imr_trace_document *d = ui_app_selected(a);
    char title[400] = "Preview", note[64] = "";
    if (d) {
        snprintf(title, sizeof title, "Preview: %.80s %s %.200s%s", d->id, a->glyphs->middot,
                 d->title, ui_app_detail_fits(a) ? "" : a->glyphs->ellipsis);
        if (a->preview_lines.n)
            snprintf(note, sizeof note, "line %zu/%zu", a->preview_top + 1, a->preview_lines.n);
    }
    ui_surface in;
    if (boxed) {
        ui_box(s, a->glyphs, !a->editing && a->pane == UI_PANE_PREVIEW, title, *note ? note : NULL);
        in = ui_sub(s, (ui_rect){1, 1, s.at.h - 2, s.at.w - 2});
    } else {
        ui_put_cut(s, 0, 1, s.at.w - 2, UI_STRONG, title, strlen(title));
        in = ui_sub(s, (ui_rect){1, 0, s.at.h - 1, s.at.w});
    }
    const char *why_not = d ? missing(a) : "";
    if (why_not) {
        ui_put_wrapped(in, 0, 1, in.at.w - 2, in.at.h, UI_TEXT, why_not);
        return;
    }
    for (int y = 0; y < in.at.h && a->preview_top + (size_t)y < a->preview_lines.n; y++)
        text_line(a, in, y, 1, &a->preview_lines.v[a->preview_top + (size_t)y]);
}
