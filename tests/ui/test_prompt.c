/* Line editing. */
#include "support/test.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "ui/prompt.h"
#include "ui/replay.h"

/* Runs a script: plain text is typed, {action} is done. Returns "text|cursor-as-bar". */
static const char *run(const ui_history *history, const char *script)
{
    static char out[400];
    ui_prompt p = {.history = history};
    for (const char *at = script; *at;) {
        if (*at == '{') {
            const char *end = strchr(at, '}');
            ui_action a = ui_action_find(at + 1, (size_t)(end - at - 1));
            CHECK(a != UI_DO_NOTHING);
            ui_prompt_do(&p, a);
            at = end + 1;
        } else {
            size_t n = 1;
            while ((at[n] & 0xc0) == 0x80)
                n++;
            ui_prompt_insert(&p, at, n);
            at += n;
        }
    }
    snprintf(out, sizeof out, "%.*s|%s", (int)p.cursor, ui_prompt_text(&p),
             ui_prompt_text(&p) + p.cursor);
    ui_prompt_done(&p);
    return out;
}

TEST("text is typed at the cursor and the cursor moves by clusters")
{
    CHECK_STR(run(NULL, "abc{char-left}{char-left}X"), "aX|bc");
    CHECK_STR(run(NULL, "e\xcc\x81z{char-left}{char-left}"), "|e\xcc\x81z");
    CHECK_STR(run(NULL, "漢字{line-start}{char-right}"), "漢|字");
    CHECK_STR(run(NULL, "{char-left}{rubout}{delete}{char-right}"), "|");
}

TEST("words are letters and digits of any script")
{
    CHECK_STR(run(NULL, "vitamin d3, été{word-left}"), "vitamin d3, |été");
    CHECK_STR(run(NULL, "vitamin d3, été{word-left}{word-left}"), "vitamin |d3, été");
    CHECK_STR(run(NULL, "one two{line-start}{word-right}"), "one| two");
}

TEST("deleting takes whole clusters")
{
    CHECK_STR(run(NULL, "ae\xcc\x81{rubout}"), "a|");
    CHECK_STR(run(NULL, "e\xcc\x81z{line-start}{delete}"), "|z");
}

TEST("kills go to one buffer, kills in a row join in order, yank brings them back")
{
    CHECK_STR(run(NULL, "one two{word-rubout}{word-rubout}{yank}"), "one two|");
    CHECK_STR(run(NULL, "one two{line-start}{word-delete}{word-delete}x{yank}"), "xone two|");
    CHECK_STR(run(NULL, "abc{char-left}{kill-start}{yank}{yank}"), "abab|c");
    CHECK_STR(run(NULL, "abc{line-start}{kill-end}{line-end}{yank}"), "abc|");
    CHECK_STR(run(NULL, "ab cd{word-rubout}{line-end}{word-rubout}{yank}"), "ab |");
}

TEST("undo takes back a run of letters, then the edit before it")
{
    CHECK_STR(run(NULL, "abc{rubout}{edit-undo}"), "abc|");
    CHECK_STR(run(NULL, "abc{edit-undo}"), "|");
    CHECK_STR(run(NULL, "abc def{edit-undo}"), "abc |");
    CHECK_STR(run(NULL, "abc{kill-start}{edit-undo}{edit-undo}{edit-undo}"), "|");
}

TEST("two characters are swapped before the cursor, at the end the last two")
{
    CHECK_STR(run(NULL, "ab{transpose}"), "ba|");
    CHECK_STR(run(NULL, "abc{char-left}{transpose}"), "acb|");
    CHECK_STR(run(NULL, "a{transpose}"), "a|");
    CHECK_STR(run(NULL, "{transpose}"), "|");
}

TEST("history goes back and forth and keeps the line in work")
{
    ui_history h = {0};
    ui_history_add(&h, "one");
    ui_history_add(&h, "two");
    ui_history_add(&h, "two");
    ui_history_add(&h, "  ");
    CHECK_INT(h.n, 2);
    CHECK_STR(run(&h, "wor{older}"), "two|");
    CHECK_STR(run(&h, "wor{older}{older}{older}"), "one|");
    CHECK_STR(run(&h, "wor{older}{older}{newer}"), "two|");
    CHECK_STR(run(&h, "wor{older}{newer}{newer}"), "wor|");
    CHECK_STR(run(&h, "two{older}"), "one|");
    ui_history_done(&h);
}

TEST("the history keeps its newest 500 lines")
{
    ui_history h = {0};
    char line[16];
    for (int i = 0; i < 600; i++) {
        snprintf(line, sizeof line, "q%d", i);
        ui_history_add(&h, line);
    }
    CHECK_INT(h.n, UI_HISTORY_MAX);
    CHECK_STR(h.v[0], "q100");
    CHECK_STR(h.v[h.n - 1], "q599");
    ui_history_done(&h);
}

