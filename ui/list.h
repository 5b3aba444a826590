/*
 * ui/list.h - the rows of the ranking: which documents, in which order, which one is selected.
 *
 * A row is a document of the trace or one that lost its place among the encoder's first ten unseen
 * (trace->left; rank_after 0). Moves, filters and sorts go by now against the encoder. The
 * selection stays on the first row until it was moved, then it follows its document.
 */
#ifndef UI_LIST_H
#define UI_LIST_H

#include "session/trace.h"

typedef enum ui_sort {
    UI_SORT_NOW,
    UI_SORT_PROJECTED,
    UI_SORT_ENCODER,
    UI_SORT_MOVE,
    UI_SORT_LIFT,
    UI_SORT_ABS, /* |lift| */
    UI_SORT_DELTA,
    UI_SORT_COS,
    UI_SORT_TITLE,
    UI_SORT_ID,
    UI_SORT_COUNT
} ui_sort;

typedef enum ui_filter {
    UI_FILTER_NONE,
    UI_FILTER_WINNERS,
    UI_FILTER_LOSERS,
    UI_FILTER_MOVERS,
    UI_FILTER_ENTERED, /* among the first ten now, not for the encoder */
    UI_FILTER_LEFT,    /* the other way */
    UI_FILTER_RELEVANT,
    UI_FILTER_LOST, /* relevant ones that left */
    UI_FILTER_WORDS,
    UI_FILTER_COUNT
} ui_filter;

#define UI_BIG_MOVE 10

typedef struct ui_list {
    const imr_trace *trace; /* borrowed; NULL: no rows */
    size_t *order;          /* places: of trace->documents, behind them of trace->left */
    size_t n, at, top;      /* rows; the one under the cursor; the first one shown */
    char *selected;         /* document id, once the selection was moved */
    char *pinned;
    ui_sort sort;
    bool reversed;
    ui_filter filter;
    char *filter_words, *find;
} ui_list;

/* There is an adapter: ranks beside the encoder's. */
static inline bool ui_adapted(const imr_trace *t)
{
    return t->inputs.adapter_form && *t->inputs.adapter_form;
}

void ui_list_done(ui_list *l);
/* Rows again after sort, filter or a new trace. */
void ui_list_arrange(ui_list *l);
const imr_trace_document *ui_list_row(const ui_list *l, size_t row); /* NULL behind the last */
const imr_trace_document *ui_list_selected(const ui_list *l);
/* The row whose title or id has l->find, from the selected one on; or of a big mover; SIZE_MAX. */
size_t ui_list_find(const ui_list *l, int step);
size_t ui_list_mover(const ui_list *l, int step);
bool ui_list_found(const ui_list *l, const imr_trace_document *d);
/* Scrolls so that the selected row is among `rows`, of which the last may be the pinned one's. */
void ui_list_keep_in_sight(ui_list *l, size_t rows);

#endif
