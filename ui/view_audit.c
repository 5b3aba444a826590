/* ui/view_audit.c - an adapter over all queries of a split, and what it is and does. */
#include <math.h>

#include "base/clock.h"
#include "report/report.h"
#include "ui/views.h"

enum { TALL = 26, WIDE = 110, BINS = 21 };

/* What is said above the rows; own: room for it. */
static const char *headline(ui_text *own, const ui_audit *u)
{
    const imr_audit *a = u->of;
    double sum[2] = {0}, since = imr_clock_seconds() - u->began;
    ui_text left = {""}, mean = {""};
    if (a && u->ended && u->error.status == IMR_OK)
        return a->summary.code ? a->summary.text
                               : "No adapter is open: these are the encoder's numbers.";
    for (size_t i = 0; a && i < u->rows; i++)
        for (int k = 0; k < 2; k++)
            sum[k] += a->rows[i].number[2 * k] / (double)u->rows;
    if (a && since > 1 && u->rows > u->first)
        left = ui_textf(", about %.0f s are left",
                        (double)(a->n - u->rows) * since / (double)(u->rows - u->first));
    if (isfinite(sum[1]) && u->rows)
        mean = ui_textf(" nDCG so far: %s for the encoder, %s now.", ui_plain(sum[0], 3).s,
                        ui_plain(sum[1], 3).s);
    *own = u->error.status == IMR_E_CANCELLED
               ? ui_textf("Stopped after %zu of %zu queries; 5 goes on.", u->rows, a ? a->n : 0)
           : u->error.status != IMR_OK ? ui_textf("%.500s; 5 tries again", u->error.text)
           : !a ? ui_textf("The queries of the split are being looked at; C-c stops that.")
                : ui_textf("%zu of %zu queries are looked at%s; C-c stops.%s", u->rows, a->n,
                           left.s, mean.s);
    return own->s;
}

static int verdict_rows(ui_surface s, const ui_audit *u)
{
    const int lines = ui_lines_of(headline(&(ui_text){""}, u), s.at.w - 2),
              most = s.at.h >= TALL ? 7 : 3;
    return lines < most ? lines : most;
}

static bool has_means(const ui_audit *u)
{
    return u->ended && u->of->eval->metrics;
}

static int means_rows(const ui_audit *u)
{
    return !has_means(u) ? 0 : u->of->eval->has_train ? 1 + IMR_GROUPS : 2;
}

int ui_audit_page(ui_surface s, const ui_audit *u)
{
    const int rows = s.at.h - verdict_rows(s, u) - means_rows(u) - 1;
    return rows > 1 ? rows : 1;
}

/* The means of a metric from row y on, a line each group. */
static void draw_means(ui_surface s, int y, const ui_audit *u, size_t metric)
{
    static const char *const heads[] = {"n", "encoder", "projected", "now"};
    char name[IMR_METRIC_NAME];
    const imr_audit *a = u->of;
    const bool adapter = a->adapter != NULL;
    s = ui_about(s, UI_TERM_METRIC);
    ui_put(s, y, 1, UI_STRONG, imr_metric_name(a->metric[metric], name));
    for (int k = 0; k < (adapter ? 4 : 2); k++)
        ui_put_right(s, y, 18 + 10 * k, UI_DIM, heads[k]);
    ui_put(s, y, adapter ? 51 : 31, UI_DIM, adapter ? "now - encoder, 95 %" : "95 %");
    for (int g = 0; g < means_rows(u) - 1; g++) {
        const imr_eval_row *r = &a->summary.row[metric * IMR_GROUPS + (size_t)g];
        const imr_significance *d = &r->from_encoder;
        const double low = adapter ? d->low : r->low[0], high = adapter ? d->high : r->high[0];
        ui_put(s, ++y, 1, UI_TEXT, imr_eval_group_name((imr_eval_group)g));
        ui_put_right(s, y, 18, UI_TEXT, ui_count(r->n).s);
        for (int k = 0; r->n && k < (adapter ? 3 : 1); k++)
            ui_put_plain(s, y, 28 + 10 * k, UI_TEXT, r->mean[k], 3);
        if (adapter && r->n)
            ui_put_signed(s, y, 58, d->difference, 3);
        if (r->n && isfinite(low))
            ui_putf(s, y, adapter ? 59 : 31, low > 0 || high < 0 ? UI_STRONG : UI_TEXT, "[%s, %s]",
                    (adapter ? ui_signed : ui_plain)(low, 3).s,
                    (adapter ? ui_signed : ui_plain)(high, 3).s);
    }
}

