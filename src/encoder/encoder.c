#include "encoder/encoder.h"

#include "base/file.h"
#include "encoder/encoder_kind.h"
#include "encoder/transformer.h"

void imr_encoder_free(imr_encoder *e)
{
    if (!e)
        return;
    imr_folder_done(&e->folder);
    imr_tokenizer_free(e->tokenizer);
    IMR_FREE(e->prompt, e->query_prefix, e->passage_prefix, e->rows);
    imr_transformer_free(e->transformer);
    for (size_t i = 0; i < e->n_files; i++)
        imr_free(e->files[i]);
    imr_buf_done(&e->notice);
    imr_free(e);
}

/* ---- opening ---- */

imr_status imr_encoder_add_file(imr_encoder *e, const char *module, const char *file,
                                imr_error *err)
{
    if (e->n_files >= IMR_MAX_ENCODER_FILES)
        return imr_fail(err, IMR_E_LIMIT, "an encoder of more than %u files",
                        IMR_MAX_ENCODER_FILES);
    IMR_NEED(e->files[e->n_files] = imr_path_join(module, file), err);
    e->n_files++;
    return IMR_OK;
}

imr_status imr_encoder_add_tokenizer(imr_tokenizer_facts *facts, imr_encoder *e, const char *module,
                                     bool lower_first, imr_error *err)
{
    static const char file[] = "tokenizer.json";
    const char *top = e->folder.path;
    const imr_path dir = *module ? imr_path_in(top, module) : imr_path_in("", top);
    char *path IMR_AUTOFREE = NULL;
    const char *family = e->transformer ? e->transformer->family->model_type : NULL;
    const imr_tokenizer_wish wish = {family, lower_first, &e->notice};
    IMR_TRY(imr_folder_file(&path, &e->folder, module, file, err));
    imr_status status = imr_tokenizer_open(&e->tokenizer, facts, dir.s, &wish, err);
    if (status == IMR_E_NOT_FOUND)
        return imr_folder_missing(&e->folder, module, file, "the tokeniser is", err);
    for (size_t i = 0; status == IMR_OK && i < facts->n_files; i++)
        status = imr_encoder_add_file(e, module, facts->files[i], err);
    return status;
}

static imr_status open_kind(imr_encoder *e, imr_error *err)
{
    imr_json *config IMR_AUTOJSON = NULL;
    char *path IMR_AUTOFREE = NULL;
    IMR_TRY(imr_folder_file(&path, &e->folder, "", "config.json", err));
    if (path)
        IMR_TRY(imr_json_open(&config, path, err));
    if (strcmp(imr_json_string_or(config, "model_type", ""), "model2vec") == 0)
        return imr_static_open_model2vec(e, config, err);
    imr_modules modules;
    IMR_TRY(imr_folder_modules(&modules, &e->folder, err));
    /* What Model2Vec trained has no model_type, but its configuration all the same. */
    if (modules.n > 0 && modules.kind[0] == IMR_MODULE_STATIC)
        return imr_json_is_object(config) && !imr_json_at(config, "model_type") &&
                       !modules.path[0][0]
                   ? imr_static_open_model2vec(e, config, err)
                   : imr_static_open_modules(e, &modules, err);
    if (!config && modules.n == 0)
        return imr_folder_missing(&e->folder, "", "config.json or modules.json",
                                  "this is no encoder folder, its description is", err);
    if (modules.n > 0 && modules.kind[0] != IMR_MODULE_TRANSFORMER)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "%s/modules.json: the first module is neither a Transformer nor a "
                        "StaticEmbedding",
                        e->folder.path);
    return imr_transformer_open(e, &modules, err);
}

/* ---- prompts ---- */

typedef struct prompts {
    const char *all, *query, *passage; /* NULL: none is named */
} prompts;

/* Of config_sentence_transformers.json: what encode, encode_query and encode_document would put
 * before a text. Borrowed from config. */
