/* ui/view_list.c - the ranking: who stands where for the encoder, projected and now. */
#include <math.h>

#include "ui/views.h"

#define HIDDEN (-1000) /* column of what is not shown: outside, so clipped */

/* Which columns, from the left; where each begins and how wide it is, a blank behind it included. */
typedef struct columns {
    ui_column v[UI_COL_COUNT];
    size_t n;
    int x[UI_COL_COUNT], w[UI_COL_COUNT];
    int half;     /* of the bars */
    double scale; /* likewise */
} columns;

static const ui_column ranks[] = {UI_COL_ENC, UI_COL_PROJ, UI_COL_NOW, UI_COL_GAIN};

/* What a width has room for. */
typedef struct choice {
    int half, title;
    bool lift, delta, cos;
} choice;

/* Places the columns; returns what is left for the title. */
static int place(columns *c, int w, const choice *o, const ui_list *l)
{
    const imr_trace *t = l->trace;
    bool shown[UI_COL_COUNT];
    bool titled = false;
    int room = w - 1, x = 1;
    for (int i = 0; i < UI_COL_COUNT; i++)
        shown[i] = ui_adapted(t) || i == UI_COL_ENC || i == UI_COL_TITLE || i == UI_COL_ID ||
                   i == UI_COL_REL || i == UI_COL_COS;
    shown[UI_COL_GAIN] = ui_shows_both(l);
    shown[UI_COL_LIFT] &= o->lift;
    shown[UI_COL_DELTA] &= o->delta;
    shown[UI_COL_COS] &= o->cos;
    shown[UI_COL_INFLUENCE] &= t->settings.influence;
    shown[UI_COL_NOTES] = c->w[UI_COL_NOTES] > 0;
    shown[UI_COL_SEEN] &= t->n_documents && t->documents[0].seen >= 0;
    c->half = o->half;
    c->w[UI_COL_BAR] = 2 * o->half + 2;
    c->w[UI_COL_TITLE] = 0;
    for (int i = 0; i < UI_COL_COUNT; i++)
        c->x[i] = HIDDEN;
    for (size_t i = 0; i < c->n; i++) {
        titled |= c->v[i] == UI_COL_TITLE;
        room -= shown[c->v[i]] ? c->w[c->v[i]] : 0;
    }
    c->w[UI_COL_TITLE] = room > 0 ? room : 0;
    for (size_t i = 0; i < c->n; i++) {
        const ui_column of = c->v[i];
        c->x[of] = shown[of] ? x : HIDDEN;
        x += shown[of] ? c->w[of] : 0;
    }
    return titled || room < 0 ? room : w;
}

/* The cosine goes first, then the change of cosine, then the bar shrinks and the lift is its length
 * alone; the title keeps 24. Rank columns are as wide as the largest rank. */
static columns fit(const ui_list *l, int width)
{
    const imr_trace *t = l->trace;
    static const choice choices[] = {{6, 48, true, true, true},
                                     {4, 36, true, true, false},
                                     {4, 28, true, false, false},
                                     {4, 24, false, false, false},
                                     {2, 0, false, false, false}};
    columns c = {.w = {4, 5, ui_adapted(t) ? 4 : 5, 5, 6, 0, 8, 7, 0, 0, 10, 4, 2, 0, 5}};
    double largest = 0;
    if (ui_columns_parse(c.v, &c.n, l->columns, NULL) != IMR_OK &&
        ui_columns_parse(c.v, &c.n, NULL, NULL) != IMR_OK)
        return c;
    uint32_t last[4] = {0};
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const uint32_t rank[4] = {d->rank_encoder, d->rank_before, d->rank_after, d->rank_beside};
        for (int k = 0; k < 4; k++)
            last[k] = rank[k] > last[k] ? rank[k] : last[k];
        if (isfinite(d->lift.total))
            largest = fmax(largest, fabs(d->lift.total));
        c.w[UI_COL_ID] = (int)fmax(c.w[UI_COL_ID], fmin(ui_width(d->id) + 1, 21));
    }
    for (int k = 0; k < 4; k++)
        c.w[ranks[k]] = (int)fmax(c.w[ranks[k]], ui_width(ui_textf("%u ", last[k]).s));
    c.w[UI_COL_GAIN] += c.w[UI_COL_GAIN] + 1; /* and the ranks between */
    c.scale = largest > 0 ? ui_nice_scale(largest) : 0;
    for (size_t i = 0; i < l->n && !c.w[UI_COL_NOTES]; i++)
        c.w[UI_COL_NOTES] = ui_list_note(l, ui_list_row(l, i)->id) ? 2 : 0;
    for (size_t i = 0; i < IMR_LEN(choices); i++)
        if (place(&c, width, &choices[i], l) >= choices[i].title)
            break;
    return c;
}

