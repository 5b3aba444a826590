#include <inttypes.h>
#include <pthread.h>

#include "base/file.h"
#include "format/deflated.h"
#include "format_support.h"
#include "math/random.h"
#include "tests/support/made_zip.h"

static imr_error err;

enum { TEXT = 700000, NEAR = 1 }; /* NEAR: a point at every end of a block */

static const int64_t tag[2] = {12, 34};

/* Words that repeat now and then, as in a corpus. */
static char *made_text(size_t len, uint64_t seed)
{
    char *text = malloc(len);
    if (!text)
        FAIL("out of memory");
    imr_random random;
    imr_random_init(&random, seed);
    for (size_t i = 0; i < len;) {
        char word[16];
        uint64_t at = imr_random_below(&random, 1 + imr_random_below(&random, 30000));
        int n = snprintf(word, sizeof word, "%" PRIx64 "%c", at * UINT64_C(2654435761),
                         at % 9 ? ' ' : '\n');
        for (int k = 0; k < n && i < len; k++)
            text[i++] = word[k];
    }
    return text;
}

typedef struct made {
    char *text;
    uint8_t *bytes;
    imr_deflated_entry entry;
} made;

static made make(size_t len, int level, int strategy)
{
    made m = {.text = made_text(len, 1)};
    size_t packed;
    m.bytes = made_deflate(m.text, len, level, strategy, &packed);
    m.entry = (imr_deflated_entry){.name = "x.zip/corpus.jsonl",
                                   .data = m.bytes,
                                   .packed = packed,
                                   .size = len,
                                   .crc = (uint32_t)crc32(0, (Bytef *)m.text, (uInt)len),
                                   .spacing = NEAR};
    return m;
}

static void drop(made *m)
{
    free(m->text);
    free(m->bytes);
}

/* A whole pass, compared with `text` when it succeeds. */
static imr_status run_pass(imr_deflated *p, const char *text, size_t len)
{
    imr_deflated_pass *pass = NULL;
    size_t at = 0, n = 1;
    IMR_TRY(imr_deflated_pass_new(&pass, p, &err));
    imr_status status = IMR_OK;
    bool same = true;
    while (status == IMR_OK && n) {
        const char *bytes;
        status = imr_deflated_pass_next(pass, &bytes, &n, &err);
        if (status == IMR_OK) {
            same = same && n <= len - at && memcmp(bytes, text + at, n) == 0;
            at += n;
        }
    }
    imr_deflated_pass_free(pass);
    if (status == IMR_OK && (!same || at != len))
        FAIL("a pass gave other bytes than were packed");
    return status;
}

static imr_deflated *opened(const made *m)
{
    imr_deflated *p = NULL;
    CHECK_OK(imr_deflated_open(&p, &m->entry, &err));
    CHECK(!imr_deflated_has_points(p));
    CHECK_OK(run_pass(p, m->text, m->entry.size));
    CHECK(imr_deflated_has_points(p));
    return p;
}

static void check_read(imr_deflated *p, const char *text, uint64_t offset, size_t len)
{
    char *out = malloc(len + 1);
    CHECK_OK(imr_deflated_read(p, offset, out, len, &err));
    if (memcmp(out, text + offset, len) != 0)
        FAIL("%zu bytes from %llu on are others", len, (unsigned long long)offset);
    free(out);
}

static void check_reads(imr_deflated *p, const char *text, size_t len, int reads)
{
    imr_random random;
    imr_random_init(&random, 5);
    for (int i = 0; i < reads; i++) {
        uint64_t at = imr_random_below(&random, len + 1), n = imr_random_below(&random, 3000);
        if (i % 16 == 0) /* across several points */
            n = imr_random_below(&random, len + 1 - at);
        check_read(p, text, at, n < len - at ? n : len - at);
    }
    const imr_deflated_point *points;
    size_t n = imr_deflated_points(p, &points);
    for (size_t i = 0; i < n; i++) {
        check_read(p, text, points[i].out - 5, 9);
        check_read(p, text, points[i].out, 1);
    }
}

TEST("every level and strategy gives its bytes from front to back and from anywhere")
{
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED};
    for (int level = 0; level <= 9; level++) {
        for (size_t s = 0; s < (level == 6 ? 3 : 1); s++) {
            made m = make(TEXT, level, strategies[s]);
            imr_deflated *p = opened(&m);
            const imr_deflated_point *points;
            CHECK(imr_deflated_points(p, &points) > 4);
            check_reads(p, m.text, TEXT, 100);
            CHECK_OK(run_pass(p, m.text, TEXT)); /* a second one notes nothing */
            imr_deflated_free(p);
            drop(&m);
        }
    }
}

