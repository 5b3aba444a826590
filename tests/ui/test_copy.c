/* What the copy menu copies, and which of tmux, the terminal and a file it goes to. */
#include "support/test.h"

#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "screen.h"

static void ask(screen *s, const char *keys)
{
    screen_start(s, 24, 120, false);
    fake_open(s->engine, true, true, true);
    screen_keys(s, keys);
}

static const char *copied(screen *s, const char *keys)
{
    screen_keys(s, keys);
    return imr_buf_text(&s->app.clip);
}

static void says(screen *s, const char *text)
{
    CHECK_CONTAINS(screen_text(s), text);
}

TEST("the menu copies id, row, text, why, query, the table; numbers under what if say so")
{
    screen s;
    ask(&s, "java coffee\tj");
    const imr_trace_document *d = ui_list_selected(&s.app.list);
    char *id = strdup(d->id), line[200];
    CHECK_STR(copied(&s, "yy"), id);
    snprintf(line, sizeof line, "copied id %s to the terminal's clipboard (OSC 52)", id);
    says(&s, line);
    CHECK_CONTAINS(copied(&s, "yr"), "\r\n"); /* a head, and one row */
    CHECK_CONTAINS(imr_buf_text(&s.app.clip), id);
    size_t lines = 0;
    for (const char *c = imr_buf_text(&s.app.clip); *c; c++)
        lines += *c == '\n';
    CHECK_INT(lines, 2);
    CHECK_CONTAINS(copied(&s, "yt"), d->title);
    CHECK_CONTAINS(imr_buf_text(&s.app.clip), s.app.reading.detail->text);
    CHECK_CONTAINS(copied(&s, "yw"), "It is here for");
    CHECK_CONTAINS(imr_buf_text(&s.app.clip), "What the adapter did");
    CHECK_STR(copied(&s, "yq"), "java coffee");
    says(&s, "copied the query to");
    CHECK(strlen(copied(&s, "ya")) > UI_CLIP_MAX);
    says(&s, "more than a terminal takes");
    CHECK_CONTAINS(copied(&s, "3ya"), "not from words");
    CHECK_CONTAINS(copied(&s, "1<yr"), "what if");
    CHECK_STR(copied(&s, ":copy id\r"), id);
    copied(&s, ":copy all\r");
    says(&s, "no copy is called all; there are id, row, text, why, query, table");
    free(id);
    screen_end(&s);
    ask(&s, "\tyy");
    says(&s, "nothing to copy");
    screen_end(&s);
}

/* The folder of a tmux of our own, first where programs are looked for. */
static const char *with_tmux(const char *script)
{
    imr_error err;
    const char *folder = test_tmpdir();
    static char path[5000];
    snprintf(path, sizeof path, "%s/tmux", folder);
    CHECK_OK(imr_file_write(path, script, strlen(script), &err));
    CHECK_INT(chmod(path, 0755), 0);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", folder);
    setenv("PATH", path, 1);
    setenv("TMUX_TOOK", test_path(folder, "took"), 1);
    return getenv("TMUX_TOOK");
}

TEST("tmux takes what is copied, then the terminal, then a file, and it is said which")
{
    IMR_AUTOBUF imr_buf path = {0};
    imr_buf_str(&path, getenv("PATH"));
    screen s;
    ask(&s, "java coffee\tj");
    s.app.tmux = true;
    const char *took =
        with_tmux("#!/bin/sh\n[ \"$*\" = 'load-buffer -w -' ] && cat >\"$TMUX_TOOK\"\n");
    copied(&s, "yy");
    says(&s, "to tmux's buffer and the clipboard");
    char *text = test_read(took, NULL);
    CHECK_STR(text, ui_list_selected(&s.app.list)->id);
    free(text);
    copied(&s, "ya"); /* as long as it is */
    text = test_read(took, NULL);
    CHECK_STR(text, imr_buf_text(&s.app.clip));
    free(text);
    CHECK_STR(fake_written(s.engine), "");

    with_tmux("#!/bin/sh\n[ \"$*\" = 'load-buffer -' ] && cat >\"$TMUX_TOOK\"\n");
    copied(&s, "yy");
    says(&s, "to tmux's buffer and, by OSC 52, the clipboard");
    copied(&s, "ya");
    says(&s, "copied the table to tmux's buffer");

    with_tmux("#!/bin/sh\nexec sleep 20\n");
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    copied(&s, "yy");
    clock_gettime(CLOCK_MONOTONIC, &to);
    says(&s, "to the terminal's clipboard (OSC 52)");
    CHECK(to.tv_sec - from.tv_sec < 5);

    setenv("PATH", "/nowhere", 1);
    s.app.clip_path = "/run/clip.txt";
    copied(&s, "yy");
    says(&s, "to the terminal's clipboard (OSC 52)");
    copied(&s, "ya");
    says(&s, "copied the table to /run/clip.txt");
    CHECK_CONTAINS(fake_written(s.engine), " /run/clip.txt");
    setenv("PATH", imr_buf_text(&path), 1);
    screen_end(&s);
}
