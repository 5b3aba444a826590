#include "session/quality.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/linalg.h"
#include "math/nn.h"
#include "math/stats.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "retrieval/similarity.h"
#include "session/internal.h"

enum { FIRST = 10, CANDIDATES = 100, SEED = 1, MOST = 300, MOST_OF_LARGE = 100, LARGE = 100000 };
#define RBO_P 0.9
#define STILL 0.01

/* ---- the sample ---- */

typedef struct survey {
    imr_quality *q;
    imr_ranker *r;
    const imr_qrels *qrels; /* NULL: none */
    uint32_t *query, *judged;
    const imr_progress *progress;
    size_t done, total;
} survey;

static imr_status choose(survey *s, imr_error *err)
{
    imr_quality *q = s->q;
    const imr_cache *c = s->r->cache;
    size_t split, all = c->queries.ids.n;
    bool found = imr_cache_find_split(c, "test", &split) && c->splits[split].qrels;
    for (size_t i = 0; !found && i < c->n_splits; i++)
        if ((found = c->splits[i].qrels != NULL))
            split = i;
    const uint32_t *rows = found ? imr_cache_split_queries(c, split, &all) : NULL;
    s->qrels = found ? c->splits[split].qrels : NULL;
    IMR_NEED(q->split = imr_trace_keep(q->arena, found ? c->splits[split].name : ""), err);
    IMR_NEED(s->query = IMR_ARENA_ARRAY(q->arena, uint32_t, all + 1), err);
    IMR_NEED(s->judged = IMR_ARENA_ARRAY(q->arena, uint32_t, all + 1), err);
    for (size_t i = 0; i < all; i++) {
        const uint32_t row = rows ? rows[i] : (uint32_t)i;
        uint32_t at = 0;
        if (s->qrels && !imr_qrels_find(s->qrels, imr_ids_at(&c->queries.ids, row), &at))
            continue;
        s->query[q->of_queries] = row;
        s->judged[q->of_queries++] = at;
    }
    if (!q->of_queries || !q->documents)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "the cache %s holds no %s: whether an adapter is any good is told by what "
                        "it does to real ones; make it of a data set with queries.jsonl",
                        c->path, q->documents ? "queries" : "documents");
    const size_t most = q->documents >= LARGE ? MOST_OF_LARGE : MOST;
    q->queries = q->of_queries < most ? q->of_queries : most;
    for (size_t i = 0; i < q->queries; i++) {
        s->query[i] = s->query[i * q->of_queries / q->queries];
        s->judged[i] = s->judged[i * q->of_queries / q->queries];
    }
    return IMR_OK;
}

/* ---- one reading ---- */

/* Values of a gate over the queries so far (Welford). */
typedef struct moments {
    double *mean, *squares;
    size_t n, queries;
} moments;

typedef struct tally {
    double sum[IMR_EFFECT_STEPS][IMR_EFFECTS];
    size_t n[IMR_EFFECT_STEPS][IMR_EFFECTS];
    moments gate[IMR_GATES];
    double length[2];                 /* sums of |d| and |q| */
    double *count[IMR_STAGE_COUNT];   /* [N] */
    double *ndcg[IMR_STAGE_COUNT];    /* [queries] */
    uint32_t *order[IMR_STAGE_COUNT]; /* [k] of the query at hand */
    const char **ids;                 /* [k] */
    float *base;                      /* [n] of a document */
} tally;

static imr_status tally_init(tally *t, const survey *s, imr_arena *arena, imr_error *err)
{
    const imr_weights *w = &s->r->adapter->w;
    const size_t scales = imr_form_scales(w->form) ? w->m : w->m * w->m;
    bool ok = (t->ids = IMR_ARENA_ARRAY(arena, const char *, s->q->k)) != NULL;
    ok &= (t->base = IMR_ARENA_ARRAY(arena, float, w->n)) != NULL;
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        ok &= (t->count[k] = IMR_ARENA_ARRAY(arena, double, s->q->documents)) != NULL;
        ok &= (t->ndcg[k] = IMR_ARENA_ARRAY(arena, double, s->q->queries)) != NULL;
        ok &= (t->order[k] = IMR_ARENA_ARRAY(arena, uint32_t, s->q->k)) != NULL;
    }
    for (size_t g = 0; g < IMR_GATES; g++) {
        t->gate[g].n = g % 2 ? w->m : scales;
        ok &= (t->gate[g].mean = IMR_ARENA_ARRAY(arena, double, t->gate[g].n)) != NULL;
        ok &= (t->gate[g].squares = IMR_ARENA_ARRAY(arena, double, t->gate[g].n)) != NULL;
    }
    return ok ? IMR_OK : imr_fail_memory(err);
}

