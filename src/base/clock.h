/*
 * base/clock.h - monotonic time, which can be frozen so that screens are the same every run (the
 * command line does so when IMRNN_TEST_TIME is set).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

double imr_clock_seconds(void); /* monotonic seconds since an arbitrary point; 0.0 when frozen */
int64_t imr_clock_unix(void);   /* the time, or what it was frozen at */
enum { IMR_CLOCK_UTC = sizeof "2026-11-30T05:29:06Z" };
void imr_clock_utc(char out[IMR_CLOCK_UTC]);
void imr_clock_freeze(int64_t unix_seconds); /* before threads start; negative thaws */
bool imr_clock_frozen(void);
