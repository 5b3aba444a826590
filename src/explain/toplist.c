#include "explain/toplist.h"

#include "base/attr.h"

static void insert(imr_toplist *list, float size, uint32_t id)
{
    size_t at = list->n < list->k ? list->n++ : list->n - 1;
    for (; at > 0 && size > list->v[at - 1].size; at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = (imr_top){size, id};
}

static float bar(const imr_toplist *list)
{
    return list->n == list->k ? list->v[list->n - 1].size : 0;
}

/* Values looked at together: nearly always none of them enters a list. */
#define CHUNK ((size_t)128)

IMR_CPU_CLONES
static int any_outside(const float *values, size_t n, float low, float high)
{
    int any = 0;
#pragma omp simd reduction(| : any)
    for (size_t i = 0; i < n; i++)
        any |= (values[i] > high) | (values[i] < low);
    return any;
}

void imr_toplist_scan(imr_toplist *largest, imr_toplist *smallest, const float *values,
                      const uint8_t *hidden, size_t first, size_t n)
{
    if (largest->k == 0)
        return;
    float high = bar(largest), low = -bar(smallest);
    for (size_t start = 0; start < n; start += CHUNK) {
        const size_t end = n - start < CHUNK ? n : start + CHUNK;
        if (!any_outside(values + start, end - start, low, high))
            continue;
        for (size_t i = start; i < end; i++) {
            const float value = values[i];
            if (!(value > high || value < low) || (hidden && hidden[first + i]))
                continue;
            if (value > high) {
                insert(largest, value, (uint32_t)(first + i));
                high = bar(largest);
            } else {
                insert(smallest, -value, (uint32_t)(first + i));
                low = -bar(smallest);
            }
        }
    }
}
