/*
 * explain/backproject.h - from the working space back to the encoder's space.
 *
 * Formula:  delta_base = P+ delta,  P+ = P'(P P')^-1                    method.md section 4
 * The projector P [m,n] is factorised once, P = U S V' (thin SVD, double), and everything else is
 * read off it, with r the rank:
 *
 *     delta_base           = V S^-1 U' delta                            [n]
 *     coordinates(delta)   = S^-1 U' delta                              [r], |.| = |delta_base|
 *     delta' (P P')^+ delta = |coordinates(delta)|^2
 *     P+ P                 = V V', the part of the encoder's space P can see
 *
 * The rows of V' are an orthonormal basis of what P can see, so lengths and angles of
 * back-projected changes are lengths and angles of r numbers instead of n. Working in these
 * coordinates keeps float32 errors independent of P's condition number, which forming (P P')^-1
 * would square.
 *
 * Precision: double, except basis (float32 for products with token tables).
 * Threads: const after init; every function here is safe from any thread.
 */
#ifndef IMR_EXPLAIN_BACKPROJECT_H
#define IMR_EXPLAIN_BACKPROJECT_H

#include "math/linalg.h"

typedef struct imr_backprojector {
    size_t m, n;      /* working and encoder dimension: P is [m,n] */
    size_t rank;      /* r: singular values that count, see imr_svd */
    imr_svd svd;      /* of P; columns of U and rows of V' from r on are not looked at */
    imr_matrix basis; /* [r,n] rows of V' in float32 */
} imr_backprojector;

/* weight: P, borrowed during the call only. Errors: IMR_E_SHAPE when empty, IMR_E_NUMERIC when an
 * entry is not finite or every entry is zero, IMR_E_MEMORY. */
imr_status imr_backprojector_init(imr_backprojector *out, imr_view weight,
                                  imr_error *err) IMR_NODISCARD;
/* Of the space itself, without an adapter: P is the identity [n,n]. */
imr_status imr_backprojector_identity(imr_backprojector *out, size_t n,
                                      imr_error *err) IMR_NODISCARD;
void imr_backprojector_done(imr_backprojector *b); /* {0} is fine */

/* out[r] = U' x, x [m] in the working space. */
void imr_backproject_left(double *out, const imr_backprojector *b, const double *x);
/* out[r] = S^-1 U' x. */
void imr_backproject_coordinates(double *out, const imr_backprojector *b, const double *x);
/* out[n] = P+ x. scratch [r]. */
void imr_backproject(double *out, const imr_backprojector *b, const double *x, double *scratch);

#endif
