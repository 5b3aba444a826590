/* ui/view_why.c - the sentence, word pairs, the adapter's two steps, sides, steps, dimensions. */
#include <math.h>

#include "report/formats.h"
#include "ui/views.h"

#define ROWS 5 /* words of the query that are told in the pane */

ui_text ui_why_title(const imr_trace *t, const imr_trace_document *d, const ui_glyphs *g)
{
    uint32_t rank = ui_adapted(t) ? d->rank_after : d->rank_encoder;
    if (!rank)
        return ui_textf("Why %s %.60s", g->middot, d->id);
    return ui_textf("Why #%u %s %.60s %s", rank, g->middot, d->id,
                    d->rank_after ? ui_move(d->move_encoder).s : "");
}

void ui_rows_bar(ui_rows *r, uint8_t term, const char *name, double value, double scale,
                 int decimals)
{
    ui_surface s = ui_rows_add(r, 1);
    int w = s.at.w < 96 ? s.at.w : 96, from = w > 50 ? 20 : 14, half = (w - from - 10) / 2;
    ui_put_cut(s, 0, 1, from - 2, UI_TEXT, name);
    s = ui_about(s, term);
    ui_bar(s, 0, from, half, value, scale);
    ui_put_signed(s, 0, w - 1, value, decimals);
}

/* A dim line of numbers and words. */
static void note(ui_rows *r, const char *text)
{
    ui_rows_text(r, 1, UI_DIM, text);
}

/* ---- which words met ---- */

static void query_word(ui_rows *rows, const ui_reading *r, uint32_t q, int name_w, int decimals)
{
    const imr_pairs *p = &r->detail->why.pairs;
    uint8_t term = r->measure.raw ? UI_TERM_SHARE_RAW : UI_TERM_SHARE;
    IMR_AUTOFREE imr_report_place *met = IMR_NEW_ARRAY(imr_report_place, p->n_document + 1);
    size_t n = 0;
    for (uint32_t d = 0; met && d < p->n_document; d++)
        if (p->document[d].named)
            met[n++] = (imr_report_place){fabs(ui_share(p, r->measure, q, d)), d};
    imr_report_rank(met, n);
    ui_flow f = ui_flow_begin(rows, name_w + 2, UI_STRONG, p->query[q].text);
    ui_flow_put(&f, ui_sign_role(r->query.total[q]), term, "%s",
                ui_short(r->query.total[q], decimals).s);
    for (size_t i = 0; i < n && i < 8 && met[i].value >= (r->measure.raw ? 0.002 : 0.02); i++) {
        double v = ui_share(p, r->measure, q, met[i].place);
        IMR_AUTOBUF imr_buf text = {0};
        const char *met_word = p->document[met[i].place].text;
        imr_utf8_clip(&text, met_word, strlen(met_word), rows->grid.cols < 60 ? 13 : 24, "…");
        imr_buf_printf(&text, " %s", ui_short(v, decimals).s);
        if (!ui_flow_fits(&f, ui_width(imr_buf_text(&text))))
            break;
        ui_flow_put(&f, ui_sign_role(v), term, "%s", imr_buf_text(&text));
    }
}

/* "9 more words +.21 · special tokens +.33 · not from words +.19", what is not 0. */
static void rest(ui_rows *rows, const ui_reading *r, size_t shown, int decimals)
{
    const ui_side *side = &r->query;
    double more = 0, special = 0;
    for (size_t i = shown; i < side->n; i++)
        *(i < side->words ? &more : &special) += side->total[side->order[i]];
    ui_flow f = ui_flow_begin(rows, 1, UI_DIM, "");
    if (shown < side->words)
        ui_flow_put(&f, UI_DIM, UI_TERM_SHARE, "%zu more %s %s", side->words - shown,
                    side->words - shown == 1 ? "word" : "words", ui_short(more, decimals).s);
    if (side->n > side->words)
        ui_flow_put(&f, UI_DIM, UI_TERM_SPECIAL, "special tokens %s",
                    ui_short(special, decimals).s);
    ui_flow_put(&f, UI_DIM, UI_TERM_NOT_WORDS, "not from words %s",
                ui_short(side->total[side->n], decimals).s);
}

