/*
 * ui/ui.h - the explorer: all that main and the command line see of the front.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>

#include "session/async.h"

/* A line "LIST x :sort delta" of a configuration file (ui/keymap.h says how they read). */
typedef struct ui_user_bind {
    const char *text, *path;
    unsigned line;
} ui_user_bind;

typedef struct ui_options {
    const char *query;  /* NULL or text to start with */
    const char *intro;  /* NULL or lines for the screen before the first query, UTF-8 */
    const char *color;  /* "auto", "always", "never"; NULL: auto */
    const char *theme;  /* NULL: chosen by terminal and NO_COLOR */
    const char *glyphs; /* "unicode", "ascii"; NULL: by the locale */
    /* values of the environment; NULL when unset */
    const char *term, *escape_delay, *no_color, *test_sync;
    const ui_user_bind *binds;
    size_t n_binds;
    /* files; NULL: none. The folders must exist. */
    const char *history;        /* read at start, written at the end */
    const char *log;            /* stderr goes here while the screen is in use */
    const char *clip_file;      /* what is copied is also written here */
    const char *export_folder;  /* for exports without a path; NULL: the working folder */
    const char *const *command; /* argv, for exports */
    size_t n_command;
} ui_options;

/*
 * Opens the session on its worker and runs the explorer until the user leaves. *exit_code: 0, or
 * 128 + signal. IMR_E_USAGE when there is no terminal to draw on (nothing was changed then);
 * errors of opening the session are shown on the screen.
 * Calls setlocale(LC_CTYPE, ""). Threads: the main thread.
 */
imr_status ui_run(int *exit_code, const imr_session_options *session, const ui_options *options,
                  imr_error *err) IMR_NODISCARD;

#endif
