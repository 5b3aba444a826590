/* Twenty steps of PyTorch, batch by batch: gradients, losses and end weights. */
#include "tests/unit/adapter/adapter_support.h"

#include "adapter/pass.h"
#include "adapter/train.h"
#include "format/json.h"

static imr_adapter *open_in(const char *folder, const char *name)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, test_path(folder, name), IMR_FORM_AUTO, &err));
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

static void apart_step(apart *a, const imr_weights *gradient, const imr_weights *w, double lr,
                       double l2, double t)
{
    const double b2 = 0.999, eps = 1e-8; /* of every folder */
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

/* What a folder of golden steps says. */
typedef struct golden {
    imr_adapter *start, *end;
    imr_weights first; /* gradients of the first step */
    array queries, documents, losses;
} golden;

static void check_steps(golden *g, const imr_loss *loss, imr_optimiser_kind optimiser, double lr,
                        double decay)
{
    imr_error err;
    imr_adapter *a = g->start;
    const array q = g->queries, d = g->documents;
    size_t steps = q.shape[0], b = q.shape[1], list = d.shape[2], n = a->w.n;
    CHECK_INT(g->losses.count, steps);
    imr_optimiser o;
    imr_weights gradient = {0};
    imr_pass p = {0};
    const double l2 = optimiser == IMR_ADAM ? decay : 0;
    apart drift = {calloc(a->w.count, sizeof(double)), calloc(a->w.count, sizeof(double)), {0}};
    CHECK_OK(imr_weights_like(&gradient, &a->w, &err));
    CHECK_OK(imr_optimiser_init(&o, optimiser, lr, decay, &a->w, &err));
    for (size_t s = 0; s < steps; s++) {
        CHECK_OK(imr_pass_prepare(&p, &a->w, b, list, b * list, false, &err));
        memcpy(p.x, q.v + s * b * n, b * n * sizeof(float));
        memcpy(p.x + b * n, d.v + s * b * list * n, b * list * n * sizeof(float));
        for (size_t i = 0; i < b * list; i++)
            p.document[i] = (uint32_t)i;
        imr_pass_forward(&p, &a->w, 0, NULL);
        double value = imr_backward(&gradient, &p, &a->w, loss, 0);
        CHECK_NEAR(value, g->losses.v[s], 1e-4 * (double)g->losses.v[s]);
        if (s == 0)
            check_weights(&gradient, &g->first, NULL);
        apart_step(&drift, &gradient, &a->w, lr, l2, (double)s + 1);
        imr_optimiser_step(&o, &a->w, &gradient);
    }
    check_weights(&a->w, &g->end->w, drift.bound);
    imr_pass_done(&p);
    imr_optimiser_done(&o);
    imr_weights_done(&gradient), imr_weights_done(&g->first);
    imr_adapter_free(a), imr_adapter_free(g->end);
    free(q.v), free(d.v), free(g->losses.v);
    free(drift.second), free(drift.bound);
}

/* The first release, with the loss and the optimiser of setup.json. */
static void check_folder(const char *where, imr_loss_kind kind, imr_optimiser_kind optimiser)
{
    imr_error err;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", where);
    imr_adapter *first = open_in(folder, "first_gradients.pt");
    golden g = {open_in(folder, "start.pt"),
                open_in(folder, "end.pt"),
                first->w,
                read_in(folder, "batch_queries.npy"),
                read_in(folder, "batch_documents.npy"),
                {0}};
    first->w = (imr_weights){0};
    imr_json *losses = NULL, *setup = NULL;
    CHECK_OK(imr_json_open(&losses, test_path(folder, "expected_losses.json"), &err));
    CHECK_OK(imr_json_open(&setup, test_path(folder, "setup.json"), &err));
    g.losses.v = calloc(imr_json_count(losses), sizeof *g.losses.v);
    for (const imr_json *one = imr_json_child(losses); one; one = imr_json_next(one))
        g.losses.v[g.losses.count++] = (float)imr_json_number_or(one, "", -1);
    const imr_loss loss = {kind, imr_json_number_or(setup, "mnrl_scale", 0),
                           imr_json_number_or(setup, "margin", 0)};
    check_steps(&g, &loss, optimiser, imr_json_number_or(setup, "lr", 0),
                imr_json_number_or(setup, "weight_decay", 0));
    imr_json_free(losses), imr_json_free(setup);
    imr_adapter_free(first);
}

TEST("twenty mnrl steps with AdamW end where PyTorch's do")
{
    check_folder(test_golden("training/mnrl"), IMR_LOSS_MNRL, IMR_ADAMW);
}

TEST("twenty margin steps with Adam end where PyTorch's do")
{
    check_folder(test_golden("training/margin"), IMR_LOSS_MARGIN, IMR_ADAM);
}

TEST("twenty improvement steps of form mean with Adam end where the authors' package's do")
{
    imr_error err;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_golden("final/training"));
    golden g = {open_in(folder, "start.pt"),
                open_in(folder, "end.pt"),
                {0},
                read_in(folder, "queries.npy"),
                read_in(folder, "documents.npy"),
                read_in(folder, "losses.npy")};
    CHECK_OK(imr_weights_like(&g.first, &g.start->w, &err));
    for (int id = 0; id < IMR_W_COUNT; id++) {
        char name[128];
        snprintf(name, sizeof name, "first_gradient/%s.npy",
                 imr_weight_name(IMR_FORM_MEAN, (imr_weight_id)id));
        array one = read_in(folder, name);
        memcpy(imr_weight(&g.first, (imr_weight_id)id), one.v, one.count * sizeof *one.v);
        free(one.v);
    }
    const imr_loss loss = {.kind = IMR_LOSS_IMPROVEMENT, .margin = 0.05};
    check_steps(&g, &loss, IMR_ADAM, 1e-4, 1e-5);
}
