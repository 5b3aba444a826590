/*
 * Layout of the archive (torch.save since 1.6), below one folder of any name:
 *   data.pkl     the object; persistent ids name storages by key
 *   data/KEY     the bytes of each storage
 *   byteorder    "little" or "big"; absent in files of before 2.1
 *   version and others: not needed
 */
#include "format/torch_pt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/torch_storage.h"
#include "format/zip.h"

struct imr_torch {
    imr_file file; /* {0} when the bytes are the caller's */
    imr_pickle *pickle;
    imr_zip zip; /* its storages; those of a file of before 1.6 are listed: */
    imr_torch_storages storages;
    char *prefix; /* of a storage's name: "FOLDER/data/" */
};

void imr_torch_storages_done(imr_torch_storages *s)
{
    imr_strmap_done(&s->by_key);
    imr_free(s->list.v);
    *s = (imr_torch_storages){0};
}

imr_status imr_torch_storages_add(imr_torch_storages *s, const char *key, size_t len,
                                  imr_torch_storage storage, imr_error *err)
{
    bool added;
    if (!IMR_GROW(&s->list, 1) ||
        !imr_strmap_add(&s->by_key, key, len, (uint32_t)s->list.n, NULL, &added))
        return imr_fail_memory(err);
    if (!added)
        return imr_fail(err, IMR_E_FORMAT, "storage %.*s is there twice", len > 64 ? 64 : (int)len,
                        key);
    s->list.v[s->list.n++] = storage;
    return IMR_OK;
}

/* ---- pairs that are not kept ---- */

#define FORGET_EACH ((size_t)1 << 13) /* pairs read before the file's pages are given back */

typedef struct pairs {
    const imr_torch *torch;
    const imr_file *file;
    imr_scratch *scratch;
    imr_torch_pair_fn each;
    void *user;
    size_t n;
} pairs;

static imr_status take_pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                            imr_error *err);

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
    imr_zip_options options = {.scratch = p ? p->scratch : NULL, .mapped = p ? p->file : NULL};
    size_t i = 0, folder = 0;
    imr_zip_entry pickle;
    imr_buf prefix = {0};
    IMR_TRY(imr_zip_parse(&t->zip, data, len, &options, err));
    IMR_TRY(find_pickle(&i, &folder, &t->zip, err));
    IMR_TRY(imr_zip_at(&pickle, &t->zip, i, err));
    imr_buf_add(&prefix, pickle.name, folder);
    imr_buf_str(&prefix, "data/");
    if (!(t->prefix = imr_buf_take(&prefix)))
        return imr_fail_memory(err);
    IMR_TRY(check_byte_order(&t->zip, pickle.name, folder, err));
    IMR_TRY(imr_zip_check_crc(&pickle, err));
    if (p)
        return imr_pickle_each(pickle.data, (size_t)pickle.size, take_pair, p, err);
    return imr_pickle_parse(&t->pickle, pickle.data, (size_t)pickle.size, NULL, err);
}

/* An empty key names no storage: "FOLDER/data/" is a folder. */
static imr_status find_storage(imr_torch_storage *out, const imr_torch *t, const char *key,
                               size_t len, imr_error *err)
{
    size_t i;
    uint32_t row;
    if (t->prefix && len && imr_zip_find(&t->zip, t->prefix, strlen(t->prefix), key, len, &i)) {
        imr_zip_entry e;
        IMR_TRY(imr_zip_at(&e, &t->zip, i, err));
        *out = (imr_torch_storage){e.data, e.size};
        return IMR_OK;
    }
    if (t->prefix || !imr_strmap_get(&t->storages.by_key, key, len, &row))
        return imr_fail(err, IMR_E_FORMAT, "its storage data/%.64s is not in the file", key);
    *out = t->storages.list.v[row];
    return IMR_OK;
}

/* ---- the object ---- */

