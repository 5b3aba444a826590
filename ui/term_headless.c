/* ui/term_headless.c - the terminal interface without a terminal. */
#include <string.h>

#include "base/mem.h"
#include "ui/term.h"

typedef struct headless {
    ui_term base;
    ui_decoder decoder;
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

static int fd(const ui_term *t)
{
    (void)t;
    return -1;
}

static void size(ui_term *t, int *rows, int *cols)
{
    *rows = self(t)->rows;
    *cols = self(t)->cols;
}

static bool read_it(ui_term *t)
{
    (void)t;
    return true;
}

static bool next(ui_term *t, ui_event *out)
{
    return ui_decoder_next(&self(t)->decoder, out);
}

static bool waiting(const ui_term *t)
{
    return ui_decoder_waiting(&((const headless *)t)->decoder);
}

static void flush(ui_term *t)
{
    ui_decoder_flush(&self(t)->decoder);
}

static bool writable(const ui_term *t)
{
    (void)t;
    return true;
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

static void theme(ui_term *t, ui_theme which)
{
    (void)t;
    (void)which;
}

static void copy(ui_term *t, const char *text, size_t len)
{
    imr_free(self(t)->copied);
    self(t)->copied = imr_strndup(text, len);
}

static void marker(ui_term *t, int rows, int cols, int pending)
{
    (void)t;
    (void)rows;
    (void)cols;
    (void)pending;
}

imr_status ui_term_headless_open(ui_term **out, int rows, int cols, imr_error *err)
{
    headless *h = IMR_NEW(headless);
    if (!h)
        return imr_fail_memory(err);
    h->base = (ui_term){.escape_ms = UI_ESC_MS,
                        .close = close_it,
                        .fd = fd,
                        .size = size,
                        .read = read_it,
                        .next = next,
                        .waiting = waiting,
                        .flush = flush,
                        .writable = writable,
                        .show = show,
                        .invalidate = nothing,
                        .theme = theme,
                        .suspend = nothing,
                        .resume = nothing,
                        .copy = copy,
                        .marker = marker};
    ui_decoder_init(&h->decoder);
    h->rows = rows;
    h->cols = cols;
    *out = &h->base;
    return IMR_OK;
}

void ui_term_headless_feed(ui_term *t, const void *bytes, size_t n)
{
    ui_decoder_feed(&self(t)->decoder, bytes, n);
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
