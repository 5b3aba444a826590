#include "encoder/transformer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "encoder/settings.h"
#include "encoder/transformer_config.h"
#include "encoder/transformer_weights.h"

static void layer_done(imr_transformer_layer *l)
{
    float *const all[] = {l->qkv_bias,       l->out_bias,        l->up_bias, l->down_bias,
                          l->attention_gain, l->attention_shift, l->gain,    l->shift};
    imr_packed_done(&l->qkv);
    imr_packed_done(&l->out);
    imr_packed_done(&l->up);
    imr_packed_done(&l->down);
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
}

void imr_transformer_free(imr_transformer *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->layers && i < t->config.layers; i++)
        layer_done(&t->layers[i]);
    imr_free(t->layers);
    imr_free(t->weights);
    for (size_t i = 0; i < t->n_steps; i++) {
        imr_free(t->steps[i].w);
        imr_free(t->steps[i].bias);
    }
    imr_free(t->position);
    imr_free(t->type);
    imr_free(t->embedding_gain);
    imr_free(t->embedding_shift);
    imr_free(t->relative);
    imr_free(t);
}

/* ---- weights ---- */

enum { NAME_BYTES = 128 };

/* "<base>.weight" and "<base>.bias" of a dense map rows x cols. */
static imr_status read_dense(imr_packed *weight, float **bias, const imr_transformer *t,
                             const imr_checkpoint *w, const char *base, size_t rows, size_t cols,
                             imr_error *err)
{
    char name[NAME_BYTES];
    float *plain IMR_AUTOFREE = NULL;
    snprintf(name, sizeof name, "%s.weight", base);
    IMR_TRY(imr_checkpoint_read(&plain, w, name, rows, cols, err));
    IMR_TRY(imr_packed_init(weight, imr_view_of(plain, rows, cols), t->precision, t->kernels, err));
    snprintf(name, sizeof name, "%s.bias", base);
    return imr_checkpoint_read(bias, w, name, 0, rows, err);
}

static imr_status read_norm(float **gain, float **shift, const imr_checkpoint *w, const char *base,
                            size_t cols, imr_error *err)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.weight", base);
    IMR_TRY(imr_checkpoint_read(gain, w, name, 0, cols, err));
    snprintf(name, sizeof name, "%s.bias", base);
    return imr_checkpoint_read(shift, w, name, 0, cols, err);
}

/* All three in one matrix, so that one product makes what a head needs: a head's queries, then its
 * keys, then its values. */
static imr_status read_qkv(imr_transformer_layer *l, const imr_transformer *t,
                           const imr_checkpoint *w, const char *layer, imr_error *err)
{
    const char *const parts[] = {t->family->query, t->family->key, t->family->value};
    size_t hidden = t->config.hidden;
    char name[NAME_BYTES];
    const size_t width = hidden / t->config.heads;
    float *plain IMR_AUTOFREE = NULL;
    for (size_t i = 0; i < IMR_LEN(parts); i++) {
        float *weight IMR_AUTOFREE = NULL, *bias IMR_AUTOFREE = NULL;
        snprintf(name, sizeof name, "%s%s.weight", layer, parts[i]);
        IMR_TRY(imr_checkpoint_read(&weight, w, name, hidden, hidden, err));
        snprintf(name, sizeof name, "%s%s.bias", layer, parts[i]);
        IMR_TRY(imr_checkpoint_read(&bias, w, name, 0, hidden, err));
        if (!plain) {
            plain = imr_alloc_aligned(3 * hidden * hidden, sizeof *plain);
            l->qkv_bias = imr_alloc_aligned(3 * hidden, sizeof *l->qkv_bias);
            if (!plain || !l->qkv_bias)
                return imr_fail_memory(err);
        }
        for (size_t h = 0; h < t->config.heads; h++) {
            const size_t to = (3 * h + i) * width, from = h * width;
            memcpy(plain + to * hidden, weight + from * hidden, width * hidden * sizeof *plain);
            memcpy(l->qkv_bias + to, bias + from, width * sizeof *bias);
        }
    }
    return imr_packed_init(&l->qkv, imr_view_of(plain, 3 * hidden, hidden), t->precision,
                           t->kernels, err);
}

