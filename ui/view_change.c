/* ui/view_change.c */
#include <math.h>

#include "ui/views.h"

/* (word) where it may be chance, with a mark behind a hub. */
static ui_text marked(const imr_word_score *w, const ui_glyphs *g)
{
    bool chance = !isnan(w->background_z) && !w->significant;
    return ui_textf("%s%.60s%s%s", chance ? "(" : "", w->text, chance ? ")" : "",
                    w->hub ? g->hub : "");
}

static ui_style style_of(const imr_word_score *w)
{
    return isnan(w->background_z) || w->significant ? UI_TEXT : UI_DIM;
}

/* A word and its value in columns [x, x+w). */
static void word(ui_surface s, int x, int w, const imr_word_score *score, imr_token_order order)
{
    double v = order == IMR_ORDER_Z        ? score->background_z
               : order == IMR_ORDER_EFFECT ? score->effect
                                           : score->cosine;
    ui_put_cut(s, 0, x, w - 7, style_of(score), marked(score, s.grid->glyphs).s);
    ui_put_right(ui_about(s, UI_TERM_WORD), 0, x + w - 1, ui_sign_role(v), ui_short(v, 2).s);
}

static const char *const says[IMR_CHANGE_COUNT] = {
    "paper: what it says now", "own: done to this one", "unit: done to it", "what it says"};

/* Two lists side by side, up to n words each. */
static void beside(ui_rows *rows, const imr_word_list *lists, size_t n, imr_token_order order)
{
    static const imr_change_kind kinds[2] = {IMR_CHANGE_OWN, IMR_CHANGE_PAPER};
    int w = (rows->grid.cols - 2) / 2;
    ui_surface s = ui_rows_add(rows, 1);
    for (int k = 0; k < 2; k++)
        ui_put_n(s, 0, 1 + k * w, UI_DIM, says[kinds[k]],
                 strcspn(says[kinds[k]], w > 24 ? "" : ":"));
    const imr_word_list *a = &lists[kinds[0]], *b = &lists[kinds[1]];
    for (size_t i = 0; i < n && (i < a->n_positive || i < b->n_positive); i++) {
        s = ui_rows_add(rows, 1);
        if (i < a->n_positive)
            word(s, 1, w - 1, &a->positive[i], order);
        if (i < b->n_positive)
            word(s, 1 + w, w - 1, &b->positive[i], order);
    }
}

/* The words of a list one after another behind a label. */
static void line(ui_rows *rows, const char *label, const imr_word_list *l, size_t n)
{
    if (!l->n_positive)
        return;
    ui_flow f = ui_flow_begin(rows, 2 + ui_width(label), UI_DIM, label);
    for (size_t i = 0; i < l->n_positive && i < n; i++)
        ui_flow_put(&f, style_of(&l->positive[i]), UI_TERM_WORD, "%s",
                    marked(&l->positive[i], rows->grid.glyphs).s);
}

/* ---- every column ---- */

static void full_word(ui_surface s, const imr_word_score *w)
{
    static const char *const where[] = {"", "query", "doc", "both"};
    ui_style style = style_of(w);
    ui_put_cut(s, 0, 2, 20, style, marked(w, s.grid->glyphs).s);
    ui_put_signed(ui_about(s, UI_TERM_WORD), 0, 31, w->cosine, 4);
    ui_put_signed(ui_about(s, UI_TERM_EFFECT), 0, 40, w->effect, 4);
    ui_put_plain(ui_about(s, UI_TERM_Z), 0, 48, style, w->z, 2);
    ui_put_plain(ui_about(s, UI_TERM_BACKGROUND_Z), 0, 56, style, w->background_z, 2);
    ui_put_plain(ui_about(s, UI_TERM_VISIBILITY), 0, 62, style, w->visibility, 2);
    ui_put_right(ui_about(s, UI_TERM_HUB), 0, 67, style, ui_textf("%u", w->hub_count).s);
    ui_put(s, 0, 69, style, where[w->where]);
}

