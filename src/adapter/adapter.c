/*
 * An adapter's file: what it holds, what it says of itself, and whether its tensors agree.
 *
 * The tensors of `diagonal` and `mean` are the same, so the file's metadata decides:
 *
 *   checkpoint_format "imrnns-final-v1"                 mean    the authors' package 0.2
 *   model_config.form "diagonal", "mean" or "full"      that    what this program writes beside it
 *   checkpoint_format "imrnns-adapter-only-v1"          diagonal unless the tensors are full's
 *   anything else, no metadata at all                   diagonal or full, by the tensors
 *
 * safetensors hold texts only, nested names with a dot ("model_config.form").
 * A file that calls itself imrnns-final-v1 must be one, as the authors' package asks: a square
 * projector, hidden size 128, no dropout, model_config as the tensors, nothing missing, nothing
 * left over.
 */
#include "adapter/adapter.h"

#include "base/number.h"
#include "format/json.h"
#include "format/safetensors.h"

#define FINAL        "imrnns-final-v1"
#define FIRST        "imrnns-adapter-only-v1"
#define FINAL_HIDDEN ((size_t)128)

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
    IMR_FREE(a->path, a->metadata, a);
}

static imr_adapter *new_adapter(const char *path)
{
    imr_adapter *a = IMR_NEW(imr_adapter);
    if (a && (a->path = imr_strdup(path)))
        return a;
    imr_free(a);
    return NULL;
}

imr_status imr_adapter_new(imr_adapter **out, imr_form form, size_t n, size_t m, size_t h,
                           uint64_t seed, imr_error *err)
{
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *a = new_adapter("");
    IMR_NEED(a, err);
    IMR_TRY(imr_weights_init(&a->w, form, n, m, h, err));
    imr_weights_random(&a->w, seed);
    a->container = "memory";
    a->usable = true;
    return IMR_GIVE(out, a);
}

/* ---- metadata as JSON ---- */

static void put_pickle(imr_buf *b, const imr_pickle_value *v, int depth)
{
    if (!v || depth > (int)IMR_MAX_PICKLE_DEPTH) {
        imr_buf_str(b, "null");
        return;
    }
    switch (v->kind) {
    case IMR_PK_BOOL:
        imr_buf_str(b, v->integer ? "true" : "false");
        break;
    case IMR_PK_INT:
        imr_json_put_int(b, v->integer);
        break;
    case IMR_PK_FLOAT:
        imr_json_put_number(b, v->number);
        break;
    case IMR_PK_STRING:
    case IMR_PK_GLOBAL:
        imr_json_put_string_n(b, v->text, v->len);
        break;
    case IMR_PK_OPAQUE: {
        IMR_AUTOBUF imr_buf text = {0};
        imr_buf_printf(&text, "(not read: %s)", v->text);
        imr_json_put_string(b, imr_buf_text(&text));
        break;
    }
    case IMR_PK_LIST:
    case IMR_PK_TUPLE:
        for (size_t i = 0; i < v->len; i++) {
            imr_buf_char(b, i ? ',' : '[');
            put_pickle(b, v->items[i], depth + 1);
        }
        imr_buf_str(b, v->len ? "]" : "[]");
        break;
    case IMR_PK_DICT: {
        bool any = false;
        for (size_t i = 0; i < v->len; i++) {
            const imr_pickle_value *key = v->items[2 * i];
            if (key->kind != IMR_PK_STRING)
                continue;
            imr_buf_char(b, any ? ',' : '{');
            any = true;
            imr_json_put_string_n(b, key->text, key->len);
            imr_buf_char(b, ':');
            put_pickle(b, v->items[2 * i + 1], depth + 1);
        }
        imr_buf_str(b, any ? "}" : "{}");
        break;
    }
    default:
        imr_buf_str(b, "null");
    }
}

static imr_status take(char **out, imr_buf *json, imr_error *err)
{
    IMR_TRY(imr_buf_check(json, err));
    *out = imr_buf_take(json);
    return *out ? IMR_OK : imr_fail_memory(err);
}

/* safetensors keep text pairs under __metadata__ of the header, which the tensor table drops. */
static imr_status take_pairs(char **out, const imr_file *file, imr_error *err)
{
    IMR_AUTOJSON imr_json *header = NULL;
    IMR_TRY(imr_safetensors_header(&header, file->data, file->len, err));
    const imr_json *pairs = imr_json_at(header, "__metadata__");
    if (!imr_json_is_object(pairs))
        return IMR_OK;
    IMR_AUTOBUF imr_buf json = {0};
    imr_buf_char(&json, '{');
    bool any = false;
    for (const imr_json *p = imr_json_child(pairs); p; p = imr_json_next(p)) {
        if (!imr_json_is_string(p))
            continue;
        imr_buf_str(&json, any ? "," : "");
        any = true;
        imr_json_put_string(&json, imr_json_key(p));
        imr_buf_char(&json, ':');
        imr_json_put_string(&json, imr_json_string_or(p, "", ""));
    }
    imr_buf_char(&json, '}');
    return take(out, &json, err);
}

