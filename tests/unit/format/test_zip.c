#include "base/buf.h"
#include "format/zip.h"
#include "format_support.h"
#include "tests/support/made_zip.h"

static imr_error err;

/* One entry of an archive to be built; what is not zero here replaces the truth there. */
typedef struct part {
    const char *name, *data;
    uint32_t crc, size, local_size, flags, method, offset;
    bool zip64, extra_lies;
} part;

static void put(imr_buf *b, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        imr_buf_char(b, i < 8 ? (char)(v >> (8 * i)) : '\0');
}

static const uint32_t hello_crc = 0x3610a686; /* of "hello" */

static void put_local(imr_buf *b, const part *p, size_t size)
{
    put(b, 0x04034b50, 4);
    put(b, 0, 2);
    put(b, p->flags | 8, 2); /* sizes follow in a descriptor, as torch.save writes */
    put(b, p->method, 2);
    put(b, 0, 4 + 4);
    put(b, p->local_size, 4);
    put(b, p->local_size, 4);
    put(b, strlen(p->name), 2);
    put(b, 5, 2);
    imr_buf_str(b, p->name);
    imr_buf_str(b, "FB\1");
    put(b, 0, 2);
    imr_buf_str(b, p->data);
    put(b, 0x08074b50, 4);
    put(b, p->crc, 4);
    put(b, size, 4);
    put(b, size, 4);
}

static void put_central(imr_buf *b, const part *p, uint64_t size, uint64_t offset)
{
    uint64_t ones = UINT32_MAX;
    put(b, 0x02014b50, 4);
    put(b, 0, 4);
    put(b, p->flags | 8, 2);
    put(b, p->method, 2);
    put(b, 0, 4);
    put(b, p->crc ? p->crc : hello_crc, 4);
    put(b, p->zip64 ? ones : size, 4);
    put(b, p->zip64 ? ones : size, 4);
    put(b, strlen(p->name), 2);
    put(b, p->zip64 ? 28 : 0, 2);
    put(b, 0, 2 + 2 + 2 + 2);
    put(b, 0, 2);
    put(b, p->zip64 ? ones : offset, 4);
    imr_buf_str(b, p->name);
    if (!p->zip64)
        return;
    put(b, 1, 2);
    put(b, p->extra_lies ? 25 : 24, 2);
    put(b, size, 8);
    put(b, size, 8);
    put(b, offset, 8);
}

/* The archive of n parts; end64: with the ZIP64 end record and ones in the ordinary one. */
static void build(imr_buf *b, const part *parts, size_t n, bool end64)
{
    IMR_AUTOBUF imr_buf central = {0};
    for (size_t i = 0; i < n; i++) {
        size_t at = b->len, size = parts[i].size ? parts[i].size : strlen(parts[i].data);
        put_local(b, &parts[i], size);
        put_central(&central, &parts[i], size, parts[i].offset ? parts[i].offset - 1 : at);
    }
    uint64_t start = b->len;
    imr_buf_add(b, imr_buf_text(&central), central.len);
    if (end64) {
        uint64_t at = b->len;
        put(b, 0x06064b50, 4);
        put(b, 44, 8);
        put(b, 0, 4 + 8);
        put(b, n, 8);
        put(b, n, 8);
        put(b, central.len, 8);
        put(b, start, 8);
        put(b, 0x07064b50, 4);
        put(b, 0, 4);
        put(b, at, 8);
        put(b, 1, 4);
    }
    put(b, 0x06054b50, 4);
    put(b, 0, 4);
    put(b, end64 ? UINT16_MAX : n, 2);
    put(b, end64 ? UINT16_MAX : n, 2);
    put(b, end64 ? UINT32_MAX : central.len, 4);
    put(b, end64 ? UINT32_MAX : start, 4);
    put(b, 3, 2);
    imr_buf_str(b, "end");
}

