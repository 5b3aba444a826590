/*
 * Bytes as a tokenizer.json; what is accepted must tokenise any text without leaving its
 * vocabulary. The same bytes are tried as a vocab.txt.
 */
#include "tests/support/tokenizers.h"
#include "tests/fuzz/fuzz.h"

static void use(imr_tokenizer *t)
{
    static const char text[] =
        "Hello [MASK], caf\xC3\xA9 e\xCC\x81 \xE5\x8C\x97 <s>\xFF tab\tsun_moon";
    imr_tokens tokens = {0};
    imr_encode_options o = {.special = true};
    must(imr_tokenizer_encode(t, text, sizeof text - 1, &o, &tokens, NULL) == IMR_OK);
    for (size_t i = 0; i < tokens.n; i++)
        must(tokens.v[i].id < t->spec.vocab.n && tokens.v[i].end <= sizeof text - 1);
    imr_tokens_done(&tokens);
    imr_tokenizer_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    imr_tokenizer *t = NULL;
    if (tokenizer_from_json(&t, data, size, "fuzz", NULL) == IMR_OK)
        use(t);
    t = NULL;
    if (tokenizer_from_vocab(&t, (const char *)data, size, NULL, NULL) == IMR_OK)
        use(t);
    return 0;
}
