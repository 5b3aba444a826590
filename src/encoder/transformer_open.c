#include "encoder/transformer.h"

#include <inttypes.h>
#include <math.h>

#include "base/limits.h"
#include "base/mem.h"
#include "math/nn.h"

void imr_transformer_free(imr_transformer *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->layers && i < t->config.layers; i++) {
        imr_dense *all = t->layers[i].products;
        for (size_t k = 0; k < IMR_PRODUCTS; k++) {
            imr_packed_done(&all[k].w);
            imr_free(all[k].bias);
        }
        const imr_layer_norm *first = &t->layers[i].attention_norm, *last = &t->layers[i].norm;
        IMR_FREE(first->gain, first->shift, last->gain, last->shift);
    }
    IMR_FREE(t->layers, t->weights);
    for (size_t i = 0; i < t->n_steps; i++) {
        IMR_FREE(t->steps[i].w, t->steps[i].bias);
    }
    IMR_FREE(t->position, t->type, t->embedding_norm.gain, t->embedding_norm.shift, t->relative, t);
}

/* ---- families ---- */

static const imr_transformer_family families[] = {
    {"bert", "Bert", "attention.self.query", "attention.self.key", "attention.self.value",
     "attention.output.dense", "attention.output.LayerNorm", .types = true},
    {"mpnet", "MPNet", "attention.attn.q", "attention.attn.k", "attention.attn.v",
     "attention.attn.o", "attention.LayerNorm", .positions_after_pad = true,
     .buckets = IMR_MPNET_BUCKETS}};

size_t imr_mpnet_bucket(int64_t relative)
{
    enum { HALF = IMR_MPNET_BUCKETS / 2, EXACT = HALF / 2 };
    size_t side = relative > 0 ? HALF : 0;
    uint64_t distance = relative > 0 ? (uint64_t)relative : 0 - (uint64_t)relative;
    if (distance < EXACT)
        return side + (size_t)distance;
    /* In float32 as in the original: the steps at 16, 32, 64 are where it puts them. */
    float step = logf((float)distance / EXACT) / (float)log(128.0 / EXACT) * (HALF - EXACT);
    size_t bucket = EXACT + (size_t)step;
    return side + (bucket < HALF ? bucket : HALF - 1);
}

static imr_status find_family(const imr_transformer_family **out, const imr_json *config,
                              imr_error *err)
{
    const char *type = imr_json_string_or(config, "model_type", NULL);
    const char *architecture = imr_json_string_or(config, "architectures/0", "");
    for (size_t i = 0; i < IMR_LEN(families); i++) {
        const imr_transformer_family *f = *out = &families[i];
        if (type ? strcmp(type, f->model_type) == 0
                 : strncmp(architecture, f->architecture, strlen(f->architecture)) == 0)
            return IMR_OK;
    }
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "the model type \"%.100s\" is not supported; supported: bert (MiniLM, E5, BGE, "
                    "GTE), mpnet, model2vec, and StaticEmbedding modules. A cache of its vectors "
                    "can be imported",
                    type            ? type
                    : *architecture ? architecture
                                    : "(none)");
}

/* ---- config.json ---- */

/* Settings that change the arithmetic, and the only values we compute. */
static imr_status check_settings(const imr_json *config, imr_error *err)
{
    static const imr_setting values[] = {{"hidden_act", "gelu", "gelu (with erf)"},
                                         {"position_embedding_type", "absolute", "absolute"}};
    static const char *const others[] = {"pruned_heads", "quantization_config"};
    static const char *const decoders[] = {"is_decoder", "add_cross_attention"};
    IMR_TRY(imr_settings_only(config, values, IMR_LEN(values), err));
    for (size_t i = 0; i < IMR_LEN(others); i++)
        if (imr_json_count(imr_json_at(config, others[i])))
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s is not supported: save the model without",
                            others[i]);
    for (size_t i = 0; i < IMR_LEN(decoders); i++)
        if (imr_json_bool_or(config, decoders[i], false))
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s is not supported: encoders only",
                            decoders[i]);
    return IMR_OK;
}

