/* Folders of texts: what is taken, what it is called, what is left out. */
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "retrieval/dataset.h"
#include "tests/support/test.h"

static imr_error err;

static void put_bytes(const char *dir, const char *name, const char *bytes, size_t n)
{
    char *path = imr_path_join(dir, name), *folder = imr_path_dir(path);
    CHECK_OK(imr_dir_make(folder, &err));
    CHECK_OK(imr_file_write(path, bytes, n, &err));
    free(folder);
    free(path);
}

static void put(const char *dir, const char *name, const char *text)
{
    put_bytes(dir, name, text, strlen(text));
}

static const char *folder(void)
{
    static char dir[256];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    return dir;
}

/* Opens it and checks the ids, ended by NULL. */
static imr_dataset *opened(const char *dir, const imr_dataset_options *options, ...)
{
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, dir, options, &err));
    va_list ids;
    size_t n = 0;
    va_start(ids, options);
    for (const char *id; (id = va_arg(ids, const char *)); n++) {
        CHECK(n < d->documents.n);
        CHECK_STR(imr_ids_at(&d->documents, n), id);
    }
    va_end(ids);
    CHECK_INT(d->documents.n, n);
    return d;
}

static void check_refused(const char *dir, imr_status status, const char *words)
{
    imr_dataset *d = NULL;
    CHECK_INT(imr_dataset_open(&d, dir, NULL, &err), status);
    CHECK_CONTAINS(err.text, words);
}

static void check_text(const imr_dataset *d, size_t i, const char *expected)
{
    imr_buf title = {0}, text = {0};
    CHECK_OK(imr_dataset_read(d, i, &title, &text, &err));
    CHECK_STR(imr_buf_text(&text), expected);
    CHECK_INT(title.len, 0);
    imr_buf_done(&title);
    imr_buf_done(&text);
}

TEST("texts lie in subfolders, end in .txt or .md in any case, and are called by their paths")
{
    const char *dir = folder();
    put(dir, "b.txt", "the b text");
    put(dir, "a.md", "# the a text");
    put(dir, "2021/May/Notes.TXT", "notes");
    put(dir, "2021/May.Md", "may");
    put(dir, "txt", "no ending");
    imr_dataset *d = opened(dir, NULL, "2021/May.Md", "2021/May/Notes.TXT", "a.md", "b.txt", NULL);
    check_text(d, 1, "notes");
    check_text(d, 2, "# the a text");
    CHECK_STR(d->summary, "4 taken, 1 skipped: 1 others");
    CHECK_INT(d->corpus.len, 0);
    imr_dataset_free(d);
}

TEST("the hash of a folder changes with a text, a name and a new file")
{
    const char *dir = folder();
    char sha[4][IMR_SHA256_HEX];
    put(dir, "x/b.txt", "the b text");
    for (int i = 0; i < 4; i++) {
        imr_dataset *d = NULL;
        CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
        CHECK_OK(imr_dataset_sha256(d, sha[i], NULL, NULL, &err));
        for (int j = 0; j < i; j++)
            CHECK(strcmp(sha[j], sha[i]) != 0);
        imr_dataset_free(d);
        if (i == 0)
            put(dir, "x/b.txt", "another text");
        if (i == 1)
            CHECK_INT(rename(test_path(dir, "x/b.txt"), test_path(dir, "x/c.txt")), 0);
        if (i == 2)
            put(dir, "x/d.txt", "one more");
    }
}

TEST("hidden files are passed over, others are counted by their endings, most first")
{
    const char *dir = folder();
    put(dir, "a.txt", "a");
    put(dir, "._a.txt", "book-keeping of a Mac");
    put(dir, ".hidden/b.txt", "b");
    put(dir, "x.pdf", "");
    put(dir, "y.PDF", "");
    put(dir, "deep/er/z.Pdf", "");
    put(dir, "empty.txt", "");
    put(dir, "blank.md", " \n\t\xC2\xA0\n");
    put(dir, "mark.md", "\xEF\xBB\xBF\n");
    put(dir, "i.jpeg", "");
    put(dir, "README", "");
    put(dir, "strange.\x1b[31m", "");
    CHECK_INT(symlink("nowhere", test_path(dir, "broken.txt")), 0);
    CHECK_INT(mkfifo(test_path(dir, "pipe.txt"), 0600), 0);
    imr_dataset *d = opened(dir, NULL, "a.txt", NULL);
    CHECK_STR(d->summary, "1 taken, 11 skipped: 3 .pdf, 3 empty, 1 .jpeg, 1 links to "
                          "nothing, 1 pipes or devices, 2 others");
    imr_dataset_free(d);
}

