#include "encoder/transformer.h"

#include "base/file.h"
#include "base/mem.h"
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

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), tail = strlen(end);
    return n >= tail && strcmp(text + n - tail, end) == 0;
}

/* ---- opening ---- */

static imr_status open_bin(imr_tensors *out, const char *path, imr_error *err)
{
    IMR_CLEANUP(imr_torch_free_at) imr_torch *t = NULL;
    IMR_TRY(imr_torch_open(&t, path, err));
    const imr_pickle_value *root = imr_torch_root(t);
    if (!root || root->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: expected a dictionary of tensors (a state dict), found %s", path,
                        imr_pickle_kind_name(root));
    IMR_TRY(imr_error_prefix(err, imr_torch_tensors(out, t, root, err), path));
    imr_torch_free_into(IMR_TAKE(t), out);
    return IMR_OK;
}

static imr_status open_shard(imr_checkpoint *w, imr_encoder *e, const char *module,
                             const char *file, imr_error *err)
{
    if (w->n >= IMR_MAX_SHARDS)
        return imr_fail(err, IMR_E_LIMIT, "%s: the weights are in more than %u files",
                        e->folder.path, IMR_MAX_SHARDS);
    char **path = &w->paths[w->n];
    IMR_TRY(imr_folder_need(path, &e->folder, module, file, "the weights are", err));
    imr_tensors *shard = &w->shards[w->n++];
    IMR_TRY(ends_with(file, ".bin") ? open_bin(shard, *path, err)
                                    : imr_safetensors_open(shard, *path, err));
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
        char *path IMR_AUTOFREE = NULL;
        IMR_TRY(imr_folder_file(&path, &e->folder, module, names[i], err));
        if (!path)
            continue;
        if (!ends_with(path, ".json"))
            return open_shard(w, e, module, names[i], err);
        IMR_TRY(imr_encoder_add_file(e, module, names[i], err));
        return open_index(w, e, module, path, err);
    }
    return imr_folder_missing(&e->folder, module, names[0], "the weights are", err);
}

/* ---- finding ---- */

imr_status imr_checkpoint_find_prefix(imr_checkpoint *w, const char *name, imr_error *err)
{
    const char *found = NULL;
    for (size_t s = 0; s < w->n; s++) {
        for (size_t i = 0; i < w->shards[s].n; i++) {
            const char *full = w->shards[s].v[i].name;
            const size_t before = strlen(full) - strlen(name);
            if (!ends_with(full, name) || (before > 0 && full[before - 1] != '.'))
                continue;
            if (found)
                return imr_fail(err, IMR_E_FORMAT,
                                "%s: the tensors `%.200s` and `%.200s` are both word tables; "
                                "expected one encoder",
                                w->paths[s], found, full);
            if (before >= IMR_MAX_WEIGHT_PREFIX)
                return imr_fail(err, IMR_E_LIMIT, "%s: the name of tensor `%.200s` is too long",
                                w->paths[s], full);
            found = full;
            snprintf(w->prefix, sizeof w->prefix, "%.*s", (int)before, full);
        }
    }
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is missing", w->paths[0], name);
    return IMR_OK;
}

enum { NAME_BYTES = 256 };

static const imr_tensor *find(const imr_checkpoint *w, const char *name, size_t *shard)
{
    const imr_tensor *t = NULL;
    for (size_t s = 0; s < w->n && !t; s++) {
        *shard = s;
        t = imr_tensors_find(&w->shards[s], name);
    }
    return t;
}

/* The tensor under the name older files give it. */
static const imr_tensor *find_old(const imr_checkpoint *w, const char *name, size_t *shard)
{
    static const char *const old[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                         {"LayerNorm.bias", "LayerNorm.beta"}};
    for (size_t i = 0; i < IMR_LEN(old); i++) {
        if (!ends_with(name, old[i][0]))
            continue;
        char other[NAME_BYTES];
        const size_t head = strlen(name) - strlen(old[i][0]);
        snprintf(other, sizeof other, "%.*s%s", (int)head, name, old[i][1]);
        return find(w, other, shard);
    }
    return NULL;
}

/* ---- reading ---- */

void imr_checkpoint_forget(const imr_checkpoint *w)
{
    for (size_t i = 0; i < w->n; i++)
        imr_file_forget(&w->shards[i].file);
}

/* Shape and storage, so that memory for values is not asked for in vain. */
static imr_status check(const imr_tensor *t, size_t rows, size_t cols, const char *path,
                        imr_error *err)
{
    char shape[160], wanted[64];
    const uint64_t expected[2] = {rows ? rows : cols, cols};
    if (!imr_tensor_has_shape(t, rows ? 2 : 1, expected)) {
        snprintf(wanted, sizeof wanted, rows ? "%zu x %zu" : "%zu", rows ? rows : cols, cols);
        return imr_fail(err, IMR_E_SHAPE,
                        "%s: the tensor `%s` is %s; by config.json it should be %s", path, t->name,
                        imr_tensor_shape_text(t, shape), wanted);
    }
    if (imr_tensor_count(t) > t->bytes / imr_dtype_size(t->dtype))
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: the tensor `%s` repeats its values instead of storing them", path,
                        t->name);
    return IMR_OK;
}

imr_status imr_checkpoint_read(float **out, const imr_checkpoint *w, const char *name, size_t rows,
                               size_t cols, imr_error *err)
{
    char full[NAME_BYTES];
    size_t shard = 0;
    snprintf(full, sizeof full, "%s%s", w->prefix, name);
    const imr_tensor *t = find(w, full, &shard);
    if (!t)
        t = find_old(w, full, &shard);
    if (!t && w->n == 1)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is missing", w->paths[0], full);
    if (!t)
        return imr_fail(err, IMR_E_NOT_FOUND, "%s: the tensor `%s` is in none of the %zu shards",
                        w->paths[0], full, w->n);
    const char *path = w->paths[shard];
    IMR_TRY(check(t, rows, cols, path, err));
    float *v IMR_AUTOFREE = imr_alloc_aligned((rows ? rows : 1) * cols, sizeof *v);
    IMR_NEED(v, err);
    IMR_TRY(imr_error_prefix(err, imr_tensor_to_f32(t, v, err), path));
    const imr_view values = imr_view_of(v, rows ? rows : 1, cols);
    const size_t bad = imr_view_first_bad(values);
    if (bad < values.rows * cols)
        return imr_fail(err, IMR_E_NUMERIC,
                        "%s: the tensor `%s` holds %f at row %zu, column %zu; expected finite "
                        "values",
                        path, t->name, (double)v[bad], bad / cols, bad % cols);
    return IMR_GIVE(out, v);
}
