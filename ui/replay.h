/*
 * ui/replay.h - the explorer without a terminal: lines of what is done in, screens out.
 *
 *   # words, or nothing            is skipped
 *   keys tea leaves<Tab>jj<C-d>    one key after another, by the names of ui/keymap.h; <lt> is '<'
 *   :sort delta                    a command, as behind `:`
 *   paste WORDS                    at once, as a terminal pastes them
 *   click 4 10                     row and column, from 0, and perhaps a button; press, drag,
 *                                  release, wheel-up and wheel-down likewise
 *   resize 80x24                   columns by rows
 *   wait                           until nothing runs any more; so does each event by itself
 *   screen, screen TITLE           prints the screen; below a line with TITLE, size and cursor
 *   expect "WORDS", absent "WORDS" in a row of the screen, or in none of them
 *
 * Every event is answered and drawn before the next, so that the screens are the same each time.
 * What writes, copies or leaves for another program (ui_keymap_writes) is refused while
 * app->stranger is set: the lines may come from anybody. Lines are UTF-8 without control
 * characters. Files of tests/ui/screens are such lines, too.
 * Threads: the UI thread.
 */
#pragma once

#include "ui/loop.h"

typedef struct ui_replay {
    ui_app *app;
    imr_async *jobs;
    imr_buf *out; /* screens */
    int patience; /* milliseconds that a job is waited for; -1: as long as it takes */
    bool left;    /* the loop would have ended */
    ui_term term; /* does nothing */
    ui_view view; /* the screen; ui_view_done */
} ui_replay;

void ui_replay_settle(ui_replay *r); /* acts, waits, draws */
void ui_replay_event(ui_replay *r, const ui_event *e);
/* One line, without its end. IMR_E_FORMAT: what is wrong with it; IMR_E_USAGE: refused;
 * IMR_E_DIFFERENT: not as expected, the screen is printed then. */
imr_status ui_replay_line(ui_replay *r, const char *line, imr_error *err);
/* All of them; errors begin with NAME:LINE. */
imr_status ui_replay_run(ui_replay *r, const char *name, const char *text, size_t len,
                         imr_error *err);
/* The screen as text, one line a row, trailing blanks cut; below a line with the title, if any. */
void ui_replay_print(const ui_replay *r, const char *title);
void ui_grid_text(const ui_grid *g, imr_buf *out);
