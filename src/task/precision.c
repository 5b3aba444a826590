#include "task/precision.h"

#include "base/clock.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "session/projected.h"
#include "task/sample.h"

enum { EXACT, LESS, BOTH, CUT = 10, BLOCK = 64 /* texts encoded at a time */ };

typedef struct comparison {
    imr_precision_effect e;
    imr_sample sample;
    const imr_dataset *dataset;
    const imr_encoder *encoders[BOTH];
    const imr_progress *up;
    imr_matrix rows[BOTH]; /* [documents + queries, n] */
    uint64_t reported, total;
    double seconds[BOTH];
} comparison;

static void comparison_done(comparison *c)
{
    imr_sample_done(&c->sample);
    for (size_t i = 0; i < BOTH; i++)
        imr_matrix_done(&c->rows[i]);
}

/* ---- vectors ---- */

/* Some of the documents, or of the queries. */
typedef struct block {
    bool queries;
    size_t first, count; /* of all rows */
    const char *text[BLOCK];
    size_t len[BLOCK];
} block;

static const char *id_of(const comparison *c, const block *b, size_t row)
{
    const imr_sample *s = &c->sample;
    return b->queries ? imr_ids_at(&c->dataset->query_ids, s->query[row - s->documents])
                      : imr_ids_at(&c->dataset->documents, s->document[row]);
}

static bool step(void *user, const imr_progress_info *info)
{
    const comparison *c = user;
    return imr_progress_step(c->up, "comparing precisions", c->reported + info->done, c->total);
}

static imr_status encode_with(comparison *c, size_t which, const block *b, imr_error *err)
{
    const imr_progress inner = {step, c};
    const size_t n = c->rows[which].cols;
    float *out = imr_matrix_row(&c->rows[which], b->first);
    if (b->first == 0) /* reads the weights for the first time */
        IMR_TRY(imr_encoder_encode(c->encoders[which], b->text, b->len, 1, out, NULL, NULL, err));
    const double start = imr_clock_seconds();
    imr_status status =
        imr_encoder_encode(c->encoders[which], b->text, b->len, b->count, out, NULL, &inner, err);
    if (status == IMR_E_CANCELLED)
        return imr_fail(err, status, "the comparison of precisions was cancelled");
    IMR_TRY(status);
    if (!b->queries)
        c->seconds[which] += imr_clock_seconds() - start;
    c->reported += b->count;
    const size_t bad = imr_view_first_bad(imr_view_of(out, b->count, n));
    return bad == b->count * n
               ? IMR_OK
               : imr_fail(err, IMR_E_NUMERIC,
                          "the encoder gave %s \"%.200s\" a vector that is not finite",
                          b->queries ? "query" : "document", id_of(c, b, b->first + bad / n));
}

static imr_status encode_block(comparison *c, block *b, imr_error *err)
{
    const imr_encoder *e = c->encoders[EXACT];
    const imr_sample *s = &c->sample;
    const uint32_t *rows =
        b->queries ? s->query + (b->first - s->documents) : s->document + b->first;
    IMR_AUTOBUF imr_buf all = {0};
    for (size_t i = 0; i < b->count; i++) {
        const size_t before = all.len;
        IMR_TRY(imr_dataset_prefixed(c->dataset, b->queries, rows[i],
                                     b->queries ? e->query_prefix : e->passage_prefix, &all, err));
        b->len[i] = all.len - before;
        imr_buf_char(&all, '\0');
    }
    IMR_TRY(imr_buf_check(&all, err));
    const char *at = imr_buf_text(&all);
    for (size_t i = 0; i < b->count; at += b->len[i++] + 1)
        b->text[i] = at;
    for (size_t i = 0; i < BOTH; i++)
        IMR_TRY(encode_with(c, i, b, err));
    for (size_t i = b->first; i < b->first + b->count; i++) {
        const double cosine = imr_nn_cosine(imr_matrix_row(&c->rows[EXACT], i),
                                            imr_matrix_row(&c->rows[LESS], i), e->dim);
        c->e.mean_cosine += cosine / (double)(s->documents + s->queries);
        c->e.least_cosine = cosine < c->e.least_cosine ? cosine : c->e.least_cosine;
    }
    return IMR_OK;
}

static imr_status encode(comparison *c, imr_error *err)
{
    const size_t documents = c->sample.documents, rows = documents + c->sample.queries;
    c->total = BOTH * (uint64_t)rows;
    for (size_t i = 0; i < BOTH; i++)
        IMR_TRY(imr_matrix_init(&c->rows[i], rows, c->encoders[i]->dim, err));
    for (block b = {0}; b.first < rows; b.first += b.count) {
        b.queries = b.first >= documents;
        b.count = (b.queries ? rows : documents) - b.first;
        b.count = b.count < BLOCK ? b.count : BLOCK;
        IMR_TRY(encode_block(c, &b, err));
    }
    return IMR_OK;
}

