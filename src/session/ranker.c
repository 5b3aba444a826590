#include "session/ranker.h"

#include <math.h>

#include "base/clock.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/search.h"

enum { BLOCK = 1 << 16 }; /* documents between two looks at the cancel flag: a few milliseconds */

imr_status imr_ranker_step(const imr_progress *progress, const char *what, size_t done,
                           size_t total, imr_error *err)
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
static imr_status measure_rows(imr_ranker *r, const imr_cache *cache, const imr_progress *progress,
                               imr_error *err)
{
    enum { ROWS = 256 };
    const size_t rows = cache->documents.ids.n, n = cache->dim;
    IMR_AUTOFREE float *block = imr_alloc(ROWS, n * sizeof *block);
    float *scale = r->projected.owned = IMR_NEW_ARRAY(float, rows);
    IMR_NEED(block && scale, err);
    r->projected.base_scale = scale;
    for (size_t i = 0; i < rows; i += ROWS) {
        const size_t count = rows - i < ROWS ? rows - i : ROWS;
        IMR_TRY(imr_cache_read_rows(cache, i, count, block, err));
        for (size_t k = 0; k < count; k++)
            scale[i + k] = imr_nn_inverse_norm(block + k * n, n);
        IMR_TRY(imr_ranker_step(progress, "measuring documents", i + count, rows, err));
    }
    return IMR_OK;
}

