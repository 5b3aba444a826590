/* ui/reading.c */
#include "ui/reading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/attr.h"
#include "base/mem.h"
#include "text/utf8.h"

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

static double one(const imr_pairs *p, int stage, bool raw, size_t at)
{
    return raw ? p->raw[stage][at] : p->centred[stage][at] / p->reference[stage].sd;
}

double ui_share(const imr_pairs *p, ui_measure m, size_t q, size_t d)
{
    size_t at = q * (p->n_document + 1) + d;
    if (m.stage == UI_CHANGE)
        return one(p, IMR_STAGE_AFTER, m.raw, at) - one(p, IMR_STAGE_ENCODER, m.raw, at);
    return one(p, m.stage, m.raw, at);
}

static double whole(const imr_pairs *p, int stage, bool raw)
{
    return raw ? p->similarity[stage]
               : (p->similarity[stage] - p->reference[stage].mean) / p->reference[stage].sd;
}

double ui_share_whole(const imr_pairs *p, ui_measure m)
{
    if (m.stage == UI_CHANGE)
        return whole(p, IMR_STAGE_AFTER, m.raw) - whole(p, IMR_STAGE_ENCODER, m.raw);
    return whole(p, m.stage, m.raw);
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
    IMR_AUTOFREE ui_sort_key *keys = IMR_NEW_ARRAY(ui_sort_key, s->n + 1);
    s->words = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->order[i] = (uint32_t)i;
        s->words += !words[i].special;
        if (keys)
            keys[i] =
                (ui_sort_key){group_of(&words[i]), sort == UI_WORDS_BY_NAME ? words[i].text : NULL,
                              sort == UI_WORDS_BY_SHARE ? -fabs(s->total[i]) : 0, i};
    }
    if (!keys)
        return;
    qsort(keys, s->n, sizeof *keys, ui_by_key);
    for (size_t i = 0; i < s->n; i++)
        s->order[i] = (uint32_t)keys[i].place;
}

static bool side(ui_side *s, size_t n)
{
    imr_free(s->order);
    imr_free(s->total);
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
    static const ui_measure usual[] = {{IMR_STAGE_AFTER, false},
                                       {IMR_STAGE_ENCODER, false},
                                       {IMR_STAGE_AFTER, true},
                                       {IMR_STAGE_ENCODER, true}};
    r->measure = r->wish;
    for (size_t i = IMR_LEN(usual); detail && i-- > 0;)
        if (!ui_share_known(&detail->why.pairs, r->wish) &&
            ui_share_known(&detail->why.pairs, usual[i]))
            r->measure = usual[i];
    ui_reading_arrange(r);
}

void ui_reading_done(ui_reading *r)
{
    ui_reading_take(r, NULL);
    imr_free(r->query.order);
    imr_free(r->query.total);
    imr_free(r->document.order);
    imr_free(r->document.total);
    imr_free(r->highlights);
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
