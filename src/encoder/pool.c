#include "encoder/transformer.h"

#include <inttypes.h>
#include <math.h>

static const struct {
    const char *name, *key; /* in new configurations and in old ones */
} modes[] = {[IMR_POOL_CLS] = {"cls", "pooling_mode_cls_token"},
             [IMR_POOL_MAX] = {"max", "pooling_mode_max_tokens"},
             [IMR_POOL_MEAN] = {"mean", "pooling_mode_mean_tokens"},
             [IMR_POOL_MEAN_SQRT] = {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens"}};

#define KNOWN_MODES "cls, max, mean, mean_sqrt_len_tokens"

static imr_status add_named(imr_pool *p, const char *name, imr_error *err)
{
    size_t mode = 0;
    while (mode < IMR_LEN(modes) && strcmp(name, modes[mode].name) != 0)
        mode++;
    if (mode == IMR_LEN(modes))
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "the pooling mode \"%s\" is not supported; supported: " KNOWN_MODES, name);
    if (p->n >= IMR_MAX_POOL_MODES)
        return imr_fail(err, IMR_E_LIMIT, "pooling_mode names more than %u modes",
                        IMR_MAX_POOL_MODES);
    p->modes[p->n++] = (imr_pool_mode)mode;
    return IMR_OK;
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
    static const char prefix[] = "pooling_mode_";
    for (size_t mode = 0; mode < IMR_LEN(modes); mode++) {
        const imr_json *value = imr_json_at(config, modes[mode].key);
        if (value && !imr_json_is_bool(value))
            return imr_fail(err, IMR_E_FORMAT, "%s is neither true nor false", modes[mode].key);
        if (imr_json_bool_or(value, "", false))
            p->modes[p->n++] = (imr_pool_mode)mode;
    }
    for (const imr_json *item = imr_json_child(config); item; item = imr_json_next(item)) {
        const char *key = imr_json_key(item);
        bool known = strncmp(key, prefix, sizeof prefix - 1) != 0;
        for (size_t mode = 0; mode < IMR_LEN(modes); mode++)
            known = known || strcmp(key, modes[mode].key) == 0;
        if (!known && imr_json_bool_or(item, "", false))
            return imr_fail(err, IMR_E_UNSUPPORTED,
                            "the pooling %s is not supported; supported: " KNOWN_MODES, key);
    }
    if (p->n == 0 && imr_json_at(config, modes[IMR_POOL_MEAN].key))
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

double imr_pool_weight(imr_pool_mode mode, size_t count)
{
    return 1 / (mode == IMR_POOL_MEAN ? (double)count : sqrt((double)count));
}

void imr_pool_rows(float *out, const imr_pool *p, imr_view rows)
{
    for (size_t m = 0; m < p->n; m++, out += rows.cols) {
        const imr_pool_mode mode = p->modes[m];
        if (rows.rows == 0)
            memset(out, 0, rows.cols * sizeof *out);
        else if (mode == IMR_POOL_CLS)
            memcpy(out, rows.v, rows.cols * sizeof *out);
        else if (mode == IMR_POOL_MAX)
            pool_max(out, &rows);
        else
            pool_sum(out, &rows, imr_pool_weight(mode, rows.rows));
    }
}
