#include "adapter/modulate.h"

#include "math/nn.h"

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
