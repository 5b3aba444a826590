#include "encoder/transformer_config.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "encoder/bert.h"
#include "encoder/mpnet.h"
#include "encoder/settings.h"

imr_status imr_transformer_family_of(const imr_transformer_family **out, const imr_json *config,
                                     imr_error *err)
{
    static const imr_transformer_family *const families[] = {&imr_bert_family, &imr_mpnet_family};
    const char *type = imr_json_string_or(config, "model_type", NULL);
    const char *architecture = imr_json_string_or(config, "architectures/0", "");
    for (size_t i = 0; i < IMR_LEN(families); i++) {
        const imr_transformer_family *f = families[i];
        if (type ? strcmp(type, f->model_type) == 0
                 : strncmp(architecture, f->architecture, strlen(f->architecture)) == 0) {
            *out = f;
            return IMR_OK;
        }
    }
    const char *shown = type ? type : *architecture ? architecture : "(none)";
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "the model type \"%.100s\" is not supported; supported: bert (MiniLM, E5, BGE, "
                    "GTE), mpnet, model2vec, and StaticEmbedding modules. A cache of its vectors "
                    "can be imported",
                    shown);
}

static imr_status need_size(size_t *out, const imr_json *config, const char *key, int64_t most,
                            imr_error *err)
{
    int64_t v;
    IMR_TRY(imr_json_need_int(&v, config, key, 1, most, err));
    *out = (size_t)v;
    return IMR_OK;
}

/* Settings that change the arithmetic, and the only values we compute. */
static imr_status check_settings(const imr_json *config, imr_error *err)
{
    const char *act = imr_json_string_or(config, "hidden_act", "gelu");
    if (strcmp(act, "gelu") != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "hidden_act \"%.100s\" is not supported; supported: gelu (with erf)", act);
    const char *positions = imr_json_string_or(config, "position_embedding_type", "absolute");
    if (strcmp(positions, "absolute") != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "position_embedding_type \"%.100s\" is not supported; supported: absolute",
                        positions);
    static const char *const others[] = {"pruned_heads", "quantization_config"};
    for (size_t i = 0; i < IMR_LEN(others); i++)
        if (imr_json_count(imr_json_at(config, others[i])))
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s is not supported: save the model without",
                            others[i]);
    static const char *const decoders[] = {"is_decoder", "add_cross_attention"};
    for (size_t i = 0; i < IMR_LEN(decoders); i++)
        if (imr_json_bool_or(config, decoders[i], false))
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s is not supported: encoders only",
                            decoders[i]);
    return IMR_OK;
}

imr_status imr_transformer_config_read(imr_transformer_config *out,
                                       const imr_transformer_family *family, const imr_json *config,
                                       imr_error *err)
{
    imr_transformer_config c = {0};
    IMR_TRY(check_settings(config, err));
    IMR_TRY(need_size(&c.vocab, config, "vocab_size", IMR_MAX_VOCAB, err));
    IMR_TRY(need_size(&c.hidden, config, "hidden_size", IMR_MAX_DIM, err));
    IMR_TRY(need_size(&c.layers, config, "num_hidden_layers", IMR_MAX_LAYERS, err));
    IMR_TRY(need_size(&c.heads, config, "num_attention_heads", IMR_MAX_DIM, err));
    IMR_TRY(need_size(&c.inner, config, "intermediate_size", 4 * IMR_MAX_DIM, err));
    IMR_TRY(need_size(&c.positions, config, "max_position_embeddings", IMR_MAX_TRANSFORMER_SEQUENCE,
                      err));
    if (c.hidden % c.heads != 0)
        return imr_fail(err, IMR_E_SHAPE,
                        "hidden_size %zu cannot be divided into num_attention_heads %zu", c.hidden,
                        c.heads);
    if (family->types) {
        if (imr_json_at(config, "type_vocab_size"))
            IMR_TRY(need_size(&c.types, config, "type_vocab_size", IMR_MAX_DIM, err));
        else
            c.types = 2;
    }
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
    if (family->bucket && buckets != (int64_t)family->buckets)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "relative_attention_num_buckets is %" PRId64 ", supported is %zu", buckets,
                        family->buckets);
    if (imr_json_at(config, "layer_norm_eps") &&
        !imr_json_is_number(imr_json_at(config, "layer_norm_eps")))
        return imr_fail(err, IMR_E_FORMAT, "layer_norm_eps is no number");
    c.eps = imr_json_number_or(config, "layer_norm_eps", 1e-12);
    if (!(c.eps >= 0 && c.eps < 1))
        return imr_fail(err, IMR_E_FORMAT, "layer_norm_eps is %g, expected 0 to 1", c.eps);
    *out = c;
    return IMR_OK;
}

