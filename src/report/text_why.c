/* The why of a document in plain text: the sentence, why it is here, what the adapter did, words.
 */
#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "report/formats.h"
#include "text/utf8.h"

enum {
    INDENT = 4,  /* of what stands below a document's line */
    NAME = 14,   /* columns of a query word */
    ROWS = 6,    /* query words with what they meet */
    NEAREST = 3, /* gains, losses */
};

/* In sd: a smaller share, a smaller change of one, is not listed. */
#define MEETS_LEAST  0.02
#define CHANGE_LEAST 0.005
#define HOLD         "\xff" /* IMR_REPORT_HOLD */

/* The line in lines of `width` columns: the first behind `indent` blanks, the others behind `hang`. */
static void put(imr_buf *out, const imr_buf *line, size_t indent, size_t hang, size_t width)
{
    imr_buf_fill(out, ' ', indent);
    imr_report_wrap(out, imr_buf_text(line), indent, hang, width);
}

/* ---- why it is here ---- */

size_t imr_why_meets(imr_report_place *out, const imr_pairs *p, imr_stage stage, size_t a)
{
    const double *row = imr_pairs_shares(p, stage) + a * (p->n_document + 1);
    const double unit = imr_pairs_unit(p, stage);
    size_t n = 0, met = 0;
    for (size_t b = 0; b < p->n_document; b++)
        if (p->document[b].named)
            out[n++] = (imr_report_place){row[b] / unit, (uint32_t)b};
    imr_report_rank(out, n);
    while (met < n && out[met].value >= MEETS_LEAST)
        met++;
    return met;
}

/* "homocysteine +0.37" of one query word, as many as the line takes. */
static void meets(imr_buf *out, const imr_pairs *p, imr_stage stage, size_t a,
                  imr_report_place *spare, size_t at, size_t width)
{
    const size_t n = imr_why_meets(spare, p, stage, a);
    for (size_t i = 0; i < n; i++) {
        const char *word = p->document[spare[i].place].text;
        const size_t columns = imr_utf8_width(word, strlen(word)) + strlen(" +0.00") + 2;
        if (at + columns > width)
            break;
        imr_buf_printf(out, "  %s %s", word, IMR_SIGNED(spare[i].value, 2));
        at += columns;
    }
    imr_buf_char(out, '\n');
}

static void share(imr_buf *out, const char *name, double value, const char *end)
{
    imr_buf_fill(out, ' ', INDENT);
    imr_report_cell(out, name, NAME);
    imr_buf_printf(out, " %s%s", IMR_SIGNED(value, 2), end);
}

bool imr_why_rows_make(imr_why_rows *r, const imr_pairs *p, imr_stage stage, size_t most)
{
    const double unit = imr_pairs_unit(p, stage);
    *r = (imr_why_rows){.v = IMR_NEW_ARRAY(imr_report_place, p->n_query + 1),
                        .spare = IMR_NEW_ARRAY(imr_report_place, p->n_document + 1)};
    if (!r->v || !r->spare)
        return false;
    for (size_t a = 0; a < p->n_query; a++) {
        const double total = p->query[a].total[stage] / unit;
        if (p->query[a].special)
            r->special += total;
        else if (p->query[a].named)
            r->v[r->n++] = (imr_report_place){total, (uint32_t)a};
        else
            r->other += total, r->more++;
        r->sum += total;
    }
    r->nothing = p->query[p->n_query].total[stage] / unit;
    r->sum += r->nothing;
    imr_report_rank(r->v, r->n);
    for (; r->n > most; r->more++)
        r->other += r->v[--r->n].value;
    return true;
}

void imr_why_rows_done(imr_why_rows *r)
{
    IMR_FREE(r->v, r->spare);
}

void imr_line_sum(imr_buf *out, const imr_why *w, imr_stage stage, double sum)
{
    const imr_pairs *p = &w->pairs;
    imr_buf_printf(out, "sum %s", IMR_SIGNED(sum, 2));
    if (p->centred[stage])
        imr_buf_printf(out, " sd = its standing %s; similarity %s, mean %s, sd %s",
                       IMR_SIGNED(w->standing[stage], 2), IMR_FIXED(p->similarity[stage], 4),
                       IMR_FIXED(p->reference[stage].mean, 4),
                       IMR_FIXED(p->reference[stage].sd, 4));
    else
        imr_buf_printf(out, " = its similarity %s", IMR_FIXED(p->similarity[stage], 4));
    imr_buf_printf(out, ", rounding of the cache %s", IMR_SIGNED(p->residual[stage], 4));
}