/* The sum beside the number it must equal. */
static void sum(ui_rows *rows, const ui_reading *r, int decimals)
{
    static const char *const equal[] = {"standing for the encoder", "standing projected",
                                        "its standing", "its lift"};
    const imr_pairs *p = &r->detail->why.pairs;
    double all = 0;
    int stage = r->measure.stage;
    for (size_t i = 0; i <= r->query.n; i++)
        all += r->query.total[i];
    ui_flow f = ui_flow_begin(rows, 1, UI_DIM, "");
    ui_flow_put(&f, UI_DIM, UI_TERM_SUM, "sum %s = %s %s", ui_short(all, decimals).s,
                r->measure.raw ? "cosine" : equal[stage],
                ui_short(ui_share_whole(p, r->measure), decimals).s);
    if (stage != UI_CHANGE && p->reference[stage].sd > 0)
        ui_flow_put(&f, UI_DIM, UI_TERM_COSINE, "cos %s, mean %s",
                    ui_plain(p->similarity[stage], 4).s, ui_plain(p->reference[stage].mean, 4).s);
}

/* Words of the text by what the similarity loses without them, largest first. */
static void left_out(ui_rows *rows, const ui_why_parts *in)
{
    const imr_why *why = &in->reading->detail->why;
    int wish = in->reading->wish.stage;
    int stage = !ui_adapted(in->trace) ? IMR_STAGE_ENCODER
                : wish == UI_CHANGE    ? IMR_STAGE_AFTER
                                       : wish;
    double sd = in->trace->reference[stage].sd > 0 ? in->trace->reference[stage].sd : 1;
    IMR_AUTOFREE imr_report_place *v = IMR_NEW_ARRAY(imr_report_place, why->n_deletion);
    note(rows, sd == 1 ? "Left out, a word takes from the cosine:"
                       : "Left out, a word takes from its standing, in sd:");
    for (size_t i = 0; v && i < why->n_deletion; i++)
        v[i] = (imr_report_place){fabs(why->deletion[i].total[stage]), (uint32_t)i};
    imr_report_rank(v, v ? why->n_deletion : 0);
    for (size_t i = 0; v && i < why->n_deletion && (in->full || i < 2 * (size_t)ROWS); i++) {
        const imr_pair_word *w = &why->deletion[v[i].place];
        ui_rows_bar(rows, UI_TERM_LEFT_OUT, w->text, w->total[stage] / sd,
                    ui_nice_scale(v[0].value / sd), sd == 1 ? 4 : 2);
    }
}

/* What taking words out of the texts did, once somebody asked: session/carry.h. */
static void carried(ui_rows *rows, const ui_why_parts *in)
{
    const imr_why *why = &in->reading->detail->why;
    const imr_carry *c =
        why->carry[in->reading->measure.stage == IMR_STAGE_ENCODER ? IMR_STAGE_ENCODER
                                                                   : IMR_STAGE_AFTER];
    imr_carry_table one = {0};
    double most = 0;
    if (!c)
        return;
    imr_carry_add(&one, c);
    for (int k = 0; k < IMR_CARRY_COUNT; k++)
        most = c->of[k].words ? fmax(most, fabs(c->of[k].fall)) : most;
    ui_rows_heading(rows, "Do the words carry it", ui_textf("%s sd", ui_signed(c->lead, 2).s).s);
    for (int side = 0; side < 2; side++) {
        IMR_AUTOBUF imr_buf text = {0};
        imr_carry_say(&text, &one, side);
        if (text.len)
            ui_rows_text(rows, 1, UI_TEXT, imr_buf_text(&text));
    }
    note(rows, "What is lost without them, in sd:");
    for (int k = 0; k < IMR_CARRY_COUNT; k++) {
        if (!c->of[k].words)
            continue;
        ui_rows_bar(rows, UI_TERM_LEFT_OUT, imr_carry_names[k], c->of[k].fall, ui_nice_scale(most),
                    2);
        if (in->full)
            ui_rows_text(rows, 3, UI_DIM, c->of[k].words);
    }
}

