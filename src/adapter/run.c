/* The forward pass, as method.md section 1 writes it. */
#include <math.h>
#include <string.h>

#include "adapter/adapter.h"
#include "adapter/modulate.h"
#include "adapter/net.h"
#include "adapter/project.h"
#include "adapter/run_private.h"
#include "base/mem.h"
#include "math/nn.h"

void imr_adapter_result_done(imr_adapter_result *r)
{
    imr_free(r->store);
    *r = (imr_adapter_result){0};
}

imr_status imr_adapter_project(const imr_adapter *a, imr_view base, float *out, imr_error *err)
{
    assert(a->usable);
    return imr_weights_project(&a->w, base, out, err);
}

/* Every vector starts on a cache line. */
static float *take(float *store, size_t *at, size_t n)
{
    float *p = store ? store + *at : NULL;
    *at += (n + 15) / 16 * 16;
    return p;
}

/* Points the result's vectors into store; returns the floats needed. */
static size_t lay_out(imr_adapter_result *r, const imr_weights *w, size_t k, float *store)
{
    size_t at = 0, m = w->m;
    bool full = w->form == IMR_FORM_FULL;
    r->m = m;
    r->k = k;
    r->q = take(store, &at, m);
    r->q_mod = take(store, &at, m);
    r->d_mod = take(store, &at, k * m);
    r->before = take(store, &at, k);
    r->after = take(store, &at, k);
    float *to_documents = take(store, &at, imr_net_out(w));
    float *to_query = take(store, &at, imr_net_out(w));
    r->scale_q = full ? NULL : to_documents;
    r->scale_d = full ? NULL : to_query;
    r->weight_q = full ? to_documents : NULL;
    r->weight_d = full ? to_query : NULL;
    r->bias_q = store ? to_documents + (full ? m * m : m) : NULL;
    r->bias_d = store ? to_query + (full ? m * m : m) : NULL;
    r->d_mean = w->form == IMR_FORM_DIAGONAL ? take(store, &at, m) : NULL;
    r->scratch = take(store, &at, imr_net_scratch(w, k ? k : 1));
    return at;
}

imr_status imr_run_prepare(imr_adapter_result *r, const imr_weights *w, const float *q, size_t k,
                           imr_error *err)
{
    imr_adapter_result size = {0};
    size_t need = lay_out(&size, w, k, NULL);
    if (need > r->capacity) {
        float *grown = imr_alloc_aligned(need, sizeof *grown);
        if (!grown)
            return imr_fail_memory(err);
        imr_free(r->store);
        r->store = grown;
        r->capacity = need;
    }
    lay_out(r, w, k, r->store);
    if (k == 0)
        r->d_mod = r->before = r->after = NULL;
    memcpy(r->q, q, w->m * sizeof *q);
    return IMR_OK;
}

static void mean_rows(float *out, const float *rows, size_t n, size_t m)
{
    for (size_t j = 0; j < m; j++)
        out[j] = 0.0f;
    for (size_t at = 0; at < n; at += 256) { /* short float sums, joined in order */
        size_t end = n - at < 256 ? n : at + 256;
        for (size_t j = 0; j < m; j++) {
            double sum = 0;
            for (size_t i = at; i < end; i++)
                sum += (double)rows[i * m + j];
            out[j] += (float)(sum / (double)n);
        }
    }
}

void imr_run_query_net(const imr_weights *w, imr_adapter_result *r)
{
    imr_net(w, IMR_SIDE_QUERY, imr_rows_of_view(imr_view_of(r->q, 1, w->m)), r->scratch,
            r->scale_q ? r->scale_q : r->weight_q, NULL);
}

void imr_run_modulate_query(const imr_weights *w, imr_adapter_result *r)
{
    imr_modulate(r->q_mod, imr_view_of(r->q, 1, w->m), w, IMR_W_QUERY_NORM,
                 r->scale_d ? r->scale_d : r->weight_d, r->bias_d);
}