TEST("explorers that end at the same time keep each other's history")
{
    enum { EXPLORERS = 4, SAVES = 20 };
    char path[600], line[32];
    snprintf(path, sizeof path, "%s/history", test_tmpdir());
    for (int e = 0; e < EXPLORERS; e++)
        if (fork() == 0) {
            for (int i = 0; i < SAVES; i++) {
                ui_history h = {0};
                ui_history_read(&h, path);
                snprintf(line, sizeof line, "explorer %d says %d", e, i);
                ui_history_add(&h, line);
                ui_history_save(&h, path);
                ui_history_done(&h);
            }
            _exit(0);
        }
    for (int status; wait(&status) > 0;)
        CHECK_INT(status, 0);
    ui_history h = {0};
    ui_history_read(&h, path);
    CHECK_INT(h.n, EXPLORERS * SAVES);
    CHECK_INT(h.fresh, 0);
    for (int i = 0; i < 2 * UI_HISTORY_MAX; i++)
        ui_history_add(&h, i % 2 ? "java" : "coffee");
    ui_history_save(&h, path);
    ui_history_done(&h);
    ui_history_read(&h, path);
    CHECK_INT(h.n, UI_HISTORY_MAX);
    CHECK_STR(h.v[h.n - 1], "java");
    struct stat st;
    CHECK(stat(path, &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0600); /* what was asked is nobody else's */
    ui_history_done(&h);
}

TEST("what is inserted is one clean line, never longer than the cap")
{
    ui_prompt p = {0};
    static const char bad[] = "a\033[31m\nb\xff\xe2\x80\x8b";
    CHECK(ui_prompt_insert(&p, bad, sizeof bad - 1));
    CHECK_STR(ui_prompt_text(&p),
              "a\033[31m b\xef\xbf\xbd\xe2\x80\x8b"); /* the screen shows them */
    static char big[20001];
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(big + i, "é", 2);
    ui_prompt_insert(&p, big, 20000);
    ui_prompt_insert(&p, big, 20000);
    CHECK(p.text.len <= UI_PROMPT_MAX && p.text.len > UI_PROMPT_MAX - 2);
    CHECK_INT((unsigned char)ui_prompt_text(&p)[p.text.len - 1], 0xa9);
    ui_prompt_done(&p);
}

TEST("a line longer than its place scrolls so that the cursor shows")
{
    imr_error err;
    ui_grid g;
    ui_prompt p = {0};
    IMR_AUTOBUF imr_buf b = {0};
    CHECK_OK(ui_grid_init(&g, 1, 10, &err));
    ui_prompt_insert(&p, "abcdefghijklm", 13);
    ui_prompt_draw(&p, ui_surface_of(&g), 0, 10, true);
    ui_grid_text(&g, &b);
    CHECK_STR(imr_buf_text(&b), "… ghijklm\n");
    CHECK_INT(g.cursor_x, 9);
    p.cursor = 2;
    ui_grid_clear(&g);
    imr_buf_clear(&b);
    ui_prompt_draw(&p, ui_surface_of(&g), 0, 10, true);
    ui_grid_text(&g, &b);
    CHECK_STR(imr_buf_text(&b), "abcdefghi…\n");
    CHECK_INT(g.cursor_x, 2);
    ui_prompt_done(&p);
    ui_grid_done(&g);
}

TEST("a path is completed as far as its folder tells")
{
    static const char *const names[] = {"reports/a.txt", "report.json", "résumé.md", "résultat.md",
                                        ".hidden"};
    /* what is typed; what becomes of it; how many names there are */
    static const struct {
        const char *typed, *found, *names;
    } cases[] = {{"r", "r", "report.json  reports  résultat.md  résumé.md"},
                 {"rep", "report", "report.json  reports"},
                 {"reports", "reports/", "reports"},
                 {"reports/", "reports/a.txt", "a.txt"},
                 {"ré", "résu", "résultat.md  résumé.md"},
                 {".", ".hidden", ".hidden"},
                 {"x", "x", ""},
                 {"absent/", "absent/", ""}};
    char dir[1024];
    imr_error err;
    snprintf(dir, sizeof dir, "%s", test_path(test_tmpdir(), "completed"));
    CHECK_OK(imr_dir_make(imr_path_in(dir, "reports").s, &err));
    for (size_t i = 0; i < IMR_LEN(names); i++)
        CHECK_OK(imr_file_write(imr_path_in(dir, names[i]).s, "x", 1, &err));
    for (size_t i = 0; i < IMR_LEN(cases); i++) {
        ui_prompt p = {0};
        IMR_AUTOBUF imr_buf all = {0};
        ui_prompt_set(&p, imr_path_in(dir, cases[i].typed).s);
        ui_prompt_do(&p, UI_DO_LINE_START); /* wherever the cursor is */
        ui_prompt_complete(&p, &all);
        CHECK_STR(ui_prompt_text(&p), imr_path_in(dir, cases[i].found).s);
        CHECK_STR(imr_buf_text(&all), cases[i].names);
        CHECK(p.cursor == p.text.len || !all.len);
        ui_prompt_done(&p);
    }
}
