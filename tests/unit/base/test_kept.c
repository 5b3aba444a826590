/* Files made slowly: one writer at a time, resumed after any failure, whole under their name. */
#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/support/test.h"

/* ---- a maker of 14 rows in blocks of 3, a number and a matrix each, with everything in it ---- */

enum { ROWS = 14, BLOCK = 3, BLOCKS = 5, WIDE = 100, NARROW = 4, SECOND = 4 + ROWS * WIDE };

static const char HEAD[] = "head", HEADER[] = "made-up 1 rows 14\n";

typedef struct maker {
    imr_kept lock, journal;
    imr_kept_rows rows;
    size_t made;
} maker;

static void maker_done(maker *m)
{
    imr_kept_close(&m->journal);
    imr_kept_close(&m->rows.file);
    imr_kept_close(&m->lock);
}

static void fill(uint8_t *row, size_t n, size_t i)
{
    for (size_t j = 0; j < n; j++)
        row[j] = (uint8_t)(i * 31 + j * 7 + n);
}

static imr_status make_rows(void *user, size_t first, size_t count, void *const out[],
                            imr_error *err)
{
    maker *m = user;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        fill((uint8_t *)out[0] + i * WIDE, WIDE, first + i);
        fill((uint8_t *)out[1] + i * NARROW, NARROW, first + i);
    }
    m->made += count;
    return IMR_OK;
}

static imr_kept_rows empty_rows(void)
{
    return (imr_kept_rows){.what = "making rows",
                           .note = "rows ",
                           .head = HEAD,
                           .head_bytes = 4,
                           .rows = ROWS,
                           .block = BLOCK,
                           .column = {{4, WIDE}, {SECOND, NARROW}}};
}

static imr_status make(maker *m, const char *dir, const imr_progress *progress, imr_error *err)
{
    imr_kept_notes notes;
    m->rows = empty_rows();
    IMR_TRY(imr_kept_lock(&m->lock, test_path(dir, "lock"), err));
    IMR_TRY(imr_kept_open(&m->rows.file, test_path(dir, "data.partial"), err));
    IMR_TRY(imr_kept_open(&m->journal, test_path(dir, "journal"), err));
    m->rows.file.advice = "make room";
    m->rows.file.flush_every = 2 * BLOCK * WIDE;
    IMR_TRY(imr_kept_rows_check(&notes, m->journal.path, HEADER, &m->rows, 1, NULL, err));
    IMR_TRY(imr_kept_resume(&m->journal, notes.end, HEADER, err));
    IMR_TRY(imr_kept_rows_make(&m->rows, &m->journal, make_rows, m, progress, err));
    IMR_TRY(imr_kept_publish(&m->rows.file, test_path(dir, "data"), err));
    imr_kept_remove(&m->journal);
    return IMR_OK;
}

static imr_status make_once(size_t *made, const char *dir, imr_error *err)
{
    IMR_CLEANUP(maker_done) maker m = {.made = 0};
    const imr_status status = make(&m, dir, NULL, err);
    *made = m.made;
    return status;
}

static void check_whole(const char *dir)
{
    size_t len;
    char *found = test_read(test_path(dir, "data"), &len);
    CHECK_INT(len, SECOND + ROWS * NARROW);
    CHECK(memcmp(found, HEAD, 4) == 0);
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t row[WIDE];
        fill(row, WIDE, i);
        CHECK(memcmp(found + 4 + i * WIDE, row, WIDE) == 0);
        fill(row, NARROW, i);
        CHECK(memcmp(found + SECOND + i * NARROW, row, NARROW) == 0);
    }
    free(found);
    CHECK(!imr_file_exists(test_path(dir, "data.partial")));
    CHECK(!imr_file_exists(test_path(dir, "journal")));
}