static imr_status read_prompts(prompts *out, imr_encoder *e, const imr_json *config, imr_error *err)
{
    static const char known[] =
        " __version__ model_type prompts default_prompt_name similarity_fn_name ";
    static const char *const documents[] = {"document", "passage", "corpus"};
    const imr_json *all = imr_json_at(config, "prompts");
    const char *name = imr_json_string_or(config, "default_prompt_name", NULL);
    imr_settings_unknown(&e->notice, "config_sentence_transformers.json", config, known);
    for (const imr_json *p = imr_json_child(all); p; p = imr_json_next(p)) {
        const char *key = imr_json_key(p), *text = imr_json_string_or(p, "", "");
        if (name && strcmp(key, name) == 0)
            out->all = text;
        if (strcmp(key, "query") == 0 && *text)
            out->query = text;
    }
    for (size_t i = 0; i < IMR_LEN(documents) && !out->passage; i++)
        if (*imr_json_string_or(all, documents[i], ""))
            out->passage = imr_json_string_or(all, documents[i], "");
    if (name && !out->all)
        return imr_fail(
            err, IMR_E_FORMAT,
            "%s/config_sentence_transformers.json: default_prompt_name \"%.60s\" is not "
            "among the prompts",
            e->folder.path, name);
    return IMR_OK;
}

/* A prefix that was asked for; else the default prompt, which encode puts before every text and so
 * into the reference's caches; else the prompt for this kind of text; else what is known. */
static imr_status set_prefixes(imr_encoder *e, const imr_encoder_options *o, imr_error *err)
{
    const char *name = e->folder.model_id ? e->folder.model_id : e->folder.name;
    const char *file = "config_sentence_transformers.json";
    imr_json *config IMR_AUTOJSON = NULL;
    prompts p = {0};
    const imr_path path = imr_path_in(e->folder.path, file);
    if (imr_file_exists(path.s)) {
        IMR_TRY(imr_json_open(&config, path.s, err));
        IMR_TRY(read_prompts(&p, e, config, err));
    }
    const char *query = p.all ? p.all : p.query ? p.query : imr_known_prefix(name, false);
    const char *passage = p.all ? p.all : p.passage ? p.passage : imr_known_prefix(name, true);
    const bool asked = o->query_prefix && o->passage_prefix;
    if (!p.all && (p.query || p.passage) && !asked)
        imr_settings_note(&e->notice,
                          "%s: \"%.80s\" is put before queries and \"%.80s\" before documents, as "
                          "encode_query and encode_document do; encode, which the reference "
                          "package calls, puts neither (--query-prefix, --passage-prefix)",
                          file, query, passage);
    e->prompt = imr_strdup(p.all ? p.all : "");
    e->query_prefix = imr_strdup(o->query_prefix ? o->query_prefix : query);
    e->passage_prefix = imr_strdup(o->passage_prefix ? o->passage_prefix : passage);
    return e->prompt && e->query_prefix && e->passage_prefix ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_encoder_open(imr_encoder **out, const char *folder_or_name,
                            const imr_encoder_options *options, imr_error *err)
{
    static const imr_encoder_options plain = {0};
    const imr_encoder_options *o = options ? options : &plain;
    IMR_BUDGET(folder_or_name);
    IMR_CLEANUP(imr_encoder_free_at) imr_encoder *e = IMR_NEW(imr_encoder);
    IMR_NEED(e, err);
    e->kernels = o->kernels ? o->kernels : imr_kernels_at(0);
    e->precision = o->precision;
    e->tokens_only = o->tokens_only;
    IMR_TRY(imr_folder_find(&e->folder, folder_or_name, options ? &o->hub : NULL, err));
    IMR_TRY(set_prefixes(e, o, err));
    IMR_TRY(open_kind(e, err));
    if (e->precision != IMR_FLOAT32 && !e->transformer)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "%s: a static encoder has no products to make with bf16; leave the "
                        "precision at float32",
                        e->folder.path);
    return IMR_GIVE(out, e);
}

/* ---- facts ---- */

