/*
 * retrieval/reference_split.h - the splits the authors' package 0.2 makes of a dataset, and the
 * hash it knows them by.
 *
 *   train and test judgements   test stays; train's query ids, sorted and shuffled, are cut after
 *                               round(0.85 n): train, validation
 *   one kind of judgements      cut after round(0.70 n) and round((0.70 + 0.15) n): train,
 *                               validation, test
 *   hash                        SHA-256 of the split's ids, sorted, joined by newlines
 * (beir_data.py and caching.py of imrnns 0.2.3.) The shuffle is Python's
 * random.Random(seed).shuffle: MT19937 (Matsumoto and Nishimura 1998) seeded by the number as an
 * array, and from the last place down an exchange with a place drawn by rejection from the leading
 * bits; round is half to even.
 */
#pragma once

#include "retrieval/cache.h"

enum { IMR_REFERENCE_SEED = 42 };

typedef struct imr_reference_split {
    const char *name; /* "train", "validation", "test" */
    const char **ids; /* [n] sorted; the dataset's */
    size_t n;
    const imr_qrels *qrels; /* its judgements are among these; the dataset's */
} imr_reference_split;

typedef struct imr_reference_splits {
    imr_reference_split v[IMR_REFERENCE_SPLITS];
    const char **ids; /* of all of them */
} imr_reference_splits;

/* Errors: IMR_E_NOT_FOUND when the dataset has no judgements; IMR_E_MEMORY. */
imr_status imr_reference_splits_make(imr_reference_splits *out, const imr_dataset *dataset,
                                     uint32_t seed, imr_error *err);
void imr_reference_splits_done(imr_reference_splits *s); /* {0} is fine */

/* Adds one more id to the hash of a list of ids. */
void imr_reference_hash_id(imr_sha256 *sum, const char *id, bool first);
imr_status imr_reference_hash(const imr_reference_split *split, char out[IMR_SHA256_HEX],
                              imr_error *err);

/* order[n] of 0, 1, ... n-1 after random.Random(seed).shuffle. */
void imr_python_shuffle(uint32_t *order, size_t n, uint32_t seed);
