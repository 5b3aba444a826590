/*
 * tests/ui/fake.h - session/async.h for the explorer's tests, in place of the engine's: made-up
 * traces, the same for the same query, answered when reaped. Some documents have hostile titles and texts.
 *
 * Queries with a meaning: "none of these words" fails as unknown words do; "boom" fails with an
 * input/output error; "poor lens" gives a trace with a warning, "cls" details without pairs; text beginning with "slow" is
 * answered only after fake_release, the details of one beginning with "late" too.
 */
#pragma once

#include "ui/app.h"

typedef imr_async fake;

fake *fake_new(ui_app *app);
void fake_free(fake *f);
/* Opens at once: without an encoder, without tokens, without texts when asked so. */
void fake_open(fake *f, bool encoder, bool tokens, bool texts);
void fake_two(fake *f);          /* opens with two adapters from now on */
void fake_encoder_only(fake *f); /* opens without an adapter from now on */
void fake_fail_open(fake *f);
void fake_stop_open(fake *f);
void fake_progress(fake *f, const imr_async_progress *progress); /* what opening says from now on */
void fake_release(fake *f);               /* slow queries may be answered now */
void fake_hold(fake *f);                  /* and now no more */
void fake_documents(fake *f, size_t n);   /* of the next traces; default 100 */
size_t fake_answered(const fake *f);      /* deliveries made */
const char *fake_exported(const fake *f); /* "format of N to path" of the last one, "" for none */
const char *fake_written(const fake *f);  /* "bytes path" of the last file written */
