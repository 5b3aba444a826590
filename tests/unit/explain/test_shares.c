/* Word by word: sums, the average candidate, and a twin that does every step in double. */
#include "base/mem.h"
#include "explain/shares.h"
#include "math/nn.h"
#include "tests/unit/explain/support.h"

enum { N = 24, M = 16, K = 7, QUERY = 5, DOCUMENT = 11 };

typedef enum form { DIAGONAL, FULL, PLAIN, FORMS } form; /* PLAIN: no projector bias */

/* A made-up adapter, a query and K candidates, everything in double; text i has rows[i] words. */
typedef struct scene {
    form form;
    bool extra;
    float *p, *c, *gates[2], *weight[2], *bias[2], *gain[2], *shift[2];
    float *extra_row;
    imr_blend blend[2]; /* by 1, no dims: none */
    float *text[K + 1];
    size_t words[K + 1];
} scene;

static scene scene_of(form f, bool extra, uint64_t seed)
{
    scene s = {.form = f, .extra = extra, .blend = {{.by = 1}, {.by = 1}}};
    s.p = random_floats(M * N, 0.3, seed++);
    s.c = random_floats(M, 0.2, seed++);
    s.extra_row = random_floats(N, 0.1, seed++);
    for (size_t side = 0; side < 2; side++) {
        s.gates[side] = random_floats(M, 1, seed++);
        s.weight[side] = random_floats(M * M, 0.4, seed++);
        s.bias[side] = random_floats(M, 0.3, seed++);
        s.gain[side] = random_floats(M, 0.5, seed++);
        s.shift[side] = random_floats(M, 0.2, seed++);
    }
    for (size_t i = 0; i <= K; i++) {
        s.words[i] = i == 0 ? QUERY : DOCUMENT + i;
        s.text[i] = random_floats(s.words[i] * N, 0.2, seed++);
    }
    return s;
}

static void scene_done(scene *s)
{
    free(s->p);
    free(s->c);
    free(s->extra_row);
    for (size_t side = 0; side < 2; side++) {
        free(s->gates[side]);
        free(s->weight[side]);
        free(s->bias[side]);
        free(s->gain[side]);
        free(s->shift[side]);
    }
    for (size_t i = 0; i <= K; i++)
        free(s->text[i]);
}

static imr_share_side side_of(const scene *s, size_t side)
{
    return (imr_share_side){
        .projector = imr_view_of(s->p, M, N),
        .projector_bias = s->form == DIAGONAL ? s->c : NULL,
        .scale = s->form == FULL ? NULL : s->gates[side],
        .weight = s->form == FULL ? s->weight[side] : NULL,
        .bias = s->bias[side],
        .gain = s->gain[side],
        .shift = s->shift[side],
        .blend = s->blend[side].by == 1.0 && !s->blend[side].n_dims ? NULL : &s->blend[side],
    };
}

/* ---- the twin ---- */

typedef struct twin_rows {
    size_t rows;
    double length_after; /* |d'| */
    double encoder[DOCUMENT + K + 2][N], before[DOCUMENT + K + 2][M], after[DOCUMENT + K + 2][M];
} twin_rows;

static void sum_rows(double *out, const double *rows, size_t n, size_t cols)
{
    memset(out, 0, cols * sizeof *out);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < cols; j++)
            out[j] += rows[i * cols + j];
}

static double divide_by_length(double *rows, size_t n, size_t cols)
{
    double sum[N];
    sum_rows(sum, rows, n, cols);
    const double length = sqrt(naive_dot(sum, sum, cols));
    for (size_t i = 0; i < n * cols; i++)
        rows[i] /= length;
    return length;
}

/* Returns |P x + c|. */
static double twin(twin_rows *t, const scene *s, size_t text, size_t side)
{
    const size_t n = s->words[text], rows = n + 1;
    double plain[DOCUMENT + K + 2][M], sum[M];
    memset(t, 0, sizeof *t);
    t->rows = rows;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < N; j++)
            t->encoder[i][j] = i < n      ? (double)s->text[text][i * N + j]
                               : s->extra ? (double)s->extra_row[j]
                                          : 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < M; j++) {
            t->before[i][j] = i == n && s->form == DIAGONAL ? (double)s->c[j] : 0;
            for (size_t k = 0; k < N; k++)
                t->before[i][j] += (double)s->p[j * N + k] * t->encoder[i][k];
        }
    memcpy(plain, t->before, sizeof plain);
    divide_by_length(&t->encoder[0][0], rows, N);
    const double norm = divide_by_length(&t->before[0][0], rows, M);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < M; j++) {
            t->after[i][j] = i == n ? (double)s->bias[side][j] : 0;
            if (s->form == FULL)
                for (size_t k = 0; k < M; k++)
                    t->after[i][j] += (double)s->weight[side][j * M + k] * plain[i][k];
            else
                t->after[i][j] += t->before[i][j] * (double)s->gates[side][j];
        }
    sum_rows(sum, &t->after[0][0], rows, M);
    double mean = 0, variance = 0;
    for (size_t j = 0; j < M; j++)
        mean += sum[j] / M;
    for (size_t j = 0; j < M; j++)
        variance += (sum[j] - mean) * (sum[j] - mean) / M;
    for (size_t i = 0; i < rows; i++) {
        double own = 0;
        for (size_t j = 0; j < M; j++)
            own += t->after[i][j] / M;
        for (size_t j = 0; j < M; j++)
            t->after[i][j] =
                (t->after[i][j] - own) / sqrt(variance + 1e-5) * (double)s->gain[side][j] +
                (i == n ? (double)s->shift[side][j] : 0);
    }
    t->length_after = divide_by_length(&t->after[0][0], rows, M);
    const imr_blend *b = &s->blend[side];
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < M; j++)
            t->after[i][j] = t->before[i][j] + b->by * (t->after[i][j] - t->before[i][j]);
        for (size_t j = 0; j < b->n_dims; j++)
            t->after[i][b->dims[j]] = 0;
    }
    divide_by_length(&t->after[0][0], rows, M);
    return norm;
}

