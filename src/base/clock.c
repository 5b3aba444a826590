#include "base/clock.h"

#include <time.h>

static int64_t frozen = -1;

void imr_clock_freeze(int64_t unix_seconds)
{
    frozen = unix_seconds;
}

bool imr_clock_frozen(void)
{
    return frozen >= 0;
}

int64_t imr_clock_unix(void)
{
    return frozen >= 0 ? frozen : (int64_t)time(NULL);
}

void imr_clock_utc(char out[IMR_CLOCK_UTC])
{
    const time_t now = (time_t)imr_clock_unix();
    struct tm utc = {0};
    (void)gmtime_r(&now, &utc);
    out[strftime(out, IMR_CLOCK_UTC, "%Y-%m-%dT%H:%M:%SZ", &utc)] = '\0';
}

double imr_clock_seconds(void)
{
    if (frozen >= 0)
        return 0.0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
