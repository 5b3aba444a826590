/*
 * base/sha256.h - SHA-256 (FIPS 180-4), the identity of every input named in a report.
 * An incremental hash for streams, one call for memory and one for files.
 */
#ifndef IMR_BASE_SHA256_H
#define IMR_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sha256_blocks.h"

#define IMR_SHA256_HEX 65 /* 64 hexadecimal digits and the terminator */

typedef struct imr_sha256 {
    imr_sha256_blocks_fn blocks; /* the fastest this CPU has */
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} imr_sha256;

void imr_sha256_init(imr_sha256 *s);
void imr_sha256_add(imr_sha256 *s, const void *data, size_t len);
void imr_sha256_hex(imr_sha256 *s, char out[IMR_SHA256_HEX]); /* ends the hash */

void imr_sha256_memory(const void *data, size_t len, char out[IMR_SHA256_HEX]);
/* Holds no more of the file in memory than a piece of 16 MB. */
imr_status imr_sha256_file(const char *path, char out[IMR_SHA256_HEX],
                           imr_error *err) IMR_NODISCARD;

#endif