/* Sizes and settings. */
static imr_status read_config(imr_transformer *t, const imr_json *config, imr_error *err)
{
    IMR_TRY(find_family(&t->family, config, err));
    const imr_transformer_family *family = t->family;
    imr_transformer_config c = {.types = family->types ? 2 : 0};
    const struct {
        size_t *size;
        const char *key;
        int64_t most;
    } sizes[] = {{&c.vocab, "vocab_size", IMR_MAX_VOCAB},
                 {&c.hidden, "hidden_size", IMR_MAX_DIM},
                 {&c.layers, "num_hidden_layers", IMR_MAX_LAYERS},
                 {&c.heads, "num_attention_heads", IMR_MAX_DIM},
                 {&c.inner, "intermediate_size", 4 * IMR_MAX_DIM},
                 {&c.positions, "max_position_embeddings", IMR_MAX_TRANSFORMER_SEQUENCE},
                 {&c.types, "type_vocab_size", IMR_MAX_DIM}};
    const bool types = family->types && imr_json_at(config, "type_vocab_size");
    IMR_TRY(check_settings(config, err));
    for (size_t i = 0; i < IMR_LEN(sizes) - !types; i++) {
        int64_t v;
        IMR_TRY(imr_json_need_int(&v, config, sizes[i].key, 1, sizes[i].most, err));
        *sizes[i].size = (size_t)v;
    }
    if (c.hidden % c.heads != 0)
        return imr_fail(err, IMR_E_SHAPE,
                        "hidden_size %zu cannot be divided into num_attention_heads %zu", c.hidden,
                        c.heads);
    if (family->positions_after_pad) {
        int64_t pad = imr_json_int_or(config, "pad_token_id", 1);
        if (pad < 0 || pad >= (int64_t)c.positions - 1)
            return imr_fail(err, IMR_E_SHAPE,
                            "positions begin after pad_token_id %" PRId64
                            ", but max_position_embeddings is %zu",
                            pad, c.positions);
        c.pad = (size_t)pad;
        c.first_position = c.pad + 1;
    }
    int64_t buckets =
        imr_json_int_or(config, "relative_attention_num_buckets", (int64_t)family->buckets);
    if (family->buckets && buckets != (int64_t)family->buckets)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "relative_attention_num_buckets is %" PRId64 ", supported is %zu", buckets,
                        family->buckets);
    const imr_json *eps = imr_json_at(config, "layer_norm_eps");
    if (eps && !imr_json_is_number(eps))
        return imr_fail(err, IMR_E_FORMAT, "layer_norm_eps is no number");
    c.eps = imr_json_number_or(eps, "", 1e-12);
    if (!(c.eps >= 0 && c.eps < 1))
        return imr_fail(err, IMR_E_FORMAT, "layer_norm_eps is %g, expected 0 to 1", c.eps);
    t->config = c;
    return IMR_OK;
}

/* A JSON file of a module, remembered as part of the identity, and its path (NULL: not wanted);
 * IMR_E_NOT_FOUND with `what` is missing, or *out NULL when what is NULL. */
static imr_status open_json(imr_json **out, char **path, imr_encoder *e, const char *module,
                            const char *file, const char *what, imr_error *err)
{
    imr_json *json IMR_AUTOJSON = NULL;
    char *at IMR_AUTOFREE = NULL;
    IMR_TRY(what ? imr_folder_need(&at, &e->folder, module, file, what, err)
                 : imr_folder_file(&at, &e->folder, module, file, err));
    if (at) {
        IMR_TRY(imr_json_open(&json, at, err));
        if (!imr_json_is_object(json))
            return imr_fail(err, IMR_E_FORMAT, "%s: expected an object {...}", at);
        IMR_TRY(imr_encoder_add_file(e, module, file, err));
    }
    *out = IMR_TAKE(json);
    if (path) {
        *path = IMR_TAKE(at);
    }
    return IMR_OK;
}

