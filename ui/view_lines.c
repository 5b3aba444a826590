/* ui/view_lines.c */
#include <math.h>
#include <stdio.h>

#include "ui/glossary.h"
#include "ui/list.h"
#include "ui/view_lines.h"
#include "ui/words.h"

const char *ui_key_for(const ui_keymap *m, const ui_glyphs *g, ui_context c, ui_action action,
                       char out[UI_KEY_NAME_MAX])
{
    ui_key key = ui_keymap_key(m, c, action);
    if (key == UI_KEY_NONE)
        return "";
    ui_key_label(out, key);
    if (g->ascii && (unsigned char)out[0] >= 0x80)
        ui_key_format(out, key);
    return out;
}

/* ---- tabs ---- */

/* " mean (metadata) · top 100": the adapter's form, what said so, and the depth of the rows, or
 * another scope than that. What is usual goes where there is no room. */
static void depth(const imr_session_facts *f, const imr_trace_settings *now, bool ranked,
                  const ui_glyphs *g, char *out, size_t size, int room)
{
    const char *form = f->inputs.adapter_form, *from = f->inputs.adapter_form_from;
    char scope[64] = "";
    if (now->scope != IMR_SCOPE_RERANK)
        snprintf(scope, sizeof scope, " %s scope %s", g->middot, imr_scope_name(now->scope));
    else if (ranked)
        snprintf(scope, sizeof scope, " %s top %u", g->middot, now->feedback_k);
    snprintf(out, size, form && *form ? " %s (%s)%s" : "%.0s%.0s%s", form ? form : "",
             from ? from : "", scope);
    if (ui_width(out) > room)
        snprintf(out, size, form && *form ? " %s%s" : "%.0s%s", form ? form : "", scope);
    if (ui_width(out) > room)
        snprintf(out, size, "%s", now->scope == IMR_SCOPE_RERANK ? "" : scope);
}

/* Data set, adapter and depth right-aligned in [from, end): where room is short the usual depth
 * goes first, then both names are cut alike. */
static void session_names(ui_surface s, const imr_session_facts *facts,
                          const imr_trace_settings *now, bool ranked, int from, int end)
{
    char dot[16], top[100];
    const char *names[] = {facts->dataset_name,
                           *facts->adapter_name ? facts->adapter_name : "encoder only"};
    snprintf(dot, sizeof dot, " %s ", s.grid->glyphs->middot);
    int w[2] = {ui_width(names[0]), ui_width(names[1])}, room = end - from, between = ui_width(dot);
    depth(facts, now, ranked, s.grid->glyphs, top, sizeof top, room - w[0] - between - w[1]);
    room -= ui_width(top);
    int over = w[0] + between + w[1] - room;
    if (room < between + 12)
        return;
    if (over > 0) {
        int longer = w[0] > w[1] ? 0 : 1, half = (room - between) / 2;
        w[longer] = w[!longer] <= half ? w[longer] - over : half;
        w[!longer] = w[!longer] <= half ? w[!longer] : room - between - half;
    }
    int x = end - w[0] - between - w[1] - ui_width(top);
    x = ui_put_cut(s, 0, x, w[0], UI_DIM, names[0], strlen(names[0]));
    x = ui_put(s, 0, x, UI_DIM, dot);
    x = ui_put_cut(s, 0, x, w[1], UI_DIM, names[1], strlen(names[1]));
    ui_put(s, 0, x, UI_DIM, top);
}

void ui_draw_tabs(ui_surface s, int on, const imr_session_facts *facts,
                  const imr_trace_settings *now, bool ranked, const char *help_key)
{
    static const char *const tabs[] = {"1 Rank", "2 Document", "3 Words"};
    char right[64];
    int x = ui_put(s, 0, 1, UI_STRONG, "imrnn") + 1, end = s.at.w;
    for (int i = 0; i < 3; i++)
        x = ui_putf(s, 0, x, i == on ? UI_STRONG : UI_DIM, i == on ? "[%s]" : " %s ", tabs[i]);
    snprintf(right, sizeof right, "%s help", help_key);
    ui_put_right(s, 0, end, UI_KEY, right);
    if (facts)
        session_names(s, facts, now, ranked, x + 1, end - ui_width(right) - 2);
}

