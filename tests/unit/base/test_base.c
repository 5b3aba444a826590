#include "base/array.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/sha256.h"
#include "base/strmap.h"
#include "tests/support/test.h"

TEST("an error is one line")
{
    imr_error err;
    CHECK_INT(imr_fail(&err, IMR_E_FORMAT, "a\nb\tc\r%s", "x"), IMR_E_FORMAT);
    CHECK_STR(err.text, "a b c x");
    CHECK_INT(imr_error_prefix(&err, IMR_E_FORMAT, "file.pt"), IMR_E_FORMAT);
    CHECK_STR(err.text, "file.pt: a b c x");
}

TEST("an error text that is cut stays valid UTF-8")
{
    char text[2 * IMR_ERROR_TEXT];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        text[i] = '\xc3';
        text[i + 1] = '\xa9';
    }
    text[sizeof text - 2] = '\0';
    imr_error err;
    (void)imr_fail(&err, IMR_E_FORMAT, "%s", text);
    CHECK_INT(strlen(err.text) % 2, 0);
    CHECK(strlen(err.text) >= IMR_ERROR_TEXT - 3);
}

TEST("every status has an exit status")
{
    CHECK_INT(imr_status_exit(IMR_OK), 0);
    CHECK_INT(imr_status_exit(IMR_E_IO), 1);
    CHECK_INT(imr_status_exit(IMR_E_USAGE), 2);
    CHECK_INT(imr_status_exit(IMR_E_SHAPE), 3);
    CHECK_INT(imr_status_exit(IMR_E_CANCELLED), 130);
}

TEST("an allocation can be made to fail and sizes are checked for overflow")
{
    imr_mem_fail_after(1);
    void *a = imr_alloc(1, 1);
    void *b = imr_alloc(1, 1);
    void *c = imr_alloc(1, 1);
    CHECK(a && !b && c);
    CHECK_INT(imr_mem_count(), 3);
    imr_free(a);
    imr_free(c);
    imr_mem_fail_after(-1);
    CHECK(imr_alloc(SIZE_MAX / 2, 16) == NULL);
    CHECK(imr_calloc(SIZE_MAX / 2, 16) == NULL);
    CHECK(imr_alloc_large(SIZE_MAX / 2, 16) == NULL);
}

TEST("large memory begins at a multiple of 2 MB, small memory at one of 64, and all of it is there")
{
    static const size_t sizes[] = {0, 1, 1000, (1u << 20) - 1, 1u << 20, (2u << 20) + 1, 5000000};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        char *p = imr_alloc_large(sizes[i], 1);
        CHECK(p != NULL);
        CHECK_INT((uintptr_t)p % (sizes[i] < 1u << 20 ? 64 : 2u << 20), 0);
        memset(p, 1, sizes[i]);
        imr_free(p);
    }
}

TEST("a buffer grows, keeps its cap and reports a failure once")
{
    imr_error err;
    imr_buf b = {0};
    for (int i = 0; i < 1000; i++)
        imr_buf_printf(&b, "%d,", i);
    CHECK_INT(imr_buf_check(&b, &err), IMR_OK);
    CHECK(strncmp(imr_buf_text(&b), "0,1,2,", 6) == 0);
    imr_buf_done(&b);
    imr_buf small = {.limit = 4};
    imr_buf_str(&small, "abc");
    imr_buf_str(&small, "de");
    CHECK_INT(imr_buf_check(&small, &err), IMR_E_LIMIT);
    CHECK_STR(imr_buf_text(&small), "abc");
    imr_buf_done(&small);
}

TEST("a byte cursor never reads past its end")
{
    const uint8_t data[] = {1, 2, 3, 4, 5};
    imr_bytes b = imr_bytes_of(data, sizeof data);
    CHECK_INT(imr_bytes_u32(&b), 0x04030201);
    CHECK_INT(imr_bytes_u16(&b), 0);
    CHECK(b.failed);
    CHECK_INT(imr_bytes_u8(&b), 0);
    imr_bytes c = imr_bytes_of(data, sizeof data);
    CHECK(!imr_bytes_seek(&c, 6));
}

TEST("a string map finds what was added and keeps the first value")
{
    imr_strmap m = {0};
    static char keys[2000][12];
    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(keys[i], sizeof keys[i], "key%u", i);
        CHECK(imr_strmap_add(&m, keys[i], strlen(keys[i]), i, NULL, NULL));
    }
    uint32_t v = 0;
    bool added = true;
    CHECK(imr_strmap_add(&m, "key7", 4, 99, &v, &added));
    CHECK(!added && v == 7);
    CHECK(imr_strmap_get(&m, "key1999", 7, &v) && v == 1999);
    CHECK(!imr_strmap_get(&m, "key2000", 7, &v));
    imr_strmap_done(&m);
    CHECK(!imr_strmap_get(&m, "key1", 4, &v));
}

