/* ui/view_why.c - why a document moved: tokens, shares, dimensions, coverage. */
#include "ui/view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"
#include "ui/format.h"

static const imr_trace_tokens *tokens_of(const ui_app *a, const imr_trace_document *d)
{
    return a->show_query_tokens ? &a->trace->query_tokens : &d->tokens;
}

static double token_scale(const ui_app *a, const imr_trace_tokens *t)
{
    double largest = 0;
    imr_token_order order = a->trace->settings.order;
    for (size_t i = 0; i < t->n_positive; i++)
        largest = fmax(largest, fabs(ui_token_value(&t->positive[i], order)));
    for (size_t i = 0; i < t->n_negative; i++)
        largest = fmax(largest, fabs(ui_token_value(&t->negative[i], order)));
    return ui_nice_scale(largest);
}

/* What failed the significance test is dimmed, where there is a test. */
static ui_style token_style(const imr_trace_token *t)
{
    return isnan(t->background_z) || t->significant ? UI_TEXT : UI_DIM;
}

static bool halves(const ui_app *a)
{
    return a->theme == UI_THEME_MONO || a->theme == UI_THEME_16;
}

/* A pane's row: name, bar around an axis, number. */
typedef struct bars {
    int name, half, number;
} bars;

static bars bars_for(int w)
{
    bars b = {.name = 14 + (w > 40 ? (w - 40) / 4 : 0)};
    b.half = (w - b.name - 11) / 2;
    if (b.half < 2)
        b.half = 2;
    b.number = 1 + b.name + 2 * b.half + 1;
    return b;
}

static void bar_row(const ui_app *a, ui_surface s, int y, const bars *b, ui_style style,
                    const char *name, double value, double scale)
{
    char text[UI_NUMBER];
    ui_put_cut(s, y, 1, b->name - 1, style, name, strlen(name));
    ui_bar(s, a->glyphs, y, 1 + b->name, b->half, value, scale, halves(a));
    ui_put_right(s, y, s.at.w - 1, ui_sign_role(value),
                 ui_format_signed(text, a->glyphs, value, 4));
}

static void bars_header(const ui_app *a, ui_surface s, const bars *b, const char *name,
                        double scale)
{
    char bound[UI_NUMBER], text[UI_NUMBER + 8];
    ui_put(s, 0, 1, UI_DIM, name);
    ui_format_bound(bound, scale);
    snprintf(text, sizeof text, "%s%s", a->glyphs->minus, bound);
    int left = 1 + b->name, middle = left + b->half, right = middle + b->half + 1;
    if ((int)strlen(bound) + 2 > b->half)
        return;
    ui_put(s, 0, left, UI_DIM, text);
    ui_put(s, 0, middle, UI_DIM, "0");
    snprintf(text, sizeof text, "+%s", bound);
    ui_put_right(s, 0, right, UI_DIM, text);
}

static int token_rows(const ui_app *a, ui_surface s, int y, const bars *b,
                      const imr_trace_tokens *t, int rows)
{
    imr_token_order order = a->trace->settings.order;
    double scale = token_scale(a, t);
    char between[120], count[UI_NUMBER];
    int room = rows - 2, positive = (int)t->n_positive, negative = (int)t->n_negative;
    if (positive + negative > room) {
        int half = (room + 1) / 2;
        positive = positive < half ? positive : half;
        negative = negative < room - positive ? negative : room - positive;
    }
    snprintf(between, sizeof between, "token by %s", imr_token_order_name(order));
    if (b->name < 16)
        snprintf(between, sizeof between, "%s", imr_token_order_name(order));
    ui_surface part = ui_sub(s, (ui_rect){y, 0, rows, s.at.w});
    bars_header(a, part, b, between, scale);
    int at = 1;
    for (int i = 0; i < positive; i++, at++)
        bar_row(a, part, at, b, token_style(&t->positive[i]), t->positive[i].text,
                ui_token_value(&t->positive[i], order), scale);
    uint64_t rest = a->trace->inputs.table_rows - (uint64_t)(positive + negative);
    snprintf(between, sizeof between, " %s tokens between ", ui_format_count(count, rest));
    int w = (int)imr_utf8_width(between, strlen(between)), x = (s.at.w - w) / 2;
    ui_repeat(part, at, 1, s.at.w - 2, UI_BORDER, a->glyphs->dash);
    ui_put(part, at++, x > 1 ? x : 1, UI_DIM, between);
    for (int i = negative; i-- > 0; at++)
        bar_row(a, part, at, b, token_style(&t->negative[i]), t->negative[i].text,
                ui_token_value(&t->negative[i], order), scale);
    return y + rows;
}

