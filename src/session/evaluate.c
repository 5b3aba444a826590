/* session/evaluate.c - three rankings of many queries, measured. */
#include "session/evaluate.h"

#include "math/topk.h"
#include "retrieval/bm25.h"
#include "retrieval/similarity.h"

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

struct imr_evaluator {
    imr_eval e;
    const imr_cache *cache;
    const imr_qrels *qrels, *train;
    imr_eval_options o;
    imr_ranker own, *ranker;
    imr_trace_settings settings;
    imr_arena *arena;                 /* of what follows */
    uint32_t *order[IMR_STAGE_COUNT]; /* [feedback_k] */
    uint32_t *shown;                  /* [feedback_k] of an order, without the query itself */
    float *scores;                    /* [feedback_k] */
    const char **ids;                 /* [feedback_k] */
    int32_t *grades;                  /* [feedback_k] */
    imr_bm25 *bm25;                   /* NULL: none */
    float *by_row;                    /* [documents of the cache] */
    uint32_t judged;                  /* of the query that was begun, in qrels */
};

/* Part of the first n that nobody judged. */
static double unjudged(const imr_evaluator *v, size_t n)
{
    size_t none = 0;
    for (size_t i = 0; i < n; i++) {
        bool known;
        imr_qrels_grade(v->qrels, v->judged, v->ids[i], &known);
        none += !known;
    }
    return n ? (double)none / (double)n : 0;
}

static void measure_judged(imr_evaluator *v, imr_ranking_kind kind, size_t n)
{
    imr_eval *e = &v->e;
    imr_eval_more *more = &e->more[e->queries];
    const imr_qrels_query q = v->qrels->queries.v[v->judged];
    size_t first = 0;
    more->unjudged[kind] = unjudged(v, n < e->overlap_k ? n : e->overlap_k);
    imr_qrels_grades(v->qrels, v->judged, v->ids, n, v->grades);
    while (first < n && v->grades[first] <= 0)
        first++;
    more->first[kind] = first < n ? (double)(first + 1) : 0;
    for (size_t m = 0; m < e->metrics; m++)
        e->values[kind][e->queries * e->metrics + m] =
            imr_metric_value(v->o.metrics[m], v->grades, n, q.ideal, q.relevant);
}

static imr_status measure(imr_evaluator *v, imr_ranking_kind kind, const uint32_t *order,
                          const float *scores, size_t listed, imr_error *err)
{
    size_t n = 0;
    const char *query_id = imr_ids_at(&v->cache->queries.ids, v->e.query[v->e.queries]);
    for (size_t i = 0; i < listed; i++) { /* as imr_drop_own */
        v->ids[n] = imr_ids_at(&v->ranker->cache->documents.ids, order[i]);
        v->shown[n] = order[i];
        n += strcmp(v->ids[n], query_id) != 0;
    }
    if (kind == IMR_RANKED_ENCODER)
        v->e.more[v->e.queries].own = n < listed;
    if (v->qrels)
        measure_judged(v, kind, n);
    if (!v->o.sink)
        return IMR_OK;
    for (size_t i = 0; i < n; i++)
        v->scores[i] = scores[v->shown[i]];
    return v->o.sink(v->o.sink_user, kind, query_id, v->ids, v->scores, n, err);
}

/* How alike the orders are. */
static imr_status compare(imr_evaluator *v, size_t n, imr_error *err)
{
    imr_eval *e = &v->e;
    const uint32_t *after = v->order[IMR_STAGE_AFTER];
    const size_t row = e->queries;
    imr_rank_similarity s;
    IMR_TRY(
        imr_rank_compare(&s, v->order[IMR_STAGE_ENCODER], n, after, n, e->overlap_k, RBO_P, err));
    e->more[row].rbo_encoder = s.rbo;
    IMR_TRY(
        imr_rank_compare(&s, v->order[IMR_STAGE_BEFORE], n, after, n, e->overlap_k, RBO_P, err));
    e->rbo[row] = s.rbo;
    e->overlap[row] = s.overlap;
    e->tau_ap[row] = s.tau_ap;
    if (llabs(s.move) > llabs(e->mover)) {
        e->mover = s.move;
        imr_free(e->mover_document);
        e->mover_document = imr_strdup(imr_ids_at(&v->ranker->cache->documents.ids, s.mover));
        IMR_NEED(e->mover_document, err);
        e->mover_query = e->query[row];
    }
    return IMR_OK;
}

