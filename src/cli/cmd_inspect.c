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
    .options = IMR_OPTIONS(IMR_OPT_FORM, IMR_OPT_CACHE_DIR, IMR_DATASET_OPTIONS,
                           IMR_OPT_SKIP_BAD_LINES, IMR_OPT_FORMAT, IMR_OUTPUT_OPTIONS),
    .min_arguments = 1,
    .max_arguments = SIZE_MAX,
    .run = run_inspect,
};