static void shares(const ui_app *a, ui_surface s, int y, const bars *b, const imr_trace_document *d)
{
    const ui_glyphs *g = a->glyphs;
    char before[UI_NUMBER], after[UI_NUMBER], residual[UI_NUMBER], text[200];
    double scale = ui_nice_scale(
        fmax(fabs(d->share_document), fmax(fabs(d->share_query), fabs((double)d->delta_sim))));
    bar_row(a, s, y, b, UI_TEXT, "document step", d->share_document, scale);
    bar_row(a, s, y + 1, b, UI_TEXT, "query step", d->share_query, scale);
    bar_row(a, s, y + 2, b, UI_STRONG, "total", d->delta_sim, scale);
    snprintf(text, sizeof text, "cos %s %s %s  residual %s",
             ui_format_plain(before, g, d->sim_before, 4), g->arrow,
             ui_format_plain(after, g, d->sim_after, 4),
             ui_format_plain(residual, g, d->share_residual, 4));
    ui_put_cut(s, y + 3, 1, s.at.w - 2, UI_DIM, text, strlen(text));
}

static void dimensions(const ui_app *a, ui_surface s, int y, const bars *b,
                       const imr_trace_document *d, size_t n)
{
    double scale = ui_nice_scale(d->n_dimensions ? d->dimensions[0].share : 0);
    char name[32];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "d %03u", d->dimensions[i].index);
        bar_row(a, s, y + (int)i, b, UI_TEXT, name, d->dimensions[i].share, scale);
    }
}

static void coverage(const ui_app *a, ui_surface s, int y, const imr_trace_tokens *t)
{
    char text[160], number[UI_NUMBER];
    snprintf(text, sizeof text, "shown tokens hold %.0f%% of |%s|^2", 100.0 * (double)t->coverage,
             a->glyphs->delta);
    ui_put_cut(s, y, 1, s.at.w - 2, UI_TEXT, text, strlen(text));
    int w = s.at.w - 26 > 4 ? s.at.w - 26 : 4;
    ui_meter(s, a->glyphs, y + 1, 1, w, t->coverage, 1, UI_BORDER);
    snprintf(text, sizeof text, "alignment %s",
             ui_format_plain(number, a->glyphs, t->alignment, 4));
    ui_put_right(s, y + 1, s.at.w - 1, UI_DIM, text);
}

static void no_tokens(const ui_app *a, ui_surface s, int y, int rows)
{
    const char *why = a->facts && *a->facts->tokens_problem
                          ? a->facts->tokens_problem
                          : "No token list: this change points at no token.";
    ui_put_wrapped(s, y, 1, s.at.w - 2, rows, UI_TEXT, why);
}

static void title_of(const ui_app *a, const imr_trace_document *d, char *out, size_t size)
{
    char move[UI_NUMBER];
    if (a->show_query_tokens)
        snprintf(out, size, "Why: the query's change");
    else
        snprintf(out, size, "Why #%u: %.60s %s", d->rank_after, d->id,
                 ui_format_move(move, a->glyphs, d->move));
}

