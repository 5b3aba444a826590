/*
 * Layout of the archive (torch.save since 1.6), below one folder of any name:
 *   data.pkl     the object; persistent ids name storages by key
 *   data/KEY     the bytes of each storage
 *   byteorder    "little" or "big"; absent in files of before 2.1
 *   version and others: not needed
 *
 * Layout before (torch/serialization.py, _legacy_save):
 *   1. pickle     the magic number 0x1950a86a20f9469cfc6c
 *   2. pickle     1001, the version of this layout
 *   3. pickle     {"little_endian": True, ...} of the machine that wrote it
 *   4. pickle     the object; its persistent ids name storages by key
 *   5. pickle     [key, ...]: the storages in the order of what follows
 *   6. for each   u64 elements, then the elements
 */
#include "format/torch_pt.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "format/zip.h"

#define LEGACY_MAGIC "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

struct imr_torch {
    imr_file file; /* {0} when the bytes are the caller's */
    imr_pickle *pickle;
    imr_zip zip;  /* its storages */
    char *prefix; /* of a storage's name there: "FOLDER/data/" */

    /* A file of before 1.6: */
    imr_strmap rows;        /* key -> its first imr_pickle_storage; keys are the pickle's */
    const uint8_t **legacy; /* [rows] the elements; NULL until they were found */
};

/* ---- tensors ---- */

/* The bytes of a storage. An empty key names none: "FOLDER/data/" is a folder. */
static imr_status find_storage(const uint8_t **data, uint64_t *bytes, const imr_torch *t,
                               const imr_pickle_value *s, imr_error *err)
{
    size_t i;
    uint32_t row;
    if (t->prefix && s->len &&
        imr_zip_find(&t->zip, t->prefix, strlen(t->prefix), s->text, s->len, &i)) {
        imr_zip_entry e;
        IMR_TRY(imr_zip_at(&e, &t->zip, i, err));
        *data = e.data;
        *bytes = e.size;
        return IMR_OK;
    }
    if (t->prefix || !imr_strmap_get(&t->rows, s->text, s->len, &row) || !t->legacy[row])
        return imr_fail(err, IMR_E_FORMAT, "its storage data/%.64s is not in the file", s->text);
    *data = t->legacy[row];
    *bytes = s->elements * imr_dtype_size(s->dtype);
    return IMR_OK;
}

/* A TENSOR of the tree as a checked view of t's bytes, without a name. Errors: IMR_E_FORMAT when
 * its storage is missing, has another size than the pickle says, or is too short for the view. */
static imr_status view_of(imr_tensor *out, const imr_torch *t, const imr_pickle_value *v,
                          imr_error *err)
{
    if (!v || v->kind != IMR_PK_TENSOR)
        return imr_fail(err, IMR_E_FORMAT, "expected a tensor, found %s", imr_pickle_kind_name(v));
    const imr_pickle_value *s = v->tensor->storage;
    const uint8_t *data = NULL;
    uint64_t bytes = 0;
    IMR_TRY(find_storage(&data, &bytes, t, s, err));
    size_t size = imr_dtype_size(s->dtype);
    if (bytes % size || bytes / size != s->elements)
        return imr_fail(err, IMR_E_FORMAT,
                        "its storage data/%.64s has %" PRIu64 " bytes, expected %" PRIu64
                        " elements of %s",
                        s->text, bytes, s->elements, imr_dtype_name(s->dtype));
    if (v->tensor->offset > s->elements)
        return imr_fail(err, IMR_E_FORMAT, "begins behind the end of its storage data/%.64s",
                        s->text);
    imr_tensor made = {.dtype = s->dtype, .rank = v->tensor->rank};
    size_t skip = (size_t)v->tensor->offset * size;
    memcpy(made.shape, v->tensor->shape, sizeof made.shape);
    memcpy(made.stride, v->tensor->stride, sizeof made.stride);
    made.data = data + skip;
    made.bytes = (size_t)bytes - skip;
    IMR_TRY(imr_tensor_check(&made, err));
    *out = made;
    return IMR_OK;
}

/* ---- pairs of a dictionary ---- */

