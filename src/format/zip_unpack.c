/* The bytes of an entry: checksums, and inflating with zlib. */
#include <inttypes.h>
#include <zlib.h>

#include "base/mem.h"
#include "format/zip.h"

enum { STORED = 0, DEFLATED = 8 };
#define PIECE ((size_t)256 << 10)
#define MOST  ((size_t)1 << 30) /* at once: zlib counts in 32 bits */

uint32_t imr_zip_crc(const void *data, size_t len)
{
    return (uint32_t)crc32_z(0, data, len);
}

static imr_status check_crc(const imr_zip_entry *e, uint32_t found, imr_error *err)
{
    if (found == e->crc)
        return IMR_OK;
    return imr_fail(err, IMR_E_FORMAT,
                    "zip entry %.*s is damaged: CRC-32 %08" PRIx32
                    ", the directory says %08" PRIx32,
                    IMR_ZIP_NAME(e), found, e->crc);
}

imr_status imr_zip_check_crc(const imr_zip_entry *e, imr_error *err)
{
    return check_crc(e, imr_zip_crc(e->data, (size_t)e->size), err);
}

typedef struct pouring {
    const imr_zip_entry *e;
    imr_zip_sink sink;
    void *user;
    uint64_t out;
    uint32_t crc;
} pouring;

static imr_status wrong_size(const pouring *p, bool more, imr_error *err)
{
    return imr_fail(err, IMR_E_FORMAT,
                    "zip entry %.*s unpacks to %s bytes than the %" PRIu64 " the directory says",
                    IMR_ZIP_NAME(p->e), more ? "more" : "fewer", p->e->size);
}

static imr_status pour(pouring *p, const uint8_t *bytes, size_t n, imr_error *err)
{
    if (n > p->e->size - p->out)
        return wrong_size(p, true, err);
    p->out += n;
    p->crc = (uint32_t)crc32_z(p->crc, bytes, n);
    return n ? p->sink(p->user, bytes, n, err) : IMR_OK;
}

static voidpf allocate(voidpf unused, uInt items, uInt size)
{
    (void)unused;
    return imr_calloc(items, size);
}

static void release(voidpf unused, voidpf memory)
{
    (void)unused;
    imr_free(memory);
}

static imr_status damaged(const pouring *p, const char *how, imr_error *err)
{
    return imr_fail(err, IMR_E_FORMAT, "zip entry %.*s is damaged behind byte %" PRIu64 ": %s",
                    IMR_ZIP_NAME(p->e), p->out, how);
}

static imr_status inflate_all(pouring *p, z_stream *z, uint8_t *piece, imr_error *err)
{
    const imr_zip_entry *e = p->e;
    for (int result = Z_OK; result != Z_STREAM_END;) {
        const uint64_t left = e->packed - (uint64_t)(z->next_in - e->data);
        z->avail_in = (uInt)(left < MOST ? left : MOST);
        z->next_out = piece;
        z->avail_out = (uInt)PIECE;
        result = inflate(z, Z_NO_FLUSH);
        if (result == Z_MEM_ERROR)
            return imr_fail_memory(err);
        IMR_TRY(pour(p, piece, PIECE - z->avail_out, err));
        if (result == Z_BUF_ERROR)
            return damaged(p, "its data end here", err);
        if (result != Z_OK && result != Z_STREAM_END)
            return damaged(p, z->msg ? z->msg : "no deflated data", err);
    }
    return IMR_OK;
}

static imr_status unpack_deflated(pouring *p, imr_error *err)
{
    z_stream z = {
        .zalloc = allocate, .zfree = release, .next_in = (z_const Bytef *)(uintptr_t)p->e->data};
    IMR_AUTOFREE uint8_t *piece = imr_alloc(PIECE, 1);
    if (!piece || inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return imr_fail_memory(err);
    const imr_status status = inflate_all(p, &z, piece, err);
    inflateEnd(&z);
    return status;
}

static imr_status unpack_stored(pouring *p, imr_error *err)
{
    for (uint64_t left; (left = p->e->size - p->out) > 0;)
        IMR_TRY(pour(p, p->e->data + p->out, left < PIECE ? (size_t)left : PIECE, err));
    return IMR_OK;
}

imr_status imr_zip_unpack(const imr_zip_entry *e, imr_zip_sink sink, void *user, imr_error *err)
{
    pouring p = {.e = e, .sink = sink, .user = user};
    if (e->encrypted)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "zip entry %.*s is encrypted: unpack the archive by hand", IMR_ZIP_NAME(e));
    if (e->method != STORED && e->method != DEFLATED)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "zip entry %.*s is packed by method %u, not by deflate: unpack the archive "
                        "by hand",
                        IMR_ZIP_NAME(e), e->method);
    IMR_TRY(e->method == DEFLATED ? unpack_deflated(&p, err) : unpack_stored(&p, err));
    return p.out == e->size ? check_crc(e, p.crc, err) : wrong_size(&p, false, err);
}
