/*
 * encoder/ppmi.h - positive pointwise mutual information of words that stand near each other.
 *
 * Formula (method.md section 6; Levy, Goldberg, Dagan 2015):
 *   count(w,c)  sum of 1/distance over the pairs of w and c at most `window` words apart within
 *               one document, both directions, so the matrix of counts is symmetric
 *   p(w) = count(w,.)/count(.,.)      p_0.75(c) = count(.,c)^0.75 / sum of the same over all c
 *   entry(w,c)  max(0, log p(w,c)/(p(w) p_0.75(c))), only positive entries are stored
 *
 * Order: the counts of a row are summed in the order of the corpus by one thread, so the result is
 * the same bytes for any number of threads. Columns of a row are in order of first meeting.
 */
#ifndef IMR_ENCODER_PPMI_H
#define IMR_ENCODER_PPMI_H

#include "encoder/word_stream.h"
#include "math/svd_sparse.h"

typedef struct imr_ppmi {
    imr_csr matrix; /* [words, words], points into the arrays below */
    uint64_t *start;
    uint32_t *col;
    float *value;
} imr_ppmi;

/* window: at least 1. Memory: 4 bytes a word of the corpus, 8 bytes an entry, and 12 bytes times
 * IMR_PPMI_LANES a distinct word. Time: proportional to words of the corpus times the window.
 * Errors: IMR_E_MEMORY, IMR_E_CANCELLED. */
#define IMR_PPMI_LANES 8
imr_status imr_ppmi_init(imr_ppmi *out, const imr_word_stream *stream, uint32_t window,
                         const imr_progress *progress, imr_error *err) IMR_NODISCARD;
void imr_ppmi_done(imr_ppmi *p); /* {0} is fine */

#endif
