#include "adapter/adapter.h"
#include "adapter/net.h"
#include "base/mem.h"
#include "math/nn.h"

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
