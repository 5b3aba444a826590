#include "adapter/hypernet.h"

#include "math/nn.h"

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

void imr_hypernet(const imr_weights *w, imr_side side, imr_view v, const imr_dropout *dropout,
                  float *h1, float *h2, float *out)
{
    assert(imr_form_scales(w->form) && v.cols == w->m);
    imr_weight_id first = side == IMR_SIDE_QUERY ? IMR_W_QUERY_1 : IMR_W_DOC_1;
    size_t half = w->h / 2, m = w->m;
    imr_hidden_layer(h1, v, w, first, dropout ? dropout->h1 : NULL);
    imr_hidden_layer(h2, imr_view_of(h1, v.rows, w->h), w, first + 2, dropout ? dropout->h2 : NULL);
    imr_nn_linear(out, imr_view_of(h2, v.rows, half), imr_weight_view(w, first + 4),
                  imr_weight(w, first + 5));
    for (size_t i = 0; i < v.rows; i++) {
        imr_nn_sigmoid(out + i * 2 * m, m);
        imr_nn_tanh(out + i * 2 * m + m, m);
    }
}
