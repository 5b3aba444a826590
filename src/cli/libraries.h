/*
 * cli/libraries.h - what the libraries below us read from the environment as they are loaded,
 * before main.
 *
 * OMP_WAIT_POLICY. OpenMP's threads spin for milliseconds at every barrier before they sleep. Alone
 * on the machine that saves a little; beside other programs the thread waited for is not even
 * running, and the spinning takes the time it needs: from a typed key to its ranking it takes 40 to
 * 90 ms instead of 1.2 on two cores with other work (the median; docs/measured.md). They should
 * sleep. Starting again for it takes 6 ms.
 *
 * OPENBLAS_CORETYPE chooses OpenBLAS's kernels; it is left alone and only told.
 */
#ifndef IMR_CLI_LIBRARIES_H
#define IMR_CLI_LIBRARIES_H

#include "base/buf.h"

/*
 * Starts the program again with OMP_WAIT_POLICY where that is missing: whoever sets it chooses.
 * Returns when there is nothing to do or the program cannot be started again; it then works as
 * well, only less politely. Call first in main.
 */
void imr_cli_tune_libraries(char **argv);

/* "OPENBLAS_CORETYPE = Cooperlake (chosen by OpenBLAS 0.3.21)": the kernels in use and who chose
 * them. */
void imr_cli_blas_text(imr_buf *out);

#endif
