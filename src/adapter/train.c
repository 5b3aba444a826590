#include "adapter/train.h"

#include <math.h>

#include "adapter/pass.h"
#include "base/clock.h"
#include "base/number.h"

/* ---- the optimiser ---- */

#define BETA1 0.9
#define BETA2 0.999
#define EPS   1e-8

const char *const imr_optimiser_names[] = {[IMR_ADAMW] = "AdamW", [IMR_ADAM] = "Adam"};

imr_status imr_optimiser_init(imr_optimiser *o, imr_optimiser_kind kind, double lr,
                              double weight_decay, const imr_weights *w, imr_error *err)
{
    float *moments = imr_alloc_aligned(w->count, 2 * sizeof *moments);
    IMR_NEED(moments, err);
    *o = (imr_optimiser){.kind = kind,
                         .lr = lr,
                         .weight_decay = weight_decay,
                         .first = moments,
                         .second = moments + w->count,
                         .count = w->count};
    return IMR_OK;
}

void imr_optimiser_done(imr_optimiser *o)
{
    imr_free(o->first); /* one block with second */
    *o = (imr_optimiser){0};
}

typedef struct factors {
    float keep, l2, step, root;
} factors;

IMR_CPU_CLONES
static void update(float *restrict p, const float *restrict gradient, float *restrict first,
                   float *restrict second, size_t n, factors f)
{
    const float b1 = (float)BETA1, b2 = (float)BETA2, eps = (float)EPS;
    const float c1 = (float)(1.0 - BETA1), c2 = (float)(1.0 - BETA2);
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float g = gradient[i] + f.l2 * p[i];
        first[i] = b1 * first[i] + c1 * g;
        second[i] = b2 * second[i] + c2 * g * g;
        p[i] = f.keep * p[i] - f.step * first[i] / (sqrtf(second[i]) * f.root + eps);
    }
}

void imr_optimiser_step(imr_optimiser *o, imr_weights *w, const imr_weights *gradient)
{
    assert(o->count == w->count && w->count == gradient->count);
    double t = (double)++o->step;
    bool decoupled = o->kind == IMR_ADAMW;
    factors f = {.keep = (float)(decoupled ? 1.0 - o->lr * o->weight_decay : 1.0),
                 .l2 = (float)(decoupled ? 0.0 : o->weight_decay),
                 .step = (float)(o->lr / (1.0 - pow(BETA1, t))),
                 .root = (float)(1.0 / sqrt(1.0 - pow(BETA2, t)))};
    enum { BLOCK = 16384, WORTH_THREADS = 1 << 20 }; /* see math/nn.c */
#pragma omp parallel for schedule(static) if (w->count > WORTH_THREADS)
    for (size_t at = 0; at < w->count; at += BLOCK) {
        size_t n = w->count - at < BLOCK ? w->count - at : BLOCK;
        update(w->v + at, gradient->v + at, o->first + at, o->second + at, n, f);
    }
}

/* ---- the trainer ---- */

#define NOWHERE UINT32_MAX

imr_train_options imr_train_defaults(imr_loss_kind loss)
{
    const bool mnrl = loss == IMR_LOSS_MNRL, improvement = loss == IMR_LOSS_IMPROVEMENT;
    return (imr_train_options){.loss = {loss, 10.0, improvement ? 0.05 : 0.3},
                               .optimiser = mnrl ? IMR_ADAMW : IMR_ADAM,
                               .lr = 1e-4,
                               .weight_decay = 1e-5,
                               .dropout = improvement ? 0 : 0.1,
                               .batch_size = 32,
                               .negatives = improvement ? 63 : 20,
                               .epochs = mnrl          ? 10
                                         : improvement ? 30
                                                       : 0,
                               .patience = improvement ? 7 : 5,
                               .seed = 1};
}

void imr_train_history_done(imr_train_history *h)
{
    imr_free(h->v);
    *h = (imr_train_history){0};
}

/* The examples of a set in the order of this epoch. */
typedef struct examples {
    uint32_t *v; /* queries */
    size_t n, at;
} examples;

/* Everything one training needs; freed as a whole. */
typedef struct trainer {
    const imr_train_data *data;
    const imr_train_options *options;
    imr_train_validate validate;
    void *user;
    const imr_progress *progress;
    imr_adapter current;                /* the caller's adapter with weights of our own */
    imr_weights best, gradient, second; /* second: the gradient of the second set */
    imr_optimiser optimiser;
    imr_pass pass;
    imr_random random;
    examples set[IMR_TRAIN_SETS];
    size_t batches;      /* of an epoch */
    uint32_t *place;     /* [D+E] a document's place in the batch, or NOWHERE */
    uint32_t *used;      /* [batch * list] documents of the batch in order of appearance */
    uint32_t *list;      /* [batch * list] documents of the batch's queries */
    double best_so_far;  /* NaN before the first validation */
    imr_train_history h; /* but for its v, which are these: */
    IMR_ARRAY(imr_train_epoch) epochs;
} trainer;

