#include "math/svd_sparse.h"

#include <math.h>

#include "base/mem.h"
#include "math/blas.h"
#include "math/linalg.h"
#include "math/random.h"

IMR_CPU_CLONES
static void row_times(float *restrict out, const uint32_t *col, const float *value, size_t n,
                      const float *x, size_t stride, size_t width)
{
    for (size_t j = 0; j < width; j++)
        out[j] = 0.0f;
    size_t e = 0;
    for (; e + 4 <= n; e += 4) { /* four at a time: out is read and written a quarter as often */
        const float *from0 = x + (size_t)col[e] * stride, *from1 = x + (size_t)col[e + 1] * stride;
        const float *from2 = x + (size_t)col[e + 2] * stride,
                    *from3 = x + (size_t)col[e + 3] * stride;
        float w0 = value[e], w1 = value[e + 1], w2 = value[e + 2], w3 = value[e + 3];
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            out[j] += (w0 * from0[j] + w1 * from1[j]) + (w2 * from2[j] + w3 * from3[j]);
    }
    for (; e < n; e++) {
        const float *from = x + (size_t)col[e] * stride;
        float w = value[e];
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            out[j] += w * from[j];
    }
}

void imr_csr_times(float *out, const imr_csr *a, imr_view x)
{
    assert(x.rows == a->cols);
#pragma omp parallel for schedule(dynamic, 64)
    for (size_t i = 0; i < a->rows; i++)
        row_times(out + i * x.cols, a->col + a->start[i], a->value + a->start[i],
                  (size_t)(a->start[i + 1] - a->start[i]), x.v, x.stride, x.cols);
}

/* The transposed matrix, owned. */
typedef struct transposed {
    imr_csr m;
    uint64_t *start;
    uint32_t *col;
    float *value;
} transposed;

static void transposed_done(transposed *t)
{
    IMR_FREE(t->start, t->col, t->value);
}

static imr_status transpose(transposed *t, const imr_csr *a, imr_error *err)
{
    size_t entries = (size_t)a->start[a->rows];
    t->start = imr_calloc(a->cols + 2, sizeof *t->start);
    t->col = imr_alloc(entries, sizeof *t->col);
    t->value = imr_alloc(entries, sizeof *t->value);
    IMR_NEED(t->start && t->col && t->value, err);
    for (size_t e = 0; e < entries; e++)
        t->start[a->col[e] + 2]++;
    for (size_t j = 2; j < a->cols + 2; j++)
        t->start[j] += t->start[j - 1];
    /* start[j+1] walks through column j's entries and ends where column j+1 begins. */
    for (size_t i = 0; i < a->rows; i++)
        for (uint64_t e = a->start[i]; e < a->start[i + 1]; e++) {
            uint64_t to = t->start[a->col[e] + 1]++;
            t->col[to] = (uint32_t)i;
            t->value[to] = a->value[e];
        }
    t->m = (imr_csr){a->cols, a->rows, t->start, t->col, t->value};
    return IMR_OK;
}

void imr_svd_sparse_done(imr_svd_sparse *s)
{
    imr_matrix_done(&s->u);
    imr_matrix_done(&s->v);
    imr_free(s->s);
    *s = (imr_svd_sparse){0};
}

static void times_signs(imr_matrix *m, const float *sign)
{
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++)
            m->v[i * m->cols + j] *= sign[j];
}

/* The entry of largest magnitude of each column of u becomes positive. sign: scratch [k]. */
static void fix_signs(imr_matrix *u, imr_matrix *v, float *sign)
{
    size_t k = u->cols;
    for (size_t j = 0; j < k; j++)
        sign[j] = 0.0f;
    for (size_t i = 0; i < u->rows; i++)
        for (size_t j = 0; j < k; j++)
            if (fabsf(u->v[i * k + j]) > fabsf(sign[j]))
                sign[j] = u->v[i * k + j];
    for (size_t j = 0; j < k; j++)
        sign[j] = sign[j] < 0.0f ? -1.0f : 1.0f;
    times_signs(u, sign);
    times_signs(v, sign);
}

