/* ui/view_list.c - the ranking: who stands where for the encoder, projected and now. */
#include <math.h>

#include "ui/views.h"

/* Columns of the list; x < 0: not shown. Rank columns are as wide as the largest rank. */
typedef struct columns {
    int rank[3], rank_w[3]; /* encoder, projected, now */
    int move, lift, bar, half, delta, cos, star, title;
    double scale; /* of the bars */
} columns;

/* What a width has room for. */
typedef struct choice {
    int half, title;
    bool lift, delta, cos;
} choice;

static int place_at(int *x, int w, bool shown)
{
    int at = *x;
    *x += shown ? w : 0;
    return shown ? at : -1;
}

/* Places the columns; returns what is left for the title. */
static int place(columns *c, int w, const choice *o, bool adapted)
{
    int x = 1;
    for (int i = 0; i < 3; i++)
        c->rank[i] = place_at(&x, c->rank_w[i] + 1, adapted || i == 0);
    c->half = o->half;
    c->move = place_at(&x, 5, adapted);
    c->lift = place_at(&x, 6, adapted && o->lift);
    c->bar = place_at(&x, 2 * o->half + 2, adapted);
    c->delta = place_at(&x, 8, adapted && o->delta);
    c->cos = place_at(&x, 7, o->cos);
    c->star = place_at(&x, 2, true);
    c->title = x;
    return w - x;
}

/* The cosine goes first, then the change of cosine, then the bar shrinks and the lift is its length
 * alone; the title keeps 24. */
static columns fit(const imr_trace *t, int w)
{
    static const choice choices[] = {{6, 48, true, true, true},
                                     {4, 36, true, true, false},
                                     {4, 28, true, false, false},
                                     {4, 24, false, false, false},
                                     {2, 0, false, false, false}};
    columns c = {.rank_w = {ui_adapted(t) ? 3 : 4, 4, 3}};
    uint32_t last[3] = {0};
    double largest = 0;
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const uint32_t ranks[3] = {d->rank_encoder, d->rank_before, d->rank_after};
        for (int k = 0; k < 3; k++)
            last[k] = ranks[k] > last[k] ? ranks[k] : last[k];
        if (isfinite(d->lift.total))
            largest = fmax(largest, fabs(d->lift.total));
    }
    for (int k = 0; k < 3; k++)
        c.rank_w[k] = (int)fmax(c.rank_w[k], ui_width(ui_textf("%u", last[k]).s));
    c.scale = largest > 0 ? ui_nice_scale(largest) : 0;
    size_t i = 0;
    while (place(&c, w, &choices[i], ui_adapted(t)) < choices[i].title)
        i++;
    return c;
}

static void header(ui_surface s, const columns *c, bool adapted)
{
    static const char *const names[] = {"enc", "proj", "now"};
    const ui_glyphs *g = s.grid->glyphs;
    for (int i = 0; i < 3; i++)
        if (c->rank[i] >= 0)
            ui_put_right(s, 0, c->rank[i] + c->rank_w[i], UI_DIM, adapted ? names[i] : "rank");
    if (c->move >= 0)
        ui_put(s, 0, c->move, UI_DIM, "move");
    if (c->lift >= 0)
        ui_put_right(s, 0, c->lift + 5, UI_DIM, "lift");
    if (c->bar >= 0 && c->scale > 0) {
        ui_text label = ui_textf("%s%s%s", g->ascii ? "+-" : "±", ui_bound(c->scale).s,
                                 c->half > 2 ? " sd" : "");
        ui_put(s, 0, c->bar + (2 * c->half + 1 - ui_width(label.s)) / 2, UI_DIM, label.s);
    }
    if (c->delta >= 0)
        ui_put_right(s, 0, c->delta + 7, UI_DIM, ui_textf("%scos", g->delta).s);
    if (c->cos >= 0)
        ui_put(s, 0, c->cos, UI_DIM, "cos");
    ui_put(s, 0, c->star, UI_DIM, g->relevant);
    ui_put(s, 0, c->title, UI_DIM, "title");
}

static void ranks(ui_surface s, int y, const columns *c, const imr_trace_document *d)
{
    const uint32_t value[] = {d->rank_encoder, d->rank_before, d->rank_after};
    for (int i = 0; i < 3; i++)
        if (c->rank[i] >= 0)
            ui_put_right(ui_about(s, (uint8_t)(UI_TERM_RANK_ENCODER + i)), y,
                         c->rank[i] + c->rank_w[i], i == 2 ? UI_STRONG : UI_TEXT,
                         value[i] ? ui_textf("%u", value[i]).s : s.grid->glyphs->none);
}