static void pairs(ui_rows *rows, const ui_why_parts *in)
{
    static const char *const titles[] = {"Why the encoder had it there",
                                         "Why it stood there projected", "Why it is here",
                                         "What changed its standing"};
    const ui_reading *r = in->reading;
    const imr_pairs *p = r ? &r->detail->why.pairs : NULL;
    ui_text text = {""};
    if (p && r->document.n && r->measure.raw)
        text = ui_textf("cos %s", ui_plain(ui_share_whole(p, r->measure), 4).s);
    else if (p && r->document.n)
        text = ui_textf("%s sd%s", ui_signed(ui_share_whole(p, r->measure), 2).s,
                        r->measure.stage == UI_CHANGE || rows->grid.cols < 60
                            ? ""
                            : " above the average candidate");
    bool adapted = ui_adapted(in->trace);
    ui_rows_heading(rows, titles[r && adapted ? r->measure.stage : IMR_STAGE_AFTER], text.s);
    if (in->problem->status != IMR_OK || (p && p->problem && *p->problem)) {
        ui_rows_text(rows, 1, UI_TEXT,
                     p && p->problem && *p->problem ? p->problem : in->problem->text);
        if (p && r->detail->why.n_deletion)
            left_out(rows, in);
        else if (p && r->detail->n_spans)
            note(rows, "L leaves each word out and encodes the text anew; that takes seconds.");
        return;
    }
    if (!p || !r->document.n) {
        note(rows, "The words that met are being worked out.");
        return;
    }
    int decimals = r->measure.raw ? 3 : 2;
    double name = 10;
    size_t n = in->full || r->query.words < ROWS ? r->query.words : ROWS;
    for (size_t i = 0; i < n; i++)
        name = fmax(name, ui_width(p->query[r->query.order[i]].text));
    int name_w = (int)fmin(name, 16);
    ui_surface head = ui_rows_add(rows, in->brief ? 0 : 1);
    ui_put(head, 0, 1, UI_DIM, "query word");
    ui_put(head, 0, name_w + 10, UI_DIM, "meets");
    for (size_t i = 0; i < n; i++)
        query_word(rows, r, r->query.order[i], name_w, decimals);
    rest(rows, r, n, decimals);
    sum(rows, r, decimals);
    carried(rows, in);
}

/* ---- what the adapter did ---- */

/* The pairs whose share grew most, or fell most. */
static void changed(ui_rows *rows, const imr_why *why, int sign, size_t most)
{
    const ui_style style = ui_sign_role(sign);
    IMR_AUTOFREE imr_report_place *v = IMR_NEW_ARRAY(imr_report_place, why->n_strongest + 1);
    const size_t n = v ? imr_why_changes(v, why, sign) : 0;
    ui_flow f = {0};
    for (size_t i = 0; i < n && i < most; i++) {
        const imr_strong_pair *p = &why->strongest[v[i].place];
        const char *q = why->pairs.query[p->query].text, *d = why->pairs.document[p->document].text;
        bool same = strcmp(q, d) == 0;
        if (i == 0)
            f = ui_flow_begin(rows, 3, style, sign > 0 ? "+" : "−");
        ui_flow_put(&f, style, UI_TERM_SHARE, "%.40s%s%.40s %s", q, same ? "" : " ~ ",
                    same ? "" : d, ui_short(p->change, 2).s);
    }
}

static void adapter(ui_rows *rows, const ui_why_parts *in)
{
    const imr_lift *lift = &in->document->lift;
    bool known = isfinite(lift->total);
    ui_rows_heading(rows, "What the adapter did",
                    known ? ui_textf("lift %s sd", ui_signed(lift->total, 2).s).s : NULL);
    if (!known) {
        note(rows, "There is no average candidate to compare with.");
        return;
    }
    double scale = ui_nice_scale(fmax(fabs(lift->projector), fabs(lift->modulation)));
    ui_rows_bar(rows, UI_TERM_PROJECTOR, "projector", lift->projector, scale, 2);
    ui_rows_bar(rows, UI_TERM_MODULATION, "modulation", lift->modulation, scale, 2);
    if (in->reading) {
        changed(rows, &in->reading->detail->why, 1, in->full ? 10 : 4);
        changed(rows, &in->reading->detail->why, -1, in->full ? 10 : 4);
    }
}

/* ---- sides, steps, dimensions ---- */

static void sides(ui_rows *rows, const imr_why *why, const imr_trace_document *d)
{
    double scale = ui_nice_scale(fmax(fabs(why->share_query), fabs(why->share_document)));
    ui_rows_heading(rows, "Whose change it was",
                    ui_textf("cos %s", ui_signed(d->delta_sim, 4).s).s);
    ui_rows_bar(rows, UI_TERM_SIDE, "document", why->share_document, scale, 4);
    ui_rows_bar(rows, UI_TERM_SIDE, "query", why->share_query, scale, 4);
    note(rows, ui_textf("left over %s", ui_signed(why->share_residual, 6).s).s);
}

