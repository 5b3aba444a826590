/* cli/cmd_encoder.c - imrnn encoder info, encode, tokenize, bench. */
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/steps.h"
#include "math/stats.h"
#include "report/inspect.h"

#define BLOCK 256 /* texts encoded before their rows are printed */

/* -i FILE, or the arguments themselves. */
static imr_status texts_of_line(imr_texts *out, const imr_cli *cli, imr_error *err)
{
    const char *path = imr_config_string(cli->config, IMR_OPT_INPUT);
    if (path && cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE, "give texts either with -i or as arguments, not both");
    if (path)
        return imr_texts_read(out, path, err);
    if (!cli->n_arguments)
        return imr_fail(err, IMR_E_USAGE, "which texts? give them as arguments or with -i FILE");
    return imr_texts_of(out, cli->arguments, cli->n_arguments, err);
}

typedef imr_status (*texts_fn)(imr_cli *cli, const imr_encoder *e, const imr_texts *t,
                               imr_error *err);

static imr_status with_texts(imr_cli *cli, texts_fn fn, imr_error *err)
{
    IMR_CLEANUP(imr_texts_done) imr_texts t = {0};
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    IMR_TRY(texts_of_line(&t, cli, err));
    IMR_TRY(imr_cli_encoder(&e, cli, err));
    IMR_TRY(imr_texts_prepend(&t, e->prompt, err));
    return fn(cli, e, &t, err);
}

/* ---- info ---- */

static imr_status run_info(imr_cli *cli, imr_error *err)
{
    bool json;
    IMR_TRY(imr_cli_json(&json, cli, err));
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    IMR_CLEANUP(imr_inspection_done) imr_inspection found = {0};
    IMR_TRY(imr_cli_encoder(&e, cli, err));
    IMR_TRY(imr_inspect(&found, e->folder.path, IMR_FORM_AUTO, NULL, NULL, err));
    IMR_AUTOBUF imr_buf b = {0};
    (json ? imr_inspection_json : imr_inspection_text)(&b, &found);
    imr_buf_str(&b, json ? "\n" : "");
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_encoder_info = {
    .name = "encoder info",
    .usage = "--encoder DIR [--format text|json]",
    .summary = "what an encoder is: kind, dimension, tokeniser, identity",
    .options =
        IMR_OPTIONS(IMR_ENCODER_OPTIONS, IMR_OPT_EMBEDDING_DIM, IMR_OPT_FORMAT, IMR_OUTPUT_OPTIONS),
    .run = run_info,
};

/* ---- encode ---- */

static imr_status print_rows(imr_cli *cli, const float *rows, size_t count, size_t n,
                             imr_error *err)
{
    IMR_AUTOBUF imr_buf b = {0};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n; j++)
            imr_json_printf(&b, j ? ", %g" : "[%g", (double)rows[i * n + j]);
        imr_buf_str(&b, "]\n");
    }
    return imr_cli_emit(cli, &b, err);
}

/* Of a block of texts, told as that of all. A bar between the vectors on a terminal would be in the
 * way: there only C-c is watched for. */
typedef struct block {
    const imr_progress *up; /* NULL: no bar */
    size_t first, total;
} block;

static bool block_step(void *user, const imr_progress_info *info)
{
    const block *b = user;
    return b->up ? imr_progress_step(b->up, info->what, b->first + info->done, b->total)
                 : !imr_interrupted();
}

static imr_status encode(imr_cli *cli, const imr_encoder *e, const imr_texts *t, imr_error *err)
{
    const char *path = imr_config_string(cli->config, IMR_OPT_OUTPUT);
    size_t n = e->dim, count = t->texts.n, step = path ? count : BLOCK;
    if (path)
        IMR_TRY(imr_file_vacant(path, imr_config_bool(cli->config, IMR_OPT_OVERWRITE), err));
    IMR_CLEANUP(imr_matrix_done) imr_matrix rows = {0};
    IMR_TRY(imr_matrix_init(&rows, step < count ? step : count, n, err));
    IMR_AUTOFREE imr_token_count *counts = IMR_NEW_ARRAY(imr_token_count, count);
    IMR_NEED(counts, err);
    const bool mixed = !path && isatty(STDOUT_FILENO);
    for (size_t at = 0; at < count; at += step) {
        size_t some = count - at < step ? count - at : step;
        block b = {mixed ? NULL : &cli->meter.progress, at, count};
        IMR_TRY(imr_encoder_encode(e, (const char *const *)t->texts.v + at, t->lens.v + at, some,
                                   rows.v, counts, &(imr_progress){block_step, &b}, err));
        for (size_t i = 0; i < some; i++)
            if (counts[i].known == 0)
                imr_cli_say(cli,
                            "text %s: the encoder knows none of its words; its vector says nothing",
                            t->ids.v[at + i]);
        if (!path)
            IMR_TRY(print_rows(cli, rows.v, some, n, err));
    }
    return path ? imr_npy_write_f32(path, rows.v, count, n, err) : IMR_OK;
}

