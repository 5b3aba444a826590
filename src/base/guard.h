/*
 * base/guard.h - mapped files that are cut short while they are read.
 *
 * Reading a page that a file no longer has raises SIGBUS. With the guard such a page becomes zeros,
 * and the loss is remembered: whoever read it asks afterwards, and says so instead of dying or
 * telling numbers made of zeros. A loss stays until the program ends, since the zeros do.
 * Threads: any may read and ask; install and otherwise are the main thread's.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Before the first file is mapped; again is fine. */
void imr_guard_install(void);
/* What a SIGBUS that is no lost page runs, with the default action in place again; NULL: that
 * action. Async-signal-safe. */
void imr_guard_otherwise(void (*handler)(int signal_number));

/* IMR_E_IO when a page was lost. */
imr_status imr_guard_check(imr_error *err);
