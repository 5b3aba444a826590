#include "base/half.h"
#include "format/tensors.h"
#include "format_support.h"

static imr_error err;

static float bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Half precision by its definition: (-1)^s 2^(e-15) (1 + m/1024), subnormals 2^-14 m/1024. */
static double half_value(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 31 ? (m ? NAN : INFINITY) : e == 0 ? ldexp(m, -24) : ldexp(1024 + m, e - 25);
    return h & 0x8000 ? -v : v;
}

TEST("every half-precision value widens by its definition and comes back unchanged")
{
    for (uint32_t h = 0; h < 65536; h++) {
        double want = half_value((uint16_t)h);
        float got = imr_f16_to_f32((uint16_t)h);
        if (isnan(want)) {
            if (!isnan(got) || (imr_f32_to_f16(got) & 0x7c00) != 0x7c00)
                FAIL("NaN 0x%04x does not stay NaN", h);
        } else if ((double)got != want || !signbit(got) != !signbit(want) ||
                   imr_f32_to_f16(got) != h) {
            FAIL("0x%04x widens to %.9g, expected %.9g", h, (double)got, want);
        }
    }
    test_count();
}

TEST("float32 rounds to the nearest half, ties to even, and overflows to infinity")
{
    for (uint32_t h = 0; h < 0x7bff; h++) { /* between each pair of neighbours */
        double low = half_value((uint16_t)h), high = half_value((uint16_t)(h + 1));
        float middle = (float)((low + high) / 2);
        uint16_t even = (uint16_t)(h & 1 ? h + 1 : h);
        if (imr_f32_to_f16(middle) != even || imr_f32_to_f16(nextafterf(middle, 0)) != h ||
            imr_f32_to_f16(nextafterf(middle, INFINITY)) != h + 1 ||
            imr_f32_to_f16(-middle) != (0x8000 | even))
            FAIL("wrong rounding around %.9g", (double)middle);
    }
    CHECK_INT(imr_f32_to_f16(65519.996f), 0x7bff);
    CHECK_INT(imr_f32_to_f16(65520.0f), 0x7c00);
    CHECK_INT(imr_f32_to_f16(-1e30f), 0xfc00);
    CHECK_INT(imr_f32_to_f16(1e-30f), 0);
    CHECK(bits_float(0x3fc00000) == imr_bf16_to_f32(0x3fc0));
}

static imr_tensor make(imr_dtype dtype, const void *data, size_t bytes, uint32_t rank,
                       uint64_t rows, uint64_t cols)
{
    imr_tensor t = {
        .dtype = dtype, .rank = rank, .shape = {rows, cols}, .data = data, .bytes = bytes};
    imr_tensor_row_major(&t);
    return t;
}

TEST("every dtype converts by value, from unaligned bytes too")
{
    static const struct {
        imr_dtype dtype;
        uint8_t bytes[8];
        float value;
    } cases[] = {
        {IMR_F32, {0, 0, 0xc0, 0xbf}, -1.5f},
        {IMR_F64, {0, 0, 0, 0, 0, 0, 0xf8, 0xbf}, -1.5f},
        {IMR_F16, {0x00, 0xbe}, -1.5f},
        {IMR_BF16, {0xc0, 0xbf}, -1.5f},
        {IMR_I64, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -2},
        {IMR_I32, {0xfe, 0xff, 0xff, 0xff}, -2},
        {IMR_I16, {0xfe, 0xff}, -2},
        {IMR_I8, {0xfe}, -2},
        {IMR_U8, {0xfe}, 254},
        {IMR_BOOL, {2}, 1},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        size_t size = imr_dtype_size(cases[i].dtype);
        uint8_t *odd = malloc(1 + 2 * size);
        CHECK(odd != NULL);
        memcpy(odd + 1, cases[i].bytes, size);
        memcpy(odd + 1 + size, cases[i].bytes, size);
        imr_tensor t = make(cases[i].dtype, odd + 1, 2 * size, 1, 2, 0);
        float out[2] = {0};
        CHECK_OK(imr_tensor_check(&t, &err));
        CHECK_OK(imr_tensor_to_f32(&t, out, &err));
        CHECK(out[0] == cases[i].value && out[1] == cases[i].value);
        free(odd);
    }
}

TEST("a transposed or expanded view converts to row-major values")
{
    float v[6] = {0, 1, 2, 3, 4, 5}, out[6];
    imr_tensor t = make(IMR_F32, v, sizeof v, 2, 3, 2);
    CHECK(imr_tensor_is_contiguous(&t));
    t.stride[0] = 1;
    t.stride[1] = 3;
    CHECK(!imr_tensor_is_contiguous(&t));
    CHECK_OK(imr_tensor_check(&t, &err));
    CHECK_OK(imr_tensor_to_f32(&t, out, &err));
    CHECK_ALL_NEAR(out, ((float[]){0, 3, 1, 4, 2, 5}), 6, 0);
    CHECK_OK(imr_tensor_rows_to_f32(&t, 1, 2, out, &err));
    CHECK_ALL_NEAR(out, ((float[]){1, 4, 2, 5}), 4, 0);
    t.stride[0] = 0;
    t.stride[1] = 1;
    CHECK_OK(imr_tensor_to_f32(&t, out, &err));
    CHECK_ALL_NEAR(out, ((float[]){0, 1, 0, 1, 0, 1}), 6, 0);
    CHECK(imr_tensor_rows_to_f32(&t, 3, 1, out, &err) == IMR_E_SHAPE);
    CHECK_OK(imr_tensor_rows_to_f32(&t, 3, 0, out, &err));
}

