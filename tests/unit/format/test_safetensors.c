#include "base/file.h"
#include "format/safetensors.h"
#include "format_support.h"

static imr_error err;

/* A safetensors file of this header and `bytes` bytes of data, without a spare byte. */
static uint8_t *file_of(const char *header, size_t bytes, size_t *len)
{
    uint64_t n = strlen(header);
    uint8_t *p = calloc(1, 8 + n + bytes);
    CHECK(p != NULL);
    memcpy(p, &n, 8);
    memcpy(p + 8, header, n);
    *len = 8 + n + bytes;
    return p;
}

static imr_status parse_header(const char *header, size_t bytes)
{
    size_t len;
    imr_tensors t = {0};
    uint8_t *p = file_of(header, bytes, &len);
    imr_status status = imr_safetensors_parse(&t, p, len, &err);
    imr_tensors_done(&t);
    free(p);
    return status;
}

TEST("the tiny adapter's safetensors file loads with its names, shapes and metadata")
{
    imr_tensors t = {0};
    const char *path = test_golden("tiny/adapter.safetensors");
    CHECK_OK(imr_safetensors_open(&t, path, &err));
    CHECK_INT(t.n, 18);
    const imr_tensor *w = imr_tensors_find(&t, "projector.weight");
    CHECK(w && imr_tensor_has_shape(w, 2, (uint64_t[]){16, 48}));
    CHECK(imr_tensors_find(&t, "__metadata__") == NULL);
    imr_tensors_done(&t);
    size_t len;
    char *whole = test_read(path, &len);
    IMR_AUTOJSON imr_json *header = NULL;
    CHECK_OK(imr_safetensors_header(&header, whole, len, &err));
    CHECK_STR(imr_json_string_or(header, "__metadata__/encoder", ""), "tiny");
    free(whole);
}

TEST("a safetensors file cut short at any byte is refused")
{
    size_t len;
    char *whole = test_read(test_golden("tiny/adapter.safetensors"), &len);
    for (size_t n = 0; n < len; n++) {
        void *cut = exact_copy(whole, n);
        imr_tensors t = {0};
        if (imr_safetensors_parse(&t, cut, n, &err) == IMR_OK)
            FAIL("accepted when cut to %zu of %zu bytes", n, len);
        free(cut);
    }
    imr_tensors t = {0};
    CHECK(imr_safetensors_parse(&t, whole, len + 1, &err) == IMR_E_FORMAT); /* one byte too long */
    CHECK_CONTAINS(err.text, "belong to none");
    free(whole);
}

TEST("safetensors headers that lie are refused and name the tensor")
{
    static const struct {
        const char *header;
        size_t bytes;
        imr_status status;
        const char *says;
    } bad[] = {
        {"[]", 0, IMR_E_FORMAT, "no JSON object"},
        {"{\"a\": 1}", 0, IMR_E_NOT_FOUND, "tensor a: \"dtype\" is absent"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
         IMR_E_UNSUPPORTED, "tensor a: dtype F8_E4M3"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, IMR_E_FORMAT, "has no shape"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, IMR_E_FORMAT, "no pair of data_offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, IMR_E_FORMAT,
         "no pair of data_offsets"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", 1, IMR_E_FORMAT,
         "\"shape/0\" is -1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5],\"data_offsets\":[0,1]}}", 1, IMR_E_FORMAT,
         "\"shape/0\" is 1.5"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[\"1\"],\"data_offsets\":[0,1]}}", 1, IMR_E_FORMAT,
         "\"shape/0\" is a string"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
         IMR_E_LIMIT, "dimensions"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
         IMR_E_LIMIT, "tensor a: has more than"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1099511627777],\"data_offsets\":[0,4]}}", 4,
         IMR_E_FORMAT, "\"shape/0\""},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, IMR_E_FORMAT,
         "2 bytes of data, its shape says 1"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, IMR_E_FORMAT,
         "tensor a: needs 8 bytes"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, IMR_E_FORMAT,
         "data_offsets [1, 0]"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1e300]}}", 1, IMR_E_FORMAT,
         "data_offsets/1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[9007199254740991,"
         "9007199254740991]}}",
         1, IMR_E_FORMAT, "expected a begin of 0"},
        /* a gap, an overlap, two tensors of one place, bytes of none */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]}}",
         3, IMR_E_FORMAT, "tensor b: data_offsets [2, 3], expected a begin of 1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, IMR_E_FORMAT, "tensor b: data_offsets [1, 3], expected a begin of 2"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
         1, IMR_E_FORMAT, "expected a begin of 1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 2, IMR_E_FORMAT,
         "1 bytes behind the last tensor"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, IMR_E_FORMAT, "tensor a is there twice"},
    };
    for (size_t i = 0; i < IMR_LEN(bad); i++) {
        imr_status status = parse_header(bad[i].header, bad[i].bytes);
        if (status != bad[i].status || !strstr(err.text, bad[i].says))
            FAIL("%s gives status %d: %s", bad[i].header, (int)status, err.text);
    }
    uint8_t huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '{', '}'};
    imr_tensors t = {0};
    CHECK(imr_safetensors_parse(&t, huge, sizeof huge, &err) == IMR_E_LIMIT);
}

