#include "base/file.h"
#include "tests/support/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_named(const char *path, const char *text)
{
    imr_error err;
    imr_writer w;
    CHECK_OK(imr_writer_open_named(&w, path, true, &err));
    imr_writer_add(&w, text, strlen(text));
    CHECK_OK(imr_writer_commit(&w, &err));
}

static void check_text(const char *path, const char *expected)
{
    char *text = test_read(path, NULL);
    CHECK_STR(text, expected);
    free(text);
}

TEST("a file is written whole and read back")
{
    imr_error err;
    const char *path = test_path(test_tmpdir(), "a");
    CHECK_OK(imr_file_write(path, "hello", 5, &err));
    imr_file f;
    CHECK_OK(imr_file_map(&f, path, &err));
    CHECK(f.len == 5 && memcmp(f.data, "hello", 5) == 0);
    imr_file_unmap(&f);
}

TEST("an uncommitted file leaves nothing and the old content stays")
{
    imr_error err;
    const char *dir = test_tmpdir();
    const char *path = test_path(dir, "a");
    CHECK_OK(imr_file_write(path, "old", 3, &err));
    imr_writer w;
    CHECK_OK(imr_writer_open(&w, path, &err));
    imr_writer_add(&w, "new", 3);
    imr_writer_done(&w);
    imr_names names;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 1);
    imr_names_done(&names);
    char *text = test_read(path, NULL);
    CHECK_STR(text, "old");
    free(text);
}

