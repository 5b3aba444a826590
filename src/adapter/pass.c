#include "adapter/pass.h"

#include <string.h>

#include "adapter/net.h"
#include "base/array.h"
#include "math/nn.h"

void imr_pass_done(imr_pass *p)
{
    IMR_FREE(p->store, p->document);
    *p = (imr_pass){0};
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
    const size_t n = w->n, m = w->m, h = w->h, half = h / 2, out = imr_net_out(w);
    const size_t b = p->size, rows = b * p->list, all = b + p->unique;
    const size_t docs = doc_rows(p, w->form), most = docs > b ? docs : b;
    size_t at = 0;
#define FLOATS(name, values, where) p->name = (where) ? imr_place(store, &at, values) : NULL;
#include "adapter/pass.def"
    return at;
}

imr_status imr_pass_prepare(imr_pass *p, const imr_weights *w, size_t size, size_t list,
                            size_t unique, bool dropout, imr_error *err)
{
    assert(size > 0 && list > 0 && unique > 0);
    p->size = size;
    p->list = list;
    p->unique = unique;
    IMR_TRY(imr_make_room(&p->store, &p->capacity, lay_out(p, w, dropout, NULL), err));
    if (!imr_array_grow(&p->document, 0, &p->document_capacity, size * list, sizeof *p->document))
        return imr_fail_memory(err);
    lay_out(p, w, dropout, p->store);
    return IMR_OK;
}

void imr_add_scaled(float *restrict to, const float *restrict from, float by, size_t n)
{
#pragma omp simd
    for (size_t j = 0; j < n; j++)
        to[j] += from[j] * by;
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

/* gates: scale [m], then bias. */
static void affine(float *out, const float *x, const float *gates, size_t m)
{
#pragma omp simd
    for (size_t j = 0; j < m; j++)
        out[j] = x[j] * gates[j] + gates[m + j];
}

static void mean_of(float *out, const float *rows, size_t n, size_t m)
{
    memset(out, 0, m * sizeof *out);
    for (size_t i = 0; i < n; i++)
        imr_add_scaled(out, rows + i * m, 1, m);
    for (size_t j = 0; j < m; j++)
        out[j] /= (float)n;
}

/* LN of what hat holds. */
static void norm(float *out, float *hat, float *inverse, size_t rows, const imr_weights *w,
                 imr_weight_id id)
{
    imr_nn_layernorm(out, hat, inverse, imr_view_of(hat, rows, w->m), imr_weight(w, id),
                     imr_weight(w, id + 1));
}

/* Diagonal and mean: they differ in what the documents' net sees. */
static void forward_scales(imr_pass *p, const imr_weights *w)
{
    size_t m = w->m, list = p->list;
    const float *z_doc = p->z + p->size * m;
    imr_hypernet(w, IMR_SIDE_QUERY, imr_view_of(p->z, p->size, m), p->mask_query_h1,
                 p->mask_query_h2, p->query_h1, p->query_h2, p->query_out);
    for (size_t r = 0; r < p->size * list; r++)
        affine(p->d_hat + r * m, z_doc + p->document[r] * m, p->query_out + r / list * 2 * m, m);
    norm(p->d_mod, p->d_hat, p->d_inverse, p->size * list, w, IMR_W_DOC_NORM);
    if (w->form == IMR_FORM_MEAN) {
        imr_hypernet(w, IMR_SIDE_DOC, imr_view_of(z_doc, p->unique, m), p->mask_doc_h1,
                     p->mask_doc_h2, p->doc_h1, p->doc_h2, p->doc_each);
        memset(p->doc_out, 0, p->size * 2 * m * sizeof *p->doc_out);
        for (size_t r = 0; r < p->size * list; r++)
            imr_add_scaled(p->doc_out + r / list * 2 * m, p->doc_each + p->document[r] * 2 * m,
                           1.0f / (float)list, 2 * m);
    } else {
        for (size_t a = 0; a < p->size; a++)
            mean_of(p->d_mean + a * m, p->d_mod + a * list * m, list, m);
        imr_hypernet(w, IMR_SIDE_DOC, imr_view_of(p->d_mean, p->size, m), p->mask_doc_h1,
                     p->mask_doc_h2, p->doc_h1, p->doc_h2, p->doc_out);
    }
    for (size_t a = 0; a < p->size; a++)
        affine(p->q_hat + a * m, p->z + a * m, p->doc_out + a * 2 * m, m);
    norm(p->q_mod, p->q_hat, p->q_inverse, p->size, w, IMR_W_QUERY_NORM);
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
    norm(p->d_mod, p->d_hat, p->d_inverse, p->size * list, w, IMR_W_DOC_NORM);
    norm(p->q_mod, p->q_hat, p->q_inverse, p->size, w, IMR_W_QUERY_NORM);
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
