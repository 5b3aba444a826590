/*
 * adapter/net.h - what one side's net says: about a vector, or about many on average.
 *
 * Formula:  diagonal, mean  out = mean_i hyper(v_i)                  scale [m], then bias [m]
 *           full            out = L2(mean_i relu(L1 v_i))            m*m row-major entries of W,
 *                           then m of b: L2 is linear, so the hidden layer is averaged and L2
 *                           applied once                             method.md section 1
 * Shapes:   v [rows,m], rows >= 1; out imr_net_out values; scratch imr_net_scratch values, aligned
 *           to 8 bytes
 * Precision: sums over rows in double, in order: the same for any number of threads.
 */
#ifndef IMR_ADAPTER_NET_H
#define IMR_ADAPTER_NET_H

#include "adapter/hypernet.h"
#include "base/progress.h"
#include "math/matrix.h"

size_t imr_net_out(const imr_weights *w);
size_t imr_net_scratch(const imr_weights *w, size_t rows);

/* progress (may be NULL) is told "averaging documents" after every 256 rows; false: it asked to
 * stop, and out is unspecified. */
bool imr_net(const imr_weights *w, imr_side side, imr_rows v, float *scratch, float *out,
             const imr_progress *progress);

#endif
