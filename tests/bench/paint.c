/* From starting the explorer to its first frame, through a pseudo-terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/bench/bench.h"

enum { STARTS = 9, PATIENCE_MS = 10000 };
static const char marker[] = "\033]7770;frame;";

int bench_terminal_open(int *child)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        return -1;
    const struct winsize size = {.ws_row = 36, .ws_col = 120};
    *child = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (*child < 0 || ioctl(master, TIOCSWINSZ, &size)) {
        close(master);
        return -1;
    }
    return master;
}

void bench_terminal_take(int child)
{
    setsid();
    ioctl(child, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(child, i);
    setenv("TERM", "xterm-256color", 1);
    setenv("IMRNN_TEST_SYNC", "1", 1);
}

static void become_explorer(int terminal, const bench_corpus *c)
{
    bench_terminal_take(terminal);
    execl(IMRNN_PROGRAM, "imrnn", "explore", c->cache, "--checkpoint", c->adapter, "--dataset",
          c->dataset, "--encoder", c->encoder, (char *)NULL);
    _exit(127);
}

bool bench_terminal_frame(int master)
{
    char seen[1 << 16];
    size_t n = 0;
    while (n < sizeof seen - 1) {
        struct pollfd p = {.fd = master, .events = POLLIN};
        if (poll(&p, 1, PATIENCE_MS) <= 0)
            return false;
        const ssize_t got = read(master, seen + n, sizeof seen - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        seen[n] = '\0';
        for (size_t i = 0; i + sizeof marker - 1 <= n; i++)
            if (memcmp(seen + i, marker, sizeof marker - 1) == 0)
                return true;
    }
    return false;
}

static double start_once(const bench_corpus *c)
{
    int child;
    const int master = bench_terminal_open(&child);
    if (master < 0)
        return -1;
    fflush(stdout);
    const double start = imr_clock_seconds();
    const pid_t pid = fork();
    if (pid == 0) {
        close(master);
        become_explorer(child, c);
    }
    close(child);
    const double seconds =
        pid > 0 && bench_terminal_frame(master) ? imr_clock_seconds() - start : -1;
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(master);
    return seconds;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_paint(void)
{
    double ms[STARTS];
    const bench_corpus *c = bench_corpus_get();
    for (size_t i = 0; i < STARTS; i++) {
        ms[i] = 1e3 * start_once(c);
        if (ms[i] < 0) {
            printf("  the explorer drew nothing\n");
            return;
        }
    }
    qsort(ms, STARTS, sizeof *ms, ascending);
    printf("  first frame after %.1f ms (least), %.1f ms (median), %.1f ms (most of %d starts)\n",
           ms[0], ms[STARTS / 2], ms[STARTS - 1], STARTS);
    bench_verdict("first paint", ms[STARTS / 2], 50);
}
