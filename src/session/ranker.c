#include "session/ranker.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/search.h"

enum { BLOCK = 1 << 16 }; /* documents between two looks at the cancel flag: a few milliseconds */

static imr_status go_on(const imr_progress *progress, const char *what, size_t done, size_t total,
                        imr_error *err)
{
    return imr_progress_step(progress, what, done, total)
               ? IMR_OK
               : imr_fail(err, IMR_E_CANCELLED, "cancelled");
}

imr_candidates_by imr_ranker_candidates(const imr_adapter *adapter, imr_candidates_by wanted)
{
    if (wanted != IMR_CANDIDATES_AUTO)
        return wanted;
    return !adapter || adapter->w.form == IMR_FORM_MEAN ? IMR_CANDIDATES_ENCODER
                                                        : IMR_CANDIDATES_BEFORE;
}

/* 1/|row| of every document, and what is not finite refused. */
static imr_status measure_rows(imr_ranker *r, const imr_progress *progress, imr_error *err)
{
    enum { ROWS = 256 };
    const size_t rows = imr_cache_documents(r->cache), n = imr_cache_dim(r->cache);
    IMR_AUTOFREE float *block = imr_alloc(ROWS, n * sizeof *block);
    r->base_scale = IMR_NEW_ARRAY(float, rows);
    if (!block || !r->base_scale)
        return imr_fail_memory(err);
    for (size_t i = 0; i < rows; i += ROWS) {
        const size_t count = rows - i < ROWS ? rows - i : ROWS;
        IMR_TRY(imr_cache_read_rows(r->cache, i, count, block, err));
        for (size_t k = 0; k < count; k++) {
            const double norm = imr_nn_norm(block + k * n, n);
            r->base_scale[i + k] = (float)(norm > 1e-12 ? 1 / norm : 0);
        }
        IMR_TRY(go_on(progress, "measuring documents", i + count, rows, err));
    }
    return IMR_OK;
}

