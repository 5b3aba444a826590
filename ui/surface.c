/* ui/surface.c */
#include "ui/surface.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/array.h"

static const ui_cell blank = {.text = " ", .len = 1, .width = 1, .style = UI_TEXT};

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

imr_status ui_grid_init(ui_grid *out, int rows, int cols, imr_error *err)
{
    ui_grid g = {.rows = clamp(rows, 0, UI_MAX_ROWS),
                 .cols = clamp(cols, 0, UI_MAX_COLS),
                 .glyphs = &ui_unicode};
    g.cells = IMR_NEW_ARRAY(ui_cell, (size_t)g.rows * (size_t)g.cols);
    IMR_NEED(g.cells, err);
    ui_grid_clear(&g);
    *out = g;
    return IMR_OK;
}

void ui_grid_done(ui_grid *g)
{
    imr_free(g->cells);
    *g = (ui_grid){0};
}

void ui_grid_clear(ui_grid *g)
{
    for (size_t i = 0; i < (size_t)g->rows * (size_t)g->cols; i++)
        g->cells[i] = blank;
    g->cursor_y = g->cursor_x = -1;
    g->cursor_shown = false;
}

ui_surface ui_surface_of(ui_grid *g)
{
    return (ui_surface){g, {0, 0, g->rows, g->cols}, 0};
}

ui_surface ui_sub(ui_surface s, ui_rect part)
{
    int y = clamp(part.y, 0, s.at.h), x = clamp(part.x, 0, s.at.w);
    s.at = (ui_rect){s.at.y + y, s.at.x + x, clamp(part.h, 0, s.at.h - y),
                     clamp(part.w, 0, s.at.w - x)};
    return s;
}

/* The cell at (y,x) of s, or NULL when clipped. */
static ui_cell *at(ui_surface s, int y, int x)
{
    if (y < 0 || x < 0 || y >= s.at.h || x >= s.at.w)
        return NULL;
    return ui_grid_cell(s.grid, s.at.y + y, s.at.x + x);
}

/* A cell about to be overwritten: the other half of a wide character becomes a space. */
static void release(ui_surface s, int y, int x)
{
    ui_cell *c = at(s, y, x);
    int other = !c || c->width == 1 ? 0 : c->width == 2 ? 1 : -1, column = s.at.x + x + other;
    if (!other || column < 0 || column >= s.grid->cols)
        return;
    ui_style keep = c[other].style;
    c[other] = blank;
    c[other].style = keep;
}

static void set(ui_surface s, int y, int x, ui_style style, const char *bytes, size_t n, int width)
{
    ui_cell *c = at(s, y, x);
    if (!c)
        return;
    release(s, y, x);
    *c = blank;
    c->style = style;
    if (width == 2 && x + 1 >= s.at.w)
        return;
    memcpy(c->text, bytes, n);
    c->len = (uint8_t)n;
    c->width = (uint8_t)width;
    c->term = s.term;
    if (width == 2) {
        release(s, y, x + 1);
        c[1] = (ui_cell){.style = style, .term = s.term};
    }
}

/* Adds a mark to the character that ends before column x; at most two stay. */
static void combine(ui_surface s, int y, int x, const char *bytes, size_t n, int *marks)
{
    ui_cell *c = at(s, y, x - 1);
    if (c && c->width == 0)
        c = at(s, y, x - 2);
    if (!c || c->len + n > sizeof c->text || ++*marks > 2)
        return;
    memcpy(c->text + c->len, bytes, n);
    c->len = (uint8_t)(c->len + n);
}

int ui_put_n(ui_surface s, int y, int x, ui_style style, const char *text, size_t len)
{
    int marks = 3; /* a mark without a base before it in this text is dropped */
    for (size_t i = 0; i < len;) {
        uint32_t code;
        size_t used = imr_utf8_decode(text + i, len - i, &code);
        int width = imr_utf8_cp_width(code);
        char bytes[16];
        size_t n = imr_utf8_sign(code, bytes);
        i += used;
        if (n) {
            x = ui_put_n(s, y, x, style, bytes, n);
            continue;
        }
        n = imr_utf8_encode(code, bytes);
        if (s.grid->glyphs->ascii && code >= 0x80) {
            bytes[0] = ui_glyph_ascii(code);
            for (int k = 0; k < width; k++)
                set(s, y, x++, style, bytes, 1, 1);
            continue;
        }
        if (width == 0) {
            combine(s, y, x, bytes, n, &marks);
            continue;
        }
        set(s, y, x, style, bytes, n, width);
        x += width;
        marks = 0;
    }
    return x;
}

int ui_put(ui_surface s, int y, int x, ui_style style, const char *text)
{
    return ui_put_n(s, y, x, style, text, strlen(text));
}

