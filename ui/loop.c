/* ui/loop.c */
#include "ui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"

#define FRAME_SECONDS 0.04 /* between frames that only show progress */

void ui_frame(ui_app *a, ui_term *t, ui_view *v)
{
    t->mouse = a->mouse;
    if (ui_view_make(v, a) && t->show)
        t->show(t, &v->grid);
}

/* ---- effects ---- */

static void suggest(ui_app *a, imr_async *jobs, imr_error *err)
{
    if (*a->suggest_text) {
        (void)imr_async_suggest(jobs, a->suggest_text, a->suggest_serial, err);
        return;
    }
    /* Nothing typed fits every query: take them as they come, without a search. */
    size_t n = a->facts->queries < UI_OFFER_MAX ? (size_t)a->facts->queries : UI_OFFER_MAX;
    imr_delivery d = {.kind = IMR_ASYNC_SUGGEST, .serial = a->suggest_serial};
    d.suggestions = IMR_NEW_ARRAY(imr_suggestion, n + 1);
    if (!d.suggestions)
        return;
    for (size_t i = 0; i < n; i++)
        d.suggestions[i] = imr_session_query(a->session, i);
    d.n_suggestions = n;
    ui_app_deliver(a, &d);
}

/* A note on each marked document of the trace, or on the one that was chosen, or the query; or
 * reads. */
static void judge(ui_app *a, imr_async *jobs, const imr_trace *t, imr_error *err)
{
    const bool marked = t && a->judged_n;
    for (size_t i = 0; i < (marked ? a->list.marks.n : 1); i++) {
        const size_t at = marked ? imr_trace_place(t, a->list.marks.v[i]) : a->judged_place;
        if (!marked || at != SIZE_MAX)
            (void)imr_async_notes(jobs, a->notes_path, t, at, a->verdict, a->reviewer, a->reason,
                                  err);
    }
}

static void resize(ui_app *a, ui_term *t)
{
    ui_event e = {.kind = UI_EVENT_RESIZE, .y = a->rows, .x = a->cols};
    if (t->size)
        t->size(t, &e.y, &e.x);
    ui_update(a, &e);
}

/* What could not be begun is said: of several the last. */
static void once(ui_app *a, ui_term *t, imr_async *jobs, unsigned fx)
{
    imr_error err = {0};
    if (fx & UI_FX_CANCEL)
        imr_async_cancel(jobs);
    if (fx & UI_FX_SWAP && a->second != a->second_asked) {
        a->second_asked = a->second;
        (void)imr_async_make(jobs, IMR_ASYNC_SWAP, NULL, &err);
    }
    if (fx & UI_FX_QUERY && a->facts) {
        const bool held = a->beside_wanted;
        imr_request r = {.text = held ? a->beside : a->request_text,
                         .query_id = held ? NULL : a->request_id,
                         .selected = a->list.selected,
                         .pinned = (const char *const *)&a->list.pinned,
                         .n_pinned = a->list.pinned != NULL,
                         .beside = a->held,
                         .settings = a->settings,
                         .serial = a->serial};
        r.settings.candidates = a->candidates; /* they go by the form */
        (void)imr_async_query(jobs, &r, &err);
    }
    if (fx & UI_FX_DETAIL && a->trace)
        (void)imr_async_detail(jobs, a->trace, a->reading.place, IMR_DETAIL_WORDS, &err);
    if (fx & UI_FX_COMPARE && a->trace)
        (void)imr_async_compare(jobs, a->trace, a->compared, &err);
    if (fx & UI_FX_DEEPER && a->trace)
        (void)imr_async_detail(jobs, a->trace, a->reading.place, a->deeper, &err);
    if (fx & UI_FX_MAP && a->trace)
        (void)imr_async_make(jobs, IMR_ASYNC_MAP, a->trace, &err);
    if (fx & UI_FX_QUALITY)
        (void)imr_async_make(jobs, IMR_ASYNC_QUALITY, NULL, &err);
    if (fx & UI_FX_AUDIT)
        (void)imr_async_make(jobs, IMR_ASYNC_AUDIT, NULL, &err);
    if (fx & UI_FX_SUGGEST && a->facts)
        suggest(a, jobs, &err);
    if (fx & UI_FX_EXPORT)
        ui_export_ask(a, jobs);
    if (fx & UI_FX_COPY)
        ui_copy(a, t, jobs);
    if (fx & (UI_FX_NOTES | UI_FX_JUDGED) && a->notes_path)
        judge(a, jobs, fx & UI_FX_JUDGED ? a->judged : NULL, &err);
    if (fx & UI_FX_JUDGED)
        imr_trace_free(IMR_TAKE(a->judged));
    if (fx & UI_FX_THEME)
        t->theme = a->theme == UI_THEME_AUTO ? a->background : a->theme;
    if (fx & UI_FX_SUSPEND) {
        if (t->suspend)
            t->suspend(t);
        resize(a, t);
    }
    if (fx & (UI_FX_REDRAW | UI_FX_THEME))
        t->redraw = true;
    if (err.status != IMR_OK)
        ui_app_say(a, true, "%s", err.text);
}

