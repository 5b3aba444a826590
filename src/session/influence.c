/* What the feedback of each document does: session/ranker.h. */
#include <math.h>

#include "base/mem.h"
#include "math/blas.h"
#include "math/nn.h"
#include "math/topk.h"
#include "session/ranker.h"

enum { TOP = 10 };

/* moves[i] = how many of the first ten of sim's last row stand elsewhere in its row i; [k+1,n]. */
static imr_status count_moves(uint32_t *moves, const imr_ranker *r, const imr_listing *l,
                              const float *sim, size_t k, imr_error *err)
{
    uint32_t now[TOP], then[TOP];
    const size_t top = l->n < TOP ? l->n : TOP;
    IMR_AUTOFREE uint32_t *places = IMR_NEW_ARRAY(uint32_t, l->n);
    IMR_NEED(places, err);
    for (size_t j = 0; j < l->n; j++)
        places[j] = r->cache->documents.ids.places[l->document[j]];
    imr_topk(now, top, sim + k * l->n, l->n, places);
    for (size_t i = 0; i < k; i++) {
        imr_topk(then, top, sim + i * l->n, l->n, places);
        for (size_t j = 0; j < top; j++)
            moves[i] += then[j] != now[j];
    }
    return IMR_OK;
}

imr_status imr_ranker_influence(const imr_ranker *r, imr_listing *l, imr_error *err)
{
    const size_t k = r->run.k, m = r->projected.d.cols, n = l->n;
    if (!r->adapter || k < 2 || k > IMR_INFLUENCE_MOST)
        return IMR_OK;
    IMR_AUTOFREE float *q = imr_alloc_aligned((k + 1 + n) * m, sizeof *q);
    IMR_AUTOFREE float *sim = imr_alloc_aligned((k + 1) * n, sizeof *sim);
    IMR_AUTOFREE float *change = IMR_NEW_ARRAY(float, k);
    IMR_AUTOFREE uint32_t *moves = IMR_NEW_ARRAY(uint32_t, k);
    IMR_NEED(q && sim && change && moves, err);
    IMR_TRY(
        imr_adapter_without_each(q, r->adapter, &r->run, imr_view_of(r->candidates.v, k, m), err));
    memcpy(q + k * m, r->run.q_mod, m * sizeof *q);
    for (size_t i = 0; i < k; i++) {
        double square = 0;
        for (size_t j = 0; j < m; j++) {
            const double off = (double)q[i * m + j] - (double)r->run.q_mod[j];
            square += off * off;
        }
        change[i] = (float)sqrt(square);
    }
    const imr_view queries = imr_view_of(q, k + 1, m), listed = imr_view_of(l->d_mod, n, m);
    float *units = q + (k + 1) * m;
    imr_nn_unit_rows(q, queries);
    imr_nn_unit_rows(units, listed);
    imr_blas_gemm(sim, n, 1, queries, IMR_PLAIN, imr_view_of(units, n, m), IMR_TRANSPOSED, 0);
    IMR_TRY(count_moves(moves, r, l, sim, k, err));
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < k && l->feedback[j]; i++)
            if (r->given[i] == l->document[j]) {
                l->influence[j] = change[i];
                l->influence_moves[j] = moves[i];
            }
    return IMR_OK;
}
