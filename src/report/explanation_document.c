/* A document of an explanation's page: why it stands there, what was changed, its text. */
#include <math.h>

#include "base/number.h"
#include "report/explanation.h"
#include "text/utf8.h"

enum { ROWS = 8, MEETS = 6, COLUMNS = 8, UNREAD = 2000 };

/* ---- words of a change ---- */

static void word_row(imr_page *p, const imr_word_score *w)
{
    const bool tested = !isnan(w->background_z);
    imr_page_row(p, NULL);
    IMR_PAGE_CELLS(p, w->text, IMR_SIGNED((double)w->cosine, 4),
                   tested ? IMR_SIGNED((double)w->background_z, 2) : "",
                   isnan(w->effect) ? "" : IMR_SIGNED((double)w->effect, 4),
                   imr_where_names[w->where],
                   tested && !w->significant ? w->hub ? "chance?, hub" : "chance?"
                   : w->hub                  ? "hub"
                                             : "");
}

static void words_table(imr_page *p, const imr_word_list *list, imr_change_kind kind,
                        const char *caption)
{
    static const char *const kinds[] = {
        "paper: what the changed vector says", "own: its change, less what all share",
        "unit: its change, as the cosine sees it", "vector: what its vector says"};
    IMR_AUTOBUF imr_buf text = {0};
    imr_page_table(p, imr_textf("%s; %s", caption, kinds[kind]).s,
                   "*word|#cosine|#bg z|#effect|in|doubt");
    for (size_t i = 0; i < list->n_positive; i++)
        word_row(p, &list->positive[i]);
    for (size_t i = 0; i < list->n_negative; i++)
        word_row(p, &list->negative[i]);
    imr_page_table_end(p);
    imr_line_words(&text, list, kind);
    imr_page_put(p, "key", &text);
}

void imr_explanation_words(imr_page *p, const imr_trace *t,
                           const imr_word_list lists[IMR_CHANGE_COUNT], const char *caption)
{
    const bool adapter = imr_report_adapted(t);
    const imr_change_kind first = adapter ? t->settings.delta : IMR_CHANGE_VECTOR;
    IMR_AUTOBUF imr_buf all = {0};
    words_table(p, &lists[first], first, caption);
    if (!adapter)
        return;
    imr_text_words(&all, t, lists, IMR_REPORT_WIDTH);
    imr_page_fold(p, "All kinds of change; ns: may be chance");
    imr_page_plain(p, imr_buf_text(&all));
    imr_page_unfold(p);
}

/* ---- why it is here ---- */

static void share_row(imr_page *p, const char *name, double value, double most, bool head)
{
    imr_page_row(p, NULL);
    imr_page_cell(p, head ? "w" : NULL, name);
    imr_page_amount(p, value, 2, most);
}

static void why_here(imr_page *p, const imr_why *w, imr_stage stage)
{
    const imr_pairs *pairs = &w->pairs;
    IMR_CLEANUP(imr_why_rows_done) imr_why_rows r;
    if (!imr_why_rows_make(&r, pairs, stage, ROWS))
        return;
    const imr_text more = imr_textf("%zu more words", r.more);
    const double most = fmax(fabs(r.n ? r.v[0].value : 0), fmax(fabs(r.special), fabs(r.other)));
    imr_page_table(
        p, pairs->centred[stage] ? "Shares of its standing, in sd" : "Shares of its similarity",
        "*query word|#share|meets");
    for (size_t i = 0; i < r.n; i++) {
        IMR_AUTOBUF imr_buf met = {0};
        const size_t n = imr_why_meets(r.spare, pairs, stage, r.v[i].place);
        for (size_t k = 0; k < n && k < MEETS; k++)
            imr_buf_printf(&met, "%s%s %s", k ? ", " : "", pairs->document[r.spare[k].place].text,
                           IMR_SIGNED(r.spare[k].value, 2));
        share_row(p, pairs->query[r.v[i].place].text, r.v[i].value, most, true);
        imr_page_cell(p, NULL, imr_buf_text(&met));
    }
    const struct {
        const char *name;
        double value;
    } rest[] = {{more.s, r.other}, {"special tokens", r.special}, {"not from words", r.nothing}};
    for (size_t i = !r.more; i < IMR_LEN(rest); i++) {
        share_row(p, rest[i].name, rest[i].value, most, false);
        imr_page_cell(p, NULL, "");
    }
    imr_page_table_end(p);
    IMR_AUTOBUF imr_buf line = {0};
    imr_line_sum(&line, w, stage, r.sum);
    imr_page_put(p, "key", &line);
}

