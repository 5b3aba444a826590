/* cli/audit_report.c - what a report of an audit has beside an evaluation's. */
#include <math.h>

#include "base/number.h"
#include "cli/evaluate.h"
#include "format/json.h"
#include "text/utf8.h"

static void put_clean(imr_buf *b, const char *text)
{
    imr_utf8_clean(b, text, strlen(text), IMR_CLEAN_LINE);
}

/* ---- text ---- */

static void put_rank(imr_buf *b, double rank)
{
    imr_buf_str(b, rank > 0 ? IMR_FIXED(rank, 0) : "-");
}

void imr_audit_report_row(imr_buf *b, const imr_audit *a, size_t row)
{
    const imr_audit_row *r = &a->rows[row];
    const bool adapter = a->adapter != NULL;
    IMR_AUTOBUF imr_buf line = {0};
    if (a->eval->metrics) {
        imr_buf_str(&line, "first relevant ");
        for (size_t k = 0; k < (adapter ? IMR_STAGE_COUNT : 1); k++) {
            imr_buf_str(&line, k ? " > " : "");
            put_rank(&line, r->number[IMR_AUDIT_FIRST + k]);
        }
        imr_buf_printf(&line, "; judged %s%s",
                       IMR_FIXED(r->number[IMR_AUDIT_JUDGED + (adapter ? 2 : 0)], 2),
                       adapter ? "; " : "");
    }
    if (adapter) {
        imr_buf_printf(&line, "RBO %s; ", IMR_FIXED(r->number[IMR_AUDIT_RBO], 2));
        put_clean(&line, imr_audit_document(a, row));
        imr_buf_char(&line, ' ');
        put_rank(&line, r->number[IMR_AUDIT_FROM]);
        imr_buf_str(&line, " > ");
        put_rank(&line, r->number[IMR_AUDIT_TO]);
        imr_buf_str(&line, r->sentence[0] ? ": " : "");
        put_clean(&line, r->sentence);
    }
    imr_buf_str(b, "  ");
    imr_cli_wrap(b, imr_buf_text(&line), 2, 4);
}

/* ---- CSV (RFC 4180) ---- */

/* A text that a spreadsheet would take for a formula gets an apostrophe. */
static void csv_text(imr_buf *b, const char *text)
{
    IMR_AUTOBUF imr_buf clean = {0};
    put_clean(&clean, text);
    imr_buf_str(b, clean.len && strchr("=+-@", clean.data[0]) ? "\"'" : "\"");
    for (size_t i = 0; i < clean.len; i++) {
        imr_buf_str(b, clean.data[i] == '"' ? "\"" : "");
        imr_buf_char(b, clean.data[i]);
    }
    imr_buf_char(b, '"');
}

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
        csv_text(b, q.query_id);
        imr_buf_char(b, ',');
        csv_text(b, q.text);
        imr_buf_printf(b, ",%s", !a->eval->has_train ? "" : row->seen ? "seen" : "unseen");
        for (size_t c = 0; c < IMR_AUDIT_COLUMNS; c++)
            imr_buf_printf(
                b, ",%s",
                isfinite(row->number[c]) ? imr_format_float((char[32]){0}, row->number[c]) : "");
        imr_buf_char(b, ',');
        csv_text(b, imr_audit_document(a, r->order[i]));
        imr_buf_char(b, ',');
        csv_text(b, row->sentence);
        imr_buf_str(b, "\r\n");
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

static void json_row(imr_buf *b, const imr_audit *a, size_t row)
{
    const imr_audit_row *r = &a->rows[row];
    const imr_suggestion q = imr_audit_query(a, row);
    imr_json_printf(b, "\n  {'id': %s, 'text': %s, ", q.query_id, q.text);
    if (a->eval->has_train)
        imr_json_printf(b, "'seen': %hhd, ", r->seen != 0);
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

void imr_audit_report_json(imr_buf *b, const imr_eval_report *r)
{
    const imr_audit *a = r->audit;
    imr_json_printf(b, " 'words': {'counted': %zu, 'lost': ", a->words);
    json_words(b, a->lost, a->n_lost);
    imr_json_printf(b, ", 'won': ");
    json_words(b, a->won, a->n_won);
    imr_json_printf(b, "},\n 'queries': [");
    for (size_t i = 0; i < r->shown; i++) {
        imr_buf_str(b, i ? "," : "");
        json_row(b, a, r->order[i]);
    }
    imr_buf_str(b, "]}");
}
