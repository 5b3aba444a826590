#include "session/titles.h"

#include <string.h>

#include "base/array.h"
#include "base/mem.h"
#include "text/utf8.h"

imr_status imr_titles_init(imr_titles *out, const imr_cache *cache, imr_error *err)
{
    imr_titles t = {.cache = cache, .arena = imr_arena_new()};
    if (!t.arena)
        return imr_fail_memory(err);
    *out = t;
    return IMR_OK;
}

void imr_titles_done(imr_titles *t)
{
    imr_arena_free(t->arena);
    imr_strmap_done(&t->places);
    imr_free(t->titles.v);
    *t = (imr_titles){0};
}

imr_status imr_titles_trim(imr_titles *t, imr_error *err)
{
    if (t->bytes < IMR_TITLES_BYTES)
        return IMR_OK;
    imr_titles fresh;
    IMR_TRY(imr_titles_init(&fresh, t->cache, err));
    imr_titles_done(t);
    *t = fresh;
    return IMR_OK;
}

imr_status imr_titles_get(imr_titles *t, uint32_t row, const char **out, imr_error *err)
{
    uint32_t place;
    if (imr_strmap_get(&t->places, (const char *)&row, sizeof row, &place)) {
        *out = t->titles.v[place];
        return IMR_OK;
    }
    IMR_AUTOBUF imr_buf title = {0}, clean = {0};
    IMR_TRY(imr_cache_document(t->cache, row, &title, NULL, err));
    imr_utf8_clean(&clean, imr_buf_text(&title), title.len, IMR_CLEAN_LINE);
    IMR_TRY(imr_buf_check(&clean, err));
    const char *kept = imr_arena_strndup(t->arena, imr_buf_text(&clean), clean.len);
    const char *key = imr_arena_strndup(t->arena, (const char *)&row, sizeof row);
    if (!kept || !key || !IMR_PUSH(&t->titles, kept))
        return imr_fail_memory(err);
    if (!imr_strmap_add(&t->places, key, sizeof row, (uint32_t)t->titles.n - 1, NULL, NULL))
        return imr_fail_memory(err);
    t->bytes += clean.len + 1 + sizeof(imr_strmap_slot);
    *out = kept;
    return IMR_OK;
}