/* ---- word pairs ---- */

static void pair_cell(imr_page *p, const imr_share_table *t, double v, bool always)
{
    const char *shade = imr_shade(v, t->decimals == 2);
    imr_page_cell(p, shade, shade || always ? IMR_SIGNED(v, t->decimals) : "\xc2\xb7");
}

static void pair_row(imr_page *p, const imr_share_table *t, const char *name, const double *v,
                     double sum, size_t n)
{
    double other = sum;
    imr_page_row(p, NULL);
    imr_page_cell(p, NULL, name);
    for (size_t k = 0; k < n; k++) {
        pair_cell(p, t, v[t->columns[k].place], false);
        other -= v[t->columns[k].place];
    }
    pair_cell(p, t, other, false);
    imr_page_cell(p, NULL, IMR_SIGNED(sum, t->decimals));
}

static void pair_table(imr_page *p, const imr_why *w, int stage)
{
    const imr_pairs *pairs = &w->pairs;
    const size_t d = pairs->n_document + 1;
    IMR_AUTOBUF imr_buf head = {0}, line = {0};
    IMR_CLEANUP(imr_share_table_done) imr_share_table t;
    if (!imr_share_table_make(&t, pairs, stage))
        return;
    if (stage != IMR_STAGE_COUNT)
        imr_svg_pairs(p, &t);
    const size_t n = t.n_columns < COLUMNS ? t.n_columns : COLUMNS;
    imr_buf_str(&head, "*query");
    for (size_t k = 0; k < n; k++) {
        imr_buf_str(&head, "|#");
        for (const char *at = pairs->document[t.columns[k].place].text; *at; at++)
            imr_buf_char(&head, *at == '|' ? '/' : *at);
    }
    imr_buf_str(&head, "|#other|#total");
    imr_page_table(p, imr_share_titles[stage], imr_buf_text(&head));
    for (size_t a = 0; a < t.n_rows; a++)
        pair_row(p, &t, pairs->query[t.rows[a].place].text, t.v + t.rows[a].place * d,
                 t.rows[a].value, n);
    for (size_t a = 0; a <= pairs->n_query; a++)
        if (a == pairs->n_query || pairs->query[a].special)
            pair_row(p, &t, a < pairs->n_query ? pairs->query[a].text : "not words", t.v + a * d,
                     t.row[a], n);
    pair_row(p, &t, "total", t.column, t.sum, n);
    imr_page_table_end(p);
    imr_line_total(&line, w, stage);
    imr_page_put(p, "key", &line);
}

/* ---- what the adapter did ---- */

static void what_it_did(imr_page *p, const imr_why *w, const imr_trace_document *d)
{
    static const char *const names[] = {"projector", "modulation", "lift"};
    static const char *const pairs[] = {"pairs that gained most, in sd: ",
                                        "pairs that lost most, in sd: "};
    const double v[] = {w->lift.projector, w->lift.modulation, w->lift.total};
    IMR_AUTOBUF imr_buf line = {0};
    imr_page_heading(p, 4, NULL, "What the adapter did");
    imr_page_table(p, "Lift, in sd", "*step|#change");
    for (size_t i = 0; i < IMR_LEN(v); i++)
        share_row(p, names[i], v[i], fmax(fabs(v[0]), fmax(fabs(v[1]), fabs(v[2]))), false);
    imr_page_table_end(p);
    for (size_t i = 0; i < 2 && !w->pairs.problem[0]; i++) {
        imr_buf_str(&line, pairs[i]);
        imr_line_changes(&line, w, i ? -1 : 1);
        if (line.len == strlen(pairs[i]))
            imr_buf_clear(&line);
        imr_page_put(p, NULL, &line);
    }
    imr_line_cosine(&line, w, d);
    imr_page_put(p, NULL, &line);
    imr_line_feedback(&line, d);
    imr_page_put(p, NULL, &line);
}

/* ---- the text ---- */

