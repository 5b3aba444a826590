/* The explorer's state as text: steps back, what is come back to, and text that is no state. */
#include "support/test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "screen.h"

/* The caller frees it. */
static char *state_of(const screen *s)
{
    imr_buf b = {0};
    ui_state_write(&s->app, &b);
    return imr_buf_take(&b);
}

static void ask(screen *s, bool two, const char *keys)
{
    screen_start(s, 24, 80, false);
    if (two)
        fake_two(s->engine);
    fake_open(s->engine, true, true, true);
    screen_keys(s, keys);
}

static void says(screen *s, const char *text)
{
    CHECK_CONTAINS(screen_text(s), text);
}

TEST("whatever a key changes is taken back, and done again")
{
    /* before, keys, what is taken back */
    static const char *const all[][3] = {
        {"", "sl", "sort"},
        {"sl", "S", "reversed"},
        {"", ":filter winners\r", "filter"},
        {"", "fwinners\r", "filter"},
        {"", "/coffee\r", "find"},
        {"", ":columns now,title\r", "columns"},
        {"", ":find coffee\r", "find"},
        {"", "jj", "selection"},
        {"", " ", "marks"},
        {"j jj ", "\033[3~", "marks"},
        {"jj", "T", "pin"},
        {"", "Rc", "scope"},
        {"", "o", "order"},
        {"", "si", "sort"},
        {"", "<", "what-if"},
        {"<<zz", "A", "what-if"},
        {"j", "af", "what-if"},
        {"", "=", "beside"},
        {"=i\x15"
         "tea\t",
         "=", "beside"},
        {"", "d", "dimensions"},
        {"", "w", "screen"},
        {"", "\r", "screen"},
        {"3", "4", "screen"},
        {"", "x", "stage"},
        {"3", "X", "stage"},
        {"", "r", "raw"},
        {"3", "sp", "words-sort"},
        {"2", "m", "signs"},
        {"4", "x", "map-stage"},
        {"4", "b", "map-blocks"},
        {"5", "S", "audit-sort"},
        {"5", ":filter lost\r", "audit-filter"},
        {"5", "\t", "audit-words"},
        {"", "M", "mouse"},
        {"", ":theme mono\r", "theme"},
        {"", "i\x15tea\t", "query"},
        {"", ":why-not 2309\r", "pin"},
    };
    for (size_t i = 0; i < IMR_LEN(all); i++) {
        screen s;
        ask(&s, false, "java coffee\t");
        screen_keys(&s, all[i][0]);
        char *before = state_of(&s);
        screen_keys(&s, all[i][1]);
        char *after = state_of(&s);
        if (strcmp(before, after) == 0)
            FAIL("%s changes nothing", all[i][1]);
        screen_keys(&s, "u");
        char told[100];
        snprintf(told, sizeof told, "undid: %s", all[i][2]);
        says(&s, told);
        char *undone = state_of(&s);
        CHECK_STR(undone, before);
        screen_keys(&s, "U");
        snprintf(told, sizeof told, "did again: %s", all[i][2]);
        says(&s, told);
        char *again = state_of(&s);
        CHECK_STR(again, after);
        IMR_FREE(before, after, undone, again);
        screen_end(&s);
    }
}

TEST("panes and what of two adapters is in force are taken back too")
{
    screen s;
    ask(&s, true, "tea\t");
    screen_resize(&s, 36, 120);
    screen_keys(&s, "\t");
    CHECK(s.app.pane == UI_PANE_WHY);
    screen_keys(&s, "p");
    screen_keys(&s, "uu");
    CHECK(s.app.pane == UI_PANE_LIST && s.app.preview);
    screen_keys(&s, "t");
    CHECK(s.app.facts->second);
    screen_keys(&s, "=u");
    CHECK(s.app.list.both && s.app.facts->second);
    screen_keys(&s, "u");
    CHECK(!s.app.facts->second && !s.app.second);
    says(&s, "undid: other-adapter");
    screen_end(&s);
}

