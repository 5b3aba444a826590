#include "base/team.h"

#include <sched.h>
#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_max_threads() 1
#define omp_get_num_threads() 1
#define omp_get_thread_num()  0
#endif

enum { LOOKS = 1000 }; /* about 15 us */

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

size_t imr_team_most(void)
{
    return (size_t)omp_get_max_threads();
}

size_t imr_team_size(void)
{
    return (size_t)omp_get_num_threads();
}

size_t imr_team_member(void)
{
    return (size_t)omp_get_thread_num();
}

void imr_team_wait(imr_team *t, size_t size)
{
    if (size <= 1)
        return;
    const size_t round = atomic_load_explicit(&t->round, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&t->arrived, 1, memory_order_acq_rel) + 1 == size) {
        atomic_store_explicit(&t->arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&t->round, round + 1, memory_order_release);
        return;
    }
    for (size_t i = 0; atomic_load_explicit(&t->round, memory_order_acquire) == round; i++) {
        if (i < LOOKS)
            pause_briefly();
        else
            sched_yield();
    }
}
