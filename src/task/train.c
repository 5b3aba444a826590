/* task/train.c - what to train on, what to validate with, training. */
#include "task/train.h"

#include <assert.h>
#include <math.h>

#include "base/sort.h"
#include "math/nn.h"
#include "math/random.h"
#include "retrieval/reference_split.h"
#include "session/evaluate.h"
#include "task/pseudo.h"

#define VALIDATION_SHARE 0.15 /* of the training queries, when the cache has no validation split */
#define ASKS_HELD_SHARE  0.05
enum { ASKS_HELD_MOST = 500, MEASURES = 3 };

typedef struct queries {
    IMR_ARRAY(uint32_t) list; /* of the cache; judged ones only */
    const imr_qrels *qrels;
} queries;

/* The asks held out: candidates by the encoder, the own document as its rest. */
typedef struct ask_check {
    uint32_t *asks; /* rows of the pseudo cache */
    size_t n, k;
    uint32_t *candidates; /* [n,k] rows of the cache, or OWN for the rest; best first */
} ask_check;
#define OWN UINT32_MAX

typedef struct work {
    const imr_cache *cache;
    const imr_train_plan *plan;
    const imr_progress *progress;
    queries train, validation;
    bool carved;
    bool *held; /* [documents] relevant to a validation query; NULL: not held out */
    imr_cache *pseudo;
    uint32_t *document; /* [rows of pseudo] its row of the cache */
    uint32_t *asks;     /* that are trained on */
    size_t n_asks;
    ask_check check;
    imr_ranker encoder; /* without an adapter: mines and ranks asks; {0} for the miner BM25 */
    imr_examples judged, asked;
    imr_metric metrics[MEASURES];
    imr_status failed; /* of a validation */
    imr_error why;
} work;

static void work_done(work *w)
{
    IMR_FREE(w->train.list.v, w->validation.list.v, w->held, w->document, w->asks, w->check.asks,
             w->check.candidates);
    imr_ranker_done(&w->encoder);
    imr_examples_done(&w->judged);
    imr_examples_done(&w->asked);
    imr_cache_free(w->pseudo);
}

/* ---- judged queries ---- */

/* The judged queries of a split with a vector; false: no such split or no judgements. */
static imr_status take_split(bool *found, queries *out, const work *w, const char *name,
                             imr_error *err)
{
    size_t split, n;
    *found = imr_cache_find_split(w->cache, name, &split);
    out->qrels = *found ? w->cache->splits[split].qrels : NULL;
    if (!out->qrels)
        return IMR_OK;
    const uint32_t *list = imr_cache_split_queries(w->cache, split, &n);
    size_t most = w->plan->max_queries ? w->plan->max_queries : SIZE_MAX;
    for (size_t i = 0; i < n && out->list.n < most; i++) {
        uint32_t judged;
        if (!imr_qrels_find(out->qrels, imr_ids_at(&w->cache->queries.ids, list[i]), &judged) ||
            out->qrels->queries.v[judged].relevant == 0)
            continue;
        IMR_NEED(IMR_PUSH(&out->list, list[i]), err);
    }
    return IMR_OK;
}

static imr_status carve(work *w, imr_error *err)
{
    queries *train = &w->train, *validation = &w->validation;
    const size_t n = train->list.n, share = (size_t)((double)n * VALIDATION_SHARE + 0.5);
    const size_t some = share ? share : 1;
    imr_random r;
    imr_random_init(&r, w->plan->options.seed);
    imr_random_shuffle(&r, train->list.v, n);
    IMR_NEED(IMR_GROW(&validation->list, some), err);
    memcpy(validation->list.v, train->list.v + (n - some), some * sizeof *train->list.v);
    validation->list.n = some;
    train->list.n = n - some;
    return IMR_OK;
}

/* The authors' package 0.2 holds out the same queries whatever the seed of the training. */
static imr_status carve_as_reference(work *w, imr_error *err)
{
    IMR_CLEANUP(imr_reference_splits_done) imr_reference_splits splits = {0};
    IMR_TRY(imr_reference_splits_make(&splits, w->cache->dataset, IMR_REFERENCE_SEED, err));
    const imr_reference_split *held = &splits.v[1];
    queries *train = &w->train, *validation = &w->validation;
    size_t kept = 0;
    for (size_t i = 0; i < train->list.n; i++) {
        const uint32_t query = train->list.v[i];
        const char *id = imr_ids_at(&w->cache->queries.ids, query);
        if (!bsearch(&id, held->ids, held->n, sizeof *held->ids, imr_by_text))
            train->list.v[kept++] = query;
        else if (!IMR_PUSH(&validation->list, query))
            return imr_fail_memory(err);
    }
    train->list.n = kept;
    return IMR_OK;
}