TEST("reading on from front to back in small pieces is right across every border")
{
    made m = make(TEXT, 6, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m);
    for (size_t at = 0, n = 1; at < TEXT; at += n, n = 1 + n * 7 % 400)
        check_read(p, m.text, at, n < TEXT - at ? n : TEXT - at);
    imr_deflated_free(p);
    drop(&m);
}

TEST("a stream without ends of blocks is read in bounded memory all the same")
{
    size_t len = (size_t)3 << 20;
    made m = {.text = calloc(len, 1)};
    size_t packed;
    if (!m.text)
        FAIL("out of memory");
    m.text[len - 1] = '.';
    m.bytes = made_deflate(m.text, len, 9, Z_DEFAULT_STRATEGY, &packed);
    m.entry = (imr_deflated_entry){.name = "zeros",
                                   .data = m.bytes,
                                   .packed = packed,
                                   .size = len,
                                   .crc = (uint32_t)crc32_z(0, (Bytef *)m.text, len)};
    imr_deflated *p = opened(&m);
    const imr_deflated_point *points;
    CHECK_INT(imr_deflated_points(p, &points), 0);
    check_read(p, m.text, len - 8, 8);
    check_read(p, m.text, 5, 100000);
    check_read(p, m.text, len / 2, 1);
    imr_deflated_free(p);
    drop(&m);
}

TEST("windows over their budget are thinned out and what is left serves")
{
    made m = make(4 * TEXT, 1, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m);
    const imr_deflated_point *points;
    size_t all = imr_deflated_points(p, &points);
    imr_deflated_free(p);
    m.entry.windows = 60000; /* three or so */
    p = opened(&m);
    size_t n = imr_deflated_points(p, &points);
    CHECK(n >= 1 && n <= 8 && n < all);
    for (size_t i = 1; i < n; i++)
        CHECK(points[i].out > points[i - 1].out && points[i].window > points[i - 1].window);
    check_reads(p, m.text, 4 * TEXT, 30);
    imr_deflated_free(p);
    m.entry.windows = 1; /* none fits */
    p = opened(&m);
    CHECK_INT(imr_deflated_points(p, &points), 0);
    check_read(p, m.text, 3 * TEXT, 1000);
    imr_deflated_free(p);
    drop(&m);
}

/* A pass and reads over damaged bytes: refused, or the true bytes. */
static imr_status try_damaged(const imr_deflated_entry *e, const char *text)
{
    imr_deflated *p = NULL;
    IMR_TRY(imr_deflated_open(&p, e, &err));
    imr_status status = run_pass(p, text, e->size);
    CHECK(imr_deflated_has_points(p) == (status == IMR_OK));
    char out[64];
    for (size_t at = 0; at + sizeof out <= e->size; at += e->size / 5)
        (void)!imr_deflated_read(p, at, out, sizeof out, &(imr_error){0});
    imr_deflated_free(p);
    return status;
}

TEST("damage of any byte and a cut at any place are found, and named with entry and place")
{
    for (int level = 0; level <= 9; level += 3) {
        made m = make(2000, level, Z_DEFAULT_STRATEGY);
        size_t packed = m.entry.packed, fine = 0;
        for (size_t i = 0; i < packed; i++) {
            for (int bit = 0; bit < 8; bit += 7) {
                m.bytes[i] ^= (uint8_t)(1 << bit);
                imr_status status = try_damaged(&m.entry, m.text);
                fine += status == IMR_OK;
                if (status != IMR_OK) {
                    CHECK_INT(status, IMR_E_FORMAT);
                    CHECK_CONTAINS(err.text, "x.zip/corpus.jsonl ");
                }
                m.bytes[i] ^= (uint8_t)(1 << bit);
            }
        }
        CHECK(fine <= 1); /* bits behind the last block */
        for (size_t n = 0; n < packed; n++) {
            made cut = m;
            cut.bytes = exact_copy(m.bytes, n);
            cut.entry.data = cut.bytes;
            cut.entry.packed = n;
            CHECK_INT(try_damaged(&cut.entry, m.text), IMR_E_FORMAT);
            free(cut.bytes);
        }
        CHECK_CONTAINS(err.text, "is damaged behind byte");
        drop(&m);
    }
    made m = make(TEXT, 6, Z_DEFAULT_STRATEGY);
    imr_random random;
    imr_random_init(&random, 9);
    for (int i = 0; i < 200; i++) {
        size_t at = imr_random_below(&random, m.entry.packed);
        uint8_t old = m.bytes[at];
        m.bytes[at] = (uint8_t)(old + 1 + imr_random_below(&random, 255));
        CHECK_INT(try_damaged(&m.entry, m.text), IMR_E_FORMAT);
        m.bytes[at] = old;
    }
    drop(&m);
}