static void steps(ui_rows *rows, const imr_why *why)
{
    double largest_step = 0;
    for (int i = 1; i < IMR_STEP_COUNT; i++)
        largest_step = fmax(largest_step, fabs(why->steps[i].change));
    ui_rows_heading(rows, "Step by step",
                    ui_textf("projected cos %s", ui_plain(why->steps[0].cosine, 4).s).s);
    for (int i = 1; i < IMR_STEP_COUNT; i++)
        ui_rows_bar(rows, UI_TERM_STEP, imr_step_names[i], why->steps[i].change,
                    ui_nice_scale(largest_step), 4);
    note(rows, ui_textf("left over %s", ui_signed(why->steps_residual, 6).s).s);
}

static void dimensions(ui_rows *rows, const imr_why *why, size_t of)
{
    ui_rows_heading(rows, ui_textf("Largest of %zu dimensions", of).s, NULL);
    double scale = ui_nice_scale(why->n_dimensions ? why->dimensions[0].share : 0);
    for (size_t i = 0; i < why->n_dimensions; i++)
        ui_rows_bar(rows, UI_TERM_DIMENSION, ui_textf("d %03u", why->dimensions[i].index).s,
                    why->dimensions[i].share, scale, 4);
}

/* ---- the whole ---- */

static void read_of(ui_rows *rows, const char *what, const imr_tokens_read *t)
{
    if (t->read < t->total)
        note(rows,
             ui_textf("The encoder read %u of %u tokens of the %s.", t->read, t->total, what).s);
}

/* Why it is not higher, once somebody asked. */
static void not_higher(ui_rows *rows, const imr_why_not *w)
{
    ui_rows_heading(rows, "Why not higher", ui_textf("rank %u", w->k).s);
    ui_rows_sentence(rows, 1, w->sentence);
    ui_flow f = ui_flow_begin(rows, 1, UI_TEXT, "");
    for (size_t i = 0; i < w->n_lacks; i++)
        ui_flow_put(&f, ui_sign_role(1), UI_TERM_SHARE, "%.24s~%.24s %s", w->lacks[i].query,
                    w->lacks[i].document, ui_short(w->lacks[i].share, 2).s);
}

/* What reviewers said of one thing, the newest first. */
static void noted(ui_rows *rows, const imr_note *n, const char *of, const ui_why_parts *in)
{
    const char *adapter = in->trace->inputs.adapter_sha256;
    for (int i = 0; n && i < (in->full ? 20 : 2); i++, n = n->earlier) {
        IMR_AUTOBUF imr_buf text = {0};
        imr_buf_printf(&text, "%s%s by %s %s%s%s%s", of, n->verdict_name, n->reviewer, n->time,
                       strcmp(n->adapter, adapter) ? ", another adapter" : "",
                       *n->reason ? ": " : "", n->reason);
        ui_rows_text(rows, 1, UI_STRONG, imr_buf_text(&text));
    }
}

void ui_build_why(ui_rows *out, const ui_why_parts *in)
{
    const imr_why *why = in->reading ? &in->reading->detail->why : NULL;
    const char *sentence =
        why && why->sentence && *why->sentence ? why->sentence : in->document->sentence;
    for (size_t i = 1; in->full && i < in->trace->n_warnings; i++)
        ui_rows_text(out, 1, UI_STRONG, in->trace->warnings[i].text);
    if (in->full && in->trace->sentence && *in->trace->sentence)
        ui_rows_text(out, 1, UI_DIM, in->trace->sentence);
    if (sentence && *sentence)
        ui_rows_sentence(out, 1, sentence);
    if (why && why->why_not)
        not_higher(out, why->why_not);
    const imr_trace *t = in->trace;
    noted(out, imr_notes_find(in->notes, t->query_id, t->query_text, in->document->id), "", in);
    noted(out, imr_notes_find(in->notes, t->query_id, t->query_text, ""), "Query: ", in);
    pairs(out, in);
    if (why) {
        read_of(out, "query", &why->query_tokens);
        read_of(out, "text", &why->document_tokens);
    }
    bool adapted = ui_adapted(in->trace);
    if (adapted && !in->document->rank_after)
        return; /* nothing was changed for it */
    if (adapted)
        adapter(out, in);
    if (!why)
        return;
    ui_build_change(out, in);
    if (adapted) {
        sides(out, why, in->document);
        if (why->has_steps)
            steps(out, why);
        if (in->dimensions)
            dimensions(out, why, in->trace->working_dim);
    } else {
        ui_rows_heading(out, "Encoder only", NULL);
        note(out, "An adapter is learnt from queries and judgements: imrnn run --dataset FOLDER "
                  "--encoder FOLDER. Its ranking then stands beside this one.");
    }
}