static const char *parse(const imr_buf *b)
{
    imr_zip z = {0};
    void *copy = exact_copy(b->data, b->len);
    imr_status status = imr_zip_parse(&z, copy, b->len, &err);
    imr_zip_done(&z);
    free(copy);
    test_count();
    return status == IMR_OK ? "" : err.text;
}

static const char *refusal(const part *parts, size_t n)
{
    IMR_AUTOBUF imr_buf b = {0};
    build(&b, parts, n, false);
    return parse(&b);
}

TEST("entries are found through the directory, plain or ZIP64, with zeros in local headers")
{
    for (int end64 = 0; end64 < 2; end64++) {
        IMR_AUTOBUF imr_buf b = {0};
        imr_zip z = {0};
        part parts[3] = {{.name = "x/a", .data = "hello"},
                         {.name = "x/b", .data = "hello", .zip64 = true, .local_size = UINT32_MAX},
                         {.name = "x/c", .data = "", .crc = 1}};
        build(&b, parts, 3, end64 == 1);
        CHECK_OK(imr_zip_parse(&z, b.data, b.len, &err));
        CHECK_INT(z.n, 3);
        imr_zip_entry e;
        for (size_t i = 0; i < 2; i++) {
            size_t found;
            CHECK_OK(imr_zip_at(&e, &z, i, &err));
            CHECK(e.size == 5 && memcmp(e.data, "hello", 5) == 0);
            CHECK(e.name_len == 3 && memcmp(e.name, parts[i].name, 3) == 0);
            CHECK(imr_zip_find(&z, "x/", 2, parts[i].name + 2, 1, &found) && found == i);
            CHECK_OK(imr_zip_check_crc(&e, &err));
        }
        CHECK(!imr_zip_find(&z, "x/", 2, "d", 1, &(size_t){0}));
        CHECK(!imr_zip_find(&z, "x/", 2, "", 0, &(size_t){0}));
        CHECK_OK(imr_zip_at(&e, &z, 2, &err));
        CHECK(imr_zip_check_crc(&e, &err) == IMR_E_FORMAT);
        CHECK_CONTAINS(err.text, "zip entry x/c is damaged");
        imr_zip_done(&z);
    }
}

TEST("many entries in any order are found, their tables in a scratch")
{
    enum { N = 40000 };
    static char names[N][12];
    part *parts = calloc(N, sizeof *parts);
    imr_scratch *scratch = NULL;
    CHECK(parts != NULL);
    CHECK_OK(imr_scratch_open(&scratch, test_tmpdir(), &err));
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "d/%zu", i * 7919 % N);
        parts[i] = (part){.name = names[i], .data = "hello"};
    }
    /* The first two change places in the directory, not in the file. */
    IMR_AUTOBUF imr_buf b = {0};
    build(&b, parts, N, true);
    uint64_t start;
    memcpy(&start, b.data + b.len - 25 - 20 - 8, 8);
    size_t one = 46 + strlen(names[0]), two = 46 + strlen(names[1]);
    char both[200];
    memcpy(both, b.data + start, one + two);
    memcpy(b.data + start, both + one, two);
    memcpy(b.data + start + two, both, one);
    imr_zip z = {.scratch = scratch};
    CHECK_OK(imr_zip_parse(&z, b.data, b.len, &err));
    for (size_t i = 0; i < N; i++) {
        size_t at = N;
        imr_zip_entry e;
        CHECK(imr_zip_find(&z, "d/", 2, names[i] + 2, strlen(names[i]) - 2, &at));
        CHECK_INT(at, i < 2 ? 1 - i : i);
        CHECK_OK(imr_zip_at(&e, &z, at, &err));
        CHECK(e.name_len == strlen(names[i]) && memcmp(e.name, names[i], e.name_len) == 0);
        CHECK_OK(imr_zip_check_crc(&e, &err));
    }
    imr_zip_done(&z);
    imr_scratch_close(scratch);
    free(parts);
}