int ui_putf(ui_surface s, int y, int x, ui_style style, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0)
        return x;
    return ui_put_n(s, y, x, style, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

int ui_put_cut(ui_surface s, int y, int x, int w, ui_style style, const char *text)
{
    size_t len = strlen(text);
    if (w <= 0)
        return x;
    if (imr_utf8_fit(text, len, (size_t)w, NULL) == len)
        return ui_put_n(s, y, x, style, text, len);
    x = ui_put_n(s, y, x, style, text, imr_utf8_fit(text, len, (size_t)w - 1, NULL));
    return ui_put(s, y, x, style, "…");
}

void ui_put_right(ui_surface s, int y, int x, ui_style style, const char *text)
{
    ui_put(s, y, x - ui_width(text), style, text);
}

void ui_put_signed(ui_surface s, int y, int x, double value, int decimals)
{
    ui_put_right(s, y, x, ui_sign_role(value), ui_signed(value, decimals).s);
}

void ui_put_plain(ui_surface s, int y, int x, ui_style style, double value, int decimals)
{
    ui_put_right(s, y, x, style, ui_plain(value, decimals).s);
}

int ui_put_wrapped(ui_surface s, int y, int x, int w, int rows, ui_style style, const char *text)
{
    ui_lines l = {0};
    ui_lines_set(&l, text, w, SIZE_MAX);
    for (size_t i = 0; i < l.n && rows-- > 0; i++)
        if (rows == 0 && i + 1 < l.n)
            ui_put_cut(s, y++, x, w, style, text + l.v[i].start);
        else
            ui_put_n(s, y++, x, style, text + l.v[i].start, l.v[i].end - l.v[i].start);
    ui_lines_done(&l);
    return y;
}

void ui_repeat(ui_surface s, int y, int x, int n, ui_style style, const char *glyph)
{
    int end = x + n < s.at.w ? x + n : s.at.w;
    for (int i = x < 0 ? 0 : x; i < end; i++)
        ui_put(s, y, i, style, glyph);
}

void ui_fill(ui_surface s, ui_rect part, ui_style style)
{
    ui_surface in = ui_sub(s, part);
    for (int y = 0; y < in.at.h; y++)
        for (int x = 0; x < in.at.w; x++)
            set(in, y, x, style, " ", 1, 1);
}

void ui_mark(ui_surface s, ui_rect part, ui_style style)
{
    ui_surface in = ui_sub(s, part);
    for (int y = 0; y < in.at.h; y++)
        for (int x = 0; x < in.at.w; x++) {
            ui_style *of = &at(in, y, x)->style;
            *of = (ui_style)((style & UI_STYLE_ROLE ? *of & ~UI_STYLE_ROLE : *of) | style);
        }
}

void ui_hit_put(ui_surface s, ui_rect part, ui_hit_kind kind, size_t value)
{
    const struct ui_hit hit = {ui_sub(s, part).at, kind, value};
    if (s.grid->hits && part.y >= 0 && part.x >= 0 && !IMR_PUSH(s.grid->hits, hit))
        s.grid->hits->n = 0; /* out of memory: nothing is under the mouse */
}

void ui_box(ui_surface s, bool focused, const char *title, const char *note)
{
    const ui_border *b = &s.grid->glyphs->border[focused];
    int h = s.at.h, w = s.at.w;
    if (h < 2 || w < 2)
        return;
    ui_fill(s, (ui_rect){0, 0, h, w}, UI_TEXT);
    ui_style line = focused ? UI_STRONG : UI_BORDER;
    ui_repeat(s, 0, 1, w - 2, line, b->h);
    ui_repeat(s, h - 1, 1, w - 2, line, b->h);
    for (int y = 1; y < h - 1; y++) {
        ui_put(s, y, 0, line, b->v);
        ui_put(s, y, w - 1, line, b->v);
    }
    ui_put(s, 0, 0, line, b->tl);
    ui_put(s, 0, w - 1, line, b->tr);
    ui_put(s, h - 1, 0, line, b->bl);
    ui_put(s, h - 1, w - 1, line, b->br);
    int room = w - 6;
    if (note && *note && ui_width(note) + 4 <= room) {
        room -= ui_width(note) + 3;
        ui_putf(s, 0, w - 4 - ui_width(note), UI_TEXT, " %s ", note);
    }
    if (title && room > 0) {
        ui_put(s, 0, 2, UI_TEXT, " ");
        int end = ui_put_cut(s, 0, 3, room, focused ? UI_STRONG : UI_TEXT, title);
        ui_put(s, 0, end, UI_TEXT, " ");
    }
}

/* Eighths of a column that value fills of w columns; whole columns in ASCII. */
static int eighths(ui_surface s, double value, double scale, int w)
{
    double share = fabs(value) / scale;
    if (!isfinite(value) || !(scale > 0) || w <= 0)
        return 0;
    int n = (int)lround((share > 1 ? 1 : share) * 8 * w);
    return s.grid->glyphs->ascii ? (n + 4) / 8 * 8 : n;
}

static void bar_right(ui_surface s, int y, int x, int n, ui_style style)
{
    const char *const *blocks = s.grid->glyphs->eighths;
    ui_repeat(s, y, x, n / 8, style, blocks[8]);
    if (n % 8)
        ui_put(s, y, x + n / 8, style, blocks[n % 8]);
}

/* Grows to the left from column x (exclusive). */
static void bar_left(ui_surface s, int y, int x, int n, ui_style style)
{
    const ui_glyphs *g = s.grid->glyphs;
    if (s.grid->halves)
        n = (n + 2) / 4 * 4;
    x -= n / 8;
    ui_repeat(s, y, x, n / 8, style, g->ascii ? "-" : g->eighths[8]);
    if (n % 8 && s.grid->halves)
        ui_put(s, y, x - 1, style, "▐");
    else if (n % 8)
        ui_put(s, y, x - 1, (ui_style)(style | UI_REVERSED), g->eighths[8 - n % 8]);
}

void ui_bar(ui_surface s, int y, int x, int half, double value, double scale)
{
    int n = eighths(s, value, scale, half);
    ui_put(s, y, x + half, UI_BORDER, "│");
    if (value > 0)
        bar_right(s, y, x + half + 1, n, UI_GAIN);
    else
        bar_left(s, y, x + half, n, UI_LOSS);
}

void ui_meter(ui_surface s, int y, int x, int w, double value, double scale)
{
    bar_right(s, y, x, value > 0 ? eighths(s, value, scale, w) : 0, UI_TEXT);
}

void ui_cursor(ui_surface s, int y, int x, bool shown)
{
    if (!at(s, y, x))
        return;
    s.grid->cursor_y = s.at.y + y;
    s.grid->cursor_x = s.at.x + x;
    s.grid->cursor_shown = shown;
}
