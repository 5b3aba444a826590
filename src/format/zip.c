/*
 * Layout (PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3), all little-endian:
 *   1. for each entry: local header "PK\3\4", 30 bytes, then name, extra field, data, and perhaps a
 *      data descriptor. torch.save leaves crc and sizes of the local header 0 and pads the data to
 *      64 bytes with the extra field.
 *   2. central directory: for each entry a header "PK\1\2", 46 bytes, then name, extra field,
 *      comment. What it says counts. A value of all ones stands in the ZIP64 extra field (id 1).
 *   3. ZIP64 end record "PK\6\6", 56 bytes, and its locator "PK\6\7", 20 bytes; torch.save always
 *      writes both
 *   4. end record "PK\5\6", 22 bytes, then a comment up to the end of the file
 * Reading goes backwards: 4, 3, 2, and 1 only to find where the data begins.
 */
#include "format/zip.h"

#include <inttypes.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/sort.h"
#include "base/utf8_step.h"

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    END64 = 0x06064b50,
    LOCATOR64 = 0x07064b50
};
#define END_BYTES     22u
#define END64_BYTES   56u
#define LOCATOR_BYTES 20u
#define CENTRAL_BYTES 46u
#define ONES16        UINT16_MAX
#define ONES32        UINT32_MAX
/* Of the file, looked at before its pages are given back. */
#define FORGET_BYTES               ((uint64_t)32 << 20)
#define ENCRYPTED                  (1u << 0 | 1u << 6 | 1u << 13) /* plain, strong, masked headers */
#define BAD_ENTRY(e, status, what) imr_fail(err, (status), "zip entry %.*s " what, IMR_ZIP_NAME(e))

typedef struct directory {
    uint64_t entries, offset, bytes;
    uint64_t end; /* nothing of it may reach behind this offset */
} directory;

static imr_status find_end(uint64_t *at, const uint8_t *data, size_t len, imr_error *err)
{
    for (size_t comment = 0; comment <= ONES16 && comment + END_BYTES <= len; comment++) {
        const uint8_t *p = data + len - comment - END_BYTES;
        if (memcmp(p, "PK\5\6", 4) == 0 && (size_t)(p[20] | p[21] << 8) == comment) {
            *at = len - comment - END_BYTES;
            return IMR_OK;
        }
    }
    return imr_fail(err, IMR_E_FORMAT,
                    "the zip archive has no end record: the file was cut short or is no archive");
}

/* Replaces what the end record says by the ZIP64 end record, when there is one. */
static imr_status read_end64(directory *d, const uint8_t *data, size_t len, imr_error *err)
{
    if (d->end < LOCATOR_BYTES)
        return IMR_OK;
    imr_bytes b = imr_bytes_of(data, len);
    imr_bytes_seek(&b, d->end - LOCATOR_BYTES);
    if (imr_bytes_u32(&b) != LOCATOR64)
        return IMR_OK;
    imr_bytes_u32(&b);
    uint64_t at = imr_bytes_u64(&b), locator = d->end - LOCATOR_BYTES;
    if (at > locator || locator - at < END64_BYTES || !imr_bytes_seek(&b, at) ||
        imr_bytes_u32(&b) != END64)
        return imr_fail(err, IMR_E_FORMAT, "the zip archive's ZIP64 end record is not at %" PRIu64,
                        at);
    imr_bytes_take(&b, 8 + 2 + 2);
    uint32_t disk = imr_bytes_u32(&b), first_disk = imr_bytes_u32(&b);
    uint64_t here = imr_bytes_u64(&b);
    directory big = {.entries = imr_bytes_u64(&b)};
    big.bytes = imr_bytes_u64(&b);
    big.offset = imr_bytes_u64(&b);
    big.end = at;
    bool agree = (d->entries == ONES16 || d->entries == big.entries) &&
                 (d->bytes == ONES32 || d->bytes == big.bytes) &&
                 (d->offset == ONES32 || d->offset == big.offset);
    if (b.failed || disk || first_disk || here != big.entries || !agree)
        return imr_fail(err, IMR_E_FORMAT,
                        "the zip archive's two end records disagree or name several disks");
    *d = big;
    return IMR_OK;
}

