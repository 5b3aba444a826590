/*
 * encoder/static.h - static encoders: a text is the mean of its tokens' rows.
 *
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
 * Without `mapping` R must be V, the size of the vocabulary. For files of src/encoder only.
 */
#ifndef IMR_ENCODER_STATIC_H
#define IMR_ENCODER_STATIC_H

#include "encoder/encoder_kind.h"
#include "format/json.h"

#define IMR_MODEL2VEC_TOKENS 512u

/* A token that adds nothing to any text: Model2Vec's unknown one. */
bool imr_static_leaves_out(const imr_encoder *e, uint32_t id);
/* sum [n] becomes the sum of the tokens' rows; what it is multiplied with to give the vector. */
double imr_static_sum(const imr_encoder *e, const imr_tokens *tokens, double *sum);

/* Fill e, whose folder is set. On failure the caller frees e. */
imr_status imr_static_open_model2vec(imr_encoder *e, const imr_json *config,
                                     imr_error *err) IMR_NODISCARD;
imr_status imr_static_open_modules(imr_encoder *e, const imr_modules *m,
                                   imr_error *err) IMR_NODISCARD;

#endif