TEST("entries over each other are refused whatever their order in the directory")
{
    part parts[3] = {{.name = "a", .data = "12345", .size = 60},
                     {.name = "b", .data = "1"},
                     {.name = "c", .data = "1"}};
    CHECK_CONTAINS(refusal(parts, 3), "zip entries a and b overlap");
    /* c stands first in the directory */
    IMR_AUTOBUF imr_buf b = {0};
    build(&b, parts, 3, false);
    char *directory = b.data + b.len - 25 - 3 * 47, first[47];
    memcpy(first, directory, 47);
    memmove(directory, directory + 2 * 47, 47);
    memcpy(directory + 2 * 47, first, 47);
    CHECK_CONTAINS(parse(&b), "zip entries a and b overlap");
}

TEST("archives that lie are refused with a sentence")
{
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1"}, {.name = "a", .data = "2"}}, 2),
                   "zip entry a is there twice");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .flags = 1}}, 1), "is encrypted");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .method = 8}}, 1),
                   "is compressed (method 8); torch.save stores");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .size = 1000}}, 1),
                   "reaches past the end");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .local_size = 7}}, 1),
                   "another size in its local header");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .offset = 1000}}, 1),
                   "no local header");
    CHECK_CONTAINS(refusal((part[]){{.name = "a", .data = "1", .offset = 3}}, 1),
                   "no local header");
    CHECK_CONTAINS(
        refusal((part[]){{.name = "a", .data = "1"}, {.name = "b", .data = "1", .offset = 1}}, 2),
        "another name in its local header");
    CHECK_CONTAINS(
        refusal((part[]){{.name = "a", .data = "1", .size = 30}, {.name = "b", .data = "1"}}, 2),
        "zip entries a and b overlap");
    CHECK_CONTAINS(
        refusal((part[]){{.name = "a", .data = "1", .zip64 = true, .extra_lies = true}}, 1),
        "lacks the 64-bit sizes");
    CHECK_CONTAINS(refusal((part[]){{.name = "\xff", .data = "1"}}, 1), "no UTF-8 name");
    CHECK_STR(refusal(NULL, 0), "");
}

TEST("end records that lie are refused")
{
    part one = {.name = "a", .data = "hello"};
    IMR_AUTOBUF imr_buf b = {0};
    build(&b, &one, 1, false);
    size_t end = b.len - 25;
    static const struct {
        size_t at;
        uint8_t value;
        const char *says;
    } lies[] = {
        {4, 1, "split over several disks"},
        {8, 2, "split over several disks"},
        {12, 0xff, "lies outside the file"},
        {16, 0xff, "lies outside the file"},
        {19, 0xff, "lies outside the file"},
        {12, 0x20, "cannot hold 1 entries"},
        {12, 0x2e, "the zip directory is damaged"},
        {16, 0x21, "the zip directory is damaged"},
        {20, 2, "no end record"},
        {0, 'Q', "no end record"},
    };
    for (size_t i = 0; i < IMR_LEN(lies); i++) {
        char was = b.data[end + lies[i].at];
        b.data[end + lies[i].at] = (char)lies[i].value;
        CHECK_CONTAINS(parse(&b), lies[i].says);
        b.data[end + lies[i].at] = was;
    }
    CHECK_STR(parse(&b), "");
    IMR_AUTOBUF imr_buf big = {0};
    build(&big, &one, 1, true);
    size_t locator = big.len - 25 - 20;
    big.data[locator + 8] ^= 1;
    CHECK_CONTAINS(parse(&big), "ZIP64 end record is not at");
    big.data[locator + 15] = '\xff';
    CHECK_CONTAINS(parse(&big), "ZIP64 end record is not at");
}

TEST("an archive cut short at any byte is refused")
{
    part parts[2] = {{.name = "a", .data = "hello"}, {.name = "b", .data = "x", .zip64 = true}};
    for (int end64 = 0; end64 < 2; end64++) {
        IMR_AUTOBUF imr_buf b = {0};
        build(&b, parts, 2, end64 == 1);
        size_t whole = b.len;
        for (b.len = 0; b.len < whole; b.len++)
            CHECK(parse(&b)[0] != '\0');
        CHECK_STR(parse(&b), "");
    }
}

