/* Gradients against finite differences of a plain double forward pass that shares no code with the
 * engine. */
#include "tests/unit/adapter/adapter_support.h"

#include "adapter/pass.h"
#include "math/random.h"

enum { N = 7, M = 5, H = 6, B = 3, L = 4, U = 6, MAXW = 4096 };

typedef struct twin {
    imr_form form;
    const imr_weights *shape; /* where each tensor lies in v */
    double v[MAXW];
    const imr_pass *p; /* inputs and dropout masks */
    imr_loss loss;
} twin;

static const double *part(const twin *t, imr_weight_id id)
{
    return t->v + t->shape->offset[id];
}

static void linear(const twin *t, imr_weight_id id, const double *x, size_t in, double *y,
                   size_t out, bool bias)
{
    for (size_t i = 0; i < out; i++) {
        y[i] = bias ? part(t, id + 1)[i] : 0;
        for (size_t j = 0; j < in; j++)
            y[i] += part(t, id)[i * in + j] * x[j];
    }
}

static void relu(double *v, size_t n, const float *mask)
{
    for (size_t i = 0; i < n; i++)
        v[i] = fmax(v[i], 0) * (mask ? (double)mask[i] : 1);
}

static void norm(const twin *t, imr_weight_id id, double *x)
{
    double mean = 0, var = 0;
    for (size_t j = 0; j < M; j++)
        mean += x[j] / M;
    for (size_t j = 0; j < M; j++)
        var += (x[j] - mean) * (x[j] - mean) / M;
    for (size_t j = 0; j < M; j++)
        x[j] = (x[j] - mean) / sqrt(var + 1e-5) * part(t, id)[j] + part(t, id + 1)[j];
}

static void projected(const twin *t, const float *x, double *z)
{
    double in[N], square = 0;
    for (size_t j = 0; j < N; j++)
        in[j] = (double)x[j];
    linear(t, IMR_W_PROJECTOR, in, N, z, M, t->form != IMR_FORM_FULL);
    for (size_t j = 0; j < M; j++)
        square += z[j] * z[j];
    for (size_t j = 0; t->form != IMR_FORM_FULL && j < M; j++)
        z[j] /= sqrt(square);
}

/* scale and bias of row a */
static void hyper(const twin *t, bool query, size_t a, const double *v, double *out)
{
    double h1[H], h2[H / 2];
    imr_weight_id first = query ? IMR_W_QUERY_1 : IMR_W_DOC_1;
    const float *m1 = query ? t->p->mask_query_h1 : t->p->mask_doc_h1;
    const float *m2 = query ? t->p->mask_query_h2 : t->p->mask_doc_h2;
    linear(t, first, v, M, h1, H, true);
    relu(h1, H, m1 ? m1 + a * H : NULL);
    linear(t, first + 2, h1, H, h2, H / 2, true);
    relu(h2, H / 2, m2 ? m2 + a * (H / 2) : NULL);
    linear(t, first + 4, h2, H / 2, out, 2 * M, true);
    for (size_t j = 0; j < M; j++) {
        out[j] = 1 / (1 + exp(-out[j]));
        out[M + j] = tanh(out[M + j]);
    }
}

static void modulate(const double *x, const double *action, bool full, double *y)
{
    for (size_t i = 0; i < M; i++) {
        y[i] = full ? action[M * M + i] : x[i] * action[i] + action[M + i];
        for (size_t j = 0; full && j < M; j++)
            y[i] += action[i * M + j] * x[j];
    }
}

static double cosine(const double *x, const double *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t j = 0; j < M; j++)
        xy += x[j] * y[j], xx += x[j] * x[j], yy += y[j] * y[j];
    return xy / sqrt(xx * yy);
}

/* What the adapter's margin is to exceed: nothing, or the encoder's. */
static double base_margin(const twin *t, size_t a, size_t l)
{
    double dot[2] = {0}, norms[2] = {0}, square = 0;
    const float *q = t->p->x + a * N;
    for (size_t j = 0; j < N; j++) {
        square += (double)q[j] * (double)q[j];
        for (size_t side = 0; side < 2; side++) {
            const float *x = t->p->x + (B + t->p->document[a * L + side * l]) * N;
            dot[side] += (double)q[j] * (double)x[j];
            norms[side] += (double)x[j] * (double)x[j];
        }
    }
    const double scale = t->loss.kind == IMR_LOSS_IMPROVEMENT ? 1 / sqrt(square) : 0;
    return scale * (dot[0] / sqrt(norms[0]) - dot[1] / sqrt(norms[1]));
}

