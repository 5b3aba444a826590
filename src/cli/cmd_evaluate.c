/* cli/cmd_evaluate.c - imrnn evaluate. */
#include "cli/commands.h"
#include "cli/evaluate.h"

static const imr_option_id options[] = {IMR_OPT_RUN,       IMR_OPT_QRELS,    IMR_OPT_MEASURE,
                                        IMR_OPT_PER_QUERY, IMR_OPT_COMPLETE, IMR_OPT_FORMAT,
                                        IMR_OPT_OUTPUT,    IMR_OPT_COUNT};

const imr_command imr_command_evaluate = {
    .name = "evaluate",
    .usage = "--run RUN --qrels QRELS [-m MEASURE]... [--per-query]",
    .summary = "measure rankings against judgements",
    .details = "With --run: any TREC run file; prints measure, query or `all`, value as trec_eval "
               "does.",
    .example = "  imrnn evaluate --run runs/after.run --qrels demo/qrels/test.tsv -m nDCG@10",
    .options = options,
    .run = imr_cli_evaluate_run,
};
