/*
 * session/context_table.h - the table `context` (explain/context.h) of a cache, kept beside it.
 *
 *   DIR/tokens/<sha256 of the encoder>.context
 *       1. a line of 256 bytes: imrnn-context 1 <encoder> <source> documents words n heard held own
 *          bytes, filled up with spaces
 *       2. f32 [words, n] rows; u32 [words] documents, [words] occurrences, [held] documents,
 *          [held + 1] starts, [own] rows
 *       3. f16 [words, n] rows without the held documents, NaN where there is none; the words, each
 *          ended by a zero byte
 *       4. the sha256 of all that, in hexadecimal
 *
 * <source> is the sha256 of the corpus' sha256, a newline and the prefix of its texts. A file is
 * believed when its last line is right and encoder, source and number of documents are those of the
 * cache; otherwise it is as if it were not there. Written whole or not at all: a build that was
 * killed is made again. Deleting it loses nothing but time.
 */
#pragma once

#include "explain/context.h"
#include "retrieval/cache.h"

/* What a table is of. */
typedef struct imr_context_source {
    const char *encoder_sha256, *corpus_sha256, *prefix;
    size_t documents, n;
} imr_context_source;

/* Keeps a table that was made. A folder that cannot be written is no error: then *unkept, else
 * untouched, has the bytes of the file. */
imr_status imr_context_table_keep(imr_buf *unkept, const char *dir,
                                  const imr_context_source *source, const imr_context_table *table,
                                  imr_error *err);
/* From the cache's folder, else from bytes that could not be kept (may be NULL; they must outlive
 * it). *found is false where there is nothing that can be believed. */
imr_status imr_context_table_find(imr_context_table *out, bool *found, const char *dir,
                                  const imr_buf *unkept, const imr_context_source *source,
                                  imr_error *err);

/* A document as it was encoded, prefix and all, in the place of what out held. */
imr_status imr_context_text(imr_buf *out, const imr_cache *cache, size_t document, imr_error *err);

/* ---- making one from a cache that has texts ---- */

typedef struct imr_context_making imr_context_making;

/* Borrows cache and encoder. IMR_E_UNSUPPORTED as imr_context_new; IMR_E_NOT_FOUND without
 * texts. */
imr_status imr_context_making_new(imr_context_making **out, const imr_cache *cache,
                                  const imr_encoder *encoder, imr_error *err);
void imr_context_making_free(imr_context_making *m); /* NULL is fine */
IMR_FREE_AT(imr_context_making, imr_context_making_free)
/* Goes on until all is read, or progress says stop: IMR_E_CANCELLED, and the next call goes on from
 * there, at most a few documents behind. After another error it is to be freed. */
imr_status imr_context_making_run(imr_context_making *m, imr_context_table *out,
                                  const imr_progress *progress, imr_error *err);
