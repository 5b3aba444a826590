/*
 * tests/bench/bench.h - what the parts of the benchmark share.
 *
 * A part measures and prints; nothing is asserted. Other programs may use the cores meanwhile, so
 * every row has the best wall time of several runs and the processor time of the best run (all
 * threads together), and what matters is the ratio to a yardstick taken in the same process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "format/tensors.h"
#include "math/matrix.h"
#include "math/random.h"

/* SciFact's size and the shapes of its adapters. */
enum { BENCH_DOCUMENTS = 5183, BENCH_N = 384, BENCH_M = 256, BENCH_H = 128, BENCH_K = 100 };

typedef struct bench_time {
    double wall, cpu; /* seconds, of the best run */
} bench_time;

/* Runs fn(user) for a while, at least five times unless one run takes longer than all that. */
bench_time bench_measure(void (*fn)(void *user), void *user);
double bench_cpu_seconds(void); /* of the whole process */

/* "name   1.23 ms  2.31 ms cpu   0.98 x yardstick". yardstick 0 seconds: no ratio. */
void bench_row(const char *name, bench_time t, double yardstick, const char *of);
void bench_title(const char *text);
void bench_verdict(const char *what, double found_ms, double budget_ms);

/* Ends the program with the error when status is not IMR_OK. */
void bench_need(imr_status status, const imr_error *err);
/* Memory or the end of the program. */
void *bench_alloc(size_t count, size_t size);
/* Seeded normal values, or rows of length 1. */
imr_matrix bench_normal(size_t rows, size_t cols, unsigned seed);
imr_matrix bench_unit_rows(size_t rows, size_t cols, unsigned seed);

/* A corpus of SciFact's size with everything a session needs, made on first use. */
typedef struct bench_corpus {
    char *dataset, *encoder, *cache, *adapter; /* paths */
    bool real;                                 /* SciFact itself */
} bench_corpus;
const bench_corpus *bench_corpus_get(void);
/* The path of a name in the folder where such things are made, and of a published file or folder in
 * IMRNN_SHARED or ../shared, NULL when it is not there. The caller's. */
char *bench_file(const char *name);
char *bench_shared(const char *name);
void bench_corpus_remove(void);
void bench_remove(const char *path); /* a file or a folder with all that is in it */

/* Words of two to four syllables, drawn by Zipf's law; appended. One thread. */
void bench_sentence(imr_buf *out, imr_random *random, size_t words);

/* The arguments behind "make-cache"; what the program ends with. */
int bench_make_cache(int argc, char **argv);
int bench_open_cache(int argc, char **argv); /* behind "open-cache" */
/* A made-up dataset in DIR, taken as it is when it is there, and the id of one of its documents;
 * its queries are q0, q1, ... */
enum { BENCH_QUERIES = 200 };
void bench_make_dataset(const char *dir, size_t documents);
void bench_document_id(char out[32], size_t document);
/* A made-up dataset and its cache in DIR/dataset and DIR/cache; what is there already is kept. */
void bench_make(const char *dir, size_t documents, size_t n, imr_dtype dtype);

/* tests/bench/growth.c: behind "growth SIZE..." and in the process that is measured. */
int bench_growth_at(int argc, char **argv);
int bench_growth_of(int argc, char **argv);

/* tests/bench/memory.c: behind "memory DOCUMENTS" and in the process that starts the commands. */
int bench_memory_at(int argc, char **argv);
int bench_memory_of(int argc, char **argv);

/* tests/bench/import.c: behind "import DOCUMENTS[:own] [DIMENSION]". */
int bench_import_at(int argc, char **argv);

/* A terminal of 120 x 36 for a child: returns our side, -1 when there is none. The child makes its
 * side its own; then each frame of the explorer ends with a marker: false when none comes. */
int bench_terminal_open(int *child);
void bench_terminal_take(int child);
bool bench_terminal_frame(int master);

/* The adapter of form diagonal, written down as method.md section 1 has it: double throughout. */
struct imr_weights;
void bench_naive_run(double *after, const struct imr_weights *w, const float *q, imr_view d);

/* ---- the parts ---- */
void bench_yardsticks(void);
void bench_search(void);
void bench_adapter(void);
void bench_tokens(void);
void bench_encode(void);
void bench_training(void);
void bench_typing(void);
void bench_why(void);
void bench_paint(void);
void bench_keys(void);
void bench_keys_million(void);
void bench_memory(void);
void bench_import(void);
void bench_growth(void);
void bench_engine(void);
void bench_typing_million(void);

/* Yardsticks, measured when first asked for. */
double bench_gflops(void);                           /* sgemm of 2048^3 */
double bench_scan_seconds(size_t rows, size_t cols); /* plain dot products with every row */
double bench_gemm_seconds(size_t rows, size_t cols, size_t inner); /* a [rows,inner] b' */
