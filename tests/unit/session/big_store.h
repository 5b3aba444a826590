/*
 * A store with more documents than one block of anything, and adapters that fit it: small vectors,
 * so that it is made in a moment.
 */
#ifndef TESTS_SESSION_BIG_STORE_H
#define TESTS_SESSION_BIG_STORE_H

#include "adapter/adapter.h"
#include "base/file.h"
#include "retrieval/store.h"
#include "tests/support/test.h"
#include "tests/unit/retrieval/fake_encoder.h"

enum { BIG_DOCUMENTS = 9001, BIG_M = 8 };

typedef struct big_store {
    char dir[256], adapter[512];
} big_store;

static inline void big_put(imr_writer *w, const char *prefix, size_t i)
{
    imr_writer_printf(w, "{\"_id\":\"%s%zu\",\"title\":\"\",\"text\":\"text %zu\"}\n", prefix, i,
                      i);
}

static inline big_store big_store_make(imr_dtype dtype, imr_form form)
{
    big_store s;
    imr_error err = {0};
    imr_writer w;
    imr_dataset *d = NULL;
    imr_adapter *a = NULL;
    fake_encoder f = {0};
    char data[256], path[512];
    snprintf(data, sizeof data, "%s", test_tmpdir());
    snprintf(s.dir, sizeof s.dir, "%s/cache", test_tmpdir());
    snprintf(s.adapter, sizeof s.adapter, "%s/adapter.pt", data);
    snprintf(path, sizeof path, "%s/corpus.jsonl", data);
    CHECK_OK(imr_writer_open(&w, path, &err));
    for (size_t i = 0; i < BIG_DOCUMENTS; i++)
        big_put(&w, "d", i * 7919 % BIG_DOCUMENTS);
    CHECK_OK(imr_writer_commit(&w, &err));
    snprintf(path, sizeof path, "%s/queries.jsonl", data);
    CHECK_OK(imr_writer_open(&w, path, &err));
    for (size_t i = 0; i < 12; i++)
        big_put(&w, "q", i);
    CHECK_OK(imr_writer_commit(&w, &err));
    CHECK_OK(imr_dataset_open(&d, data, NULL, &err));
    const imr_encoder_identity nobody = {.kind = "made-up", .name = "made-up"};
    const imr_store_plan plan = {
        .dataset = d, .encoder = &nobody, .n = FAKE_DIM, .dtype = dtype, .block = 1024};
    CHECK_OK(imr_store_build(NULL, s.dir, &plan, fake_encode, &f, NULL, &err));
    imr_dataset_free(d);
    CHECK_OK(imr_adapter_new(&a, form, FAKE_DIM, BIG_M, 4, 7, &err));
    /* Untrained hypernets hardly act. */
    for (int t = IMR_W_PROJECTOR_BIAS + 1; t < IMR_W_QUERY_NORM; t++) {
        float *v = imr_weight(&a->w, (imr_weight_id)t);
        for (size_t i = 0; i < imr_weight_count(&a->w, (imr_weight_id)t); i++)
            v[i] += sinf((float)(i + 1) * (float)(t + 1)) * 0.5f;
    }
    CHECK_OK(imr_adapter_save(a, s.adapter, NULL, 0, &err));
    imr_adapter_free(a);
    return s;
}

static inline imr_cache *big_cache(const big_store *s)
{
    imr_error err = {0};
    imr_cache *c = NULL;
    CHECK_OK(imr_cache_open(&c, s->dir, NULL, &err));
    return c;
}

static inline imr_adapter *big_adapter(const big_store *s)
{
    imr_error err = {0};
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, s->adapter, IMR_FORM_AUTO, &err));
    return a;
}

#endif
