/*
 * Layout (github.com/huggingface/safetensors, README "Format"):
 *   1. u64        N, bytes of the header, at most 100 MB
 *   2. N bytes    a JSON object, spaces allowed behind it:
 *                   "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}
 *                   "__metadata__": {"key": "text"}, optional
 *   3. the rest   data, row-major, little-endian; offsets count from its start
 */
#include "format/safetensors.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/number.h"

#define ALIGN 64

typedef struct entry {
    const imr_json *node;
    imr_tensor t;
    uint64_t begin, end;
} entry;

typedef IMR_ARRAY(entry) entries;

imr_status imr_safetensors_header(imr_json **out, const void *data, size_t len, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, len);
    uint64_t n = imr_bytes_u64(&b);
    if (b.failed)
        return imr_fail(err, IMR_E_FORMAT, "is no safetensors file: %zu bytes, shorter than 8",
                        len);
    if (n > IMR_MAX_SAFETENSORS_HEADER)
        return imr_fail(err, IMR_E_LIMIT,
                        "header of %" PRIu64 " bytes, at most %zu; is this a safetensors file?", n,
                        IMR_MAX_SAFETENSORS_HEADER);
    if (n > imr_bytes_left(&b))
        return imr_fail(err, IMR_E_FORMAT,
                        "cut short: header of %" PRIu64 " bytes, %zu are left of the file", n,
                        imr_bytes_left(&b));
    imr_json *header;
    IMR_TRY(imr_json_parse(&header, imr_bytes_take(&b, (size_t)n), (size_t)n, "header", err));
    if (!imr_json_is_object(header)) {
        imr_json_free(header);
        return imr_fail(err, IMR_E_FORMAT, "the safetensors header is no JSON object");
    }
    *out = header;
    return IMR_OK;
}

static imr_status read_dtype(imr_dtype *out, const imr_json *node, imr_error *err)
{
    const char *name;
    IMR_TRY(imr_json_need_string(&name, node, "dtype", err));
    for (int d = 0; d < IMR_DTYPE_COUNT; d++)
        if (strcmp(name, imr_dtype_name((imr_dtype)d)) == 0) {
            *out = (imr_dtype)d;
            return IMR_OK;
        }
    return imr_fail(err, IMR_E_UNSUPPORTED, "dtype %s is not read; save it as F32", name);
}

static imr_status read_entry(entry *e, imr_error *err)
{
    const imr_json *shape = imr_json_at(e->node, "shape");
    const imr_json *offsets = imr_json_at(e->node, "data_offsets");
    char path[32];
    int64_t v;
    IMR_TRY(read_dtype(&e->t.dtype, e->node, err));
    if (!imr_json_is_array(shape))
        return imr_fail(err, IMR_E_FORMAT, "has no shape");
    for (const imr_json *d = imr_json_child(shape); d; d = imr_json_next(d)) {
        if (e->t.rank == IMR_MAX_TENSOR_RANK)
            return imr_fail(err, IMR_E_LIMIT, "has more than %u dimensions", IMR_MAX_TENSOR_RANK);
        snprintf(path, sizeof path, "shape/%u", (unsigned)e->t.rank);
        IMR_TRY(imr_json_need_int(&v, e->node, path, 0, (int64_t)IMR_MAX_TENSOR_ELEMS, err));
        e->t.shape[e->t.rank++] = (uint64_t)v;
    }
    if (!imr_json_is_array(offsets) || imr_json_count(offsets) != 2)
        return imr_fail(err, IMR_E_FORMAT, "has no pair of data_offsets");
    IMR_TRY(imr_json_need_int(&v, e->node, "data_offsets/0", 0, INT64_MAX, err));
    e->begin = (uint64_t)v;
    IMR_TRY(imr_json_need_int(&v, e->node, "data_offsets/1", 0, INT64_MAX, err));
    e->end = (uint64_t)v;
    return IMR_OK;
}

static int by_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static imr_status in_tensor(const entry *e, imr_status status, imr_error *err)
{
    const char *name = imr_json_key(e->node);
    return imr_tensor_prefix(err, status, name, strlen(name));
}

/* Entries in the order of the data -> table; each must begin where the one before it ended. */
static imr_status place(imr_tensors *table, entries *list, const uint8_t *data, size_t len,
                        imr_error *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < list->n; i++) {
        entry *e = &list->v[i];
        if (e->begin != at || e->end < at || e->end > len)
            return in_tensor(e,
                             imr_fail(err, IMR_E_FORMAT,
                                      "data_offsets [%" PRIu64 ", %" PRIu64
                                      "], expected a begin of %" PRIu64 " and an end within the "
                                      "%zu bytes of data (cut short or damaged)",
                                      e->begin, e->end, at, len),
                             err);
        e->t.data = data + e->begin;
        e->t.bytes = (size_t)(e->end - e->begin);
        imr_tensor_row_major(&e->t);
        const char *name = imr_json_key(e->node);
        IMR_TRY(imr_tensors_add(table, name, strlen(name), &e->t, err));
        uint64_t need = imr_tensor_count(&e->t) * imr_dtype_size(e->t.dtype);
        if (need != e->t.bytes)
            return in_tensor(e,
                             imr_fail(err, IMR_E_FORMAT,
                                      "%zu bytes of data, its shape says %" PRIu64, e->t.bytes,
                                      need),
                             err);
        at = e->end;
    }
    if (at != len)
        return imr_fail(err, IMR_E_FORMAT, "%zu bytes behind the last tensor belong to none",
                        len - (size_t)at);
    return IMR_OK;
}

