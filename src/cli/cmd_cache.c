/* cli/cmd_cache.c - imrnn cache. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cache.h"
#include "cli/commands.h"
#include "session/import_job.h"
#include "session/precision.h"

/* What a cache of --dataset is made with. */
typedef struct source {
    const imr_encoder *encoder; /* NULL: only with `from` */
    const imr_cache *from;      /* NULL: encode everything */
} source;

/* What the precision costs and gains, on standard error. */
static imr_status tell_effect(imr_cli *cli, const imr_encoder *encoder, const imr_dataset *dataset,
                              imr_error *err)
{
    imr_encoder *exact;
    imr_precision_effect e;
    char times[64], mean[64], least[64];
    IMR_TRY(imr_cli_encoder_as(&exact, cli, IMR_FLOAT32, err));
    imr_status status = imr_precision_compare(&e, encoder, exact, dataset, err);
    imr_encoder_free(exact);
    IMR_TRY(status);
    imr_cli_say(cli,
                "%s: %s times as fast as float32 on the first %zu documents; cosine of a "
                "document's two vectors %s in the mean, %s at least (nDCG: imrnn evaluate on "
                "this cache and on one of float32)",
                imr_precision_name(imr_encoder_precision(encoder)),
                imr_format_fixed(times, e.seconds > 0 ? e.exact_seconds / e.seconds : 1, 2, false),
                e.documents, imr_format_fixed(mean, e.mean_cosine, 9, false),
                imr_format_fixed(least, e.least_cosine, 9, false));
    return IMR_OK;
}

static imr_status build(imr_store_result *result, imr_cli *cli, const char *dir, const source *with,
                        imr_error *err)
{
    const imr_config *config = cli->config;
    const imr_progress *progress = imr_cli_progress(cli);
    IMR_AUTOFREE char *path = NULL;
    IMR_TRY(imr_cli_dataset_path(&path, cli, err));
    if (!path)
        return imr_fail(err, IMR_E_USAGE, "--dataset DIR is needed (imrnn %s --help)",
                        cli->command->name);
    imr_dataset_options how = {.skip_bad_lines = imr_config_bool(config, IMR_OPT_SKIP_BAD_LINES),
                               .progress = progress};
    imr_dataset *dataset;
    IMR_TRY(imr_dataset_open(&dataset, path, &how, err));
    if (imr_dataset_bad_lines(dataset))
        imr_cli_say(cli, "%zu malformed lines left out, the first: %s",
                    imr_dataset_bad_lines(dataset), imr_dataset_bad_line(dataset, 0));
    imr_dtype dtype = imr_config_choice(config, IMR_OPT_DTYPE) == 0 ? IMR_F32 : IMR_F16;
    bool overwrite = imr_config_bool(config, IMR_OPT_OVERWRITE);
    imr_status status = with->from
                            ? imr_cache_import(result, dir, dataset, with->from, with->encoder,
                                               dtype, overwrite, progress, err)
                            : imr_cache_encode(result, dir, dataset, with->encoder, dtype,
                                               overwrite, progress, err);
    const imr_encoder *e = with->encoder;
    if (status == IMR_OK && !with->from && imr_encoder_precision(e) != IMR_FLOAT32 &&
        !(result && result->already))
        status = tell_effect(cli, e, dataset, err);
    imr_dataset_free(dataset);
    return status;
}

imr_status imr_cli_encode_cache(imr_store_result *result, imr_cli *cli, const char *dir,
                                const imr_encoder *encoder, imr_error *err)
{
    return build(result, cli, dir, &(source){.encoder = encoder}, err);
}

static imr_status build_from_line(imr_store_result *result, imr_cli *cli, const char *dir,
                                  imr_error *err)
{
    const char *import = imr_config_string(cli->config, IMR_OPT_IMPORT);
    imr_encoder *encoder = NULL;
    imr_cache *from = NULL;
    if (!import || imr_config_encoder(cli->config))
        IMR_TRY(imr_cli_encoder(&encoder, cli, err));
    imr_cache_options alone = {.dataset = "", .one_pass = true, .progress = imr_cli_progress(cli)};
    imr_status status = import ? imr_cache_open(&from, import, &alone, err) : IMR_OK;
    if (status == IMR_OK)
        status = build(result, cli, dir, &(source){encoder, from}, err);
    imr_cache_free(from);
    imr_encoder_free(encoder);
    return status;
}

static imr_status run_cache(imr_cli *cli, imr_error *err)
{
    const char *dir;
    IMR_TRY(imr_cli_need(&dir, cli, IMR_OPT_CACHE_DIR, err));
    if (!imr_config_is_set(cli->config, IMR_OPT_DATASET))
        return imr_fail(err, IMR_E_USAGE, "--dataset DIR is needed (imrnn cache --help)");
    double start = imr_clock_seconds();
    imr_store_result result;
    IMR_TRY(build_from_line(&result, cli, dir, err));
    char seconds[64];
    IMR_AUTOBUF imr_buf b = {0};
    imr_format_fixed(seconds, imr_clock_seconds() - start, 1, false);
    if (result.already)
        imr_buf_printf(&b, "%s: already complete, nothing done\n", dir);
    else
        imr_buf_printf(&b, "%s: %zu texts %s, %zu taken over from a stopped run, %s s\n", dir,
                       result.encoded_rows,
                       imr_config_is_set(cli->config, IMR_OPT_IMPORT) ? "imported" : "encoded",
                       result.resumed_rows, seconds);
    return imr_cli_emit(cli, &b, err);
}

static const imr_option_id options[] = {IMR_OPT_DATASET,
                                        IMR_OPT_DATASETS_DIR,
                                        IMR_OPT_SKIP_BAD_LINES,
                                        IMR_OPT_ENCODER,
                                        IMR_OPT_ENCODER_MODEL_NAME,
                                        IMR_OPT_EMBEDDING_DIM,
                                        IMR_OPT_QUERY_PREFIX,
                                        IMR_OPT_PASSAGE_PREFIX,
                                        IMR_OPT_CACHE_DIR,
                                        IMR_OPT_IMPORT,
                                        IMR_OPT_PRECISION,
                                        IMR_OPT_DTYPE,
                                        IMR_OPT_OVERWRITE,
                                        IMR_OPT_OUTPUT,
                                        IMR_OPT_COUNT};

const imr_command imr_command_cache = {
    .name = "cache",
    .usage = "--dataset D (--encoder E | --import REF) --cache-dir C",
    .summary = "encode a data set once, resumable, or import a cache the reference wrote",
    .details = "Encodes every document and query into the folder C. Killed at any point, the next "
               "run goes on after the last finished block and ends with the same bytes.\n"
               "With --import the vectors are taken from another cache by id; an encoder is then "
               "needed only for what that cache lacks.",
    .example = "  imrnn cache --dataset demo/dataset --encoder demo/encoder --cache-dir my-cache",
    .options = options,
    .run = run_cache,
};
