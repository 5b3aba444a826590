/* cli/cmd_explore.c - imrnn explore: the explorer on an adapter and a cache. */
#include "cli/commands.h"
#include "cli/explore.h"
#include "cli/session_options.h"

static const imr_option_id options[] = {
    IMR_CLI_SESSION_OPTIONS, IMR_OPT_QUERY, IMR_OPT_THEME, IMR_OPT_GLYPHS, IMR_OPT_COUNT,
};

static imr_status run(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    imr_session_options session;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_TRY(imr_cli_session_options(&session, &paths, cli, err));
    const char *query =
        imr_config_count(c, IMR_OPT_QUERY) ? imr_config_item(c, IMR_OPT_QUERY, 0) : NULL;
    return imr_cli_explore(cli, &session, query, NULL, err);
}

const imr_command imr_command_explore = {
    .name = "explore",
    .usage = "--checkpoint FILE (--cache-dir DIR | CACHE)",
    .summary = "type queries and see what the adapter does to the ranking",
    .details = "Every key typed ranks again. Tab goes from the query to the list, ? shows the keys "
               "there, F1 everywhere; R in the list changes the scope.\n"
               "Lines `bind LIST x :sort lift` of a configuration file change keys; the defaults "
               "are those of assets/keymap.conf.",
    .example = "  imrnn demo --prepare --output-dir demo\n"
               "  imrnn explore --checkpoint demo/adapter.pt --cache-dir demo/cache",
    .options = options,
    .max_arguments = 1,
    .run = run,
};
