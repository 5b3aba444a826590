/* cli/cmd_train.c - imrnn train. */
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/train.h"

void imr_cli_train_plan(imr_train_plan *out, const imr_cli *cli)
{
    const imr_config *c = cli->config;
    const imr_form form = (imr_form)imr_config_choice(c, IMR_OPT_FORM);
    const bool square = form == IMR_FORM_MEAN && !imr_config_is_set(c, IMR_OPT_OUTPUT_DIM);
    imr_train_plan p = {.form = form == IMR_FORM_AUTO ? IMR_FORM_DIAGONAL : form,
                        .output_dim = square ? 0 : (size_t)imr_config_int(c, IMR_OPT_OUTPUT_DIM),
                        .hidden_dim = (size_t)imr_config_int(c, IMR_OPT_HIDDEN_DIM),
                        .options =
                            imr_train_defaults((imr_loss_kind)imr_config_choice(c, IMR_OPT_LOSS)),
                        .negative_pool = (size_t)imr_config_int(c, IMR_OPT_NEGATIVE_POOL),
                        .feedback_k = (uint32_t)imr_config_int(c, IMR_OPT_FEEDBACK_K),
                        .max_queries = (size_t)imr_config_int(c, IMR_OPT_MAX_QUERIES)};
    p.options.lr = imr_config_float(c, IMR_OPT_LR);
    p.options.weight_decay = imr_config_float(c, IMR_OPT_WEIGHT_DECAY);
    p.options.dropout = imr_config_float(c, IMR_OPT_DROPOUT);
    p.options.batch_size = (size_t)imr_config_int(c, IMR_OPT_BATCH_SIZE);
    p.options.negatives = (size_t)imr_config_int(c, IMR_OPT_NUM_NEGATIVES);
    p.options.epochs = (size_t)imr_config_int(c, IMR_OPT_EPOCHS);
    p.options.patience = (size_t)imr_config_int(c, IMR_OPT_PATIENCE);
    p.options.seed = (uint64_t)imr_config_int(c, IMR_OPT_SEED);
    *out = p;
}

void imr_cli_train_text(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    const imr_train_history *h = &o->history;
    char text[64];
    imr_buf_printf(b, "form %s, loss %s, %s, seed %llu\n", imr_form_name(plan->form),
                   imr_loss_name(plan->options.loss.kind),
                   imr_optimiser_name(plan->options.optimiser),
                   (unsigned long long)plan->options.seed);
    imr_buf_printf(b, "%zu training queries", h->examples);
    if (h->left_out)
        imr_buf_printf(b, " (%zu left out: no positive or no negatives)", h->left_out);
    imr_buf_printf(b, ", %zu validation queries%s, negatives from %s\n", o->validation_queries,
                   o->validation_carved ? " taken out of the training split" : "",
                   o->negatives_from);
    imr_buf_printf(b, "%5s%12s%22s%9s\n", "epoch", "loss", "validation nDCG@10", "seconds");
    imr_buf_printf(b, "%5s%12s%22s\n", "-", "encoder",
                   imr_format_fixed(text, o->encoder_validation, 4, false));
    for (size_t i = 0; i < h->n; i++) {
        imr_buf_printf(b, "%5zu%12s", i + 1, imr_format_fixed(text, h->v[i].loss, 4, false));
        imr_buf_printf(b, "%22s", imr_format_fixed(text, h->v[i].validation, 4, false));
        imr_buf_printf(b, "%9s%s\n", imr_format_fixed(text, h->v[i].seconds, 2, false),
                       i == h->best ? "  best" : "");
    }
    imr_buf_printf(b, "best epoch %zu of %zu%s\n", h->best + 1, h->n,
                   h->cancelled       ? ", interrupted"
                   : h->stopped_early ? ", stopped early"
                                      : "");
}

static imr_status train(imr_cli *cli, const imr_cache *cache, const char *dir, imr_error *err)
{
    imr_train_plan plan;
    imr_cli_train_plan(&plan, cli);
    IMR_CLEANUP(imr_train_outcome_done) imr_train_outcome o = {0};
    IMR_TRY(imr_train_cache(&o, cache, &plan, imr_cli_progress(cli), err));
    IMR_TRY(imr_train_save(&o, cache, &plan, dir, cli->argv, (size_t)cli->argc, err));
    IMR_AUTOBUF imr_buf b = {0};
    imr_cli_train_text(&b, &o, &plan);
    IMR_AUTOFREE char *path = imr_path_join(dir, "adapter.pt");
    if (!path)
        return imr_fail_memory(err);
    imr_buf_printf(&b, "wrote %s\n", path);
    IMR_TRY(imr_cli_emit(cli, &b, err));
    if (o.history.cancelled)
        return imr_fail(err, IMR_E_CANCELLED, "interrupted; %s holds the best epoch so far", path);
    return IMR_OK;
}

static imr_status run_train(imr_cli *cli, imr_error *err)
{
    const char *dir;
    imr_cache *cache;
    IMR_TRY(imr_cli_need(&dir, cli, IMR_OPT_OUTPUT_DIR, err));
    IMR_TRY(imr_cli_cache(&cache, cli, err));
    imr_status status = train(cli, cache, dir, err);
    imr_cache_free(cache);
    return status;
}

static const imr_option_id options[] = {
    IMR_OPT_CACHE_DIR,      IMR_OPT_OUTPUT_DIR, IMR_OPT_DATASET, IMR_OPT_DATASETS_DIR,
    IMR_OPT_SKIP_BAD_LINES, IMR_TRAIN_OPTIONS,  IMR_OPT_COUNT};

const imr_command imr_command_train = {
    .name = "train",
    .usage = "--cache-dir C [--loss mnrl|margin] [--form diagonal|mean|full] --output-dir O",
    .summary = "train an adapter on a cache",
    .details = "Writes adapter.pt, adapter.safetensors and history.json. Validation queries are "
               "the cache's, or 15 % of the training queries, drawn with the seed. The best epoch "
               "is kept; C-c ends training and keeps the best one so far.",
    .example = "  imrnn train --cache-dir demo/cache --output-dir my-adapter --epochs 10",
    .options = options,
    .run = run_train,
};
