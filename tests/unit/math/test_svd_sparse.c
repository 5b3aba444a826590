#include "tests/support/test.h"

#include "base/mem.h"
#include "math/linalg.h"
#include "math/nn.h"
#include "math/random.h"
#include "math/svd_sparse.h"

enum { ROWS = 120, COLS = 80, PER_ROW = 9, ENTRIES = ROWS * PER_ROW };

typedef struct sample {
    uint64_t start[ROWS + 1];
    uint32_t col[ENTRIES];
    float value[ENTRIES], dense[ROWS * COLS];
    imr_csr a;
} sample;

/* Rows with a few entries in increasing columns; values fall off so that the spectrum does. */
static void make_sample(sample *s)
{
    imr_random r;
    imr_random_init(&r, 11);
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < ROWS; i++) {
        uint32_t at = 0;
        for (size_t e = 0; e < PER_ROW; e++) {
            at += 1 + (uint32_t)imr_random_below(&r, 7);
            size_t k = i * PER_ROW + e;
            s->col[k] = at;
            s->value[k] = (float)(imr_random_uniform(&r) * 30 / (1.0 + at));
            s->dense[i * COLS + at] = s->value[k];
        }
        s->start[i + 1] = (i + 1) * PER_ROW;
    }
    s->a = (imr_csr){ROWS, COLS, s->start, s->col, s->value};
}

TEST("a sparse product equals the dense one")
{
    sample s;
    make_sample(&s);
    float x[COLS * 3], out[ROWS * 3];
    imr_random r;
    imr_random_init(&r, 12);
    imr_random_fill_normal(&r, x, COLS * 3, 1);
    imr_csr_times(out, &s.a, imr_view_of(x, COLS, 3));
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < 3; j++) {
            double sum = 0;
            for (size_t k = 0; k < COLS; k++)
                sum += (double)s.dense[i * COLS + k] * (double)x[k * 3 + j];
            CHECK_NEAR(out[i * 3 + j], sum, 1e-4);
        }
}

TEST("the randomised decomposition finds the leading singular values and vectors of the exact one")
{
    sample s;
    make_sample(&s);
    imr_error err;
    imr_svd_sparse got;
    imr_svd exact;
    CHECK_OK(imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){8, 10, 4, 1}, NULL, &err));
    CHECK_OK(imr_svd_init(&exact, imr_view_of(s.dense, ROWS, COLS), &err));
    for (size_t k = 0; k < 8; k++)
        CHECK_NEAR(got.s[k] / exact.s[k], 1, k < 4 ? 1e-4 : 1e-2);
    for (size_t k = 0; k < 3; k++) { /* well separated: the same vector up to its sign */
        double same = 0, norm = 0;
        for (size_t i = 0; i < ROWS; i++) {
            same += (double)got.u.v[i * 8 + k] * exact.u[i * exact.k + k];
            norm += (double)got.u.v[i * 8 + k] * (double)got.u.v[i * 8 + k];
        }
        CHECK_NEAR(fabs(same), 1, 1e-3);
        CHECK_NEAR(norm, 1, 1e-5);
    }
    imr_svd_sparse_done(&got);
    imr_svd_done(&exact);
}

TEST("asking for every dimension rebuilds the matrix")
{
    sample s;
    make_sample(&s);
    imr_error err;
    imr_svd_sparse got;
    CHECK_OK(
        imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){COLS, 10, 1, 1}, NULL, &err));
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++) {
            double sum = 0;
            for (size_t k = 0; k < COLS; k++)
                sum += (double)got.u.v[i * COLS + k] * (double)got.s[k] *
                       (double)got.v.v[j * COLS + k];
            CHECK_NEAR(sum, s.dense[i * COLS + j], 1e-4);
        }
    imr_svd_sparse_done(&got);
}

TEST("the same seed gives the same bytes")
{
    sample s;
    make_sample(&s);
    imr_error err;
    imr_svd_sparse a, b;
    imr_svd_sparse_options o = {6, 4, 2, 42};
    CHECK_OK(imr_svd_sparse_init(&a, &s.a, &o, NULL, &err));
    CHECK_OK(imr_svd_sparse_init(&b, &s.a, &o, NULL, &err));
    CHECK(memcmp(a.u.v, b.u.v, ROWS * 6 * sizeof(float)) == 0);
    imr_svd_sparse_done(&a);
    imr_svd_sparse_done(&b);
}

static bool stop(void *user, const imr_progress_info *info)
{
    (void)user;
    return info->done < 2;
}

TEST("the decomposition refuses too many dimensions and bad values, and can be cancelled")
{
    sample s;
    make_sample(&s);
    imr_error err;
    imr_svd_sparse got;
    CHECK(imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){81, 0, 1, 1}, NULL, &err) ==
          IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "at most 80");
    imr_progress p = {stop, NULL};
    CHECK(imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){4, 4, 2, 1}, &p, &err) ==
          IMR_E_CANCELLED);
    s.value[5] = (float)NAN;
    CHECK(imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){4, 4, 2, 1}, NULL, &err) ==
          IMR_E_NUMERIC);
}

TEST("every allocation of the decomposition may fail")
{
    sample s;
    make_sample(&s);
    imr_error err;
    for (long i = 0;; i++) {
        imr_svd_sparse got = {0};
        imr_mem_fail_after(i);
        imr_status status =
            imr_svd_sparse_init(&got, &s.a, &(imr_svd_sparse_options){4, 4, 1, 1}, NULL, &err);
        imr_mem_fail_after(-1);
        imr_svd_sparse_done(&got);
        if (status == IMR_OK) {
            CHECK(i > 8);
            break;
        }
        CHECK(status == IMR_E_MEMORY);
    }
}