#define FORGET_EACH ((size_t)1 << 13) /* pairs read before the file's pages are given back */

typedef struct pairs {
    const imr_torch *torch;
    const imr_file *file; /* NULL: its pages stay */
    imr_scratch *scratch;
    imr_torch_pair_fn each;
    void *user;
    size_t n;
} pairs;

static imr_status take_pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                            imr_error *err)
{
    pairs *p = user;
    char number[32];
    const char *name = number;
    imr_tensor tensor;
    if (value->kind != IMR_PK_TENSOR)
        return IMR_OK;
    if (key->kind == IMR_PK_STRING)
        name = key->text;
    else if (key->kind == IMR_PK_INT)
        snprintf(number, sizeof number, "%" PRId64, key->integer);
    else
        return imr_fail(err, IMR_E_UNSUPPORTED, "a tensor is named by %s, expected a string",
                        imr_pickle_kind_name(key));
    imr_status status = view_of(&tensor, p->torch, value, err);
    if (status != IMR_OK)
        return imr_tensor_prefix(err, status, name, strlen(name));
    if (++p->n % FORGET_EACH == 0 && p->file)
        imr_file_forget(p->file);
    return p->each(p->user, name, &tensor, err);
}

static imr_status walk_pairs(pairs *p, const imr_pickle_value *dict, imr_error *err)
{
    if (!dict || dict->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT, "expected a dictionary of tensors, found %s",
                        imr_pickle_kind_name(dict));
    for (size_t i = 0; i < dict->len; i++)
        IMR_TRY(take_pair(p, dict->items[2 * i], dict->items[2 * i + 1], err));
    return IMR_OK;
}

static imr_status add_tensor(void *table, const char *name, const imr_tensor *tensor,
                             imr_error *err)
{
    return imr_tensors_add(table, name, strlen(name), tensor, err);
}

imr_status imr_torch_tensors(imr_tensors *out, const imr_torch *t, const imr_pickle_value *dict,
                             imr_error *err)
{
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    IMR_TRY(walk_pairs(&(pairs){.torch = t, .each = add_tensor, .user = &table}, dict, err));
    return IMR_GIVE(out, table);
}

/* ---- the archive ---- */

/* FOLDER/data.pkl, of which there must be one; *folder: bytes of "FOLDER/". */
static imr_status find_pickle(size_t *out, size_t *folder, const imr_zip *z, imr_error *err)
{
    static const char tail[] = "/data.pkl";
    bool found = false;
    for (size_t i = 0; i < z->n; i++) {
        size_t len;
        const char *name = imr_zip_name(z, i, &len), *slash = memchr(name, '/', len);
        size_t before = slash ? (size_t)(slash - name) : len;
        if (len - before != sizeof tail - 1 || memcmp(name + before, tail, sizeof tail - 1) != 0)
            continue;
        if (found)
            return imr_fail(err, IMR_E_FORMAT, "the archive has two data.pkl");
        found = true;
        *out = i;
        *folder = before + 1;
    }
    if (!found)
        return imr_fail(err, IMR_E_FORMAT,
                        "a zip archive without data.pkl: not written by torch.save");
    return IMR_OK;
}

static imr_status check_byte_order(const imr_zip *z, const char *folder, size_t len, imr_error *err)
{
    size_t i;
    imr_zip_entry e;
    if (!imr_zip_find(z, folder, len, "byteorder", strlen("byteorder"), &i))
        return IMR_OK;
    IMR_TRY(imr_zip_at(&e, z, i, err));
    if (e.size != 6 || memcmp(e.data, "little", 6) != 0)
        return imr_fail(err, IMR_E_UNSUPPORTED, "was written by a big-endian machine");
    return IMR_OK;
}

