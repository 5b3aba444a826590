/* ui/rows.c */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui/surface.h"

void ui_rows_begin(ui_rows *r, const ui_grid *like, int cols)
{
    cols = cols < 1 ? 1 : cols > UI_MAX_COLS ? UI_MAX_COLS : cols;
    if (cols != r->grid.cols)
        ui_grid_done(&r->grid);
    r->grid.cols = cols;
    r->grid.glyphs = like->glyphs;
    r->grid.halves = like->halves;
    r->n = 0;
}

void ui_rows_done(ui_rows *r)
{
    ui_grid_done(&r->grid);
    *r = (ui_rows){0};
}

ui_surface ui_rows_add(ui_rows *r, int n)
{
    ui_surface none = {&r->grid, {r->n, 0, 0, r->grid.cols}, 0};
    if (r->n + n > r->grid.rows) {
        int rows = 2 * (r->n + n);
        ui_cell *cells =
            imr_realloc(r->grid.cells, (size_t)rows * (size_t)r->grid.cols, sizeof *cells);
        if (!cells)
            return none;
        r->grid.cells = cells;
        r->grid.rows = rows;
    }
    ui_surface s = {&r->grid, {r->n, 0, n, r->grid.cols}, 0};
    r->n += n;
    ui_fill(s, (ui_rect){0, 0, n, s.at.w}, UI_TEXT);
    return s;
}

void ui_rows_text(ui_rows *r, int x, ui_style style, const char *text)
{
    ui_lines l = {0};
    ui_lines_set(&l, text, r->grid.cols - x - 1, SIZE_MAX);
    for (size_t i = 0; i < l.n; i++)
        ui_put_n(ui_rows_add(r, 1), 0, x, style, text + l.v[i].start, l.v[i].end - l.v[i].start);
    ui_lines_done(&l);
}

void ui_rows_lines(ui_rows *r, const char *lines)
{
    for (const char *at = lines, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        ui_put_n(ui_rows_add(r, 1), 0, 1, *at == ' ' ? UI_TEXT : UI_STRONG, at, (size_t)(end - at));
    }
}

void ui_rows_sentence(ui_rows *r, int x, const char *text)
{
    IMR_AUTOBUF imr_buf plain = {0}, bold = {0}; /* bold: 1 for each byte of plain that is */
    ui_lines l = {0};
    char on = 0;
    for (; *text; text++) {
        if (*text == '*') {
            on = !on;
            continue;
        }
        imr_buf_char(&plain, *text);
        imr_buf_char(&bold, on);
    }
    if (!plain.failed && !bold.failed)
        ui_lines_set(&l, imr_buf_text(&plain), r->grid.cols - x - 1, SIZE_MAX);
    for (size_t i = 0; plain.data && bold.data && i < l.n; i++) {
        ui_surface s = ui_rows_add(r, 1);
        int to = x;
        for (size_t at = l.v[i].start, next = at; at < l.v[i].end; at = next) {
            while (next < l.v[i].end && bold.data[next] == bold.data[at])
                next++;
            to =
                ui_put_n(s, 0, to, bold.data[at] ? UI_STRONG : UI_TEXT, plain.data + at, next - at);
        }
    }
    ui_lines_done(&l);
}

void ui_rows_heading(ui_rows *r, const char *title, const char *note)
{
    ui_surface s = ui_rows_add(r, 1);
    int end = s.at.w - 1;
    ui_repeat(s, 0, 0, s.at.w, UI_BORDER, "─");
    if (note && *note && ui_width(note) + 12 < end) {
        end -= ui_width(note) + 2;
        ui_putf(s, 0, end, UI_TEXT, " %s ", note);
    }
    int x = ui_put(s, 0, 1, UI_TEXT, " ");
    x = ui_put_cut(s, 0, x, end - x - 2, UI_STRONG, title);
    ui_put(s, 0, x, UI_TEXT, " ");
}

ui_flow ui_flow_begin(ui_rows *r, int indent, ui_style style, const char *label)
{
    ui_flow f = {r, indent, r->n, indent};
    ui_put_cut(ui_rows_add(r, 1), 0, 1, indent - 2, style, label);
    return f;
}

bool ui_flow_fits(const ui_flow *f, int width)
{
    return f->x + width < f->rows->grid.cols;
}

void ui_flow_put(ui_flow *f, ui_style style, uint8_t term, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int w = ui_width(text), room = f->rows->grid.cols - 1 - f->indent;
    if (!ui_flow_fits(f, w) && f->x > f->indent) {
        f->y = f->rows->n;
        f->x = f->indent;
        ui_rows_add(f->rows, 1);
    }
    if (f->y >= f->rows->n)
        return; /* no memory for the row */
    ui_surface s = {&f->rows->grid, {f->y, 0, 1, f->rows->grid.cols}, term};
    ui_put_cut(s, 0, f->x, room, style, text);
    f->x += (w < room ? w : room) + 2;
}

void ui_mark_found(ui_surface s, const imr_pattern *p)
{
    IMR_AUTOBUF imr_buf text = {0};
    const double until = imr_clock_seconds() + 0.05;
    for (int y = 0; y < s.at.h && p->text; y++) {
        const ui_cell *cells = s.at.w ? ui_grid_cell(s.grid, s.at.y + y, s.at.x) : NULL;
        int x = 0;
        imr_buf_clear(&text);
        for (int i = 0; i < s.at.w; i++)
            imr_buf_add(&text, cells[i].text, cells[i].len);
        for (size_t from = 0, to, at = 0;
             imr_pattern_find(p, imr_buf_text(&text), until, &from, &to); from = to) {
            while (x < s.at.w && at < from)
                at += cells[x++].len;
            const int begin = x;
            while (x < s.at.w && (at < to || !cells[x].width))
                at += cells[x++].len;
            ui_mark(s, (ui_rect){y, begin, 1, x - begin}, UI_REVERSED);
        }
    }
}

void ui_rows_draw(const ui_rows *r, ui_surface s, int top)
{
    int n = r->n - top < s.at.h ? r->n - top : s.at.h;
    int w = r->grid.cols < s.at.w ? r->grid.cols : s.at.w;
    for (int y = 0; y < n && top + y >= 0; y++)
        for (int x = 0; x < w; x++)
            *ui_grid_cell(s.grid, s.at.y + y, s.at.x + x) = *ui_grid_cell(&r->grid, top + y, x);
}

void ui_rows_draw_boxed(const ui_rows *r, ui_surface box, bool focused, int top)
{
    const ui_border *b = &box.grid->glyphs->border[focused];
    const char *rule = box.grid->glyphs->border[0].h;
    ui_surface in = ui_inside(box);
    ui_rows_draw(r, in, top);
    for (int y = 0; y < in.at.h && top + y < r->n; y++) {
        const ui_cell *c = ui_grid_cell(&r->grid, top + y, 0);
        if (c->len != strlen(rule) || memcmp(c->text, rule, c->len) != 0)
            continue;
        ui_style line = focused ? UI_STRONG : UI_BORDER;
        ui_put(box, y + 1, 0, line, b->left_tee);
        ui_put(box, y + 1, box.at.w - 1, line, b->right_tee);
    }
}
