#include "base/guard.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/test.h"

static imr_error err;

static void no_handler(int signal_number)
{
    _exit(signal_number == SIGBUS ? 7 : 8);
}

/* In a process of its own: a loss stays. */
static int in_child(void (*what)(const char *path), const char *path)
{
    const pid_t pid = fork();
    if (pid == 0) {
        imr_guard_install();
        what(path);
        _exit(9);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void cut_short(const char *path)
{
    imr_file f;
    imr_error why;
    if (imr_file_map(&f, path, &why) != IMR_OK || !f.mapped || imr_guard_check(&why) != IMR_OK)
        _exit(1);
    if (f.data[f.len - 1] != 'x' || truncate(path, 1) != 0)
        _exit(2);
    volatile const uint8_t *data = f.data;
    if (data[f.len - 1] != 0 || data[0] != 'x')
        _exit(3);
    _exit(imr_guard_check(&why) == IMR_E_IO ? 0 : 4);
}

static void sent(const char *path)
{
    (void)path;
    imr_guard_otherwise(no_handler);
    kill(getpid(), SIGBUS);
}

static void by_default(const char *path)
{
    (void)path;
    kill(getpid(), SIGBUS);
}

TEST("a page that a mapped file lost is zeros, and said; another SIGBUS is what it was")
{
    const char *path = test_path(test_tmpdir(), "f");
    char *text = malloc(1 << 20);
    CHECK(text);
    memset(text, 'x', 1 << 20);
    CHECK_OK(imr_file_write(path, text, 1 << 20, &err));
    free(text);
    CHECK_INT(in_child(cut_short, path), 0);
    CHECK_INT(in_child(sent, path), 7);
    CHECK_INT(in_child(by_default, path), -SIGBUS);
    CHECK_OK(imr_guard_check(&err));
}
