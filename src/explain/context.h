/*
 * explain/context.h - the table `context`: a corpus's own words as its encoder hears them.
 *
 *   row_w = mean over the occurrences of w of (mean over its pieces of h)
 *           - mean over all pieces of h
 *
 * h is the last layer's output for a piece, taken through the weights of Dense modules where there
 * are any; for a static encoder the token's weighted row (method.md section 4). Special tokens,
 * those of a prefix and a static encoder's unknown one are no pieces; punctuation is one. A word is
 * what the pre-tokeniser makes, as the normaliser spells it. It gets a row if it is in enough
 * documents (IMR_CONTEXT_FEW, IMR_CONTEXT_MANY) and has at least two characters, one of them a
 * letter; where more than IMR_CONTEXT_WORDS do, those in most documents.
 *
 * Which documents: all, or a seeded sample of IMR_CONTEXT_DOCUMENTS. Some of them
 * (IMR_CONTEXT_HELD, at most a quarter) are left out while the lens is measured and added
 * afterwards: for the words they hold there is also a row without them.
 *
 * Made in two passes over the documents that are wanted, in any order, each of them once:
 *   imr_context_count    their words, then imr_context_choose;
 *   imr_context_read     and imr_context_hear while they are encoded (imr_encoder_listener). A
 *                        static encoder needs no second pass.
 * Then imr_context_finish.
 *
 * Precision: sums in double, so the order of the documents, which threads decide, can change the
 * last bit of a row.
 * Memory: a double and up to a float for each number of the table.
 * Threads: one call at a time.
 */
#pragma once

#include "base/file.h"
#include "encoder/encoder.h"

#define IMR_CONTEXT_DOCUMENTS 20000u /* sampled at most */
#define IMR_CONTEXT_HELD      200u
#define IMR_CONTEXT_WORDS     32768u
#define IMR_CONTEXT_LARGE     1000u /* documents above which a word must be in */
#define IMR_CONTEXT_MANY      5u    /* so many of them, else in */
#define IMR_CONTEXT_FEW       3u

/* A table, words in the order of their bytes; it lies in one piece, as it is kept. */
typedef struct imr_context_table {
    size_t words, n, heard, held, owned, text_bytes; /* heard, held: documents */
    imr_view rows;                                   /* [words, n] */
    /* [words]: in how many documents it is, and its occurrences */
    const uint32_t *documents, *count;
    /* What a measurement needs: the documents left out, in own[starts[i]..starts[i+1]) the words
     * of the i-th, each once; [held], [held + 1], [owned] */
    const uint32_t *held_documents, *starts, *own;
    const uint16_t *without; /* [words, n] half floats: rows of the others, NaN where none is */
    const char *text;        /* the words, each ended by a zero byte */
    imr_buf made;            /* where it lies, */
    imr_file mapped;         /* or here, or neither */
} imr_context_table;

void imr_context_table_done(imr_context_table *t); /* {0} is fine */
/* The bytes of a table of these sizes; and puts what is in them in its place. */
size_t imr_context_bytes(const imr_context_table *t);
void imr_context_lay_out(imr_context_table *t, const void *bytes);

/* "", or one sentence: why this encoder's corpora have no such table. Static. */
const char *imr_context_problem(const imr_encoder *e);

typedef struct imr_context imr_context;

/* documents: of the collection. prefix_bytes: before each text. IMR_E_UNSUPPORTED: the problem. */
imr_status imr_context_new(imr_context **out, const imr_encoder *e, size_t documents,
                           size_t prefix_bytes, imr_error *err);
void imr_context_free(imr_context *c); /* NULL is fine */
bool imr_context_wants(const imr_context *c, size_t document);

imr_status imr_context_count(imr_context *c, size_t document, const char *text, size_t len,
                             imr_error *err);
imr_status imr_context_choose(imr_context *c, imr_error *err);

/* at: any small number that tells apart the documents that are read and not heard yet. */
imr_status imr_context_read(imr_context *c, size_t at, size_t document, const imr_tokens *tokens,
                            imr_error *err);
void imr_context_hear(imr_context *c, size_t at, imr_view rows);

/* Was every wanted document heard? */
bool imr_context_complete(const imr_context *c);
/* A table without words is one with words 0. */
imr_status imr_context_finish(imr_context_table *out, imr_context *c, imr_error *err);
