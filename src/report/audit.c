/* report/audit.c - what a report of an audit has beside an evaluation's. */
#include "base/number.h"
#include "format/json.h"
#include "report/evaluation.h"
#include "report/formats.h"
#include "text/utf8.h"

imr_status imr_audit_report(imr_buf *b, const imr_audit *a, imr_eval_report r, imr_eval_form form,
                            imr_error *err)
{
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, a->done + 1);
    IMR_NEED(order, err);
    r.cache = a->cache;
    r.store = a->store.kind ? &a->store : NULL;
    r.adapter = a->adapter;
    r.split = &a->split;
    r.options = &a->measured;
    r.eval = a->eval;
    r.seen = a->seen;
    r.summary = &a->summary;
    r.seed = a->options.seed;
    r.audit = a;
    r.order = order;
    IMR_TRY(imr_audit_order(order, &r.shown, a, a->done, r.sort, r.filter, err));
    return imr_eval_report_write(b, &r, form, err);
}

/* ---- text ---- */

static void put_rank(imr_buf *b, double rank)
{
    imr_buf_str(b, rank > 0 ? IMR_FIXED(rank, 0) : "-");
}

void imr_audit_report_line(imr_buf *line, const imr_audit *a, size_t row)
{
    const imr_audit_row *r = &a->rows[row];
    const bool adapter = a->adapter != NULL;
    if (a->eval->metrics) {
        imr_buf_str(line, "first relevant ");
        for (size_t k = 0; k < (adapter ? IMR_STAGE_COUNT : 1); k++) {
            imr_buf_str(line, k ? " > " : "");
            put_rank(line, r->number[IMR_AUDIT_FIRST + k]);
        }
        imr_buf_printf(line, "; judged %s%s",
                       IMR_FIXED(r->number[IMR_AUDIT_JUDGED + (adapter ? 2 : 0)], 2),
                       adapter ? "; " : "");
    }
    if (!adapter)
        return;
    imr_buf_printf(line, "RBO %s; %s ", IMR_FIXED(r->number[IMR_AUDIT_RBO], 2),
                   imr_audit_document(a, row));
    put_rank(line, r->number[IMR_AUDIT_FROM]);
    imr_buf_str(line, " > ");
    put_rank(line, r->number[IMR_AUDIT_TO]);
    imr_buf_printf(line, r->sentence[0] ? ": %s" : "%s", r->sentence);
}

void imr_audit_report_row(imr_buf *b, const imr_audit *a, size_t row)
{
    IMR_AUTOBUF imr_buf line = {0}, clean = {0};
    imr_audit_report_line(&line, a, row);
    imr_utf8_clean(&clean, imr_buf_text(&line), line.len, IMR_CLEAN_LINE);
    imr_buf_str(b, "  ");
    imr_report_wrap(b, imr_buf_text(&clean), 2, 4, IMR_REPORT_WIDTH);
}

static void put_words(imr_buf *b, const char *which, const imr_audit_word *w, size_t n)
{
    imr_buf_printf(b, "%-36s%8s%6s%6s%11s%9s\n", which, "queries", "lost", "won", "by chance", "p");
    for (size_t i = 0; i < n; i++, w++) {
        const char *with = w->document ? w->document : "";
        imr_report_cell(b, imr_textf(" %s%s%s", w->query, *with ? " ~ " : "", with).s, 36);
        imr_buf_printf(b, "%8zu%6zu%6zu%11s%9s\n", w->queries, w->lost, w->won,
                       IMR_FIXED(w->chance, 1), IMR_FIXED(w->p, 4));
    }
    imr_buf_str(b, n ? "" : " none stands in more of them than by chance\n");
}

void imr_report_audit_words(imr_buf *b, const imr_audit *a)
{
    put_words(b, "words of queries that lost", a->lost, a->n_lost);
    put_words(b, "words of queries that won", a->won, a->n_won);
    const imr_text note = imr_textf(
        "Words of queries, and pairs of words whose share changed; by chance: in how many "
        "such queries each would stand; p: how likely as many or more. Of the %zu that "
        "stand in two queries or more %.0f have a p below .05 by chance.",
        a->words, .05 * (double)a->words);
    imr_report_wrap(b, note.s, 1, 1, 77);
}

/* ---- JSON ---- */

static void json_words(imr_buf *b, const imr_audit_word *w, size_t n)
{
    imr_buf_char(b, '[');
    for (size_t i = 0; i < n; i++, w++) {
        imr_buf_str(b, i ? ",\n   " : "\n   ");
        imr_json_printf(b,
                        "{'query': %s, 'document': %-s, 'queries': %zu, 'lost': %zu, 'won': %zu, "
                        "'sum': %g, 'chance': %g, 'p': %g}",
                        w->query, w->document, w->queries, w->lost, w->won, w->sum, w->chance,
                        w->p);
    }
    imr_buf_char(b, ']');
}

void imr_audit_report_query(imr_buf *b, const imr_audit *a, size_t row)
{
    const imr_audit_row *r = &a->rows[row];
    const imr_suggestion q = imr_audit_query(a, row);
    imr_json_printf(b, "{'id': %s, 'text': %s, ", q.query_id, q.text);
    if (a->eval->has_train)
        imr_json_printf(b, "'seen': %hhd, ", (bool)r->seen);
    for (size_t c = 0; c < IMR_AUDIT_COLUMNS; c++)
        imr_json_printf(b, c ? ", %s: %g" : "'numbers': {%s: %g",
                        imr_audit_name((char[IMR_METRIC_NAME + 16]){0}, a, c), r->number[c]);
    imr_json_printf(b, "}, 'document': %-s, 'sentence': %-s, 'pairs': [",
                    imr_audit_document(a, row), r->sentence);
    for (size_t i = 0; i < IMR_AUDIT_PAIRS && r->pairs[i].query[0]; i++)
        imr_json_printf(b,
                        i ? ", {'query': %s, 'document': %s, 'change': %g}"
                          : "{'query': %s, 'document': %s, 'change': %g}",
                        r->pairs[i].query, r->pairs[i].document, r->pairs[i].change);
    imr_buf_str(b, "]}");
}

void imr_audit_report_words(imr_buf *b, const imr_audit *a)
{
    imr_json_printf(b, " 'words': {'counted': %zu, 'lost': ", a->words);
    json_words(b, a->lost, a->n_lost);
    imr_json_printf(b, ", 'won': ");
    json_words(b, a->won, a->n_won);
    imr_json_printf(b, "},\n");
}
