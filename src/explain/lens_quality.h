/*
 * explain/lens_quality.h - how well a corpus can be read through a lens (method.md section 4).
 *
 * Texts whose own words are known are looked at through the lens: x their base vectors less the
 * mean of them, the shown rows t of the table ordered by cos(P+ P x, E_t).
 *
 *   precision   of the ten nearest rows, or as many as the text has where it has fewer, the part
 *               that is the text's own                                  in [0,1], 1 is perfect
 *   chance      the same of as many random rows: own / shown
 *   rank        percentile rank (rows below + half of the equal ones) / (shown - 1) of the text's
 *               rarer words, those in at most 5 % of the texts          in [0,1], .5 is chance
 *
 * each the mean over a text, then over the texts. Texts without a shown word do not count, nor
 * those without a rarer one in rank.
 */
#ifndef IMR_EXPLAIN_LENS_QUALITY_H
#define IMR_EXPLAIN_LENS_QUALITY_H

#include "explain/lens.h"

typedef struct imr_lens_quality {
    double precision, chance, rank; /* NaN where nothing counted */
    size_t texts;                   /* that counted */
} imr_lens_quality;

/*
 * vectors [S,n]; own[starts[i]..starts[i+1]): the rows of text i's words, each once; hidden ones do
 * not count. Errors: IMR_E_SHAPE, IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_lens_measure(imr_lens_quality *out, const imr_lens *l, imr_view vectors,
                            const uint32_t *starts, const uint32_t *own,
                            const imr_progress *progress, imr_error *err) IMR_NODISCARD;

/* Is it so bad that what is read should not be believed? Below .25 or three times chance, whichever
 * is larger. False where nothing was measured. */
bool imr_lens_is_poor(const imr_lens_quality *q);

#endif
