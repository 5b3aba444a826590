/* ui/view_compare.c - why A stands above B: the sentence, the gap by stage, words and pairs as a
 * butterfly, what was changed in one and not in the other. */
#include <math.h>

#include "ui/views.h"

enum { ROWS = 8 };

/* by: its adapter or query, NULL where these are the same. */
static void side(ui_rows *out, const imr_trace *t, size_t place, const char *name, const char *by)
{
    const imr_trace_document *d = imr_trace_at(t, place);
    ui_surface s = ui_rows_add(out, 1);
    const char *arrow = s.grid->glyphs->arrow;
    int x = ui_put(s, 0, 1, UI_STRONG, name) + 2;
    x = ui_putf(ui_about(s, UI_TERM_RANK_ENCODER), 0, x, UI_TEXT, "%u", d->rank_encoder) + 1;
    if (ui_adapted(t))
        x = ui_putf(ui_about(s, UI_TERM_RANK_NOW), 0, x, UI_TEXT, "%s %u %s %s", arrow,
                    d->rank_before, arrow, d->rank_after ? ui_textf("%u", d->rank_after).s : "–") +
            1;
    if (by)
        x = ui_put_cut(s, 0, x + 1, 40, UI_TEXT, by) + 1;
    ui_put_cut(s, 0, x + 1, s.at.w - x - 2, UI_TEXT, *d->title ? d->title : d->id);
}

static void gap(ui_rows *out, const imr_compare *c)
{
    const bool in_sd = isfinite(c->standing[c->last]);
    const double *v = in_sd ? c->standing : c->similarity;
    double largest = 0;
    ui_rows_heading(
        out, "Gap, A less B",
        ui_textf("%scos %s", in_sd ? "in sd, " : "", ui_signed(c->similarity[c->last], 4).s).s);
    for (imr_stage k = 0; k <= c->last; k++)
        largest = fmax(largest, fabs(v[k]));
    for (imr_stage k = 0; k <= c->last; k++)
        ui_rows_bar(out, UI_TERM_GAP, ui_measure_names[k], v[k], ui_nice_scale(largest),
                    in_sd ? 2 : 4);
    if (c->last != IMR_STAGE_AFTER)
        return;
    ui_flow f = ui_flow_begin(out, 1, UI_DIM, "");
    ui_flow_put(&f, UI_DIM, UI_TERM_PROJECTOR, "projector %s", ui_short(c->projector, 2).s);
    ui_flow_put(&f, UI_DIM, UI_TERM_MODULATION, "modulation %s", ui_short(c->modulation, 2).s);
    for (size_t i = 0; i < 2; i++)
        ui_flow_put(&f, UI_DIM, UI_TERM_SIDE, "%c: query %s, text %s", "AB"[i],
                    ui_short(c->sides[i][0], 4).s, ui_short(c->sides[i][1], 4).s);
    ui_flow_put(&f, UI_DIM, UI_TERM_SIDE, "left over %s", ui_short(c->residual, 6).s);
}

/* ---- butterfly ---- */

typedef struct wings {
    int half, name, w; /* columns: half a bar, the name, all */
    double scale;
    int decimals;
} wings;

static void wing_row(ui_rows *out, const wings *g, const imr_compare_line *l)
{
    ui_surface s = ui_rows_add(out, 1);
    const int bar = 2 * g->half + 1, middle = 8 + bar + 1, right = middle + g->name + 1;
    const ui_style style = l->rest ? UI_DIM : UI_TEXT;
    ui_put_cut(s, 0, middle, g->name, style,
               l->with ? ui_textf("%s ~ %s", l->text, l->with).s : l->text);
    s = ui_about(s, UI_TERM_SHARE);
    for (int i = 0; i < 2; i++) {
        ui_put_right(s, 0, i ? right + bar + 7 : 7, l->rest ? UI_DIM : ui_sign_role(l->value[i]),
                     ui_short(l->value[i], g->decimals).s);
        if (!l->rest)
            ui_bar(s, 0, i ? right : 8, g->half, l->value[i], g->scale);
    }
    ui_put_right(ui_about(s, UI_TERM_GAP), 0, g->w - 1, style,
                 ui_short(l->value[0] - l->value[1], g->decimals).s);
}

static void wings_of(ui_rows *out, const imr_compare *c, bool words, int stage)
{
    imr_compare_line lines[ROWS + 3];
    const size_t n = imr_compare_lines(lines, ROWS, c, words, stage);
    const int all = out->grid.cols < 110 ? out->grid.cols : 110;
    wings g = {.w = all, .name = all < 100 ? all - 54 : 40, .decimals = c->in_sd ? 2 : 4};
    g.half = (all - g.name - 27) / 4;
    for (size_t i = 0; i < n; i++)
        if (!lines[i].rest)
            g.scale = fmax(g.scale, fmax(fabs(lines[i].value[0]), fabs(lines[i].value[1])));
    g.scale = ui_nice_scale(g.scale);
    for (size_t i = 0; i < n; i++)
        wing_row(out, &g, &lines[i]);
}

static void contrast(ui_rows *out, const imr_comparison *c)
{
    const imr_word_list *l = &c->contrast;
    if (!l->n_positive && !l->n_negative)
        return;
    ui_rows_heading(out,
                    ui_adapted(c->trace[0]) ? "Changed in one, not in the other"
                                            : "Said by one, not by the other",
                    "contrast");
    for (int i = 0; i < 2; i++) {
        const size_t n = i ? l->n_negative : l->n_positive;
        ui_flow f = ui_flow_begin(out, 4, UI_STRONG, i ? "B" : "A");
        for (size_t k = 0; k < n; k++)
            ui_flow_put(&f, UI_TEXT, UI_TERM_WORD, "%.60s",
                        (i ? &l->negative[k] : &l->positive[k])->text);
    }
}

void ui_build_compare(ui_rows *out, const imr_trace *t, const size_t place[2],
                      const imr_comparison *c, const imr_error *problem, int stage)
{
    const bool under_both = place[0] == place[1];
    for (int i = 0; i < 2; i++) {
        const imr_trace *of = under_both ? imr_trace_side(t, i) : t;
        const size_t at = of == t ? place[i] : imr_trace_place(of, imr_trace_at(t, place[0])->id);
        if (at != SIZE_MAX)
            side(out, of, at, i ? "B" : "A",
                 !under_both ? NULL
                 : strcmp(t->inputs.adapter_path, t->beside->inputs.adapter_path) == 0
                     ? of->query_text
                     : imr_path_base(of->inputs.adapter_path));
    }
    if (!c) {
        ui_rows_text(out, 1, UI_TEXT,
                     problem->status != IMR_OK ? problem->text : "The two are being compared.");
        return;
    }
    const imr_compare *w = &c->why;
    stage = w->last == IMR_STAGE_AFTER ? stage : IMR_STAGE_ENCODER;
    ui_rows_sentence(out, 1, w->sentence);
    gap(out, w);
    ui_rows_heading(out,
                    ui_textf("Words of the query with A, with B: %s", ui_measure_names[stage]).s,
                    w->problem[0] ? NULL
                    : w->in_sd    ? "sd, A less B"
                                  : "cosine, A less B");
    if (w->problem[0]) {
        ui_rows_text(out, 1, UI_TEXT, w->problem);
    } else {
        wings_of(out, w, true, stage);
        ui_rows_heading(out, "Pairs that met, furthest apart", NULL);
        wings_of(out, w, false, stage);
    }
    contrast(out, c);
}
