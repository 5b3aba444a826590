#include "adapter/full.h"

#include "math/nn.h"

static imr_weight_id first_of(imr_side side)
{
    return side == IMR_SIDE_QUERY ? IMR_W_QUERY_1 : IMR_W_DOC_1;
}

void imr_full_add_hidden(const imr_weights *w, imr_side side, imr_rows v, size_t total,
                         float *scratch, float *hidden)
{
    assert(w->form == IMR_FORM_FULL && v.cols == w->m && v.rows <= total);
    const imr_weight_id first = first_of(side);
    for (size_t at = 0; at < v.rows; at += IMR_FULL_BLOCK) {
        size_t rows = v.rows - at < IMR_FULL_BLOCK ? v.rows - at : IMR_FULL_BLOCK;
        imr_rows part = imr_rows_slice(v, at, rows);
        imr_view block = imr_view_of(scratch + IMR_FULL_BLOCK * w->h, rows, v.cols);
        if (v.half)
            imr_rows_read(scratch + IMR_FULL_BLOCK * w->h, part, 0, rows);
        else
            block = imr_rows_view(part);
        imr_nn_linear(scratch, block, imr_weight_view(w, first), imr_weight(w, first + 1));
        imr_nn_relu(scratch, rows * w->h);
        /* A block's mean, weighted: float sums stay short however many rows there are. */
        double share = (double)rows / (double)total;
        for (size_t j = 0; j < w->h; j++) {
            double sum = 0;
            for (size_t i = 0; i < rows; i++)
                sum += (double)scratch[i * w->h + j];
            hidden[j] += (float)(sum / (double)rows * share);
        }
    }
}

void imr_full_out(const imr_weights *w, imr_side side, const float *hidden, float *out)
{
    const imr_weight_id first = first_of(side);
    imr_nn_linear(out, imr_view_of(hidden, 1, w->h), imr_weight_view(w, first + 2),
                  imr_weight(w, first + 3));
}

void imr_full_net(const imr_weights *w, imr_side side, imr_rows v, float *scratch, float *hidden,
                  float *out)
{
    assert(v.rows > 0);
    for (size_t j = 0; j < w->h; j++)
        hidden[j] = 0.0f;
    imr_full_add_hidden(w, side, v, v.rows, scratch, hidden);
    imr_full_out(w, side, hidden, out);
}
