/*
 * text/wordlevel.h - whole-word vocabularies, as encoders trained from a corpus have them.
 */
#ifndef IMR_TEXT_WORDLEVEL_H
#define IMR_TEXT_WORDLEVEL_H

#include "text/tokens.h"
#include "text/vocab.h"

typedef struct imr_wordlevel {
    const imr_vocab *vocab; /* borrowed */
    size_t n_words;         /* ids below it are words, the others added tokens */
    uint32_t unknown;       /* id for words not in it; IMR_NO_TOKEN: such words give no token */
} imr_wordlevel;

/* Appends the word's token to out. IMR_E_MEMORY only. */
imr_status imr_wordlevel_word(const imr_wordlevel *w, const imr_char *word, size_t n,
                              imr_tokens *out, imr_error *err) IMR_NODISCARD;

#endif
