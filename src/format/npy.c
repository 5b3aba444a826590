/*
 * Layout (numpy/lib/format.py):
 *   1. 6 bytes    0x93 "NUMPY"
 *   2. 2 bytes    version: major 1, 2 or 3, minor 0
 *   3. u16 (major 1) or u32: bytes of the header text that follows
 *   4. text       a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and
 *                 spaces up to a newline, so that the data is aligned
 *   5. data       the elements
 */
#include "format/npy.h"

#include <assert.h>
#include <inttypes.h>

#include "base/bytes.h"
#include "base/mem.h"

static const char *const descrs[IMR_DTYPE_COUNT] = {
    [IMR_F32] = "<f4", [IMR_F64] = "<f8", [IMR_F16] = "<f2", [IMR_I64] = "<i8",  [IMR_I32] = "<i4",
    [IMR_I16] = "<i2", [IMR_I8] = "|i1",  [IMR_U8] = "|u1",  [IMR_BOOL] = "|b1",
};

/* The header text; reading fails softly, the caller says where. */
typedef struct text {
    const char *p;
    size_t len, pos;
} text;

static char look(text *s)
{
    while (s->pos < s->len && (s->p[s->pos] == ' ' || s->p[s->pos] == '\n'))
        s->pos++;
    return s->pos < s->len ? s->p[s->pos] : '\0';
}

static bool eat(text *s, char c)
{
    if (look(s) != c || s->pos == s->len)
        return false;
    s->pos++;
    return true;
}

static bool eat_word(text *s, const char *word)
{
    size_t n = strlen(word);
    look(s);
    if (s->len - s->pos < n || memcmp(s->p + s->pos, word, n) != 0)
        return false;
    s->pos += n;
    return true;
}

/* A quoted string without escapes. */
static bool read_string(text *s, char *out, size_t size)
{
    char quote = look(s);
    if (quote != '\'' && quote != '"')
        return false;
    const char *start = s->p + s->pos + 1;
    const char *end = memchr(start, quote, s->len - s->pos - 1);
    if (!end || (size_t)(end - start) >= size || memchr(start, '\\', (size_t)(end - start)))
        return false;
    memcpy(out, start, (size_t)(end - start));
    out[end - start] = '\0';
    s->pos = (size_t)(end + 1 - s->p);
    return true;
}

static bool read_shape(text *s, imr_tensor *t)
{
    if (!eat(s, '('))
        return false;
    while (!eat(s, ')')) {
        uint64_t v = 0;
        char c = look(s);
        if (c < '0' || c > '9' || t->rank == IMR_MAX_TENSOR_RANK)
            return false;
        for (; s->pos < s->len && s->p[s->pos] >= '0' && s->p[s->pos] <= '9'; s->pos++) {
            if (v > IMR_MAX_TENSOR_ELEMS)
                return false;
            v = v * 10 + (uint64_t)(s->p[s->pos] - '0');
        }
        if (s->pos < s->len && s->p[s->pos] == 'L') /* Python 2 wrote long integers so */
            s->pos++;
        t->shape[t->rank++] = v;
        if (!eat(s, ',') && look(s) != ')')
            return false;
    }
    return true;
}

typedef struct header {
    char descr[32];
    bool fortran;
    bool seen[3]; /* descr, fortran_order, shape */
} header;

static bool read_header(text *s, header *h, imr_tensor *t)
{
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    if (!eat(s, '{'))
        return false;
    while (!eat(s, '}')) {
        char key[32];
        size_t k = 0;
        if (!read_string(s, key, sizeof key) || !eat(s, ':'))
            return false;
        while (k < 3 && strcmp(key, keys[k]) != 0)
            k++;
        if (k == 3 || h->seen[k])
            return false;
        h->seen[k] = true;
        bool good = true;
        if (k == 0)
            good = read_string(s, h->descr, sizeof h->descr);
        else if (k == 1)
            good = (h->fortran = eat_word(s, "True")) || eat_word(s, "False");
        else
            good = read_shape(s, t);
        if (!good || (!eat(s, ',') && look(s) != '}'))
            return false;
    }
    look(s);
    return s->pos == s->len && h->seen[0] && h->seen[1] && h->seen[2];
}

