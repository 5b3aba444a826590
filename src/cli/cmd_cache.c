/* cli/cmd_cache.c - imrnn cache. */

#include <inttypes.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/url.h"
#include "cli/steps.h"
#include "task/export.h"
#include "task/fill.h"
#include "task/import.h"

/* What the precision costs and gains, on standard error. */
static imr_status tell_effect(imr_cli *cli, const char *dir, const imr_encoder *encoder,
                              const imr_dataset *dataset, imr_error *err)
{
    IMR_AUTOBUF imr_buf table = {0};
    imr_status status = imr_cli_precision_table(&table, cli, encoder, dataset, err);
    if (status == IMR_E_CANCELLED)
        return imr_fail(err, status,
                        "the cache %s is whole; comparing its precision with float32 was cancelled",
                        dir);
    IMR_TRY(status);
    imr_cli_say_lines(cli, imr_buf_text(&table));
    return IMR_OK;
}

/* A cache of --dataset. encoder NULL: only with `from`; from NULL: encode everything; scratch: for
 * the tables of an import, else NULL. */
static imr_status build(imr_store_result *result, imr_cli *cli, const char *dir,
                        const imr_encoder *encoder, bool overwrite, const imr_cache *from,
                        imr_scratch *scratch, imr_error *err)
{
    const imr_config *config = cli->config;
    const imr_progress *progress = &cli->meter.progress;
    const imr_dtype dtype = imr_config_choice(config, IMR_OPT_DTYPE) == 0 ? IMR_F32 : IMR_F16;
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    imr_store_result made = {0};
    IMR_TRY(imr_cli_dataset(&dataset, cli, scratch, err));
    if (from)
        IMR_TRY(
            imr_cache_import(&made, dir, dataset, from, encoder, dtype, overwrite, progress, err));
    else
        IMR_TRY(imr_cache_encode(&made, dir, dataset, encoder, dtype, overwrite, progress, err));
    if (!from && encoder && encoder->precision != IMR_FLOAT32 && !made.already && !cli->quiet)
        IMR_TRY(tell_effect(cli, dir, encoder, dataset, err));
    if (result)
        *result = made;
    return IMR_OK;
}

imr_status imr_cli_encode_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                                const imr_encoder *encoder, bool overwrite, imr_error *err)
{
    return build(result, cli, dir, encoder, overwrite, NULL, NULL, err);
}

/* What grows with the collection lies in nameless files beside the cache, not in memory. */
static imr_status import_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                               const imr_encoder *encoder, imr_error *err)
{
    IMR_CLEANUP(imr_scratch_close_at) imr_scratch *scratch = NULL;
    IMR_CLEANUP(imr_cache_free_at) imr_cache *from = NULL;
    IMR_TRY(imr_scratch_open(&scratch, dir, err));
    const imr_cache_options alone = {
        .dataset = "", .one_pass = true, .scratch = scratch, .progress = &cli->meter.progress};
    IMR_TRY(imr_cache_open(&from, imr_config_string(cli->config, IMR_OPT_IMPORT), &alone, err));
    return build(result, cli, dir, encoder, imr_config_bool(cli->config, IMR_OPT_OVERWRITE), from,
                 scratch, err);
}

static imr_status build_from_line(imr_store_result *result, imr_cli *cli, const char *dir,
                                  imr_error *err)
{
    const bool import = imr_config_string(cli->config, IMR_OPT_IMPORT) != NULL;
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *encoder = NULL;
    if (!import || imr_config_encoder(cli->config))
        IMR_TRY(imr_cli_encoder(&encoder, cli, err));
    return import ? import_cache(result, cli, dir, encoder, err)
                  : imr_cli_encode_cache(result, cli, dir, encoder,
                                         imr_config_bool(cli->config, IMR_OPT_OVERWRITE), err);
}

static imr_status set_if(imr_cli *cli, imr_option_id id, const char *text, imr_error *err)
{
    return text[0] ? imr_config_set(cli->config, id, text, IMR_FROM_DEFAULT, "the cache", 0, err)
                   : IMR_OK;
}