static void why_here(imr_buf *out, const imr_why *w, imr_stage stage, size_t width)
{
    const imr_pairs *p = &w->pairs;
    IMR_CLEANUP(imr_why_rows_done) imr_why_rows r;
    if (!imr_why_rows_make(&r, p, stage, ROWS))
        return;
    for (size_t i = 0; i < r.n; i++) {
        share(out, p->query[r.v[i].place].text, r.v[i].value, "");
        meets(out, p, stage, r.v[i].place, r.spare, INDENT + NAME + 6, width);
    }
    if (r.more)
        share(out, imr_textf("%zu more", r.more).s, r.other, "\n");
    share(out, "special tokens", r.special, "\n");
    share(out, "not from words", r.nothing, "\n");
    IMR_AUTOBUF imr_buf line = {0};
    imr_line_sum(&line, w, stage, r.sum);
    put(out, &line, INDENT, INDENT, width);
}

/* ---- what the adapter did ---- */

size_t imr_why_changes(imr_report_place *out, const imr_why *w, int sign)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_strongest; i++)
        if (sign * w->strongest[i].change >= CHANGE_LEAST)
            out[n++] = (imr_report_place){sign * w->strongest[i].change, (uint32_t)i};
    imr_report_rank(out, n);
    return n;
}

void imr_line_changes(imr_buf *out, const imr_why *w, int sign)
{
    IMR_AUTOFREE imr_report_place *v = IMR_NEW_ARRAY(imr_report_place, w->n_strongest + 1);
    const size_t n = v ? imr_why_changes(v, w, sign) : 0;
    for (size_t i = 0; i < n && i < NEAREST; i++) {
        const imr_strong_pair *s = &w->strongest[v[i].place];
        imr_buf_printf(out, "%s%s~%s %s", i ? ", " : "", w->pairs.query[s->query].text,
                       w->pairs.document[s->document].text, IMR_SIGNED(s->change, 3));
    }
}

void imr_line_cosine(imr_buf *out, const imr_why *w, const imr_trace_document *d)
{
    imr_buf_printf(out,
                   "cosine, projected to now: %s (less the median %s) = query %s, document %s, "
                   "residual %s",
                   IMR_SIGNED((double)d->delta_sim, 4),
                   IMR_SIGNED((double)d->delta_sim_relative, 4), IMR_SIGNED(w->share_query, 4),
                   IMR_SIGNED(w->share_document, 4), IMR_FIXED(w->share_residual, 4));
}

void imr_line_feedback(imr_buf *out, const imr_trace_document *d)
{
    if (!isnan(d->influence))
        imr_buf_printf(out,
                       "its feedback: without it the query changes by %s, and %u of the first ten "
                       "stand elsewhere",
                       IMR_FIXED((double)d->influence, 4), d->influence_moves);
}

/* A line of its own behind the indent; empties it. */
static void put_line(imr_buf *out, imr_buf *line, size_t width)
{
    if (line->len)
        put(out, line, INDENT, INDENT + 2, width);
    imr_buf_clear(line);
}

static void what_it_did(imr_buf *out, const imr_why *w, const imr_trace_document *d, size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_str(&line, "What the adapter did");
    if (!isnan(w->lift.total))
        imr_buf_printf(&line, "  %s sd: projector %s, modulation %s", IMR_SIGNED(w->lift.total, 2),
                       IMR_SIGNED(w->lift.projector, 2), IMR_SIGNED(w->lift.modulation, 2));
    put(out, &line, INDENT - 2, INDENT, width);
    imr_buf_clear(&line);
    for (int sign = 1; sign >= -1 && !w->pairs.problem[0]; sign -= 2) {
        imr_buf_str(&line, sign > 0 ? "+ " : "- ");
        imr_line_changes(&line, w, sign);
        line.len > 2 ? put_line(out, &line, width) : imr_buf_clear(&line);
    }
    imr_line_cosine(&line, w, d);
    put_line(out, &line, width);
    imr_line_feedback(&line, d);
    put_line(out, &line, width);
}

/* ---- words ---- */

/* Each word with its cosine, and with the number the list is ordered by where that is another. What
 * Benjamini and Hochberg do not pass is marked ns, a word that is near nearly everything hub. */
static void word(imr_buf *out, const imr_word_score *w, imr_token_order order)
{
    imr_buf_printf(out, "%s" HOLD "%s", w->text, IMR_SIGNED((double)w->cosine, 4));
    if (order == IMR_ORDER_Z && !isnan(w->background_z))
        imr_buf_printf(out, HOLD "z" HOLD "%s", IMR_SIGNED((double)w->background_z, 2));
    else if (order == IMR_ORDER_EFFECT && !isnan(w->effect))
        imr_buf_printf(out, HOLD "effect" HOLD "%s", IMR_SIGNED((double)w->effect, 4));
    if (!w->significant && !isnan(w->background_z))
        imr_buf_str(out, HOLD "ns");
    if (w->hub)
        imr_buf_str(out, HOLD "hub");
}

static void side(imr_buf *out, const char *name, char sign, const imr_word_score *v, size_t n,
                 imr_token_order order, size_t width)
{
    if (!n)
        return;
    IMR_AUTOBUF imr_buf line = {0};
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(&line, i ? ", " : "");
        word(&line, &v[i], order);
    }
    imr_buf_fill(out, ' ', INDENT);
    imr_buf_printf(out, "%-6s %c ", name, sign);
    imr_report_wrap(out, imr_buf_text(&line), INDENT + 9, INDENT + 9, width);
}