bool ui_act(ui_app *a, ui_term *t, imr_async *jobs)
{
    /* Acting may ask for more (a suggestion that came at once). */
    while (a->effects) {
        unsigned fx = a->effects;
        a->effects = 0;
        if (fx & UI_FX_QUIT)
            return false;
        once(a, t, jobs, fx);
    }
    a->pending = imr_async_pending(jobs);
    if (!imr_async_progress_of(jobs, &a->progress))
        a->progress = (imr_async_progress){0};
    return true;
}

/* ---- signals ---- */

enum { SIGNALS = 65 }; /* numbers from 1; Linux has the most, 64 */

static int pipe_fds[2] = {-1, -1};
static struct sigaction old_actions[SIGNALS];
static struct termios attributes;
static volatile sig_atomic_t have_attributes;

static void note_signal(int signal_number)
{
    int saved = errno;
    unsigned char byte = (unsigned char)signal_number;
    if (write(pipe_fds[1], &byte, 1) < 0) {
        /* a full pipe already holds more than the loop needs to know */
    }
    errno = saved;
}

static void last_words(int signal_number)
{
    static const char leave[] = "\033[?1049l\r\n";
    if (write(STDOUT_FILENO, ui_term_restore, strlen(ui_term_restore)) < 0 ||
        write(STDOUT_FILENO, leave, sizeof leave - 1) < 0) {
        /* nothing left to do about it */
    }
    if (have_attributes)
        tcsetattr(STDIN_FILENO, TCSANOW, &attributes);
    raise(signal_number); /* SA_RESETHAND: the default action now */
}

/* Whatever ends a program by default must find the terminal restored: signals nobody thought of
 * too. NULL: not ours. */
static void (*handler_of(int signal_number))(int)
{
    static const char noted[] = {SIGWINCH, SIGCONT, SIGTSTP,   SIGTERM, SIGHUP,  SIGINT, SIGUSR1,
                                 SIGUSR2,  SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, 0};
    static const char left[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGURG, SIGTTIN, SIGTTOU, SIGBUS, 0};
    static const char ignored[] = {SIGPIPE, SIGXFSZ, 0}; /* writing says so */
    return strchr(noted, signal_number)     ? note_signal
           : strchr(left, signal_number)    ? NULL
           : strchr(ignored, signal_number) ? SIG_IGN
                                            : last_words;
}

imr_status ui_signals_open(imr_error *err)
{
    if (pipe(pipe_fds) != 0)
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot make a pipe for signals");
    for (int i = 0; i < 2; i++) {
        fcntl(pipe_fds[i], F_SETFL, fcntl(pipe_fds[i], F_GETFL) | O_NONBLOCK);
        fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC);
    }
    have_attributes = tcgetattr(STDIN_FILENO, &attributes) == 0;
    imr_guard_install(); /* SIGBUS is its own, and ours where it is no page that was lost */
    imr_guard_otherwise(last_words);
    for (int s = 1; s < SIGNALS; s++) {
        struct sigaction a = {.sa_handler = handler_of(s)};
        sigemptyset(&a.sa_mask);
        a.sa_flags = a.sa_handler == note_signal  ? SA_RESTART
                     : a.sa_handler == last_words ? (int)SA_RESETHAND | SA_NODEFER
                                                  : 0;
        if (!a.sa_handler || sigaction(s, NULL, &old_actions[s]) != 0)
            continue;
        /* What the caller had ignored (nohup) stays so, but for those the screen needs. */
        if (old_actions[s].sa_handler != SIG_IGN || s == SIGWINCH || s == SIGCONT || s == SIGTSTP)
            sigaction(s, &a, NULL);
    }
    return IMR_OK;
}

