/* cli/cmd_run.c - imrnn run: encoder, cache, adapter, evaluation in one go. */

#include "base/clock.h"
#include "base/number.h"
#include "cli/steps.h"
#include "cli/evaluate.h"

enum { STEP_ENCODER, STEP_CACHE, STEP_TRAIN, STEP_EVALUATE, STEPS };
static const char *const step_names[] = {"encoder", "cache", "train", "evaluate"};

typedef struct work {
    imr_cli *cli;
    const char *output_dir;
    char *encoder_dir, *cache_dir, *adapter;
    double seconds[STEPS], since;
    bool json;
    imr_buf text; /* training table, then evaluation */
} work;

static void work_done(work *w)
{
    IMR_FREE(w->encoder_dir, w->cache_dir, w->adapter);
    imr_buf_done(&w->text);
}

static void end_step(work *w, int step)
{
    const double now = imr_clock_seconds();
    w->seconds[step] = now - w->since;
    w->since = now;
    imr_cli_say(w->cli, "%s: %s s", step_names[step], IMR_FIXED(w->seconds[step], 1));
}

static imr_status name_places(work *w, imr_error *err)
{
    const char *cache = imr_config_string(w->cli->config, IMR_OPT_CACHE_DIR);
    IMR_TRY(imr_cli_need(&w->output_dir, w->cli, IMR_OPT_OUTPUT_DIR, err));
    w->encoder_dir = imr_path_join(w->output_dir, "encoder");
    w->cache_dir = cache ? imr_strdup(cache) : imr_path_join(w->output_dir, "cache");
    w->adapter = imr_path_join(w->output_dir, "adapter.pt");
    IMR_NEED(w->encoder_dir && w->cache_dir && w->adapter, err);
    if (!imr_config_encoder(w->cli->config))
        IMR_TRY(imr_cli_vacant(w->cli, w->encoder_dir, imr_static_files, err));
    return imr_cli_vacant(w->cli, w->output_dir, imr_train_files, err);
}

/* Without --encoder a static one is trained from the data set's documents. */
static imr_status train_encoder(work *w, imr_error *err)
{
    imr_cli *cli = w->cli;
    IMR_AUTOFREE char *path = NULL;
    IMR_TRY(imr_cli_dataset_path(&path, cli, err));
    imr_dataset_options how = {.skip_bad_lines =
                                   imr_config_bool(cli->config, IMR_OPT_SKIP_BAD_LINES),
                               .progress = &cli->meter.progress};
    imr_static_train_options options = IMR_STATIC_TRAIN_DEFAULTS;
    options.dim = (size_t)imr_config_int(cli->config, IMR_OPT_DIM);
    options.min_documents = (uint32_t)imr_config_int(cli->config, IMR_OPT_MIN_DOCUMENTS);
    options.seed = (uint64_t)imr_config_int(cli->config, IMR_OPT_SEED);
    IMR_CLEANUP(imr_dataset_free_at) imr_dataset *dataset = NULL;
    IMR_TRY(imr_dataset_open(&dataset, path, &how, err));
    return imr_encoder_train(NULL, w->encoder_dir, dataset, &options, &cli->meter.progress, err);
}

static imr_status make_cache(work *w, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *encoder = NULL;
    if (imr_config_encoder(w->cli->config))
        IMR_TRY(imr_cli_encoder(&encoder, w->cli, err));
    else
        IMR_TRY(imr_encoder_open(&encoder, w->encoder_dir, NULL, err));
    return imr_cli_encode_cache(NULL, w->cli, w->cache_dir, encoder,
                                imr_config_bool(w->cli->config, IMR_OPT_OVERWRITE), err);
}

static void put_seconds(imr_buf *b, const work *w)
{
    imr_buf_str(b, "\nseconds:");
    for (int s = 0; s < STEPS; s++)
        if (s != STEP_ENCODER || !imr_config_encoder(w->cli->config))
            imr_buf_printf(b, " %s %s", step_names[s], IMR_FIXED(w->seconds[s], 1));
    imr_buf_printf(b, "\nlook at it: imrnn explore --checkpoint %s --cache-dir %s\n", w->adapter,
                   w->cache_dir);
}

static void put_json_head(imr_buf *b, const work *w, const imr_train_outcome *o,
                          const imr_train_plan *plan)
{
    const imr_train_history *h = &o->history;
    IMR_AUTOBUF imr_buf verdict = {0};
    imr_train_verdict(&verdict, o, plan);
    imr_json_printf(b,
                    "{'schema': 'imrnn.run/1', 'training': {'seed': %llu, 'epochs': %zu, "
                    "'best_epoch': %zu, 'validation_nDCG@10': %g, 'verdict': %s, 'adapter': %s},\n"
                    "'evaluation': ",
                    (unsigned long long)plan->options.seed, h->n, h->best, o->all.after_ndcg,
                    imr_buf_text(&verdict), w->adapter);
}

