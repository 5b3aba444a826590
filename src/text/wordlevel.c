#include "text/wordlevel.h"

#include "base/array.h"
#include "base/limits.h"
#include "text/utf8.h"

imr_status imr_wordlevel_word(const imr_wordlevel *w, const imr_char *word, size_t n,
                              imr_tokens *out, imr_error *err)
{
    char text[IMR_MAX_ID_BYTES + 4];
    size_t len = 0;
    for (size_t i = 0; i < n && len <= w->vocab->longest; i++)
        len += imr_utf8_encode(word[i].cp, text + len);
    uint32_t id = len <= w->vocab->longest ? imr_vocab_id(w->vocab, text, len) : IMR_NO_TOKEN;
    if (id >= w->n_words)
        id = w->unknown;
    if (id != IMR_NO_TOKEN &&
        !IMR_PUSH(out, (imr_token){id, word[0].start, word[n - 1].end, IMR_NO_WORD}))
        return imr_fail_memory(err);
    return IMR_OK;
}