static imr_status collect(entries *list, const imr_json *header, imr_error *err)
{
    for (const imr_json *item = imr_json_child(header); item; item = imr_json_next(item)) {
        if (strcmp(imr_json_key(item), "__metadata__") == 0)
            continue;
        entry e = {.node = item};
        IMR_TRY(in_tensor(&e, read_entry(&e, err), err));
        IMR_NEED(IMR_PUSH(list, e), err);
    }
    if (list->n)
        qsort(list->v, list->n, sizeof *list->v, by_place);
    return IMR_OK;
}

imr_status imr_safetensors_parse(imr_tensors *out, const void *data, size_t len, imr_error *err)
{
    IMR_AUTOJSON imr_json *header = NULL;
    IMR_TRY(imr_safetensors_header(&header, data, len, err));
    size_t start = 8 + (size_t)imr_bytes_u64(&(imr_bytes){.data = data, .len = len});
    IMR_AUTOFREE entries list = {0};
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    IMR_TRY(collect(&list, header, err));
    IMR_TRY(place(&table, &list, (const uint8_t *)data + start, len - start, err));
    return IMR_GIVE(out, table);
}

imr_status imr_safetensors_open(imr_tensors *out, const char *path, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map(&file, path, err));
    IMR_TRY(imr_error_prefix(err, imr_safetensors_parse(out, file.data, file.len, err), path));
    out->file = IMR_TAKE(file);
    return IMR_OK;
}

/* ---- writing ---- */

/* One "prefix.name": "text" for each leaf; prefix ends with its dot or is empty. */
static void put_metadata(imr_buf *b, const char *prefix, const imr_torch_meta *m, size_t n,
                         bool *first)
{
    for (size_t i = 0; i < n; i++) {
        IMR_AUTOBUF imr_buf name = {0};
        char number[32];
        imr_buf_printf(&name, m[i].kind == 'd' ? "%s%s." : "%s%s", prefix, m[i].name);
        b->failed |= name.failed;
        if (m[i].kind == 'd') {
            put_metadata(b, imr_buf_text(&name), m[i].items, m[i].n_items, first);
            continue;
        }
        imr_buf_str(b, *first ? "" : ",");
        *first = false;
        imr_json_put_string(b, imr_buf_text(&name));
        imr_buf_char(b, ':');
        if (m[i].kind == 's')
            imr_json_put_string(b, m[i].s);
        else if (m[i].kind == 'i')
            imr_buf_printf(b, "\"%" PRId64 "\"", m[i].i);
        else if (m[i].kind == 'f')
            imr_buf_printf(b, "\"%s\"", imr_format_float(number, m[i].f));
        else
            imr_buf_str(b, m[i].kind == 'n' ? "\"null\"" : m[i].i ? "\"true\"" : "\"false\"");
    }
}

static uint64_t item_bytes(const imr_torch_item *item)
{
    return imr_torch_item_count(item) * sizeof *item->data;
}

static void put_header(imr_buf *b, const imr_torch_item *items, size_t n,
                       const imr_torch_meta *metadata, size_t n_metadata)
{
    bool first = true;
    uint64_t at = 0;
    imr_buf_char(b, '{');
    if (n_metadata) {
        imr_buf_str(b, "\"__metadata__\":{");
        put_metadata(b, "", metadata, n_metadata, &first);
        imr_buf_char(b, '}');
    }
    for (size_t i = 0; i < n; i++) {
        imr_buf_str(b, i || n_metadata ? "," : "");
        imr_json_put_string(b, items[i].name);
        imr_buf_str(b, ":{\"dtype\":\"F32\",\"shape\":[");
        for (uint32_t d = 0; d < items[i].rank; d++)
            imr_buf_printf(b, d ? ",%" PRIu64 : "%" PRIu64, items[i].shape[d]);
        imr_buf_printf(b, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at,
                       at + item_bytes(&items[i]));
        at += item_bytes(&items[i]);
    }
    imr_buf_char(b, '}');
    imr_buf_fill(b, ' ', ALIGN - 1 - (8 + b->len - 1) % ALIGN);
}

imr_status imr_safetensors_write(const char *path, const imr_torch_item *items, size_t n,
                                 const imr_torch_meta *metadata, size_t n_metadata, imr_error *err)
{
    IMR_AUTOBUF imr_buf header = {0};
    imr_writer w;
    put_header(&header, items, n, metadata, n_metadata);
    IMR_TRY(imr_buf_check(&header, err));
    uint64_t len = header.len;
    IMR_TRY(imr_writer_open(&w, path, err));
    imr_writer_add(&w, &len, sizeof len);
    imr_writer_add(&w, header.data, header.len);
    for (size_t i = 0; i < n; i++)
        imr_writer_add(&w, items[i].data, (size_t)item_bytes(&items[i]));
    return imr_writer_commit(&w, err);
}
