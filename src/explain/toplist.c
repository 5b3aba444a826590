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
#define CHUNK ((size_t)32)

/* The first chunk, of `n` whole ones, with a value outside; n when there is none. */
IMR_CPU_CLONES
static size_t skip(const float *values, size_t n, float low, float high)
{
    for (size_t c = 0; c < n; c++) {
        int any = 0;
#pragma omp simd reduction(| : any)
        for (size_t i = 0; i < CHUNK; i++)
            any |= (values[c * CHUNK + i] > high) | (values[c * CHUNK + i] < low);
        if (any)
            return c;
    }
    return n;
}

void imr_toplist_scan(imr_toplist *largest, imr_toplist *smallest, const float *values,
                      const uint8_t *hidden, size_t first, size_t n)
{
    if (largest->k == 0)
        return;
    float high = bar(largest), low = -bar(smallest);
    for (size_t start = 0; start < n; start += CHUNK) {
        start += CHUNK * skip(values + start, (n - start) / CHUNK, low, high);
        const size_t end = n - start < CHUNK ? n : start + CHUNK;
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

static int ahead(const imr_top *a, const imr_top *b)
{
    return a->size > b->size || (!(a->size < b->size) && a->id < b->id);
}

void imr_toplist_join(imr_toplist *out, imr_toplist *parts, size_t n, size_t stride)
{
    for (out->n = 0; out->n < out->k; out->n++) {
        imr_toplist *best = NULL;
        for (size_t i = 0; i < n; i++) {
            imr_toplist *part = &parts[i * stride];
            if (part->n && (!best || ahead(part->v, best->v)))
                best = part;
        }
        if (!best)
            return;
        out->v[out->n] = *best->v++;
        best->n--;
    }
}
