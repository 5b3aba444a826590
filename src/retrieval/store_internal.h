/*
 * retrieval/store_internal.h - the files of a store that are derived from others: store.c writes
 * them, store_open.c reads them and makes them again when they are absent or do not fit.
 *
 * document_ids.index   retrieval/ids.h
 * offsets
 *   1. 48 bytes     store_offsets, little-endian
 *   2. u64 [count]  offset of each document's line in the corpus
 *   3. u32 [count]  its length
 *   count is 0 for datasets without a corpus file.
 * restart_points       format/deflated.h; only beside a corpus deflated in an archive
 */
#ifndef IMR_RETRIEVAL_STORE_INTERNAL_H
#define IMR_RETRIEVAL_STORE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "retrieval/dataset.h"

#define STORE_IDS_INDEX "document_ids.index"
#define STORE_OFFSETS   "offsets"
#define STORE_POINTS    "restart_points"

#define STORE_OFFSETS_MAGIC 0x315346464F524D49u /* "IMROFFS1" */

typedef struct store_offsets {
    uint64_t magic, count, corpus_bytes, reserved;
    int64_t stamp[2]; /* imr_dataset_stamp when the corpus was last known to be the right one */
} store_offsets;

typedef struct store_tables {
    bool found;
    store_offsets head;
    const uint64_t *offset; /* [head.count], into the mapped file */
    const uint32_t *length;
} store_tables;

imr_status imr_store_write_offsets(const char *dir, const imr_dataset *d,
                                   imr_error *err) IMR_NODISCARD;
/* The restart points of the dataset's corpus, when it has any that are in no file yet. */
imr_status imr_store_write_points(const char *dir, const imr_dataset *d,
                                  imr_error *err) IMR_NODISCARD;
/* Not found when the file is absent, damaged or not of n documents. The caller unmaps `file`. What
 * the tables say is checked by imr_dataset_open. */
imr_status imr_store_open_offsets(store_tables *out, imr_file *file, const char *dir, size_t n,
                                  imr_error *err) IMR_NODISCARD;

#endif
