/*
 * text/normalise.h - text to code points that know which source bytes they came from, and those to
 * words: the pieces a vocabulary is asked for.
 *
 * A normaliser is a list of steps, run in order over the whole text; imr_normalise_bert gives the
 * list BERT's tokeniser uses (Devlin et al. 2018, "BasicTokenizer"): clean, spaces around CJK
 * ideographs, NFD without non-spacing marks, lower case. A pre-tokeniser is a list of rules, each
 * splitting the pieces of the one before.
 * Every output code point carries the span [start, end) of the source character it came from, so a
 * token can be highlighted in the text as the user wrote it. Inserted code points have an empty
 * span. Ill-formed bytes are U+FFFD (which cleaning drops, as Hugging Face's tokenisers do).
 * Threads: pure functions; scratch is the caller's.
 */
#pragma once

#include <stdint.h>

#include "base/array.h"
#include "base/buf.h"

typedef struct imr_char {
    uint32_t cp, start, end; /* source bytes [start, end) */
} imr_char;

typedef IMR_ARRAY(imr_char) imr_chars; /* freed with imr_free(v), as imr_pieces */

/* Appends n code points as UTF-8. */
void imr_chars_spell(imr_buf *out, const imr_char *v, size_t n);

typedef enum imr_normalise_op {
    IMR_NORM_CLEAN,       /* drops NUL, U+FFFD, control and format characters, private use; white
                             space becomes ' ' */
    IMR_NORM_CJK_SPACES,  /* a space on both sides of each CJK ideograph */
    IMR_NORM_NFD,         /* canonical decomposition, canonical order */
    IMR_NORM_NFKD,        /* compatibility decomposition, canonical order */
    IMR_NORM_STRIP_MN,    /* drops non-spacing marks */
    IMR_NORM_STRIP_MARKS, /* drops all combining marks: Mn, Mc, Me */
    IMR_NORM_LOWER,       /* full lower case; a sigma that ends a word is a final one */
    IMR_NORM_STRIP_LEFT,  /* drops white space at the start */
    IMR_NORM_STRIP_RIGHT, /* drops white space at the end */
    IMR_NORM_REPLACE      /* every occurrence of `from` becomes `to` */
} imr_normalise_op;

typedef struct imr_normalise_step {
    imr_normalise_op op;
    char *from, *to; /* REPLACE only, valid UTF-8, from not empty; imr_alloc'd by who made it */
} imr_normalise_step;

#define IMR_NORMALISE_BERT_STEPS 5
/* Writes up to IMR_NORMALISE_BERT_STEPS steps, returns how many. */
size_t imr_normalise_bert(imr_normalise_step *steps, bool clean, bool cjk_spaces,
                          bool strip_accents, bool lower);

/* out is overwritten; offsets are `base` + position in text (base: where text lies in a larger
 * one). IMR_E_LIMIT when base + len exceeds IMR_MAX_TEXT_BYTES, or Replace steps make more than
 * IMR_MAX_GROWTH characters of a byte. */
imr_status imr_normalise(const imr_normalise_step *steps, size_t n_steps, const char *text,
                         size_t len, size_t base, imr_chars *out, imr_error *err);

/* ---- what Hugging Face's tokenisers make of each code point ---- */

/*
 * Token ids depend on it, so it does not depend on the Unicode library that is installed: the
 * tables were measured code point by code point against tokenizers 0.23.3, whose own are of several
 * ages (about Unicode 8 for punctuation and marks, 11 for decomposition, 17 for words and case). A
 * code point they do not know is a letter like any other: an emoji of 2024 is part of a word, never
 * dropped.
 * The table is filled at the first call.
 */
enum {
    IMR_UNICODE_CONTROL = 1,     /* dropped by BERT's cleaning (C*, but never what is unassigned) */
    IMR_UNICODE_PUNCTUATION = 2, /* P* */
    IMR_UNICODE_NONSPACING = 4,  /* Mn, as BERT strips accents */
    IMR_UNICODE_MARK = 8,        /* M*, as StripAccents does; others have combining class 0 */
    IMR_UNICODE_WORD = 16,       /* \w of a regular expression */
    IMR_UNICODE_DECOMPOSES = 32 /* may have a decomposition, which never changes once it is there */
};

/* The flags of a code point over U+007F; 0 for ASCII, whose rules are the caller's. */
unsigned imr_unicode_flags(uint32_t cp);
/* Lower case of one code point where that is one code point (all but U+0130). */
uint32_t imr_unicode_lower(uint32_t cp);

/* Character classes of BERT's tokeniser. */
bool imr_char_is_punctuation(uint32_t cp); /* ASCII punctuation and symbols, P* */
bool imr_char_is_word(uint32_t cp);        /* \w of the expressions published tokenisers use */
bool imr_char_is_space(uint32_t cp);       /* White_Space */
bool imr_char_is_cjk(uint32_t cp);         /* the ideograph blocks BERT names */

/* ---- words ---- */

typedef enum imr_split_rule {
    IMR_SPLIT_BERT,        /* at white space, and around each punctuation character */
    IMR_SPLIT_SPACE,       /* at white space */
    IMR_SPLIT_PUNCTUATION, /* around each punctuation character */
    IMR_SPLIT_WORDS        /* runs of word characters, runs of other visible ones: \w+|[^\w\s]+ */
} imr_split_rule;

typedef struct imr_piece {
    uint32_t first, last; /* code points [first, last), never empty */
} imr_piece;

typedef IMR_ARRAY(imr_piece) imr_pieces;

/* Splits c->v[first, last) by n rules (n 0: one piece) and overwrites out. */
imr_status imr_pretokenise(const imr_split_rule *rules, size_t n_rules, const imr_chars *c,
                           size_t first, size_t last, imr_pieces *out, imr_error *err);
