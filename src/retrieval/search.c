#include "retrieval/search.h"

#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "math/topk.h"

/* Lanes are summed apart so that the compiler may use vectors without reordering any sum. */
#define LANES 16
/* Below this many multiplications a second thread costs more than it saves. */
#define PARALLEL_FROM (1u << 18)

IMR_CPU_CLONES
static void dot_rows(float *scores, const float *v, size_t rows, size_t cols, size_t stride,
                     const float *query)
{
    size_t whole = cols - cols % LANES;
    for (size_t r = 0; r < rows; r++) {
        const float *d = v + r * stride;
        float lane[LANES] = {0};
        for (size_t j = 0; j < whole; j += LANES)
            for (size_t l = 0; l < LANES; l++)
                lane[l] += d[j + l] * query[j + l];
        float sum = 0;
        for (size_t j = whole; j < cols; j++)
            sum += d[j] * query[j];
        for (size_t l = 0; l < LANES; l++)
            sum += lane[l];
        scores[r] = sum;
    }
}

IMR_CPU_CLONES
static void dot_half_rows(float *scores, const uint16_t *v, size_t rows, size_t cols, size_t stride,
                          const float *query)
{
    size_t whole = cols - cols % LANES;
    for (size_t r = 0; r < rows; r++) {
        const uint16_t *d = v + r * stride;
        float lane[LANES] = {0};
        for (size_t j = 0; j < whole; j += LANES)
            for (size_t l = 0; l < LANES; l++)
                lane[l] += imr_f16_to_f32(d[j + l]) * query[j + l];
        float sum = 0;
        for (size_t j = whole; j < cols; j++)
            sum += imr_f16_to_f32(d[j]) * query[j];
        for (size_t l = 0; l < LANES; l++)
            sum += lane[l];
        scores[r] = sum;
    }
}

void imr_search_scores(float *scores, imr_rows documents, const float *query)
{
    const size_t block = 256;
    size_t blocks = (documents.rows + block - 1) / block;
#pragma omp parallel for schedule(static) if (documents.rows * documents.cols >= PARALLEL_FROM)
    for (size_t b = 0; b < blocks; b++) {
        size_t first = b * block;
        size_t rows = documents.rows - first < block ? documents.rows - first : block;
        const void *from = imr_rows_at(documents, first);
        if (documents.half)
            dot_half_rows(scores + first, from, rows, documents.cols, documents.stride, query);
        else
            dot_rows(scores + first, from, rows, documents.cols, documents.stride, query);
    }
}

/* The chosen documents are put in order; each score then falls, by bisection, behind some of them.
 */
imr_status imr_search_ranks(uint32_t *ranks, const uint32_t *documents, size_t count,
                            const float *scores, size_t n, const uint32_t *places, imr_error *err)
{
    IMR_AUTOFREE uint32_t *sorted = IMR_NEW_ARRAY(uint32_t, count);
    IMR_AUTOFREE uint32_t *before = IMR_NEW_ARRAY(uint32_t, count + 1);
    if (!sorted || !before)
        return imr_fail_memory(err);
    if (count)
        memcpy(sorted, documents, count * sizeof *sorted);
    imr_topk_sort(sorted, count, scores, places);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = count; /* the first chosen one that stands behind i */
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (imr_topk_before(scores, places, (uint32_t)i, sorted[middle]))
                high = middle;
            else
                low = middle + 1;
        }
        before[low]++;
    }
    for (size_t j = 1; j < count; j++)
        before[j] += before[j - 1];
    for (size_t j = 0; j < count; j++) {
        size_t low = 0, high = count;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (imr_topk_before(scores, places, sorted[middle], documents[j]))
                low = middle + 1;
            else
                high = middle;
        }
        ranks[j] = before[low] + 1;
    }
    return IMR_OK;
}
