#include "encoder/transformer_weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "format/torch_pt.h"

void imr_checkpoint_done(imr_checkpoint *w)
{
    for (size_t i = 0; i < w->n; i++) {
        imr_tensors_done(&w->shards[i]);
        imr_free(w->paths[i]);
    }
    *w = (imr_checkpoint){0};
}

/* ---- opening ---- */

static imr_status open_bin(imr_tensors *out, const char *path, imr_error *err)
{
    imr_torch *t;
    IMR_TRY(imr_torch_open(&t, path, err));
    const imr_pickle_value *root = imr_torch_root(t);
    imr_status status = IMR_OK;
    if (!root || root->kind != IMR_PK_DICT)
        status = imr_fail(err, IMR_E_FORMAT,
                          "%s: expected a dictionary of tensors (a state dict), found %s", path,
                          imr_pickle_kind_name(root));
    else if ((status = imr_torch_tensors(out, t, root, err)) != IMR_OK)
        imr_error_prefix(err, status, path);
    if (status == IMR_OK)
        imr_torch_free_into(t, out);
    else
        imr_torch_free(t);
    return status;
}

static imr_status open_shard(imr_checkpoint *w, imr_encoder *e, const char *module,
                             const char *file, imr_error *err)
{
    if (w->n >= IMR_MAX_SHARDS)
        return imr_fail(err, IMR_E_LIMIT, "%s: the weights are in more than %u files",
                        e->folder.path, IMR_MAX_SHARDS);
    char *name IMR_AUTOFREE = imr_path_join(module, file);
    if (!name)
        return imr_fail_memory(err);
    char *path = NULL;
    IMR_TRY(imr_folder_need(&path, &e->folder, name, "the weights are", err));
    size_t len = strlen(file);
    bool bin = len > 4 && strcmp(file + len - 4, ".bin") == 0;
    imr_status status = bin ? open_bin(&w->shards[w->n], path, err)
                            : imr_safetensors_open(&w->shards[w->n], path, err);
    if (status != IMR_OK) {
        imr_free(path);
        return status;
    }
    w->paths[w->n++] = path;
    return imr_encoder_add_file(e, module, file, err);
}

/* {"weight_map": {tensor: file}}: each file once. */
static imr_status open_index(imr_checkpoint *w, imr_encoder *e, const char *module,
                             const char *path, imr_error *err)
{
    imr_json *root IMR_AUTOJSON = NULL;
    IMR_TRY(imr_json_open(&root, path, err));
    const imr_json *item = imr_json_child(imr_json_at(root, "weight_map"));
    if (!item)
        return imr_fail(err, IMR_E_FORMAT, "%s: weight_map is missing or empty", path);
    for (; item; item = imr_json_next(item)) {
        const char *file = imr_json_string_or(item, "", "");
        if (!*file || *file == '.' || strchr(file, '/'))
            return imr_fail(err, IMR_E_FORMAT,
                            "%s: weight_map sends \"%.200s\" to \"%.200s\", which is no file "
                            "beside it",
                            path, imr_json_key(item), file);
        size_t i = 0;
        while (i < w->n && strcmp(imr_path_base(w->paths[i]), file) != 0)
            i++;
        if (i == w->n)
            IMR_TRY(open_shard(w, e, module, file, err));
    }
    return IMR_OK;
}

imr_status imr_checkpoint_open(imr_checkpoint *w, imr_encoder *e, const char *module,
                               imr_error *err)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                        "pytorch_model.bin", "pytorch_model.bin.index.json"};
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        bool there, index = i % 2 == 1;
        char *name IMR_AUTOFREE = imr_path_join(module, names[i]);
        if (!name)
            return imr_fail_memory(err);
        IMR_TRY(imr_folder_has(&there, &e->folder, name, err));
        if (!there)
            continue;
        if (!index)
            return open_shard(w, e, module, names[i], err);
        char *path IMR_AUTOFREE = imr_path_join(e->folder.path, name);
        if (!path)
            return imr_fail_memory(err);
        IMR_TRY(imr_encoder_add_file(e, module, names[i], err));
        return open_index(w, e, module, path, err);
    }
    char *name IMR_AUTOFREE = imr_path_join(module, names[0]);
    if (!name)
        return imr_fail_memory(err);
    return imr_folder_missing(&e->folder, name, "the weights are", err);
}

/* ---- finding ---- */

