/* task/train_save.c - the recipes of training; what came of one, in words and on disk. */
#include "base/file.h"
#include "base/number.h"
#include "format/json.h"
#include "task/train.h"

const char *imr_recipe_name(imr_recipe r)
{
    static const char *const names[IMR_RECIPES] = {"corpus", "imrnns-0.2", "imrnns-0.1"};
    return names[r];
}

imr_train_plan imr_train_plan_of(imr_recipe recipe)
{
    const bool old = recipe == IMR_RECIPE_IMRNNS_01;
    imr_train_plan p = {.recipe = recipe,
                        .form = old ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN,
                        .output_dim = old ? 256 : 0,
                        .hidden_dim = 128,
                        .options = imr_train_defaults(old ? IMR_LOSS_MNRL : IMR_LOSS_IMPROVEMENT),
                        .miner = old ? IMR_MINER_BM25 : IMR_MINER_ENCODER,
                        .negative_pool = 100,
                        .judged_weight = 0.5,
                        .feedback_k = 100};
    if (old)
        p.options.epochs = 60;
    if (recipe == IMR_RECIPE_CORPUS) {
        p.options.negatives = 31;
        p.options.draw = true;
        p.options.epochs = 20; /* validation still rises after ten, and dips for seven */
        p.options.patience = 8;
        p.negative_pool = 40;
    }
    return p;
}

static void put_values(imr_buf *b, const imr_train_measure *m)
{
    imr_buf_printf(b, "nDCG@10 %s -> %s (%s)", IMR_FIXED(m->encoder_ndcg, 3),
                   IMR_FIXED(m->after_ndcg, 3), IMR_SIGNED(m->after_ndcg - m->encoder_ndcg, 3));
}

static void put_source(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    if (plan->recipe != IMR_RECIPE_CORPUS)
        imr_buf_printf(b, "Learnt from %zu judged queries. ", o->judged);
    else if (o->judged)
        imr_buf_printf(b,
                       "Learnt from the collection's own texts (%zu titles, each asking for its "
                       "document) and %zu judged queries. ",
                       o->asks, o->judged);
    else
        imr_buf_printf(b,
                       "Learnt from the collection's own texts alone (%zu titles, each asking for "
                       "its document), no judgement used. ",
                       o->asks);
}

/* Better by how much is better: below it, neither. */
static const char *judged(const imr_train_measure *m)
{
    const double change = m->after_ndcg - m->encoder_ndcg;
    return change > 0.005 ? "better" : change < -0.005 ? "worse" : "neither better nor worse";
}

void imr_train_verdict(imr_buf *b, const imr_train_outcome *o, const imr_train_plan *plan)
{
    put_source(b, o, plan);
    if (o->history.best == 0)
        imr_buf_str(b, "No epoch ranked better than before training: the adapter kept is the "
                       "untrained one. ");
    if (o->asked.queries) {
        imr_buf_printf(
            b, "%zu titles it did not learn from, each to find its own text: ", o->asked.queries);
        put_values(b, &o->asked);
        imr_buf_str(b, ". ");
    }
    if (o->all.queries == 0) {
        imr_buf_str(b, "Without judgements nothing says what it does to real queries.");
        return;
    }
    imr_buf_printf(b, "%zu validation queries", o->all.queries);
    if (o->unseen.queries == o->all.queries) {
        imr_buf_str(b, " whose relevant documents no judged query was about: ");
        put_values(b, &o->all);
        imr_buf_printf(b, ", %s than the encoder on what it never saw.", judged(&o->all));
        return;
    }
    imr_buf_str(b, ": ");
    put_values(b, &o->all);
    if (o->unseen.queries == 0) {
        imr_buf_str(b, ". Training saw the relevant documents of all of them: nothing says what it "
                       "does to others.");
        return;
    }
    imr_buf_printf(
        b, "; on the %zu of them whose relevant documents it never saw: ", o->unseen.queries);
    put_values(b, &o->unseen);
    imr_buf_printf(b, ", %s than the encoder.", judged(&o->unseen));
}

/* ---- on disk ---- */

