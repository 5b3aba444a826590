/*
 * cli/threads.h - how threads wait for each other.
 *
 * OpenMP's threads spin for milliseconds at every barrier before they sleep. Alone on the machine
 * that saves a little; beside other programs the thread waited for is not even running, and the
 * spinning takes the time it needs: a key typed into the explorer took 100 ms of processor time
 * instead of 20 on two busy cores. They should sleep. The policy can only be given in the
 * environment, which OpenMP reads as it is loaded, before main.
 */
#ifndef IMR_CLI_THREADS_H
#define IMR_CLI_THREADS_H

/*
 * Starts the program again with OMP_WAIT_POLICY=passive, unless the variable is set: whoever sets
 * it chooses. Costs one more start. Returns when there is nothing to do or the program cannot be
 * started again; it then works as well, only less politely. Call first in main.
 */
void imr_cli_quiet_threads(char **argv);

#endif