imr_status imr_checkpoint_find_prefix(imr_checkpoint *w, const char *name, imr_error *err)
{
    const imr_tensor *found = NULL;
    size_t len = strlen(name), where = 0;
    for (size_t s = 0; s < w->n; s++) {
        for (size_t i = 0; i < w->shards[s].n; i++) {
            const imr_tensor *t = &w->shards[s].v[i];
            size_t n = strlen(t->name);
            if (n < len || strcmp(t->name + n - len, name) != 0 ||
                (n > len && t->name[n - len - 1] != '.'))
                continue;
            if (found)
                return imr_fail(err, IMR_E_FORMAT,
                                "%s: the tensors `%.200s` and `%.200s` are both word tables; "
                                "expected one encoder",
                                w->paths[s], found->name, t->name);
            if (n - len >= IMR_MAX_WEIGHT_PREFIX)
                return imr_fail(err, IMR_E_LIMIT, "%s: the name of tensor `%.200s` is too long",
                                w->paths[s], t->name);
            found = t;
            where = n - len;
        }
    }
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is missing", w->paths[0], name);
    memcpy(w->prefix, found->name, where);
    w->prefix[where] = '\0';
    return IMR_OK;
}

enum { NAME_BYTES = 256 };

static const imr_tensor *find_exactly(const imr_checkpoint *w, const char *name, size_t *shard)
{
    for (size_t s = 0; s < w->n; s++) {
        const imr_tensor *t = imr_tensors_find(&w->shards[s], name);
        if (t) {
            *shard = s;
            return t;
        }
    }
    return NULL;
}

/* Puts the full name into `full` [NAME_BYTES]. */
static const imr_tensor *find(const imr_checkpoint *w, const char *name, char *full, size_t *shard)
{
    static const char *const old[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                         {"LayerNorm.bias", "LayerNorm.beta"}};
    snprintf(full, NAME_BYTES, "%s%s", w->prefix, name);
    const imr_tensor *t = find_exactly(w, full, shard);
    for (size_t i = 0; i < IMR_LEN(old) && !t; i++) {
        size_t n = strlen(full), tail = strlen(old[i][0]);
        if (n < tail || strcmp(full + n - tail, old[i][0]) != 0)
            continue;
        char other[NAME_BYTES];
        snprintf(other, sizeof other, "%.*s%s", (int)(n - tail), full, old[i][1]);
        t = find_exactly(w, other, shard);
    }
    return t;
}

/* ---- reading ---- */

/* Finds the tensor and checks it; on success it is rows x cols (rows 0: cols) and its storage
 * holds that many values, so that memory for them is not asked for in vain. */
static imr_status need(const imr_tensor **out, size_t *shard, const imr_checkpoint *w,
                       const char *name, size_t rows, size_t cols, imr_error *err)
{
    char full[NAME_BYTES], shape[160], wanted[64];
    const imr_tensor *t = find(w, name, full, shard);
    if (!t && w->n == 1)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is missing", w->paths[0], full);
    if (!t)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is in none of the %zu shards",
                        w->paths[0], full, w->n);
    uint64_t expected[2] = {rows ? rows : cols, cols};
    if (!imr_tensor_has_shape(t, rows ? 2 : 1, expected)) {
        snprintf(wanted, sizeof wanted, rows ? "%zu x %zu" : "%zu", rows ? rows : cols, cols);
        return imr_fail(err, IMR_E_SHAPE,
                        "%s: the tensor `%s` is %s; by config.json it should be %s",
                        w->paths[*shard], t->name, imr_tensor_shape_text(t, shape), wanted);
    }
    if (imr_tensor_count(t) > t->bytes / imr_dtype_size(t->dtype))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: the tensor `%s` repeats its values instead of storing them",
                        w->paths[*shard], t->name);
    *out = t;
    return IMR_OK;
}

static imr_status convert(float *out, const imr_checkpoint *w, size_t shard, const imr_tensor *t,
                          imr_error *err)
{
    imr_status status = imr_tensor_to_f32(t, out, err);
    if (status != IMR_OK)
        return imr_error_prefix(err, status, w->paths[shard]);
    size_t cols = (size_t)t->shape[t->rank - 1], count = (size_t)imr_tensor_count(t);
    size_t bad = imr_view_first_bad(imr_view_of(out, count / cols, cols));
    if (bad == count)
        return IMR_OK;
    return imr_fail(err, IMR_E_NUMERIC,
                    "%s: the tensor `%s` holds %f at row %zu, column %zu; expected finite values",
                    w->paths[shard], t->name, (double)out[bad], bad / cols, bad % cols);
}

void imr_checkpoint_forget(const imr_checkpoint *w)
{
    for (size_t i = 0; i < w->n; i++)
        imr_file_forget(&w->shards[i].file);
}

imr_status imr_checkpoint_read(float **out, const imr_checkpoint *w, const char *name, size_t rows,
                               size_t cols, imr_error *err)
{
    const imr_tensor *t;
    size_t shard = 0;
    IMR_TRY(need(&t, &shard, w, name, rows, cols, err));
    float *v = imr_alloc_aligned((rows ? rows : 1) * cols, sizeof *v);
    if (!v)
        return imr_fail_memory(err);
    imr_status status = convert(v, w, shard, t, err);
    if (status != IMR_OK) {
        imr_free(v);
        return status;
    }
    *out = v;
    return IMR_OK;
}
