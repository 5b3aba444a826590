/* cli/cmd_explore.c - imrnn explore: the explorer on an adapter and a cache. */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

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

/* lines: NULL, or what to do without a terminal. */
static imr_status explore(imr_cli *cli, const imr_session_options *session, const char *query,
                          const char *intro, const char *name, const imr_file *lines,
                          imr_error *err)
{
    IMR_AUTOFREE char *folder = imr_cli_state_folder();
    IMR_AUTOFREE char *history = folder ? imr_path_join(folder, "history") : NULL;
    IMR_AUTOFREE char *log = folder ? imr_path_join(folder, "log") : NULL;
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    IMR_AUTOFREE char *clip = runtime && imr_dir_exists(runtime)
                                  ? imr_path_join(runtime, "imrnn-clip.txt")
                              : folder ? imr_path_join(folder, "clip.txt")
                                       : NULL;
    IMR_AUTOFREE char *project = imr_file_exists("./.imrnn") ? realpath(".", NULL) : NULL;
    const imr_path notes = imr_cli_notes(cli, session->cache);
    const imr_bind *binds;
    size_t n_binds = imr_config_binds(cli->config, &binds);
    const bool own = !lines || imr_config_bool(cli->config, IMR_OPT_TRUST);
    const char *record = lines ? NULL : imr_config_string(cli->config, IMR_OPT_RECORD);
    IMR_CLEANUP(imr_writer_done) imr_writer w = {0};
    IMR_AUTOBUF imr_buf recorded = {0}, printed = {0};
    ui_options options = {
        .query = query,
        .intro = intro || !cli->project[0] ? intro : cli->project,
        .glyphs = choice(cli, IMR_OPT_GLYPHS, "auto"),
        .columns = imr_config_string(cli->config, IMR_OPT_COLUMNS),
        .spoken = imr_config_bool(cli->config, IMR_OPT_SCREEN_READER),
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
        .history = lines ? NULL : history,
        .state = !lines || (own && imr_config_is_set(cli->config, IMR_OPT_RESTORE)) ? folder : NULL,
        .project = project ? project : "",
        .restore = imr_config_bool(cli->config, IMR_OPT_RESTORE) && !record &&
                   !session->settings.what_if.terms[0],
        .clip_file = own ? clip : NULL,
        .tmux = own && getenv("TMUX"),
        .notes = notes.s,
        .reviewer = imr_cli_reviewer(cli),
        .command = cli->argv,
        .n_command = (size_t)cli->argc,
        .record = record ? &recorded : NULL,
        .lines = lines ? (const char *)lines->data : NULL,
        .n_lines = lines ? lines->len : 0,
        .lines_name = name,
        .stranger = !own,
        .printed = &printed,
    };
    int code = 0;
    if (record) {
        IMR_TRY(imr_writer_open_named(&w, record, imr_config_bool(cli->config, IMR_OPT_OVERWRITE),
                                      err));
        if (w.temporary)
            fchmod(fileno(w.file), S_IRUSR | S_IWUSR);
    }
    freeze_clock();
    imr_meter_clear(&cli->meter);
    imr_status status = ui_run(&code, session, &options, err);
    imr_writer_add(&w, imr_buf_text(&recorded), recorded.len);
    if (status == IMR_OK && record)
        status = recorded.failed ? imr_fail_memory(err) : imr_writer_commit(&w, err);
    if (lines)
        IMR_TRY(imr_cli_emit(cli, &printed, status == IMR_OK ? err : NULL));
    IMR_TRY(status);
    if (code > 128) {
        signal(code - 128, SIG_DFL);
        raise(code - 128);
    }
    return code ? imr_fail(err, IMR_E_IO, "the explorer lost its terminal") : IMR_OK;
}

imr_status imr_cli_explore(imr_cli *cli, const imr_session_options *session, const char *query,
                           const char *intro, imr_error *err)
{
    return explore(cli, session, query, intro, NULL, NULL, err);
}

/* What the environment says of the terminal's size, where there is none. */
static const char *size_of(const char *name, const char *usual)
{
    const char *value = getenv(name);
    int64_t n;
    return value && imr_parse_int(value, strlen(value), &n) && n > 0 && n < 1000 ? value : usual;
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    const char *query = imr_config_item(cli->config, IMR_OPT_QUERY, 0);
    const char *size = imr_config_string(cli->config, IMR_OPT_SIZE);
    imr_session_options session;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_AUTOBUF imr_buf b = {0};
    IMR_TRY(imr_cli_session_options(&session, &paths, cli, err));
    if (!imr_config_bool(cli->config, IMR_OPT_PRINT))
        return imr_cli_explore(cli, &session, query, NULL, err);
    if (size)
        imr_buf_printf(&b, "resize %s\n", size);
    else
        imr_buf_printf(&b, "resize %sx%s\n", size_of("COLUMNS", "80"), size_of("LINES", "24"));
    imr_buf_printf(&b, "%s:%s\nscreen\n", query ? "keys <Enter>\n" : "",
                   imr_config_string(cli->config, IMR_OPT_SCREEN));
    IMR_TRY(imr_buf_check(&b, err));
    const imr_file lines = {.data = (const uint8_t *)b.data, .len = b.len};
    return explore(cli, &session, query, NULL, "--print", &lines, err);
}

static imr_status run_replay(imr_cli *cli, imr_error *err)
{
    const char *name = cli->arguments[0];
    imr_session_options session;
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_CLEANUP(imr_file_unmap) imr_file lines = {0};
    IMR_TRY(imr_file_map_as(&lines, name, IMR_FILE_PIPE | IMR_FILE_TEXT, err));
    cli->arguments++;
    cli->n_arguments--;
    IMR_TRY(imr_cli_session_options(&session, &paths, cli, err));
    signal(SIGINT, SIG_DFL); /* no loop here looks whether it came */
    signal(SIGTERM, SIG_DFL);
    return explore(cli, &session, imr_config_item(cli->config, IMR_OPT_QUERY, 0), NULL, name,
                   &lines, err);
}

#define EXPLORER_OPTIONS                                                                           \
    IMR_CLI_SESSION_OPTIONS, IMR_OPT_QUERY, IMR_OPT_WHAT_IF, IMR_OPT_THEME, IMR_OPT_GLYPHS,        \
        IMR_OPT_COLUMNS, IMR_OPT_SCREEN_READER, IMR_OPT_MOUSE, IMR_OPT_RESTORE, IMR_OPT_NOTES,     \
        IMR_OPT_REVIEWER

const imr_command imr_command_explore = {
    .name = "explore",
    .usage = "[--checkpoint FILE] (CACHE | --dataset D --encoder E)",
    .summary = "type queries, see the ranking, and why each document stands where it does",
    .options = IMR_OPTIONS(EXPLORER_OPTIONS, IMR_OPT_RECORD, IMR_OPT_OVERWRITE, IMR_OPT_PRINT,
                           IMR_OPT_SCREEN, IMR_OPT_SIZE),
    .max_arguments = 1,
    .run = run,
    .two = true,
};

const imr_command imr_command_replay = {
    .name = "replay",
    .usage = "FILE [--trust] [--checkpoint FILE] (CACHE | --dataset D --encoder E)",
    .summary = "do in the explorer what a file says, without a terminal, and print screens",
    .options = IMR_OPTIONS(EXPLORER_OPTIONS, IMR_OPT_TRUST),
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_replay,
    .two = true,
};
