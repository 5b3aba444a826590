/* task/evaluate.c - three rankings of many queries, measured. */
#include "task/evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"
#include "math/topk.h"
#include "retrieval/bm25.h"
#include "retrieval/similarity.h"
#include "session/ranker.h"

#define RBO_P     0.9 /* a reader who goes on to the next rank nine times out of ten */
#define OVERLAP_K 10

const char *imr_ranking_kind_name(imr_ranking_kind k)
{
    static const char *const names[] = {"encoder", "before", "after", "bm25"};
    return names[k];
}

const char *imr_eval_group_name(imr_eval_group g)
{
    static const char *const names[] = {"all", "seen", "unseen"};
    return names[g];
}

/* ---- one query ---- */

typedef struct evaluator {
    imr_eval *e;
    const imr_cache *cache;
    const imr_qrels *qrels;
    const imr_eval_options *o;
    imr_ranker ranker;
    imr_trace_settings settings;
    imr_arena *arena;       /* of what follows */
    uint32_t *top, *before; /* [feedback_k] */
    uint32_t *shown;        /* [feedback_k] of top, without the query itself */
    float *scores;          /* [feedback_k] */
    const char **ids;       /* [feedback_k] */
    int32_t *grades;        /* [feedback_k] */
    imr_bm25 *bm25;         /* NULL: none */
    float *by_row;          /* [documents of the cache] */
} evaluator;

/* Part of the first n that nobody judged. */
static double unjudged(const evaluator *v, uint32_t judged, size_t n)
{
    size_t none = 0;
    for (size_t i = 0; i < n; i++) {
        bool known;
        imr_qrels_grade(v->qrels, judged, v->ids[i], &known);
        none += !known;
    }
    return n ? (double)none / (double)n : 0;
}

/* v->top[listed] are ranked. */
static imr_status measure(evaluator *v, imr_ranking_kind kind, size_t row, uint32_t judged,
                          const float *scores, size_t listed, imr_error *err)
{
    size_t n = 0;
    const char *query_id = imr_ids_at(&v->cache->queries.ids, v->e->query[row]);
    for (size_t i = 0; i < listed; i++) { /* as imr_drop_own */
        v->ids[n] = imr_ids_at(&v->cache->documents.ids, v->top[i]);
        v->shown[n] = v->top[i];
        n += strcmp(v->ids[n], query_id) != 0;
    }
    v->e->own += kind == IMR_RANKED_ENCODER && n < listed;
    if (v->qrels) {
        v->e->unjudged_at[kind] += unjudged(v, judged, n < v->e->overlap_k ? n : v->e->overlap_k);
        imr_qrels_grades(v->qrels, judged, v->ids, n, v->grades);
        imr_qrels_query q = v->qrels->queries.v[judged];
        for (size_t m = 0; m < v->e->metrics; m++)
            v->e->values[kind][row * v->e->metrics + m] =
                imr_metric_value(v->o->metrics[m], v->grades, n, q.ideal, q.relevant);
    }
    if (!v->o->sink)
        return IMR_OK;
    for (size_t i = 0; i < n; i++)
        v->scores[i] = scores[v->shown[i]];
    return v->o->sink(v->o->sink_user, kind, query_id, v->shown, v->scores, n, err);
}

/* How alike v->before and v->top (after) are. */
static imr_status compare(evaluator *v, size_t row, imr_error *err)
{
    imr_eval *e = v->e;
    size_t n = v->o->feedback_k;
    imr_rank_similarity s;
    IMR_TRY(imr_rank_compare(&s, v->before, n, v->top, n, e->overlap_k, RBO_P, err));
    e->rbo[row] = s.rbo;
    e->overlap[row] = s.overlap;
    e->tau_ap[row] = s.tau_ap;
    if (llabs(s.move) > llabs(e->mover)) {
        e->mover = s.move;
        e->mover_document = s.mover;
        e->mover_query = e->query[row];
    }
    return IMR_OK;
}

