/* task/train.c - examples out of a cache, validation by ranking, training. */
#include "task/train.h"

#include <math.h>
#include <string.h>

#include "base/array.h"
#include "math/random.h"
#include "retrieval/bm25.h"
#include "task/evaluate.h"

#define VALIDATION_SHARE                                                                           \
    0.15 /* of the training queries, when the cache has no validation split                        \
          */

typedef struct queries {
    IMR_ARRAY(uint32_t) list; /* of the cache; judged ones only */
    const imr_qrels *qrels;
} queries;

typedef struct job {
    const imr_cache *cache;
    const imr_train_plan *plan;
    const imr_progress *progress;
    queries train, validation;
    bool carved;
    const char *negatives_from;
    IMR_ARRAY(uint32_t) positives;
    IMR_ARRAY(uint32_t) negatives;
    uint64_t *positive_start, *negative_start; /* [train + 1] */
    imr_matrix vectors;                        /* [train, n] */
    imr_metric metric;
    imr_status failed; /* of a validation */
    imr_error why;
} job;

static void job_done(job *j)
{
    imr_free(j->train.list.v);
    imr_free(j->validation.list.v);
    imr_free(j->positives.v);
    imr_free(j->negatives.v);
    imr_free(j->positive_start);
    imr_free(j->negative_start);
    imr_matrix_done(&j->vectors);
}

/* ---- splits ---- */

/* The judged queries of a split with a vector; false: no such split or no judgements. */
static imr_status take_split(bool *found, queries *out, const job *j, const char *name,
                             imr_error *err)
{
    size_t split, n;
    *found = imr_cache_find_split(j->cache, name, &split);
    out->qrels = *found ? imr_cache_split_qrels(j->cache, split) : NULL;
    if (!out->qrels)
        return IMR_OK;
    const uint32_t *list = imr_cache_split_queries(j->cache, split, &n);
    size_t most = j->plan->max_queries ? j->plan->max_queries : SIZE_MAX;
    for (size_t i = 0; i < n && out->list.n < most; i++) {
        uint32_t judged;
        if (!imr_qrels_find(out->qrels, imr_cache_query_id(j->cache, list[i]), &judged) ||
            imr_qrels_at(out->qrels, judged).relevant == 0)
            continue;
        if (!IMR_PUSH(&out->list, list[i]))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static imr_status carve(job *j, imr_error *err)
{
    queries *train = &j->train, *validation = &j->validation;
    size_t n = train->list.n, some = (size_t)((double)n * VALIDATION_SHARE + 0.5);
    some = some ? some : 1;
    if (n < 2)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has %zu judged training queries; at least 2 are needed, one "
                        "of them to validate with",
                        imr_cache_path(j->cache), n);
    imr_random r;
    imr_random_init(&r, j->plan->options.seed);
    imr_random_shuffle(&r, train->list.v, n);
    if (!IMR_GROW(&validation->list, some))
        return imr_fail_memory(err);
    memcpy(validation->list.v, train->list.v + (n - some), some * sizeof *train->list.v);
    validation->list.n = some;
    validation->qrels = train->qrels;
    train->list.n = n - some;
    j->carved = true;
    return IMR_OK;
}

static imr_status split_queries(job *j, imr_error *err)
{
    bool found;
    IMR_TRY(take_split(&found, &j->train, j, "train", err));
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no split 'train' to train on; training needs a data set "
                        "with queries.jsonl and qrels/train.tsv",
                        imr_cache_path(j->cache));
    if (!j->train.qrels)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no judgements to train on; name its data set with "
                        "--dataset",
                        imr_cache_path(j->cache));
    if (j->train.list.n == 0)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "no training query of the cache %s has a relevant document",
                        imr_cache_path(j->cache));
    IMR_TRY(take_split(&found, &j->validation, j, "val", err));
    return j->validation.list.n ? IMR_OK : carve(j, err);
}

/* ---- examples ---- */

static imr_status add_positives(job *j, uint32_t query, imr_error *err)
{
    uint32_t judged, document;
    const char *id = imr_cache_query_id(j->cache, query);
    if (!imr_qrels_find(j->train.qrels, id, &judged))
        return IMR_OK;
    imr_qrels_query q = imr_qrels_at(j->train.qrels, judged);
    for (size_t i = 0; i < q.n; i++)
        if (q.v[i].grade > 0 &&
            imr_cache_find_document(j->cache, imr_qrels_document(j->train.qrels, q.v[i].document),
                                    &document) &&
            !IMR_PUSH(&j->positives, document))
            return imr_fail_memory(err);
    return IMR_OK;
}

