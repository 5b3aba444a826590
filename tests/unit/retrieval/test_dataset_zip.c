/* A zipped corpus against the folder it was packed from. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/kept.h"
#include "base/limits.h"
#include "base/mem.h"
#include "math/random.h"
#include "store_support.h"
#include "tests/support/made_zip.h"

static imr_error err;

static const char queries[] =
    "{\"_id\":\"q1\",\"text\":\"one\"}\n{\"_id\":\"q2\",\"text\":\"two\"}\n";
static const char qrels[] = "query-id\tcorpus-id\tscore\nq1\td1\t1\n";

/* Lines with CRLF and without, blank ones, broken ones when asked for, no newline at the end. */
static imr_buf made_corpus(size_t bytes, bool broken, uint64_t seed)
{
    imr_buf b = {0};
    imr_random random;
    imr_random_init(&random, seed);
    for (size_t i = 0; b.len < bytes; i++) {
        imr_buf_printf(&b, "{\"_id\":\"d%zu\",\"title\":\"T%zu\",\"text\":\"", i, i * i);
        size_t words = imr_random_below(&random, i % 50 == 7 ? 5000 : 60);
        for (size_t k = 0; k < words; k++)
            imr_buf_printf(&b, "%llx ", (unsigned long long)imr_random_below(&random, 5000));
        imr_buf_str(&b, i % 3 ? "\"}\n" : "\"}\r\n");
        if (i % 11 == 5)
            imr_buf_str(&b, i % 2 ? "\n" : " \t\r\n");
        if (broken && i % 40 == 9)
            imr_buf_printf(
                &b, i % 80 == 9 ? "{\"_id\":\"d%zu\",\n" : "{\"_id\":\"d%zu\",\"text\":\"\"}\n", i);
    }
    imr_buf_str(&b, "{\"_id\":\"last\",\"text\":\"no newline\"}");
    return b;
}

static void put(const char *path, const void *bytes, size_t n)
{
    CHECK_OK(imr_file_write(path, bytes, n, &err));
}

static void put_folder(const char *dir, const imr_buf *corpus)
{
    CHECK_OK(imr_dir_make(test_path(dir, "qrels"), &err));
    put(test_path(dir, "corpus.jsonl"), corpus->data, corpus->len);
    put(test_path(dir, "queries.jsonl"), queries, sizeof queries - 1);
    put(test_path(dir, "qrels/test.tsv"), qrels, sizeof qrels - 1);
}

static imr_buf zip_of(const imr_buf *corpus, int level, uint64_t announced)
{
    const made_entry entries[] = {
        {.name = "beir/queries.jsonl", .data = queries, .len = sizeof queries - 1, .level = 6},
        {.name = "beir/corpus.jsonl",
         .data = corpus->data,
         .len = corpus->len,
         .level = level,
         .size = announced},
        {.name = "beir/qrels/test.tsv", .data = qrels, .len = sizeof qrels - 1, .level = 6}};
    return made_zip(entries, 3);
}

static void put_zip(const char *path, const imr_buf *corpus, int level)
{
    imr_buf zip = zip_of(corpus, level, 0);
    put(path, zip.data, zip.len);
    imr_buf_done(&zip);
}

static void check_document(const imr_dataset *a, const imr_dataset *b, size_t i)
{
    imr_buf ta = {0}, tb = {0};
    CHECK_STR(imr_ids_at(&b->documents, i), imr_ids_at(&a->documents, i));
    CHECK(a->offsets[i] == b->offsets[i] && a->lengths[i] == b->lengths[i]);
    CHECK_OK(imr_dataset_text(a, i, &ta, &err));
    CHECK_OK(imr_dataset_text(b, i, &tb, &err));
    CHECK_STR(imr_buf_text(&tb), imr_buf_text(&ta));
    imr_buf_done(&ta);
    imr_buf_done(&tb);
}