imr_status imr_encoder_sha256(const imr_encoder *e, char out[IMR_SHA256_HEX], imr_error *err)
{
    imr_buf lines IMR_AUTOBUF = {0};
    for (size_t i = 0; i < e->n_files; i++) {
        char one[IMR_SHA256_HEX];
        IMR_TRY(imr_sha256_file(imr_path_in(e->folder.path, e->files[i]).s, one, err));
        imr_buf_printf(&lines, "%s  %s\n", one, e->files[i]);
    }
    if (e->precision != IMR_FLOAT32)
        imr_buf_printf(&lines, "%s\n", imr_precision_name(e->precision));
    IMR_TRY(imr_buf_check(&lines, err));
    return imr_sha256_memory(imr_buf_text(&lines), lines.len, out, err);
}

imr_view imr_encoder_token_rows(const imr_encoder *e)
{
    return imr_view_of(e->rows, imr_encoder_token_count(e), e->rows_dim);
}

size_t imr_encoder_token_count(const imr_encoder *e)
{
    return e->tokenizer->spec.vocab.n;
}

const char *imr_encoder_token_text(const imr_encoder *e, uint32_t id)
{
    return imr_vocab_text(&e->tokenizer->spec.vocab, id, NULL);
}

imr_status imr_encoder_tokenize(const imr_encoder *e, const char *text, size_t len, bool special,
                                imr_tokens *out, imr_error *err)
{
    imr_encode_options o = {.special = special, .spell = true};
    return imr_tokenizer_encode(e->tokenizer, text, len, &o, out, err);
}

/* ---- encoding ---- */

imr_status imr_encoder_read(imr_tokens *out, imr_token_count *count, const imr_encoder *e,
                            const char *text, size_t len, bool spell, imr_error *err)
{
    const imr_encode_options o = {.special = e->transformer != NULL,
                                  .spell = spell,
                                  .max_ids = e->max_tokens,
                                  .keep_end = e->keep_end,
                                  .max_chars = e->max_chars};
    const unsigned strange = e->transformer ? IMR_TOKEN_SPECIAL : IMR_TOKEN_UNKNOWN;
    IMR_TRY(imr_tokenizer_encode(e->tokenizer, text, len, &o, out, err));
    *count = (imr_token_count){.read = out->n, .total = out->total};
    for (size_t i = 0; i < out->n; i++)
        count->known += !(e->tokenizer->flags[out->v[i].id] & strange);
    return IMR_OK;
}

imr_status imr_encoder_count_tokens(imr_token_count *out, const imr_encoder *e, const char *text,
                                    size_t len, imr_error *err)
{
    imr_tokens tokens IMR_CLEANUP(imr_tokens_done) = {0};
    return imr_encoder_read(&tokens, out, e, text, len, false, err);
}

imr_status imr_encoder_read_tokens(imr_tokens *out, const imr_encoder *e, const char *text,
                                   size_t len, imr_error *err)
{
    imr_token_count count;
    return imr_encoder_read(out, &count, e, text, len, true, err);
}

static imr_status run(const imr_encoder_call *c, imr_error *err)
{
    return c->e->transformer ? imr_transformer_encode(c, err) : imr_static_encode(c, err);
}

imr_status imr_encoder_encode(const imr_encoder *e, const char *const *texts, const size_t *lens,
                              size_t count, float *out, imr_token_count *counts,
                              const imr_progress *progress, imr_error *err)
{
    return imr_encoder_encode_heard(e, texts, lens, count, out, counts, NULL, progress, err);
}

imr_status imr_encoder_encode_heard(const imr_encoder *e, const char *const *texts,
                                    const size_t *lens, size_t count, float *out,
                                    imr_token_count *counts, const imr_encoder_listener *listener,
                                    const imr_progress *progress, imr_error *err)
{
    return run(&(imr_encoder_call){e, texts, lens, NULL, count, out, counts, listener, progress},
               err);
}

imr_status imr_encoder_encode_tokens(const imr_encoder *e, const uint32_t *ids, size_t count,
                                     float *out, const imr_progress *progress, imr_error *err)
{
    return run(
        &(imr_encoder_call){.e = e, .ids = ids, .count = count, .out = out, .progress = progress},
        err);
}