TEST("what exists is overwritten only when asked, and so is what appears meanwhile")
{
    imr_error err;
    const char *dir = test_tmpdir();
    const char *path = test_path(dir, "a"), *fresh = test_path(dir, "b");
    imr_writer w;
    CHECK_OK(imr_file_vacant(path, false, &err));
    CHECK_OK(imr_writer_open_named(&w, path, false, &err));
    imr_writer_add(&w, "new", 3);
    CHECK_OK(imr_file_write(path, "other", 5, &err));
    CHECK_INT(imr_writer_commit(&w, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, path);
    check_text(path, "other");
    CHECK_INT(imr_writer_open_named(&w, path, false, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "--overwrite");
    check_text(path, "other");
    write_named(path, "asked");
    check_text(path, "asked");
    CHECK_OK(imr_file_vacant("/dev/null", false, &err));
    CHECK_OK(imr_file_vacant(dir, false, &err));
    CHECK_OK(imr_writer_open_named(&w, fresh, false, &err));
    imr_writer_add(&w, "new", 3);
    CHECK_OK(imr_writer_commit(&w, &err));
    check_text(fresh, "new");
    imr_names names;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 2); /* no temporary name is left */
    imr_names_done(&names);
}

TEST("what can be made again takes at most half of what is free")
{
    imr_error err;
    CHECK_OK(imr_dir_room(test_tmpdir(), 1, &err));
    CHECK_INT(imr_dir_room(test_tmpdir(), UINT64_MAX, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "at most half is taken");
}

TEST("what a killed writer left is removed by the next of that target, and nothing else is")
{
    imr_error err;
    imr_writer w, alive;
    char dir[600], path[700];
    snprintf(dir, sizeof dir, "%s/left", test_tmpdir());
    snprintf(path, sizeof path, "%s/out", dir);
    CHECK_OK(imr_dir_make(dir, &err));
    const pid_t child = fork();
    if (child == 0) {
        CHECK_OK(imr_writer_open(&w, path, &err));
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    imr_names names;
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 1);
    imr_names_done(&names);
    static const char *const others[] = {"out.tmp-0123456", "out.tmp-0123456z",
                                         "out2.tmp-01234567"};
    for (int i = 0; i < 3; i++)
        CHECK_OK(imr_file_write(test_path(dir, others[i]), "x", 1, &err));
    CHECK_INT(symlink(others[0], test_path(dir, "out.tmp-aaaaaaaa")), 0);
    CHECK_INT(mkfifo(test_path(dir, "out.tmp-bbbbbbbb"), 0600), 0);
    CHECK_OK(imr_writer_open(&alive, path, &err));
    imr_writer_add(&alive, "new", 3);
    CHECK_OK(imr_file_write(path, "other", 5, &err)); /* sweeps, beside one that is alive */
    CHECK_OK(imr_writer_commit(&alive, &err));
    CHECK_OK(imr_dir_list(&names, dir, &err));
    CHECK_INT(names.n, 6); /* three files, a link, a pipe, and the target */
    imr_names_done(&names);
}

TEST("a full disk is one error and leaves nothing")
{
    imr_error err;
    imr_writer w;
    if (access("/dev/full", W_OK) != 0)
        SKIP("/dev/full is absent");
    CHECK_OK(imr_writer_open(&w, test_path(test_tmpdir(), "a"), &err));
    fclose(w.file);
    w.file = fopen("/dev/full", "wb");
    CHECK(w.file != NULL);
    imr_writer_add(&w, "x", 1);
    CHECK_INT(imr_writer_commit(&w, &err), IMR_E_IO);
    CHECK_CONTAINS(err.text, "No space left");
}

TEST("a name the user gave may be a link: what is behind it is written, with its mode")
{
    struct stat st;
    const char *dir = test_tmpdir(), *real = test_path(dir, "v"), *link = test_path(dir, "link");
    write_named(real, "old");
    CHECK(chmod(real, 0640) == 0 && symlink("v", link) == 0);
    write_named(link, "new");
    check_text(real, "new");
    CHECK(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat(real, &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0640);

    CHECK(symlink("later", test_path(dir, "dangling")) == 0);
    write_named(test_path(dir, "dangling"), "made");
    check_text(test_path(dir, "later"), "made");
}

TEST("a pipe and a device are written to and stay what they are")
{
    struct stat st;
    const char *pipe = test_path(test_tmpdir(), "pipe");
    CHECK(mkfifo(pipe, 0600) == 0);
    int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0);
    write_named(pipe, "through");
    char bytes[16] = "";
    CHECK_INT(read(reader, bytes, sizeof bytes - 1), 7);
    CHECK_STR(bytes, "through");
    close(reader);
    CHECK(lstat(pipe, &st) == 0 && S_ISFIFO(st.st_mode));
    if (geteuid() != 0) /* root could replace the machine's own when this is broken */
        write_named("/dev/null", "nothing");
}

TEST("in our own folders a link is replaced, never followed")
{
    imr_error err;
    struct stat st;
    const char *dir = test_tmpdir(), *real = test_path(dir, "v"), *link = test_path(dir, "link");
    write_named(real, "old");
    CHECK(symlink("v", link) == 0);
    CHECK_OK(imr_file_write(link, "new", 3, &err));
    check_text(real, "old");
    check_text(link, "new");
    CHECK(lstat(link, &st) == 0 && S_ISREG(st.st_mode));
}

TEST("a missing file and a folder are not found, an empty file is empty")
{
    imr_error err;
    imr_file f;
    const char *dir = test_tmpdir();
    CHECK_INT(imr_file_map(&f, test_path(dir, "none"), &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "none");
    CHECK_INT(imr_file_map(&f, dir, &err), IMR_E_NOT_FOUND);
    CHECK_OK(imr_file_write(test_path(dir, "empty"), "", 0, &err));
    CHECK_OK(imr_file_map(&f, test_path(dir, "empty"), &err));
    CHECK_INT(f.len, 0);
    imr_file_unmap(&f);
    CHECK_OK(imr_dir_make(test_path(dir, "x/y/z"), &err));
    CHECK(imr_dir_exists(test_path(dir, "x/y/z")));
}

TEST("only a regular file is read where a file is meant, and nothing waits")
{
    imr_error err;
    imr_file f;
    const char *dir = test_tmpdir(), *fifo = test_path(dir, "pipe");
    CHECK(mkfifo(fifo, 0600) == 0);
    CHECK_INT(imr_file_map(&f, fifo, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "is a pipe where a file is needed");
    CHECK_INT(imr_file_map(&f, "/dev/zero", &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "is a device where");
    CHECK_INT(imr_file_map(&f, dir, &err), IMR_E_NOT_FOUND);
    CHECK_CONTAINS(err.text, "is a folder where");
    CHECK_INT(imr_file_map_as(&f, "/dev/zero", IMR_FILE_PIPE, &err), IMR_E_NOT_FOUND);
    /* The user's own pipe: at its end when nobody writes, waited for when somebody does. */
    CHECK_OK(imr_file_map_as(&f, fifo, IMR_FILE_PIPE, &err));
    CHECK_INT(f.len, 0);
    imr_file_unmap(&f);
    int ends[2];
    char name[32];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        (void)!write(ends[1], "a ", 2);
        poll(NULL, 0, 50);
        (void)!write(ends[1], "pipe", 4);
        _exit(0);
    }
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    CHECK_OK(imr_file_map_as(&f, name, IMR_FILE_PIPE, &err));
    CHECK(f.len == 6 && memcmp(f.data, "a pipe", 6) == 0);
    imr_file_unmap(&f);
    close(ends[0]);
    waitpid(child, NULL, 0);
}

TEST("a pointer of Git LFS and a web page are named for what they are")
{
    imr_error err;
    imr_file f;
    const char *path = test_path(test_tmpdir(), "model.safetensors");
    static const char *const lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n";
    static const char *const page = "\xEF\xBB\xBF\n<!DOCTYPE html>\n<html>";
    CHECK_OK(imr_file_write(path, lfs, strlen(lfs), &err));
    CHECK_INT(imr_file_map(&f, path, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "model.safetensors is a pointer of Git LFS");
    CHECK_CONTAINS(err.text, "git lfs pull");
    CHECK_OK(imr_file_write(path, page, strlen(page), &err));
    CHECK_INT(imr_file_map(&f, path, &err), IMR_E_FORMAT);
    CHECK_CONTAINS(err.text, "is a web page (HTML)");
    CHECK_OK(imr_file_map_as(&f, path, IMR_FILE_TEXT, &err));
    imr_file_unmap(&f);
}
