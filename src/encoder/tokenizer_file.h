/*
 * encoder/tokenizer_file.h - tokenisers from the files Hugging Face folders hold.
 *
 * tokenizer.json (the `tokenizers` library, version 1.0) is read with these parts:
 *   normalizer      BertNormalizer, Lowercase, NFD, NFKD, StripAccents, Strip, Replace (a string),
 *                   Sequence of them, null
 *   pre_tokenizer   BertPreTokenizer, Whitespace, WhitespaceSplit, Punctuation (isolated),
 *                   Sequence, null
 *   model           WordPiece, WordLevel
 *   post_processor  TemplateProcessing (the single form), BertProcessing, RobertaProcessing, null
 *   added_tokens    all their flags
 * Any other part is refused by name (IMR_E_UNSUPPORTED). Truncation and padding are not used: the
 * encoder decides.
 */
#ifndef IMR_ENCODER_TOKENIZER_FILE_H
#define IMR_ENCODER_TOKENIZER_FILE_H

#include "text/tokenizer.h"

/* From the bytes of a tokenizer.json; name is used in errors. */
imr_status imr_tokenizer_parse(imr_tokenizer **out, const void *json, size_t len, const char *name,
                               imr_error *err) IMR_NODISCARD;

/* From a folder: tokenizer.json, else vocab.txt with the flags of tokenizer_config.json.
 * IMR_E_NOT_FOUND when it has neither. *file (may be NULL) gets the name of the file read, static
 * storage. */
imr_status imr_tokenizer_open(imr_tokenizer **out, const char *folder, const char **file,
                              imr_error *err) IMR_NODISCARD;

#endif
