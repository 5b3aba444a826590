/* cli/cmd_encoder_train.c - imrnn encoder train. */
#include "base/clock.h"
#include "base/number.h"
#include "cli/commands.h"
#include "task/encoder.h"

static imr_status run_train(imr_cli *cli, imr_error *err)
{
    const imr_config *config = cli->config;
    const char *dir = imr_config_string(config, IMR_OPT_OUTPUT);
    if (!dir)
        dir = imr_config_string(config, IMR_OPT_OUTPUT_DIR);
    if (!dir)
        return imr_fail(err, IMR_E_USAGE, "-o DIR is needed (imrnn encoder train --help)");
    imr_static_train_options options = IMR_STATIC_TRAIN_DEFAULTS;
    options.dim = (size_t)imr_config_int(config, IMR_OPT_DIM);
    options.min_documents = (uint32_t)imr_config_int(config, IMR_OPT_MIN_DOCUMENTS);
    options.seed = (uint64_t)imr_config_int(config, IMR_OPT_SEED);
    double start = imr_clock_seconds();
    imr_dataset *dataset;
    IMR_TRY(imr_cli_dataset(&dataset, cli, NULL, err));
    size_t documents = dataset->documents.n;
    imr_encoder_trained result;
    imr_status status =
        imr_encoder_train(&result, dir, dataset, &options, imr_cli_progress(cli), err);
    imr_dataset_free(dataset);
    IMR_TRY(status);
    char seconds[64];
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_printf(&b, "%s: %zu words of %zu documents, n %zu, seed %llu, %s s\n", dir,
                   result.words, documents, options.dim, (unsigned long long)options.seed,
                   imr_format_fixed(seconds, imr_clock_seconds() - start, 1, false));
    return imr_cli_emit(cli, &b, err);
}

static const imr_option_id options_list[] = {
    IMR_OPT_DATASET,       IMR_OPT_DATASETS_DIR, IMR_OPT_ASSETS_ROOT, IMR_OPT_DIM,
    IMR_OPT_MIN_DOCUMENTS, IMR_OPT_OUTPUT,       IMR_OPT_OUTPUT_DIR,  IMR_OPT_SKIP_BAD_LINES,
    IMR_OPT_SEED,          IMR_OPT_COUNT};

const imr_command imr_command_encoder_train = {
    .name = "encoder train",
    .usage = "--dataset D [--dim 384] -o DIR",
    .summary = "a static encoder from nothing but a corpus",
    .details = "Counts which words stand near each other, takes the leading singular vectors, and "
               "writes a Model2Vec folder that Python tools open too. -o names that folder.",
    .example = "  imrnn encoder train --dataset demo/dataset --dim 256 -o my-encoder",
    .options = options_list,
    .run = run_train,
    .own_output = true,
};
