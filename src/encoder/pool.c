#include "encoder/pool.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *const names[IMR_POOL_MODE_COUNT] = {"cls", "max", "mean",
                                                       "mean_sqrt_len_tokens"};

#define KNOWN_MODES "cls, max, mean, mean_sqrt_len_tokens"

static imr_status add_named(imr_pool *p, const char *name, imr_error *err)
{
    for (size_t mode = 0; mode < IMR_POOL_MODE_COUNT; mode++) {
        if (strcmp(name, names[mode]) != 0)
            continue;
        if (p->n >= IMR_MAX_POOL_MODES)
            return imr_fail(err, IMR_E_LIMIT, "pooling_mode names more than %u modes",
                            IMR_MAX_POOL_MODES);
        p->modes[p->n++] = (imr_pool_mode)mode;
        return IMR_OK;
    }
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "the pooling mode \"%s\" is not supported; supported: " KNOWN_MODES, name);
}

static imr_status read_new(imr_pool *p, const imr_json *mode, imr_error *err)
{
    if (imr_json_is_string(mode))
        return add_named(p, imr_json_string_or(mode, "", ""), err);
    for (const imr_json *item = imr_json_child(mode); item; item = imr_json_next(item)) {
        const char *name;
        IMR_TRY(imr_json_need_string(&name, item, "", err));
        IMR_TRY(add_named(p, name, err));
    }
    if (p->n == 0)
        return imr_fail(err, IMR_E_FORMAT, "pooling_mode is neither a mode nor a list of modes");
    return IMR_OK;
}

static imr_status read_old(imr_pool *p, const imr_json *config, imr_error *err)
{
    static const char *const keys[IMR_POOL_MODE_COUNT] = {
        "pooling_mode_cls_token", "pooling_mode_max_tokens", "pooling_mode_mean_tokens",
        "pooling_mode_mean_sqrt_len_tokens"};
    const char *const prefix = "pooling_mode_";
    for (size_t mode = 0; mode < IMR_POOL_MODE_COUNT; mode++) {
        const imr_json *value = imr_json_at(config, keys[mode]);
        if (value && !imr_json_is_bool(value))
            return imr_fail(err, IMR_E_FORMAT, "%s is neither true nor false", keys[mode]);
        if (imr_json_bool_or(config, keys[mode], false))
            p->modes[p->n++] = (imr_pool_mode)mode;
    }
    for (const imr_json *item = imr_json_child(config); item; item = imr_json_next(item)) {
        const char *key = imr_json_key(item);
        bool known = strncmp(key, prefix, strlen(prefix)) != 0;
        for (size_t mode = 0; mode < IMR_POOL_MODE_COUNT; mode++)
            known = known || strcmp(key, keys[mode]) == 0;
        if (!known && imr_json_bool_or(item, "", false))
            return imr_fail(err, IMR_E_UNSUPPORTED,
                            "the pooling %s is not supported; supported: " KNOWN_MODES, key);
    }
    if (p->n == 0 && imr_json_at(config, keys[IMR_POOL_MEAN]))
        return imr_fail(err, IMR_E_FORMAT, "no pooling is switched on; supported: " KNOWN_MODES);
    if (p->n == 0)
        p->modes[p->n++] = IMR_POOL_MEAN; /* the library's own default */
    return IMR_OK;
}

imr_status imr_pool_read(imr_pool *out, const imr_json *config, size_t hidden, imr_error *err)
{
    imr_pool p = {.n = 0};
    int64_t width = imr_json_int_or(config, "embedding_dimension",
                                    imr_json_int_or(config, "word_embedding_dimension", -1));
    if (width != -1 && width != (int64_t)hidden)
        return imr_fail(err, IMR_E_SHAPE,
                        "the pooling is for vectors of %" PRId64
                        " dimensions, the transformer gives %zu",
                        width, hidden);
    const imr_json *mode = imr_json_at(config, "pooling_mode");
    IMR_TRY(mode ? read_new(&p, mode, err) : read_old(&p, config, err));
    *out = p;
    return IMR_OK;
}

static void pool_max(float *out, const imr_view *rows)
{
    memcpy(out, rows->v, rows->cols * sizeof *out);
    for (size_t i = 1; i < rows->rows; i++) {
        const float *row = imr_view_row(rows, i);
        for (size_t j = 0; j < rows->cols; j++)
            out[j] = row[j] > out[j] ? row[j] : out[j];
    }
}

/* Columns in strips, so that the double sums need no memory of the caller. */
static void pool_sum(float *out, const imr_view *rows, double scale)
{
    enum { STRIP = 64 };
    for (size_t first = 0; first < rows->cols; first += STRIP) {
        double sum[STRIP] = {0};
        size_t n = rows->cols - first < STRIP ? rows->cols - first : STRIP;
        for (size_t i = 0; i < rows->rows; i++)
            for (size_t j = 0; j < n; j++)
                sum[j] += (double)imr_view_row(rows, i)[first + j];
        for (size_t j = 0; j < n; j++)
            out[first + j] = (float)(sum[j] * scale);
    }
}

void imr_pool_rows(float *out, const imr_pool *p, imr_view rows)
{
    if (rows.rows == 0) {
        memset(out, 0, p->n * rows.cols * sizeof *out);
        return;
    }
    for (size_t m = 0; m < p->n; m++, out += rows.cols) {
        switch (p->modes[m]) {
        case IMR_POOL_CLS:
            memcpy(out, rows.v, rows.cols * sizeof *out);
            break;
        case IMR_POOL_MAX:
            pool_max(out, &rows);
            break;
        case IMR_POOL_MEAN:
            pool_sum(out, &rows, 1 / (double)rows.rows);
            break;
        case IMR_POOL_MEAN_SQRT:
            pool_sum(out, &rows, 1 / sqrt((double)rows.rows));
            break;
        default:
            break;
        }
    }
}