static double twin_loss(const twin *t)
{
    static double q[B][M], d[B][L][M];
    bool full = t->form == IMR_FORM_FULL;
    const bool mean_form = t->form == IMR_FORM_MEAN;
    for (size_t a = 0; a < B; a++) {
        double z[M], zd[M], action[M * M + M], mean[H + 2 * M] = {0}, hidden[H];
        projected(t, t->p->x + a * N, z);
        if (full) {
            linear(t, IMR_W_QUERY_1, z, M, hidden, H, true);
            relu(hidden, H, t->p->mask_query_h1 ? t->p->mask_query_h1 + a * H : NULL);
            linear(t, IMR_W_QUERY_2, hidden, H, action, M * M + M, true);
        } else {
            hyper(t, true, a, z, action);
        }
        for (size_t l = 0; l < L; l++) {
            projected(t, t->p->x + (B + t->p->document[a * L + l]) * N, zd);
            modulate(zd, action, full, d[a][l]);
            norm(t, IMR_W_DOC_NORM, d[a][l]);
            if (mean_form) {
                double each[2 * M];
                hyper(t, false, t->p->document[a * L + l], zd, each);
                for (size_t j = 0; j < 2 * M; j++)
                    mean[j] += each[j] / L;
                continue;
            }
            linear(t, IMR_W_DOC_1, zd, M, hidden, H, true);
            relu(hidden, H, full && t->p->mask_doc_h1 ? t->p->mask_doc_h1 + (a * L + l) * H : NULL);
            for (size_t j = 0; j < (full ? H : M); j++)
                mean[j] += (full ? hidden[j] : d[a][l][j]) / L;
        }
        if (full)
            linear(t, IMR_W_DOC_2, mean, H, action, M * M + M, true);
        else if (mean_form)
            memcpy(action, mean, 2 * M * sizeof *mean);
        else
            hyper(t, false, a, mean, action);
        modulate(z, action, full, q[a]);
        norm(t, IMR_W_QUERY_NORM, q[a]);
    }
    double total = 0;
    for (size_t a = 0; a < B; a++) {
        double sum = 0;
        for (size_t b = 0; b < B; b++)
            sum += exp(t->loss.scale * cosine(q[a], d[b][0]));
        if (t->loss.kind == IMR_LOSS_MNRL)
            total += (log(sum) - t->loss.scale * cosine(q[a], d[a][0])) / B;
        for (size_t l = 1; t->loss.kind != IMR_LOSS_MNRL && l < L; l++)
            total += fmax(0, t->loss.margin + base_margin(t, a, l) - cosine(q[a], d[a][0]) +
                                 cosine(q[a], d[a][l])) /
                     (B * (L - 1));
    }
    return total;
}

static void check_gradients(imr_form form, imr_loss_kind kind, double dropout)
{
    imr_error err;
    imr_weights w = {0}, g = {0};
    imr_random r;
    imr_random_init(&r, 21);
    CHECK_OK(imr_weights_init(&w, form, N, M, H, &err));
    CHECK_OK(imr_weights_like(&g, &w, &err));
    CHECK(w.count <= MAXW);
    for (int id = 0; id < IMR_W_COUNT; id++) /* the padding between tensors stays 0 */
        imr_random_fill_normal(&r, imr_weight(&w, (imr_weight_id)id),
                               imr_weight_count(&w, (imr_weight_id)id), 0.7);
    imr_pass p = {0};
    CHECK_OK(imr_pass_prepare(&p, &w, B, L, U, dropout > 0, &err));
    imr_random_fill_normal(&r, p.x, (B + U) * N, 1);
    for (size_t i = 0; i < B * L; i++)
        p.document[i] = (uint32_t)imr_random_below(&r, U); /* some twice in one list */
    imr_loss loss = {kind, 10, 0.3};
    imr_pass_forward(&p, &w, dropout, &r);
    double value = imr_backward(&g, &p, &w, &loss, dropout);

    twin t = {.form = form, .shape = &w, .p = &p, .loss = loss};
    for (size_t i = 0; i < w.count; i++)
        t.v[i] = (double)w.v[i];
    CHECK_NEAR(value, twin_loss(&t), 1e-5);
    double largest = 0;
    for (int id = 0; id < IMR_W_COUNT; id++)
        for (size_t i = 0; i < imr_weight_count(&w, (imr_weight_id)id); i++) {
            double *v = &t.v[w.offset[id] + i], was = *v, step = 1e-5;
            *v = was + step;
            double up = twin_loss(&t);
            *v = was - step;
            double down = twin_loss(&t);
            *v = was;
            double expected = (up - down) / (2 * step);
            largest = fmax(largest, fabs(expected));
            /* float32 sums behind values of order 1 to 10 */
            CHECK_NEAR(imr_weight(&g, (imr_weight_id)id)[i], expected,
                       2e-5 * fmax(1, fabs(expected)));
        }
    CHECK(largest > 0.02); /* a thousand times the tolerance */
    imr_pass_done(&p);
    imr_weights_done(&w), imr_weights_done(&g);
}

TEST("gradients of the diagonal form equal finite differences, both losses, with and without "
     "dropout")
{
    check_gradients(IMR_FORM_DIAGONAL, IMR_LOSS_MNRL, 0);
    check_gradients(IMR_FORM_DIAGONAL, IMR_LOSS_MARGIN, 0);
    check_gradients(IMR_FORM_DIAGONAL, IMR_LOSS_MNRL, 0.3);
    check_gradients(IMR_FORM_DIAGONAL, IMR_LOSS_MARGIN, 0.3);
}

TEST("gradients of form mean equal finite differences, every loss, with and without dropout")
{
    for (int loss = IMR_LOSS_MNRL; loss <= IMR_LOSS_IMPROVEMENT; loss++) {
        check_gradients(IMR_FORM_MEAN, (imr_loss_kind)loss, 0);
        check_gradients(IMR_FORM_MEAN, (imr_loss_kind)loss, 0.3);
    }
    check_gradients(IMR_FORM_DIAGONAL, IMR_LOSS_IMPROVEMENT, 0);
}

TEST("gradients of the full form equal finite differences, both losses, with and without dropout")
{
    check_gradients(IMR_FORM_FULL, IMR_LOSS_MNRL, 0);
    check_gradients(IMR_FORM_FULL, IMR_LOSS_MARGIN, 0);
    check_gradients(IMR_FORM_FULL, IMR_LOSS_MNRL, 0.3);
    check_gradients(IMR_FORM_FULL, IMR_LOSS_MARGIN, 0.3);
}
