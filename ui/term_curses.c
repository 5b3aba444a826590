/* ui/term_curses.c - the terminal through ncursesw: the only file that knows curses.
 *
 * Curses keeps the screen (what changed, how to say it to this terminal); input is read and decoded
 * by ourselves (ui/decode.h). Modes curses does not know are written with write(2), so that they
 * reach the terminal in order with its frames. One query is sent to it, and nothing waits for its
 * answer: OSC 11.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>

#include "base/mem.h"
#include "base/number.h"
#include "ui/term.h"

/* End of a synchronised frame, mouse and paste off, attributes off, cursor on. */
const char ui_term_restore[] =
    "\033[?2026l\033[?1000l\033[?1002l\033[?1006l\033[?2004l\033[0m\033[?25h";
static const char paste_on[] = "\033[?2004h";

#define PAIRS (2 * UI_ROLE_COUNT)

typedef struct curses {
    ui_term base;
    SCREEN *screen;
    bool sync, test_sync, own_background, away, mouse;
    int stderr_copy;
    unsigned frame;
    int colors;
    short pairs[PAIRS];
    ui_cell *shown; /* what curses has, [rows][cols]; NULL: nothing that is known */
    int rows, cols;
} curses;

static void say(const char *text)
{
    for (ssize_t done; *text && (done = write(STDOUT_FILENO, text, strlen(text))) > 0;)
        text += done;
}

/* ---- output ---- */

/* A pair for each role, selected or not; 0 where both colours are the terminal's own. */
static void make_pairs(curses *c)
{
    for (int i = 0; i < PAIRS; i++) {
        ui_pen pen = ui_theme_pen(c->base.theme, (ui_style)(i / 2 + (i % 2 ? UI_SELECTED : 0)));
        short fg = pen.fg < c->colors ? pen.fg : -1, bg = pen.bg < c->colors ? pen.bg : -1;
        if (!c->own_background) { /* -1 is not understood: the classic white on black */
            fg = fg < 0 ? COLOR_WHITE : fg;
            bg = bg < 0 ? COLOR_BLACK : bg;
        }
        bool colored = c->colors && (fg >= 0 || bg >= 0);
        c->pairs[i] = colored && init_pair((short)(i + 1), fg, bg) != ERR ? (short)(i + 1) : 0;
    }
}

/* The characters of a cell; what the C library would give another width becomes U+FFFD. */
static void wide_text(const ui_cell *cell, wchar_t out[4])
{
    size_t n = 0;
    for (size_t i = 0; i < cell->len && n < 3;) {
        uint32_t code;
        i += imr_utf8_decode(cell->text + i, cell->len - i, &code);
        int width = wcwidth((wchar_t)code);
        if (n ? width != 0 : width != cell->width) {
            if (n)
                break;
            code = cell->width == 1 && MB_CUR_MAX > 1 ? IMR_UTF8_BAD : '?';
        }
        out[n++] = (wchar_t)code;
    }
    out[n] = 0;
}

static void put_cell(curses *c, int y, int x, const ui_cell *cell)
{
    uint8_t has = ui_theme_pen(c->base.theme, cell->style).attributes;
    attr_t attributes = (has & UI_BOLD ? A_BOLD : 0) | (has & UI_UNDERLINE ? A_UNDERLINE : 0) |
                        (has & UI_REVERSE ? A_REVERSE : 0);
    short pair = c->pairs[2 * (cell->style & UI_STYLE_ROLE) + (cell->style & UI_SELECTED ? 1 : 0)];
    wchar_t text[4];
    cchar_t out;
    wide_text(cell, text);
    setcchar(&out, text, attributes, pair, NULL);
    mvwadd_wch(stdscr, y, x, &out);
    if (cell->width == 2 && text[0] == L'?') {
        setcchar(&out, L" ", attributes, pair, NULL);
        mvwadd_wch(stdscr, y, x + 1, &out);
    }
}

