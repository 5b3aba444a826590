#include "cli/session_options.h"

#include "base/mem.h"

static const char *if_set(const imr_cli *cli, imr_option_id id)
{
    return imr_config_is_set(cli->config, id) ? imr_config_string(cli->config, id) : NULL;
}

void imr_cli_paths_done(imr_cli_paths *p)
{
    imr_free(p->dataset);
    imr_free(p->cache);
}

imr_status imr_cli_session_options(imr_session_options *out, imr_cli_paths *paths, imr_cli *cli,
                                   imr_error *err)
{
    const imr_config *c = cli->config;
    imr_session_options o = {.background = true};
    if (imr_config_count(c, IMR_OPT_CHECKPOINT) > 1)
        return imr_fail(err, IMR_E_USAGE, "%s takes one --checkpoint, %zu are given",
                        cli->command->name, imr_config_count(c, IMR_OPT_CHECKPOINT));
    if (imr_config_count(c, IMR_OPT_CHECKPOINT))
        o.adapter = imr_config_item(c, IMR_OPT_CHECKPOINT, 0); /* else the encoder alone */
    o.form = (imr_form)imr_config_choice(c, IMR_OPT_FORM);
    IMR_TRY(imr_cli_cache_argument(cli, err));
    IMR_TRY(imr_cli_dataset_path(&paths->dataset, cli, err));
    IMR_TRY(imr_cli_session_cache(&paths->cache, cli, paths->dataset, err));
    o.cache = paths->cache;
    o.dataset = paths->dataset;
    o.split = if_set(cli, IMR_OPT_SPLIT);
    o.trained_on = if_set(cli, IMR_OPT_TRAINED_ON);
    o.encoder = imr_config_encoder(c);
    o.query_prefix = if_set(cli, IMR_OPT_QUERY_PREFIX);
    o.token_table = if_set(cli, IMR_OPT_TOKEN_TABLE);
    o.in_memory = !imr_config_bool(c, IMR_OPT_PROJECTED_FILES);
    o.hub = imr_cli_hub(cli);
    IMR_TRY(imr_cli_kernels(&o.kernels, cli, err));
    o.precision = imr_config_choice(c, IMR_OPT_PRECISION) == 0
                      ? NULL
                      : imr_config_string(c, IMR_OPT_PRECISION);
    o.settings = (imr_trace_settings){
        .feedback_k = imr_config_is_set(c, IMR_OPT_FEEDBACK_K)
                          ? (uint32_t)imr_config_int(c, IMR_OPT_FEEDBACK_K)
                          : 0,
        .tokens = (uint32_t)imr_config_int(c, IMR_OPT_TOKENS),
        .scope = (imr_scope)imr_config_choice(c, IMR_OPT_SCOPE),
        .candidates = (imr_candidates_by)imr_config_choice(c, IMR_OPT_CANDIDATES),
        .delta = (imr_change_kind)imr_config_choice(c, IMR_OPT_DELTA),
        .order = (imr_token_order)imr_config_choice(c, IMR_OPT_ORDER),
    };
    *out = o;
    return IMR_OK;
}
