/* report/evaluation.h - an evaluation, or an audit, for people or programs. Failures stick to the
 * buffer. */
#pragma once

#include "base/buf.h"
#include "session/audit.h"

/* One evaluated adapter (or none), as printed. All borrowed. */
typedef struct imr_eval_report {
    const char *const *command; /* argv as typed */
    size_t n_command;
    const imr_cache *cache;
    const imr_trace_store *store; /* NULL: a cache */
    const imr_adapter *adapter;   /* NULL: the encoder alone */
    const imr_eval_split *split;
    const imr_eval_options *options;
    const imr_eval *eval;
    const imr_seen *seen;            /* {0} without an adapter */
    const imr_eval_summary *summary; /* {0}: in CSV, which has none */
    uint64_t seed;
    bool per_query; /* text: a line for each query; JSON always has them */
    /* Of an audit: itself, and its rows that are printed, in the order asked for. */
    const imr_audit *audit;
    const char *sort, *filter; /* as imr_audit_order has them */
    const uint32_t *order;
    size_t shown;
} imr_eval_report;

/* How many judged documents, or queries, the cache lacks; appends that in words. */
size_t imr_eval_report_missing(imr_buf *line, const imr_eval_report *r, bool queries);

/* The queries a report prints. */
static inline size_t imr_eval_report_rows(const imr_eval_report *r)
{
    return r->audit ? r->shown : r->eval->queries;
}
static inline size_t imr_eval_report_row(const imr_eval_report *r, size_t i)
{
    return r->audit ? r->order[i] : i;
}

typedef enum imr_eval_form { /* in the order of IMR_REPORT_FORMATS */
                             IMR_EVAL_TEXT,
                             IMR_EVAL_MD, /* a page */
                             IMR_EVAL_HTML,
                             IMR_EVAL_JSON,
                             IMR_EVAL_JSONL, /* a query a line */
                             IMR_EVAL_CSV,   /* a line a query */
                             IMR_EVAL_FORM_COUNT
} imr_eval_form;
#define IMR_EVAL_FORMS "text|md|html|json|jsonl|csv" /* as imr_cli_format has them */
imr_status imr_eval_report_write(imr_buf *b, const imr_eval_report *r, imr_eval_form form,
                                 imr_error *err);
void imr_eval_report_page(imr_buf *b, const imr_eval_report *r, bool html);
/* An audit that imr_audit_end summed up; of `r` command, sort and filter. */
imr_status imr_audit_report(imr_buf *b, const imr_audit *a, imr_eval_report r, imr_eval_form form,
                            imr_error *err);

/* report/audit.c: what a report of an audit has beside an evaluation's. Of text what follows a
 * query's line; of JSON, schema imrnn.audit/1 (assets/audit.schema.json), words and a query. */
void imr_audit_report_line(imr_buf *line, const imr_audit *a, size_t row); /* not cleaned */
void imr_audit_report_row(imr_buf *b, const imr_audit *a, size_t row);
void imr_audit_report_words(imr_buf *b, const imr_audit *a);
void imr_audit_report_query(imr_buf *b, const imr_audit *a, size_t row);

/* Several adapters over the same queries, each against the encoder on the first metric; p adjusted
 * by Holm's method over the adapters. */
typedef struct imr_eval_side {
    const char *path; /* borrowed */
    imr_significance all, unseen;
} imr_eval_side;
imr_status imr_eval_report_sides(imr_buf *b, imr_metric metric, const imr_eval_side *sides,
                                 size_t n, bool json, imr_error *err);