static void note(tally *t, imr_effect_step step, imr_effect e, double value)
{
    if (!isfinite(value))
        return;
    t->sum[step][e] += value;
    t->n[step][e]++;
}

static void note_gate(moments *g, const float *v)
{
    g->queries++;
    for (size_t i = 0; i < g->n; i++) {
        const double d = (double)v[i] - g->mean[i];
        g->mean[i] += d / (double)g->queries;
        g->squares[i] += d * ((double)v[i] - g->mean[i]);
    }
}

/* How far a step from one ranking to another goes. */
static imr_status note_step(tally *t, const survey *s, imr_effect_step step, imr_stage from,
                            imr_stage to, imr_error *err)
{
    const imr_ids *ids = &s->r->cache->documents.ids;
    const size_t k = s->q->k, first = k < FIRST ? k : FIRST;
    uint32_t ranks[FIRST];
    imr_rank_similarity c;
    IMR_TRY(imr_rank_compare(&c, t->order[from], k, t->order[to], k, first, RBO_P, err));
    IMR_TRY(
        imr_search_ranks(ranks, t->order[to], first, s->r->sim[from], ids->n, ids->places, err));
    double moved = 0;
    for (size_t i = 0; i < first; i++)
        moved += fabs((double)ranks[i] - (double)(i + 1)) / (double)first;
    note(t, step, IMR_EFFECT_MOVED, moved);
    note(t, step, IMR_EFFECT_RBO, c.rbo);
    note(t, step, IMR_EFFECT_TAU, c.tau);
    note(t, step, IMR_EFFECT_KEPT, c.overlap * (double)first);
    return IMR_OK;
}

/* Angles of the query and the first documents. */
static void note_turns(tally *t, const survey *s, const float *base, const imr_listing *l)
{
    const imr_ranker *r = s->r;
    const size_t n = r->cache->dim, m = r->projected.d.cols;
    const bool same = n == m;
    const float *q = r->query, *now = r->run.q_mod;
    note(t, IMR_BY_MODULATION, IMR_EFFECT_QUERY, imr_nn_angle(q, now, m));
    note(t, IMR_BY_PROJECTOR, IMR_EFFECT_QUERY, same ? imr_nn_angle(base, q, m) : (double)NAN);
    note(t, IMR_BY_WHOLE, IMR_EFFECT_QUERY, same ? imr_nn_angle(base, now, m) : (double)NAN);
    t->length[1] += imr_nn_norm(q, m);
    t->length[0] += imr_nn_norm(l->d, m);
    for (size_t i = 0; i < l->n && i < FIRST; i++) {
        const float *d = l->d + i * m, *d_now = l->d_mod + i * m;
        note(t, IMR_BY_MODULATION, IMR_EFFECT_DOCUMENT, imr_nn_angle(d, d_now, m));
        if (!same)
            continue;
        imr_rows_get(t->base, r->cache->documents.rows, l->document[i]);
        note(t, IMR_BY_PROJECTOR, IMR_EFFECT_DOCUMENT, imr_nn_angle(t->base, d, m));
        note(t, IMR_BY_WHOLE, IMR_EFFECT_DOCUMENT, imr_nn_angle(t->base, d_now, m));
    }
}

static imr_status note_ranking(tally *t, const survey *s, size_t i, imr_stage stage, imr_error *err)
{
    const imr_ids *ids = &s->r->cache->documents.ids;
    size_t n = s->q->k;
    for (size_t j = 0; j < n; j++) {
        t->ids[j] = imr_ids_at(ids, t->order[stage][j]);
        t->count[stage][t->order[stage][j]] += j < FIRST;
    }
    if (!s->qrels)
        return IMR_OK;
    n = imr_drop_own(t->ids, n, imr_qrels_at(s->qrels, s->judged[i]).id);
    return imr_metric_of_ranking(&t->ndcg[stage][i], (imr_metric){IMR_METRIC_NDCG, FIRST}, s->qrels,
                                 s->judged[i], t->ids, n, err);
}