TEST("tensors come in any order of the header, empty ones too")
{
    CHECK_OK(parse_header("{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]},"
                          "\"z\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[1,1]},"
                          "\"a\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]}}  ",
                          3));
    CHECK_OK(parse_header("{}", 0));
}

static const imr_torch_meta training[] = {{.name = "epochs", .kind = 'i', .i = 30},
                                          {.name = "rate", .kind = 'f', .f = 0.1},
                                          {.name = "resumed", .kind = 'b', .i = 0},
                                          {.name = "note", .kind = 'n'}};
static const imr_torch_meta metadata[] = {
    {.name = "encoder", .kind = 's', .s = "tiny \"one\""},
    {.name = "training", .kind = 'd', .items = training, .n_items = 4},
};

TEST("a written safetensors file is read back, aligned, with flat metadata")
{
    float a[6] = {1, 2, 3, 4, 5, 6}, b[1] = {-7};
    imr_torch_item items[2] = {{.name = "w", .data = a, .rank = 2, .shape = {2, 3}},
                               {.name = "s", .data = b, .rank = 0}};
    const char *path = test_path(test_tmpdir(), "x.safetensors");
    CHECK_EVERY_ALLOCATION(imr_safetensors_write(path, items, 2, metadata, 2, &err));
    imr_tensors t = {0};
    CHECK_EVERY_ALLOCATION(imr_safetensors_open(&t, path, &err));
    const imr_tensor *w = imr_tensors_find(&t, "w"), *s = imr_tensors_find(&t, "s");
    CHECK(w && s && s->rank == 0 && imr_tensor_has_shape(w, 2, (uint64_t[]){2, 3}));
    CHECK(memcmp(w->data, a, sizeof a) == 0 && memcmp(s->data, b, sizeof b) == 0);
    CHECK_INT((uintptr_t)w->data % 64, 0);
    imr_tensors_done(&t);
    size_t len;
    char *whole = test_read(path, &len);
    IMR_AUTOJSON imr_json *h = NULL;
    CHECK_OK(imr_safetensors_header(&h, whole, len, &err));
    CHECK_STR(imr_json_string_or(h, "__metadata__/encoder", ""), "tiny \"one\"");
    CHECK_STR(imr_json_string_or(h, "__metadata__/training.epochs", ""), "30");
    CHECK_STR(imr_json_string_or(h, "__metadata__/training.rate", ""), "0.1");
    CHECK_STR(imr_json_string_or(h, "__metadata__/training.resumed", ""), "false");
    CHECK_STR(imr_json_string_or(h, "__metadata__/training.note", ""), "null");
    free(whole);
}

TEST("a file that is no safetensors is refused with its path")
{
    imr_tensors t = {0};
    const char *path = test_golden("tiny/adapter-v1.pt");
    CHECK(imr_safetensors_open(&t, path, &err) != IMR_OK);
    CHECK_CONTAINS(err.text, "adapter-v1.pt: ");
    CHECK(imr_safetensors_open(&t, test_golden("tiny/none"), &err) == IMR_E_NOT_FOUND);
}
