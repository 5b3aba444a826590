/*
 * text/tokens.h - token ids with the source bytes they came from: what the tokeniser passes on.
 */
#ifndef IMR_TEXT_TOKENS_H
#define IMR_TEXT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "text/normalise.h"
#include "text/pretokenise.h"

#define IMR_NO_WORD UINT32_MAX

typedef struct imr_token {
    uint32_t id;
    uint32_t start, end; /* source bytes [start, end); empty for [CLS], [SEP] around a text */
    uint32_t word;       /* which word of the text it is a piece of, counted from 0 as the
                            pre-tokeniser splits; IMR_NO_WORD for special tokens */
} imr_token;

/* {0} is empty. The buffers are kept between calls, so one imr_tokens serves many texts. */
typedef struct imr_tokens {
    imr_token *v;
    size_t n, cap;
    size_t total;    /* ids the text has; more than n when a maximum left some out */
    imr_buf spelled; /* when asked for: the words one after the other, each ended by a zero byte, */
    struct {
        uint32_t *v;
        size_t n, cap;
    } words;         /* and where each begins */
    imr_chars chars; /* the tokeniser's scratch */
    imr_pieces pieces;
} imr_tokens;

void imr_tokens_done(imr_tokens *t);

/* A word below t->words.n as the normaliser leaves it ("hipscs"), one that a maximum cut as far as
 * its tokens are kept. Borrowed. */
static inline const char *imr_tokens_word(const imr_tokens *t, size_t word)
{
    return t->spelled.data + t->words.v[word];
}

#endif
