/*
 * session/encoded_table.h - the `encoded` token table [V,n]: each token of the vocabulary encoded
 * alone (imr_encoder_encode_tokens says what that is), made once and kept beside the cache.
 *
 *   DIR/tokens/<sha256 of the encoder>.npy      [V,n] '<f4', mapped as it is
 *   DIR/tokens/<sha256 of the encoder>.blocks   what it is, then the sha256 of each finished block:
 *       imrnn-tokens 1 <sha256 of the encoder> V n block
 *       <rows finished> <sha256 of the block that ends there>
 *   DIR/tokens/<sha256 of the encoder>.lock     held while building
 *
 * A table is made as base/kept.h says. Opening compares every block with its note and goes on
 * behind the last good one, so a table that was killed, cut short or damaged is finished by the
 * same call that opens a whole one, and ends with the same bytes. Nothing is ever taken from a file
 * whose first line names another encoder or size: it is made again. The table of another encoder
 * lies beside it. Deleting DIR/tokens loses nothing but time.
 *
 * Kept in memory only: tables of static encoders (a copy of their rows, made in milliseconds), and
 * of folders that cannot be written (the notice says so).
 */
#pragma once

#include "encoder/encoder.h"
#include "format/npy.h"

typedef struct imr_encoded_table {
    imr_view rows;               /* [V,n] */
    size_t kept, made;           /* rows taken from the disk, and encoded now */
    char notice[IMR_ERROR_TEXT]; /* "" or a sentence: in memory only, or what was damaged */
    imr_npy mapped;
    float *owned;
} imr_encoded_table;

/*
 * dir: the cache's folder; "": in memory. sha256: the encoder's. Progress counts tokens. found
 * NULL: what is missing is made; else nothing is, and *found says whether DIR holds a whole table.
 * Errors: IMR_E_CANCELLED and a full disk (IMR_E_IO) keep what is finished; IMR_E_BUSY while
 * another process makes the same table; the encoder's.
 */
imr_status imr_encoded_table_open(imr_encoded_table *out, bool *found, const imr_encoder *e,
                                  const char *sha256, const char *dir, const imr_progress *progress,
                                  imr_error *err);
void imr_encoded_table_done(imr_encoded_table *t); /* {0} is fine */

/* A table found in a cache's folder. */
typedef struct imr_encoded_table_info {
    char sha256[IMR_SHA256_HEX]; /* of its encoder */
    uint64_t rows, dim;
    uint64_t finished; /* rows whose blocks are whole; below `rows`: opening finishes it */
    bool damaged;      /* a noted block does not hold what its note says */
} imr_encoded_table_info;

/* The tables of DIR in the order of their names; the caller's (imr_free). Reads them. */
imr_status imr_encoded_table_list(imr_encoded_table_info **out, size_t *count, const char *dir,
                                  imr_error *err);