TEST("whatever step fails, nothing has the name, what is noted is kept, the next run ends the same")
{
    imr_error err = {0};
    size_t made, kept_at_most = 0;
    imr_status status = IMR_E_IO;
    for (long i = 0; status != IMR_OK; i++) {
        char dir[256];
        snprintf(dir, sizeof dir, "%s", test_tmpdir());
        imr_kept_fail_after(i, ENOSPC);
        status = make_once(&made, dir, &err);
        imr_kept_fail_after(-1, 0);
        if (status == IMR_OK) {
            CHECK(i > 2 * BLOCKS);
        } else {
            CHECK_INT(status, IMR_E_IO);
            CHECK_CONTAINS(err.text, ": No space left");
            CHECK(!imr_file_exists(test_path(dir, "data")));
            const size_t first = made;
            CHECK_OK(make_once(&made, dir, &err));
            /* the block whose note failed is made twice */
            CHECK(first + made >= ROWS && first + made <= ROWS + BLOCK);
            kept_at_most = ROWS - made > kept_at_most ? ROWS - made : kept_at_most;
        }
        check_whole(dir);
    }
    CHECK_INT(kept_at_most, ROWS);
}

TEST("every allocation may fail, and the next run ends the same")
{
    imr_error err = {0};
    size_t made;
    imr_status status = IMR_E_MEMORY;
    for (long i = 0; status != IMR_OK; i++) {
        char dir[256];
        snprintf(dir, sizeof dir, "%s", test_tmpdir());
        imr_mem_fail_after(i);
        status = make_once(&made, dir, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK) {
            CHECK_INT(status, IMR_E_MEMORY);
            CHECK(!imr_file_exists(test_path(dir, "data")));
            CHECK_OK(make_once(&made, dir, &err));
        } else {
            CHECK(i > 3);
        }
        check_whole(dir);
    }
}