static void show(ui_term *t, const ui_grid *g)
{
    curses *c = (curses *)t;
    if (c->away)
        return;
    if (g->rows > 0 && g->cols > 0 && (getmaxy(stdscr) != g->rows || getmaxx(stdscr) != g->cols))
        resizeterm(g->rows, g->cols);
    if (t->redraw || !c->shown || c->rows != g->rows || c->cols != g->cols) {
        imr_free(c->shown);
        c->shown = IMR_NEW_ARRAY(ui_cell, (size_t)g->rows * (size_t)g->cols);
        c->rows = g->rows;
        c->cols = g->cols;
        werase(stdscr);
    }
    if (t->redraw) {
        clearok(curscr, TRUE);
        make_pairs(c); /* there may be another theme */
        t->redraw = false;
    }
    if (t->mouse != c->mouse)
        say(t->mouse ? "\033[?1002h\033[?1006h" : "\033[?1002l\033[?1006l");
    c->mouse = t->mouse;
    for (int y = 0; y < g->rows; y++)
        for (int x = 0; x < g->cols; x++) {
            const ui_cell *cell = ui_grid_cell(g, y, x);
            ui_cell *shown = c->shown ? &c->shown[(size_t)y * (size_t)g->cols + (size_t)x] : NULL;
            /* Bytes between members that differ cost a cell drawn again, no more. */
            // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
            if (shown && memcmp(shown, cell, sizeof *cell) == 0)
                continue; /* most are as they were, and curses takes a microsecond for each */
            if (shown)
                *shown = *cell;
            if (cell->width)
                put_cell(c, y, x, cell);
        }
    curs_set(g->cursor_shown ? 1 : 0);
    if (g->cursor_y >= 0)
        wmove(stdscr, g->cursor_y, g->cursor_x);
    wnoutrefresh(stdscr);
    if (c->sync)
        say("\033[?2026h");
    doupdate();
    if (c->sync)
        say("\033[?2026l");
}

static void marker(ui_term *t, int rows, int cols, int pending)
{
    curses *c = (curses *)t;
    if (c->test_sync)
        say(ui_textf("\033]7770;frame;%u;%dx%d;%d\007", ++c->frame, rows, cols, pending).s);
}

void ui_stdout_copy(IMR_UNUSED ui_term *t, const char *text, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_str(&b, "\033]52;c;");
    for (size_t i = 0; i < len; i += 3) {
        unsigned v = 0, n = len - i < 3 ? (unsigned)(len - i) : 3;
        for (unsigned k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)text[i + k] : 0);
        for (unsigned k = 0; k < 4; k++)
            imr_buf_char(&b, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
    imr_buf_str(&b, "\007");
    if (!b.failed)
        say(b.data);
}

/* ---- input ---- */

static void size(IMR_UNUSED ui_term *t, int *rows, int *cols)
{
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col) {
        *rows = w.ws_row;
        *cols = w.ws_col;
    } else {
        *rows = 24;
        *cols = 80;
    }
}

bool ui_stdin_read(ui_term *t)
{
    struct pollfd p = {STDIN_FILENO, POLLIN, 0};
    ui_decoder *d = &t->decoder;
    while (poll(&p, 1, 0) > 0) {
        uint8_t bytes[1024];
        size_t room = sizeof d->in - (d->n - d->at);
        if (room == 0)
            return true;
        ssize_t n = read(STDIN_FILENO, bytes, room < sizeof bytes ? room : sizeof bytes);
        if (n <= 0)
            return false;
        ui_decoder_feed(d, bytes, (size_t)n);
    }
    return !(p.revents & (POLLERR | POLLNVAL));
}

static bool writable(IMR_UNUSED const ui_term *t)
{
    struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
    return poll(&p, 1, 0) > 0 && p.revents & POLLOUT;
}

/* ---- coming and going ---- */

static void leave(curses *c)
{
    if (c->away)
        return;
    say(ui_term_restore);
    endwin();
    c->away = true;
    c->mouse = false;
}

