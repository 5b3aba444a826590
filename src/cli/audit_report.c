/* cli/audit_report.c - what a report of an audit has beside an evaluation's. */
#include <math.h>

#include "base/number.h"
#include "cli/evaluate.h"
#include "format/json.h"
#include "report/report.h"
#include "text/utf8.h"

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
    imr_cli_wrap(b, imr_buf_text(&clean), 2, 4);
}

/* ---- CSV (RFC 4180) ---- */

void imr_audit_report_csv(imr_buf *b, const imr_eval_report *r)
{
    const imr_audit *a = r->audit;
    imr_buf_str(b, "query,text,seen");
    for (size_t c = 0; c < IMR_AUDIT_COLUMNS; c++)
        imr_buf_printf(b, ",%s", imr_audit_name((char[IMR_METRIC_NAME + 16]){0}, a, c));
    imr_buf_str(b, ",document,sentence\r\n");
    for (size_t i = 0; i < r->shown; i++) {
        const imr_audit_row *row = &a->rows[r->order[i]];
        const imr_suggestion q = imr_audit_query(a, r->order[i]);
        imr_report_csv_cell(b, q.query_id, ",");
        imr_report_csv_cell(b, q.text, ",");
        imr_buf_printf(b, "%s", !a->eval->has_train ? "" : row->seen ? "seen" : "unseen");
        for (size_t c = 0; c < IMR_AUDIT_COLUMNS; c++)
            imr_buf_printf(
                b, ",%s",
                isfinite(row->number[c]) ? imr_format_float((char[32]){0}, row->number[c]) : "");
        imr_buf_char(b, ',');
        imr_report_csv_cell(b, imr_audit_document(a, r->order[i]), ",");
        imr_report_csv_cell(b, row->sentence, "\r\n");
    }
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