TEST("letters typed in one go are one step, and so are moves; another query is another step")
{
    screen s;
    ask(&s, false, "java coffee\ti\x15tea leaves\tjjjkj");
    screen_keys(&s, "u");
    says(&s, "undid: selection");
    CHECK_STR(s.app.trace->query_text, "tea leaves");
    screen_keys(&s, "u");
    CHECK_STR(s.app.trace->query_text, "java coffee");
    CHECK_STR(ui_prompt_text(&s.app.query), "java coffee");
    screen_keys(&s, "u");
    CHECK(!s.app.trace);
    screen_keys(&s, "u");
    says(&s, "nothing to undo; files and notes stay as they were written");
    screen_keys(&s, "UU");
    CHECK_STR(s.app.trace->query_text, "tea leaves");
    screen_keys(&s, "uS"); /* another way was taken */
    screen_keys(&s, "U");
    says(&s, "nothing to do again");
    screen_end(&s);
}

TEST("a cached query comes back by its id, a word left out of the query with it")
{
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, false, true, true);
    screen_keys(&s, "java\t");
    char *id = imr_strdup(s.app.request_id);
    screen_keys(&s, ":what-if without java\r");
    screen_keys(&s, "i\x15tea\t");
    CHECK(strcmp(s.app.request_id, id) != 0 && !s.app.settings.what_if.terms[0]);
    screen_keys(&s, "u");
    while (strcmp(s.app.request_id ? s.app.request_id : "", id) != 0 && s.app.states.at)
        screen_keys(&s, "u");
    CHECK_STR(s.app.request_id, id);
    CHECK_STR(s.app.trace->settings.what_if.terms, "without:java\n");
    imr_free(id);
    screen_end(&s);
}

TEST("the last 200 steps are kept")
{
    screen s;
    ask(&s, false, "java\t");
    for (int i = 0; i < 350; i++)
        screen_keys(&s, i % 2 ? "S" : "d");
    int steps = 0;
    for (; s.app.states.at; steps++)
        screen_keys(&s, "u");
    CHECK_INT(steps, UI_STEPS);
    for (; s.app.states.at < s.app.states.n; steps--)
        screen_keys(&s, "U");
    CHECK_INT(steps, 0);
    screen_end(&s);
}

/* ---- coming back ---- */

static void open_state(screen *s, const char *folder, bool restore)
{
    screen_start(s, 24, 80, false);
    s->app.states.fresh = state_of(s);
    s->app.states.folder = folder;
    s->app.states.of = "";
    fake_open(s->engine, true, true, true);
    ui_state_open(&s->app, restore);
    screen_settle(s);
}

/* Leaves, as ui_run does. */
static bool leave(screen *s)
{
    imr_error err;
    IMR_AUTOBUF imr_buf b = {0};
    const bool due = ui_state_due(&s->app, true, &b);
    if (due)
        CHECK_OK(imr_file_write(s->app.states.path, b.data, b.len, &err));
    screen_end(s);
    return due;
}

static const char *only_file(const char *folder)
{
    static char path[1024];
    imr_names names;
    imr_error err;
    CHECK_OK(imr_dir_list(&names, folder, &err));
    CHECK_INT(names.n, 1);
    snprintf(path, sizeof path, "%s/%s", folder, names.v[0]);
    imr_names_done(&names);
    return path;
}

TEST("what was left is come back to: query, selection, order, marks, what if, screen")
{
    const char *folder = test_tmpdir();
    screen s;
    open_state(&s, folder, true);
    screen_keys(&s, "java coffee\tslSjj jj T<z:find tea\r");
    screen_keys(&s, ":theme mono\r3x");
    char *left = state_of(&s);
    CHECK(leave(&s));
    const char *path = only_file(folder);
    char *text = test_read(path, NULL);
    CHECK_CONTAINS(text, "imrnn state 1\nquery java coffee\n");
    CHECK(!strstr(text, "preview")); /* as a start has it */
    free(text);

    open_state(&s, folder, true);
    char *back = state_of(&s);
    CHECK_STR(back, left);
    CHECK(s.app.screen == UI_WORDS && s.app.trace && !s.app.editing);
    CHECK(ui_app_detail_fits(&s.app) && s.app.reading.measure.stage == UI_CHANGE);
    says(&s, "as it was left; --no-restore starts afresh");
    CHECK(!leave(&s)); /* nothing was done */

    open_state(&s, folder, false);
    CHECK(!s.app.trace && !s.app.query.text.len);
    CHECK(!leave(&s));
    screen_start(&s, 24, 80, false);
    s.app.states.folder = folder;
    s.app.states.of = "another project";
    fake_open(s.engine, true, true, true);
    ui_state_open(&s.app, true);
    CHECK(!s.app.query.text.len);
    screen_end(&s);
    screen_start(&s, 24, 80, false);
    s.app.states.folder = folder;
    s.app.states.of = "";
    screen_keys(&s, "tea"); /* typed before it was open */
    fake_open(s.engine, true, true, true);
    ui_state_open(&s.app, true);
    CHECK_STR(ui_prompt_text(&s.app.query), "tea");
    screen_end(&s);
    IMR_FREE(left, back);
}

