#include "adapter/adapter.h"

#include <string.h>

#include "adapter/declared.h"
#include "base/file.h"
#include "base/mem.h"
#include "format/safetensors.h"

const char *imr_form_source_name(imr_form_source from)
{
    static const char *const names[] = {"shapes", "metadata", "option"};
    return names[from];
}

void imr_adapter_free(imr_adapter *a)
{
    if (!a)
        return;
    imr_weights_done(&a->w);
    imr_problems_done(&a->problems);
    imr_free(a->path);
    imr_free(a->metadata);
    imr_free(a);
}

static void free_adapter_ptr(imr_adapter **a)
{
    imr_adapter_free(*a);
}

static imr_adapter *new_adapter(const char *path)
{
    imr_adapter *a = IMR_NEW(imr_adapter);
    if (!a)
        return NULL;
    a->path = imr_strdup(path);
    if (!a->path) {
        imr_free(a);
        return NULL;
    }
    return a;
}

imr_status imr_adapter_new(imr_adapter **out, imr_form form, size_t n, size_t m, size_t h,
                           uint64_t seed, imr_error *err)
{
    IMR_CLEANUP(free_adapter_ptr) imr_adapter *a = new_adapter("");
    if (!a)
        return imr_fail_memory(err);
    IMR_TRY(imr_weights_init(&a->w, form, n, m, h, err));
    imr_weights_random(&a->w, seed);
    a->container = "memory";
    a->usable = true;
    *out = a;
    a = NULL;
    return IMR_OK;
}

/* ---- containers ---- */

static void free_torch_ptr(imr_torch **t)
{
    imr_torch_free(*t);
}

/* The dictionary of tensors inside the payload. */
static const imr_pickle_value *state_of(const imr_pickle_value *root)
{
    static const char *const keys[] = {"model_state", "model_state_dict", "state_dict"};
    for (size_t i = 0; i < IMR_LEN(keys); i++) {
        const imr_pickle_value *v = imr_pickle_get(root, keys[i]);
        if (v && v->kind == IMR_PK_DICT)
            return v;
    }
    return root;
}

/* The weights, under the form wished for, else the one the metadata names, else the tensors'. */
static imr_status read_weights(imr_adapter *a, const imr_tensors *table, imr_form wanted,
                               imr_error *err)
{
    imr_declared said;
    IMR_TRY(imr_declared_read(&said, a->metadata, err));
    const bool strict = wanted == IMR_FORM_AUTO && said.final;
    IMR_TRY(imr_weights_read(&a->w, &a->problems, table,
                             wanted != IMR_FORM_AUTO ? wanted : said.form, strict, err));
    const bool agrees = said.form != IMR_FORM_AUTO || (said.first && imr_form_scales(a->w.form));
    a->form_from = wanted != IMR_FORM_AUTO ? IMR_FORM_FROM_OPTION
                   : agrees                ? IMR_FORM_FROM_METADATA
                                           : IMR_FORM_FROM_SHAPES;
    if (strict && a->w.v)
        return imr_declared_check_final(&a->problems, &a->w, a->metadata, err);
    if (!said.unknown[0] || agrees || wanted != IMR_FORM_AUTO)
        return IMR_OK;
    IMR_AUTOBUF imr_buf what = {0};
    imr_buf_printf(&what, "an unknown format, \"%s\": read by its tensors as form %s", said.unknown,
                   imr_form_name(a->w.form));
    return imr_problems_add(&a->problems, IMR_SEVERITY_WARNING, IMR_E_UNSUPPORTED,
                            "checkpoint_format", &what, "name the form it is of with --form", err);
}