/* What is not said is what the finished cache in the folder was made with. */
static imr_status take_from_cache(imr_cli *cli, const char *dir, imr_error *err)
{
    const imr_path path = imr_path_in(dir, "manifest.json");
    imr_json *m IMR_AUTOJSON = NULL;
    IMR_TRY(imr_dir_admits(dir, err));
    if (!imr_file_exists(path.s) || imr_config_string(cli->config, IMR_OPT_IMPORT))
        return IMR_OK;
    IMR_TRY(imr_json_open(&m, path.s, err));
    const bool named = imr_config_string(cli->config, IMR_OPT_DATASET) != NULL;
    const char *from = imr_json_string_or(m, "dataset/path", "");
    const char *folder = imr_json_string_or(m, "encoder/path", "");
    if (!imr_cache_is_own(dir) && !(named && imr_config_encoder(cli->config)))
        return imr_fail(err, IMR_E_USAGE,
                        "%s belongs to another user: what it names is opened when you name it: "
                        "--dataset %s --encoder %s",
                        dir, from, folder);
    if (imr_config_bool(cli->config, IMR_OPT_VERBOSE))
        imr_cli_say(cli, "%s names the data set %s and the encoder %s", dir, from, folder);
    if (!named) {
        IMR_TRY(set_if(cli, IMR_OPT_DATASET, from, err));
        if (imr_json_int_or(m, "dataset/skipped_lines", 0))
            IMR_TRY(set_if(cli, IMR_OPT_SKIP_BAD_LINES, "yes", err));
    }
    if (imr_config_encoder(cli->config))
        return IMR_OK;
    const bool half = strcmp(imr_json_string_or(m, "dtype", ""), imr_dtype_name(IMR_F16)) == 0;
    IMR_TRY(set_if(cli, IMR_OPT_ENCODER,
                   folder[0] ? folder : imr_json_string_or(m, "encoder/name", ""), err));
    IMR_TRY(
        set_if(cli, IMR_OPT_QUERY_PREFIX, imr_json_string_or(m, "encoder/query_prefix", ""), err));
    IMR_TRY(set_if(cli, IMR_OPT_PASSAGE_PREFIX, imr_json_string_or(m, "encoder/passage_prefix", ""),
                   err));
    IMR_TRY(set_if(cli, IMR_OPT_PRECISION, imr_json_string_or(m, "encoder/precision", ""), err));
    return set_if(cli, IMR_OPT_DTYPE, half ? "f16" : "f32", err);
}

void imr_cli_made_text(imr_buf *b, const imr_store_result *r, bool imported)
{
    if (r->already) {
        imr_buf_str(b, "up to date, nothing done");
        return;
    }
    imr_buf_printf(b, "%zu texts %s", r->encoded_rows, imported ? "imported" : "encoded");
    if (r->kept_rows)
        imr_buf_printf(b, ", %zu unchanged", r->kept_rows);
    if (r->resumed_rows)
        imr_buf_printf(b, ", %zu taken over from a stopped run", r->resumed_rows);
}

static size_t number_or_0(const imr_config *c, imr_option_id id)
{
    return imr_config_is_set(c, id) ? (size_t)imr_config_int(c, id) : 0;
}