void ui_draw_why(const ui_app *a, ui_surface s)
{
    const imr_trace_document *d = ui_app_selected(a);
    char title[160], number[UI_NUMBER], note[UI_NUMBER + 16];
    if (!d) {
        ui_box(s, a->glyphs, false, "Why", NULL);
        return;
    }
    title_of(a, d, title, sizeof title);
    ui_format_signed(number, a->glyphs, d->delta_sim, 4);
    snprintf(note, sizeof note, "%ssim %s", a->glyphs->delta, number);
    bool named = (int)imr_utf8_width(title, strlen(title)) + 21 <= s.at.w;
    ui_box(s, a->glyphs, false, title, a->show_query_tokens ? NULL : named ? note : number);
    const imr_trace_tokens *t = tokens_of(a, d);
    ui_surface in = ui_sub(s, (ui_rect){1, 1, s.at.h - 2, s.at.w - 2});
    bars b = bars_for(in.at.w);
    bool any = t->n_positive + t->n_negative > 0;
    int h = in.at.h, want = any ? 2 + (int)(t->n_positive + t->n_negative) : 4;
    int dims = d->n_dimensions < 3 ? (int)d->n_dimensions : 3;
    bool with_shares = h >= 5 + 6, with_dims = dims && h >= 5 + 4 + 10;
    bool with_coverage = any && h >= 5 + 4 + 3 + 10;
    int spare = h - want - 5 - (with_coverage ? 3 : 0) - 1;
    if (with_dims && spare > dims)
        dims = spare < (int)d->n_dimensions ? spare : (int)d->n_dimensions;
    int below = (with_shares ? 5 : 0) + (with_dims ? 1 + dims : 0) + (with_coverage ? 3 : 0);
    int rows = h - below < want ? h - below : want, y = rows;
    if (any)
        token_rows(a, in, 0, &b, t, rows);
    else
        no_tokens(a, in, 0, rows);
    if (with_shares) {
        char rule[80];
        snprintf(rule, sizeof rule, "%ssim = document + query step", a->glyphs->delta);
        ui_rule(s, a->glyphs, false, 1 + y, rule);
        shares(a, in, y + 1, &b, d);
        y += 5;
    }
    if (with_dims) {
        char rule[80];
        snprintf(rule, sizeof rule, "Top dimensions of %zu", a->trace->working_dim);
        ui_rule(s, a->glyphs, false, 1 + y, rule);
        dimensions(a, in, y + 1, &b, d, (size_t)dims);
        y += 1 + dims;
    }
    if (with_coverage) {
        ui_rule(s, a->glyphs, false, 1 + y, "Coverage of this explanation");
        coverage(a, in, y + 1, t);
    }
}

/* ---- class S ---- */

static void strip_token(const ui_app *a, ui_surface s, int y, int x, int meter,
                        const imr_trace_token *t, double scale, bool gain)
{
    char text[UI_NUMBER];
    double v = ui_token_value(t, a->trace->settings.order);
    ui_put_cut(s, y, x, 11, token_style(t), t->text, strlen(t->text));
    ui_meter(s, a->glyphs, y, x + 12, meter, fabs(v), scale, gain ? UI_GAIN : UI_LOSS);
    ui_put_right(s, y, x + 12 + meter + 8, gain ? UI_GAIN : UI_LOSS,
                 ui_format_signed(text, a->glyphs, v, 4));
}

static void strip_share(const ui_app *a, ui_surface s, int y, const char *name, double value)
{
    char text[UI_NUMBER];
    ui_put(s, y, s.at.w - 14, UI_DIM, name);
    ui_put_right(s, y, s.at.w - 1, ui_sign_role(value),
                 ui_format_signed(text, a->glyphs, value, 4));
}