static void full_list(ui_rows *rows, const char *name, const imr_word_list *l)
{
    static const struct {
        int x;
        const char *name;
    } columns[] = {{31, "cosine"}, {40, "effect"}, {48, "z"},
                   {56, "bg z"},   {62, "vis."},   {67, "hub"}};
    if (!l->n_positive && !l->n_negative)
        return;
    ui_surface s = ui_rows_add(rows, 2);
    ui_put_cut(s, 0, 1, s.at.w - 2, UI_STRONG, name);
    ui_put(s, 1, 2, UI_DIM, "word");
    for (size_t i = 0; i < IMR_LEN(columns); i++)
        ui_put_right(s, 1, columns[i].x, UI_DIM, columns[i].name);
    ui_put(s, 1, 69, UI_DIM, "in");
    for (size_t i = 0; i < l->n_positive; i++)
        full_word(ui_rows_add(rows, 1), &l->positive[i]);
    s = ui_rows_add(rows, 1);
    ui_repeat(s, 0, 2, 66, UI_BORDER, "┄");
    for (size_t i = l->n_negative; i-- > 0;)
        full_word(ui_rows_add(rows, 1), &l->negative[i]);
    ui_flow f = ui_flow_begin(rows, 2, UI_DIM, "");
    ui_flow_put(&f, UI_DIM, UI_TERM_COVERAGE, "coverage %s", ui_plain(l->coverage, 2).s);
    ui_flow_put(&f, UI_DIM, UI_TERM_ALIGNMENT, "alignment %s", ui_plain(l->alignment, 2).s);
    if (isfinite(l->common_part))
        ui_flow_put(&f, UI_DIM, UI_TERM_COMMON, "common part %s", ui_plain(l->common_part, 2).s);
}

/* ---- the whole ---- */

static void notes(ui_rows *rows, const imr_word_list *lists)
{
    if (lists[IMR_CHANGE_PAPER].n_positive && lists[IMR_CHANGE_PAPER].alignment > 0.9f)
        ui_rows_text(
            rows, 1, UI_DIM,
            "The paper's words are nearly those of the modulated vector: they say what the "
            "text is about.");
    if (lists[IMR_CHANGE_OWN].common_part > 0.9f)
        ui_rows_text(rows, 1, UI_DIM,
                     "All documents changed nearly alike; own words leave that out.");
}

/* "context .43, chance .01": a table and how many of the ten words nearest to a text occur in it,
 * as far as that is known. */
static ui_text table_text(const char *name, const imr_lens_quality *lens)
{
    if (!isfinite(lens->precision))
        return ui_textf("%s", imr_path_base(name));
    return ui_textf("%s %s, chance %s", imr_path_base(name), ui_short(lens->precision, 2).s + 1,
                    ui_short(lens->chance, 2).s + 1);
}

/* The other tables at hand, and what they are worth. */
static void others(ui_rows *rows, const imr_trace_inputs *in)
{
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < in->n_others; i++)
        imr_buf_printf(&b, "%s%s", i ? "; " : "Other tables at hand: ",
                       table_text(in->others[i].name, &in->others[i].lens).s);
    if (in->n_others)
        ui_rows_text(rows, 1, UI_DIM, imr_buf_text(&b));
}

void ui_build_change(ui_rows *out, const ui_why_parts *in)
{
    static const imr_change_kind kinds[] = {IMR_CHANGE_OWN, IMR_CHANGE_PAPER, IMR_CHANGE_UNIT,
                                            IMR_CHANGE_VECTOR};
    const imr_detail *d = in->reading->detail;
    const imr_trace *t = in->trace;
    const imr_word_list *lists = d->why.words;
    bool adapted = ui_adapted(t), any = false;
    for (int k = 0; k < IMR_CHANGE_COUNT; k++)
        any = any || lists[k].n_positive;
    ui_rows_heading(out, adapted ? "Words of its change" : "Words of its vector",
                    any ? table_text(t->inputs.table_name, &t->inputs.lens).s : NULL);
    if (!any) {
        const imr_session_facts *f = in->facts;
        ui_rows_text(out, 1, UI_TEXT,
                     f && f->words_coming      ? "The words of this corpus are on their way."
                     : f && *f->tokens_problem ? f->tokens_problem
                                               : "This change points at no word.");
        return;
    }
    if (in->full) {
        others(out, &t->inputs);
        for (size_t k = 0; k < IMR_LEN(kinds); k++)
            full_list(out, says[kinds[k]], &lists[kinds[k]]);
        for (size_t k = 0; k < IMR_LEN(kinds); k++)
            full_list(out, ui_textf("the query, %s", says[kinds[k]]).s, &d->query_words[kinds[k]]);
    } else if (adapted) {
        beside(out, lists, out->grid.cols < 70 ? 6 : 10, t->settings.order);
        line(out, "query", &d->query_words[IMR_CHANGE_PAPER], 8);
    } else {
        line(out, "text ", &lists[IMR_CHANGE_VECTOR], 12);
        line(out, "query", &d->query_words[IMR_CHANGE_VECTOR], 12);
    }
    notes(out, lists);
}
