/* cli/evaluate.h - the two forms of `imrnn evaluate`: of run files, and of a cache. */
#pragma once

#include "cli/command.h"
#include "report/evaluation.h"

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
imr_status imr_measures_given(imr_measures *m, const imr_config *config, imr_error *err);
void imr_measures_done(imr_measures *m);

/* evaluate --run RUN --qrels QRELS */
imr_status imr_cli_evaluate_run(imr_cli *cli, imr_error *err);
/* Appends the report of one adapter file over --split, as `evaluate` prints it. */
imr_status imr_cli_evaluate_adapter(imr_buf *b, imr_cli *cli, const imr_cache *cache,
                                    const char *checkpoint, bool json, imr_error *err);

/* What a run file beside is of, as ir_metadata 0.2 (YAML, strings as JSON writes them):
 * cli/evaluate_run.c. A file of its own, because readers of runs stumble over comments. Who ran it
 * and why is for people to add. */
void imr_cli_run_metadata(imr_buf *b, const imr_eval_report *r, imr_ranking_kind kind,
                          const char *tag);