void ui_draw_why_strip(const ui_app *a, ui_surface s)
{
    const imr_trace_document *d = ui_app_selected(a);
    if (!d || s.at.h < 1)
        return;
    char title[160], text[240], number[UI_NUMBER];
    title_of(a, d, title, sizeof title);
    snprintf(text, sizeof text, " %s  %ssim %s ", title, a->glyphs->delta,
             ui_format_signed(number, a->glyphs, d->delta_sim, 4));
    if (a->show_query_tokens)
        snprintf(text, sizeof text, " %s ", title);
    ui_repeat(s, 0, 0, s.at.w, UI_BORDER, a->glyphs->h);
    ui_put_cut(s, 0, 1, s.at.w - 2, UI_STRONG, text, strlen(text));
    const imr_trace_tokens *t = tokens_of(a, d);
    bool wide = s.at.w >= 76;
    double scale = token_scale(a, t);
    int meter = (s.at.w - (wide ? 16 : 0) - 2 * 21 - 2) / 2;
    size_t rows = (size_t)s.at.h - 1;
    for (size_t i = 0; i < rows; i++) {
        if (i < t->n_positive)
            strip_token(a, s, 1 + (int)i, 1, meter, &t->positive[i], scale, true);
        if (i < t->n_negative)
            strip_token(a, s, 1 + (int)i, 1 + 21 + meter, meter, &t->negative[i], scale, false);
    }
    if (t->n_positive + t->n_negative == 0)
        no_tokens(a, ui_sub(s, (ui_rect){0, 0, s.at.h, wide ? s.at.w - 16 : s.at.w}), 1, (int)rows);
    if (wide) {
        strip_share(a, s, 1, "doc", d->share_document);
        strip_share(a, s, 2, "query", d->share_query);
        strip_share(a, s, 3, "total", d->delta_sim);
        strip_share(a, s, 4, "resid", d->share_residual);
    }
}

/* ---- the whole screen ---- */

static int heading(const ui_app *a, ui_surface s, int y, const char *text)
{
    ui_repeat(s, y, 0, s.at.w, UI_BORDER, a->glyphs->h);
    ui_put(s, y, 1, UI_TEXT, " ");
    int x = ui_put(s, y, 2, UI_STRONG, text);
    ui_put(s, y, x, UI_TEXT, " ");
    return y + 1;
}

static int full_ranks(const ui_app *a, ui_surface s, int y, const imr_trace_document *d)
{
    const ui_glyphs *g = a->glyphs;
    const struct {
        const char *name;
        uint32_t rank;
        double sim;
    } lines[] = {{"encoder, base vectors", d->rank_encoder, d->sim_encoder},
                 {"before, projected", d->rank_before, d->sim_before},
                 {"after, modulated", d->rank_after, d->sim_after}};
    char text[UI_NUMBER], rank[UI_NUMBER];
    for (size_t i = 0; i < IMR_LEN(lines); i++, y++) {
        ui_put(s, y, 2, UI_TEXT, lines[i].name);
        snprintf(rank, sizeof rank, "rank %u", lines[i].rank);
        ui_put(s, y, 26, UI_TEXT, lines[i].rank ? rank : "not ranked");
        ui_put_right(s, y, 50, UI_TEXT, ui_format_plain(text, g, lines[i].sim, 4));
    }
    ui_put(s, y, 2, UI_TEXT, "change");
    ui_put(s, y, 26, ui_sign_role(d->move), ui_format_move(text, g, d->move));
    ui_put_right(s, y, 50, ui_sign_role(d->delta_sim), ui_format_signed(text, g, d->delta_sim, 4));
    ui_put(s, y, 52, UI_DIM, "less the median");
    ui_put_right(s, y++, 76, ui_sign_role(d->delta_sim_relative),
                 ui_format_signed(text, g, d->delta_sim_relative, 4));
    return y;
}

static int full_stages(const ui_app *a, ui_surface s, int y, const imr_trace_document *d)
{
    const ui_glyphs *g = a->glyphs;
    char text[UI_NUMBER];
    double largest = 0;
    for (int i = 1; i < IMR_STEPS; i++)
        largest = fmax(largest, fabs(d->stages[i].change));
    for (int i = 0; i < IMR_STEPS; i++, y++) {
        const imr_trace_step *t = &d->stages[i];
        if (!t->name)
            continue;
        ui_put(s, y, 2, UI_TEXT, t->name);
        ui_put_right(s, y, 24, UI_TEXT, ui_format_plain(text, g, t->cosine, 4));
        if (i == 0)
            continue;
        ui_put_right(s, y, 34, ui_sign_role(t->change), ui_format_signed(text, g, t->change, 4));
        ui_bar(s, g, y, 36, 10, t->change, ui_nice_scale(largest), halves(a));
    }
    ui_put(s, y, 2, UI_DIM, "sum of steps less the change");
    ui_put_right(s, y++, 40, UI_DIM, ui_format_signed(text, g, d->stages_residual, 4));
    return y;
}

