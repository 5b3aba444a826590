/*
 * encoder/transformer_config.h - what the JSON files of a transformer folder say.
 * For src/encoder only.
 */
#ifndef IMR_ENCODER_TRANSFORMER_CONFIG_H
#define IMR_ENCODER_TRANSFORMER_CONFIG_H

#include "encoder/transformer.h"

/* Sizes and settings of config.json. Errors, without the file's name: IMR_E_UNSUPPORTED for another
 * activation, positions or decoder settings, IMR_E_SHAPE when heads do not divide the width. */
imr_status imr_transformer_config_read(imr_transformer_config *out,
                                       const imr_transformer_family *family, const imr_json *config,
                                       imr_error *err) IMR_NODISCARD;

/*
 * The longest text in tokens, special ones included: sentence_bert_config.json processing_kwargs
 * max_length, else max_seq_length; else the smaller of tokenizer_config.json model_max_length and
 * the positions there are. Both files are in `module`. IMR_E_SHAPE when it is more than there are
 * positions. *lower: the text is to be lower-cased first (do_lower_case). Other settings of the
 * first file are refused or noted (encoder/settings.h).
 */
imr_status imr_transformer_longest(size_t *out, bool *lower, imr_encoder *e, const char *module,
                                   const imr_transformer_config *c, imr_error *err) IMR_NODISCARD;

/* A JSON file of the folder, remembered as part of the identity; NULL when it is not there. */
imr_status imr_transformer_json(imr_json **out, imr_encoder *e, const char *module,
                                const char *file, imr_error *err) IMR_NODISCARD;

#endif
