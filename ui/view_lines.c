/* ui/view_lines.c */
#include <math.h>

#include "ui/views.h"

ui_text ui_key_for(const ui_keymap *m, const ui_glyphs *g, ui_context c, ui_action action)
{
    ui_key key = ui_keymap_key(m, c, action);
    if (key == UI_KEY_NONE)
        return (ui_text){""};
    ui_text out = ui_key_name(key, true);
    return g->ascii && (unsigned char)out.s[0] >= 0x80 ? ui_key_name(key, false) : out;
}

/* ---- tabs ---- */

/* " mean (metadata) · top 100": the adapter's form, what said so, and the depth of the rows, or
 * another scope than that. What is usual goes where there is no room. */
static ui_text depth(const imr_session_facts *f, const imr_trace_settings *now, bool ranked,
                     const ui_glyphs *g, int room)
{
    const char *form = f->inputs.adapter_form, *from = f->inputs.adapter_form_from;
    bool usual = now->scope == IMR_SCOPE_RERANK, known = form && *form;
    ui_text scope = {""};
    if (!usual || ranked)
        scope = usual ? ui_textf(" %s top %u", g->middot, now->feedback_k)
                      : ui_textf(" %s scope %s", g->middot, imr_scope_names[now->scope]);
    ui_text all = known ? ui_textf(" %s (%s)%s", form, from ? from : "", scope.s) : scope;
    if (known && ui_width(all.s) > room)
        all = ui_textf(" %s%s", form, scope.s);
    if (known && usual && ui_width(all.s) > room)
        all = ui_textf(" %s", form);
    const ui_text none = {""};
    return ui_width(all.s) <= room ? all : usual ? none : scope;
}

/* Data set, adapter and depth right-aligned in [from, end): where room is short the usual depth
 * goes first, then both names are cut alike. */
static void session_names(ui_surface s, const imr_session_facts *facts,
                          const imr_trace_settings *now, bool ranked, int from, int end)
{
    const char *names[] = {facts->dataset_name,
                           *facts->adapter_name ? facts->adapter_name : "encoder only"};
    ui_text two = ui_textf("%c %s, %c %s", facts->second ? 'B' : 'A', names[1],
                           facts->second ? 'A' : 'B', facts->other_name);
    if (*facts->other_name)
        names[1] = two.s;
    int w[2] = {ui_width(names[0]), ui_width(names[1])}, room = end - from, between = 3;
    ui_text top = depth(facts, now, ranked, s.grid->glyphs, room - w[0] - between - w[1]);
    room -= ui_width(top.s);
    int over = w[0] + between + w[1] - room;
    if (room < between + 11)
        return;
    if (over > 0) {
        int longer = w[0] > w[1] ? 0 : 1, half = (room - between) / 2;
        w[longer] = w[!longer] <= half ? w[longer] - over : half;
        w[!longer] = w[!longer] <= half ? w[!longer] : room - between - half;
    }
    int x = end - w[0] - between - w[1] - ui_width(top.s);
    x = ui_put_cut(s, 0, x, w[0], UI_DIM, names[0]);
    x = ui_putf(s, 0, x, UI_DIM, " %s ", s.grid->glyphs->middot);
    x = ui_put_cut(s, 0, x, w[1], UI_DIM, names[1]);
    ui_put(s, 0, x, UI_DIM, top.s);
}

