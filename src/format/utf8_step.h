/*
 * format/utf8_step.h - one step over UTF-8, for readers that must refuse what is not text.
 */
#ifndef IMR_FORMAT_UTF8_STEP_H
#define IMR_FORMAT_UTF8_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes (1 to 4) of the character at p[0..left), or 0 when it is none: stray or missing
 * continuation, overlong form, surrogate, above U+10FFFF (RFC 3629, table of section 4). */
static inline size_t imr_utf8_step(const uint8_t *p, size_t left)
{
    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left)
        return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
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

#endif
