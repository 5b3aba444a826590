/*
 * explain/token_table.h - the words a change can be told in: E [V,n], one row a token.
 *
 * Rows live in the encoder's space (method.md section 4: the encoder's input matrix, each token
 * encoded alone, or any static folder with the same n). Kinds decide what is hidden by default:
 * special tokens, [unused*], lone punctuation, digits, single letters. A leading "##" (WordPiece
 * continuation) is not looked at: "##s" is a single letter, "##ing" is ordinary.
 *
 * Memory: rows and texts are borrowed and must outlive the table.
 * Threads: const after init.
 */
#ifndef IMR_EXPLAIN_TOKEN_TABLE_H
#define IMR_EXPLAIN_TOKEN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/matrix.h"

typedef enum imr_token_kind {
    IMR_KIND_ORDINARY,
    IMR_KIND_SPECIAL,     /* [CLS], <s>, and what the caller marks */
    IMR_KIND_UNUSED,      /* [unused17] */
    IMR_KIND_PUNCTUATION, /* no letter, digit or mark in it */
    IMR_KIND_DIGITS,      /* 0-9 only */
    IMR_KIND_LETTER,      /* one letter of an alphabet; a wide character (CJK) is a word */
    IMR_KIND_COUNT
} imr_token_kind;

imr_token_kind imr_token_kind_of(const char *text); /* UTF-8; bad bytes count as punctuation */
/* At least two characters, one of them a letter. */
bool imr_token_is_word(const char *text);

typedef struct imr_token_table {
    imr_view rows;                /* E [V,n], borrowed */
    const char *const *texts;     /* [V], borrowed */
    const float *centre;          /* NULL, or [n] the caller takes off every row; borrowed */
    uint8_t *hidden;              /* [V] 1: hidden by default, that is kind != ordinary */
    size_t count[IMR_KIND_COUNT]; /* tokens of each kind; the first is the number shown */
} imr_token_table;

/*
 * special (may be NULL): [V], not 0 where the tokeniser says a token is special.
 * Errors: IMR_E_SHAPE for an empty table, IMR_E_LIMIT over IMR_MAX_VOCAB rows, IMR_E_NUMERIC names
 * the token whose row is not finite, IMR_E_MEMORY.
 */
imr_status imr_token_table_init(imr_token_table *out, imr_view rows, const char *const *texts,
                                const uint8_t *special, imr_error *err) IMR_NODISCARD;
void imr_token_table_done(imr_token_table *t); /* {0} is fine */

#endif
