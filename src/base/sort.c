#include "base/sort.h"

#include <stdint.h>

#define RUN 8 /* items sorted by insertion */

static void insert_run(uint8_t *v, uint8_t *spare, size_t n, size_t size,
                       int (*compare)(const void *, const void *))
{
    for (size_t i = 1; i < n; i++) {
        size_t at = i;
        while (at && compare(v + (at - 1) * size, v + i * size) > 0)
            at--;
        if (at == i)
            continue;
        memcpy(spare, v + i * size, size);
        memmove(v + (at + 1) * size, v + at * size, (i - at) * size);
        memcpy(v + at * size, spare, size);
    }
}

/* [a, b) and [b, end), both sorted, into out. */
static void merge(uint8_t *out, const uint8_t *a, const uint8_t *b, const uint8_t *end, size_t size,
                  int (*compare)(const void *, const void *))
{
    const uint8_t *middle = b;
    if (a < middle && b < end && compare(b - size, b) <= 0) { /* in order as they are */
        memcpy(out, a, (size_t)(end - a));
        return;
    }
    while (a < middle && b < end) {
        const uint8_t **from = compare(a, b) <= 0 ? &a : &b;
        memcpy(out, *from, size);
        *from += size;
        out += size;
    }
    memcpy(out, a, (size_t)(middle - a));
    memcpy(out + (middle - a), b, (size_t)(end - b));
}

void imr_sort(void *items, void *spare, size_t n, size_t size,
              int (*compare)(const void *a, const void *b))
{
    uint8_t *from = items, *to = spare;
    for (size_t i = 0; i < n; i += RUN)
        insert_run(from + i * size, to, n - i < RUN ? n - i : RUN, size, compare);
    for (size_t run = RUN; run < n; run *= 2) {
        for (size_t i = 0; i < n; i += 2 * run) {
            size_t middle = n - i < run ? n : i + run, end = n - i < 2 * run ? n : i + 2 * run;
            merge(to + i * size, from + i * size, from + middle * size, from + end * size, size,
                  compare);
        }
        uint8_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, n * size);
}

int imr_by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
