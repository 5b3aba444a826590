#include "adapter/modulate.h"

#include "math/nn.h"

void imr_modulate_diagonal(float *out, imr_view x, const float *scale, const float *bias,
                           const float *gain, const float *shift)
{
    for (size_t i = 0; i < x.rows; i++) {
        const float *from = x.v + i * x.stride;
        float *to = out + i * x.cols;
#pragma omp simd
        for (size_t j = 0; j < x.cols; j++)
            to[j] = from[j] * scale[j] + bias[j];
    }
    imr_nn_layernorm(out, imr_view_of(out, x.rows, x.cols), gain, shift, IMR_NN_LAYERNORM_EPS);
}

void imr_modulate_full(float *out, imr_view x, const float *weight, const float *bias,
                       const float *gain, const float *shift)
{
    imr_nn_linear(out, x, imr_view_of(weight, x.cols, x.cols), bias);
    imr_nn_layernorm(out, imr_view_of(out, x.rows, x.cols), gain, shift, IMR_NN_LAYERNORM_EPS);
}