/* p NULL: the tree is kept. */
static imr_status read_zip(imr_torch *t, const void *data, size_t len, pairs *p, imr_error *err)
{
    size_t i = 0, folder = 0;
    imr_zip_entry pickle;
    imr_buf prefix = {0};
    if (p)
        t->zip = (imr_zip){.scratch = p->scratch, .mapped = p->file};
    IMR_TRY(imr_zip_parse(&t->zip, data, len, err));
    IMR_TRY(find_pickle(&i, &folder, &t->zip, err));
    IMR_TRY(imr_zip_at(&pickle, &t->zip, i, err));
    imr_buf_add(&prefix, pickle.name, folder);
    imr_buf_str(&prefix, "data/");
    IMR_NEED(t->prefix = imr_buf_take(&prefix), err);
    IMR_TRY(check_byte_order(&t->zip, pickle.name, folder, err));
    IMR_TRY(imr_zip_check_crc(&pickle, err));
    if (p)
        return imr_pickle_each(pickle.data, (size_t)pickle.size, take_pair, p, err);
    return imr_pickle_parse(&t->pickle, pickle.data, (size_t)pickle.size, NULL, err);
}

/* ---- the layout before ---- */

/* One pickle at the cursor, which moves behind it. */
static imr_status next_pickle(imr_pickle **out, imr_bytes *b, const char *what, imr_error *err)
{
    size_t used = 0;
    imr_status status = imr_pickle_parse(out, b->data + b->pos, imr_bytes_left(b), &used, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, what);
    imr_bytes_take(b, used);
    return IMR_OK;
}

static imr_status check_head(imr_bytes *b, imr_error *err)
{
    IMR_CLEANUP(imr_pickle_free_at) imr_pickle *version = NULL;
    IMR_CLEANUP(imr_pickle_free_at) imr_pickle *machine = NULL;
    IMR_TRY(next_pickle(&version, b, "version", err));
    const imr_pickle_value *v = imr_pickle_root(version);
    if (v->kind != IMR_PK_INT || v->integer != 1001)
        return imr_fail(err, IMR_E_UNSUPPORTED, "an unknown version of the pre-1.6 layout");
    IMR_TRY(next_pickle(&machine, b, "machine", err));
    v = imr_pickle_get(imr_pickle_root(machine), "little_endian");
    if (!v || v->kind != IMR_PK_BOOL || !v->integer)
        return imr_fail(err, IMR_E_UNSUPPORTED, "was written by a big-endian machine");
    return IMR_OK;
}

/* A key that comes again must mean the same. */
static imr_status index_storages(imr_torch *t, imr_error *err)
{
    const imr_pickle_value *s, *first;
    uint32_t i = 0, row;
    for (; (s = imr_pickle_storage(t->pickle, i)) != NULL; i++) {
        IMR_NEED(imr_strmap_add(&t->rows, s->text, s->len, i, &row, NULL), err);
        first = imr_pickle_storage(t->pickle, row);
        if (first->dtype != s->dtype || first->elements != s->elements)
            return imr_fail(err, IMR_E_FORMAT, "storage %s has two types or sizes", s->text);
    }
    t->legacy = IMR_NEW_ARRAY(const uint8_t *, i);
    return t->legacy ? IMR_OK : imr_fail_memory(err);
}

static imr_status read_storage(imr_torch *t, imr_bytes *b, const imr_pickle_value *key,
                               imr_error *err)
{
    uint32_t row;
    if (key->kind != IMR_PK_STRING || !imr_strmap_get(&t->rows, key->text, key->len, &row))
        return imr_fail(err, IMR_E_FORMAT, "a storage that no tensor uses");
    const imr_pickle_value *s = imr_pickle_storage(t->pickle, row);
    uint64_t n = imr_bytes_u64(b);
    if (b->failed || n != s->elements || n > imr_bytes_left(b) / imr_dtype_size(s->dtype))
        return imr_fail(err, IMR_E_FORMAT,
                        "storage %s should have %" PRIu64
                        " elements here: the file was cut short or is damaged",
                        s->text, s->elements);
    if (t->legacy[row])
        return imr_fail(err, IMR_E_FORMAT, "storage %.64s is there twice", s->text);
    t->legacy[row] = imr_bytes_take(b, (size_t)n * imr_dtype_size(s->dtype));
    return IMR_OK;
}

