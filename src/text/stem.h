/*
 * text/stem.h - English stems (Snowball "english", Porter 2), for BM25 when asked.
 *
 * A stemmer has state: one a thread.
 */
#ifndef IMR_TEXT_STEM_H
#define IMR_TEXT_STEM_H

#include <stddef.h>

#include "base/error.h"

typedef struct imr_stemmer imr_stemmer;

imr_status imr_stemmer_new(imr_stemmer **out, imr_error *err) IMR_NODISCARD;
void imr_stemmer_free(imr_stemmer *s); /* NULL is fine */

/* The stem of a lower-case word in UTF-8. Borrowed until the next call; *stem_len bytes, not
 * terminated by a zero. A word longer than IMR_MAX_ID_BYTES is returned as it is. NULL when memory
 * ran out. */
const char *imr_stem(imr_stemmer *s, const char *word, size_t len, size_t *stem_len);

#endif
