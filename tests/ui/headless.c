/* tests/ui/headless.c */
#include "headless.h"

#include <string.h>

#include "base/mem.h"

typedef struct headless {
    ui_term base;
    ui_grid shown;
    int rows, cols;
    char *copied;
} headless;

static headless *self(ui_term *t)
{
    return (headless *)t;
}

static void close_it(ui_term *t)
{
    ui_grid_done(&self(t)->shown);
    imr_free(self(t)->copied);
    imr_free(t);
}

static void size(ui_term *t, int *rows, int *cols)
{
    *rows = self(t)->rows;
    *cols = self(t)->cols;
}

static void show(ui_term *t, const ui_grid *g)
{
    headless *h = self(t);
    if (h->shown.rows != g->rows || h->shown.cols != g->cols) {
        ui_grid fresh;
        if (ui_grid_init(&fresh, g->rows, g->cols, NULL) != IMR_OK)
            return;
        ui_grid_done(&h->shown);
        h->shown = fresh;
    }
    ui_cell *cells = h->shown.cells;
    memcpy(cells, g->cells, (size_t)g->rows * (size_t)g->cols * sizeof *cells);
    h->shown = *g;
    h->shown.cells = cells;
}

static void nothing(ui_term *t)
{
    (void)t;
}

static void copy(ui_term *t, const char *text, size_t len)
{
    imr_free(self(t)->copied);
    self(t)->copied = imr_strndup(text, len);
}

imr_status ui_term_headless_open(ui_term **out, int rows, int cols, imr_error *err)
{
    headless *h = IMR_NEW(headless);
    if (!h)
        return imr_fail_memory(err);
    h->base.escape_ms = UI_ESC_MS;
    h->base.close = close_it;
    h->base.size = size;
    h->base.show = show;
    h->base.suspend = nothing;
    h->base.copy = copy;
    ui_decoder_init(&h->base.decoder);
    h->rows = rows;
    h->cols = cols;
    *out = &h->base;
    return IMR_OK;
}

void ui_term_headless_feed(ui_term *t, const void *bytes, size_t n)
{
    ui_decoder_feed(&t->decoder, bytes, n);
}

void ui_term_headless_resize(ui_term *t, int rows, int cols)
{
    self(t)->rows = rows;
    self(t)->cols = cols;
}

const ui_grid *ui_term_headless_shown(const ui_term *t)
{
    return &((const headless *)t)->shown;
}

const char *ui_term_headless_copied(const ui_term *t)
{
    const char *text = ((const headless *)t)->copied;
    return text ? text : "";
}

void ui_grid_text(const ui_grid *g, imr_buf *out)
{
    for (int y = 0; y < g->rows; y++) {
        size_t keep = out->len;
        for (int x = 0; x < g->cols; x++) {
            const ui_cell *c = ui_grid_cell(g, y, x);
            imr_buf_add(out, c->text, c->len);
            if (c->len != 1 || c->text[0] != ' ')
                keep = c->len ? out->len : keep;
        }
        if (!out->failed && out->len > keep) {
            out->len = keep;
            out->data[keep] = 0;
        }
        imr_buf_char(out, '\n');
    }
}

void ui_grid_roles(const ui_grid *g, imr_buf *out)
{
    for (int y = 0; y < g->rows; y++) {
        size_t start = out->len;
        for (int x = 0; x < g->cols;) {
            ui_style style = ui_grid_cell(g, y, x)->style;
            int end = x + 1;
            while (end < g->cols && ui_grid_cell(g, y, end)->style == style)
                end++;
            if (style != UI_TEXT) {
                if (out->len == start)
                    imr_buf_printf(out, "%02d:", y);
                imr_buf_printf(out, " %03d-%03d %s%s%s", x, end - 1,
                               ui_role_word((ui_role)(style & UI_STYLE_ROLE)),
                               style & UI_SELECTED ? "+selected" : "",
                               style & UI_REVERSED ? "+reversed" : "");
            }
            x = end;
        }
        if (out->len != start)
            imr_buf_char(out, '\n');
    }
}
