/*
 * math/linalg.h - factorisations in double. The only file behind it that knows LAPACK is linalg.c.
 *
 * All matrices are row-major without gaps.
 * Errors: IMR_E_NUMERIC when an entry is not finite or LAPACK does not converge, IMR_E_SHAPE for an
 * empty matrix, IMR_E_MEMORY.
 */
#pragma once

#include <stddef.h>

#include "math/matrix.h"

/* a = u diag(s) vt, thin: k = min(rows, cols); s descending. */
typedef struct imr_svd {
    double *u;  /* [rows,k], orthonormal columns */
    double *s;  /* [k] */
    double *vt; /* [k,cols], orthonormal rows */
    size_t rows, cols, k;
    size_t rank;      /* singular values that count: above max(rows,cols) * 2^-52 * s[0] */
    double condition; /* s[0]/s[k-1]; infinity when rank < k */
} imr_svd;

imr_status imr_svd_init(imr_svd *out, imr_view a, imr_error *err);
void imr_svd_done(imr_svd *s); /* {0} is fine */

/* a = Q r, the thin QR of a [rows,cols], rows >= cols: Q, orthonormal columns spanning a's, is
 * written over a; r (may be NULL) gets the upper triangle [cols,cols]. Columns of a that depend on
 * earlier ones get some direction orthogonal to the rest. */
imr_status imr_qr_f(float *a, size_t rows, size_t cols, float *r, imr_error *err);

/*
 * The same in float32 by Cholesky factors of a'a, twice (CholeskyQR2, Fukaya et al. 2014): a few
 * products instead of many narrow steps, several times faster for tall matrices. Orthonormal to
 * float32 rounding; a matrix too close to dependent columns for that goes to imr_qr_f. One copy of
 * a in memory.
 */
imr_status imr_qr_tall_f(float *a, size_t rows, size_t cols, float *r, imr_error *err);