/* All that is of a cache. */
static imr_status read_cache(imr_ranker *r, const imr_cache *cache, size_t keep_from,
                             const imr_progress *progress, imr_error *err)
{
    const size_t n = cache->documents.ids.n;
    imr_projected_done(&r->projected);
    IMR_TRY(r->file ? imr_projected_open(&r->projected, r->file, cache, keep_from, progress, err)
                    : measure_rows(r, cache, progress, err));
    for (imr_stage k = 0; k < (r->file ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        imr_free(r->sim[k]);
        IMR_NEED(r->sim[k] = IMR_NEW_ARRAY(float, n), err);
    }
    r->cache = cache;
    return IMR_OK;
}

imr_status imr_ranker_init(imr_ranker *out, const imr_adapter *adapter, const imr_cache *cache,
                           size_t keep_from, const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(imr_ranker_done)
    imr_ranker r = {.adapter = adapter, .file = adapter, .whole = cache};
    IMR_NEED(!adapter || (r.query = IMR_NEW_ARRAY(float, adapter->w.m)), err);
    IMR_TRY(read_cache(&r, cache, keep_from, progress, err));
    return IMR_GIVE(out, r);
}

imr_status imr_ranker_look(imr_ranker *r, const imr_cache *window, imr_error *err)
{
    const imr_cache *at = window ? window : r->whole;
    if (at == r->cache)
        return IMR_OK;
    r->of = 0;
    r->adapter = r->file;
    r->cache = NULL; /* until all is well */
    IMR_TRY(read_cache(r, at, SIZE_MAX, NULL, err));
    imr_cache *before = r->window;
    r->window = window ? imr_cache_share(window) : NULL;
    imr_cache_free(before);
    return IMR_OK;
}

void imr_ranker_done(imr_ranker *r)
{
    imr_projected_done(&r->projected);
    imr_matrix_done(&r->candidates);
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        imr_free(r->sim[k]);
    IMR_FREE(r->query, r->feedback);
    imr_adapter_result_done(&r->run);
    imr_free(r->corpus.v);
    imr_cache_free(r->window);
    *r = (imr_ranker){0};
}

/* out[N] = cos(query, row); scale: 1/|row|, NULL where that is 1. */
static imr_status scan(float *out, imr_rows rows, const float *scale, const float *query,
                       const char *what, const imr_progress *progress, imr_error *err)
{
    const float by = imr_nn_inverse_norm(query, rows.cols);
    for (size_t i = 0; i < rows.rows; i += BLOCK) {
        const size_t n = rows.rows - i < BLOCK ? rows.rows - i : BLOCK;
        imr_search_cosines(out + i, imr_rows_slice(rows, i, n), query, scale ? scale + i : NULL,
                           by);
        IMR_TRY(imr_ranker_step(progress, what, i + n, rows.rows, err));
    }
    return IMR_OK;
}

void imr_ranker_gather(const imr_ranker *r, float *out, const uint32_t *documents, size_t n)
{
    const imr_rows d = r->projected.d;
    for (size_t i = 0; i < n; i++)
        imr_rows_get(out + i * d.cols, d, documents[i]);
}

void imr_ranker_top(const imr_ranker *r, imr_stage stage, uint32_t *out, size_t k)
{
    imr_topk(out, k, r->sim[stage], imr_cache_ranked(r->cache), r->cache->documents.ids.places);
}

/* ---- the adapter ---- */

static bool among(const uint32_t *v, size_t n, uint32_t x)
{
    while (n && v[n - 1] != x)
        n--;
    return n;
}

static bool is_left_out(const imr_ranker *r, uint32_t document)
{
    return among(r->what_if.left_out, r->what_if.n_left_out, document);
}

/* The head of `by` (NULL: to be found) into r->feedback; n of them give feedback, r->given, and are
 * r->candidates. */
static imr_status choose_feedback(imr_ranker *r, size_t *n, size_t k, imr_stage by,
                                  const uint32_t *head, imr_error *err)
{
    const imr_whatif_parts *w = &r->what_if;
    if (r->capacity < k) {
        r->capacity = 0;
        imr_free(r->feedback);
        imr_matrix_done(&r->candidates);
        IMR_NEED(r->feedback = IMR_NEW_ARRAY(uint32_t, 2 * k), err);
        r->given = r->feedback + k;
        IMR_TRY(imr_matrix_init(&r->candidates, k, r->projected.d.cols, err));
        r->capacity = k;
    }
    if (head)
        memcpy(r->feedback, head, k * sizeof *head);
    else
        imr_ranker_top(r, by, r->feedback, k);
    for (size_t i = 0; i < w->n_left_out; i++)
        if (!among(r->feedback, k, w->left_out[i]))
            return imr_fail(err, IMR_E_USAGE,
                            "what if %s gave no feedback? it is none of the %zu candidates",
                            imr_ids_at(&r->cache->documents.ids, w->left_out[i]), k);
    if (w->n_left_out == k)
        return imr_fail(err, IMR_E_USAGE,
                        "what if no candidate gave feedback? off:query asks that");
    for (size_t i = 0; i < k; i++)
        if (!is_left_out(r, r->feedback[i]))
            r->given[(*n)++] = r->feedback[i];
    imr_ranker_gather(r, r->candidates.v, r->given, *n);
    return IMR_OK;
}

/* The run over the head of `by` (as above), and `after` of all, but in scope rerank. */
static imr_status adapt(imr_ranker *r, size_t k, imr_scope scope, imr_stage by,
                        const uint32_t *head, const imr_progress *progress, imr_error *err)
{
    const imr_rows d = r->projected.d;
    float *after = r->sim[IMR_STAGE_AFTER];
    size_t n = 0;
    if (scope == IMR_SCOPE_CORPUS)
        return imr_adapter_score_sweep(r->adapter, r->query, d, &r->corpus, &r->run, after,
                                       progress, err);
    IMR_TRY(choose_feedback(r, &n, k, by, head, err));
    IMR_TRY(imr_adapter_run(r->adapter, r->query, imr_view_of(r->candidates.v, n, d.cols), &r->run,
                            err));
    return scope == IMR_SCOPE_RESCORE
               ? imr_adapter_score(r->adapter, &r->run, d, after, progress, err)
               : IMR_OK;
}

static imr_status rank_encoder(imr_ranker *r, const float *base, const imr_progress *progress,
                               imr_error *err)
{
    return scan(r->sim[IMR_STAGE_ENCODER], r->cache->documents.rows, r->projected.base_scale, base,
                "ranking by the encoder", progress, err);
}

/* Similarities of the three rankings, and the adapter's run; by: what candidates come from. */
static imr_status rank(imr_ranker *r, const float *base, const imr_trace_settings *o, imr_stage by,
                       const imr_progress *progress, imr_error *err)
{
    const imr_projected *p = &r->projected;
    IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(base, 1, r->cache->dim), r->query, err));
    IMR_TRY(scan(r->sim[IMR_STAGE_BEFORE], p->d, p->working_scale, r->query, "searching", progress,
                 err));
    IMR_TRY(rank_encoder(r, base, progress, err));
    const double start = imr_clock_seconds();
    IMR_TRY(adapt(r, o->feedback_k, o->scope, by, NULL, progress, err));
    r->adapt_seconds = imr_clock_seconds() - start;
    return IMR_OK;
}

