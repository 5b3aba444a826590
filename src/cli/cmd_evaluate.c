/* cli/cmd_evaluate.c - imrnn evaluate: of a cache, or of run files. */
#include "cli/commands.h"
#include "cli/evaluate.h"

static imr_status run_evaluate(imr_cli *cli, imr_error *err)
{
    static const imr_option_id of_runs[] = {IMR_OPT_QRELS, IMR_OPT_COMPLETE};
    if (imr_config_is_set(cli->config, IMR_OPT_RUN))
        return cli->n_arguments
                   ? imr_fail(err, IMR_E_USAGE, "either --run or the cache %s", cli->arguments[0])
                   : imr_cli_evaluate_run(cli, err);
    for (size_t i = 0; i < IMR_LEN(of_runs); i++)
        if (imr_config_is_set(cli->config, of_runs[i]))
            return imr_fail(err, IMR_E_USAGE, "--%s goes with --run",
                            imr_option_of(of_runs[i])->name);
    IMR_TRY(imr_cli_argument(cli, IMR_OPT_CACHE_DIR, err));
    return imr_cli_evaluate_cache(cli, err);
}

static const imr_option_id options[] = {IMR_OPT_CACHE_DIR,
                                        IMR_OPT_ENCODER,
                                        IMR_OPT_ENCODER_MODEL_NAME,
                                        IMR_OPT_ENCODER_REVISION,
                                        IMR_OPT_CHECKPOINT,
                                        IMR_OPT_SPLIT,
                                        IMR_OPT_K,
                                        IMR_OPT_MEASURE,
                                        IMR_OPT_FEEDBACK_K,
                                        IMR_OPT_SCOPE,
                                        IMR_OPT_FORM,
                                        IMR_OPT_CANDIDATES,
                                        IMR_OPT_TRAINED_ON,
                                        IMR_OPT_MAX_QUERIES,
                                        IMR_OPT_DATASET,
                                        IMR_OPT_DATASETS_DIR,
                                        IMR_OPT_ASSETS_ROOT,
                                        IMR_OPT_SKIP_BAD_LINES,
                                        IMR_OPT_SEED,
                                        IMR_OPT_PROJECTED_FILES,
                                        IMR_OPT_PER_QUERY,
                                        IMR_OPT_WRITE_RUNS,
                                        IMR_OPT_RUN,
                                        IMR_OPT_QRELS,
                                        IMR_OPT_COMPLETE,
                                        IMR_OPT_FORMAT,
                                        IMR_OPT_OUTPUT,
                                        IMR_OPT_COUNT};

const imr_command imr_command_evaluate = {
    .name = "evaluate",
    .usage = "CACHE [--checkpoint A]... [--split S] | --run RUN --qrels QRELS",
    .summary = "how good the rankings are, before and after, and whether the difference is luck",
    .details = "Over a split of a cache: means of the encoder's ranking, of the ranking before "
               "modulation and after it; rows for queries whose relevant documents training saw "
               "and did not see; tests of the difference.\n"
               "With --run: any TREC run file against any judgements; prints measure, query or "
               "`all`, value as trec_eval does.",
    .example = "  imrnn evaluate demo/cache --checkpoint demo/adapter.pt",
    .options = options,
    .max_arguments = 1,
    .run = run_evaluate,
};
