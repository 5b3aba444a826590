#include "cli/explore.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/project.h"
#include "ui/ui.h"

/* Screens under test are the same every run. */
static void freeze_clock(const imr_cli *cli)
{
    const char *time = imr_cli_environment(cli, "IMRNN_TEST_TIME");
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
    IMR_AUTOFREE char *folder = imr_cli_state_folder(cli->environment, cli->environment_user);
    IMR_AUTOFREE char *history = folder ? imr_path_join(folder, "history") : NULL;
    IMR_AUTOFREE char *log = folder ? imr_path_join(folder, "log") : NULL;
    const char *runtime = imr_cli_environment(cli, "XDG_RUNTIME_DIR");
    IMR_AUTOFREE char *clip = runtime && imr_dir_exists(runtime)
                                  ? imr_path_join(runtime, "imrnn-clip.txt")
                              : folder ? imr_path_join(folder, "clip.txt")
                                       : NULL;
    const imr_bind *binds;
    size_t n_binds = imr_config_binds(cli->config, &binds);
    ui_options options = {
        .query = query,
        .intro = intro || !cli->project[0] ? intro : cli->project,
        .glyphs = choice(cli, IMR_OPT_GLYPHS, "auto"),
        .terminal = {.color = imr_config_string(cli->config, IMR_OPT_COLOR),
                     .theme = choice(cli, IMR_OPT_THEME, "default"),
                     .no_color = imr_cli_environment(cli, "NO_COLOR"),
                     .term = imr_cli_environment(cli, "TERM"),
                     .escape_delay = imr_cli_environment(cli, "ESCDELAY"),
                     .log = log,
                     .test_sync = imr_cli_environment(cli, "IMRNN_TEST_SYNC")},
        .binds = binds,
        .n_binds = n_binds,
        .history = history,
        .clip_file = clip,
        .command = cli->argv,
        .n_command = (size_t)cli->argc,
    };
    int code = 0;
    freeze_clock(cli);
    imr_meter_clear(&cli->meter);
    IMR_TRY(ui_run(&code, session, &options, err));
    if (code > 128) {
        signal(code - 128, SIG_DFL);
        raise(code - 128);
    }
    return code ? imr_fail(err, IMR_E_IO, "the explorer lost its terminal") : IMR_OK;
}