/* With a' q = z r (z orthonormal): a ~ q r' z', so the SVD of the small r' gives all factors. */
static imr_status assemble(imr_svd_sparse *s, const imr_matrix *q, const imr_matrix *z,
                           const float *r, size_t k, imr_error *err)
{
    size_t l = q->cols;
    IMR_CLEANUP(imr_svd_done) imr_svd small = {0};
    IMR_TRY(imr_svd_init(&small, imr_view_of(r, l, l), err)); /* r = U S V', so r' = V S U' */
    assert(small.s);
    IMR_AUTOFREE float *left = imr_alloc(l * k, sizeof *left);
    IMR_AUTOFREE float *right = imr_alloc(l * k, sizeof *right);
    s->s = imr_alloc(k, sizeof *s->s);
    IMR_NEED(left && right && s->s, err);
    IMR_TRY(imr_matrix_init(&s->u, q->rows, k, err));
    IMR_TRY(imr_matrix_init(&s->v, z->rows, k, err));
    for (size_t i = 0; i < l; i++)
        for (size_t j = 0; j < k; j++) {
            left[i * k + j] = (float)small.vt[j * l + i];
            right[i * k + j] = (float)small.u[i * l + j];
        }
    imr_blas_gemm(s->u.v, k, 1.0f, imr_matrix_view(q), IMR_PLAIN, imr_view_of(left, l, k),
                  IMR_PLAIN, 0.0f);
    imr_blas_gemm(s->v.v, k, 1.0f, imr_matrix_view(z), IMR_PLAIN, imr_view_of(right, l, k),
                  IMR_PLAIN, 0.0f);
    for (size_t j = 0; j < k; j++)
        s->s[j] = (float)small.s[j];
    fix_signs(&s->u, &s->v, left);
    return IMR_OK;
}

imr_status imr_svd_sparse_init(imr_svd_sparse *out, const imr_csr *a,
                               const imr_svd_sparse_options *options, const imr_progress *progress,
                               imr_error *err)
{
    size_t low = a->rows < a->cols ? a->rows : a->cols;
    if (options->k == 0 || options->k > low)
        return imr_fail(err, IMR_E_SHAPE,
                        "%zu dimensions asked of a %zu x %zu matrix; it has at most %zu",
                        options->k, a->rows, a->cols, low);
    if (imr_view_first_bad(imr_view_of(a->value, 1, a->start[a->rows])) < a->start[a->rows])
        return imr_fail(err, IMR_E_NUMERIC, "the sparse matrix holds a value that is not finite");
    size_t l = options->k + options->oversample < low ? options->k + options->oversample : low;
    const char *what = "decomposing";
    uint64_t steps = 2 * options->power + 3, done = 0;

    IMR_CLEANUP(transposed_done) transposed t = {0};
    IMR_TRY(transpose(&t, a, err));
    IMR_CLEANUP(imr_matrix_done) imr_matrix q = {0};
    IMR_CLEANUP(imr_matrix_done) imr_matrix z = {0};
    IMR_AUTOFREE float *r = imr_alloc(l * l, sizeof *r);
    IMR_NEED(r, err);
    IMR_TRY(imr_matrix_init(&q, a->rows, l, err));
    IMR_TRY(imr_matrix_init(&z, a->cols, l, err));

    imr_random random;
    imr_random_init(&random, options->seed);
    imr_random_fill_normal(&random, z.v, z.rows * z.cols, 1.0);
    for (size_t round = 0; round <= options->power; round++) {
        imr_csr_times(q.v, a, imr_matrix_view(&z));
        IMR_TRY(imr_qr_tall_f(q.v, q.rows, l, NULL, err));
        if (!imr_progress_step(progress, what, ++done, steps))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
        imr_csr_times(z.v, &t.m, imr_matrix_view(&q));
        IMR_TRY(imr_qr_tall_f(z.v, z.rows, l, r, err));
        if (!imr_progress_step(progress, what, ++done, steps))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    IMR_CLEANUP(imr_svd_sparse_done) imr_svd_sparse s = {0};
    IMR_TRY(assemble(&s, &q, &z, r, options->k, err));
    *out = IMR_TAKE(s);
    (void)imr_progress_step(progress, what, steps, steps);
    return IMR_OK;
}