void ui_signals_close(void)
{
    if (pipe_fds[0] < 0)
        return;
    for (int s = 1; s < SIGNALS; s++)
        if (handler_of(s))
            sigaction(s, &old_actions[s], NULL);
    imr_guard_otherwise(NULL);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    pipe_fds[0] = pipe_fds[1] = -1;
}

/* ---- waiting ---- */

/* Acts on signals that came; returns the exit status of one that ends the program, else 0. */
static int take_signals(ui_app *a, ui_term *t)
{
    for (unsigned char s; read(pipe_fds[0], &s, 1) == 1;) {
        if (s == SIGTSTP)
            a->effects |= UI_FX_SUSPEND;
        else if (s == SIGWINCH || s == SIGCONT)
            resize(a, t); /* and draws everything again */
        else
            return 128 + s;
    }
    return 0;
}

/* Seconds until old rows, or the Why of the document before, have stood too long; negative: none
 * do. */
static double due(const ui_app *a)
{
    double rows = a->waiting && !a->stale ? a->asked : INFINITY;
    double why = a->wanted >= 0 && !a->late ? a->wanted : INFINITY;
    double since = rows < why ? rows : why, left = since + UI_STALE_AFTER - imr_clock_seconds();
    return imr_clock_frozen() || isinf(since) ? -1 : left > 0 ? left : 0;
}

/* Milliseconds until something is due by itself; -1: nothing is. */
static int patience(const ui_app *a, const ui_term *t, bool dirty)
{
    if (ui_decoder_waiting(&t->decoder))
        return t->escape_ms;
    if (dirty)
        return 20; /* the terminal did not take the last frame, or it is too soon for one */
    return due(a) < 0 ? -1 : (int)(due(a) * 1000) + 1;
}

int ui_loop(ui_app *a, ui_term *t, imr_async *jobs)
{
    ui_view view = {0};
    bool dirty = true, urgent = true; /* urgent: the user did something and should see it now */
    double drawn = -1, typed = 0;
    int code = 0;
    for (;;) {
        for (ui_event e; (ui_app_types(a) && ui_decoder_rush(&t->decoder, &e)) ||
                         ui_decoder_next(&t->decoder, &e);) {
            ui_update(a, &e);
            const unsigned now = a->effects & (UI_FX_JUDGED | UI_FX_EXPORT);
            once(a, t, jobs, now); /* before the next takes its place */
            a->effects &= ~now;
        }
        if (due(a) == 0)
            ui_update(a, &(ui_event){.kind = UI_EVENT_TICK});
        if (!ui_act(a, t, jobs))
            break;
        IMR_AUTOBUF imr_buf kept = {0};
        imr_error err = {0};
        if (ui_state_due(a, false, &kept) &&
            imr_async_write(jobs, a->states.path, kept.data, kept.len, &err) != IMR_OK)
            ui_app_say(a, true, "%s", err.text);
        double now = imr_clock_seconds();
        bool due = urgent || imr_clock_frozen() || now - drawn >= FRAME_SECONDS;
        if (dirty && due && t->writable(t)) {
            ui_frame(a, t, &view);
            if (t->marker)
                t->marker(t, a->rows, a->cols, a->pending + ui_decoder_waiting(&t->decoder));
            dirty = urgent = false;
            drawn = now;
        }
        struct pollfd fds[3] = {
            {t->fd, POLLIN, 0}, {imr_async_fd(jobs), POLLIN, 0}, {pipe_fds[0], POLLIN, 0}};
        int n = poll(fds, 3, patience(a, t, dirty));
        if (n < 0 && errno != EINTR) {
            code = 1;
            break;
        }
        /* A key may be Esc alone; jobs that tell of their progress keep poll from waiting for it. */
        if (ui_decoder_waiting(&t->decoder) &&
            (n == 0 || imr_clock_seconds() - typed > t->escape_ms / 1000.0))
            ui_decoder_flush(&t->decoder);
        if (fds[2].revents && (code = take_signals(a, t)) != 0)
            break;
        if (fds[1].revents) {
            int before = a->pending;
            imr_async_reap(jobs);
            urgent = urgent || imr_async_pending(jobs) != before; /* a result, not only progress */
        }
        if (fds[0].revents && !t->read(t)) {
            code = 129;
            break;
        }
        if (fds[0].revents)
            typed = imr_clock_seconds();
        urgent = urgent || n == 0 || fds[0].revents || fds[2].revents;
        dirty = true;
    }
    ui_view_done(&view);
    return code;
}
