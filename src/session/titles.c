/* Titles of documents that were listed, so that the next key need not read them again. */
#include "session/internal.h"
#include "text/utf8.h"

void imr_titles_done(imr_titles *t)
{
    imr_arena_free(t->arena);
    imr_free(t->v);
    *t = (imr_titles){0};
}

imr_status imr_titles_get(struct imr_title *out, imr_titles *t, const imr_cache *cache,
                          uint32_t row, imr_error *err)
{
    if (cache->texts) { /* at hand, and rows are of this query alone */
        const char *title = cache->titles[row], *text = cache->texts[row];
        *out = (struct imr_title){row, title, !*title && !text[strspn(text, " \n")]};
        return IMR_OK;
    }
    if (!t->arena)
        t->arena = imr_arena_new();
    if (!t->v)
        t->v = IMR_NEW_ARRAY(struct imr_title, IMR_TITLES);
    IMR_NEED(t->arena && t->v, err);
    struct imr_title *at = &t->v[row % IMR_TITLES];
    if (!at->text || at->row != row) {
        IMR_AUTOBUF imr_buf title = {0}, body = {0};
        IMR_TRY(imr_cache_document(cache, row, &title, NULL, err));
        IMR_TRY(imr_buf_check(&title, err));
        if (!title.len)
            IMR_TRY(imr_cache_document(cache, row, NULL, &body, err));
        const char *text = imr_line_keep(imr_buf_text(&title), title.len, t->arena);
        IMR_NEED(text, err);
        const char *read = imr_buf_text(&body);
        *at = (struct imr_title){row, text, !title.len && !read[strspn(read, " \n")]};
        t->bytes += strlen(text) + 1;
    }
    *out = *at;
    return IMR_OK;
}