static void check_same(const imr_dataset *a, const imr_dataset *b)
{
    char sa[2][IMR_SHA256_HEX], sb[2][IMR_SHA256_HEX];
    size_t n = a->documents.n;
    CHECK_INT(b->documents.n, n);
    CHECK_INT(b->corpus.len, a->corpus.len);
    for (size_t i = 0; i < n; i++)
        check_document(a, b, i);
    for (size_t i = 0; i < n; i++)
        check_document(a, b, i * 7919 % n);
    CHECK_INT(b->n_bad, a->n_bad);
    for (size_t i = 0; i < a->n_bad && i < IMR_BAD_LINES_KEPT;
         i++) /* behind the name of the file */
        CHECK_STR(strstr(b->bad[i], "corpus.jsonl"), strstr(a->bad[i], "corpus.jsonl"));
    CHECK_INT(b->query_ids.n, 2);
    CHECK(imr_dataset_qrels(b, "test") != NULL);
    CHECK_OK(imr_dataset_sha256(a, sa[0], sa[1], NULL, &err));
    CHECK_OK(imr_dataset_sha256(b, sb[0], sb[1], NULL, &err));
    CHECK_STR(sb[0], sa[0]);
    CHECK_STR(sb[1], sa[1]);
}

/* Opens the zip both ways, kept in a new folder and not, against the folder it was packed from. */
static void check_zip(const char *dir, const char *zip, imr_dataset_options how)
{
    char unpacked[512];
    snprintf(unpacked, sizeof unpacked, "%s/unpacked", test_tmpdir());
    imr_dataset *a = NULL, *b = NULL;
    CHECK_OK(imr_dataset_open(&a, dir, &how, &err));
    CHECK((a->n_bad > 5) == how.skip_bad_lines);
    for (int kept = 0; kept < 2; kept++) {
        how.unpacked = kept ? unpacked : NULL;
        CHECK_OK(imr_dataset_open(&b, zip, &how, &err));
        CHECK_STR(b->path, zip);
        CHECK_STR(b->notice, "");
        check_same(a, b);
        imr_dataset_free(b);
        CHECK_INT(imr_derived_bytes(unpacked, ".", false) > a->corpus.len, kept);
    }
    imr_dataset_free(a);
}

