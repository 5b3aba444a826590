/*
 * text/wordpiece.h - words to subwords: the longest token that fits, again and again.
 *
 * Greedy longest match first (Wu et al. 2016; Devlin et al. 2018): the longest prefix of the word
 * that is a token, then the longest prefix of the rest written with the continuation mark "##".
 * A word that cannot be covered, or has more than max_chars code points, is one unknown token.
 */
#ifndef IMR_TEXT_WORDPIECE_H
#define IMR_TEXT_WORDPIECE_H

#include "text/tokens.h"
#include "text/vocab.h"

#define IMR_WORDPIECE_MARK_BYTES 16u /* longest continuation mark we take; BERT's "##" has 2 */

typedef struct imr_wordpiece {
    const imr_vocab *vocab; /* borrowed */
    size_t n_words;         /* ids below it are pieces of words, the others added tokens */
    const char *mark;   /* of tokens inside a word; borrowed; at most IMR_WORDPIECE_MARK_BYTES */
    uint32_t unknown;   /* id */
    uint32_t max_chars; /* at most IMR_MAX_WORD_CHARS */
} imr_wordpiece;

/* Appends the word's tokens to out. IMR_E_MEMORY only. */
imr_status imr_wordpiece_word(const imr_wordpiece *w, const imr_char *word, size_t n,
                              imr_tokens *out, imr_error *err) IMR_NODISCARD;

#endif
