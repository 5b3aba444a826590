/* The explorer through a real terminal: what libvterm shows is what the cell grid says. */
#include "support/test.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "screen.h"
#include "vt.h"

static const char *explorer(void)
{
    const char *path = getenv("IMRNN_TEST_EXPLORER");
    if (!path)
        SKIP("IMRNN_TEST_EXPLORER is not set; meson test sets it");
    return path;
}

static vt *start(int rows, int cols, const char *term, const char *option, const char *value)
{
    const char *argv[] = {explorer(), option, value, NULL};
    vt *t = vt_start(rows, cols, term, argv, NULL);
    CHECK(vt_wait_idle(t));
    return t;
}

/* The program under the terminal and the headless one were given the same. */
static void same(vt *t, screen *s, const char *after)
{
    const char *found = vt_dump(t), *expected = screen_text(s);
    for (int row = 0; *found || *expected; row++) {
        size_t n = strcspn(found, "\n"), m = strcspn(expected, "\n");
        if (n != m || memcmp(found, expected, n) != 0)
            FAIL("after %s row %d differs\n      terminal %.*s\n      grid     %.*s", after, row,
                 (int)n, found, (int)m, expected);
        found += n + (found[n] == '\n');
        expected += m + (expected[m] == '\n');
    }
    test_count();
}

typedef struct both {
    vt *t;
    screen s;
} both;

static void both_start(both *b, int rows, int cols, const char *term)
{
    b->t = start(rows, cols, term, NULL, NULL);
    screen_start(&b->s, rows, cols, false);
    b->s.app.theme = strstr(term, "256") ? UI_THEME_AUTO : UI_THEME_16;
    fake_open(b->s.engine, true, true, true);
    screen_settle(&b->s);
    same(b->t, &b->s, term);
}

static void both_keys(both *b, const char *keys)
{
    vt_keys(b->t, keys, strlen(keys));
    CHECK(vt_wait_idle(b->t));
    screen_keys(&b->s, keys);
    same(b->t, &b->s, keys);
    int y, x;
    bool shown;
    const ui_grid *g = &b->s.replay.view.grid;
    vt_cursor(b->t, &y, &x, &shown);
    CHECK_INT(shown, g->cursor_shown);
    if (g->cursor_y >= 0) {
        CHECK_INT(y, g->cursor_y);
        CHECK_INT(x, g->cursor_x);
    }
}

static void both_resize(both *b, int rows, int cols)
{
    vt_resize(b->t, rows, cols);
    CHECK(vt_wait_size(b->t, rows, cols, 5000));
    screen_resize(&b->s, rows, cols);
    same(b->t, &b->s, "a resize");
}

static void both_end(both *b)
{
    vt_stop(b->t);
    screen_end(&b->s);
}

TEST("what the terminal shows is what the grid says, on every kind of terminal")
{
    static const char *const terms[] = {"xterm-256color", "tmux-256color", "screen", "linux"};
    static const char *const keys[] = {
        "java coffee", "\t",        "jjj",         "\033[B\033OB",
        "3",           "ll\033[Bx", "1w",          "\x04",
        "w",           "\r",        "n",           "]",
        "-",           "?",         "\x04",        "\033[C",
        "\033[B",      "\033",      "s",           "d",
        "f",           "l",         "\033",        "T",
        "G",           ":the",      "\x15selft\r", "q",
        "i\x12",       "\r",        "\x17",        "\033[200~pasted\ntext\033[201~"};
    for (size_t k = 0; k < IMR_LEN(terms); k++) {
        both b;
        both_start(&b, 36, 120, terms[k]);
        for (size_t i = 0; i < IMR_LEN(keys); i++)
            both_keys(&b, keys[i]);
        both_end(&b);
    }
}

TEST("every size shows what the grid says, back and forth")
{
    static const int sizes[][2] = {{24, 80}, {60, 200}, {15, 60},  {9, 46},  {3, 12},
                                   {1, 1},   {45, 90},  {30, 100}, {36, 120}};
    both b;
    both_start(&b, 36, 120, "xterm-256color");
    both_keys(&b, "java coffee");
    both_keys(&b, "\tjj");
    for (size_t i = 0; i < IMR_LEN(sizes); i++)
        both_resize(&b, sizes[i][0], sizes[i][1]);
    both_end(&b);
}

