/* Stores that are damaged, cut short or lack what can be made again. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/retrieval/store_support.h"

static void replace(const char *dir, const char *name, const char *from, const char *to)
{
    char path[512];
    imr_error err = {0};
    size_t len;
    path_of(path, dir, name);
    char *text = test_read(path, &len), *at = strstr(text, from);
    CHECK(at != NULL);
    imr_buf b = {0};
    imr_buf_add(&b, text, (size_t)(at - text));
    imr_buf_str(&b, to);
    imr_buf_str(&b, at + strlen(from));
    CHECK_OK(imr_file_write(path, b.data, b.len, &err));
    imr_buf_done(&b);
    free(text);
}

static void check_refused(const char *name, const char *from, const char *to, imr_status expected,
                          const char *because)
{
    made s = made_built(IMR_F32);
    imr_error err = {0};
    imr_cache *c = NULL;
    replace(s.dir, name, from, to);
    CHECK_INT(imr_cache_open(&c, s.dir, NULL, &err), expected);
    CHECK_CONTAINS(err.text, because);
    made_done(&s);
}

TEST("a manifest that does not fit the files is refused with both numbers")
{
    check_refused("manifest.json", "\"documents\": 120", "\"documents\": 121", IMR_E_FORMAT,
                  "document_ids holds 120 whole lines, the manifest says 121");
    check_refused("manifest.json", "\"n\": 6", "\"n\": 7", IMR_E_FORMAT,
                  "documents.npy is F32 120 x 6, the manifest says F32 120 x 7");
    check_refused("manifest.json", "\"F32\"", "\"F16\"", IMR_E_FORMAT, "the manifest says F16");
    check_refused("manifest.json", "\"F32\"", "\"I64\"", IMR_E_UNSUPPORTED, "expected F32 or F16");
    check_refused("manifest.json", "\"version\": 1", "\"version\": 2", IMR_E_UNSUPPORTED,
                  "reads up to 1");
    check_refused("manifest.json", "\"n\": 6", "\"n\": 0", IMR_E_FORMAT, "\"n\"");
    check_refused("manifest.json", "imrnn-cache", "other", IMR_E_FORMAT, "\"schema\"");
    check_refused("document_ids", "d007\n", "d006\n", IMR_E_FORMAT, "\"d006\" stands there twice");
    check_refused("query_ids", "q07\n", "", IMR_E_FORMAT, "query_ids holds 23 whole lines");
}

TEST("a vector damaged into something not finite is named when it is read")
{
    for (int half = 0; half < 2; half++) {
        made s = made_built(half ? IMR_F16 : IMR_F32);
        char path[512];
        imr_error err = {0};
        imr_cache *c = NULL;
        float block[120 * FAKE_DIM];
        path_of(path, s.dir, "documents.npy");
        FILE *file = fopen(path, "r+b");
        static const uint8_t bad[] = {0x00, 0x7e, 0xc0, 0x7f}; /* NaN as half, NaN as float */
        CHECK(file && fseek(file, 128 + 33 * FAKE_DIM * (half ? 2 : 4), SEEK_SET) == 0);
        CHECK_INT(fwrite(bad, half ? 2 : 4, 1, file), 1);
        fclose(file);
        CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
        CHECK_OK(imr_cache_read_rows(c, 0, 33, block, &err));
        CHECK_OK(imr_cache_read_rows(c, 34, 86, block, &err));
        CHECK_INT(imr_cache_read_rows(c, 0, 120, block, &err), IMR_E_NUMERIC);
        CHECK_CONTAINS(err.text, "document \"d033\"");
        imr_cache_free(c);
        made_done(&s);
    }
}

/* Made again from the others when it is absent or wrong. */
static bool is_derived(const char *file)
{
    return strcmp(file, "offsets") == 0 || strcmp(file, "document_ids.index") == 0;
}

static void check_bytes(const char *path, const char *expected, size_t len)
{
    size_t n;
    char *found = test_read(path, &n);
    CHECK_INT(n, len);
    CHECK(memcmp(found, expected, len) == 0);
    free(found);
}

