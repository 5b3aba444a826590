/* ui/view_rank.c - the merged list: what moved, by how much. */
#include "ui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"
#include "ui/format.h"
#include "ui/words.h"

/* Columns of the list; x < 0: not shown. Widths: number columns follow the largest rank. */
typedef struct columns {
    int now, was, encoder, move, delta, relative, bar, half, cos, star, title;
    int rank_w, encoder_w, move_w;
    double scale;
} columns;

static int digits(uint32_t n)
{
    int d = 1;
    while (n >= 10) {
        n /= 10;
        d++;
    }
    return d;
}

/* Places the columns; returns what is left for the title. */
static int place(columns *c, int w, int half, bool encoder, bool was, bool delta, bool cos)
{
    int x = 1;
    c->half = half;
    c->now = x;
    x += c->rank_w + 1;
    c->was = was ? x : -1;
    x += was ? c->rank_w + 1 : 0;
    c->encoder = encoder ? x : -1;
    x += encoder ? c->encoder_w + 1 : 0;
    c->move = x;
    x += c->move_w + 1;
    c->delta = delta ? x : -1;
    x += delta ? 8 : 0;
    c->relative = x;
    x += 8;
    c->bar = x;
    x += 2 * half + 2;
    c->cos = cos ? x : -1;
    x += cos ? 7 : 0;
    c->star = x;
    c->title = x + 3;
    return w - c->title;
}

/* What fits: the encoder's rank goes, the bar shrinks, then cos, was and the plain change go; the
 * title keeps 24. */
static columns fit(const ui_app *a, int w)
{
    columns c = {.rank_w = 3, .encoder_w = 3, .move_w = 3};
    double largest = 0;
    for (size_t i = 0; i < a->trace->n_documents; i++) {
        const imr_trace_document *d = &a->trace->documents[i];
        uint32_t rank = d->rank_before > d->rank_after ? d->rank_before : d->rank_after;
        int move = d->move < 0 ? -d->move : d->move;
        c.rank_w = digits(rank) > c.rank_w ? digits(rank) : c.rank_w;
        c.encoder_w = digits(d->rank_encoder) > c.encoder_w ? digits(d->rank_encoder) : c.encoder_w;
        c.move_w = digits((uint32_t)move) + 1 > c.move_w ? digits((uint32_t)move) + 1 : c.move_w;
        if (isfinite(d->delta_sim_relative))
            largest = fmax(largest, fabs((double)d->delta_sim_relative));
    }
    c.scale = ui_nice_scale(largest);
    static const struct {
        int half, title;
        bool encoder, was, delta, cos;
    } choices[] = {{6, 40, true, true, true, true},    {6, 24, false, true, true, true},
                   {4, 24, false, true, true, true},   {4, 24, false, true, true, false},
                   {2, 24, false, true, true, false},  {2, 24, false, false, true, false},
                   {2, 24, false, false, false, false}};
    for (size_t i = 0; i < IMR_LEN(choices); i++)
        if (place(&c, w, choices[i].half, choices[i].encoder, choices[i].was, choices[i].delta,
                  choices[i].cos) >= choices[i].title)
            break;
    return c;
}

static void header(const ui_app *a, ui_surface s, const columns *c)
{
    const ui_glyphs *g = a->glyphs;
    char bound[UI_NUMBER], label[64];
    ui_put_right(s, 0, c->now + c->rank_w, UI_DIM, "now");
    if (c->was >= 0)
        ui_put_right(s, 0, c->was + c->rank_w, UI_DIM, "was");
    if (c->encoder >= 0)
        ui_put_right(s, 0, c->encoder + c->encoder_w, UI_DIM, "enc");
    ui_put(s, 0, c->move, UI_DIM, "move");
    if (c->delta >= 0) {
        snprintf(label, sizeof label, "%ssim", g->delta);
        ui_put_right(s, 0, c->delta + 7, UI_DIM, label);
    }
    snprintf(label, sizeof label, "%s%smed", g->delta, g->minus);
    ui_put_right(s, 0, c->relative + 7, UI_DIM, label);
    ui_format_bound(bound, c->scale);
    int width = (int)strlen(bound);
    if (2 * width + 5 <= 2 * c->half + 1) {
        int x = ui_put(s, 0, c->bar, UI_DIM, g->minus);
        ui_put(s, 0, x, UI_DIM, bound);
        ui_put(s, 0, c->bar + c->half, UI_DIM, "0");
        ui_put(s, 0, c->bar + 2 * c->half - width, UI_DIM, "+");
        ui_put_right(s, 0, c->bar + 2 * c->half + 1, UI_DIM, bound);
    } else {
        snprintf(label, sizeof label, "%s%s", g->ascii ? "+-" : "±", bound);
        int w = (int)imr_utf8_width(label, strlen(label));
        if (w <= 2 * c->half + 1)
            ui_put(s, 0, c->bar + (2 * c->half + 1 - w) / 2, UI_DIM, label);
    }
    if (c->cos >= 0)
        ui_put(s, 0, c->cos, UI_DIM, "cos");
    ui_put(s, 0, c->star, UI_DIM, g->relevant);
    ui_put(s, 0, c->title, UI_DIM, "title");
}

