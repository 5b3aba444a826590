#include "adapter/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "adapter/backward.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/number.h"

#define NOWHERE UINT32_MAX

imr_train_options imr_train_defaults(imr_loss_kind loss)
{
    bool mnrl = loss == IMR_LOSS_MNRL;
    return (imr_train_options){.loss = {loss, 10.0, 0.3},
                               .optimiser = mnrl ? IMR_ADAMW : IMR_ADAM,
                               .lr = 1e-4,
                               .weight_decay = 1e-5,
                               .dropout = 0.1,
                               .batch_size = 32,
                               .negatives = 20,
                               .epochs = mnrl ? 10 : 0,
                               .patience = 5,
                               .seed = 1};
}

void imr_train_history_done(imr_train_history *h)
{
    imr_free(h->v);
    *h = (imr_train_history){0};
}

typedef IMR_ARRAY(imr_train_epoch) epochs;

/* Everything one training needs; freed as a whole. */
typedef struct trainer {
    const imr_train_data *data;
    const imr_train_options *options;
    imr_adapter current; /* the caller's adapter with weights of our own */
    imr_weights best, gradient;
    imr_optimiser optimiser;
    imr_pass pass;
    imr_random random;
    uint32_t *order; /* [examples] queries */
    size_t examples;
    uint32_t *place; /* [D] a document's place in the batch, or NOWHERE */
    uint32_t *used;  /* [batch * list] documents of the batch in order of appearance */
    epochs epochs;
    size_t best_epoch;
    bool cancelled, stopped_early;
} trainer;

static void trainer_done(trainer *t)
{
    imr_weights_done(&t->current.w);
    imr_weights_done(&t->best);
    imr_weights_done(&t->gradient);
    imr_optimiser_done(&t->optimiser);
    imr_pass_done(&t->pass);
    imr_free(t->order);
    imr_free(t->place);
    imr_free(t->used);
    imr_free(t->epochs.v);
}

