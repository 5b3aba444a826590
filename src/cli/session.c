/* cli/session.c - what a session opens: its options, and its cache, made or brought up to date when
 * it has to be. */
#include <stdlib.h>

#include "cli/steps.h"

#define NAME_BYTES   40
#define SHOWN_DIGITS 12

static void add_text(imr_sha256 *s, const char *text)
{
    imr_sha256_add(s, text ? text : "", strlen(text ? text : "") + 1);
}

/* As long as it exists; else the path itself. */
static void add_path(imr_sha256 *s, const char *path)
{
    char *real = realpath(path, NULL);
    add_text(s, real ? real : path);
    free(real);
}

/* <name>-<hash>: the same for the same texts and encoder, wherever the command is run. */
static imr_status name_cache(char **out, const imr_cli *cli, const char *dataset, imr_error *err)
{
    static const imr_option_id how[] = {IMR_OPT_QUERY_PREFIX, IMR_OPT_PASSAGE_PREFIX,
                                        IMR_OPT_PRECISION};
    IMR_AUTOFREE char *home = NULL;
    IMR_CLEANUP(imr_folder_done) imr_folder encoder = {0};
    IMR_AUTOSHA256 imr_sha256 s = {0};
    char hex[IMR_SHA256_HEX], name[NAME_BYTES + SHOWN_DIGITS + 2];
    const imr_hub hub = imr_cli_hub(cli);
    if (!imr_cli_xdg(&home, "XDG_CACHE_HOME", "imrnn", ".cache/imrnn"))
        return imr_fail(err, IMR_E_USAGE,
                        "--cache-dir DIR is needed: neither XDG_CACHE_HOME nor HOME says where "
                        "caches are kept");
    IMR_NEED(home, err);
    IMR_TRY(imr_folder_find(&encoder, imr_config_encoder(cli->config), &hub, err));
    imr_sha256_init(&s);
    add_path(&s, dataset);
    add_path(&s, encoder.path);
    for (size_t i = 0; i < IMR_LEN(how); i++)
        add_text(&s, imr_config_string(cli->config, how[i]));
    IMR_TRY(imr_sha256_hex(&s, hex, err));
    char *real = realpath(dataset, NULL);
    const char *base = imr_path_base(real ? real : dataset);
    size_t n = 0;
    for (; n < NAME_BYTES && base[n]; n++)
        name[n] = base[n] > ' ' && base[n] <= '~' && base[n] != '/' ? base[n] : '-';
    free(real);
    snprintf(name + n, sizeof name - n, "-%.*s", SHOWN_DIGITS, hex);
    *out = imr_path_join(home, name);
    return *out ? IMR_OK : imr_fail_memory(err);
}

/* store-<hash>: for what is made and kept of a store. */
static imr_status name_store(char **out, const char *url, imr_error *err)
{
    IMR_AUTOFREE char *home = NULL;
    IMR_AUTOSHA256 imr_sha256 s = {0};
    char hex[IMR_SHA256_HEX], name[SHOWN_DIGITS + 8];
    if (!imr_cli_xdg(&home, "XDG_CACHE_HOME", "imrnn", ".cache/imrnn"))
        return imr_fail(
            err, IMR_E_USAGE,
            "neither XDG_CACHE_HOME nor HOME says where what is made of a store is kept");
    imr_sha256_init(&s);
    add_text(&s, url);
    IMR_TRY(imr_sha256_hex(&s, hex, err));
    snprintf(name, sizeof name, "store-%.*s", SHOWN_DIGITS, hex);
    IMR_NEED(home && (*out = imr_path_join(home, name)), err);
    return imr_dir_make(*out, err);
}

/* The queries a cache was made with are those of its dataset now. */
static imr_status same_queries(bool *out, const imr_cache *c, imr_error *err)
{
    imr_json *m IMR_AUTOJSON = NULL;
    char sha[IMR_SHA256_HEX];
    *out = true;
    if (strcmp(c->layout, "store") != 0 || !c->dataset)
        return IMR_OK;
    IMR_TRY(imr_json_open(&m, imr_path_in(c->path, "manifest.json").s, err));
    IMR_TRY(imr_dataset_sha256(c->dataset, NULL, sha, NULL, err));
    *out = strcmp(sha, imr_json_string_or(m, "dataset/queries_sha256", "")) == 0;
    return IMR_OK;
}

