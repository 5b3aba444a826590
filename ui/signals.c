/* ui/signals.c */
#include "ui/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ui/term.h"

static const int polite[] = {SIGWINCH, SIGCONT, SIGTERM, SIGHUP, SIGINT, SIGTSTP};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};

static int pipe_fds[2] = {-1, -1};
static struct sigaction before[IMR_LEN(polite) + IMR_LEN(fatal) + 1];
static struct termios attributes;
static volatile sig_atomic_t have_attributes, installed;

static void note(int signal_number)
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

imr_status ui_signals_open(imr_error *err)
{
    if (pipe(pipe_fds) != 0)
        return imr_fail_errno(err, IMR_E_IO, errno, "cannot make a pipe for signals");
    for (int i = 0; i < 2; i++) {
        fcntl(pipe_fds[i], F_SETFL, fcntl(pipe_fds[i], F_GETFL) | O_NONBLOCK);
        fcntl(pipe_fds[i], F_SETFD, FD_CLOEXEC);
    }
    have_attributes = tcgetattr(STDIN_FILENO, &attributes) == 0;
    struct sigaction a = {.sa_flags = SA_RESTART};
    sigemptyset(&a.sa_mask);
    size_t n = 0;
    a.sa_handler = note;
    for (size_t i = 0; i < IMR_LEN(polite); i++)
        sigaction(polite[i], &a, &before[n++]);
    a.sa_handler = last_words;
    a.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
    for (size_t i = 0; i < IMR_LEN(fatal); i++)
        sigaction(fatal[i], &a, &before[n++]);
    a.sa_handler = SIG_IGN;
    a.sa_flags = 0;
    sigaction(SIGPIPE, &a, &before[n++]);
    installed = 1;
    return IMR_OK;
}

void ui_signals_close(void)
{
    if (!installed)
        return;
    size_t n = 0;
    for (size_t i = 0; i < IMR_LEN(polite); i++)
        sigaction(polite[i], &before[n++], NULL);
    for (size_t i = 0; i < IMR_LEN(fatal); i++)
        sigaction(fatal[i], &before[n++], NULL);
    sigaction(SIGPIPE, &before[n++], NULL);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    pipe_fds[0] = pipe_fds[1] = -1;
    installed = 0;
}

int ui_signals_fd(void)
{
    return pipe_fds[0];
}

int ui_signals_next(void)
{
    unsigned char byte;
    return read(pipe_fds[0], &byte, 1) == 1 ? byte : 0;
}

void ui_signals_stop(void)
{
    /* SIGSTOP cannot be lost, blocked or ignored; SIGTSTP is ours. */
    raise(SIGSTOP);
}
