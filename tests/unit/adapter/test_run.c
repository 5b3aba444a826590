/* The forward pass against the golden numbers of the authors' package. */
#include "tests/unit/adapter/adapter_support.h"

#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"

/* Of any adapter and its golden vectors: leaving a document out is a run over the others; what if
 * nothing of the modulation counts is before, what if half of it does the definition's. */
static void check_what_if(const imr_adapter *a, const float *q, const float *d, size_t k)
{
    imr_error err;
    const size_t m = a->w.m, places[] = {0, k / 2, k - 1};
    imr_adapter_result r = {0}, other = {0};
    float *out = calloc(k * m, sizeof *out), *less = calloc(k * m, sizeof *less);
    CHECK_OK(imr_adapter_run(a, q, imr_view_of(d, k, m), &r, &err));
    CHECK_OK(imr_adapter_without_each(out, a, &r, imr_view_of(d, k, m), &err));
    for (size_t p = 0; p < IMR_LEN(places); p++) {
        const size_t i = places[p];
        memcpy(less, d, i * m * sizeof *less);
        memcpy(less + i * m, d + (i + 1) * m, (k - i - 1) * m * sizeof *less);
        CHECK_OK(imr_adapter_run(a, q, imr_view_of(less, k - 1, m), &other, &err));
        CHECK_ALL_NEAR(out + i * m, other.q_mod, m, 2e-5);
    }
    for (int half = 0; half < 2; half++) {
        const imr_blend blend = {.by = .5 * half};
        other.query_blend = other.document_blend = &blend;
        CHECK_OK(imr_adapter_run(a, q, imr_view_of(d, k, m), &other, &err));
        for (size_t i = 0; i < k; i++) {
            double xy = 0, xx = 0, yy = 0;
            for (size_t j = 0; j < m; j++) {
                const double x = (1 - blend.by) * (double)q[j] / imr_nn_norm(q, m) +
                                 blend.by * (double)r.q_mod[j] / imr_nn_norm(r.q_mod, m);
                const double y =
                    (1 - blend.by) * (double)d[i * m + j] / imr_nn_norm(d + i * m, m) +
                    blend.by * (double)r.d_mod[i * m + j] / imr_nn_norm(r.d_mod + i * m, m);
                xy += x * y, xx += x * x, yy += y * y;
            }
            CHECK_NEAR(other.after[i], xy / sqrt(xx * yy), 1e-6);
            if (!half)
                CHECK(memcmp(&other.after[i], &r.before[i], sizeof r.before[i]) == 0);
        }
    }
    imr_adapter_result_done(&r), imr_adapter_result_done(&other);
    free(out), free(less);
}

/* Every intermediate of a folder of golden numbers; float32 sums of up to 1024 terms differ by
 * less than 1e-5. */
static void check_golden(const imr_adapter *a, const char *where)
{
    const double tolerance = 1e-5;
    imr_error err;
    char folder[1024]; /* the argument is one of the ring's buffers */
    snprintf(folder, sizeof folder, "%s", where);
    array queries = read_in(folder, "queries.npy"), documents = read_in(folder, "documents.npy");
    array q_proj = read_in(folder, "q_proj.npy"), d_proj = read_in(folder, "d_proj.npy");
    array q_mod = read_in(folder, "q_mod.npy"), d_mod = read_in(folder, "d_mod_query0.npy");
    array scores = read_in(folder, "scores.npy");
    bool diagonal = a->w.form == IMR_FORM_DIAGONAL;
    size_t n = a->w.n, m = a->w.m, rows = queries.shape[0], k = documents.shape[0];
    float *q = calloc(rows * m, sizeof *q), *d = calloc(k * m, sizeof *d);
    CHECK_OK(imr_adapter_project(a, imr_view_of(queries.v, rows, n), q, &err));
    CHECK_OK(imr_adapter_project(a, imr_view_of(documents.v, k, n), d, &err));
    CHECK_ALL_NEAR(q, q_proj.v, rows * m, tolerance);
    CHECK_ALL_NEAR(d, d_proj.v, k * m, tolerance);
    imr_adapter_result r = {0};
    for (size_t i = 0; i < rows; i++) {
        CHECK_OK(imr_adapter_run(a, q + i * m, imr_view_of(d, k, m), &r, &err));
        CHECK_ALL_NEAR(r.q_mod, q_mod.v + i * m, m, tolerance);
        CHECK_ALL_NEAR(r.after, scores.v + i * k, k, tolerance);
        if (i == 0)
            CHECK_ALL_NEAR(r.d_mod, d_mod.v, k * m, tolerance);
        if (diagonal) {
            array scale = read_in(folder, "q_scale.npy"), bias = read_in(folder, "q_bias.npy");
            array before = read_in(folder, "base_scores.npy");
            CHECK_ALL_NEAR(r.scale_q, scale.v + i * m, m, tolerance);
            CHECK_ALL_NEAR(r.bias_q, bias.v + i * m, m, tolerance);
            CHECK_ALL_NEAR(r.before, before.v + i * k, k, tolerance);
            free(scale.v), free(bias.v), free(before.v);
        }
    }
    imr_adapter_result_done(&r);
    check_what_if(a, q, d, k);
    free(q), free(d), free(queries.v), free(documents.v), free(q_proj.v), free(d_proj.v);
    free(q_mod.v), free(d_mod.v), free(scores.v);
}