/* Marks what is relevant to a validation query. */
static imr_status hold_documents(work *w, imr_error *err)
{
    const queries *v = &w->validation;
    w->held = IMR_NEW_ARRAY(bool, w->cache->documents.ids.n);
    IMR_NEED(w->held, err);
    for (size_t i = 0; i < v->list.n; i++) {
        uint32_t judged, document;
        if (!imr_qrels_find(v->qrels, imr_ids_at(&w->cache->queries.ids, v->list.v[i]), &judged))
            continue;
        const imr_qrels_query q = v->qrels->queries.v[judged];
        for (size_t k = 0; k < q.n; k++)
            if (q.v[k].grade > 0 && imr_ids_find(&w->cache->documents.ids,
                                                 v->qrels->documents.v[q.v[k].document], &document))
                w->held[document] = true;
    }
    return IMR_OK;
}

static imr_status need_judgements(const work *w, bool found, imr_error *err)
{
    if (w->train.list.n >= 2 || w->plan->recipe == IMR_RECIPE_CORPUS)
        return IMR_OK;
    const char *path = w->cache->path;
    if (!found)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no split 'train' to train on; recipe %s needs a data set "
                        "with queries.jsonl and qrels/train.tsv, --recipe corpus only texts",
                        path, imr_recipe_name(w->plan->recipe));
    if (!w->train.qrels)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no judgements to train on; name its data set with "
                        "--dataset, or use --recipe corpus, which needs only texts",
                        path);
    return imr_fail(err, IMR_E_NOT_FOUND,
                    "the cache %s has %zu judged training queries; at least 2 are needed, one of "
                    "them to validate with; --recipe corpus needs only texts",
                    path, w->train.list.n);
}

static imr_status split_queries(work *w, imr_error *err)
{
    bool found, val;
    IMR_TRY(take_split(&found, &w->train, w, "train", err));
    IMR_TRY(need_judgements(w, found, err));
    IMR_TRY(take_split(&val, &w->validation, w, "val", err));
    const bool carves = w->validation.list.n == 0;
    if (carves && w->plan->recipe == IMR_RECIPE_IMRNNS_02 && w->cache->dataset)
        IMR_TRY(carve_as_reference(w, err));
    if (w->validation.list.n == 0 && w->train.list.n >= 2)
        IMR_TRY(carve(w, err));
    w->carved = carves && w->validation.list.n;
    if (carves)
        w->validation.qrels = w->train.qrels;
    return w->plan->recipe == IMR_RECIPE_CORPUS && w->validation.list.n ? hold_documents(w, err)
                                                                        : IMR_OK;
}

/* ---- asks ---- */

static imr_status find_asks(work *w, imr_error *err)
{
    const size_t n = w->pseudo->queries.ids.n;
    w->document = IMR_NEW_ARRAY(uint32_t, n);
    w->asks = IMR_NEW_ARRAY(uint32_t, n);
    IMR_NEED(w->document && w->asks, err);
    for (size_t i = 0; i < n; i++) {
        const char *id = imr_ids_at(&w->pseudo->queries.ids, i);
        if (!imr_ids_find_near(&w->cache->documents.ids, id, (uint32_t)(i), &w->document[i]))
            return imr_fail(err, IMR_E_FORMAT,
                            "%s asks with document '%s', which the cache lacks; remove that folder",
                            w->pseudo->path, id);
        if (!(w->held && w->held[w->document[i]]))
            w->asks[w->n_asks++] = (uint32_t)i;
    }
    imr_random r;
    imr_random_init(&r, w->plan->options.seed);
    imr_random_shuffle(&r, w->asks, w->n_asks);
    return IMR_OK;
}

/* Ranks the rest among one ask's candidates by the encoder: the k nearest documents less its own. */
static void place_own(work *w, size_t i, const uint32_t *near, size_t n_near, float *row)
{
    ask_check *c = &w->check;
    const imr_view asks = imr_rows_view(w->pseudo->queries.rows);
    const float *ask = imr_view_row(&asks, c->asks[i]);
    const size_t dim = asks.cols;
    uint32_t *out = c->candidates + i * c->k;
    imr_rows_get(row, w->pseudo->documents.rows, c->asks[i]);
    const double own = imr_nn_cosine(ask, row, dim);
    bool placed = false;
    size_t n = 0;
    for (size_t k = 0; k < n_near && n < c->k; k++) {
        if (near[k] == w->document[c->asks[i]])
            continue;
        imr_rows_get(row, w->cache->documents.rows, near[k]);
        if (!placed && own > imr_nn_cosine(ask, row, dim)) {
            out[n++] = OWN;
            placed = true;
        }
        if (n < c->k)
            out[n++] = near[k];
    }
    if (!placed && n < c->k)
        out[n] = OWN;
}