static imr_status read_end(directory *d, const uint8_t *data, size_t len, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, len);
    IMR_TRY(find_end(&d->end, data, len, err));
    imr_bytes_seek(&b, d->end + 4);
    uint16_t disk = imr_bytes_u16(&b), first_disk = imr_bytes_u16(&b), here = imr_bytes_u16(&b);
    d->entries = imr_bytes_u16(&b);
    d->bytes = imr_bytes_u32(&b);
    d->offset = imr_bytes_u32(&b);
    if (disk || first_disk || here != d->entries)
        return imr_fail(err, IMR_E_UNSUPPORTED, "the zip archive is split over several disks");
    IMR_TRY(read_end64(d, data, len, err));
    if (d->offset > d->end || d->bytes > d->end - d->offset)
        return imr_fail(err, IMR_E_FORMAT,
                        "the zip archive's directory (%" PRIu64 " bytes at %" PRIu64
                        ") lies outside the file",
                        d->bytes, d->offset);
    if (d->entries > d->bytes / CENTRAL_BYTES)
        return imr_fail(err, IMR_E_FORMAT,
                        "the zip archive's directory of %" PRIu64 " bytes cannot hold %" PRIu64
                        " entries",
                        d->bytes, d->entries);
    if (d->entries > IMR_MAX_ZIP_ENTRIES)
        return imr_fail(err, IMR_E_LIMIT, "the zip archive has %" PRIu64 " entries, at most %u",
                        d->entries, IMR_MAX_ZIP_ENTRIES);
    return IMR_OK;
}

/* Sizes and offset that are all ones stand in the extra field, in this order. */
static bool read_extra64(imr_bytes extra, uint64_t *size, uint64_t *packed, uint64_t *header)
{
    bool need = *size == ONES32 || *packed == ONES32 || *header == ONES32;
    while (need && imr_bytes_left(&extra) >= 4) {
        uint16_t id = imr_bytes_u16(&extra), n = imr_bytes_u16(&extra);
        const uint8_t *body = imr_bytes_take(&extra, n);
        if (!body)
            return false;
        if (id != 1)
            continue;
        imr_bytes b = imr_bytes_of(body, n);
        *size = *size == ONES32 ? imr_bytes_u64(&b) : *size;
        *packed = *packed == ONES32 ? imr_bytes_u64(&b) : *packed;
        *header = *header == ONES32 ? imr_bytes_u64(&b) : *header;
        return !b.failed;
    }
    return !need;
}

/* The next header of the central directory. */
static imr_status read_central(imr_zip_entry *e, imr_bytes *b, bool packed, imr_error *err)
{
    size_t at = b->pos;
    uint32_t signature = imr_bytes_u32(b);
    imr_bytes_take(b, 2 + 2);
    e->encrypted = imr_bytes_u16(b) & ENCRYPTED;
    e->method = imr_bytes_u16(b);
    imr_bytes_take(b, 4);
    e->crc = imr_bytes_u32(b);
    e->packed = imr_bytes_u32(b);
    e->size = imr_bytes_u32(b);
    e->name_len = imr_bytes_u16(b);
    uint16_t extra_len = imr_bytes_u16(b), comment_len = imr_bytes_u16(b);
    uint16_t disk = imr_bytes_u16(b);
    imr_bytes_take(b, 2 + 4);
    e->header = imr_bytes_u32(b);
    e->name = (const char *)imr_bytes_take(b, e->name_len);
    const uint8_t *extra = imr_bytes_take(b, extra_len);
    imr_bytes_take(b, comment_len);
    if (b->failed || signature != CENTRAL)
        return imr_fail(err, IMR_E_FORMAT, "the zip directory is damaged at offset %zu", at);
    if ((!packed && imr_utf8_first_bad(e->name, e->name_len) != e->name_len) ||
        memchr(e->name, '\0', e->name_len))
        return imr_fail(err, IMR_E_FORMAT, "the zip entry at offset %zu has no UTF-8 name", at);
    if (!read_extra64(imr_bytes_of(extra, extra_len), &e->size, &e->packed, &e->header))
        return BAD_ENTRY(e, IMR_E_FORMAT, "lacks the 64-bit sizes it announces");
    if (!packed && e->encrypted)
        return BAD_ENTRY(e, IMR_E_UNSUPPORTED, "is encrypted");
    if (!packed && e->method)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "zip entry %.*s is compressed (method %u); torch.save stores entries: "
                        "unpack the archive and pack it with zip -0",
                        IMR_ZIP_NAME(e), e->method);
    if (!e->method && !e->encrypted && e->packed != e->size)
        return BAD_ENTRY(e, IMR_E_FORMAT, "has two sizes though it is not compressed");
    if (disk != 0 && disk != ONES16)
        return BAD_ENTRY(e, IMR_E_UNSUPPORTED, "lies on another disk");
    return IMR_OK;
}