void imr_line_words(imr_buf *out, const imr_word_list *list, imr_change_kind kind)
{
    if (kind == IMR_CHANGE_PAPER && list->alignment > .9f)
        imr_buf_printf(out,
                       "(nearly the modulated vector itself, cosine %s: what it says, not what "
                       "changed)",
                       IMR_FIXED((double)list->alignment, 2));
    else if (kind == IMR_CHANGE_UNIT && list->common_part > .9f)
        imr_buf_printf(out, "(%s of it is common to all that are listed)",
                       IMR_FIXED((double)list->common_part, 2));
}

void imr_text_words(imr_buf *out, const imr_trace *t, const imr_word_list lists[IMR_CHANGE_COUNT],
                    size_t width)
{
    static const imr_change_kind changed[] = {IMR_CHANGE_OWN, IMR_CHANGE_PAPER, IMR_CHANGE_UNIT,
                                              IMR_CHANGE_CONTRAST};
    static const imr_change_kind alone[] = {IMR_CHANGE_VECTOR, IMR_CHANGE_CONTRAST};
    const imr_token_order order = t->settings.order;
    const bool adapter = imr_report_adapted(t);
    const imr_change_kind *kinds = adapter ? changed : alone;
    for (size_t k = 0; k < (adapter ? IMR_LEN(changed) : IMR_LEN(alone)); k++) {
        const imr_word_list *list = &lists[kinds[k]];
        const char *name =
            kinds[k] == IMR_CHANGE_CONTRAST ? "A - B" : imr_change_kind_names[kinds[k]];
        side(out, name, '+', list->positive, list->n_positive, order, width);
        side(out, list->n_positive ? "" : name, '-', list->negative, list->n_negative, order,
             width);
        IMR_AUTOBUF imr_buf line = {0};
        if (list->n_positive + list->n_negative)
            imr_line_words(&line, list, kinds[k]);
        if (line.len)
            put(out, &line, INDENT + 9, INDENT + 9, width);
    }
}

/* The sentence, and what the document at rank k has. */
static void why_not(imr_buf *out, const imr_why_not *w, size_t width)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(out, "%*sWhy not higher\n", INDENT - 2, "");
    imr_sentence_plain(&line, w->sentence);
    put(out, &line, INDENT, INDENT, width);
    imr_buf_clear(&line);
    imr_buf_printf(&line, "%s, at rank %u, has", w->above, w->k);
    for (size_t i = 0; i < w->n_lacks; i++)
        imr_buf_printf(&line, "%s %s" HOLD "~" HOLD "%s" HOLD "%s", i ? "," : "", w->lacks[i].query,
                       w->lacks[i].document, IMR_SIGNED(w->lacks[i].share, 2));
    if (w->n_lacks)
        put(out, &line, INDENT, INDENT + 2, width);
}

void imr_text_why(imr_buf *out, const imr_trace *t, const imr_why *w, const imr_trace_document *d,
                  size_t width)
{
    const imr_trace_inputs *in = &t->inputs;
    const bool adapter = imr_report_adapted(t), adapted = adapter && d->rank_after;
    const imr_stage stage = adapted ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    IMR_AUTOBUF imr_buf plain = {0};
    imr_sentence_plain(&plain, w->sentence);
    put(out, &plain, INDENT - 2, INDENT - 2, width);
    if (w->why_not)
        why_not(out, w->why_not, width);
    imr_buf_printf(out, "%*sWhy %s", INDENT - 2, "",
                   adapted == adapter ? "it is here" : "the encoder had it there");
    if (!isnan(w->standing[stage]))
        imr_buf_printf(out, "  %s sd %s the average candidate",
                       IMR_FIXED(fabs(w->standing[stage]), 2),
                       w->standing[stage] < 0 ? "below" : "above");
    imr_buf_char(out, '\n');
    if (w->pairs.problem[0]) {
        imr_buf_fill(out, ' ', INDENT);
        imr_report_wrap(out, w->pairs.problem, INDENT, INDENT, width);
        imr_text_left_out(out, w, adapter, INDENT, width);
    } else {
        why_here(out, w, stage, width);
    }
    if (w->document_tokens.read < w->document_tokens.total)
        imr_buf_printf(out, "%*sthe encoder read %u of its %u tokens\n", INDENT, "",
                       w->document_tokens.read, w->document_tokens.total);
    if (adapted)
        what_it_did(out, w, d, width);
    if (in->table_name[0] && adapted == adapter) {
        imr_buf_printf(out, "%*sWords of its %s  table %s", INDENT - 2, "",
                       adapter ? "change" : "vector", in->table_name);
        if (!isnan(in->lens.precision))
            imr_buf_printf(out, ", lens %s, chance %s", IMR_FIXED(in->lens.precision, 2),
                           IMR_FIXED(in->lens.chance, 2));
        imr_buf_char(out, '\n');
        imr_text_words(out, t, w->words, width);
    }
}
