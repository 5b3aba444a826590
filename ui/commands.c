/* ui/commands.c - actions of screens: sort, settings, copies. */
#include <math.h>

#include "base/number.h"
#include "ui/app.h"

/* The place of a word, up to a blank, among n names; -1 when it is none of them: then that is said,
 * with all there are. */
static int choice(ui_app *a, const char *what, const char *word, const char *const *names, size_t n)
{
    size_t len = strcspn(word, " ");
    IMR_AUTOBUF imr_buf all = {0};
    for (size_t i = 0; i < n; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], word, len) == 0)
            return (int)i;
        imr_buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    ui_app_say(a, true, "no %s is called %.*s; there are %s", what, (int)len, word,
               imr_buf_text(&all));
    return -1;
}

int ui_chosen(ui_app *a, ui_action action, const char *what, const char *argument)
{
    const ui_menu *m = ui_menu_of(action, ui_app_menus(a));
    if (argument)
        return choice(a, what, argument, m->names, strlen(m->keys));
    a->overlay = UI_OVER_MENU;
    a->menu = action;
    return -1;
}

/* ---- the list ---- */

/* Rows in another order: the first one is what was asked for. */
static void in_order(ui_app *a)
{
    ui_replace(&a->list.selected, NULL);
    ui_list_arrange(&a->list);
    ui_app_select(a, 0);
}

UI_ON(sort)
{
    const ui_menu *m = ui_menu_of(action, ui_app_menus(a));
    ui_column c = UI_COL_NOW;
    const bool column =
        argument && a->screen != UI_WORDS && ui_column_of(&c, argument, strcspn(argument, " "));
    int i = column ? (int)c : ui_chosen(a, action, "order", argument);
    if (i < 0)
        return;
    if (a->screen == UI_WORDS) {
        a->reading.sort = (ui_word_sort)i;
        ui_reading_arrange(&a->reading);
        a->cell_query = a->cell_document = 0;
    } else {
        a->list.sort = c;
        a->list.reversed = false;
        if (c == UI_COL_INFLUENCE && !a->settings.influence) {
            a->settings.influence = true; /* and from now on */
            ui_app_run_again(a);
        }
        in_order(a);
    }
    ui_app_say(a, false, "sorted by %s", m->labels[i]);
}

UI_ON(reverse)
{
    a->list.reversed = !a->list.reversed;
    in_order(a);
    ui_app_say(a, false, "%s order", a->list.reversed ? "reversed" : "usual");
}

UI_ON(pin)
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    bool same = d && a->list.pinned && strcmp(a->list.pinned, d->id) == 0;
    if (!d)
        return;
    ui_replace(&a->list.pinned, same ? NULL : d->id);
    ui_app_say(a, false, same ? "no document is pinned" : "%s stays in sight", d->id);
}

/* This ranking stands beside those of the queries that follow, as B; or no more. */
static void hold(ui_app *a)
{
    if (a->held) {
        imr_trace_free(IMR_TAKE(a->held));
        ui_app_say(a, false, "one query again");
    } else if (a->trace) {
        a->held = imr_trace_share(a->trace);
        ui_app_say(a, false, "this query is B now, those that follow are A");
    }
    ui_replace(&a->beside, a->held ? a->held->query_text : NULL);
    a->list.both = a->held != NULL;
    ui_app_run_again(a);
}

UI_ON(two)
{
    if (a->facts && *a->facts->other_name && action == UI_DO_SWAP) {
        a->second = !a->second;
        a->effects |= UI_FX_SWAP;
    } else if (a->facts && *a->facts->other_name)
        a->list.both = !a->list.both;
    else if (action == UI_DO_BOTH)
        hold(a);
    else
        ui_app_say(a, false, "there is one adapter; --checkpoint A --checkpoint B opens two");
    ui_list_arrange(&a->list);
}

UI_ON(mark)
{
    ui_list *l = &a->list;
    const imr_trace_document *d = ui_list_selected(l);
    if (!d)
        return;
    const size_t at = ui_list_mark_at(l, d->id);
    if (at < l->marks.n) {
        imr_free(l->marks.v[at]);
        memmove(&l->marks.v[at], &l->marks.v[at + 1], (--l->marks.n - at) * sizeof *l->marks.v);
    } else if (!ui_list_mark(l, d->id)) {
        return;
    }
    ui_app_say(a, false,
               l->marks.n == 0   ? "nothing is marked"
               : l->marks.n == 1 ? "marked A; a second one is B"
               : l->marks.n == 2 ? "marked A and B; c compares them"
                                 : "%zu are marked; c compares A and B, the last two",
               l->marks.n);
}

