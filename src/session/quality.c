#include "session/quality.h"

#include <math.h>

#include "math/nn.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "retrieval/similarity.h"
#include "session/internal.h"

enum { FIRST = 10, CANDIDATES = 100, SEED = 1, MOST = 300, MOST_OF_LARGE = 100, LARGE = 100000 };
#define RBO_P 0.9
#define STILL 0.01

static const imr_stage steps[IMR_EFFECT_STEPS][2] = {{IMR_STAGE_ENCODER, IMR_STAGE_BEFORE},
                                                     {IMR_STAGE_BEFORE, IMR_STAGE_AFTER},
                                                     {IMR_STAGE_ENCODER, IMR_STAGE_AFTER}};

typedef struct survey {
    imr_quality *q;
    imr_ranker *r;
    const imr_qrels *qrels; /* NULL: none */
    uint32_t *query;        /* [queries] rows */
    const imr_progress *progress;
    size_t done, total;

    /* Of the reading at hand, in its arena. */
    imr_quality_reading *out;
    imr_trace_settings settings;
    imr_spread effect[IMR_EFFECT_STEPS][IMR_EFFECTS];
    double *gate[IMR_GATES];          /* [2, values] sums over queries, and of squares */
    double length[2];                 /* sums of |d| and |q| */
    double *count[IMR_STAGE_COUNT];   /* [N] */
    double *ndcg[IMR_STAGE_COUNT];    /* [queries] */
    uint32_t *order[IMR_STAGE_COUNT]; /* [k] of the query at hand */
    const char **ids;                 /* [k] */
    float *base;                      /* [n] of a document */
} survey;

/* Queries that are judged, or all, evenly thinned out. */
static imr_status choose(survey *s, imr_error *err)
{
    imr_quality *q = s->q;
    const imr_cache *c = s->r->cache;
    const imr_cache_split *split = NULL;
    for (size_t i = c->n_splits; i-- > 0;)
        if (c->splits[i].qrels && (!split || strcmp(split->name, "test") != 0))
            split = &c->splits[i];
    const size_t all = split ? split->n : c->queries.ids.n;
    q->judged = split != NULL;
    s->qrels = split ? split->qrels : NULL;
    IMR_NEED(q->split = imr_trace_keep(q->arena, split ? split->name : ""), err);
    IMR_NEED(s->query = IMR_ARENA_ARRAY(q->arena, uint32_t, all + 1), err);
    for (size_t i = 0; i < all; i++) {
        uint32_t row = split ? split->queries[i] : (uint32_t)i, judged;
        s->query[q->of_queries] = row;
        q->of_queries +=
            !split || imr_qrels_find(s->qrels, imr_ids_at(&c->queries.ids, row), &judged);
    }
    if (!q->of_queries || !q->documents)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s holds no %s: whether an adapter is any good is told by what "
                        "it does to real ones; make it of a data set with queries.jsonl",
                        c->path, q->documents ? "queries" : "documents");
    const size_t most = q->documents >= LARGE ? MOST_OF_LARGE : MOST;
    q->queries = q->of_queries < most ? q->of_queries : most;
    for (size_t i = 0; i < q->queries; i++)
        s->query[i] = s->query[i * q->of_queries / q->queries];
    return IMR_OK;
}

/* ---- one query ---- */

/* Of one text: its vectors at the three stages; the first has another length than m, or `same`. */
static void note_angles(survey *s, imr_effect e, const float *const v[IMR_STAGE_COUNT], size_t m)
{
    const bool same = s->r->cache->dim == m;
    for (size_t i = 0; i < IMR_EFFECT_STEPS; i++)
        if (same || i == IMR_BY_MODULATION)
            imr_spread_add(&s->effect[i][e], imr_nn_angle(v[steps[i][0]], v[steps[i][1]], m));
}

/* How far a step from one ranking to another goes. */
static imr_status note_step(survey *s, size_t step, imr_error *err)
{
    const imr_ids *ids = &s->r->cache->documents.ids;
    const size_t k = s->q->k, first = k < FIRST ? k : FIRST;
    const imr_stage stage = steps[step][1];
    const uint32_t *from = s->order[steps[step][0]], *to = s->order[stage];
    uint32_t ranks[FIRST] = {0};
    imr_rank_similarity c;
    IMR_TRY(imr_rank_compare(&c, from, k, to, k, first, RBO_P, err));
    if (stage != IMR_STAGE_AFTER)
        IMR_TRY(imr_search_ranks(ranks, from, first, s->r->sim[stage], ids->n, ids->places, err));
    for (size_t i = 0; i < first; i++) {
        for (size_t j = 0; stage == IMR_STAGE_AFTER && j < k; j++)
            ranks[i] = to[j] == from[i] ? (uint32_t)j + 1 : ranks[i];
        if (ranks[i]) /* else it is no candidate */
            imr_spread_add(&s->effect[step][IMR_EFFECT_MOVED],
                           fabs((double)ranks[i] - (double)(i + 1)));
    }
    imr_spread_add(&s->effect[step][IMR_EFFECT_RBO], c.rbo);
    imr_spread_add(&s->effect[step][IMR_EFFECT_TAU], c.tau);
    imr_spread_add(&s->effect[step][IMR_EFFECT_KEPT], c.overlap * (double)first);
    return IMR_OK;
}

