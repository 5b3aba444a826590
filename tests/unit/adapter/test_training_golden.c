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

/* Tensor by tensor, relative to the tensor's largest value: a tensor's small entries are sums of
 * large terms that cancel, in PyTorch as here. */
static void check_weights(const imr_weights *found, const imr_weights *expected, double tolerance)
{
    for (int i = 0; i < IMR_W_COUNT; i++) {
        imr_weight_id id = (imr_weight_id)i;
        size_t n = imr_weight_count(expected, id);
        double largest = 0, worst = 0;
        for (size_t j = 0; j < n; j++) {
            double e = (double)imr_weight(expected, id)[j];
            largest = fmax(largest, fabs(e));
            worst = fmax(worst, fabs((double)imr_weight(found, id)[j] - e));
        }
        test_count();
        if (!(worst <= tolerance * largest))
            FAIL("%s differs by %g where the largest value is %g", imr_weight_name(found->form, id),
                 worst, largest);
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
    CHECK_OK(imr_weights_like(&gradient, &a->w, &err));
    CHECK_OK(imr_optimiser_init(&o, optimiser, imr_json_number_or(setup, "lr", 0),
                                imr_json_number_or(setup, "weight_decay", 0), &a->w, &err));
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
            check_weights(&gradient, &first->w, 1e-4);
        imr_optimiser_step(&o, &a->w, &gradient);
    }
    check_weights(&a->w, &end->w, 1e-4);
    imr_pass_done(&p);
    imr_optimiser_done(&o);
    imr_weights_done(&gradient);
    imr_json_free(losses), imr_json_free(setup);
    imr_adapter_free(a), imr_adapter_free(end), imr_adapter_free(first);
    free(q.v), free(d.v);
}

TEST("twenty mnrl steps with AdamW end where PyTorch's do")
{
    check_steps(test_golden("training/mnrl"), IMR_LOSS_MNRL, IMR_ADAMW);
}

TEST("twenty margin steps with Adam end where PyTorch's do")
{
    check_steps(test_golden("training/margin"), IMR_LOSS_MARGIN, IMR_ADAM);
}