/* How many queries gained how much: a bin of .1 each, ties beside. */
static void draw_gains(ui_surface s, int y, int x, const ui_audit *u)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t bins[BINS] = {0}, most = 1, lost = 0, won = 0;
    for (size_t i = 0; i < u->rows; i++) {
        const double gain = u->of->rows[i].number[IMR_AUDIT_GAIN];
        const int bin = (int)lround(fmax(-1, fmin(1, gain)) * 10) + 10;
        lost += gain < -IMR_TIE;
        won += gain > IMR_TIE;
        if (fabs(gain) > IMR_TIE && ++bins[bin] > most)
            most = bins[bin];
    }
    ui_putf(s, y, x, UI_DIM, "%zu lost, %zu same, %zu won", lost, u->rows - lost - won, won);
    for (int i = 0; i < BINS; i++)
        for (int h = 0; h < 2; h++) { /* two rows of eight */
            const int level = (int)ceil(16 * (double)bins[i] / (double)most) - 8 * h;
            const ui_style style = i < BINS / 2 ? UI_LOSS : UI_GAIN;
            if (s.grid->glyphs->ascii)
                ui_put(s, y + 2 - h, x + i, style,
                       level >= 8   ? "#"
                       : level >= 4 ? ":"
                       : level > 0  ? "."
                                    : " ");
            else
                ui_put(s, y + 2 - h, x + i, style, blocks[level < 0 ? 0 : level > 8 ? 8 : level]);
        }
    ui_put(s, y + 3, x, UI_DIM, "-1");
    ui_put(s, y + 3, x + BINS / 2, UI_DIM, "0");
    ui_put_right(s, y + 3, x + BINS, UI_DIM, "+1");
}

/* "12→1", ">100" where it is not listed. */
static ui_text way(ui_surface s, const imr_audit *a, double from, double to)
{
    ui_text of[2];
    for (int i = 0; i < 2; i++)
        of[i] = (i ? to : from) > 0 ? ui_textf("%.0f", i ? to : from)
                                    : ui_textf(">%u", a->measured.feedback_k);
    const ui_glyphs *g = s.grid->glyphs;
    return ui_textf(g->spoken ? "%s %s %s" : "%s%s%s", of[0].s, g->arrow, of[1].s);
}

/* Columns end at: encoder, now, gain, first, RBO; the text begins behind. */
static void draw_row(ui_surface s, int y, const ui_audit *u, size_t row, bool selected)
{
    const imr_audit *a = u->of;
    const double *of = a->rows[row].number;
    const bool wide = s.at.w >= WIDE, adapter = a->adapter != NULL, judged = a->eval->metrics > 0;
    const imr_suggestion q = imr_audit_query(a, row);
    ui_put_cut(s, y, 1, 9, UI_STRONG, q.query_id);
    if (a->eval->has_train)
        ui_put(s, y, 11, a->rows[row].seen ? UI_DIM : UI_TEXT, a->rows[row].seen ? "s" : "u");
    int x = 13;
    ui_surface metric = ui_about(s, UI_TERM_METRIC);
    for (int k = 0; judged && k < (adapter ? 3 : 1); k += 2, x += 6)
        ui_put_plain(metric, y, x + 5, UI_TEXT, of[k], 3);
    if (judged && adapter) {
        if (fabs(of[IMR_AUDIT_GAIN]) > IMR_TIE)
            ui_put_signed(metric, y, x + 6, of[IMR_AUDIT_GAIN], 3);
        else
            ui_put_right(metric, y, x + 6, UI_DIM, "=");
        x += 7;
        if (wide) {
            ui_bar(s, y, x, 4, of[IMR_AUDIT_GAIN], 1);
            x += 10;
        }
    }
    if (judged) {
        const double now = of[IMR_AUDIT_FIRST + 2], first = of[IMR_AUDIT_FIRST];
        ui_put_right(s, y, x + 10, UI_TEXT,
                     adapter     ? way(s, a, first, now).s
                     : first > 0 ? ui_textf("%.0f", first).s
                                 : "-");
        x += 11;
    }
    if (adapter) {
        ui_put_plain(s, y, x + 4, UI_TEXT, of[IMR_AUDIT_RBO], 2);
        x += 5;
    }
    if (judged && wide) {
        ui_put_plain(s, y, x + 4, UI_TEXT, of[IMR_AUDIT_JUDGED + (adapter ? 2 : 0)], 2);
        x += 5;
    }
    if (adapter && wide) {
        ui_put_right(s, y, x + 8, UI_TEXT, way(s, a, of[IMR_AUDIT_FROM], of[IMR_AUDIT_TO]).s);
        ui_put_cut(s, y, x + 9, 10, UI_TEXT, imr_audit_document(a, row));
        x += 20;
    }
    ui_put_cut(s, y, x + 1, s.at.w - x - 2, UI_TEXT, q.text);
    if (selected) {
        ui_mark(s, (ui_rect){y, 0, 1, s.at.w}, UI_SELECTED);
        ui_cursor(s, y, 0, false);
    }
}

