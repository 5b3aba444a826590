/*
 * Shares by word of the real MiniLM under the authors' adapter, against matrices of an independent
 * implementation (float64): oracle/final/shares. Every entry within 1e-6.
 */
#include "adapter/adapter.h"
#include "base/mem.h"
#include "encoder/token_sum.h"
#include "explain/shares.h"
#include "format/json.h"
#include "format/npy.h"
#include "math/nn.h"
#include "retrieval/dataset.h"
#include "tests/support/test.h"

enum { N = 384 };

static imr_error err;

/* Matrix of a file in shares/, float64; the caller frees v. */
typedef struct golden {
    double *v;
    size_t rows, cols;
} golden;

static golden load(const char *query, const char *name)
{
    char path[256];
    imr_npy npy = {0};
    snprintf(path, sizeof path, "oracle/final/shares/%s_%s.npy", query, name);
    CHECK_OK(imr_npy_open(&npy, test_shared(path), &err));
    CHECK_INT(npy.t.dtype, IMR_F64);
    golden g = {.rows = npy.t.rank == 2 ? npy.t.shape[0] : 1, .cols = npy.t.shape[npy.t.rank - 1]};
    g.v = malloc(g.rows * g.cols * sizeof *g.v);
    CHECK(g.v != NULL);
    memcpy(g.v, npy.t.data, g.rows * g.cols * sizeof *g.v);
    imr_npy_done(&npy);
    return g;
}

static imr_share_side side_of(const imr_adapter *a, const float *scale, const float *bias,
                              bool query)
{
    return (imr_share_side){
        .projector = imr_weight_view(&a->w, IMR_W_PROJECTOR),
        .projector_bias = imr_weight(&a->w, IMR_W_PROJECTOR_BIAS),
        .scale = scale,
        .bias = bias,
        .gain = imr_weight(&a->w, query ? IMR_W_QUERY_NORM : IMR_W_DOC_NORM),
        .shift = imr_weight(&a->w, query ? IMR_W_QUERY_NORM_BIAS : IMR_W_DOC_NORM_BIAS),
    };
}

/* Everything of one query of the goldens. */
typedef struct scene {
    const char *query;
    imr_buf *texts; /* of the candidates */
    size_t k;
    imr_matrix base, d;
    float q_base[N], q[N], norms[128];
    double base_mean[N];
    imr_adapter_result run;
} scene;

static void read_candidates(scene *s, const imr_dataset *dataset, const imr_json *rankings)
{
    const imr_json *c = imr_json_child(imr_json_at(imr_json_at(rankings, s->query), "candidates"));
    s->texts = calloc(128, sizeof *s->texts);
    CHECK(s->texts != NULL);
    for (; c; c = imr_json_next(c)) {
        uint32_t row;
        CHECK(imr_ids_find(&dataset->documents, imr_json_string_or(c, "", ""), &row));
        CHECK_OK(imr_dataset_text(dataset, row, &s->texts[s->k++], &err));
    }
    CHECK_INT(s->k, 100);
}

/* Vectors of the candidates and of the query, and the adapter's run over them. */
static void run(scene *s, const imr_encoder *e, const imr_adapter *a, const char *query)
{
    const char *texts[128];
    size_t lens[128], len = strlen(query);
    for (size_t i = 0; i < s->k; i++) {
        texts[i] = imr_buf_text(&s->texts[i]);
        lens[i] = s->texts[i].len;
    }
    CHECK_OK(imr_matrix_init(&s->base, s->k, N, &err));
    CHECK_OK(imr_matrix_init(&s->d, s->k, N, &err));
    CHECK_OK(imr_encoder_encode(e, texts, lens, s->k, s->base.v, NULL, NULL, &err));
    CHECK_OK(imr_encoder_encode(e, &query, &len, 1, s->q_base, NULL, NULL, &err));
    CHECK_OK(imr_adapter_project(a, imr_view_of(s->q_base, 1, N), s->q, &err));
    imr_nn_linear(s->d.v, imr_matrix_view(&s->base), imr_weight_view(&a->w, IMR_W_PROJECTOR),
                  imr_weight(&a->w, IMR_W_PROJECTOR_BIAS));
    for (size_t i = 0; i < s->k; i++) {
        s->norms[i] = (float)imr_nn_norm(imr_matrix_row(&s->d, i), N);
        for (size_t j = 0; j < N; j++)
            s->base_mean[j] += (double)imr_matrix_row(&s->base, i)[j] / (double)s->k;
    }
    imr_nn_unit_rows(s->d.v, imr_matrix_view(&s->d));
    CHECK_OK(imr_adapter_run(a, s->q, imr_matrix_view(&s->d), &s->run, &err));
}

static void scene_done(scene *s)
{
    for (size_t i = 0; i < s->k; i++)
        imr_buf_done(&s->texts[i]);
    free(s->texts);
    imr_matrix_done(&s->base);
    imr_matrix_done(&s->d);
    imr_adapter_result_done(&s->run);
}

static void check_average(const scene *s, const imr_share_average *average)
{
    golden means = load(s->query, "candidate_means"), rest = load(s->query, "bias_means");
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        for (size_t j = 0; j < N; j++) {
            CHECK_NEAR(average->rest[k][j], rest.v[k * N + j], 1e-6);
            CHECK_NEAR(average->words[k][j] + average->rest[k][j], means.v[k * N + j], 1e-6);
        }
    free(means.v);
    free(rest.v);
}