/* ---- the longest text ---- */

/* The longest text where `key` says it; *longest stays otherwise. */
static imr_status read_length(size_t *longest, const imr_json *from, const char *key,
                              size_t positions, imr_error *err)
{
    const imr_json *given = imr_json_at(from, key);
    int64_t n;
    if (!given || imr_json_is_null(given))
        return IMR_OK;
    IMR_TRY(imr_json_need_int(&n, from, key, 1, IMR_MAX_TRANSFORMER_SEQUENCE, err));
    if ((size_t)n > positions)
        return imr_fail(err, IMR_E_SHAPE,
                        "%s is %" PRId64 ", but config.json has positions for %zu tokens", key, n,
                        positions);
    *longest = (size_t)n;
    return IMR_OK;
}

/* How sentence-transformers 6 calls the tokeniser: a length of its own goes before all others. */
static imr_status read_processing(size_t *longest, imr_encoder *e, const imr_json *part,
                                  size_t positions, imr_error *err)
{
    static const char known[] =
        " max_length truncation padding return_tensors return_attention_mask "
        "return_token_type_ids ";
    const imr_json *cut = imr_json_at(part, "truncation");
    imr_settings_unknown(&e->notice, "sentence_bert_config.json: processing_kwargs", part, known);
    if (!imr_json_bool_or(cut, "", true) ||
        strcmp(imr_json_string_or(cut, "", ""), "do_not_truncate") == 0)
        imr_settings_note(&e->notice, "sentence_bert_config.json: processing_kwargs: "
                                      "truncation is off, but long texts are cut here");
    return read_length(longest, part, "max_length", positions, err);
}

static imr_status read_sentence(size_t *longest, bool *lower, imr_encoder *e,
                                const imr_json *sentence, size_t positions, imr_error *err)
{
    static const char known[] = " max_seq_length do_lower_case transformer_task modality_config "
                                "module_output_name unpad_inputs processing_kwargs ";
    static const imr_setting fixed[] = {{"transformer_task", "feature-extraction", NULL},
                                        {"module_output_name", "token_embeddings", NULL}};
    imr_settings_unknown(&e->notice, "sentence_bert_config.json", sentence, known);
    IMR_TRY(imr_settings_only(sentence, fixed, IMR_LEN(fixed), err));
    *lower = imr_json_bool_or(sentence, "do_lower_case", false);
    IMR_TRY(read_length(longest, sentence, "max_seq_length", positions, err));
    IMR_TRY(read_processing(longest, e, imr_json_at(sentence, "processing_kwargs/text"), positions,
                            err));
    return read_processing(longest, e, imr_json_at(sentence, "processing_kwargs/common"), positions,
                           err);
}

/*
 * Sets e->max_tokens to the longest text in tokens, special ones included:
 * sentence_bert_config.json processing_kwargs max_length, else max_seq_length; else the smaller of
 * tokenizer_config.json model_max_length and the positions there are. Both files are in `module`.
 * IMR_E_SHAPE when it is more than there are positions. *lower: the text is to be lower-cased first
 * (do_lower_case). Other settings of the first file are refused or noted (imr_settings_note).
 */
static imr_status find_longest(bool *lower, imr_encoder *e, const char *module, imr_error *err)
{
    const imr_transformer_config *c = &e->transformer->config;
    imr_json *sentence IMR_AUTOJSON = NULL, *tokenizer IMR_AUTOJSON = NULL;
    size_t positions = c->positions - c->first_position, longest = 0;
    IMR_TRY(open_json(&sentence, NULL, e, module, "sentence_bert_config.json", NULL, err));
    IMR_TRY(open_json(&tokenizer, NULL, e, module, "tokenizer_config.json", NULL, err));
    IMR_TRY(imr_error_prefix(err, read_sentence(&longest, lower, e, sentence, positions, err),
                             "sentence_bert_config.json"));
    /* Where no length was known, the libraries write one of more than 2^53: no integer for us. */
    const int64_t old = imr_json_int_or(tokenizer, "max_len", (int64_t)positions);
    const int64_t n = imr_json_int_or(tokenizer, "model_max_length", old);
    e->max_tokens = longest ? longest : n > 0 && (uint64_t)n < positions ? (size_t)n : positions;
    return IMR_OK;
}

