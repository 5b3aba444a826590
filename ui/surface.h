/*
 * ui/surface.h - the grid of cells every screen is drawn into, and clipped windows on it.
 *
 * Units are rows and columns from 0; y before x. A surface is a value: a grid and a rectangle of
 * it. Whatever lies outside the rectangle or the grid is clipped, negative and huge coordinates
 * included, so a view is right for any rectangle, 0x0 too. Nothing here fails after ui_grid_init.
 *
 * Wide characters take two cells: the first holds the text (width 2), the second nothing (width 0).
 * A wide character that would straddle the right edge of its surface becomes a space; overwriting
 * one half blanks the other. At most 2 combining marks stay with their base. Control characters
 * never enter a cell: they become U+FFFD. In an ASCII grid every cell is 7-bit.
 *
 * A cell may carry a term: the entry of the glossary (report/glossary.def) that says what a number
 * is.
 */
#pragma once

#include <string.h>

#include "text/filter.h"
#include "text/utf8.h"
#include "ui/style.h"

#define UI_MAX_ROWS 1000
#define UI_MAX_COLS 2000

typedef struct ui_cell {
    char text[12]; /* one character and at most two marks, no terminator */
    uint8_t len;
    uint8_t width; /* 1, 2; 0: right half of the wide character before it */
    uint8_t term;  /* of the glossary; 0: none */
    ui_style style;
} ui_cell;

typedef struct ui_rect {
    int y, x, h, w;
} ui_rect;

/* What a click on a part of the screen means (ui/mouse.c); of parts that overlap the one drawn last
 * counts. */
typedef enum ui_hit_kind {
    UI_HIT_ANY,
    UI_HIT_DO,     /* the action `value` */
    UI_HIT_KEY,    /* the key */
    UI_HIT_PANE,   /* which pane */
    UI_HIT_BORDER, /* which of ui_app.split */
    UI_HIT_ROW,    /* of the list, the audit, the dialog; also points of the map */
    UI_HIT_SORT,   /* by that place of the menu */
    UI_HIT_PICK,   /* a row that is taken at once */
    UI_HIT_TERM,   /* a number, of that term of the glossary */
    UI_HIT_TEXT,   /* a prompt's */
    UI_HIT_CELL    /* query word << 16 | document word, or UI_HIT_LABEL */
} ui_hit_kind;
#define UI_HIT_LABEL 0xffff

typedef struct ui_hits {
    struct ui_hit {
        ui_rect at; /* of the grid */
        ui_hit_kind kind;
        size_t value;
    } * v;
    size_t n, cap;
} ui_hits;

typedef struct ui_grid {
    ui_cell *cells; /* rows * cols, row-major */
    int rows, cols;
    const ui_glyphs *glyphs;
    ui_hits *hits;          /* NULL: nobody asks */
    bool halves;            /* reversed cells are taken: bars to the left grow by halves */
    int cursor_y, cursor_x; /* where the hardware cursor is parked; -1: nowhere in particular */
    bool cursor_shown;
} ui_grid;

typedef struct ui_surface {
    ui_grid *grid;
    ui_rect at;   /* h, w never negative */
    uint8_t term; /* what cells put here are about */
} ui_surface;

/* Sizes are clamped to 0 .. UI_MAX_*. Cells are blank. Glyphs are those of Unicode. */
imr_status ui_grid_init(ui_grid *out, int rows, int cols, imr_error *err);
void ui_grid_done(ui_grid *g);
void ui_grid_clear(ui_grid *g); /* blank cells, no cursor */
static inline ui_cell *ui_grid_cell(const ui_grid *g, int y, int x)
{
    return &g->cells[(size_t)y * (size_t)g->cols + (size_t)x];
}

ui_surface ui_surface_of(ui_grid *g);
ui_surface ui_sub(ui_surface s, ui_rect part);   /* part is relative to s and clipped to it */
static inline ui_surface ui_inside(ui_surface s) /* of a box */
{
    return ui_sub(s, (ui_rect){1, 1, s.at.h - 2, s.at.w - 2});
}
static inline ui_surface ui_about(ui_surface s, uint8_t term)
{
    s.term = term;
    return s;
}
static inline int ui_width(const char *text)
{
    return (int)imr_utf8_width(text, strlen(text));
}

