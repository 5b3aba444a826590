#include "base/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_bool lost;
static _Atomic(void (*)(int)) otherwise;
static uintptr_t page;
static int zeros = -1;

static void on_bus(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    void *at = (void *)((uintptr_t)info->si_addr & ~(page - 1));
    if (info->si_code == BUS_ADRERR && zeros >= 0 &&
        mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, zeros, 0) == at) {
        atomic_store(&lost, true);
        return;
    }
    void (*handler)(int) = atomic_load(&otherwise);
    signal(signal_number, SIG_DFL);
    if (handler)
        handler(signal_number);
    else
        raise(signal_number);
}

void imr_guard_install(void)
{
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER};
    page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (zeros < 0)
        zeros = open("/dev/zero", O_RDWR | O_CLOEXEC);
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void imr_guard_otherwise(void (*handler)(int signal_number))
{
    atomic_store(&otherwise, handler);
}

imr_status imr_guard_check(imr_error *err)
{
    return !atomic_load(&lost)
               ? IMR_OK
               : imr_fail(err, IMR_E_IO,
                          "a file in use (of the cache, its texts, the encoder or the adapter) was "
                          "cut short by another program while it was read: make it whole, and "
                          "start again");
}
