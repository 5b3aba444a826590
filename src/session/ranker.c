#include "session/ranker.h"

#include <string.h>

#include "adapter/modulate.h"
#include "base/clock.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/topk.h"
#include "retrieval/search.h"

enum { BLOCK = 8192 }; /* documents projected between two looks at the cancel flag */

static float inverse_norm(const float *v, size_t n)
{
    const double norm = imr_nn_norm(v, n);
    return (float)(norm > 1e-12 ? 1 / norm : 0);
}

static imr_status project(imr_ranker *r, const imr_progress *progress, imr_error *err)
{
    const imr_view base = imr_cache_document_vectors(r->cache);
    for (size_t i = 0; i < base.rows; i += BLOCK) {
        const size_t n = base.rows - i < BLOCK ? base.rows - i : BLOCK;
        const imr_view block = {base.v + i * base.stride, n, base.cols, base.stride};
        float *out = imr_matrix_row(&r->projected, i);
        IMR_TRY(imr_adapter_project(r->adapter, block, out, err));
        for (size_t k = i; k < i + n; k++) {
            r->base_scale[k] = inverse_norm(imr_view_row(&base, k), base.cols);
            if (r->working_scale)
                r->working_scale[k] =
                    inverse_norm(imr_matrix_row(&r->projected, k), r->projected.cols);
        }
        if (!imr_progress_step(progress, "projecting documents", i + n, base.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled while projecting documents");
    }
    return IMR_OK;
}

static imr_status allocate(imr_ranker *r, imr_error *err)
{
    const size_t n = imr_cache_documents(r->cache), m = r->adapter->w.m;
    IMR_TRY(imr_matrix_init(&r->projected, n, m, err));
    r->base_scale = IMR_NEW_ARRAY(float, n);
    if (r->adapter->w.form == IMR_FORM_FULL)
        r->working_scale = IMR_NEW_ARRAY(float, n);
    r->before = IMR_NEW_ARRAY(float, n);
    r->encoder = IMR_NEW_ARRAY(float, n);
    r->after = IMR_NEW_ARRAY(float, n);
    r->query = IMR_NEW_ARRAY(float, m);
    r->feedback = IMR_NEW_ARRAY(uint32_t, n);
    r->place = IMR_NEW_ARRAY(uint32_t, n);
    const bool scaled = r->adapter->w.form != IMR_FORM_FULL || r->working_scale;
    return r->base_scale && scaled && r->before && r->encoder && r->after && r->query &&
                   r->feedback && r->place
               ? IMR_OK
               : imr_fail_memory(err);
}

imr_status imr_ranker_init(imr_ranker *out, const imr_adapter *adapter, const imr_cache *cache,
                           const imr_progress *progress, imr_error *err)
{
    imr_ranker r = {.adapter = adapter, .cache = cache};
    if (adapter->w.n != imr_cache_dim(cache))
        return imr_fail(
            err, IMR_E_SHAPE,
            "the adapter %s takes %zu-dimensional vectors, the cache %s holds %zu-dimensional "
            "ones; use an "
            "adapter trained on this encoder, or a cache made with the adapter's encoder",
            adapter->path, adapter->w.n, imr_cache_path(cache), imr_cache_dim(cache));
    imr_status status = allocate(&r, err);
    if (status == IMR_OK)
        status = project(&r, progress, err);
    if (status != IMR_OK) {
        imr_ranker_done(&r);
        return status;
    }
    *out = r;
    return IMR_OK;
}

void imr_ranker_done(imr_ranker *r)
{
    imr_matrix_done(&r->projected);
    imr_matrix_done(&r->candidates);
    imr_free(r->base_scale);
    imr_free(r->working_scale);
    imr_free(r->before);
    imr_free(r->encoder);
    imr_free(r->after);
    imr_free(r->query);
    imr_free(r->feedback);
    imr_free(r->place);
    imr_adapter_result_done(&r->run);
    *r = (imr_ranker){0};
}

/* Inner products become cosines. */
static void to_cosines(float *scores, const float *scale, double query_norm, size_t n)
{
    const float by = (float)(query_norm > 1e-12 ? 1 / query_norm : 0);
    for (size_t i = 0; i < n; i++)
        scores[i] *= (scale ? scale[i] : 1) * by;
}

static imr_status search(imr_ranker *r, const float *base, imr_error *err)
{
    const imr_view documents = imr_cache_document_vectors(r->cache);
    IMR_TRY(imr_adapter_project(r->adapter, imr_view_of(base, 1, documents.cols), r->query, err));
    imr_search_scores(r->before, imr_rows_of_matrix(&r->projected), r->query);
    to_cosines(r->before, r->working_scale, imr_nn_norm(r->query, r->projected.cols),
               documents.rows);
    imr_search_scores(r->encoder, imr_rows_of_view(documents), base);
    to_cosines(r->encoder, r->base_scale, imr_nn_norm(base, documents.cols), documents.rows);
    return IMR_OK;
}

static void gather(const imr_ranker *r, float *out, const uint32_t *documents, size_t n)
{
    const size_t m = r->projected.cols;
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * m, imr_matrix_row(&r->projected, documents[i]), m * sizeof *out);
}

/* The adapter over the K feedback documents; all of the corpus needs no copy. */
static imr_status adapt(imr_ranker *r, size_t k, imr_error *err)
{
    const size_t m = r->projected.cols;
    imr_view view = imr_matrix_view(&r->projected);
    if (k < r->projected.rows) {
        if (r->candidates.rows < k) {
            imr_matrix grown;
            IMR_TRY(imr_matrix_init(&grown, k, m, err));
            imr_matrix_done(&r->candidates);
            r->candidates = grown;
        }
        gather(r, r->candidates.v, r->feedback, k);
        view = imr_view_of(r->candidates.v, k, m);
    } else {
        for (size_t i = 0; i < k; i++)
            r->feedback[i] = (uint32_t)i;
    }
    return imr_adapter_run(r->adapter, r->query, view, &r->run, err);
}

static imr_status allocate_listing(imr_listing *l, size_t n, imr_arena *arena, imr_error *err)
{
    *l = (imr_listing){.n = n};
    l->document = IMR_ARENA_ARRAY(arena, uint32_t, n);
    l->rank_encoder = IMR_ARENA_ARRAY(arena, uint32_t, n);
    l->rank_before = IMR_ARENA_ARRAY(arena, uint32_t, n);
    l->rank_after = IMR_ARENA_ARRAY(arena, uint32_t, n);
    l->sim_encoder = IMR_ARENA_ARRAY(arena, float, n);
    l->sim_before = IMR_ARENA_ARRAY(arena, float, n);
    l->sim_after = IMR_ARENA_ARRAY(arena, float, n);
    l->feedback = IMR_ARENA_ARRAY(arena, bool, n);
    return l->document && l->rank_encoder && l->rank_before && l->rank_after && l->sim_encoder &&
                   l->sim_before && l->sim_after && l->feedback
               ? IMR_OK
               : imr_fail_memory(err);
}

/* The scored documents in `after` order, cut to the listing's length. */
static imr_status order(imr_ranker *r, size_t k, imr_scope scope, imr_listing *l, imr_error *err)
{
    const uint32_t *places = imr_cache_id_places(r->cache);
    const size_t total = r->projected.rows;
    for (size_t i = 0; i < k; i++)
        r->after[r->feedback[i]] = r->run.after[i];
    if (scope == IMR_SCOPE_RERANK) {
        l->scored = k;
        memcpy(l->document, r->feedback, l->n * sizeof *l->document);
        imr_topk_sort(l->document, l->n, r->after, places);
        return IMR_OK;
    }
    l->scored = total;
    if (scope == IMR_SCOPE_RESCORE)
        IMR_TRY(imr_adapter_score(r->adapter, &r->run, imr_rows_of_matrix(&r->projected), NULL,
                                  r->after, err));
    l->n = imr_topk(l->document, l->n, r->after, total, places);
    return IMR_OK;
}

static imr_status ranks(imr_ranker *r, size_t k, imr_listing *l, imr_error *err)
{
    const uint32_t *places = imr_cache_id_places(r->cache);
    const size_t total = r->projected.rows;
    IMR_TRY(imr_search_ranks(l->rank_encoder, l->document, l->n, r->encoder, total, places, err));
    IMR_TRY(imr_search_ranks(l->rank_before, l->document, l->n, r->before, total, places, err));
    for (size_t i = 0; i < l->n; i++) {
        const uint32_t d = l->document[i];
        l->rank_after[i] = (uint32_t)i + 1;
        l->sim_encoder[i] = r->encoder[d];
        l->sim_before[i] = r->before[d];
        l->sim_after[i] = r->after[d];
        l->feedback[i] = l->rank_before[i] <= k;
    }
    return IMR_OK;
}

static void modulate(const imr_ranker *r, imr_view d, float *out)
{
    const imr_weights *w = &r->adapter->w;
    const float *gain = imr_weight(w, IMR_W_DOC_NORM), *shift = imr_weight(w, IMR_W_DOC_NORM_BIAS);
    if (w->form == IMR_FORM_FULL)
        imr_modulate_full(out, d, r->run.weight_q, r->run.bias_q, gain, shift);
    else
        imr_modulate_diagonal(out, d, r->run.scale_q, r->run.bias_q, gain, shift);
}

static imr_status vectors(imr_ranker *r, imr_listing *l, size_t k, imr_arena *arena, imr_error *err)
{
    const size_t m = r->projected.cols;
    l->d = IMR_ARENA_ARRAY(arena, float, l->n *m);
    l->d_mod = IMR_ARENA_ARRAY(arena, float, l->n *m);
    if (!l->d || !l->d_mod)
        return imr_fail_memory(err);
    gather(r, l->d, l->document, l->n);
    for (size_t i = 0; i < k; i++)
        r->place[r->feedback[i]] = (uint32_t)i + 1;
    for (size_t i = 0; i < l->n; i++) {
        const uint32_t at = r->place[l->document[i]];
        float *out = l->d_mod + i * m;
        if (at) /* the adapter's own result, so that the numbers stay the same */
            memcpy(out, r->run.d_mod + (at - 1) * m, m * sizeof *out);
        else
            modulate(r, imr_view_of(l->d + i * m, 1, m), out);
    }
    for (size_t i = 0; i < k; i++)
        r->place[r->feedback[i]] = 0;
    return IMR_OK;
}

imr_status imr_ranker_run(imr_ranker *r, const float *base, uint32_t feedback_k, imr_scope scope,
                          bool with_vectors, imr_arena *arena, imr_listing *out, imr_error *err)
{
    const size_t total = r->projected.rows;
    if (feedback_k == 0 || feedback_k > total)
        return imr_fail(
            err, IMR_E_USAGE,
            "feedback-k is %u, the cache %s has %zu documents; use a value from 1 to %zu",
            feedback_k, imr_cache_path(r->cache), total, total);
    const size_t k = scope == IMR_SCOPE_CORPUS ? total : feedback_k;
    imr_listing l;
    IMR_TRY(search(r, base, err));
    imr_topk(r->feedback, k, r->before, total, imr_cache_id_places(r->cache));
    const double start = imr_clock_seconds();
    IMR_TRY(adapt(r, k, err));
    r->adapt_seconds = imr_clock_seconds() - start;
    IMR_TRY(allocate_listing(&l, feedback_k, arena, err));
    IMR_TRY(order(r, k, scope, &l, err));
    IMR_TRY(ranks(r, k, &l, err));
    if (with_vectors)
        IMR_TRY(vectors(r, &l, k, arena, err));
    *out = l;
    return IMR_OK;
}

void imr_ranker_top_encoder(const imr_ranker *r, uint32_t *out, size_t k)
{
    imr_topk(out, k, r->encoder, r->projected.rows, imr_cache_id_places(r->cache));
}

void imr_ranker_top_before(const imr_ranker *r, uint32_t *out, size_t k)
{
    imr_topk(out, k, r->before, r->projected.rows, imr_cache_id_places(r->cache));
}