static imr_status read_torch(imr_adapter *a, const imr_file *file, imr_form wanted, imr_error *err)
{
    IMR_CLEANUP(free_torch_ptr) imr_torch *t = NULL;
    IMR_TRY(imr_torch_parse(&t, file->data, file->len, a->path, err));
    const imr_pickle_value *root = imr_torch_root(t);
    if (!root || root->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: holds no dictionary of tensors; an adapter is {\"model_state\": ...} "
                        "or a state dict",
                        a->path);
    IMR_TRY(imr_declared_torch(&a->metadata, imr_pickle_get(root, "metadata"), err));
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    imr_status status = imr_torch_tensors(&table, t, state_of(root), err);
    if (status == IMR_OK)
        status = read_weights(a, &table, wanted, err);
    return imr_error_prefix(err, status, a->path);
}

static imr_status read_safetensors(imr_adapter *a, const imr_file *file, imr_form wanted,
                                   imr_error *err)
{
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    imr_status status = imr_safetensors_parse(&table, file->data, file->len, err);
    if (status == IMR_OK)
        status = imr_declared_safetensors(&a->metadata, file->data, a->path, err);
    if (status == IMR_OK)
        status = read_weights(a, &table, wanted, err);
    return imr_error_prefix(err, status, a->path);
}

imr_status imr_adapter_examine(imr_adapter **out, const char *path, imr_form form, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map(&file, path, err));
    IMR_CLEANUP(free_adapter_ptr) imr_adapter *a = new_adapter(path);
    if (!a)
        return imr_fail_memory(err);
    IMR_TRY(imr_sha256_memory(file.data, file.len, a->sha256, err));
    /* A safetensors file has its JSON header after 8 bytes; neither a zip nor a pickle has a brace
     * there. */
    bool safetensors = file.len > 8 && file.data[8] == '{';
    a->container = safetensors ? "safetensors" : "PyTorch";
    if (safetensors)
        IMR_TRY(read_safetensors(a, &file, form, err));
    else
        IMR_TRY(read_torch(a, &file, form, err));
    const imr_problem *worst = imr_problems_worst(&a->problems);
    a->usable = !worst || worst->severity < IMR_SEVERITY_ERROR;
    *out = a;
    a = NULL;
    return IMR_OK;
}

imr_status imr_adapter_open(imr_adapter **out, const char *path, imr_form form, imr_error *err)
{
    IMR_CLEANUP(free_adapter_ptr) imr_adapter *a = NULL;
    IMR_TRY(imr_adapter_examine(&a, path, form, err));
    assert(a);
    if (!a->usable) {
        const imr_problem *worst = imr_problems_worst(&a->problems);
        size_t errors = 0;
        for (size_t i = 0; i < a->problems.n; i++)
            errors += a->problems.v[i].severity == IMR_SEVERITY_ERROR;
        if (errors > 1)
            return imr_fail(err, worst->status,
                            "%s: tensor %s: %s; and %zu more problems (imrnn inspect lists them); "
                            "%s",
                            path, worst->where, worst->what, errors - 1, worst->fix);
        return imr_fail(err, worst->status, "%s: tensor %s: %s; %s", path, worst->where,
                        worst->what, worst->fix);
    }
    *out = a;
    a = NULL;
    return IMR_OK;
}

imr_status imr_adapter_save(const imr_adapter *a, const char *path, const imr_torch_meta *metadata,
                            size_t n_metadata, imr_error *err)
{
    assert(a->usable);
    imr_torch_item items[IMR_W_COUNT] = {{0}};
    size_t n = 0;
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        imr_torch_item *item = &items[n];
        item->name = imr_weight_name(a->w.form, id);
        item->rank = (uint32_t)imr_weight_shape(&a->w, id, item->shape);
        item->data = imr_weight(&a->w, id);
        n += item->name != NULL;
    }
    const size_t entries = IMR_DECLARED_ENTRIES + n_metadata;
    imr_torch_meta config[IMR_DECLARED_CONFIG];
    IMR_AUTOFREE imr_torch_meta *meta = IMR_NEW_ARRAY(imr_torch_meta, entries);
    if (!meta)
        return imr_fail_memory(err);
    imr_declared_put(meta, config, &a->w);
    if (n_metadata)
        memcpy(meta + IMR_DECLARED_ENTRIES, metadata, n_metadata * sizeof *meta);
    size_t len = strlen(path), suffix = strlen(".safetensors");
    if (len > suffix && strcmp(path + len - suffix, ".safetensors") == 0)
        return imr_safetensors_write(path, items, n, meta, entries, err);
    return imr_torch_write(path, items, n, meta, entries, err);
}
