#include "adapter/project.h"

#include "math/nn.h"

imr_status imr_weights_project(const imr_weights *w, imr_view base, float *out, imr_error *err)
{
    if (base.cols != w->n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the vectors have %zu dimensions, the adapter expects %zu: use the encoder "
                        "(or the cache) the adapter was trained with",
                        base.cols, w->n);
    const bool scales = imr_form_scales(w->form);
    enum { BLOCK = 4096 }; /* rows stay in the cache between product and norm */
    for (size_t at = 0; at < base.rows; at += BLOCK) {
        size_t rows = base.rows - at < BLOCK ? base.rows - at : BLOCK;
        imr_view block = {base.v + at * base.stride, rows, base.cols, base.stride};
        imr_view to = imr_view_of(out + at * w->m, rows, w->m);
        imr_nn_linear(out + at * w->m, block, imr_weight_view(w, IMR_W_PROJECTOR),
                      scales ? imr_weight(w, IMR_W_PROJECTOR_BIAS) : NULL);
        if (scales)
            imr_nn_unit_rows(out + at * w->m, to);
        size_t bad = imr_view_first_bad(to);
        if (bad < rows * w->m)
            return imr_fail(err, IMR_E_NUMERIC,
                            "vector %zu is not finite after projection: build the cache again",
                            at + bad / w->m);
    }
    return IMR_OK;
}