TEST("sizes and checksums that lie are refused, impossible ones before anything is unpacked")
{
    made m = make(100000, 6, Z_DEFAULT_STRATEGY);
    imr_deflated_entry e = m.entry;
    e.size = 99999;
    CHECK_INT(try_damaged(&e, m.text), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "unpacks to more bytes than the 99999 the directory says");
    e.size = 100001;
    char longer[100001] = {0};
    CHECK_INT(try_damaged(&e, longer), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "unpacks to fewer bytes");
    e.size = UINT64_MAX;
    imr_deflated *p = NULL;
    CHECK_INT(imr_deflated_open(&p, &e, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "cannot be the 18446744073709551615");
    e = m.entry;
    e.crc ^= 1;
    CHECK_INT(try_damaged(&e, m.text), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "x.zip/corpus.jsonl is damaged: CRC-32");
    drop(&m);
}

TEST("an empty entry has no bytes, but a checksum")
{
    made m = make(1, 6, Z_DEFAULT_STRATEGY);
    free(m.bytes);
    size_t packed;
    m.entry.data = m.bytes = made_deflate("", 0, 6, Z_DEFAULT_STRATEGY, &packed);
    m.entry.packed = packed;
    m.entry.size = 0;
    m.entry.crc = 0;
    CHECK_OK(try_damaged(&m.entry, ""));
    m.entry.crc = 1;
    CHECK_INT(try_damaged(&m.entry, ""), IMR_E_FORMAT);
    drop(&m);
}

/* ---- points in a file ---- */

static bool from_file(imr_deflated **p, const made *m, const char *path, const int64_t with[2])
{
    bool found;
    *p = NULL;
    CHECK_OK(imr_deflated_open(p, &m->entry, &err));
    CHECK_OK(imr_deflated_open_points(&found, *p, path, with, &err));
    CHECK(found == imr_deflated_has_points(*p) && found == imr_deflated_points_from_file(*p));
    return found;
}

TEST("points come back from a file, of this entry and tag only")
{
    made m = make(TEXT, 6, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m), *q;
    const char *path = test_path(test_tmpdir(), "points");
    CHECK(!imr_deflated_points_from_file(p));
    CHECK(!from_file(&q, &m, path, tag));
    imr_deflated_free(q);
    CHECK_OK(imr_deflated_write_points(p, path, tag, &err));
    CHECK(from_file(&q, &m, path, tag));
    const imr_deflated_point *a, *b;
    size_t n = imr_deflated_points(p, &a);
    CHECK_INT(imr_deflated_points(q, &b), n);
    CHECK(memcmp(a, b, n * sizeof *a) == 0);
    check_reads(q, m.text, TEXT, 100);
    imr_deflated_free(q);
    imr_deflated_free(p);
    CHECK(!from_file(&q, &m, path, (int64_t[2]){12, 35}));
    imr_deflated_free(q);
    m.entry.crc++;
    CHECK(!from_file(&q, &m, path, tag));
    imr_deflated_free(q);
    drop(&m);
}

/* Without the syncing of imr_file_write: there are many. */
static void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

TEST("a damaged file of points is not believed or costs time only")
{
    made m = make(TEXT / 2, 6, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m), *q;
    const char *path = test_path(test_tmpdir(), "points");
    CHECK_OK(imr_deflated_write_points(p, path, tag, &err));
    const imr_deflated_point *points;
    size_t len, tables = 80 + imr_deflated_points(p, &points) * sizeof *points, believed = 0;
    imr_deflated_free(p);
    char *bytes = test_read(path, &len);
    for (size_t i = 0; i < len; i += i < tables ? 1 : 997) {
        bytes[i] ^= 0x10;
        put(path, bytes, len);
        if (from_file(&q, &m, path, tag)) {
            believed++;
            check_reads(q, m.text, TEXT / 2, 3);
        }
        imr_deflated_free(q);
        bytes[i] ^= 0x10;
    }
    CHECK(believed > 0 && believed <= 17 + len / 997); /* what is reserved, and the windows */
    for (size_t n = 0; n < len; n += n < tables ? 1 : 997) {
        put(path, bytes, n);
        CHECK(!from_file(&q, &m, path, tag));
        imr_deflated_free(q);
    }
    free(bytes);
    drop(&m);
}

TEST("points that lie under a right checksum are refused or read within bounds")
{
    made m = make(TEXT / 2, 6, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m), *q;
    const char *path = test_path(test_tmpdir(), "points");
    CHECK_OK(imr_deflated_write_points(p, path, tag, &err));
    const imr_deflated_point *points;
    size_t len, n = imr_deflated_points(p, &points), refused = 0, wrong = 0;
    char *bytes = test_read(path, &len);
    imr_random random;
    imr_random_init(&random, 3);
    for (int i = 0; i < 600; i++) {
        char *copy = exact_copy(bytes, len);
        char *place = copy + 80 + (size_t)i % n * sizeof *points;
        imr_deflated_point at = points[(size_t)i % n];
        uint64_t *fields[] = {&at.out, &at.bit, &at.window};
        uint64_t far = i % 2 ? imr_random_below(&random, 64) : imr_random_next(&random);
        if (i % 4 < 3)
            *fields[i % 4] += i % 8 < 4 ? far : -far;
        else
            at.bytes += (uint32_t)far;
        memcpy(place, &at, sizeof at);
        uint32_t crc = (uint32_t)crc32(0, (Bytef *)copy + 80, (uInt)(n * sizeof at));
        memcpy(copy + 60, &crc, sizeof crc);
        put(path, copy, len);
        char out[500];
        if (!from_file(&q, &m, path, tag))
            refused++;
        else
            for (size_t k = 0; k < n; k++)
                wrong += imr_deflated_read(q, points[k].out, out, sizeof out, &err) != IMR_OK ||
                         memcmp(out, m.text + points[k].out, sizeof out) != 0;
        imr_deflated_free(q);
        free(copy);
    }
    CHECK(refused > 100 && wrong > 10);
    free(bytes);
    imr_deflated_free(p);
    drop(&m);
}

/* ---- memory and threads ---- */

static imr_status use_all(const made *m, const char *path)
{
    imr_deflated *p = NULL, *q = NULL;
    bool found;
    char out[100];
    IMR_TRY(imr_deflated_open(&p, &m->entry, &err));
    imr_status status = run_pass(p, m->text, m->entry.size);
    if (status == IMR_OK)
        status = imr_deflated_read(p, m->entry.size - 200, out, sizeof out, &err);
    if (status == IMR_OK)
        status = imr_deflated_write_points(p, path, tag, &err);
    if (status == IMR_OK)
        status = imr_deflated_open(&q, &m->entry, &err);
    if (status == IMR_OK)
        status = imr_deflated_open_points(&found, q, path, tag, &err);
    if (status == IMR_OK)
        status = imr_deflated_read(q, m->entry.size - 200, out, sizeof out, &err);
    imr_deflated_free(p);
    imr_deflated_free(q);
    return status;
}

TEST("reading survives the failure of every allocation, and goes on after it")
{
    made m = make(200000, 6, Z_DEFAULT_STRATEGY);
    const char *path = test_path(test_tmpdir(), "points");
    CHECK_EVERY_ALLOCATION(use_all(&m, path));
    imr_deflated *p = opened(&m);
    for (long i = 0, refused = 1; refused; i++) {
        char out[10];
        imr_mem_fail_after(i);
        imr_status status = imr_deflated_read(p, 150000, out, sizeof out, &err);
        imr_mem_fail_after(-1);
        refused = status != IMR_OK;
        CHECK_INT(status, refused ? IMR_E_MEMORY : IMR_OK);
        check_read(p, m.text, 100, 10);
    }
    imr_deflated_free(p);
    drop(&m);
}

typedef struct reader {
    pthread_t thread;
    imr_deflated *p;
    const char *text;
    uint64_t seed;
    int wrong;
} reader;

static void *read_along(void *user)
{
    reader *r = user;
    imr_random random;
    imr_random_init(&random, r->seed);
    char out[2000];
    for (int i = 0; i < 300; i++) {
        size_t n = imr_random_below(&random, sizeof out);
        uint64_t at = r->seed % 2 ? imr_random_below(&random, TEXT - n) : (uint64_t)i * 2000;
        r->wrong += imr_deflated_read(r->p, at, out, n, NULL) != IMR_OK ||
                    memcmp(out, r->text + at, n) != 0;
    }
    return NULL;
}

TEST("several threads may read at once")
{
    made m = make(TEXT, 6, Z_DEFAULT_STRATEGY);
    imr_deflated *p = opened(&m);
    reader readers[4];
    for (int i = 0; i < 4; i++) {
        readers[i] = (reader){.p = p, .text = m.text, .seed = (uint64_t)i};
        CHECK_INT(pthread_create(&readers[i].thread, NULL, read_along, &readers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK_INT(readers[i].wrong, 0);
    }
    imr_deflated_free(p);
    drop(&m);
}