static void both_suspend(both *b)
{
    VT_KEYS(b->t, "\x1a");
    CHECK(vt_wait_stopped(b->t, 5000));
    CHECK(!vt_altscreen(b->t) && vt_echo(b->t));
    vt_signal(b->t, SIGCONT);
    CHECK(vt_wait_idle(b->t));
    same(b->t, &b->s, "suspend and continue");
}

/* The same way as tests/ui/screens/tour-s and tour-m, whose screens are kept. */
TEST("type, move, open, export, resize, suspend, continue, quit: the grid's screens, at two sizes")
{
    static const int sizes[][2] = {{24, 80}, {36, 120}};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        both b;
        int status;
        both_start(&b, sizes[i][0], sizes[i][1], "xterm-256color");
        both_keys(&b, "tea leaves");
        both_keys(&b, "\tjjj");
        both_keys(&b, "w");
        both_keys(&b, "w\r");
        both_keys(&b, "e\r");
        CHECK_CONTAINS(vt_dump(b.t), "saved ");
        both_keys(&b, "q:doc\r");
        both_keys(&b, "qi for the");
        both_resize(&b, 30, 100);
        both_keys(&b, " cold");
        both_resize(&b, sizes[i][0], sizes[i][1]);
        both_suspend(&b);
        VT_KEYS(b.t, "\033");
        CHECK(vt_wait_idle(b.t));
        VT_KEYS(b.t, "q");
        CHECK(vt_wait_exit(b.t, 5000, &status));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !vt_altscreen(b.t));
        both_end(&b);
    }
}

TEST("roles become the colours and attributes of the theme")
{
    vt *t = start(36, 120, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee\t");
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump_attributes(t), " 32/-1");
    CHECK_CONTAINS(vt_dump_attributes(t), " 166/-1");
    CHECK_CONTAINS(vt_dump_attributes(t), "166/-1r");
    CHECK(!strstr(vt_dump_attributes(t), " 75/"));
    VT_KEYS(t, ":theme dark\r");
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump_attributes(t), " 75/-1");
    CHECK_CONTAINS(vt_dump_attributes(t), " 208/-1");
    CHECK(!strstr(vt_dump_attributes(t), " 32/"));
    VT_KEYS(t, ":theme mono\r");
    CHECK(vt_wait_idle(t));
    CHECK(!strstr(vt_dump_attributes(t), " 208/"));
    vt_stop(t);
}

TEST("NO_COLOR leaves attributes and takes colours")
{
    const char *argv[] = {explorer(), NULL}, *env[] = {"NO_COLOR", "1", NULL};
    vt *t = vt_start(24, 80, "xterm-256color", argv, env);
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "java coffee\t");
    CHECK(vt_wait_idle(t));
    const char *a = vt_dump_attributes(t);
    CHECK_CONTAINS(a, "-1/-1b");
    CHECK_CONTAINS(a, "-1/-1r");
    CHECK(!strstr(a, " 32/") && !strstr(a, " 166/"));
    vt_stop(t);
}

TEST("in a locale without UTF-8 every byte on the screen is ASCII")
{
    const char *argv[] = {explorer(), NULL}, *env[] = {"LC_ALL", "C", NULL};
    vt *t = vt_start(24, 80, "xterm-256color", argv, env);
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "java coffee\tjjj?");
    CHECK(vt_wait_idle(t));
    const char *d = vt_dump(t);
    CHECK_CONTAINS(d, "Help");
    for (; *d; d++)
        CHECK((unsigned char)*d < 0x80);
    vt_stop(t);
}

TEST("paste mode, alternate screen and synchronised frames are on and go off again")
{
    int status;
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    CHECK(vt_altscreen(t));
    CHECK(vt_raw_has(t, "\033[?2004h", 8) && vt_raw_has(t, "\033[?2026h", 8));
    CHECK(!vt_raw_has(t, "\033[?1000h", 8) && !vt_raw_has(t, "\033[c", 3));
    CHECK(!vt_raw_has(t, "\033[?2004l", 8));
    CHECK(vt_raw_has(t, "\033[?1002h\033[?1006h", 16) && !vt_raw_has(t, "\033[?1002l", 8));
    VT_KEYS(t, "\tM");
    CHECK(vt_wait_idle(t));
    CHECK(vt_raw_has(t, "\033[?1002l\033[?1006l", 16));
    CHECK_CONTAINS(vt_dump(t), "the mouse is the terminal's");
    VT_KEYS(t, "q");
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(vt_raw_has(t, "\033[?2004l", 8) && !vt_altscreen(t));
    CHECK_CONTAINS(vt_dump(t), "left with 0");
    vt_stop(t);
}