static imr_status parse(imr_torch **out, const void *data, size_t len, pairs *p, imr_error *err)
{
    imr_torch *t = IMR_NEW(imr_torch);
    if (!t)
        return imr_fail_memory(err);
    imr_status status;
    if (p)
        p->torch = t;
    if (imr_torch_is_legacy(data, len))
        status = imr_torch_legacy_parse(&t->pickle, &t->storages, data, len, err);
    else if (len >= 4 && memcmp(data, "PK\3\4", 4) == 0)
        status = read_zip(t, data, len, p, err);
    else
        status = imr_fail(err, IMR_E_FORMAT,
                          "is no file of torch.save; if PyTorch can read it: python3 -c \"import "
                          "torch; torch.save(torch.load('IN', map_location='cpu'), 'OUT')\"");
    if (status != IMR_OK) {
        imr_torch_free(t);
        return status;
    }
    *out = t;
    return IMR_OK;
}

imr_status imr_torch_parse(imr_torch **out, const void *data, size_t len, const char *name,
                           imr_error *err)
{
    imr_status status = parse(out, data, len, NULL, err);
    return status == IMR_OK ? IMR_OK : imr_error_prefix(err, status, name);
}

imr_status imr_torch_open(imr_torch **out, const char *path, imr_error *err)
{
    imr_file f;
    imr_torch *t = NULL;
    IMR_TRY(imr_file_map(&f, path, err));
    imr_status status = imr_torch_parse(&t, f.data, f.len, path, err);
    if (status != IMR_OK) {
        imr_file_unmap(&f);
        return status;
    }
    t->file = f;
    *out = t;
    return IMR_OK;
}

void imr_torch_free(imr_torch *t)
{
    if (!t)
        return;
    imr_pickle_free(t->pickle);
    imr_zip_done(&t->zip);
    imr_torch_storages_done(&t->storages);
    imr_free(t->prefix);
    imr_file_unmap(&t->file);
    imr_free(t);
}

const imr_pickle_value *imr_torch_root(const imr_torch *t)
{
    return t->pickle ? imr_pickle_root(t->pickle) : NULL;
}

/* ---- tensors ---- */

imr_status imr_torch_tensor(imr_tensor *out, const imr_torch *t, const imr_pickle_value *v,
                            imr_error *err)
{
    if (!v || v->kind != IMR_PK_TENSOR)
        return imr_fail(err, IMR_E_FORMAT, "expected a tensor, found %s", imr_pickle_kind_name(v));
    const imr_pickle_value *s = v->tensor->storage;
    imr_torch_storage storage = {0};
    IMR_TRY(find_storage(&storage, t, s->text, s->len, err));
    size_t size = imr_dtype_size(s->dtype);
    if (storage.bytes % size || storage.bytes / size != s->elements)
        return imr_fail(err, IMR_E_FORMAT,
                        "its storage data/%.64s has %" PRIu64 " bytes, expected %" PRIu64
                        " elements of %s",
                        s->text, storage.bytes, s->elements, imr_dtype_name(s->dtype));
    if (v->tensor->offset > s->elements)
        return imr_fail(err, IMR_E_FORMAT, "begins behind the end of its storage data/%.64s",
                        s->text);
    imr_tensor made = {.dtype = s->dtype, .rank = v->tensor->rank};
    size_t skip = (size_t)v->tensor->offset * size;
    memcpy(made.shape, v->tensor->shape, sizeof made.shape);
    memcpy(made.stride, v->tensor->stride, sizeof made.stride);
    made.data = storage.data + skip;
    made.bytes = (size_t)storage.bytes - skip;
    IMR_TRY(imr_tensor_check(&made, err));
    *out = made;
    return IMR_OK;
}

