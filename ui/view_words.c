/* ui/view_words.c */
#include <math.h>

#include "ui/views.h"

/* What is drawn: rows [top, top+rows) of the query by columns [left, left+cols) of the document. */
typedef struct grid {
    const ui_reading *r;
    const imr_pairs *p;
    size_t top, rows, left, cols;
    int label, cell;          /* widths */
    int other, biases, total; /* columns behind the cells; other: far outside when there is none */
    int decimals;
    double scale, least;
} grid;

/* First one shown so that `at` is among `room` of n, scrolling by whole pages less one. */
static size_t window(size_t at, size_t n, size_t room)
{
    if (n <= room || at < room)
        return 0;
    size_t step = room > 1 ? room - 1 : 1, top = (at - 1) / step * step;
    return top + room > n ? n - room : top;
}

static ui_style heat(double v, double scale)
{
    double part = fabs(v) / scale;
    return part > 0.6    ? (v > 0 ? UI_GAIN_HOT : UI_LOSS_HOT)
           : part > 0.25 ? (v > 0 ? UI_GAIN_WARM : UI_LOSS_WARM)
                         : ui_sign_role(v);
}

static void cell(const grid *g, ui_surface s, int y, int x, double v, bool shaded)
{
    bool small = !(fabs(v) >= g->least);
    ui_style style = small ? UI_DIM : shaded ? heat(v, g->scale) : ui_sign_role(v);
    if (shaded && !small)
        ui_fill(s, (ui_rect){y, x, 1, g->cell - 1}, style);
    ui_put_right(s, y, x + g->cell - 1, style, small ? "·" : ui_short(v, g->decimals).s);
}

/* A row: the cells in sight, what of it is not, the biases' column and the total. */
static void matrix_row(const grid *g, ui_surface s, int y, const double *values, bool shaded)
{
    const ui_side *d = &g->r->document;
    int x = g->label;
    double seen = 0, total = 0;
    for (size_t i = 0; i <= d->n; i++)
        total += values[i];
    for (size_t i = 0; i < g->cols; i++, x += g->cell) {
        double v = values[d->order[g->left + i]];
        cell(g, s, y, x, v, shaded);
        seen += v;
    }
    cell(g, s, y, g->other, total - seen - values[d->n], false);
    cell(g, ui_about(s, UI_TERM_NOT_WORDS), y, g->biases, values[d->n], false);
    ui_put(s, y, g->total - 2, UI_BORDER, "│");
    cell(g, ui_about(s, UI_TERM_SUM), y, g->total, total, false);
}

static void header(const grid *g, ui_surface s, int y, size_t document)
{
    const ui_side *d = &g->r->document;
    int x = g->label;
    for (size_t i = 0; i < g->cols; i++, x += g->cell) {
        uint32_t place = d->order[g->left + i];
        const char *text = g->p->document[place].text;
        int w = ui_width(text) < g->cell - 1 ? ui_width(text) : g->cell - 1;
        ui_style style = g->p->document[place].special ? UI_DIM
                         : g->left + i == document     ? UI_STRONG
                                                       : UI_TEXT;
        ui_put_cut(s, y, x + g->cell - 1 - w, w, style, text);
    }
    ui_put_right(s, y, g->other + g->cell - 1, UI_DIM, "other");
    ui_put_right(s, y, g->biases + g->cell - 1, UI_DIM, "biases");
    ui_put(s, y, g->total - 2, UI_BORDER, "│");
    ui_put_right(s, y, g->total + g->cell - 1, UI_DIM, "total");
}

/* Values of a query word's row, or sums of rows, in the order of the text. */
static void add_row(const grid *g, double *values, size_t q)
{
    for (size_t i = 0; i <= g->r->document.n; i++)
        values[i] += ui_share(g->p, g->r->measure, q, i);
}

/* How many of n are shown where there is room for so many: less one when others are summed up. */
static size_t shown(size_t n, int room)
{
    return room > 0 && n <= (size_t)room ? n : room > 1 ? (size_t)room - 1 : 1;
}

static grid grid_for(ui_surface s, const ui_reading *r, size_t query, size_t document)
{
    grid g = {.r = r, .p = &r->detail->why.pairs};
    const ui_side *q = &r->query, *d = &r->document;
    g.cell = s.at.w >= 100 ? 9 : 7;
    g.label = s.at.w >= 100 ? 18 : 12;
    g.cols = shown(d->n, (s.at.w - g.label - 2 - 2 * g.cell) / g.cell);
    /* a title, a head, other words, not from words, the total, the legend */
    g.rows = shown(q->n, s.at.h - 5);
    int x = g.label + (int)g.cols * g.cell;
    g.other = g.cols < d->n ? x : -1000;
    g.biases = g.cols < d->n ? x + g.cell : x;
    g.total = g.biases + g.cell + 2;
    g.left = window(document, d->n, g.cols);
    g.top = window(query, q->n, g.rows);
    for (size_t i = 0; i < q->n; i++)
        for (size_t k = 0; k < d->n; k++)
            if (!g.p->query[i].special && !g.p->document[k].special)
                g.scale = fmax(g.scale, fabs(ui_share(g.p, r->measure, i, k)));
    g.scale = g.scale > 0 ? g.scale : 1;
    bool fine = r->measure.raw || g.scale < 0.1; /* a small change is not nothing */
    g.decimals = fine ? 3 : 2;
    g.least = fine ? 0.002 : 0.02;
    return g;
}

