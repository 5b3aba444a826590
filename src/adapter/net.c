#include "adapter/net.h"

#include <math.h>

#include "adapter/adapter.h"
#include "math/nn.h"

enum { BLOCK = 256 }; /* rows converted and their layers held at once */

void imr_hidden_layer(float *out, imr_view v, const imr_weights *w, imr_weight_id id,
                      const float *mask)
{
    const imr_view weight = imr_weight_view(w, id);
    const size_t n = v.rows * weight.rows;
    imr_nn_linear(out, v, weight, imr_weight(w, id + 1));
    imr_nn_relu(out, n);
    for (size_t i = 0; mask && i < n; i++)
        out[i] *= mask[i];
}

void imr_hypernet(const imr_weights *w, imr_side side, imr_view v, const float *mask_h1,
                  const float *mask_h2, float *h1, float *h2, float *out)
{
    assert(imr_form_scales(w->form) && v.cols == w->m);
    const imr_weight_id first = side == IMR_SIDE_QUERY ? IMR_W_QUERY_1 : IMR_W_DOC_1;
    const size_t m = w->m;
    imr_hidden_layer(h1, v, w, first, mask_h1);
    imr_hidden_layer(h2, imr_view_of(h1, v.rows, w->h), w, first + 2, mask_h2);
    imr_nn_linear(out, imr_view_of(h2, v.rows, w->h / 2), imr_weight_view(w, first + 4),
                  imr_weight(w, first + 5));
    for (size_t i = 0; i < v.rows; i++) {
        imr_nn_sigmoid(out + i * 2 * m, m);
        imr_nn_tanh(out + i * 2 * m + m, m);
    }
}

static size_t at_once(size_t rows)
{
    return rows < BLOCK ? rows : BLOCK;
}

/* Values of a row that are averaged. */
static size_t averaged(const imr_weights *w)
{
    return imr_form_scales(w->form) ? 2 * w->m : w->h;
}

size_t imr_net_out(const imr_weights *w)
{
    return imr_form_scales(w->form) ? 2 * w->m : w->m * w->m + w->m;
}

size_t imr_net_scratch(const imr_weights *w, size_t rows)
{
    return 2 * averaged(w) + at_once(rows) * (w->m + averaged(w) + w->h + w->h / 2);
}

bool imr_net(const imr_weights *w, imr_side side, imr_rows v, float *scratch, float *out,
             const imr_progress *progress)
{
    assert(v.cols == w->m && v.rows > 0);
    const imr_weight_id first = side == IMR_SIDE_QUERY ? IMR_W_QUERY_1 : IMR_W_DOC_1;
    const size_t width = averaged(w), block = at_once(v.rows);
    double *sum = (double *)(void *)scratch;
    float *wide = scratch + 2 * width, *each = wide + block * w->m;
    float *h1 = each + block * width, *h2 = h1 + block * w->h;
    for (size_t j = 0; j < width; j++)
        sum[j] = 0;
    for (size_t at = 0; at < v.rows; at += block) {
        const size_t rows = v.rows - at < block ? v.rows - at : block;
        const imr_view x = imr_rows_widened(v, at, rows, wide);
        if (imr_form_scales(w->form))
            imr_hypernet(w, side, x, NULL, NULL, h1, h2, each);
        else
            imr_hidden_layer(each, x, w, first, NULL);
        for (size_t i = 0; i < rows; i++)
#pragma omp simd
            for (size_t j = 0; j < width; j++)
                sum[j] += (double)each[i * width + j];
        if (!imr_progress_step(progress, "averaging documents", at + rows, v.rows))
            return false;
    }
    float *mean = imr_form_scales(w->form) ? out : each;
    for (size_t j = 0; j < width; j++)
        mean[j] = (float)(sum[j] / (double)v.rows);
    if (!imr_form_scales(w->form))
        imr_nn_linear(out, imr_view_of(mean, 1, width), imr_weight_view(w, first + 2),
                      imr_weight(w, first + 3));
    return true;
}

void imr_modulate(float *out, imr_view x, const imr_weights *w, imr_weight_id norm,
                  const float *scale, const float *bias)
{
    const imr_view to = imr_view_of(out, x.rows, x.cols);
    if (!imr_form_scales(w->form))
        imr_nn_linear(out, x, imr_view_of(scale, x.cols, x.cols), bias);
    for (size_t i = 0; imr_form_scales(w->form) && i < x.rows; i++) {
        const float *from = x.v + i * x.stride;
        float *row = out + i * x.cols;
#pragma omp simd
        for (size_t j = 0; j < x.cols; j++)
            row[j] = from[j] * scale[j] + bias[j];
    }
    imr_nn_layernorm(out, NULL, NULL, to, imr_weight(w, norm), imr_weight(w, norm + 1));
}

void imr_blend_rows(float *after, imr_view before, const imr_blend *b)
{
    const size_t m = before.cols;
    for (size_t i = 0; b && i < before.rows; i++, after += m) {
        const float *x = imr_view_row(&before, i);
        const double length = imr_nn_norm(after, m);
        const double old = (1 - b->by) / fmax(imr_nn_norm(x, m), IMR_NN_UNIT_FLOOR);
        const double new = b->by / fmax(length, IMR_NN_UNIT_FLOOR);
        if (b->by > 0) {
            for (size_t j = 0; j < m; j++)
                after[j] = (float)(old * (double)x[j] + new *(double)after[j]);
            const double by = length / fmax(imr_nn_norm(after, m), IMR_NN_UNIT_FLOOR);
            for (size_t j = 0; j < m; j++)
                after[j] = (float)(by * (double)after[j]);
        } else {
            memcpy(after, x, m * sizeof *after);
        }
        for (size_t j = 0; j < b->n_dims; j++)
            after[b->dims[j]] = 0;
    }
}

float *imr_place(float *block, size_t *at, size_t n)
{
    float *p = block ? block + *at : NULL;
    *at += (n + 15) / 16 * 16;
    return p;
}

imr_status imr_make_room(float **block, size_t *capacity, size_t need, imr_error *err)
{
    if (need <= *capacity)
        return IMR_OK;
    float *grown = imr_alloc_aligned(need, sizeof *grown);
    IMR_NEED(grown, err);
    imr_free(*block);
    *block = grown;
    *capacity = need;
    return IMR_OK;
}
