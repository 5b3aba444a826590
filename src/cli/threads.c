#include "cli/threads.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef _OPENMP
void imr_cli_quiet_threads(char **argv)
{
    char path[PATH_MAX]; /* by name, so that process lists show ours and not "exe" */
    if (getenv("OMP_WAIT_POLICY"))
        return;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0 || setenv("OMP_WAIT_POLICY", "passive", 1))
        return;
    path[n] = '\0';
    execv(path, argv);
}
#else
void imr_cli_quiet_threads(char **argv)
{
    (void)argv;
}
#endif
