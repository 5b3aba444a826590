/*
 * base/utf8_step.h - one step over UTF-8 (RFC 3629; Unicode 15, table 3-7). No character is: a
 * stray or missing continuation, an overlong form, a surrogate, what is above U+10FFFF.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the character at p[0..left), left > 0. When it is none *good is false, and the
 * bytes are what a decoder puts one U+FFFD for: the longest beginning of a character, or 1. */
static inline size_t imr_utf8_part(const uint8_t *p, size_t left, bool *good)
{
    *good = p[0] < 0x80;
    if (*good)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, have = 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 1;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80; /* of the second byte */
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    for (; have < n && have < left && p[have] >= low && p[have] <= high; have++) {
        low = 0x80;
        high = 0xbf;
    }
    *good = have == n;
    return have;
}

/* The same, 0 when it is no character. */
static inline size_t imr_utf8_step(const uint8_t *p, size_t left)
{
    bool good = false;
    size_t n = left ? imr_utf8_part(p, left, &good) : 0;
    return good ? n : 0;
}

#define IMR_UTF8_BAD 0xFFFDu

/* The code point at text[0], len > 0. Returns the bytes it takes (1 to 4); for ill-formed bytes
 * *cp is IMR_UTF8_BAD and the result the bytes to skip (1 to 3). Returns 0 only when len is 0. */
static inline size_t imr_utf8_decode(const char *text, size_t len, uint32_t *cp)
{
    const uint8_t *s = (const uint8_t *)text;
    bool good = true;
    *cp = len ? s[0] : 0;
    if (*cp < 0x80)
        return len != 0;
    size_t n = imr_utf8_part(s, len, &good);
    uint32_t value = s[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        value = value << 6 | (s[i] & 0x3Fu);
    *cp = good ? value : IMR_UTF8_BAD;
    return n;
}

/* Shows nothing, or turns the text around it: zero-width, bidirectional and shaping controls,
 * variation selectors, tags. */
static inline bool imr_utf8_is_hidden(uint32_t cp)
{
    return (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2060 && cp <= 0x206F) || cp == 0xFEFF || cp == 0xAD || cp == 0x061C ||
           cp == 0x034F || (cp >= 0x180B && cp <= 0x180F) || (cp >= 0xFE00 && cp <= 0xFE0F) ||
           (cp >= 0xFFF9 && cp <= 0xFFFB) || (cp >= 0xE0000 && cp <= 0xE0FFF);
}

/* Offset of the first byte that is not UTF-8, or len. */
static inline size_t imr_utf8_first_bad(const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t i = 0;
    for (size_t n; i < len && (n = imr_utf8_step(p + i, len - i)) > 0;)
        i += n;
    return i;
}