static void header(ui_surface s, const columns *c, const imr_trace *t)
{
    ui_text bound = {""};
    if (c->scale > 0)
        bound = ui_textf("%s%s%s", s.grid->glyphs->ascii ? "+-" : "±", ui_bound(c->scale).s,
                         c->half > 2 ? " sd" : "");
    const char *now = c->x[UI_COL_GAIN] < 0 ? "now"
                      : t->second           ? "B"
                                            : "A",
               *gain = t->second ? "A gain" : "B gain", *enc = ui_adapted(t) ? "enc" : "rank";
    const char *const names[UI_COL_COUNT] = {now,       "proj", enc,   "move",  "lift",
                                             bound.s,   "Δcos", "cos", "title", "id",
                                             "|Δq'|/n", gain,   "★",   "J",     "seen"};
    for (int i = 0; i < UI_COL_COUNT; i++) {
        const int room = c->w[i] - 1 - ui_width(names[i]);
        const bool left = i == UI_COL_COS || i == UI_COL_TITLE || i == UI_COL_ID;
        ui_put(s, 0, c->x[i] + (left ? 0 : i == UI_COL_BAR ? room / 2 : room), UI_DIM, names[i]);
        ui_hit_put(s, (ui_rect){0, c->x[i], 1, c->w[i]}, UI_HIT_SORT, (size_t)i);
    }
}

static void rank_cell(ui_surface s, int y, int end, ui_style style, uint32_t rank)
{
    ui_put_right(s, y, end, style, rank ? ui_textf("%u", rank).s : "–");
}

static void gain_cell(ui_surface s, int y, int x, const imr_trace *t, const imr_trace_document *d)
{
    uint32_t both[2];
    const double gain = imr_trace_gain(both, t, d);
    rank_cell(s, y, x - 1, UI_TEXT, d->rank_beside);
    ui_put(s, y, x, ui_sign_role(gain),
           isfinite(gain) ? ui_move((int32_t)gain).s
           : isnan(gain)  ? ""
           : gain > 0     ? "▲"
                          : "▼");
}

