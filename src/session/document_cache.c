#include "session/document_cache.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "text/utf8.h"

enum { FIRST_CAPACITY = 1024 };

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
    c.capacity = FIRST_CAPACITY;
    c.slots = IMR_NEW_ARRAY(imr_document_entry *, c.capacity);
    c.arena = imr_arena_new();
    if (!c.slots || !c.arena) {
        imr_document_cache_done(&c);
        return imr_fail_memory(err);
    }
    *out = c;
    return IMR_OK;
}

void imr_document_cache_done(imr_document_cache *c)
{
    imr_arena_free(c->arena);
    imr_free(c->slots);
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
    c->bytes = c->used = 0;
    memset(c->slots, 0, c->capacity * sizeof *c->slots);
    return IMR_OK;
}

/* The slot of a document: its own, or the empty one where it belongs. */
static imr_document_entry **slot_of(imr_document_entry **slots, size_t capacity, uint32_t document)
{
    size_t at = (document * UINT32_C(2654435761)) >> 7 & (capacity - 1);
    while (slots[at] && slots[at]->document != document)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

/* At most half of the slots are taken. */
static imr_status make_room(imr_document_cache *c, imr_error *err)
{
    if (2 * (c->used + 1) <= c->capacity)
        return IMR_OK;
    imr_document_entry **grown = IMR_NEW_ARRAY(imr_document_entry *, 2 * c->capacity);
    if (!grown)
        return imr_fail_memory(err);
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i])
            *slot_of(grown, 2 * c->capacity, c->slots[i]->document) = c->slots[i];
    imr_free(c->slots);
    c->slots = grown;
    c->capacity *= 2;
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
    e->document = (uint32_t)document;
    c->bytes += sizeof *e + clean.len + e->n_ids * sizeof *e->ids;
    *out = e;
    return IMR_OK;
}

imr_status imr_document_cache_get(imr_document_cache *c, size_t document,
                                  const imr_document_entry **out, imr_error *err)
{
    imr_document_entry *entry = *slot_of(c->slots, c->capacity, (uint32_t)document);
    if (!entry) {
        IMR_TRY(make_room(c, err));
        IMR_TRY(make(c, document, &entry, err));
        *slot_of(c->slots, c->capacity, entry->document) = entry;
        c->used++;
    }
    *out = entry;
    return IMR_OK;
}
