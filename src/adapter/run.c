/* An adapter at work, as method.md section 1 writes it. */
#include <math.h>

#include "adapter/sweep.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"
#include "math/stats.h"

imr_status imr_adapter_project(const imr_adapter *a, imr_view base, float *out, imr_error *err)
{
    assert(a->usable);
    const imr_weights *w = &a->w;
    if (base.cols != w->n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the vectors have %zu dimensions, the adapter expects %zu: use the encoder "
                        "(or the cache) the adapter was trained with",
                        base.cols, w->n);
    const bool scales = imr_form_scales(w->form);
    enum { BLOCK = 4096 }; /* rows stay in the cache between product and norm */
    for (size_t at = 0; at < base.rows; at += BLOCK) {
        const size_t rows = base.rows - at < BLOCK ? base.rows - at : BLOCK;
        const imr_view block = {base.v + at * base.stride, rows, base.cols, base.stride};
        const imr_view to = imr_view_of(out + at * w->m, rows, w->m);
        imr_nn_linear(out + at * w->m, block, imr_weight_view(w, IMR_W_PROJECTOR),
                      scales ? imr_weight(w, IMR_W_PROJECTOR_BIAS) : NULL);
        if (scales)
            imr_nn_unit_rows(out + at * w->m, to);
        const size_t bad = imr_view_first_bad(to);
        if (bad < rows * w->m)
            return imr_fail(err, IMR_E_NUMERIC,
                            "vector %zu is not finite after projection: build the cache again",
                            at + bad / w->m);
    }
    return IMR_OK;
}

/* ---- a run ---- */

void imr_adapter_result_done(imr_adapter_result *r)
{
    imr_free(r->store);
    *r = (imr_adapter_result){0};
}

/* Points the result's vectors into store; returns the floats needed. */
static size_t lay_out(imr_adapter_result *r, const imr_weights *w, size_t k, float *store)
{
    const size_t m = w->m, gates = imr_net_out(w) - m;
    size_t at = 0;
    r->m = m;
    r->k = k;
    r->q = imr_place(store, &at, m);
    r->q_mod = imr_place(store, &at, m);
    r->d_mod = imr_place(store, &at, k * m);
    r->before = imr_place(store, &at, k);
    r->after = imr_place(store, &at, k);
    r->scale_q = imr_place(store, &at, gates + m);
    r->scale_d = imr_place(store, &at, gates + m);
    r->bias_q = store ? r->scale_q + gates : NULL;
    r->bias_d = store ? r->scale_d + gates : NULL;
    r->d_mean = w->form == IMR_FORM_DIAGONAL ? imr_place(store, &at, m) : NULL;
    r->scratch = imr_place(store, &at, imr_net_scratch(w, k ? k : 1));
    return at;
}

/* IMR_E_SHAPE when d has another m or no row. */
static imr_status check(const imr_weights *w, imr_rows d, imr_error *err)
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

/* IMR_E_NUMERIC naming the first candidate whose similarity is not finite. */
static imr_status check_scores(const float *before, const float *after, size_t n, imr_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(before[i]) || !isfinite(after[i]))
            return imr_fail(err, IMR_E_NUMERIC,
                            "the similarity of candidate %zu is not finite: its vector or the "
                            "query's holds a value that is not",
                            i);
    return IMR_OK;
}