/* The cache there is, in the authors' layout. */
static imr_status export_cache(imr_cli *cli, imr_error *err)
{
    const imr_config *c = cli->config;
    if (!cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE,
                        "name the folder to write: imrnn cache --cache-dir C --export imrnns DIR");
    const imr_export_plan plan = {.negatives = number_or_0(c, IMR_OPT_NUM_NEGATIVES),
                                  .pool = number_or_0(c, IMR_OPT_NEGATIVE_POOL),
                                  .overwrite = imr_config_bool(c, IMR_OPT_OVERWRITE)};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *cache = NULL;
    IMR_TRY(imr_cli_cache(&cache, cli, err));
    IMR_TRY(imr_cache_export(cli->arguments[0], cache, &plan, &cli->meter.progress, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "wrote %s: %zu documents, %zu queries\n", cli->arguments[0],
                   cache->documents.ids.n, cache->queries.ids.n);
    return imr_cli_emit(cli, &b, err);
}

/* All but what was unpacked of an archive that is gone. */
static imr_status remove_derived(imr_cli *cli, const char *dir, imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_json *m IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&m, imr_path_in(dir, "manifest.json").s, err));
    const char *from = imr_json_string_or(m, "dataset/path", ""), *zip = strstr(from, ".zip");
    IMR_AUTOFREE char *archive = imr_strndup(from, zip ? (size_t)(zip - from) + 4 : 0);
    IMR_NEED(archive, err);
    for (size_t i = 0; i < IMR_DERIVED; i++) {
        const char *name = imr_derived_names[i];
        const bool stays =
            zip && !imr_file_exists(archive) && strcmp(name, IMR_STORE_UNPACKED) == 0;
        const uint64_t bytes = imr_derived_bytes(dir, name, false);
        if (!stays && imr_derived_bytes(dir, name, true) < bytes)
            return imr_fail(err, IMR_E_IO, "%s/%s cannot be removed", dir, name);
        if (bytes)
            imr_buf_printf(&b, "%s/%s: %.1f MB %s\n", dir, name, (double)bytes / 1e6,
                           stays ? "stay, the archive is gone" : "removed");
    }
    return imr_cli_emit(cli, &b, err);
}

/* ---- an engine ---- */

/* What is wrong is said before anything connects. */
static imr_status check_fill(const imr_cli *cli, const char *url, imr_error *err)
{
    static const imr_option_id others[] = {IMR_OPT_IMPORT, IMR_OPT_EXPORT, IMR_OPT_REMOVE_DERIVED};
    const char *text;
    for (size_t i = 0; i < IMR_LEN(others); i++)
        if (imr_config_is_set(cli->config, others[i]))
            return imr_fail(err, IMR_E_USAGE, "--store is filled, --%s is for a cache: give one",
                            imr_option_of(others[i])->name);
    if (cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE, "unexpected argument %s (imrnn cache --help)",
                        cli->arguments[0]);
    if (!imr_is_url(url))
        return imr_fail(err, IMR_E_USAGE, "--store %s is a folder: it is made with --cache-dir %s",
                        url, url);
    if (imr_config_is_set(cli->config, IMR_OPT_CACHE_DIR))
        return IMR_OK;
    IMR_TRY(imr_cli_need(&text, cli, IMR_OPT_DATASET, err));
    return imr_config_encoder(cli->config) ? IMR_OK
                                           : imr_cli_need(&text, cli, IMR_OPT_ENCODER, err);
}

/* Of --cache-dir, made or brought up to date where data set and encoder are named, too. */
static imr_status open_full_cache(imr_cache **out, imr_cli *cli, imr_error *err)
{
    IMR_CLEANUP(imr_cli_paths_done) imr_cli_paths paths = {0};
    IMR_TRY(imr_cli_dataset_path(&paths.dataset, cli, err));
    IMR_TRY(imr_cli_session_cache(&paths.cache, cli, paths.dataset, err));
    IMR_TRY(imr_cli_open_cache(out, cli, paths.cache, paths.dataset, err));
    imr_cli_say(cli, "%s", (*out)->notice);
    if (!imr_cache_has_texts(*out))
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the texts of %s are not there: name them with --dataset", paths.cache);
    return imr_cli_check_encoder(cli, *out, err);
}