static imr_status measure_words(imr_evaluator *v, imr_error *err)
{
    const imr_cache *c = v->cache;
    const char *text = imr_cache_query_text(c, v->e.query[v->e.queries]);
    const size_t all = c->documents.ids.n;
    uint32_t *top = v->order[IMR_STAGE_ENCODER];
    IMR_TRY(imr_bm25_cache_scores(v->by_row, v->bm25, c, text, err));
    size_t n = imr_topk(top, v->o.feedback_k, v->by_row, all, c->documents.ids.places);
    while (n > 0 && !(v->by_row[top[n - 1]] > 0))
        n--;
    return measure(v, IMR_RANKED_BM25, top, v->by_row, n, err);
}

/* The listed documents, in the order of now. */
static imr_status rank(imr_evaluator *v, size_t *n, const imr_trace *ranked,
                       const imr_progress *progress, imr_error *err)
{
    const imr_view queries = imr_rows_view(v->cache->queries.rows);
    uint32_t *after = v->order[IMR_STAGE_AFTER];
    *n = ranked ? ranked->n_documents : 0;
    for (size_t i = 0; i < *n; i++)
        after[i] = ranked->documents[i].row;
    if (ranked)
        return IMR_OK;
    IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
    IMR_CLEANUP(imr_cache_free_at) imr_cache *window = NULL;
    const float *base = imr_view_row(&queries, v->e.query[v->e.queries]);
    imr_listing l;
    if (v->o.engine) {
        IMR_TRY(
            imr_engine_window(&window, v->o.engine, base, v->o.feedback_k, NULL, 0, progress, err));
        IMR_TRY(imr_ranker_look(v->ranker, window, err));
    }
    IMR_TRY(imr_ranker_run(v->ranker, base, &v->settings, arena, NULL, &l, err));
    memcpy(after, l.document, l.n * sizeof *after);
    *n = l.n;
    return IMR_OK;
}

imr_status imr_evaluator_add(imr_evaluator *v, uint32_t query, const imr_trace *ranked,
                             const imr_progress *progress, imr_error *err)
{
    const imr_ranker *r = v->ranker;
    imr_eval *e = &v->e;
    const char *id = imr_ids_at(&v->cache->queries.ids, query);
    size_t n;
    if (v->qrels && !imr_qrels_find(v->qrels, id, &v->judged)) {
        e->unjudged++;
        return IMR_OK;
    }
    e->query[e->queries] = query;
    e->seen[e->queries] = e->has_train && imr_qrels_saw(v->train, v->qrels, v->judged);
    IMR_TRY(rank(v, &n, ranked, progress, err));
    for (imr_stage k = 0; k < (v->e.has_adapter ? IMR_STAGE_COUNT : 1); k++) {
        if (k != IMR_STAGE_AFTER)
            imr_ranker_top(r, k, v->order[k], n);
        IMR_TRY(measure(v, (imr_ranking_kind)k, v->order[k], r->sim[k], n, err));
    }
    if (v->e.has_adapter)
        IMR_TRY(compare(v, n, err));
    if (v->bm25)
        IMR_TRY(measure_words(v, err));
    v->e.queries++;
    return IMR_OK;
}

/* ---- all queries ---- */

