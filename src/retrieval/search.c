#include "retrieval/search.h"

#include <math.h>

#include "base/mem.h"
#include "math/scan.h"
#include "math/topk.h"

/* Below this many multiplications a second thread costs more than it saves. */
#define PARALLEL_FROM (1u << 18)
enum { BLOCK = 256 }; /* documents a thread takes at a time */

/* ---- scores ---- */

static void scale_block(float *scores, const float *scale, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scores[i] *= scale ? scale[i] * by : by;
}

void imr_search_cosines(float *scores, imr_rows documents, const float *query, const float *scale,
                        float by)
{
    const imr_scan_kernels *kernels = imr_scan_at(0);
    const size_t n = documents.rows, blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(dynamic) if (n * documents.cols >= PARALLEL_FROM)
    for (size_t b = 0; b < blocks; b++) {
        const size_t first = b * BLOCK, rows = n - first < BLOCK ? n - first : BLOCK;
        kernels->dots(scores + first, imr_rows_slice(documents, first, rows), query);
        if (scale || by != 1)
            scale_block(scores + first, scale ? scale + first : NULL, by, rows);
    }
}

/* ---- ranks ---- */

/* The chosen documents in order, best first, with their scores. */
typedef struct chosen {
    uint32_t *document;
    float *score;        /* [steps' reach]: behind the last one minus infinity */
    size_t count, reach; /* reach: a power of two above count */
    const float *scores; /* of all */
    const uint32_t *places;
} chosen;

/* The first chosen one that stands behind document i, by its score; by the rule where it ties with
 * one or either is no number. */
static size_t first_behind(const chosen *c, uint32_t i)
{
    const float score = c->scores[i];
    size_t low = 0, high = c->count;
    for (size_t half = c->reach / 2; half > 0; half /= 2)
        low += c->score[low + half - 1] > score ? half : 0;
    if (c->score[low] < score)
        return low;
    for (low = 0; low < high;) {
        const size_t middle = (low + high) / 2;
        const bool before = imr_topk_before(c->scores, c->places, i, c->document[middle]);
        high = before ? middle : high;
        low = before ? low : middle + 1;
    }
    return low;
}

static imr_status choose(chosen *c, const uint32_t *documents, imr_error *err)
{
    c->reach = 1;
    while (c->reach <= c->count)
        c->reach *= 2;
    c->document = IMR_NEW_ARRAY(uint32_t, c->count);
    c->score = IMR_NEW_ARRAY(float, c->reach);
    IMR_NEED(c->document && c->score, err);
    if (c->count)
        memcpy(c->document, documents, c->count * sizeof *documents);
    imr_topk_sort(c->document, c->count, c->scores, c->places);
    for (size_t i = 0; i < c->reach; i++)
        c->score[i] = i < c->count ? c->scores[c->document[i]] : -INFINITY;
    return IMR_OK;
}

static void chosen_done(chosen *c)
{
    IMR_FREE(c->document, c->score);
}

/* Each document falls, by bisection, behind some of the chosen ones; a chosen one's rank is how
 * many fell before it. */
imr_status imr_search_ranks(uint32_t *ranks, const uint32_t *documents, size_t count,
                            const float *scores, size_t n, const uint32_t *places, imr_error *err)
{
    IMR_CLEANUP(chosen_done)
    chosen c = {.count = count, .scores = scores, .places = places};
    IMR_TRY(choose(&c, documents, err));
    IMR_AUTOFREE uint32_t *before = IMR_NEW_ARRAY(uint32_t, count + 1);
    IMR_NEED(before, err);
    const float lowest = count ? c.score[count - 1] : INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!(scores[i] < lowest)) /* others are behind all of them */
            before[first_behind(&c, (uint32_t)i)]++;
    for (size_t k = 1; k < count; k++)
        before[k] += before[k - 1];
    for (size_t j = 0; j < count; j++)
        ranks[j] = before[first_behind(&c, documents[j]) - 1] + 1; /* itself stands right before */
    return IMR_OK;
}
