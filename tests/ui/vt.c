/* tests/ui/vt.c */
#include "vt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

/* forkpty */
#if __has_include(<pty.h>)
#include <pty.h> /* Linux */
#elif __has_include(<libutil.h>)
#include <libutil.h> /* FreeBSD */
#else
#include <util.h> /* other BSDs, macOS */
#endif

#include "base/buf.h"
#include "text/utf8.h"

struct vt {
    int fd, rows, cols;
    pid_t pid;
    VTerm *term;
    VTermScreen *screen;
    bool altscreen, cursor_shown, gone;
    imr_buf raw;
    size_t marked; /* bytes of raw already searched for markers */
    size_t given;  /* bytes of raw libvterm has */
    unsigned frame, waited;
    int marker_rows, marker_cols, pending;
    int status;
    bool exited, stopped;
};

static long now(void)
{
    struct timespec s;
    clock_gettime(CLOCK_MONOTONIC, &s);
    return s.tv_sec * 1000 + s.tv_nsec / 1000000;
}

static int on_property(VTermProp property, VTermValue *value, void *user)
{
    vt *t = user;
    if (property == VTERM_PROP_ALTSCREEN)
        t->altscreen = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE)
        t->cursor_shown = value->boolean;
    return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_property};

vt *vt_start(int rows, int cols, const char *term, const char *const *argv,
             const char *const *environment)
{
    vt *t = calloc(1, sizeof *t);
    struct winsize size = {(unsigned short)rows, (unsigned short)cols, 0, 0};
    if (!t)
        abort();
    t->rows = rows;
    t->cols = cols;
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    if (t->pid == 0) {
        static char *none[] = {NULL};
        extern char **environ;
        char name[100];
        environ = none;
        signal(SIGQUIT, SIG_DFL); /* ignored where a shell runs us in the background */
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL); /* under nohup */
        snprintf(name, sizeof name, "%s", term);
        if (*term)
            setenv("TERM", name, 1);
        setenv("LANG", "C.UTF-8", 1);
        setenv("TZ", "UTC", 1);
        setenv("HOME", "/dev/null/none", 1);
        setenv("IMRNN_TEST_SYNC", "1", 1);
        for (; environment && *environment; environment += 2)
            setenv(environment[0], environment[1], 1);
        union {
            const char *const *in;
            char *const *out;
        } arguments = {argv};
        execv(argv[0], arguments.out);
        _exit(127);
    }
    t->term = vterm_new(rows, cols);
    vterm_set_utf8(t->term, 1);
    t->screen = vterm_obtain_screen(t->term);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_reset(t->screen, 1);
    return t;
}

void vt_stop(vt *t)
{
    if (!t->exited) {
        kill(t->pid, SIGKILL);
        kill(t->pid, SIGCONT);
        waitpid(t->pid, &t->status, 0);
    }
    if (!t->gone)
        close(t->fd);
    vterm_free(t->term);
    imr_buf_done(&t->raw);
    free(t);
}

static void find_markers(vt *t)
{
    static const char start[] = "\033]7770;frame;";
    for (;;) {
        const char *from = t->raw.data + t->marked;
        size_t left = t->raw.len - t->marked;
        const char *at = NULL;
        for (size_t i = 0; i + sizeof start - 1 <= left; i++)
            if (memcmp(from + i, start, sizeof start - 1) == 0) {
                at = from + i;
                break;
            }
        if (!at || !memchr(at, 7, t->raw.len - (size_t)(at - t->raw.data)))
            return;
        unsigned frame;
        int rows, cols, pending;
        if (sscanf(at + sizeof start - 1, "%u;%dx%d;%d", &frame, &rows, &cols, &pending) == 4) {
            t->frame = frame;
            t->marker_rows = rows;
            t->marker_cols = cols;
            t->pending = pending;
        }
        t->marked = (size_t)(at - t->raw.data) + sizeof start;
    }
}

/* Reads what comes within the time; false when nothing did or the program left. */
static bool pump(vt *t, int milliseconds)
{
    struct pollfd p = {t->fd, POLLIN, 0};
    char bytes[4096];
    if (t->gone || poll(&p, 1, milliseconds) <= 0)
        return false;
    ssize_t n = read(t->fd, bytes, sizeof bytes);
    if (n <= 0) {
        t->gone = true;
        close(t->fd);
        return false;
    }
    imr_buf_add(&t->raw, bytes, (size_t)n);
    /* libvterm 0.1.4 loses a character whose bytes come in two writes: give it whole ones. */
    size_t end = t->raw.len, back = 0;
    while (back < 3 && end - back > t->given &&
           ((unsigned char)t->raw.data[end - 1 - back] & 0xc0) == 0x80)
        back++;
    if (end - back > t->given) {
        unsigned char lead = (unsigned char)t->raw.data[end - 1 - back];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
        if (want > back + 1)
            end -= back + 1;
    }
    vterm_input_write(t->term, t->raw.data + t->given, end - t->given);
    t->given = end;
    vterm_screen_flush_damage(t->screen);
    find_markers(t);
    return true;
}

