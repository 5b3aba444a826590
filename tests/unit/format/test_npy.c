#include "format/npy.h"
#include "format_support.h"

static imr_error err;

/* A .npy file of version 1 with this dict and `bytes` zero bytes of data, without a spare byte. */
static uint8_t *npy_bytes(const char *dict, size_t bytes, size_t *len)
{
    size_t n = strlen(dict);
    uint8_t *p = calloc(1, 10 + n + bytes);
    CHECK(p != NULL);
    memcpy(p, "\x93NUMPY\x01", 8);
    p[8] = (uint8_t)n;
    p[9] = (uint8_t)(n >> 8);
    memcpy(p + 10, dict, n);
    *len = 10 + n + bytes;
    return p;
}

static imr_status parse_dict(imr_npy *out, const char *dict, size_t bytes)
{
    size_t len;
    uint8_t *p = npy_bytes(dict, bytes, &len);
    imr_status status = imr_npy_parse(out, p, len, &err);
    out->t.data = NULL;
    free(p);
    return status;
}

TEST("an array NumPy wrote is read with its shape and values")
{
    imr_npy a;
    CHECK_OK(imr_npy_open(&a, test_golden("tiny/forward/queries.npy"), &err));
    CHECK(imr_tensor_has_shape(&a.t, 2, (uint64_t[]){4, 48}));
    CHECK_INT(a.t.dtype, IMR_F32);
    float row[48];
    CHECK_OK(imr_tensor_rows_to_f32(&a.t, 3, 1, row, &err));
    double norm = 0;
    for (size_t i = 0; i < 48; i++)
        norm += (double)row[i] * (double)row[i];
    CHECK_NEAR(norm, 1, 1e-5); /* the oracle's queries are unit vectors */
    imr_npy_done(&a);
}

TEST("a written matrix is read back aligned and equal")
{
    float v[6] = {1, -2.5f, 3e-30f, 4, 5, 6e30f};
    imr_npy a;
    const char *path = test_path(test_tmpdir(), "m.npy");
    CHECK_OK(imr_npy_write_f32(path, v, 2, 3, &err));
    CHECK_OK(imr_npy_open(&a, path, &err));
    CHECK(imr_tensor_has_shape(&a.t, 2, (uint64_t[]){2, 3}));
    CHECK(memcmp(a.t.data, v, sizeof v) == 0);
    CHECK_INT((uintptr_t)a.t.data % 64, 0);
    imr_npy_done(&a);
    CHECK_OK(imr_npy_write_f32(path, NULL, 0, 3, &err));
    CHECK_OK(imr_npy_open(&a, path, &err));
    CHECK_INT(imr_tensor_count(&a.t), 0);
    imr_npy_done(&a);
}

TEST("the header has one size whatever the row count, for every dtype NumPy has")
{
    for (int d = 0; d < IMR_DTYPE_COUNT; d++) {
        uint8_t header[IMR_NPY_HEADER];
        imr_npy a;
        if (d == IMR_BF16)
            continue;
        imr_npy_header(header, (imr_dtype)d, 0, UINT32_MAX);
        CHECK_OK(imr_npy_parse(&a, header, sizeof header, &err));
        CHECK_INT(a.t.dtype, d);
        imr_npy_header(header, (imr_dtype)d, IMR_MAX_TENSOR_ELEMS, 1);
        CHECK(imr_npy_parse(&a, header, sizeof header, &err) == IMR_E_FORMAT);
        CHECK_CONTAINS(err.text, "which has 0 left");
    }
}

TEST("headers of other writers are read: other order, quotes, versions, scalars")
{
    imr_npy a = {0};
    CHECK_OK(parse_dict(&a, "{\"shape\":(3L,), 'fortran_order':True,'descr':'<f8'}", 24));
    CHECK(imr_tensor_has_shape(&a.t, 1, (uint64_t[]){3}));
    CHECK_OK(parse_dict(&a, "{'descr': '<i2', 'fortran_order': False, 'shape': (), }  \n", 2));
    CHECK_INT(a.t.rank, 0);
    uint8_t v2[] = "\x93NUMPY\x02\x00\x34\x00\x00\x00"
                   "{'descr':'|u1','fortran_order':False,'shape':(1,1)}\nx";
    CHECK_OK(imr_npy_parse(&a, v2, sizeof v2 - 1, &err));
    CHECK_INT(a.t.data[0], 'x');
}

TEST("arrays we do not read are refused with what to do")
{
    imr_npy a = {0};
    CHECK(parse_dict(&a, "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4) ==
          IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "big-endian elements of type '>f4'");
    CHECK(parse_dict(&a, "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8) ==
          IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "astype('<f4')");
    CHECK(parse_dict(&a, "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", 8) ==
          IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "ascontiguousarray");
}

TEST("headers that lie are refused")
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1",
        "{'descr': '<f4",
        "{'descr': '<f4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0,)}",
    };
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        imr_npy a = {0};
        imr_status status = parse_dict(&a, bad[i], 4);
        if (status != IMR_E_FORMAT)
            FAIL("%s gives status %d", bad[i], (int)status);
    }
    imr_npy a = {0};
    imr_status status = parse_dict(&a,
                                   "{'descr': '<f4', 'fortran_order': False, "
                                   "'shape': (1000000000,1000000000)}",
                                   4);
    CHECK(status == IMR_E_LIMIT);
}

TEST("an array cut short at any byte, or too long by one, is refused")
{
    size_t len;
    char *whole = test_read(test_golden("tiny/forward/q_proj.npy"), &len);
    for (size_t n = 0; n < len; n++) {
        void *cut = exact_copy(whole, n);
        imr_npy a;
        if (imr_npy_parse(&a, cut, n, &err) == IMR_OK)
            FAIL("accepted when cut to %zu of %zu bytes", n, len);
        free(cut);
    }
    imr_npy a;
    CHECK_OK(imr_npy_parse(&a, whole, len, &err));
    CHECK(imr_npy_parse(&a, whole, len + 1, &err) == IMR_E_FORMAT); /* test_read adds a zero */
    free(whole);
}

TEST("array files survive the failure of every allocation")
{
    const char *path = test_path(test_tmpdir(), "m.npy");
    CHECK_EVERY_ALLOCATION(imr_npy_write_f32(path, (float[]){1, 2}, 1, 2, &err));
    CHECK(imr_npy_open(&(imr_npy){0}, test_path(test_tmpdir(), "none.npy"), &err) ==
          IMR_E_NOT_FOUND);
}