/* ---- rankings ---- */

/* The first k documents of a query, which is none of them: behind the last NULL. */
static size_t rank(const char *ids[CUT], const comparison *c, size_t which, size_t query,
                   float *scores, const float *scale, const uint32_t *places)
{
    const imr_sample *s = &c->sample;
    const imr_matrix *m = &c->rows[which];
    const float *q = imr_matrix_row(m, s->documents + query);
    uint32_t list[CUT];
    imr_search_cosines(scores, imr_rows_of_view(imr_view_of(m->v, s->documents, m->cols)), q,
                       scale + which * s->documents, imr_nn_inverse_norm(q, m->cols));
    imr_topk(list, c->e.k, scores, s->documents, places);
    for (size_t i = 0; i < c->e.k; i++)
        ids[i] = imr_ids_at(&c->dataset->documents, s->document[list[i]]);
    const size_t n = imr_drop_own(ids, c->e.k, imr_ids_at(&c->dataset->query_ids, s->query[query]));
    for (size_t i = n; i < c->e.k; i++)
        ids[i] = NULL;
    return n;
}

static imr_status rank_both(comparison *c, imr_error *err)
{
    const imr_sample *s = &c->sample;
    const imr_metric metric = {IMR_METRIC_NDCG, (uint32_t)c->e.k};
    const size_t n = s->documents, k = c->e.k;
    size_t both = 0;
    IMR_AUTOFREE float *scores = IMR_NEW_ARRAY(float, n);
    IMR_AUTOFREE float *scale = IMR_NEW_ARRAY(float, BOTH *n);
    IMR_AUTOFREE uint32_t *places = IMR_NEW_ARRAY(uint32_t, n);
    IMR_AUTOFREE double *ndcg = IMR_NEW_ARRAY(double, BOTH * s->queries);
    IMR_NEED(scores && scale && places && ndcg, err);
    for (size_t i = 0; i < n; i++) {
        places[i] = c->dataset->documents.places[s->document[i]];
        for (size_t w = 0; w < BOTH; w++)
            scale[w * n + i] = imr_nn_inverse_norm(imr_matrix_row(&c->rows[w], i), c->rows[w].cols);
    }
    for (size_t i = 0; i < s->queries; i++) {
        const char *ids[BOTH][CUT] = {{0}};
        uint32_t judged;
        for (size_t w = 0; w < BOTH; w++) {
            const size_t found = rank(ids[w], c, w, i, scores, scale, places);
            if (s->qrels &&
                imr_qrels_find(s->qrels, imr_ids_at(&c->dataset->query_ids, s->query[i]), &judged))
                IMR_TRY(imr_metrics_of_ranking(&ndcg[w * s->queries + i], &metric, 1, s->qrels,
                                               judged, ids[w], found, err));
        }
        c->e.same_lists += memcmp(ids[EXACT], ids[LESS], sizeof ids[EXACT]) == 0;
        for (size_t j = 0; j < k * k; j++)
            both += ids[EXACT][j / k] == ids[LESS][j % k];
    }
    c->e.overlap = (double)both / (double)(s->queries * k);
    return s->qrels ? imr_significance_test(&c->e.ndcg, ndcg, ndcg + s->queries, s->queries, 1, err)
                    : IMR_OK;
}

/* ---- */

static imr_status compare(comparison *c, imr_error *err)
{
    IMR_TRY(imr_sample_take(&c->sample, c->dataset, err));
    const imr_sample *s = &c->sample;
    IMR_TRY(encode(c, err));
    c->e.documents = s->documents;
    c->e.of_documents = s->of_documents;
    c->e.queries = s->queries;
    c->e.of_queries = s->of_queries;
    c->e.split = s->split;
    c->e.exact_seconds = c->seconds[EXACT];
    c->e.seconds = c->seconds[LESS];
    c->e.k = s->documents < CUT ? s->documents : CUT;
    return s->queries ? rank_both(c, err) : IMR_OK;
}

imr_status imr_precision_compare(imr_precision_effect *out, const imr_encoder *encoder,
                                 const imr_encoder *exact, const imr_dataset *dataset,
                                 const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(comparison_done)
    comparison c = {.e = {.least_cosine = 1, .overlap = 1},
                    .dataset = dataset,
                    .encoders = {[EXACT] = exact, [LESS] = encoder},
                    .up = progress};
    IMR_TRY(compare(&c, err));
    *out = c.e;
    return IMR_OK;
}
