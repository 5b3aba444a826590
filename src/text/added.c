#include "text/added.h"

#include <string.h>

#include "base/array.h"
#include "base/mem.h"

void imr_added_done(imr_added *a)
{
    imr_strmap_done(&a->by_text);
    imr_free(a->lengths);
    *a = (imr_added){0};
}

imr_status imr_added_put(imr_added *a, const char *text, size_t len, uint32_t index, imr_error *err)
{
    if (!imr_strmap_add(&a->by_text, text, len, index, NULL, NULL))
        return imr_fail_memory(err);
    a->first[(unsigned char)text[0]] = true;
    size_t at = 0;
    while (at < a->n && a->lengths[at] > len)
        at++;
    if (at < a->n && a->lengths[at] == len)
        return IMR_OK;
    if (!imr_array_grow(&a->lengths, a->n, &a->cap, 1, sizeof *a->lengths))
        return imr_fail_memory(err);
    memmove(a->lengths + at + 1, a->lengths + at, (a->n - at) * sizeof *a->lengths);
    a->lengths[at] = (uint32_t)len;
    a->n++;
    return IMR_OK;
}

bool imr_added_find(const imr_added *a, const char *text, size_t len, size_t from, size_t *start,
                    size_t *end, uint32_t *index)
{
    if (!a->n)
        return false;
    for (size_t pos = from; pos < len; pos++) {
        if (!a->first[(unsigned char)text[pos]])
            continue;
        for (size_t i = 0; i < a->n; i++) {
            size_t n = a->lengths[i];
            if (n <= len - pos && imr_strmap_get(&a->by_text, text + pos, n, index)) {
                *start = pos;
                *end = pos + n;
                return true;
            }
        }
    }
    return false;
}