TEST("clicks reach the explorer, also in two halves, and legacy ones leave no text behind")
{
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee");
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "\033[<0;10;");
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "7M\033[<0;10;7m\033[M #'\033[M##'");
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "java coffee ");
    CHECK_CONTAINS(vt_dump(t), "3 of 10");
    vt_stop(t);
}

TEST("a frame is written as a whole, not a move of the cursor at a time")
{
    vt *t = start(36, 120, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee\t");
    CHECK(vt_wait_idle(t));
    const long before = vt_writes(t);
    if (before < 0)
        SKIP("this system does not count a program's writes");
    VT_KEYS(t, "3");
    CHECK(vt_wait_idle(t));
    const long n = vt_writes(t) - before; /* also what says where a frame begins and ends */
    CHECK(n > 0 && n < 20);
    vt_stop(t);
}

TEST("suspend gives the terminal back, continuing draws the screen again")
{
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee\tj");
    CHECK(vt_wait_idle(t));
    char before[20000];
    snprintf(before, sizeof before, "%s", vt_dump(t));
    VT_KEYS(t, "\x1a");
    CHECK(vt_wait_stopped(t, 5000));
    CHECK(!vt_altscreen(t) && vt_echo(t));
    vt_signal(t, SIGCONT);
    CHECK(vt_wait_idle(t));
    CHECK(vt_altscreen(t) && !vt_echo(t));
    CHECK_STR(vt_dump(t), before);
    vt_stop(t);
}

TEST("a size that changed while suspended is taken on continuing")
{
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "\x1a");
    CHECK(vt_wait_stopped(t, 5000));
    vt_resize(t, 36, 120);
    vt_signal(t, SIGCONT);
    CHECK(vt_wait_size(t, 36, 120, 5000));
    vt_stop(t);
}

TEST("an arrow key whose bytes come apart is one key, as long as ESCDELAY says")
{
    const char *argv[] = {explorer(), NULL}, *env[] = {"ESCDELAY", "60000", NULL};
    vt *t = vt_start(24, 80, "xterm-256color", argv, env);
    screen s;
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "java coffee\t");
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "\033");
    poll(NULL, 0, 3 * UI_ESC_MS);
    VT_KEYS(t, "[");
    poll(NULL, 0, 10);
    VT_KEYS(t, "B");
    CHECK(vt_wait_idle(t));
    screen_start(&s, 24, 80, false);
    s.app.theme = UI_THEME_AUTO;
    fake_open(s.engine, true, true, true);
    screen_settle(&s);
    screen_keys(&s, "java coffee\t\033[B");
    same(t, &s, "a slow arrow");
    vt_stop(t);
    screen_end(&s);
}

TEST("polite signals restore the terminal and tell the signal by the exit status")
{
    static const int signals[] = {SIGTERM, SIGHUP,    SIGINT,  SIGUSR1, SIGUSR2,
                                  SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU};
    for (size_t i = 0; i < IMR_LEN(signals); i++) {
        int status;
        vt *t = start(24, 80, "xterm-256color", NULL, NULL);
        vt_signal(t, signals[i]);
        CHECK(vt_wait_exit(t, 60000, &status));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 128 + signals[i]);
        CHECK(!vt_altscreen(t));
        vt_stop(t);
    }
}

TEST("a crash restores the terminal and dies of its signal")
{
    int status;
    const char *argv[] = {explorer(), "--crash", NULL};
    vt *t = vt_start(24, 80, "xterm-256color", argv, NULL);
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGSEGV : WEXITSTATUS(status) != 0);
    CHECK(vt_raw_has(t, "\033[?2004l", 8) && !vt_altscreen(t));
    vt_stop(t);
}