static imr_status read_layer(imr_transformer *t, size_t index, const imr_checkpoint *w,
                             imr_error *err)
{
    imr_transformer_layer *l = &t->layers[index];
    size_t hidden = t->config.hidden, inner = t->config.inner;
    char layer[NAME_BYTES / 2], name[NAME_BYTES];
    snprintf(layer, sizeof layer, "encoder.layer.%zu.", index);
    IMR_TRY(read_qkv(l, t, w, layer, err));
    snprintf(name, sizeof name, "%s%s", layer, t->family->out);
    IMR_TRY(read_dense(&l->out, &l->out_bias, t, w, name, hidden, hidden, err));
    snprintf(name, sizeof name, "%s%s", layer, t->family->attention_norm);
    IMR_TRY(read_norm(&l->attention_gain, &l->attention_shift, w, name, hidden, err));
    snprintf(name, sizeof name, "%sintermediate.dense", layer);
    IMR_TRY(read_dense(&l->up, &l->up_bias, t, w, name, inner, hidden, err));
    snprintf(name, sizeof name, "%soutput.dense", layer);
    IMR_TRY(read_dense(&l->down, &l->down_bias, t, w, name, hidden, inner, err));
    snprintf(name, sizeof name, "%soutput.LayerNorm", layer);
    return read_norm(&l->gain, &l->shift, w, name, hidden, err);
}

/* [heads, 2 longest - 1]: the bias of each head at every relative position, -(longest-1) first. */
static imr_status read_relative(imr_transformer *t, const imr_checkpoint *w, size_t longest,
                                imr_error *err)
{
    size_t heads = t->config.heads, width = 2 * longest - 1;
    float *table IMR_AUTOFREE = NULL;
    IMR_TRY(imr_checkpoint_read(&table, w, "encoder.relative_attention_bias.weight",
                                t->family->buckets, heads, err));
    t->relative = imr_alloc_aligned(heads * width, sizeof *t->relative);
    if (!t->relative)
        return imr_fail_memory(err);
    for (size_t i = 0; i < width; i++) {
        size_t bucket = t->family->bucket((int64_t)i - ((int64_t)longest - 1));
        for (size_t h = 0; h < heads; h++)
            t->relative[h * width + i] = table[bucket * heads + h];
    }
    return IMR_OK;
}

/* A pass goes through all of them in this order. Layers have one shape, so the first says how much
 * room there must be, and no more than one is ever there twice. */
static imr_status gather_layer(imr_transformer *t, size_t index, imr_error *err)
{
    imr_transformer_layer *l = &t->layers[index];
    imr_packed *const all[] = {&l->qkv, &l->out, &l->up, &l->down};
    size_t bytes = 0;
    for (size_t k = 0; k < IMR_LEN(all); k++)
        bytes += imr_packed_bytes(all[k]);
    if (!t->weights && !(t->weights = imr_alloc_large(t->config.layers, bytes)))
        return imr_fail_memory(err);
    char *place = (char *)t->weights + index * bytes;
    for (size_t k = 0; k < IMR_LEN(all); k++) {
        imr_packed_move(all[k], place);
        place += imr_packed_bytes(all[k]);
    }
    return IMR_OK;
}

static imr_status read_all(imr_encoder *e, const imr_checkpoint *w, imr_error *err)
{
    imr_transformer *t = e->transformer;
    const imr_transformer_config *c = &t->config;
    IMR_TRY(imr_checkpoint_read(&e->rows, w, "embeddings.word_embeddings.weight", c->vocab,
                                c->hidden, err));
    IMR_TRY(imr_checkpoint_read(&t->position, w, "embeddings.position_embeddings.weight",
                                c->positions, c->hidden, err));
    if (c->types)
        IMR_TRY(imr_checkpoint_read(&t->type, w, "embeddings.token_type_embeddings.weight",
                                    c->types, c->hidden, err));
    IMR_TRY(read_norm(&t->embedding_gain, &t->embedding_shift, w, "embeddings.LayerNorm", c->hidden,
                      err));
    t->layers = IMR_NEW_ARRAY(imr_transformer_layer, c->layers);
    if (!t->layers)
        return imr_fail_memory(err);
    for (size_t i = 0; i < c->layers; i++) {
        imr_checkpoint_forget(w);
        IMR_TRY(read_layer(t, i, w, err));
        IMR_TRY(gather_layer(t, i, err));
    }
    return t->family->bucket ? read_relative(t, w, e->max_tokens, err) : IMR_OK;
}

