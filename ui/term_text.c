/* ui/term_text.c - the terminal of those who listen: no screen, every change is a line.
 *
 * Frames are drawn with ui_spoken: without boxes, bars and plots, one thing below the other. A row
 * is told when the frame before had none like it, or when another one was selected. While somebody
 * types nothing is told. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "ui/term.h"

#define TYPING_SECONDS .4 /* after a key in a line of text; */
#define KEY_SECONDS    .05
#define TELL_SECONDS   .3 /* between frames that nobody asked for */

typedef struct spoken {
    ui_term base;
    struct termios before;
    imr_buf told; /* rows of the last frame, each as "\nrow\n"; likewise what was selected */
    imr_buf selected;
    bool writing; /* the cursor is in a line of text */
    double typed, when;
} spoken;

/* What signs are called; others stand for themselves where the terminal has them. */
static void put_cell(imr_buf *b, const ui_cell *c)
{
    static const struct {
        uint32_t code;
        const char *word;
    } words[] = {
        {0x25b2, "up "}, {0x25bc, "down "}, {0x2605, "relevant"}, {0x203a, "query:"}, {0x258c, ""}};
    uint32_t code;
    imr_utf8_decode(c->text, c->len, &code);
    for (size_t i = 0; i < IMR_LEN(words); i++)
        if (words[i].code == code) {
            imr_buf_str(b, words[i].word);
            return;
        }
    if (code >= 0x80 && MB_CUR_MAX == 1)
        imr_buf_char(b, ui_glyph_ascii(code));
    else
        imr_buf_add(b, c->text, c->len);
}

/* "\nrow\n", without borders, a comma for more blanks than one. Returns whether it is selected. */
static bool row_of(imr_buf *b, const ui_grid *g, int y)
{
    bool selected = false;
    int gap = 0;
    imr_buf_char(b, '\n');
    for (int x = 0; x < g->cols; x++) {
        const ui_cell *c = ui_grid_cell(g, y, x);
        const bool blank = (c->style & UI_STYLE_ROLE) == UI_BORDER || *c->text == ' ';
        selected = selected || c->style & UI_SELECTED;
        if (blank || !c->len) {
            gap += blank;
            continue;
        }
        if (gap && b->len > 1)
            imr_buf_str(b, gap > 1 ? ", " : " ");
        put_cell(b, c);
        gap = 0;
    }
    imr_buf_char(b, '\n');
    return selected;
}

static void show(ui_term *t, const ui_grid *g)
{
    spoken *s = (spoken *)t;
    IMR_AUTOBUF imr_buf rows = {0}, row = {0}, selected = {0};
    for (int y = s->told.len ? 1 : 0; y < g->rows; y++) { /* the head line once */
        imr_buf_clear(&row);
        const bool on = row_of(&row, g, y);
        const imr_buf *before = on ? &s->selected : &s->told;
        if (row.len > 2 && !row.failed && !strstr(imr_buf_text(before), row.data))
            fputs(row.data + 1, stdout);
        imr_buf_add(&rows, row.data, row.len);
        imr_buf_add(&selected, row.data, on ? row.len : 0);
    }
    fflush(stdout);
    imr_buf_done(&s->told);
    imr_buf_done(&s->selected);
    s->told = IMR_TAKE(rows);
    s->selected = IMR_TAKE(selected);
    s->writing = g->cursor_shown;
    s->when = imr_clock_seconds();
}

static bool read_keys(ui_term *t)
{
    ((spoken *)t)->typed = imr_clock_seconds();
    return ui_stdin_read(t);
}

static bool writable(const ui_term *t)
{
    const spoken *s = (const spoken *)t;
    const double now = imr_clock_seconds(), quiet = s->writing ? TYPING_SECONDS : KEY_SECONDS;
    return imr_clock_frozen() || (now - s->typed >= quiet && now - s->when >= TELL_SECONDS);
}

static void size(IMR_UNUSED ui_term *t, int *rows, int *cols)
{
    *rows = 40; /* of a layout without panes side by side */
    *cols = 99;
}

static void raw(const spoken *s)
{
    struct termios keys = s->before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    keys.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

static void suspend(ui_term *t)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &((spoken *)t)->before);
    raise(SIGSTOP);
    raw((spoken *)t);
}

static void close_it(ui_term *t)
{
    spoken *s = (spoken *)t;
    tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
    imr_buf_done(&s->told);
    imr_buf_done(&s->selected);
    imr_free(s);
}

imr_status ui_term_text_open(ui_term **out, imr_error *err)
{
    spoken *s = IMR_NEW(spoken);
    IMR_NEED(s, err);
    if (tcgetattr(STDIN_FILENO, &s->before) != 0) {
        imr_free(s);
        return imr_fail(err, IMR_E_USAGE,
                        "the explorer needs a terminal, and standard input is none; `imrnn "
                        "explain` prints the same numbers");
    }
    s->base = (ui_term){.escape_ms = UI_ESC_MS,
                        .fd = STDIN_FILENO,
                        .close = close_it,
                        .size = size,
                        .read = read_keys,
                        .writable = writable,
                        .show = show,
                        .suspend = suspend,
                        .copy = ui_stdout_copy};
    ui_decoder_init(&s->base.decoder);
    raw(s);
    *out = &s->base;
    return IMR_OK;
}