/* Puts text (UTF-8, any bytes) from (y,x); returns the column after it, also where clipped. */
int ui_put(ui_surface s, int y, int x, ui_style style, const char *text);
int ui_put_n(ui_surface s, int y, int x, ui_style style, const char *text, size_t len);
int ui_putf(ui_surface s, int y, int x, ui_style style, const char *format, ...) IMR_PRINTF(5, 6);
/* At most w columns, what does not fit is replaced by the ellipsis; returns the column after. */
int ui_put_cut(ui_surface s, int y, int x, int w, ui_style style, const char *text);
/* Text ending before column x (exclusive). */
void ui_put_right(ui_surface s, int y, int x, ui_style style, const char *text);
/* A number ending before column x, signed ones in the colour of their sign. */
void ui_put_signed(ui_surface s, int y, int x, double value, int decimals);
void ui_put_plain(ui_surface s, int y, int x, ui_style style, double value, int decimals);
/* Text wrapped into lines from row y on, at most `rows`; returns the row after. */
int ui_put_wrapped(ui_surface s, int y, int x, int w, int rows, ui_style style, const char *text);
/* One glyph of width 1, n times. */
void ui_repeat(ui_surface s, int y, int x, int n, ui_style style, const char *glyph);
void ui_fill(ui_surface s, ui_rect part, ui_style style); /* with blanks */
/* Gives cells as they are flags (UI_SELECTED, UI_REVERSED), or another role than UI_TEXT. */
void ui_mark(ui_surface s, ui_rect part, ui_style style);

/* Marks what is found in each row of cells, as it stands there. */
void ui_mark_found(ui_surface s, const imr_pattern *p);

/* Clears s, a border around it, title at the left and note at the right of the top edge (may be
 * NULL). Focused: heavy lines, bold title. */
void ui_box(ui_surface s, bool focused, const char *title, const char *note);

/*
 * A bar around an axis: half columns, the axis, half columns. Positive values grow to the right,
 * negative to the left, in eighths of a column; |value| >= scale fills the half. The left side uses
 * reversed complements, or halves of a column. NaN: no bar.
 */
void ui_bar(ui_surface s, int y, int x, int half, double value, double scale);
/* A bar from the left, [0, scale] in w columns. */
void ui_meter(ui_surface s, int y, int x, int w, double value, double scale);

/* A part that begins outside s is none. */
void ui_hit_put(ui_surface s, ui_rect part, ui_hit_kind kind, size_t value);
void ui_cursor(ui_surface s, int y, int x, bool shown); /* ignored outside s */

/* ---- rows ---- */

/* Styled rows built once from a model and a width; drawing copies a slice of them. A view adds rows
 * at the end (ui/rows.c) and writes them like any surface. How many there are is known before
 * anything is drawn, so scrolling knows its end. */
typedef struct ui_rows {
    ui_grid grid; /* of which the first n rows are used */
    int n;
} ui_rows;

/* Empty again, `cols` wide, with glyphs and halves as `like` has them. */
void ui_rows_begin(ui_rows *r, const ui_grid *like, int cols);
void ui_rows_done(ui_rows *r);
/* The next n rows, blank; without any when memory ran out. Valid until ui_rows_done. */
ui_surface ui_rows_add(ui_rows *r, int n);
/* A text wrapped from column x on. */
void ui_rows_text(ui_rows *r, int x, ui_style style, const char *text);
/* Lines as they are, headings strong: those that begin without a blank. */
void ui_rows_lines(ui_rows *r, const char *lines);
/* The same as ui_rows_text, *words between stars* bold. */
void ui_rows_sentence(ui_rows *r, int x, const char *text);
/* A rule with a title and, at the right, a note (may be NULL); in a box it joins the borders. */
void ui_rows_heading(ui_rows *r, const char *title, const char *note);

/* Pieces one after another, each whole, in as many rows as they need, from column `indent` on. */
typedef struct ui_flow {
    ui_rows *rows;
    int indent, y, x;
} ui_flow;
/* The first row begins with a label. */
ui_flow ui_flow_begin(ui_rows *r, int indent, ui_style style, const char *label);
void ui_flow_put(ui_flow *f, ui_style style, uint8_t term, const char *format, ...)
    IMR_PRINTF(4, 5);
/* Whether a piece of that width still fits into the row begun. */
bool ui_flow_fits(const ui_flow *f, int width);

/* Rows [top, top + s.at.h). */
void ui_rows_draw(const ui_rows *r, ui_surface s, int top);
/* The same inside a box, whose borders headings join. */
void ui_rows_draw_boxed(const ui_rows *r, ui_surface box, bool focused, int top);
