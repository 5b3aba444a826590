/* ui/columns.c - columns of the ranking: their values, what filters ask of a row, where each is. */
#include <math.h>

#include "text/filter.h"
#include "ui/keymap.h"
#include "ui/reading.h"

#define HIDDEN (-1000) /* column of what is not shown: outside, so clipped */

static const char usual[] = "enc,proj,now,gain,moved,lift,bar,delta,cos,influence,rel,notes,title";

/* Other names of theirs, and what else filters ask. */
enum { WINNERS = UI_COL_COUNT, LOSERS, MOVERS, ENTERED, LEFT, LOST, UNSEEN, MARKED, VALUES };
static const imr_filter_name also[] = {
    {"relevant", UI_COL_REL, true}, {"noted", UI_COL_NOTES, true},
    {"winners", WINNERS, true},     {"losers", LOSERS, true},
    {"movers", MOVERS, true},       {"entered", ENTERED, true},
    {"left", LEFT, true},           {"lost", LOST, true},
    {"unseen", UNSEEN, true},       {"marked", MARKED, true},
    {"encoder", UI_COL_ENC, false}, {"projected", UI_COL_PROJ, false},
    {"move", UI_COL_MOVED, false},  {"abs", UI_COL_BAR, false},
    {"sim", UI_COL_COS, false}};

enum { N_NAMES = UI_COL_COUNT + IMR_LEN(also) };

/* All names: first the columns' own. */
static void all_names(imr_filter_name out[N_NAMES])
{
    for (size_t i = 0; i < UI_COL_COUNT; i++)
        out[i] = (imr_filter_name){ui_column_name((ui_column)i), i,
                                   i == UI_COL_REL || i == UI_COL_SEEN || i == UI_COL_NOTES};
    memcpy(out + UI_COL_COUNT, also, sizeof also);
}

const char *ui_column_name(ui_column c)
{
    return ui_menu_of(UI_DO_SORT, UI_MENU_USUAL)->names[c];
}

bool ui_column_of(ui_column *out, const char *name, size_t n)
{
    imr_filter_name names[N_NAMES];
    all_names(names);
    for (size_t i = 0; i < N_NAMES; i++)
        if (names[i].value < UI_COL_COUNT && strlen(names[i].name) == n &&
            memcmp(names[i].name, name, n) == 0) {
            *out = (ui_column)names[i].value;
            return true;
        }
    return false;
}

/* ---- values ---- */

double ui_column_value(const ui_list *l, const imr_trace_document *d, ui_column c)
{
    uint32_t rank[2];
    switch (c) { /* without a rank behind all that have one */
    case UI_COL_NOW:
        return d->rank_after ? d->rank_after : INFINITY;
    case UI_COL_PROJ:
        return d->rank_before ? d->rank_before : INFINITY;
    case UI_COL_ENC:
        return d->rank_encoder ? d->rank_encoder : INFINITY;
    case UI_COL_MOVED:
        return d->rank_after ? d->move_encoder : NAN;
    case UI_COL_LIFT:
        return d->lift.total;
    case UI_COL_BAR:
        return fabs(d->lift.total);
    case UI_COL_DELTA:
        return (double)d->delta_sim;
    case UI_COL_COS:
        return (double)(ui_adapted(l->trace) ? d->sim_after : d->sim_encoder);
    case UI_COL_INFLUENCE:
        return (double)d->influence;
    case UI_COL_GAIN:
        return imr_trace_gain(rank, l->trace, d);
    case UI_COL_REL:
        return d->relevance;
    case UI_COL_NOTES:
        return ui_list_note(l, d->id) != NULL;
    case UI_COL_SEEN:
        return d->seen < 0 ? NAN : d->seen;
    default:
        return NAN;
    }
}

static bool passes(const imr_filter *f, const ui_list *l, const imr_trace_document *d)
{
    uint32_t rank[2];
    double v[VALUES];
    const double by = ui_list_moved(rank, l, d);
    const bool first = rank[1] && rank[1] <= 10, was_first = rank[0] && rank[0] <= 10;
    for (int i = 0; i < UI_COL_COUNT; i++)
        v[i] = ui_column_value(l, d, (ui_column)i);
    v[WINNERS] = by > 0;
    v[LOSERS] = by < 0 || !rank[1];
    v[MOVERS] = fabs(by) >= UI_BIG_MOVE;
    v[ENTERED] = first && !was_first;
    v[LEFT] = was_first && !first;
    v[LOST] = v[LEFT] && d->relevance > 0; /* NOLINT(readability-implicit-bool-conversion) */
    v[UNSEEN] = d->seen == 0;
    v[MARKED] = ui_list_mark_of(l, d) != NULL;
    const char *const texts[] = {d->title, d->id};
    return imr_filter_passes(f, v, texts, IMR_LEN(texts));
}

void ui_list_filter(bool *out, ui_list *l)
{
    imr_filter_name names[N_NAMES];
    IMR_CLEANUP(imr_filter_done) imr_filter f = {0};
    all_names(names);
    l->problem.status =
        imr_filter_make(&f, l->filter ? l->filter : "", names, N_NAMES, &l->problem);
    for (size_t i = 0; i < l->trace->n_documents + l->trace->n_left; i++)
        out[i] = passes(&f, l, imr_trace_at(l->trace, i));
}