void vt_keys(vt *t, const char *bytes, size_t n)
{
    while (n && !t->gone) {
        ssize_t done = write(t->fd, bytes, n);
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
}

bool vt_wait_frame(vt *t, int milliseconds)
{
    long end = now() + milliseconds;
    while (t->frame <= t->waited || t->pending) {
        long left = end - now();
        if (left <= 0 || (!pump(t, (int)left) && t->gone))
            return false;
    }
    t->waited = t->frame;
    return true;
}

bool vt_wait_idle(vt *t)
{
    bool any = vt_wait_frame(t, 60000); /* an audit, with sanitizers on a busy machine */
    while (any && pump(t, 60)) {
    }
    while (t->pending && pump(t, 2000)) {
    }
    t->waited = t->frame;
    return any && !t->pending;
}

void vt_resize(vt *t, int rows, int cols)
{
    struct winsize size = {(unsigned short)rows, (unsigned short)cols, 0, 0};
    t->rows = rows;
    t->cols = cols;
    vterm_set_size(t->term, rows, cols);
    ioctl(t->fd, TIOCSWINSZ, &size);
}

bool vt_wait_size(vt *t, int rows, int cols, int milliseconds)
{
    long end = now() + milliseconds;
    while (t->marker_rows != rows || t->marker_cols != cols || t->pending) {
        long left = end - now();
        if (left <= 0 || (!pump(t, (int)left) && t->gone))
            return false;
    }
    t->waited = t->frame;
    return true;
}

static bool wait_for(vt *t, int milliseconds, bool stopped)
{
    long end = now() + milliseconds;
    while (now() < end) {
        int status;
        pump(t, 5);
        pid_t got = waitpid(t->pid, &status, WNOHANG | WUNTRACED);
        if (got != t->pid)
            continue;
        if (WIFSTOPPED(status)) {
            if (stopped)
                return true;
            continue;
        }
        t->exited = true;
        t->status = status;
        while (pump(t, 5)) {
        }
        return !stopped;
    }
    return false;
}

bool vt_wait_exit(vt *t, int milliseconds, int *status)
{
    bool done = t->exited || wait_for(t, milliseconds, false);
    *status = t->status;
    return done;
}

bool vt_wait_stopped(vt *t, int milliseconds)
{
    bool stopped = wait_for(t, milliseconds, true);
    while (stopped && pump(t, 20)) {
    }
    return stopped;
}

void vt_signal(vt *t, int signal_number)
{
    kill(t->pid, signal_number);
}

long vt_writes(const vt *t)
{
    char path[64], line[64];
    long n = -1;
    snprintf(path, sizeof path, "/proc/%ld/io", (long)t->pid);
    FILE *f = fopen(path, "r");
    while (f && n < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "syscw: %ld", &n) != 1)
            n = -1;
    if (f)
        fclose(f);
    return n;
}

void vt_hang_up(vt *t)
{
    close(t->fd);
    t->gone = true;
}

static size_t cell_text(const VTermScreenCell *cell, char *out)
{
    size_t n = 0;
    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++)
        n += imr_utf8_encode(cell->chars[i], out + n);
    if (n == 0)
        out[n++] = ' ';
    return n;
}

const char *vt_dump(vt *t)
{
    static imr_buf b;
    imr_buf_clear(&b);
    for (int y = 0; y < t->rows; y++) {
        size_t keep = b.len;
        for (int x = 0; x < t->cols;) {
            VTermScreenCell cell;
            char text[4 * VTERM_MAX_CHARS_PER_CELL];
            vterm_screen_get_cell(t->screen, (VTermPos){y, x}, &cell);
            size_t n = cell_text(&cell, text);
            imr_buf_add(&b, text, n);
            if (n != 1 || text[0] != ' ')
                keep = b.len;
            x += cell.width > 1 ? cell.width : 1;
        }
        b.len = keep;
        imr_buf_char(&b, '\n');
    }
    return imr_buf_text(&b);
}

static int color_index(const VTermColor *c, bool fg)
{
    if (fg ? VTERM_COLOR_IS_DEFAULT_FG(c) : VTERM_COLOR_IS_DEFAULT_BG(c))
        return -1;
    return VTERM_COLOR_IS_INDEXED(c) ? c->indexed.idx : -2;
}

const char *vt_dump_attributes(vt *t)
{
    static imr_buf b;
    imr_buf_clear(&b);
    for (int y = 0; y < t->rows; y++) {
        size_t start = b.len;
        char last[64] = "";
        int from = 0;
        for (int x = 0; x <= t->cols; x++) {
            char style[64] = "";
            if (x < t->cols) {
                VTermScreenCell cell;
                vterm_screen_get_cell(t->screen, (VTermPos){y, x}, &cell);
                int fg = color_index(&cell.fg, true), bg = color_index(&cell.bg, false);
                bool any = fg != -1 || bg != -1 || cell.attrs.bold || cell.attrs.underline ||
                           cell.attrs.reverse;
                if (any)
                    snprintf(style, sizeof style, "%d/%d%s%s%s", fg, bg, cell.attrs.bold ? "b" : "",
                             cell.attrs.underline ? "u" : "", cell.attrs.reverse ? "r" : "");
            }
            if (x == t->cols || strcmp(style, last) != 0) {
                if (*last) {
                    if (b.len == start)
                        imr_buf_printf(&b, "%02d:", y);
                    imr_buf_printf(&b, " %03d-%03d %s", from, x - 1, last);
                }
                memcpy(last, style, sizeof last);
                from = x;
            }
        }
        if (b.len != start)
            imr_buf_char(&b, '\n');
    }
    return imr_buf_text(&b);
}

bool vt_raw_has(vt *t, const char *bytes, size_t n)
{
    for (size_t i = 0; i + n <= t->raw.len; i++)
        if (memcmp(t->raw.data + i, bytes, n) == 0)
            return true;
    return false;
}

bool vt_altscreen(const vt *t)
{
    return t->altscreen;
}

void vt_cursor(const vt *t, int *y, int *x, bool *shown)
{
    VTermPos at;
    vterm_state_get_cursorpos(vterm_obtain_state(t->term), &at);
    *y = at.row;
    *x = at.col;
    *shown = t->cursor_shown;
}

bool vt_echo(const vt *t)
{
    struct termios a;
    return !t->gone && tcgetattr(t->fd, &a) == 0 && (a.c_lflag & ECHO) && (a.c_lflag & ICANON);
}
