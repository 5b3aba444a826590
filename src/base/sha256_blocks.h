/*
 * base/sha256_blocks.h - the compression function of SHA-256 (FIPS 180-4, 6.2.2), once in C and
 * once with the instructions x86-64 and ARM64 have for it. For base/sha256.c and its tests.
 */
#ifndef IMR_BASE_SHA256_BLOCKS_H
#define IMR_BASE_SHA256_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

/* state after `count` blocks of 64 bytes; p need not be aligned. */
typedef void (*imr_sha256_blocks_fn)(uint32_t state[8], const uint8_t *p, size_t count);

void imr_sha256_blocks_plain(uint32_t state[8], const uint8_t *p, size_t count);
/* With the CPU's own instructions; NULL where it has none. */
imr_sha256_blocks_fn imr_sha256_blocks_native(void);

#endif
