#include "adapter/pass.h"

#include <string.h>

#include "adapter/hypernet.h"
#include "base/mem.h"
#include "adapter/loss.h"
#include "math/blas.h"
#include "math/nn.h"

void imr_pass_done(imr_pass *p)
{
    imr_free(p->store);
    imr_free(p->ids);
    *p = (imr_pass){0};
}

static float *take(float *store, size_t *at, size_t n)
{
    float *p = store ? store + *at : NULL;
    *at += (n + 15) / 16 * 16;
    return p;
}

/* Rows of the documents' net. */
static size_t doc_rows(const imr_pass *p, imr_form form)
{
    return form == IMR_FORM_DIAGONAL ? p->size
           : form == IMR_FORM_MEAN   ? p->unique
                                     : p->size * p->list;
}

/* Points everything into store; returns the floats needed. */
static size_t lay_out(imr_pass *p, const imr_weights *w, bool dropout, float *store)
{
    const bool full = w->form == IMR_FORM_FULL, mean = w->form == IMR_FORM_MEAN;
    size_t at = 0, m = w->m, h = w->h, b = p->size, rows = p->size * p->list, all = b + p->unique;
    const size_t out = full ? m * m + m : 2 * m, docs = doc_rows(p, w->form);
    const size_t most = docs > b ? docs : b;
    p->x = take(store, &at, all * w->n);
    p->z = take(store, &at, all * m);
    p->z_norm = take(store, &at, all);
    p->d_hat = take(store, &at, rows * m);
    p->d_inverse = take(store, &at, rows);
    p->d_mod = take(store, &at, rows * m);
    p->q_hat = take(store, &at, b * m);
    p->q_inverse = take(store, &at, b);
    p->q_mod = take(store, &at, b * m);
    p->query_h1 = take(store, &at, b * h);
    p->query_out = take(store, &at, b * out);
    p->doc_h1 = take(store, &at, docs * h);
    p->doc_out = take(store, &at, b * out);
    p->base = take(store, &at, rows);
    p->query_h2 = full ? NULL : take(store, &at, b * (h / 2));
    p->doc_h2 = full ? NULL : take(store, &at, docs * (h / 2));
    p->d_mean = full || mean ? NULL : take(store, &at, b * m);
    p->doc_each = mean ? take(store, &at, docs * out) : NULL;
    p->d_each = mean ? take(store, &at, docs * out) : NULL;
    p->doc_mean = full ? take(store, &at, b * h) : NULL;
    p->d_list = full ? take(store, &at, rows * m) : NULL;
    p->dq_mod = take(store, &at, b * m);
    p->dd_mod = take(store, &at, rows * m);
    p->dz = take(store, &at, all * m);
    p->d_out = take(store, &at, b * out);
    p->dh1 = take(store, &at, most * h);
    p->dh2 = full ? NULL : take(store, &at, most * (h / 2));
    p->d_feedback = mean ? NULL : take(store, &at, b * (full ? h : m));
    p->d_gain = take(store, &at, b * m);
    p->d_shift = take(store, &at, b * m);
    p->scratch = take(store, &at, imr_loss_scratch(b, p->list, m));
    p->mask_query_h1 = dropout ? take(store, &at, b * h) : NULL;
    p->mask_doc_h1 = dropout ? take(store, &at, docs * h) : NULL;
    p->mask_query_h2 = dropout && !full ? take(store, &at, b * (h / 2)) : NULL;
    p->mask_doc_h2 = dropout && !full ? take(store, &at, docs * (h / 2)) : NULL;
    return at;
}