/* Makes room for k candidates (0: they are not kept), copies q and asks its net. */
static imr_status begin(imr_adapter_result *r, const imr_weights *w, const float *q, size_t k,
                        imr_error *err)
{
    IMR_TRY(
        imr_make_room(&r->store, &r->capacity, lay_out(&(imr_adapter_result){0}, w, k, NULL), err));
    lay_out(r, w, k, r->store);
    if (k == 0)
        r->d_mod = r->before = r->after = NULL;
    memcpy(r->q, q, w->m * sizeof *q);
    imr_net(w, IMR_SIDE_QUERY, imr_rows_f32(q, 1, w->m), r->scratch, r->scale_q, NULL);
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

static void modulate_query(const imr_weights *w, imr_adapter_result *r)
{
    const imr_view q = imr_view_of(r->q, 1, w->m);
    imr_modulate(r->q_mod, q, w, IMR_W_QUERY_NORM, r->scale_d, r->bias_d);
    imr_blend_rows(r->q_mod, q, r->query_blend);
}

void imr_run_doc_net(const imr_weights *w, imr_rows d, imr_adapter_result *r)
{
    if (w->form == IMR_FORM_DIAGONAL)
        d = imr_rows_f32(r->d_mean, 1, w->m);
    imr_net(w, IMR_SIDE_DOC, d, r->scratch, r->scale_d, NULL);
    modulate_query(w, r);
}

void imr_adapter_modulate(const imr_adapter *a, const imr_adapter_result *r, imr_view d, float *out)
{
    imr_modulate(out, d, &a->w, IMR_W_DOC_NORM, r->scale_q, r->bias_q);
    imr_blend_rows(out, d, r->document_blend);
}

imr_status imr_adapter_run(const imr_adapter *a, const float *q, imr_view d, imr_adapter_result *r,
                           imr_error *err)
{
    assert(a->usable);
    const imr_weights *w = &a->w;
    const imr_rows candidates = imr_rows_of_view(d);
    IMR_TRY(check(w, candidates, err));
    if (d.rows > IMR_MAX_FEEDBACK)
        return imr_fail(err, IMR_E_LIMIT, "%zu candidate documents, at most %u can be run at once",
                        d.rows, IMR_MAX_FEEDBACK);
    IMR_TRY(begin(r, w, q, d.rows, err));
    imr_modulate(r->d_mod, d, w, IMR_W_DOC_NORM, r->scale_q, r->bias_q);
    if (w->form == IMR_FORM_DIAGONAL)
        mean_rows(r->d_mean, r->d_mod, d.rows, w->m);
    imr_run_doc_net(w, candidates, r);
    imr_blend_rows(r->d_mod, d, r->document_blend);
    imr_nn_cosine_rows(r->before, d, r->q);
    imr_nn_cosine_rows(r->after, imr_view_of(r->d_mod, d.rows, w->m), r->q_mod);
    return check_scores(r->before, r->after, d.rows, err);
}

/* ---- whole corpora ---- */

imr_status imr_adapter_score(const imr_adapter *a, const imr_adapter_result *r, imr_rows d,
                             float *after, const imr_progress *progress, imr_error *err)
{
    const imr_weights *w = &a->w;
    const size_t m = w->m;
    enum { BLOCK = 256 };
    if (d.rows > 0)
        IMR_TRY(check(w, d, err));
    if (imr_form_scales(w->form) && !r->document_blend)
        return imr_sweep_score(w, r, d, after, progress, err);
    IMR_AUTOFREE float *block = imr_alloc_aligned(2 * BLOCK * m, sizeof *block);
    IMR_NEED(block, err);
    for (size_t at = 0; at < d.rows; at += BLOCK) {
        const size_t rows = d.rows - at < BLOCK ? d.rows - at : BLOCK;
        const imr_view part = imr_rows_widened(d, at, rows, block + BLOCK * m);
        imr_adapter_modulate(a, r, part, block);
        imr_nn_cosine_rows(after + at, imr_view_of(block, rows, m), r->q_mod);
        if (!imr_progress_step(progress, "scoring documents", at + rows, d.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    return IMR_OK;
}

/* What all documents say to every query, from `kept` or into it; NULL: computed here. */
static imr_status feedback_of_all(imr_adapter_result *r, const imr_weights *w, imr_rows d,
                                  imr_feedback *kept, const imr_progress *progress, imr_error *err)
{
    const size_t n = imr_net_out(w);
    if (!kept || !kept->v) {
        IMR_AUTOFREE float *scratch = imr_alloc(imr_net_scratch(w, d.rows), sizeof *scratch);
        IMR_NEED(scratch, err);
        if (!imr_net(w, IMR_SIDE_DOC, d, scratch, r->scale_d, progress))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
        if (!kept)
            return IMR_OK;
        kept->v = imr_alloc(n, sizeof *kept->v);
        IMR_NEED(kept->v, err);
        memcpy(kept->v, r->scale_d, n * sizeof *kept->v);
    } else {
        memcpy(r->scale_d, kept->v, n * sizeof *kept->v);
    }
    return IMR_OK;
}

imr_status imr_adapter_score_sweep(const imr_adapter *a, const float *q, imr_rows d,
                                   imr_feedback *kept, imr_adapter_result *r, float *after,
                                   const imr_progress *progress, imr_error *err)
{
    assert(a->usable);
    const imr_weights *w = &a->w;
    IMR_TRY(check(w, d, err));
    IMR_TRY(begin(r, w, q, 0, err));
    if (w->form == IMR_FORM_DIAGONAL) {
        IMR_TRY(imr_sweep_diagonal(w, d, r, after, progress, err));
        if (r->document_blend)
            IMR_TRY(imr_adapter_score(a, r, d, after, progress, err));
    } else {
        IMR_TRY(feedback_of_all(r, w, d, kept, progress, err));
        modulate_query(w, r);
        IMR_TRY(imr_adapter_score(a, r, d, after, progress, err));
    }
    return check_scores(after, after, d.rows, err);
}

/* ---- how strongly it acts ---- */

imr_status imr_adapter_survey_run(imr_adapter_survey *out, const imr_adapter *a, size_t queries,
                                  uint64_t seed, imr_error *err)
{
    assert(a->usable && queries > 0);
    const imr_weights *w = &a->w;
    const size_t m = w->m, n = queries * m, step = imr_form_scales(w->form) ? 1 : m + 1;
    IMR_AUTOFREE float *base = imr_alloc(w->n, sizeof *base);
    IMR_AUTOFREE float *q = imr_alloc(m, sizeof *q);
    IMR_AUTOFREE float *scratch = imr_alloc(imr_net_scratch(w, 1), sizeof *scratch);
    IMR_AUTOFREE float *said = imr_alloc(imr_net_out(w), sizeof *said);
    IMR_AUTOFREE double *scales = imr_alloc(n, sizeof *scales);
    IMR_AUTOFREE double *lengths = imr_alloc(queries, sizeof *lengths);
    IMR_NEED(base && q && scratch && said && scales && lengths, err);
    imr_random r;
    imr_random_init(&r, seed);
    for (size_t i = 0; i < queries; i++) {
        imr_random_fill_normal(&r, base, w->n, 1.0);
        imr_nn_unit(base, base, w->n);
        IMR_TRY(imr_adapter_project(a, imr_view_of(base, 1, w->n), q, err));
        imr_net(w, IMR_SIDE_QUERY, imr_rows_f32(q, 1, m), scratch, said, NULL);
        lengths[i] = imr_nn_norm(said + imr_net_out(w) - m, m);
        for (size_t j = 0; j < m; j++)
            scales[i * m + j] = (double)said[j * step];
    }
    imr_stats_sort(scales, n);
    imr_stats_sort(lengths, queries);
    *out = (imr_adapter_survey){queries,
                                scales[0],
                                imr_stats_mean(scales, n),
                                scales[n - 1],
                                imr_stats_sd(scales, n),
                                lengths[0],
                                imr_stats_quantile(lengths, queries, 0.5),
                                lengths[queries - 1]};
    return IMR_OK;
}

/* ---- leave one out ---- */

/* out[i] = the mean of the rows but the i-th; out may be rows. */
static void others(float *out, const float *rows, size_t k, size_t m)
{
    for (size_t j = 0; j < m; j++) {
        double sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += (double)rows[i * m + j];
        for (size_t i = 0; i < k; i++)
            out[i * m + j] = (float)((sum - (double)rows[i * m + j]) / (double)(k - 1));
    }
}

/* Form full: W q + b = G hidden + rest, for G [m,h] then rest [m]. */
static void apply_to_query(float *g, const imr_weights *w, const float *q)
{
    const size_t m = w->m, h = w->h;
    const imr_view last = imr_weight_view(w, IMR_W_DOC_2);
    const float *bias = imr_weight(w, IMR_W_DOC_2_BIAS);
    for (size_t i = 0; i < m; i++) {
        double rest = (double)bias[m * m + i];
        float *row = g + i * h;
        for (size_t k = 0; k < h; k++)
            row[k] = imr_view_row(&last, m * m + i)[k];
        for (size_t j = 0; j < m; j++) {
            const float *from = imr_view_row(&last, i * m + j);
            rest += (double)bias[i * m + j] * (double)q[j];
#pragma omp simd
            for (size_t k = 0; k < h; k++)
                row[k] += from[k] * q[j];
        }
        g[m * h + i] = (float)rest;
    }
}

imr_status imr_adapter_without_each(float *out, const imr_adapter *a, const imr_adapter_result *r,
                                    imr_view d, imr_error *err)
{
    const imr_weights *w = &a->w;
    const size_t k = d.rows, m = w->m, h = w->h;
    const bool scales = imr_form_scales(w->form), means = w->form == IMR_FORM_DIAGONAL;
    const size_t width = scales ? 2 * m : h, more = scales ? k * (h + h / 2) : m * (h + 1);
    IMR_AUTOFREE float *each = imr_alloc_aligned(k * width + more, sizeof *each);
    float *rest = each + k * width;
    IMR_NEED(each, err);
    if (means) {
        imr_modulate(out, d, w, IMR_W_DOC_NORM, r->scale_q, r->bias_q);
        others(out, out, k, m);
    }
    if (scales)
        imr_hypernet(w, IMR_SIDE_DOC, means ? imr_view_of(out, k, m) : d, NULL, NULL, rest,
                     rest + k * h, each);
    else
        imr_hidden_layer(each, d, w, IMR_W_DOC_1, NULL);
    if (!means)
        others(each, each, k, width);
    for (size_t i = 0; i < k && scales; i++)
        for (size_t j = 0; j < m; j++)
            out[i * m + j] = r->q[j] * each[i * width + j] + each[i * width + m + j];
    if (!scales) {
        apply_to_query(rest, w, r->q);
        imr_nn_linear(out, imr_view_of(each, k, h), imr_view_of(rest, m, h), rest + m * h);
    }
    imr_nn_layernorm(out, NULL, NULL, imr_view_of(out, k, m), imr_weight(w, IMR_W_QUERY_NORM),
                     imr_weight(w, IMR_W_QUERY_NORM_BIAS));
    imr_blend_rows(out, (imr_view){r->q, k, m, 0}, r->query_blend);
    return IMR_OK;
}
