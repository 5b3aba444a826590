/* The explorer for those who listen, and recorded, through a real terminal. */
#include "support/test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"
#include "vt.h"

TEST("those who listen hear what changed, as lines, and nothing else")
{
    const char *argv[] = {getenv("IMRNN_TEST_EXPLORER"), "--spoken", NULL};
    if (!argv[0])
        SKIP("IMRNN_TEST_EXPLORER is not set; meson test sets it");
    vt *t = vt_start(30, 100, "xterm-256color", argv, NULL);
    CHECK(vt_wait_idle(t));
    CHECK_CONTAINS(vt_dump(t), "query:, QUERY");
    static const struct {
        const char *keys, *heard, *not_heard;
    } steps[] = {
        {"java", "1 of 102: ", "2 of 102"},
        {"\t", "query: java, LIST\n", NULL},
        {"j", "2 of 102: ", "3 of 102"},
        {"j", "3 of 102: ", NULL},
        {"w", "What the adapter did", NULL},
        {"-", "query: java, LIST\n", NULL},
        {"f", "query: java, FILTER\n", NULL},
        {"\033", "query: java, LIST\n", NULL},
        {"4", "across ", NULL},
        {"l", "rank ", NULL},
        {"3", "query: java, WORDS\n", NULL},
        {"l", "java with ", NULL},
        {"1:scope corp", ": scope corp\n", NULL},
        {"\033", "query: java, LIST\n", NULL},

    };
    for (size_t i = 0; i < IMR_LEN(steps); i++) {
        vt_keys(t, steps[i].keys, strlen(steps[i].keys));
        CHECK(vt_wait_idle(t));
        if (steps[i].heard)
            CHECK_CONTAINS(vt_dump(t), steps[i].heard);
        if (steps[i].not_heard && i < 3)
            CHECK(!strstr(vt_dump(t), steps[i].not_heard));
    }
    /* neither boxes, bars, braille nor any sequence that moves about */
    static const char *const never[] = {"\033[",    "\033(",    "\xe2\x94",
                                        "\xe2\x96", "\xe2\xa0", "\xe2\xa1"};
    for (size_t i = 0; i < IMR_LEN(never); i++)
        CHECK(!vt_raw_has(t, never[i], strlen(never[i])));
    CHECK(!vt_altscreen(t) && !vt_echo(t));
    VT_KEYS(t, "\x1a");
    CHECK(vt_wait_stopped(t, 5000));
    CHECK(vt_echo(t));
    vt_signal(t, SIGCONT);
    CHECK(vt_wait_idle(t));
    CHECK(!vt_echo(t));
    int status;
    VT_KEYS(t, "qq");
    CHECK(vt_wait_exit(t, 60000, &status));
    vt_stop(t);
}

/* The program on the golden set, with an option more. */
static vt *on_golden(const char *command, const char *option, const char *path, int rows)
{
    char adapter[1024], cache[1024], dataset[1024];
    snprintf(adapter, sizeof adapter, "%s", test_golden("tiny/adapter-v1.pt"));
    snprintf(cache, sizeof cache, "%s", test_golden("cache"));
    snprintf(dataset, sizeof dataset, "%s", test_golden("cache/beir"));
    const char *argv[] = {
        getenv("IMRNN"), command,       "--checkpoint", adapter, "--dataset", dataset, "--theme",
        "auto",          "--cache-dir", cache,          option,  path,        NULL};
    const char *env[] = {"IMRNN_TEST_TIME", "1763640000", NULL};
    return vt_start(rows, 80, "xterm-256color", argv, env);
}

TEST("what is recorded and done again shows the same screen; it is kept at a signal, too")
{
    if (!getenv("IMRNN"))
        SKIP("IMRNN is not set; meson test sets it");
    static const char *const keys[] = {"\r", "jj", "\033[B", "w",  "\x04", "\033[Z", "s", "c",
                                       "f",  "m",  "3",      " <", "2 ",   "1 ",     "?", "\033"};
    static const int ends[] = {0, SIGTERM, SIGHUP};
    for (size_t i = 0; i < IMR_LEN(ends); i++) {
        char path[1024];
        int status;
        struct stat st;
        snprintf(path, sizeof path, "%s%zu", test_path(test_tmpdir(), "recorded.keys"), i);
        vt *t = on_golden("explore", "--record", path, 24);
        for (size_t k = 0; k < IMR_LEN(keys); k++) {
            CHECK(vt_wait_idle(t));
            vt_keys(t, keys[k], strlen(keys[k]));
        }
        CHECK(vt_wait_idle(t));
        char *shown = strdup(vt_dump(t));
        CHECK(access(path, F_OK) != 0);
        if (ends[i])
            vt_signal(t, ends[i]);
        else
            VT_KEYS(t, "\x03\x03");
        CHECK(vt_wait_exit(t, 60000, &status));
        vt_stop(t);
        CHECK(stat(path, &st) == 0);
        CHECK_INT(st.st_mode & 0777, 0600);
        char *lines = test_read(path, NULL), *end = strstr(lines, "<C-c><C-c>");
        if (end)
            *end = 0;
        CHECK_CONTAINS(lines,
                       "resize 80x24\nkeys <Enter>jj<Down>w<C-d><S-Tab>scfm3 <lt>2 1 ?<Esc>");
        FILE *f = fopen(path, "w");
        CHECK(f && fprintf(f, "%s\nscreen\n", lines) > 0 && fclose(f) == 0);
        t = on_golden("replay", "--", path, 30);
        CHECK(vt_wait_exit(t, 20000, &status));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        CHECK(strncmp(vt_dump(t), shown, strlen(shown)) == 0);
        vt_stop(t);
        free(lines);
        free(shown);
    }
}
