/*
 * tests/ui/screen.h - the explorer without a terminal: keys in, screens out.
 */
#pragma once

#include "fake.h"
#include "ui/replay.h"

typedef struct screen {
    ui_app app;
    fake *engine;
    ui_replay replay;
    imr_buf printed; /* by lines of a replay */
} screen;

void screen_start(screen *s, int rows, int cols, bool ascii); /* engine not open yet */
void screen_end(screen *s);
/* Raw bytes as a keyboard sends them; then everything is answered and drawn. */
void screen_keys(screen *s, const char *bytes);
void screen_line(screen *s, const char *line); /* of a replay */
void screen_resize(screen *s, int rows, int cols);
void screen_settle(screen *s);      /* answer, act, draw */
const char *screen_text(screen *s); /* as ui_grid_text; static buffer */
/* Roles as runs, "06:002-004 gain"; with +selected, +reversed; rows of plain text are left out. */
void ui_grid_roles(const ui_grid *g, imr_buf *out);
const char *screen_row(screen *s, int row); /* one row of it */