/* The oracle's encoder matrices have no row and column that no word carries. */
static void check_matrix(const char *query, const char *name, const double *found, size_t rows,
                         size_t cols)
{
    golden g = load(query, name);
    CHECK(g.rows == rows || g.rows == rows - 1);
    for (size_t a = 0; a < g.rows; a++)
        for (size_t b = 0; b < g.cols; b++)
            CHECK_NEAR(found[a * cols + b], g.v[a * g.cols + b], 1e-6);
    free(g.v);
}

static void check_shares(scene *s, const imr_adapter *a, const imr_encoder *e, const char *query,
                         const char *document, const imr_json *expected)
{
    static const char *const raw_names[] = {"encoder", "projected", "after"};
    static const char *const centred_names[] = {"encoder_centred", "projected_centred",
                                                "after_centred"};
    const imr_share_side query_side = side_of(a, s->run.scale_d, s->run.bias_d, true);
    const imr_share_side document_side = side_of(a, s->run.scale_q, s->run.bias_q, false);
    const imr_why_run c = {.n = N,
                           .k = s->k,
                           .base_mean = s->base_mean,
                           .d = s->d.v,
                           .d_after = s->run.d_mod,
                           .norms = s->norms};
    imr_token_sum q = {0}, d = {0};
    imr_share_rows q_rows = {0}, d_rows = {0};
    imr_share_average average = {0};
    CHECK_OK(imr_encoder_token_sum(&q, e, query, strlen(query), NULL, &err));
    CHECK_OK(imr_encoder_token_sum(&d, e, document, strlen(document), NULL, &err));
    CHECK_OK(imr_share_rows_init(&q_rows, imr_view_of(q.rows, q.tokens.n, N), q.extra, &query_side,
                                 &err));
    CHECK_OK(imr_share_rows_init(&d_rows, imr_view_of(d.rows, d.tokens.n, N), d.extra,
                                 &document_side, &err));
    CHECK_OK(imr_share_average_init(&average, &c, NULL, &document_side, &err));
    check_average(s, &average);
    const size_t rows = q.tokens.n + 1, cols = d.tokens.n + 1;
    double *raw = malloc(2 * rows * cols * sizeof *raw), *centred = raw + rows * cols;
    float *weight = malloc(d.tokens.n * sizeof *weight);
    CHECK(raw != NULL && weight != NULL);
    for (size_t b = 0; b < d.tokens.n; b++)
        weight[b] = 1 / (float)d.tokens.n;
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        char path[32];
        double sum = 0, sum_centred = 0;
        CHECK_OK(imr_share_pairs(raw, centred, &q_rows, &d_rows, k, weight, &average, &err));
        check_matrix(s->query, raw_names[k], raw, rows, cols);
        check_matrix(s->query, centred_names[k], centred, rows, cols);
        for (size_t i = 0; i < rows * cols; i++) {
            sum += raw[i];
            sum_centred += centred[i];
        }
        snprintf(path, sizeof path, "similarity/%u", (unsigned)k);
        CHECK_NEAR(sum, imr_json_number_or(expected, path, 9), 1e-6);
        snprintf(path, sizeof path, "centred_sum/%u", (unsigned)k);
        CHECK_NEAR(sum_centred, imr_json_number_or(expected, path, 9), 1e-6);
    }
    free(raw);
    free(weight);
    imr_share_average_done(&average);
    imr_share_rows_done(&q_rows);
    imr_share_rows_done(&d_rows);
    imr_token_sum_done(&q);
    imr_token_sum_done(&d);
}

TEST("shares by word of the real MiniLM under the authors' adapter equal the goldens, raw and "
     "against the average candidate")
{
    char model[1024], file[1024], path[1024];
    imr_json *rankings = NULL, *shares = NULL;
    imr_dataset *dataset = NULL;
    imr_encoder *e = NULL;
    imr_adapter *a = NULL;
    snprintf(path, sizeof path, "%s", test_shared("datasets/scifact"));
    snprintf(model, sizeof model, "%s", test_shared("models/all-MiniLM-L6-v2"));
    snprintf(file, sizeof file, "%s", test_shared("adapters/final/imrnns-final-minilm-scifact.pt"));
    CHECK_OK(imr_json_open(&rankings, test_shared("oracle/final/scifact_rankings.json"), &err));
    CHECK_OK(imr_json_open(&shares, test_shared("oracle/final/shares.json"), &err));
    CHECK_OK(imr_dataset_open(&dataset, path, NULL, &err));
    CHECK_OK(imr_encoder_open(&e, model, NULL, &err));
    CHECK_OK(imr_adapter_open(&a, file, IMR_FORM_AUTO, &err));
    CHECK_INT(a->w.form, IMR_FORM_MEAN);
    size_t done = 0;
    for (const imr_json *one = imr_json_child(shares); one; one = imr_json_next(one), done++) {
        scene s = {.query = imr_json_string_or(one, "query", "")};
        imr_buf document = {0};
        uint32_t row, query;
        CHECK(imr_ids_find(&dataset->query_ids, s.query, &query));
        const char *text = dataset->query_texts[query];
        CHECK(imr_ids_find(&dataset->documents, imr_json_string_or(one, "document", ""), &row));
        CHECK_OK(imr_dataset_text(dataset, row, &document, &err));
        read_candidates(&s, dataset, rankings);
        run(&s, e, a, text);
        check_shares(&s, a, e, text, imr_buf_text(&document), one);
        scene_done(&s);
        imr_buf_done(&document);
    }
    CHECK_INT(done, 3);
    imr_adapter_free(a);
    imr_encoder_free(e);
    imr_dataset_free(dataset);
    imr_json_free(shares);
    imr_json_free(rankings);
}