/* Finds the data behind the local header. Bytes from `end` on belong to the directory. */
static imr_status read_local(imr_zip_entry *e, const uint8_t *data, uint64_t end, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, (size_t)end);
    imr_bytes_seek(&b, e->header);
    uint32_t signature = imr_bytes_u32(&b);
    imr_bytes_take(&b, 2);
    uint16_t flags = imr_bytes_u16(&b), method = imr_bytes_u16(&b);
    imr_bytes_take(&b, 4 + 4);
    uint32_t packed = imr_bytes_u32(&b), size = imr_bytes_u32(&b);
    uint16_t name_len = imr_bytes_u16(&b), extra_len = imr_bytes_u16(&b);
    const uint8_t *name = imr_bytes_take(&b, name_len);
    imr_bytes_take(&b, extra_len);
    if (b.failed || signature != LOCAL)
        return BAD_ENTRY(e, IMR_E_FORMAT, "has no local header where the directory says");
    if (name_len != e->name_len || memcmp(name, e->name, name_len) != 0)
        return BAD_ENTRY(e, IMR_E_FORMAT, "has another name in its local header");
    if (method != e->method || !(flags & ENCRYPTED) != !e->encrypted)
        return BAD_ENTRY(e, IMR_E_FORMAT, "is packed in another way in its local header");
    if ((size != 0 && size != ONES32 && size != e->size) ||
        (packed != 0 && packed != ONES32 && packed != e->packed))
        return BAD_ENTRY(e, IMR_E_FORMAT, "has another size in its local header");
    if (e->packed > imr_bytes_left(&b))
        return BAD_ENTRY(e, IMR_E_FORMAT, "reaches past the end of the data");
    e->data = data + b.pos;
    return IMR_OK;
}

/* ---- entries over each other ---- */

typedef struct span {
    uint64_t header, end;
    size_t i;
} span;

static uint64_t end_of(const imr_zip_entry *e, const uint8_t *data)
{
    return (uint64_t)(e->data - data) + e->packed;
}

static int by_header(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return x->header < y->header ? -1 : x->header > y->header;
}

/* spans[2 * n]: one for each entry, and room to sort them. */
static imr_status check_spans(const imr_zip *z, span *spans, imr_error *err)
{
    imr_zip_entry e, before;
    for (size_t i = 0; i < z->n; i++) {
        IMR_TRY(imr_zip_at(&e, z, i, err));
        spans[i] = (span){e.header, end_of(&e, z->data), i};
    }
    imr_sort(spans, spans + z->n, z->n, sizeof *spans, by_header);
    for (size_t i = 1; i < z->n; i++) {
        if (spans[i].header >= spans[i - 1].end)
            continue;
        IMR_TRY(imr_zip_at(&before, z, spans[i - 1].i, err));
        IMR_TRY(imr_zip_at(&e, z, spans[i].i, err));
        return imr_fail(err, IMR_E_FORMAT, "zip entries %.*s and %.*s overlap",
                        IMR_ZIP_NAME(&before), IMR_ZIP_NAME(&e));
    }
    return IMR_OK;
}

/* For archives whose entries do not lie in the order of the directory. */
static imr_status check_overlap(const imr_zip *z, imr_error *err)
{
    span *spans = imr_scratch_alloc(z->scratch, z->n, 2 * sizeof *spans);
    if (!spans)
        return imr_scratch_fail(z->scratch, err);
    imr_status status = check_spans(z, spans, err);
    imr_scratch_free(z->scratch, spans);
    return status;
}

/* ---- names ---- */

static uint64_t hash_bytes(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x9e3779b97f4a7c15u;
    return h;
}

static uint64_t hash_name(const imr_zip *z, const char *a, size_t a_len, const char *b,
                          size_t b_len)
{
    uint64_t h = hash_bytes(hash_bytes(z->seed, a, a_len), b, b_len);
    h = (h ^ h >> 32) * 0xff51afd7ed558ccdu;
    return h ^ h >> 29;
}

const char *imr_zip_name(const imr_zip *z, size_t i, size_t *len)
{
    imr_bytes b = imr_bytes_of(z->directory, z->bytes);
    imr_bytes_seek(&b, z->at[i] + 28);
    *len = imr_bytes_u16(&b);
    imr_bytes_take(&b, CENTRAL_BYTES - 30);
    const uint8_t *name = imr_bytes_take(&b, *len);
    if (!name)
        *len = 0;
    return name ? (const char *)name : "";
}