TEST("whatever else would end the program restores the terminal and ends it")
{
    static const int signals[] = {SIGQUIT,   SIGILL, SIGTRAP, SIGSYS, SIGBUS, SIGFPE,
#ifdef SIGSTKFLT
                                  SIGSTKFLT,
#endif
#ifdef SIGPWR
                                  SIGPWR,
#endif
                                  SIGPOLL,   SIGABRT};
    for (size_t i = 0; i < IMR_LEN(signals); i++) {
        int status;
        vt *t = start(24, 80, "xterm-256color", NULL, NULL);
        vt_signal(t, signals[i]);
        CHECK(vt_wait_exit(t, 60000, &status));
        CHECK(WIFSIGNALED(status));
        CHECK_INT(WTERMSIG(status), signals[i]);
        CHECK(vt_raw_has(t, "\033[?2004l", 8) && !vt_altscreen(t));
        vt_stop(t);
    }
}

TEST("when the terminal goes away the program leaves instead of spinning")
{
    int status;
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    vt_hang_up(t);
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 129);
    vt_stop(t);
}

TEST("an unknown terminal type is answered with one that works, and said")
{
    const char *argv[] = {explorer(), NULL};
    vt *t = vt_start(24, 120, "xterm-nonesuch", argv, NULL);
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "terminal type 'xterm-nonesuch' unknown here, using xterm-256color");
    vt_stop(t);
}

TEST("TERM=dumb is refused in words, without touching the screen")
{
    int status;
    const char *argv[] = {explorer(), NULL};
    vt *t = vt_start(24, 80, "dumb", argv, NULL);
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    CHECK_CONTAINS(vt_dump(t), "cannot draw on TERM=dumb");
    CHECK(!vt_raw_has(t, "\033[", 2));
    vt_stop(t);
}

TEST("copying sends one OSC 52 with the row in base64")
{
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee");
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "\tyr");
    CHECK(vt_wait_idle(t));
    CHECK(vt_raw_has(t, "\033]52;c;", 7));
    CHECK_CONTAINS(vt_dump(t), "(OSC 52)");
    vt_stop(t);
}

TEST("waiting for keys costs no wake-up")
{
    vt *t = start(24, 80, "xterm-256color", NULL, NULL);
    VT_KEYS(t, "java coffee");
    CHECK(vt_wait_idle(t));
    CHECK(!vt_wait_frame(t, 300));
    vt_stop(t);
}

TEST("the program itself opens a set, ranks a cached query, exports it and leaves")
{
    const char *program = getenv("IMRNN");
    if (!program)
        SKIP("IMRNN is not set; meson test sets it");
    char adapter[1024], cache[1024], dataset[1024], report[1024], line[1200];
    snprintf(adapter, sizeof adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    snprintf(cache, sizeof cache, "%s", test_golden("cache"));
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    snprintf(report, sizeof report, "%s", test_path(test_tmpdir(), "report.json"));
    const char *argv[] = {program, "explore",   "--checkpoint", adapter, "--cache-dir",
                          cache,   "--dataset", dataset,        NULL};
    const char *env[] = {"IMRNN_TEST_TIME", "1763640000", NULL};
    vt *t = vt_start(36, 120, "xterm-256color", argv, env);
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "Cached queries that fit");
    VT_KEYS(t, "\r");
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), " projected ");
    CHECK_CONTAINS(vt_dump(t), "nDCG@10");
    VT_KEYS(t, "jj\r");
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "[2 Document]");
    snprintf(line, sizeof line, ":export json %s\r", report);
    vt_keys(t, line, strlen(line));
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "saved ");
    char *json = test_read(report, NULL);
    CHECK_CONTAINS(json, "imrnn.explanation/1");
    free(json);
    int status;
    VT_KEYS(t, "qq");
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(!vt_altscreen(t));
    vt_stop(t);
}

