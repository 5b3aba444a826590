/* cli/cmd_explore.c - imrnn explore: the explorer on an adapter and a cache. */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/steps.h"
#include "ui/ui.h"

/* Screens under test are the same every run. */
static void freeze_clock(void)
{
    const char *time = getenv("IMRNN_TEST_TIME");
    int64_t seconds;
    if (time && imr_parse_int(time, strlen(time), &seconds) && seconds >= 0)
        imr_clock_freeze(seconds);
}

static const char *choice(const imr_cli *cli, imr_option_id id, const char *unset)
{
    const char *value = imr_config_string(cli->config, id);
    return strcmp(value, unset) == 0 ? NULL : value;
}

imr_status imr_cli_explore(imr_cli *cli, const imr_session_options *session, const char *query,
                           const char *intro, imr_error *err)
{
    IMR_AUTOFREE char *folder = imr_cli_state_folder();
    IMR_AUTOFREE char *history = folder ? imr_path_join(folder, "history") : NULL;
    IMR_AUTOFREE char *log = folder ? imr_path_join(folder, "log") : NULL;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    IMR_AUTOFREE char *clip = runtime && imr_dir_exists(runtime)
                                  ? imr_path_join(runtime, "imrnn-clip.txt")
                              : folder ? imr_path_join(folder, "clip.txt")
                                       : NULL;
    const imr_path notes = imr_cli_notes(cli, session->cache);
    const imr_bind *binds;
    size_t n_binds = imr_config_binds(cli->config, &binds);
    ui_options options = {
        .query = query,
        .intro = intro || !cli->project[0] ? intro : cli->project,
        .glyphs = choice(cli, IMR_OPT_GLYPHS, "auto"),
        .terminal = {.color = imr_config_string(cli->config, IMR_OPT_COLOR),
                     .theme = choice(cli, IMR_OPT_THEME, "default"),
                     .no_color = getenv("NO_COLOR"),
                     .term = getenv("TERM"),
                     .escape_delay = getenv("ESCDELAY"),
                     .no_mouse = !imr_config_bool(cli->config, IMR_OPT_MOUSE),
                     .log = log,
                     .test_sync = getenv("IMRNN_TEST_SYNC")},
        .binds = binds,
        .n_binds = n_binds,
        .history = history,
        .clip_file = clip,
        .notes = notes.s,
        .reviewer = imr_cli_reviewer(cli),
        .command = cli->argv,
        .n_command = (size_t)cli->argc,
    };
    int code = 0;
    freeze_clock();
    imr_meter_clear(&cli->meter);
    IMR_TRY(ui_run(&code, session, &options, err));
    if (code > 128) {
        signal(code - 128, SIG_DFL);
        raise(code - 128);
    }
    return code ? imr_fail(err, IMR_E_IO, "the explorer lost its terminal") : IMR_OK;
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    imr_session_options session;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_TRY(imr_cli_session_options(&session, &paths, cli, err));
    return imr_cli_explore(cli, &session, imr_config_item(cli->config, IMR_OPT_QUERY, 0), NULL,
                           err);
}

const imr_command imr_command_explore = {
    .name = "explore",
    .usage = "[--checkpoint FILE] (CACHE | --dataset D --encoder E)",
    .summary = "type queries, see the ranking, and why each document stands where it does",
    .details =
        "Every key typed ranks again. Tab goes from the query to the list, ? shows the keys "
        "there, F1 everywhere; R in the list changes the scope.\n"
        "With two of --checkpoint both rankings stand side by side; t swaps which one is in "
        "force. Without --checkpoint the encoder ranks alone. With --dataset (a folder of .txt and "
        ".md files, JSONL, BEIR) and --encoder the cache is made first, in "
        "$XDG_CACHE_HOME/imrnn unless --cache-dir says where; later only new and changed "
        "texts are encoded.\n"
        "--what-if opens with a change in force; A takes it back.\n"
        "Lines `bind LIST x :sort delta` of a configuration file change keys; the defaults "
        "are those of assets/keymap.conf.",
    .example = "  imrnn explore --dataset my-texts --encoder minilm\n"
               "  imrnn demo --prepare --output-dir demo\n"
               "  imrnn explore --checkpoint demo/adapter.pt demo/cache",
    .options = IMR_OPTIONS(IMR_CLI_SESSION_OPTIONS, IMR_OPT_QUERY, IMR_OPT_WHAT_IF, IMR_OPT_THEME,
                           IMR_OPT_GLYPHS, IMR_OPT_MOUSE, IMR_OPT_NOTES, IMR_OPT_REVIEWER),
    .max_arguments = 1,
    .run = run,
    .two = true,
};