static imr_status measure_words(evaluator *v, size_t row, uint32_t judged, imr_error *err)
{
    const imr_cache *c = v->cache;
    const char *text = imr_cache_query_text(c, v->e->query[row]);
    const size_t all = c->documents.ids.n;
    IMR_TRY(imr_bm25_cache_scores(v->by_row, v->bm25, c, text, err));
    size_t n = imr_topk(v->top, v->o->feedback_k, v->by_row, all, c->documents.ids.places);
    while (n > 0 && !(v->by_row[v->top[n - 1]] > 0))
        n--;
    return measure(v, IMR_RANKED_BM25, row, judged, v->by_row, n, err);
}

static imr_status measure_row(evaluator *v, size_t row, uint32_t judged, imr_arena *arena,
                              imr_error *err)
{
    imr_view queries = imr_rows_view(v->cache->queries.rows);
    imr_ranker *r = &v->ranker;
    imr_listing l;
    IMR_TRY(imr_ranker_run(r, imr_view_row(&queries, v->e->query[row]), &v->settings, arena, NULL,
                           &l, err));
    imr_ranker_top(r, IMR_STAGE_ENCODER, v->top, l.n);
    IMR_TRY(measure(v, IMR_RANKED_ENCODER, row, judged, r->sim[IMR_STAGE_ENCODER], l.n, err));
    if (v->e->has_adapter) {
        imr_ranker_top(r, IMR_STAGE_BEFORE, v->top, l.n);
        IMR_TRY(measure(v, IMR_RANKED_BEFORE, row, judged, r->sim[IMR_STAGE_BEFORE], l.n, err));
        memcpy(v->before, v->top, l.n * sizeof *v->top);
        memcpy(v->top, l.document, l.n * sizeof *v->top);
        IMR_TRY(compare(v, row, err));
        IMR_TRY(measure(v, IMR_RANKED_AFTER, row, judged, r->sim[IMR_STAGE_AFTER], l.n, err));
    }
    return v->bm25 ? measure_words(v, row, judged, err) : IMR_OK;
}

/* ---- all queries ---- */

static imr_status check_cuts(const imr_cache *cache, const imr_eval_options *o, bool judged,
                             imr_error *err)
{
    size_t n = cache->documents.ids.n;
    if (o->feedback_k == 0 || o->feedback_k > n)
        return imr_fail(err, IMR_E_USAGE,
                        "feedback-k is %u, the cache %s has %zu documents; use a value from 1 to "
                        "%zu",
                        o->feedback_k, cache->path, n, n);
    for (size_t m = 0; judged && m < o->n_metrics; m++)
        if (o->metrics[m].k > o->feedback_k) {
            char name[IMR_METRIC_NAME];
            return imr_fail(err, IMR_E_USAGE,
                            "%s needs %u ranked documents, feedback-k ranks %u; raise --feedback-k "
                            "or lower --k",
                            imr_metric_name(o->metrics[m], name), o->metrics[m].k, o->feedback_k);
        }
    return IMR_OK;
}

static void evaluator_done(evaluator *v)
{
    imr_ranker_done(&v->ranker);
    imr_arena_free(v->arena);
    imr_bm25_free(v->bm25);
    imr_free(v->by_row);
}

