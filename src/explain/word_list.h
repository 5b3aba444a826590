/*
 * explain/word_list.h - what a change says, in words (method.md section 4).
 *
 *   cosine_t      = cos(P+ delta, E_t)                                     explain/lens.h
 *   z_t           = cosine_t / sqrt(visibility_t / r)
 *   background z  = (cosine_t - mu_t)/sigma_t                              explain/background.h
 *   effect_t      = (unit(x') - unit(x' - a W_t)) . o ,
 *                   W_t = unit(P E_t) ,  a = W_t . (x' - |x'| unit(x))
 *   alignment     = cos(delta, x')
 *   coverage      = |projection of delta onto span{W_t : t listed}|^2 / |delta|^2 ; a direction
 *                   whose part outside the span of those before it is rounding (F is float32) adds
 *                   nothing
 *
 * o is the other side: unit(q') for a document, which makes effect_t = cos(q',d') -
 * cos(q',d'-aW_t); for the query the mean of unit(d_i'), the mean effect over documents. A zero
 * change has empty lists, alignment and coverage 0.
 *
 * All cosines of all changes come from one product through the folded table.
 * Threads: inputs are const. Calls OpenMP: not from inside a parallel region.
 */
#pragma once

#include "base/arena.h"
#include "explain/background.h"
#include "explain/change.h"
#include "explain/lens.h"
#include "explain/why.h"

/* One text's vector before and after modulation. Everything is borrowed. */
typedef struct imr_word_subject {
    const float *before, *after; /* x, x' [m]; before NULL: x' alone, for the kind `vector` */
    const double *common; /* [m] what `own` and `vector` take off; of `contrast` what is B's */
    const float *other;   /* o [m]; NULL: no effects (NaN) */
    /* [IMR_CHANGE_COUNT]; NULL, or without samples: no background z (NaN), hub counts 0. */
    const imr_background *background;
} imr_word_subject;

typedef struct imr_word_settings {
    const imr_change_kind *kinds; /* [n_kinds], of every subject */
    size_t n_kinds;
    imr_token_order order;
    size_t words; /* at most so many on either side */
} imr_word_settings;

/*
 * out[subjects][IMR_CHANGE_COUNT]: the lists of the named kinds; others are left alone, as are
 * common_part and every word's `where`. Positive: values above 0, largest first; negative: below 0,
 * smallest first; the value is what the order names; equal values by id. Hidden words are not
 * listed.
 * Errors: IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_word_lists(imr_word_list (*out)[IMR_CHANGE_COUNT], const imr_lens *lens,
                          const imr_word_subject *subjects, size_t n_subjects,
                          const imr_word_settings *settings, imr_arena *arena,
                          const imr_progress *progress, imr_error *err);