/* Is what lies there a cache of this dataset as it is? What is wrong otherwise, building it says. */
static imr_status is_ready(bool *out, imr_cli *cli, const char *dir, const char *dataset,
                           imr_error *err)
{
    IMR_CLEANUP(imr_cache_free_at) imr_cache *c = NULL;
    imr_error why;
    imr_status status = imr_cli_open_cache(&c, cli, dir, dataset, &why);
    *out = false;
    if (status == IMR_OK)
        status = same_queries(out, c, &why);
    if (status != IMR_E_MEMORY && status != IMR_E_CANCELLED)
        return IMR_OK;
    return imr_fail(err, status, "%s", why.text);
}

/* overwrite: nobody else's cache; where the encoder has new weights, it is made again. */
static imr_status make_ready(imr_cli *cli, const char *dir, const char *dataset, bool overwrite,
                             imr_error *err)
{
    bool ready;
    IMR_TRY(is_ready(&ready, cli, dir, dataset, err));
    if (ready)
        return IMR_OK;
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *encoder = NULL;
    imr_store_result made = {0};
    IMR_TRY(imr_cli_encoder(&encoder, cli, err));
    IMR_TRY(imr_cli_encode_cache(&made, cli, dir, encoder, overwrite, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_cli_made_text(&b, &made, false);
    imr_cli_say(cli, "%s: %s", dir, imr_buf_text(&b));
    return IMR_OK;
}

imr_status imr_cli_session_cache(char **out, imr_cli *cli, const char *dataset, imr_error *err)
{
    const char *dir = imr_config_string(cli->config, IMR_OPT_CACHE_DIR);
    const bool encoder = imr_config_encoder(cli->config) != NULL;
    IMR_AUTOFREE char *path = NULL;
    if (!dir && !dataset)
        return imr_fail(err, IMR_E_USAGE,
                        "which texts? give a cache (imrnn %s CACHE), or --dataset D with --encoder "
                        "E (imrnn %s --help)",
                        cli->command->name, cli->command->name);
    if (!dir && !encoder)
        return imr_fail(err, IMR_E_USAGE,
                        "--encoder E is needed to read %s: minilm, e5, bge, mpnet, a folder, or "
                        "one made from the texts (imrnn encoder train --dataset %s -o E)",
                        dataset, dataset);
    if (dir)
        path = imr_strdup(dir);
    else
        IMR_TRY(name_cache(&path, cli, dataset, err));
    IMR_NEED(path, err);
    if (dataset && encoder && !cli->again)
        IMR_TRY(make_ready(cli, path, dataset, !dir, err));
    return IMR_GIVE(out, path);
}

/* ---- the options ---- */

static const char *if_set(const imr_cli *cli, imr_option_id id)
{
    return imr_config_is_set(cli->config, id) ? imr_config_string(cli->config, id) : NULL;
}

void imr_cli_paths_done(imr_cli_paths *p)
{
    IMR_FREE(p->dataset, p->cache);
}

imr_status imr_cli_session_options(imr_session_options *out, imr_cli_paths *paths, imr_cli *cli,
                                   imr_error *err)
{
    const imr_config *c = cli->config;
    imr_session_options o = {.background = true};
    const bool two = cli->command->two;
    if (imr_config_count(c, IMR_OPT_CHECKPOINT) > 1 + (size_t)two && !cli->command->many)
        return imr_fail(err, IMR_E_USAGE, "%s takes %s --checkpoint, %zu are given",
                        cli->command->name, two ? "two" : "one",
                        imr_config_count(c, IMR_OPT_CHECKPOINT));
    o.adapter = imr_config_item(c, IMR_OPT_CHECKPOINT, 0); /* NULL: the encoder alone */
    o.other = imr_config_item(c, IMR_OPT_CHECKPOINT, 1);
    o.form = (imr_form)imr_config_choice(c, IMR_OPT_FORM);
    IMR_TRY(imr_cli_cache_argument(cli, err));
    IMR_TRY(imr_cli_dataset_path(&paths->dataset, cli, err));
    o.store = imr_cli_store(cli);
    IMR_TRY(o.store.url ? name_store(&paths->cache, o.store.url, err)
                        : imr_cli_session_cache(&paths->cache, cli, paths->dataset, err));
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
    for (size_t i = 0; i < imr_config_count(c, IMR_OPT_WHAT_IF); i++)
        IMR_TRY(imr_whatif_add(&o.settings.what_if, imr_config_item(c, IMR_OPT_WHAT_IF, i), err));
    *out = o;
    return IMR_OK;
}
