/*
 * Layout (torch/serialization.py, _legacy_save; the default before PyTorch 1.6):
 *   1. pickle     the magic number 0x1950a86a20f9469cfc6c
 *   2. pickle     1001, the version of this layout
 *   3. pickle     {"little_endian": True, ...} of the machine that wrote it
 *   4. pickle     the object; its persistent ids name storages by key
 *   5. pickle     [key, ...]: the storages in the order of what follows
 *   6. for each   u64 elements, then the elements
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "format/torch_storage.h"

#define MAGIC "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

bool imr_torch_is_legacy(const void *data, size_t len)
{
    return len >= sizeof MAGIC - 1 && memcmp(data, MAGIC, sizeof MAGIC - 1) == 0;
}

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
    imr_pickle *version = NULL, *machine = NULL;
    IMR_TRY(next_pickle(&version, b, "version", err));
    const imr_pickle_value *v = imr_pickle_root(version);
    bool good = v->kind == IMR_PK_INT && v->integer == 1001;
    imr_pickle_free(version);
    if (!good)
        return imr_fail(err, IMR_E_UNSUPPORTED, "an unknown version of the pre-1.6 layout");
    IMR_TRY(next_pickle(&machine, b, "machine", err));
    v = imr_pickle_get(imr_pickle_root(machine), "little_endian");
    good = v && v->kind == IMR_PK_BOOL && v->integer;
    imr_pickle_free(machine);
    if (!good)
        return imr_fail(err, IMR_E_UNSUPPORTED, "was written by a big-endian machine");
    return IMR_OK;
}

/* key -> row of imr_pickle_storage; a key that comes again must mean the same. */
static imr_status index_storages(imr_strmap *map, const imr_pickle *p, imr_error *err)
{
    const imr_pickle_value *s, *first;
    for (uint32_t i = 0; (s = imr_pickle_storage(p, i)) != NULL; i++) {
        uint32_t row;
        if (!imr_strmap_add(map, s->text, s->len, i, &row, NULL))
            return imr_fail_memory(err);
        first = imr_pickle_storage(p, row);
        if (first->dtype != s->dtype || first->elements != s->elements)
            return imr_fail(err, IMR_E_FORMAT, "storage %s has two types or sizes", s->text);
    }
    return IMR_OK;
}

static imr_status read_storage(imr_torch_storages *out, imr_bytes *b, const imr_pickle_value *key,
                               const imr_strmap *rows, const imr_pickle *p, imr_error *err)
{
    uint32_t row;
    if (key->kind != IMR_PK_STRING || !imr_strmap_get(rows, key->text, key->len, &row))
        return imr_fail(err, IMR_E_FORMAT, "a storage that no tensor uses");
    const imr_pickle_value *s = imr_pickle_storage(p, row);
    uint64_t n = imr_bytes_u64(b);
    if (!imr_bytes_ok(b) || n != s->elements || n > imr_bytes_left(b) / imr_dtype_size(s->dtype))
        return imr_fail(err, IMR_E_FORMAT,
                        "storage %s should have %" PRIu64
                        " elements here: the file was cut short or is damaged",
                        s->text, s->elements);
    uint64_t bytes = n * imr_dtype_size(s->dtype);
    imr_torch_storage storage = {imr_bytes_take(b, (size_t)bytes), bytes};
    return imr_torch_storages_add(out, s->text, s->len, storage, err);
}

static imr_status read_storages(imr_torch_storages *out, imr_bytes *b, const imr_pickle *p,
                                imr_error *err)
{
    imr_pickle *keys = NULL;
    imr_strmap rows = {0};
    IMR_TRY(next_pickle(&keys, b, "storage keys", err));
    const imr_pickle_value *list = imr_pickle_root(keys);
    imr_status status = IMR_OK;
    if (list->kind != IMR_PK_LIST)
        status = imr_fail(err, IMR_E_FORMAT, "storage keys: expected a list");
    if (status == IMR_OK)
        status = index_storages(&rows, p, err);
    for (size_t i = 0; status == IMR_OK && i < list->len; i++)
        status = read_storage(out, b, list->items[i], &rows, p, err);
    imr_strmap_done(&rows);
    imr_pickle_free(keys);
    if (status == IMR_OK && imr_bytes_left(b) != 0)
        status =
            imr_fail(err, IMR_E_FORMAT, "%zu bytes behind the last storage", imr_bytes_left(b));
    return status;
}

imr_status imr_torch_legacy_parse(imr_pickle **pickle, imr_torch_storages *storages,
                                  const void *data, size_t len, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, len);
    imr_pickle *p = NULL;
    imr_bytes_take(&b, sizeof MAGIC - 1);
    IMR_TRY(check_head(&b, err));
    IMR_TRY(next_pickle(&p, &b, "object", err));
    imr_status status = read_storages(storages, &b, p, err);
    if (status != IMR_OK)
        imr_pickle_free(p);
    else
        *pickle = p;
    return status;
}