TEST("what an option sets wins over what was kept")
{
    const char *folder = test_tmpdir();
    screen s;
    open_state(&s, folder, true);
    screen_keys(&s, "java\t:theme light\r:scope corpus\r");
    CHECK(leave(&s));
    screen_start(&s, 24, 80, false);
    s.app.theme = UI_THEME_DARK; /* as --theme dark does */
    s.app.settings.scope = IMR_SCOPE_RESCORE;
    s.app.states.fresh = state_of(&s);
    s.app.states.folder = folder;
    s.app.states.of = "";
    fake_open(s.engine, true, true, true);
    ui_state_open(&s.app, true);
    screen_settle(&s);
    CHECK_STR(ui_prompt_text(&s.app.query), "java");
    CHECK_INT(s.app.theme, UI_THEME_DARK);
    CHECK_INT(s.app.settings.scope, IMR_SCOPE_RESCORE);
    screen_end(&s);
    open_state(&s, folder, true);
    CHECK_INT(s.app.theme, UI_THEME_LIGHT);
    CHECK_INT(s.app.settings.scope, IMR_SCOPE_CORPUS);
    screen_end(&s);
}

TEST("keys go to the screen that came back, not to a query out of sight")
{
    const char *folder = test_tmpdir();
    screen s;
    open_state(&s, folder, true);
    screen_keys(&s, "\t5");
    CHECK(leave(&s));
    open_state(&s, folder, true);
    CHECK_INT(s.app.screen, UI_AUDIT);
    screen_keys(&s, "q");
    CHECK_INT(s.app.screen, UI_RANK);
    CHECK_STR(ui_prompt_text(&s.app.query), "");
    leave(&s);
}

TEST("of two explorers the last one wins")
{
    const char *folder = test_tmpdir();
    screen a, b;
    open_state(&a, folder, true);
    open_state(&b, folder, true);
    screen_keys(&a, "java\t");
    screen_keys(&b, "tea\t");
    CHECK(leave(&b) && leave(&a));
    open_state(&b, folder, true);
    CHECK_STR(ui_prompt_text(&b.app.query), "java");
    leave(&b);
}

TEST("what cannot come back is said")
{
    const char *folder = test_tmpdir();
    static const char *const files[][2] = {
        {"imrnn state 1\nquery java\nselection no-such\n",
         "as it was left, but no-such is not ranked"},
        {"imrnn state 1\nquery java\npin no-such\n", "this collection has no document no-such"},
        {"imrnn state 1\nquery java\nflavour mint\nsort upward\n",
         "as it was left, but for 2 lines"},
        {"imrnn state 2\nquery java\n", "cannot be read by this version"},
        {"", "cannot be read by this version"},
        {"\x7f"
         "ELF",
         "cannot be read by this version"},
    };
    screen s;
    open_state(&s, folder, true);
    screen_keys(&s, "tea\t");
    CHECK(leave(&s));
    const char *path = only_file(folder);
    for (size_t i = 0; i < IMR_LEN(files); i++) {
        imr_error err;
        CHECK_OK(imr_file_write(path, files[i][0], strlen(files[i][0]), &err));
        open_state(&s, folder, true);
        screen_resize(&s, 24, 250);
        says(&s, files[i][1]);
        CHECK((s.app.trace != NULL) == (i < 3));
        leave(&s);
        char *still = test_read(path, NULL);
        CHECK_STR(still, files[i][0]);
        free(still);
    }
}

/* ---- what is no state ---- */