static imr_status allocate(evaluator *v, size_t n_queries, imr_error *err)
{
    imr_eval *e = v->e;
    const size_t k = v->o->feedback_k, adapted = e->has_adapter ? n_queries : 0;
    bool ok = true;
    for (size_t r = 0; r < IMR_RANKED_COUNT; r++)
        if (r == IMR_RANKED_ENCODER || (r == IMR_RANKED_BM25 ? v->o->bm25 : e->has_adapter))
            ok &= (e->values[r] = IMR_NEW_ARRAY(double, n_queries * e->metrics)) != NULL;
    e->query = IMR_NEW_ARRAY(uint32_t, n_queries);
    e->seen = IMR_NEW_ARRAY(bool, n_queries);
    e->rbo = IMR_NEW_ARRAY(double, adapted);
    e->overlap = IMR_NEW_ARRAY(double, adapted);
    e->tau_ap = IMR_NEW_ARRAY(double, adapted);
    e->overlap_k = k < OVERLAP_K ? k : OVERLAP_K;
    IMR_NEED(v->arena = imr_arena_new(), err);
    v->before = IMR_ARENA_ARRAY(v->arena, uint32_t, k);
    v->top = IMR_ARENA_ARRAY(v->arena, uint32_t, k);
    v->shown = IMR_ARENA_ARRAY(v->arena, uint32_t, k);
    v->scores = IMR_ARENA_ARRAY(v->arena, float, k);
    v->ids = IMR_ARENA_ARRAY(v->arena, const char *, k);
    v->grades = IMR_ARENA_ARRAY(v->arena, int32_t, k);
    return ok && e->query && e->seen && e->rbo && e->overlap && e->tau_ap && v->top && v->shown &&
                   v->before && v->scores && v->ids && v->grades
               ? IMR_OK
               : imr_fail_memory(err);
}

static imr_status index_words(evaluator *v, const imr_progress *progress, imr_error *err)
{
    if (!v->cache->dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "BM25 needs the texts of the cache %s; name its data set with --dataset",
                        v->cache->path);
    v->by_row = IMR_NEW_ARRAY(float, v->cache->documents.ids.n);
    IMR_NEED(v->by_row, err);
    const imr_bm25_form form = {true, v->o->bm25_k1, v->o->bm25_b};
    return imr_bm25_build(&v->bm25, v->cache->dataset, form, progress, err);
}

static imr_status evaluate(evaluator *v, const imr_adapter *adapter, const uint32_t *queries,
                           size_t n_queries, const imr_qrels *train, const imr_progress *progress,
                           imr_error *err)
{
    imr_eval *e = v->e;
    const size_t keep_from = v->o->in_memory ? SIZE_MAX : 0;
    e->has_train = v->qrels && train;
    IMR_TRY(allocate(v, n_queries ? n_queries : 1, err));
    IMR_TRY(imr_ranker_init(&v->ranker, adapter, v->cache, keep_from, progress, err));
    e->notice = IMR_TAKE(v->ranker.projected.notice);
    if (v->o->bm25)
        IMR_TRY(index_words(v, progress, err));
    if (v->o->doubts)
        IMR_TRY(imr_doubts_find(&e->doubts, &v->ranker, progress, err));
    for (size_t i = 0; i < n_queries; i++) {
        uint32_t judged = 0;
        if (v->qrels &&
            !imr_qrels_find(v->qrels, imr_ids_at(&v->cache->queries.ids, queries[i]), &judged)) {
            e->unjudged++;
            continue;
        }
        e->query[e->queries] = queries[i];
        e->seen[e->queries] = e->has_train && imr_qrels_saw(train, v->qrels, judged);
        IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
        IMR_TRY(measure_row(v, e->queries, judged, arena, err));
        e->queries++;
        if (!imr_progress_step(progress, "ranking queries", i + 1, n_queries))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while ranking queries");
    }
    for (size_t r = 0; r < IMR_RANKED_COUNT && e->queries; r++)
        e->unjudged_at[r] /= (double)e->queries;
    if (e->queries == 0)
        return imr_fail(err, IMR_E_NOT_FOUND, "none of the %zu queries is judged", n_queries);
    return IMR_OK;
}