void imr_run_doc_net(const imr_weights *w, imr_rows d, imr_adapter_result *r)
{
    if (w->form == IMR_FORM_DIAGONAL)
        d = imr_rows_f32(r->d_mean, 1, w->m);
    imr_net(w, IMR_SIDE_DOC, d, r->scratch, r->scale_d ? r->scale_d : r->weight_d, NULL);
    imr_run_modulate_query(w, r);
}

void imr_adapter_modulate(const imr_adapter *a, const imr_adapter_result *r, imr_view d, float *out)
{
    imr_modulate(out, d, &a->w, IMR_W_DOC_NORM, r->scale_q ? r->scale_q : r->weight_q, r->bias_q);
}

imr_status imr_run_check(const imr_weights *w, imr_rows d, imr_error *err)
{
    if (d.cols != w->m)
        return imr_fail(err, IMR_E_SHAPE,
                        "the candidates have %zu dimensions, the adapter works in %zu: project "
                        "them first",
                        d.cols, w->m);
    if (d.rows == 0)
        return imr_fail(err, IMR_E_SHAPE,
                        "no candidate documents: the query cannot be modulated without any");
    return IMR_OK;
}

imr_status imr_run_check_scores(const float *before, const float *after, size_t n, imr_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(before[i]) || !isfinite(after[i]))
            return imr_fail(err, IMR_E_NUMERIC,
                            "the similarity of candidate %zu is not finite: its vector or the "
                            "query's holds a value that is not",
                            i);
    return IMR_OK;
}

imr_status imr_adapter_run(const imr_adapter *a, const float *q, imr_view d, imr_adapter_result *r,
                           imr_error *err)
{
    assert(a->usable);
    const imr_weights *w = &a->w;
    const imr_rows candidates = imr_rows_of_view(d);
    IMR_TRY(imr_run_check(w, candidates, err));
    if (d.rows > IMR_MAX_FEEDBACK)
        return imr_fail(err, IMR_E_LIMIT, "%zu candidate documents, at most %u can be run at once",
                        d.rows, IMR_MAX_FEEDBACK);
    IMR_TRY(imr_run_prepare(r, w, q, d.rows, err));
    imr_run_query_net(w, r);
    imr_adapter_modulate(a, r, d, r->d_mod);
    if (w->form == IMR_FORM_DIAGONAL)
        mean_rows(r->d_mean, r->d_mod, d.rows, w->m);
    imr_run_doc_net(w, candidates, r);
    imr_nn_cosine_rows(r->before, d, r->q);
    imr_nn_cosine_rows(r->after, imr_view_of(r->d_mod, d.rows, w->m), r->q_mod);
    return imr_run_check_scores(r->before, r->after, d.rows, err);
}

imr_status imr_adapter_score(const imr_adapter *a, const imr_adapter_result *r, imr_rows d,
                             float *before, float *after, const imr_progress *progress,
                             imr_error *err)
{
    const imr_weights *w = &a->w;
    if (d.rows > 0)
        IMR_TRY(imr_run_check(w, d, err));
    if (imr_form_scales(w->form))
        return imr_run_rescore(w, r, d, before, after, progress, err);
    size_t m = w->m;
    enum { BLOCK = 256 };
    IMR_AUTOFREE float *block = imr_alloc_aligned(2 * BLOCK * m, sizeof *block);
    if (!block)
        return imr_fail_memory(err);
    for (size_t at = 0; at < d.rows; at += BLOCK) {
        size_t rows = d.rows - at < BLOCK ? d.rows - at : BLOCK;
        imr_view part = imr_view_of(block + BLOCK * m, rows, m);
        if (d.half)
            imr_rows_read(block + BLOCK * m, d, at, rows);
        else
            part = imr_rows_view(imr_rows_slice(d, at, rows));
        imr_adapter_modulate(a, r, part, block);
        imr_nn_cosine_rows(after + at, imr_view_of(block, rows, m), r->q_mod);
        if (before)
            imr_nn_cosine_rows(before + at, part, r->q);
        if (!imr_progress_step(progress, "scoring documents", at + rows, d.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    return IMR_OK;
}
