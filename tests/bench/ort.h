/*
 * tests/bench/ort.h - ONNX Runtime, run by node beside us, with the same model and texts.
 *
 * npm's onnxruntime-node carries the library: `npm install --ignore-scripts --prefix DIR
 * onnxruntime-node`, then IMRNN_BENCH_ORT=DIR. ort.mjs is the other end of the pipes.
 */
#pragma once

#include "tests/bench/model.h"

typedef struct bench_ort bench_ort;

/* NULL, and a line that says how to get it, when node or the module is not there. folder: of the
 * model; the sets are what may be asked for. */
bench_ort *bench_ort_open(const char *folder, const bench_texts *sets, size_t n, int threads);
void bench_ort_close(bench_ort *o);              /* NULL is fine */
const char *bench_ort_about(const bench_ort *o); /* version and operators */

/* A new session: how fast short texts are encoded differs from one to the next, by a third and for
 * as long as it lives, with where its threads and weights come to lie. */
void bench_ort_again(bench_ort *o);
/* Encodes the set `times` times in batches of 32, padded to the batch's longest text, sorted by
 * length or not. Seconds. */
void bench_ort_time(bench_ort *o, const bench_texts *set, bool sorted, int times, double *best,
                    double *median);
/* out [set->n, MODEL_HIDDEN] */
void bench_ort_vectors(bench_ort *o, const bench_texts *set, float *out);
