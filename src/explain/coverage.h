/*
 * explain/coverage.h - how much of a change the shown tokens span.
 *
 *     coverage = |projection of delta onto span{W_t : t shown}|^2 / |delta|^2
 *
 * by a Cholesky factorisation of the directions' inner products, in double; a direction whose part
 * outside the span of those before it is rounding (F is float32) adds nothing.
 * Threads: no state; basis and factor are the caller's.
 */
#ifndef IMR_EXPLAIN_COVERAGE_H
#define IMR_EXPLAIN_COVERAGE_H

#include "explain/lens.h"

/* Of the words ids[n], of a change with the coordinates U' delta in `change` [r] and the length
 * |delta|; 0 for no change. span: most directions looked at, min(n, r) or more; scratch: basis
 * [span,r], factor [span+1,span+1], row [r]. */
double imr_coverage(const uint32_t *ids, size_t n, const double *change, double length,
                    const imr_lens *lens, size_t span, double *basis, double *factor, float *row);

#endif