static void rank(ui_surface s, int y, int x, int w, ui_style style, uint32_t n)
{
    char text[16];
    if (n)
        snprintf(text, sizeof text, "%u", n);
    ui_put_right(s, y, x + w, style, n ? text : "-");
}

static void row(const ui_app *a, ui_surface s, int y, const columns *c, const imr_trace_document *d,
                bool selected, bool pinned)
{
    const ui_glyphs *g = a->glyphs;
    char text[UI_NUMBER];
    ui_role sign = ui_sign_role(d->move);
    rank(s, y, c->now, c->rank_w, UI_TEXT, d->rank_after);
    if (c->was >= 0)
        rank(s, y, c->was, c->rank_w, UI_TEXT, d->rank_before);
    if (c->encoder >= 0)
        rank(s, y, c->encoder, c->encoder_w, UI_DIM, d->rank_encoder);
    ui_put(s, y, c->move, sign, ui_format_move(text, g, d->move));
    if (c->delta >= 0)
        ui_put_right(s, y, c->delta + 7, UI_TEXT, ui_format_signed(text, g, d->delta_sim, 4));
    ui_put_right(s, y, c->relative + 7, ui_sign_role(d->delta_sim_relative),
                 ui_format_signed(text, g, d->delta_sim_relative, 4));
    if (c->cos >= 0)
        ui_put(s, y, c->cos, UI_TEXT, ui_format_plain(text, g, d->sim_after, 4));
    if (d->relevance > 0)
        ui_put(s, y, c->star, UI_RELEVANT, g->relevant);
    else if (d->relevance == 0)
        ui_put(s, y, c->star, UI_DIM, g->judged);
    const char *title = *d->title ? d->title : d->id;
    bool found =
        a->find && *a->find && (ui_contains(title, a->find) || ui_contains(d->id, a->find));
    ui_put_cut(s, y, c->title, s.at.w - c->title, found ? UI_STRONG : UI_TEXT, title,
               strlen(title));
    if (selected) {
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
        ui_put(s, y, 0, UI_STRONG, g->cursor);
        /* the bar keeps its own colours: reversed, it would be a hole */
        ui_fill(s, (ui_rect){y, c->bar - 1, 1, 2 * c->half + 2}, UI_TEXT);
    } else if (pinned) {
        ui_put(s, y, 0, UI_DIM, g->pin);
    }
    ui_bar(s, g, y, c->bar, c->half, d->delta_sim_relative, c->scale,
           a->theme == UI_THEME_MONO || a->theme == UI_THEME_16);
    if (selected && !a->editing)
        ui_cursor(s, y, c->title, false);
}

/* The row of the pinned document when it is not among rows [top, top+n), or n_order. */
static size_t pinned_row(const ui_app *a, size_t n)
{
    for (size_t i = 0; a->pinned && i < a->n_order; i++)
        if (strcmp(a->trace->documents[a->order[i]].id, a->pinned) == 0)
            return i < a->top || i >= a->top + n ? i : a->n_order;
    return a->n_order;
}

void ui_draw_list(const ui_app *a, ui_surface s, bool boxed)
{
    if (boxed) {
        char title[80], note[96];
        snprintf(title, sizeof title, "Ranking: before %s after", a->glyphs->arrow);
        ui_moved_text(a, note, sizeof note);
        bool focused = !a->editing && a->pane == UI_PANE_LIST;
        ui_box(s, a->glyphs, focused, title, note);
        s = ui_sub(s, (ui_rect){1, 1, s.at.h - 2, s.at.w - 2});
    }
    if (a->n_order == 0) {
        ui_draw_nothing_left(a, s);
        return;
    }
    columns c = fit(a, s.at.w);
    header(a, s, &c);
    size_t rows = s.at.h > 1 ? (size_t)s.at.h - 1 : 0;
    size_t pin = pinned_row(a, rows);
    if (pin < a->n_order && rows)
        rows--;
    for (size_t i = 0; i < rows && a->top + i < a->n_order; i++) {
        const imr_trace_document *d = &a->trace->documents[a->order[a->top + i]];
        row(a, s, 1 + (int)i, &c, d, a->top + i == a->at,
            a->pinned && strcmp(d->id, a->pinned) == 0);
    }
    if (pin < a->n_order)
        row(a, s, 1 + (int)rows, &c, &a->trace->documents[a->order[pin]], false, true);
}
