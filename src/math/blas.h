/*
 * math/blas.h - dense products, row-major. The only file behind it that knows BLAS is blas.c.
 *
 * Precision: float32 in and out, float32 sums (order of summation is the library's, so results may
 * differ in the last bits between thread counts).
 * Aliasing: out may not overlap an input.
 * Shapes: every dimension is below 2^31; empty ones are fine (an empty inner dimension gives
 * beta * out); what does not fit is a caller's bug and asserted.
 * Threads: safe from any thread, but never call from inside an OpenMP parallel region.
 */
#pragma once

#include <stddef.h>

#include "math/matrix.h"

typedef enum imr_op { IMR_PLAIN, IMR_TRANSPOSED } imr_op;

/* out[rows,cols] = alpha * op(a) op(b) + beta * out; row i of out starts at out + i*out_stride.
 * beta 0: out may be uninitialised. */
void imr_blas_gemm(float *out, size_t out_stride, float alpha, imr_view a, imr_op op_a, imr_view b,
                   imr_op op_b, float beta);
/* out = alpha * op(a) x + beta * out. */
void imr_blas_gemv(float *out, float alpha, imr_view a, imr_op op_a, const float *x, float beta);

/* out = a b in double, all [n,n] without gaps. */
void imr_blas_square_d(double *out, const double *a, const double *b, size_t n);
/* Threads of the BLAS and of OpenMP loops, for the whole process; 0: as many as processors. Call
 * before other threads compute. Returns the number now in force. */
int imr_blas_set_threads(int n);

/* What the library says of itself: "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ... MAX_THREADS=64". */
const char *imr_blas_config(void);
/* The CPU its kernels were written for, as OpenBLAS calls it: "Haswell". */
const char *imr_blas_core(void);
