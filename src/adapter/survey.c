#include <math.h>
#include <string.h>

#include "adapter/adapter.h"
#include "adapter/net.h"
#include "adapter/project.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"
#include "math/stats.h"

/* scale [m] and bias [m] of one projected query; out imr_net_out values. */
static void act(const imr_weights *w, const float *q, float *scratch, float *out)
{
    const size_t m = w->m;
    imr_net(w, IMR_SIDE_QUERY, imr_rows_of_view(imr_view_of(q, 1, m)), scratch, out, NULL);
    if (imr_form_scales(w->form))
        return;
    for (size_t j = 0; j < m; j++)
        out[j] = out[j * m + j]; /* j*m + j >= j: what is read was not overwritten yet */
    memmove(out + m, out + m * m, m * sizeof *out);
}

imr_status imr_adapter_survey_run(imr_adapter_survey *out, const imr_adapter *a, size_t queries,
                                  uint64_t seed, imr_error *err)
{
    assert(a->usable && queries > 0);
    const imr_weights *w = &a->w;
    size_t m = w->m;
    IMR_AUTOFREE float *base = imr_alloc(w->n, sizeof *base);
    IMR_AUTOFREE float *q = imr_alloc(m, sizeof *q);
    IMR_AUTOFREE float *scratch = imr_alloc(imr_net_scratch(w, 1), sizeof *scratch);
    IMR_AUTOFREE float *action = imr_alloc(imr_net_out(w), sizeof *action);
    IMR_AUTOFREE double *sizes = imr_alloc(queries, sizeof *sizes);
    if (!base || !q || !scratch || !action || !sizes)
        return imr_fail_memory(err);
    imr_random r;
    imr_random_init(&r, seed);
    imr_adapter_survey s = {
        .queries = queries, .scale_min = (double)INFINITY, .scale_max = -(double)INFINITY};
    double mean = 0, squares = 0, count = 0; /* Welford */
    for (size_t i = 0; i < queries; i++) {
        imr_random_fill_normal(&r, base, w->n, 1.0);
        imr_nn_unit(base, base, w->n);
        IMR_TRY(imr_weights_project(w, imr_view_of(base, 1, w->n), q, err));
        act(w, q, scratch, action);
        sizes[i] = imr_nn_norm(action + m, m);
        for (size_t j = 0; j < m; j++) {
            double x = (double)action[j], d = x - mean;
            mean += d / ++count;
            squares += d * (x - mean);
            s.scale_min = fmin(s.scale_min, x);
            s.scale_max = fmax(s.scale_max, x);
        }
    }
    s.scale_mean = mean;
    s.scale_sd = sqrt(squares / fmax(count - 1, 1));
    s.bias_median = imr_stats_median(sizes, queries);
    s.bias_min = sizes[0];
    s.bias_max = sizes[queries - 1];
    *out = s;
    return IMR_OK;
}
