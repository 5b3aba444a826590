/*
 * encoder/tokenizer_folder.h - the tokeniser of a folder, as the libraries read it.
 *
 * For static encoders tokenizer.json is read as it stands (`tokenizers`). For transformers the
 * class decides (transformers 5, whose ids these are): tokenizer_config.json tokenizer_class, else
 * config.json's, else the one of the model type.
 *   BertTokenizer, MPNetTokenizer and their likes, with or without "Fast": of tokenizer.json only
 *   the vocabulary and the added tokens; the rules are BERT's with do_lower_case (true when not
 *   said), strip_accents and tokenize_chinese_chars of tokenizer_config.json, [CLS] before a text
 *   and [SEP] behind it under the names given there.
 *   Any other class (PreTrainedTokenizerFast): tokenizer.json as it stands.
 * Both get the tokens of tokenizer_config.json added_tokens_decoder; or, where there is none, those
 * of special_tokens_map.json and added_tokens.json; and additional_special_tokens. A token that is
 * new to the vocabulary gets the next id. Without tokenizer.json the vocabulary is vocab.txt.
 */
#pragma once

#include "format/json.h"
#include "text/tokenizer.h"

typedef struct imr_tokenizer_wish {
    const char *family; /* "bert", "mpnet"; NULL: tokenizer.json as it stands */
    bool lower_first;   /* texts are lower-cased before anything else */
    imr_buf *notice;    /* NULL, or gets what is done otherwise elsewhere (imr_settings_note) */
} imr_tokenizer_wish;

typedef struct imr_tokenizer_facts {
    const char *files[3]; /* that decided, tokenizer.json or vocab.txt first; static storage. Not
                             tokenizer_config.json */
    size_t n_files;
    bool keep_end;  /* of a text that is too long the end is kept */
    size_t max_ids; /* truncation of tokenizer.json; 0: none */
} imr_tokenizer_facts;

/* wish and facts may be NULL. IMR_E_NOT_FOUND when there is neither tokenizer.json nor
 * vocab.txt. */
imr_status imr_tokenizer_open(imr_tokenizer **out, imr_tokenizer_facts *facts, const char *folder,
                              const imr_tokenizer_wish *wish, imr_error *err);

/*
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

/* Fills s, whose vocabulary is finished then, from a parsed file: all of it, or only the
 * vocabulary. Errors carry no file name; s is the caller's in any case. */
imr_status imr_tokenizer_read(imr_tokenizer_spec *s, const imr_json *root, imr_error *err);
imr_status imr_tokenizer_read_vocab(imr_tokenizer_spec *s, const imr_json *root, imr_error *err);
/* One {"content", "special", "normalized", "lstrip", "rstrip", "single_word"}; no id yet. */
imr_status imr_tokenizer_read_token(imr_added_token *out, const imr_json *item, imr_error *err);
