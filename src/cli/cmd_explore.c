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
    .usage = "[--checkpoint FILE] (CACHE | --dataset D --encoder E)",
    .summary = "type queries, see the ranking, and why each document stands where it does",
    .details = "Every key typed ranks again. Tab goes from the query to the list, ? shows the keys "
               "there, F1 everywhere; r in the list changes the scope.\n"
               "Without --checkpoint the encoder ranks alone. With --dataset (a folder of .txt and "
               ".md files, JSONL, BEIR) and --encoder the cache is made first, in "
               "$XDG_CACHE_HOME/imrnn unless --cache-dir says where; later only new and changed "
               "texts are encoded.\n"
               "Lines `bind LIST x :sort delta` of a configuration file change keys; the defaults "
               "are those of assets/keymap.conf.",
    .example = "  imrnn explore --dataset my-texts --encoder minilm\n"
               "  imrnn demo --prepare --output-dir demo\n"
               "  imrnn explore --checkpoint demo/adapter.pt demo/cache",
    .options = options,
    .max_arguments = 1,
    .run = run,
};
