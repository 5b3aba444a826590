/* cli/evaluate.h - the two forms of `imrnn evaluate`: of run files, and of a cache. */
#ifndef IMR_CLI_EVALUATE_H
#define IMR_CLI_EVALUATE_H

#include "cli/command.h"
#include "session/audit.h"

/* A measure as the user asked for it: printed under trec_eval's name or ours. */
typedef struct imr_measure {
    imr_metric metric;
    char name[IMR_METRIC_NAME];
    bool num_q; /* the number of queries itself; metric is unused */
} imr_measure;

typedef struct imr_measures {
    IMR_ARRAY(imr_measure) list;
    IMR_ARRAY(imr_metric) metrics; /* of those that are not num_q */
} imr_measures;

/* Every -m. */
imr_status imr_measures_given(imr_measures *m, const imr_config *config,
                              imr_error *err) IMR_NODISCARD;
void imr_measures_done(imr_measures *m);

/* evaluate --run RUN --qrels QRELS */
imr_status imr_cli_evaluate_run(imr_cli *cli, imr_error *err) IMR_NODISCARD;
/* Appends the report of one adapter file over --split, as `evaluate` prints it. */
imr_status imr_cli_evaluate_adapter(imr_buf *b, imr_cli *cli, const imr_cache *cache,
                                    const char *checkpoint, bool json,
                                    imr_error *err) IMR_NODISCARD;

/* One evaluated adapter (or none), as printed. All borrowed. */
typedef struct imr_eval_report {
    const imr_cli *cli;
    const imr_cache *cache;
    const imr_adapter *adapter; /* NULL: the encoder alone */
    const imr_eval_split *split;
    const imr_eval_options *options;
    const imr_eval *eval;
    const imr_seen *seen;            /* {0} without an adapter */
    const imr_eval_summary *summary; /* {0}: in CSV, which has none */
    uint64_t seed;
    bool per_query; /* text: a line for each query; JSON always has them */
    /* Of an audit: itself, and its rows that are printed, in order. */
    const imr_audit *audit;
    const uint32_t *order;
    size_t shown;
} imr_eval_report;

typedef enum imr_eval_form {
    IMR_EVAL_TEXT,
    IMR_EVAL_JSON,
    IMR_EVAL_JSONL, /* a query a line */
    IMR_EVAL_CSV,   /* a line a query */
    IMR_EVAL_MD,    /* a page, cli/evaluate_page.c */
    IMR_EVAL_HTML
} imr_eval_form;
#define IMR_EVAL_FORMS "text|json|jsonl|csv|md|html" /* as imr_cli_format has them */
imr_status imr_eval_report_write(imr_buf *b, const imr_eval_report *r, imr_eval_form form,
                                 imr_error *err) IMR_NODISCARD;
void imr_eval_report_page(imr_buf *b, const imr_eval_report *r, bool html);

/* cli/audit_report.c: what a report of an audit has beside an evaluation's. Of text what follows a
 * query's line; of JSON, schema imrnn.audit/1 (assets/audit.schema.json), words and a query; a CSV
 * of its own. */
void imr_audit_report_line(imr_buf *line, const imr_audit *a, size_t row); /* not cleaned */
void imr_audit_report_row(imr_buf *b, const imr_audit *a, size_t row);
void imr_audit_report_words(imr_buf *b, const imr_audit *a);
void imr_audit_report_query(imr_buf *b, const imr_audit *a, size_t row);
void imr_audit_report_csv(imr_buf *b, const imr_eval_report *r);

/* What a run file beside is of, as ir_metadata 0.2 (YAML, strings as JSON writes them):
 * cli/run_metadata.c. A file of its own, because readers of runs stumble over comments. Who ran it
 * and why is for people to add. */
void imr_cli_run_metadata(imr_buf *b, const imr_eval_report *r, imr_ranking_kind kind,
                          const char *tag);

/* Several adapters over the same queries, each against the encoder on the first metric; p adjusted
 * by Holm's method over the adapters. */
typedef struct imr_eval_side {
    const char *path; /* borrowed */
    imr_significance all, unseen;
} imr_eval_side;
imr_status imr_eval_report_sides(imr_buf *b, imr_metric metric, const imr_eval_side *sides,
                                 size_t n, bool json, imr_error *err) IMR_NODISCARD;

#endif
