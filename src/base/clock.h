/*
 * base/clock.h - monotonic time, and the date for reports. Both can be frozen so that screens and
 * reports are the same every run (the session does so when IMRNN_TEST_TIME is set).
 */
#ifndef IMR_BASE_CLOCK_H
#define IMR_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

double imr_clock_seconds(void); /* monotonic seconds since an arbitrary point; 0.0 when frozen */
void imr_clock_freeze(int64_t unix_seconds); /* before threads start; negative thaws */
bool imr_clock_frozen(void);
/* UTC as 2026-11-20T12:00:00Z; out holds at least 21 bytes. */
void imr_clock_date(char *out, size_t size);

#endif