/* ---- the query ---- */

void ui_draw_query(ui_surface s, const ui_query_line *q)
{
    const char *text = ui_prompt_text(q->prompt);
    ui_put_right(s, 0, s.at.w - 1, UI_MODE, q->mode);
    ui_put_right(s, 0, s.at.w - 8, q->important ? UI_STRONG : UI_DIM, q->note);
    int x = ui_put(s, 0, 1, UI_STRONG, s.grid->glyphs->prompt) + 1;
    int w = s.at.w - 9 - ui_width(q->note) - x;
    ui_prompt_draw(q->prompt, s, x, w, q->active);
    if (q->active && q->ghost && q->prompt->cursor == q->prompt->text.len) {
        int at = x + ui_width(text);
        if (at + 4 < x + w)
            ui_put_cut(s, 0, at, x + w - at, UI_BORDER, q->ghost, strlen(q->ghost));
    }
    size_t start, end;
    for (size_t at = 0;
         q->mark && ui_width(text) < w && ui_find_word(text, at, q->mark, &start, &end); at = end) {
        int from = x + (int)imr_utf8_width(text, start);
        ui_mark(s, (ui_rect){0, from, 1, (int)imr_utf8_width(text + start, end - start)},
                UI_REVERSED);
    }
}

/* ---- metrics ---- */

/* "nDCG@10 0.793 → 0.583 → 0.646 ▼−0.147": encoder, projected, now, and now less the encoder. */
static int one_metric(ui_surface s, int x, const imr_trace_metric *m, bool adapted)
{
    const ui_glyphs *g = s.grid->glyphs;
    char a[UI_NUMBER], b[UI_NUMBER], c[UI_NUMBER], text[200];
    double d = m->after - m->encoder;
    ui_format_plain(a, g, m->encoder, 3);
    if (adapted)
        snprintf(text, sizeof text, "%s %s %s %s %s %s ", m->name, a, g->arrow,
                 ui_format_plain(b, g, m->before, 3), g->arrow, ui_format_plain(c, g, m->after, 3));
    else
        snprintf(text, sizeof text, "%s %s", m->name, a);
    if (x + ui_width(text) + 7 > s.at.w)
        return s.at.w;
    x = ui_put(s, 0, x, UI_TEXT, text);
    if (!adapted)
        return x + 3;
    x = ui_put(s, 0, x, ui_sign_role(d), d > 0 ? g->up : d < 0 ? g->down : g->same);
    if (d != 0)
        x = ui_put(s, 0, x, ui_sign_role(d), ui_format_signed(a, g, d, 3));
    return x + 3;
}

void ui_draw_metrics(ui_surface s, const imr_trace *t)
{
    int x = 1;
    for (size_t i = 0; i < t->n_metrics; i++)
        x = one_metric(ui_about(s, UI_TERM_METRIC), x, &t->metrics[i], ui_adapted(t));
    const char *told = t->sentence && *t->sentence ? t->sentence
                       : t->n_metrics              ? ""
                                                   : "no judgements for this query: no metrics";
    if (x == 1 || ui_width(told) < s.at.w - x)
        ui_put_cut(s, 0, x, s.at.w - x - 1, UI_DIM, told, strlen(told));
}

