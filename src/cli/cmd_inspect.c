/* cli/cmd_inspect.c - imrnn inspect. */
#include "cli/command.h"
#include "report/inspect.h"

static imr_status run_inspect(imr_cli *cli, imr_error *err)
{
    bool json;
    size_t unusable = 0;
    const imr_form form = (imr_form)imr_config_choice(cli->config, IMR_OPT_FORM);
    IMR_TRY(imr_cli_json(&json, cli, err));
    IMR_AUTOBUF imr_buf b = {0};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *cache = NULL;
    if (imr_config_string(cli->config, IMR_OPT_CACHE_DIR))
        IMR_TRY(imr_cli_cache(&cache, cli, err));
    bool array = json && cli->n_arguments > 1;
    imr_buf_str(&b, array ? "[" : "");
    for (size_t i = 0; i < cli->n_arguments; i++) {
        IMR_CLEANUP(imr_inspection_done) imr_inspection found = {0};
        IMR_TRY(imr_inspect(&found, cli->arguments[i], form, cache, &cli->meter.progress, err));
        unusable += !found.usable;
        imr_buf_str(&b, i == 0 ? "" : json ? ",\n" : "\n");
        (json ? imr_inspection_json : imr_inspection_text)(&b, &found);
    }
    imr_buf_str(&b, array ? "]\n" : json ? "\n" : "");
    IMR_TRY(imr_cli_emit(cli, &b, err));
    if (unusable)
        return imr_fail(err, IMR_E_FORMAT, "%zu of %zu cannot be used", unusable, cli->n_arguments);
    return IMR_OK;
}

const imr_command imr_command_inspect = {
    .name = "inspect",
    .usage = "[--format text|json] [--form FORM] [--cache-dir DIR] FILE...",
    .summary = "what a file is, what is in it, what is wrong with it",
    .details = "Adapters, encoder folders, caches, data sets, NumPy arrays, runs, judgements and "
               "reports are told apart by content. Every file is reported; the exit status is 3 "
               "when one of them cannot be used.\n"
               "--form reads adapters as another form than their files say. --cache-dir tries them "
               "on up to 300 queries of that cache and says whether they are any good: how far "
               "each step moves the ranking, as each form the tensors allow and beside an "
               "untrained adapter, whether scales and biases move with the query, which documents "
               "become hubs, nDCG@10 where there are judgements, and what that means.",
    .example = "  imrnn inspect demo/adapter.pt demo/cache\n"
               "  imrnn inspect --cache-dir demo/cache demo/adapter.pt",
    .options = IMR_OPTIONS(IMR_OPT_FORM, IMR_OPT_CACHE_DIR, IMR_DATASET_OPTIONS,
                           IMR_OPT_SKIP_BAD_LINES, IMR_OPT_FORMAT, IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_inspect,
};
