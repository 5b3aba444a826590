#include "task/precision.h"

#include "base/clock.h"
#include "math/nn.h"
#include "retrieval/cache.h"
#include "session/evaluate.h"
#include "task/sample.h"

enum { EXACT, LESS, BOTH, CUT = 10 };

typedef struct comparison {
    imr_precision_effect e;
    imr_sample sample;
    const imr_encoder *encoders[BOTH];
    const imr_progress *up;
    imr_cache *caches[BOTH];
    float *less; /* [documents + queries, dim], what the second cache is made of */
    size_t rows; /* encoded, or copied from `less` */
    uint64_t reported, total;
    double seconds[BOTH];
    uint32_t *lists[BOTH]; /* [queries, k] */
} comparison;

static void comparison_done(comparison *c)
{
    imr_sample_done(&c->sample);
    imr_free(c->less);
    for (size_t i = 0; i < BOTH; i++) {
        imr_cache_free(c->caches[i]);
        imr_free(c->lists[i]);
    }
}

/* ---- vectors ---- */

static bool step(void *user, const imr_progress_info *info)
{
    const comparison *c = user;
    return imr_progress_step(c->up, "comparing precisions", c->reported + info->done, c->total);
}

static imr_status encode_with(comparison *c, size_t which, const imr_encode_texts *t, float *out,
                              imr_error *err)
{
    const imr_progress inner = {step, c};
    const double start = imr_clock_seconds();
    imr_status status =
        imr_encoder_encode(c->encoders[which], t->texts, t->lens, t->count, out, NULL, &inner, err);
    if (status == IMR_E_CANCELLED)
        return imr_fail(err, status, "the comparison of precisions was cancelled");
    if (c->rows < c->sample.documents)
        c->seconds[which] += imr_clock_seconds() - start;
    c->reported += t->count;
    return status;
}

static imr_status encode_both(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    comparison *c = user;
    const size_t n = c->encoders[EXACT]->dim;
    float *to[BOTH] = {out, c->less + c->rows * n};
    for (size_t i = 0; c->rows == 0 && i < BOTH; i++) /* reads the weights for the first time */
        IMR_TRY(imr_encoder_encode(c->encoders[i], t->texts, t->lens, 1, to[i], NULL, NULL, err));
    for (size_t i = 0; i < BOTH; i++)
        IMR_TRY(encode_with(c, i, t, to[i], err));
    for (size_t i = 0; i < t->count; i++) {
        const double cosine = imr_nn_cosine(to[EXACT] + i * n, to[LESS] + i * n, n);
        c->e.mean_cosine += cosine / (double)(c->sample.documents + c->sample.queries);
        c->e.least_cosine = cosine < c->e.least_cosine ? cosine : c->e.least_cosine;
    }
    c->rows += t->count;
    return IMR_OK;
}

static imr_status copy_less(void *user, const imr_encode_texts *t, float *out, imr_error *err)
{
    comparison *c = user;
    const size_t n = c->encoders[LESS]->dim;
    (void)err;
    memcpy(out, c->less + c->rows * n, t->count * n * sizeof *out);
    c->rows += t->count;
    return IMR_OK;
}

static imr_status make_cache(comparison *c, size_t which, imr_encode_fn encode, imr_error *err)
{
    const imr_encoder *e = c->encoders[which];
    const imr_encoder_identity identity = {.query_prefix = e->query_prefix,
                                           .passage_prefix = e->passage_prefix};
    imr_dataset *d;
    IMR_TRY(imr_sample_open(&d, &c->sample, err));
    c->rows = 0;
    imr_status status =
        imr_cache_build_memory(&c->caches[which], d, &identity, e->dim, encode, c, NULL, err);
    if (status != IMR_OK)
        imr_dataset_free(d);
    return status;
}

static imr_status encode(comparison *c, imr_error *err)
{
    const size_t rows = c->sample.documents + c->sample.queries;
    c->total = BOTH * (uint64_t)rows;
    c->less = imr_calloc(rows, c->encoders[LESS]->dim * sizeof *c->less);
    IMR_NEED(c->less, err);
    IMR_TRY(make_cache(c, EXACT, encode_both, err));
    return make_cache(c, LESS, copy_less, err);
}

/* ---- rankings ---- */

typedef struct listing {
    uint32_t *v;
    size_t n;
} listing;

static imr_status keep_list(void *user, imr_ranking_kind kind, const char *query_id,
                            const uint32_t *documents, const float *scores, size_t n,
                            imr_error *err)
{
    listing *l = user;
    (void)kind, (void)query_id, (void)scores, (void)err;
    memcpy(l->v + l->n, documents, n * sizeof *documents);
    l->n += n;
    return IMR_OK;
}

static imr_status rank(imr_eval *out, comparison *c, size_t which, imr_error *err)
{
    const size_t n = c->sample.queries;
    const imr_metric metric = {IMR_METRIC_NDCG, (uint32_t)c->e.k};
    IMR_AUTOFREE uint32_t *queries = IMR_NEW_ARRAY(uint32_t, n);
    c->lists[which] = IMR_NEW_ARRAY(uint32_t, n * c->e.k);
    IMR_NEED(queries && c->lists[which], err);
    for (size_t i = 0; i < n; i++)
        queries[i] = (uint32_t)i;
    listing l = {.v = c->lists[which]};
    const imr_eval_options options = {.feedback_k = (uint32_t)c->e.k,
                                      .metrics = &metric,
                                      .n_metrics = 1,
                                      .sink = keep_list,
                                      .sink_user = &l};
    return imr_eval_run(out, c->caches[which], NULL, c->sample.qrels, queries, n, NULL, &options,
                        c->up, err);
}

static size_t shared(const uint32_t *a, const uint32_t *b, size_t k)
{
    size_t n = 0;
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            n += a[i] == b[j];
    return n;
}

static void compare_lists(comparison *c)
{
    const size_t k = c->e.k;
    size_t both = 0;
    for (size_t i = 0; i < c->sample.queries; i++) {
        const uint32_t *a = c->lists[EXACT] + i * k, *b = c->lists[LESS] + i * k;
        c->e.same_lists += memcmp(a, b, k * sizeof *a) == 0;
        both += shared(a, b, k);
    }
    c->e.overlap = (double)both / (double)(c->sample.queries * k);
}

static imr_status rank_both(comparison *c, imr_error *err)
{
    IMR_CLEANUP(imr_eval_done) imr_eval exact = {0}, less = {0};
    IMR_TRY(rank(&exact, c, EXACT, err));
    IMR_TRY(rank(&less, c, LESS, err));
    compare_lists(c);
    if (!c->sample.qrels)
        return IMR_OK;
    return imr_significance_test(&c->e.ndcg, exact.values[IMR_RANKED_ENCODER],
                                 less.values[IMR_RANKED_ENCODER], exact.queries, 1, err);
}

/* ---- */

static imr_status compare(comparison *c, const imr_dataset *dataset, imr_error *err)
{
    IMR_TRY(imr_sample_take(&c->sample, dataset, err));
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
                    .encoders = {[EXACT] = exact, [LESS] = encoder},
                    .up = progress};
    IMR_TRY(compare(&c, dataset, err));
    *out = c.e;
    return IMR_OK;
}