/* The demo the build made beside the program; made again when it is of another version. */
static const char *demo(const char *program)
{
    static char dir[1024];
    int status;
    snprintf(dir, sizeof dir, "%.*sdemo", (int)(strrchr(program, '/') + 1 - program), program);
    const char *argv[] = {program, "demo", "--prepare", "-q", "--output-dir", dir, NULL};
    vt *t = vt_start(24, 80, "xterm-256color", argv, NULL);
    CHECK(vt_wait_exit(t, 240000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    vt_stop(t);
    return dir;
}

TEST("the demo: its numbers, a ranking for every word typed, a document, a report, at two sizes")
{
    static const int sizes[][2] = {{24, 80}, {36, 120}};
    const char *program = getenv("IMRNN");
    if (!program)
        SKIP("IMRNN is not set; meson test sets it");
    const char *dir = demo(program);
    const char *argv[] = {program, "demo", "--output-dir", dir, NULL};
    const char *env[] = {"IMRNN_TEST_TIME", "1763640000", NULL};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        int rows = sizes[i][0], cols = sizes[i][1], status;
        char report[1024], line[1200], before[20000];
        snprintf(report, sizeof report, "%s",
                 test_path(test_tmpdir(), cols == 80 ? "s.json" : "m.json"));
        vt *t = vt_start(rows, cols, "xterm-256color", argv, env);
        CHECK(vt_wait_idle(t));
        CHECK_CONTAINS(vt_dump(t), "Type a claim or a question");
        CHECK_CONTAINS(vt_dump(t), "  passages training saw ");
        CHECK_CONTAINS(vt_dump(t), "  passages it never saw ");
        CHECK_CONTAINS(vt_dump(t), "saw: a training query asked for the same passage\n");
        VT_KEYS(t, "java");
        CHECK(vt_wait_idle(t));
        CHECK_CONTAINS(vt_dump(t), " of 100 moved");
        snprintf(before, sizeof before, "%s", vt_dump(t));
        VT_KEYS(t, " coffee");
        CHECK(vt_wait_idle(t));
        CHECK(strcmp(before, vt_dump(t)) != 0);
        VT_KEYS(t, "\tj\r");
        CHECK(vt_wait_idle(t));
        CHECK_CONTAINS(vt_dump(t), "[2 Document]");
        CHECK_CONTAINS(vt_dump(t), " highlights");
        snprintf(line, sizeof line, ":export json %s\r", report);
        vt_keys(t, line, strlen(line));
        CHECK(vt_wait_idle(t));
        char *json = test_read(report, NULL);
        CHECK_CONTAINS(json, "\"java coffee\"");
        free(json);
        VT_KEYS(t, "qi\x15xqzzy");
        CHECK(vt_wait_idle(t));
        CHECK_CONTAINS(vt_dump(t), "no word of the query is known");
        CHECK(!strstr(vt_dump(t), "Why #"));
        VT_KEYS(t, "\t");
        CHECK(vt_wait_idle(t));
        VT_KEYS(t, "q");
        CHECK(vt_wait_exit(t, 60000, &status));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && !vt_altscreen(t));
        vt_stop(t);
    }
}

TEST("an audit exported by the explorer is the file `imrnn audit` writes, but for the line that "
     "made it")
{
    const char *program = getenv("IMRNN");
    if (!program)
        SKIP("IMRNN is not set; meson test sets it");
    const char *dir = demo(program);
    char adapter[1100], cache[1100], paths[2][1024], line[1200];
    snprintf(adapter, sizeof adapter, "%s/adapter.pt", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof paths[i], "%s",
                 test_path(test_tmpdir(), i ? "b.html" : "a.html"));
    const char *of_ui[] = {program, "explore", cache, "--checkpoint", adapter, NULL};
    const char *of_cli[] = {program,        "audit", "-q",       cache,    "--filter",
                            "lost",         "-o",    paths[1],   "--sort", "-rbo.encoder",
                            "--checkpoint", adapter, "--format", "html",   NULL};
    int status;
    vt *t = vt_start(24, 80, "xterm-256color", of_ui, NULL);
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "\t5");
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "flost\r:sort -rbo.encoder\r");
    snprintf(line, sizeof line, ":export html %s\r", paths[0]);
    vt_keys(t, line, strlen(line));
    CHECK(vt_wait_idle(t));
    VT_KEYS(t, "qq");
    CHECK(vt_wait_exit(t, 60000, &status));
    vt_stop(t);
    t = vt_start(24, 80, "xterm-256color", of_cli, NULL);
    CHECK(vt_wait_exit(t, 60000, &status));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    vt_stop(t);
    char *pages[2];
    for (int i = 0; i < 2; i++) {
        pages[i] = test_read(paths[i], NULL);
        char *at = strstr(pages[i], "command</th>");
        CHECK(at != NULL);
        if (at)
            memmove(at, at + strcspn(at, "\n"), strlen(at + strcspn(at, "\n")) + 1);
    }
    CHECK_STR(pages[0], pages[1]);
    free(pages[0]);
    free(pages[1]);
}