TEST("archives survive the failure of every allocation")
{
    part parts[2] = {{.name = "a", .data = "hello"}, {.name = "b", .data = "x"}};
    IMR_AUTOBUF imr_buf b = {0};
    imr_zip z = {0};
    build(&b, parts, 2, false);
    CHECK_EVERY_ALLOCATION(imr_zip_parse(&z, b.data, b.len, &err));
    CHECK_INT(z.n, 2);
    imr_zip_done(&z);
}

/* ---- archives as people pack them ---- */

typedef struct gathered {
    imr_buf b;
    size_t most; /* fails once it holds more */
} gathered;

static imr_status gather(void *user, const uint8_t *bytes, size_t n, imr_error *e)
{
    gathered *g = user;
    if (g->most && g->b.len + n > g->most)
        return imr_fail(e, IMR_E_CANCELLED, "enough");
    imr_buf_add(&g->b, bytes, n);
    return imr_buf_check(&g->b, e);
}

/* Entry `name` of the archive, unpacked. */
static imr_status unpack(gathered *g, const void *data, size_t len, const char *name)
{
    imr_zip z = {.packed = true};
    imr_zip_entry e;
    size_t i;
    IMR_TRY(imr_zip_parse(&z, data, len, &err));
    if (!imr_zip_find(&z, name, strlen(name), "", 0, &i))
        FAIL("%s is not in the archive", name);
    imr_status status = imr_zip_at(&e, &z, i, &err);
    if (status == IMR_OK)
        status = imr_zip_unpack(&e, gather, g, &err);
    imr_zip_done(&z);
    return status;
}

static imr_buf made_text(size_t len)
{
    imr_buf b = {0};
    for (uint32_t i = 0; b.len < len; i = i * 1664525u + 1013904223u)
        imr_buf_printf(&b, "%x%s", i >> 20, i % 7 ? " " : "\n");
    return b;
}

TEST("an entry of any level gives its bytes, in pieces")
{
    imr_buf text IMR_AUTOBUF = made_text(1000000);
    for (int level = MADE_STORED; level <= 9; level++) {
        const made_entry entries[] = {
            {.name = "d/", .level = MADE_STORED},
            {.name = "d/text", .data = text.data, .len = text.len, .level = level},
            {.name = "Gr\x94\xe1.txt", .data = "x", .len = 1, .level = 6}, /* CP437 */
            {.name = "empty", .data = "", .level = level}};
        imr_buf zip IMR_AUTOBUF = made_zip(entries, 4);
        gathered g = {.most = 0}, none = {.most = 0}, some = {.most = 300000};
        CHECK_OK(unpack(&g, zip.data, zip.len, "d/text"));
        CHECK(g.b.len == text.len && memcmp(g.b.data, text.data, text.len) == 0);
        CHECK_OK(unpack(&none, zip.data, zip.len, "empty"));
        CHECK_OK(unpack(&none, zip.data, zip.len, "d/"));
        CHECK_INT(none.b.len, 0);
        /* The taker may stop it. */
        CHECK_INT(unpack(&some, zip.data, zip.len, "d/text"), IMR_E_CANCELLED);
        CHECK_STR(err.text, "enough");
        imr_buf_done(&g.b);
        imr_buf_done(&some.b);
    }
}

TEST("Python's zipfile made an archive that is read")
{
    size_t len;
    char *zip = test_read(test_golden("zip/beir.zip"), &len);
    gathered g = {.most = 0};
    CHECK_OK(unpack(&g, zip, len, "made-up/qrels/test.tsv"));
    CHECK_STR(imr_buf_text(&g.b), "query-id\tcorpus-id\tscore\nq0\td7\t2\nq1\td9\t1\n");
    imr_buf_done(&g.b);
    CHECK_OK(unpack(&g, zip, len, "made-up/corpus.jsonl"));
    CHECK_CONTAINS(imr_buf_text(&g.b), "\"d39\"");
    imr_buf_done(&g.b);
    free(zip);
}

