/*
 * text/tokens.h - token ids with the source bytes they came from: the value the tokeniser passes
 * on.
 */
#ifndef IMR_TEXT_TOKENS_H
#define IMR_TEXT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/normalise.h"
#include "text/pretokenise.h"

typedef struct imr_token {
    uint32_t id;
    uint32_t start, end; /* source bytes [start, end); empty for [CLS], [SEP] and their like */
} imr_token;

/* {0} is empty. The buffers are kept between calls, so one imr_tokens serves many texts. */
typedef struct imr_tokens {
    imr_token *v;
    size_t n, cap;
    bool cut;        /* ids were left out because of a maximum */
    imr_chars chars; /* the tokeniser's scratch */
    imr_pieces pieces;
} imr_tokens;

void imr_tokens_done(imr_tokens *t);

#endif
