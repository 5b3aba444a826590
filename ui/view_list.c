/* ui/view_list.c - the ranking: who stands where for the encoder, projected and now. */
#include <math.h>

#include "ui/views.h"

enum { ENC, BEFORE, NOW, OTHER, MOVE, LIFT, BAR, DELTA, COS, FED, STAR, NOTE, TITLE, COLUMNS };

#define HIDDEN (-1000) /* column of what is not shown: outside, so clipped */

/* Where columns begin and how wide they are with a blank behind. */
typedef struct columns {
    int x[COLUMNS], w[COLUMNS];
    int half;     /* of the bars */
    double scale; /* likewise */
} columns;

/* What a width has room for. */
typedef struct choice {
    int half, title;
    bool lift, delta, cos;
} choice;

/* Places the columns; returns what is left for the title. */
static int place(columns *c, int w, const choice *o, const ui_list *l)
{
    const imr_trace *t = l->trace;
    const bool adapted = ui_adapted(t);
    bool shown[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        shown[i] = adapted || i == ENC || i >= STAR;
    shown[OTHER] = ui_shows_both(l);
    shown[LIFT] &= o->lift;
    shown[DELTA] &= o->delta;
    shown[COS] = o->cos;
    shown[FED] &= t->settings.influence;
    shown[NOTE] = c->w[NOTE] > 0;
    int x = 1;
    c->half = o->half;
    c->w[BAR] = 2 * o->half + 2;
    for (int i = 0; i < COLUMNS; i++) {
        c->x[i] = shown[i] ? x : HIDDEN;
        x += shown[i] ? c->w[i] : 0;
    }
    return w - x;
}

/* The cosine goes first, then the change of cosine, then the bar shrinks and the lift is its length
 * alone; the title keeps 24. Rank columns are as wide as the largest rank. */
static columns fit(const ui_list *l, int w)
{
    const imr_trace *t = l->trace;
    static const choice choices[] = {{6, 48, true, true, true},
                                     {4, 36, true, true, false},
                                     {4, 28, true, false, false},
                                     {4, 24, false, false, false},
                                     {2, 0, false, false, false}};
    columns c = {.w = {ui_adapted(t) ? 4 : 5, 5, 4, 4, 5, 6, 0, 8, 7, 10, 2, 0, 0}};
    uint32_t last[4] = {0};
    double largest = 0;
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const uint32_t ranks[4] = {d->rank_encoder, d->rank_before, d->rank_after, d->rank_beside};
        for (int k = 0; k < 4; k++)
            last[k] = ranks[k] > last[k] ? ranks[k] : last[k];
        if (isfinite(d->lift.total))
            largest = fmax(largest, fabs(d->lift.total));
    }
    for (int k = 0; k < 4; k++)
        c.w[k] = (int)fmax(c.w[k], ui_width(ui_textf("%u ", last[k]).s));
    c.w[OTHER] += c.w[OTHER] + 1; /* and the ranks between */
    c.scale = largest > 0 ? ui_nice_scale(largest) : 0;
    for (size_t i = 0; i < l->n && !c.w[NOTE]; i++)
        c.w[NOTE] = ui_list_note(l, ui_list_row(l, i)->id) ? 2 : 0;
    size_t i = 0;
    while (place(&c, w, &choices[i], l) < choices[i].title)
        i++;
    return c;
}

static void header(ui_surface s, const columns *c, const imr_trace *t)
{
    const char *now = c->x[OTHER] < 0 ? "now" : t->second ? "B" : "A";
    ui_text bound = {""};
    if (c->scale > 0)
        bound = ui_textf("%s%s%s", s.grid->glyphs->ascii ? "+-" : "±", ui_bound(c->scale).s,
                         c->half > 2 ? " sd" : "");
    const char *first = ui_adapted(t) ? "enc" : "rank";
    const char *const names[COLUMNS] = {first,  "proj",    now,     t->second ? "A gain" : "B gain",
                                        "move", "lift",    bound.s, "Δcos",
                                        "cos",  "|Δq'|/n", "★",     "J",
                                        "title"};
    for (int i = 0; i < COLUMNS; i++) {
        int left = c->x[i], room = c->w[i] - 1 - ui_width(names[i]);
        ui_put(s, 0,
               left + (i == COS || i == TITLE ? 0
                       : i == BAR             ? room / 2
                                              : room),
               UI_DIM, names[i]);
    }
}

