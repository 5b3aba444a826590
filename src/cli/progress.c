/* cli/progress.c - progress bar, progress lines, and C-c. */
#include "cli/progress.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "text/utf8.h"

#define BAR_COLUMNS   24
#define BAR_SECONDS   0.1
#define LINE_SECONDS  5.0
#define QUIET_SECONDS 0.3 /* shorter work shows nothing */

/* The one thing a signal handler may touch. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number; /* SA_RESETHAND: the next one kills */
    interrupted = 1;
}

void imr_interrupt_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
}

bool imr_interrupted(void)
{
    return interrupted != 0;
}

static void put_duration(imr_buf *b, double seconds)
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        imr_buf_printf(b, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        imr_buf_printf(b, "%lu:%02lu", s / 60, s % 60);
}

static void put_rate(imr_buf *b, double rate)
{
    if (rate >= 10000)
        imr_buf_printf(b, " %lluk/s", (unsigned long long)(rate / 1000));
    else if (rate >= 10)
        imr_buf_printf(b, " %llu/s", (unsigned long long)rate);
    else
        imr_buf_printf(b, " %llu.%llu/s", (unsigned long long)rate,
                       (unsigned long long)(rate * 10) % 10);
}

void imr_meter_line(imr_buf *out, const imr_progress_info *info, uint64_t first, double seconds,
                    size_t columns)
{
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_str(&line, info->what);
    unsigned long long done = info->done, total = info->total;
    if (total) {
        double part = done >= total ? 1 : (double)done / (double)total;
        size_t full = (size_t)(part * BAR_COLUMNS);
        imr_buf_str(&line, " [");
        imr_buf_fill(&line, '#', full);
        imr_buf_fill(&line, ' ', BAR_COLUMNS - full);
        imr_buf_printf(&line, "] %llu/%llu %u%%", done, total, (unsigned)(part * 100));
    } else if (done) {
        imr_buf_printf(&line, " %llu", done);
    }
    if (seconds > 0 && done > first) {
        double rate = (double)(done - first) / seconds;
        put_rate(&line, rate);
        if (total > done) {
            imr_buf_char(&line, ' ');
            put_duration(&line, (double)(total - done) / rate);
            imr_buf_str(&line, " left");
        }
    }
    if (info->note)
        imr_buf_printf(&line, " %s", info->note);
    imr_utf8_clip(out, imr_buf_text(&line), line.len, columns, "");
}

static size_t terminal_columns(FILE *to)
{
    struct winsize size;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1u; /* the last column would wrap on some terminals */
    return 79;
}

static void draw_bar(imr_meter *m, const imr_progress_info *info, double now)
{
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_str(&b, "\r");
    imr_meter_line(&b, info, m->first, now - m->started, terminal_columns(m->to));
    imr_buf_str(&b, "\033[K");
    fwrite(imr_buf_text(&b), 1, b.len, m->to);
    fflush(m->to);
    m->visible = true;
}

static void write_line(imr_meter *m, const imr_progress_info *info, double now)
{
    IMR_AUTOBUF imr_buf b = {0};
    unsigned long long done = info->done, total = info->total;
    imr_buf_str(&b, info->what);
    if (total)
        imr_buf_printf(&b, ": %llu of %llu (%u%%)", done, total, (unsigned)(done * 100 / total));
    else
        imr_buf_printf(&b, ": %llu", done);
    if (total > done && done > m->first) {
        imr_buf_str(&b, ", ");
        put_duration(&b, (now - m->started) * (double)(total - done) / (double)(done - m->first));
        imr_buf_str(&b, " left");
    }
    if (info->note)
        imr_buf_printf(&b, ", %s", info->note);
    fprintf(m->to, "%s\n", imr_buf_text(&b));
    fflush(m->to);
}

static bool on_progress(void *user, const imr_progress_info *info)
{
    imr_meter *m = user;
    if (imr_interrupted())
        return false;
    if (m->mode == IMR_METER_OFF || imr_clock_frozen())
        return true;
    double now = imr_clock_seconds();
    if (!m->what || strcmp(m->what, info->what) != 0) {
        m->what = info->what;
        m->started = now;
        m->first = info->done;
        m->drawn = now;
    }
    if (m->mode == IMR_METER_BAR) {
        if (now - m->started >= QUIET_SECONDS && now - m->drawn >= BAR_SECONDS) {
            draw_bar(m, info, now);
            m->drawn = now;
        }
    } else if (now - m->drawn >= LINE_SECONDS) {
        write_line(m, info, now);
        m->drawn = now;
    }
    return true;
}

void imr_meter_init(imr_meter *m, imr_meter_mode mode, FILE *to)
{
    *m = (imr_meter){.mode = mode, .to = to, .progress = {on_progress, m}};
}

void imr_meter_clear(imr_meter *m)
{
    if (m->visible) {
        fputs("\r\033[K", m->to);
        fflush(m->to);
    }
    m->visible = false;
}
