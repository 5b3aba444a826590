/*
 * retrieval/store_internal.h - the layout of DIR/offsets, written by store.c, read by store_open.c.
 *
 *   1. 48 bytes     store_offsets, little-endian
 *   2. u64 [count]  offset of each document's line in the corpus
 *   3. u32 [count]  its length
 * count is 0 for datasets without a corpus file.
 */
#ifndef IMR_RETRIEVAL_STORE_INTERNAL_H
#define IMR_RETRIEVAL_STORE_INTERNAL_H

#include <stdint.h>

#define STORE_OFFSETS_MAGIC 0x315346464F524D49u /* "IMROFFS1" */

typedef struct store_offsets {
    uint64_t magic, count, corpus_bytes, reserved;
    int64_t stamp[2]; /* imr_dataset_stamp when the cache was built */
} store_offsets;

#endif