static imr_status fill(imr_ranker *r, const imr_projected_options *options,
                       const imr_progress *progress, imr_error *err)
{
    const size_t n = imr_cache_documents(r->cache);
    r->encoder = IMR_NEW_ARRAY(float, n);
    if (!r->encoder)
        return imr_fail_memory(err);
    if (!r->adapter)
        return measure_rows(r, progress, err);
    IMR_TRY(imr_projected_open(&r->projected, r->adapter, r->cache, options, progress, err));
    r->before = IMR_NEW_ARRAY(float, n);
    r->after = IMR_NEW_ARRAY(float, n);
    r->query = IMR_NEW_ARRAY(float, r->adapter->w.m);
    return r->before && r->after && r->query ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_ranker_init(imr_ranker *out, const imr_adapter *adapter, const imr_cache *cache,
                           const imr_projected_options *options, const imr_progress *progress,
                           imr_error *err)
{
    imr_ranker r = {.adapter = adapter, .cache = cache};
    const imr_status status = fill(&r, options, progress, err);
    if (status != IMR_OK) {
        imr_ranker_done(&r);
        return status;
    }
    *out = r;
    return IMR_OK;
}

void imr_ranker_done(imr_ranker *r)
{
    imr_projected_done(&r->projected);
    imr_matrix_done(&r->candidates);
    imr_free(r->before);
    imr_free(r->encoder);
    imr_free(r->after);
    imr_free(r->query);
    imr_free(r->feedback);
    imr_free(r->base_scale);
    imr_adapter_result_done(&r->run);
    imr_feedback_done(&r->corpus);
    *r = (imr_ranker){0};
}

/* out[N] = cos(query, row); scale: 1/|row|, NULL where that is 1. */
static imr_status scan(float *out, imr_rows rows, const float *scale, const float *query,
                       const char *what, const imr_progress *progress, imr_error *err)
{
    const double norm = imr_nn_norm(query, rows.cols);
    const float by = (float)(norm > 1e-12 ? 1 / norm : 0);
    for (size_t i = 0; i < rows.rows; i += BLOCK) {
        const size_t n = rows.rows - i < BLOCK ? rows.rows - i : BLOCK;
        imr_search_cosines(out + i, imr_rows_slice(rows, i, n), query, scale ? scale + i : NULL,
                           by);
        IMR_TRY(go_on(progress, what, i + n, rows.rows, err));
    }
    return IMR_OK;
}

/* Rows of d as float32. */
static void gather(const imr_ranker *r, float *out, const uint32_t *documents, size_t n)
{
    const imr_rows d = r->projected.d;
    for (size_t i = 0; i < n; i++)
        imr_rows_get(out + i * d.cols, d, documents[i]);
}

/* ---- the adapter ---- */

static imr_status choose_feedback(imr_ranker *r, size_t k, const float *by, imr_error *err)
{
    if (r->capacity < k) {
        uint32_t *grown = IMR_NEW_ARRAY(uint32_t, k);
        imr_matrix candidates;
        if (!grown)
            return imr_fail_memory(err);
        const imr_status status = imr_matrix_init(&candidates, k, r->projected.d.cols, err);
        if (status != IMR_OK) {
            imr_free(grown);
            return status;
        }
        imr_free(r->feedback);
        imr_matrix_done(&r->candidates);
        r->feedback = grown;
        r->candidates = candidates;
        r->capacity = k;
    }
    imr_topk(r->feedback, k, by, r->projected.d.rows, imr_cache_id_places(r->cache));
    gather(r, r->candidates.v, r->feedback, k);
    return IMR_OK;
}

/* The run over the head of `by`, and `after` of the documents the scope scores. */
static imr_status adapt(imr_ranker *r, size_t k, imr_scope scope, const float *by,
                        const imr_progress *progress, imr_error *err)
{
    IMR_TRY(choose_feedback(r, k, by, err));
    IMR_TRY(imr_adapter_run(r->adapter, r->query,
                            imr_view_of(r->candidates.v, k, r->candidates.cols), &r->run, err));
    if (scope == IMR_SCOPE_RESCORE)
        IMR_TRY(
            imr_adapter_score(r->adapter, &r->run, r->projected.d, NULL, r->after, progress, err));
    for (size_t i = 0; i < k; i++)
        r->after[r->feedback[i]] = r->run.after[i];
    return IMR_OK;
}

/* Similarities of the three rankings, and the adapter's run; *by: what candidates come from. */
static imr_status rank(imr_ranker *r, const float *base, const imr_trace_settings *o,
                       const float **by, const imr_progress *progress, imr_error *err)
{
    const imr_rows documents = imr_cache_document_rows(r->cache), d = r->projected.d;
    const imr_projected *p = &r->projected;
    const bool by_encoder =
        imr_ranker_candidates(r->adapter, o->candidates) == IMR_CANDIDATES_ENCODER;
    *by = by_encoder ? r->encoder : r->before;
    IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(base, 1, documents.cols), r->query, err));
    IMR_TRY(scan(r->before, d, p->working_scale, r->query, "searching", progress, err));
    double start = imr_clock_seconds();
    if (o->scope == IMR_SCOPE_CORPUS) /* its `before` is not needed: the encoder's come later */
        IMR_TRY(imr_adapter_score_sweep(r->adapter, r->query, d, &r->corpus, &r->run, r->encoder,
                                        r->after, progress, err));
    r->adapt_seconds = imr_clock_seconds() - start;
    IMR_TRY(
        scan(r->encoder, documents, p->base_scale, base, "ranking by the encoder", progress, err));
    start = imr_clock_seconds();
    if (o->scope != IMR_SCOPE_CORPUS)
        IMR_TRY(adapt(r, o->feedback_k, o->scope, *by, progress, err));
    r->adapt_seconds += imr_clock_seconds() - start;
    return IMR_OK;
}

/* ---- the listing ---- */

