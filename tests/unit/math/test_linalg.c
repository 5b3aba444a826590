#include "tests/support/test.h"

#include "base/mem.h"
#include "math/blas.h"
#include "math/linalg.h"
#include "math/random.h"

static double largest_difference(const double *a, const double *b, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    return worst;
}

static void product(double *out, const double *a, const double *b, size_t n, size_t inner, size_t m)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++) {
            out[i * m + j] = 0;
            for (size_t k = 0; k < inner; k++)
                out[i * m + j] += a[i * inner + k] * b[k * m + j];
        }
}

/* V S+ U' [cols,rows] */
static void inverse_of(double *out, const imr_svd *s)
{
    for (size_t i = 0; i < s->cols; i++)
        for (size_t j = 0; j < s->rows; j++) {
            out[i * s->rows + j] = 0;
            for (size_t k = 0; k < s->rank; k++)
                out[i * s->rows + j] += s->vt[k * s->cols + i] / s->s[k] * s->u[j * s->k + k];
        }
}

/* The four Penrose identities; `rank` columns of a [R,C] matrix are independent. */
static void check_penrose(size_t rows, size_t cols, size_t rank, double condition_at_most)
{
    imr_error err;
    float *a = calloc(rows * cols, sizeof *a);
    double *ad = calloc(rows * cols, sizeof *ad), *t1 = calloc(64 * 64, sizeof *t1);
    double *t2 = calloc(64 * 64, sizeof *t2), *t3 = calloc(64 * 64, sizeof *t3);
    imr_random r;
    imr_random_init(&r, rows * 100 + cols);
    imr_random_fill_normal(&r, a, rows * cols, 1);
    for (size_t i = rank; i < rows; i++) /* exact copies of earlier rows */
        memcpy(a + i * cols, a + (i % rank) * cols, cols * sizeof *a);
    for (size_t i = 0; i < rows * cols; i++)
        ad[i] = (double)a[i];
    imr_svd p;
    CHECK_OK(imr_svd_init(&p, imr_view_of(a, rows, cols), &err));
    double *inverse = calloc(rows * cols, sizeof *inverse);
    inverse_of(inverse, &p);
    CHECK_INT(p.rank, rank);
    if (rank == (rows < cols ? rows : cols))
        CHECK(p.condition >= 1 && p.condition < condition_at_most);
    else
        CHECK(isinf(p.condition));
    product(t1, ad, inverse, rows, cols, rows); /* A A+ */
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < rows; j++)
            CHECK_NEAR(t1[i * rows + j], t1[j * rows + i], 1e-12);
    product(t2, t1, ad, rows, rows, cols);
    CHECK_NEAR(largest_difference(t2, ad, rows * cols), 0, 1e-11);
    product(t1, inverse, ad, cols, rows, cols); /* A+ A */
    for (size_t i = 0; i < cols; i++)
        for (size_t j = 0; j < cols; j++)
            CHECK_NEAR(t1[i * cols + j], t1[j * cols + i], 1e-12);
    product(t3, t1, inverse, cols, cols, rows);
    CHECK_NEAR(largest_difference(t3, inverse, rows * cols), 0, 1e-11);
    imr_svd_done(&p);
    free(inverse), free(a), free(ad), free(t1), free(t2), free(t3);
}

TEST("the Moore-Penrose inverse satisfies the four Penrose identities, wide, tall and deficient")
{
    check_penrose(12, 30, 12, 100);
    check_penrose(30, 12, 12, 100);
    check_penrose(12, 30, 5, 0);
    check_penrose(9, 9, 8, 0);
    check_penrose(1, 5, 1, 1.0000001);
}

TEST("singular values and vectors rebuild the matrix")
{
    enum { R = 7, C = 4 };
    imr_error err;
    float a[R * (C + 2)];
    imr_random r;
    imr_random_init(&r, 3);
    imr_random_fill_normal(&r, a, R * (C + 2), 1);
    imr_view v = {a, R, C, C + 2};
    imr_svd s;
    CHECK_OK(imr_svd_init(&s, v, &err));
    for (size_t k = 1; k < s.k; k++)
        CHECK(s.s[k - 1] >= s.s[k]);
    for (size_t i = 0; i < R; i++)
        for (size_t j = 0; j < C; j++) {
            double sum = 0;
            for (size_t k = 0; k < s.k; k++)
                sum += s.u[i * s.k + k] * s.s[k] * s.vt[k * C + j];
            CHECK_NEAR(sum, v.v[i * v.stride + j], 1e-13);
        }
    imr_svd_done(&s);
    a[C + 3] = (float)NAN;
    CHECK(imr_svd_init(&s, v, &err) == IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "row 1 column 1");
    CHECK(imr_svd_init(&s, imr_view_of(a, 0, 3), &err) == IMR_E_SHAPE);
}

/* Orthonormal columns, upper triangle, product. dependent: the last column repeats the first. */
static void check_qr(size_t rows, size_t cols, bool dependent,
                     imr_status (*qr)(float *, size_t, size_t, float *, imr_error *))
{
    imr_error err;
    float *a = malloc(rows * cols * sizeof *a), *q = malloc(rows * cols * sizeof *q);
    float *r = malloc(cols * cols * sizeof *r);
    imr_random random;
    imr_random_init(&random, 8);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) /* columns of falling length, as in a power iteration */
            a[i * cols + j] = dependent && j + 1 == cols
                                  ? a[i * cols]
                                  : (float)(imr_random_normal(&random) / (1.0 + (double)j));
    memcpy(q, a, rows * cols * sizeof *a);
    CHECK_OK(qr(q, rows, cols, r, &err));
    for (size_t i = 0; i < cols; i++)
        for (size_t j = 0; j < cols; j++) {
            double sum = 0;
            for (size_t k = 0; k < rows; k++)
                sum += (double)q[k * cols + i] * (double)q[k * cols + j];
            CHECK_NEAR(sum, i == j, 2e-6);
            if (j < i)
                CHECK_NEAR(r[i * cols + j], 0, 0);
        }
    for (size_t i = 0; i < rows; i += 7)
        for (size_t j = 0; j < cols; j++) {
            double sum = 0;
            for (size_t k = 0; k < cols; k++)
                sum += (double)q[i * cols + k] * (double)r[k * cols + j];
            CHECK_NEAR(sum, a[i * cols + j], 1e-5);
        }
    free(a), free(q), free(r);
}

TEST("QR factors are orthonormal columns and a triangle, also when columns depend on each other")
{
    check_qr(20, 6, false, imr_qr_f);
    check_qr(500, 30, false, imr_qr_tall_f);
    check_qr(500, 30, true, imr_qr_tall_f);
    check_qr(7, 7, false, imr_qr_tall_f);
    check_qr(9, 1, false, imr_qr_tall_f);
}

TEST("every allocation of a singular value decomposition may fail")
{
    imr_error err;
    float a[6] = {1, 2, 3, 4, 5, 7};
    for (long i = 0;; i++) {
        imr_svd p = {0};
        imr_mem_fail_after(i);
        imr_status status = imr_svd_init(&p, imr_view_of(a, 2, 3), &err);
        imr_mem_fail_after(-1);
        imr_svd_done(&p);
        if (status == IMR_OK) {
            CHECK(i > 3);
            break;
        }
        CHECK(status == IMR_E_MEMORY);
    }
}