static imr_status run_query(tally *t, survey *s, size_t i, imr_error *err)
{
    imr_ranker *r = s->r;
    const imr_view queries = imr_rows_view(r->cache->queries.rows);
    const float *base = imr_view_row(&queries, s->query[i]);
    const imr_trace_settings settings = {.feedback_k = (uint32_t)s->q->k};
    imr_listing l;
    imr_arena *arena = imr_arena_new();
    IMR_NEED(arena, err);
    imr_status status = imr_ranker_run(r, base, &settings, arena, NULL, &l, err);
    if (status == IMR_OK) {
        note_turns(t, s, base, &l);
        memcpy(t->order[IMR_STAGE_AFTER], l.document, l.n * sizeof *l.document);
    }
    imr_arena_free(arena);
    IMR_TRY(status);
    const float *const gates[IMR_GATES] = {r->run.scale_q, r->run.bias_q, r->run.scale_d,
                                           r->run.bias_d};
    for (size_t g = 0; g < IMR_GATES; g++)
        note_gate(&t->gate[g], gates[g]);
    imr_ranker_top(r, IMR_STAGE_ENCODER, t->order[IMR_STAGE_ENCODER], s->q->k);
    imr_ranker_top(r, IMR_STAGE_BEFORE, t->order[IMR_STAGE_BEFORE], s->q->k);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        IMR_TRY(note_ranking(t, s, i, k, err));
    IMR_TRY(note_step(t, s, IMR_BY_PROJECTOR, IMR_STAGE_ENCODER, IMR_STAGE_BEFORE, err));
    IMR_TRY(note_step(t, s, IMR_BY_MODULATION, IMR_STAGE_BEFORE, IMR_STAGE_AFTER, err));
    IMR_TRY(note_step(t, s, IMR_BY_WHOLE, IMR_STAGE_ENCODER, IMR_STAGE_AFTER, err));
    return imr_ranker_step(s->progress, "trying the adapter on queries", ++s->done, s->total, err);
}

static void settle_gates(imr_quality_reading *out, const tally *t, size_t queries)
{
    const double m = (double)t->gate[IMR_GATE_QUERY_BIAS].n;
    double scale = 0; /* Frobenius norm of the side's mean scale */
    for (size_t g = 0; g < IMR_GATES; g++) {
        const moments *v = &t->gate[g];
        imr_gate *gate = &out->gate[g];
        const bool bias = g % 2;
        double acts_on = scale * t->length[g / 2] / (double)queries / m, size = 0, sum = 0;
        *gate = (imr_gate){.n = v->n};
        for (size_t i = 0; i < v->n; i++) {
            gate->mean += v->mean[i] / (double)v->n;
            size += fabs(v->mean[i]) / (double)v->n;
            sum += v->mean[i] * v->mean[i];
        }
        if (!bias) {
            acts_on = size;
            scale = sqrt(sum);
        }
        for (size_t i = 0; i < v->n; i++) {
            const double sd = queries > 1 ? sqrt(v->squares[i] / (double)(queries - 1)) : 0;
            gate->sd += sd / (double)v->n;
            gate->still += sd < STILL * acts_on;
        }
    }
}

static imr_status settle(imr_quality_reading *out, const tally *t, const survey *s, imr_error *err)
{
    const imr_quality *q = s->q;
    const size_t n = q->queries;
    for (size_t step = 0; step < IMR_EFFECT_STEPS; step++)
        for (size_t e = 0; e < IMR_EFFECTS; e++)
            out->effect[step][e] =
                t->n[step][e] ? t->sum[step][e] / (double)t->n[step][e] : (double)NAN;
    settle_gates(out, t, n);
    for (size_t k = 0; k < IMR_STAGE_COUNT; k++) {
        imr_hubs *h = &out->hubs[k];
        size_t at = 0;
        for (size_t d = 0; d < q->documents; d++) {
            h->distinct += t->count[k][d] > 0;
            at = t->count[k][d] > t->count[k][at] ? d : at;
        }
        h->skewness = imr_stats_skewness(t->count[k], q->documents);
        h->most = (uint32_t)t->count[k][at];
        h->document = imr_trace_keep(q->arena, imr_ids_at(&s->r->cache->documents.ids, at));
        IMR_NEED(h->document, err);
        out->ndcg[k] = s->qrels ? imr_stats_mean(t->ndcg[k], n) : (double)NAN;
    }
    return s->qrels ? imr_significance_test(&out->gain, t->ndcg[IMR_STAGE_ENCODER],
                                            t->ndcg[IMR_STAGE_AFTER], n, SEED, err)
                    : IMR_OK;
}

static imr_status read_with(imr_quality_reading *out, survey *s, imr_error *err)
{
    imr_arena *arena = imr_arena_new();
    IMR_NEED(arena, err);
    tally t = {0};
    *out = (imr_quality_reading){.form = s->r->adapter->w.form};
    imr_status status = tally_init(&t, s, arena, err);
    for (size_t i = 0; status == IMR_OK && i < s->q->queries; i++)
        status = run_query(&t, s, i, err);
    if (status == IMR_OK)
        status = settle(out, &t, s, err);
    imr_arena_free(arena);
    return status;
}