TEST("a hundred endings are not listed one by one")
{
    const char *dir = folder();
    put(dir, "a.txt", "a");
    for (int i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "f.x%02d", i);
        put(dir, name, "");
    }
    imr_dataset *d = opened(dir, NULL, "a.txt", NULL);
    CHECK_STR(d->summary, "1 taken, 100 skipped: 1 .x00, 1 .x01, 1 .x02, 1 .x03, "
                          "1 .x04, 1 .x05, 94 others");
    imr_dataset_free(d);
}

TEST("links are followed, and a loop of them ends")
{
    const char *dir = folder(), *other = test_tmpdir();
    put(other, "far.txt", "far");
    put(dir, "a/b/c.txt", "c");
    CHECK_INT(symlink("..", test_path(dir, "a/up")), 0);
    CHECK_INT(symlink("../..", test_path(dir, "a/b/top")), 0);
    CHECK_INT(symlink("a", test_path(dir, "0")), 0);
    CHECK_INT(symlink("self", test_path(dir, "self")), 0);
    CHECK_INT(symlink(other, test_path(dir, "out")), 0);
    CHECK_INT(symlink("a/b/c.txt", test_path(dir, "again.txt")), 0);
    imr_dataset *d = opened(dir, NULL, "a/b/c.txt", "again.txt", "out/far.txt", NULL);
    CHECK_STR(d->summary, "3 taken, 4 skipped: 3 links to folders read before, 1 links to nothing");
    check_text(d, 2, "far");
    imr_dataset_free(d);
}

TEST("hostile names become ids that lead back to their files")
{
    const char *dir = folder();
    put(dir, "\x1b[31m.txt", "escape");
    put(dir, "a\nb/c\td.txt", "line");
    put(dir, "bad\xff\xc3.txt", "ill-formed");
    put(dir, "c1\xC2\x9B.txt", "c1");
    put(dir, "100%.txt", "percent");
    put(dir, "%1B[31m.txt", "no escape");
    put(dir, "%%41.txt", "two");
    put(dir, "-rf *.txt", "blanks");
    imr_dataset *d = opened(dir, NULL, "%1B[31m.txt", "%%2541.txt", "%251B[31m.txt", "-rf *.txt",
                            "100%.txt", "a%0Ab/c%09d.txt", "bad%FF%C3.txt", "c1%C2%9B.txt", NULL);
    const char *const texts[] = {"escape",  "two",  "no escape",  "blanks",
                                 "percent", "line", "ill-formed", "c1"};
    for (size_t i = 0; i < 8; i++)
        check_text(d, i, texts[i]);
    imr_dataset_free(d);
}

TEST("paths too long for an id are left out, however deep they lie")
{
    const char *dir = folder();
    char name[200], path[4096] = "";
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    put(dir, "a.txt", "a");
    for (int depth = 0; depth < 8; depth++) {
        size_t n = strlen(path);
        snprintf(path + n, sizeof path - n, "%s/", name);
        char file[4200];
        snprintf(file, sizeof file, "%sb.txt", path);
        if (depth == 2 || depth == 7)
            put(dir, file, "b");
    }
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
    CHECK_INT(d->documents.n, 2);
    CHECK_STR(d->summary, "2 taken, 1 skipped: 1 with too long a path");
    imr_dataset_free(d);
    char control[225];
    memset(control, '\1', sizeof control);
    memcpy(control + sizeof control - 5, ".txt", 5);
    snprintf(path, sizeof path, "%s/%s", control, control); /* 449 bytes, 1,329 as an id */
    put(dir, path, "b");
    CHECK_OK(imr_dataset_open(&d, dir, NULL, &err));
    CHECK_STR(d->summary, "2 taken, 2 skipped: 2 with too long a path");
    imr_dataset_free(d);
}