static imr_status read_weights(imr_encoder *e, const char *module, imr_error *err)
{
    imr_checkpoint w IMR_CLEANUP(imr_checkpoint_done) = {.n = 0};
    IMR_TRY(imr_checkpoint_open(&w, e, module, err));
    IMR_TRY(imr_checkpoint_find_prefix(&w, "embeddings.word_embeddings.weight", err));
    return read_all(e, &w, err);
}

/* ---- tokeniser and length ---- */

static imr_status open_tokenizer(imr_encoder *e, const char *module, bool lower, imr_error *err)
{
    imr_tokenizer_facts facts;
    IMR_TRY(imr_encoder_add_tokenizer(&facts, e, module, lower, err));
    e->keep_end = facts.keep_end;
    size_t known = imr_encoder_token_count(e), rows = e->transformer->config.vocab;
    if (known > rows)
        return imr_fail(err, IMR_E_SHAPE,
                        "%s: the vocabulary (%s) has %zu tokens, but the model has rows for %zu "
                        "(vocab_size in config.json)",
                        e->folder.path, facts.files[0], known, rows);
    imr_tokens special IMR_CLEANUP(imr_tokens_done) = {0};
    IMR_TRY(imr_encoder_tokenize(e, "", 0, true, &special, err));
    if (special.n >= e->max_tokens)
        return imr_fail(err, IMR_E_SHAPE,
                        "%s: texts may have %zu tokens, which the %zu special ones around each "
                        "fill already",
                        e->folder.path, e->max_tokens, special.n);
    return IMR_OK;
}

/* ---- the modules after the transformer ---- */

static imr_status activation_of(imr_activation *out, const imr_json *config, imr_error *err)
{
    static const char *const names[IMR_ACTIVATION_COUNT] = {"Identity", "Tanh", "ReLU", "Sigmoid"};
    const char *type =
        imr_json_string_or(config, "activation_function", "torch.nn.modules.activation.Tanh");
    const char *dot = strrchr(type, '.');
    for (size_t i = 0; i < IMR_ACTIVATION_COUNT; i++) {
        if (strcmp(dot ? dot + 1 : type, names[i]) == 0) {
            *out = (imr_activation)i;
            return IMR_OK;
        }
    }
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "the activation_function %.100s is not supported; supported: Identity, Tanh, "
                    "ReLU, Sigmoid",
                    type);
}

static imr_status read_dense_config(imr_transformer_step *s, bool *bias, size_t width,
                                    const imr_json *config, imr_error *err)
{
    int64_t in, out;
    IMR_TRY(imr_json_need_int(&in, config, "in_features", 1, IMR_MAX_DIM, err));
    IMR_TRY(imr_json_need_int(&out, config, "out_features", 1, IMR_MAX_DIM, err));
    if ((size_t)in != width)
        return imr_fail(err, IMR_E_SHAPE,
                        "in_features is %" PRId64 ", but the module before gives %zu dimensions",
                        in, width);
    static const char *const keys[] = {"module_input_name", "module_output_name"};
    for (size_t i = 0; i < IMR_LEN(keys); i++) {
        const char *name = imr_json_string_or(config, keys[i], "sentence_embedding");
        if (strcmp(name, "sentence_embedding") != 0)
            return imr_fail(err, IMR_E_UNSUPPORTED,
                            "%s \"%.100s\" is not supported; supported: sentence_embedding",
                            keys[i], name);
    }
    IMR_TRY(activation_of(&s->activation, config, err));
    *bias = imr_json_bool_or(config, "bias", true);
    s->in = (size_t)in;
    s->out = (size_t)out;
    return IMR_OK;
}

static imr_status need_module_json(imr_json **out, char **path, imr_encoder *e, const char *module,
                                   const char *what, imr_error *err)
{
    char *name IMR_AUTOFREE = imr_path_join(module, "config.json");
    if (!name)
        return imr_fail_memory(err);
    IMR_TRY(imr_folder_need(path, &e->folder, name, what, err));
    return imr_transformer_json(out, e, module, "config.json", err);
}

