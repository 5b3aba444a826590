#include "cli/libraries.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "math/blas.h"
#include "math/cpu.h"

/* What OpenBLAS had chosen when we chose for it; tells our choice from the user's. */
#define INSTEAD_OF "IMRNN_CORETYPE_INSTEAD_OF"

/* True when something was set. */
static bool choose_core(void)
{
    const char *core = imr_blas_core();
    if (getenv("OPENBLAS_CORETYPE") || !imr_blas_takes_core())
        return false;
    const char *better = imr_blas_better_core(core, imr_cpu_features());
    return better && setenv(INSTEAD_OF, core, 1) == 0 &&
           setenv("OPENBLAS_CORETYPE", better, 1) == 0;
}

#ifdef _OPENMP
static bool choose_waiting(void)
{
    return !getenv("OMP_WAIT_POLICY") && setenv("OMP_WAIT_POLICY", "passive", 1) == 0;
}
#else
static bool choose_waiting(void)
{
    return false;
}
#endif

void imr_cli_tune_libraries(char **argv)
{
    char path[PATH_MAX]; /* by name, so that process lists show ours and not "exe" */
    const bool core = choose_core(), waiting = choose_waiting();
    if (!core && !waiting)
        return;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1); /* Linux */
    if (n > 0) {
        path[n] = '\0';
        execv(path, argv);
    } else if (argv[0]) { /* found as whoever started it found it */
        execvp(argv[0], argv);
    }
}

void imr_cli_blas_text(imr_buf *out)
{
    const char *asked = getenv("OPENBLAS_CORETYPE"), *instead = getenv(INSTEAD_OF);
    const char *library = imr_blas_config(); /* its first words are name and version */
    size_t len = strcspn(library, " ");
    len += library[len] ? 1 + strcspn(library + len + 1, " ") : 0;
    imr_buf_printf(out, "OPENBLAS_CORETYPE = %s (", imr_blas_core());
    if (asked && *asked && !instead)
        imr_buf_printf(out, "%s in the environment", asked);
    else if (instead)
        imr_buf_printf(out, "chosen by imrnn: %.*s takes this CPU for %s", (int)len, library,
                       instead);
    else if (imr_blas_takes_core())
        imr_buf_printf(out, "chosen by %.*s", (int)len, library);
    else
        imr_buf_printf(out, "the only kernels of this %.*s", (int)len, library);
    imr_buf_char(out, ')');
}