static void note_vectors(survey *s, const float *base, const imr_listing *l)
{
    const imr_ranker *r = s->r;
    const size_t m = r->projected.d.cols;
    const float *const gates[IMR_GATES] = {r->run.scale_q, r->run.bias_q, r->run.scale_d,
                                           r->run.bias_d};
    note_angles(s, IMR_EFFECT_QUERY, (const float *const[]){base, r->query, r->run.q_mod}, m);
    for (size_t i = 0; i < l->n && i < FIRST; i++) {
        imr_rows_get(s->base, r->cache->documents.rows, l->document[i]);
        note_angles(s, IMR_EFFECT_DOCUMENT,
                    (const float *const[]){s->base, l->d + i * m, l->d_mod + i * m}, m);
    }
    s->length[0] += imr_nn_norm(l->d, m);
    s->length[1] += imr_nn_norm(r->query, m);
    for (size_t g = 0; g < IMR_GATES; g++)
        for (size_t i = 0, n = s->out->gate[g].n; i < n; i++) {
            s->gate[g][i] += (double)gates[g][i];
            s->gate[g][n + i] += (double)gates[g][i] * (double)gates[g][i];
        }
}

static imr_status note_ranking(survey *s, size_t i, imr_stage stage, imr_error *err)
{
    const char *query = imr_ids_at(&s->r->cache->queries.ids, s->query[i]);
    size_t n = s->q->k;
    uint32_t judged;
    for (size_t j = 0; j < n; j++) {
        s->ids[j] = imr_ids_at(&s->r->cache->documents.ids, s->order[stage][j]);
        s->count[stage][s->order[stage][j]] += j < FIRST;
    }
    if (!s->qrels || !imr_qrels_find(s->qrels, query, &judged))
        return IMR_OK;
    n = imr_drop_own(s->ids, n, query);
    return imr_metrics_of_ranking(&s->ndcg[stage][i], &(imr_metric){IMR_METRIC_NDCG, FIRST}, 1,
                                  s->qrels, judged, s->ids, n, err);
}

static imr_status run_query(survey *s, size_t i, imr_error *err)
{
    IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
    const imr_view queries = imr_rows_view(s->r->cache->queries.rows);
    const float *base = imr_view_row(&queries, s->query[i]);
    imr_listing l;
    IMR_TRY(imr_ranker_run(s->r, base, &s->settings, arena, NULL, &l, err));
    note_vectors(s, base, &l);
    memcpy(s->order[IMR_STAGE_AFTER], l.document, l.n * sizeof *l.document);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        if (k != IMR_STAGE_AFTER)
            imr_ranker_top(s->r, k, s->order[k], l.n);
        IMR_TRY(note_ranking(s, i, k, err));
    }
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++)
        IMR_TRY(note_step(s, step, err));
    return imr_ranker_step(s->progress, "trying the adapter on queries", ++s->done, s->total, err);
}

/* ---- one reading ---- */

static void settle_gates(const survey *s)
{
    const double queries = (double)s->q->queries;
    double scale = 0; /* Frobenius norm of the side's mean scale */
    for (size_t i = 0; i < IMR_GATES; i++) {
        imr_gate *g = &s->out->gate[i];
        const double n = (double)g->n;
        double *mean = s->gate[i], size = 0, square = 0;
        for (size_t j = 0; j < g->n; j++) {
            mean[j] /= queries;
            g->mean += mean[j] / n;
            size += fabs(mean[j]) / n;
            square += mean[j] * mean[j];
        }
        scale = i % 2 ? scale : sqrt(square);
        const double acts_on = i % 2 ? scale * s->length[i / 2] / queries / n : size;
        for (size_t j = 0; j < g->n; j++) {
            const double rest = fmax(mean[g->n + j] - queries * mean[j] * mean[j], 0);
            const double sd = queries > 1 ? sqrt(rest / (queries - 1)) : 0;
            g->sd += sd / n;
            g->still += sd < STILL * acts_on;
        }
    }
}

static imr_status settle(const survey *s, imr_error *err)
{
    const imr_quality *q = s->q;
    imr_quality_reading *out = s->out;
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++)
        for (size_t e = 0; e < IMR_EFFECTS; e++)
            out->effect[step][e] = imr_spread_mean(&s->effect[step][e]);
    settle_gates(s);
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        imr_hubs *h = &out->hubs[k];
        size_t at = 0;
        for (size_t d = 0; d < q->documents; d++) {
            h->distinct += s->count[k][d] > 0;
            at = s->count[k][d] > s->count[k][at] ? d : at;
        }
        h->skewness = imr_stats_skewness(s->count[k], q->documents);
        h->most = (uint32_t)s->count[k][at];
        h->document = imr_trace_keep(q->arena, imr_ids_at(&s->r->cache->documents.ids, at));
        IMR_NEED(h->document, err);
        out->ndcg[k] = s->qrels ? imr_stats_mean(s->ndcg[k], q->queries) : (double)NAN;
    }
    return s->qrels ? imr_significance_test(&out->gain, s->ndcg[IMR_STAGE_ENCODER],
                                            s->ndcg[IMR_STAGE_AFTER], q->queries, SEED, err)
                    : IMR_OK;
}