/* ---- all of it ---- */

imr_status imr_spectrum_make(imr_spectrum *out, const imr_weights *w, imr_arena *arena,
                             imr_error *err)
{
    IMR_CLEANUP(imr_svd_done) imr_svd svd = {0};
    IMR_TRY(imr_svd_init(&svd, imr_weight_view(w, IMR_W_PROJECTOR), err));
    imr_spectrum s = {.k = svd.k, .rank = svd.rank, .condition = svd.condition};
    IMR_NEED(s.s = IMR_ARENA_ARRAY(arena, double, s.k), err);
    memcpy(s.s, svd.s, s.k * sizeof *s.s);
    s.effective_rank = imr_stats_effective_number(s.s, s.k);
    *out = s;
    return IMR_OK;
}

static void list_layers(imr_quality *q, const imr_weights *w)
{
    for (int id = 0; id < IMR_W_COUNT; id++) {
        uint64_t shape[2] = {0};
        const imr_weight_id at = (imr_weight_id)id;
        const size_t rank = imr_weight_shape(w, at, shape);
        if (rank)
            q->layer[q->n_layers++] =
                (imr_layer){imr_weight_name(w->form, at),
                            {shape[0], shape[1]},
                            rank,
                            imr_nn_norm(imr_weight(w, at), imr_weight_count(w, at))};
    }
}

/* The same weights, read as each form that has the same tensors. */
static imr_status read_all(survey *s, imr_error *err)
{
    imr_quality *q = s->q;
    imr_ranker *r = s->r;
    const imr_adapter *own = r->adapter;
    imr_adapter other = *own;
    other.w.form = own->w.form == IMR_FORM_MEAN ? IMR_FORM_DIAGONAL : IMR_FORM_MEAN;
    IMR_TRY(read_with(&q->reading[q->n_readings++], s, err));
    if (!imr_form_scales(own->w.form))
        return IMR_OK;
    r->adapter = r->file = &other;
    const imr_status status = read_with(&q->reading[q->n_readings++], s, err);
    r->adapter = r->file = own;
    return status;
}

static imr_status read_fresh(survey *s, imr_error *err)
{
    imr_ranker *const own = s->r;
    const imr_weights *w = &own->adapter->w;
    IMR_CLEANUP(imr_adapter_free_at) imr_adapter *fresh = NULL;
    IMR_CLEANUP(imr_ranker_done) imr_ranker r = {0};
    IMR_TRY(imr_adapter_new(&fresh, w->form, w->n, w->m, w->h, SEED, err));
    IMR_TRY(imr_ranker_init(&r, fresh, own->cache, SIZE_MAX, s->progress, err));
    s->r = &r;
    const imr_status status = read_with(&s->q->fresh, s, err);
    s->r = own;
    return status;
}

imr_status imr_session_quality(imr_session *s, imr_quality **out, const imr_progress *progress,
                               imr_error *err)
{
    return s->adapter ? imr_quality_make(out, &s->ranker, progress, err)
                      : imr_fail(err, IMR_E_NOT_FOUND, "no adapter is open");
}

imr_status imr_quality_make(imr_quality **out, imr_ranker *r, const imr_progress *progress,
                            imr_error *err)
{
    imr_arena *arena = imr_arena_new();
    IMR_CLEANUP(imr_quality_free_at)
    imr_quality *q = arena ? IMR_ARENA_ARRAY(arena, imr_quality, 1) : NULL;
    if (!q)
        imr_arena_free(arena);
    IMR_NEED(q, err);
    q->arena = arena;
    q->documents = r->cache->documents.ids.n;
    q->k = q->documents < CANDIDATES ? q->documents : CANDIDATES;
    q->has_fresh = q->documents <= IMR_PROJECTED_KEEP_FROM;
    survey s = {.q = q, .r = r, .progress = progress};
    IMR_TRY(choose(&s, err));
    q->judged = s.qrels != NULL;
    s.total = q->queries * (1u + imr_form_scales(r->adapter->w.form) + q->has_fresh);
    IMR_TRY(imr_spectrum_make(&q->spectrum, &r->adapter->w, arena, err));
    list_layers(q, &r->adapter->w);
    IMR_TRY(read_all(&s, err));
    if (q->has_fresh)
        IMR_TRY(read_fresh(&s, err));
    IMR_TRY(imr_quality_say(q, err));
    *out = q;
    q = NULL;
    return IMR_OK;
}
