#include "retrieval/ranking.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"
#include "math/topk.h"

static imr_status check_finite(const char *what, const float *v, size_t n,
                               const uint32_t *documents, imr_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return imr_fail(err, IMR_E_NUMERIC, "the %s score of document %u is not finite", what,
                            (unsigned)documents[i]);
    return IMR_OK;
}

/* ranks[i] for scores[i]; order is left in best-first order. own: places of the candidates. */
static void rank_all(uint32_t *ranks, uint32_t *order, const float *scores, size_t n,
                     const uint32_t *own)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    imr_topk_sort(order, n, scores, own);
    for (size_t r = 0; r < n; r++)
        ranks[order[r]] = (uint32_t)r + 1;
}

imr_status imr_ranking_make(imr_ranking *out, const uint32_t *documents, const float *encoder,
                            const float *before, const float *after, size_t n,
                            const uint32_t *places, imr_error *err)
{
    if (encoder)
        IMR_TRY(check_finite("encoder", encoder, n, documents, err));
    IMR_TRY(check_finite("before", before, n, documents, err));
    IMR_TRY(check_finite("after", after, n, documents, err));

    IMR_AUTOFREE uint32_t *scratch = imr_calloc(n, 5 * sizeof(uint32_t));
    IMR_AUTOFREE double *deltas = IMR_NEW_ARRAY(double, n);
    IMR_AUTOFREE imr_ranked *v = IMR_NEW_ARRAY(imr_ranked, n);
    if (!scratch || !deltas || !v)
        return imr_fail_memory(err);
    uint32_t *own = scratch, *order = own + n, *by_encoder = order + n, *by_before = by_encoder + n;
    uint32_t *by_after = by_before + n;
    for (size_t i = 0; i < n; i++) {
        own[i] = places[documents[i]];
        deltas[i] = (double)after[i] - (double)before[i];
    }
    double median = imr_stats_median(deltas, n);
    if (encoder)
        rank_all(by_encoder, order, encoder, n, own);
    rank_all(by_before, order, before, n, own);
    rank_all(by_after, order, after, n, own);
    for (size_t r = 0; r < n; r++) {
        uint32_t i = order[r];
        double delta = (double)after[i] - (double)before[i];
        v[r] = (imr_ranked){.document = documents[i],
                            .encoder = encoder ? encoder[i] : 0,
                            .before = before[i],
                            .after = after[i],
                            .rank_encoder = by_encoder[i],
                            .rank_before = by_before[i],
                            .rank_after = by_after[i],
                            .move = (int32_t)by_before[i] - (int32_t)by_after[i],
                            .delta = delta,
                            .relative = delta - median};
    }
    *out = (imr_ranking){v, n, median};
    v = NULL;
    return IMR_OK;
}

void imr_ranking_done(imr_ranking *r)
{
    imr_free(r->v);
    *r = (imr_ranking){0};
}

size_t imr_ranking_find(const imr_ranking *r, uint32_t document)
{
    size_t i = 0;
    while (i < r->n && r->v[i].document != document)
        i++;
    return i;
}
