/*
 * encoder/word_stream.h - a corpus as one long row of word ids.
 *
 * A word is a piece of BERT's pre-tokeniser (lower-cased, accents stripped, split at white space
 * and around punctuation) that holds at least one letter or digit: punctuation is no word. Words of
 * more than IMR_MAX_WORD_CHARS characters are passed over, as BERT does. Kept are the words found
 * in at least `min_documents` documents; the others leave no gap, so their neighbours become
 * neighbours.
 *
 * Ids: 0 is the most frequent word; equally frequent words stand in byte order.
 */
#ifndef IMR_ENCODER_WORD_STREAM_H
#define IMR_ENCODER_WORD_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/progress.h"

/* Documents by number. `text` gives bytes that stay valid until its next call; any bytes will do
 * (what is not UTF-8 is dropped). */
typedef struct imr_text_source {
    size_t count;
    imr_status (*text)(void *user, size_t i, const char **text, size_t *len, imr_error *err);
    void *user;
} imr_text_source;

#define IMR_DOCUMENT_END UINT32_MAX

typedef struct imr_word_stream {
    size_t words;
    const char **word; /* [words], zero-terminated UTF-8, owned by the arena */
    uint64_t *count;   /* [words], occurrences in the corpus, descending */
    uint64_t total;    /* sum of count */
    uint32_t *id;      /* [length]: starts and ends with IMR_DOCUMENT_END, one between documents */
    size_t length;
    imr_arena *arena;
} imr_word_stream;

/* One pass over the documents, in order. A corpus without any such word gives words 0.
 * Errors: those of source->text, IMR_E_LIMIT (a document over IMR_MAX_TEXT_BYTES, more than 2^32
 * words), both naming the document by its number from 1; IMR_E_MEMORY; IMR_E_CANCELLED. */
imr_status imr_word_stream_init(imr_word_stream *out, const imr_text_source *source,
                                uint32_t min_documents, const imr_progress *progress,
                                imr_error *err) IMR_NODISCARD;
void imr_word_stream_done(imr_word_stream *s); /* {0} is fine */

#endif
