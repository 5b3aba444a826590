#include "adapter/net.h"

#include "math/nn.h"

enum { BLOCK = 256 }; /* rows converted and their layers held at once */

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
        imr_view x = imr_view_of(wide, rows, w->m);
        if (v.half)
            imr_rows_read(wide, v, at, rows);
        else
            x = imr_rows_view(imr_rows_slice(v, at, rows));
        if (imr_form_scales(w->form))
            imr_hypernet(w, side, x, NULL, h1, h2, each);
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