TEST("SHA-256 equals the standard's examples, whole and in pieces, of memory and of a file")
{
    char hex[IMR_SHA256_HEX];
    imr_error err;
    CHECK_OK(imr_sha256_memory("abc", 3, hex, &err));
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_OK(imr_sha256_memory("", 0, hex, &err));
    CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    imr_sha256 s;
    imr_sha256_init(&s);
    for (int i = 0; i < 100000; i++)
        imr_sha256_add(&s, "aaaaaaaaaa", 10);
    CHECK_OK(imr_sha256_hex(&s, hex, &err));
    CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    const char *path = test_path(test_tmpdir(), "million");
    imr_buf million IMR_AUTOBUF = {0};
    for (int i = 0; i < 100000; i++)
        imr_buf_str(&million, "aaaaaaaaaa");
    CHECK_OK(imr_file_write(path, million.data, million.len, &err));
    CHECK_OK(imr_sha256_file(path, hex, &err));
    CHECK_STR(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST("a hash that has ended or failed gives an error, never digits")
{
    char hex[IMR_SHA256_HEX] = "untouched";
    imr_error err;
    imr_sha256 s;
    imr_sha256_init(&s);
    imr_sha256_add(&s, "abc", 3);
    imr_sha256_done(&s);
    imr_sha256_add(&s, "abc", 3);
    CHECK_INT(imr_sha256_hex(&s, hex, &err), IMR_E_IO);
    CHECK_STR(hex, "untouched");
    CHECK_CONTAINS(err.text, "SHA-256");
}

TEST("numbers are read whole or not at all, and written the same in every locale")
{
    int64_t i;
    double d;
    CHECK(imr_parse_int("-42", 3, &i) && i == -42);
    CHECK(!imr_parse_int("4x", 2, &i) && !imr_parse_int("", 0, &i) &&
          !imr_parse_int("99999999999999999999", 20, &i));
    CHECK(imr_parse_double("1.5e3", 5, &d) && d == 1500);
    char *whole = malloc(3); /* nothing after it may be read */
    CHECK(whole != NULL);
    memcpy(whole, "2e3", 3);
    CHECK(imr_parse_double(whole, 3, &d) && d == 2000);
    free(whole);
    CHECK(!imr_parse_double("1.5 ", 4, &d) && !imr_parse_double("nan", 3, &d) &&
          !imr_parse_double("1e999", 5, &d));
    char text[64];
    for (const char **t =
             (const char *[]){".", "-", "", "1.2.3", "1e", "e5", "--1", "1e5.", "1-", "-e1", NULL};
         *t; t++)
        CHECK(!imr_parse_double(*t, strlen(*t), &d));
    for (const char **t = (const char *[]){"-0", "+1", ".5", "-7.", "1E-4", "123456789012345e22",
                                           "999999999999999e-22", "1e23", "0.1e-22",
                                           "1234567890123456", "0.000000000000001",
                                           "9007199254740993", "4.9e-324", "1e+5", "0e99999", NULL};
         *t; t++) {
        CHECK(imr_parse_double(*t, strlen(*t), &d));
        const double by_libc = strtod(*t, NULL);
        CHECK(memcmp(&d, &by_libc, sizeof d) == 0);
    }
    uint64_t state = 1;
    for (size_t k = 0; k < 20000; k++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        snprintf(text, sizeof text, k % 2 ? "%.*g" : "%.*e", 1 + (int)(state >> 60),
                 ((double)(state >> 20 & 0xffffff) - 8388608) *
                     pow(10, (double)(state >> 50 & 31) - 20));
        const double by_libc = strtod(text, NULL);
        CHECK(imr_parse_double(text, strlen(text), &d));
        CHECK(memcmp(&d, &by_libc, sizeof d) == 0);
    }
    CHECK_STR(imr_format_float(text, 0.1f), "0.100000001");
    CHECK_STR(imr_format_float(text, NAN), "NaN");
    CHECK_STR(imr_format_fixed(text, -0.00001, 4, false), "0.0000");
    CHECK_STR(imr_format_fixed(text, 0.10314, 4, true), "+0.1031");
}