/* Rows of the cache for what BM25 found; a data set and its cache may order documents apart. */
static imr_status add_mined(job *j, const imr_bm25 *bm25, uint32_t query, imr_error *err)
{
    const imr_dataset *dataset = imr_cache_dataset(j->cache);
    const char *text = imr_cache_query_text(j->cache, query);
    size_t want = j->plan->options.negatives, found;
    IMR_AUTOFREE uint32_t *mined = IMR_NEW_ARRAY(uint32_t, want);
    if (!mined)
        return imr_fail_memory(err);
    IMR_TRY(imr_bm25_negatives(bm25, text, strlen(text), j->train.qrels,
                               imr_cache_query_id(j->cache, query), want, j->plan->negative_pool,
                               mined, &found, err));
    for (size_t i = 0; i < found; i++) {
        uint32_t document;
        if (imr_cache_find_document(j->cache, imr_dataset_id(dataset, mined[i]), &document) &&
            !IMR_PUSH(&j->negatives, document))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static bool brings_negatives(const job *j)
{
    for (size_t i = 0; i < j->train.list.n; i++) {
        size_t n;
        imr_cache_negatives(j->cache, j->train.list.v[i], &n);
        if (n)
            return true;
    }
    return false;
}

static imr_status fill_lists(job *j, const imr_bm25 *bm25, imr_error *err)
{
    imr_view all = imr_cache_query_vectors(j->cache);
    for (size_t i = 0; i < j->train.list.n; i++) {
        uint32_t query = j->train.list.v[i];
        memcpy(imr_matrix_row(&j->vectors, i), imr_view_row(&all, query), all.cols * sizeof(float));
        IMR_TRY(add_positives(j, query, err));
        if (bm25) {
            IMR_TRY(add_mined(j, bm25, query, err));
        } else {
            size_t n;
            const uint32_t *ready = imr_cache_negatives(j->cache, query, &n);
            for (size_t k = 0; k < n; k++)
                if (!IMR_PUSH(&j->negatives, ready[k]))
                    return imr_fail_memory(err);
        }
        j->positive_start[i + 1] = j->positives.n;
        j->negative_start[i + 1] = j->negatives.n;
        if (!imr_progress_step(j->progress, "finding negatives", i + 1, j->train.list.n))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while finding negatives");
    }
    return IMR_OK;
}

static imr_status make_examples(job *j, imr_error *err)
{
    size_t n = j->train.list.n;
    const imr_dataset *dataset = imr_cache_dataset(j->cache);
    bool ready = brings_negatives(j);
    if (!ready && !dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s brings no negatives and no texts to find them in; name its "
                        "data set with --dataset",
                        imr_cache_path(j->cache));
    j->negatives_from = ready ? "the cache" : "BM25";
    j->positive_start = IMR_NEW_ARRAY(uint64_t, n + 1);
    j->negative_start = IMR_NEW_ARRAY(uint64_t, n + 1);
    if (!j->positive_start || !j->negative_start)
        return imr_fail_memory(err);
    IMR_TRY(imr_matrix_init(&j->vectors, n, imr_cache_dim(j->cache), err));
    imr_bm25 *bm25 = NULL;
    if (!ready)
        IMR_TRY(imr_bm25_build(&bm25, dataset, j->progress, err));
    imr_status status = fill_lists(j, bm25, err);
    imr_bm25_free(bm25);
    return status;
}

/* ---- training ---- */

/* nDCG@10 of the adapter on the validation queries; adapter NULL: of the encoder. */
static imr_status judge(double *out, const job *j, const imr_adapter *a, imr_error *err)
{
    size_t n = imr_cache_documents(j->cache);
    imr_eval_options o = {.feedback_k = j->plan->feedback_k < n ? j->plan->feedback_k : (uint32_t)n,
                          .metrics = &j->metric,
                          .n_metrics = 1};
    imr_eval e;
    IMR_TRY(imr_eval_run(&e, j->cache, a, j->validation.qrels, j->validation.list.v,
                         j->validation.list.n, NULL, &o, NULL, err));
    *out = imr_eval_mean(&e, a ? IMR_RANKED_AFTER : IMR_RANKED_ENCODER, 0);
    imr_eval_done(&e);
    return IMR_OK;
}

static double validate(void *user, const imr_adapter *a)
{
    job *j = user;
    double value = (double)NAN;
    if (j->failed == IMR_OK)
        j->failed = judge(&value, j, a, &j->why);
    return value;
}

/* Stops training once a validation failed. */
static bool watch(void *user, const imr_progress_info *info)
{
    job *j = user;
    if (j->failed != IMR_OK)
        return false;
    return !j->progress || !j->progress->fn || j->progress->fn(j->progress->user, info);
}

static imr_status train(imr_train_outcome *o, job *j, imr_error *err)
{
    const imr_train_plan *p = j->plan;
    size_t documents = imr_cache_documents(j->cache);
    /* A collection of fewer than 10 documents is ranked whole. */
    j->metric = (imr_metric){IMR_METRIC_NDCG, documents < 10 ? (uint32_t)documents : 10};
    IMR_TRY(split_queries(j, err));
    IMR_TRY(make_examples(j, err));
    IMR_TRY(judge(&o->encoder_validation, j, NULL, err));
    IMR_TRY(imr_adapter_new(&o->adapter, p->form, imr_cache_dim(j->cache),
                            p->output_dim ? p->output_dim : imr_cache_dim(j->cache), p->hidden_dim,
                            p->options.seed, err));
    imr_train_data data = {.queries = imr_matrix_view(&j->vectors),
                           .documents = imr_cache_document_rows(j->cache),
                           .positive_start = j->positive_start,
                           .positives = j->positives.v,
                           .negative_start = j->negative_start,
                           .negatives = j->negatives.v};
    imr_progress watched = {watch, j};
    imr_status status =
        imr_train(o->adapter, &o->history, &data, &p->options, validate, j, &watched, err);
    if (j->failed != IMR_OK) {
        if (err)
            *err = j->why;
        return j->failed;
    }
    IMR_TRY(status);
    o->train_queries = j->train.list.n;
    o->validation_queries = j->validation.list.n;
    o->validation_carved = j->carved;
    o->negatives_from = j->negatives_from;
    return IMR_OK;
}

imr_status imr_train_cache(imr_train_outcome *out, const imr_cache *cache,
                           const imr_train_plan *plan, const imr_progress *progress, imr_error *err)
{
    imr_train_outcome o = {0};
    job j = {.cache = cache, .plan = plan, .progress = progress};
    imr_status status = train(&o, &j, err);
    job_done(&j);
    if (status != IMR_OK) {
        imr_train_outcome_done(&o);
        return status;
    }
    *out = o;
    return IMR_OK;
}

void imr_train_outcome_done(imr_train_outcome *o)
{
    imr_adapter_free(o->adapter);
    imr_train_history_done(&o->history);
    *o = (imr_train_outcome){0};
}
