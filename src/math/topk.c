#include "math/topk.h"

#include <assert.h>

#include "base/mem.h"

/* ---- places ---- */

typedef struct id_item {
    const char *id;
    uint32_t index;
} id_item;

/* Of equal ids the one with the larger index first. */
static int by_id(const void *a, const void *b)
{
    const id_item *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : (x->index < y->index) - (x->index > y->index);
}

imr_status imr_topk_places(uint32_t *places, const char *const *ids, size_t n, imr_error *err)
{
    assert(n <= UINT32_MAX);
    IMR_AUTOFREE id_item *items = imr_alloc(n, sizeof *items);
    IMR_NEED(items, err);
    for (size_t i = 0; i < n; i++)
        items[i] = (id_item){ids[i], (uint32_t)i};
    if (n > 1)
        qsort(items, n, sizeof *items, by_id);
    for (size_t i = 0; i < n; i++)
        places[items[i].index] = (uint32_t)i;
    return IMR_OK;
}

/* ---- the best ---- */

/* Heap with the worst of the kept at the top. */
static void sift_down(uint32_t *heap, size_t n, size_t at, const float *scores,
                      const uint32_t *places)
{
    uint32_t moving = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && imr_topk_before(scores, places, heap[child], heap[child + 1]))
            child++;
        if (!imr_topk_before(scores, places, moving, heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

void imr_topk_sort(uint32_t *out, size_t n, const float *scores, const uint32_t *places)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(out, n, i, scores, places);
    for (size_t left = n; left > 1; left--) {
        uint32_t worst = out[0];
        out[0] = out[left - 1];
        out[left - 1] = worst;
        sift_down(out, left - 1, 0, scores, places);
    }
}

size_t imr_topk(uint32_t *out, size_t k, const float *scores, size_t n, const uint32_t *places)
{
    assert(n <= UINT32_MAX);
    if (k > n)
        k = n;
    if (k == 0)
        return 0;
    for (size_t i = 0; i < k; i++)
        out[i] = (uint32_t)i;
    for (size_t i = k / 2; i-- > 0;)
        sift_down(out, k, i, scores, places);
    for (size_t i = k; i < n; i++) {
        if (scores[i] < scores[out[0]]) /* nearly every document of a large corpus */
            continue;
        if (imr_topk_before(scores, places, (uint32_t)i, out[0])) {
            out[0] = (uint32_t)i;
            sift_down(out, k, 0, scores, places);
        }
    }
    imr_topk_sort(out, k, scores, places);
    return k;
}