static imr_status set_dtype(imr_tensor *t, const header *h, imr_error *err)
{
    for (int d = 0; d < IMR_DTYPE_COUNT; d++)
        if (descrs[d] && strcmp(descrs[d], h->descr) == 0) {
            t->dtype = (imr_dtype)d;
            return IMR_OK;
        }
    return imr_fail(err, IMR_E_UNSUPPORTED,
                    "holds %selements of type '%s'; save it as float32: "
                    "numpy.save(path, array.astype('<f4'))",
                    h->descr[0] == '>' ? "big-endian " : "", h->descr);
}

imr_status imr_npy_parse(imr_npy *out, const void *data, size_t len, imr_error *err)
{
    imr_bytes b = imr_bytes_of(data, len);
    const uint8_t *magic = imr_bytes_take(&b, 6);
    if (!magic || memcmp(magic, "\x93NUMPY", 6) != 0)
        return imr_fail(err, IMR_E_FORMAT, "is no .npy file: it does not start with \\x93NUMPY");
    uint8_t major = imr_bytes_u8(&b), minor = imr_bytes_u8(&b);
    if (!b.failed && (major < 1 || major > 3 || minor != 0))
        return imr_fail(err, IMR_E_UNSUPPORTED, ".npy version %u.%u; versions 1 to 3 are read",
                        major, minor);
    size_t header_len = major == 1 ? imr_bytes_u16(&b) : imr_bytes_u32(&b);
    text s = {.p = (const char *)imr_bytes_take(&b, header_len), .len = header_len};
    if (b.failed)
        return imr_fail(err, IMR_E_FORMAT, "was cut short inside its .npy header");
    imr_npy made = {0};
    header h = {0};
    if (!read_header(&s, &h, &made.t))
        return imr_fail(err, IMR_E_FORMAT,
                        "the .npy header is malformed at its byte %zu; expected 'descr', "
                        "'fortran_order' and a 'shape' of at most %u dimensions",
                        s.pos, IMR_MAX_TENSOR_RANK);
    IMR_TRY(set_dtype(&made.t, &h, err));
    if (h.fortran && made.t.rank > 1)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "is in Fortran order; save it as numpy.ascontiguousarray(array)");
    imr_tensor_row_major(&made.t);
    made.t.bytes = imr_bytes_left(&b);
    made.t.data = imr_bytes_take(&b, made.t.bytes);
    IMR_TRY(imr_tensor_check(&made.t, err));
    uint64_t need = imr_tensor_count(&made.t) * imr_dtype_size(made.t.dtype);
    if (need != made.t.bytes)
        return imr_fail(err, IMR_E_FORMAT, "holds %zu bytes of elements, its shape says %" PRIu64,
                        made.t.bytes, need);
    *out = made;
    return IMR_OK;
}

imr_status imr_npy_open(imr_npy *out, const char *path, imr_error *err)
{
    IMR_CLEANUP(imr_file_unmap) imr_file file = {0};
    IMR_TRY(imr_file_map(&file, path, err));
    IMR_TRY(imr_error_prefix(err, imr_npy_parse(out, file.data, file.len, err), path));
    out->file = IMR_TAKE(file);
    return IMR_OK;
}

void imr_npy_done(imr_npy *a)
{
    imr_file_unmap(&a->file);
    *a = (imr_npy){0};
}

void imr_npy_header(uint8_t out[IMR_NPY_HEADER], imr_dtype dtype, uint64_t rows, uint64_t cols)
{
    static const uint8_t start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, IMR_NPY_HEADER - 10, 0};
    char *dict = (char *)out + sizeof start;
    const size_t room = IMR_NPY_HEADER - sizeof start;
    assert((unsigned)dtype < IMR_DTYPE_COUNT && descrs[dtype]);
    memcpy(out, start, sizeof start);
    int n =
        snprintf(dict, room,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64 ", %" PRIu64 "), }",
                 descrs[dtype], rows, cols);
    memset(dict + n, ' ', room - 1 - (size_t)n);
    dict[room - 1] = '\n';
}

imr_status imr_npy_write_f32(const char *path, const float *v, uint64_t rows, uint64_t cols,
                             imr_error *err)
{
    uint8_t head[IMR_NPY_HEADER];
    imr_writer w;
    imr_npy_header(head, IMR_F32, rows, cols);
    IMR_TRY(imr_writer_open_named(&w, path, true, err));
    imr_writer_add(&w, head, sizeof head);
    imr_writer_add(&w, v, (size_t)(rows * cols) * sizeof *v);
    return imr_writer_commit(&w, err);
}
