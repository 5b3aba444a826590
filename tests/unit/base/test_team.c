#include "tests/support/test.h"

#include <pthread.h>

#include "base/team.h"

enum { MOST = 5, ROUNDS = 300 };

typedef struct crew {
    imr_team team;
    size_t size;
    int done[MOST]; /* rounds of each, read by the others between two waits */
} crew;

typedef struct member {
    crew *crew;
    size_t number;
    int behind; /* how often another's round was not the same */
    pthread_t thread;
} member;

static void *go(void *user)
{
    member *m = user;
    crew *c = m->crew;
    for (int round = 1; round <= ROUNDS; round++) {
        c->done[m->number] = round;
        imr_team_wait(&c->team, c->size);
        for (size_t i = 0; i < c->size; i++)
            m->behind += c->done[i] != round;
        imr_team_wait(&c->team, c->size);
    }
    return NULL;
}

TEST("threads that wait for each other see what all wrote before, round after round")
{
    for (size_t size = 1; size <= MOST; size++) {
        crew c = {.size = size};
        member members[MOST];
        for (size_t i = 0; i < size; i++) {
            members[i] = (member){.crew = &c, .number = i};
            CHECK(pthread_create(&members[i].thread, NULL, go, &members[i]) == 0);
        }
        for (size_t i = 0; i < size; i++) {
            CHECK(pthread_join(members[i].thread, NULL) == 0);
            CHECK_INT(members[i].behind, 0);
        }
    }
}
