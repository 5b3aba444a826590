#include "format/tensors.h"

#include <inttypes.h>

#include "base/array.h"
#include "base/half.h"
#include "base/mem.h"
#include "base/utf8_step.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read in place: imrnn needs a little-endian machine"
#endif

/* ---- types ---- */

typedef void (*convert_fn)(float *out, const uint8_t *from, size_t n, size_t step);

/* n elements, `step` bytes apart. memcpy: the data of a container need not be aligned. */
#define CONVERT(name, type, expression)                                                            \
    static void convert_##name(float *out, const uint8_t *from, size_t n, size_t step)             \
    {                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                           \
            type x;                                                                                \
            memcpy(&x, from + i * step, sizeof x);                                                 \
            out[i] = expression;                                                                   \
        }                                                                                          \
    }
CONVERT(F32, float, x)
CONVERT(F64, double, (float)x)
CONVERT(F16, uint16_t, imr_f16_to_f32(x))
CONVERT(BF16, uint16_t, imr_bf16_to_f32(x))
CONVERT(I64, int64_t, (float)x)
CONVERT(I32, int32_t, (float)x)
CONVERT(I16, int16_t, (float)x)
CONVERT(I8, int8_t, (float)x)
CONVERT(U8, uint8_t, (float)x)
CONVERT(BOOL, uint8_t, x ? 1.0f : 0.0f)

static const struct {
    const char *name;
    size_t size;
    convert_fn convert;
} dtypes[IMR_DTYPE_COUNT] = {
    [IMR_F32] = {"F32", 4, convert_F32}, [IMR_F64] = {"F64", 8, convert_F64},
    [IMR_F16] = {"F16", 2, convert_F16}, [IMR_BF16] = {"BF16", 2, convert_BF16},
    [IMR_I64] = {"I64", 8, convert_I64}, [IMR_I32] = {"I32", 4, convert_I32},
    [IMR_I16] = {"I16", 2, convert_I16}, [IMR_I8] = {"I8", 1, convert_I8},
    [IMR_U8] = {"U8", 1, convert_U8},    [IMR_BOOL] = {"BOOL", 1, convert_BOOL},
};

size_t imr_dtype_size(imr_dtype t)
{
    return (unsigned)t < IMR_DTYPE_COUNT ? dtypes[t].size : 0;
}

const char *imr_dtype_name(imr_dtype t)
{
    return (unsigned)t < IMR_DTYPE_COUNT ? dtypes[t].name : "unknown";
}

/* ---- one tensor ---- */

uint64_t imr_tensor_count(const imr_tensor *t)
{
    uint64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++)
        n *= t->shape[d];
    return n;
}

bool imr_tensor_has_shape(const imr_tensor *t, size_t rank, const uint64_t *shape)
{
    if (t->rank != rank)
        return false;
    for (size_t d = 0; d < rank; d++)
        if (t->shape[d] != shape[d])
            return false;
    return true;
}

bool imr_tensor_is_contiguous(const imr_tensor *t)
{
    uint64_t step = 1;
    for (uint32_t d = t->rank; d-- > 0;) {
        if (t->shape[d] > 1 && (uint64_t)t->stride[d] != step)
            return false;
        step *= t->shape[d];
    }
    return true;
}

char *imr_tensor_shape_text(const imr_tensor *t, char *out)
{
    size_t at = 0;
    snprintf(out, 160, "scalar");
    for (uint32_t d = 0; d < t->rank && at < 160; d++)
        at += (size_t)snprintf(out + at, 160 - at, d ? " x %" PRIu64 : "%" PRIu64, t->shape[d]);
    return out;
}

void imr_tensor_row_major(imr_tensor *t)
{
    uint64_t step = 1;
    for (uint32_t d = t->rank; d-- > 0;) {
        t->stride[d] = (int64_t)step;
        step *= t->shape[d];
    }
}

imr_status imr_tensor_check(const imr_tensor *t, imr_error *err)
{
    if (t->rank > IMR_MAX_TENSOR_RANK)
        return imr_fail(err, IMR_E_LIMIT, "has %" PRIu32 " dimensions, at most %u are read",
                        t->rank, IMR_MAX_TENSOR_RANK);
    uint64_t count = 1;
    bool empty = false;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->shape[d] > IMR_MAX_TENSOR_ELEMS ||
            (t->shape[d] && count > IMR_MAX_TENSOR_ELEMS / t->shape[d]))
            return imr_fail(err, IMR_E_LIMIT, "has more than %" PRIu64 " elements",
                            IMR_MAX_TENSOR_ELEMS);
        count *= t->shape[d] ? t->shape[d] : 1;
        empty = empty || t->shape[d] == 0;
    }
    /* Elements up to and including the farthest one. */
    uint64_t reach = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->stride[d] < 0)
            return imr_fail(err, IMR_E_FORMAT, "has the negative stride %" PRId64, t->stride[d]);
        uint64_t steps = t->shape[d] ? t->shape[d] - 1 : 0, stride = (uint64_t)t->stride[d];
        if (stride > IMR_MAX_TENSOR_ELEMS ||
            (stride && steps > (2 * IMR_MAX_TENSOR_ELEMS - reach) / stride))
            return imr_fail(err, IMR_E_FORMAT, "has strides that reach past any file");
        reach += steps * stride;
    }
    uint64_t need = empty ? 0 : reach * imr_dtype_size(t->dtype);
    if (need > t->bytes)
        return imr_fail(err, IMR_E_FORMAT,
                        "needs %" PRIu64 " bytes of its storage, which has %zu left", need,
                        t->bytes);
    return IMR_OK;
}

