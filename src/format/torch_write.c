/*
 * Writes what format/torch_pt.c reads. The archive's folder is "archive", dates are 1980-01-01 and
 * storages are numbered in the order of the items, so that the same input gives the same bytes.
 * Sizes and CRC-32 are known beforehand and stand in the local headers (no data descriptors). The
 * pickle of a state dict memoises nothing: it repeats no value, and readers need no memo; that of a
 * dict of vectors memoises what every vector repeats.
 */
#include <inttypes.h>

#include "base/file.h"
#include "format/torch_pt.h"
#include "format/zip.h"

#define ALIGN   64
#define DATE    0x0021 /* 1980-01-01 in MS-DOS's way */
#define VERSION 20     /* of the zip format: nothing newer is used */
#define PADDING 0x4246 /* id of the extra field that moves the data to its alignment */

/* ---- pickle ---- */

static void put_uint(imr_buf *b, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        imr_buf_char(b, (char)(v >> (8 * i)));
}

static void put_text(imr_buf *b, const char *text)
{
    imr_buf_char(b, 'X');
    put_uint(b, strlen(text), 4);
    imr_buf_str(b, text);
}

static void put_int(imr_buf *b, int64_t v)
{
    if (v >= 0 && v < 256) {
        imr_buf_char(b, 'K');
        put_uint(b, (uint64_t)v, 1);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        imr_buf_char(b, 'J');
        put_uint(b, (uint32_t)v, 4);
    } else {
        imr_buf_str(b, "\x8a\x08");
        put_uint(b, (uint64_t)v, 8);
    }
}

static void put_float(imr_buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    imr_buf_char(b, 'G');
    put_uint(b, __builtin_bswap64(bits), 8);
}

static void put_metadata(imr_buf *b, const imr_torch_meta *m, size_t n)
{
    imr_buf_str(b, "}(");
    for (size_t i = 0; i < n; i++) {
        put_text(b, m[i].name);
        if (m[i].kind == 'i')
            put_int(b, m[i].i);
        else if (m[i].kind == 'f')
            put_float(b, m[i].f);
        else if (m[i].kind == 's')
            put_text(b, m[i].s);
        else if (m[i].kind == 'd')
            put_metadata(b, m[i].items, m[i].n_items);
        else
            imr_buf_char(b, m[i].kind == 'n' ? 'N' : m[i].i ? '\x88' : '\x89');
    }
    imr_buf_char(b, 'u');
}

uint64_t imr_torch_item_count(const imr_torch_item *item)
{
    uint64_t n = 1;
    for (uint32_t d = 0; d < item->rank; d++)
        n *= item->shape[d];
    return n;
}

static void put_tensor(imr_buf *b, const imr_torch_item *item, size_t key)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", key);
    imr_buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(b, "storage");
    imr_buf_str(b, "ctorch\nFloatStorage\n");
    put_text(b, text);
    put_text(b, "cpu");
    put_int(b, (int64_t)imr_torch_item_count(item));
    imr_buf_str(b, "tQ");
    put_int(b, 0); /* offset */
    imr_buf_char(b, '(');
    for (uint32_t d = 0; d < item->rank; d++)
        put_int(b, (int64_t)item->shape[d]);
    imr_buf_str(b, "t(");
    for (uint32_t d = 0; d < item->rank; d++) {
        uint64_t stride = 1;
        for (uint32_t after = d + 1; after < item->rank; after++)
            stride *= item->shape[after];
        put_int(b, (int64_t)stride);
    }
    /* no gradient, no hooks */
    imr_buf_str(b, "t\x89"
                   "ccollections\nOrderedDict\n)RtR");
}

static void put_payload(imr_buf *b, const imr_torch_item *items, size_t n,
                        const imr_torch_meta *metadata, size_t n_metadata)
{
    imr_buf_str(b, "\x80\x02}(");
    put_text(b, "model_state");
    imr_buf_str(b, "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < n; i++) {
        put_text(b, items[i].name);
        put_tensor(b, &items[i], i);
    }
    imr_buf_char(b, 'u');
    put_text(b, "metadata");
    put_metadata(b, metadata, n_metadata);
    imr_buf_str(b, "u.");
}

/* ---- zip ---- */

typedef struct archive {
    imr_writer *w;
    imr_buf directory; /* grows with each entry */
    uint64_t at;       /* bytes written */
    uint32_t entries;
} archive;

/* What the local and the central header have in common, in the same order. */
static void put_common(imr_buf *b, uint32_t crc, uint64_t n, size_t name_len, size_t extra)
{
    put_uint(b, VERSION, 2);
    put_uint(b, 0, 2 + 2 + 2); /* flags, method 0: stored, time */
    put_uint(b, DATE, 2);
    put_uint(b, crc, 4);
    put_uint(b, n, 4);
    put_uint(b, n, 4);
    put_uint(b, name_len, 2);
    put_uint(b, extra, 2);
}

static void add_entry(archive *a, const char *name, const void *data, uint64_t n)
{
    IMR_AUTOBUF imr_buf local = {0};
    uint32_t crc = imr_zip_crc(data, (size_t)n);
    size_t name_len = strlen(name), extra = 4;
    extra += ALIGN - 1 - (a->at + 30 + name_len + extra - 1) % ALIGN;
    imr_buf_str(&local, "PK\3\4");
    put_common(&local, crc, n, name_len, extra);
    imr_buf_str(&local, name);
    put_uint(&local, PADDING, 2);
    put_uint(&local, extra - 4, 2);
    imr_buf_fill(&local, 'Z', extra - 4);

    imr_buf *d = &a->directory;
    imr_buf_str(d, "PK\1\2");
    put_uint(d, VERSION, 2);
    put_common(d, crc, n, name_len, 0);
    put_uint(d, 0, 2 + 2 + 2); /* comment, disk, internal attributes */
    put_uint(d, 0, 4);         /* external attributes */
    put_uint(d, a->at, 4);
    imr_buf_str(d, name);
    d->failed |= local.failed;

    imr_writer_add(a->w, imr_buf_text(&local), local.len);
    imr_writer_add(a->w, data, (size_t)n);
    a->at += local.len + n;
    a->entries++;
}

