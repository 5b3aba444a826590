/* ui/view_document.c */
#include <math.h>

#include "ui/layout.h"
#include "ui/views.h"

/* One line of the text at (y,x): plain runs and highlighted ones; the rule where reading ended. */
static void text_line(ui_surface s, int y, int x, const ui_reading *r, const ui_line *line,
                      const imr_pattern *find, bool cursor)
{
    const char *text = r->detail->text;
    const int first = x;
    size_t at = line->start;
    ui_style plain = at >= r->detail->read_end && r->page.read != SIZE_MAX ? UI_BORDER : UI_TEXT;
    if (line->mark) {
        const imr_tokens_read *t = &r->detail->why.document_tokens;
        ui_repeat(s, y, 0, s.at.w, UI_BORDER, "┄");
        ui_put_cut(ui_about(s, UI_TERM_READ), y, 2, s.at.w - 4, UI_DIM,
                   ui_textf(t->total ? " the encoder read up to here: %u of %u tokens "
                                     : " the encoder read up to here ",
                            t->read, t->total)
                       .s);
        return;
    }
    for (size_t i = 0; i < r->n_highlights && r->highlights[i].start < line->end; i++) {
        const ui_highlight *h = &r->highlights[i];
        size_t from = h->start > at ? h->start : at, to = h->end < line->end ? h->end : line->end;
        if (from >= to || !ui_reading_shows(r, h))
            continue;
        x = ui_put_n(s, y, x, plain, text + at, from - at);
        ui_style style = h->share > 0 ? UI_GAIN_WORD : UI_LOSS_WORD;
        if (r->marked ? h->word == r->marked_document : cursor && r->highlight_at == i + 1)
            style |= UI_REVERSED;
        x = ui_put_n(s, y, x, style, text + from, to - from);
        at = to;
    }
    if (at < line->end)
        ui_put_n(s, y, x, plain, text + at, line->end - at);
    ui_mark_found(ui_sub(s, (ui_rect){y, first, 1, s.at.w}), find);
}

/* What the colours say, over the lower edge of a box or at the end of a line. */
static void legend(ui_surface s, int y, const ui_reading *r)
{
    int x = 3;
    if (!r->n_highlights || s.at.w < 50)
        return;
    x = ui_put(s, y, x, UI_TEXT, " ");
    x = ui_put(s, y, x, UI_GAIN_WORD, "for it");
    x = ui_putf(s, y, x, UI_DIM, " %s ", s.grid->glyphs->middot);
    x = ui_put(s, y, x, UI_LOSS_WORD, "against it");
    ui_putf(s, y, x, UI_DIM, " %s shares %s ", s.grid->glyphs->middot,
            ui_measure_text(r->measure).s);
}

/* ---- the words beside the text ---- */

static void words_pane(ui_surface s, const ui_reading *r, const ui_scroll *at,
                       const imr_pattern *find, bool ready, bool focused)
{
    static const char *const equal[] = {"standing", "standing", "standing", "lift", "cos"};
    if (s.at.w < 10)
        return;
    const ui_side *d = &r->document;
    ui_surface in = ui_inside(s);
    ui_box(s, focused, "Words",
           !ready || !d->n ? NULL
           : at->lines > at->page
               ? ui_textf("%zu-%zu/%zu", at->top + 1, at->top + at->page, at->lines).s
               : ui_textf("%zu", d->words).s);
    if (focused)
        ui_cursor(in, 0, 1, false);
    if (!ready)
        return;
    const imr_pairs *p = &r->detail->why.pairs;
    if (d->n == 0) {
        ui_put_wrapped(in, 0, 1, in.at.w - 2, in.at.h, UI_TEXT, p->problem ? p->problem : "");
        return;
    }
    int half = (in.at.w - 29) / 2 > 2 ? (in.at.w - 29) / 2 : 2, from = in.at.w - 10 - 2 * half;
    int end = in.at.w - 1, y = 0, decimals = r->measure.raw ? 4 : 2;
    double scale = 0, total = 0, shown = 0;
    for (size_t i = 0; i <= d->n; i++) {
        total += d->total[i];
        if (i < d->n && !p->document[i].special)
            scale = fmax(scale, fabs(d->total[i]));
    }
    for (size_t i = at->top; i < at->top + at->page && i < d->words; i++, y++) {
        uint32_t place = d->order[i];
        const imr_pair_word *w = &p->document[place];
        ui_put_cut(in, y, 1, from - 6, UI_TEXT, w->text);
        if (w->count > 1)
            ui_putf(in, y, from - 5, UI_DIM, "×%u", w->count);
        ui_surface about = ui_about(in, r->measure.raw ? UI_TERM_SHARE_RAW : UI_TERM_SHARE);
        ui_bar(about, y, from, half, d->total[place], ui_nice_scale(scale));
        ui_put_signed(about, y, end, d->total[place], decimals);
        shown += d->total[place];
    }
    ui_mark_found(ui_sub(in, (ui_rect){0, 1, y, from - 6}), find);
    double biases = d->total[d->n];
    ui_put_cut(in, y, 1, end - 8, UI_DIM, "other words, special tokens");
    ui_put_signed(ui_about(in, UI_TERM_SPECIAL), y++, end, total - shown - biases, decimals);
    ui_put(in, y, 1, UI_DIM, "not from words");
    ui_put_signed(ui_about(in, UI_TERM_NOT_WORDS), y++, end, biases, decimals);
    ui_putf(in, y, 1, UI_STRONG, "sum = %s %s", equal[r->measure.raw ? 4 : r->measure.stage],
            ui_signed(ui_share_whole(p, r->measure), decimals).s);
    ui_put_signed(ui_about(in, UI_TERM_SUM), y, end, total, decimals);
}

