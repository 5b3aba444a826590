/*
 * ui/lines.h - a text broken into lines of at most `columns`, at spaces where there are any.
 *
 * Built once for a text and a width, outside drawing. Lines are byte ranges of the text, which is
 * borrowed. A word wider than a line is cut at a cluster. Line feeds begin a new line. At byte
 * `read` reading ended: a line ends there and an empty one marks it.
 */
#ifndef UI_LINES_H
#define UI_LINES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ui_line {
    size_t start, end;
    bool mark; /* no text: reading ended here */
} ui_line;

typedef struct ui_lines {
    ui_line *v;
    size_t n, cap;
    int columns;
    size_t read;
    const char *text;
} ui_lines;

/* read: SIZE_MAX for no mark. Keeps what it has when all is as before. False when memory ran out
 * (then it holds the lines that fit). */
bool ui_lines_set(ui_lines *l, const char *text, int columns, size_t read);
void ui_lines_done(ui_lines *l);
/* The line that holds byte `at`. */
size_t ui_lines_find(const ui_lines *l, size_t at);

#endif
