#include "explain/toplist.h"

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

void imr_toplist_scan(imr_toplist *largest, imr_toplist *smallest, const float *values,
                      const uint8_t *hidden, size_t first, size_t n)
{
    if (largest->k == 0)
        return;
    float high = bar(largest), low = -bar(smallest);
    for (size_t i = 0; i < n; i++) {
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