/* An untrained adapter whose nets are strong enough to matter. */
static imr_adapter random_adapter(imr_form form, size_t n, size_t m, size_t h)
{
    imr_error err;
    imr_adapter a = {.usable = true};
    CHECK_OK(imr_weights_init(&a.w, form, n, m, h, &err));
    imr_random r;
    imr_random_init(&r, 9);
    imr_random_fill_normal(&r, a.w.v, a.w.count, 0.4);
    return a;
}

static float *random_rows(size_t rows, size_t cols, uint64_t seed)
{
    float *v = malloc(rows * cols * sizeof *v);
    imr_random r;
    imr_random_init(&r, seed);
    imr_random_fill_normal(&r, v, rows * cols, 1);
    imr_nn_unit_rows(v, imr_view_of(v, rows, cols));
    return v;
}

static void check_file(const char *path, const char *folder)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err));
    check_golden(a, folder);
    imr_adapter_free(a);
}

TEST("the tiny adapter gives every golden intermediate")
{
    check_file(test_golden("tiny/adapter-v1.pt"), test_golden("tiny/forward"));
}

/* The authors' package 0.2.3: one file holds what all three queries give. */
TEST("form mean gives every golden intermediate of the authors' package")
{
    const double tolerance = 1e-5;
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, test_golden("final/tiny.pt"), IMR_FORM_AUTO, &err));
    CHECK_STR(imr_form_name(a->w.form), "mean");
    CHECK_STR(imr_form_source_name(a->form_from), "metadata");
    CHECK_INT(a->problems.n, 0);
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_golden("final/forward"));
    array queries = read_in(folder, "queries.npy"), documents = read_in(folder, "documents.npy");
    const struct {
        const char *name;
        size_t at; /* of the result's vector */
    } golden[] = {{"query_scale.npy", offsetof(imr_adapter_result, scale_q)},
                  {"query_bias.npy", offsetof(imr_adapter_result, bias_q)},
                  {"aggregate_document_scale.npy", offsetof(imr_adapter_result, scale_d)},
                  {"aggregate_document_bias.npy", offsetof(imr_adapter_result, bias_d)},
                  {"projected_queries.npy", offsetof(imr_adapter_result, q)},
                  {"modulated_queries.npy", offsetof(imr_adapter_result, q_mod)},
                  {"modulated_documents.npy", offsetof(imr_adapter_result, d_mod)},
                  {"scores.npy", offsetof(imr_adapter_result, after)}};
    const size_t n = a->w.n, m = a->w.m, rows = queries.shape[0], k = documents.shape[1];
    float *q = calloc(rows * m, sizeof *q), *d = calloc(rows * k * m, sizeof *d);
    CHECK_OK(imr_adapter_project(a, imr_view_of(queries.v, rows, n), q, &err));
    CHECK_OK(imr_adapter_project(a, imr_view_of(documents.v, rows * k, n), d, &err));
    imr_adapter_result r = {0};
    for (size_t i = 0; i < rows; i++) {
        CHECK_OK(imr_adapter_run(a, q + i * m, imr_view_of(d + i * k * m, k, m), &r, &err));
        CHECK(r.d_mean == NULL);
        for (size_t g = 0; g < IMR_LEN(golden); g++) {
            array expected = read_in(folder, golden[g].name);
            const float *found;
            memcpy(&found, (const char *)&r + golden[g].at, sizeof found);
            const size_t count = expected.count / rows;
            CHECK_ALL_NEAR(found, expected.v + i * count, count, tolerance);
            free(expected.v);
        }
    }
    imr_adapter_result_done(&r);
    imr_adapter_free(a);
    free(q), free(d), free(queries.v), free(documents.v);
}

TEST("the paper's form gives every golden intermediate")
{
    check_file(test_golden("paper-variant/adapter.pt"), test_golden("paper-variant"));
}

TEST("the published adapters give every golden intermediate")
{
    for (size_t i = 0; i < IMR_LEN(published); i++) {
        char file[128], folder[128];
        snprintf(file, sizeof file, "adapters/imrnns-%s.pt", published[i]);
        snprintf(folder, sizeof folder, "oracle/released/imrnns-%s", published[i]);
        check_file(test_shared(file), test_shared(folder));
    }
}