/* m 0: no adapter. */
static imr_status allocate_listing(imr_listing *l, size_t n, size_t m, imr_arena *arena,
                                   imr_error *err)
{
    *l = (imr_listing){.n = n};
    uint32_t *ranks = IMR_ARENA_ARRAY(arena, uint32_t, 4 * n);
    float *sims = IMR_ARENA_ARRAY(arena, float, 3 * n);
    l->feedback = IMR_ARENA_ARRAY(arena, bool, n);
    l->d = m ? IMR_ARENA_ARRAY(arena, float, n *m) : NULL;
    l->d_mod = m ? IMR_ARENA_ARRAY(arena, float, n *m) : NULL;
    if (!ranks || !sims || !l->feedback || (m && (!l->d || !l->d_mod)))
        return imr_fail_memory(err);
    l->document = ranks;
    l->rank_encoder = ranks + n;
    l->rank_before = ranks + 2 * n;
    l->rank_after = ranks + 3 * n;
    l->sim_encoder = sims;
    l->sim_before = sims + n;
    l->sim_after = sims + 2 * n;
    return IMR_OK;
}

/* The listed documents in `after` order, with their vectors. */
static void order(imr_ranker *r, size_t k, imr_scope scope, imr_listing *l)
{
    const uint32_t *places = imr_cache_id_places(r->cache);
    const size_t total = r->projected.d.rows, m = r->projected.d.cols;
    l->scored = scope == IMR_SCOPE_RERANK ? k : total;
    if (scope == IMR_SCOPE_RERANK) {
        memcpy(l->document, r->feedback, l->n * sizeof *l->document);
    } else { /* the sweep's similarities choose; the vectors' own are what is listed */
        imr_topk(l->document, l->n, r->after, total, places);
        gather(r, l->d, l->document, l->n);
        imr_adapter_modulate(r->adapter, &r->run, imr_view_of(l->d, l->n, m), l->d_mod);
        imr_nn_cosine_rows(l->sim_after, imr_view_of(l->d_mod, l->n, m), r->run.q_mod);
        for (size_t i = 0; i < l->n; i++)
            r->after[l->document[i]] = l->sim_after[i];
    }
    imr_topk_sort(l->document, l->n, r->after, places);
    gather(r, l->d, l->document, l->n);
    imr_adapter_modulate(r->adapter, &r->run, imr_view_of(l->d, l->n, m), l->d_mod);
}

