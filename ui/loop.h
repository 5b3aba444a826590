/*
 * ui/loop.h - wait, update, act, draw.
 *
 * One thread: poll on the terminal, the jobs' descriptor and the signal pipe; events change the
 * model; its effects are carried out; one frame is drawn when the terminal takes it. Nothing to do
 * means no wake-up. Frames under test carry a marker (ui/term.h).
 */
#pragma once

#include "ui/app.h"
#include "ui/term.h"

/* The whole screen (ui/view.c): takes the model apart and gives each view what it draws. Views are
 * pure: right for any rectangle, they change nothing and print only numbers of the trace and the
 * detail. Long ones are rows, built once a frame; how many there are and where numbers stand is all
 * the model hears back. */
typedef struct ui_view {
    ui_grid grid;
    ui_rows why, help;
} ui_view;
/* Makes v->grid the screen of the model, at its size; false when memory ran out. */
bool ui_view_make(ui_view *v, ui_app *a);
void ui_view_done(ui_view *v);
void ui_view_why(const ui_app *a, ui_rows *out); /* of the selected document, at length */

/* Runs until the user quits or a signal ends it. Returns the exit status: 0, 128 + signal, or 129
 * when the terminal went away. Signals must be open. */
int ui_loop(ui_app *a, ui_term *t, imr_async *jobs);

/* Carries out a->effects and clears them; the frame after it is the caller's. For ui_loop and for
 * tests that press keys one by one. Returns false when the loop should end. */
bool ui_act(ui_app *a, ui_term *t, imr_async *jobs);

/* Gives away a->clip, and says to what. */
void ui_copy(ui_app *a, ui_term *t, imr_async *jobs);

/* Draws one frame. */
void ui_frame(ui_app *a, ui_term *t, ui_view *v);

/*
 * Signals are bytes in a pipe: handlers write one and do nothing else, the loop polls the pipe and
 * acts. Those that tell of a crash (SEGV, BUS, FPE, ILL, ABRT ...), QUIT and all others that would
 * end the program put the terminal back with write(2) and the saved attributes, then raise
 * themselves again with their default action, whichever thread they met. PIPE and XFSZ are ignored:
 * the write fails. So stays what was ignored before. Process-wide state, one user at a time.
 */
/* Saves the terminal's attributes and installs the handlers. */
imr_status ui_signals_open(imr_error *err);
void ui_signals_close(void); /* old handlers back; fine without open */