/* ---- which, and where ---- */

imr_status ui_columns_parse(ui_column v[UI_COL_COUNT], size_t *n, const char *text, imr_error *err)
{
    bool has[UI_COL_COUNT] = {false};
    ui_column of[UI_COL_COUNT];
    size_t found = 0;
    for (const char *at = text ? text : usual; *at; at += *at == ',') {
        const size_t len = strcspn(at, ",");
        ui_column c;
        if (!ui_column_of(&c, at, len)) {
            IMR_AUTOBUF imr_buf all = {0};
            for (int i = 0; i < UI_COL_COUNT; i++)
                imr_buf_printf(&all, "%s%s", i ? ", " : "", ui_column_name((ui_column)i));
            return imr_fail(err, IMR_E_USAGE, "no column is called '%.*s'; there are %s",
                            (int)(len < 40 ? len : 40), at, imr_buf_text(&all));
        }
        if (!has[c])
            of[found++] = c;
        has[c] = true;
        at += len;
    }
    if (!found)
        return imr_fail(err, IMR_E_USAGE, "name at least one column, such as title");
    *n = found;
    for (int i = 0; i < UI_COL_COUNT; i++)
        if (!has[i])
            of[found++] = (ui_column)i;
    memcpy(v, of, sizeof of);
    return IMR_OK;
}

/* What a width has room for. */
typedef struct choice {
    int half, title;
    bool lift, delta, cos;
} choice;

/* Places the columns; returns what is left for the title. */
static int place(ui_columns *c, int w, const choice *o, const ui_list *l)
{
    const imr_trace *t = l->trace;
    bool shown[UI_COL_COUNT];
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
    for (size_t i = 0; i < c->n; i++)
        room -= shown[c->v[i]] ? c->w[c->v[i]] : 0;
    c->w[UI_COL_TITLE] = room > 0 ? room : 0;
    for (int i = 0; i < UI_COL_COUNT; i++)
        c->x[i] = HIDDEN;
    for (size_t i = 0; i < c->n; i++) {
        const ui_column of = c->v[i];
        c->x[of] = shown[of] ? x : HIDDEN;
        x += shown[of] ? c->w[of] : 0;
    }
    return room;
}

/* The cosine goes first, then the change of cosine, then the bar shrinks and the lift is its length
 * alone; the title keeps 24. Rank columns are as wide as the largest rank. */
ui_columns ui_list_columns(const ui_list *l, int width)
{
    const imr_trace *t = l->trace;
    static const choice choices[] = {{6, 48, true, true, true},
                                     {4, 36, true, true, false},
                                     {4, 28, true, false, false},
                                     {4, 24, false, false, false},
                                     {2, 0, false, false, false}};
    ui_columns c = {.w = {[UI_COL_ENC] = ui_adapted(t) ? 4 : 5,
                          [UI_COL_PROJ] = 5,
                          [UI_COL_NOW] = 4,
                          [UI_COL_GAIN] = 4,
                          [UI_COL_MOVED] = 5,
                          [UI_COL_LIFT] = 6,
                          [UI_COL_DELTA] = 8,
                          [UI_COL_COS] = 7,
                          [UI_COL_INFLUENCE] = 10,
                          [UI_COL_REL] = 2,
                          [UI_COL_SEEN] = 5}};
    double largest = 0;
    if (ui_columns_parse(c.v, &c.n, l->columns, NULL) != IMR_OK &&
        ui_columns_parse(c.v, &c.n, NULL, NULL) != IMR_OK)
        return c;
    uint32_t last[4] = {0};
    static const ui_column of[] = {UI_COL_ENC, UI_COL_PROJ, UI_COL_NOW, UI_COL_GAIN};
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(t, i);
        const uint32_t ranks[4] = {d->rank_encoder, d->rank_before, d->rank_after, d->rank_beside};
        for (int k = 0; k < 4; k++)
            last[k] = ranks[k] > last[k] ? ranks[k] : last[k];
        if (isfinite(d->lift.total))
            largest = fmax(largest, fabs(d->lift.total));
        c.w[UI_COL_ID] = (int)fmax(c.w[UI_COL_ID], fmin(ui_width(d->id) + 1, 21));
    }
    for (int k = 0; k < 4; k++)
        c.w[of[k]] = (int)fmax(c.w[of[k]], ui_width(ui_textf("%u ", last[k]).s));
    c.w[UI_COL_GAIN] += c.w[UI_COL_GAIN] + 1; /* and the ranks between */
    c.scale = largest > 0 ? ui_nice_scale(largest) : 0;
    for (size_t i = 0; i < l->n && !c.w[UI_COL_NOTES]; i++)
        c.w[UI_COL_NOTES] = ui_list_note(l, ui_list_row(l, i)->id) ? 2 : 0;
    for (size_t i = 0; i < IMR_LEN(choices); i++)
        if (place(&c, width, &choices[i], l) >= choices[i].title)
            break;
    return c;
}