static void draw_heads(ui_surface s, int y, const imr_audit *a)
{
    const bool wide = s.at.w >= WIDE, adapter = a->adapter != NULL, judged = a->eval->metrics > 0;
    ui_text head =
        ui_textf("query       %s%s%s%s%s%s %s",
                 !judged   ? ""
                 : adapter ? "  enc   now   gain "
                           : "  enc ",
                 judged && adapter && wide ? "-1   0  +1 " : "", judged ? "     first " : "",
                 adapter ? " RBO " : "", judged && wide ? "jdgd " : "",
                 adapter && wide ? " changed most       " : "", "text");
    static const char *const sorts[] = {"gain", "proj", "enc",     "now",  "first",
                                        "RBO",  "jdgd", "changed", "query"}; /* as its menu */
    ui_put(s, y, 1, UI_DIM, head.s);
    for (size_t i = 0; i < IMR_LEN(sorts); i++) {
        const char *at = strstr(head.s, sorts[i]);
        ui_hit_put(s, (ui_rect){y, at ? 1 + (int)(at - head.s) : -1, 1, 6}, UI_HIT_SORT, i);
    }
}

void ui_draw_audit(ui_surface s, const ui_audit *u)
{
    const int verdict = verdict_rows(s, u), page = ui_audit_page(s, u);
    int y = ui_put_wrapped(s, 0, 1, s.at.w - 2, verdict, u->ended ? UI_STRONG : UI_TEXT,
                           headline(&(ui_text){""}, u));
    if (!u->of)
        return;
    if (has_means(u)) {
        draw_means(s, y, u, 0);
        if (s.at.w >= WIDE && u->of->adapter && means_rows(u) > 3)
            draw_gains(s, y, 84, u);
    }
    y += means_rows(u);
    draw_heads(s, y++, u->of);
    for (size_t i = u->scroll.top; i < u->scroll.top + (size_t)page && i < u->n; i++, y++) {
        ui_hit_put(s, (ui_rect){y, 0, 1, s.at.w}, UI_HIT_ROW, i);
        draw_row(s, y, u, u->order[i], i == u->at);
    }
}

void ui_build_audit(ui_rows *out, const ui_audit *u)
{
    const imr_audit *a = u->of;
    ui_rows_heading(out, "Verdict", u->ended ? a->summary.code : NULL);
    ui_rows_text(out, 1, UI_STRONG, headline(&(ui_text){""}, u));
    if (!has_means(u))
        return;
    ui_rows_heading(out, "Means, with 95 % intervals", NULL);
    for (size_t m = 0; m < a->eval->metrics; m++)
        draw_means(ui_rows_add(out, means_rows(u)), 0, u, m);
    if (a->seen->words)
        ui_rows_text(out, 1, UI_DIM, a->seen->words);
    if (!a->adapter)
        return;
    IMR_AUTOBUF imr_buf words = {0};
    imr_report_audit_words(&words, a);
    ui_rows_heading(out, "Words", NULL);
    ui_rows_lines(out, imr_buf_text(&words));
}

/* ---- the screen Adapter ---- */

void ui_build_adapter(ui_rows *out, const imr_session_facts *f, const imr_quality *q,
                      const imr_error *error)
{
    const imr_trace_inputs *in = f ? &f->inputs : NULL;
    if (!in || !*in->adapter_form) {
        ui_rows_text(out, 1, UI_TEXT,
                     f ? "No adapter is open: the encoder ranks alone. imrnn explore --checkpoint "
                         "FILE opens one, imrnn run makes one."
                       : "It is being opened.");
        return;
    }
    ui_rows_text(out, 1, UI_STRONG, *in->adapter_path ? in->adapter_path : f->adapter_name);
    ui_rows_text(out, 1, UI_DIM,
                 ui_textf("form %s (%s), input %u, working %u, hidden %u, sha256 %.12s",
                          in->adapter_form, in->adapter_form_from, in->input_dim, in->working_dim,
                          in->hidden_dim, in->adapter_sha256)
                     .s);
    if (!q) {
        ui_rows_text(out, 1, UI_TEXT,
                     error->status == IMR_OK
                         ? "It is being tried on queries of the cache; C-c stops that."
                         : ui_textf("%.500s; 7 tries again", error->text).s);
        return;
    }
    ui_rows_heading(out, "Verdict", q->code);
    ui_rows_text(out, 1, UI_STRONG, q->verdict);
    ui_rows_heading(out, "What this means", NULL);
    ui_rows_text(out, 1, UI_TEXT, q->meaning);
    IMR_AUTOBUF imr_buf lines = {0};
    imr_report_quality(&lines, q);
    ui_rows_lines(out, imr_buf_text(&lines));
}