static imr_status check_options(const imr_train_options *o, bool validates, imr_error *err)
{
    if (!(o->lr > 0) || !isfinite(o->lr))
        return imr_fail(err, IMR_E_USAGE, "--lr must be a number above 0");
    if (!(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        return imr_fail(err, IMR_E_USAGE, "--weight-decay must be 0 or more");
    if (!(o->dropout >= 0 && o->dropout < 1))
        return imr_fail(err, IMR_E_USAGE, "--dropout must be at least 0 and below 1");
    if (o->batch_size == 0 || o->batch_size > 65536)
        return imr_fail(err, IMR_E_USAGE, "--batch-size must be 1 to 65536");
    if (o->loss.kind == IMR_LOSS_MNRL && o->batch_size == 1)
        return imr_fail(err, IMR_E_USAGE,
                        "--batch-size 1 leaves the mnrl loss nothing to compare with: use 2 or "
                        "more");
    if (o->negatives == 0 || o->negatives > 65536)
        return imr_fail(err, IMR_E_USAGE, "--num-negatives must be 1 to 65536");
    if (o->epochs == 0 && (o->patience == 0 || !validates))
        return imr_fail(err, IMR_E_USAGE,
                        "training would never end: set --epochs, or --patience with validation "
                        "queries");
    return IMR_OK;
}

static imr_status check_list(const char *what, const uint64_t *start, const uint32_t *rows,
                             size_t queries, size_t documents, imr_error *err)
{
    for (size_t q = 0; q < queries; q++)
        for (uint64_t i = start[q]; i < start[q + 1]; i++)
            if (rows[i] >= documents)
                return imr_fail(err, IMR_E_SHAPE,
                                "%s of query %zu is document %u, but there are only %zu", what, q,
                                (unsigned)rows[i], documents);
    return IMR_OK;
}

static imr_status check_data(const imr_train_data *d, size_t n, imr_error *err)
{
    if (d->queries.cols != n || d->documents.cols != n)
        return imr_fail(err, IMR_E_SHAPE,
                        "the vectors have %zu (queries) and %zu (documents) dimensions, the "
                        "adapter expects %zu",
                        d->queries.cols, d->documents.cols, n);
    if (d->queries.rows >= NOWHERE || d->documents.rows >= NOWHERE)
        return imr_fail(err, IMR_E_LIMIT, "more than %u queries or documents", NOWHERE - 1);
    IMR_TRY(check_list("a positive", d->positive_start, d->positives, d->queries.rows,
                       d->documents.rows, err));
    return check_list("a negative", d->negative_start, d->negatives, d->queries.rows,
                      d->documents.rows, err);
}

static imr_status trainer_init(trainer *t, const imr_adapter *a, imr_error *err)
{
    const imr_train_data *d = t->data;
    const imr_train_options *o = t->options;
    size_t list = 1 + o->negatives;
    imr_random_init(&t->random, o->seed);
    t->order = imr_alloc(d->queries.rows, sizeof *t->order);
    t->place = imr_alloc(d->documents.rows, sizeof *t->place);
    if (!t->order || !t->place)
        return imr_fail_memory(err);
    memset(t->place, 0xff, d->documents.rows * sizeof *t->place);
    for (size_t q = 0; q < d->queries.rows; q++)
        if (d->positive_start[q] < d->positive_start[q + 1] &&
            d->negative_start[q] < d->negative_start[q + 1])
            t->order[t->examples++] = (uint32_t)q;
    if (t->examples == 0)
        return imr_fail(err, IMR_E_SHAPE,
                        "no query has both a relevant document and a negative: nothing to train "
                        "on");
    size_t batch = o->batch_size < t->examples ? o->batch_size : t->examples;
    t->used = imr_alloc(batch, list * sizeof *t->used);
    if (!t->used)
        return imr_fail_memory(err);
    /* A shallow copy, so that validation sees metadata and path, with weights of its own. */
    t->current = *a;
    t->current.w = (imr_weights){0};
    IMR_TRY(imr_weights_like(&t->current.w, &a->w, err));
    imr_weights_copy(&t->current.w, &a->w);
    IMR_TRY(imr_weights_like(&t->best, &a->w, err));
    IMR_TRY(imr_weights_like(&t->gradient, &a->w, err));
    return imr_optimiser_init(&t->optimiser, o->optimiser, o->lr, o->weight_decay, &a->w, err);
}

/* The l-th document of a query's list: the first positive, then negatives, the last repeated. */
static uint32_t listed(const imr_train_data *d, uint32_t q, size_t l)
{
    if (l == 0)
        return d->positives[d->positive_start[q]];
    uint64_t first = d->negative_start[q], count = d->negative_start[q + 1] - first;
    return d->negatives[first + (l - 1 < count ? l - 1 : count - 1)];
}

/* Gathers the batch's vectors, each document once. */
static imr_status fill_batch(trainer *t, const uint32_t *queries, size_t size, imr_error *err)
{
    const imr_train_data *d = t->data;
    size_t list = 1 + t->options->negatives, n = d->queries.cols, unique = 0;
    for (size_t a = 0; a < size; a++)
        for (size_t l = 0; l < list; l++) {
            uint32_t doc = listed(d, queries[a], l);
            if (t->place[doc] == NOWHERE) {
                t->place[doc] = (uint32_t)unique;
                t->used[unique++] = doc;
            }
        }
    imr_status status =
        imr_pass_prepare(&t->pass, &t->current.w, size, list, unique, t->options->dropout > 0, err);
    for (size_t a = 0; status == IMR_OK && a < size; a++) {
        memcpy(t->pass.x + a * n, imr_view_row(&d->queries, queries[a]), n * sizeof(float));
        for (size_t l = 0; l < list; l++)
            t->pass.document[a * list + l] = t->place[listed(d, queries[a], l)];
    }
    for (size_t u = 0; u < unique; u++) {
        if (status == IMR_OK)
            imr_rows_get(t->pass.x + (size + u) * n, d->documents, t->used[u]);
        t->place[t->used[u]] = NOWHERE;
    }
    return status;
}

/* ---- reporting ---- */

typedef struct reporter {
    const imr_progress *progress;
    size_t batches; /* of an epoch */
    double best;    /* NaN before the first validation */
} reporter;

static bool report(const reporter *r, const trainer *t, size_t epoch, size_t batch, double loss)
{
    if (!r->progress || !r->progress->fn)
        return true;
    char note[160], number[64], best[64];
    if (isnan(r->best))
        snprintf(note, sizeof note, "epoch %zu, loss %s", epoch + 1,
                 imr_format_fixed(number, loss, 4, false));
    else
        snprintf(note, sizeof note, "epoch %zu, loss %s, best validation %s", epoch + 1,
                 imr_format_fixed(number, loss, 4, false),
                 imr_format_fixed(best, r->best, 4, false));
    imr_progress_info info = {"training", epoch * r->batches + batch,
                              t->options->epochs * r->batches, note};
    return r->progress->fn(r->progress->user, &info);
}

/* ---- the loop ---- */

/* One epoch; *loss is the mean over batches. Sets t->cancelled and returns early when asked to. */
static imr_status run_epoch(trainer *t, size_t epoch, const reporter *r, double *loss,
                            imr_error *err)
{
    const imr_train_options *o = t->options;
    double sum = 0;
    size_t batch = 0;
    imr_random_shuffle(&t->random, t->order, t->examples);
    for (size_t at = 0; at < t->examples; at += o->batch_size) {
        size_t size = t->examples - at < o->batch_size ? t->examples - at : o->batch_size;
        IMR_TRY(fill_batch(t, t->order + at, size, err));
        imr_pass_forward(&t->pass, &t->current.w, o->dropout, &t->random);
        double value = imr_backward(&t->gradient, &t->pass, &t->current.w, &o->loss, o->dropout);
        if (!isfinite(value))
            return imr_fail(err, IMR_E_NUMERIC,
                            "the loss is no longer finite in epoch %zu: lower --lr, or look for "
                            "vectors that are not finite",
                            epoch + 1);
        imr_optimiser_step(&t->optimiser, &t->current.w, &t->gradient);
        sum += value;
        batch++;
        if (!report(r, t, epoch, batch, sum / (double)batch)) {
            t->cancelled = true;
            break;
        }
    }
    *loss = sum / (double)batch;
    return IMR_OK;
}

static imr_status train_all(trainer *t, imr_train_validate validate, void *user,
                            const imr_progress *progress, imr_error *err)
{
    const imr_train_options *o = t->options;
    reporter r = {progress, (t->examples + o->batch_size - 1) / o->batch_size, (double)NAN};
    for (size_t epoch = 0; o->epochs == 0 || epoch < o->epochs; epoch++) {
        double start = imr_clock_seconds();
        imr_train_epoch e = {.validation = (double)NAN};
        IMR_TRY(run_epoch(t, epoch, &r, &e.loss, err));
        if (t->cancelled)
            break;
        if (validate)
            e.validation = validate(user, &t->current);
        e.seconds = imr_clock_seconds() - start;
        if (!IMR_PUSH(&t->epochs, e))
            return imr_fail_memory(err);
        if (!validate || isnan(r.best) || e.validation > r.best) {
            r.best = e.validation;
            t->best_epoch = epoch;
            imr_weights_copy(&t->best, &t->current.w);
        } else if (o->patience && epoch - t->best_epoch >= o->patience) {
            t->stopped_early = true;
            break;
        }
    }
    if (t->epochs.n == 0)
        return imr_fail(err, IMR_E_CANCELLED, "cancelled before the first epoch was finished");
    return IMR_OK;
}

imr_status imr_train(imr_adapter *a, imr_train_history *history, const imr_train_data *data,
                     const imr_train_options *options, imr_train_validate validate, void *user,
                     const imr_progress *progress, imr_error *err)
{
    assert(a->usable);
    IMR_TRY(check_options(options, validate != NULL, err));
    IMR_TRY(check_data(data, a->w.n, err));
    IMR_CLEANUP(trainer_done) trainer t = {.data = data, .options = options};
    IMR_TRY(trainer_init(&t, a, err));
    IMR_TRY(train_all(&t, validate, user, progress, err));
    imr_weights_copy(&a->w, &t.best);
    *history = (imr_train_history){.v = t.epochs.v,
                                   .n = t.epochs.n,
                                   .best = t.best_epoch,
                                   .examples = t.examples,
                                   .left_out = data->queries.rows - t.examples,
                                   .cancelled = t.cancelled,
                                   .stopped_early = t.stopped_early};
    t.epochs.v = NULL;
    return IMR_OK;
}