/* ---- what it says ---- */

/* safetensors: "model_config.form" is one name. */
static const imr_json *config_of(const imr_json *metadata, const char *field)
{
    char dotted[64];
    snprintf(dotted, sizeof dotted, "model_config.%s", field);
    const imr_json *v = imr_json_at(imr_json_at(metadata, "model_config"), field);
    return v ? v : imr_json_at(metadata, dotted);
}

typedef struct declared {
    imr_form form;    /* AUTO: it does not say */
    bool final;       /* it calls itself imrnns-final-v1 */
    bool first;       /* it calls itself imrnns-adapter-only-v1 */
    char unknown[64]; /* it calls itself this, "" when it is known or absent */
} declared;

/* metadata: a JSON object, or NULL. */
static declared read_declared(const imr_json *metadata)
{
    const char *format = imr_json_string_or(metadata, "checkpoint_format", "");
    declared d = {.final = strcmp(format, FINAL) == 0, .first = strcmp(format, FIRST) == 0};
    if (!d.final && !d.first)
        snprintf(d.unknown, sizeof d.unknown, "%s", format);
    d.form = d.final ? IMR_FORM_MEAN
                     : imr_form_of_name(imr_json_string_or(config_of(metadata, "form"), "", ""));
    return d;
}

static imr_status not_final(imr_problems *p, const char *where, const char *found, double value,
                            double expected, imr_error *err)
{
    char a[64], b[64];
    return imr_problems_add(p, IMR_SEVERITY_ERROR, IMR_E_SHAPE, where,
                            "--form mean or --form diagonal reads it all the same; a file made by "
                            "the authors' package has none of this",
                            err, "the file calls itself %s, but %s %s, expected %s", FINAL, found,
                            imr_format_float(a, value), imr_format_float(b, expected));
}

/* Adds to problems what keeps w from being the imrnns-final-v1 its metadata says it is. */
static imr_status check_final(imr_problems *problems, const imr_weights *w,
                              const imr_json *metadata, imr_error *err)
{
    if (w->m != w->n)
        IMR_TRY(not_final(problems, "projector.weight", "its projector is not square: outputs",
                          (double)w->m, (double)w->n, err));
    if (w->h != FINAL_HIDDEN)
        IMR_TRY(not_final(problems, "query_hypernet.hypernet.0.weight", "its hidden size is",
                          (double)w->h, (double)FINAL_HIDDEN, err));
    const struct {
        const char *field;
        double expected;
    } fields[] = {{"input_dim", (double)w->n},
                  {"output_dim", (double)w->m},
                  {"hidden_dim", (double)w->h},
                  {"dropout", 0}};
    for (size_t i = 0; i < IMR_LEN(fields); i++) {
        const imr_json *v = config_of(metadata, fields[i].field);
        const double said = imr_json_number_or(v, "", fields[i].expected);
        if (said < fields[i].expected || said > fields[i].expected)
            IMR_TRY(not_final(problems, fields[i].field, "its model_config says", said,
                              fields[i].expected, err));
    }
    return IMR_OK;
}

/* ---- containers ---- */

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
    IMR_AUTOJSON imr_json *metadata = NULL;
    if (a->metadata)
        IMR_TRY(imr_json_parse(&metadata, a->metadata, strlen(a->metadata), "metadata", err));
    const declared said = read_declared(metadata);
    const bool strict = wanted == IMR_FORM_AUTO && said.final;
    IMR_TRY(imr_weights_read(&a->w, &a->problems, table,
                             wanted != IMR_FORM_AUTO ? wanted : said.form, strict, err));
    const bool agrees = said.form != IMR_FORM_AUTO || (said.first && imr_form_scales(a->w.form));
    a->form_from = wanted != IMR_FORM_AUTO ? IMR_FORM_FROM_OPTION
                   : agrees                ? IMR_FORM_FROM_METADATA
                                           : IMR_FORM_FROM_SHAPES;
    if (strict && a->w.v)
        return check_final(&a->problems, &a->w, metadata, err);
    if (!said.unknown[0] || agrees || wanted != IMR_FORM_AUTO)
        return IMR_OK;
    return imr_problems_add(&a->problems, IMR_SEVERITY_WARNING, IMR_E_UNSUPPORTED,
                            "checkpoint_format", "name the form it is of with --form", err,
                            "an unknown format, \"%s\": read by its tensors as form %s",
                            said.unknown, imr_form_name(a->w.form));
}