/* Takes the last asks out of training and finds their candidates. */
static imr_status hold_asks(work *w, imr_error *err)
{
    ask_check *c = &w->check;
    const size_t documents = w->cache->documents.ids.n, dim = w->cache->dim;
    size_t n = (size_t)((double)w->n_asks * ASKS_HELD_SHARE + 0.5);
    n = n > ASKS_HELD_MOST ? ASKS_HELD_MOST : n ? n : w->n_asks > 1;
    if (w->n_asks < 2)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "only %zu documents of %s can ask for themselves; at least 2 are needed, "
                        "one of them to validate with",
                        w->n_asks, w->cache->path);
    w->n_asks -= n;
    c->n = n;
    c->k = w->plan->feedback_k < documents ? w->plan->feedback_k : documents;
    const size_t near_k = c->k < documents ? c->k + 1 : documents;
    c->asks = IMR_NEW_ARRAY(uint32_t, n);
    c->candidates = IMR_NEW_ARRAY(uint32_t, n * c->k);
    IMR_AUTOFREE uint32_t *near = IMR_NEW_ARRAY(uint32_t, n * near_k);
    IMR_AUTOFREE float *row = imr_alloc(dim, sizeof *row);
    IMR_CLEANUP(imr_matrix_done) imr_matrix vectors = {0};
    IMR_NEED(c->asks && c->candidates && near && row, err);
    memcpy(c->asks, w->asks + w->n_asks, n * sizeof *c->asks);
    IMR_TRY(imr_matrix_init(&vectors, n, dim, err));
    const imr_view all = imr_rows_view(w->pseudo->queries.rows);
    for (size_t i = 0; i < n; i++)
        memcpy(imr_matrix_row(&vectors, i), imr_view_row(&all, c->asks[i]), dim * sizeof(float));
    IMR_TRY(imr_examples_nearest(near, &w->encoder, imr_matrix_view(&vectors), near_k, w->progress,
                                 err));
    for (size_t i = 0; i < n; i++)
        place_own(w, i, near + i * near_k, near_k, row);
    return IMR_OK;
}

/* ---- validation ---- */

/* Of a single relevant document at rank (0: not among the first ten). */
static double mean_of_rank(size_t rank, double *ndcg)
{
    *ndcg = rank ? 1 / log2((double)rank + 1) : 0;
    return rank ? (*ndcg + 1 + 1 / (double)rank) / 3 : 0;
}

typedef struct value {
    double mean, ndcg;
} value;

static size_t rank_of_own(const float *scores, const uint32_t *candidates, size_t k)
{
    size_t own = 0, rank = 1;
    while (own < k && candidates[own] != OWN)
        own++;
    for (size_t i = 0; own < k && i < k; i++)
        rank += scores[i] > scores[own];
    return own < k && rank <= 10 ? rank : 0;
}

/* a NULL: the encoder's order, which the candidates have. */
static imr_status judge_asks(value *out, const work *w, const imr_adapter *a, imr_error *err)
{
    const ask_check *c = &w->check;
    assert(w->pseudo);
    const imr_view asks = imr_rows_view(w->pseudo->queries.rows);
    const size_t n = asks.cols, m = a ? a->w.m : 0;
    IMR_AUTOFREE float *base = imr_alloc((c->k + 1) * n, sizeof *base);
    IMR_AUTOFREE float *z = imr_alloc((c->k + 1) * m + 1, sizeof *z);
    IMR_CLEANUP(imr_adapter_result_done) imr_adapter_result r = {0};
    IMR_NEED(base && z, err);
    *out = (value){0};
    for (size_t i = 0; i < c->n; i++) {
        const uint32_t *candidates = c->candidates + i * c->k;
        size_t rank = 0;
        for (size_t k = 0; k < c->k && k < 10 && !a; k++)
            if (candidates[k] == OWN)
                rank = k + 1;
        if (a) {
            memcpy(base, imr_view_row(&asks, c->asks[i]), n * sizeof *base);
            for (size_t k = 0; k < c->k; k++) {
                const bool own = candidates[k] == OWN;
                imr_rows_get(base + (k + 1) * n, (own ? w->pseudo : w->cache)->documents.rows,
                             own ? c->asks[i] : candidates[k]);
            }
            IMR_TRY(imr_adapter_project(a, imr_view_of(base, c->k + 1, n), z, err));
            IMR_TRY(imr_adapter_run(a, z, imr_view_of(z + m, c->k, m), &r, err));
            rank = rank_of_own(r.after, candidates, c->k);
        }
        double ndcg;
        out->mean += mean_of_rank(rank, &ndcg) / (double)c->n;
        out->ndcg += ndcg / (double)c->n;
    }
    return IMR_OK;
}

