/*
 * task/fill.h - documents and their vectors into an engine (retrieval/engine.h).
 *
 * They go in the order of the data set, or of the cache, in batches of at most 256, each whole or
 * not at all. Stopped, or at an error, what is in stays: the next call goes on behind it.
 */
#pragma once

#include "encoder/encoder.h"
#include "retrieval/engine.h"

typedef struct imr_fill_plan {
    const imr_cache *from;      /* documents with vectors and texts; or NULL, and: */
    const imr_dataset *dataset; /* documents to be encoded */
    const imr_encoder *encoder; /* with its prefix for them */
    bool half, into_existing;   /* as of imr_engine_plan */
} imr_fill_plan;

typedef struct imr_fill_result {
    uint64_t there, filled; /* documents that were in already, and those that came */
} imr_fill_result;

/* e: opened with `fill`. *out is set on failure, too. Errors: IMR_E_UNSUPPORTED for an engine that
 * is not filled so, IMR_E_NUMERIC for a vector that is not finite, IMR_E_IO when other documents
 * are in; the engine's, the encoder's; once documents are on their way they say how to go on. */
imr_status imr_engine_fill(imr_fill_result *out, imr_engine *e, const imr_fill_plan *plan,
                           const imr_progress *progress, imr_error *err);
