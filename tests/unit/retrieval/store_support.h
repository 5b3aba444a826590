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

/* A folder that is not there yet, the made-up dataset, an encoder that has seen nothing. */
typedef struct made {
    char dir[256];
    imr_dataset *d;
    fake_encoder f;
} made;

static inline made made_new(void)
{
    imr_error err = {0};
    made m = {.d = NULL};
    fresh(m.dir);
    CHECK_OK(imr_dataset_open(&m.d, test_golden("cache/beir"), NULL, &err));
    return m;
}

/* The same with its store built. */
static inline made made_built(imr_dtype dtype)
{
    imr_error err = {0};
    made m = made_new();
    CHECK_OK(build(m.dir, m.d, dtype, &m.f, NULL, &err));
    return m;
}

static inline void made_done(made *m)
{
    imr_dataset_free(m->d);
}

static inline void path_of(char out[512], const char *dir, const char *file)
{
    snprintf(out, 512, "%s/%s", dir, file);
}

#endif
