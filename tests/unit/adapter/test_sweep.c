/* Scope corpus: the two sweeps against the plain run over all documents. */
#include "tests/unit/adapter/adapter_support.h"

#include "adapter/adapter.h"
#include "base/half.h"
#include "base/mem.h"
#include "math/blas.h"
#include "math/nn.h"
#include "math/random.h"

/* Both precisions hold the same numbers: a half-precision store is not scored worse for it. */
static void check_half(const imr_adapter *a, const float *q, imr_view d, const float *after,
                       imr_adapter_result *r, double tolerance)
{
    imr_error err;
    uint16_t *half = calloc(d.rows * d.stride, sizeof *half);
    float *y = calloc(d.rows, sizeof *y);
    for (size_t i = 0; i < d.rows * d.stride; i++)
        half[i] = imr_f32_to_f16(d.v[i]);
    const imr_rows rows = {half, true, d.rows, d.cols, d.stride};
    CHECK_OK(imr_adapter_score(a, r, rows, y, NULL, &err));
    CHECK_ALL_NEAR(y, after, d.rows, tolerance);
    CHECK_OK(imr_adapter_score_sweep(a, q, rows, NULL, r, y, NULL, &err));
    CHECK_ALL_NEAR(y, after, d.rows, tolerance);
    free(half), free(y);
}

static void check_sweep(const imr_adapter *a, size_t rows, size_t gap, double tolerance)
{
    imr_error err;
    size_t m = a->w.m, stride = m + gap;
    float *d = calloc(rows * stride, sizeof *d), *q = calloc(m, sizeof *q);
    float *after = calloc(rows, sizeof *after);
    imr_random r;
    imr_random_init(&r, 6);
    imr_random_fill_normal(&r, d, rows * stride, 1);
    imr_random_fill_normal(&r, q, m, 1);
    imr_nn_unit(q, q, m);
    for (size_t i = 0; i < rows; i++)
        imr_nn_unit(d + i * stride, d + i * stride, m);
    for (size_t i = 0; i < rows * stride; i++)
        d[i] = imr_f16_to_f32(imr_f32_to_f16(d[i]));
    imr_view view = {d, rows, m, stride};
    imr_adapter_result plain = {0}, swept = {0};
    CHECK_OK(imr_adapter_run(a, q, view, &plain, &err));
    CHECK_OK(
        imr_adapter_score_sweep(a, q, imr_rows_of_view(view), NULL, &swept, after, NULL, &err));
    CHECK(swept.d_mod == NULL && swept.k == 0);
    CHECK_ALL_NEAR(swept.q_mod, plain.q_mod, m, 10 * tolerance);
    CHECK_ALL_NEAR(after, plain.after, rows, tolerance);
    check_half(a, q, view, after, &swept, tolerance);
    imr_adapter_result_done(&plain), imr_adapter_result_done(&swept);
    free(d), free(q), free(after);
}

static imr_adapter *random_adapter(imr_form form, size_t m, double sd)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_new(&a, form, 4, m, 8, 1, &err));
    imr_random r;
    imr_random_init(&r, 2);
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        float *v = imr_weight(&a->w, id);
        for (size_t j = 0; j < imr_weight_count(&a->w, id); j++)
            v[j] += (float)(sd * imr_random_normal(&r));
    }
    return a;
}

