/* What the adapter's tests share: golden arrays, and adapters by path. */
#ifndef TESTS_UNIT_ADAPTER_SUPPORT_H
#define TESTS_UNIT_ADAPTER_SUPPORT_H

#include "tests/support/test.h"

#include "adapter/adapter.h"
#include "format/npy.h"

/* adapters/imrnns-NAME.pt, oracle/released/NAME */
static const char *const published[] = {"e5-fiqa",
                                        "e5-nq",
                                        "e5-scifact",
                                        "minilm-fiqa",
                                        "minilm-nq",
                                        "minilm-scifact",
                                        "minilm-webis-touche2020"};

typedef struct array {
    float *v;
    size_t count, shape[4];
} array;

/* A whole .npy file as float32; free(a.v). */
static inline array read_array(const char *path)
{
    imr_error err;
    imr_npy file;
    array a = {0};
    CHECK_OK(imr_npy_open(&file, path, &err));
    a.count = (size_t)imr_tensor_count(&file.t);
    a.v = malloc(a.count * sizeof *a.v);
    for (uint32_t i = 0; i < file.t.rank && i < 4; i++)
        a.shape[i] = (size_t)file.t.shape[i];
    CHECK_OK(imr_tensor_to_f32(&file.t, a.v, &err));
    imr_npy_done(&file);
    return a;
}

static inline array read_in(const char *folder, const char *name)
{
    return read_array(test_path(folder, name));
}

#endif