static void title(ui_surface s, const imr_trace_document *d, const ui_reading *r)
{
    bool raw = r->measure.raw;
    ui_text right =
        ui_textf("%s %s %s", ui_measure_names[r->measure.stage],
                 raw                             ? "cos"
                 : r->measure.stage == UI_CHANGE ? "lift"
                                                 : "standing",
                 ui_signed(ui_share_whole(&r->detail->why.pairs, r->measure), raw ? 4 : 2).s);
    ui_put_cut(s, 0, 1, s.at.w - ui_width(right.s) - 5, UI_STRONG,
               ui_textf("%.80s  %.200s", d->id, d->title).s);
    ui_put_right(ui_about(s, raw ? UI_TERM_COSINE : UI_TERM_STANDING), 0, s.at.w - 1, UI_STRONG,
                 right.s);
}

static void legend(const grid *g, ui_surface s, int y)
{
    int x = 1;
    bool raw = g->r->measure.raw;
    for (int stage = 0; stage <= UI_CHANGE; stage++)
        if (ui_share_known(g->p, (ui_measure){stage, raw}))
            x = 1 + ui_putf(s, y, x, stage == g->r->measure.stage ? UI_MODE : UI_DIM, " %s ",
                            ui_measure_names[stage]);
    x = ui_put(s, y, x + 1, UI_GAIN_WARM, " for ");
    x = ui_put(s, y, x + 1, UI_LOSS_WARM, " against ");
    ui_text text = ui_textf("· less than %s%s", ui_bound(g->least).s, raw ? "" : " sd");
    if (x + 2 + ui_width(text.s) < s.at.w)
        ui_put(s, y, x + 2, UI_DIM, text.s);
}

int ui_draw_words(ui_surface s, const imr_trace_document *d, const ui_reading *r, size_t query,
                  size_t document)
{
    grid g = grid_for(s, r, query, document);
    const ui_side *q = &r->query;
    IMR_AUTOFREE double *values = IMR_NEW_ARRAY(double, 2 * (r->document.n + 1));
    if (!values)
        return 0;
    double *other = values + r->document.n + 1;
    ui_surface cells = ui_about(s, r->measure.raw ? UI_TERM_SHARE_RAW : UI_TERM_SHARE);
    int y = 2;
    title(s, d, r);
    header(&g, s, 1, document);
    for (size_t i = 0; i < q->n; i++) {
        uint32_t place = q->order[i];
        if (i < g.top || i >= g.top + g.rows) {
            add_row(&g, other, place);
            continue;
        }
        ui_style style = g.p->query[place].special ? UI_DIM : i == query ? UI_STRONG : UI_TEXT;
        ui_put_cut(s, y, 1, g.label - 2, style, g.p->query[place].text);
        ui_hit_put(s, (ui_rect){y, 0, 1, g.label}, UI_HIT_CELL, i << 16 | UI_HIT_LABEL);
        for (size_t k = 0; k < g.cols; k++)
            ui_hit_put(s, (ui_rect){y, g.label + (int)k * g.cell, 1, g.cell}, UI_HIT_CELL,
                       i << 16 | (g.left + k));
        memset(values, 0, (r->document.n + 1) * sizeof *values);
        add_row(&g, values, place);
        matrix_row(&g, cells, y, values, true);
        if (i == query) {
            int x = g.label + (int)(document - g.left) * g.cell;
            ui_put(s, y, 0, UI_STRONG, "▌");
            ui_mark(s, (ui_rect){y, x, 1, g.cell - 1}, UI_SELECTED);
            ui_cursor(s, y, x + g.cell - 2, false);
        }
        y++;
    }
    if (g.rows < q->n) {
        ui_putf(s, y, 1, UI_DIM, "%zu other", q->n - g.rows);
        matrix_row(&g, cells, y++, other, false);
    }
    memset(values, 0, (r->document.n + 1) * sizeof *values);
    add_row(&g, values, q->n);
    ui_put(s, y, 1, UI_DIM, "biases");
    matrix_row(&g, ui_about(s, UI_TERM_NOT_WORDS), y++, values, false);
    ui_put(s, y, 1, UI_STRONG, "total");
    matrix_row(&g, ui_about(s, UI_TERM_SUM), y, r->document.total, false);
    const size_t at[2] = {q->order[query], r->document.order[document]};
    if (s.grid->glyphs->spoken)
        ui_putf(s, y + 1, 0, UI_TEXT, "%s with %s %s", g.p->query[at[0]].text,
                g.p->document[at[1]].text,
                ui_signed(ui_share(g.p, r->measure, at[0], at[1]), g.decimals).s);
    else
        legend(&g, s, s.at.h - 1);
    return y + 1 + s.grid->glyphs->spoken;
}