imr_status imr_pass_prepare(imr_pass *p, const imr_weights *w, size_t size, size_t list,
                            size_t unique, bool dropout, imr_error *err)
{
    assert(size > 0 && list > 0 && unique > 0);
    p->size = size;
    p->list = list;
    p->unique = unique;
    size_t need = lay_out(p, w, dropout, NULL);
    if (need > p->capacity) {
        float *grown = imr_alloc_aligned(need, sizeof *grown);
        if (!grown)
            return imr_fail_memory(err);
        imr_free(p->store);
        p->store = grown;
        p->capacity = need;
    }
    if (size * list > p->ids_capacity) {
        uint32_t *grown = imr_calloc(size * list, sizeof *grown);
        if (!grown)
            return imr_fail_memory(err);
        imr_free(p->ids);
        p->ids = grown;
        p->ids_capacity = size * list;
    }
    lay_out(p, w, dropout, p->store);
    p->document = p->ids;
    return IMR_OK;
}

static void draw_mask(float *mask, size_t n, double dropout, imr_random *random)
{
    float keep = (float)(1.0 / (1.0 - dropout));
    for (size_t i = 0; mask && i < n; i++)
        mask[i] = imr_random_uniform(random) < dropout ? 0.0f : keep;
}

static void project(imr_pass *p, const imr_weights *w)
{
    size_t all = p->size + p->unique, m = w->m;
    const bool scales = imr_form_scales(w->form);
    imr_nn_linear(p->z, imr_view_of(p->x, all, w->n), imr_weight_view(w, IMR_W_PROJECTOR),
                  scales ? imr_weight(w, IMR_W_PROJECTOR_BIAS) : NULL);
    if (!scales)
        return;
    for (size_t i = 0; i < all; i++)
        p->z_norm[i] = (float)imr_nn_unit(p->z + i * m, p->z + i * m, m);
}

static void affine(float *out, const float *x, const float *scale, const float *bias, size_t m)
{
#pragma omp simd
    for (size_t j = 0; j < m; j++)
        out[j] = x[j] * scale[j] + bias[j];
}

static void mean_of(float *out, const float *rows, size_t n, size_t m)
{
    memset(out, 0, m * sizeof *out);
    for (size_t i = 0; i < n; i++)
#pragma omp simd
        for (size_t j = 0; j < m; j++)
            out[j] += rows[i * m + j];
    for (size_t j = 0; j < m; j++)
        out[j] /= (float)n;
}

/* LN_query of what q_hat holds. */
static void norm_queries(imr_pass *p, const imr_weights *w)
{
    imr_nn_layernorm(p->q_mod, p->q_hat, p->q_inverse, imr_view_of(p->q_hat, p->size, w->m),
                     imr_weight(w, IMR_W_QUERY_NORM), imr_weight(w, IMR_W_QUERY_NORM_BIAS));
}

/* LN_doc of what d_hat holds. */
static void norm_documents(imr_pass *p, const imr_weights *w)
{
    imr_nn_layernorm(p->d_mod, p->d_hat, p->d_inverse,
                     imr_view_of(p->d_hat, p->size * p->list, w->m), imr_weight(w, IMR_W_DOC_NORM),
                     imr_weight(w, IMR_W_DOC_NORM_BIAS));
}

/* out [B,width]: the mean over each list of a row of its documents. */
static void mean_of_lists(float *out, const imr_pass *p, const float *each, size_t width)
{
    const float share = 1.0f / (float)p->list;
    memset(out, 0, p->size * width * sizeof *out);
    for (size_t r = 0; r < p->size * p->list; r++) {
        float *restrict to = out + r / p->list * width;
        const float *restrict from = each + p->document[r] * width;
#pragma omp simd
        for (size_t j = 0; j < width; j++)
            to[j] += from[j] * share;
    }
}

