/*
 * ui/signals.h - signals as bytes in a pipe.
 *
 * Handlers write one byte and do nothing else; the loop polls the pipe and acts. Signals that tell
 * of a crash (SEGV, BUS, FPE, ILL, ABRT ...), QUIT and all others that would end the program put
 * the terminal back with write(2) and the saved attributes, then raise themselves again with their
 * default action, whichever thread they met. PIPE and XFSZ are ignored: the write fails. So stays
 * what was ignored before. Process-wide state, one user at a time: the loop.
 */
#ifndef UI_SIGNALS_H
#define UI_SIGNALS_H

#include <stdbool.h>

#include "base/error.h"

/* Saves the terminal's attributes and installs the handlers. */
imr_status ui_signals_open(imr_error *err) IMR_NODISCARD;
void ui_signals_close(void); /* old handlers back; fine without open */
int ui_signals_fd(void);
/* The next signal that arrived, 0 when there is none. */
int ui_signals_next(void);

#endif
