/*
 * encoder/encoder_kind.h - what kinds of encoders share; for files of src/encoder only.
 *
 * encoder.c owns everything common (folder, tokeniser, prefixes, identity). A kind fills the rest
 * of imr_encoder when it is opened, and makes the vectors of a call.
 */
#pragma once

#include "encoder/encoder.h"
#include "encoder/tokenizer_folder.h"

/* All of imr_encoder_encode_heard or, with ids in place of texts, imr_encoder_encode_tokens. */
typedef struct imr_encoder_call {
    const imr_encoder *e;
    const char *const *texts;
    const size_t *lens;
    const uint32_t *ids;
    size_t count;
    float *out;
    imr_token_count *counts;
    const imr_encoder_listener *listener;
    const imr_progress *progress;
} imr_encoder_call;

imr_status imr_static_encode(const imr_encoder_call *c, imr_error *err);
imr_status imr_transformer_encode(const imr_encoder_call *c, imr_error *err);

/* The tokens of a text that are read, spelled or not; counts them. */
imr_status imr_encoder_read(imr_tokens *out, imr_token_count *count, const imr_encoder *e,
                            const char *text, size_t len, bool spell, imr_error *err);

/* Remembers "module/file" (module may be "") as one of the files of the identity. */
imr_status imr_encoder_add_file(imr_encoder *e, const char *module, const char *file,
                                imr_error *err);
/* Opens the tokeniser of a module's folder ("" for the root) as transformers or static encoders
 * have it and adds its files; lower_first: encoder/tokenizer_folder.h. Errors: IMR_E_NOT_FOUND
 * names what is missing and how to get it; whatever is wrong with the file. */
imr_status imr_encoder_add_tokenizer(imr_tokenizer_facts *facts, imr_encoder *e, const char *module,
                                     bool lower_first, imr_error *err);

/* ---- static encoders (encoder/static.c) ---- */

/*
 *   v = unit(mean_t E[t])        over the tokens of the text, no special ones; unit() where the
 *                                folder asks for it; the zero vector when there is no token
 *
 *                    Model2Vec                           StaticEmbedding
 *   found by         config.json model_type "model2vec", modules.json, first module
 *                    or none beside StaticEmbedding
 *   table            `embeddings` [R,n]                  `embedding.weight` (or `embeddings`) [V,n]
 *   row of token t   weights[t] * embeddings[mapping[t]] table[t]
 *   unknown tokens   left out, but counted               kept: the unknown token has a row
 *   at most          config.json `max_length` tokens:    `truncation` of tokenizer.json
 *                    512 when not said, all when null;
 *                    and as many times the median length
 *                    of a token in characters
 *   unit length      config.json `normalize`             a Normalize module
 *
 * Without `mapping` R must be V, the size of the vocabulary.
 */
#define IMR_MODEL2VEC_TOKENS 512u

/* A token that adds nothing to any text: Model2Vec's unknown one. */
bool imr_static_leaves_out(const imr_encoder *e, uint32_t id);
/* sum [n] becomes the sum of the tokens' rows; what it is multiplied with to give the vector. */
double imr_static_sum(const imr_encoder *e, const imr_tokens *tokens, double *sum);

/* Fill e, whose folder is set. On failure the caller frees e. */
imr_status imr_static_open_model2vec(imr_encoder *e, const imr_json *config, imr_error *err);
imr_status imr_static_open_modules(imr_encoder *e, const imr_modules *m, imr_error *err);
