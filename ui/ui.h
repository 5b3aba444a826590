/*
 * ui/ui.h - the explorer: all that main and the command line see of the front.
 */
#pragma once

#include "config/config.h"
#include "session/async.h"
#include "ui/style.h"

typedef struct ui_options {
    const char *query;   /* NULL or text to start with */
    const char *intro;   /* NULL or lines for the screen before the first query, UTF-8 */
    const char *columns; /* of the ranking; NULL: the usual ones */
    const char *glyphs;  /* "unicode", "ascii"; NULL: by the locale */
    bool spoken;         /* for those who listen: ui_term_text_open */
    ui_term_options terminal;
    const imr_bind *binds; /* lines of configuration files, see ui/keymap.h */
    size_t n_binds;
    /* files; NULL: none. The folders must exist. */
    const char *history;          /* read at start, written at the end */
    const char *state, *project;  /* a folder for what is come back to, by cache, adapters and "" or
                                     a project */
    bool restore;                 /* comes back to it */
    const char *clip_file;        /* what is copied is written here where no tmux takes it */
    bool tmux;                    /* which is asked first */
    const char *notes, *reviewer; /* where notes are kept, and whose they are */
    const char *const *command;   /* argv, for exports */
    size_t n_command;
    imr_buf *record; /* takes what is done as lines of ui/replay.h; NULL: nothing does */
    /* Such lines in place of a terminal, and what their errors begin with; NULL: a terminal. What
     * they print is added. A stranger's neither write nor copy. Without --theme it is mono. */
    const char *lines, *lines_name;
    size_t n_lines;
    bool stranger;
    imr_buf *printed;
} ui_options;

/*
 * Opens the session on its worker and runs the explorer until the user leaves. *exit_code: 0, or
 * 128 + signal. IMR_E_USAGE when there is no terminal to draw on (nothing was changed then);
 * errors of opening the session are shown on the screen, and with `lines` returned, as those of
 * ui_replay_run are.
 * Calls setlocale(LC_CTYPE, ""). Threads: the main thread.
 */
imr_status ui_run(int *exit_code, const imr_session_options *session, const ui_options *options,
                  imr_error *err);