/* ---- the two views ---- */

/* A pane's inside: a box with the title on its edge, or a line with it. */
static ui_surface frame(ui_surface s, const char *title, const char *note, bool boxed, bool focused)
{
    if (boxed) {
        ui_box(s, focused, title, note);
        return ui_inside(s);
    }
    ui_put_cut(s, 0, 1, s.at.w - ui_width(note) - 4, UI_STRONG, title);
    ui_put_right(s, 0, s.at.w - 1, UI_DIM, note);
    return ui_sub(s, (ui_rect){1, 0, s.at.h - 1, s.at.w});
}

void ui_draw_document(ui_surface text, ui_surface words, const ui_list *l, const ui_reading *r,
                      size_t top, const ui_scroll *at, const char *missing, bool boxed,
                      bool in_words)
{
    const imr_trace_document *d = ui_list_selected(l);
    const char *dot = text.grid->glyphs->middot;
    static const imr_tokens_read none;
    if (!d)
        return;
    const imr_tokens_read *t = missing ? &none : &r->detail->why.document_tokens;
    ui_text title = ui_textf("%.80s %s %.200s", d->id, *d->title ? dot : "", d->title);
    ui_text note = ui_textf(t->total ? "%zu/%zu %s %u/%u tokens read" : "%zu/%zu", l->at + 1, l->n,
                            dot, t->read, t->total);
    ui_surface in = frame(text, title.s, note.s, boxed, !in_words);
    words_pane(words, r, at, &l->find, !missing, in_words);
    if (missing) {
        in = text.at.w ? in : ui_inside(words);
        ui_put_wrapped(in, 0, 1, in.at.w - 2, in.at.h, UI_TEXT, *missing ? missing : "...");
        return;
    }
    for (int y = 0; y < in.at.h && top + (size_t)y < r->page.n; y++) {
        const ui_line *line = &r->page.v[top + (size_t)y];
        if (!line->mark)
            ui_putf(in, y, 0, UI_BORDER, "%*zu", UI_GUTTER - 2, top + (size_t)y + 1);
        text_line(in, y, UI_GUTTER, r, line, &l->find, true);
    }
    if (boxed)
        legend(text, text.at.h - 1, r);
    if (!in_words)
        ui_cursor(in, 0, UI_GUTTER, false);
}

void ui_draw_preview(ui_surface s, const ui_list *l, const ui_reading *r, size_t top,
                     const char *missing, bool boxed, bool focused)
{
    const imr_trace_document *d = ui_list_selected(l);
    const ui_glyphs *g = s.grid->glyphs;
    ui_text title = {"Preview"}, note = {""};
    if (d)
        title = ui_textf("Preview: %.80s %s %.200s%s", d->id, g->middot, d->title,
                         missing && !*missing ? "…" : "");
    if (!missing && r->preview.n)
        note = ui_textf("line %zu/%zu", top + 1, r->preview.n);
    ui_surface in = frame(s, title.s, note.s, boxed, focused);
    if (missing) {
        ui_put_wrapped(in, 0, 1, in.at.w - 2, in.at.h, UI_TEXT, missing);
        return;
    }
    for (int y = 0; y < in.at.h && top + (size_t)y < r->preview.n; y++)
        text_line(in, y, 1, r, &r->preview.v[top + (size_t)y], &l->find, false);
    if (boxed)
        legend(s, s.at.h - 1, r);
}

void ui_draw_text(ui_surface s, const ui_reading *r)
{
    static const imr_pattern none;
    size_t from = 0;
    if (s.at.h < 3)
        return;
    for (size_t i = 0; i < r->n_highlights && !from; i++)
        if (r->marked && r->highlights[i].word == r->marked_document)
            from = ui_lines_find(&r->preview, r->highlights[i].start);
    size_t room = (size_t)s.at.h - 1;
    if (from + room > r->preview.n)
        from = r->preview.n > room ? r->preview.n - room : 0;
    ui_repeat(s, 0, 0, s.at.w, UI_BORDER, "─");
    legend(s, 0, r);
    for (size_t y = 0; y < room && from + y < r->preview.n; y++)
        text_line(s, (int)y + 1, 1, r, &r->preview.v[from + y], &none, false);
}
