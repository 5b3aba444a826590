/* ui/reading.c */
#include "ui/reading.h"

#include <math.h>
#include <stdlib.h>

#include "text/utf8.h"

/* What is sorted: by group, then text where both have one, then number, then place. */
typedef struct sort_key {
    int group;
    const char *text;
    double number;
    size_t place;
} sort_key;

static int by_key(const void *x, const void *y)
{
    const sort_key *a = x, *b = y;
    int order = a->group != b->group ? a->group - b->group
                : a->text && b->text ? strcmp(a->text, b->text)
                                     : 0;
    if (order)
        return order;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* ---- rows of the ranking ---- */

void ui_list_done(ui_list *l)
{
    imr_notes_free(l->notes);
    ui_list_unmark(l);
    IMR_FREE(l->order, l->selected, l->pinned, l->marks.v, l->filter, l->columns);
    imr_pattern_done(&l->find);
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

double ui_list_moved(uint32_t rank[2], const ui_list *l, const imr_trace_document *d)
{
    rank[0] = d->rank_encoder;
    rank[1] = d->rank_after;
    return ui_shows_both(l) ? imr_trace_gain(rank, l->trace, d) : d->move_encoder;
}

void ui_list_arrange(ui_list *l)
{
    size_t n = l->trace ? l->trace->n_documents + l->trace->n_left : 0, kept = 0;
    IMR_AUTOFREE sort_key *keys = IMR_NEW_ARRAY(sort_key, n + 1);
    IMR_AUTOFREE bool *pass = IMR_NEW_ARRAY(bool, n + 1);
    IMR_AUTOFREE double *by = IMR_NEW_ARRAY(double, n + 1);
    size_t *order = IMR_NEW_ARRAY(size_t, n + 1);
    imr_free(l->order);
    l->order = order;
    l->n = l->at = 0;
    if (!keys || !pass || !by || !order)
        return;
    if (l->trace)
        ui_list_filter(pass, by, l);
    for (size_t i = 0; i < n; i++) {
        const imr_trace_document *d = imr_trace_at(l->trace, i);
        const char *text = l->sort == UI_COL_TITLE ? d->title : l->sort == UI_COL_ID ? d->id : NULL;
        if (pass[i])
            keys[kept++] = (sort_key){.text = text, .number = by[i], .place = i};
    }
    qsort(keys, kept, sizeof *keys, by_key);
    for (size_t i = 0; i < kept; i++)
        order[i] = keys[l->reversed ? kept - 1 - i : i].place;
    l->n = kept;
    for (size_t i = 0; l->selected && i < kept; i++)
        if (strcmp(imr_trace_at(l->trace, order[i])->id, l->selected) == 0)
            l->at = i;
}

const imr_note *ui_list_note(const ui_list *l, const char *document)
{
    return imr_notes_find(l->notes, l->trace->query_id, l->trace->query_text, document);
}

const char *ui_list_compared(const ui_list *l, int side)
{
    const size_t n = l->marks.n, at = (n > 2 ? n - 2 : 0) + (size_t)side;
    return at < n ? l->marks.v[at] : NULL;
}

size_t ui_list_mark_at(const ui_list *l, const char *id)
{
    size_t i = 0;
    while (i < l->marks.n && strcmp(l->marks.v[i], id) != 0)
        i++;
    return i;
}

const char *ui_list_mark_of(const ui_list *l, const imr_trace_document *d)
{
    const size_t i = ui_list_mark_at(l, d->id), n = l->marks.n;
    return i == n ? NULL : i + 2 < n ? "+" : l->marks.v[i] == ui_list_compared(l, 0) ? "A" : "B";
}

bool ui_list_mark(ui_list *l, const char *id)
{
    char *copy = imr_strdup(id);
    if (copy && l->marks.n < UI_MARKS && IMR_PUSH(&l->marks, copy))
        return true;
    imr_free(copy);
    return false;
}

void ui_list_unmark(ui_list *l)
{
    while (l->marks.n)
        imr_free(l->marks.v[--l->marks.n]);
}

size_t ui_list_mover(const ui_list *l, int step)
{
    uint32_t rank[2];
    for (size_t row = l->at; step > 0 ? ++row < l->n : row-- > 0;)
        if (fabs(ui_list_moved(rank, l, ui_list_row(l, row))) >= UI_BIG_MOVE)
            return row;
    return SIZE_MAX;
}

void ui_list_keep_in_sight(ui_list *l, size_t rows)
{
    if (rows > 1 && l->pinned)
        rows--;
    size_t last = l->n > rows ? l->n - rows : 0, top = rows ? ui_in_sight(l->top, l->at, rows) : 0;
    l->top = top < last ? top : last;
}

/* ---- measures ---- */

const char *const ui_measure_names[] = {"encoder", "projected", "now", "change"};

ui_text ui_measure_text(ui_measure m)
{
    return ui_textf("%s%s", ui_measure_names[m.stage], m.raw ? ", raw" : "");
}

bool ui_share_known(const imr_pairs *p, ui_measure m)
{
    if (m.stage == UI_CHANGE)
        return ui_share_known(p, (ui_measure){IMR_STAGE_ENCODER, m.raw}) &&
               ui_share_known(p, (ui_measure){IMR_STAGE_AFTER, m.raw});
    return m.raw ? p->raw[m.stage] != NULL
                 : p->centred[m.stage] != NULL && p->reference[m.stage].sd > 0;
}

/* Of the pair at that place, or what all add up to: SIZE_MAX. */
static double value(const imr_pairs *p, ui_measure m, size_t at)
{
    if (m.stage == UI_CHANGE)
        return value(p, (ui_measure){IMR_STAGE_AFTER, m.raw}, at) -
               value(p, (ui_measure){IMR_STAGE_ENCODER, m.raw}, at);
    const imr_reference *r = &p->reference[m.stage];
    double whole = p->similarity[m.stage];
    if (m.raw)
        return at == SIZE_MAX ? whole : p->raw[m.stage][at];
    return (at == SIZE_MAX ? whole - r->mean : p->centred[m.stage][at]) / r->sd;
}

double ui_share(const imr_pairs *p, ui_measure m, size_t q, size_t d)
{
    return value(p, m, q * (p->n_document + 1) + d);
}

double ui_share_whole(const imr_pairs *p, ui_measure m)
{
    return value(p, m, SIZE_MAX);
}

/* ---- order ---- */

/* Words, then punctuation, then special tokens. */
static int group_of(const imr_pair_word *w)
{
    uint32_t first;
    imr_utf8_decode(w->text, strlen(w->text), &first);
    return w->special ? 2 : !imr_utf8_is_word(first);
}

static void order(ui_side *s, const imr_pair_word *words, ui_word_sort sort)
{
    IMR_AUTOFREE sort_key *keys = IMR_NEW_ARRAY(sort_key, s->n + 1);
    s->words = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->order[i] = (uint32_t)i;
        s->words += !words[i].special;
        if (keys)
            keys[i] =
                (sort_key){group_of(&words[i]), sort == UI_WORDS_BY_NAME ? words[i].text : NULL,
                           sort == UI_WORDS_BY_SHARE ? -fabs(s->total[i]) : 0, i};
    }
    if (!keys)
        return;
    qsort(keys, s->n, sizeof *keys, by_key);
    for (size_t i = 0; i < s->n; i++)
        s->order[i] = (uint32_t)keys[i].place;
}

static bool side(ui_side *s, size_t n)
{
    IMR_FREE(s->order, s->total);
    *s = (ui_side){IMR_NEW_ARRAY(uint32_t, n + 1), IMR_NEW_ARRAY(double, n + 1), n, 0};
    return s->order && s->total;
}

/* ---- highlights ---- */

/* Of the words with a share of at least an eighth of the largest. */
static void find_highlights(ui_reading *r)
{
    const imr_detail *d = r->detail;
    const imr_pairs *p = &d->why.pairs;
    double largest = 0;
    r->n_highlights = 0;
    for (size_t i = 0; i < r->document.n; i++)
        if (p->document[i].named)
            largest = fmax(largest, fabs(r->document.total[i]));
    for (size_t i = 0; i < d->n_spans && largest > 0; i++) {
        const imr_detail_span *s = &d->spans[i];
        if (s->word >= r->document.n || s->start >= d->read_end)
            continue;
        bool marked = r->marked && s->word == r->marked_document;
        double share = r->document.total[s->word];
        if (!marked && (!p->document[s->word].named || fabs(share) < largest / 8))
            continue;
        ui_highlight *last = r->n_highlights ? &r->highlights[r->n_highlights - 1] : NULL;
        if (last && last->word == s->word && last->end == s->start) { /* pieces of a word */
            last->end = s->end;
            continue;
        }
        if (!imr_array_grow(&r->highlights, r->n_highlights, &r->cap_highlights, 1,
                            sizeof *r->highlights))
            return;
        r->highlights[r->n_highlights++] = (ui_highlight){s->start, s->end, share, s->word};
    }
}

void ui_reading_arrange(ui_reading *r)
{
    const imr_pairs *p = r->detail ? &r->detail->why.pairs : NULL;
    size_t n = p ? p->n_query : 0, m = p ? p->n_document : 0;
    static const ui_measure usual[] = {{IMR_STAGE_AFTER, false},
                                       {IMR_STAGE_ENCODER, false},
                                       {IMR_STAGE_AFTER, true},
                                       {IMR_STAGE_ENCODER, true}};
    r->measure = r->wish;
    for (size_t i = IMR_LEN(usual); i-- > 0 && p && !ui_share_known(p, r->wish);)
        if (ui_share_known(p, usual[i]))
            r->measure = usual[i];
    r->n_highlights = r->highlight_at = 0;
    if (!side(&r->query, n) || !side(&r->document, m)) {
        r->query.n = r->document.n = 0;
        return;
    }
    if (!n || !m || !ui_share_known(p, r->measure))
        return;
    for (size_t q = 0; q <= n; q++)
        for (size_t d = 0; d <= m; d++) {
            double share = ui_share(p, r->measure, q, d);
            r->query.total[q] += share;
            r->document.total[d] += share;
        }
    order(&r->query, p->query, r->sort);
    order(&r->document, p->document, r->sort);
    find_highlights(r);
}

/* ---- life ---- */

void ui_reading_take(ui_reading *r, imr_detail *detail)
{
    ui_lines_done(&r->page);
    ui_lines_done(&r->preview);
    imr_detail_free(r->detail);
    r->detail = detail;
    r->error.status = IMR_OK;
    r->marked = false;
    ui_reading_arrange(r);
}

void ui_reading_done(ui_reading *r)
{
    ui_reading_take(r, NULL);
    IMR_FREE(r->query.order, r->query.total, r->document.order, r->document.total, r->highlights);
    *r = (ui_reading){0};
}

void ui_reading_mark(ui_reading *r, size_t query, size_t document)
{
    bool on = query < r->query.n && document < r->document.n;
    if (on == r->marked && (!on || (r->marked_query == query && r->marked_document == document)))
        return;
    r->marked = on;
    r->marked_query = (uint32_t)query;
    r->marked_document = (uint32_t)document;
    r->highlight_at = 0;
    if (r->detail)
        find_highlights(r);
}

bool ui_reading_shows(const ui_reading *r, const ui_highlight *h)
{
    bool marked = r->marked && h->word == r->marked_document;
    return marked || r->signs == UI_SIGNS_BOTH || (r->signs == UI_SIGNS_GAIN) == (h->share > 0);
}
