/* ui/columns.c - columns of the ranking: their values, what filters ask of a row, which are shown. */
#include <math.h>

#include "text/filter.h"
#include "ui/app.h"

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

/* NaN: it has none; a rank that is not there is infinite. */
static void values(double v[VALUES], const ui_list *l, const imr_trace_document *d)
{
    uint32_t rank[2], of[2];
    const bool both = ui_shows_both(l);
    const double gain = imr_trace_gain(of, l->trace, d), by = ui_list_moved(rank, l, d);
    const bool first = rank[1] && rank[1] <= 10, was_first = rank[0] && rank[0] <= 10;
    const double all[VALUES] = {[UI_COL_NOW] = d->rank_after ? d->rank_after : INFINITY,
                                [UI_COL_PROJ] = d->rank_before ? d->rank_before : INFINITY,
                                [UI_COL_ENC] = d->rank_encoder ? d->rank_encoder : INFINITY,
                                [UI_COL_MOVED] = d->rank_after ? d->move_encoder : NAN,
                                [UI_COL_LIFT] = d->lift.total,
                                [UI_COL_BAR] = fabs(d->lift.total),
                                [UI_COL_DELTA] = (double)d->delta_sim,
                                [UI_COL_COS] =
                                    (double)(ui_adapted(l->trace) ? d->sim_after : d->sim_encoder),
                                [UI_COL_TITLE] = NAN,
                                [UI_COL_ID] = NAN,
                                [UI_COL_INFLUENCE] = (double)d->influence,
                                [UI_COL_GAIN] = both ? gain : NAN,
                                [UI_COL_REL] = d->relevance,
                                [UI_COL_NOTES] = ui_list_note(l, d->id) != NULL,
                                [UI_COL_SEEN] = d->seen < 0 ? NAN : d->seen,
                                [WINNERS] = by > 0,
                                [LOSERS] = by < 0 || !rank[1],
                                [MOVERS] = fabs(by) >= UI_BIG_MOVE,
                                [ENTERED] = first && !was_first,
                                [LEFT] = was_first && !first,
                                [LOST] = was_first && !first && d->relevance > 0,
                                [UNSEEN] = d->seen == 0,
                                [MARKED] = ui_list_mark_of(l, d) != NULL};
    memcpy(v, all, sizeof all);
}

void ui_list_filter(bool *out, double *key, ui_list *l)
{
    double v[VALUES];
    imr_filter_name names[N_NAMES];
    IMR_CLEANUP(imr_filter_done) imr_filter f = {0};
    all_names(names);
    l->problem.status =
        imr_filter_make(&f, l->filter ? l->filter : "", names, N_NAMES, &l->problem);
    for (size_t i = 0; i < l->trace->n_documents + l->trace->n_left; i++) {
        const imr_trace_document *d = imr_trace_at(l->trace, i);
        const char *const texts[] = {d->title, d->id};
        values(v, l, d);
        key[i] = isnan(v[l->sort]) ? INFINITY : l->sort <= UI_COL_ENC ? v[l->sort] : -v[l->sort];
        out[i] = imr_filter_passes(&f, v, texts, IMR_LEN(texts));
    }
}

/* ---- which are shown ---- */

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

/* ---- the overlay ---- */

UI_ON(columns)
{
    ui_column v[UI_COL_COUNT];
    size_t n;
    imr_error err;
    if (!argument)
        a->overlay = UI_OVER_COLUMNS;
    else if (strcmp(argument, "usual") == 0)
        ui_replace(&a->list.columns, NULL);
    else if (ui_columns_parse(v, &n, argument, &err) == IMR_OK)
        ui_replace(&a->list.columns, argument);
    else
        ui_app_say(a, true, "%s", err.text);
}

bool ui_columns_key(ui_app *a, ui_key key)
{
    ui_column v[UI_COL_COUNT];
    size_t n, at = a->pick < UI_COL_COUNT ? a->pick : 0, to = at;
    IMR_AUTOBUF imr_buf text = {0};
    if (ui_columns_parse(v, &n, a->list.columns, NULL) != IMR_OK)
        return false;
    const bool on = at < n, toggles = key == ' ' && (!on || n > 1);
    if (key == 'C' || key == UI_KEY_ENTER)
        a->overlay = UI_OVER_NONE;
    else if (key == UI_KEY_DOWN || key == UI_KEY_UP)
        a->pick = key == UI_KEY_UP ? at - (at > 0) : at + (at + 1 < UI_COL_COUNT);
    else if (toggles) /* to the end of those that are shown, or behind them */
        to = on ? n - 1 : n;
    else if ((key == '<' || key == 'K') && on && at)
        to = at - 1;
    else if ((key == '>' || key == 'J') && at + 1 < n)
        to = at + 1;
    else
        return strchr(" <>KJ", (int)key) != NULL;
    const ui_column moved = v[at];
    memmove(v + at, v + at + 1, (UI_COL_COUNT - at - 1) * sizeof *v);
    memmove(v + to + 1, v + to, (UI_COL_COUNT - to - 1) * sizeof *v);
    v[to] = moved;
    n += toggles ? (on ? (size_t)-1 : 1) : 0;
    a->pick = to != at && !(toggles && on) ? to : a->pick;
    for (size_t i = 0; i < n; i++)
        imr_buf_printf(&text, "%s%s", i ? "," : "", ui_column_name(v[i]));
    if (to != at || toggles)
        ui_replace(&a->list.columns, imr_buf_text(&text));
    return true;
}
