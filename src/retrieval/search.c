#include "retrieval/search.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
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

/* The first chosen one that stands behind document i. */
static size_t first_behind(const chosen *c, uint32_t i)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (imr_topk_before(c->scores, c->places, i, c->document[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum { CHUNK = 128 }; /* scores looked at together */

/* above[i] = how many chosen ones have a higher score; all lanes bisect in step. Returns whether
 * some score ties with a chosen one or either is no number, for which the rule is to be asked. */
IMR_CPU_CLONES
static int count_above(uint32_t *above, const chosen *c, const float *scores, size_t n)
{
    const float *bar = c->score;
    int unsure = 0;
    for (size_t i = 0; i < n; i++)
        above[i] = 0;
    for (uint32_t half = (uint32_t)c->reach / 2; half > 0; half /= 2) {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            above[i] += bar[above[i] + half - 1] > scores[i] ? half : 0;
    }
#pragma omp simd reduction(| : unsure)
    for (size_t i = 0; i < n; i++)
        unsure |= !(bar[above[i]] < scores[i]);
    return unsure;
}

/* before[k]: how many of the documents [first, first+n) have k as the first chosen one behind
 * them. */
static void count_block(uint32_t *before, const chosen *c, size_t first, size_t n)
{
    const float lowest = c->score[c->count - 1];
    for (size_t at = first; at < first + n; at += CHUNK) {
        const size_t left = first + n - at, size = left < CHUNK ? left : CHUNK;
        if (!imr_topk_any_reaches(c->scores + at, size, lowest) && !isnan(lowest))
            continue; /* behind all of them, NaN included: counted nowhere */
        uint32_t above[CHUNK];
        const int unsure = count_above(above, c, c->scores + at, size);
        for (size_t i = 0; i < size; i++) {
            const size_t k = above[i];
            const bool ask = unsure && !(c->score[k] < c->scores[at + i]);
            before[ask ? first_behind(c, (uint32_t)(at + i)) : k]++;
        }
    }
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
    enum { PART = 8192 };
    IMR_CLEANUP(chosen_done)
    chosen c = {.count = count, .scores = scores, .places = places};
    const size_t threads = imr_team_most(), stride = (count + 1 + 15) / 16 * 16;
    IMR_TRY(choose(&c, documents, err));
    IMR_AUTOFREE uint32_t *before = imr_alloc_aligned(threads, stride * sizeof *before);
    IMR_NEED(before, err);
    if (count == 0)
        return IMR_OK;
    const size_t parts = (n + PART - 1) / PART;
#pragma omp parallel for schedule(dynamic) if (n >= PARALLEL_FROM)
    for (size_t p = 0; p < parts; p++) {
        const size_t first = p * PART, size = n - first < PART ? n - first : PART;
        count_block(before + imr_team_member() * stride, &c, first, size);
    }
    for (size_t t = 1; t < threads; t++)
        for (size_t k = 0; k < count; k++)
            before[k] += before[t * stride + k];
    for (size_t k = 1; k < count; k++)
        before[k] += before[k - 1];
    for (size_t j = 0; j < count; j++) {
        const size_t behind = first_behind(&c, documents[j]); /* itself stands right before */
        assert(behind > 0);
        ranks[j] = before[behind - 1] + 1;
    }
    return IMR_OK;
}
