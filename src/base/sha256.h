/*
 * base/sha256.h - SHA-256 (FIPS 180-4) by libcrypto: the identity of every input a report names.
 *
 * An incremental hash for streams, one call for memory and one for files.
 *
 * A hash remembers that it failed and says so when it is asked for: IMR_E_IO where libcrypto has no
 * memory, or is set up without SHA-256.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define IMR_SHA256_HEX 65 /* 64 hexadecimal digits and the terminator */

typedef struct imr_sha256 {
    void *context; /* NULL: it failed, or it has ended */
} imr_sha256;

void imr_sha256_init(imr_sha256 *s);
void imr_sha256_add(imr_sha256 *s, const void *data, size_t len);
/* Ends the hash, whatever it returns. */
imr_status imr_sha256_hex(imr_sha256 *s, char out[IMR_SHA256_HEX], imr_error *err);
/* For a hash that may be left half-way; {0} and an ended one are fine. */
void imr_sha256_done(imr_sha256 *s);
#define IMR_AUTOSHA256 IMR_CLEANUP(imr_sha256_done)

imr_status imr_sha256_memory(const void *data, size_t len, char out[IMR_SHA256_HEX],
                             imr_error *err);
/* Holds no more of the file in memory than a piece of 16 MB. */
imr_status imr_sha256_file(const char *path, char out[IMR_SHA256_HEX], imr_error *err);