static imr_status read_torch(imr_adapter *a, const imr_file *file, imr_form wanted, imr_error *err)
{
    IMR_CLEANUP(imr_torch_free_at) imr_torch *t = NULL;
    IMR_TRY(imr_torch_parse(&t, file->data, file->len, a->path, err));
    const imr_pickle_value *root = imr_torch_root(t);
    if (!root || root->kind != IMR_PK_DICT)
        return imr_fail(err, IMR_E_FORMAT,
                        "%s: holds no dictionary of tensors; an adapter is {\"model_state\": ...} "
                        "or a state dict",
                        a->path);
    const imr_pickle_value *metadata = imr_pickle_get(root, "metadata");
    if (metadata && metadata->kind == IMR_PK_DICT) {
        IMR_AUTOBUF imr_buf json = {.limit = IMR_MAX_JSON_BYTES};
        put_pickle(&json, metadata, 0);
        IMR_TRY(take(&a->metadata, &json, err));
    }
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    IMR_TRY(imr_error_prefix(err, imr_torch_tensors(&table, t, state_of(root), err), a->path));
    return imr_error_prefix(err, read_weights(a, &table, wanted, err), a->path);
}

static imr_status read_safetensors(imr_adapter *a, const imr_file *file, imr_form wanted,
                                   imr_error *err)
{
    IMR_CLEANUP(imr_tensors_done) imr_tensors table = {0};
    imr_status status = imr_safetensors_parse(&table, file->data, file->len, err);
    if (status == IMR_OK)
        status = take_pairs(&a->metadata, file, err);
    if (status == IMR_OK)
        status = read_weights(a, &table, wanted, err);
    return imr_error_prefix(err, status, a->path);
}

imr_status imr_adapter_examine(imr_adapter **out, const char *path, imr_form form, imr_error *err)
{
    IMR_BUDGET(path);
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map(&file, path, err));
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *a = new_adapter(path);
    IMR_NEED(a, err);
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
    return IMR_GIVE(out, a);
}

imr_status imr_adapter_open(imr_adapter **out, const char *path, imr_form form, imr_error *err)
{
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *a = NULL;
    IMR_TRY(imr_adapter_examine(&a, path, form, err));
    assert(a);
    if (!a->usable) {
        const imr_problem *worst = imr_problems_worst(&a->problems);
        size_t errors = 0;
        for (size_t i = 0; i < a->problems.n; i++)
            errors += a->problems.v[i].severity == IMR_SEVERITY_ERROR;
        char more[80] = "";
        if (errors > 1)
            snprintf(more, sizeof more, " and %zu more problems (imrnn inspect lists them);",
                     errors - 1);
        return imr_fail(err, worst->status, "%s: tensor %s: %s;%s %s", path, worst->where,
                        worst->what, more, worst->fix);
    }
    return IMR_GIVE(out, a);
}

/* ---- saving ---- */

/* What a file of w says of itself: out[0] the format, out[1] model_config, whose entries are
 * config. Form mean is written as imrnns-final-v1 where it is one (m = n, h 128), and is called
 * "imrnn-mean-v1" where it is not, so that nobody's loader takes it for another form. */
enum { ENTRIES = 2, CONFIG = 5 };
static void declare(imr_torch_meta out[ENTRIES], imr_torch_meta config[CONFIG],
                    const imr_weights *w)
{
    const bool final = w->m == w->n && w->h == FINAL_HIDDEN;
    config[0] = (imr_torch_meta){.name = "form", .kind = 's', .s = imr_form_name(w->form)};
    config[1] = (imr_torch_meta){.name = "input_dim", .kind = 'i', .i = (int64_t)w->n};
    config[2] = (imr_torch_meta){.name = "output_dim", .kind = 'i', .i = (int64_t)w->m};
    config[3] = (imr_torch_meta){.name = "hidden_dim", .kind = 'i', .i = (int64_t)w->h};
    config[4] = (imr_torch_meta){.name = "dropout", .kind = 'f', .f = 0}; /* of inference */
    out[0] = (imr_torch_meta){.name = "checkpoint_format",
                              .kind = 's',
                              .s = w->form != IMR_FORM_MEAN ? FIRST
                                   : final                  ? FINAL
                                                            : "imrnn-mean-v1"};
    out[1] =
        (imr_torch_meta){.name = "model_config", .kind = 'd', .items = config, .n_items = CONFIG};
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
    const size_t entries = ENTRIES + n_metadata;
    imr_torch_meta config[CONFIG];
    IMR_AUTOFREE imr_torch_meta *meta = IMR_NEW_ARRAY(imr_torch_meta, entries);
    IMR_NEED(meta, err);
    declare(meta, config, &a->w);
    if (n_metadata)
        memcpy(meta + ENTRIES, metadata, n_metadata * sizeof *meta);
    size_t len = strlen(path), suffix = strlen(".safetensors");
    if (len > suffix && strcmp(path + len - suffix, ".safetensors") == 0)
        return imr_safetensors_write(path, items, n, meta, entries, err);
    return imr_torch_write(path, items, n, meta, entries, err);
}