/* ---- weights ---- */

/* "<layer><part>.weight", rows x cols (rows 0: a vector of cols), and its "bias". */
static imr_status read_pair(float **weight, float **bias, const imr_checkpoint *w,
                            const char *layer, const char *part, size_t rows, size_t cols,
                            imr_error *err)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s.weight", layer, part);
    IMR_TRY(imr_checkpoint_read(weight, w, name, rows, cols, err));
    snprintf(name, sizeof name, "%s%s.bias", layer, part);
    return imr_checkpoint_read(bias, w, name, 0, rows ? rows : cols, err);
}

static imr_status read_norm(imr_layer_norm *n, const imr_transformer *t, const imr_checkpoint *w,
                            const char *layer, const char *part, imr_error *err)
{
    return read_pair(&n->gain, &n->shift, w, layer, part, 0, t->config.hidden, err);
}

static imr_status read_dense(imr_dense *d, const imr_encoder *e, const imr_checkpoint *w,
                             const char *layer, const char *part, size_t rows, size_t cols,
                             imr_error *err)
{
    float *plain IMR_AUTOFREE = NULL;
    IMR_TRY(read_pair(&plain, &d->bias, w, layer, part, rows, cols, err));
    return imr_packed_init(&d->w, imr_view_of(plain, rows, cols), e->precision, e->kernels, err);
}

/* All three in one matrix, so that one product makes what a head needs: a head's queries, then its
 * keys, then its values. */
static imr_status read_qkv(imr_dense *d, const imr_encoder *e, const imr_checkpoint *w,
                           const char *layer, imr_error *err)
{
    const imr_transformer *t = e->transformer;
    const char *const parts[] = {t->family->query, t->family->key, t->family->value};
    const size_t hidden = t->config.hidden, width = hidden / t->config.heads;
    float *plain IMR_AUTOFREE = NULL;
    for (size_t i = 0; i < IMR_LEN(parts); i++) {
        float *weight IMR_AUTOFREE = NULL, *bias IMR_AUTOFREE = NULL;
        IMR_TRY(read_pair(&weight, &bias, w, layer, parts[i], hidden, hidden, err));
        if (!plain) {
            plain = imr_alloc_aligned(3 * hidden * hidden, sizeof *plain);
            d->bias = imr_alloc_aligned(3 * hidden, sizeof *d->bias);
            IMR_NEED(plain && d->bias, err);
        }
        for (size_t h = 0; h < t->config.heads; h++) {
            const size_t to = (3 * h + i) * width, from = h * width;
            memcpy(plain + to * hidden, weight + from * hidden, width * hidden * sizeof *plain);
            memcpy(d->bias + to, bias + from, width * sizeof *bias);
        }
    }
    return imr_packed_init(&d->w, imr_view_of(plain, 3 * hidden, hidden), e->precision, e->kernels,
                           err);
}

static imr_status read_layer(imr_transformer_layer *l, const imr_encoder *e, size_t index,
                             const imr_checkpoint *w, imr_error *err)
{
    const imr_transformer *t = e->transformer;
    const size_t hidden = t->config.hidden, inner = t->config.inner;
    imr_dense *all = l->products;
    char layer[64];
    snprintf(layer, sizeof layer, "encoder.layer.%zu.", index);
    IMR_TRY(read_qkv(&all[IMR_QKV], e, w, layer, err));
    IMR_TRY(read_dense(&all[IMR_OUT], e, w, layer, t->family->out, hidden, hidden, err));
    IMR_TRY(read_norm(&l->attention_norm, t, w, layer, t->family->attention_norm, err));
    IMR_TRY(read_dense(&all[IMR_UP], e, w, layer, "intermediate.dense", inner, hidden, err));
    IMR_TRY(read_dense(&all[IMR_DOWN], e, w, layer, "output.dense", hidden, inner, err));
    return read_norm(&l->norm, t, w, layer, "output.LayerNorm", err);
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
    IMR_NEED(t->relative, err);
    for (size_t i = 0; i < width; i++) {
        size_t bucket = imr_mpnet_bucket((int64_t)i - ((int64_t)longest - 1));
        for (size_t h = 0; h < heads; h++)
            t->relative[h * width + i] = table[bucket * heads + h];
    }
    return IMR_OK;
}

