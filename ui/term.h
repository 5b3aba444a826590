/*
 * ui/term.h - a terminal as the loop sees it: curses, or one in memory (tests/ui/headless.h).
 *
 * The loop shows grids and reads events; nobody else talks to the terminal. Closing restores it,
 * always before anything is printed.
 * Threads: the UI thread only.
 */
#ifndef UI_TERM_H
#define UI_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "ui/decode.h"
#include "ui/surface.h"

typedef struct ui_term ui_term;

struct ui_term {
    int escape_ms;             /* how long the rest of an unfinished sequence is waited for */
    int fd;                    /* to poll for input */
    void (*close)(ui_term *t); /* restores and frees */
    void (*size)(ui_term *t, int *rows, int *cols); /* as it is now */
    /* Reads what there is without waiting. False: the terminal is gone. */
    bool (*read)(ui_term *t);
    bool (*next)(ui_term *t, ui_event *out); /* of what was read */
    bool (*waiting)(const ui_term *t);       /* an unfinished sequence: flush after escape_ms */
    void (*flush)(ui_term *t);
    bool (*writable)(const ui_term *t); /* false: the terminal does not read, skip this frame */
    void (*show)(ui_term *t, const ui_grid *g);
    /* Draw everything again next time (after a resize, resume or on demand). */
    void (*invalidate)(ui_term *t);
    void (*theme)(ui_term *t, ui_theme theme);
    /* Gives the terminal back, stops this process as C-z does in other programs, and takes it again
     * when that is continued. */
    void (*suspend)(ui_term *t);
    void (*copy)(ui_term *t, const char *text, size_t len); /* OSC 52 */
    /* Frame marker, for tests only. pending: jobs, and one more for a key that is not whole. */
    void (*marker)(ui_term *t, int rows, int cols, int pending);
};

/* The terminal on stdin/stdout. IMR_E_USAGE when they are no terminal or it cannot be driven
 * (TERM=dumb). *theme is the one in use, *notice (static or t's, may be "") one sentence to show
 * once, such as an unknown TERM. */
imr_status ui_term_curses_open(ui_term **out, ui_theme *theme, const char **notice,
                               const ui_term_options *options, imr_error *err) IMR_NODISCARD;

/* The string that puts a terminal back in order, for the last-resort signal handler; set while a
 * terminal is open. */
extern const char ui_term_restore[];

#endif
