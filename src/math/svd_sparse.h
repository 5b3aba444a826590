/*
 * math/svd_sparse.h - the leading singular triplets of a sparse matrix.
 *
 * Method: randomised range finder with power iterations (Halko, Martinsson, Tropp 2011, algorithms
 * 4.4 and 5.1):
 *   Y = A G             G normal [cols, k + oversample]; orthonormalise
 *   Y = A (A' Y)        `power` times, orthonormalising after every product
 *   then the exact SVD of the small rest
 * Precision: float32 products, error of a singular value a few percent of s[k] at power 2, much
 * smaller for those well above it.
 * Deterministic for a given seed and thread count. Signs: the entry of largest magnitude of each
 * column of u is positive.
 * Memory: about (2 rows + 2 cols) (k + oversample) floats and a transposed copy of the matrix.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/progress.h"
#include "math/matrix.h"

/* Compressed rows: the entries of row i are at [start[i], start[i+1]). */
typedef struct imr_csr {
    size_t rows, cols;
    const uint64_t *start; /* [rows+1], ascending from 0 */
    const uint32_t *col;   /* [start[rows]], each below cols */
    const float *value;    /* [start[rows]] */
} imr_csr;

/* out [a.rows, x.cols] = a x, x [a.cols, anything]. Rows are shared out with OpenMP. */
void imr_csr_times(float *out, const imr_csr *a, imr_view x);

typedef struct imr_svd_sparse_options {
    size_t k;          /* triplets wanted, at most min(rows, cols) */
    size_t oversample; /* 10 is usual */
    size_t power;      /* 2 is usual; 0 is fast and rough */
    uint64_t seed;
} imr_svd_sparse_options;

typedef struct imr_svd_sparse {
    imr_matrix u; /* [rows,k], orthonormal columns */
    float *s;     /* [k], descending */
    imr_matrix v; /* [cols,k], orthonormal columns */
} imr_svd_sparse;

/* Errors: IMR_E_SHAPE (k is 0 or too large), IMR_E_NUMERIC, IMR_E_MEMORY, IMR_E_CANCELLED. */
imr_status imr_svd_sparse_init(imr_svd_sparse *out, const imr_csr *a,
                               const imr_svd_sparse_options *options, const imr_progress *progress,
                               imr_error *err);
void imr_svd_sparse_done(imr_svd_sparse *s); /* {0} is fine */
