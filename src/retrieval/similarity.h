/*
 * retrieval/similarity.h - how alike two rankings are, without judgements.
 *
 * Rankings are arrays of document numbers, best first, without repeats.
 *   overlap@k   |top k of a and b| / k
 *   RBO         rank-biased overlap, extrapolated (Webber, Moffat, Zobel 2010, eq. 32), p = 0.9
 *   tau         Kendall's tau over the documents both hold
 *   tau-AP      AP correlation (Yilmaz, Aslam, Robertson 2008) of b against a, over the documents
 *               both hold: it weighs the top
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct imr_rank_similarity {
    double rbo;     /* 0..1 */
    double overlap; /* 0..1, of the top k */
    size_t k;       /* cut to the shorter ranking */
    double tau;     /* -1..1; 1 when fewer than two documents are shared */
    double tau_ap;  /* -1..1; likewise */
    uint32_t mover; /* document with the largest move among the shared ones */
    int64_t move;   /* its rank in a minus its rank in b; 0 when nothing moved */
} imr_rank_similarity;

/* Both rankings need a document at least, else IMR_E_USAGE. A repeated document is IMR_E_FORMAT. */
imr_status imr_rank_compare(imr_rank_similarity *out, const uint32_t *a, size_t n_a,
                            const uint32_t *b, size_t n_b, size_t k, double p, imr_error *err);