static const double *stage_of(const twin_rows *t, imr_stage k)
{
    return k == IMR_STAGE_ENCODER  ? &t->encoder[0][0]
           : k == IMR_STAGE_BEFORE ? &t->before[0][0]
                                   : &t->after[0][0];
}

/* ---- the module, on the same scene ---- */

typedef struct world_of_shares {
    twin_rows twins[K + 1];
    float d[K * M], d_after[K * M], norms[K];
    double base_mean[N];
    imr_share_average average;
    imr_share_rows query, document;
} shares;

/* The candidates' vectors as a run would keep them. */
static void make(shares *x, const scene *s, size_t document)
{
    imr_error err = {0};
    const imr_share_side sides[2] = {side_of(s, 0), side_of(s, 1)};
    memset(x, 0, sizeof *x);
    twin(&x->twins[0], s, 0, 0);
    for (size_t i = 0; i < K; i++) {
        twin_rows *t = &x->twins[i + 1];
        const double norm = twin(t, s, i + 1, 1);
        double sums[3][N];
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
            sum_rows(sums[k], stage_of(t, k), t->rows, k ? M : N);
        for (size_t j = 0; j < N; j++)
            x->base_mean[j] += sums[0][j] / K;
        for (size_t j = 0; j < M; j++) {
            x->d[i * M + j] = (float)(sums[1][j] * (s->form == FULL ? norm : 1));
            x->d_after[i * M + j] = (float)(t->length_after * sums[2][j]);
        }
        x->norms[i] = (float)norm;
    }
    const imr_why_run c = {.n = N,
                           .k = K,
                           .base_mean = x->base_mean,
                           .d = x->d,
                           .d_after = x->d_after,
                           .norms = x->norms};
    const float *extra = s->extra ? s->extra_row : NULL;
    CHECK_OK(imr_share_average_init(&x->average, &c, extra, &sides[1], &err));
    CHECK_OK(imr_share_rows_init(&x->query, imr_view_of(s->text[0], s->words[0], N), extra,
                                 &sides[0], &err));
    CHECK_OK(imr_share_rows_init(&x->document,
                                 imr_view_of(s->text[document], s->words[document], N), extra,
                                 &sides[1], &err));
}

static void shares_done(shares *x)
{
    imr_share_average_done(&x->average);
    imr_share_rows_done(&x->query);
    imr_share_rows_done(&x->document);
}

static double cosine_of(const shares *x, imr_stage k, size_t document)
{
    double q[N], d[N];
    sum_rows(q, stage_of(&x->twins[0], k), x->twins[0].rows, k ? M : N);
    sum_rows(d, stage_of(&x->twins[document], k), x->twins[document].rows, k ? M : N);
    return naive_cosine(q, d, k ? M : N);
}

static void check_stage(const scene *s, const shares *x, imr_stage k, size_t document)
{
    imr_error err = {0};
    const twin_rows *q = &x->twins[0], *d = &x->twins[document];
    const size_t cols = k ? M : N, n = q->rows * d->rows;
    double *raw = malloc(2 * n * sizeof *raw), *centred = raw + n;
    float *weight = malloc(d->rows * sizeof *weight);
    for (size_t b = 0; b + 1 < d->rows; b++)
        weight[b] = 1 / (float)(d->rows - 1);
    CHECK_OK(imr_share_pairs(raw, centred, &x->query, &x->document, k, weight, &x->average, &err));
    double sum = 0, sum_centred = 0, mean = 0, words[N] = {0}, rest[N] = {0};
    for (size_t i = 1; i <= K; i++) {
        mean += cosine_of(x, k, i) / K;
        for (size_t b = 0; b < x->twins[i].rows; b++)
            for (size_t j = 0; j < cols; j++)
                *(b + 1 < x->twins[i].rows ? &words[j] : &rest[j]) +=
                    stage_of(&x->twins[i], k)[b * cols + j] / K;
    }
    for (size_t a = 0; a < q->rows; a++)
        for (size_t b = 0; b < d->rows; b++) {
            const double *row = stage_of(q, k) + a * cols, *other = stage_of(d, k) + b * cols;
            const double expected = naive_dot(row, other, cols);
            const double off = b + 1 < d->rows ? naive_dot(row, words, cols) / (double)(d->rows - 1)
                                               : naive_dot(row, rest, cols);
            CHECK_NEAR(raw[a * d->rows + b], expected, 1e-6);
            /* With extra rows the split between words and rest is by this document's. */
            if (!s->extra)
                CHECK_NEAR(centred[a * d->rows + b], expected - off, 1e-6);
            sum += raw[a * d->rows + b];
            sum_centred += centred[a * d->rows + b];
        }
    CHECK_NEAR(sum, cosine_of(x, k, document), 1e-6);
    CHECK_NEAR(sum_centred, cosine_of(x, k, document) - mean, 1e-6);
    free(raw);
    free(weight);
}