/* ---- the listing ---- */

/* m 0: no adapter. */
static imr_status allocate_listing(imr_listing *l, size_t n, size_t m, imr_arena *arena,
                                   imr_error *err)
{
    *l = (imr_listing){.n = n};
    l->document = IMR_ARENA_ARRAY(arena, uint32_t, n);
    l->feedback = IMR_ARENA_ARRAY(arena, bool, n);
    l->d = m ? IMR_ARENA_ARRAY(arena, float, n *m) : NULL;
    l->d_mod = m ? IMR_ARENA_ARRAY(arena, float, n *m) : NULL;
    l->influence = IMR_ARENA_ARRAY(arena, float, n);
    l->influence_moves = IMR_ARENA_ARRAY(arena, uint32_t, n);
    IMR_NEED(l->document && l->feedback && (!m || (l->d && l->d_mod)) && l->influence &&
                 l->influence_moves,
             err);
    for (size_t i = 0; i < n; i++)
        l->influence[i] = NAN;
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        l->rank[k] = IMR_ARENA_ARRAY(arena, uint32_t, n);
        l->sim[k] = IMR_ARENA_ARRAY(arena, float, n);
        IMR_NEED(l->rank[k] && l->sim[k], err);
    }
    return IMR_OK;
}

/* The vectors of the listed documents, and as they are modulated. */
static void list_vectors(const imr_ranker *r, imr_listing *l)
{
    imr_ranker_gather(r, l->d, l->document, l->n);
    imr_adapter_modulate(r->adapter, &r->run, imr_view_of(l->d, l->n, r->projected.d.cols),
                         l->d_mod);
}

/* The listed documents in `after` order, with their vectors. */
static void order(imr_ranker *r, size_t k, imr_scope scope, imr_listing *l)
{
    float *after = r->sim[IMR_STAGE_AFTER], *own = l->sim[IMR_STAGE_AFTER];
    l->scored = scope == IMR_SCOPE_RERANK ? k : r->projected.d.rows;
    if (scope == IMR_SCOPE_RERANK)
        memcpy(l->document, r->feedback, l->n * sizeof *l->document);
    else
        imr_ranker_top(r, IMR_STAGE_AFTER, l->document, l->n);
    /* A sweep's similarities choose; the vectors' own are what is listed. Where what if takes both
     * sides back, those are before's, to the last digit. */
    list_vectors(r, l);
    imr_nn_cosine_rows(own, imr_view_of(l->d_mod, l->n, r->projected.d.cols), r->run.q_mod);
    const imr_blend *q = r->what_if.query, *d = r->what_if.document;
    const bool back = q && d && !(q->by > 0) && !(d->by > 0) && !q->n_dims;
    for (size_t i = 0; i < l->n; i++)
        after[l->document[i]] = back ? r->sim[IMR_STAGE_BEFORE][l->document[i]] : own[i];
    imr_topk_sort(l->document, l->n, after, r->cache->documents.ids.places);
    list_vectors(r, l);
}

/* Where document stands among the feedback documents, which begin the order `by`: without a pass
 * over all N similarities. */
