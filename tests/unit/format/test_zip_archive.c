#include "format/zip_archive.h"
#include "format_support.h"

static imr_error err;

static size_t find(const imr_zip_archive *a, const char *name)
{
    for (size_t i = 0; i < imr_zip_archive_count(a); i++)
        if (strcmp(imr_zip_archive_at(a, i).name, name) == 0)
            return i;
    FAIL("%s is not in the archive", name);
}

TEST("a deflated archive lists its entries and gives their bytes")
{
    imr_zip_archive *a = NULL;
    IMR_AUTOBUF imr_buf b = {0};
    CHECK_OK(imr_zip_archive_open(&a, test_golden("zip/beir.zip"), &err));
    CHECK_INT(imr_zip_archive_count(a), 4);
    size_t corpus = find(a, "made-up/corpus.jsonl");
    CHECK_OK(imr_zip_archive_read(&b, a, corpus, 0, &err));
    CHECK_INT(b.len, imr_zip_archive_at(a, corpus).size);
    CHECK_CONTAINS(imr_buf_text(&b), "\"d39\"");
    imr_buf_done(&b);
    CHECK_OK(imr_zip_archive_read(&b, a, find(a, "made-up/qrels/test.tsv"), 1000, &err));
    CHECK_STR(imr_buf_text(&b), "query-id\tcorpus-id\tscore\nq0\td7\t2\nq1\td9\t1\n");
    imr_buf_done(&b);
    CHECK_OK(imr_zip_archive_read(&b, a, find(a, "made-up/"), 0, &err));
    CHECK_INT(b.len, 0);
    imr_zip_archive_free(a);
}

TEST("an entry over the cap is refused before it is unpacked")
{
    imr_zip_archive *a = NULL;
    imr_buf b = {0};
    CHECK_OK(imr_zip_archive_open(&a, test_golden("zip/beir.zip"), &err));
    CHECK(imr_zip_archive_read(&b, a, find(a, "made-up/corpus.jsonl"), 100, &err) == IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "beir.zip: made-up/corpus.jsonl: unpacks to");
    CHECK(b.data == NULL);
    imr_zip_archive_free(a);
}

/* The golden archive with the bytes of one little-endian field of the central header of
 * corpus.jsonl changed; reads that entry. */
static imr_status read_changed(size_t field, size_t width, uint32_t value)
{
    size_t len;
    imr_zip_archive *a = NULL;
    imr_buf b = {0};
    char *text = test_read(test_golden("zip/beir.zip"), &len);
    uint8_t *data = exact_copy(text, len), *central = NULL;
    free(text);
    for (size_t i = 0; i + 66 < len; i++)
        if (memcmp(data + i, "PK\1\2", 4) == 0 &&
            memcmp(data + i + 46, "made-up/corpus.jsonl", 20) == 0)
            central = data + i;
    CHECK(central != NULL);
    for (size_t i = 0; i < width; i++)
        central[field + i] = (uint8_t)(value >> (8 * i));
    imr_status status = imr_zip_archive_parse(&a, data, len, "x.zip", &err);
    if (status == IMR_OK)
        status = imr_zip_archive_read(&b, a, find(a, "made-up/corpus.jsonl"), 1 << 20, &err);
    imr_zip_archive_free(a);
    imr_buf_done(&b);
    free(data);
    return status;
}

TEST("sizes, checksums and methods that lie are caught")
{
    CHECK(read_changed(24, 4, 100) == IMR_E_FORMAT);     /* smaller than it unpacks to */
    CHECK(read_changed(24, 4, 1 << 19) == IMR_E_FORMAT); /* larger */
    CHECK(read_changed(24, 4, 2 << 20) == IMR_E_LIMIT);  /* over the cap */
    CHECK(read_changed(16, 4, 0x12345678) == IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "x.zip: made-up/corpus.jsonl: ");
    CHECK(read_changed(8, 2, 1) == IMR_E_UNSUPPORTED); /* encrypted */
    CHECK(read_changed(10, 2, 99) != IMR_OK);
    CHECK(read_changed(42, 4, 0x7fffffff) != IMR_OK); /* local header outside */
}

TEST("an archive cut short anywhere is refused")
{
    size_t len;
    char *whole = test_read(test_golden("zip/beir.zip"), &len);
    for (size_t n = 0; n < len; n++) {
        imr_zip_archive *a = NULL;
        void *cut = exact_copy(whole, n);
        if (imr_zip_archive_parse(&a, cut, n, "cut.zip", &err) == IMR_OK)
            FAIL("accepted when cut to %zu of %zu bytes", n, len);
        free(cut);
    }
    free(whole);
    CHECK(imr_zip_archive_open(&(imr_zip_archive *){NULL}, test_golden("zip/none.zip"), &err) ==
          IMR_E_NOT_FOUND);
}

static imr_status load(void)
{
    imr_zip_archive *a = NULL;
    imr_buf b = {0};
    IMR_TRY(imr_zip_archive_open(&a, test_golden("zip/beir.zip"), &err));
    imr_status status = imr_zip_archive_read(&b, a, 1, 0, &err);
    imr_buf_done(&b);
    imr_zip_archive_free(a);
    return status;
}

TEST("reading an archive survives the failure of every allocation")
{
    CHECK_EVERY_ALLOCATION(load());
}