static void check_permutation(imr_form form)
{
    enum { K = 9, M = 10 };
    imr_error err;
    imr_adapter a = random_adapter(form, 20, M, 8);
    float *q = random_rows(1, M, 1), *d = random_rows(K, M, 2), reversed[K * M];
    for (size_t i = 0; i < K; i++)
        memcpy(reversed + i * M, d + (K - 1 - i) * M, M * sizeof *d);
    imr_adapter_result r = {0}, s = {0};
    CHECK_OK(imr_adapter_run(&a, q, imr_view_of(d, K, M), &r, &err));
    CHECK_OK(imr_adapter_run(&a, q, imr_view_of(reversed, K, M), &s, &err));
    CHECK_ALL_NEAR(s.q_mod, r.q_mod, M, 1e-5);
    for (size_t i = 0; i < K; i++)
        CHECK_NEAR(s.after[i], r.after[K - 1 - i], 1e-6);
    imr_adapter_result_done(&r), imr_adapter_result_done(&s);
    imr_weights_done(&a.w);
    free(q), free(d);
}

TEST("permuting the candidates permutes the scores and changes nothing else")
{
    check_permutation(IMR_FORM_DIAGONAL);
    check_permutation(IMR_FORM_MEAN);
    check_permutation(IMR_FORM_FULL);
}

static void check_score(imr_form form)
{
    enum { K = 300, M = 12 };
    imr_error err;
    imr_adapter a = random_adapter(form, 20, M, 8);
    float *q = random_rows(1, M, 1), *d = random_rows(K, M, 2), after[K];
    imr_adapter_result r = {0};
    CHECK_OK(imr_adapter_run(&a, q, imr_view_of(d, K, M), &r, &err));
    CHECK_OK(imr_adapter_score(&a, &r, imr_rows_f32(d, K, M), after, NULL, &err));
    CHECK_ALL_NEAR(after, r.after, K, 1e-6);
    /* every second row of a wider matrix */
    CHECK_OK(imr_adapter_score(&a, &r, (imr_rows){d, false, K / 2, M, 2 * M}, after, NULL, &err));
    for (size_t i = 0; i < K / 2; i++)
        CHECK_NEAR(after[i], r.after[2 * i], 1e-6);
    imr_adapter_result_done(&r);
    imr_weights_done(&a.w);
    free(q), free(d);
}

TEST("scoring the candidates once more gives their scores again")
{
    check_score(IMR_FORM_DIAGONAL);
    check_score(IMR_FORM_MEAN);
    check_score(IMR_FORM_FULL);
}

TEST("a result is used again for more and for fewer candidates")
{
    enum { M = 12 };
    imr_error err;
    imr_adapter a = random_adapter(IMR_FORM_DIAGONAL, 20, M, 8);
    float *q = random_rows(1, M, 1), *d = random_rows(40, M, 2);
    imr_adapter_result used = {0};
    size_t ks[] = {5, 40, 1, 17};
    for (size_t c = 0; c < 4; c++) {
        imr_adapter_result fresh = {0};
        long before = imr_mem_count();
        CHECK_OK(imr_adapter_run(&a, q, imr_view_of(d, ks[c], M), &used, &err));
        CHECK(c < 2 || imr_mem_count() == before);
        CHECK_OK(imr_adapter_run(&a, q, imr_view_of(d, ks[c], M), &fresh, &err));
        CHECK_INT(used.k, ks[c]);
        CHECK_ALL_NEAR(used.after, fresh.after, ks[c], 0);
        imr_adapter_result_done(&fresh);
    }
    imr_adapter_result_done(&used);
    imr_weights_done(&a.w);
    free(q), free(d);
}

TEST("what cannot be run is refused by name")
{
    imr_error err;
    imr_adapter a = random_adapter(IMR_FORM_DIAGONAL, 20, 12, 8);
    float *q = random_rows(1, 12, 1), *d = random_rows(5, 20, 2), out[5 * 12];
    imr_adapter_result r = {0};
    CHECK(imr_adapter_run(&a, q, imr_view_of(d, 5, 11), &r, &err) == IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "11 dimensions");
    CHECK(imr_adapter_run(&a, q, imr_view_of(d, 0, 12), &r, &err) == IMR_E_SHAPE);
    CHECK(imr_adapter_run(&a, q, (imr_view){d, IMR_MAX_FEEDBACK + 1, 12, 0}, &r, &err) ==
          IMR_E_LIMIT);
    CHECK(imr_adapter_project(&a, imr_view_of(d, 5, 19), out, &err) == IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "19 dimensions, the adapter expects 20");
    d[3 * 20 + 4] = (float)NAN;
    CHECK(imr_adapter_project(&a, imr_view_of(d, 5, 20), out, &err) == IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "vector 3");
    d[2 * 12 + 1] = (float)INFINITY;
    CHECK(imr_adapter_run(&a, q, imr_view_of(d, 5, 12), &r, &err) == IMR_E_NUMERIC);
    imr_mem_fail_after(0);
    imr_adapter_result empty = {0};
    CHECK(imr_adapter_run(&a, q, imr_view_of(d, 2, 12), &empty, &err) == IMR_E_MEMORY);
    imr_mem_fail_after(-1);
    imr_adapter_result_done(&r);
    imr_weights_done(&a.w);
    free(q), free(d);
}

