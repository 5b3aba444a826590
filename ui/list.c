/* ui/list.c */
#include "ui/list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ui/text.h"

void ui_list_done(ui_list *l)
{
    imr_free(l->order);
    imr_free(l->selected);
    imr_free(l->pinned);
    imr_free(l->filter_words);
    imr_free(l->find);
    *l = (ui_list){0};
}

const imr_trace_document *ui_list_row(const ui_list *l, size_t row)
{
    return l->trace && row < l->n ? imr_trace_at(l->trace, l->order[row]) : NULL;
}

const imr_trace_document *ui_list_selected(const ui_list *l)
{
    return ui_list_row(l, l->at);
}

/* ---- order and filter ---- */

/* Without a rank behind all that have one. */
static double rank(uint32_t n)
{
    return n ? n : INFINITY;
}

static ui_sort_key key_of(const imr_trace_document *d, size_t place, ui_sort sort)
{
    ui_sort_key k = {.place = place};
    const double numbers[UI_SORT_COUNT] = {
        [UI_SORT_NOW] = rank(d->rank_after),
        [UI_SORT_PROJECTED] = rank(d->rank_before),
        [UI_SORT_ENCODER] = rank(d->rank_encoder),
        [UI_SORT_MOVE] = d->rank_after ? -d->move_encoder : INFINITY,
        [UI_SORT_LIFT] = -d->lift.total,
        [UI_SORT_ABS] = -fabs(d->lift.total),
        [UI_SORT_DELTA] = -(double)d->delta_sim,
        [UI_SORT_COS] = -(double)d->sim_after,
    };
    k.number = isnan(numbers[sort]) ? INFINITY : numbers[sort];
    k.text = sort == UI_SORT_TITLE ? d->title : sort == UI_SORT_ID ? d->id : NULL;
    return k;
}

static bool has(const imr_trace_document *d, const char *words)
{
    return !words || ui_contains(d->title, words) || ui_contains(d->id, words);
}

static bool passes(const ui_list *l, const imr_trace_document *d)
{
    const bool first = d->rank_after && d->rank_after <= 10, relevant = d->relevance > 0;
    const bool was_first = d->rank_encoder && d->rank_encoder <= 10;
    const bool pass[UI_FILTER_COUNT] = {
        [UI_FILTER_NONE] = true,
        [UI_FILTER_WINNERS] = d->move_encoder > 0,
        [UI_FILTER_LOSERS] = d->move_encoder < 0 || !d->rank_after,
        [UI_FILTER_MOVERS] = abs(d->move_encoder) >= UI_BIG_MOVE,
        [UI_FILTER_ENTERED] = first && !was_first,
        [UI_FILTER_LEFT] = was_first && !first,
        [UI_FILTER_RELEVANT] = relevant,
        [UI_FILTER_LOST] = relevant && was_first && !first,
        [UI_FILTER_WORDS] = has(d, l->filter_words),
    };
    return pass[l->filter];
}

void ui_list_arrange(ui_list *l)
{
    size_t n = l->trace ? l->trace->n_documents + l->trace->n_left : 0, kept = 0;
    IMR_AUTOFREE ui_sort_key *keys = IMR_NEW_ARRAY(ui_sort_key, n + 1);
    size_t *order = IMR_NEW_ARRAY(size_t, n + 1);
    imr_free(l->order);
    l->order = order;
    l->n = l->at = 0;
    if (!keys || !order)
        return;
    for (size_t i = 0; i < n; i++)
        if (passes(l, imr_trace_at(l->trace, i)))
            keys[kept++] = key_of(imr_trace_at(l->trace, i), i, l->sort);
    qsort(keys, kept, sizeof *keys, ui_by_key);
    for (size_t i = 0; i < kept; i++)
        order[i] = keys[l->reversed ? kept - 1 - i : i].place;
    l->n = kept;
    for (size_t i = 0; l->selected && i < kept; i++)
        if (strcmp(imr_trace_at(l->trace, order[i])->id, l->selected) == 0)
            l->at = i;
}

/* ---- selection ---- */

bool ui_list_found(const ui_list *l, const imr_trace_document *d)
{
    return l->find && *l->find && has(d, l->find);
}

size_t ui_list_find(const ui_list *l, int step)
{
    for (size_t i = 1; i <= l->n; i++) {
        size_t row = (l->at + (step > 0 ? i : l->n - i)) % l->n;
        if (ui_list_found(l, ui_list_row(l, row)))
            return row;
    }
    return SIZE_MAX;
}

size_t ui_list_mover(const ui_list *l, int step)
{
    for (size_t row = l->at; step > 0 ? ++row < l->n : row-- > 0;)
        if (abs(ui_list_row(l, row)->move_encoder) >= UI_BIG_MOVE)
            return row;
    return SIZE_MAX;
}

void ui_list_keep_in_sight(ui_list *l, size_t rows)
{
    if (rows > 1 && l->pinned)
        rows--;
    if (rows == 0 || l->n == 0) {
        l->top = 0;
        return;
    }
    if (l->at < l->top)
        l->top = l->at;
    if (l->at >= l->top + rows)
        l->top = l->at - rows + 1;
    if (l->top + rows > l->n)
        l->top = l->n > rows ? l->n - rows : 0;
}