static imr_status check_cuts(const imr_cache *cache, const imr_eval_options *o, bool judged,
                             imr_error *err)
{
    if (!o->engine)
        IMR_TRY(imr_ranker_check_k(cache, o->feedback_k, err));
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

void imr_evaluator_free(imr_evaluator *v)
{
    if (!v)
        return;
    imr_eval_done(&v->e);
    imr_ranker_done(&v->own);
    imr_arena_free(v->arena);
    imr_bm25_free(v->bm25);
    imr_free(v->by_row);
    imr_free(v);
}

imr_eval *imr_evaluator_result(imr_evaluator *v)
{
    return &v->e;
}

static imr_status allocate(imr_evaluator *v, size_t n_queries, imr_error *err)
{
    imr_eval *e = &v->e;
    const size_t k = v->o.feedback_k, adapted = e->has_adapter ? n_queries : 0;
    bool ok = true;
    for (size_t r = 0; r < IMR_RANKED_COUNT; r++)
        if (r == IMR_RANKED_ENCODER || (r == IMR_RANKED_BM25 ? v->o.bm25 : e->has_adapter))
            ok &= (e->values[r] = IMR_NEW_ARRAY(double, n_queries * e->metrics)) != NULL;
    e->query = IMR_NEW_ARRAY(uint32_t, n_queries);
    e->seen = IMR_NEW_ARRAY(bool, n_queries);
    e->more = IMR_NEW_ARRAY(imr_eval_more, n_queries);
    e->rbo = IMR_NEW_ARRAY(double, adapted);
    e->overlap = IMR_NEW_ARRAY(double, adapted);
    e->tau_ap = IMR_NEW_ARRAY(double, adapted);
    e->overlap_k = k < OVERLAP_K ? k : OVERLAP_K;
    IMR_NEED(v->arena = imr_arena_new(), err);
    for (size_t s = 0; s < IMR_STAGE_COUNT; s++)
        ok &= (v->order[s] = IMR_ARENA_ARRAY(v->arena, uint32_t, k)) != NULL;
    v->shown = IMR_ARENA_ARRAY(v->arena, uint32_t, k);
    v->scores = IMR_ARENA_ARRAY(v->arena, float, k);
    v->ids = IMR_ARENA_ARRAY(v->arena, const char *, k);
    v->grades = IMR_ARENA_ARRAY(v->arena, int32_t, k);
    return ok && e->query && e->seen && e->more && e->rbo && e->overlap && e->tau_ap && v->shown &&
                   v->scores && v->ids && v->grades
               ? IMR_OK
               : imr_fail_memory(err);
}

static imr_status index_words(imr_evaluator *v, const imr_progress *progress, imr_error *err)
{
    if (v->o.engine)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "BM25 needs all texts, and these stay in the engine; leave --bm25 out");
    if (!v->cache->dataset)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "BM25 needs the texts of the cache %s; name its data set with --dataset",
                        v->cache->path);
    v->by_row = IMR_NEW_ARRAY(float, v->cache->documents.ids.n);
    IMR_NEED(v->by_row, err);
    const imr_bm25_form form = {true, v->o.bm25_k1, v->o.bm25_b};
    return imr_bm25_build(&v->bm25, v->cache->dataset, form, progress, err);
}

imr_status imr_evaluator_new(imr_evaluator **out, imr_ranker *ranker, const imr_cache *cache,
                             const imr_adapter *adapter, const imr_qrels *qrels, size_t n_queries,
                             const imr_qrels *train, const imr_eval_options *options,
                             const imr_progress *progress, imr_error *err)
{
    const imr_eval_options *o = options;
    IMR_TRY(check_cuts(cache, o, qrels != NULL, err));
    IMR_CLEANUP(imr_evaluator_free_at) imr_evaluator *v = IMR_NEW(imr_evaluator);
    IMR_NEED(v, err);
    v->e = (imr_eval){.metrics = qrels ? o->n_metrics : 0,
                      .has_adapter = adapter != NULL,
                      .has_train = qrels && train};
    v->cache = cache;
    v->qrels = qrels;
    v->train = train;
    v->o = *o;
    v->settings = (imr_trace_settings){
        .feedback_k = o->feedback_k, .scope = o->scope, .candidates = o->candidates};
    v->ranker = ranker ? ranker : &v->own;
    IMR_TRY(allocate(v, n_queries ? n_queries : 1, err));
    if (!ranker)
        IMR_TRY(
            imr_ranker_init(&v->own, adapter, cache, o->in_memory ? SIZE_MAX : 0, progress, err));
    v->e.notice = IMR_TAKE(v->own.projected.notice);
    if (o->bm25)
        IMR_TRY(index_words(v, progress, err));
    if (o->doubts)
        IMR_TRY(imr_doubts_find(&v->e.doubts, v->ranker, progress, err));
    return IMR_GIVE(out, v);
}