void ui_draw_facts(ui_surface s, const imr_trace *t, const imr_trace_document *d)
{
    const ui_glyphs *g = s.grid->glyphs;
    char a[UI_NUMBER], b[UI_NUMBER], c[UI_NUMBER], text[200];
    int x = 1, gap = s.at.w >= 100 ? 3 : 2;
    const char *grade = d->relevance > 0    ? "relevant"
                        : d->relevance == 0 ? "not relevant"
                                            : "not judged";
    if (!ui_adapted(t)) {
        ui_putf(ui_about(s, UI_TERM_RANK_ENCODER), 0, x, UI_TEXT, "rank %u   cos %s   %s",
                d->rank_encoder, ui_format_plain(a, g, d->sim_encoder, 4), grade);
        return;
    }
    snprintf(a, sizeof a, "%u %s", d->rank_after, ui_format_move(b, g, d->move_encoder));
    snprintf(text, sizeof text, "rank %u %s %u %s %s", d->rank_encoder, g->arrow, d->rank_before,
             g->arrow, d->rank_after ? a : g->none);
    x = ui_put(ui_about(s, UI_TERM_RANK_NOW), 0, x, UI_TEXT, text) + gap;
    snprintf(text, sizeof text, "cos %s %s %s %s %s", ui_format_plain(a, g, d->sim_encoder, 4),
             g->arrow, ui_format_plain(b, g, d->sim_before, 4), g->arrow,
             d->rank_after ? ui_format_plain(c, g, d->sim_after, 4) : g->none);
    x = ui_put(ui_about(s, UI_TERM_COSINE), 0, x, UI_TEXT, text) + gap;
    if (isfinite(d->lift.total) && d->rank_after) {
        snprintf(text, sizeof text, "lift %s", ui_format_signed(a, g, d->lift.total, 2));
        if (x + ui_width(text) < s.at.w)
            x = ui_put(ui_about(s, UI_TERM_LIFT), 0, x, ui_sign_role(d->lift.total), text) + gap;
    }
    if (x + ui_width(grade) < s.at.w)
        ui_put(s, 0, x, UI_TEXT, grade);
}

/* ---- status and hint ---- */

void ui_draw_status(ui_surface s, const char *left, const char *right, bool error)
{
    int room = s.at.w - 2, w = ui_width(right) < room ? ui_width(right) : room;
    if (*right)
        ui_put_cut(s, 0, s.at.w - 1 - w, w, error ? UI_ERROR : UI_TEXT, right, strlen(right));
    int rest = room - w - (*right ? 2 : 0);
    if (rest >= 20 || rest >= ui_width(left)) /* else a long message has the line to itself */
        ui_put_cut(s, 0, 1, rest, UI_DIM, left, strlen(left));
}

/* One hint "key words"; two opposite actions share one. Empty when no key leads there. */
static void hint_text(const ui_keymap *m, const ui_glyphs *g, ui_context c, const ui_hint *h,
                      imr_buf *key, imr_buf *words)
{
    static const ui_action pairs[][2] = {{UI_DO_NEXT, UI_DO_PREV},
                                         {UI_DO_LEFT, UI_DO_RIGHT},
                                         {UI_DO_HIGHLIGHT_NEXT, UI_DO_HIGHLIGHT_PREV},
                                         {UI_DO_DOC_NEXT, UI_DO_DOC_PREV}};
    char label[UI_KEY_NAME_MAX];
    imr_buf_clear(key);
    imr_buf_clear(words);
    bool arrows = h->action == UI_DO_NEXT && (c == UI_IN_QUERY || c == UI_IN_PICK);
    imr_buf_str(key, arrows ? g->updown : ui_key_for(m, g, c, h->action, label));
    if (!key->len)
        return;
    for (size_t i = 0; i < IMR_LEN(pairs); i++)
        if (pairs[i][0] == h->action && !arrows && *ui_key_for(m, g, c, pairs[i][1], label))
            imr_buf_printf(key, "/%s", label);
    imr_buf_printf(words, " %s", h->words ? h->words : ui_action_info_of(h->action)->hint);
}

void ui_draw_hint(ui_surface s, const ui_keymap *m, ui_context c, const ui_hint *hints, size_t n)
{
    const ui_glyphs *g = s.grid->glyphs;
    IMR_AUTOBUF imr_buf key = {0}, words = {0};
    char label[UI_KEY_NAME_MAX];
    const char *help = ui_key_for(m, g, c, UI_DO_HELP, label);
    int x = 1, end = s.at.w - ui_width(help) - 7;
    for (size_t i = 0; i < n; i++) {
        hint_text(m, g, c, &hints[i], &key, &words);
        int w = ui_width(imr_buf_text(&key)) + ui_width(imr_buf_text(&words));
        if (!key.len || x + w > end)
            continue;
        x = ui_put(s, 0, x, UI_KEY, imr_buf_text(&key));
        x = ui_put(s, 0, x, UI_DIM, imr_buf_text(&words)) + 2;
    }
    x = ui_put(s, 0, x, UI_KEY, help);
    ui_put(s, 0, x, UI_DIM, " help");
}