static uint32_t place_in_feedback(const imr_ranker *r, size_t k, imr_stage by, uint32_t document)
{
    const uint32_t *places = r->cache->documents.ids.places;
    size_t low = 0, high = k;
    while (low < high) { /* how many stand before it */
        const size_t middle = (low + high) / 2;
        if (imr_topk_before(r->sim[by], places, r->feedback[middle], document))
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low + 1;
}

static imr_status check_finite(const imr_ranker *r, const imr_listing *l, imr_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        for (imr_stage k = 0; k < (r->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++)
            if (!isfinite(l->sim[k][i]))
                return imr_fail(err, IMR_E_NUMERIC,
                                "a similarity of document %s is not finite: its vector in the "
                                "cache %s is damaged, or what is kept in its folder projected "
                                "(which may be deleted)",
                                imr_ids_at(&r->cache->documents.ids, l->document[i]),
                                r->cache->path);
    return IMR_OK;
}

/* Ranks, encoder and before over the whole corpus, and similarities. */
static imr_status ranks(imr_ranker *r, const imr_trace_settings *o, imr_stage by, imr_listing *l,
                        imr_error *err)
{
    for (imr_stage k = IMR_STAGE_ENCODER; k <= IMR_STAGE_BEFORE; k++)
        if (o->scope != IMR_SCOPE_RERANK || k != by)
            IMR_TRY(imr_search_ranks(l->rank[k], l->document, l->n, r->sim[k],
                                     imr_cache_ranked(r->cache), r->cache->documents.ids.places,
                                     err));
        else
            for (size_t i = 0; i < l->n; i++)
                l->rank[k][i] = place_in_feedback(r, o->feedback_k, by, l->document[i]);
    for (size_t i = 0; i < l->n; i++) {
        l->rank[IMR_STAGE_AFTER][i] = (uint32_t)i + 1;
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
            l->sim[k][i] = r->sim[k][l->document[i]];
        l->feedback[i] = o->scope == IMR_SCOPE_CORPUS ||
                         (l->rank[by][i] <= o->feedback_k && !is_left_out(r, l->document[i]));
    }
    return check_finite(r, l, err);
}

imr_status imr_ranker_check_k(const imr_cache *cache, size_t k, imr_error *err)
{
    const size_t n = cache->documents.ids.n;
    if (k > 0 && k <= n)
        return IMR_OK;
    return imr_fail(err, IMR_E_USAGE,
                    "feedback-k is %zu, the cache %s has %zu documents; use a value from 1 to %zu",
                    k, cache->path, n, n);
}

/* The head of the encoder's ranking. */
static imr_status list_encoder(imr_ranker *r, const float *base, imr_listing *l,
                               const imr_progress *progress, imr_error *err)
{
    float *encoder = r->sim[IMR_STAGE_ENCODER];
    IMR_TRY(rank_encoder(r, base, progress, err));
    imr_ranker_top(r, IMR_STAGE_ENCODER, l->document, l->n);
    for (size_t i = 0; i < l->n; i++) {
        l->rank[IMR_STAGE_ENCODER][i] = (uint32_t)i + 1;
        l->sim[IMR_STAGE_ENCODER][i] = encoder[l->document[i]];
        l->sim[IMR_STAGE_BEFORE][i] = l->sim[IMR_STAGE_AFTER][i] = NAN;
    }
    return check_finite(r, l, err);
}

static imr_stage candidates_from(const imr_ranker *r, const imr_trace_settings *o)
{
    return imr_ranker_candidates(r->adapter, o->candidates) == IMR_CANDIDATES_ENCODER
               ? IMR_STAGE_ENCODER
               : IMR_STAGE_BEFORE;
}

/* What if: the parts, and the adapter in the form it is read as. */
static imr_status suppose(imr_ranker *r, const imr_whatif *w, imr_arena *arena, imr_error *err)
{
    r->adapter = r->file;
    IMR_TRY(imr_whatif_read(&r->what_if, w, r->adapter, r->cache, arena, err));
    r->run.query_blend = r->what_if.query;
    r->run.document_blend = r->what_if.document;
    if (r->what_if.form != IMR_FORM_AUTO) {
        r->other = *r->file;
        r->other.w.form = r->what_if.form;
        r->adapter = &r->other;
    }
    return IMR_OK;
}

imr_status imr_ranker_run(imr_ranker *r, const float *base, const imr_trace_settings *settings,
                          imr_arena *arena, const imr_progress *progress, imr_listing *out,
                          imr_error *err)
{
    imr_trace_settings own = *settings;
    imr_listing l;
    r->of = 0;
    if (r->window && own.feedback_k > imr_cache_ranked(r->window))
        own.feedback_k = (uint32_t)imr_cache_ranked(r->window);
    settings = &own;
    const size_t n = own.feedback_k;
    IMR_TRY(imr_ranker_check_k(r->cache, n, err));
    IMR_TRY(allocate_listing(&l, n, r->projected.d.cols, arena, err));
    IMR_TRY(suppose(r, &settings->what_if, arena, err));
    if (r->what_if.n_left_out && settings->scope == IMR_SCOPE_CORPUS)
        return imr_fail(err, IMR_E_USAGE,
                        "what if a document gave no feedback? in scope corpus all give it");
    const imr_stage by = candidates_from(r, settings);
    if (r->adapter) {
        IMR_TRY(rank(r, base, settings, by, progress, err));
        order(r, n, settings->scope, &l);
        IMR_TRY(ranks(r, settings, by, &l, err));
        if (settings->influence)
            IMR_TRY(imr_ranker_influence(r, &l, err));
    } else {
        IMR_TRY(list_encoder(r, base, &l, progress, err));
    }
    *out = l;
    return IMR_OK;
}

imr_status imr_ranker_place(imr_ranker *r, size_t k, imr_stage by, uint32_t document,
                            uint32_t *rank, const imr_progress *progress, imr_error *err)
{
    float *after = r->sim[IMR_STAGE_AFTER];
    r->of = 0;
    IMR_TRY(adapt(r, k, IMR_SCOPE_RERANK, by, NULL, progress, err));
    for (size_t i = 0; i < r->run.k; i++)
        after[r->given[i]] = r->run.after[i];
    *rank = 1;
    for (size_t i = 0; i < r->run.k; i++)
        *rank += imr_topk_before(after, r->cache->documents.ids.places, r->given[i], document);
    return IMR_OK;
}

imr_status imr_ranker_try(imr_ranker *r, uint32_t *rank, imr_view x, uint32_t document,
                          const imr_trace_settings *o, const imr_progress *progress, imr_error *err)
{
    const imr_ids *ids = &r->cache->documents.ids;
    const size_t k = o->feedback_k, m = r->projected.d.cols;
    const imr_scope scope = o->scope == IMR_SCOPE_CORPUS ? o->scope : IMR_SCOPE_RESCORE;
    const imr_stage by = candidates_from(r, o);
    IMR_AUTOFREE float *q = IMR_NEW_ARRAY(float, x.rows *m);
    IMR_AUTOFREE uint32_t *head = IMR_NEW_ARRAY(uint32_t, x.rows * k);
    IMR_NEED(q && head, err);
    r->of = 0;
    if (r->adapter)
        IMR_TRY(imr_adapter_project(r->adapter, x, q, err));
    if (r->adapter && scope != IMR_SCOPE_CORPUS)
        IMR_TRY(imr_candidates(head, r, by, by == IMR_STAGE_BEFORE ? imr_view_of(q, x.rows, m) : x,
                               k, "ranking with a word more", progress, err));
    for (size_t i = 0; i < x.rows; i++) {
        if (r->adapter) {
            memcpy(r->query, q + i * m, m * sizeof *q);
            IMR_TRY(adapt(r, k, scope, by, head + i * k, progress, err));
        } else {
            IMR_TRY(rank_encoder(r, imr_view_row(&x, i), progress, err));
        }
        IMR_TRY(imr_search_ranks(&rank[i], &document, 1,
                                 r->sim[r->adapter ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER], ids->n,
                                 ids->places, err));
    }
    return IMR_OK;
}

imr_status imr_ranker_pair(imr_ranker *r, const float *base, const float *document,
                           const imr_whatif *what_if, imr_arena *arena, imr_listing *out,
                           imr_error *err)
{
    const size_t n = r->cache->dim, m = r->projected.d.cols;
    imr_listing l;
    r->of = 0;
    IMR_TRY(allocate_listing(&l, 1, m, arena, err));
    IMR_TRY(suppose(r, what_if, arena, err));
    if (r->what_if.n_left_out)
        return imr_fail(err, IMR_E_USAGE,
                        "what if the document of a pair gave no feedback? off:query asks that");
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        l.rank[k][0] = k == IMR_STAGE_ENCODER || r->adapter;
        l.sim[k][0] = NAN;
    }
    l.scored = 1;
    l.sim[IMR_STAGE_ENCODER][0] = (float)imr_nn_cosine(base, document, n);
    if (r->adapter) {
        const imr_view d = imr_view_of(l.d, 1, m);
        l.feedback[0] = true;
        IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(base, 1, n), r->query, err));
        IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(document, 1, n), l.d, err));
        IMR_TRY(imr_adapter_run(r->adapter, r->query, d, &r->run, err));
        imr_adapter_modulate(r->adapter, &r->run, d, l.d_mod);
        l.sim[IMR_STAGE_BEFORE][0] = (float)imr_nn_cosine(r->query, l.d, m);
        l.sim[IMR_STAGE_AFTER][0] = r->run.after[0];
    }
    *out = l;
    return IMR_OK;
}