static void put_json_tail(imr_buf *b, const work *w)
{
    imr_json_printf(b, ",\n'seconds': {");
    for (int s = 0; s < STEPS; s++)
        imr_json_printf(b, s ? ", %s: %g" : "%s: %g", step_names[s], w->seconds[s]);
    imr_buf_str(b, "}}\n");
}

/* Trains and saves, also what C-c left of it. */
static imr_status train_adapter(work *w, const imr_cache *cache, imr_error *err)
{
    imr_train_plan plan;
    imr_cli_train_plan(&plan, w->cli);
    IMR_CLEANUP(imr_train_outcome_done) imr_train_outcome o = {0};
    IMR_TRY(imr_cli_train_run(&o, w->cli, cache, &plan, w->output_dir, err));
    if (w->json)
        put_json_head(&w->text, w, &o, &plan);
    else
        imr_cli_train_text(&w->text, &o, &plan);
    return IMR_OK;
}

static imr_status train_and_evaluate(work *w, const imr_cache *cache, imr_error *err)
{
    bool measured = imr_config_is_set(w->cli->config, IMR_OPT_SPLIT);
    for (size_t i = 0; i < cache->n_splits; i++)
        measured |= cache->splits[i].qrels != NULL;
    /* A split that cannot be measured is said before the training, not after it. */
    imr_eval_split split;
    if (measured)
        IMR_TRY(imr_eval_find_split(&split, cache, imr_config_string(w->cli->config, IMR_OPT_SPLIT),
                                    0, err));
    IMR_TRY(train_adapter(w, cache, err));
    end_step(w, STEP_TRAIN);
    if (measured && !w->json)
        imr_buf_char(&w->text, '\n');
    if (measured)
        IMR_TRY(imr_cli_evaluate_adapter(&w->text, w->cli, cache, w->adapter, w->json, err));
    else if (w->json)
        imr_buf_str(&w->text, "null");
    end_step(w, STEP_EVALUATE);
    return IMR_OK;
}

static imr_status run_run(imr_cli *cli, imr_error *err)
{
    IMR_CLEANUP(work_done) work w = {.cli = cli};
    IMR_CLEANUP(imr_cache_free_at) imr_cache *cache = NULL;
    IMR_AUTOFREE char *dataset = NULL;
    const char *named;
    IMR_TRY(imr_cli_json(&w.json, cli, err));
    IMR_TRY(name_places(&w, err));
    IMR_TRY(imr_cli_need(&named, cli, IMR_OPT_DATASET, err));
    w.since = imr_clock_seconds();
    if (!imr_config_encoder(cli->config)) {
        IMR_TRY(train_encoder(&w, err));
        end_step(&w, STEP_ENCODER);
    }
    IMR_TRY(make_cache(&w, err));
    end_step(&w, STEP_CACHE);
    IMR_TRY(imr_cli_dataset_path(&dataset, cli, err));
    IMR_TRY(imr_cli_open_cache(&cache, cli, w.cache_dir, dataset, err));
    imr_cli_say_absent(cli, cache);
    IMR_TRY(train_and_evaluate(&w, cache, err));
    (w.json ? put_json_tail : put_seconds)(&w.text, &w);
    return imr_cli_emit(cli, &w.text, err);
}

const imr_command imr_command_run = {
    .name = "run",
    .usage = "--dataset D [--encoder E] --output-dir O [options]",
    .summary = "cache, train and evaluate in one go",
    .options =
        IMR_OPTIONS(IMR_DATASET_OPTIONS, IMR_OPT_SKIP_BAD_LINES, IMR_ENCODER_OPTIONS,
                    IMR_OPT_EMBEDDING_DIM, IMR_OPT_QUERY_PREFIX, IMR_OPT_PASSAGE_PREFIX,
                    IMR_OPT_DIM, IMR_OPT_MIN_DOCUMENTS, IMR_OPT_CACHE_DIR, IMR_OPT_PRECISION,
                    IMR_OPT_DTYPE, IMR_OPT_OUTPUT_DIR, IMR_TRAIN_OPTIONS, IMR_OPT_SPLIT, IMR_OPT_K,
                    IMR_OPT_MEASURE, IMR_OPT_SCOPE, IMR_OPT_CANDIDATES, IMR_OPT_TRAINED_ON,
                    IMR_OPT_PER_QUERY, IMR_OPT_WRITE_RUNS, IMR_OPT_FORMAT, IMR_OUTPUT_OPTIONS),
    .run = run_run,
};
