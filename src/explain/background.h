/*
 * explain/background.h - how often a token shows up anyway: the trust columns.
 *
 * Cosines between high-dimensional vectors breed hub tokens. Over the changes of a fixed seeded
 * sample of cached queries (or documents), given by the caller, every token gets (method.md
 * section 4)
 *
 *     mu_t, sigma_t   mean and standard deviation (divisor S-1) of its cosine
 *     background z    (cosine_t - mu_t)/sigma_t, 0 where sigma_t is 0
 *     hub count       in how many sampled changes it is among the 20 shown tokens with the largest
 *                     cosine (or, for a token listed as negative, the most negative cosine)
 *
 * Significance: two-sided normal p of the background z, Benjamini-Hochberg over the shown tokens.
 *
 * Precision: sums in double.
 * Memory: 16 bytes a token.
 * Threads: const after init.
 */
#pragma once

#include "explain/lens.h"

#define IMR_HUB_LIST           20   /* top tokens of a sampled change that count as shown there */
#define IMR_SIGNIFICANCE_LEVEL 0.05 /* false discovery rate */

typedef struct imr_background {
    size_t tokens, samples;
    float *mean, *inverse_sd;     /* [V] mu_t; 1/sigma_t, 0 where sigma_t is 0 */
    uint32_t *hub_high, *hub_low; /* [V] counts on the positive and the negative side */
} imr_background;

/* deltas [S,m], of one kind and one side. Errors: IMR_E_SHAPE when S < 2 or m differs,
 * IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_background_init(imr_background *out, const imr_lens *lens, imr_view deltas,
                               const imr_progress *progress, imr_error *err);
void imr_background_done(imr_background *b); /* {0} is fine */

static inline double imr_background_z(const imr_background *b, uint32_t token, double cosine)
{
    return (cosine - (double)b->mean[token]) * (double)b->inverse_sd[token];
}

/* P(|Z| >= z) of a standard normal Z; and the z >= 0 for which it is p, p in [1e-300, 1]. */
double imr_normal_two_sided(double z);
double imr_normal_two_sided_inverse(double p);

/*
 * The smallest |background z| that Benjamini-Hochberg at `level` calls significant among the tokens
 * with hidden 0 (hidden NULL: all), given their cosines [V]; infinity when none is. level < 1.
 * Exact: with M tokens, the largest k for which k tokens have p <= level k/M. z is compared in
 * float32, as (float)|z| >= result. scratch [V].
 */
double imr_background_threshold(const imr_background *b, const float *cosines,
                                const uint8_t *hidden, double level, float *scratch);