UI_ON(unmark)
{
    ui_list_unmark(&a->list);
    ui_app_say(a, false, "nothing is marked");
}

/* A verdict asks for its reason in a line, which holds on to what is judged: rows may change. */
UI_ON(judge)
{
    const bool menu = action == UI_DO_JUDGE, said = !menu && argument;
    const int i = menu ? ui_chosen(a, action, "verdict", argument) : (int)(action - UI_DO_ACCEPT);
    if (i < 0)
        return;
    const ui_action verdict = (ui_action)(UI_DO_ACCEPT + i % 4);
    if (!a->notes_path || !a->trace || (i < 4 && !ui_list_selected(&a->list))) {
        ui_app_say(a, false, "nothing to judge: ask a query first");
        return;
    }
    if (!said)
        ui_open_line(a, verdict, a->note_error.status != IMR_OK ? a->reason : NULL);
    if (!a->judged) {
        a->judged = imr_trace_share(a->trace);
        a->judged_place = i < 4 ? a->list.order[a->list.at] : SIZE_MAX;
        a->judged_n = 0;
        for (size_t k = 0; i < 4 && k < a->list.marks.n; k++)
            a->judged_n += imr_trace_place(a->judged, a->list.marks.v[k]) != SIZE_MAX;
    }
    if (!said)
        return;
    a->verdict = (imr_verdict)(verdict - UI_DO_ACCEPT);
    ui_replace(&a->reason, argument);
    a->effects |= UI_FX_JUDGED;
}

UI_ON(document)
{
    size_t row = a->list.at + (size_t)ui_step(action, UI_DO_DOC_NEXT);
    if (row < a->list.n)
        ui_app_select(a, row);
}

UI_ON(mover)
{
    int step = ui_step(action, UI_DO_MOVER_NEXT);
    size_t row = ui_list_mover(&a->list, step);
    if (row != SIZE_MAX)
        ui_app_select(a, row);
    else
        ui_app_say(a, false, "no document %s moved %d ranks or more", step > 0 ? "below" : "above",
                   UI_BIG_MOVE);
}

/* ---- the map ---- */

void ui_go_on_map(ui_app *a, int y, int x)
{
    const imr_map *m = ui_app_map(a);
    const ui_list *l = &a->list;
    size_t nearest = l->at;
    double least = INFINITY;
    if (!m || l->at >= l->n)
        return;
    const size_t place = l->order[l->at] < m->k ? l->order[l->at] : m->k;
    const double *from = m->stage[a->map_stage].at[place];
    for (size_t row = 0; row < l->n; row++) {
        if (l->order[row] >= m->k)
            continue;
        const double *to = m->stage[a->map_stage].at[l->order[row]];
        const double dx = to[0] - from[0], dy = to[1] - from[1], along = dx * x + dy * y;
        const double far = along + 2 * fabs(x ? dy : dx);
        if (along > 1e-9 && far < least) {
            nearest = row;
            least = far;
        }
    }
    if (nearest != l->at)
        ui_app_select(a, nearest);
}

static void step_map(ui_app *a, int step)
{
    const imr_map *m = ui_app_map(a);
    if (!m)
        return;
    do
        a->map_stage = (imr_stage)((a->map_stage + step) % IMR_STAGE_COUNT);
    while (!m->stage[a->map_stage].at);
    ui_app_say(a, false, "map of %s", ui_measure_names[a->map_stage]);
}

UI_ON(dots)
{
    a->map_blocks = !a->map_blocks;
    ui_app_say(a, false, "points as %s", a->map_blocks ? "blocks" : "braille");
}

/* ---- what is shown ---- */

UI_ON(why)
{
    ui_go(a, a->screen == UI_WHY ? UI_RANK : UI_WHY);
}

UI_ON(leave_out)
{
    if (!ui_app_detail_fits(a)) {
        ui_app_say(a, false, "no document is selected");
        return;
    }
    a->deeper = IMR_DETAIL_DELETION;
    a->effects |= UI_FX_DEEPER;
    ui_app_say(a, false, "leaving words out, encoding anew");
}

