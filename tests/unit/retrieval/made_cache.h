/* A cache of a data set made for a test: written, encoded, opened. */
#ifndef TESTS_RETRIEVAL_MADE_CACHE_H
#define TESTS_RETRIEVAL_MADE_CACHE_H

#include "retrieval/store.h"
#include "tests/support/test.h"

/* files: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv. */
static inline imr_cache *made_cache(const imr_named_bytes *files, size_t n,
                                    const imr_encoder_identity *identity, size_t dim,
                                    imr_encode_fn encode, void *user)
{
    imr_error err;
    imr_dataset *d;
    imr_cache *c;
    const imr_path dir = imr_path_in(test_tmpdir(), "dataset");
    const imr_path store = imr_path_in(test_tmpdir(), "cache");
    CHECK_OK(imr_dir_make(imr_path_in(dir.s, "qrels").s, &err));
    for (size_t i = 0; i < n; i++)
        CHECK_OK(
            imr_file_write(imr_path_in(dir.s, files[i].name).s, files[i].data, files[i].len, &err));
    CHECK_OK(imr_dataset_open(&d, dir.s, NULL, &err));
    const imr_store_plan plan = {.dataset = d, .encoder = identity, .n = dim, .dtype = IMR_F32};
    CHECK_OK(imr_store_build(NULL, store.s, &plan, encode, user, NULL, &err));
    imr_dataset_free(d);
    CHECK_OK(imr_cache_open(&c, store.s, NULL, &err));
    return c;
}

#endif