TEST("shapes that do not fit their storage or any memory are refused")
{
    uint8_t v[64];
    imr_tensor t = make(IMR_F32, v, 23, 2, 3, 2);
    CHECK(imr_tensor_check(&t, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "needs 24 bytes of its storage, which has 23 left");
    t = make(IMR_F32, v, 64, 2, UINT64_MAX, 2);
    CHECK(imr_tensor_check(&t, &err) == IMR_E_LIMIT);
    t = make(IMR_F32, v, 64, 2, (uint64_t)1 << 33, (uint64_t)1 << 33);
    CHECK(imr_tensor_check(&t, &err) == IMR_E_LIMIT);
    t = make(IMR_F32, v, 64, 2, 2, 2);
    t.stride[0] = -1;
    CHECK(imr_tensor_check(&t, &err) == IMR_E_FORMAT);
    t.stride[0] = INT64_MAX;
    CHECK(imr_tensor_check(&t, &err) == IMR_E_FORMAT);
    t = make(IMR_F32, v, 64, 2, 2, 2);
    t.rank = IMR_MAX_TENSOR_RANK + 1;
    CHECK(imr_tensor_check(&t, &err) == IMR_E_LIMIT);
    t = make(IMR_F32, v, 0, 2, 0, 2);
    CHECK_OK(imr_tensor_check(&t, &err));
    CHECK_OK(imr_tensor_to_f32(&t, NULL, &err));
    t = make(IMR_F32, v, 4, 0, 0, 0);
    CHECK_OK(imr_tensor_check(&t, &err));
    CHECK_INT(imr_tensor_count(&t), 1);
}

TEST("a table finds tensors by name and refuses duplicates")
{
    float v[6] = {0};
    imr_tensors table = {0};
    imr_tensor t = make(IMR_F32, v, sizeof v, 2, 3, 2);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        CHECK_OK(imr_tensors_add(&table, name, strlen(name), &t, &err));
    }
    CHECK(imr_tensors_add(&table, "w7", 2, &t, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "tensor w7 is there twice");
    CHECK(imr_tensors_add(&table, "\xff", 1, &t, &err) == IMR_E_FORMAT);
    CHECK(imr_tensors_add(&table, "a\0b", 3, &t, &err) == IMR_E_FORMAT);
    t.bytes = 1;
    CHECK(imr_tensors_add(&table, "short", 5, &t, &err) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "tensor short: needs 24 bytes");
    const imr_tensor *found = imr_tensors_find(&table, "w42");
    CHECK(found && imr_tensor_has_shape(found, 2, (uint64_t[]){3, 2}));
    CHECK(!imr_tensor_has_shape(found, 2, (uint64_t[]){3, 3}));
    char text[160];
    CHECK_STR(imr_tensor_shape_text(found, text), "3 x 2");
    CHECK(imr_tensors_find(&table, "w100") == NULL);
    CHECK_INT(table.n, 100);
    imr_tensors_done(&table);
    CHECK(imr_tensors_find(&table, "w42") == NULL);
}

static imr_status build(imr_tensors *out)
{
    float v[1] = {0};
    imr_tensor t = make(IMR_F32, v, sizeof v, 1, 1, 0);
    imr_tensors table = {0};
    imr_status status = imr_tensors_add(&table, "a", 1, &t, NULL);
    if (status == IMR_OK)
        status = imr_tensors_add(&table, "b", 1, &t, NULL);
    if (status == IMR_OK)
        *out = table;
    else
        imr_tensors_done(&table);
    return status;
}

TEST("a table survives the failure of every allocation")
{
    imr_tensors table = {0};
    CHECK_EVERY_ALLOCATION(build(&table));
    CHECK_INT(table.n, 2);
    imr_tensors_done(&table);
}

TEST("a tensor may repeat stored elements, and its copy has to fit the budget")
{
    uint8_t v[64] = {0};
    imr_tensor t = make(IMR_F32, v, 4, 2, 16384, 16384);
    t.stride[0] = t.stride[1] = 0;
    CHECK_OK(imr_tensor_check(&t, &err));
    IMR_BUDGET("a.pt");
    CHECK(imr_alloc((size_t)imr_tensor_count(&t), sizeof(float)) == NULL);
    CHECK_INT(imr_fail_memory(&err), IMR_E_BUDGET);
}
