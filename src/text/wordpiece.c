#include "text/wordpiece.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"
#include "text/utf8.h"

static imr_status whole(uint32_t id, const imr_char *word, size_t n, imr_tokens *out,
                        imr_error *err)
{
    if (!IMR_PUSH(out, (imr_token){id, word[0].start, word[n - 1].end, IMR_NO_WORD}))
        return imr_fail_memory(err);
    return IMR_OK;
}

imr_status imr_wordpiece_word(const imr_wordpiece *w, const imr_char *word, size_t n,
                              imr_tokens *out, imr_error *err)
{
    size_t mark = strlen(w->mark);
    assert(mark <= IMR_WORDPIECE_MARK_BYTES && w->max_chars <= IMR_MAX_WORD_CHARS);
    if (n > w->max_chars)
        return whole(w->unknown, word, n, out, err);

    /* The word's bytes, with room before them: the mark is written over bytes already matched. */
    char text[IMR_WORDPIECE_MARK_BYTES + 4 * IMR_MAX_WORD_CHARS];
    size_t at[IMR_MAX_WORD_CHARS + 1];
    at[0] = mark;
    for (size_t i = 0; i < n; i++)
        at[i + 1] = at[i] + imr_utf8_encode(word[i].cp, text + at[i]);

    size_t before = out->n;
    for (size_t first = 0; first < n;) {
        size_t prefix = first ? mark : 0;
        size_t from = at[first] - prefix;
        memcpy(text + from, w->mark, prefix);
        size_t last = n;
        while (last > first && at[last] - from > w->vocab->longest)
            last--;
        uint32_t id = IMR_NO_TOKEN;
        for (; last > first; last--) {
            id = imr_vocab_id(w->vocab, text + from, at[last] - from);
            if (id < w->n_words)
                break;
        }
        if (id >= w->n_words) {
            out->n = before;
            return whole(w->unknown, word, n, out, err);
        }
        if (!IMR_PUSH(out, (imr_token){id, word[first].start, word[last - 1].end, IMR_NO_WORD}))
            return imr_fail_memory(err);
        first = last;
    }
    return IMR_OK;
}