UI_ON(why_not)
{
    if (argument) {
        ui_replace(&a->list.selected, argument);
        ui_replace(&a->list.pinned, argument);
        a->why_not = !a->trace || imr_trace_place(a->trace, argument) == SIZE_MAX;
        if (a->why_not) {
            ui_app_run_again(a);
            return;
        }
        ui_list_arrange(&a->list);
    } else if (!ui_list_selected(&a->list)) {
        ui_app_say(a, false, "no document is selected");
        return;
    }
    if (a->screen != UI_RANK) /* where it is told */
        ui_go(a, UI_WHY);
    a->deeper = IMR_DETAIL_WHY_NOT;
    a->effects |= UI_FX_DEEPER;
    ui_app_say(a, false, "ranking all documents, trying words");
}

UI_ON(dimensions)
{
    a->dimensions = !a->dimensions;
    a->why.top = 0;
    ui_app_say(a, false, a->dimensions ? "with the dimensions that carried it" : "no dimensions");
}

UI_ON(preview)
{
    if (ui_app_layout(a).class == UI_CLASS_S || a->screen == UI_PREVIEW) {
        ui_go(a, a->screen == UI_PREVIEW ? UI_RANK : UI_PREVIEW);
        return;
    }
    a->preview = !a->preview;
    if (!a->preview && a->pane == UI_PANE_PREVIEW)
        a->pane = UI_PANE_LIST;
    ui_app_say(a, false, a->preview ? "preview on" : "preview off");
}

UI_ON(stage)
{
    ui_reading *r = &a->reading;
    int step = action == UI_DO_STAGE ? 1 : UI_CHANGE;
    if (a->screen == UI_MAP) {
        step_map(a, action == UI_DO_STAGE ? 1 : IMR_STAGE_COUNT - 1);
        return;
    }
    if (a->screen == UI_COMPARE) {
        r->wish.stage = (r->wish.stage + step) % (UI_CHANGE + 1);
        return;
    }
    if (!ui_app_detail_fits(a) || !r->document.n)
        return;
    do
        r->measure.stage = (r->measure.stage + step) % (UI_CHANGE + 1);
    while (!ui_share_known(&r->detail->why.pairs, r->measure));
    r->wish = r->measure;
    ui_reading_arrange(r);
    ui_app_say(a, false, "shares: %s", ui_measure_text(r->measure).s);
}

UI_ON(raw)
{
    ui_reading *r = &a->reading;
    ui_measure other = {r->measure.stage, !r->measure.raw};
    if (!ui_app_detail_fits(a) || !ui_share_known(&r->detail->why.pairs, other)) {
        ui_app_say(a, false, "there is no average candidate to compare with");
        return;
    }
    r->wish = r->measure = other;
    ui_reading_arrange(r);
    ui_app_say(a, false,
               other.raw ? "shares of the cosine itself"
                         : "shares of what is above the average candidate, in sd");
}

UI_ON(signs)
{
    static const char *const told[] = {"words for it and against it", "words for it",
                                       "words against it"};
    a->reading.signs = (ui_signs)((a->reading.signs + 1) % 3);
    ui_app_say(a, false, "%s", told[a->reading.signs]);
}

UI_ON(highlight)
{
    ui_reading *r = &a->reading;
    size_t n = r->n_highlights;
    if (!ui_app_detail_fits(a) || n == 0) {
        ui_app_say(a, false, "no words are highlighted here");
        return;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t k = (r->highlight_at + (action == UI_DO_HIGHLIGHT_NEXT ? i - 1 : 2 * n - i - 1)) % n;
        bool other = r->marked && r->highlights[k].word != r->marked_document;
        if (other || !ui_reading_shows(r, &r->highlights[k]))
            continue;
        r->highlight_at = k + 1;
        a->pane = a->pane == UI_PANE_WORDS ? UI_PANE_LIST : a->pane; /* it is in the text */
        a->document.top =
            ui_in_sight(a->document.top, ui_lines_find(&r->page, r->highlights[k].start),
                        a->document.page > 1 ? a->document.page : 1);
        return;
    }
}

UI_ON(times)
{
    if (!a->trace)
        return;
    const imr_trace_timing *t = &a->trace->timing;
    ui_app_say(a, false, "encode %.1f, search %.1f, adapt %.1f, explain %.1f ms", t->encode,
               t->search, t->adapt, t->explain);
}

