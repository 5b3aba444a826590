/*
 * text/unicode.h - what Hugging Face's tokenisers make of each code point.
 *
 * Token ids depend on it, so it does not depend on the Unicode library that is installed: the
 * tables were measured code point by code point against tokenizers 0.23.3, whose own are of several
 * ages (about Unicode 8 for punctuation and marks, 11 for decomposition, 17 for words and case). A
 * code point they do not know is a letter like any other: an emoji of 2024 is part of a word, never
 * dropped.
 * Threads: pure functions; the table is filled at the first call.
 */
#ifndef IMR_TEXT_UNICODE_H
#define IMR_TEXT_UNICODE_H

#include <stdint.h>

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

#endif
