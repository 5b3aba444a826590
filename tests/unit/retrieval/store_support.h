/* A store of the made-up dataset by the made-up encoder. */
#ifndef TESTS_RETRIEVAL_STORE_SUPPORT_H
#define TESTS_RETRIEVAL_STORE_SUPPORT_H

#include "retrieval/store.h"
#include "tests/support/test.h"
#include "tests/unit/retrieval/fake_encoder.h"

static const imr_encoder_identity identity = {.kind = "static",
                                              .name = "made-up",
                                              .path = "/models/made-up",
                                              .sha256 = "0123",
                                              .query_prefix = "query: ",
                                              .passage_prefix = ""};

static const char *const store_files[] = {"manifest.json",     "documents.npy", "queries.npy",
                                          "document_ids",      "query_ids",     "offsets",
                                          "document_ids.index"};

static inline imr_dataset *golden(void)
{
    imr_error err = {0};
    imr_dataset *d = NULL;
    CHECK_OK(imr_dataset_open(&d, test_golden("cache/beir"), NULL, &err));
    return d;
}

static inline void fresh(char dir[256])
{
    snprintf(dir, 256, "%s/cache", test_tmpdir());
}

static inline imr_status build(const char *dir, const imr_dataset *d, imr_dtype dtype,
                               fake_encoder *f, imr_store_result *result, imr_error *err)
{
    imr_store_plan plan = {
        .dataset = d, .encoder = &identity, .n = FAKE_DIM, .dtype = dtype, .block = 16};
    return imr_store_build(result, dir, &plan, fake_encode, f, NULL, err);
}

static inline void path_of(char out[512], const char *dir, const char *file)
{
    snprintf(out, 512, "%s/%s", dir, file);
}

#endif