static imr_status save_adapter(const imr_train_outcome *o, const imr_cache *cache,
                               const imr_train_plan *plan, const char *path, imr_error *err)
{
    const imr_train_options *t = &plan->options;
    const imr_encoder_identity *e = &cache->encoder;
    const imr_dataset *dataset = cache->dataset;
    size_t best = o->history.best;
    imr_torch_meta training[] = {
        {.name = "recipe", .kind = 's', .s = imr_recipe_name(plan->recipe)},
        {.name = "judged_queries", .kind = 'i', .i = (int64_t)o->judged},
        {.name = "asks", .kind = 'i', .i = (int64_t)o->asks},
        {.name = "loss", .kind = 's', .s = imr_loss_names[t->loss.kind]},
        {.name = "optimizer", .kind = 's', .s = imr_optimiser_names[t->optimiser]},
        {.name = "dropout", .kind = 'f', .f = t->dropout},
        {.name = "lr", .kind = 'f', .f = t->lr},
        {.name = "weight_decay", .kind = 'f', .f = t->weight_decay},
        {.name = "batch_size", .kind = 'i', .i = (int64_t)t->batch_size},
        {.name = "num_negatives", .kind = 'i', .i = (int64_t)t->negatives},
        {.name = "seed", .kind = 'i', .i = (int64_t)t->seed},
        {.name = "epochs", .kind = 'i', .i = (int64_t)o->history.n},
        {.name = "best_epoch", .kind = 'i', .i = (int64_t)best},
        {.name = "validation_ndcg_at_10", .kind = 'f', .f = o->all.after_ndcg},
    };
    imr_torch_meta meta[] = {
        {.name = "tool", .kind = 's', .s = "imrnn " IMR_VERSION},
        {.name = "encoder", .kind = 's', .s = e->name},
        {.name = "encoder_model_name", .kind = 's', .s = e->name},
        {.name = "encoder_sha256", .kind = 's', .s = e->sha256},
        {.name = "query_prefix", .kind = 's', .s = e->query_prefix},
        {.name = "passage_prefix", .kind = 's', .s = e->passage_prefix},
        {.name = "dataset", .kind = 's', .s = dataset ? imr_path_base(dataset->path) : ""},
        {.name = "dataset_sha256", .kind = 's', .s = cache->dataset_sha256},
        {.name = "training", .kind = 'd', .items = training, .n_items = IMR_LEN(training)},
    };
    return imr_adapter_save(o->adapter, path, meta, IMR_LEN(meta), err);
}

static void put_measure(imr_buf *b, const char *key, const imr_train_measure *m)
{
    imr_json_printf(b,
                    ",\n %s: {'queries': %zu, 'nDCG@10': {'encoder': %g, 'after': %g}, "
                    "'mean of nDCG, Recall, RR': {'encoder': %g, 'after': %g}}",
                    key, m->queries, m->encoder_ndcg, m->after_ndcg, m->encoder, m->after);
}

static void put_history(imr_buf *b, const imr_train_outcome *o, const imr_cache *cache,
                        const imr_train_plan *plan, const char *const *command, size_t n)
{
    const imr_train_options *t = &plan->options;
    const imr_train_history *h = &o->history;
    imr_json_printf(b,
                    "{'schema': 'imrnn.training/1',\n 'tool': {'name': 'imrnn', 'version': %s},\n "
                    "'command': [",
                    IMR_VERSION);
    for (size_t i = 0; i < n; i++)
        imr_json_printf(b, i ? ", %s" : "%s", command[i]);
    imr_json_printf(
        b,
        "],\n 'cache': %s,\n 'cache_sha256': %s,\n 'recipe': %s,\n 'form': %s,\n "
        "'loss': %s,\n 'optimizer': %s,\n 'seed': %g,\n 'output_dim': %zu,\n "
        "'hidden_dim': %zu,\n 'lr': %g,\n 'weight_decay': %g,\n 'dropout': %g,\n "
        "'batch_size': %zu,\n 'num_negatives': %zu,\n 'patience': %zu,\n "
        "'feedback_k': %u,\n 'negatives_from': %s,\n 'judged_weight': %g,\n "
        "'train_queries': %zu,\n 'asks': %zu,\n 'left_out': %zu,\n "
        "'validation_queries': %zu,\n 'validation_carved': %hhd",
        cache->path, cache->sha256, imr_recipe_name(plan->recipe), imr_form_name(plan->form),
        imr_loss_names[t->loss.kind], imr_optimiser_names[t->optimiser], (double)t->seed,
        o->adapter->w.m, plan->hidden_dim, t->lr, t->weight_decay, t->dropout, t->batch_size,
        t->negatives, t->patience, plan->feedback_k, o->negatives_from, plan->judged_weight,
        o->judged, o->asks, h->left_out, o->all.queries, o->validation_carved);
    put_measure(b, "validation_asks", &o->asked);
    put_measure(b, "validation", &o->all);
    put_measure(b, "validation_unseen", &o->unseen);
    imr_json_printf(b,
                    ",\n 'best_epoch': %zu,\n 'stopped_early': %hhd, 'cancelled': %hhd,\n "
                    "'epochs': [",
                    h->best, h->stopped_early, h->cancelled);
    for (size_t i = 0; i <= h->n; i++) {
        imr_buf_str(b, i ? ",\n  " : "\n  ");
        imr_json_printf(b, "{'epoch': %zu, 'loss': %g, 'validation': %g, 'seconds': %g}", i,
                        h->v[i].loss, h->v[i].validation, h->v[i].seconds);
    }
    imr_buf_str(b, "]}\n");
}

const char *const imr_train_files[] = {"adapter.pt", "adapter.safetensors", "history.json", NULL};

imr_status imr_train_save(const imr_train_outcome *o, const imr_cache *cache,
                          const imr_train_plan *plan, const char *output_dir,
                          const char *const *command, size_t n, imr_error *err)
{
    const char *const *names = imr_train_files;
    IMR_TRY(imr_dir_make(output_dir, err));
    for (size_t i = 0; i < 2; i++)
        IMR_TRY(save_adapter(o, cache, plan, imr_path_in(output_dir, names[i]).s, err));
    IMR_AUTOBUF imr_buf b = {0};
    put_history(&b, o, cache, plan, command, n);
    IMR_TRY(imr_buf_check(&b, err));
    return imr_file_write(imr_path_in(output_dir, names[2]).s, imr_buf_text(&b), b.len, err);
}