static void end_archive(archive *a)
{
    imr_buf *d = &a->directory;
    size_t bytes = d->len;
    imr_buf_str(d, "PK\5\6");
    put_uint(d, 0, 2 + 2);
    put_uint(d, a->entries, 2);
    put_uint(d, a->entries, 2);
    put_uint(d, bytes, 4);
    put_uint(d, a->at, 4);
    put_uint(d, 0, 2);
    imr_writer_add(a->w, imr_buf_text(d), d->len);
}

static imr_status check_size(size_t n, uint64_t bytes, imr_error *err)
{
    if (n > 65000 || bytes + 4096 > UINT32_MAX)
        return imr_fail(err, IMR_E_LIMIT,
                        "%zu tensors, %" PRIu64 " bytes: more than a .pt file is written with "
                        "(65000 tensors, 4 GiB); write safetensors",
                        n, bytes);
    return IMR_OK;
}

/* items as the storages 0, 1, ... */
static imr_status write_archive(const char *path, const imr_buf *payload,
                                const imr_torch_item *items, size_t n, imr_error *err)
{
    imr_writer w;
    IMR_TRY(imr_writer_open(&w, path, err));
    archive a = {.w = &w};
    add_entry(&a, "archive/data.pkl", payload->data, payload->len);
    add_entry(&a, "archive/byteorder", "little", 6);
    for (size_t i = 0; i < n; i++) {
        char name[48];
        snprintf(name, sizeof name, "archive/data/%zu", i);
        add_entry(&a, name, items[i].data, imr_torch_item_count(&items[i]) * sizeof(float));
    }
    add_entry(&a, "archive/version", "3\n", 2);
    end_archive(&a);
    imr_status status = imr_buf_check(&a.directory, err);
    imr_buf_done(&a.directory);
    if (status != IMR_OK) {
        imr_writer_done(&w);
        return status;
    }
    return imr_writer_commit(&w, err);
}

imr_status imr_torch_write(const char *path, const imr_torch_item *items, size_t n,
                           const imr_torch_meta *metadata, size_t n_metadata, imr_error *err)
{
    IMR_AUTOBUF imr_buf payload = {0};
    put_payload(&payload, items, n, metadata, n_metadata);
    IMR_TRY(imr_buf_check(&payload, err));
    uint64_t bytes = payload.len;
    for (size_t i = 0; i < n && bytes <= UINT32_MAX; i++)
        bytes += imr_torch_item_count(&items[i]) * sizeof(float) + 256; /* headers and padding */
    IMR_TRY(check_size(n, bytes, err));
    return write_archive(path, &payload, items, n, err);
}

/* ---- a dict of vectors ---- */

enum { BATCH = 1000 }; /* pairs set together, as Python's pickler does */

/* A vector of `storage` from value `offset` on. What repeats is memoised by the first. */
static void put_view(imr_buf *b, bool first, const imr_torch_item *storage, size_t offset,
                     size_t dim)
{
    if (first) {
        imr_buf_str(b, "ctorch._utils\n_rebuild_tensor_v2\nq\1((");
        put_text(b, "storage");
        imr_buf_str(b, "q\2ctorch\nFloatStorage\nq\3");
        put_text(b, "0");
        imr_buf_str(b, "q\4");
        put_text(b, "cpu");
        imr_buf_str(b, "q\5");
    } else {
        imr_buf_str(b, "h\1((h\2h\3h\4h\5");
    }
    put_int(b, (int64_t)imr_torch_item_count(storage));
    imr_buf_str(b, "tQ");
    put_int(b, (int64_t)offset);
    put_int(b, (int64_t)dim);
    imr_buf_char(b, '\x85'); /* a tuple of one: shape, stride */
    put_int(b, 1);
    /* no gradient, no hooks */
    imr_buf_str(b, first ? "\x85\x89"
                           "ccollections\nOrderedDict\nq\6)RtR"
                         : "\x85\x89h\6)RtR");
}

imr_status imr_torch_write_pairs(const char *path, const char *const *ids, const uint32_t *rows,
                                 size_t n, const float *v, size_t n_rows, size_t dim,
                                 imr_error *err)
{
    const imr_torch_item storage = {.data = v, .rank = 2, .shape = {n_rows, dim}};
    const uint64_t bytes = (uint64_t)n_rows * dim * sizeof *v;
    IMR_AUTOBUF imr_buf payload = {0};
    IMR_TRY(check_size(1, bytes, err));
    imr_buf_str(&payload, "\x80\x02}");
    for (size_t i = 0; i < n; i++) {
        if (i % BATCH == 0)
            imr_buf_char(&payload, '(');
        put_text(&payload, ids[i]);
        put_view(&payload, i == 0, &storage, rows[i] * dim, dim);
        if (i % BATCH == BATCH - 1 || i + 1 == n)
            imr_buf_char(&payload, 'u');
    }
    imr_buf_char(&payload, '.');
    IMR_TRY(imr_buf_check(&payload, err));
    IMR_TRY(check_size(1, bytes + payload.len, err));
    return write_archive(path, &payload, &storage, 1, err);
}
