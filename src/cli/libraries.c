#include "cli/libraries.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "math/blas.h"

void imr_cli_tune_libraries(char **argv)
{
#ifdef _OPENMP
    char path[PATH_MAX]; /* by name, so that process lists show ours and not "exe" */
    if (getenv("OMP_WAIT_POLICY") || setenv("OMP_WAIT_POLICY", "passive", 1) != 0)
        return;
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1); /* Linux */
    if (n > 0) {
        path[n] = '\0';
        execv(path, argv);
    } else if (argv[0]) { /* found as whoever started it found it */
        execvp(argv[0], argv);
    }
#else
    (void)argv;
#endif
}

void imr_cli_blas_text(imr_buf *out)
{
    const char *asked = getenv("OPENBLAS_CORETYPE");
    const char *library = imr_blas_config(); /* its first words are name and version */
    size_t len = strcspn(library, " ");
    len += library[len] ? 1 + strcspn(library + len + 1, " ") : 0;
    imr_buf_printf(out, "OPENBLAS_CORETYPE = %s (", imr_blas_core());
    if (asked && *asked)
        imr_buf_printf(out, "%s in the environment)", asked);
    else
        imr_buf_printf(out, "chosen by %.*s)", (int)len, library);
}
