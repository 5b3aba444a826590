/*
 * tests/ui/vt.h - a program under a real pseudo-terminal, its screen kept by libvterm.
 *
 * No sleeping: the program writes a marker after each frame (OSC 7770;frame;n;ROWSxCOLS;pending)
 * and the driver waits for it. The child gets a clean environment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct vt vt;

vt *vt_start(int rows, int cols, const char *term, const char *const *argv,
             const char *const *environment);
void vt_stop(vt *t); /* kills what still runs */

void vt_keys(vt *t, const char *bytes, size_t n);
#define VT_KEYS(t, text) vt_keys((t), (text), sizeof(text) - 1)
/* The next frame after the last one waited for, nothing pending. False: it did not come in time. */
bool vt_wait_frame(vt *t, int milliseconds);
/* Reads until nothing is pending and no frame came for the keys sent before. */
bool vt_wait_idle(vt *t);
void vt_resize(vt *t, int rows, int cols);
bool vt_wait_size(vt *t, int rows, int cols, int milliseconds);
bool vt_wait_exit(vt *t, int milliseconds, int *status);
bool vt_wait_stopped(vt *t, int milliseconds);
void vt_signal(vt *t, int signal_number);
long vt_writes(const vt *t); /* calls of write(2) so far; negative: this system counts none */
void vt_hang_up(vt *t);      /* closes the terminal under the program */

/* The screen as UTF-8, trailing blanks cut. Static buffer. */
const char *vt_dump(vt *t);
/* "06: 002-004 32 b" runs of cells that are not plain: colour index (- none), background when there
 * is one, b u r. */
const char *vt_dump_attributes(vt *t);
bool vt_raw_has(vt *t, const char *bytes, size_t n);
bool vt_altscreen(const vt *t);
void vt_cursor(const vt *t, int *y, int *x, bool *shown);
bool vt_echo(const vt *t); /* the line discipline echoes: the terminal is as a shell left it */