static imr_status open_dense(imr_encoder *e, const char *module, imr_error *err)
{
    imr_transformer_step *s = &e->transformer->steps[e->transformer->n_steps++];
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    bool bias = true;
    IMR_TRY(need_module_json(&config, &path, e, module, "the Dense module's description is", err));
    imr_status status = read_dense_config(s, &bias, e->dim, config, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, path);
    imr_checkpoint w IMR_CLEANUP(imr_checkpoint_done) = {.n = 0};
    IMR_TRY(imr_checkpoint_open(&w, e, module, err));
    IMR_TRY(imr_checkpoint_read(&s->w, &w, "linear.weight", s->out, s->in, err));
    if (bias)
        IMR_TRY(imr_checkpoint_read(&s->bias, &w, "linear.bias", 0, s->out, err));
    e->dim = s->out;
    return IMR_OK;
}

static imr_status open_pooling(imr_encoder *e, const char *module, imr_error *err)
{
    imr_transformer *t = e->transformer;
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(need_module_json(&config, &path, e, module, "the pooling's description is", err));
    static const char *const known[] = {"embedding_dimension",
                                        "word_embedding_dimension",
                                        "pooling_mode",
                                        "include_prompt",
                                        "pooling_mode_cls_token",
                                        "pooling_mode_max_tokens",
                                        "pooling_mode_mean_tokens",
                                        "pooling_mode_mean_sqrt_len_tokens",
                                        NULL};
    imr_settings_unknown(&e->notice, "the pooling's config.json", config, known);
    if (!imr_json_bool_or(config, "include_prompt", true) &&
        (e->query_prefix[0] || e->passage_prefix[0]))
        imr_settings_note(&e->notice, "the pooling's config.json: include_prompt is false, but the "
                                      "prompt's tokens are not left out of the vector here");
    imr_status status = imr_pool_read(&t->pool, config, t->config.hidden, err);
    return status == IMR_OK ? IMR_OK : imr_error_prefix(err, status, path);
}

static imr_status open_modules(imr_encoder *e, const imr_modules *m, imr_error *err)
{
    imr_transformer *t = e->transformer;
    if (m->n == 0)
        t->pool = (imr_pool){{IMR_POOL_MEAN}, 1};
    else if (m->n == 1 || m->kind[1] != IMR_MODULE_POOLING)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "%s/modules.json: the Transformer is not followed by a Pooling module",
                        e->folder.path);
    else
        IMR_TRY(open_pooling(e, m->path[1], err));
    e->dim = t->pool.n * t->config.hidden;
    for (size_t i = 2; i < m->n; i++) {
        if (m->kind[i] == IMR_MODULE_DENSE)
            IMR_TRY(open_dense(e, m->path[i], err));
        else if (m->kind[i] == IMR_MODULE_NORMALIZE)
            t->n_steps++;
        else
            return imr_fail(err, IMR_E_UNSUPPORTED,
                            "%s/modules.json: after Pooling only Dense and Normalize are "
                            "supported; module %zu is another",
                            e->folder.path, i);
    }
    if (e->dim > IMR_MAX_DIM)
        return imr_fail(err, IMR_E_LIMIT, "%s: vectors of %zu dimensions, at most %u are supported",
                        e->folder.path, e->dim, IMR_MAX_DIM);
    return IMR_OK;
}

imr_status imr_transformer_open(imr_encoder *e, const imr_modules *m, imr_error *err)
{
    const char *module = m->n ? m->path[0] : "";
    imr_transformer *t = IMR_NEW(imr_transformer);
    if (!t)
        return imr_fail_memory(err);
    e->transformer = t;
    t->kernels = e->kernels;
    t->precision = e->precision;
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    bool lower;
    IMR_TRY(need_module_json(&config, &path, e, module, "the transformer's description is", err));
    imr_status status = imr_transformer_family_of(&t->family, config, err);
    if (status == IMR_OK)
        status = imr_transformer_config_read(&t->config, t->family, config, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, path);
    e->kind = t->family->model_type;
    e->rows_dim = t->config.hidden;
    if (m->n)
        IMR_TRY(imr_encoder_add_file(e, "", "modules.json", err));
    status = imr_transformer_longest(&e->max_tokens, &lower, e, module, &t->config, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, e->folder.path);
    IMR_TRY(open_tokenizer(e, module, lower, err));
    if (e->tokens_only)
        return IMR_OK;
    IMR_TRY(read_weights(e, module, err));
    return open_modules(e, m, err);
}
