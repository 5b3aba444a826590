#include "tests/support/test.h"

#include "base/mem.h"
#include "math/blas.h"
#include "math/kernels.h"
#include "math/random.h"

static float at(imr_view m, imr_op op, size_t i, size_t j)
{
    return op == IMR_PLAIN ? m.v[i * m.stride + j] : m.v[j * m.stride + i];
}

TEST("a product of any two views equals three plain loops")
{
    enum { R = 7, I = 5, C = 9, GAP = 3 };
    float a[(R + I + GAP) * (R + I + GAP)], b[(C + I + GAP) * (C + I + GAP)], out[R * (C + GAP)];
    imr_random r;
    imr_random_init(&r, 1);
    for (int which = 0; which < 4; which++) {
        imr_op oa = which & 1 ? IMR_TRANSPOSED : IMR_PLAIN;
        imr_op ob = which & 2 ? IMR_TRANSPOSED : IMR_PLAIN;
        imr_random_fill_normal(&r, a, sizeof a / sizeof *a, 1);
        imr_random_fill_normal(&r, b, sizeof b / sizeof *b, 1);
        imr_random_fill_normal(&r, out, sizeof out / sizeof *out, 1);
        imr_view va = oa == IMR_PLAIN ? (imr_view){a, R, I, I + GAP} : (imr_view){a, I, R, R + GAP};
        imr_view vb = ob == IMR_PLAIN ? (imr_view){b, I, C, C + GAP} : (imr_view){b, C, I, I + GAP};
        float expected[R * (C + GAP)];
        memcpy(expected, out, sizeof out);
        for (size_t i = 0; i < R; i++)
            for (size_t j = 0; j < C; j++) {
                double sum = 0;
                for (size_t k = 0; k < I; k++)
                    sum += (double)at(va, oa, i, k) * (double)at(vb, ob, k, j);
                expected[i * (C + GAP) + j] =
                    (float)(2 * sum + 0.5 * (double)expected[i * (C + GAP) + j]);
            }
        imr_blas_gemm(out, C + GAP, 2.0f, va, oa, vb, ob, 0.5f);
        CHECK_ALL_NEAR(out, expected, R * (C + GAP), 1e-5);
    }
}

TEST("a matrix times a vector equals plain loops, both ways")
{
    enum { R = 6, C = 11 };
    float a[R * C], x[C], y[C];
    imr_random r;
    imr_random_init(&r, 2);
    imr_random_fill_normal(&r, a, R * C, 1);
    imr_random_fill_normal(&r, x, C, 1);
    for (int t = 0; t < 2; t++) {
        imr_op op = t ? IMR_TRANSPOSED : IMR_PLAIN;
        imr_view v = imr_view_of(a, R, C);
        imr_blas_gemv(y, 1.0f, v, op, x, 0.0f);
        for (size_t i = 0; i < (t ? C : R); i++) {
            double sum = 0;
            for (size_t k = 0; k < (t ? R : C); k++)
                sum += (double)at(v, op, i, k) * (double)x[k];
            CHECK_NEAR(y[i], sum, 1e-5);
        }
    }
}

TEST("products with an empty side do what the sum says")
{
    float out[4] = {1, 2, 3, 4}, a[1] = {0};
    imr_view none = {a, 2, 0, 0}, none2 = {a, 0, 2, 2};
    imr_blas_gemm(out, 2, 1.0f, none, IMR_PLAIN, none2, IMR_PLAIN, 0.5f);
    CHECK_NEAR(out[3], 2, 0);
    imr_blas_gemv(out, 1.0f, none, IMR_PLAIN, a, 0.0f);
    CHECK_NEAR(out[0], 0, 0);
    imr_blas_gemm(out, 2, 1.0f, none2, IMR_PLAIN, none2, IMR_TRANSPOSED, 0.0f);
    CHECK_NEAR(out[3], 2, 0);
}

TEST("a matrix starts zeroed, names its first bad value and reports missing memory")
{
    imr_error err;
    imr_matrix m;
    CHECK_OK(imr_matrix_init(&m, 3, 4, &err));
    CHECK_INT(imr_view_first_bad(imr_matrix_view(&m)), 12);
    imr_matrix_row(&m, 2)[1] = (float)INFINITY;
    CHECK_INT(imr_view_first_bad(imr_matrix_view(&m)), 9);
    imr_matrix_row(&m, 1)[3] = (float)NAN;
    CHECK_INT(imr_view_first_bad(imr_matrix_view(&m)), 7);
    imr_matrix_done(&m);
    imr_matrix_done(&m);
    CHECK(imr_matrix_init(&m, SIZE_MAX / 2, 3, &err) == IMR_E_MEMORY);
    imr_mem_fail_after(0);
    CHECK(imr_matrix_init(&m, 3, 4, &err) == IMR_E_MEMORY);
    imr_mem_fail_after(-1);
}

TEST("the features of this CPU are a level and all below it, and its kernels follow")
{
    const unsigned features = imr_cpu_features();
    CHECK(!(features & IMR_CPU_AVX512) || features & IMR_CPU_AVX2);
    CHECK(!(features & IMR_CPU_BF16) || features & IMR_CPU_AVX512);
    CHECK((imr_kernels_find("avx512bf16") != NULL) == ((features & IMR_CPU_BF16) != 0));
    CHECK((imr_kernels_find("avx512") != NULL) == ((features & IMR_CPU_AVX512) != 0));
    CHECK((imr_kernels_find("avx2") != NULL) == ((features & IMR_CPU_AVX2) != 0));
    CHECK((imr_kernels_find("neonbf16") != NULL) == ((features & IMR_CPU_BFDOT) != 0));
    CHECK(imr_kernels_find("plain") != NULL);
    CHECK(imr_kernels_find("sse") == NULL);
    for (size_t i = 0; imr_kernels_at(i); i++)
        CHECK(imr_kernels_at(i)->has_bf16 == (strstr(imr_kernels_at(i)->name, "bf16") != NULL));
}