imr_status imr_evaluator_end(imr_evaluator *v, imr_error *err)
{
    imr_eval *e = &v->e;
    e->own = 0;
    for (size_t i = 0; i < e->queries; i++)
        e->own += e->more[i].own;
    for (size_t r = 0; r < IMR_RANKED_COUNT; r++) {
        double sum = 0;
        for (size_t i = 0; i < e->queries; i++)
            sum += e->more[i].unjudged[r];
        e->unjudged_at[r] = e->queries ? sum / (double)e->queries : 0;
    }
    if (e->queries)
        return IMR_OK;
    return imr_fail(err, IMR_E_NOT_FOUND, "%s%s", e->unjudged ? "none of the queries" : "no query",
                    v->qrels ? " is judged" : " is there");
}

imr_status imr_eval_run(imr_eval *out, const imr_cache *cache, const imr_adapter *adapter,
                        const imr_qrels *qrels, const uint32_t *queries, size_t n_queries,
                        const imr_qrels *train, const imr_eval_options *options,
                        const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_evaluator_free_at) imr_evaluator *v = NULL;
    IMR_TRY(imr_evaluator_new(&v, NULL, cache, adapter, qrels, n_queries, train, options, progress,
                              err));
    for (size_t i = 0; i < n_queries; i++) {
        IMR_TRY(imr_evaluator_add(v, queries[i], NULL, progress, err));
        if (!imr_progress_step(progress, "ranking queries", i + 1, n_queries))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while ranking queries");
    }
    IMR_TRY(imr_evaluator_end(v, err));
    return IMR_GIVE(out, v->e);
}

void imr_eval_done(imr_eval *e)
{
    IMR_FREE(e->notice, e->mover_document);
    imr_doubts_done(&e->doubts);
    IMR_FREE(e->query, e->seen, e->more, e->rbo, e->overlap, e->tau_ap);
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

imr_status imr_eval_summarise(imr_eval_summary *out, const imr_eval *e, const imr_metric *metrics,
                              const imr_seen *seen, uint64_t seed, bool every,
                              const imr_progress *progress, imr_error *err)
{
    const size_t n = e->metrics;
    IMR_CLEANUP(imr_eval_summary_done)
    imr_eval_summary s = {.row = IMR_NEW_ARRAY(imr_eval_row, n * IMR_GROUPS),
                          .p_before = IMR_NEW_ARRAY(double, n),
                          .p_encoder = IMR_NEW_ARRAY(double, n)};
    IMR_NEED(s.row && s.p_before && s.p_encoder, err);
    for (size_t m = 0; m < n; m++) {
        imr_eval_row *row = &s.row[m * IMR_GROUPS];
        IMR_TRY(imr_ranker_step(progress, "comparing rankings", m, n, err));
        for (imr_eval_group g = 0; g < (e->has_train && (every || !m) ? IMR_GROUPS : 1); g++)
            IMR_TRY(imr_eval_row_of(&row[g], e, m, g, seed, err));
        s.p_before[m] = row->from_before.p_randomised;
        s.p_encoder[m] = row->from_encoder.p_randomised;
    }
    if (n && s.row->from_before.has_verdict) {
        IMR_TRY(imr_holm(s.p_before, s.p_before, n, err));
        IMR_TRY(imr_holm(s.p_encoder, s.p_encoder, n, err));
    }
    if (e->has_adapter)
        IMR_TRY(imr_eval_judge(&s, e, n ? metrics[0] : (imr_metric){0}, seen, err));
    return IMR_GIVE(out, s);
}

void imr_eval_summary_done(imr_eval_summary *s)
{
    IMR_FREE(s->row, s->p_before, s->p_encoder, s->text);
    *s = (imr_eval_summary){0};
}