/* Adds up the queries of an evaluation; unseen: only those. Returns how many. */
static size_t sum_up(value *out, const imr_eval *e, imr_ranking_kind kind, bool unseen)
{
    size_t n = 0;
    *out = (value){0};
    for (size_t i = 0; i < e->queries; i++) {
        const double *v = e->values[kind] + i * e->metrics;
        if (unseen && e->seen[i])
            continue;
        out->mean += (v[0] + v[1] + v[2]) / MEASURES;
        out->ndcg += v[0];
        n++;
    }
    out->mean /= n ? (double)n : 1;
    out->ndcg /= n ? (double)n : 1;
    return n;
}

static imr_status evaluate(imr_eval *e, const work *w, const imr_adapter *a, const imr_qrels *train,
                           imr_error *err)
{
    const size_t n = w->cache->documents.ids.n;
    const imr_eval_options o = {.feedback_k =
                                    w->plan->feedback_k < n ? w->plan->feedback_k : (uint32_t)n,
                                .metrics = w->metrics,
                                .n_metrics = MEASURES};
    return imr_eval_run(e, w->cache, a, w->validation.qrels, w->validation.list.v,
                        w->validation.list.n, train, &o, NULL, err);
}

/* Epochs are chosen by judged queries and asks together, each counting as one query: a hundred
 * judged queries alone choose by luck. */
static double validate(void *user, const imr_adapter *a)
{
    work *w = user;
    value judged = {0}, asked = {0};
    size_t n = 0;
    IMR_CLEANUP(imr_eval_done) imr_eval e = {0};
    if (w->failed == IMR_OK && w->check.n)
        w->failed = judge_asks(&asked, w, a, &w->why);
    if (w->failed == IMR_OK && w->validation.list.n)
        w->failed = evaluate(&e, w, a, NULL, &w->why);
    if (w->failed == IMR_OK && w->validation.list.n)
        n = sum_up(&judged, &e, IMR_RANKED_AFTER, false);
    if (w->failed != IMR_OK)
        return (double)NAN;
    return ((double)n * judged.mean + (double)w->check.n * asked.mean) / (double)(n + w->check.n);
}

/* The judgements of the queries trained on. */
static imr_status trained_on(imr_qrels **out, const work *w, imr_error *err)
{
    const size_t n = w->train.list.n;
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, n);
    IMR_NEED(ids, err);
    for (size_t i = 0; i < n; i++)
        ids[i] = imr_ids_at(&w->cache->queries.ids, w->train.list.v[i]);
    return imr_qrels_subset(out, &w->train.qrels, 1, ids, n, err);
}

static imr_train_measure measure_of(size_t n, const value *encoder, const value *after)
{
    return (imr_train_measure){n, encoder->mean, after->mean, encoder->ndcg, after->ndcg};
}

/* What the adapter kept is worth on the validation queries. */
static imr_status measure(imr_train_outcome *o, const work *w, imr_error *err)
{
    value encoder, after;
    IMR_CLEANUP(imr_qrels_free_at) imr_qrels *train = NULL;
    IMR_CLEANUP(imr_eval_done) imr_eval e = {0};
    if (w->check.n) {
        IMR_TRY(judge_asks(&encoder, w, NULL, err));
        IMR_TRY(judge_asks(&after, w, o->adapter, err));
        o->asked = measure_of(w->check.n, &encoder, &after);
    }
    if (w->validation.list.n == 0)
        return IMR_OK;
    if (!w->held)
        IMR_TRY(trained_on(&train, w, err));
    IMR_TRY(evaluate(&e, w, o->adapter, train, err));
    for (int unseen = 0; unseen < 2; unseen++) {
        const size_t n = sum_up(&encoder, &e, IMR_RANKED_ENCODER, unseen && train);
        sum_up(&after, &e, IMR_RANKED_AFTER, unseen && train);
        *(unseen ? &o->unseen : &o->all) = measure_of(n, &encoder, &after);
    }
    return IMR_OK;
}

