/*
 * Scripts of keys against screens: tests/ui/screens/NAME.keys in, NAME.screen expected.
 * UPDATE=1 writes the .screen files again; a difference prints its first row.
 *
 * Lines of a script (escapes \t \r \e \\ \xHH):
 *   size ROWS COLS | ascii | theme NAME | open [no-encoder] [no-tokens] [no-texts]
 *   [no-adapter] [two-adapters] | fail
 *   notes [-]: notes are kept from here on, or cannot be | documents N | intro TEXT (\n: the next line) | keys BYTES | resize ROWS COLS | release | screen
 * TITLE | roles TITLE `screen` writes the text, `roles` the text and the roles of its cells.
 */
#include "support/test.h"

#include "base/attr.h"
#include "base/file.h"
#include "base/mem.h"
#include "screen.h"

static size_t unescape(char *text)
{
    char *out = text;
    for (const char *p = text; *p; p++) {
        if (*p != '\\') {
            *out++ = *p;
            continue;
        }
        p++;
        switch (*p) {
        case 't':
            *out++ = '\t';
            break;
        case 'n':
            *out++ = '\n';
            break;
        case 'r':
            *out++ = '\r';
            break;
        case 'e':
            *out++ = '\033';
            break;
        case 'x': {
            char hex[3] = {p[1], p[2], 0};
            *out++ = (char)strtol(hex, NULL, 16);
            p += 2;
            break;
        }
        default:
            *out++ = *p;
        }
    }
    *out = 0;
    return (size_t)(out - text);
}

static void picture(screen *s, imr_buf *out, const char *title, bool with_roles)
{
    const ui_grid *g = ui_term_headless_shown(s->term);
    imr_buf_printf(out, "=== %s (%dx%d, cursor %d,%d%s)\n", title, g->rows, g->cols, g->cursor_y,
                   g->cursor_x, g->cursor_shown ? "" : " hidden");
    ui_grid_text(g, out);
    if (with_roles) {
        imr_buf_str(out, "--- roles\n");
        ui_grid_roles(g, out);
    }
}

static void play(const char *script, imr_buf *out)
{
    screen s;
    int rows = 24, cols = 80;
    bool ascii = false, started = false;
    char line[1000], intro[1000];
    for (const char *at = script; *at;) {
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        at += n + (at[n] == '\n');
        char *rest = strchr(line, ' ');
        rest = rest ? rest + 1 : line + strlen(line);
        size_t verb = strcspn(line, " ");
        line[verb] = 0;
        if (!*line || *line == '#')
            continue;
        if (strcmp(line, "size") == 0) {
            CHECK(sscanf(rest, "%d %d", &rows, &cols) == 2);
            continue;
        }
        if (strcmp(line, "ascii") == 0) {
            ascii = true;
            continue;
        }
        if (!started)
            screen_start(&s, rows, cols, ascii);
        started = true;
        if (strstr(rest, "no-adapter"))
            fake_encoder_only(s.engine);
        if (strstr(rest, "two-adapters"))
            fake_two(s.engine);
        if (strcmp(line, "open") == 0)
            fake_open(s.engine, !strstr(rest, "no-encoder"), !strstr(rest, "no-tokens"),
                      !strstr(rest, "no-texts"));
        else if (strcmp(line, "fail") == 0)
            fake_fail_open(s.engine);
        else if (strcmp(line, "documents") == 0)
            fake_documents(s.engine, (size_t)strtol(rest, NULL, 10));
        else if (strcmp(line, "intro") == 0) {
            unescape(rest);
            snprintf(intro, sizeof intro, "%s", rest);
            s.app.intro = intro;
        } else if (strcmp(line, "notes") == 0) {
            s.app.reviewer = "anna";
            s.app.notes_path = *rest ? "-" : test_path(test_tmpdir(), "notes.jsonl");
        } else if (strcmp(line, "theme") == 0)
            CHECK(ui_theme_parse(&s.app.theme, rest));
        else if (strcmp(line, "release") == 0)
            fake_release(s.engine);
        else if (strcmp(line, "resize") == 0) {
            CHECK(sscanf(rest, "%d %d", &rows, &cols) == 2);
            screen_resize(&s, rows, cols);
        } else if (strcmp(line, "keys") == 0) {
            unescape(rest);
            screen_keys(&s, rest);
        } else if (strcmp(line, "screen") == 0 || strcmp(line, "roles") == 0) {
            screen_settle(&s);
            picture(&s, out, rest, *line == 'r');
            continue;
        } else {
            FAIL("no such word in a script: %s", line);
        }
        screen_settle(&s);
    }
    CHECK(started);
    if (s.left)
        imr_buf_str(out, "=== left\n");
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
    char **names;
    size_t n, scripts = 0;
    CHECK_OK(imr_dir_list(&names, &n, file("", ""), &err));
    for (size_t i = 0; i < n; i++) {
        char *dot = strstr(names[i], ".keys");
        if (!dot)
            continue;
        *dot = 0;
        scripts++;
        IMR_AUTOBUF imr_buf found = {0};
        char *script = test_read(file(names[i], ".keys"), NULL);
        play(script, &found);
        free(script);
        if (getenv("UPDATE"))
            CHECK_OK(imr_file_write(file(names[i], ".screen"), found.data, found.len, &err));
        char *expected = test_read(file(names[i], ".screen"), NULL);
        if (strcmp(expected, imr_buf_text(&found)) != 0)
            first_difference(names[i], imr_buf_text(&found), expected);
        free(expected);
    }
    imr_dir_list_free(names, n);
    CHECK(scripts > 5);
}