static int full_token(const ui_app *a, ui_surface s, int y, const imr_trace_token *t, double scale)
{
    const ui_glyphs *g = a->glyphs;
    char text[UI_NUMBER];
    double v = ui_token_value(t, a->trace->settings.order);
    ui_style style = token_style(t);
    ui_put_cut(s, y, 2, 16, style, t->text, strlen(t->text));
    ui_put_right(s, y, 26, ui_sign_role(t->cosine), ui_format_signed(text, g, t->cosine, 4));
    ui_bar(s, g, y, 27, 4, v, scale, halves(a));
    ui_put_right(s, y, 45, style, ui_format_signed(text, g, t->effect, 4));
    ui_put_right(s, y, 54, style, ui_format_signed(text, g, t->z, 2));
    ui_put_right(s, y, 62, style, ui_format_signed(text, g, t->background_z, 2));
    ui_put_right(s, y, 68, style, ui_format_plain(text, g, t->visibility, 2));
    snprintf(text, sizeof text, "%u", t->hub_count);
    ui_put_right(s, y, 73, style, text);
    ui_put(s, y, 75, style,
           t->where == IMR_IN_BOTH       ? "both"
           : t->where == IMR_IN_QUERY    ? "query"
           : t->where == IMR_IN_DOCUMENT ? "doc"
                                         : "");
    return y + 1;
}

static int full_tokens(const ui_app *a, ui_surface s, int y, const imr_trace_tokens *t)
{
    double scale = token_scale(a, t);
    if (t->n_positive + t->n_negative == 0) {
        no_tokens(a, s, y, 3);
        return y + 2;
    }
    ui_put(s, y, 2, UI_DIM, "token");
    ui_put_right(s, y, 26, UI_DIM, "cosine");
    ui_put_right(s, y, 45, UI_DIM, "effect");
    ui_put_right(s, y, 54, UI_DIM, "z");
    ui_put_right(s, y, 62, UI_DIM, "bg z");
    ui_put_right(s, y, 68, UI_DIM, "vis.");
    ui_put_right(s, y, 73, UI_DIM, "hub");
    ui_put(s, y++, 75, UI_DIM, "in");
    for (size_t i = 0; i < t->n_positive; i++)
        y = full_token(a, s, y, &t->positive[i], scale);
    ui_repeat(s, y++, 2, s.at.w - 4, UI_BORDER, a->glyphs->dash);
    for (size_t i = t->n_negative; i-- > 0;)
        y = full_token(a, s, y, &t->negative[i], scale);
    coverage(a, s, y, t);
    return y + 2;
}

int ui_draw_why_full(const ui_app *a, ui_surface s, int top)
{
    const imr_trace_document *d = ui_app_selected(a);
    if (!d)
        return 0;
    char text[300];
    int y = -top;
    snprintf(text, sizeof text, "%.80s  %.160s", d->id, d->title);
    y = heading(a, s, y, text);
    y = full_ranks(a, s, y, d);
    snprintf(text, sizeof text, "Tokens of the %s's change (%s, by %s, table %s)",
             a->show_query_tokens ? "query" : "document",
             imr_delta_kind_name(a->trace->settings.delta),
             imr_token_order_name(a->trace->settings.order),
             *a->trace->inputs.table_name ? a->trace->inputs.table_name : "none");
    y = heading(a, s, y, text);
    y = full_tokens(a, s, y, tokens_of(a, d));
    y = heading(a, s, y, "Step by step: cosine after each");
    y = full_stages(a, s, y, d);
    y = heading(a, s, y, "Whose step: document and query");
    bars b = bars_for(s.at.w < 70 ? s.at.w : 70);
    ui_surface narrow = ui_sub(s, (ui_rect){0, 1, s.at.h, s.at.w < 70 ? s.at.w : 70});
    shares(a, narrow, y, &b, d);
    y += 4;
    snprintf(text, sizeof text, "Largest of %zu dimensions", a->trace->working_dim);
    y = heading(a, s, y, text);
    dimensions(a, narrow, y, &b, d, d->n_dimensions);
    return y + (int)d->n_dimensions + top;
}
