/*
 * ui/style.h - what a cell means, and what each theme makes of it.
 *
 * Views name roles, never colours. A theme is a row of pens: 256-colour indices (-1: the terminal's
 * own) and attributes. Sign is never carried by colour alone: position, +/- and arrows say it,
 * colour repeats it. Body text is always the terminal's own foreground and background.
 * tests/ui/test_palette.c measures contrast, and difference under colour blindness.
 */
#ifndef UI_STYLE_H
#define UI_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

const char *ui_role_word(ui_role role);
const char *ui_theme_name(int theme);
bool ui_theme_parse(ui_theme *out, const char *name);

/* The pen of a style, selection and reversal applied. */
ui_pen ui_theme_pen(ui_theme theme, ui_style style);

typedef struct ui_theme_wish {
    const char *color;    /* --color: "auto", "always", "never"; NULL is auto */
    const char *theme;    /* --theme or configuration; NULL when not given */
    const char *no_color; /* value of NO_COLOR, NULL when unset */
    const char *term;     /* value of TERM */
    int colors;           /* what the terminal can show, 0 unknown */
} ui_theme_wish;

/* color=never > theme > NO_COLOR (set and not empty) > dumb or < 8 colours > < 256 > auto. */
ui_theme ui_theme_choose(const ui_theme_wish *wish);

#endif
