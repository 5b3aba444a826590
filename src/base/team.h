/*
 * base/team.h - threads that work in step.
 *
 * A pass of many short phases waits for all threads after each. Sleeping until the last one comes
 * costs more than the phase itself (a futex's way through the kernel and back takes 5 to 50 us), so
 * a thread looks again for about as long as that, then gives its processor away while it waits:
 * beside other programs the thread waited for may need it.
 *
 *   imr_team team = {0};
 *   #pragma omp parallel        (or any other way to start `size` threads)
 *   { ...; imr_team_wait(&team, size); ...; }
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

typedef struct imr_team {
    atomic_size_t arrived, round;
} imr_team;

/* Most threads a parallel region started here would have, and of the region this code runs in: how
 * many there are, and which one of them this is, from 0. Without OpenMP: 1, 1, 0. */
size_t imr_team_most(void);
size_t imr_team_size(void);
size_t imr_team_member(void);

/* Returns when `size` threads are here; all of them call it equally often with the same size. What
 * any of them wrote before is seen by all after. Size 1 returns at once. */
void imr_team_wait(imr_team *t, size_t size);
