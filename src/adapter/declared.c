#include "adapter/declared.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/number.h"
#include "format/json.h"

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

imr_status imr_declared_torch(char **out, const imr_pickle_value *metadata, imr_error *err)
{
    if (!metadata || metadata->kind != IMR_PK_DICT)
        return IMR_OK;
    IMR_AUTOBUF imr_buf json = {.limit = IMR_MAX_JSON_BYTES};
    put_pickle(&json, metadata, 0);
    return take(out, &json, err);
}

/* safetensors keep text pairs under __metadata__ of the header, which the tensor table drops. */
imr_status imr_declared_safetensors(char **out, const uint8_t *file, const char *path,
                                    imr_error *err)
{
    size_t len = 0;
    for (size_t i = 8; i-- > 0;)
        len = len << 8 | file[i]; /* the reader has checked it against the file's length */
    IMR_AUTOJSON imr_json *header = NULL;
    IMR_TRY(imr_json_parse(&header, file + 8, len, path, err));
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

imr_status imr_declared_read(imr_declared *out, const char *metadata, imr_error *err)
{
    imr_declared d = {0};
    if (metadata) {
        IMR_AUTOJSON imr_json *json = NULL;
        IMR_TRY(imr_json_parse(&json, metadata, strlen(metadata), "metadata", err));
        const char *format = imr_json_string_or(json, "checkpoint_format", "");
        d.final = strcmp(format, IMR_FINAL_FORMAT) == 0;
        d.first = strcmp(format, IMR_FIRST_FORMAT) == 0;
        if (!d.final && !d.first)
            snprintf(d.unknown, sizeof d.unknown, "%s", format);
        d.form = d.final ? IMR_FORM_MEAN
                         : imr_form_of_name(imr_json_string_or(config_of(json, "form"), "", ""));
    }
    *out = d;
    return IMR_OK;
}

static imr_status not_final(imr_problems *p, const char *where, const char *found, double value,
                            double expected, imr_error *err)
{
    IMR_AUTOBUF imr_buf what = {0};
    char a[64], b[64];
    imr_buf_printf(&what, "the file calls itself %s, but %s %s, expected %s", IMR_FINAL_FORMAT,
                   found, imr_format_float(a, value), imr_format_float(b, expected));
    return imr_problems_add(p, IMR_SEVERITY_ERROR, IMR_E_SHAPE, where, &what,
                            "--form mean or --form diagonal reads it all the same; a file made by "
                            "the authors' package has none of this",
                            err);
}

imr_status imr_declared_check_final(imr_problems *problems, const imr_weights *w,
                                    const char *metadata, imr_error *err)
{
    if (w->m != w->n)
        IMR_TRY(not_final(problems, "projector.weight", "its projector is not square: outputs",
                          (double)w->m, (double)w->n, err));
    if (w->h != IMR_FINAL_HIDDEN)
        IMR_TRY(not_final(problems, "query_hypernet.hypernet.0.weight", "its hidden size is",
                          (double)w->h, (double)IMR_FINAL_HIDDEN, err));
    const struct {
        const char *field;
        double expected;
    } fields[] = {{"input_dim", (double)w->n},
                  {"output_dim", (double)w->m},
                  {"hidden_dim", (double)w->h},
                  {"dropout", 0}};
    IMR_AUTOJSON imr_json *json = NULL;
    IMR_TRY(imr_json_parse(&json, metadata, strlen(metadata), "metadata", err));
    for (size_t i = 0; i < IMR_LEN(fields); i++) {
        const imr_json *v = config_of(json, fields[i].field);
        const double said = imr_json_number_or(v, "", fields[i].expected);
        if (said < fields[i].expected || said > fields[i].expected)
            IMR_TRY(not_final(problems, fields[i].field, "its model_config says", said,
                              fields[i].expected, err));
    }
    return IMR_OK;
}

/* ---- what we say ---- */

void imr_declared_put(imr_torch_meta out[IMR_DECLARED_ENTRIES],
                      imr_torch_meta config[IMR_DECLARED_CONFIG], const imr_weights *w)
{
    const bool final = w->m == w->n && w->h == IMR_FINAL_HIDDEN;
    config[0] = (imr_torch_meta){.name = "form", .kind = 's', .s = imr_form_name(w->form)};
    config[1] = (imr_torch_meta){.name = "input_dim", .kind = 'i', .i = (int64_t)w->n};
    config[2] = (imr_torch_meta){.name = "output_dim", .kind = 'i', .i = (int64_t)w->m};
    config[3] = (imr_torch_meta){.name = "hidden_dim", .kind = 'i', .i = (int64_t)w->h};
    config[4] = (imr_torch_meta){.name = "dropout", .kind = 'f', .f = 0}; /* of inference */
    out[0] = (imr_torch_meta){.name = "checkpoint_format",
                              .kind = 's',
                              .s = w->form != IMR_FORM_MEAN ? IMR_FIRST_FORMAT
                                   : final                  ? IMR_FINAL_FORMAT
                                                            : "imrnn-mean-v1"};
    out[1] = (imr_torch_meta){
        .name = "model_config", .kind = 'd', .items = config, .n_items = IMR_DECLARED_CONFIG};
}
