/*
 * ui/style.h - how things look: what a cell means and what each theme makes of it, the two glyph
 * sets, numbers as the screens write them.
 *
 * Views name roles, never colours. A theme is a row of pens: 256-colour indices (-1: the terminal's
 * own) and attributes. Sign is never carried by colour alone: position, +/- and arrows say it,
 * colour repeats it. Body text is always the terminal's own foreground and background.
 * tests/ui/test_palette.c measures contrast, and difference under colour blindness.
 *
 * A screen in ASCII is designed, not approximated. Views take from the glyph set in use what is not
 * the same there cell by cell; other marks (… − ▲ ★) are mapped when they are put, as is what a
 * document brings (ui_glyph_ascii).
 *
 * Similarities and their changes have 4 decimals; a change carries its sign. Metrics have 3. What
 * is not a number is a dash, infinity a word.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* What a cell means: ui/roles.def. */
typedef enum ui_role {
#define X(name, word, ...) UI_##name,
#include "ui/roles.def"
#undef X
    UI_ROLE_COUNT
} ui_role;

/* A style is a role, perhaps with one of these. */
typedef uint16_t ui_style;
#define UI_SELECTED   0x100u /* the row under the cursor */
#define UI_REVERSED   0x200u /* foreground and background swapped (bars that grow to the left) */
#define UI_STYLE_ROLE 0xffu

enum { UI_BOLD = 1, UI_UNDERLINE = 2, UI_REVERSE = 4 };

typedef struct ui_pen {
    int16_t fg, bg; /* 256-colour index, -1 the terminal's own */
    uint8_t attributes;
} ui_pen;

typedef enum ui_theme {
    UI_THEME_AUTO, /* reads on dark and on light */
    UI_THEME_DARK,
    UI_THEME_LIGHT,
    UI_THEME_CONTRAST, /* brings its own black background */
    UI_THEME_MONO,
    UI_THEME_16,
    UI_THEME_COUNT
} ui_theme;

extern const char *const ui_theme_names[UI_THEME_COUNT];
const char *ui_role_word(ui_role role);
bool ui_theme_parse(ui_theme *out, const char *name);
/* The pen of a style, selection and reversal applied. */
ui_pen ui_theme_pen(ui_theme theme, ui_style style);

/* How the terminal is to be used, and what the environment says of it. NULL: nothing. */
typedef struct ui_term_options {
    const char *color;        /* --color: "auto", "always", "never"; NULL is auto */
    const char *theme;        /* --theme or configuration; NULL: by the terminal and NO_COLOR */
    const char *no_color;     /* NO_COLOR */
    const char *term;         /* TERM; NULL or "" is tried as xterm-256color */
    const char *escape_delay; /* ESCDELAY, in ms; no number from 1 to 60000: UI_ESC_MS */
    bool no_mouse;            /* until M */
    const char *log;          /* file that takes stderr meanwhile; NULL: nowhere */
    const char *test_sync;    /* neither NULL nor "": write the frame marker OSC 7770 */
} ui_term_options;

/* color=never > theme > NO_COLOR (set and not empty) > dumb or < 8 colours > < 256 > auto.
 * colors: what the terminal can show, 0 unknown. */
ui_theme ui_theme_choose(const ui_term_options *o, int colors);

/* ---- glyphs ---- */

typedef struct ui_border {
    const char *h, *v, *tl, *tr, *bl, *br, *left_tee, *right_tee;
} ui_border;

typedef struct ui_glyphs {
    bool ascii, spoken; /* spoken: one thing below the other, no boxes, bars and plots */
    const char *arrow, *middot, *tau;
    const char *hub;        /* behind a word that is near everything */
    const char *updown;     /* the two arrow keys in a hint */
    ui_border border[2];    /* light, heavy */
    const char *eighths[9]; /* left blocks of 0 to 8 eighths */
} ui_glyphs;

extern const ui_glyphs ui_unicode, ui_ascii, ui_spoken;
/* One 7-bit character standing for a code point above 0x7f; '?' where nothing is close. */
char ui_glyph_ascii(uint32_t code);

/* ---- numbers ---- */

typedef imr_text ui_text;
#define ui_textf imr_textf
ui_text ui_signed(double value, int decimals); /* +0.0012 */
ui_text ui_plain(double value, int decimals);  /* 0.8714 */
ui_text ui_short(double value, int decimals);  /* +.37 */
ui_text ui_count(uint64_t value);              /* 171 332 */
ui_text ui_move(int32_t move);                 /* up, down, same */
ui_text ui_bound(double bound);                /* without its leading zero: .05, 2, .0005 */
/* The largest "nice" bound (1, 2 or 5 times a power of ten) not below value; 0 stays a bound of
 * 0.0001, so that it can divide. */
double ui_nice_scale(double value);
/* gain, loss or plain by the sign of a number */
static inline ui_role ui_sign_role(double v)
{
    return v > 0 ? UI_GAIN : v < 0 ? UI_LOSS : UI_TEXT;
}

/* ---- ui/text.c: texts broken into lines of at most `columns`, searched, kept ---- */

/*
 * Lines are built once for a text and a width, outside drawing. They are byte ranges of the text,
 * which is borrowed, and end at spaces where there are any. A word wider than a line is cut at a
 * cluster. Line feeds begin a new line. At byte `read` reading ended: a line ends there and an
 * empty one marks it.
 */
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

/* Whether a letter, digit or mark stands there. */
bool ui_word_at(const char *text, size_t len, size_t at);
/* The next whole word `word` in text from byte `at` on; false when there is none. */
bool ui_find_word(const char *text, size_t at, const char *word, size_t *start, size_t *end);
/* Frees the old text and keeps a copy of the new one; NULL clears. */
void ui_replace(char **slot, const char *text);
