/*
 * retrieval/ranking.h - three rankings of the same candidates and what moved.
 *
 *   encoder   cos of base vectors      before   cos(q, d_i)      after   cos(q', d_i')
 *   delta_i = after_i - before_i       relative_i = delta_i - median over the candidates
 *   move_i  = rank_before - rank_after (positive: it rose)              method.md sections 2, 3
 * Ranks are from 1 within the candidates; ties: higher float32 score, then larger id (math/topk.h).
 */
#ifndef IMR_RETRIEVAL_RANKING_H
#define IMR_RETRIEVAL_RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_ranked {
    uint32_t document; /* index in the corpus */
    float encoder, before, after;
    uint32_t rank_encoder, rank_before, rank_after;
    int32_t move;
    double delta, relative; /* differences of the float32 scores, in double */
} imr_ranked;

typedef struct imr_ranking {
    imr_ranked *v; /* in `after` order */
    size_t n;
    double median_delta;
} imr_ranking;

/* Arrays of n; places: imr_topk_places over the corpus, indexed by
 * document. encoder may be NULL
 * (scores and ranks 0). IMR_E_NUMERIC names the first score that is not finite. */
imr_status imr_ranking_make(imr_ranking *out, const uint32_t *documents, const float *encoder,
                            const float *before, const float *after, size_t n,
                            const uint32_t *places, imr_error *err) IMR_NODISCARD;
void imr_ranking_done(imr_ranking *r);

/* Position in r->v of a document; r->n when it is not among them. */
size_t imr_ranking_find(const imr_ranking *r, uint32_t document);

#endif
