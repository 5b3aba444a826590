/* task/train_save.c - a trained adapter and its history on disk. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "task/train.h"

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

static void put_pair(imr_buf *b, const char *key, const char *text)
{
    imr_buf_printf(b, ",\n \"%s\": ", key);
    imr_json_put_string(b, text);
}

static void put_value(imr_buf *b, const char *key, double value)
{
    imr_buf_printf(b, ",\n \"%s\": ", key);
    imr_json_put_number(b, value);
}

static void put_measure(imr_buf *b, const char *key, const imr_train_measure *m)
{
    imr_buf_printf(b, ",\n \"%s\": {\"queries\": %zu, \"nDCG@10\": {\"encoder\": ", key,
                   m->queries);
    imr_json_put_number(b, m->encoder_ndcg);
    imr_buf_str(b, ", \"after\": ");
    imr_json_put_number(b, m->after_ndcg);
    imr_buf_str(b, "}, \"mean of nDCG, Recall, RR\": {\"encoder\": ");
    imr_json_put_number(b, m->encoder);
    imr_buf_str(b, ", \"after\": ");
    imr_json_put_number(b, m->after);
    imr_buf_str(b, "}}");
}

static void put_history(imr_buf *b, const imr_train_outcome *o, const imr_cache *cache,
                        const imr_train_plan *plan, const char *const *command, size_t n)
{
    const imr_train_options *t = &plan->options;
    const imr_train_history *h = &o->history;
    imr_buf_str(b, "{\"schema\": \"imrnn.training/1\",\n \"tool\": {\"name\": \"imrnn\", "
                   "\"version\": \"" IMR_VERSION "\"},\n \"command\": [");
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(b, i ? ", " : "");
        imr_json_put_string(b, command[i]);
    }
    imr_buf_char(b, ']');
    put_pair(b, "cache", cache->path);
    put_pair(b, "cache_sha256", cache->sha256);
    put_pair(b, "recipe", imr_recipe_name(plan->recipe));
    put_pair(b, "form", imr_form_name(plan->form));
    put_pair(b, "loss", imr_loss_names[t->loss.kind]);
    put_pair(b, "optimizer", imr_optimiser_names[t->optimiser]);
    put_value(b, "seed", (double)t->seed);
    put_value(b, "output_dim", (double)o->adapter->w.m);
    put_value(b, "hidden_dim", (double)plan->hidden_dim);
    put_value(b, "lr", t->lr);
    put_value(b, "weight_decay", t->weight_decay);
    put_value(b, "dropout", t->dropout);
    put_value(b, "batch_size", (double)t->batch_size);
    put_value(b, "num_negatives", (double)t->negatives);
    put_value(b, "patience", (double)t->patience);
    put_value(b, "feedback_k", (double)plan->feedback_k);
    put_pair(b, "negatives_from", o->negatives_from);
    put_value(b, "judged_weight", plan->judged_weight);
    put_value(b, "train_queries", (double)o->judged);
    put_value(b, "asks", (double)o->asks);
    put_value(b, "left_out", (double)h->left_out);
    put_value(b, "validation_queries", (double)o->all.queries);
    imr_buf_printf(b, ",\n \"validation_carved\": %s", o->validation_carved ? "true" : "false");
    put_measure(b, "validation_asks", &o->asked);
    put_measure(b, "validation", &o->all);
    put_measure(b, "validation_unseen", &o->unseen);
    put_value(b, "best_epoch", (double)h->best);
    imr_buf_printf(b, ",\n \"stopped_early\": %s, \"cancelled\": %s,\n \"epochs\": [",
                   h->stopped_early ? "true" : "false", h->cancelled ? "true" : "false");
    for (size_t i = 0; i <= h->n; i++) {
        imr_buf_printf(b, "%s\n  {\"epoch\": %zu, \"loss\": ", i ? "," : "", i);
        imr_json_put_number(b, h->v[i].loss);
        imr_buf_str(b, ", \"validation\": ");
        imr_json_put_number(b, h->v[i].validation);
        imr_buf_str(b, ", \"seconds\": ");
        imr_json_put_number(b, h->v[i].seconds);
        imr_buf_char(b, '}');
    }
    imr_buf_str(b, "]}\n");
}

imr_status imr_train_save(const imr_train_outcome *o, const imr_cache *cache,
                          const imr_train_plan *plan, const char *output_dir,
                          const char *const *command, size_t n, imr_error *err)
{
    static const char *const names[] = {"adapter.pt", "adapter.safetensors"};
    IMR_TRY(imr_dir_make(output_dir, err));
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        IMR_AUTOFREE char *path = imr_path_join(output_dir, names[i]);
        if (!path)
            return imr_fail_memory(err);
        IMR_TRY(save_adapter(o, cache, plan, path, err));
    }
    IMR_AUTOFREE char *path = imr_path_join(output_dir, "history.json");
    if (!path)
        return imr_fail_memory(err);
    IMR_AUTOBUF imr_buf b = {0};
    put_history(&b, o, cache, plan, command, n);
    IMR_TRY(imr_buf_check(&b, err));
    return imr_file_write(path, imr_buf_text(&b), b.len, err);
}
