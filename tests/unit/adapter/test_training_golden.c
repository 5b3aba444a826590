/* Twenty steps of PyTorch, batch by batch: gradients, losses and end weights. */
#include "tests/unit/adapter/adapter_support.h"

#include "adapter/backward.h"
#include "adapter/optimiser.h"
#include "format/json.h"

static imr_adapter *open_in(const char *folder, const char *name)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, test_path(folder, name), &err));
    return a;
}

/*
 * How far two correct programs may be apart. A gradient's entry is a sum of 48 products (8 queries,
 * 6 documents), and each rounds by at most 2^-24 of the largest: an entry is known to
 * r = RHO G, with G the largest entry of its tensor so far, however small the entry itself is.
 * Adam divides by the root of a running square, so where a gradient is rounding its step is not.
 * sqrt(v^) is a norm of the history of g (weights that sum to 1) and m^ a mean of it: both move by
 * at most r, and for t <= 20 |m^| <= 1.16 sqrt(v^) (Cauchy and Schwarz), so that
 *
 *   |change of a step| <= lr min((1 + 1.16) r / (sqrt(v^) + eps), 2 1.16)
 *
 * to which comes the rounding of the weight. What was zero in every step has no terms to round.
 * Eight kernels of OpenBLAS need at most 0.05 of this bound, and 0.51 of RHO in the first gradient.
 */
#define RHO (64 * 0x1p-24)

typedef struct apart {
    double *second, *bound; /* v and the bound, one an entry */
    double largest[IMR_W_COUNT];
} apart;

static void apart_step(apart *a, const imr_weights *gradient, const imr_weights *w,
                       const imr_json *setup, double l2, double t)
{
    const imr_json *betas = imr_json_at(setup, "betas");
    const double b2 = imr_json_number_or(imr_json_next(imr_json_child(betas)), "", -1);
    const double lr = imr_json_number_or(setup, "lr", 0), eps = imr_json_number_or(setup, "eps", 0);
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        size_t n = imr_weight_count(gradient, id);
        const float *g = imr_weight(gradient, id), *p = imr_weight(w, id);
        double *v = a->second + (g - gradient->v), *bound = a->bound + (g - gradient->v);
        for (size_t j = 0; j < n; j++)
            a->largest[i] = fmax(a->largest[i], fabs((double)g[j]));
        for (size_t j = 0; j < n; j++) {
            double full = (double)g[j] + l2 * (double)p[j];
            v[j] = b2 * v[j] + (1 - b2) * full * full;
            double root = sqrt(v[j] / (1 - pow(b2, t))) + eps;
            if (v[j] > 0)
                bound[j] += lr * fmin(2.16 * RHO * a->largest[i] / root, 2.32);
            bound[j] += 0x1p-23 * (fabs((double)p[j]) + lr);
        }
    }
}

/* Tensor by tensor: within bound[entry], or without one within RHO of the tensor's largest. */
static void check_weights(const imr_weights *found, const imr_weights *expected,
                          const double *bound)
{
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        size_t n = imr_weight_count(expected, id), worst = 0;
        const float *f = imr_weight(found, id), *e = imr_weight(expected, id);
        double largest = 0, share = 0, tolerance = 0;
        for (size_t j = 0; j < n; j++)
            largest = fmax(largest, fabs((double)e[j]));
        for (size_t j = 0; j < n; j++) {
            double allowed = bound ? bound[f - found->v + (ptrdiff_t)j] : RHO * largest;
            double difference = fabs((double)f[j] - (double)e[j]);
            if (!(difference <= share * allowed))
                share = difference / allowed, worst = j, tolerance = allowed;
        }
        test_count();
        if (!(share <= 1))
            FAIL("%s[%zu] is %.9g, expected %.9g +- %g", imr_weight_name(found->form, id), worst,
                 (double)f[worst], (double)e[worst], tolerance);
    }
}

static void check_steps(const char *where, imr_loss_kind kind, imr_optimiser_kind optimiser)
{
    imr_error err;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", where);
    imr_adapter *a = open_in(folder, "start.pt"), *end = open_in(folder, "end.pt");
    imr_adapter *first = open_in(folder, "first_gradients.pt");
    array q = read_in(folder, "batch_queries.npy"), d = read_in(folder, "batch_documents.npy");
    imr_json *losses = NULL, *setup = NULL;
    CHECK_OK(imr_json_open(&losses, test_path(folder, "expected_losses.json"), &err));
    CHECK_OK(imr_json_open(&setup, test_path(folder, "setup.json"), &err));
    size_t steps = q.shape[0], b = q.shape[1], list = d.shape[2], n = a->w.n;
    CHECK_INT(imr_json_count(losses), steps);
    imr_loss loss = {kind, imr_json_number_or(setup, "mnrl_scale", 0),
                     imr_json_number_or(setup, "margin", 0)};
    imr_optimiser o;
    imr_weights gradient = {0};
    imr_pass p = {0};
    const double decay = imr_json_number_or(setup, "weight_decay", 0);
    const double l2 = optimiser == IMR_ADAM ? decay : 0;
    apart drift = {calloc(a->w.count, sizeof(double)), calloc(a->w.count, sizeof(double)), {0}};
    CHECK_OK(imr_weights_like(&gradient, &a->w, &err));
    CHECK_OK(
        imr_optimiser_init(&o, optimiser, imr_json_number_or(setup, "lr", 0), decay, &a->w, &err));
    const imr_json *expected = imr_json_child(losses);
    for (size_t s = 0; s < steps; s++, expected = imr_json_next(expected)) {
        CHECK_OK(imr_pass_prepare(&p, &a->w, b, list, b * list, false, &err));
        memcpy(p.x, q.v + s * b * n, b * n * sizeof(float));
        memcpy(p.x + b * n, d.v + s * b * list * n, b * list * n * sizeof(float));
        for (size_t i = 0; i < b * list; i++)
            p.document[i] = (uint32_t)i;
        imr_pass_forward(&p, &a->w, 0, NULL);
        double value = imr_backward(&gradient, &p, &a->w, &loss, 0);
        double wanted = imr_json_number_or(expected, "", -1);
        CHECK_NEAR(value, wanted, 1e-4 * wanted);
        if (s == 0)
            check_weights(&gradient, &first->w, NULL);
        apart_step(&drift, &gradient, &a->w, setup, l2, (double)s + 1);
        imr_optimiser_step(&o, &a->w, &gradient);
    }
    check_weights(&a->w, &end->w, drift.bound);
    imr_pass_done(&p);
    imr_optimiser_done(&o);
    imr_weights_done(&gradient);
    imr_json_free(losses), imr_json_free(setup);
    imr_adapter_free(a), imr_adapter_free(end), imr_adapter_free(first);
    free(q.v), free(d.v);
    free(drift.second), free(drift.bound);
}

TEST("twenty mnrl steps with AdamW end where PyTorch's do")
{
    check_steps(test_golden("training/mnrl"), IMR_LOSS_MNRL, IMR_ADAMW);
}

TEST("twenty margin steps with Adam end where PyTorch's do")
{
    check_steps(test_golden("training/margin"), IMR_LOSS_MARGIN, IMR_ADAM);
}