/* ---- training ---- */

/* Stops training once a validation failed. */
static bool watch(void *user, const imr_progress_info *info)
{
    work *w = user;
    if (w->failed != IMR_OK)
        return false;
    return !w->progress || !w->progress->fn || w->progress->fn(w->progress->user, info);
}

static imr_status make_examples(work *w, const imr_encoder *encoder, imr_error *err)
{
    const imr_train_plan *p = w->plan;
    const imr_example_plan plan = {p->miner, p->options.negatives, p->negative_pool, w->held,
                                   &w->encoder};
    if (p->recipe == IMR_RECIPE_CORPUS || p->miner == IMR_MINER_ENCODER)
        IMR_TRY(imr_ranker_init(&w->encoder, NULL, w->cache, 0, w->progress, err));
    if (p->recipe == IMR_RECIPE_CORPUS) {
        IMR_TRY(imr_pseudo_open(&w->pseudo, w->cache, encoder, w->progress, err));
        IMR_TRY(find_asks(w, err));
        IMR_TRY(hold_asks(w, err));
        IMR_TRY(imr_examples_pseudo(&w->asked, w->cache, w->pseudo, w->document, w->asks, w->n_asks,
                                    &plan, w->progress, err));
    }
    if (w->train.list.n == 0 || (p->recipe == IMR_RECIPE_CORPUS && p->judged_weight <= 0))
        return IMR_OK;
    return imr_examples_judged(&w->judged, w->cache, w->train.qrels, w->train.list.v,
                               w->train.list.n, &plan, w->progress, err);
}

static imr_train_data data_of(const work *w)
{
    imr_train_data d = {.documents = w->cache->documents.rows};
    if (w->pseudo) {
        d.more = imr_rows_view(w->pseudo->documents.rows);
        d.set[d.n_sets++] = imr_examples_set(&w->asked, 1);
    }
    if (w->judged.positives.n)
        d.set[d.n_sets++] = imr_examples_set(&w->judged, w->pseudo ? w->plan->judged_weight : 1);
    return d;
}

static imr_status train(imr_train_outcome *o, work *w, const imr_encoder *encoder, imr_error *err)
{
    const imr_train_plan *p = w->plan;
    const size_t documents = w->cache->documents.ids.n, n = w->cache->dim;
    /* A collection of fewer than 10 documents is ranked whole. */
    const uint32_t k = documents < 10 ? (uint32_t)documents : 10;
    w->metrics[0] = (imr_metric){IMR_METRIC_NDCG, k};
    w->metrics[1] = (imr_metric){IMR_METRIC_RECALL, k};
    w->metrics[2] = (imr_metric){IMR_METRIC_RR, k};
    IMR_TRY(split_queries(w, err));
    IMR_TRY(make_examples(w, encoder, err));
    IMR_TRY(imr_adapter_new(&o->adapter, p->form, n, p->output_dim ? p->output_dim : n,
                            p->hidden_dim, p->options.seed, err));
    const imr_train_data data = data_of(w);
    const imr_progress watched = {watch, w};
    const imr_status status =
        imr_train(o->adapter, &o->history, &data, &p->options, validate, w, &watched, err);
    if (w->failed != IMR_OK)
        return imr_fail(err, w->failed, "%s", w->why.text);
    IMR_TRY(status);
    o->asks = w->n_asks;
    o->judged = w->judged.positives.n ? w->train.list.n : 0;
    o->validation_carved = w->carved;
    o->negatives_from = w->pseudo ? w->asked.negatives_from : w->judged.negatives_from;
    return measure(o, w, err);
}

imr_status imr_train_cache(imr_train_outcome *out, const imr_cache *cache,
                           const imr_encoder *encoder, const imr_train_plan *plan,
                           const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_train_outcome_done) imr_train_outcome o = {0};
    IMR_CLEANUP(work_done) work w = {.cache = cache, .plan = plan, .progress = progress};
    IMR_TRY(train(&o, &w, encoder, err));
    return IMR_GIVE(out, o);
}

void imr_train_outcome_done(imr_train_outcome *o)
{
    imr_adapter_free(o->adapter);
    imr_train_history_done(&o->history);
    *o = (imr_train_outcome){0};
}
