/*
 * base/bytes.h - a read cursor over memory that knows what is left. Little-endian.
 *
 * Reading past the end fails the cursor (sticky) and yields 0, so a reader can take a fixed record
 * and check once with `failed`. Nothing is copied; the memory is the caller's and outlives it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct imr_bytes {
    const uint8_t *data;
    size_t len, pos;
    bool failed;
} imr_bytes;

static inline imr_bytes imr_bytes_of(const void *data, size_t len)
{
    return (imr_bytes){.data = (const uint8_t *)data, .len = len};
}
static inline size_t imr_bytes_left(const imr_bytes *b)
{
    return b->len - b->pos;
}
/* n bytes, or NULL (and the cursor failed) when fewer are left. */
static inline const uint8_t *imr_bytes_take(imr_bytes *b, size_t n)
{
    if (b->failed || n > b->len - b->pos) {
        b->failed = true;
        return NULL;
    }
    const uint8_t *at = b->data + b->pos;
    b->pos += n;
    return at;
}
/* Moves to an absolute offset; past the end fails. */
static inline bool imr_bytes_seek(imr_bytes *b, uint64_t to)
{
    if (b->failed || to > b->len) {
        b->failed = true;
        return false;
    }
    b->pos = (size_t)to;
    return true;
}
static inline uint64_t imr_bytes_uint(imr_bytes *b, size_t width)
{
    const uint8_t *p = imr_bytes_take(b, width);
    uint64_t v = 0;
    for (size_t i = width; p && i-- > 0;)
        v = v << 8 | p[i];
    return v;
}
static inline uint8_t imr_bytes_u8(imr_bytes *b)
{
    return (uint8_t)imr_bytes_uint(b, 1);
}
static inline uint16_t imr_bytes_u16(imr_bytes *b)
{
    return (uint16_t)imr_bytes_uint(b, 2);
}
static inline uint32_t imr_bytes_u32(imr_bytes *b)
{
    return (uint32_t)imr_bytes_uint(b, 4);
}
static inline uint64_t imr_bytes_u64(imr_bytes *b)
{
    return imr_bytes_uint(b, 8);
}