static imr_status run_encode(imr_cli *cli, imr_error *err)
{
    return with_texts(cli, encode, err);
}

const imr_command imr_command_encoder_encode = {
    .name = "encoder encode",
    .usage = "--encoder DIR (-i FILE | TEXT...) [-o OUT.npy]",
    .summary = "vectors of texts",
    .options = IMR_OPTIONS(IMR_ENCODER_OPTIONS, IMR_OPT_EMBEDDING_DIM, IMR_OPT_INPUT,
                           IMR_OPT_PRECISION, IMR_OUTPUT_OPTIONS),
    .max_arguments = SIZE_MAX,
    .run = run_encode,
    .own_output = true,
};

/* ---- tokenize ---- */

static imr_status run_tokenize(imr_cli *cli, imr_error *err)
{
    const imr_encode_options whole = {.special = true};
    IMR_CLEANUP(imr_texts_done) imr_texts t = {0};
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = NULL;
    IMR_CLEANUP(imr_tokens_done) imr_tokens tokens = {0};
    IMR_TRY(texts_of_line(&t, cli, err));
    IMR_TRY(imr_cli_tokenizer(&e, cli, err));
    for (size_t i = 0; i < t.texts.n; i++) {
        IMR_AUTOBUF imr_buf b = {0};
        IMR_TRY(
            imr_tokenizer_encode(e->tokenizer, t.texts.v[i], t.lens.v[i], &whole, &tokens, err));
        imr_json_printf(&b, "{'text': %.*s, 'ids': [", (int)t.lens.v[i], t.texts.v[i]);
        for (size_t k = 0; k < tokens.n; k++)
            imr_buf_printf(&b, "%s%u", k ? ", " : "", tokens.v[k].id);
        imr_json_printf(&b, "], 'tokens': [");
        for (size_t k = 0; k < tokens.n; k++)
            imr_json_printf(&b, k ? ", %s" : "%s",
                            imr_vocab_text(&e->tokenizer->spec.vocab, tokens.v[k].id, NULL));
        imr_buf_str(&b, "]}\n");
        IMR_TRY(imr_cli_emit(cli, &b, err));
    }
    return IMR_OK;
}

const imr_command imr_command_encoder_tokenize = {
    .name = "encoder tokenize",
    .usage = "--encoder DIR (-i FILE | TEXT...)",
    .summary = "token ids of texts, uncut, special tokens included",
    .options = IMR_OPTIONS(IMR_ENCODER_OPTIONS, IMR_OPT_INPUT, IMR_OUTPUT_OPTIONS),
    .max_arguments = SIZE_MAX,
    .run = run_tokenize,
};

/* ---- bench ---- */

#define BENCH_SINGLE  200
#define BENCH_SECONDS 1.0

static imr_status bench(imr_cli *cli, const imr_encoder *e, const imr_texts *t, imr_error *err)
{
    const char *const *texts = (const char *const *)t->texts.v;
    size_t n = e->dim, count = t->texts.n, tokens = 0, done = 0;
    double single[BENCH_SINGLE], seconds;
    assert(count > 0); /* a file without texts is an error of its reader */
    IMR_CLEANUP(imr_matrix_done) imr_matrix rows = {0};
    IMR_TRY(imr_matrix_init(&rows, count, n, err));
    IMR_CLEANUP(imr_tokens_done) imr_tokens each = {0};
    for (size_t i = 0; i < count; i++) {
        IMR_TRY(imr_encoder_tokenize(e, texts[i], t->lens.v[i], true, &each, err));
        tokens += each.n;
    }
    for (size_t i = 0; i < BENCH_SINGLE; i++) {
        double start = imr_clock_seconds();
        size_t at = i % count;
        IMR_TRY(imr_encoder_encode(e, texts + at, t->lens.v + at, 1, rows.v, NULL, NULL, err));
        single[i] = 1000 * (imr_clock_seconds() - start);
    }
    double start = imr_clock_seconds();
    do {
        IMR_TRY(imr_encoder_encode(e, texts, t->lens.v, count, rows.v, NULL, NULL, err));
        done += count;
        seconds = imr_clock_seconds() - start;
    } while (seconds < BENCH_SECONDS && !imr_clock_frozen() && !imr_interrupted());
    imr_stats_sort(single, BENCH_SINGLE);
    double rate = seconds > 0 ? (double)done / seconds : 0;
    IMR_AUTOBUF imr_buf out = {0};
    imr_buf_printf(&out,
                   "one text         %s ms median, %s ms at the 95th percentile\n"
                   "many texts       %s texts/s, %s tokens/s\n",
                   IMR_FIXED(imr_stats_quantile(single, BENCH_SINGLE, 0.5), 3),
                   IMR_FIXED(imr_stats_quantile(single, BENCH_SINGLE, 0.95), 3), IMR_FIXED(rate, 0),
                   IMR_FIXED(rate * (double)tokens / (double)count, 0));
    return imr_cli_emit(cli, &out, err);
}