imr_status imr_transformer_json(imr_json **out, imr_encoder *e, const char *module,
                                const char *file, imr_error *err)
{
    char *name IMR_AUTOFREE = imr_path_join(module, file);
    if (!name)
        return imr_fail_memory(err);
    imr_json *json IMR_AUTOJSON = NULL;
    IMR_TRY(imr_folder_json(&json, &e->folder, name, err));
    if (json && !imr_json_is_object(json))
        return imr_fail(err, IMR_E_FORMAT, "%s/%s: expected an object {...}", e->folder.path, name);
    if (json)
        IMR_TRY(imr_encoder_add_file(e, module, file, err));
    *out = json;
    json = NULL;
    return IMR_OK;
}

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
static imr_status read_processing(size_t *longest, imr_encoder *e, const imr_json *sentence,
                                  size_t positions, imr_error *err)
{
    static const char *const known[] = {"max_length",
                                        "truncation",
                                        "padding",
                                        "return_tensors",
                                        "return_attention_mask",
                                        "return_token_type_ids",
                                        NULL};
    static const char *const parts[] = {"text", "common"};
    for (size_t i = 0; i < IMR_LEN(parts); i++) {
        const imr_json *part = imr_json_at(imr_json_at(sentence, "processing_kwargs"), parts[i]);
        const imr_json *cut = imr_json_at(part, "truncation");
        imr_settings_unknown(&e->notice, "sentence_bert_config.json: processing_kwargs", part,
                             known);
        if ((cut && imr_json_is_bool(cut) && !imr_json_bool_or(cut, "", true)) ||
            strcmp(imr_json_string_or(cut, "", ""), "do_not_truncate") == 0)
            imr_settings_note(&e->notice, "sentence_bert_config.json: processing_kwargs: "
                                          "truncation is off, but long texts are cut here");
        IMR_TRY(read_length(longest, part, "max_length", positions, err));
    }
    return IMR_OK;
}

static imr_status read_sentence(size_t *longest, bool *lower, imr_encoder *e,
                                const imr_json *sentence, size_t positions, imr_error *err)
{
    static const char *const known[] = {
        "max_seq_length",     "do_lower_case", "transformer_task",  "modality_config",
        "module_output_name", "unpad_inputs",  "processing_kwargs", NULL};
    static const struct {
        const char *key, *only;
    } fixed[] = {{"transformer_task", "feature-extraction"},
                 {"module_output_name", "token_embeddings"}};
    imr_settings_unknown(&e->notice, "sentence_bert_config.json", sentence, known);
    for (size_t i = 0; i < IMR_LEN(fixed); i++) {
        const char *value = imr_json_string_or(sentence, fixed[i].key, fixed[i].only);
        if (strcmp(value, fixed[i].only) != 0)
            return imr_fail(err, IMR_E_UNSUPPORTED, "%s \"%.60s\" is not supported; supported: %s",
                            fixed[i].key, value, fixed[i].only);
    }
    *lower = imr_json_bool_or(sentence, "do_lower_case", false);
    IMR_TRY(read_length(longest, sentence, "max_seq_length", positions, err));
    return read_processing(longest, e, sentence, positions, err);
}

imr_status imr_transformer_longest(size_t *out, bool *lower, imr_encoder *e, const char *module,
                                   const imr_transformer_config *c, imr_error *err)
{
    imr_json *sentence IMR_AUTOJSON = NULL, *tokenizer IMR_AUTOJSON = NULL;
    size_t positions = c->positions - c->first_position, longest = 0;
    IMR_TRY(imr_transformer_json(&sentence, e, module, "sentence_bert_config.json", err));
    IMR_TRY(imr_transformer_json(&tokenizer, e, module, "tokenizer_config.json", err));
    *lower = false;
    imr_status status = read_sentence(&longest, lower, e, sentence, positions, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, "sentence_bert_config.json");
    /* Where no length was known, the libraries write one of more than 2^53: no integer for us. */
    const int64_t old = imr_json_int_or(tokenizer, "max_len", (int64_t)positions);
    const int64_t n = imr_json_int_or(tokenizer, "model_max_length", old);
    *out = longest ? longest : n > 0 && (uint64_t)n < positions ? (size_t)n : positions;
    return IMR_OK;
}