TEST("two sweeps over all documents equal the run that writes every modulated vector")
{
    /* sums of m float32 terms, against double */
    static const struct {
        size_t m, rows, gap;
        double sd, tolerance;
    } cases[] = {{256, 9000, 0, 0.02, 2e-6},
                 {16, 50, 3, 0.3, 2e-6},
                 {5, 1, 0, 0.3, 2e-6},
                 {33, 4097, 1, 0.5, 4e-6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        imr_adapter *a = random_adapter(IMR_FORM_DIAGONAL, cases[i].m, cases[i].sd);
        check_sweep(a, cases[i].rows, cases[i].gap, cases[i].tolerance);
        imr_adapter_free(a);
    }
    static const imr_form others[] = {IMR_FORM_MEAN, IMR_FORM_FULL};
    for (size_t i = 0; i < 2; i++) {
        imr_adapter *a = random_adapter(others[i], 12, 0.3);
        check_sweep(a, 2500, 2, 2e-6);
        imr_adapter_free(a);
    }
}

/* The whole model as method.md section 1 writes it, double throughout. */
static void twin_net(double *gate, const imr_weights *w, imr_weight_id first, const double *v)
{
    double h[2][64];
    const double *in = v;
    size_t n = w->m;
    for (int layer = 0; layer < 3; layer++) {
        const imr_weight_id id = (imr_weight_id)(first + 2 * layer);
        const imr_view weight = imr_weight_view(w, id);
        double *out = layer < 2 ? h[layer] : gate;
        assert(layer == 2 || weight.rows <= 64);
        for (size_t i = 0; i < weight.rows; i++) {
            out[i] = (double)imr_weight(w, (imr_weight_id)(id + 1))[i];
            for (size_t j = 0; j < n; j++)
                out[i] += (double)weight.v[i * weight.stride + j] * in[j];
            if (layer < 2)
                out[i] = fmax(out[i], 0);
        }
        in = out;
        n = weight.rows;
    }
    for (size_t j = 0; j < w->m; j++) {
        gate[j] = 1 / (1 + exp(-gate[j]));
        gate[w->m + j] = tanh(gate[w->m + j]);
    }
}

static void twin_modulate(double *out, const imr_weights *w, imr_weight_id norm, const float *v,
                          const double *gate)
{
    const float *g = imr_weight(w, norm), *be = imr_weight(w, (imr_weight_id)(norm + 1));
    const size_t m = w->m;
    double mean = 0, var = 0;
    for (size_t j = 0; j < m; j++)
        mean += (out[j] = (double)v[j] * gate[j] + gate[m + j]) / (double)m;
    for (size_t j = 0; j < m; j++)
        var += (out[j] - mean) * (out[j] - mean) / (double)m;
    for (size_t j = 0; j < m; j++)
        out[j] = (double)g[j] * (out[j] - mean) / sqrt(var + 1e-5) + (double)be[j];
}

/* feedback: the first so many documents. */
static void twin_scores(double *after, const imr_weights *w, const float *q, imr_view d,
                        size_t feedback)
{
    const size_t m = w->m;
    double *gate = calloc(4 * m, sizeof *gate), *v = gate + 2 * m, *query = gate + 3 * m;
    double *x = calloc(d.rows * m, sizeof *x);
    for (size_t j = 0; j < m; j++)
        v[j] = (double)q[j];
    twin_net(gate, w, IMR_W_QUERY_1, v);
    memset(v, 0, m * sizeof *v);
    for (size_t i = 0; i < d.rows; i++) {
        twin_modulate(x + i * m, w, IMR_W_DOC_NORM, imr_view_row(&d, i), gate);
        for (size_t j = 0; j < m && i < feedback; j++)
            v[j] += x[i * m + j] / (double)feedback;
    }
    twin_net(gate, w, IMR_W_DOC_1, v);
    twin_modulate(query, w, IMR_W_QUERY_NORM, q, gate);
    for (size_t i = 0; i < d.rows; i++) {
        double dot = 0, a = 0, b = 0;
        for (size_t j = 0; j < m; j++) {
            dot += query[j] * x[i * m + j];
            a += query[j] * query[j];
            b += x[i * m + j] * x[i * m + j];
        }
        after[i] = dot / sqrt(a * b);
    }
    free(gate), free(x);
}

TEST("scopes corpus and rescore over 10,000 documents equal the model in double")
{
    enum { ROWS = 10000, M = 96, K = 100 };
    imr_error err;
    imr_adapter *a = random_adapter(IMR_FORM_DIAGONAL, M, 0.3);
    float *d = malloc(ROWS * M * sizeof *d), q[M];
    float *after = malloc(ROWS * sizeof *after);
    double *expected = malloc(ROWS * sizeof *expected);
    imr_random r;
    imr_random_init(&r, 8);
    imr_random_fill_normal(&r, d, ROWS * M, 1);
    imr_random_fill_normal(&r, q, M, 1);
    const imr_view view = imr_view_of(d, ROWS, M);
    imr_nn_unit_rows(d, view);
    imr_nn_unit(q, q, M);
    imr_adapter_result run = {0};
    twin_scores(expected, &a->w, q, view, ROWS);
    CHECK_OK(imr_adapter_score_sweep(a, q, imr_rows_of_view(view), NULL, &run, after, NULL, &err));
    for (size_t i = 0; i < ROWS; i++) /* float32 d' and sums: see sweep.h */
        CHECK_NEAR(after[i], expected[i], 2e-6);
    twin_scores(expected, &a->w, q, view, K);
    CHECK_OK(imr_adapter_run(a, q, imr_view_of(d, K, M), &run, &err));
    CHECK_OK(imr_adapter_score(a, &run, imr_rows_of_view(view), after, NULL, &err));
    for (size_t i = 0; i < ROWS; i++)
        CHECK_NEAR(after[i], expected[i], 2e-6);
    imr_adapter_result_done(&run);
    imr_adapter_free(a);
    free(d), free(after), free(expected);
}

TEST("scores are the same to the bit for any number of threads")
{
    enum { ROWS = 70000, M = 64 };
    imr_error err;
    imr_adapter *a = random_adapter(IMR_FORM_DIAGONAL, M, 0.3);
    float *d = malloc(ROWS * M * sizeof *d);
    float *scores[2][2];
    imr_random r;
    imr_random_init(&r, 9);
    imr_random_fill_normal(&r, d, ROWS * M, 1);
    const imr_rows rows = imr_rows_f32(d, ROWS, M);
    for (int t = 0; t < 2; t++) {
        imr_adapter_result run = {0};
        imr_blas_set_threads(t ? 3 : 1);
        for (int k = 0; k < 2; k++)
            scores[t][k] = malloc(ROWS * sizeof(float));
        CHECK_OK(imr_adapter_score_sweep(a, d, rows, NULL, &run, scores[t][0], NULL, &err));
        CHECK_OK(imr_adapter_score(a, &run, rows, scores[t][1], NULL, &err));
        imr_adapter_result_done(&run);
    }
    imr_blas_set_threads(0);
    for (int k = 0; k < 2; k++) {
        CHECK(memcmp(scores[0][k], scores[1][k], ROWS * sizeof(float)) == 0);
        free(scores[0][k]), free(scores[1][k]);
    }
    imr_adapter_free(a);
    free(d);
}

enum { MOST_LOOKS = 32 };

/* What was told, and at which look to stop; 0: never. */
typedef struct watcher {
    size_t n, stop_at, documents;
    imr_progress_info told[MOST_LOOKS];
} watcher;

static bool watch(void *user, const imr_progress_info *info)
{
    watcher *w = user;
    CHECK(w->n < MOST_LOOKS && info->total == w->documents && info->done <= info->total);
    w->told[w->n % MOST_LOOKS] = *info;
    return ++w->n != w->stop_at;
}

/* Two sweeps, each told to its end. */
static void check_told(const watcher *w)
{
    size_t first = 0;
    while (first < w->n && strcmp(w->told[first].what, "averaging documents") == 0)
        first++;
    CHECK(first >= 3 && first < w->n);
    for (size_t i = 0; i < w->n; i++) {
        CHECK_STR(w->told[i].what, i < first ? "averaging documents" : "scoring documents");
        CHECK(w->told[i].done > (i && i != first ? w->told[i - 1].done : 0));
        if (i + 1 == first || i + 1 == w->n)
            CHECK(w->told[i].done == w->documents);
    }
}

static void check_cancelling(imr_form form, size_t rows, size_t m)
{
    imr_error err;
    imr_adapter *a = random_adapter(form, m, 0.3);
    float *d = malloc(rows * m * sizeof *d), *scores[2];
    for (int k = 0; k < 2; k++)
        scores[k] = malloc(rows * sizeof(float));
    imr_random r;
    imr_random_init(&r, 10);
    imr_random_fill_normal(&r, d, rows * m, 1);
    const imr_rows all = imr_rows_f32(d, rows, m);
    imr_adapter_result alone = {0}, run = {0};
    CHECK_OK(imr_adapter_score_sweep(a, d, all, NULL, &alone, scores[0], NULL, &err));
    imr_status status = IMR_E_CANCELLED;
    for (size_t i = 1; status != IMR_OK && i <= MOST_LOOKS; i++) {
        watcher w = {.stop_at = i, .documents = rows};
        const imr_progress progress = {watch, &w};
        status = imr_adapter_score_sweep(a, d, all, NULL, &run, scores[1], &progress, &err);
        CHECK_INT(status, w.n == i ? IMR_E_CANCELLED : IMR_OK);
        if (status == IMR_OK)
            check_told(&w);
    }
    CHECK_INT(status, IMR_OK);
    CHECK(memcmp(run.q_mod, alone.q_mod, m * sizeof(float)) == 0);
    CHECK(memcmp(scores[1], scores[0], rows * sizeof(float)) == 0);
    imr_adapter_result_done(&run), imr_adapter_result_done(&alone);
    imr_adapter_free(a);
    for (int k = 0; k < 2; k++)
        free(scores[k]);
    free(d);
}

TEST("both sweeps tell how far they are, stop wherever they look, and can be run again")
{
    check_cancelling(IMR_FORM_DIAGONAL, 140000, 8);
    check_cancelling(IMR_FORM_MEAN, 2500, 12);
    check_cancelling(IMR_FORM_FULL, 2500, 12);
}

/* What the documents say does not depend on the query: kept, it is not computed again. */
static void check_kept(imr_form form)
{
    enum { ROWS = 2500, M = 12 };
    imr_error err;
    imr_adapter *a = random_adapter(form, M, 0.3);
    float d[ROWS * M], after[ROWS], again[ROWS];
    imr_random r;
    imr_random_init(&r, 11);
    imr_random_fill_normal(&r, d, ROWS * M, 1);
    imr_adapter_result whole = {0}, swept = {0};
    CHECK_OK(imr_adapter_run(a, d, imr_view_of(d, ROWS, M), &whole, &err));
    const imr_rows rows = imr_rows_f32(d, ROWS, M);
    imr_feedback kept = {0};
    CHECK_OK(imr_adapter_score_sweep(a, d, rows, &kept, &swept, after, NULL, &err));
    for (size_t j = 0; j < M; j++)
        CHECK_NEAR(swept.q_mod[j], whole.q_mod[j], 0);
    const float *other = d + M; /* as a query */
    CHECK_OK(imr_adapter_score_sweep(a, other, rows, NULL, &whole, after, NULL, &err));
    watcher w = {.stop_at = SIZE_MAX, .documents = ROWS};
    const imr_progress progress = {watch, &w};
    CHECK_OK(imr_adapter_score_sweep(a, other, rows, &kept, &swept, again, &progress, &err));
    CHECK(memcmp(again, after, sizeof after) == 0);
    CHECK_STR(w.told[0].what, "scoring documents");
    imr_free(kept.v);
    imr_adapter_result_done(&whole), imr_adapter_result_done(&swept);
    imr_adapter_free(a);
}

TEST("forms mean and full give the same query to the bit in one run and in pieces, kept or not")
{
    check_kept(IMR_FORM_MEAN);
    check_kept(IMR_FORM_FULL);
}

TEST("the sweeps of a published adapter equal its plain run")
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, test_shared("adapters/imrnns-minilm-webis-touche2020.pt"),
                              IMR_FORM_AUTO, &err));
    check_sweep(a, 5000, 0, 1e-6);
    imr_adapter_free(a);
}