/* The golden archive with the bytes of one little-endian field of corpus.jsonl changed, in the
 * central header at `field` and in the local header at `local` (0: not there); unpacks it. */
static imr_status unpack_changed(size_t field, size_t local, size_t width, uint32_t value)
{
    size_t len;
    gathered g = {.most = 0};
    char *text = test_read(test_golden("zip/beir.zip"), &len);
    uint8_t *data = exact_copy(text, len);
    free(text);
    for (size_t i = 0; i + 66 < len; i++) {
        const bool central = memcmp(data + i, "PK\1\2", 4) == 0 &&
                             memcmp(data + i + 46, "made-up/corpus.jsonl", 20) == 0;
        const bool first = local && memcmp(data + i, "PK\3\4", 4) == 0 &&
                           memcmp(data + i + 30, "made-up/corpus.jsonl", 20) == 0;
        for (size_t k = 0; (central || first) && k < width; k++)
            data[i + (central ? field : local) + k] = (uint8_t)(value >> (8 * k));
    }
    const imr_status status = unpack(&g, data, len, "made-up/corpus.jsonl");
    imr_buf_done(&g.b);
    free(data);
    return status;
}

TEST("sizes, checksums and methods that lie are caught")
{
    CHECK_INT(unpack_changed(24, 22, 4, 100), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "zip entry made-up/corpus.jsonl unpacks to more bytes than the 100");
    CHECK_INT(unpack_changed(24, 22, 4, 1 << 17), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "unpacks to fewer bytes than the 131072");
    CHECK_INT(unpack_changed(24, 22, 4, 0xfffffff0), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "unpacks to fewer bytes than the 4294967280 the directory says");
    CHECK_INT(unpack_changed(16, 0, 4, 0x12345678), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "is damaged: CRC-32 ");
    CHECK_INT(unpack_changed(8, 6, 2, 1), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "is encrypted: unpack");
    CHECK_INT(unpack_changed(10, 8, 2, 99), IMR_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "is packed by method 99, not by deflate");
    CHECK_INT(unpack_changed(10, 0, 2, 99), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "is packed in another way in its local header");
    CHECK_INT(unpack_changed(10, 8, 2, 0), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "has two sizes though it is not compressed");
    CHECK_INT(unpack_changed(42, 0, 4, 0x7fffffff), IMR_E_FORMAT);
}

TEST("damage of any byte of a deflated entry is found, whatever zlib makes of it")
{
    imr_buf text IMR_AUTOBUF = made_text(3000);
    const made_entry entry = {.name = "text", .data = text.data, .len = text.len, .level = 6};
    imr_buf zip IMR_AUTOBUF = made_zip(&entry, 1);
    /* The last byte ends with bits that mean nothing. */
    for (size_t i = 34; memcmp(zip.data + i + 1, "PK\1\2", 4) != 0; i++) {
        gathered g = {.most = 0};
        zip.data[i] = (char)(zip.data[i] ^ (1 << i % 8));
        CHECK_INT(unpack(&g, zip.data, zip.len, "text"), IMR_E_FORMAT);
        CHECK_CONTAINS(err.text, "zip entry text ");
        CHECK(g.b.len <= text.len);
        zip.data[i] = (char)(zip.data[i] ^ (1 << i % 8));
        imr_buf_done(&g.b);
    }
}

static imr_status unpack_golden(const void *zip, size_t len)
{
    gathered g = {.most = 0};
    const imr_status status = unpack(&g, zip, len, "made-up/corpus.jsonl");
    imr_buf_done(&g.b);
    return status;
}

TEST("unpacking survives the failure of every allocation")
{
    size_t len;
    char *zip = test_read(test_golden("zip/beir.zip"), &len);
    CHECK_EVERY_ALLOCATION(unpack_golden(zip, len));
    free(zip);
}