static imr_status read_storages(imr_torch *t, imr_bytes *b, const imr_pickle_value *keys,
                                imr_error *err)
{
    if (keys->kind != IMR_PK_LIST)
        return imr_fail(err, IMR_E_FORMAT, "storage keys: expected a list");
    IMR_TRY(index_storages(t, err));
    for (size_t i = 0; i < keys->len; i++)
        IMR_TRY(read_storage(t, b, keys->items[i], err));
    if (imr_bytes_left(b) != 0)
        return imr_fail(err, IMR_E_FORMAT, "%zu bytes behind the last storage", imr_bytes_left(b));
    return IMR_OK;
}

static imr_status read_legacy(imr_torch *t, const void *data, size_t len, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, len);
    IMR_CLEANUP(imr_pickle_free_at) imr_pickle *keys = NULL;
    imr_bytes_take(&b, sizeof LEGACY_MAGIC - 1);
    IMR_TRY(check_head(&b, err));
    IMR_TRY(next_pickle(&t->pickle, &b, "object", err));
    IMR_TRY(next_pickle(&keys, &b, "storage keys", err));
    return read_storages(t, &b, imr_pickle_root(keys), err);
}

/* ---- the object ---- */

static imr_status read_any(imr_torch *t, const void *data, size_t len, pairs *p, imr_error *err)
{
    if (len >= 4 && memcmp(data, "PK\3\4", 4) == 0)
        return read_zip(t, data, len, p, err);
    if (len < sizeof LEGACY_MAGIC - 1 || memcmp(data, LEGACY_MAGIC, sizeof LEGACY_MAGIC - 1) != 0)
        return imr_fail(err, IMR_E_FORMAT,
                        "is no file of torch.save; if PyTorch can read it: python3 -c \"import "
                        "torch; torch.save(torch.load('IN', map_location='cpu'), 'OUT')\"");
    IMR_TRY(read_legacy(t, data, len, err));
    return p ? walk_pairs(p, imr_torch_root(t), err) : IMR_OK; /* kept: these files are small */
}

/* Of the caller's bytes, or (data NULL) of the file `name`. p NULL: the tree is kept. */
static imr_status open_as(imr_torch **out, const void *data, size_t len, const char *name, pairs *p,
                          imr_error *err)
{
    IMR_CLEANUP(imr_torch_free_at) imr_torch *t = IMR_NEW(imr_torch);
    if (!t)
        return imr_error_prefix(err, imr_fail_memory(err), name);
    if (!data)
        IMR_TRY(imr_file_map(&t->file, name, err));
    if (p) {
        p->torch = t;
        p->file = &t->file;
        imr_file_sequential(&t->file);
    }
    IMR_TRY(imr_error_prefix(
        err, read_any(t, data ? data : t->file.data, data ? len : t->file.len, p, err), name));
    return IMR_GIVE(out, t);
}

imr_status imr_torch_parse(imr_torch **out, const void *data, size_t len, const char *name,
                           imr_error *err)
{
    return open_as(out, data, len, name, NULL, err);
}

imr_status imr_torch_open(imr_torch **out, const char *path, imr_error *err)
{
    return open_as(out, NULL, 0, path, NULL, err);
}

void imr_torch_free(imr_torch *t)
{
    if (!t)
        return;
    imr_pickle_free(t->pickle);
    imr_zip_done(&t->zip);
    imr_strmap_done(&t->rows);
    IMR_FREE(t->legacy, t->prefix);
    imr_file_unmap(&t->file);
    imr_free(t);
}

void imr_torch_free_into(imr_torch *t, imr_tensors *table)
{
    table->file = IMR_TAKE(t->file);
    imr_torch_free(t);
}

const imr_pickle_value *imr_torch_root(const imr_torch *t)
{
    return t->pickle ? imr_pickle_root(t->pickle) : NULL;
}

imr_status imr_torch_open_pairs(imr_torch **out, const char *path, imr_scratch *scratch,
                                imr_torch_pair_fn each, void *user, imr_error *err)
{
    pairs p = {.scratch = scratch, .each = each, .user = user};
    IMR_TRY(open_as(out, NULL, 0, path, &p, err));
    imr_zip_done(&(*out)->zip);
    imr_torch_forget(*out); /* with a storage a vector, headers lie on every page */
    return IMR_OK;
}

void imr_torch_forget(const imr_torch *t)
{
    imr_file_forget(&t->file);
}