TEST("the survey of an adapter that does nothing finds scale one half and no bias")
{
    imr_error err;
    imr_adapter a = random_adapter(IMR_FORM_DIAGONAL, 20, 12, 8);
    imr_adapter_survey s;
    memset(imr_weight(&a.w, IMR_W_QUERY_3), 0, 24 * 4 * sizeof(float));
    memset(imr_weight(&a.w, IMR_W_QUERY_3_BIAS), 0, 24 * sizeof(float));
    CHECK_OK(imr_adapter_survey_run(&s, &a, 50, 1, &err));
    CHECK_NEAR(s.scale_min, 0.5, 0);
    CHECK_NEAR(s.scale_max, 0.5, 0);
    CHECK_NEAR(s.bias_max, 0, 0);
    /* a bias of the last layer that is the same for every query */
    imr_weight(&a.w, IMR_W_QUERY_3_BIAS)[0] = 2;
    imr_weight(&a.w, IMR_W_QUERY_3_BIAS)[12] = 1;
    CHECK_OK(imr_adapter_survey_run(&s, &a, 50, 1, &err));
    CHECK_NEAR(s.scale_max, 1 / (1 + exp(-2)), 1e-7);
    CHECK_NEAR(s.bias_min, tanh(1), 1e-7);
    CHECK_NEAR(s.bias_median, s.bias_max, 0);
    CHECK_NEAR(s.scale_mean, 0.5 + (s.scale_max - 0.5) / 12, 1e-9);
    imr_weights_done(&a.w);
}

TEST("the survey of a full adapter looks at the diagonal of its matrix")
{
    imr_error err;
    imr_adapter a = random_adapter(IMR_FORM_FULL, 20, 6, 4);
    imr_adapter_survey s;
    memset(imr_weight(&a.w, IMR_W_QUERY_2), 0, 42 * 4 * sizeof(float));
    float *bias = imr_weight(&a.w, IMR_W_QUERY_2_BIAS);
    for (size_t i = 0; i < 42; i++)
        bias[i] = i < 36 ? (float)(i % 7 == 0 ? i / 7 : 100) : 0.5f;
    CHECK_OK(imr_adapter_survey_run(&s, &a, 3, 1, &err));
    CHECK_NEAR(s.scale_min, 0, 0);
    CHECK_NEAR(s.scale_max, 5, 0);
    CHECK_NEAR(s.scale_mean, 2.5, 1e-12);
    CHECK_NEAR(s.bias_median, sqrt(6 * 0.25), 1e-7);
    imr_weights_done(&a.w);
}

TEST("q' without each feedback document is that of a run over the others, in every form")
{
    imr_error err;
    for (imr_form form = IMR_FORM_DIAGONAL; form <= IMR_FORM_FULL; form++) {
        enum { N = 20, M = 12, H = 10, K = 9 };
        imr_adapter a = random_adapter(form, N, M, H);
        float *q = random_rows(1, M, 3), *d = random_rows(K, M, 4),
              *out = calloc(K * M, sizeof *out);
        float *less = calloc(K * M, sizeof *less);
        imr_adapter_result r = {0}, twin = {0};
        for (size_t k = 2; k <= K; k++) {
            CHECK_OK(imr_adapter_run(&a, q, imr_view_of(d, k, M), &r, &err));
            CHECK_OK(imr_adapter_without_each(out, &a, &r, imr_view_of(d, k, M), &err));
            for (size_t i = 0; i < k; i++) {
                memcpy(less, d, i * M * sizeof *less);
                memcpy(less + i * M, d + (i + 1) * M, (k - i - 1) * M * sizeof *less);
                CHECK_OK(imr_adapter_run(&a, q, imr_view_of(less, k - 1, M), &twin, &err));
                CHECK_ALL_NEAR(out + i * M, twin.q_mod, M, 1e-5);
            }
        }
        imr_mem_fail_after(0);
        CHECK_INT(imr_adapter_without_each(out, &a, &r, imr_view_of(d, K, M), &err), IMR_E_MEMORY);
        imr_mem_fail_after(-1);
        imr_adapter_result_done(&r), imr_adapter_result_done(&twin);
        free(q), free(d), free(out), free(less);
        imr_weights_done(&a.w);
    }
}