/* A pass goes through all of them in this order. Layers have one shape, so the first says how much
 * room there must be, and no more than one is ever there twice. */
static imr_status gather_layer(imr_transformer *t, size_t index, imr_error *err)
{
    imr_dense *all = t->layers[index].products;
    size_t bytes = 0;
    for (size_t k = 0; k < IMR_PRODUCTS; k++)
        bytes += imr_packed_bytes(&all[k].w);
    if (!t->weights && !(t->weights = imr_alloc_large(t->config.layers, bytes)))
        return imr_fail_memory(err);
    char *place = (char *)t->weights + index * bytes;
    for (size_t k = 0; k < IMR_PRODUCTS; k++) {
        imr_packed_move(&all[k].w, place);
        place += imr_packed_bytes(&all[k].w);
    }
    return IMR_OK;
}

static imr_status read_weights(imr_encoder *e, const char *module, imr_error *err)
{
    static const char words[] = "embeddings.word_embeddings.weight";
    imr_checkpoint w IMR_CLEANUP(imr_checkpoint_done) = {.n = 0};
    imr_transformer *t = e->transformer;
    const imr_transformer_config *c = &t->config;
    IMR_TRY(imr_checkpoint_open(&w, e, module, err));
    IMR_TRY(imr_checkpoint_find_prefix(&w, words, err));
    IMR_TRY(imr_checkpoint_read(&e->rows, &w, words, c->vocab, c->hidden, err));
    IMR_TRY(imr_checkpoint_read(&t->position, &w, "embeddings.position_embeddings.weight",
                                c->positions, c->hidden, err));
    if (c->types)
        IMR_TRY(imr_checkpoint_read(&t->type, &w, "embeddings.token_type_embeddings.weight",
                                    c->types, c->hidden, err));
    IMR_TRY(read_norm(&t->embedding_norm, t, &w, "", "embeddings.LayerNorm", err));
    t->layers = IMR_NEW_ARRAY(imr_transformer_layer, c->layers);
    IMR_NEED(t->layers, err);
    for (size_t i = 0; i < c->layers; i++) {
        imr_checkpoint_forget(&w);
        IMR_TRY(read_layer(&t->layers[i], e, i, &w, err));
        IMR_TRY(gather_layer(t, i, err));
    }
    return t->family->buckets ? read_relative(t, &w, e->max_tokens, err) : IMR_OK;
}

/* ---- tokeniser ---- */

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
    const size_t special = e->tokenizer->spec.n_before + e->tokenizer->spec.n_after;
    if (special >= e->max_tokens)
        return imr_fail(err, IMR_E_SHAPE,
                        "%s: texts may have %zu tokens, which the %zu special ones around each "
                        "fill already",
                        e->folder.path, e->max_tokens, special);
    return IMR_OK;
}

/* ---- the modules after the transformer ---- */

static imr_status read_activation(imr_transformer_step *s, const imr_json *config, imr_error *err)
{
    static const struct {
        const char *name;
        void (*activate)(float *v, size_t n);
    } all[] = {{"Identity", NULL},
               {"Tanh", imr_nn_tanh},
               {"ReLU", imr_nn_relu},
               {"Sigmoid", imr_nn_sigmoid}};
    const char *type =
        imr_json_string_or(config, "activation_function", "torch.nn.modules.activation.Tanh");
    const char *dot = strrchr(type, '.');
    for (size_t i = 0; i < IMR_LEN(all); i++) {
        s->activate = all[i].activate;
        if (strcmp(dot ? dot + 1 : type, all[i].name) == 0)
            return IMR_OK;
    }
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "the activation_function %.100s is not supported; supported: Identity, Tanh, "
                    "ReLU, Sigmoid",
                    type);
}

