/*
 * math/topk.h - the best k of n scores under the one tie rule of this program.
 *
 * Order: higher float32 score first; equal scores: document id descending by strcmp (the trec_eval
 * rule, method.md section 2). NaN sorts after everything. So that no string is compared per
 * query, ids are ranked once into places; comparing two documents is then two loads.
 * Cost: one pass over the scores, k log k for what is kept; no memory is allocated. Scores in
 * ascending order are the worst case: every one of them enters and costs log k.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* places[i] = number of ids below ids[i] by strcmp: a larger place wins a tie. Equal ids: the
 * smaller index has the larger place. n < 2^32. For the few of a request; a cache keeps its own
 * (documents.ids.places of imr_cache). IMR_E_MEMORY. */
imr_status imr_topk_places(uint32_t *places, const char *const *ids, size_t n, imr_error *err);

/* True when document a stands before document b. places NULL: the smaller index wins a tie. */
static inline bool imr_topk_before(const float *scores, const uint32_t *places, uint32_t a,
                                   uint32_t b)
{
    float x = scores[a], y = scores[b];
    if (x > y || y > x)
        return x > y;
    bool x_nan = x != x, y_nan = y != y;
    if (x_nan != y_nan)
        return y_nan;
    return places ? places[a] > places[b] : a < b;
}

/* Writes the indices of the best min(k,n) documents, best first, into out (room for that many);
 * returns how many. k = n gives the whole ranking. */
size_t imr_topk(uint32_t *out, size_t k, const float *scores, size_t n, const uint32_t *places);

/* Puts `n` indices already in out into order. */
void imr_topk_sort(uint32_t *out, size_t n, const float *scores, const uint32_t *places);