TEST("a zipped corpus of any level is the folder it was packed from")
{
    char dir[256], zip[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    snprintf(zip, sizeof zip, "%s/x.zip", test_tmpdir());
    for (int level = MADE_STORED; level <= 9; level++) {
        imr_dataset_options skip = {.skip_bad_lines = level % 2 == 0};
        imr_buf corpus =
            made_corpus(level == 6 ? 1500000 : 400000, skip.skip_bad_lines, (uint64_t)level + 2);
        put_folder(dir, &corpus);
        put_zip(zip, &corpus, level);
        check_zip(dir, zip, skip);
        imr_buf_done(&corpus);
    }
}

TEST("what else is in an archive does not matter: other code pages, repeated and hostile names")
{
    char dir[256], zip[512];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    snprintf(zip, sizeof zip, "%s/x.zip", test_tmpdir());
    imr_buf corpus = made_corpus(100000, false, 1);
    const made_entry entries[] = {
        {.name = "__MACOSX/corpus.jsonl", .data = "x", .len = 1, .level = 6},
        {.name = "Gr\x94\xe1"
                 "e.txt",
         .data = "x",
         .len = 1,
         .level = MADE_STORED}, /* CP437 */
        {.name = "queries.jsonl", .data = queries, .len = sizeof queries - 1, .level = 6},
        {.name = "corpus.jsonl", .data = corpus.data, .len = corpus.len, .level = 6},
        {.name = "old/corpus.jsonl", .data = "x", .len = 1, .level = 6},
        {.name = "../corpus.jsonl", .data = "x", .len = 1, .level = 6},
        {.name = "qrels/../../evil.tsv", .data = qrels, .len = sizeof qrels - 1, .level = 6},
        {.name = "qrels/.hidden.tsv", .data = qrels, .len = sizeof qrels - 1, .level = 6},
        {.name = "qrels/notes", .data = "x", .len = 1, .level = 6},
        {.name = "qrels/test.tsv", .data = qrels, .len = sizeof qrels - 1, .level = 6}};
    imr_buf bytes = made_zip(entries, sizeof entries / sizeof *entries);
    put_folder(dir, &corpus);
    put(zip, bytes.data, bytes.len);
    check_zip(dir, zip, (imr_dataset_options){0});
    imr_buf_done(&bytes);
    imr_buf_done(&corpus);
}

/* ---- damage ---- */

/* Opens the bytes as a zip: refused with a sentence that names it, or all of the corpus. */
static imr_status open_bytes(const imr_buf *bytes, const imr_buf *corpus, bool skip)
{
    static char zip[512];
    if (!zip[0])
        snprintf(zip, sizeof zip, "%s/damaged.zip", test_tmpdir());
    imr_dataset_options options = {.skip_bad_lines = skip};
    imr_dataset *d = NULL;
    FILE *f = fopen(zip, "wb"); /* not synced: there are many */
    CHECK(f && fwrite(bytes->data, 1, bytes->len, f) == bytes->len && fclose(f) == 0);
    imr_status status = imr_dataset_open(&d, zip, &options, &err);
    if (status == IMR_OK) {
        char found[IMR_SHA256_HEX], expected[IMR_SHA256_HEX];
        CHECK_OK(imr_sha256_memory(corpus->data, corpus->len, expected, &err));
        CHECK_OK(imr_dataset_sha256(d, found, NULL, NULL, &err));
        CHECK_STR(found, expected);
        imr_dataset_free(d);
    } else {
        CHECK(d == NULL && status != IMR_E_MEMORY && status != IMR_E_IO);
        CHECK_CONTAINS(err.text, "damaged.zip");
    }
    return status;
}

TEST("a zip with any byte changed or cut anywhere is refused or gives the whole corpus")
{
    imr_buf corpus = {0};
    imr_buf_str(&corpus, "{\"_id\":\"a\",\"text\":\"one two three two one\"}\n\n{\"_id\":\"b\","
                         "\"title\":\"T\",\"text\":\"two one two\"}\r\n");
    for (int level = MADE_STORED; level <= 6; level += 7) {
        imr_buf zip = zip_of(&corpus, level, 0);
        size_t len = zip.len, fine = 0;
        for (size_t i = 0; i < len; i++) {
            char old = zip.data[i];
            zip.data[i] = (char)(old ^ (1 << i % 8));
            fine += open_bytes(&zip, &corpus, i % 2) == IMR_OK;
            zip.data[i] = old;
        }
        CHECK(fine > 20 && fine < len / 2); /* dates, versions, queries nobody checks here */
        for (zip.len = 0; zip.len < len; zip.len++)
            CHECK(open_bytes(&zip, &corpus, false) != IMR_OK);
        imr_buf_done(&zip);
    }
    imr_buf_done(&corpus);
}

TEST("damage in a large zip is named with the member, not taken for bad lines")
{
    imr_buf corpus = made_corpus(1000000, false, 3);
    imr_random random;
    imr_random_init(&random, 4);
    for (int level = MADE_STORED; level <= 6; level += 7) {
        imr_buf zip = zip_of(&corpus, level, 0);
        for (int i = 0; i < 60; i++) {
            size_t at = 1000 + imr_random_below(&random, zip.len - 2000);
            char old = zip.data[at];
            zip.data[at] = (char)(old + 1 + (int)imr_random_below(&random, 255));
            CHECK_INT(open_bytes(&zip, &corpus, i % 2), IMR_E_FORMAT);
            CHECK_CONTAINS(err.text, "beir/corpus.jsonl");
            if (!strstr(err.text, "damaged") && !strstr(err.text, "than the"))
                FAIL("%s", err.text);
            zip.data[at] = old;
        }
        imr_buf_done(&zip);
    }
    imr_buf_done(&corpus);
}

TEST("bombs and sizes beyond the caps are refused")
{
    imr_buf small = {0}, blank = {0}, line = {0};
    imr_buf_str(&small, "\"a\"\n");
    imr_buf zip = zip_of(&small, 6, 0xFFFFFFF0);
    CHECK_INT(open_bytes(&zip, &small, true), IMR_E_BUDGET);
    CHECK_CONTAINS(err.text, ".zip: corpus.jsonl takes 4295.0 MB or more for 0.0 MB of files, "
                             "allowed are 67.1 MB: if you trust it, allow more with --max-memory");
    imr_buf_done(&zip);
    imr_buf_fill(&blank, '\n', (size_t)32 << 20);
    zip = zip_of(&blank, 9, 0);
    CHECK(zip.len < 100000);
    CHECK_INT(open_bytes(&zip, &blank, false), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "holds no documents");
    imr_buf_done(&zip);
    imr_buf_fill(&line, 'x', IMR_MAX_LINE_BYTES + 1000);
    zip = zip_of(&line, 9, 0);
    CHECK_INT(open_bytes(&zip, &line, false), IMR_E_LIMIT);
    CHECK_CONTAINS(err.text, "line 1 has 67109864 bytes, at most");
    imr_buf_done(&zip);
    imr_buf_done(&small);
    imr_buf_done(&blank);
    imr_buf_done(&line);
}

TEST("opening a zip survives the failure of every allocation")
{
    imr_buf corpus = made_corpus(300000, true, 5);
    char path[512];
    snprintf(path, sizeof path, "%s/x.zip", test_tmpdir());
    imr_dataset_options skip = {.skip_bad_lines = true};
    for (int level = MADE_STORED; level <= 6; level += 7) {
        put_zip(path, &corpus, level);
        imr_status status = IMR_E_MEMORY;
        long i = 0;
        for (; status == IMR_E_MEMORY; i = i < 60 ? i + 1 : i + i / 3) {
            imr_dataset *d = NULL;
            imr_buf text = {0};
            imr_mem_fail_after(i);
            status = imr_dataset_open(&d, path, &skip, &err);
            if (status == IMR_OK)
                status = imr_dataset_text(d, 3, &text, &err);
            imr_mem_fail_after(-1);
            imr_buf_done(&text);
            imr_dataset_free(d);
        }
        CHECK_INT(status, IMR_OK);
        CHECK(i > 10);
    }
    imr_buf_done(&corpus);
}

/* ---- behind a cache ---- */

typedef struct zipped {
    char dir[256], zip[512], cache[512], unpacked[600];
    imr_buf corpus;
} zipped;

static void make_cache(const char *dir, const char *dataset)
{
    imr_dataset *d = NULL;
    fake_encoder f = {0};
    CHECK_OK(imr_dataset_open(&d, dataset, NULL, &err));
    /* One block: each is synced to the disk. */
    const imr_store_plan plan = {
        .dataset = d, .encoder = &identity, .n = FAKE_DIM, .dtype = IMR_F32, .block = 65536};
    CHECK_OK(imr_store_build(NULL, dir, &plan, fake_encode, &f, NULL, &err));
    imr_dataset_free(d);
}

static zipped make_zipped(void)
{
    zipped z = {.corpus = made_corpus(600000, false, 7)};
    snprintf(z.dir, sizeof z.dir, "%s", test_tmpdir());
    snprintf(z.zip, sizeof z.zip, "%s/x.zip", z.dir);
    snprintf(z.cache, sizeof z.cache, "%s/cache", z.dir);
    snprintf(z.unpacked, sizeof z.unpacked, "%s/unpacked", z.cache);
    put_zip(z.zip, &z.corpus, 6);
    make_cache(z.cache, z.zip);
    return z;
}

/* The last document of the cache's dataset, "" when there is none. */
static void check_last(const char *dir, const char *text)
{
    imr_cache *c = NULL;
    imr_buf b = {0};
    CHECK_OK(imr_cache_open(&c, dir, NULL, &err));
    if (text[0])
        CHECK_STR(c->notice, "");
    CHECK_OK(imr_cache_document(c, c->documents.ids.n - 1, NULL, &b, &err));
    CHECK_STR(imr_buf_text(&b), text);
    imr_buf_done(&b);
    imr_cache_free(c);
}

static void check_unpacked(const zipped *z)
{
    size_t len;
    char *bytes = test_read(test_path(z->unpacked, "corpus.jsonl"), &len);
    CHECK(len == z->corpus.len && memcmp(bytes, z->corpus.data, len) == 0);
    free(bytes);
    bytes = test_read(test_path(z->unpacked, "queries.jsonl"), &len);
    CHECK_STR(bytes, queries);
    free(bytes);
    bytes = test_read(test_path(z->unpacked, "qrels/test.tsv"), &len);
    CHECK_STR(bytes, qrels);
    free(bytes);
}

TEST("a cache of a zip holds the bytes of a cache of its folder")
{
    zipped z = make_zipped();
    char folder[512], other[512];
    snprintf(folder, sizeof folder, "%s/folder", z.dir);
    snprintf(other, sizeof other, "%s/other", z.dir);
    put_folder(folder, &z.corpus);
    make_cache(other, folder);
    static const char *const files[] = {"documents.npy", "queries.npy", "document_ids", "query_ids",
                                        "document_ids.index"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t a, b;
        char *x = test_read(test_path(z.cache, files[i]), &a);
        char *y = test_read(test_path(other, files[i]), &b);
        if (a != b || memcmp(x, y, a) != 0)
            FAIL("%s differs", files[i]);
        free(x);
        free(y);
    }
    CHECK(!imr_dir_exists(z.unpacked));
    for (int i = 0; i < 2; i++) {
        check_last(z.cache, "no newline");
        check_last(other, "no newline");
        check_unpacked(&z);
    }
    CHECK(!imr_dir_exists(test_path(other, "unpacked")));
    imr_buf_done(&z.corpus);
}

TEST("a zip is read again when its size or time changed, and not needed any more when it is gone")
{
    zipped z = make_zipped();
    struct stat st;
    size_t len;
    char *bytes = test_read(z.zip, &len);
    CHECK_INT(stat(z.zip, &st), 0);
    bytes[1000] ^= 1;
    FILE *f = fopen(z.zip, "wb");
    CHECK(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
    imr_cache *c = NULL;
    CHECK_OK(imr_cache_open(&c, z.cache, NULL, &err));
    CHECK_CONTAINS(c->notice, "x.zip: zip entry beir/corpus.jsonl ");
    imr_cache_free(c);
    CHECK(!imr_file_exists(test_path(z.unpacked, "corpus.jsonl")));
    CHECK(!imr_file_exists(test_path(z.unpacked, "corpus.jsonl.partial")));
    bytes[1000] ^= 1;
    put(z.zip, bytes, len);
    check_last(z.cache, "no newline");
    bytes[1000] ^= 1; /* what is unpacked is what the directory says, whatever became of the rest */
    put(z.zip, bytes, len);
    check_last(z.cache, "no newline");
    CHECK_INT(remove(z.zip), 0);
    check_last(z.cache, "no newline");
    check_unpacked(&z);
    free(bytes);
    imr_buf_done(&z.corpus);
}

TEST("what is lost or damaged of the unpacked files is unpacked again, and nothing else")
{
    zipped z = make_zipped();
    check_last(z.cache, "no newline");
    static const char *const names[] = {"archive", "corpus.jsonl", "queries.jsonl",
                                        "qrels/test.tsv"};
    struct stat before[4], after[4];
    for (int fault = 0; fault < 7; fault++) {
        const char *path = test_path(z.unpacked, names[fault % 4]);
        size_t len;
        for (int i = 0; i < 4; i++)
            CHECK_INT(stat(test_path(z.unpacked, names[i]), &before[i]), 0);
        char *bytes = test_read(path, &len);
        if (fault < 4) {
            CHECK_INT(remove(path), 0);
        } else if (fault == 5) { /* of the same length: its time of change tells */
            bytes[len / 2] ^= 1;
            put(path, bytes, len);
        } else {
            put(path, bytes, len / 2);
        }
        free(bytes);
        put(test_path(z.unpacked, "corpus.jsonl.partial"), "cut short", 9);
        check_last(z.cache, "no newline");
        check_unpacked(&z);
        for (int i = 1; i < 4; i++) {
            CHECK_INT(stat(test_path(z.unpacked, names[i]), &after[i]), 0);
            CHECK((after[i].st_mtim.tv_nsec == before[i].st_mtim.tv_nsec) == (i != fault % 4));
        }
        CHECK((fault % 4 == 1) == !imr_file_exists(test_path(z.unpacked, "corpus.jsonl.partial")));
        remove(test_path(z.unpacked, "corpus.jsonl.partial"));
    }
    imr_buf_done(&z.corpus);
}

TEST("what cannot be written, or would be written elsewhere, is unpacked anew each time")
{
    zipped z = make_zipped();
    char elsewhere[512];
    snprintf(elsewhere, sizeof elsewhere, "%s", test_tmpdir());
    for (int fault = 0; fault < 4; fault++) {
        imr_kept lock = {0};
        if (fault == 0)
            put(z.unpacked, "", 0);
        else if (fault == 1)
            CHECK_INT(symlink(elsewhere, z.unpacked), 0);
        else
            CHECK_OK(imr_dir_make(z.unpacked, &err));
        if (fault == 2)
            CHECK_INT(symlink(elsewhere, test_path(z.unpacked, "qrels")), 0);
        if (fault == 3)
            CHECK_OK(imr_kept_lock(&lock, test_path(z.unpacked, "lock"), &err));
        imr_cache *c = NULL;
        CHECK_OK(imr_cache_open(&c, z.cache, NULL, &err));
        CHECK_CONTAINS(c->notice, "x.zip is unpacked anew at each opening: ");
        CHECK_INT(c->documents.ids.n, c->dataset->documents.n);
        imr_cache_free(c);
        imr_kept_close(&lock);
        CHECK_INT(imr_derived_bytes(elsewhere, ".", false), 0);
        remove(test_path(z.unpacked, "qrels"));
        remove(test_path(z.unpacked, "lock"));
        CHECK_INT(remove(z.unpacked), 0);
    }
    imr_buf_done(&z.corpus);
}

TEST("an archive of something else does not take the place of the right one")
{
    zipped z = make_zipped();
    char other[512];
    snprintf(other, sizeof other, "%s/other.zip", z.dir);
    imr_buf corpus = made_corpus(100000, false, 8);
    put_zip(other, &corpus, 6);
    check_last(z.cache, "no newline");
    const imr_cache_options options = {.dataset = other};
    imr_cache *c = NULL;
    CHECK_INT(imr_cache_open(&c, z.cache, &options, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "other.zip changed since this cache was made");
    check_unpacked(&z);
    imr_buf_done(&corpus);
    imr_buf_done(&z.corpus);
}

TEST("opening a cache of a zip survives the failure of every allocation")
{
    zipped z = make_zipped();
    for (int lost = 0; lost < 2; lost++) {
        imr_status status = IMR_E_MEMORY;
        for (long i = 0; status == IMR_E_MEMORY; i += lost && i >= 80 ? 7 : 1) {
            imr_cache *c = NULL;
            imr_buf text = {0};
            if (lost)
                remove(test_path(z.unpacked, "corpus.jsonl"));
            imr_mem_fail_after(i);
            status = imr_cache_open(&c, z.cache, NULL, &err);
            if (status == IMR_OK)
                status = imr_cache_document(c, 100, NULL, &text, &err);
            imr_mem_fail_after(-1);
            imr_buf_done(&text);
            imr_cache_free(c);
            CHECK(i < 1000);
        }
        CHECK_INT(status, IMR_OK);
    }
    imr_buf_done(&z.corpus);
}

static bool stop_later(void *user, const imr_progress_info *info)
{
    int *left = user;
    (void)info;
    return (*left)-- > 0;
}

TEST("unpacking can be cancelled, and goes on with the file it was at")
{
    zipped z = make_zipped();
    struct stat before, after;
    imr_status status = IMR_E_CANCELLED;
    for (int steps = 0; status == IMR_E_CANCELLED; steps++) {
        int left = steps;
        imr_progress progress = {stop_later, &left};
        imr_cache_options options = {.progress = &progress};
        imr_cache *c = NULL;
        status = imr_cache_open(&c, z.cache, &options, &err);
        imr_cache_free(c);
        CHECK(!imr_file_exists(test_path(z.unpacked, "corpus.jsonl.partial")));
        const char *first = test_path(z.unpacked, "queries.jsonl");
        if (steps == 1) /* the first file of the archive is whole */
            CHECK_INT(stat(first, &before), 0);
        if (steps > 1)
            CHECK(stat(first, &after) == 0 && after.st_ino == before.st_ino);
        CHECK(steps < 1000);
    }
    CHECK_OK(status);
    check_unpacked(&z);
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, z.zip, NULL, &err));
    char sha[IMR_SHA256_HEX];
    int left = 0;
    const imr_progress progress = {stop_later, &left};
    CHECK_INT(imr_dataset_sha256(d, sha, NULL, &progress, &err), IMR_E_CANCELLED);
    imr_dataset_free(d);
    imr_buf_done(&z.corpus);
}
