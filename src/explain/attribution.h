/*
 * explain/attribution.h - what a change says, in words.
 *
 * Formula (method.md section 4), for a change delta of x to x' in the working space:
 *
 *     cosine_t      = cos(P+ delta, E_t)
 *     z_t           = cosine_t / sqrt(visibility_t / m)
 *     background z  = (cosine_t - mu_t)/sigma_t                            explain/background.h
 *     effect_t      = (unit(x') - unit(x' - a W_t)) . o ,
 *                     W_t = unit(P E_t) ,  a = W_t . (x' - |x'| unit(x))
 *     alignment     = cos(delta, x')
 *     coverage      = |projection of delta onto span{W_t : t shown}|^2 / |delta|^2
 *
 * o is the other side: unit(q') for a document, which makes effect_t = cos(q',d') -
 * cos(q',d'-aW_t); unit(d') for the query, or the mean of unit(d_i') for the mean effect over
 * documents. A zero change has empty lists, alignment and coverage 0.
 *
 * All cosines of all changes come from one product through the folded table (explain/lens.h): a
 * part of the tokens is multiplied, selected from and judged by one thread before it leaves its
 * caches; the threads' lists are joined by value and id, so that nothing depends on how many there
 * are. It can be cancelled between parts.
 * Ordered by cosine, and where the CPU multiplies bfloat16, the product is one of rounded numbers:
 * whatever it cannot tell from the tokens shown or, being listed, from what is significant, within
 * its bounds, is computed closely, so that lists and marks are those of exact cosines.
 * What is shown is then computed again in double, so the same token has the same number in a list
 * and in imr_attribution_tokens.
 *
 * Threads: inputs are const; the space is the caller's, one a thread. Calls BLAS, then shares the
 * tokens out with OpenMP: not from inside a parallel region. Progress is reported by the caller's
 * thread.
 */
#ifndef IMR_EXPLAIN_ATTRIBUTION_H
#define IMR_EXPLAIN_ATTRIBUTION_H

#include "explain/background.h"
#include "explain/change.h"
#include "explain/lens.h"

/* One text's vector before and after modulation. Everything is borrowed. */
typedef struct imr_shift {
    const float *before, *after;      /* x, x' [m] */
    const float *other;               /* o [m]; NULL: no effects (NaN) */
    const imr_background *background; /* NULL: no background z (NaN), hub counts 0 */
} imr_shift;

typedef enum imr_attribution_order {
    IMR_BY_COSINE,     /* as published */
    IMR_BY_BACKGROUND, /* every shift needs a background */
    IMR_BY_EFFECT      /* every shift needs the other side */
} imr_attribution_order;

typedef struct imr_attribution_settings {
    imr_change_kind kind;
    imr_attribution_order order;
    size_t tokens;    /* at most so many on either side */
    bool with_hidden; /* also list what the table hides by default */
} imr_attribution_settings;

typedef struct imr_token_score {
    uint32_t id;
    float cosine, visibility, z;
    float background_z; /* NaN without a background */
    float effect;       /* NaN without the other side */
    uint32_t hub_count; /* of the side the token is listed on */
    bool significant;   /* Benjamini-Hochberg over the shown vocabulary at 5 % */
} imr_token_score;

/* positive: values above 0, largest first; negative: below 0, smallest first; the value is what the
 * order names; equal values by id. Lists are short when few tokens have that sign. */
typedef struct imr_attribution {
    imr_token_score *positive, *negative;
    size_t n_positive, n_negative;
    double alignment, coverage;
    double length, length_base; /* |delta|, |P+ delta| */
} imr_attribution;

/* Scratch memory, kept from call to call; {0} is empty. For 101 changes and 30,522 tokens 2 MB and
 * 0.3 MB a thread; with a background, 12 MB more of which few pages are used. */
typedef struct imr_attribution_space {
    size_t bytes;
    void *memory;
} imr_attribution_space;
void imr_attribution_space_done(imr_attribution_space *s);

/*
 * out[count]; scores: room for count * 2 * settings->tokens, to which out's lists point.
 * Results of a shift do not depend on the others or on their order.
 * Errors: IMR_E_CANCELLED, IMR_E_MEMORY (only when the space has to grow); out is then untouched,
 * scores may not be.
 */
imr_status imr_attribution_run(imr_attribution *out, imr_token_score *scores, const imr_lens *lens,
                               const imr_shift *shifts, size_t count,
                               const imr_attribution_settings *settings,
                               imr_attribution_space *space, const imr_progress *progress,
                               imr_error *err) IMR_NODISCARD;

/* Scores of the named tokens in one change, listed or not (hub_count: the side of the cosine's
 * sign; significant is false, it takes the whole vocabulary). Errors: IMR_E_MEMORY. */
imr_status imr_attribution_tokens(imr_token_score *out, const uint32_t *ids, size_t n,
                                  const imr_lens *lens, const imr_shift *shift,
                                  imr_change_kind kind, imr_error *err) IMR_NODISCARD;

#endif
