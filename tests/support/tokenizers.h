/* tests/support/tokenizers.h - tokenisers from bytes in memory; the program opens folders. */
#pragma once

#include "encoder/tokenizer_folder.h"

/* BERT's rules with the vocabulary of a vocab.txt; MPNet's names when line 1 is <s>. options NULL:
 * uncased. */
static inline imr_status tokenizer_from_vocab(imr_tokenizer **out, const char *text, size_t len,
                                              const imr_bert_options *options, imr_error *err)
{
    imr_tokenizer_spec s IMR_CLEANUP(imr_tokenizer_spec_done) = {0};
    imr_bert_options o = options ? *options : (imr_bert_options){0};
    IMR_TRY(imr_vocab_parse(&s.vocab, text, len, err));
    o.mpnet |= imr_vocab_id(&s.vocab, "<s>", 3) == 0;
    IMR_TRY(imr_tokenizer_bert(&s, &o, err));
    return imr_tokenizer_new(out, &s, err);
}

/* From the bytes of a tokenizer.json; name is used in errors. */
static inline imr_status tokenizer_from_json(imr_tokenizer **out, const void *json, size_t len,
                                             const char *name, imr_error *err)
{
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_parse(&root, json, len, name, err));
    imr_tokenizer_spec s IMR_CLEANUP(imr_tokenizer_spec_done) = {0};
    imr_status status = imr_tokenizer_read(&s, root, err);
    if (status == IMR_OK)
        status = imr_tokenizer_new(out, &s, err);
    return status == IMR_OK ? IMR_OK : imr_error_prefix(err, status, name);
}