static imr_status fill_store(imr_cli *cli, imr_error *err)
{
    const double start = imr_clock_seconds();
    imr_engine_options options = imr_cli_store(cli);
    IMR_CLEANUP(imr_engine_close_at) imr_engine *engine = NULL;
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *encoder = NULL;
    IMR_CLEANUP(imr_cache_free_at) imr_cache *from = NULL;
    imr_fill_result r;
    options.fill = true;
    IMR_TRY(check_fill(cli, options.url, err));
    IMR_TRY(imr_engine_open(&engine, &options, &cli->meter.progress, err));
    if (imr_config_is_set(cli->config, IMR_OPT_CACHE_DIR)) {
        IMR_TRY(open_full_cache(&from, cli, err));
    } else {
        IMR_TRY(imr_cli_dataset(&dataset, cli, NULL, err));
        IMR_TRY(imr_cli_encoder(&encoder, cli, err));
    }
    const imr_fill_plan plan = {.from = from,
                                .dataset = dataset,
                                .encoder = encoder,
                                .half = imr_config_choice(cli->config, IMR_OPT_DTYPE) == 1,
                                .into_existing =
                                    imr_config_bool(cli->config, IMR_OPT_INTO_EXISTING)};
    IMR_TRY(imr_engine_fill(&r, engine, &plan, &cli->meter.progress, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "%s: %" PRIu64 " documents %s, %" PRIu64 " there already, %s s\n",
                   engine->facts.name, r.filled, from ? "sent" : "encoded", r.there,
                   IMR_FIXED(imr_clock_seconds() - start, 1));
    return imr_cli_emit(cli, &b, err);
}

static imr_status run_cache(imr_cli *cli, imr_error *err)
{
    const char *dir, *dataset;
    /* It writes: a project's or a settings file's store is for reading. */
    if (imr_config_from(cli->config, IMR_OPT_STORE) > IMR_FROM_PROJECT_FILE)
        return fill_store(cli, err);
    if (imr_config_is_set(cli->config, IMR_OPT_INTO_EXISTING))
        return imr_fail(err, IMR_E_USAGE, "--into-existing goes with --store URL");
    IMR_TRY(imr_cli_need(&dir, cli, IMR_OPT_CACHE_DIR, err));
    if (imr_config_choice(cli->config, IMR_OPT_EXPORT))
        return export_cache(cli, err);
    if (cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE, "unexpected argument %s (imrnn cache --help)",
                        cli->arguments[0]);
    if (imr_config_bool(cli->config, IMR_OPT_REMOVE_DERIVED))
        return remove_derived(cli, dir, err);
    IMR_TRY(take_from_cache(cli, dir, err));
    IMR_TRY(imr_cli_need(&dataset, cli, IMR_OPT_DATASET, err));
    double start = imr_clock_seconds();
    imr_store_result result;
    IMR_TRY(build_from_line(&result, cli, dir, err));
    IMR_CLEANUP(imr_cache_free_at) imr_cache *made = NULL;
    /* Not for an archive: opening it would unpack it, which its first use does. */
    if (imr_dir_exists(dataset) && imr_cache_open(&made, dir, NULL, NULL) == IMR_OK)
        imr_cli_say_absent(cli, made);
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "%s: ", dir);
    imr_cli_made_text(&b, &result, imr_config_is_set(cli->config, IMR_OPT_IMPORT));
    if (!result.already)
        imr_buf_printf(&b, ", %s s", IMR_FIXED(imr_clock_seconds() - start, 1));
    imr_buf_char(&b, '\n');
    for (int i = 0; i < 2; i++) {
        if (result.tokens[i].cut == 0)
            continue;
        imr_buf_printf(&b, "  %s: ", i ? "queries" : "documents");
        imr_token_totals_text(&b, &result.tokens[i]);
        imr_buf_char(&b, '\n');
    }
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_cache = {
    .name = "cache",
    .usage = "--cache-dir C (--dataset D (--encoder E | --import REF) | --export imrnns DIR) | "
             "--store URL (--dataset D --encoder E | --cache-dir C)",
    .summary = "encode a data set once, resumable, or import a cache the reference wrote",
    .options = IMR_OPTIONS(IMR_DATASET_OPTIONS, IMR_OPT_SKIP_BAD_LINES, IMR_ENCODER_OPTIONS,
                           IMR_OPT_EMBEDDING_DIM, IMR_OPT_QUERY_PREFIX, IMR_OPT_PASSAGE_PREFIX,
                           IMR_OPT_CACHE_DIR, IMR_OPT_STORE, IMR_OPT_STORE_TIMEOUT, IMR_OPT_NETRC,
                           IMR_OPT_INTO_EXISTING, IMR_OPT_IMPORT, IMR_OPT_EXPORT,
                           IMR_OPT_NUM_NEGATIVES, IMR_OPT_NEGATIVE_POOL, IMR_OPT_PRECISION,
                           IMR_OPT_DTYPE, IMR_OPT_REMOVE_DERIVED, IMR_OUTPUT_OPTIONS),
    .max_arguments = 1,
    .run = run_cache,
};