void ui_draw_tabs(ui_surface s, int on, const imr_session_facts *facts,
                  const imr_trace_settings *now, bool ranked, const char *help_key)
{
    static const struct {
        ui_action action;
        const char *name, *brief;
    } tabs[] = {{UI_DO_RANK, "Rank", "Rank"},     {UI_DO_DOC, "Document", "Doc"},
                {UI_DO_WORDS, "Words", "Words"},  {UI_DO_MAP, "Map", "Map"},
                {UI_DO_AUDIT, "Audit", "Aud"},    {UI_DO_COMPARE, "Compare", "Cmp"},
                {UI_DO_ADAPTER, "Adapter", "Adp"}};
    bool wide = s.at.w >= 100;
    int x = wide ? ui_put(s, 0, 1, UI_STRONG, "imrnn") + 1 : 0,
        end = s.at.w - ui_width(help_key) - 5;
    for (int i = 0; i < (int)IMR_LEN(tabs); i++) {
        const int from = x;
        x = i + 1 == on ? ui_putf(s, 0, x, UI_STRONG, "[%d %s]", on, tabs[i].name)
                        : ui_putf(s, 0, x, UI_DIM, wide ? " %d %s" : " %d%s", i + 1,
                                  wide ? tabs[i].name : tabs[i].brief);
        ui_hit_put(s, (ui_rect){0, from, 1, x - from}, UI_HIT_DO, tabs[i].action);
    }
    ui_hit_put(s, (ui_rect){0, end, 1, s.at.w}, UI_HIT_DO, UI_DO_HELP);
    ui_putf(s, 0, end, UI_KEY, "%s help", help_key);
    if (facts)
        session_names(s, facts, now, ranked, x + 1, end - 2);
}

/* ---- metrics ---- */

/* "nDCG@10 0.793 → 0.583 → 0.646 ▼−0.147": encoder, projected, now, and now less the encoder. */
static int one_metric(ui_surface s, int x, const imr_trace_metric *m, bool adapted, bool both)
{
    const ui_glyphs *g = s.grid->glyphs;
    double d = m->after - m->encoder;
    ui_text text = ui_textf(both ? "%s A %s" : "%s %s", m->name, ui_plain(m->encoder, 3).s);
    if (both)
        text = ui_textf("%s B %s ", text.s, ui_plain(m->after, 3).s);
    else if (adapted)
        text = ui_textf("%s %s %s %s %s ", text.s, g->arrow, ui_plain(m->before, 3).s, g->arrow,
                        ui_plain(m->after, 3).s);
    if (x + ui_width(text.s) + 7 > s.at.w)
        return s.at.w;
    x = ui_put(s, 0, x, UI_TEXT, text.s);
    if (adapted)
        x = ui_putf(s, 0, x, ui_sign_role(d), "%s%s",
                    d > 0   ? "▲"
                    : d < 0 ? "▼"
                            : "=",
                    d != 0 ? ui_signed(d, 3).s : "");
    return x + 3;
}

void ui_draw_metrics(ui_surface s, const imr_trace *t, bool both)
{
    int x = 1;
    for (size_t i = 0; i < t->n_metrics; i++) {
        imr_trace_metric m = t->metrics[i];
        if (both) {
            m.encoder = imr_trace_side(t, 0)->metrics[i].after;
            m.after = imr_trace_side(t, 1)->metrics[i].after;
        }
        x = one_metric(ui_about(s, UI_TERM_METRIC), x, &m, ui_adapted(t), both);
    }
    const char *told = t->sentence && *t->sentence ? t->sentence
                       : t->n_metrics              ? ""
                                                   : "no judgements for this query: no metrics";
    if (x == 1 || ui_width(told) < s.at.w - x)
        ui_put_cut(s, 0, x, s.at.w - x - 1, UI_DIM, told);
}

void ui_draw_facts(ui_surface s, const imr_trace *t, const imr_trace_document *d)
{
    const ui_glyphs *g = s.grid->glyphs;
    int x = 1, gap = s.at.w >= 100 ? 3 : 2;
    const char *grade = d->relevance > 0    ? "relevant"
                        : d->relevance == 0 ? "not relevant"
                                            : "not judged";
    if (!ui_adapted(t)) {
        ui_putf(ui_about(s, UI_TERM_RANK_ENCODER), 0, x, UI_TEXT, "rank %u   cos %s   %s",
                d->rank_encoder, ui_plain(d->sim_encoder, 4).s, grade);
        return;
    }
    ui_text now = ui_textf("%u %s", d->rank_after, ui_move(d->move_encoder).s);
    x = gap + ui_putf(ui_about(s, UI_TERM_RANK_NOW), 0, x, UI_TEXT, "rank %u %s %u %s %s",
                      d->rank_encoder, g->arrow, d->rank_before, g->arrow,
                      d->rank_after ? now.s : "–");
    x = gap + ui_putf(ui_about(s, UI_TERM_COSINE), 0, x, UI_TEXT, "cos %s %s %s %s %s",
                      ui_plain(d->sim_encoder, 4).s, g->arrow, ui_plain(d->sim_before, 4).s,
                      g->arrow, d->rank_after ? ui_plain(d->sim_after, 4).s : "–");
    if (isfinite(d->lift.total) && d->rank_after) {
        ui_text lift = ui_textf("lift %s", ui_signed(d->lift.total, 2).s);
        if (x + ui_width(lift.s) < s.at.w)
            x = gap + ui_put(ui_about(s, UI_TERM_LIFT), 0, x, ui_sign_role(d->lift.total), lift.s);
    }
    if (x + ui_width(grade) < s.at.w)
        ui_put(s, 0, x, UI_TEXT, grade);
}