TEST("the sweeps refuse what the run refuses and survive missing memory")
{
    imr_error err;
    imr_adapter *a = random_adapter(IMR_FORM_DIAGONAL, 6, 0.3);
    float q[6] = {1}, d[18] = {0, 1}, after[3];
    imr_adapter_result r = {0};
    CHECK(imr_adapter_score_sweep(a, q, imr_rows_f32(d, 0, 6), NULL, &r, after, NULL, &err) ==
          IMR_E_SHAPE);
    CHECK(imr_adapter_score_sweep(a, q, imr_rows_f32(d, 3, 5), NULL, &r, after, NULL, &err) ==
          IMR_E_SHAPE);
    d[9] = (float)NAN;
    CHECK(imr_adapter_score_sweep(a, q, imr_rows_f32(d, 3, 6), NULL, &r, after, NULL, &err) ==
          IMR_E_NUMERIC);
    d[9] = 1;
    for (long i = 0;; i++) {
        imr_adapter_result fresh = {0};
        imr_mem_fail_after(i);
        imr_status status =
            imr_adapter_score_sweep(a, q, imr_rows_f32(d, 3, 6), NULL, &fresh, after, NULL, &err);
        imr_mem_fail_after(-1);
        imr_adapter_result_done(&fresh);
        if (status == IMR_OK) {
            CHECK(i >= 4);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
    imr_adapter_result_done(&r);
    imr_adapter_free(a);
}