/* ---- the table ---- */

void imr_tensors_done(imr_tensors *t)
{
    for (size_t i = 0; i < t->n; i++)
        imr_free(t->v[i].name);
    imr_free(t->v);
    imr_strmap_done(&t->by_name);
    imr_file_unmap(&t->file);
    *t = (imr_tensors){0};
}

const imr_tensor *imr_tensors_find(const imr_tensors *t, const char *name)
{
    uint32_t at;
    return imr_strmap_get(&t->by_name, name, strlen(name), &at) ? &t->v[at] : NULL;
}

imr_status imr_tensor_prefix(imr_error *err, imr_status status, const char *name, size_t len)
{
    char where[256];
    snprintf(where, sizeof where, "tensor %.*s", len > 200 ? 200 : (int)len, name);
    return imr_error_prefix(err, status, where);
}

imr_status imr_tensors_add(imr_tensors *table, const char *name, size_t len, const imr_tensor *t,
                           imr_error *err)
{
    if (imr_utf8_first_bad(name, len) != len || memchr(name, '\0', len))
        return imr_fail(err, IMR_E_FORMAT,
                        "the name of tensor %zu is not UTF-8 text without NUL bytes", table->n + 1);
    imr_status status = imr_tensor_check(t, err);
    if (status != IMR_OK)
        return imr_tensor_prefix(err, status, name, len);
    IMR_AUTOFREE char *copy = imr_strndup(name, len);
    bool added = false;
    if (!copy || !IMR_GROW(table, 1) ||
        !imr_strmap_add(&table->by_name, copy, len, (uint32_t)table->n, NULL, &added))
        return imr_fail_memory(err);
    if (!added)
        return imr_fail(err, IMR_E_FORMAT, "tensor %.*s is there twice", len > 200 ? 200 : (int)len,
                        name);
    table->v[table->n] = *t;
    table->v[table->n++].name = IMR_TAKE(copy);
    return IMR_OK;
}

/* ---- conversion ---- */

/* Dimensions d and after, starting at `from`; returns where the next value goes. */
static float *convert_dims(const imr_tensor *t, uint32_t d, const uint8_t *from, float *out)
{
    size_t size = imr_dtype_size(t->dtype);
    size_t n = (size_t)t->shape[d], step = (size_t)t->stride[d] * size;
    if (d + 1 == t->rank) {
        dtypes[t->dtype].convert(out, from, n, step);
        return out + n;
    }
    for (size_t i = 0; i < n; i++)
        out = convert_dims(t, d + 1, from + i * step, out);
    return out;
}

imr_status imr_tensor_to_f32(const imr_tensor *t, float *out, imr_error *err)
{
    if ((unsigned)t->dtype >= IMR_DTYPE_COUNT)
        return imr_fail(err, IMR_E_UNSUPPORTED, "tensor %s holds no numbers",
                        t->name ? t->name : "");
    uint64_t count = imr_tensor_count(t);
    if (count == 0)
        return IMR_OK;
    if (!imr_tensor_is_contiguous(t))
        convert_dims(t, 0, t->data, out);
    else if (t->dtype == IMR_F32)
        memcpy(out, t->data, (size_t)count * sizeof *out);
    else
        dtypes[t->dtype].convert(out, t->data, (size_t)count, imr_dtype_size(t->dtype));
    return IMR_OK;
}

imr_status imr_tensor_rows_to_f32(const imr_tensor *t, uint64_t first, uint64_t count, float *out,
                                  imr_error *err)
{
    if (t->rank == 0 || first > t->shape[0] || count > t->shape[0] - first)
        return imr_fail(err, IMR_E_SHAPE,
                        "tensor %s has %" PRIu64 " rows, rows %" PRIu64 " to %" PRIu64
                        " were asked for",
                        t->name ? t->name : "", t->rank ? t->shape[0] : 0, first, first + count);
    if (count == 0)
        return IMR_OK;
    imr_tensor part = *t;
    size_t skip = (size_t)first * (size_t)t->stride[0] * imr_dtype_size(t->dtype);
    part.shape[0] = count;
    part.data += skip;
    part.bytes -= skip;
    return imr_tensor_to_f32(&part, out, err);
}
