#include "encoder/transformer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

/* ---- families ---- */

static const imr_transformer_family families[] = {{.model_type = "bert",
                                                   .architecture = "Bert",
                                                   .query = "attention.self.query",
                                                   .key = "attention.self.key",
                                                   .value = "attention.self.value",
                                                   .out = "attention.output.dense",
                                                   .attention_norm = "attention.output.LayerNorm",
                                                   .types = true},
                                                  {.model_type = "mpnet",
                                                   .architecture = "MPNet",
                                                   .query = "attention.attn.q",
                                                   .key = "attention.attn.k",
                                                   .value = "attention.attn.v",
                                                   .out = "attention.attn.o",
                                                   .attention_norm = "attention.LayerNorm",
                                                   .positions_after_pad = true,
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

imr_status imr_transformer_config_read(imr_transformer *t, const imr_json *config, imr_error *err)
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

imr_status imr_transformer_json(imr_json **out, char **path, imr_encoder *e, const char *module,
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

imr_status imr_transformer_longest(bool *lower, imr_encoder *e, const char *module, imr_error *err)
{
    const imr_transformer_config *c = &e->transformer->config;
    imr_json *sentence IMR_AUTOJSON = NULL, *tokenizer IMR_AUTOJSON = NULL;
    size_t positions = c->positions - c->first_position, longest = 0;
    IMR_TRY(
        imr_transformer_json(&sentence, NULL, e, module, "sentence_bert_config.json", NULL, err));
    IMR_TRY(imr_transformer_json(&tokenizer, NULL, e, module, "tokenizer_config.json", NULL, err));
    IMR_TRY(imr_error_prefix(err, read_sentence(&longest, lower, e, sentence, positions, err),
                             "sentence_bert_config.json"));
    /* Where no length was known, the libraries write one of more than 2^53: no integer for us. */
    const int64_t old = imr_json_int_or(tokenizer, "max_len", (int64_t)positions);
    const int64_t n = imr_json_int_or(tokenizer, "model_max_length", old);
    e->max_tokens = longest ? longest : n > 0 && (uint64_t)n < positions ? (size_t)n : positions;
    return IMR_OK;
}