/* Diagonal and mean: they differ in what the documents' net sees. */
static void forward_scales(imr_pass *p, const imr_weights *w)
{
    size_t m = w->m, list = p->list;
    const float *z_doc = p->z + p->size * m;
    imr_dropout query = {p->mask_query_h1, p->mask_query_h2};
    imr_dropout doc = {p->mask_doc_h1, p->mask_doc_h2};
    imr_hypernet(w, IMR_SIDE_QUERY, imr_view_of(p->z, p->size, m), &query, p->query_h1, p->query_h2,
                 p->query_out);
    for (size_t r = 0; r < p->size * list; r++) {
        const float *scale = p->query_out + r / list * 2 * m;
        affine(p->d_hat + r * m, z_doc + p->document[r] * m, scale, scale + m, m);
    }
    norm_documents(p, w);
    if (w->form == IMR_FORM_MEAN) {
        imr_hypernet(w, IMR_SIDE_DOC, imr_view_of(z_doc, p->unique, m), &doc, p->doc_h1, p->doc_h2,
                     p->doc_each);
        mean_of_lists(p->doc_out, p, p->doc_each, 2 * m);
    } else {
        for (size_t a = 0; a < p->size; a++)
            mean_of(p->d_mean + a * m, p->d_mod + a * list * m, list, m);
        imr_hypernet(w, IMR_SIDE_DOC, imr_view_of(p->d_mean, p->size, m), &doc, p->doc_h1,
                     p->doc_h2, p->doc_out);
    }
    for (size_t a = 0; a < p->size; a++) {
        const float *scale = p->doc_out + a * 2 * m;
        affine(p->q_hat + a * m, p->z + a * m, scale, scale + m, m);
    }
    norm_queries(p, w);
}

static void forward_full(imr_pass *p, const imr_weights *w)
{
    size_t m = w->m, h = w->h, list = p->list, out = m * m + m;
    const float *z_doc = p->z + p->size * m;
    imr_hidden_layer(p->query_h1, imr_view_of(p->z, p->size, m), w, IMR_W_QUERY_1,
                     p->mask_query_h1);
    imr_nn_linear(p->query_out, imr_view_of(p->query_h1, p->size, h),
                  imr_weight_view(w, IMR_W_QUERY_2), imr_weight(w, IMR_W_QUERY_2_BIAS));
    for (size_t r = 0; r < p->size * list; r++)
        memcpy(p->d_list + r * m, z_doc + p->document[r] * m, m * sizeof *z_doc);
    imr_hidden_layer(p->doc_h1, imr_view_of(p->d_list, p->size * list, m), w, IMR_W_DOC_1,
                     p->mask_doc_h1);
    for (size_t a = 0; a < p->size; a++)
        mean_of(p->doc_mean + a * h, p->doc_h1 + a * list * h, list, h);
    imr_nn_linear(p->doc_out, imr_view_of(p->doc_mean, p->size, h), imr_weight_view(w, IMR_W_DOC_2),
                  imr_weight(w, IMR_W_DOC_2_BIAS));
    for (size_t a = 0; a < p->size; a++) {
        const float *to_doc = p->query_out + a * out, *to_query = p->doc_out + a * out;
        imr_nn_linear(p->d_hat + a * list * m, imr_view_of(p->d_list + a * list * m, list, m),
                      imr_view_of(to_doc, m, m), to_doc + m * m);
        imr_nn_linear(p->q_hat + a * m, imr_view_of(p->z + a * m, 1, m),
                      imr_view_of(to_query, m, m), to_query + m * m);
    }
    norm_documents(p, w);
    norm_queries(p, w);
}

void imr_pass_forward(imr_pass *p, const imr_weights *w, double dropout, imr_random *random)
{
    const size_t b = p->size, h = w->h, docs = doc_rows(p, w->form);
    draw_mask(p->mask_query_h1, b * h, dropout, random);
    draw_mask(p->mask_query_h2, b * (h / 2), dropout, random);
    draw_mask(p->mask_doc_h1, docs * h, dropout, random);
    draw_mask(p->mask_doc_h2, docs * (h / 2), dropout, random);
    project(p, w);
    if (w->form == IMR_FORM_FULL)
        forward_full(p, w);
    else
        forward_scales(p, w);
}