static void suspend(ui_term *t)
{
    curses *c = (curses *)t;
    leave(c);
    raise(SIGSTOP); /* cannot be lost, blocked or ignored; SIGTSTP is ours */
    c->away = false;
    t->redraw = true;
    say(paste_on);
}

static void close_it(ui_term *t)
{
    curses *c = (curses *)t;
    leave(c);
    delscreen(c->screen);
    imr_free(c->shown);
    if (c->stderr_copy >= 0) {
        dup2(c->stderr_copy, STDERR_FILENO);
        close(c->stderr_copy);
    }
    imr_free(c);
}

/* One stray line on stderr would displace every row of the screen: it goes to the log meanwhile. */
static void divert_stderr(curses *c, const char *log)
{
    c->stderr_copy = -1;
    if (!isatty(STDERR_FILENO))
        return;
    int to = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (to < 0)
        to = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (to < 0)
        return;
    c->stderr_copy = dup(STDERR_FILENO);
    dup2(to, STDERR_FILENO);
    close(to);
}

static bool open_screen(curses *c, const char *term)
{
    static const char *const fallbacks[] = {"xterm-256color", "xterm", "ansi"};
    c->screen = *term ? newterm(term, stdout, stdin) : NULL;
    for (size_t i = 0; !c->screen && i < IMR_LEN(fallbacks); i++) {
        c->screen = newterm(fallbacks[i], stdout, stdin);
        if (c->screen)
            snprintf(c->base.notice, sizeof c->base.notice,
                     "terminal type '%.40s' unknown here, using %s", term, fallbacks[i]);
    }
    return c->screen != NULL;
}

imr_status ui_term_curses_open(ui_term **out, const ui_term_options *options, imr_error *err)
{
    const char *term = options->term ? options->term : "";
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return imr_fail(err, IMR_E_USAGE,
                        "the explorer needs a terminal, and %s is none; `imrnn explain` prints the "
                        "same numbers",
                        isatty(STDIN_FILENO) ? "standard output" : "standard input");
    if (strcmp(term, "dumb") == 0)
        return imr_fail(err, IMR_E_USAGE,
                        "the explorer cannot draw on TERM=dumb; `imrnn explain` prints the same "
                        "numbers");
    curses *c = IMR_NEW(curses);
    IMR_NEED(c, err);
    if (!open_screen(c, term)) {
        imr_free(c);
        return imr_fail(err, IMR_E_USAGE,
                        "no terminal description works here (TERM='%s'); set TERM=xterm-256color",
                        term);
    }
    endwin(); /* back from there curses writes a frame at once; before, every move of the cursor */
    raw();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    if (has_colors() && start_color() == OK)
        c->colors = COLORS;
    c->own_background = use_default_colors() == OK;
    /* Frames between ?2026h and ?2026l, where those are not shown as text. */
    c->sync = strncmp(term, "linux", 5) != 0 && strncmp(term, "screen", 6) != 0 &&
              strncmp(term, "vt", 2) != 0;
    c->test_sync = options->test_sync && *options->test_sync;
    divert_stderr(c, options->log);
    say(paste_on);
    int64_t ms;
    const char *delay = options->escape_delay;
    if (!delay || !imr_parse_int(delay, strlen(delay), &ms) || ms < 1 || ms > 60000)
        ms = UI_ESC_MS;
    ui_term *t = *out = &c->base;
    ui_decoder_init(&t->decoder);
    t->escape_ms = (int)ms;
    t->fd = STDIN_FILENO;
    t->theme = ui_theme_choose(options, c->colors);
    if (t->theme == UI_THEME_AUTO && !options->theme && c->sync)
        say("\033]11;?\033\\"); /* what the background is: the answer is an event, or never comes */
    make_pairs(c);
    t->close = close_it;
    t->size = size;
    t->read = ui_stdin_read;
    t->writable = writable;
    t->show = show;
    t->suspend = suspend;
    t->copy = ui_stdout_copy;
    t->marker = marker;
    return IMR_OK;
}