/* Where document stands among the feedback documents, which begin the order `by`. */
static uint32_t place_in_feedback(const imr_ranker *r, size_t k, const float *by, uint32_t document)
{
    const uint32_t *places = imr_cache_id_places(r->cache);
    size_t low = 0, high = k;
    while (low < high) { /* how many stand before it */
        const size_t middle = (low + high) / 2;
        if (imr_topk_before(by, places, r->feedback[middle], document))
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low + 1;
}

/* Ranks over the whole corpus by `scores`. */
static imr_status rank_listed(const imr_ranker *r, uint32_t *ranks, const imr_listing *l,
                              const float *scores, const imr_trace_settings *o, const float *by,
                              imr_error *err)
{
    if (o->scope != IMR_SCOPE_RERANK || scores != by)
        return imr_search_ranks(ranks, l->document, l->n, scores, imr_cache_documents(r->cache),
                                imr_cache_id_places(r->cache), err);
    for (size_t i = 0; i < l->n; i++)
        ranks[i] = place_in_feedback(r, o->feedback_k, by, l->document[i]);
    return IMR_OK;
}

static imr_status check_finite(const imr_ranker *r, const imr_listing *l, imr_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        if (!isfinite(l->sim_encoder[i]) ||
            (r->adapter && (!isfinite(l->sim_before[i]) || !isfinite(l->sim_after[i]))))
            return imr_fail(err, IMR_E_NUMERIC,
                            "a similarity of document %s is not finite: its vector in the cache "
                            "%s is damaged, or what is kept in its folder projected (which may be "
                            "deleted)",
                            imr_cache_document_id(r->cache, l->document[i]),
                            imr_cache_path(r->cache));
    return IMR_OK;
}

static imr_status ranks(imr_ranker *r, const imr_trace_settings *o, const float *by, imr_listing *l,
                        imr_error *err)
{
    IMR_TRY(rank_listed(r, l->rank_encoder, l, r->encoder, o, by, err));
    IMR_TRY(rank_listed(r, l->rank_before, l, r->before, o, by, err));
    const uint32_t *rank = by == r->encoder ? l->rank_encoder : l->rank_before;
    for (size_t i = 0; i < l->n; i++) {
        const uint32_t d = l->document[i];
        l->rank_after[i] = (uint32_t)i + 1;
        l->sim_encoder[i] = r->encoder[d];
        l->sim_before[i] = r->before[d];
        l->sim_after[i] = r->after[d];
        l->feedback[i] = o->scope == IMR_SCOPE_CORPUS || rank[i] <= o->feedback_k;
    }
    return check_finite(r, l, err);
}

imr_status imr_ranker_check_k(const imr_ranker *r, size_t k, imr_error *err)
{
    const size_t n = imr_cache_documents(r->cache);
    if (k > 0 && k <= n)
        return IMR_OK;
    return imr_fail(err, IMR_E_USAGE,
                    "feedback-k is %zu, the cache %s has %zu documents; use a value from 1 to %zu",
                    k, imr_cache_path(r->cache), n, n);
}

/* The head of the encoder's ranking. */
static imr_status list_encoder(imr_ranker *r, const float *base, imr_listing *l,
                               const imr_progress *progress, imr_error *err)
{
    IMR_TRY(scan(r->encoder, imr_cache_document_rows(r->cache), r->base_scale, base,
                 "ranking by the encoder", progress, err));
    imr_ranker_top_encoder(r, l->document, l->n);
    for (size_t i = 0; i < l->n; i++) {
        l->rank_encoder[i] = (uint32_t)i + 1;
        l->sim_encoder[i] = r->encoder[l->document[i]];
        l->sim_before[i] = l->sim_after[i] = NAN;
    }
    return check_finite(r, l, err);
}

imr_status imr_ranker_run(imr_ranker *r, const float *base, const imr_trace_settings *settings,
                          imr_arena *arena, const imr_progress *progress, imr_listing *out,
                          imr_error *err)
{
    const size_t n = settings->feedback_k;
    imr_listing l;
    IMR_TRY(imr_ranker_check_k(r, n, err));
    IMR_TRY(allocate_listing(&l, n, r->projected.d.cols, arena, err));
    if (r->adapter) {
        const float *by;
        IMR_TRY(rank(r, base, settings, &by, progress, err));
        order(r, n, settings->scope, &l);
        IMR_TRY(ranks(r, settings, by, &l, err));
    } else {
        IMR_TRY(list_encoder(r, base, &l, progress, err));
    }
    *out = l;
    return IMR_OK;
}

imr_status imr_ranker_pair(imr_ranker *r, const float *base, const float *document,
                           imr_arena *arena, imr_listing *out, imr_error *err)
{
    const size_t n = imr_cache_dim(r->cache), m = r->projected.d.cols;
    imr_listing l;
    IMR_TRY(allocate_listing(&l, 1, m, arena, err));
    l.scored = l.rank_encoder[0] = 1;
    l.sim_encoder[0] = (float)imr_nn_cosine(base, document, n);
    l.sim_before[0] = l.sim_after[0] = NAN;
    if (r->adapter) {
        l.rank_before[0] = l.rank_after[0] = 1;
        l.feedback[0] = true;
        IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(base, 1, n), r->query, err));
        IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(document, 1, n), l.d, err));
        IMR_TRY(imr_adapter_run(r->adapter, r->query, imr_view_of(l.d, 1, m), &r->run, err));
        imr_adapter_modulate(r->adapter, &r->run, imr_view_of(l.d, 1, m), l.d_mod);
        l.sim_before[0] = (float)imr_nn_cosine(r->query, l.d, m);
        l.sim_after[0] = r->run.after[0];
    }
    *out = l;
    return IMR_OK;
}

static void top(const imr_ranker *r, uint32_t *out, size_t k, const float *scores)
{
    imr_topk(out, k, scores, imr_cache_documents(r->cache), imr_cache_id_places(r->cache));
}

void imr_ranker_top_encoder(const imr_ranker *r, uint32_t *out, size_t k)
{
    top(r, out, k, r->encoder);
}

void imr_ranker_top_before(const imr_ranker *r, uint32_t *out, size_t k)
{
    top(r, out, k, r->before);
}