imr_status imr_eval_run(imr_eval *out, const imr_cache *cache, const imr_adapter *adapter,
                        const imr_qrels *qrels, const uint32_t *queries, size_t n_queries,
                        const imr_qrels *train, const imr_eval_options *options,
                        const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_eval_done)
    imr_eval e = {.metrics = qrels ? options->n_metrics : 0, .has_adapter = adapter != NULL};
    IMR_CLEANUP(evaluator_done)
    evaluator v = {.e = &e,
                   .cache = cache,
                   .qrels = qrels,
                   .o = options,
                   .settings = {.feedback_k = options->feedback_k,
                                .scope = options->scope,
                                .candidates = options->candidates}};
    IMR_TRY(check_cuts(cache, options, qrels != NULL, err));
    IMR_TRY(evaluate(&v, adapter, queries, n_queries, train, progress, err));
    *out = IMR_TAKE(e);
    return IMR_OK;
}

void imr_eval_done(imr_eval *e)
{
    imr_free(e->notice);
    imr_doubts_done(&e->doubts);
    IMR_FREE(e->query, e->seen, e->rbo, e->overlap, e->tau_ap);
    for (size_t r = 0; r < IMR_RANKED_COUNT; r++)
        imr_free(e->values[r]);
    *e = (imr_eval){0};
}

imr_status imr_eval_find_split(imr_eval_split *out, const imr_cache *cache, const char *name,
                               size_t max_queries, imr_error *err)
{
    size_t split, train;
    if (!imr_cache_find_split(cache, name, &split)) {
        IMR_AUTOBUF imr_buf known = {0};
        for (size_t i = 0; i < cache->n_splits; i++)
            imr_buf_printf(&known, "%s%s", i ? ", " : "", cache->splits[i].name);
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s has no split '%s'; it has: %s (a split needs queries.jsonl "
                        "and qrels/%s.tsv in the data set)",
                        cache->path, name, known.len ? imr_buf_text(&known) : "none", name);
    }
    imr_eval_split s = {.name = cache->splits[split].name, .qrels = cache->splits[split].qrels};
    s.queries = imr_cache_split_queries(cache, split, &s.n_queries);
    if (max_queries && max_queries < s.n_queries)
        s.n_queries = max_queries;
    if (imr_cache_find_split(cache, "train", &train) && train != split)
        s.train = cache->splits[train].qrels;
    *out = s;
    return IMR_OK;
}

/* ---- summaries ---- */

double imr_eval_mean(const imr_eval *e, imr_ranking_kind kind, size_t metric)
{
    double sum = 0;
    for (size_t i = 0; i < e->queries; i++)
        sum += e->values[kind][i * e->metrics + metric];
    return e->queries ? sum / (double)e->queries : 0;
}

static bool member(const imr_eval *e, size_t row, imr_eval_group g)
{
    return g == IMR_GROUP_ALL || (e->has_train && e->seen[row] == (g == IMR_GROUP_SEEN));
}

imr_status imr_eval_row_of(imr_eval_row *out, const imr_eval *e, size_t metric,
                           imr_eval_group group, uint64_t seed, imr_error *err)
{
    imr_eval_row row = {0};
    IMR_AUTOFREE double *v = IMR_NEW_ARRAY(double, (e->queries + 1) * IMR_RANKED_COUNT);
    IMR_NEED(v, err);
    double *of[IMR_RANKED_COUNT];
    for (size_t r = 0; r < IMR_RANKED_COUNT; r++) {
        of[r] = v + r * e->queries;
        if (!e->values[r])
            continue;
        row.n = 0;
        for (size_t i = 0; i < e->queries; i++)
            if (member(e, i, group))
                of[r][row.n++] = e->values[r][i * e->metrics + metric];
        row.mean[r] = imr_stats_mean(of[r], row.n);
        IMR_TRY(imr_bootstrap_mean(&row.low[r], &row.high[r], of[r], row.n, seed, err));
    }
    if (e->has_adapter && row.n) {
        IMR_TRY(imr_significance_test(&row.from_before, of[IMR_RANKED_BEFORE], of[IMR_RANKED_AFTER],
                                      row.n, seed, err));
        IMR_TRY(imr_significance_test(&row.from_encoder, of[IMR_RANKED_ENCODER],
                                      of[IMR_RANKED_AFTER], row.n, seed, err));
    }
    *out = row;
    return IMR_OK;
}
