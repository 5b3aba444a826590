#include "explain/toplist.h"

#include "math/sieve.h"

/* The size that enters a list: 0 while there is room, then what may not be far below the k-th. */
static float bar(const imr_toplist *list)
{
    const float size = list->n < list->k ? 0 : list->v[list->k - 1].size - list->slack;
    return size > 0 ? size : 0;
}

static void insert(imr_toplist *list, float size, uint32_t id)
{
    const size_t room = list->k + list->spare;
    list->crowded |= list->n == room && list->slack > 0;
    size_t at = list->n < room ? list->n++ : list->n - 1;
    for (; at > 0 && size > list->v[at - 1].size; at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = (imr_top){size, id};
    for (const float least = bar(list); list->n > list->k && list->v[list->n - 1].size < least;)
        list->n--;
}

/* Values looked at together: nearly always none of them enters a list. */
#define CHUNK ((size_t)128)

void imr_toplist_scan(imr_toplist *largest, imr_toplist *smallest, const float *values,
                      const uint8_t *hidden, size_t first, size_t n)
{
    if (largest->k == 0)
        return;
    const imr_sieve *sieve = imr_sieve_at(0);
    float high = bar(largest), low = -bar(smallest);
    for (size_t start = 0; start < n; start += CHUNK) {
        uint32_t at[CHUNK];
        const size_t count = n - start < CHUNK ? n - start : CHUNK;
        const size_t found = sieve->outside(at, values + start, count, low, high);
        for (size_t i = 0; i < found; i++) {
            const uint32_t id = (uint32_t)(first + start + at[i]);
            const float value = values[start + at[i]];
            if (hidden && hidden[id])
                continue;
            if (value > high) { /* still: the bars rise */
                insert(largest, value, id);
                high = bar(largest);
            } else if (value < low) {
                insert(smallest, -value, id);
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
    const size_t room = out->k + out->spare;
    out->crowded = false;
    for (size_t i = 0; i < n; i++)
        out->crowded |= parts[i * stride].crowded;
    for (out->n = 0; out->k; out->n++) {
        imr_toplist *best = NULL;
        for (size_t i = 0; i < n; i++) {
            imr_toplist *part = &parts[i * stride];
            if (part->n && (!best || ahead(part->v, best->v)))
                best = part;
        }
        if (!best || (out->n >= out->k && best->v->size < bar(out)))
            return;
        if (out->n == room) {
            out->crowded |= out->slack > 0;
            return;
        }
        out->v[out->n] = *best->v++;
        best->n--;
    }
}

bool imr_toplist_certain(const imr_toplist *list)
{
    return !list->crowded && list->n >= list->k && bar(list) > 0;
}