static void row(ui_surface s, int y, const columns *c, const ui_list *l,
                const imr_trace_document *d, bool selected, bool focused)
{
    bool pinned = l->pinned && strcmp(d->id, l->pinned) == 0;
    bool gone = ui_adapted(l->trace) ? !d->rank_after : d->rank_encoder > l->trace->n_documents;
    const uint32_t ranks[] = {d->rank_encoder, d->rank_before, d->rank_after};
    const imr_note *note = imr_note_verdict(ui_list_note(l, d->id));
    for (int i = ENC; i <= NOW; i++)
        ui_put_right(ui_about(s, (uint8_t)(UI_TERM_RANK_ENCODER + i)), y, c->x[i] + c->w[i] - 1,
                     i == NOW ? UI_STRONG : UI_TEXT, ranks[i] ? ui_textf("%u", ranks[i]).s : "–");
    if (c->x[OTHER] >= 0) {
        uint32_t both[2];
        const double gain = imr_trace_gain(both, l->trace, d);
        const ui_surface b = ui_about(s, UI_TERM_RANK_BESIDE);
        const int x = c->x[OTHER] + c->w[OTHER] / 2;
        ui_put_right(b, y, x - 1, UI_TEXT, d->rank_beside ? ui_textf("%u", d->rank_beside).s : "–");
        ui_put(b, y, x, ui_sign_role(gain),
               isfinite(gain) ? ui_move((int32_t)gain).s
               : isnan(gain)  ? ""
               : gain > 0     ? "▲"
                              : "▼");
    }
    if (!gone) {
        ui_put(ui_about(s, UI_TERM_MOVE), y, c->x[MOVE], ui_sign_role(d->move_encoder),
               ui_move(d->move_encoder).s);
        ui_put_signed(ui_about(s, UI_TERM_LIFT), y, c->x[LIFT] + 5, d->lift.total, 2);
        ui_put_right(ui_about(s, UI_TERM_DELTA), y, c->x[DELTA] + 7, UI_TEXT,
                     ui_signed(d->delta_sim, 4).s);
    }
    ui_put_plain(ui_about(s, UI_TERM_COSINE), y, c->x[COS] + 6, UI_TEXT,
                 d->rank_after ? d->sim_after : d->sim_encoder, 4);
    if (!isnan(d->influence))
        ui_put_right(ui_about(s, UI_TERM_INFLUENCE), y, c->x[FED] + 9, UI_TEXT,
                     ui_textf("%s/%u", ui_plain((double)d->influence, 4).s, d->influence_moves).s);
    if (d->relevance >= 0)
        ui_put(s, y, c->x[STAR], d->relevance ? UI_RELEVANT : UI_DIM, d->relevance ? "★" : "·");
    if (note)
        ui_put_n(s, y, c->x[NOTE],
                 note->verdict == IMR_ACCEPT   ? UI_GAIN
                 : note->verdict == IMR_REJECT ? UI_LOSS
                                               : UI_STRONG,
                 note->verdict_name, 1);
    ui_put_cut(s, y, c->x[TITLE], s.at.w - c->x[TITLE], ui_list_found(l, d) ? UI_STRONG : UI_TEXT,
               *d->title ? d->title : d->id);
    if (gone)
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_DIM);
    if (selected) {
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
        ui_put(s, y, 0, UI_STRONG, "▌");
    } else if (pinned) {
        ui_put(s, y, 0, UI_DIM, "●");
    }
    if (ui_list_mark_of(l, d))
        ui_put(s, y, 0, UI_STRONG, ui_list_mark_of(l, d));
    if (c->x[BAR] >= 0) {
        /* the bar keeps its own colours: reversed, it would be a hole */
        if (selected)
            ui_fill(s, (ui_rect){y, c->x[BAR] - 1, 1, c->w[BAR]}, UI_TEXT);
        ui_bar(ui_about(s, UI_TERM_LIFT), y, c->x[BAR], c->half, gone ? NAN : d->lift.total,
               c->scale);
    }
    if (selected && focused)
        ui_cursor(s, y, c->x[TITLE], false);
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
                        ui_menu_of(UI_DO_FILTER, UI_MENU_USUAL)->names[l->filter],
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
    columns c = fit(l, s.at.w);
    header(s, &c, l->trace);
    size_t rows = s.at.h > 1 ? (size_t)s.at.h - 1 : 0;
    size_t pin = pinned_row(l, rows);
    if (pin < l->n && rows)
        rows--;
    for (size_t i = 0; i < rows && l->top + i < l->n; i++)
        ui_hit_put(s, (ui_rect){1 + (int)i, 0, 1, s.at.w}, UI_HIT_ROW, l->top + i);
    for (size_t i = 0; i < rows && l->top + i < l->n; i++)
        row(s, 1 + (int)i, &c, l, ui_list_row(l, l->top + i), l->top + i == l->at, focused);
    if (pin < l->n)
        row(s, 1 + (int)rows, &c, l, ui_list_row(l, pin), false, false);
}

ui_text ui_moved_text(const ui_list *l, const ui_glyphs *g)
{
    const imr_trace *t = l->trace;
    const imr_trace_exchange x = imr_trace_exchanged(t);
    if (ui_shows_both(l))
        return ui_textf("top 10 under B: %u enter (%u ★), %u leave (%u ★)", x.documents[1],
                        x.relevant[1], x.documents[0], x.relevant[0]);
    if (ui_adapted(t))
        return ui_textf("%u of %zu moved %s %s %s", t->moved_encoder, t->n_documents, g->middot,
                        g->tau, ui_plain(t->tau_encoder, 2).s);
    return ui_textf("%zu document%s", t->n_documents, t->n_documents == 1 ? "" : "s");
}
