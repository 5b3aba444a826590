/* A against B in plain text: the sentence, the gap, which words hold it, what was changed. */
#include <math.h>

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
    imr_sentence_plain(&line, c->why.sentence);
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

static void table(imr_buf *out, const imr_compare *c, bool words)
{
    imr_compare_line lines[ROWS + 3];
    const size_t n = imr_compare_lines(lines, ROWS, c, words, (int)c->last);
    const int decimals = c->in_sd ? 2 : 4;
    for (size_t i = 0; i < n; i++) {
        const imr_compare_line *l = &lines[i];
        const char *with = l->with ? l->with : "";
        imr_report_cell(out, imr_textf("%s%s%s", l->text, *with ? " ~ " : "", with).s, NAME);
        number(out, l->value[0], decimals);
        number(out, l->value[1], decimals);
        number(out, l->value[0] - l->value[1], decimals);
        imr_buf_char(out, '\n');
    }
}

void imr_text_compare(imr_buf *out, const imr_trace *t, const imr_comparison *c, size_t width)
{
    const imr_compare *w = &c->why;
    imr_buf_char(out, '\n');
    sides(out, c, width);
    gap(out, w, width);
    if (w->problem[0]) {
        imr_report_wrap(out, w->problem, 0, 0, width);
    } else {
        imr_report_cell(
            out, w->of == IMR_COMPARE_QUERIES ? "Word of the text" : "Word of the query", NAME);
        imr_buf_printf(out, " %*s %*s %*s\n", COLUMN, "A", COLUMN, "B", COLUMN, "A - B");
        table(out, w, true);
        imr_buf_printf(out, "rounding of the cache %s\n", IMR_SIGNED(w->rounding[w->last], 4));
        imr_buf_printf(out, "It met, in %s:\n", w->in_sd ? "sd" : "cosine");
        table(out, w, false);
    }
    if (c->contrast.n_positive + c->contrast.n_negative == 0)
        return;
    imr_word_list lists[IMR_CHANGE_COUNT] = {0};
    lists[IMR_CHANGE_CONTRAST] = c->contrast;
    imr_buf_printf(out, "Words of the contrast: %s\n",
                   imr_report_adapted(t) ? "what was changed in A and not in B"
                                         : "A's vector less B's");
    imr_text_words(out, t, lists, width);
}
