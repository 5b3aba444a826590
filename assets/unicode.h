/*
 * assets/unicode.h - code points as Hugging Face's tokenisers see them; text/normalise.c reads it.
 *
 * Numbers between white space: seven lists, each ended by zeros. Six are properties, in the order
 * of text/normalise.h's flags: pairs of so many code points without it, from the end of the pair
 * before (first from U+0000), and so many with it. Private use is left out of control: it has a
 * rule. The last is lower case over U+007F: first code point, how many, the step between them, and
 * what is added to each. One zero byte that the length does not count follows.
 */
#ifndef ASSETS_UNICODE_H
#define ASSETS_UNICODE_H

#include "assets/demo.h"

extern const unsigned char imr_asset_unicode[];
extern const size_t imr_asset_unicode_len;
extern const imr_asset imr_asset_files[];
extern const size_t imr_asset_files_count;

#endif