static imr_status read_dense_config(imr_transformer_step *s, size_t width, const imr_json *config,
                                    imr_error *err)
{
    int64_t in, out;
    IMR_TRY(imr_json_need_int(&in, config, "in_features", 1, IMR_MAX_DIM, err));
    IMR_TRY(imr_json_need_int(&out, config, "out_features", 1, IMR_MAX_DIM, err));
    if ((size_t)in != width)
        return imr_fail(err, IMR_E_SHAPE,
                        "in_features is %" PRId64 ", but the module before gives %zu dimensions",
                        in, width);
    static const imr_setting fixed[] = {{"module_input_name", "sentence_embedding", NULL},
                                        {"module_output_name", "sentence_embedding", NULL}};
    IMR_TRY(imr_settings_only(config, fixed, IMR_LEN(fixed), err));
    s->in = (size_t)in;
    s->out = (size_t)out;
    return read_activation(s, config, err);
}

static imr_status open_dense(imr_encoder *e, const char *module, imr_error *err)
{
    imr_transformer_step *s = &e->transformer->steps[e->transformer->n_steps++];
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(open_json(&config, &path, e, module, "config.json", "the Dense module's description is",
                      err));
    IMR_TRY(imr_error_prefix(err, read_dense_config(s, e->dim, config, err), path));
    imr_checkpoint w IMR_CLEANUP(imr_checkpoint_done) = {.n = 0};
    IMR_TRY(imr_checkpoint_open(&w, e, module, err));
    IMR_TRY(imr_checkpoint_read(&s->w, &w, "linear.weight", s->out, s->in, err));
    if (imr_json_bool_or(config, "bias", true))
        IMR_TRY(imr_checkpoint_read(&s->bias, &w, "linear.bias", 0, s->out, err));
    e->dim = s->out;
    return IMR_OK;
}

static imr_status open_pooling(imr_encoder *e, const char *module, imr_error *err)
{
    imr_transformer *t = e->transformer;
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(
        open_json(&config, &path, e, module, "config.json", "the pooling's description is", err));
    static const char known[] =
        " embedding_dimension word_embedding_dimension pooling_mode include_prompt "
        "pooling_mode_cls_token pooling_mode_max_tokens pooling_mode_mean_tokens "
        "pooling_mode_mean_sqrt_len_tokens ";
    imr_settings_unknown(&e->notice, "the pooling's config.json", config, known);
    if (!imr_json_bool_or(config, "include_prompt", true) &&
        (e->query_prefix[0] || e->passage_prefix[0]))
        imr_settings_note(&e->notice, "the pooling's config.json: include_prompt is false, but the "
                                      "prompt's tokens are not left out of the vector here");
    return imr_error_prefix(err, imr_pool_read(&t->pool, config, t->config.hidden, err), path);
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
    IMR_NEED(t, err);
    e->transformer = t;
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    bool lower = false;
    IMR_TRY(open_json(&config, &path, e, module, "config.json", "the transformer's description is",
                      err));
    IMR_TRY(imr_error_prefix(err, read_config(t, config, err), path));
    e->kind = t->family->model_type;
    e->rows_dim = t->config.hidden;
    if (m->n)
        IMR_TRY(imr_encoder_add_file(e, "", "modules.json", err));
    IMR_TRY(imr_error_prefix(err, find_longest(&lower, e, module, err), e->folder.path));
    IMR_TRY(open_tokenizer(e, module, lower, err));
    if (e->tokens_only)
        return IMR_OK;
    IMR_TRY(read_weights(e, module, err));
    return open_modules(e, m, err);
}
