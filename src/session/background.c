/* Trust: how often each word shows up anyway (method.md section 4). */
#include <math.h>

#include "math/nn.h"
#include "math/random.h"
#include "math/topk.h"
#include "session/internal.h"

enum {
    SAMPLE_QUERIES = 100, /* queries (documents where there are too few) that are run */
    SAMPLE_PER_QUERY = 4, /* listed documents taken from each, spread over the listing */
    MINIMUM = 8,          /* a smaller sample says nothing about spread */
};
static const uint64_t SEED = 20260101; /* fixed: the same cache gives the same sample */

/* The first min(want, n) of a seeded shuffle of n rows; the caller's. */
static uint32_t *sample(size_t n, size_t want, size_t *got)
{
    imr_random random;
    imr_random_init(&random, SEED);
    *got = n < want ? n : want;
    uint32_t *rows = IMR_NEW_ARRAY(uint32_t, n);
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = (uint32_t)i;
    for (size_t i = 0; rows && i < *got; i++) {
        const size_t j = i + (size_t)imr_random_below(&random, n - i);
        const uint32_t row = rows[j];
        rows[j] = rows[i];
        rows[i] = row;
    }
    return rows;
}

/* Changes of the sample, by kind. */
typedef struct deltas {
    imr_matrix query[IMR_CHANGE_COUNT], document[IMR_CHANGE_COUNT];
    size_t per_query; /* documents */
} deltas;

static void deltas_done(deltas *d)
{
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        imr_matrix_done(&d->query[kind]);
        imr_matrix_done(&d->document[kind]);
    }
}

/* What screens show: the paper's change, what is a text's own, and what sets it against another. */
static const imr_change_kind kinds[] = {IMR_CHANGE_PAPER, IMR_CHANGE_OWN, IMR_CHANGE_CONTRAST};

/* wide: scratch [m]. */
static void delta_row(float *out, imr_change_kind kind, const float *before, const float *after,
                      size_t m, double *wide)
{
    imr_change_delta(wide, kind, before, after, m);
    for (size_t j = 0; j < m; j++)
        out[j] = (float)wide[j];
}

/* Takes mean [m] off n rows. */
static void subtract(imr_matrix *rows, size_t first, size_t n, const double *mean)
{
    for (size_t i = first; i < first + n; i++)
        for (size_t j = 0; j < rows->cols; j++)
            imr_matrix_row(rows, i)[j] -= (float)mean[j];
}

/* Contrasts of n texts: two and two against each other, both ways round, so that it does not matter
 * which is called A; 0 for one that is left over. */
static void contrast(imr_matrix *out, const imr_matrix *rows, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float *a = imr_matrix_row(rows, first + i);
        const float *b = imr_matrix_row(rows, first + ((i ^ 1) < n ? i ^ 1 : i));
        for (size_t j = 0; j < rows->cols; j++)
            imr_matrix_row(out, first + i)[j] = a[j] - b[j];
    }
}

/* The changes of the i-th sampled query and its candidates. common: scratch [m]. */
static imr_status run_one(const imr_session *s, imr_query_sample *x, size_t i,
                          imr_adapter_result *run, deltas *d, double *common, imr_error *err)
{
    imr_matrix *rows = &x->rows;
    const size_t m = rows->cols, k = rows->rows, per = d->per_query, first = i * per;
    const float *q = imr_matrix_row(&x->q, i);
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, k);
    IMR_NEED(order, err);
    imr_ranker_gather(&s->ranker, rows->v, x->candidates + i * k, k);
    IMR_TRY(imr_adapter_run(s->adapter, q, imr_matrix_view(rows), run, err));
    imr_topk(order, k, run->after, k, NULL);
    for (size_t l = 0; l < IMR_LEN(kinds); l++)
        delta_row(imr_matrix_row(&d->query[kinds[l]], i), kinds[l], q, run->q_mod, m, common);
    for (size_t j = 0; j < per; j++) {
        const size_t at = order[j * k / SAMPLE_PER_QUERY];
        for (size_t l = 0; l < IMR_LEN(kinds); l++)
            delta_row(imr_matrix_row(&d->document[kinds[l]], first + j), kinds[l],
                      imr_matrix_row(rows, at), run->d_mod + at * m, m, common);
    }
    imr_change_common(common, NULL, imr_matrix_view(rows), imr_view_of(run->d_mod, k, m));
    subtract(&d->document[IMR_CHANGE_OWN], first, per, common);
    contrast(&d->document[IMR_CHANGE_CONTRAST], &d->document[IMR_CHANGE_OWN], first, per);
    return IMR_OK;
}

/* What the sample says of every row of the table. */
static imr_status take_background(imr_told *t, deltas *d, const imr_progress *progress,
                                  imr_error *err)
{
    imr_matrix *own = &d->query[IMR_CHANGE_OWN];
    double length = 0, *common = IMR_NEW_ARRAY(double, own->cols);
    t->why.query_common = common;
    IMR_NEED(common, err);
    for (size_t i = 0; i < own->rows; i++) {
        const float *row = imr_matrix_row(own, i);
        length += imr_nn_norm(row, own->cols) / (double)own->rows;
        for (size_t j = 0; j < own->cols; j++)
            common[j] += (double)row[j] / (double)own->rows;
    }
    const double square = imr_nn_dot_double(common, common, own->cols);
    t->why.query_common_part = length > 0 ? (float)(sqrt(square) / length) : 0;
    subtract(own, 0, own->rows, common);
    contrast(&d->query[IMR_CHANGE_CONTRAST], own, 0, own->rows);
    for (size_t i = 0; i < IMR_LEN(kinds); i++) {
        const imr_change_kind k = kinds[i];
        IMR_TRY(imr_background_init(&t->queries[k], &t->lens, imr_matrix_view(&d->query[k]),
                                    progress, err));
        IMR_TRY(imr_background_init(&t->documents[k], &t->lens, imr_matrix_view(&d->document[k]),
                                    progress, err));
    }
    return IMR_OK;
}