/* ---- hint ---- */

/* The keys of a hint; two opposite actions share one: `hit` gets where the other's key is. Empty
 * when no key leads there. */
static ui_text hint_keys(struct ui_hit *hit, const ui_keymap *m, const ui_glyphs *g, ui_context c,
                         ui_action action)
{
    static const ui_action pairs[][2] = {{UI_DO_NEXT, UI_DO_PREV},
                                         {UI_DO_LEFT, UI_DO_RIGHT},
                                         {UI_DO_HIGHLIGHT_NEXT, UI_DO_HIGHLIGHT_PREV},
                                         {UI_DO_DOC_NEXT, UI_DO_DOC_PREV}};
    if (action == UI_DO_NEXT && (c == UI_IN_QUERY || c == UI_IN_PICK)) {
        *hit = (struct ui_hit){{0, 0, 1, ui_width(g->updown) / 2}, UI_HIT_DO, UI_DO_PREV};
        return ui_textf("%s", g->updown);
    }
    ui_text keys = ui_key_for(m, g, c, action), other = {""};
    for (size_t i = 0; i < IMR_LEN(pairs) && *keys.s; i++)
        if (pairs[i][0] == action) {
            other = ui_key_for(m, g, c, pairs[i][1]);
            *hit = (struct ui_hit){
                {0, ui_width(keys.s) + 1, 1, ui_width(other.s)}, UI_HIT_DO, pairs[i][1]};
        }
    return *other.s ? ui_textf("%s/%s", keys.s, other.s) : keys;
}

void ui_draw_hint(ui_surface s, const ui_keymap *m, ui_context c, const char *hints, bool help)
{
    const ui_glyphs *g = s.grid->glyphs;
    ui_text last = ui_key_for(m, g, c, UI_DO_HELP);
    int x = 1, end = s.at.w - (help ? ui_width(last.s) + 7 : 0);
    for (size_t n; (n = strcspn(hints, ",")) > 0; hints += n + (hints[n] == ',')) {
        size_t name = strcspn(hints, ",=");
        ui_action action = ui_action_find(hints, name);
        struct ui_hit other = {.kind = UI_HIT_DO};
        ui_text keys = hint_keys(&other, m, g, c, action),
                words = ui_textf(" %s", ui_actions[action].hint);
        if (hints[name] == '=')
            words = ui_textf(" %.*s", (int)(n - name - 1), hints + name + 1);
        if (!*keys.s || x + ui_width(keys.s) + ui_width(words.s) > end)
            continue;
        ui_hit_put(s, (ui_rect){0, x, 1, ui_width(keys.s) + ui_width(words.s)}, UI_HIT_DO, action);
        other.at.x += x;
        ui_hit_put(s, other.at, other.kind, other.value);
        x = ui_put(s, 0, x, UI_KEY, keys.s);
        x = ui_put(s, 0, x, UI_DIM, words.s) + 2;
    }
    if (!help)
        return;
    ui_hit_put(s, (ui_rect){0, x, 1, s.at.w}, UI_HIT_DO, UI_DO_HELP);
    x = ui_put(s, 0, x, UI_KEY, last.s);
    ui_put(s, 0, x, UI_DIM, " help");
}
