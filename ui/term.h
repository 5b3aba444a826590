/*
 * ui/term.h - a terminal as the loop sees it: curses, or none (ui/replay.h).
 *
 * The loop shows grids and reads events; nobody else talks to the terminal. Closing restores it,
 * always before anything is printed.
 * Threads: the UI thread only.
 */
#pragma once

#include "ui/decode.h"
#include "ui/surface.h"

typedef struct ui_term ui_term;

struct ui_term {
    ui_decoder decoder; /* of what was read; an unfinished sequence: flush after escape_ms */
    int escape_ms;      /* how long the rest of it is waited for */
    int fd;             /* to poll for input */
    ui_theme theme;     /* may be changed, with redraw */
    bool mouse;         /* wanted from the next frame on */
    bool redraw;        /* draw everything again next time (after a resize, resume or on demand) */
    char notice[160];   /* "" or one sentence to show once, such as an unknown TERM */
    void (*close)(ui_term *t);                      /* restores and frees */
    void (*size)(ui_term *t, int *rows, int *cols); /* as it is now */
    /* Reads what there is without waiting. False: the terminal is gone. */
    bool (*read)(ui_term *t);
    bool (*writable)(const ui_term *t); /* false: the terminal does not read, skip this frame */
    void (*show)(ui_term *t, const ui_grid *g);
    /* Gives the terminal back, stops this process as C-z does in other programs, and takes it again
     * when that is continued. */
    void (*suspend)(ui_term *t);
    void (*copy)(ui_term *t, const char *text, size_t len); /* OSC 52 */
    /* Frame marker, for tests only. pending: jobs, and one more for a key that is not whole. */
    void (*marker)(ui_term *t, int rows, int cols, int pending);
};

/* The terminal on stdin/stdout. IMR_E_USAGE when they are no terminal or it cannot be driven
 * (TERM=dumb). */
imr_status ui_term_curses_open(ui_term **out, const ui_term_options *options, imr_error *err);

/* The same for those who listen to it: rows that are new are written as lines, no more; draw with
 * ui_spoken. IMR_E_USAGE when stdin is no terminal. */
imr_status ui_term_text_open(ui_term **out, imr_error *err);
bool ui_stdin_read(ui_term *t); /* `read` and `copy` of both */
void ui_stdout_copy(ui_term *t, const char *text, size_t len);

/* The string that puts a terminal back in order, for the last-resort signal handler; set while a
 * terminal is open. */
extern const char ui_term_restore[];
