#include "adapter/loss.h"

#include <math.h>

#include "math/blas.h"
#include "math/nn.h"

const char *const imr_loss_names[] = {"mnrl", "margin", "improvement"};

size_t imr_loss_scratch(size_t size, size_t list, size_t m)
{
    return 4 * size * m + size * size + 2 * size + list;
}

/* From the gradient at unit(x) to the one at x: (g - x^ (x^.g)) / |x|. */
static void through_unit(float *dx, const float *g, const float *hat, double norm, size_t m)
{
    double along = imr_nn_dot(g, hat, m), inverse = 1.0 / fmax(norm, IMR_NN_UNIT_FLOOR);
    for (size_t j = 0; j < m; j++)
        dx[j] = (float)(((double)g[j] - along * (double)hat[j]) * inverse);
}

/* similarities [size,size] become their own gradient; returns the loss. */
static double softmax_gradient(float *s, size_t size, double scale)
{
    double total = 0;
    for (size_t a = 0; a < size; a++) {
        float *row = s + a * size;
        double top = -(double)INFINITY, sum = 0;
        for (size_t b = 0; b < size; b++)
            top = fmax(top, scale * (double)row[b]);
        for (size_t b = 0; b < size; b++)
            sum += exp(scale * (double)row[b] - top);
        /* cppcheck-suppress invalidFunctionArg ; sum is at least exp(0) */
        total += top + log(sum) - scale * (double)row[a];
        for (size_t b = 0; b < size; b++) {
            double p = exp(scale * (double)row[b] - top) / sum;
            row[b] = (float)((p - (a == b)) * scale / (double)size);
        }
    }
    return total / (double)size;
}

static double mnrl(const imr_loss *loss, const float *q, const float *d, size_t size, size_t list,
                   size_t m, float *dq, float *dd, float *scratch)
{
    float *q_hat = scratch, *p_hat = q_hat + size * m, *dq_hat = p_hat + size * m;
    float *dp_hat = dq_hat + size * m, *s = dp_hat + size * m;
    float *q_norm = s + size * size, *p_norm = q_norm + size;
    for (size_t a = 0; a < size; a++) {
        q_norm[a] = (float)imr_nn_unit(q_hat + a * m, q + a * m, m);
        p_norm[a] = (float)imr_nn_unit(p_hat + a * m, d + a * list * m, m);
    }
    imr_view qv = imr_view_of(q_hat, size, m), pv = imr_view_of(p_hat, size, m);
    imr_view sv = imr_view_of(s, size, size);
    imr_blas_gemm(s, size, 1.0f, qv, IMR_PLAIN, pv, IMR_TRANSPOSED, 0.0f);
    double value = softmax_gradient(s, size, loss->scale);
    imr_blas_gemm(dq_hat, m, 1.0f, sv, IMR_PLAIN, pv, IMR_PLAIN, 0.0f);
    imr_blas_gemm(dp_hat, m, 1.0f, sv, IMR_TRANSPOSED, qv, IMR_PLAIN, 0.0f);
    memset(dd, 0, size * list * m * sizeof *dd);
    for (size_t a = 0; a < size; a++) {
        through_unit(dq + a * m, dq_hat + a * m, q_hat + a * m, (double)q_norm[a], m);
        through_unit(dd + a * list * m, dp_hat + a * m, p_hat + a * m, (double)p_norm[a], m);
    }
    return value;
}

static double margin(const imr_loss *loss, const float *q, const float *d, const float *base,
                     size_t size, size_t list, size_t m, float *dq, float *dd, float *scratch)
{
    float *q_hat = scratch, *dq_hat = scratch + m, *cosine = scratch + 2 * m;
    double total = 0, weight = 1.0 / ((double)size * (double)(list - 1));
    for (size_t a = 0; a < size; a++) {
        const float *own = d + a * list * m;
        double norm = imr_nn_unit(q_hat, q + a * m, m), pull = 0;
        imr_nn_cosine_rows(cosine, imr_view_of(own, list, m), q + a * m);
        memset(dq_hat, 0, m * sizeof *dq_hat);
        for (size_t l = list; l-- > 0;) { /* the positive last: its weight is what was gathered */
            double over = loss->margin - (double)cosine[0] + (double)cosine[l];
            if (base)
                over += (double)base[a * list] - (double)base[a * list + l];
            double g = l == 0 ? -pull : over > 0 ? weight : 0.0;
            if (l > 0 && over > 0) {
                total += over * weight;
                pull += weight;
            }
            const float *x = own + l * m;
            float *dx = dd + (a * list + l) * m;
            double inverse = 1.0 / fmax(imr_nn_norm(x, m), IMR_NN_UNIT_FLOOR);
            for (size_t j = 0; j < m; j++) {
                double hat = (double)x[j] * inverse;
                dx[j] = (float)(g * ((double)q_hat[j] - (double)cosine[l] * hat) * inverse);
                dq_hat[j] += (float)(g * hat);
            }
        }
        through_unit(dq + a * m, dq_hat, q_hat, norm, m);
    }
    return total;
}

double imr_loss_run(const imr_loss *loss, const float *q, const float *d, const float *base,
                    size_t size, size_t list, size_t m, float *dq, float *dd, float *scratch)
{
    assert(size > 0 && list > 0 && (base != NULL) == (loss->kind == IMR_LOSS_IMPROVEMENT));
    if (loss->kind == IMR_LOSS_MNRL)
        return mnrl(loss, q, d, size, list, m, dq, dd, scratch);
    assert(list > 1);
    return margin(loss, q, d, base, size, list, m, dq, dd, scratch);
}
