/* cli/progress.c - progress bar, progress lines, and C-c. */
#include "cli/progress.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "text/utf8.h"

#define BAR_COLUMNS   24
#define BAR_SECONDS   0.1
#define LINE_SECONDS  5.0
#define MOST_SECONDS  60.0
#define QUIET_SECONDS 0.3 /* shorter work shows nothing */
#define RATE_SECONDS  1.0 /* a shorter time says little about the rest */

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
    sigaction(SIGXFSZ, &ignore, NULL);
}

bool imr_interrupted(void)
{
    return interrupted != 0;
}

/* No more exact than a guess from the rate so far is. */
static void put_left(imr_buf *b, double seconds)
{
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s < 100)
        imr_buf_printf(b, "%lu s left", s);
    else if (s < 100 * 60)
        imr_buf_printf(b, "about %lu min left", (s + 30) / 60);
    else
        imr_buf_printf(b, "about %lu.%lu h left", s / 3600, s % 3600 / 360);
}

static void put_rate(imr_buf *b, double rate)
{
    if (rate >= 10000)
        imr_buf_printf(b, "%lluk/s", (unsigned long long)(rate / 1000));
    else if (rate >= 10)
        imr_buf_printf(b, "%llu/s", (unsigned long long)rate);
    else
        imr_buf_printf(b, "%llu.%llu/s", (unsigned long long)rate,
                       (unsigned long long)(rate * 10) % 10);
}

/* "256/s, about 3 min left" behind `before`; nothing while nothing is known. */
static void put_speed(imr_buf *b, const char *before, const imr_progress_info *info, uint64_t first,
                      double seconds)
{
    if (seconds <= 0 || info->done <= first)
        return;
    const double rate = (double)(info->done - first) / seconds;
    imr_buf_str(b, before);
    put_rate(b, rate);
    if (info->total > info->done && seconds >= RATE_SECONDS) {
        imr_buf_str(b, ", ");
        put_left(b, (double)(info->total - info->done) / rate);
    }
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
    put_speed(&line, " ", info, first, seconds);
    if (info->note)
        imr_buf_printf(&line, " %s", info->note);
    imr_utf8_clip(out, imr_buf_text(&line), line.len, columns, "");
}

void imr_meter_log_line(imr_buf *out, const imr_progress_info *info, uint64_t first, double seconds)
{
    const unsigned long long done = info->done, total = info->total;
    imr_buf_str(out, info->what);
    if (total)
        imr_buf_printf(out, ": %llu of %llu (%u%%)", done, total,
                       (unsigned)((double)done * 100 / (double)total));
    else
        imr_buf_printf(out, ": %llu", done);
    put_speed(out, ", ", info, first, seconds);
    if (info->note)
        imr_buf_printf(out, ", %s", info->note);
}

double imr_meter_log_pause(double seconds)
{
    const double pause = seconds / 10;
    return pause < LINE_SECONDS ? LINE_SECONDS : pause > MOST_SECONDS ? MOST_SECONDS : pause;
}

static size_t terminal_columns(FILE *to)
{
    struct winsize size;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1u; /* the last column would wrap on some terminals */
    return 79;
}

static void show(imr_meter *m, const imr_progress_info *info, double now)
{
    const bool bar = m->mode == IMR_METER_BAR;
    IMR_AUTOBUF imr_buf b = {0};
    imr_buf_str(&b, bar ? "\r" : "");
    if (bar)
        imr_meter_line(&b, info, m->first, now - m->started, terminal_columns(m->to));
    else
        imr_meter_log_line(&b, info, m->first, now - m->started);
    imr_buf_str(&b, bar ? "\033[K" : "\n");
    fwrite(imr_buf_text(&b), 1, b.len, m->to);
    fflush(m->to);
    m->visible = bar;
    m->drawn = now;
}

static bool on_progress(void *user, const imr_progress_info *info)
{
    imr_meter *m = user;
    if (imr_interrupted())
        return false;
    if (m->mode == IMR_METER_OFF || imr_clock_frozen())
        return true;
    const double now = imr_clock_seconds();
    if (!m->what || strcmp(m->what, info->what) != 0) {
        m->what = info->what;
        m->started = m->drawn = now;
        m->first = info->done;
    }
    const double seconds = now - m->started, pause = now - m->drawn;
    if (m->mode == IMR_METER_BAR ? seconds >= QUIET_SECONDS && pause >= BAR_SECONDS
                                 : pause >= imr_meter_log_pause(seconds))
        show(m, info, now);
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
