/*
 * session/titles.h - titles of documents that were among some query's candidates.
 *
 * Reading a hundred documents a key press would be most of its time; neighbouring queries share
 * most of theirs. Titles are read on demand and dropped all at once when they hold more than
 * IMR_TITLES_BYTES. One thread at a time.
 */
#ifndef IMR_SESSION_TITLES_H
#define IMR_SESSION_TITLES_H

#include "base/arena.h"
#include "base/strmap.h"
#include "retrieval/cache.h"

#define IMR_TITLES_BYTES ((size_t)16 << 20)

typedef struct imr_titles {
    const imr_cache *cache; /* borrowed */
    imr_arena *arena;
    imr_strmap places; /* by the four bytes of a row */
    struct {
        const char **v;
        size_t n, cap;
    } titles;
    size_t bytes;
} imr_titles;

imr_status imr_titles_init(imr_titles *out, const imr_cache *cache, imr_error *err) IMR_NODISCARD;
void imr_titles_done(imr_titles *t);

/* Drops everything when it has grown too big. Call between queries: titles handed out before are
 * gone. */
imr_status imr_titles_trim(imr_titles *t, imr_error *err) IMR_NODISCARD;

/* Sanitised, one line, "" without one; valid until the next trim. */
imr_status imr_titles_get(imr_titles *t, uint32_t row, const char **out,
                          imr_error *err) IMR_NODISCARD;

#endif