TEST("shares by word sum to the similarity, and against the average candidate to what it exceeds "
     "the mean by, in every form")
{
    static shares x;
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (form f = 0; f < FORMS; f++) {
            const size_t document = 1 + seed % K;
            scene s = scene_of(f, seed % 3 == 0, 1000 * seed + 100 * f);
            make(&x, &s, document);
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                check_stage(&s, &x, k, document);
            shares_done(&x);
            scene_done(&s);
        }
}

TEST("shares sum as well of what if: a part of the modulation, sides off, dimensions left out")
{
    static const uint32_t dims[] = {3, M - 1};
    static const imr_blend blends[][2] = {
        {{.by = .5}, {.by = .5}},
        {{.by = 0}, {.by = 1}},
        {{.by = 1}, {.by = 0}},
        {{.by = 1.5, .dims = dims, .n_dims = 2}, {.by = 1.5, .dims = dims, .n_dims = 2}},
        {{.by = 1, .dims = dims, .n_dims = 1}, {.by = 0, .dims = dims, .n_dims = 1}}};
    static shares x;
    for (size_t i = 0; i < IMR_LEN(blends); i++)
        for (form f = 0; f < FORMS; f++) {
            scene s = scene_of(f, i == 1, 31 * i + 7 * f + 3);
            memcpy(s.blend, blends[i], sizeof s.blend);
            make(&x, &s, 2);
            check_stage(&s, &x, IMR_STAGE_BEFORE, 2);
            check_stage(&s, &x, IMR_STAGE_AFTER, 2);
            shares_done(&x);
            scene_done(&s);
        }
}

TEST("without an adapter there are shares of the encoder alone")
{
    imr_error err = {0};
    scene s = scene_of(PLAIN, false, 7);
    imr_share_rows q = {0}, d = {0};
    double raw[(QUERY + 1) * (DOCUMENT + 2)], sum = 0, x[N] = {0}, y[N] = {0};
    CHECK_OK(imr_share_rows_init(&q, imr_view_of(s.text[0], QUERY, N), NULL, NULL, &err));
    CHECK_OK(imr_share_rows_init(&d, imr_view_of(s.text[1], DOCUMENT + 1, N), NULL, NULL, &err));
    CHECK_INT(q.stage[IMR_STAGE_BEFORE].rows, 0);
    CHECK_OK(imr_share_pairs(raw, NULL, &q, &d, IMR_STAGE_ENCODER, NULL, NULL, &err));
    for (size_t i = 0; i < IMR_LEN(raw); i++)
        sum += raw[i];
    for (size_t i = 0; i < QUERY * N; i++)
        x[i % N] += (double)s.text[0][i];
    for (size_t i = 0; i < (DOCUMENT + 1) * N; i++)
        y[i % N] += (double)s.text[1][i];
    CHECK_NEAR(sum, naive_cosine(x, y, N), 1e-6);
    imr_share_rows_done(&q);
    imr_share_rows_done(&d);
    scene_done(&s);
}

TEST("words that add up to nothing, or to no number, are refused")
{
    imr_error err = {0};
    float rows[2 * N] = {0};
    imr_share_rows out = {0};
    CHECK_INT(imr_share_rows_init(&out, imr_view_of(rows, 2, N), NULL, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "nothing");
    rows[3] = NAN;
    CHECK_INT(imr_share_rows_init(&out, imr_view_of(rows, 2, N), NULL, NULL, &err), IMR_E_NUMERIC);
    CHECK_CONTAINS(err.text, "not finite");
    CHECK(out.stage[0].v == NULL);
}

TEST("shares give up cleanly wherever memory runs out")
{
    imr_error err = {0};
    scene s = scene_of(FULL, true, 9);
    const imr_share_side side = side_of(&s, 1);
    for (long n = 0;; n++) {
        imr_share_rows out = {0};
        imr_mem_fail_after(n);
        const imr_status status =
            imr_share_rows_init(&out, imr_view_of(s.text[1], 4, N), s.extra_row, &side, &err);
        imr_mem_fail_after(-1);
        if (status == IMR_OK) {
            CHECK(n > 3);
            imr_share_rows_done(&out);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
        CHECK(out.stage[0].v == NULL);
    }
    scene_done(&s);
}