static void row(ui_surface s, int y, const columns *c, const ui_list *l,
                const imr_trace_document *d, bool selected, bool focused)
{
    const ui_glyphs *g = s.grid->glyphs;
    bool pinned = l->pinned && strcmp(d->id, l->pinned) == 0;
    bool gone = ui_adapted(l->trace) && !d->rank_after;
    const char *title = *d->title ? d->title : d->id;
    ranks(s, y, c, d);
    if (c->move >= 0 && !gone)
        ui_put(ui_about(s, UI_TERM_MOVE), y, c->move, ui_sign_role(d->move_encoder),
               ui_move(g, d->move_encoder).s);
    if (c->lift >= 0 && !gone)
        ui_put_signed(ui_about(s, UI_TERM_LIFT), y, c->lift + 5, d->lift.total, 2);
    if (c->delta >= 0 && !gone)
        ui_put_right(ui_about(s, UI_TERM_DELTA), y, c->delta + 7, UI_TEXT,
                     ui_signed(g, d->delta_sim, 4).s);
    if (c->cos >= 0)
        ui_put_plain(ui_about(s, UI_TERM_COSINE), y, c->cos + 6, UI_TEXT,
                     d->rank_after ? d->sim_after : d->sim_encoder, 4);
    if (d->relevance >= 0)
        ui_put(s, y, c->star, d->relevance ? UI_RELEVANT : UI_DIM,
               d->relevance ? g->relevant : g->judged);
    ui_put_cut(s, y, c->title, s.at.w - c->title, ui_list_found(l, d) ? UI_STRONG : UI_TEXT, title);
    if (gone)
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_DIM);
    if (selected) {
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
        ui_put(s, y, 0, UI_STRONG, g->cursor);
    } else if (pinned) {
        ui_put(s, y, 0, UI_DIM, g->pin);
    }
    if (c->bar >= 0) {
        /* the bar keeps its own colours: reversed, it would be a hole */
        if (selected)
            ui_fill(s, (ui_rect){y, c->bar - 1, 1, 2 * c->half + 2}, UI_TEXT);
        ui_bar(ui_about(s, UI_TERM_LIFT), y, c->bar, c->half, gone ? NAN : d->lift.total, c->scale);
    }
    if (selected && focused)
        ui_cursor(s, y, c->title, false);
}

/* The row of the pinned document when it is not among rows [top, top+n), or l->n. */
static size_t pinned_row(const ui_list *l, size_t n)
{
    for (size_t i = 0; l->pinned && i < l->n; i++)
        if (strcmp(ui_list_row(l, i)->id, l->pinned) == 0)
            return i < l->top || i >= l->top + n ? i : l->n;
    return l->n;
}

static void nothing_left(ui_surface s, const ui_list *l)
{
    ui_put_cut(s, 1, 2, s.at.w - 4, UI_STRONG,
               ui_textf("0 of %zu documents match the filter %s%s%s",
                        l->trace->n_documents + l->trace->n_left,
                        ui_menu_of(UI_DO_FILTER, false)->names[l->filter],
                        l->filter_words ? " " : "", l->filter_words ? l->filter_words : "")
                   .s);
    bool judged = l->filter == UI_FILTER_RELEVANT || l->filter == UI_FILTER_LOST;
    ui_put(s, 3, 2, UI_TEXT,
           judged && l->trace->n_metrics == 0
               ? "This query has no judgements. f changes the filter, Esc clears it"
               : "f changes the filter, Esc clears it");
}

void ui_draw_list(ui_surface s, const ui_list *l, bool focused)
{
    if (l->n == 0) {
        nothing_left(s, l);
        return;
    }
    columns c = fit(l->trace, s.at.w);
    header(s, &c, ui_adapted(l->trace));
    size_t rows = s.at.h > 1 ? (size_t)s.at.h - 1 : 0;
    size_t pin = pinned_row(l, rows);
    if (pin < l->n && rows)
        rows--;
    for (size_t i = 0; i < rows && l->top + i < l->n; i++)
        row(s, 1 + (int)i, &c, l, ui_list_row(l, l->top + i), l->top + i == l->at, focused);
    if (pin < l->n)
        row(s, 1 + (int)rows, &c, l, ui_list_row(l, pin), false, false);
}

ui_text ui_moved_text(const imr_trace *t, const ui_glyphs *g)
{
    if (ui_adapted(t))
        return ui_textf("%u of %zu moved %s %s %s", t->moved_encoder, t->n_documents, g->middot,
                        g->tau, ui_plain(g, t->tau_encoder, 2).s);
    return ui_textf("%zu document%s", t->n_documents, t->n_documents == 1 ? "" : "s");
}
