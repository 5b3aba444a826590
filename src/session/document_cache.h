/*
 * session/document_cache.h - titles and token sets of documents that were among some query's
 * candidates.
 *
 * Reading and tokenising a hundred documents a key press would be most of its time; neighbouring
 * queries share most of theirs. Entries are made on demand and dropped all at once when they hold
 * more than IMR_DOCUMENT_CACHE_BYTES. One thread at a time.
 */
#ifndef IMR_SESSION_DOCUMENT_CACHE_H
#define IMR_SESSION_DOCUMENT_CACHE_H

#include <stdint.h>

#include "encoder/encoder.h"
#include "retrieval/cache.h"

#define IMR_DOCUMENT_CACHE_BYTES ((size_t)64 << 20)

typedef struct imr_document_entry {
    uint32_t document;
    const char *title; /* sanitised, one line; "" without one */
    uint32_t *ids;     /* token ids, ascending, each once; under the token table's numbering */
    size_t n_ids;
} imr_document_entry;

typedef struct imr_document_cache {
    const imr_cache *cache;       /* borrowed */
    const imr_encoder *tokeniser; /* borrowed; NULL: no token sets */
    struct imr_arena *arena;
    imr_document_entry **slots; /* [capacity], a power of two: a table hashed by document */
    size_t capacity, used, bytes;
} imr_document_cache;

imr_status imr_document_cache_init(imr_document_cache *out, const imr_cache *cache,
                                   const imr_encoder *tokeniser, imr_error *err) IMR_NODISCARD;
void imr_document_cache_done(imr_document_cache *c);

/* Drops everything when it has grown too big. Call between queries: entries handed out before are
 * gone. */
imr_status imr_document_cache_trim(imr_document_cache *c, imr_error *err) IMR_NODISCARD;

/* The entry of a document; valid until the next trim. */
imr_status imr_document_cache_get(imr_document_cache *c, size_t document,
                                  const imr_document_entry **out, imr_error *err) IMR_NODISCARD;

/* Token ids of a text, ascending, each once: what occurrence is looked up in. ids is the caller's.
 */
imr_status imr_token_set(uint32_t **ids, size_t *n, const imr_encoder *tokeniser, const char *text,
                         size_t len, imr_error *err) IMR_NODISCARD;

#endif