/* The slot of the name, or the empty one where it belongs. */
static uint64_t *slot_of(const imr_zip *z, const char *a, size_t a_len, const char *b, size_t b_len)
{
    uint64_t hash = hash_name(z, a, a_len, b, b_len), half = hash & ~(uint64_t)ONES32;
    for (uint64_t k = hash & z->mask;; k = (k + 1) & z->mask) {
        uint64_t *slot = &z->slots[k];
        if (!*slot)
            return slot;
        if ((*slot & ~(uint64_t)ONES32) != half)
            continue;
        size_t len;
        const char *name = imr_zip_name(z, (size_t)(*slot & ONES32) - 1, &len);
        if (len == a_len + b_len && memcmp(name, a, a_len) == 0 &&
            memcmp(name + a_len, b, b_len) == 0)
            return slot;
    }
}

bool imr_zip_find(const imr_zip *z, const char *a, size_t a_len, const char *b, size_t b_len,
                  size_t *i)
{
    uint64_t slot = z->n ? *slot_of(z, a, a_len, b, b_len) : 0;
    if (slot)
        *i = (size_t)(slot & ONES32) - 1;
    return slot != 0;
}

static imr_status check_names(imr_zip *z, imr_error *err)
{
    uint64_t cap = 16;
    while (cap / 8 * 5 < z->n)
        cap *= 2;
    z->slots = imr_scratch_alloc(z->scratch, (size_t)cap, sizeof *z->slots);
    if (!z->slots)
        return imr_scratch_fail(z->scratch, err);
    z->mask = cap - 1;
    z->seed = (uint64_t)(uintptr_t)z->slots * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < z->n; i++) {
        size_t len;
        const char *name = imr_zip_name(z, i, &len);
        uint64_t *slot = slot_of(z, name, len, "", 0);
        if (*slot) {
            imr_zip_entry e = {.name = name, .name_len = (uint32_t)len};
            return BAD_ENTRY(&e, IMR_E_FORMAT, "is there twice");
        }
        *slot = (hash_name(z, name, len, "", 0) & ~(uint64_t)ONES32) | (i + 1);
    }
    return IMR_OK;
}

/* ---- all of it ---- */

imr_status imr_zip_at(imr_zip_entry *out, const imr_zip *z, size_t i, imr_error *err)
{
    imr_bytes b = imr_bytes_of(z->directory, z->bytes);
    imr_zip_entry e = {0};
    imr_bytes_seek(&b, z->at[i]);
    IMR_TRY(read_central(&e, &b, z->packed, err));
    IMR_TRY(read_local(&e, z->data, z->start, err));
    *out = e;
    return IMR_OK;
}

static imr_status read_entries(imr_zip *z, imr_error *err)
{
    imr_bytes b = imr_bytes_of(z->directory, z->bytes);
    uint64_t end = 0, forgotten = 0;
    bool in_order = true;
    for (size_t i = 0; i < z->n; i++) {
        imr_zip_entry e = {0};
        z->at[i] = b.pos;
        IMR_TRY(read_central(&e, &b, z->packed, err));
        IMR_TRY(read_local(&e, z->data, z->start, err));
        in_order = in_order && e.header >= end;
        end = end_of(&e, z->data);
        if (z->mapped && (e.header - forgotten) > FORGET_BYTES) { /* backwards too */
            imr_file_forget(z->mapped);
            forgotten = e.header;
        }
    }
    if (imr_bytes_left(&b) != 0)
        return imr_fail(err, IMR_E_FORMAT, "the zip directory has %zu bytes behind its entries",
                        imr_bytes_left(&b));
    IMR_TRY(check_names(z, err));
    return in_order ? IMR_OK : check_overlap(z, err);
}

imr_status imr_zip_parse(imr_zip *z, const void *data, size_t len, imr_error *err)
{
    directory d = {0};
    IMR_TRY(read_end(&d, data, len, err));
    z->data = data;
    z->directory = z->data + d.offset;
    z->start = (size_t)d.offset;
    z->bytes = (size_t)d.bytes;
    z->n = (size_t)d.entries;
    z->at = imr_scratch_alloc(z->scratch, z->n, sizeof *z->at);
    const imr_status status = z->at ? read_entries(z, err) : imr_scratch_fail(z->scratch, err);
    if (status != IMR_OK)
        imr_zip_done(z);
    return status;
}

void imr_zip_done(imr_zip *z)
{
    imr_scratch_free(z->scratch, z->at);
    imr_scratch_free(z->scratch, z->slots);
    *z = (imr_zip){0};
}

/* ---- the bytes of an entry ---- */

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
