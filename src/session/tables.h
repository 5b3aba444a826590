/*
 * session/tables.h - the token tables there are for a session, and how well its corpus can be read
 * in each (method.md section 4).
 *
 *   context   kept beside the cache, or made (session/context_table.h); centred
 *   encoded   kept beside the cache, or made (session/encoded_table.h); less the mean of its rows
 *   input     the encoder's word embeddings, as they are
 *   a folder  the rows of a static-embedding folder, as they are
 *
 * Quality is measured on texts that `context` left out for it, in every table on the same ones;
 * where there is no such table on a seeded sample. What was measured is kept:
 *
 *   DIR/tokens/lens   a line each: <key> precision chance rank texts rows, the first three in
 *                     millionths
 *
 * <key> is the sha256 of the names and hashes it depends on: table, its encoder, corpus, prefix,
 * number of documents, adapter. For src/session only.
 */
#ifndef IMR_SESSION_TABLES_H
#define IMR_SESSION_TABLES_H

#include "base/arena.h"
#include "explain/lens_quality.h"
#include "session/context_table.h"
#include "session/encoded_table.h"
#include "session/session.h"

/* A table and what stands behind it. */
typedef struct imr_table {
    const char *name; /* static, or the folder as it was named */
    imr_view rows;
    const char **texts; /* sanitised */
    uint8_t *special;
    float *centre; /* NULL: none */
    imr_context_table context;
    imr_encoded_table encoded;
    imr_encoder *own;             /* a folder's */
    const imr_encoder *tokeniser; /* whose ids the rows are; NULL: context */
    imr_arena *arena;
} imr_table;

void imr_table_done(imr_table *t); /* {0} is fine */

/* "context", "encoded", "input" */
extern const char *const imr_table_names[IMR_TABLES];

/* What the table `context` of the session's cache is of. */
imr_context_source imr_session_context(const imr_session *s);

/*
 * Opens a table by name ("context", "encoded", "input", else a folder). *found is false where there
 * is none at hand: context and encoded are then not kept (make: encoded is made), input is of
 * another width. A static encoder's context is made at once.
 * Errors: those of making and of folders.
 */
imr_status imr_table_open(imr_table *out, bool *found, imr_session *s, const char *name, bool make,
                          const imr_progress *progress, imr_error *err) IMR_NODISCARD;
/* The kept measurement of a table, and its rows; rows 0: none is kept, or not the table. Quick: the
 * table is not read. */
imr_status imr_table_recall(imr_table_lens *out, const imr_session *s, const char *name,
                            imr_error *err) IMR_NODISCARD;
/* Measures and keeps it. heard: the table `context`, whose left out texts are taken; NULL: none.
 * NaN without texts. */
imr_status imr_table_measure(imr_lens_quality *out, const imr_session *s, const imr_table *t,
                             const imr_context_table *heard, const imr_progress *progress,
                             imr_error *err) IMR_NODISCARD;

#endif
