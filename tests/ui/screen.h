/*
 * tests/ui/screen.h - the explorer without a terminal: keys in, screens out.
 */
#ifndef TESTS_UI_SCREEN_H
#define TESTS_UI_SCREEN_H

#include "fake.h"
#include "headless.h"
#include "ui/loop.h"

typedef struct screen {
    ui_app app;
    fake *engine;
    ui_term *term;
    ui_view view;
    bool left; /* the loop would have ended */
} screen;

void screen_start(screen *s, int rows, int cols, bool ascii); /* engine not open yet */
void screen_end(screen *s);
/* Raw bytes as a keyboard sends them; then everything is answered and drawn. */
void screen_keys(screen *s, const char *bytes);
void screen_resize(screen *s, int rows, int cols);
void screen_settle(screen *s);              /* answer, act, draw */
const char *screen_text(screen *s);         /* as ui_grid_text; static buffer */
const char *screen_row(screen *s, int row); /* one row of it */

#endif
