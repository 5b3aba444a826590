#include "adapter/pass.h"

#include <math.h>

#include "adapter/net.h"
#include "base/array.h"
#include "math/blas.h"
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

/* to += by * from; of two vectors that do not overlap. */
static void add_scaled(float *restrict to, const float *restrict from, float by, size_t n)
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

static void column_sums(float *out, const float *rows, size_t n, size_t m)
{
    memset(out, 0, m * sizeof *out);
    for (size_t i = 0; i < n; i++)
        add_scaled(out, rows + i * m, 1, m);
}

static void mean_of(float *out, const float *rows, size_t n, size_t m)
{
    column_sums(out, rows, n, m);
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
            add_scaled(p->doc_out + r / list * 2 * m, p->doc_each + p->document[r] * 2 * m,
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

/* ---- the way back ---- */

/*
 * Linear layer y = x w' + b: gradients of w and b from dy [rows,outputs] and x [rows,inputs]; with
 * dx also the gradient of x (beta 1 adds to it).
 */
static void linear_back(imr_weights *gradient, const imr_weights *w, imr_weight_id id,
                        const float *dy, const float *x, size_t rows, float *dx, float beta)
{
    imr_view weight = imr_weight_view(w, id);
    imr_view dyv = imr_view_of(dy, rows, weight.rows), xv = imr_view_of(x, rows, weight.cols);
    imr_blas_gemm(imr_weight(gradient, id), weight.cols, 1.0f, dyv, IMR_TRANSPOSED, xv, IMR_PLAIN,
                  0.0f);
    if (imr_weight_count(w, id + 1) > 0)
        column_sums(imr_weight(gradient, id + 1), dy, rows, weight.rows);
    if (dx)
        imr_blas_gemm(dx, weight.cols, 1.0f, dyv, IMR_PLAIN, weight, IMR_PLAIN, beta);
}

/* Back through dropout(relu(.)): what came out positive was kept and scaled by `keep`. */
static void relu_back(float *d, const float *out, size_t n, float keep)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        d[i] = out[i] > 0.0f ? d[i] * keep : 0.0f;
}

/* A norm backwards, by blocks of rows: d becomes the gradient of what went into it. */
static void norm_back(imr_weights *gradient, imr_pass *p, const imr_weights *w, imr_weight_id id,
                      float *d, const float *hat, const float *inverse, size_t blocks, size_t rows)
{
    const size_t m = w->m;
    memset(p->d_gain, 0, blocks * m * sizeof *p->d_gain);
    memset(p->d_shift, 0, blocks * m * sizeof *p->d_shift);
    for (size_t a = 0; a < blocks; a++) {
        const size_t at = a * rows;
        imr_nn_layernorm_backward(d + at * m, p->d_gain + a * m, p->d_shift + a * m, d + at * m,
                                  hat + at * m, inverse + at, rows, m, imr_weight(w, id));
    }
    column_sums(imr_weight(gradient, id), p->d_gain, blocks, m);
    column_sums(imr_weight(gradient, id + 1), p->d_shift, blocks, m);
}

/* dd_mod now holds gradients of the lists' projected documents; gather them per document. */
static void scatter_documents(imr_pass *p, size_t m)
{
    float *dz = p->dz + p->size * m;
    memset(dz, 0, p->unique * m * sizeof *dz);
    for (size_t r = 0; r < p->size * p->list; r++)
        add_scaled(dz + p->document[r] * m, p->dd_mod + r * m, 1, m);
}

/* ---- diagonal and mean ---- */

/* A side's net over `rows` rows: d_out holds dscale, dbias and becomes the gradient before sigmoid
 * and tanh; dv gets the gradient of the net's input, added when beta is 1. */
static void hypernet_back(imr_weights *gradient, imr_pass *p, const imr_weights *w, imr_side side,
                          size_t rows, const float *out, float *d_out, const float *v, float *dv,
                          float beta, float keep)
{
    bool query = side == IMR_SIDE_QUERY;
    imr_weight_id first = query ? IMR_W_QUERY_1 : IMR_W_DOC_1;
    const float *h1 = query ? p->query_h1 : p->doc_h1, *h2 = query ? p->query_h2 : p->doc_h2;
    size_t m = w->m;
    for (size_t a = 0; a < rows; a++) {
        float *d = d_out + a * 2 * m;
        const float *o = out + a * 2 * m;
#pragma omp simd
        for (size_t j = 0; j < m; j++) {
            d[j] *= o[j] * (1.0f - o[j]);
            d[m + j] *= 1.0f - o[m + j] * o[m + j];
        }
    }
    linear_back(gradient, w, first + 4, d_out, h2, rows, p->dh2, 0.0f);
    relu_back(p->dh2, h2, rows * (w->h / 2), keep);
    linear_back(gradient, w, first + 2, p->dh2, h1, rows, p->dh1, 0.0f);
    relu_back(p->dh1, h1, rows * w->h, keep);
    linear_back(gradient, w, first, p->dh1, v, rows, dv, beta);
}

/* dx of y = x*s + b, in place of dy; ds and after it db are added to. */
static void affine_back(float *dy, const float *x, const float *s, float *ds, size_t m)
{
#pragma omp simd
    for (size_t j = 0; j < m; j++) {
        ds[j] += dy[j] * x[j];
        ds[m + j] += dy[j];
        dy[j] *= s[j];
    }
}

/* Diagonal: the documents' net saw the mean of d', so each d' gets a share. */
static void feedback_back(imr_weights *gradient, imr_pass *p, const imr_weights *w, float keep)
{
    const size_t m = w->m, list = p->list, b = p->size;
    hypernet_back(gradient, p, w, IMR_SIDE_DOC, b, p->doc_out, p->d_out, p->d_mean, p->d_feedback,
                  0.0f, keep);
    for (size_t r = 0; r < b * list; r++)
        add_scaled(p->dd_mod + r * m, p->d_feedback + r / list * m, 1.0f / (float)list, m);
}

/* Mean: what the net said of each document was averaged over the lists it is in. */
static void share_out(imr_pass *p, size_t m)
{
    memset(p->d_each, 0, p->unique * 2 * m * sizeof *p->d_each);
    for (size_t r = 0; r < p->size * p->list; r++)
        add_scaled(p->d_each + p->document[r] * 2 * m, p->d_out + r / p->list * 2 * m,
                   1.0f / (float)p->list, 2 * m);
}

static void backward_scales(imr_weights *gradient, imr_pass *p, const imr_weights *w, float keep)
{
    size_t m = w->m, list = p->list, b = p->size;
    const float *z_doc = p->z + b * m;
    norm_back(gradient, p, w, IMR_W_QUERY_NORM, p->dq_mod, p->q_hat, p->q_inverse, 1, b);
    memset(p->d_out, 0, b * 2 * m * sizeof(float));
    for (size_t a = 0; a < b; a++)
        affine_back(p->dq_mod + a * m, p->z + a * m, p->doc_out + a * 2 * m, p->d_out + a * 2 * m,
                    m);
    memcpy(p->dz, p->dq_mod, b * m * sizeof(float));
    if (w->form == IMR_FORM_MEAN)
        share_out(p, m);
    else
        feedback_back(gradient, p, w, keep);
    norm_back(gradient, p, w, IMR_W_DOC_NORM, p->dd_mod, p->d_hat, p->d_inverse, b, list);
    memset(p->d_out, 0, b * 2 * m * sizeof(float));
    for (size_t r = 0; r < b * list; r++)
        affine_back(p->dd_mod + r * m, z_doc + p->document[r] * m, p->query_out + r / list * 2 * m,
                    p->d_out + r / list * 2 * m, m);
    scatter_documents(p, m);
    if (w->form == IMR_FORM_MEAN)
        hypernet_back(gradient, p, w, IMR_SIDE_DOC, p->unique, p->doc_each, p->d_each, z_doc,
                      p->dz + b * m, 1.0f, keep);
    hypernet_back(gradient, p, w, IMR_SIDE_QUERY, b, p->query_out, p->d_out, p->z, p->dz, 1.0f,
                  keep);

    /* Back through unit(): dy = (dz - z (z.dz)) / |y|. */
    for (size_t i = 0; i < b + p->unique; i++) {
        float *d = p->dz + i * m;
        const float *z = p->z + i * m;
        float along = (float)imr_nn_dot(d, z, m);
        float inverse = 1.0f / fmaxf(p->z_norm[i], (float)IMR_NN_UNIT_FLOOR);
#pragma omp simd
        for (size_t j = 0; j < m; j++)
            d[j] = (d[j] - z[j] * along) * inverse;
    }
}

/* ---- full ---- */

static void backward_full(imr_weights *gradient, imr_pass *p, const imr_weights *w, float keep)
{
    size_t m = w->m, h = w->h, list = p->list, b = p->size, rows = b * list, out = m * m + m;
    norm_back(gradient, p, w, IMR_W_QUERY_NORM, p->dq_mod, p->q_hat, p->q_inverse, 1, b);
    for (size_t a = 0; a < b; a++) { /* y = W z + b: dW = dy z', db = dy, dz = W' dy */
        imr_view dy = imr_view_of(p->dq_mod + a * m, 1, m), z = imr_view_of(p->z + a * m, 1, m);
        float *d = p->d_out + a * out;
        imr_blas_gemm(d, m, 1.0f, dy, IMR_TRANSPOSED, z, IMR_PLAIN, 0.0f);
        memcpy(d + m * m, dy.v, m * sizeof(float));
        imr_blas_gemv(p->dz + a * m, 1.0f, imr_view_of(p->doc_out + a * out, m, m), IMR_TRANSPOSED,
                      dy.v, 0.0f);
    }
    linear_back(gradient, w, IMR_W_DOC_2, p->d_out, p->doc_mean, b, p->d_feedback, 0.0f);
    float share = 1.0f / (float)list;
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < h; j++)
            p->dh1[r * h + j] = p->d_feedback[r / list * h + j] * share;
    relu_back(p->dh1, p->doc_h1, rows * h, keep);

    norm_back(gradient, p, w, IMR_W_DOC_NORM, p->dd_mod, p->d_hat, p->d_inverse, b, list);
    for (size_t a = 0; a < b; a++) {
        imr_view dy = imr_view_of(p->dd_mod + a * list * m, list, m);
        imr_view z = imr_view_of(p->d_list + a * list * m, list, m);
        float *d = p->d_out + a * out;
        imr_blas_gemm(d, m, 1.0f, dy, IMR_TRANSPOSED, z, IMR_PLAIN, 0.0f);
        column_sums(d + m * m, dy.v, list, m);
        /* d_hat is not needed any more */
        imr_blas_gemm(p->d_hat + a * list * m, m, 1.0f, dy, IMR_PLAIN,
                      imr_view_of(p->query_out + a * out, m, m), IMR_PLAIN, 0.0f);
    }
    memcpy(p->dd_mod, p->d_hat, rows * m * sizeof(float));
    linear_back(gradient, w, IMR_W_DOC_1, p->dh1, p->d_list, rows, p->dd_mod, 1.0f);
    scatter_documents(p, m);
    linear_back(gradient, w, IMR_W_QUERY_2, p->d_out, p->query_h1, b, p->dh1, 0.0f);
    relu_back(p->dh1, p->query_h1, b * h, keep);
    linear_back(gradient, w, IMR_W_QUERY_1, p->dh1, p->z, b, p->dz, 1.0f);
}

