/*
 * encoder/tokenizer_file.h - tokenisers from tokenizer.json; for folders
 * encoder/tokenizer_folder.h.
 *
 * tokenizer.json (the `tokenizers` library, version 1.0) is read with these parts:
 *   normalizer      BertNormalizer, Lowercase, NFD, NFKD, StripAccents, Strip, Replace (a string),
 *                   Sequence of them, null
 *   pre_tokenizer   BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation (isolated),
 *                   Sequence, null
 *   model           WordPiece, WordLevel
 *   post_processor  TemplateProcessing (the single form), BertProcessing, RobertaProcessing, null
 *   added_tokens    all their flags
 * Any other part is refused by name (IMR_E_UNSUPPORTED). Padding is not used, and truncation left
 * to the encoder.
 */
#ifndef IMR_ENCODER_TOKENIZER_FILE_H
#define IMR_ENCODER_TOKENIZER_FILE_H

#include "format/json.h"
#include "text/tokenizer.h"

/* Fills s, whose vocabulary is finished then, from a parsed file: all of it, or only the
 * vocabulary. Errors carry no file name; s is the caller's in any case. */
imr_status imr_tokenizer_read(imr_tokenizer_spec *s, const imr_json *root,
                              imr_error *err) IMR_NODISCARD;
imr_status imr_tokenizer_read_vocab(imr_tokenizer_spec *s, const imr_json *root,
                                    imr_error *err) IMR_NODISCARD;
/* One {"content", "special", "normalized", "lstrip", "rstrip", "single_word"}; no id yet. */
imr_status imr_tokenizer_read_token(imr_added_token *out, const imr_json *item,
                                    imr_error *err) IMR_NODISCARD;

#endif
