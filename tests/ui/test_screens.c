/*
 * Scripts of keys against screens: tests/ui/screens/NAME.keys in, NAME.screen expected.
 * UPDATE=1 writes the .screen files again; a difference prints its first row.
 *
 * Lines of a script are those of a replay (ui/replay.h), and about the made-up engine:
 *   ascii | theme NAME | open [no-encoder] [no-tokens] [no-texts] [no-adapter] [two-adapters]
 *   fail | notes [-]: notes are kept from here on, or cannot be | documents N | release
 *   intro TEXT (\n: the next line) | roles TITLE: `screen`, and the roles of its cells
 */
#include "support/test.h"

#include "base/attr.h"
#include "base/file.h"
#include "base/mem.h"
#include "screen.h"

/* A line about the engine; false: it is none. */
static bool prepare(screen *s, const char *word, char *rest)
{
    static char intro[1000];
    if (strstr(rest, "no-adapter"))
        fake_encoder_only(s->engine);
    if (strstr(rest, "two-adapters"))
        fake_two(s->engine);
    if (strcmp(word, "ascii") == 0)
        s->app.glyphs = &ui_ascii;
    else if (strcmp(word, "open") == 0)
        fake_open(s->engine, !strstr(rest, "no-encoder"), !strstr(rest, "no-tokens"),
                  !strstr(rest, "no-texts"));
    else if (strcmp(word, "fail") == 0)
        fake_fail_open(s->engine);
    else if (strcmp(word, "documents") == 0)
        fake_documents(s->engine, (size_t)strtol(rest, NULL, 10));
    else if (strcmp(word, "intro") == 0) {
        size_t n = 0;
        for (const char *p = rest; *p; p++)
            intro[n++] = p[0] == '\\' && p[1] == 'n' ? (p++, '\n') : *p;
        intro[n] = 0;
        s->app.intro = intro;
    } else if (strcmp(word, "notes") == 0) {
        s->app.reviewer = "anna";
        s->app.notes_path = *rest ? "-" : test_path(test_tmpdir(), "notes.jsonl");
    } else if (strcmp(word, "theme") == 0)
        CHECK(ui_theme_parse(&s->app.theme, rest));
    else if (strcmp(word, "release") == 0)
        fake_release(s->engine);
    else if (strcmp(word, "roles") == 0) {
        ui_replay_print(&s->replay, rest);
        imr_buf_str(s->replay.out, "--- roles\n");
        ui_grid_roles(&s->replay.view.grid, s->replay.out);
    } else
        return false;
    screen_settle(s);
    return true;
}

static void play(const char *script, imr_buf *out)
{
    screen s;
    char line[1000];
    screen_start(&s, 24, 80, false);
    s.replay.out = out;
    for (const char *at = script; *at;) {
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        at += n + (at[n] == '\n');
        size_t verb = strcspn(line, " ");
        char *rest = line + verb + (line[verb] == ' '), *word = strndup(line, verb);
        if (!prepare(&s, word, rest))
            screen_line(&s, line);
        free(word);
    }
    screen_end(&s);
}

static void first_difference(const char *name, const char *found, const char *expected)
{
    int row = 1;
    while (*found && *found == *expected) {
        row += *found == '\n';
        found++;
        expected++;
    }
    while (found[-1] != '\n' && row > 1) {
        found--;
        expected--;
    }
    FAIL("%s.screen, line %d\n      found    %.*s\n      expected %.*s", name, row,
         (int)strcspn(found, "\n"), found, (int)strcspn(expected, "\n"), expected);
}

static const char *file(const char *name, const char *extension)
{
    static char path[2][1024];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/tests/ui/screens/%s%s", IMRNN_SOURCE_ROOT, name,
             extension);
    return path[turn];
}

TEST("scripts of keys give the screens they gave before")
{
    imr_error err;
    imr_names names;
    size_t scripts = 0;
    CHECK_OK(imr_dir_list(&names, file("", ""), &err));
    for (size_t i = 0; i < names.n; i++) {
        char *dot = strstr(names.v[i], ".keys");
        if (!dot)
            continue;
        *dot = 0;
        scripts++;
        IMR_AUTOBUF imr_buf found = {0};
        char *script = test_read(file(names.v[i], ".keys"), NULL);
        play(script, &found);
        free(script);
        if (getenv("UPDATE"))
            CHECK_OK(imr_file_write(file(names.v[i], ".screen"), found.data, found.len, &err));
        char *expected = test_read(file(names.v[i], ".screen"), NULL);
        if (strcmp(expected, imr_buf_text(&found)) != 0)
            first_difference(names.v[i], imr_buf_text(&found), expected);
        free(expected);
    }
    imr_names_done(&names);
    CHECK(scripts > 5);
}
