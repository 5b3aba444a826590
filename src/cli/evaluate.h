/* cli/evaluate.h - the two forms of `imrnn evaluate`: of run files, and of a cache. */
#ifndef IMR_CLI_EVALUATE_H
#define IMR_CLI_EVALUATE_H

#include "base/array.h"
#include "cli/command.h"
#include "retrieval/metrics.h"

/* A measure as the user asked for it: printed under trec_eval's name or ours. */
typedef struct imr_measure {
    imr_metric metric;
    char name[IMR_METRIC_NAME];
    bool num_q; /* the number of queries itself; metric is unused */
} imr_measure;

typedef struct imr_measures {
    IMR_ARRAY(imr_measure) list;
} imr_measures;

/* Adds what one -m names: "map", "nDCG@10", "ndcg_cut.1,3,10", "num_q". */
imr_status imr_measures_add(imr_measures *m, const char *text, imr_error *err) IMR_NODISCARD;
void imr_measures_done(imr_measures *m);

/* evaluate --run RUN --qrels QRELS */
imr_status imr_cli_evaluate_run(imr_cli *cli, imr_error *err) IMR_NODISCARD;

#endif
