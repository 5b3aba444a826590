/* A against B in plain text: the sentence, the gap, which words hold it, what was changed. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "report/formats.h"

enum { ROWS = 10, NAME = 30, COLUMN = 9 };

static void number(imr_buf *out, double value, int decimals)
{
    imr_buf_printf(out, " %*s", COLUMN, isnan(value) ? "-" : IMR_SIGNED(value, decimals));
}

static void sides(imr_buf *out, const imr_comparison *c, size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    for (size_t i = 0; i < 2; i++) {
        const imr_trace *t = c->trace[i];
        const imr_trace_document *d = imr_trace_at(t, c->place[i]);
        imr_buf_printf(&line, "%s  %s", d->id, d->title);
        if (c->why.of == IMR_COMPARE_QUERIES)
            imr_buf_printf(&line, "  for the query: %s", t->query_text);
        if (c->why.of == IMR_COMPARE_ADAPTERS)
            imr_buf_printf(&line, "  under %s", t->inputs.adapter_path);
        imr_buf_printf(out, "%c   ", "AB"[i]);
        imr_report_wrap(out, imr_buf_text(&line), 4, 4, width);
        imr_buf_clear(&line);
    }
    imr_report_plain(&line, c->why.sentence);
    imr_report_wrap(out, imr_buf_text(&line), 0, 0, width);
}

static void gap(imr_buf *out, const imr_compare *c, size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_report_cell(out, "Gap, A less B", NAME);
    imr_buf_printf(out, " %*s %*s\n", COLUMN, "sd", COLUMN, "cosine");
    for (imr_stage k = 0; k < (c->last ? IMR_STAGE_COUNT : 1); k++) {
        imr_report_cell(out, imr_report_stages[k], NAME);
        number(out, c->standing[k], 2);
        number(out, c->similarity[k], 4);
        imr_buf_char(out, '\n');
    }
    if (c->last != IMR_STAGE_AFTER)
        return;
    imr_buf_printf(&line, "the projector %s, the modulation %s sd; cosine, projected to now:",
                   IMR_SIGNED(c->projector, 2), IMR_SIGNED(c->modulation, 2));
    for (size_t i = 0; i < 2; i++)
        imr_buf_printf(&line, " %c's query %s, text %s,", "AB"[i], IMR_SIGNED(c->sides[i][0], 4),
                       IMR_SIGNED(c->sides[i][1], 4));
    imr_buf_printf(&line, " residual %s", IMR_FIXED(c->residual, 4));
    for (size_t i = 1; i < IMR_STEP_COUNT && !isnan(c->steps[i]); i++)
        imr_buf_printf(&line, "%s%s %s", i > 1 ? ", " : "; by step ", imr_step_names[i],
                       IMR_SIGNED(c->steps[i], 4));
    imr_report_wrap(out, imr_buf_text(&line), 0, 2, width);
}

static void entry(imr_buf *out, const imr_compare *c, const char *name, const double value[2])
{
    imr_report_cell(out, name, NAME);
    for (size_t i = 0; i < 2; i++)
        number(out, value[i], c->in_sd ? 2 : 4);
    number(out, value[0] - value[1], c->in_sd ? 2 : 4);
    imr_buf_char(out, '\n');
}

/* The words or pairs that are furthest apart. */
static void entries(imr_buf *out, const imr_compare *c, const imr_compare_entry *v, size_t n)
{
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, n);
    if (!order) {
        out->failed = true;
        return;
    }
    double rest[2] = {0, 0}, sum[2] = {0, 0};
    size_t shown = 0;
    imr_compare_order(order, v, n, (int)c->last);
    for (size_t i = 0; i < n; i++) {
        const imr_compare_entry *e = &v[order[i]];
        const double value[2] = {e->value[0][c->last], e->value[1][c->last]};
        IMR_AUTOBUF imr_buf name = {0};
        imr_buf_printf(&name, "%s%s%s", e->text ? e->text : "not from words", e->with ? " ~ " : "",
                       e->with ? e->with : "");
        const bool print = !e->text || (e->named && shown < ROWS);
        if (print)
            entry(out, c, imr_buf_text(&name), value);
        shown += print && e->text;
        for (size_t s = 0; s < 2; s++) {
            sum[s] += value[s];
            rest[s] += print ? 0 : value[s];
        }
    }
    if (v != c->words)
        return;
    entry(out, c, "all others", rest);
    entry(out, c, "sum", sum);
    imr_buf_printf(out, "rounding of the cache %s\n", IMR_SIGNED(c->rounding[c->last], 4));
}

void imr_text_compare(imr_buf *out, const imr_comparison *c, const imr_text_style *style)
{
    const imr_compare *w = &c->why;
    imr_buf_char(out, '\n');
    sides(out, c, style->width);
    gap(out, w, style->width);
    if (w->problem[0]) {
        imr_report_wrap(out, w->problem, 0, 0, style->width);
    } else {
        imr_report_cell(
            out, w->of == IMR_COMPARE_QUERIES ? "Word of the text" : "Word of the query", NAME);
        imr_buf_printf(out, " %*s %*s %*s\n", COLUMN, "A", COLUMN, "B", COLUMN, "A - B");
        entries(out, w, w->words, w->n_words);
        imr_buf_printf(out, "It met, in %s:\n", w->in_sd ? "sd" : "cosine");
        entries(out, w, w->pairs, w->n_pairs < ROWS ? w->n_pairs : ROWS);
    }
    if (c->contrast.n_positive + c->contrast.n_negative == 0)
        return;
    imr_word_list lists[IMR_CHANGE_COUNT] = {0};
    lists[IMR_CHANGE_CONTRAST] = c->contrast;
    imr_buf_printf(out, "Words of the contrast: %s\n",
                   style->adapter ? "what was changed in A and not in B" : "A's vector less B's");
    imr_text_words(out, lists, style);
}
