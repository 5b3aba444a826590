#include "session/document_cache.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "text/utf8.h"

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

imr_status imr_token_set(uint32_t **ids, size_t *n, const imr_encoder *tokeniser, const char *text,
                         size_t len, imr_error *err)
{
    imr_tokens tokens = {0};
    IMR_TRY(imr_encoder_tokenize(tokeniser, text, len, false, &tokens, err));
    uint32_t *set = IMR_NEW_ARRAY(uint32_t, tokens.n);
    if (!set) {
        imr_tokens_done(&tokens);
        return imr_fail_memory(err);
    }
    size_t kept = 0;
    for (size_t i = 0; i < tokens.n; i++)
        if (tokens.v[i].id < imr_encoder_token_count(tokeniser))
            set[kept++] = tokens.v[i].id;
    imr_tokens_done(&tokens);
    qsort(set, kept, sizeof *set, by_id);
    size_t distinct = 0;
    for (size_t i = 0; i < kept; i++)
        if (i == 0 || set[i] != set[i - 1])
            set[distinct++] = set[i];
    *ids = set;
    *n = distinct;
    return IMR_OK;
}

imr_status imr_document_cache_init(imr_document_cache *out, const imr_cache *cache,
                                   const imr_encoder *tokeniser, imr_error *err)
{
    imr_document_cache c = {.cache = cache, .tokeniser = tokeniser};
    c.entries = IMR_NEW_ARRAY(imr_document_entry *, imr_cache_documents(cache));
    c.arena = imr_arena_new();
    if (!c.entries || !c.arena) {
        imr_document_cache_done(&c);
        return imr_fail_memory(err);
    }
    *out = c;
    return IMR_OK;
}

void imr_document_cache_done(imr_document_cache *c)
{
    imr_arena_free(c->arena);
    imr_free(c->entries);
    *c = (imr_document_cache){0};
}

imr_status imr_document_cache_trim(imr_document_cache *c, imr_error *err)
{
    if (c->bytes < IMR_DOCUMENT_CACHE_BYTES)
        return IMR_OK;
    imr_arena *fresh = imr_arena_new();
    if (!fresh)
        return imr_fail_memory(err);
    imr_arena_free(c->arena);
    c->arena = fresh;
    c->bytes = 0;
    memset(c->entries, 0, imr_cache_documents(c->cache) * sizeof *c->entries);
    return IMR_OK;
}

static imr_status make(imr_document_cache *c, size_t document, imr_document_entry **out,
                       imr_error *err)
{
    IMR_AUTOBUF imr_buf title = {0}, text = {0}, clean = {0}, whole = {0};
    IMR_TRY(imr_cache_document(c->cache, document, &title, &text, err));
    IMR_TRY(imr_buf_check(&text, err));
    imr_utf8_clean(&clean, imr_buf_text(&title), title.len, IMR_CLEAN_LINE);
    IMR_TRY(imr_buf_check(&clean, err));
    imr_document_entry *e = IMR_ARENA_ARRAY(c->arena, imr_document_entry, 1);
    if (!e || !(e->title = imr_arena_strndup(c->arena, imr_buf_text(&clean), clean.len)))
        return imr_fail_memory(err);
    if (c->tokeniser) {
        IMR_AUTOFREE uint32_t *ids = NULL;
        imr_document_text(&whole, imr_buf_text(&title), title.len, imr_buf_text(&text), text.len);
        IMR_TRY(imr_buf_check(&whole, err));
        IMR_TRY(imr_token_set(&ids, &e->n_ids, c->tokeniser, imr_buf_text(&whole), whole.len, err));
        e->ids = IMR_ARENA_ARRAY(c->arena, uint32_t, e->n_ids);
        if (!e->ids)
            return imr_fail_memory(err);
        memcpy(e->ids, ids, e->n_ids * sizeof *ids);
    }
    c->bytes += sizeof *e + clean.len + e->n_ids * sizeof *e->ids;
    *out = e;
    return IMR_OK;
}

imr_status imr_document_cache_get(imr_document_cache *c, size_t document,
                                  const imr_document_entry **out, imr_error *err)
{
    if (!c->entries[document]) {
        imr_document_entry *made = NULL;
        IMR_TRY(make(c, document, &made, err));
        c->entries[document] = made;
    }
    *out = c->entries[document];
    return IMR_OK;
}
