/*
 * text/pretokenise.h - normalised code points to words: the pieces a vocabulary is asked for.
 *
 * Rules run in order, each splitting the pieces of the one before.
 * Threads: pure functions.
 */
#ifndef IMR_TEXT_PRETOKENISE_H
#define IMR_TEXT_PRETOKENISE_H

#include "text/normalise.h"

typedef enum imr_split_rule {
    IMR_SPLIT_BERT,        /* at white space, and around each punctuation character */
    IMR_SPLIT_SPACE,       /* at white space */
    IMR_SPLIT_PUNCTUATION, /* around each punctuation character */
    IMR_SPLIT_WORDS,       /* runs of word characters, runs of other visible ones: \w+|[^\w\s]+ */
    IMR_SPLIT_RULE_COUNT
} imr_split_rule;

typedef struct imr_piece {
    uint32_t first, last; /* code points [first, last), never empty */
} imr_piece;

typedef struct imr_pieces {
    imr_piece *v;
    size_t n, cap;
} imr_pieces;

void imr_pieces_done(imr_pieces *p);

/* Splits c->v[first, last) by n rules (n 0: one piece) and overwrites out. */
imr_status imr_pretokenise(const imr_split_rule *rules, size_t n_rules, const imr_chars *c,
                           size_t first, size_t last, imr_pieces *out,
                           imr_error *err) IMR_NODISCARD;

#endif