static imr_status run_sample(const imr_session *s, imr_told *t, const uint32_t *rows, size_t n,
                             imr_rows vectors, const imr_progress *progress, imr_error *err)
{
    static const char what[] = "measuring how often words show up anyway";
    const size_t m = s->adapter->w.m, k = s->options.settings.feedback_k;
    const bool before = s->options.settings.candidates == IMR_CANDIDATES_BEFORE;
    IMR_CLEANUP(deltas_done)
    deltas d = {.per_query = k < SAMPLE_PER_QUERY ? k : SAMPLE_PER_QUERY};
    IMR_CLEANUP(imr_query_sample_done) imr_query_sample x = {0};
    IMR_CLEANUP(imr_adapter_result_done) imr_adapter_result run = {0};
    IMR_AUTOFREE double *common = IMR_NEW_ARRAY(double, m);
    IMR_NEED(common, err);
    IMR_TRY(imr_ranker_check_k(s->cache, k, err));
    for (size_t i = 0; i < IMR_LEN(kinds); i++) {
        IMR_TRY(imr_matrix_init(&d.query[kinds[i]], n, m, err));
        IMR_TRY(imr_matrix_init(&d.document[kinds[i]], n * d.per_query, m, err));
    }
    IMR_TRY(imr_query_sample_init(&x, &s->ranker, before ? IMR_STAGE_BEFORE : IMR_STAGE_ENCODER,
                                  vectors, rows, n, k, what, progress, err));
    for (size_t i = 0; i < n; i++) {
        IMR_TRY(run_one(s, &x, i, &run, &d, common, err));
        IMR_TRY(imr_ranker_step(progress, what, i + 1, n, err));
    }
    return take_background(t, &d, progress, err);
}

/* Without an adapter the vectors themselves are what is told, less the mean of the documents: of a
 * sample of documents, and of queries. */
static imr_status measure_vectors(const imr_session *s, imr_told *t, imr_rows queries,
                                  const imr_progress *progress, imr_error *err)
{
    const imr_rows vectors[2] = {s->cache->documents.rows, queries};
    imr_background *to[2] = {t->documents, t->queries};
    double *mean = IMR_NEW_ARRAY(double, queries.cols);
    t->why.query_common = mean;
    IMR_NEED(mean, err);
    for (size_t side = 0; side < 2; side++) {
        size_t n;
        IMR_AUTOFREE uint32_t *rows = sample(
            vectors[side].rows, side ? SAMPLE_QUERIES : SAMPLE_PER_QUERY * SAMPLE_QUERIES, &n);
        IMR_CLEANUP(imr_matrix_done) imr_matrix chosen = {0}, apart = {0};
        IMR_NEED(rows, err);
        IMR_TRY(imr_matrix_init(&chosen, n, queries.cols, err));
        IMR_TRY(imr_matrix_init(&apart, n, queries.cols, err));
        for (size_t i = 0; i < n; i++) {
            float *row = imr_matrix_row(&chosen, i);
            imr_rows_get(row, vectors[side], rows[i]);
            for (size_t j = 0; !side && j < queries.cols; j++)
                mean[j] += (double)row[j] / (double)n;
        }
        subtract(&chosen, 0, n, mean);
        contrast(&apart, &chosen, 0, n);
        IMR_TRY(imr_background_init(&to[side][IMR_CHANGE_VECTOR], &t->lens,
                                    imr_matrix_view(&chosen), progress, err));
        IMR_TRY(imr_background_init(&to[side][IMR_CHANGE_CONTRAST], &t->lens,
                                    imr_matrix_view(&apart), progress, err));
    }
    return IMR_OK;
}

void imr_told_forget(imr_told *t)
{
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        imr_background_done(&t->queries[kind]);
        imr_background_done(&t->documents[kind]);
    }
    imr_free((void *)t->why.query_common);
    t->why = (imr_why_table){.lens = t->why.lens, .query = t->queries, .document = t->documents};
}

imr_status imr_words_measure(const imr_session *s, imr_told *t, const imr_progress *progress,
                             imr_error *err)
{
    imr_told_forget(t);
    imr_rows vectors = imr_rows_of_view(imr_rows_view(s->cache->queries.rows));
    if (vectors.rows < MINIMUM) /* documents stand in as queries */
        vectors = s->cache->documents.rows;
    if (vectors.rows < MINIMUM)
        return IMR_OK;
    if (!s->adapter)
        return measure_vectors(s, t, vectors, progress, err);
    size_t n;
    IMR_AUTOFREE uint32_t *rows = sample(vectors.rows, SAMPLE_QUERIES, &n);
    return rows ? run_sample(s, t, rows, n, vectors, progress, err) : imr_fail_memory(err);
}