static uint32_t seed = 9;
static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void looks_whole(screen *s)
{
    static const int sizes[][2] = {{24, 80}, {36, 120}, {15, 60}, {3, 10}};
    for (size_t i = 0; i < IMR_LEN(sizes); i++) {
        screen_resize(s, sizes[i][0], sizes[i][1]);
        CHECK(!strpbrk(screen_text(s), "\033\007\r"));
    }
}

TEST("any bytes are read as a state, before and behind a ranking, and no escape comes through")
{
    static const char *const lines[] = {"screen words",
                                        "screen document",
                                        "screen map",
                                        "screen audit",
                                        "screen compare",
                                        "pane preview",
                                        "preview off",
                                        "query \033]0;x\007 java",
                                        "query-id \033[2J",
                                        "query-id 2",
                                        "pin \033[31mred",
                                        "marks a\t\033c\t\t2309",
                                        "filter words",
                                        "filter left",
                                        "find \x9b\xff",
                                        "audit-sort \033[m",
                                        "what-if alpha:9\toff",
                                        "stage change",
                                        "map-stage now",
                                        "selection \x80\xfe",
                                        "beside tea",
                                        "both on",
                                        "other-adapter on",
                                        "sort gain",
                                        "theme light",
                                        "quit",
                                        "export x",
                                        "sort",
                                        "influence maybe",
                                        "signs for",
                                        "raw on",
                                        "mouse off"};
    screen s;
    screen_start(&s, 24, 80, false);
    fake_open(s.engine, true, true, true);
    for (int round = 0; round < 120; round++) {
        IMR_AUTOBUF imr_buf b = {0};
        for (uint32_t n = draw(12) + 1; n; n--) {
            imr_buf_str(&b, lines[draw(IMR_LEN(lines))]);
            imr_buf_char(&b, draw(9) ? '\n' : (char)draw(256));
        }
        for (uint32_t n = draw(4); n; n--)
            b.data[draw((uint32_t)b.len)] = (char)draw(256);
        ui_state_read(&s.app, b.data, b.len);
        if (draw(2))
            screen_keys(&s, draw(2) ? "u" : "U");
        screen_settle(&s);
        looks_whole(&s);
        CHECK(!s.replay.left);
    }
    CHECK_STR(fake_exported(s.engine), "");
    screen_end(&s);
}

TEST("a state cut anywhere, and one of 10 MB, are read line by line")
{
    screen s, other;
    ask(&s, false, "java coffee\tslSjj jj T<z3x");
    char *whole = state_of(&s);
    for (size_t n = 0; n <= strlen(whole); n += 7) {
        ask(&other, false, "");
        ui_state_read(&other.app, whole, n);
        screen_settle(&other);
        CHECK_STR(ui_prompt_text(&other.app.query),
                  n < 17 ? ui_prompt_text(&other.app.query) : "java coffee");
        screen_end(&other);
    }
    IMR_AUTOBUF imr_buf large = {0};
    imr_buf_str(&large, "query ");
    imr_buf_fill(&large, 'x', 5 << 20);
    imr_buf_str(&large, "\nsort lift\nmarks ");
    for (int i = 0; i < 1 << 20; i++)
        imr_buf_str(&large, "12\t\0");
    imr_buf_str(&large, "\nfind tea\n");
    CHECK_INT(ui_state_read(&s.app, large.data, large.len), 1);
    CHECK_INT(s.app.list.marks.n, UI_MARKS);
    CHECK(s.app.list.sort == UI_COL_LIFT && s.app.query.text.len <= UI_PROMPT_MAX);
    CHECK_STR(s.app.list.find.text, "tea");
    screen_settle(&s);
    looks_whole(&s);
    screen_end(&s);
    imr_free(whole);
}

TEST("each allocation of a step may fail")
{
    screen s;
    ask(&s, false, "java\tsl");
    char *text = state_of(&s);
    for (long i = 0; i < 60; i++) {
        imr_mem_fail_after(i);
        ui_state_read(&s.app, text, strlen(text));
        ui_state_step(&s.app, text);
        imr_mem_fail_after(-1);
    }
    screen_keys(&s, "uU");
    imr_free(text);
    screen_end(&s);
}