static void trainer_done(trainer *t)
{
    imr_weights *const weights[] = {&t->current.w, &t->best, &t->gradient, &t->second};
    for (size_t i = 0; i < IMR_LEN(weights); i++)
        imr_weights_done(weights[i]);
    imr_optimiser_done(&t->optimiser);
    imr_pass_done(&t->pass);
    for (size_t i = 0; i < IMR_TRAIN_SETS; i++)
        imr_free(t->set[i].v);
    IMR_FREE(t->place, t->used, t->list, t->epochs.v);
}

static imr_status check_options(const imr_train_options *o, bool validates, imr_error *err)
{
    const struct {
        bool good;
        const char *problem;
    } rules[] = {
        {o->lr > 0 && isfinite(o->lr), "--lr must be a number above 0"},
        {o->weight_decay >= 0 && isfinite(o->weight_decay), "--weight-decay must be 0 or more"},
        {o->dropout >= 0 && o->dropout < 1, "--dropout must be at least 0 and below 1"},
        {o->batch_size > 0 && o->batch_size <= 65536, "--batch-size must be 1 to 65536"},
        {o->loss.kind != IMR_LOSS_MNRL || o->batch_size > 1,
         "--batch-size 1 leaves the mnrl loss nothing to compare with: use 2 or more"},
        {o->negatives > 0 && o->negatives <= 65536, "--num-negatives must be 1 to 65536"},
        {o->epochs > 0 || (o->patience > 0 && validates),
         "training would never end: set --epochs, or --patience with validation queries"},
    };
    for (size_t i = 0; i < IMR_LEN(rules); i++)
        if (!rules[i].good)
            return imr_fail(err, IMR_E_USAGE, "%s", rules[i].problem);
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

static size_t all_documents(const imr_train_data *d)
{
    return d->documents.rows + d->more.rows;
}

static imr_status check_data(const imr_train_data *d, size_t n, imr_error *err)
{
    assert(d->n_sets > 0 && d->n_sets <= IMR_TRAIN_SETS);
    if (d->documents.cols != n || (d->more.rows && d->more.cols != n))
        return imr_fail(err, IMR_E_SHAPE,
                        "the documents' vectors have %zu dimensions, the adapter expects %zu",
                        d->documents.cols, n);
    for (size_t i = 0; i < d->n_sets; i++) {
        const imr_train_set *s = &d->set[i];
        if (s->queries.cols != n)
            return imr_fail(err, IMR_E_SHAPE,
                            "the queries' vectors have %zu dimensions, the adapter expects %zu",
                            s->queries.cols, n);
        if (s->queries.rows >= NOWHERE || all_documents(d) >= NOWHERE)
            return imr_fail(err, IMR_E_LIMIT, "more than %u queries or documents", NOWHERE - 1);
        IMR_TRY(check_list("a positive", s->positive_start, s->positives, s->queries.rows,
                           all_documents(d), err));
        IMR_TRY(check_list("a negative", s->negative_start, s->negatives, s->queries.rows,
                           all_documents(d), err));
    }
    return IMR_OK;
}

/* The queries that are examples. */
static imr_status find_examples(examples *out, const imr_train_set *s, imr_error *err)
{
    out->v = imr_alloc(s->queries.rows, sizeof *out->v);
    if (!out->v && s->queries.rows)
        return imr_fail_memory(err);
    for (size_t q = 0; q < s->queries.rows; q++)
        if (s->positive_start[q] < s->positive_start[q + 1] &&
            s->negative_start[q] < s->negative_start[q + 1])
            out->v[out->n++] = (uint32_t)q;
    out->at = out->n; /* nothing left: the first step shuffles */
    if (out->n == 0)
        return imr_fail(err, IMR_E_SHAPE,
                        "no query has both a relevant document and a negative: nothing to train "
                        "on");
    return IMR_OK;
}

static imr_status trainer_init(trainer *t, const imr_adapter *a, imr_error *err)
{
    const imr_train_data *d = t->data;
    const imr_train_options *o = t->options;
    const size_t list = 1 + o->negatives, documents = all_documents(d);
    size_t batch = 0;
    imr_random_init(&t->random, o->seed);
    for (size_t i = 0; i < d->n_sets; i++) {
        IMR_TRY(find_examples(&t->set[i], &d->set[i], err));
        batch = t->set[i].n > batch ? t->set[i].n : batch;
    }
    batch = o->batch_size < batch ? o->batch_size : batch;
    t->batches = (t->set[0].n + o->batch_size - 1) / o->batch_size;
    t->place = imr_alloc(documents, sizeof *t->place);
    t->used = imr_alloc(batch, list * sizeof *t->used);
    t->list = imr_alloc(batch, list * sizeof *t->list);
    IMR_NEED(t->place && t->used && t->list, err);
    memset(t->place, 0xff, documents * sizeof *t->place);
    /* A shallow copy, so that validation sees metadata and path, with weights of its own. */
    t->current = *a;
    t->current.w = (imr_weights){0};
    IMR_TRY(imr_weights_like(&t->current.w, &a->w, err));
    imr_weights_copy(&t->current.w, &a->w);
    IMR_TRY(imr_weights_like(&t->best, &a->w, err));
    imr_weights_copy(&t->best, &a->w);
    IMR_TRY(imr_weights_like(&t->gradient, &a->w, err));
    if (d->n_sets > 1)
        IMR_TRY(imr_weights_like(&t->second, &a->w, err));
    return imr_optimiser_init(&t->optimiser, o->optimiser, o->lr, o->weight_decay, &a->w, err);
}

/* n of the list v[count]: the first ones, or drawn without putting back (Floyd's way would keep no
 * order; lists are short, so what is taken is told by looking). Short lists repeat their last. */
static void choose(uint32_t *out, size_t n, const uint32_t *v, uint64_t count, imr_random *random)
{
    for (size_t l = 0; l < n; l++) {
        if (!random || count <= n) {
            out[l] = v[l < count ? l : count - 1];
            continue;
        }
        bool taken = true;
        while (taken) {
            out[l] = v[imr_random_below(random, count)];
            taken = false;
            for (size_t k = 0; k < l && !taken; k++)
                taken = out[k] == out[l];
        }
    }
}

static void get_document(float *out, const imr_train_data *d, uint32_t document)
{
    if (document < d->documents.rows)
        imr_rows_get(out, d->documents, document);
    else
        memcpy(out, imr_view_row(&d->more, document - d->documents.rows),
               d->more.cols * sizeof *out);
}

/* Gathers the batch's vectors, each document once. */
static imr_status fill_batch(trainer *t, const imr_train_set *s, const uint32_t *queries,
                             size_t size, imr_error *err)
{
    const imr_train_data *d = t->data;
    imr_random *random = t->options->draw ? &t->random : NULL;
    size_t list = 1 + t->options->negatives, n = s->queries.cols, unique = 0;
    for (size_t a = 0; a < size; a++) {
        const uint32_t q = queries[a];
        uint32_t *own = t->list + a * list;
        choose(own, 1, s->positives + s->positive_start[q],
               s->positive_start[q + 1] - s->positive_start[q], random);
        choose(own + 1, list - 1, s->negatives + s->negative_start[q],
               s->negative_start[q + 1] - s->negative_start[q], random);
        for (size_t l = 0; l < list; l++)
            if (t->place[own[l]] == NOWHERE) {
                t->place[own[l]] = (uint32_t)unique;
                t->used[unique++] = own[l];
            }
    }
    imr_status status =
        imr_pass_prepare(&t->pass, &t->current.w, size, list, unique, t->options->dropout > 0, err);
    for (size_t a = 0; status == IMR_OK && a < size; a++) {
        memcpy(t->pass.x + a * n, imr_view_row(&s->queries, queries[a]), n * sizeof(float));
        for (size_t l = 0; l < list; l++)
            t->pass.document[a * list + l] = t->place[t->list[a * list + l]];
    }
    for (size_t u = 0; u < unique; u++) {
        if (status == IMR_OK)
            get_document(t->pass.x + (size + u) * n, d, t->used[u]);
        t->place[t->used[u]] = NOWHERE;
    }
    return status;
}

/* ---- the loop ---- */

/* The next batch of a set: its loss, and its gradient into `gradient`. */
static imr_status take_batch(double *loss, trainer *t, size_t set, imr_weights *gradient,
                             imr_error *err)
{
    const imr_train_options *o = t->options;
    examples *e = &t->set[set];
    if (e->at >= e->n) {
        imr_random_shuffle(&t->random, e->v, e->n);
        e->at = 0;
    }
    const size_t size = e->n - e->at < o->batch_size ? e->n - e->at : o->batch_size;
    IMR_TRY(fill_batch(t, &t->data->set[set], e->v + e->at, size, err));
    e->at += size;
    imr_pass_forward(&t->pass, &t->current.w, o->dropout, &t->random);
    *loss = imr_backward(gradient, &t->pass, &t->current.w, &o->loss, o->dropout);
    return IMR_OK;
}

static imr_status take_step(double *loss, trainer *t, size_t epoch, imr_error *err)
{
    IMR_TRY(take_batch(loss, t, 0, &t->gradient, err));
    if (t->data->n_sets > 1) {
        const double weight = t->data->set[1].weight;
        double second;
        IMR_TRY(take_batch(&second, t, 1, &t->second, err));
        *loss += weight * second;
        for (size_t i = 0; i < t->gradient.count; i++)
            t->gradient.v[i] += (float)weight * t->second.v[i];
    }
    if (!isfinite(*loss))
        return imr_fail(err, IMR_E_NUMERIC,
                        "the loss is no longer finite in epoch %zu: lower --lr, or look for "
                        "vectors that are not finite",
                        epoch);
    imr_optimiser_step(&t->optimiser, &t->current.w, &t->gradient);
    return IMR_OK;
}

static bool report(const trainer *t, size_t epoch, size_t batch, double loss)
{
    if (!t->progress || !t->progress->fn)
        return true;
    char note[160], number[64], best[64];
    int n = snprintf(note, sizeof note, "epoch %zu, loss %s", epoch,
                     imr_format_fixed(number, loss, 4, false));
    if (!isnan(t->best_so_far))
        snprintf(note + n, sizeof note - (size_t)n, ", best validation %s",
                 imr_format_fixed(best, t->best_so_far, 4, false));
    imr_progress_info info = {"training", (epoch - 1) * t->batches + batch,
                              t->options->epochs * t->batches, note};
    return t->progress->fn(t->progress->user, &info);
}

/* One epoch; *loss is the mean over batches. Sets h.cancelled and returns early when asked to. */
static imr_status run_epoch(trainer *t, size_t epoch, double *loss, imr_error *err)
{
    double sum = 0, value;
    t->set[0].at = t->set[0].n;
    for (size_t batch = 1; batch <= t->batches && !t->h.cancelled; batch++) {
        IMR_TRY(take_step(&value, t, epoch, err));
        sum += value;
        *loss = sum / (double)batch;
        t->h.cancelled = !report(t, epoch, batch, *loss);
    }
    return IMR_OK;
}

/* Judges the adapter as it is after `epoch`, and keeps it if it is the best so far. */
static imr_status judge(trainer *t, size_t epoch, double loss, double start, imr_error *err)
{
    imr_train_epoch e = {.loss = loss, .validation = (double)NAN};
    if (t->validate)
        e.validation = t->validate(t->user, &t->current);
    e.seconds = imr_clock_seconds() - start;
    IMR_NEED(IMR_PUSH(&t->epochs, e), err);
    if (!t->validate || isnan(t->best_so_far) || e.validation > t->best_so_far) {
        t->best_so_far = e.validation;
        t->h.best = epoch;
        imr_weights_copy(&t->best, &t->current.w);
    }
    return IMR_OK;
}

static imr_status train_all(trainer *t, imr_error *err)
{
    const imr_train_options *o = t->options;
    IMR_TRY(judge(t, 0, (double)NAN, imr_clock_seconds(), err));
    for (size_t epoch = 1; o->epochs == 0 || epoch <= o->epochs; epoch++) {
        const double start = imr_clock_seconds();
        double loss = 0;
        IMR_TRY(run_epoch(t, epoch, &loss, err));
        if (t->h.cancelled)
            break;
        IMR_TRY(judge(t, epoch, loss, start, err));
        t->h.n = epoch;
        t->h.stopped_early = t->validate && o->patience && epoch - t->h.best >= o->patience;
        if (t->h.stopped_early)
            break;
    }
    if (t->h.n == 0)
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
    IMR_CLEANUP(trainer_done)
    trainer t = {.data = data,
                 .options = options,
                 .validate = validate,
                 .user = user,
                 .progress = progress,
                 .best_so_far = (double)NAN};
    IMR_TRY(trainer_init(&t, a, err));
    IMR_TRY(train_all(&t, err));
    imr_weights_copy(&a->w, &t.best);
    for (size_t i = 0; i < data->n_sets; i++) {
        t.h.examples += t.set[i].n;
        t.h.left_out += data->set[i].queries.rows - t.set[i].n;
    }
    *history = t.h;
    history->v = IMR_TAKE(t.epochs.v);
    return IMR_OK;
}
