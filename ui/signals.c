/* ui/signals.c */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ui/term.h"

enum { SIGNALS = 65 }; /* numbers from 1; Linux has the most, 64 */

static int pipe_fds[2] = {-1, -1};
static struct sigaction before[SIGNALS];
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

/* Whatever ends a program by default must find the terminal restored: signals nobody thought of
 * too. NULL: not ours. */
static void (*handler_of(int signal_number))(int)
{
    static const int noted[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGTERM,   SIGHUP,  SIGINT,
                                SIGUSR1,  SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU};
    static const int left[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGURG, SIGTTIN, SIGTTOU};
    for (size_t i = 0; i < IMR_LEN(noted); i++)
        if (signal_number == noted[i])
            return note;
    for (size_t i = 0; i < IMR_LEN(left); i++)
        if (signal_number == left[i])
            return NULL;
    if (signal_number == SIGPIPE || signal_number == SIGXFSZ)
        return SIG_IGN; /* writing says so */
    return last_words;
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
    for (int s = 1; s < SIGNALS; s++) {
        struct sigaction a = {.sa_handler = handler_of(s)};
        sigemptyset(&a.sa_mask);
        a.sa_flags = a.sa_handler == note         ? SA_RESTART
                     : a.sa_handler == last_words ? (int)SA_RESETHAND | SA_NODEFER
                                                  : 0;
        if (!a.sa_handler || sigaction(s, NULL, &before[s]) != 0)
            continue;
        /* What the caller had ignored (nohup) stays so, but for those the screen needs. */
        if (before[s].sa_handler != SIG_IGN || s == SIGWINCH || s == SIGCONT || s == SIGTSTP)
            sigaction(s, &a, NULL);
    }
    installed = 1;
    return IMR_OK;
}

void ui_signals_close(void)
{
    if (!installed)
        return;
    for (int s = 1; s < SIGNALS; s++)
        if (handler_of(s))
            sigaction(s, &before[s], NULL);
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