/* The key as a name (number: room for one) and the tensor under it. */
static imr_status named_tensor(const char **out, imr_tensor *tensor, char number[32],
                               const imr_torch *t, const imr_pickle_value *key,
                               const imr_pickle_value *v, imr_error *err)
{
    const char *name = number;
    if (key->kind == IMR_PK_STRING)
        name = key->text;
    else if (key->kind == IMR_PK_INT)
        snprintf(number, 32, "%" PRId64, key->integer);
    else
        return imr_fail(err, IMR_E_UNSUPPORTED, "a tensor is named by %s, expected a string",
                        imr_pickle_kind_name(key));
    imr_status status = imr_torch_tensor(tensor, t, v, err);
    if (status != IMR_OK) {
        char where[256];
        snprintf(where, sizeof where, "tensor %.200s", name);
        return imr_error_prefix(err, status, where);
    }
    *out = name;
    return IMR_OK;
}

static imr_status add_tensor(imr_tensors *table, const imr_torch *t, const imr_pickle_value *key,
                             const imr_pickle_value *v, imr_error *err)
{
    char number[32];
    const char *name = NULL;
    imr_tensor tensor;
    IMR_TRY(named_tensor(&name, &tensor, number, t, key, v, err));
    return imr_tensors_add(table, name, strlen(name), &tensor, err);
}

static imr_status take_pair(void *user, const imr_pickle_value *key, const imr_pickle_value *value,
                            imr_error *err)
{
    pairs *p = user;
    char number[32];
    const char *name = NULL;
    imr_tensor tensor;
    if (value->kind != IMR_PK_TENSOR)
        return IMR_OK;
    IMR_TRY(named_tensor(&name, &tensor, number, p->torch, key, value, err));
    if (++p->n % FORGET_EACH == 0 && p->file)
        imr_file_forget(p->file);
    return p->each(p->user, name, &tensor, err);
}

/* Files of before 1.6 are small: they are kept and walked. */
static imr_status walk_pairs(const imr_torch *t, pairs *p, imr_error *err)
{
    const imr_pickle_value *dict = imr_torch_root(t);
    if (dict->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT, "expected a dictionary of tensors, found %s",
                        imr_pickle_kind_name(dict));
    for (size_t i = 0; i < dict->len; i++)
        IMR_TRY(take_pair(p, dict->items[2 * i], dict->items[2 * i + 1], err));
    return IMR_OK;
}

imr_status imr_torch_open_pairs(imr_torch **out, const char *path, imr_scratch *scratch,
                                imr_torch_pair_fn each, void *user, imr_error *err)
{
    imr_file f;
    imr_torch *t = NULL;
    IMR_TRY(imr_file_map(&f, path, err));
    imr_file_sequential(&f);
    pairs p = {.file = &f, .scratch = scratch, .each = each, .user = user};
    imr_status status = parse(&t, f.data, f.len, &p, err);
    if (status == IMR_OK && t->pickle) {
        status = walk_pairs(t, &p, err);
        if (status != IMR_OK)
            imr_torch_free(t);
    }
    if (status != IMR_OK) {
        imr_file_unmap(&f);
        return imr_error_prefix(err, status, path);
    }
    t->file = f;
    imr_zip_done(&t->zip);
    imr_torch_forget(t); /* with a storage a vector, headers lie on every page */
    *out = t;
    return IMR_OK;
}

void imr_torch_forget(const imr_torch *t)
{
    imr_file_forget(&t->file);
}

imr_status imr_torch_tensors(imr_tensors *out, const imr_torch *t, const imr_pickle_value *dict,
                             imr_error *err)
{
    if (!dict || dict->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT, "expected a dictionary of tensors, found %s",
                        imr_pickle_kind_name(dict));
    imr_tensors table = {0};
    for (size_t i = 0; i < dict->len; i++) {
        if (dict->items[2 * i + 1]->kind != IMR_PK_TENSOR)
            continue;
        imr_status status = add_tensor(&table, t, dict->items[2 * i], dict->items[2 * i + 1], err);
        if (status != IMR_OK) {
            imr_tensors_done(&table);
            return status;
        }
    }
    *out = table;
    return IMR_OK;
}
