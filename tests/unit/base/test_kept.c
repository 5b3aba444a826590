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

/* ---- a maker of 5 blocks of 100 bytes, with everything in it ---- */

enum { BLOCKS = 5, BLOCK = 100 };

static const char HEADER[] = "made-up 1 blocks of 100\n";

typedef struct maker {
    imr_kept lock, data, journal;
    size_t done, made;
} maker;

static void maker_done(maker *m)
{
    imr_kept_close(&m->journal);
    imr_kept_close(&m->data);
    imr_kept_close(&m->lock);
}

static void fill(uint8_t block[BLOCK], size_t i)
{
    for (size_t j = 0; j < BLOCK; j++)
        block[j] = (uint8_t)(i * 31 + j * 7 + 1);
}

static imr_status check_line(bool *good, void *user, const char *line, size_t len, imr_error *err)
{
    (void)err;
    maker *m = user;
    uint8_t scratch[BLOCK];
    char hex[IMR_SHA256_HEX], expected[128];
    *good = imr_kept_hash(&m->data, m->done * BLOCK, BLOCK, scratch, hex);
    if (!*good)
        return IMR_OK;
    snprintf(expected, sizeof expected, "%zu %s", m->done + 1, hex);
    *good = len == strlen(expected) && memcmp(line, expected, len) == 0;
    m->done += *good;
    return IMR_OK;
}

static imr_status make(maker *m, const char *dir, imr_error *err)
{
    imr_kept_notes notes;
    IMR_TRY(imr_kept_lock(&m->lock, test_path(dir, "lock"), err));
    IMR_TRY(imr_kept_open(&m->data, test_path(dir, "data.partial"), err));
    IMR_TRY(imr_kept_open(&m->journal, test_path(dir, "journal"), err));
    m->data.advice = "make room";
    m->data.flush_every = 2 * BLOCK;
    IMR_TRY(imr_kept_replay(&notes, m->journal.path, HEADER, check_line, m, err));
    IMR_TRY(imr_kept_resume(&m->journal, notes.end, HEADER, err));
    while (m->done < BLOCKS) {
        uint8_t block[BLOCK];
        char hex[IMR_SHA256_HEX], line[128];
        fill(block, m->done);
        IMR_TRY(imr_kept_write(&m->data, block, BLOCK, m->done * BLOCK, err));
        IMR_TRY(imr_sha256_memory(block, BLOCK, hex, err));
        const int n = snprintf(line, sizeof line, "%zu %s\n", m->done + 1, hex);
        IMR_TRY(imr_kept_append(&m->journal, line, (size_t)n, err));
        m->done++;
        m->made++;
    }
    IMR_TRY(imr_kept_resize(&m->data, BLOCKS * BLOCK, err));
    IMR_TRY(imr_kept_publish(&m->data, test_path(dir, "data"), err));
    imr_kept_remove(&m->journal);
    return IMR_OK;
}

static imr_status make_once(size_t *made, const char *dir, imr_error *err)
{
    IMR_CLEANUP(maker_done) maker m = {.done = 0};
    const imr_status status = make(&m, dir, err);
    *made = m.made;
    return status;
}

static void check_whole(const char *dir)
{
    size_t len;
    char *found = test_read(test_path(dir, "data"), &len);
    CHECK_INT(len, BLOCKS * BLOCK);
    for (size_t i = 0; i < BLOCKS; i++) {
        uint8_t block[BLOCK];
        fill(block, i);
        CHECK(memcmp(found + i * BLOCK, block, BLOCK) == 0);
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
            CHECK(first + made == BLOCKS || first + made == BLOCKS + 1);
            kept_at_most = BLOCKS - made > kept_at_most ? BLOCKS - made : kept_at_most;
        }
        check_whole(dir);
    }
    CHECK_INT(kept_at_most, BLOCKS);
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

typedef struct lines {
    size_t seen, bad_at;
    imr_status status;
} lines;

static imr_status count_line(bool *good, void *user, const char *line, size_t len, imr_error *err)
{
    lines *l = user;
    CHECK(len == 1 && line[0] == (char)('a' + l->seen));
    *good = l->seen++ != l->bad_at;
    return l->status == IMR_OK ? IMR_OK : imr_fail(err, l->status, "as told");
}

static imr_kept_notes replayed(const char *text, lines l)
{
    const char *path = test_path(test_tmpdir(), "journal");
    imr_error err = {0};
    imr_kept_notes notes = {77, true};
    CHECK_OK(imr_file_write(path, text, strlen(text), &err));
    CHECK_OK(imr_kept_replay(&notes, path, "head\n", count_line, &l, &err));
    return notes;
}

TEST("a journal is believed up to its last whole and good note")
{
    const lines good = {.bad_at = 99};
    imr_kept_notes n = replayed("head\na\nb\nc\n", good);
    CHECK(n.end == 11 && !n.damaged);
    n = replayed("head\na\nb\nc", good); /* killed while noting */
    CHECK(n.end == 9 && !n.damaged);
    n = replayed("head\n", good);
    CHECK(n.end == 5 && !n.damaged);
    n = replayed("head", good); /* killed before the first block */
    CHECK(n.end == 0 && !n.damaged);
    n = replayed("", good);
    CHECK(n.end == 0 && !n.damaged);
    n = replayed("hand\na\n", good); /* of something else */
    CHECK(n.end == 0 && n.damaged);
    n = replayed("other", good);
    CHECK(n.end == 0 && n.damaged);
    n = replayed("head\na\nb\nc\n", (lines){.bad_at = 1});
    CHECK(n.end == 7 && n.damaged);
    n = replayed("head\na\nb\nc\n", (lines){.bad_at = 0});
    CHECK(n.end == 5 && n.damaged);
}

TEST("a status from a note ends the replay with it")
{
    const char *path = test_path(test_tmpdir(), "journal");
    imr_error err = {0};
    imr_kept_notes notes = {77, true};
    lines l = {.bad_at = 99, .status = IMR_E_CANCELLED};
    CHECK_OK(imr_file_write(path, "head\na\nb\n", 9, &err));
    CHECK_INT(imr_kept_replay(&notes, path, "head\n", count_line, &l, &err), IMR_E_CANCELLED);
    CHECK_INT(l.seen, 1);
    CHECK_INT(notes.end, 77);
    CHECK_INT(
        imr_kept_replay(&notes, test_path(test_tmpdir(), "none"), "head\n", count_line, &l, &err),
        IMR_E_NOT_FOUND);
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
