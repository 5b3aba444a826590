/*
 * Zip files and deflate streams made in memory: any level, stored entries, data descriptors.
 */
#pragma once

#include <zlib.h>

#include "base/buf.h"
#include "tests/support/test.h"

enum { MADE_STORED = -1 }; /* beside zlib's levels 0 to 9 */

typedef struct made_entry {
    const char *name;
    const void *data;
    size_t len;
    int level;
    uint64_t size; /* what the directory says; 0: the truth */
} made_entry;

/* A raw deflate stream; malloc'd, exactly *packed bytes. */
static inline uint8_t *made_deflate(const void *data, size_t len, int level, int strategy,
                                    size_t *packed)
{
    z_stream z = {0};
    if (deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8, strategy) != Z_OK)
        FAIL("deflateInit2 failed");
    size_t room = deflateBound(&z, len) + 16;
    uint8_t *out = malloc(room);
    z.next_in = (z_const Bytef *)(uintptr_t)data;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    if (!out || deflate(&z, Z_FINISH) != Z_STREAM_END)
        FAIL("deflate failed");
    *packed = room - z.avail_out;
    deflateEnd(&z);
    uint8_t *exact = malloc(*packed);
    if (!exact)
        FAIL("out of memory");
    memcpy(exact, out, *packed);
    free(out);
    return exact;
}

static inline void made_u16(imr_buf *b, unsigned v)
{
    imr_buf_char(b, (char)(v & 255));
    imr_buf_char(b, (char)(v >> 8 & 255));
}

static inline void made_u32(imr_buf *b, uint32_t v)
{
    made_u16(b, v & 0xFFFF);
    made_u16(b, v >> 16);
}

/* The part both headers share, from the flags to the lengths of name and extra field. */
static inline void made_header(imr_buf *b, const made_entry *e, size_t packed)
{
    bool large = e->size > UINT32_MAX;
    uint32_t crc = (uint32_t)crc32(0, e->data, (uInt)e->len);
    made_u16(b, 20);
    made_u16(b, 0);
    made_u16(b, e->level == MADE_STORED ? 0 : 8);
    made_u32(b, 0); /* time and date */
    made_u32(b, crc);
    made_u32(b, (uint32_t)packed);
    made_u32(b, large ? UINT32_MAX : e->size ? (uint32_t)e->size : (uint32_t)e->len);
    made_u16(b, (unsigned)strlen(e->name));
    made_u16(b, large ? 12 : 0);
}

/* The ZIP64 extra field of a size that needs one. */
static inline void made_extra(imr_buf *b, const made_entry *e)
{
    if (e->size <= UINT32_MAX)
        return;
    made_u16(b, 1);
    made_u16(b, 8);
    made_u32(b, (uint32_t)e->size);
    made_u32(b, (uint32_t)(e->size >> 32));
}

static inline imr_buf made_zip(const made_entry *entries, size_t n)
{
    imr_buf zip = {0}, directory = {0};
    for (size_t i = 0; i < n; i++) {
        const made_entry *e = &entries[i];
        size_t packed = e->len;
        uint8_t *deflated = e->level == MADE_STORED ? NULL
                                                    : made_deflate(e->data, e->len, e->level,
                                                                   Z_DEFAULT_STRATEGY, &packed);
        uint32_t at = (uint32_t)zip.len;
        made_u32(&zip, 0x04034b50);
        made_header(&zip, e, packed);
        imr_buf_str(&zip, e->name);
        made_extra(&zip, e);
        imr_buf_add(&zip, deflated ? deflated : e->data, packed);
        made_u32(&directory, 0x02014b50);
        made_u16(&directory, 20);
        made_header(&directory, e, packed);
        made_u16(&directory, 0); /* comment */
        made_u16(&directory, 0); /* disk */
        made_u16(&directory, 0);
        made_u32(&directory, 0);
        made_u32(&directory, at);
        imr_buf_str(&directory, e->name);
        made_extra(&directory, e);
        free(deflated);
    }
    uint32_t at = (uint32_t)zip.len;
    imr_buf_add(&zip, directory.data, directory.len);
    made_u32(&zip, 0x06054b50);
    made_u32(&zip, 0);
    made_u16(&zip, (unsigned)n);
    made_u16(&zip, (unsigned)n);
    made_u32(&zip, (uint32_t)directory.len);
    made_u32(&zip, at);
    made_u16(&zip, 0);
    imr_buf_done(&directory);
    return zip;
}