TEST("every file of a store cut short anywhere is refused, or made again when it is derived")
{
    made s = made_built(IMR_F32);
    char path[512];
    imr_error err = {0};
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        size_t len;
        path_of(path, s.dir, store_files[i]);
        char *bytes = test_read(path, &len);
        /* a manifest without its last newline is still whole */
        size_t end = i == 0 ? len - 1 : len;
        for (size_t cut = 0; cut < end; cut += 1 + len / 97) {
            imr_cache *c = NULL;
            CHECK_OK(imr_file_write(path, bytes, cut, &err));
            imr_status status = imr_cache_open(&c, s.dir, NULL, &err);
            if (is_derived(store_files[i])) {
                CHECK_INT(status, IMR_OK);
                CHECK_STR(c->notice, "");
                CHECK_STR(imr_ids_at(&c->documents.ids, 7), "d007");
                check_bytes(path, bytes, len);
            } else {
                CHECK(status != IMR_OK && c == NULL);
            }
            imr_cache_free(c);
        }
        CHECK_OK(imr_file_write(path, bytes, len, &err));
        free(bytes);
    }
    made_done(&s);
}

TEST("what is derived may be deleted: it is made again, or done without in a folder not our own")
{
    made s = made_built(IMR_F32);
    char path[512];
    imr_error err = {0};
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        if (!is_derived(store_files[i]))
            continue;
        size_t len;
        path_of(path, s.dir, store_files[i]);
        char *bytes = test_read(path, &len);
        for (int writable = 0; writable < 2; writable++) {
            imr_cache *c = NULL;
            uint32_t at;
            imr_buf title = {0};
            CHECK_INT(unlink(path), 0);
            CHECK_INT(chmod(s.dir, writable ? 0755 : 0555), 0);
            CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
            CHECK_INT(chmod(s.dir, 0755), 0);
            CHECK(imr_ids_find(&c->documents.ids, "d119", &at) && at == 119);
            CHECK_OK(imr_cache_document(c, 1, &title, NULL, &err));
            CHECK_STR(imr_buf_text(&title), "Zebar Sohut");
            if (writable || geteuid() == 0) /* root may write anywhere */
                check_bytes(path, bytes, len);
            else
                CHECK_OK(imr_file_write(path, bytes, len, &err));
            imr_buf_done(&title);
            imr_cache_free(c);
        }
        free(bytes);
    }
    made_done(&s);
}

TEST("what another user's manifest names is opened only when it is named")
{
    enum { OTHER = 65534 };
    static const char *const owned[] = {"", "manifest.json"};
    made s = made_built(IMR_F32);
    char path[512];
    imr_error err = {0};
    if (geteuid() != 0) {
        made_done(&s);
        SKIP("only root can give files away");
    }
    CHECK(imr_cache_is_own(s.dir));
    for (size_t i = 0; i < IMR_LEN(owned); i++) {
        imr_cache *c = NULL;
        path_of(path, s.dir, owned[i]);
        CHECK_INT(chown(path, OTHER, OTHER), 0);
        CHECK(!imr_cache_is_own(s.dir));
        CHECK_OK(imr_cache_open(&c, s.dir, NULL, &err));
        CHECK(c->dataset == NULL);
        CHECK_CONTAINS(c->notice, "belongs to another user");
        CHECK_CONTAINS(c->notice, "--encoder /models/made-up");
        CHECK_STR(c->encoder.path, "");
        CHECK_STR(c->encoder.name, "made-up");
        imr_cache_free(c);
        const imr_cache_options named = {.dataset = test_golden("cache/beir")};
        CHECK_OK(imr_cache_open(&c, s.dir, &named, &err));
        CHECK(c->dataset != NULL);
        imr_cache_free(c);
        CHECK_INT(chown(path, geteuid(), getegid()), 0);
    }
    made_done(&s);
}

TEST("a store with flipped bytes is refused or works, never worse")
{
    made s = made_built(IMR_F32);
    char path[512];
    imr_error err = {0};
    unsigned seed = 11;
    size_t opened = 0, refused = 0;
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        size_t len;
        path_of(path, s.dir, store_files[i]);
        char *bytes = test_read(path, &len);
        for (int round = 0; round < 60; round++) {
            seed = seed * 1664525u + 1013904223u;
            size_t at = (seed >> 4) % (round % 2 ? len : len < 200 ? len : 200);
            char kept = bytes[at];
            bytes[at] = (char)(kept ^ (1 << (seed >> 29)));
            CHECK_OK(imr_file_write(path, bytes, len, &err));
            bytes[at] = kept;
            imr_cache *c = NULL;
            if (imr_cache_open(&c, s.dir, NULL, &err) != IMR_OK) {
                refused++;
                continue;
            }
            opened++;
            imr_buf text = {0};
            for (size_t k = 0; k < c->documents.ids.n; k += 7)
                (void)!imr_cache_document(c, k, &text, &text, &err);
            imr_buf_done(&text);
            imr_cache_free(c);
        }
        CHECK_OK(imr_file_write(path, bytes, len, &err));
        free(bytes);
    }
    CHECK(opened > 20 && refused > 20);
    made_done(&s);
}
