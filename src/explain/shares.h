/*
 * explain/shares.h - a similarity as a sum over pairs of words (method.md section 3b).
 *
 * A text is rows that add up to its vector, one a word, and a last row that no word carries (a
 * Dense module's bias, the biases of the adapter). With x = sum_b x_b + e the vector:
 *
 *   encoder   x_b / |x|                                  last row  e / |x|
 *   before    P x_b / |P x + c|                                    (P e + c) / |P x + c|
 *   after     y_b = x_b^before * s                                 (last row of before) * s + b
 *             (full: W P x_b, the last row W P e + b)
 *             every row less its own mean, * g / sd ; last row + be ; all / |sum|
 *             sd = sqrt(var + 1e-5) of the sum of the y
 *
 * With a blend (what if) each row of after is (1 - by) row^before + by row^after, without the
 * dimensions left out, all / |sum|.
 *
 * so that the rows of a stage add up to the unit vector of that stage, and S[a,b] = query row a .
 * document row b adds up to the similarity. Against the average candidate, with wbar and rbar the
 * means over the candidates of the sum of their word rows and of their last row, and p_b the
 * pooling weight of word b (its tokens / all tokens; the p_b add up to 1):
 *
 *   S[a,b] - p_b row_a . wbar ,   in the last column  S[a,last] - row_a . rbar
 *
 * add up to the similarity less the candidates' mean similarity. rbar needs no text: the last row
 * of a candidate follows from the norm |P x + c| and the scales.
 *
 * Of two texts (imr_pairs_make) the pieces and the repetitions of a word are one row, and p_b its
 * share of the tokens. Special tokens and the words of a prefix stay by themselves. A word is what
 * the tokeniser's pre-tokeniser makes, spelled as the normaliser leaves it.
 *
 * Precision: rows are float32, statistics and sums double; sums are within 1e-6 of the similarity.
 * Memory: the results and as much again. Threads: no state; calls BLAS.
 */
#pragma once

#include "explain/why.h"
#include "math/matrix.h"

/* How the rows of one side (query or document) become those of the next stage. Borrowed. */
typedef struct imr_share_side {
    imr_view projector;          /* P [m,n] */
    const float *projector_bias; /* c [m]; NULL: none */
    const float *scale;          /* s [m]; NULL in form full, */
    const float *weight;         /* which has W [m,m], and modulates P x as it is */
    const float *bias;           /* b [m] */
    const float *gain, *shift;   /* g, be [m] */
    const imr_blend *blend;      /* what of x' is compared; NULL: x' */
} imr_share_side;

/* Rows of a text at each stage, [words + 1, n or m]; without an adapter only encoder. {0}: none. */
typedef struct imr_share_rows {
    imr_matrix stage[IMR_STAGE_COUNT];
} imr_share_rows;

/* words [words,n] without gaps, extra [n] (NULL: zeros); side NULL: the encoder's stage alone.
 * Errors: IMR_E_NUMERIC when the rows add up to nothing or are not finite, IMR_E_MEMORY. */
imr_status imr_share_rows_init(imr_share_rows *out, imr_view words, const float *extra,
                               const imr_share_side *side, imr_error *err);
void imr_share_rows_done(imr_share_rows *r); /* {0} is fine */

/* wbar and rbar of each stage: [n], then [m] and [m]. {0}: none. */
typedef struct imr_share_average {
    double *words[IMR_STAGE_COUNT], *rest[IMR_STAGE_COUNT];
    double *memory;
} imr_share_average;

/* Of the listed documents, as the run has them. extra [n]: the document's, taken for every
 * candidate's (they differ by the length before Normalize, which only their texts would tell);
 * NULL: zeros. */
imr_status imr_share_average_init(imr_share_average *out, const imr_why_run *run,
                                  const float *extra, const imr_share_side *side, imr_error *err);
void imr_share_average_done(imr_share_average *a); /* {0} is fine */

/* raw and centred [query rows, document rows]; centred and what it needs (weight [document rows -
 * 1], the p_b; average) may be NULL. */
imr_status imr_share_pairs(double *raw, double *centred, const imr_share_rows *query,
                           const imr_share_rows *document, imr_stage stage, const float *weight,
                           const imr_share_average *average, imr_error *err);

/* ---- of two texts ---- */

/* At least two characters, one of them a letter, and not on the stop list (words that say nothing
 * alone: "the", "which"; English). Only such words stand in sentences and among the strongest. */
bool imr_word_is_named(const char *text);

/* Both texts have a sum. Where the sum of the pairs differs by more than 1e-3 from the similarity
 * there are none, and out->problem says so; likewise where the words add up to nothing. Errors:
 * IMR_E_MEMORY. */
imr_status imr_pairs_make(imr_pairs *out, const imr_why_input *in, imr_arena *arena,
                          imr_error *err);

/* Of named words: the ten largest at the last stage there is, the ten largest gains and the ten
 * largest losses, each pair once, the largest at that stage first. */
imr_status imr_pairs_strongest(imr_strong_pair **out, size_t *n, const imr_pairs *pairs,
                               imr_arena *arena, imr_error *err);

/* The words of a text in its order, repetitions joined, out [n + 1] with an empty one behind, and
 * whose each token is, place [t->n]. e: the encoder, whose special tokens (by id) and words within
 * the first `prefix` bytes stand by themselves; NULL: these, and what is behind `end`, are in no
 * word, UINT32_MAX. Errors: IMR_E_MEMORY. */
imr_status imr_words_join(imr_pair_word **out, uint32_t **place, size_t *n,
                          const struct imr_tokens *t, size_t prefix, size_t end,
                          const struct imr_encoder *e, imr_arena *arena, imr_error *err);
