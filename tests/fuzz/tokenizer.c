/*
 * Text bytes to ids under a small vocabulary. Ids must be in it and spans ascend within the text;
 * cleaning and clipping the same bytes must give valid UTF-8 of the width asked for.
 */
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/tokenizers.h"
#include "text/utf8.h"

static const char vocab[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nworld\nwor\n##ld\n##s\n##e\n"
    "cafe\n,\n\xE5\x8C\x97\ni\na\n##a\n1\n\xCF\x83\n##\xCF\x82\n";

static void show(const char *text, size_t size, size_t columns)
{
    imr_buf clean = {0}, line = {0};
    uint32_t *map = NULL;
    must(imr_utf8_clean_map(&clean, &map, text, size, IMR_CLEAN_LINE, NULL) == IMR_OK);
    must(imr_utf8_first_bad(imr_buf_text(&clean), clean.len) == clean.len);
    for (size_t i = 0; i < clean.len; i++)
        must(map[i] <= map[i + 1] && map[i + 1] <= size);
    size_t used = imr_utf8_clip(&line, imr_buf_text(&clean), clean.len, columns, "..");
    must(used <= columns && used == imr_utf8_width(imr_buf_text(&line), line.len));
    imr_free(map);
    imr_buf_done(&clean);
    imr_buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static imr_tokenizer *t;
    if (!t)
        must(tokenizer_from_vocab(&t, vocab, sizeof vocab - 1, NULL, NULL) == IMR_OK);
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    imr_encode_options o = {.special = data[0] & 1,
                            .spell = data[0] & 2,
                            .max_ids = data[0] & 4 ? (size_t)(data[0] >> 3) : 0};
    imr_tokens tokens = {0};
    must(imr_tokenizer_encode(t, text, len, &o, &tokens, NULL) == IMR_OK);
    for (size_t i = 0; i < tokens.n; i++) {
        imr_token k = tokens.v[i];
        must(k.id < t->spec.vocab.n && k.start <= k.end && k.end <= len);
        must(i == 0 || tokens.v[i - 1].start <= k.start);
        must(k.word == IMR_NO_WORD || !o.spell ||
             (k.word < tokens.words.n && *imr_tokens_word(&tokens, k.word)));
    }
    must(tokens.n <= tokens.total);
    imr_tokens_done(&tokens);
    show(text, len, data[0] % 40);
    return 0;
}