TEST("a failed write says which file, why and what to do")
{
    const char *path = test_path(test_tmpdir(), "x");
    imr_error err = {0};
    imr_kept f;
    CHECK_OK(imr_kept_open(&f, path, &err));
    f.advice = "make room";
    imr_kept_fail_after(0, ENOSPC);
    CHECK_INT(imr_kept_write(&f, "abcdef", 6, 2, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "cannot write ");
    CHECK_CONTAINS(err.text, "/x (make room): No space left");
    char found[8] = "";
    CHECK(imr_kept_read(&f, found, 3, 2) && strcmp(found, "abc") == 0); /* half of it */
    CHECK(!imr_kept_read(&f, found, 4, 2));
    imr_kept_close(&f);
    CHECK_INT(imr_kept_open(&f, test_path(test_tmpdir(), "no/x"), &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "cannot write ");
    CHECK_INT(err.status, IMR_E_IO);
    CHECK_INT(imr_kept_open_read(&f, test_path(test_tmpdir(), "x"), &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "cannot open ");
}

TEST("a file that is not open can be closed and removed, and nothing is read from it")
{
    imr_kept f = {0};
    char c;
    CHECK(!imr_kept_read(&f, &c, 1, 0));
    imr_kept_close(&f);
    imr_kept_remove(&f);
}

/* ---- the journal ---- */

/* What the notes `text` are worth to a file whose first two blocks are good. */
static imr_kept_notes checked(const char *text, size_t *done)
{
    char path[512];
    snprintf(path, sizeof path, "%s/journal", test_tmpdir());
    imr_error err = {0};
    imr_kept_notes notes = {77, true};
    uint8_t row[WIDE];
    imr_kept_rows r = empty_rows();
    CHECK_OK(imr_kept_open(&r.file, test_path(test_tmpdir(), "data"), &err));
    CHECK_OK(imr_kept_write(&r.file, HEAD, 4, 0, &err));
    for (size_t i = 0; i < 2 * BLOCK; i++) {
        fill(row, WIDE, i);
        CHECK_OK(imr_kept_write(&r.file, row, WIDE, 4 + i * WIDE, &err));
        fill(row, NARROW, i);
        CHECK_OK(imr_kept_write(&r.file, row, NARROW, SECOND + i * NARROW, &err));
    }
    CHECK_OK(imr_kept_resize(&r.file, SECOND + ROWS * NARROW, &err));
    CHECK_OK(imr_file_write(path, text, strlen(text), &err));
    CHECK_OK(imr_kept_rows_check(&notes, path, HEADER, &r, 1, NULL, &err));
    *done = r.done;
    imr_kept_close(&r.file);
    return notes;
}

/* sha256 of the made rows 0..2, 3..5: those of 100 bytes, then those of 4. */
#define FIRST       "rows 3 b0fc0d78f752fe3e5b946ab10e2af19bc1fa729eacaac528ebecb9c694bcd68b\n"
#define SECOND_NOTE "rows 6 4a609bbf771c78ecb615d1b8cb1cb51d4e2f71d86937e23b5e466b2ceede0335\n"
#define HEADER_TEXT "made-up 1 rows 14\n"

TEST("a journal is believed up to its last whole and good note")
{
    static const struct {
        const char *text;
        size_t end, done;
        bool damaged;
    } cases[] = {
        {HEADER_TEXT FIRST SECOND_NOTE, 162, 6, false},
        {HEADER_TEXT FIRST "rows 6 0123", 90, 3, false}, /* killed while noting */
        {HEADER_TEXT FIRST, 90, 3, false},
        {HEADER_TEXT, 18, 0, false},
        {"made-up 1", 0, 0, false}, /* killed before the first block */
        {"", 0, 0, false},
        {"made-up 2 rows 14\n" FIRST, 0, 0, true}, /* of something else */
        {"other", 0, 0, true},
        {HEADER_TEXT SECOND_NOTE, 18, 0, true}, /* not the block that comes next */
        {HEADER_TEXT FIRST FIRST, 90, 3, true},
        {HEADER_TEXT FIRST "lines 6 x\n", 90, 3, true}, /* of other rows */
        {HEADER_TEXT FIRST "\n" SECOND_NOTE, 90, 3, true},
    };
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        size_t done;
        const imr_kept_notes n = checked(cases[i].text, &done);
        CHECK_INT(n.end, cases[i].end);
        CHECK_INT(done, cases[i].done);
        CHECK_INT(n.damaged, cases[i].damaged);
    }
}

TEST("a journal that is not there is an error")
{
    imr_error err = {0};
    imr_kept_notes notes = {77, true};
    imr_kept_rows r = empty_rows();
    CHECK_INT(
        imr_kept_rows_check(&notes, test_path(test_tmpdir(), "none"), HEADER, &r, 1, NULL, &err),
        IMR_E_NOT_FOUND);
    CHECK_INT(notes.end, 77);
}

/* Asks to stop at its n-th call. */
static bool stop_at(void *user, const imr_progress_info *info)
{
    size_t *left = user;
    CHECK_STR(info->what, "making rows");
    CHECK_INT(info->total, ROWS);
    return (*left)-- > 0;
}

TEST("what is stopped says how far it came, and goes on from there")
{
    char dir[256];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    imr_error err = {0};
    size_t left = 2, made;
    const imr_progress progress = {stop_at, &left};
    maker m = {.made = 0};
    CHECK_INT(make(&m, dir, &progress, &err), IMR_E_CANCELLED);
    CHECK_STR(err.text,
              "making rows was cancelled after 6 of 14; run the same command again to go on");
    maker_done(&m);
    CHECK_OK(make_once(&made, dir, &err));
    CHECK_INT(made, ROWS - 6);
    check_whole(dir);
}

TEST("rows in memory are those of the file")
{
    uint8_t memory[SECOND + ROWS * NARROW], row[WIDE];
    imr_error err = {0};
    maker m = {.rows = empty_rows()};
    m.rows.memory = memory;
    CHECK_OK(imr_kept_rows_make(&m.rows, NULL, make_rows, &m, NULL, &err));
    CHECK_INT(m.made, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        fill(row, WIDE, i);
        CHECK(memcmp(memory + 4 + i * WIDE, row, WIDE) == 0);
        fill(row, NARROW, i);
        CHECK(memcmp(memory + SECOND + i * NARROW, row, NARROW) == 0);
    }
}

/* ---- the lock ---- */

TEST("a second writer is turned away until the first has closed, in one process and in two")
{
    char path[512];
    snprintf(path, sizeof path, "%s/x", test_tmpdir());
    imr_error err = {0};
    imr_kept first, second;
    CHECK_OK(imr_kept_lock(&first, path, &err));
    CHECK_INT(imr_kept_lock(&second, path, &err), IMR_E_BUSY);
    CHECK_CONTAINS(err.text, "another process is writing ");
    const pid_t child = fork();
    if (child == 0)
        _exit(imr_kept_lock(&second, path, &err) == IMR_E_BUSY ? 42 : 1);
    int how;
    CHECK_INT(waitpid(child, &how, 0), child);
    CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 42);
    imr_kept_close(&first);
    CHECK_OK(imr_kept_lock(&second, path, &err));
    imr_kept_close(&second);
}

TEST("a killed process holds no lock")
{
    char path[512];
    snprintf(path, sizeof path, "%s/x", test_tmpdir());
    imr_error err = {0};
    imr_kept f;
    const pid_t child = fork();
    if (child == 0) {
        raise(imr_kept_lock(&f, path, NULL) == IMR_OK ? SIGKILL : SIGTERM);
        _exit(1);
    }
    int how;
    CHECK_INT(waitpid(child, &how, 0), child);
    CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    CHECK_OK(imr_kept_lock(&f, path, &err));
    imr_kept_close(&f);
}

TEST("a published file stays locked under its new name; the old name is free for a new one")
{
    const char *dir = test_tmpdir(), *partial = test_path(dir, "x.partial"),
               *x = test_path(dir, "x");
    imr_error err = {0};
    imr_kept first, second, third;
    CHECK_OK(imr_kept_lock(&first, partial, &err));
    CHECK_OK(imr_kept_append(&first, "one", 3, &err));
    CHECK_OK(imr_kept_publish(&first, x, &err));
    CHECK_STR(first.path, x);
    CHECK_INT(imr_kept_lock(&third, x, &err), IMR_E_BUSY);
    CHECK_OK(imr_kept_lock(&second, partial, &err));
    CHECK_OK(imr_kept_append(&second, "two!", 4, &err));
    imr_kept_fail_after(1, EIO); /* the rename */
    CHECK_INT(imr_kept_publish(&second, x, &err), IMR_E_IO);
    imr_kept_fail_after(-1, 0);
    CHECK_STR(second.path, partial);
    size_t len;
    char *found = test_read(x, &len);
    CHECK_STR(found, "one");
    free(found);
    imr_kept_remove(&second);
    CHECK(!imr_file_exists(partial));
    imr_kept_close(&first);
    CHECK(imr_file_exists(x));
}

/* Takes the lock `rounds` times; true when nobody else ever held the name at the same time. */
static bool alone(const char *dir, int rounds)
{
    char partial[512], real[512], marker[512];
    snprintf(partial, sizeof partial, "%s/x.partial", dir);
    snprintf(real, sizeof real, "%s/x", dir);
    snprintf(marker, sizeof marker, "%s/held", dir);
    while (rounds) {
        imr_kept f;
        const imr_status status = imr_kept_lock(&f, partial, NULL);
        if (status == IMR_E_BUSY)
            continue;
        if (status != IMR_OK)
            return false;
        const int held = open(marker, O_CREAT | O_EXCL | O_WRONLY, 0666);
        if (held < 0)
            return false;
        close(held);
        if (unlink(marker) != 0)
            return false;
        if (rounds-- % 2)
            imr_kept_remove(&f);
        else if (rename(partial, real) != 0) /* as publishing does, without its flush */
            return false;
        imr_kept_close(&f);
    }
    return true;
}

TEST("processes that publish and give up all the time never hold one name together")
{
    char dir[256];
    snprintf(dir, sizeof dir, "%s", test_tmpdir());
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(alone(dir, 400) ? 0 : 1);
    }
    for (int i = 0; i < 3; i++) {
        int how;
        CHECK_INT(waitpid(children[i], &how, 0), children[i]);
        CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
}