/* Cosines of the encoder's vectors, list by list. */
static void base_cosines(imr_pass *p, size_t n)
{
    for (size_t r = 0; r < p->size * p->list; r++) {
        const float *q = p->x + r / p->list * n, *d = p->x + (p->size + p->document[r]) * n;
        const double norms = imr_nn_norm(q, n) * imr_nn_norm(d, n);
        p->base[r] = (float)(imr_nn_dot(q, d, n) / fmax(norms, IMR_NN_UNIT_FLOOR));
    }
}

double imr_backward(imr_weights *gradient, imr_pass *p, const imr_weights *w, const imr_loss *loss,
                    double dropout)
{
    float keep = p->mask_query_h1 ? (float)(1.0 / (1.0 - dropout)) : 1.0f;
    const bool improvement = loss->kind == IMR_LOSS_IMPROVEMENT;
    if (improvement)
        base_cosines(p, w->n);
    double value = imr_loss_run(loss, p->q_mod, p->d_mod, improvement ? p->base : NULL, p->size,
                                p->list, w->m, p->dq_mod, p->dd_mod, p->scratch);
    if (w->form == IMR_FORM_FULL)
        backward_full(gradient, p, w, keep);
    else
        backward_scales(gradient, p, w, keep);
    linear_back(gradient, w, IMR_W_PROJECTOR, p->dz, p->x, p->size + p->unique, NULL, 0.0f);
    return value;
}