static void row(ui_surface s, int y, const columns *c, const ui_list *l,
                const imr_trace_document *d, bool selected, bool focused)
{
    bool pinned = l->pinned && strcmp(d->id, l->pinned) == 0;
    bool gone = ui_adapted(l->trace) ? !d->rank_after : d->rank_encoder > l->trace->n_documents;
    const imr_note *note = imr_note_verdict(ui_list_note(l, d->id));
    const int *x = c->x;
    for (int k = 0; k < IMR_STAGE_COUNT; k++)
        rank_cell(ui_about(s, (uint8_t)(UI_TERM_RANK_ENCODER + k)), y,
                  x[ranks[k]] + c->w[ranks[k]] - 1, k == IMR_STAGE_AFTER ? UI_STRONG : UI_TEXT,
                  d->rank[k]);
    if (x[UI_COL_GAIN] >= 0)
        gain_cell(ui_about(s, UI_TERM_RANK_BESIDE), y, x[UI_COL_GAIN] + c->w[UI_COL_GAIN] / 2,
                  l->trace, d);
    if (!gone) {
        ui_put(ui_about(s, UI_TERM_MOVE), y, x[UI_COL_MOVED], ui_sign_role(d->move_encoder),
               ui_move(d->move_encoder).s);
        ui_put_signed(ui_about(s, UI_TERM_LIFT), y, x[UI_COL_LIFT] + 5, d->lift.total, 2);
        ui_put_right(ui_about(s, UI_TERM_DELTA), y, x[UI_COL_DELTA] + 7, UI_TEXT,
                     ui_signed(d->delta_sim, 4).s);
    }
    ui_put_plain(ui_about(s, UI_TERM_COSINE), y, x[UI_COL_COS] + 6, UI_TEXT,
                 d->rank_after ? d->sim_after : d->sim_encoder, 4);
    if (!isnan(d->influence))
        ui_put_right(ui_about(s, UI_TERM_INFLUENCE), y, x[UI_COL_INFLUENCE] + 9, UI_TEXT,
                     ui_textf("%s/%u", ui_plain((double)d->influence, 4).s, d->influence_moves).s);
    if (d->relevance >= 0)
        ui_put(s, y, x[UI_COL_REL], d->relevance ? UI_RELEVANT : UI_DIM, d->relevance ? "★" : "·");
    if (d->seen >= 0)
        ui_put_right(s, y, x[UI_COL_SEEN] + 4, UI_TEXT, d->seen ? "yes" : "no");
    if (note)
        ui_put_n(s, y, x[UI_COL_NOTES],
                 note->verdict == IMR_ACCEPT   ? UI_GAIN
                 : note->verdict == IMR_REJECT ? UI_LOSS
                                               : UI_STRONG,
                 note->verdict_name, 1);
    ui_put_cut(s, y, x[UI_COL_ID], c->w[UI_COL_ID] - 1, UI_TEXT, d->id);
    const bool last = c->v[c->n - 1] == UI_COL_TITLE;
    ui_put_cut(s, y, x[UI_COL_TITLE], c->w[UI_COL_TITLE] - !last, d->empty ? UI_DIM : UI_TEXT,
               *imr_trace_title(d) ? imr_trace_title(d) : d->id);
    if (gone)
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_DIM);
    for (int i = UI_COL_TITLE; i <= UI_COL_ID; i++)
        ui_mark_found(ui_sub(s, (ui_rect){y, x[i], 1, c->w[i]}), &l->find);
    if (selected) {
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
        ui_put(s, y, 0, UI_STRONG, "▌");
    } else if (pinned) {
        ui_put(s, y, 0, UI_DIM, "●");
    }
    if (ui_list_mark_of(l, d))
        ui_put(s, y, 0, UI_STRONG, ui_list_mark_of(l, d));
    if (x[UI_COL_BAR] >= 0) {
        /* the bar keeps its own colours: reversed, it would be a hole */
        if (selected)
            ui_fill(s, (ui_rect){y, x[UI_COL_BAR] - 1, 1, c->w[UI_COL_BAR]}, UI_TEXT);
        ui_bar(ui_about(s, UI_TERM_LIFT), y, x[UI_COL_BAR], c->half, gone ? NAN : d->lift.total,
               c->scale);
    }
    if (selected && focused)
        ui_cursor(s, y, x[UI_COL_TITLE] >= 0 ? x[UI_COL_TITLE] : 1, false);
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
               ui_textf("0 of %zu documents match the filter %.400s",
                        l->trace->n_documents + l->trace->n_left, l->filter ? l->filter : "")
                   .s);
    bool judged = l->filter && (strstr(l->filter, "rel") || strstr(l->filter, "lost"));
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
    if (s.grid->glyphs->spoken) { /* the row as sentences */
        const imr_trace_document *d = ui_list_selected(l);
        ui_put_cut(s, 0, 0, s.at.w, UI_TEXT,
                   ui_textf("%zu of %zu: %s", l->at + 1, l->n,
                            *imr_trace_title(d) ? imr_trace_title(d) : d->id)
                       .s);
        ui_draw_facts(ui_sub(s, (ui_rect){1, 0, 1, s.at.w}), l->trace, d);
        return;
    }
    const columns c = fit(l, s.at.w);
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

/* What the index of an engine finds: "" of a cache, which is exact. */
static ui_text recall_text(const imr_trace_store *s, const ui_glyphs *g)
{
    if (!s->kind || !s->index[0])
        return (ui_text){0};
    return isfinite(s->recall) ? ui_textf(" %s recall %s", g->middot, ui_plain(s->recall, 3).s)
                               : ui_textf(" %s recall ?", g->middot);
}

ui_text ui_moved_text(const ui_list *l, const ui_glyphs *g)
{
    const imr_trace *t = l->trace;
    const imr_trace_exchange x = imr_trace_exchanged(t);
    const ui_text recall = recall_text(&t->inputs.store, g);
    if (ui_shows_both(l))
        return ui_textf("top 10 under B: %u enter (%u ★), %u leave (%u ★)", x.documents[1],
                        x.relevant[1], x.documents[0], x.relevant[0]);
    if (ui_adapted(t))
        return ui_textf("%u of %zu moved %s %s %s%s", t->moved_encoder, t->n_documents, g->middot,
                        g->tau, ui_plain(t->tau_encoder, 2).s, recall.s);
    return ui_textf("%zu document%s%s", t->n_documents, t->n_documents == 1 ? "" : "s", recall.s);
}
