/*
 * ui/text.h - texts: broken into lines of at most `columns`, searched, kept.
 *
 * Lines are built once for a text and a width, outside drawing. They are byte ranges of the text,
 * which is borrowed, and end at spaces where there are any. A word wider than a line is cut at a
 * cluster. Line feeds begin a new line. At byte `read` reading ended: a line ends there and an
 * empty one marks it.
 */
#ifndef UI_TEXT_H
#define UI_TEXT_H

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

/* read: SIZE_MAX for no mark. Keeps what it has when all is as before. When memory ran out it holds
 * the lines that fit. */
void ui_lines_set(ui_lines *l, const char *text, int columns, size_t read);
void ui_lines_done(ui_lines *l);
/* The line that holds byte `at`. */
size_t ui_lines_find(const ui_lines *l, size_t at);
/* How many lines a text has. */
int ui_lines_of(const char *text, int columns);

/* Case does not count; "" is in everything. */
bool ui_contains(const char *text, const char *part);
/* Bytes of text that `prefix` takes up when text begins with it, 0 when it does not. */
size_t ui_begins(const char *text, const char *prefix);
/* Whether a letter, digit or mark stands there. */
bool ui_word_at(const char *text, size_t len, size_t at);
/* The next whole word `word` in text from byte `at` on; false when there is none. */
bool ui_find_word(const char *text, size_t at, const char *word, size_t *start, size_t *end);
/* Frees the old text and keeps a copy of the new one; NULL clears. */
void ui_replace(char **slot, const char *text);

#endif