/* One reading more: r's adapter, as `form`. */
static imr_status read_as(survey s, imr_ranker *r, imr_form form, imr_error *err)
{
    IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
    const imr_weights *w = &r->file->w;
    imr_quality *q = s.q;
    char term[32];
    s.out = &q->reading[q->n_readings];
    s.done = q->n_readings++ * q->queries;
    *s.out = (imr_quality_reading){
        .form = form, .untrained = r != s.r, .gain = {.difference = NAN, .low = NAN, .high = NAN}};
    s.r = r;
    s.settings.feedback_k = (uint32_t)q->k;
    snprintf(term, sizeof term, "form:%s", imr_form_name(form));
    IMR_TRY(imr_whatif_add(&s.settings.what_if, term, err));
    IMR_NEED(s.ids = IMR_ARENA_ARRAY(arena, const char *, q->k), err);
    IMR_NEED(s.base = IMR_ARENA_ARRAY(arena, float, w->n), err);
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        IMR_NEED(s.count[k] = IMR_ARENA_ARRAY(arena, double, q->documents), err);
        IMR_NEED(s.ndcg[k] = IMR_ARENA_ARRAY(arena, double, q->queries), err);
        IMR_NEED(s.order[k] = IMR_ARENA_ARRAY(arena, uint32_t, q->k), err);
    }
    for (size_t g = 0; g < IMR_GATES; g++) {
        s.out->gate[g].n = g % 2 || imr_form_scales(w->form) ? w->m : w->m * w->m;
        IMR_NEED(s.gate[g] = IMR_ARENA_ARRAY(arena, double, 2 * s.out->gate[g].n), err);
    }
    for (size_t i = 0; i < q->queries; i++)
        IMR_TRY(run_query(&s, i, err));
    return settle(&s, err);
}

/* ---- all of it ---- */

static imr_status describe(imr_quality *q, const imr_weights *w, imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    IMR_TRY(imr_svd_init(&svd, imr_weight_view(w, IMR_W_PROJECTOR), err));
    q->spectrum = (imr_spectrum){IMR_ARENA_ARRAY(q->arena, double, svd.k), svd.k, svd.rank,
                                 svd.condition, imr_stats_effective_number(svd.s, svd.k)};
    IMR_NEED(q->spectrum.s, err);
    memcpy(q->spectrum.s, svd.s, svd.k * sizeof *svd.s);
    for (imr_weight_id id = 0; id < IMR_W_COUNT; id++) {
        uint64_t shape[2] = {0};
        const size_t rank = imr_weight_shape(w, id, shape);
        if (rank)
            q->layer[q->n_layers++] =
                (imr_layer){imr_weight_name(w->form, id),
                            {shape[0], shape[1]},
                            rank,
                            imr_nn_norm(imr_weight(w, id), imr_weight_count(w, id))};
    }
    return IMR_OK;
}

imr_status imr_quality_make(imr_quality **out, imr_ranker *r, const imr_progress *progress,
                            imr_error *err)
{
    imr_arena *arena;
    IMR_CLEANUP(imr_quality_free_at) imr_quality *q = imr_arena_begin(&arena, sizeof *q);
    IMR_NEED(q, err);
    q->arena = arena;
    if (!r->file)
        return imr_fail(err, IMR_E_NOT_FOUND, "no adapter is open");
    const imr_weights *w = &r->file->w;
    const size_t documents = r->cache->documents.ids.n;
    const bool scales = imr_form_scales(w->form), fresh = documents <= IMR_PROJECTED_KEEP_FROM;
    survey s = {.q = q, .r = r, .progress = progress};
    q->documents = documents;
    q->k = documents < CANDIDATES ? documents : CANDIDATES;
    IMR_TRY(choose(&s, err));
    s.total = q->queries * (1u + scales + fresh);
    IMR_TRY(describe(q, w, err));
    IMR_TRY(read_as(s, r, w->form, err));
    if (scales)
        IMR_TRY(read_as(s, r, w->form == IMR_FORM_MEAN ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN, err));
    if (fresh) {
        IMR_CLEANUP(imr_adapter_free_at) imr_adapter *untrained = NULL;
        IMR_CLEANUP(imr_ranker_done) imr_ranker other = {0};
        IMR_TRY(imr_adapter_new(&untrained, w->form, w->n, w->m, w->h, SEED, err));
        IMR_TRY(imr_ranker_init(&other, untrained, r->cache, SIZE_MAX, progress, err));
        IMR_TRY(read_as(s, &other, w->form, err));
    }
    IMR_TRY(imr_quality_say(q, err));
    return IMR_GIVE(out, q);
}