/* What bf16 would gain and cost on --dataset. */
static imr_status bench_precision(imr_cli *cli, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *less = NULL;
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    IMR_AUTOBUF imr_buf table = {0};
    IMR_TRY(imr_cli_encoder_as(&less, cli, IMR_BFLOAT16, err));
    IMR_TRY(imr_cli_dataset(&dataset, cli, NULL, err));
    IMR_TRY(imr_cli_precision_table(&table, cli, less, dataset, err));
    return imr_cli_emit(cli, &table, err);
}

static imr_status run_bench(imr_cli *cli, imr_error *err)
{
    const bool compares = imr_config_is_set(cli->config, IMR_OPT_DATASET);
    if (!compares || cli->n_arguments || imr_config_is_set(cli->config, IMR_OPT_INPUT))
        IMR_TRY(with_texts(cli, bench, err));
    return compares ? bench_precision(cli, err) : IMR_OK;
}

const imr_command imr_command_encoder_bench = {
    .name = "encoder bench",
    .usage = "--encoder DIR (-i FILE | TEXT... | --dataset D)",
    .summary = "how fast an encoder is here, and what less precision does to a data set",
    .options = IMR_OPTIONS(IMR_ENCODER_OPTIONS, IMR_OPT_PRECISION, IMR_OPT_INPUT,
                           IMR_DATASET_OPTIONS, IMR_OPT_SKIP_BAD_LINES, IMR_OPT_QUERY_PREFIX,
                           IMR_OPT_PASSAGE_PREFIX, IMR_OUTPUT_OPTIONS),
    .max_arguments = SIZE_MAX,
    .run = run_bench,
};

/* ---- train ---- */

static imr_status run_train(imr_cli *cli, imr_error *err)
{
    const imr_config *config = cli->config;
    const char *dir = imr_config_string(config, IMR_OPT_OUTPUT);
    if (!dir)
        dir = imr_config_string(config, IMR_OPT_OUTPUT_DIR);
    if (!dir)
        return imr_fail(err, IMR_E_USAGE, "-o DIR is needed (imrnn encoder train --help)");
    IMR_TRY(imr_cli_vacant(cli, dir, imr_static_files, err));
    imr_static_train_options options = IMR_STATIC_TRAIN_DEFAULTS;
    options.dim = (size_t)imr_config_int(config, IMR_OPT_DIM);
    options.min_documents = (uint32_t)imr_config_int(config, IMR_OPT_MIN_DOCUMENTS);
    options.seed = (uint64_t)imr_config_int(config, IMR_OPT_SEED);
    double start = imr_clock_seconds();
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    size_t words;
    IMR_AUTOBUF imr_buf b = {0};
    IMR_TRY(imr_cli_dataset(&dataset, cli, NULL, err));
    IMR_TRY(imr_encoder_train(&words, dir, dataset, &options, &cli->meter.progress, err));
    imr_buf_printf(&b, "%s: %zu words of %zu documents, n %zu, seed %llu, %s s\n", dir, words,
                   dataset->documents.n, options.dim, (unsigned long long)options.seed,
                   IMR_FIXED(imr_clock_seconds() - start, 1));
    return imr_cli_emit(cli, &b, err);
}

const imr_command imr_command_encoder_train = {
    .name = "encoder train",
    .usage = "--dataset D [--dim 384] -o DIR",
    .summary = "a static encoder from nothing but a corpus",
    .options =
        IMR_OPTIONS(IMR_DATASET_OPTIONS, IMR_OPT_DIM, IMR_OPT_MIN_DOCUMENTS, IMR_OUTPUT_OPTIONS,
                    IMR_OPT_OUTPUT_DIR, IMR_OPT_SKIP_BAD_LINES, IMR_OPT_SEED),
    .run = run_train,
    .own_output = true,
};
