#include "base/sha256.h"

#include <string.h>

#include "base/file.h"

#define PIECE ((size_t)16 << 20) /* of a file, between two times its pages are given back */

void imr_sha256_init(imr_sha256 *s)
{
    *s = (imr_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
    s->blocks = imr_sha256_blocks_native();
    if (!s->blocks)
        s->blocks = imr_sha256_blocks_plain;
}

void imr_sha256_add(imr_sha256 *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t used = s->bytes % 64;
    s->bytes += len;
    if (used && used + len >= 64) {
        memcpy(s->block + used, p, 64 - used);
        s->blocks(s->state, s->block, 1);
        p += 64 - used;
        len -= 64 - used;
        used = 0;
    }
    if (!used && len >= 64) {
        s->blocks(s->state, p, len / 64);
        p += len / 64 * 64;
        len %= 64;
    }
    if (len)
        memcpy(s->block + used, p, len);
}

void imr_sha256_hex(imr_sha256 *s, char out[IMR_SHA256_HEX])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->bytes * 8;
    size_t used = s->bytes % 64;
    imr_sha256_add(s, padding, used < 56 ? 56 - used : 120 - used);
    uint8_t tail[8];
    for (int i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    imr_sha256_add(s, tail, 8);
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 64; i++)
        out[i] = digits[s->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    out[64] = '\0';
}

void imr_sha256_memory(const void *data, size_t len, char out[IMR_SHA256_HEX])
{
    imr_sha256 s;
    imr_sha256_init(&s);
    imr_sha256_add(&s, data, len);
    imr_sha256_hex(&s, out);
}

imr_status imr_sha256_file(const char *path, char out[IMR_SHA256_HEX], imr_error *err)
{
    imr_file map;
    imr_sha256 s;
    IMR_TRY(imr_file_map(&map, path, err));
    imr_file_sequential(&map);
    imr_sha256_init(&s);
    for (size_t at = 0; at < map.len; at += PIECE) {
        imr_sha256_add(&s, map.data + at, map.len - at < PIECE ? map.len - at : PIECE);
        imr_file_forget(&map);
    }
    imr_sha256_hex(&s, out);
    imr_file_unmap(&map);
    return IMR_OK;
}
