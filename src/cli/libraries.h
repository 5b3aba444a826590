/*
 * cli/libraries.h - what the libraries below us read from the environment as they are loaded,
 * before main.
 *
 * OMP_WAIT_POLICY. OpenMP's threads spin for milliseconds at every barrier before they sleep. Alone
 * on the machine that saves a little; beside other programs the thread waited for is not even
 * running, and the spinning takes the time it needs: a key typed into the explorer took 100 ms of
 * processor time instead of 20 on two busy cores. They should sleep.
 *
 * OPENBLAS_CORETYPE. OpenBLAS chooses its kernels by the CPU's model, and takes models younger than
 * itself for older ones: half the speed where they lack AVX-512. See imr_blas_better_core.
 */
#ifndef IMR_CLI_LIBRARIES_H
#define IMR_CLI_LIBRARIES_H

#include "base/buf.h"

/*
 * Starts the program again with the variables that are missing: whoever sets one chooses. Costs one
 * more start. Returns when there is nothing to do or the program cannot be started again; it then
 * works as well, only less politely or slower. Call first in main.
 */
void imr_cli_tune_libraries(char **argv);

/* "OPENBLAS_CORETYPE = SkylakeX (chosen by OpenBLAS 0.3.21)": the kernels in use and who chose
 * them. */
void imr_cli_blas_text(imr_buf *out);

#endif
