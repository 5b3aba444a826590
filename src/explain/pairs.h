/*
 * explain/pairs.h - from two texts as the encoder read them to words that meet words (imr_pairs).
 *
 * Tokens become words before anything is multiplied: rows add up, so the pieces and the repetitions
 * of a word are one row, and its pooling weight is its share of the tokens. Special tokens and the
 * words of a prefix stay by themselves. A word is what the tokeniser's pre-tokeniser makes, spelled
 * as the normaliser leaves it.
 * Threads: no state; calls BLAS.
 */
#ifndef IMR_EXPLAIN_PAIRS_H
#define IMR_EXPLAIN_PAIRS_H

#include "base/arena.h"
#include "encoder/token_sum.h"
#include "explain/shares.h"
#include "explain/why.h"

/* At least two characters, one of them a letter, and not on the stop list (words that say nothing
 * alone: "the", "which"; English). Only such words stand in sentences and among the strongest. */
bool imr_word_is_named(const char *text);

/* A text as the encoder read it. Borrowed. */
typedef struct imr_pair_text {
    const imr_token_sum *sum;
    size_t prefix; /* its first bytes are the encoder's prefix, not the text */
} imr_pair_text;

typedef struct imr_pair_input {
    imr_pair_text query, document;
    const imr_encoder *encoder; /* special tokens' names */
    /* How each side becomes what it is after; NULL: no adapter. */
    const imr_share_side *query_side, *document_side;
    const imr_share_candidates *candidates;
    const imr_reference *reference; /* [IMR_STAGE_COUNT]; sd 0: no reference */
    const float *similarity;        /* [IMR_STAGE_COUNT] */
} imr_pair_input;

/* Where the sum differs by more than 1e-3 from the similarity there are no pairs, and out->problem
 * says so; likewise where the words add up to nothing. Errors: IMR_E_MEMORY. */
imr_status imr_pairs_make(imr_pairs *out, const imr_pair_input *in, imr_arena *arena,
                          imr_error *err) IMR_NODISCARD;

/* Of named words: the ten largest at the last stage there is, the ten largest gains and the ten
 * largest losses, each pair once, the largest at that stage first. */
imr_status imr_pairs_strongest(imr_strong_pair **out, size_t *n, const imr_pairs *pairs,
                               imr_arena *arena, imr_error *err) IMR_NODISCARD;

/* Of the tokens of sum, each one's place in pairs' words (query or document), as
 * imr_pairs_make joined them: out [sum->tokens.n]. Errors: IMR_E_MEMORY. */
imr_status imr_pairs_places(uint32_t *out, const imr_pair_text *text, imr_error *err) IMR_NODISCARD;

#endif
