/* cli/cmd_train.c - imrnn train. */
#include "base/number.h"
#include "cli/steps.h"
#include "report/formats.h"

static void set_size(size_t *to, const imr_config *c, imr_option_id id)
{
    if (imr_config_is_set(c, id))
        *to = (size_t)imr_config_int(c, id);
}

void imr_cli_train_plan(imr_train_plan *out, const imr_cli *cli)
{
    const imr_config *c = cli->config;
    imr_train_plan p = imr_train_plan_of((imr_recipe)imr_config_choice(c, IMR_OPT_RECIPE));
    if (imr_config_is_set(c, IMR_OPT_LOSS)) { /* the loss, and the optimiser that goes with it */
        const imr_train_options o =
            imr_train_defaults((imr_loss_kind)imr_config_choice(c, IMR_OPT_LOSS));
        p.options.loss = o.loss;
        p.options.optimiser = o.optimiser;
    }
    if (imr_config_choice(c, IMR_OPT_FORM) != IMR_FORM_AUTO)
        p.form = (imr_form)imr_config_choice(c, IMR_OPT_FORM);
    if (p.options.loss.kind == IMR_LOSS_IMPROVEMENT)
        p.options.loss.margin = imr_config_float(c, IMR_OPT_IMPROVEMENT_MARGIN);
    if (imr_config_is_set(c, IMR_OPT_DROPOUT))
        p.options.dropout = imr_config_float(c, IMR_OPT_DROPOUT);
    set_size(&p.output_dim, c, IMR_OPT_OUTPUT_DIM);
    set_size(&p.options.epochs, c, IMR_OPT_EPOCHS);
    set_size(&p.options.patience, c, IMR_OPT_PATIENCE);
    set_size(&p.options.negatives, c, IMR_OPT_NUM_NEGATIVES);
    set_size(&p.negative_pool, c, IMR_OPT_NEGATIVE_POOL);
    p.hidden_dim = (size_t)imr_config_int(c, IMR_OPT_HIDDEN_DIM);
    p.judged_weight = imr_config_float(c, IMR_OPT_JUDGED_WEIGHT);
    p.options.lr = imr_config_float(c, IMR_OPT_LR);
    p.options.weight_decay = imr_config_float(c, IMR_OPT_WEIGHT_DECAY);
    p.options.batch_size = (size_t)imr_config_int(c, IMR_OPT_BATCH_SIZE);
    p.options.seed = (uint64_t)imr_config_int(c, IMR_OPT_SEED);
    p.feedback_k = (uint32_t)imr_config_int(c, IMR_OPT_FEEDBACK_K);
    p.max_queries = (size_t)imr_config_int(c, IMR_OPT_MAX_QUERIES);
    *out = p;
}

imr_status imr_cli_train_run(imr_train_outcome *out, imr_cli *cli, const imr_cache *cache,
                             const imr_train_plan *plan, const char *dir, imr_error *err)
{
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *encoder = NULL;
    if (plan->recipe == IMR_RECIPE_CORPUS)
        IMR_TRY(imr_cli_encoder_of_cache(&encoder, cli, cache, err));
    else
        IMR_TRY(imr_cli_check_encoder(cli, cache, err));
    IMR_TRY(imr_train_cache(out, cache, encoder, plan, &cli->meter.progress, err));
    imr_status status = imr_train_save(out, cache, plan, dir, cli->argv, (size_t)cli->argc, err);
    if (status == IMR_OK && out->history.cancelled)
        status = imr_fail(err, IMR_E_CANCELLED,
                          "interrupted; %s/adapter.pt holds the best epoch so far", dir);
    return status;
}

void imr_cli_train_text(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    const imr_train_history *h = &o->history;
    const imr_train_measure *all = &o->all, *asked = &o->asked;
    const double n = (double)all->queries, m = (double)asked->queries;
    imr_buf_printf(b, "recipe %s: form %s, loss %s, %s, seed %llu\n%zu training queries",
                   imr_recipe_name(plan->recipe), imr_form_name(plan->form),
                   imr_loss_names[plan->options.loss.kind],
                   imr_optimiser_names[plan->options.optimiser],
                   (unsigned long long)plan->options.seed, h->examples);
    if (h->left_out)
        imr_buf_printf(b, " (%zu left out: no positive or no negatives)", h->left_out);
    imr_buf_printf(b, ", negatives from %s\n%zu validation queries%s", o->negatives_from,
                   all->queries, o->validation_carved ? " taken out of the training split" : "");
    if (asked->queries)
        imr_buf_printf(b, ", %zu titles that did not ask", asked->queries);
    imr_buf_printf(b, "\n%5s%12s%22s%9s\n%5s%12s%22s\n", "epoch", "loss", "validation", "seconds",
                   "-", "encoder", IMR_FIXED((n * all->encoder + m * asked->encoder) / (n + m), 4));
    for (size_t i = 0; i <= h->n; i++)
        imr_buf_printf(b, "%5zu%12s%22s%9s%s\n", i, i ? IMR_FIXED(h->v[i].loss, 4) : "untrained",
                       IMR_FIXED(h->v[i].validation, 4), IMR_FIXED(h->v[i].seconds, 2),
                       i == h->best ? "  best" : "");
    imr_buf_printf(b, "validation: mean of nDCG@10, Recall@10 and RR@10\nbest epoch %zu of %zu%s\n",
                   h->best, h->n,
                   h->cancelled       ? ", interrupted"
                   : h->stopped_early ? ", stopped early"
                                      : "");
    IMR_AUTOBUF imr_buf verdict = {0};
    imr_train_verdict(&verdict, o, plan);
    imr_report_wrap(b, imr_buf_text(&verdict), 0, 0, IMR_REPORT_WIDTH);
}

static imr_status run_train(imr_cli *cli, imr_error *err)
{
    const char *dir;
    imr_train_plan plan;
    IMR_CLEANUP(imr_cache_free_at) imr_cache *cache = NULL;
    IMR_CLEANUP(imr_train_outcome_done) imr_train_outcome o = {0};
    IMR_AUTOBUF imr_buf b = {0};
    IMR_TRY(imr_cli_need(&dir, cli, IMR_OPT_OUTPUT_DIR, err));
    IMR_TRY(imr_cli_vacant(cli, dir, imr_train_files, err));
    IMR_TRY(imr_cli_argument(cli, IMR_OPT_CACHE_DIR, err));
    IMR_TRY(imr_cli_cache(&cache, cli, err));
    imr_cli_train_plan(&plan, cli);
    const imr_status status = imr_cli_train_run(&o, cli, cache, &plan, dir, err);
    if (status != IMR_OK && !o.history.cancelled)
        return status;
    if (!cli->quiet)
        imr_cli_train_text(&b, &o, &plan);
    imr_buf_printf(&b, "wrote %s/adapter.pt\n", dir);
    IMR_TRY(imr_cli_emit(cli, &b, err));
    return status;
}

const imr_command imr_command_train = {
    .name = "train",
    .usage = "CACHE [--recipe corpus|imrnns-0.2|imrnns-0.1] --output-dir O",
    .summary = "train an adapter on a cache",
    .max_arguments = 1,
    .options =
        IMR_OPTIONS(IMR_OPT_CACHE_DIR, IMR_ENCODER_OPTIONS, IMR_OPT_OUTPUT_DIR, IMR_OPT_OVERWRITE,
                    IMR_DATASET_OPTIONS, IMR_OPT_SKIP_BAD_LINES, IMR_TRAIN_OPTIONS),
    .run = run_train,
};