static void text(imr_page *p, const imr_detail *d, imr_stage stage)
{
    const imr_pairs *pairs = &d->why.pairs;
    const bool in_sd = pairs->centred[IMR_STAGE_ENCODER] != NULL;
    const size_t len = strlen(d->text);
    size_t at = 0;
    imr_page_heading(p, 4, NULL, "Its text");
    imr_page_open(p, "text");
    for (size_t i = 0; i < d->n_spans && !pairs->problem[0]; i++) {
        const imr_detail_span *s = &d->spans[i];
        const imr_pair_word *w = s->word == UINT32_MAX ? NULL : &pairs->document[s->word];
        const char *shade =
            w && w->named ? imr_shade(w->total[stage] / imr_pairs_unit(pairs, stage), in_sd) : NULL;
        if (!shade)
            continue;
        imr_page_text_n(p, d->text + at, s->start - at);
        imr_page_mark(p, shade, d->text + s->start, s->end - s->start);
        at = s->end;
    }
    imr_page_text_n(p, d->text + at, d->read_end > at ? d->read_end - at : 0);
    imr_page_close(p);
    if (d->read_end >= len)
        return;
    imr_page_say(p, "cut",
                 imr_textf("Reading ended here: the encoder read %u of its %u tokens. What follows "
                           "has no part in any number.",
                           d->why.document_tokens.read, d->why.document_tokens.total)
                     .s);
    size_t shown = len - d->read_end;
    while (shown > UNREAD)
        shown = imr_utf8_prev(d->text + d->read_end, UNREAD, UNREAD);
    imr_page_open(p, "text unread");
    imr_page_text_n(p, d->text + d->read_end, shown);
    imr_page_close(p);
    if (d->read_end + shown < len)
        imr_page_say(p, "key", imr_textf("And %zu bytes more", len - d->read_end - shown).s);
}

/* ---- the whole ---- */

static void heading(imr_page *p, const imr_trace *t, size_t place, const imr_trace_document *d,
                    bool adapted)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line, "%u. %s", adapted ? d->rank_after : d->rank_encoder,
                   d->title[0] ? d->title : d->id);
    imr_page_heading(p, 3, imr_textf("d%zu", place).s, imr_buf_text(&line));
    imr_buf_clear(&line);
    imr_buf_printf(&line, "document %s; encoder %u", d->id, d->rank_encoder);
    if (adapted)
        imr_buf_printf(&line, " \xe2\x86\x92 projected %u \xe2\x86\x92 now %u", d->rank_before,
                       d->rank_after);
    imr_buf_str(&line, d->relevance > 0    ? "; judged \xe2\x98\x85 relevant"
                       : d->relevance == 0 ? "; judged not relevant"
                       : t->n_metrics      ? "; not judged"
                                           : "");
    imr_page_put(p, "about", &line);
}

void imr_explanation_document(imr_page *p, const imr_trace *t, const imr_report_context *c,
                              size_t place, const imr_detail *d)
{
    const imr_trace_document *of = imr_trace_at(t, place);
    const imr_why *w = &d->why;
    const bool adapted = imr_report_adapted(t) && of->rank_after;
    const imr_stage stage = adapted ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    heading(p, t, place, of, adapted);
    imr_page_say(p, "lead", w->sentence);
    if (w->why_not)
        imr_page_say(p, NULL, w->why_not->sentence);
    imr_explanation_notes(p, t, c, of->id);
    imr_page_heading(p, 4, NULL,
                     adapted == imr_report_adapted(t) ? "Why it is here"
                                                      : "Why the encoder had it there");
    if (w->pairs.problem[0]) {
        IMR_AUTOBUF imr_buf lost = {0};
        imr_page_say(p, NULL, w->pairs.problem);
        imr_text_left_out(&lost, w, imr_report_adapted(t), 0, IMR_REPORT_WIDTH);
        if (lost.len)
            imr_page_plain(p, imr_buf_text(&lost));
    } else {
        why_here(p, w, stage);
        imr_page_fold(p, w->pairs.centred[stage]
                             ? "Word pairs: heat map and tables, in sd above the average candidate"
                             : "Word pairs: heat map and tables, in cosine");
        pair_table(p, w, stage);
        if (adapted) /* the encoder's is the one less the other */
            pair_table(p, w, IMR_STAGE_COUNT);
        imr_page_unfold(p);
    }
    if (adapted)
        what_it_did(p, w, of);
    if (t->inputs.table_name[0] && adapted == imr_report_adapted(t)) {
        imr_page_heading(p, 4, NULL, adapted ? "Words of its change" : "Words of its vector");
        imr_explanation_words(p, t, w->words, "Words of this document");
    }
    text(p, d, stage);
}

void imr_explanation_notes(imr_page *p, const imr_trace *t, const imr_report_context *c,
                           const char *document)
{
    const imr_note *n = imr_notes_find(c ? c->notes : NULL, t->query_id, t->query_text, document);
    for (; n; n = n->earlier) {
        IMR_AUTOBUF imr_buf line = {0};
        imr_line_note(&line, n);
        imr_page_put(p, "note", &line);
    }
}