UI_ON(theme)
{
    int next = (a->theme + 1) % UI_THEME_COUNT;
    if (argument)
        next = choice(a, "theme", argument, ui_theme_names, UI_THEME_COUNT);
    if (next < 0)
        return;
    a->theme = (ui_theme)next;
    a->effects |= UI_FX_THEME;
    ui_app_say(a, false, "theme %s", ui_theme_names[next]);
}

/* ---- settings of the next query ---- */

UI_ON(scope)
{
    static const char *const told[] = {
        "the top give feedback and are ranked",
        "the top give feedback, all documents are ranked",
        "all documents give feedback and are ranked",
    };
    int i = ui_chosen(a, action, "scope", argument);
    if (i < 0 || i >= (int)IMR_LEN(told))
        return;
    a->settings.scope = (imr_scope)i;
    ui_app_say(a, false, "scope %s: %s", argument, told[i]);
    ui_app_run_again(a);
}

UI_ON(order)
{
    int i = ((int)a->settings.order + 1) % 3;
    if (argument)
        i = choice(a, "order of words", argument, imr_token_order_names, 3);
    if (i < 0)
        return;
    a->settings.order = (imr_token_order)i;
    ui_app_say(a, false, "words by %s", imr_token_order_names[i]);
    ui_app_run_again(a);
}

/* ---- what if ---- */

static void what_if(ui_app *a, const imr_whatif *now)
{
    a->what_if_before = a->settings.what_if;
    a->settings.what_if = *now;
    a->message[0] = 0;
    ui_app_run_again(a);
    a->what_if_serial = a->serial;
}

static void suppose(ui_app *a, const char *term)
{
    imr_whatif w = a->settings.what_if;
    imr_error err = {0};
    if (imr_whatif_add(&w, term, &err) != IMR_OK)
        ui_app_say(a, true, "%s", err.text);
    else
        what_if(a, &w);
}

UI_ON(what_if)
{
    const imr_trace_document *d = ui_list_selected(&a->list);
    const imr_form other =
        a->trace && ui_adapted(a->trace) && strcmp(a->trace->inputs.adapter_form, "mean") == 0
            ? IMR_FORM_DIAGONAL
            : IMR_FORM_MEAN;
    if (!argument)
        ui_chosen(a, action, "", NULL);
    else if (strcmp(argument, "none") == 0)
        ui_on_no_what_if(a, action, NULL);
    else if (strcmp(argument, "form") == 0)
        suppose(a, ui_textf("form:%s", imr_form_name(other)).s);
    else if (strcmp(argument, "term") == 0)
        ui_open_line(a, action, "");
    else if (strcmp(argument, "feedback") != 0)
        suppose(a, argument);
    else if (d)
        suppose(a, ui_textf("feedback:-%s", d->id).s);
}

UI_ON(without)
{
    const ui_reading *r = &a->reading;
    imr_whatif w = a->settings.what_if;
    const char *word = argument;
    if (!word && ui_app_detail_fits(a) && a->cell_query < r->query.n)
        word = r->detail->why.pairs.query[r->query.order[a->cell_query]].text;
    if (!word)
        ui_app_say(a, false, "no word of the query is under the cursor");
    else if (imr_whatif_drop(&w, ui_textf("without:%s\n", word).s)) /* it comes back */
        what_if(a, &w);
    else
        suppose(a, ui_textf("without:%s", word).s);
}

UI_ON(alpha)
{
    char text[64];
    double by = imr_whatif_alpha(&a->settings.what_if) + .1 * ui_step(action, UI_DO_ALPHA_UP);
    by = by < 0 ? 0 : by > 1.5 ? 1.5 : by;
    suppose(a, ui_textf("alpha:%s", imr_format_fixed(text, by, 1, false)).s);
}

/* The query's side off, the document's, both, none. */
UI_ON(sides)
{
    imr_whatif w = a->settings.what_if;
    const bool query = imr_whatif_drop(&w, "off:query"), document = imr_whatif_drop(&w, "off:d");
    imr_error err;
    if ((!query && imr_whatif_add(&w, "off:query", &err) != IMR_OK) ||
        (query != document && imr_whatif_add(&w, "off:document", &err) != IMR_OK))
        ui_app_say(a, true, "%s", err.text);
    else
        what_if(a, &w);
}

UI_ON(no_what_if)
{
    what_if(a, &(imr_whatif){0});
    ui_app_say(a, false, "the adapter as it is");
}
