/* Raw deflate through zlib: from the start or from a restart point, with errors that say where. */
#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "format/deflated_internal.h"

voidpf imr_deflated_alloc(voidpf unused, uInt items, uInt size)
{
    (void)unused;
    return imr_calloc(items, size);
}

void imr_deflated_release(voidpf unused, voidpf memory)
{
    (void)unused;
    imr_free(memory);
}

void imr_deflated_stream_done(deflated_stream *s)
{
    if (s->open)
        inflateEnd(&s->z);
    *s = (deflated_stream){0};
}

imr_status imr_deflated_stream_start(deflated_stream *s, const imr_deflated_entry *entry,
                                     const imr_deflated_point *point, const uint8_t *window,
                                     imr_error *err)
{
    if (!s->open) {
        s->z = (z_stream){.zalloc = imr_deflated_alloc, .zfree = imr_deflated_release};
        if (inflateInit2(&s->z, -MAX_WBITS) != Z_OK)
            return imr_fail_memory(err);
        s->open = true;
    }
    inflateReset(&s->z);
    s->entry = entry;
    s->ended = false;
    s->out = point ? point->out : 0;
    uint64_t bit = point ? point->bit : 0, in = bit / 8 + (bit % 8 != 0);
    int rest = (int)(in * 8 - bit);
    s->z.next_in = (z_const Bytef *)(uintptr_t)(entry->data + in);
    s->z.avail_in = 0;
    if (rest)
        inflatePrime(&s->z, rest, entry->data[in - 1] >> (8 - rest));
    if (point && inflateSetDictionary(&s->z, window, DEFLATED_WINDOW) != Z_OK)
        return imr_fail_memory(err);
    return IMR_OK;
}

static uint64_t taken(const deflated_stream *s)
{
    return (uint64_t)(s->z.next_in - s->entry->data);
}

uint64_t imr_deflated_stream_bit(const deflated_stream *s)
{
    return taken(s) * 8 - (unsigned)(s->z.data_type & 7);
}

bool imr_deflated_stream_at_border(const deflated_stream *s)
{
    return !s->ended && (s->z.data_type & 128) && !(s->z.data_type & 64);
}

static imr_status damaged(const deflated_stream *s, const char *how, imr_error *err)
{
    return imr_fail(err, IMR_E_FORMAT,
                    "%s is damaged behind byte %" PRIu64 " (byte %" PRIu64 " of %" PRIu64
                    " packed ones): %s",
                    s->entry->name, s->out, taken(s), s->entry->packed, how);
}

static imr_status check_size(const deflated_stream *s, imr_error *err)
{
    bool more = s->out > s->entry->size;
    if (!more && (!s->ended || s->out == s->entry->size))
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT,
                    "%s unpacks to %s bytes than the %" PRIu64 " the directory says",
                    s->entry->name, more ? "more" : "fewer", s->entry->size);
}

imr_status imr_deflated_stream_step(deflated_stream *s, uint8_t *to, size_t cap, bool borders,
                                    size_t *made, imr_error *err)
{
    assert(cap <= INT_MAX);
    *made = 0;
    while (*made < cap && !s->ended) {
        uint64_t left = s->entry->packed - taken(s);
        s->z.avail_in = left < INT_MAX ? (uInt)left : INT_MAX;
        s->z.next_out = to + *made;
        s->z.avail_out = (uInt)(cap - *made);
        int result = inflate(&s->z, borders ? Z_BLOCK : Z_NO_FLUSH);
        size_t got = cap - *made - s->z.avail_out;
        *made += got;
        s->out += got;
        s->ended = result == Z_STREAM_END;
        if (result == Z_MEM_ERROR)
            return imr_fail_memory(err);
        if (result == Z_BUF_ERROR)
            return damaged(s, "its data end here", err);
        if (result != Z_OK && result != Z_STREAM_END)
            return damaged(s, s->z.msg ? s->z.msg : "no deflated data", err);
        IMR_TRY(check_size(s, err));
        if (borders && imr_deflated_stream_at_border(s))
            break;
    }
    return IMR_OK;
}
