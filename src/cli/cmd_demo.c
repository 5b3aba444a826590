/* cli/cmd_demo.c - imrnn demo: make the embedded demo once, then explore it. */
#include "cli/steps.h"
#include "task/demo.h"

/* --output-dir, else $XDG_CACHE_HOME/imrnn/demo, else ~/.cache/imrnn/demo. */
static imr_status folder(char **out, const imr_cli *cli, imr_error *err)
{
    const char *named = imr_config_string(cli->config, IMR_OPT_OUTPUT_DIR);
    if (named)
        *out = imr_strdup(named);
    else if (!imr_cli_xdg(out, "XDG_CACHE_HOME", "imrnn/demo", ".cache/imrnn/demo"))
        return imr_fail(err, IMR_E_USAGE,
                        "where should the demo be made? HOME is not set; give --output-dir DIR");
    return *out ? IMR_OK : imr_fail_memory(err);
}

static imr_status explore(imr_cli *cli, const char *dir, const char *numbers, imr_error *err)
{
    const imr_config *c = cli->config;
    const imr_path adapter = imr_path_in(dir, "adapter.pt"), cache = imr_path_in(dir, "cache");
    const imr_path dataset = imr_path_in(dir, "dataset"), encoder = imr_path_in(dir, "encoder");
    const imr_session_options session = {
        .adapter = adapter.s,
        .cache = cache.s,
        .dataset = dataset.s,
        .encoder = encoder.s,
        .settings = {.tokens = (uint32_t)imr_config_int(c, IMR_OPT_TOKENS),
                     .scope = (imr_scope)imr_config_choice(c, IMR_OPT_SCOPE),
                     .delta = (imr_change_kind)imr_config_choice(c, IMR_OPT_DELTA),
                     .order = (imr_token_order)imr_config_choice(c, IMR_OPT_ORDER)},
        .background = true,
    };
    return imr_cli_explore(cli, &session, imr_config_item(c, IMR_OPT_QUERY, 0), numbers, err);
}

static imr_status run(imr_cli *cli, imr_error *err)
{
    IMR_AUTOFREE char *dir = NULL;
    IMR_AUTOBUF imr_buf numbers = {0};
    bool made = false;
    IMR_TRY(folder(&dir, cli, err));
    IMR_TRY(imr_demo_prepare(dir, imr_config_bool(cli->config, IMR_OPT_OVERWRITE), &made, &numbers,
                             &cli->meter.progress, err));
    imr_cli_say(cli, made ? "made the demo in %s" : "the demo is ready in %s", dir);
    if (imr_config_bool(cli->config, IMR_OPT_PREPARE))
        return imr_cli_emit(cli, &numbers, err);
    imr_cli_say_lines(cli, imr_buf_text(&numbers));
    return explore(cli, dir, imr_buf_text(&numbers), err);
}

const imr_command imr_command_demo = {
    .name = "demo",
    .usage = "[--prepare] [--output-dir DIR]",
    .summary = "make the embedded demo once, then explore it",
    .options =
        IMR_OPTIONS(IMR_OPT_OUTPUT_DIR, IMR_OPT_OVERWRITE, IMR_OPT_PREPARE, IMR_OPT_QUERY,
                    IMR_OPT_THEME, IMR_OPT_GLYPHS, IMR_OPT_COLUMNS, IMR_OPT_SCREEN_READER,
                    IMR_OPT_MOUSE, IMR_OPT_SCOPE, IMR_OPT_DELTA, IMR_OPT_ORDER, IMR_OPT_TOKENS),
    .run = run,
};