TEST("what is not UTF-8 is an error with its place, or left out and counted")
{
    const char *dir = folder();
    put(dir, "a.txt", "\xEF\xBB\xBFtext behind a mark");
    put(dir, "sub/c.txt", "bro\xffken");
    check_refused(dir, IMR_E_FORMAT, "sub/c.txt: byte 3 is not UTF-8 text: convert the file");
    put_bytes(dir, "sub/c.txt", "a\0b\0c\0", 6); /* UTF-16 is UTF-8 as far as bytes go */
    check_refused(dir, IMR_E_FORMAT, "sub/c.txt: byte 1 is not UTF-8 text");
    imr_dataset_options skip = {.skip_bad_lines = true};
    imr_dataset *d = opened(dir, &skip, "a.txt", NULL);
    check_text(d, 0, "text behind a mark");
    CHECK_INT(d->n_bad, 1);
    CHECK_STR(d->summary, "1 taken, 1 skipped: 1 not UTF-8 or too long");
    put(dir, "a.txt", "no t\xffxt");
    imr_buf text = {0};
    CHECK_INT(imr_dataset_read(d, 0, NULL, &text, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "a.txt changed and is no text in UTF-8 any more");
    imr_buf_done(&text);
    imr_dataset_free(d);
}

TEST("a text over the cap is refused before it is read")
{
    const char *dir = folder();
    put(dir, "a.txt", "a");
    CHECK_INT(truncate(test_path(dir, "a.txt"), (off_t)IMR_MAX_TEXT_BYTES + 1), 0);
    check_refused(dir, IMR_E_LIMIT, "a.txt has 16777217 bytes, at most 16777216");
}

TEST("a folder that cannot be read is left out and counted")
{
    const char *dir = folder();
    put(dir, "a.txt", "a");
    put(dir, "shut/b.txt", "b");
    put(dir, "c.txt", "c");
    if (geteuid() == 0)
        SKIP("root reads everything");
    CHECK_INT(chmod(test_path(dir, "shut"), 0), 0);
    CHECK_INT(chmod(test_path(dir, "c.txt"), 0), 0);
    imr_dataset *d = opened(dir, NULL, "a.txt", NULL);
    CHECK_INT(chmod(test_path(dir, "shut"), 0700), 0);
    CHECK_STR(d->summary,
              "1 taken, 2 skipped: 1 folders that cannot be read, 1 that cannot be read");
    imr_dataset_free(d);
}

TEST("a folder without texts says what it holds; one above datasets names them")
{
    const char *dir = folder();
    put(dir, "a.pdf", "a");
    put(dir, "b.txt", "");
    check_refused(dir, IMR_E_NOT_FOUND, "(found: 1 .pdf, 1 empty)");
    put(dir, "scifact/README.md", "# about it");
    put(dir, "scifact/corpus.jsonl", "{\"_id\":\"a\",\"text\":\"one\"}\n");
    check_refused(dir, IMR_E_NOT_FOUND, "/scifact holds a corpus.jsonl, name that folder");
}

static bool stop(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

TEST("opening can be stopped at every step, and leaves nothing behind")
{
    const char *dir = folder();
    for (int i = 0; i < 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d/a.txt", i);
        put(dir, name, "a");
    }
    int steps = 1;
    for (imr_status status = IMR_E_CANCELLED; status != IMR_OK; steps++) {
        int left = steps;
        imr_progress progress = {stop, &left};
        imr_dataset *d = NULL;
        status = imr_dataset_open(&d, dir, &(imr_dataset_options){.progress = &progress}, &err);
        CHECK(status == IMR_OK || status == IMR_E_CANCELLED);
        imr_dataset_free(d);
    }
    CHECK(steps > 10);
}

TEST("memory that runs out anywhere is an error and leaks nothing")
{
    const char *dir = folder();
    put(dir, "x/a.txt", "a");
    put(dir, "b.md", "b");
    put(dir, "c.pdf", "c");
    CHECK_INT(symlink("x", test_path(dir, "y")), 0);
    imr_status status = IMR_E_MEMORY;
    for (long n = 0; status != IMR_OK; n++) {
        imr_dataset *d = NULL;
        imr_mem_fail_after(n);
        status = imr_dataset_open(&d, dir, NULL, &err);
        imr_mem_fail_after(-1);
        CHECK(status == IMR_OK || status == IMR_E_MEMORY);
        imr_dataset_free(d);
    }
}
