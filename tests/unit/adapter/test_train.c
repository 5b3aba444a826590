#include "tests/unit/adapter/adapter_support.h"

#include "adapter/train.h"
#include "base/mem.h"
#include "math/nn.h"
#include "math/random.h"

/* Queries near their positive, documents in random directions: something to learn. */
enum { Q = 40, D = 120, N = 24, NEGATIVES = 5 };

typedef struct problem {
    float queries[Q * N], documents[D * N];
    uint64_t positive_start[Q + 1], negative_start[Q + 1];
    uint32_t positives[Q], negatives[Q * NEGATIVES];
    imr_train_data data;
} problem;

static void make_problem(problem *p)
{
    imr_random r;
    imr_random_init(&r, 5);
    imr_random_fill_normal(&r, p->documents, D * N, 1);
    for (size_t q = 0; q < Q; q++) {
        uint32_t positive = (uint32_t)(q * 2 % D);
        p->positives[q] = positive;
        for (size_t j = 0; j < N; j++) {
            float noise = (float)imr_random_normal(&r) * (j < N / 2 ? 0.3f : 3.0f);
            p->queries[q * N + j] = p->documents[positive * N + j] + noise;
        }
        for (size_t l = 0; l < NEGATIVES; l++) {
            uint32_t d = (uint32_t)imr_random_below(&r, D);
            p->negatives[q * NEGATIVES + l] = d == positive ? (d + 1) % D : d;
        }
        p->positive_start[q + 1] = q + 1;
        p->negative_start[q + 1] = (q + 1) * NEGATIVES;
    }
    p->positive_start[0] = p->negative_start[0] = 0;
    p->data = (imr_train_data){.documents = imr_rows_f32(p->documents, D, N),
                               .set = {{.queries = imr_view_of(p->queries, Q, N),
                                        .positive_start = p->positive_start,
                                        .positives = p->positives,
                                        .negative_start = p->negative_start,
                                        .negatives = p->negatives,
                                        .weight = 1}},
                               .n_sets = 1};
}

static imr_train_options quick(imr_loss_kind loss, size_t epochs)
{
    imr_train_options o = imr_train_defaults(loss);
    o.epochs = epochs;
    o.lr = 3e-3;
    o.batch_size = 16;
    o.negatives = NEGATIVES;
    return o;
}

/* Mean reciprocal rank of the positive among all documents, after modulation by the negatives. */
static double judge(void *user, const imr_adapter *a)
{
    const problem *p = user;
    size_t m = a->w.m;
    imr_error err;
    float *q = malloc(Q * m * sizeof *q), *d = malloc(D * m * sizeof *d), after[D];
    CHECK_OK(imr_adapter_project(a, p->data.set[0].queries, q, &err));
    CHECK_OK(imr_adapter_project(a, imr_rows_view(p->data.documents), d, &err));
    imr_adapter_result r = {0};
    double sum = 0;
    for (size_t i = 0; i < Q; i++) {
        CHECK_OK(imr_adapter_run(a, q + i * m, imr_view_of(d, D, m), &r, &err));
        CHECK_OK(imr_adapter_score(a, &r, imr_rows_f32(d, D, m), after, NULL, &err));
        size_t rank = 1;
        for (size_t j = 0; j < D; j++)
            rank += after[j] > after[p->positives[i]];
        sum += 1.0 / (double)rank / Q;
    }
    imr_adapter_result_done(&r);
    free(q), free(d);
    return sum;
}

static imr_adapter *untrained(imr_form form)
{
    imr_error err;
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_new(&a, form, N, 16, 8, 3, &err));
    return a;
}

static void check_learns(imr_form form, imr_loss_kind loss)
{
    static problem p;
    make_problem(&p);
    imr_error err;
    imr_adapter *a = untrained(form);
    imr_train_history h = {0};
    double before = judge(&p, a);
    imr_train_options o = quick(loss, 30);
    o.patience = 0;
    CHECK_OK(imr_train(a, &h, &p.data, &o, judge, &p, NULL, &err));
    CHECK_INT(h.n, 30);
    CHECK_INT(h.examples, Q);
    CHECK(isnan(h.v[0].loss));
    CHECK_NEAR(h.v[0].validation, before, 0);
    CHECK(h.v[30].loss < 0.7 * h.v[1].loss);
    CHECK(h.v[h.best].validation > before + 0.1);
    CHECK_NEAR(judge(&p, a), h.v[h.best].validation, 0); /* the best epoch is what came out */
    for (size_t i = 0; i <= h.n; i++)
        CHECK(h.v[i].validation <= h.v[h.best].validation);
    imr_train_history_done(&h);
    imr_adapter_free(a);
}

TEST("training finds the positives better, both losses and both forms")
{
    check_learns(IMR_FORM_DIAGONAL, IMR_LOSS_MNRL);
    check_learns(IMR_FORM_DIAGONAL, IMR_LOSS_MARGIN);
    check_learns(IMR_FORM_FULL, IMR_LOSS_MNRL);
    check_learns(IMR_FORM_FULL, IMR_LOSS_MARGIN);
}

/* The problem's queries again as a second set, with weight w; documents of its lists moved behind
 * the others. */
static imr_adapter *with_second(problem *p, double w, bool draw)
{
    static uint32_t positives[Q];
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_MEAN);
    imr_train_history h = {0};
    imr_train_options o = quick(IMR_LOSS_IMPROVEMENT, 3);
    imr_train_data two = p->data;
    o.draw = draw;
    o.negatives = 3; /* of the five there are */
    for (size_t q = 0; q < Q; q++)
        positives[q] = D + p->positives[q];
    two.more = imr_view_of(p->documents, D, N);
    two.set[1] = two.set[0];
    two.set[1].positives = positives;
    two.set[1].weight = w;
    two.n_sets = w > 0 ? 2 : 1;
    CHECK_OK(imr_train(a, &h, &two, &o, NULL, NULL, NULL, &err));
    CHECK_INT(h.examples, w > 0 ? 2 * Q : Q);
    imr_train_history_done(&h);
    return a;
}

TEST("a second set adds its gradient by its weight, its documents may lie behind the others")
{
    static problem p;
    make_problem(&p);
    imr_adapter *one = with_second(&p, 0, false), *tiny = with_second(&p, 1e-12, false),
                *half = with_second(&p, 0.5, false), *drawn = with_second(&p, 0.5, true);
    double near = 0, far = 0, other = 0;
    for (size_t i = 0; i < one->w.count; i++) {
        near = fmax(near, fabs((double)one->w.v[i] - (double)tiny->w.v[i]));
        far = fmax(far, fabs((double)one->w.v[i] - (double)half->w.v[i]));
        other = fmax(other, fabs((double)drawn->w.v[i] - (double)half->w.v[i]));
    }
    /* Not equal: shuffling the second set takes numbers of the same generator. */
    CHECK(far > 1e-4 && other > 1e-4 && near > 0);
    imr_adapter_free(one), imr_adapter_free(tiny), imr_adapter_free(half), imr_adapter_free(drawn);
}

static imr_adapter *trained(problem *p, const imr_train_options *o)
{
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_DIAGONAL);
    imr_train_history h = {0};
    CHECK_OK(imr_train(a, &h, &p->data, o, NULL, NULL, NULL, &err));
    CHECK_INT(h.best, o->epochs);
    CHECK(isnan(h.v[0].validation));
    imr_train_history_done(&h);
    return a;
}

TEST("the same seed trains the same weights to the last bit, another seed others")
{
    static problem p;
    make_problem(&p);
    imr_train_options o = quick(IMR_LOSS_MNRL, 3);
    imr_adapter *a = trained(&p, &o), *b = trained(&p, &o);
    CHECK(memcmp(a->w.v, b->w.v, a->w.count * sizeof(float)) == 0);
    o.seed = 2;
    imr_adapter *c = trained(&p, &o);
    CHECK(memcmp(a->w.v, c->w.v, a->w.count * sizeof(float)) != 0);
    imr_adapter_free(a), imr_adapter_free(b), imr_adapter_free(c);
}

static double falling(void *user, const imr_adapter *a)
{
    double *next = user;
    (void)a;
    return *next -= 1;
}

TEST("training stops after as many epochs without a better validation as patience says")
{
    static problem p;
    make_problem(&p);
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_DIAGONAL);
    imr_train_history h = {0};
    imr_train_options o = quick(IMR_LOSS_MARGIN, 0); /* 0: until patience ends it */
    o.patience = 3;
    double next = 10;
    CHECK_OK(imr_train(a, &h, &p.data, &o, falling, &next, NULL, &err));
    CHECK_INT(h.n, 3);
    CHECK_INT(h.best, 0); /* nothing was better than not training: the weights are untouched */
    imr_adapter *same = untrained(IMR_FORM_DIAGONAL);
    CHECK(memcmp(a->w.v, same->w.v, a->w.count * sizeof(float)) == 0);
    CHECK(h.stopped_early && !h.cancelled);
    imr_adapter_free(same);
    imr_train_history_done(&h);
    imr_adapter_free(a);
}

typedef struct watcher {
    uint64_t calls, stop_at;
    char note[160];
} watcher;

static bool watch(void *user, const imr_progress_info *info)
{
    watcher *w = user;
    w->calls++;
    CHECK_INT(info->done, w->calls);
    CHECK_INT(info->total, 10 * 3); /* 40 examples in batches of 16 */
    snprintf(w->note, sizeof w->note, "%s", info->note);
    return w->calls < w->stop_at;
}

TEST("cancelling keeps the best epoch so far, or fails when there is none")
{
    static problem p;
    make_problem(&p);
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_DIAGONAL);
    imr_train_history h = {0};
    imr_train_options o = quick(IMR_LOSS_MNRL, 10);
    watcher w = {.stop_at = 8};
    imr_progress progress = {watch, &w};
    CHECK_OK(imr_train(a, &h, &p.data, &o, judge, &p, &progress, &err));
    CHECK(h.cancelled);
    CHECK_INT(h.n, 2);
    CHECK_INT(w.calls, 8);
    CHECK_CONTAINS(w.note, "epoch 3, loss ");
    CHECK_CONTAINS(w.note, "best validation 0.");
    CHECK_NEAR(judge(&p, a), h.v[h.best].validation, 0);
    imr_train_history_done(&h);

    imr_adapter *fresh = untrained(IMR_FORM_DIAGONAL), *same = untrained(IMR_FORM_DIAGONAL);
    w = (watcher){.stop_at = 2};
    CHECK(imr_train(fresh, &h, &p.data, &o, judge, &p, &progress, &err) == IMR_E_CANCELLED);
    CHECK(memcmp(fresh->w.v, same->w.v, same->w.count * sizeof(float)) == 0);
    imr_adapter_free(a), imr_adapter_free(fresh), imr_adapter_free(same);
}

static void check_refused(problem *p, const imr_train_options *o, imr_status status,
                          const char *words)
{
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_DIAGONAL);
    imr_train_history h = {0};
    CHECK_INT(imr_train(a, &h, &p->data, o, NULL, NULL, NULL, &err), status);
    CHECK_CONTAINS(err.text, words);
    imr_adapter_free(a);
}

TEST("wrong options and data are refused by name")
{
    static problem p;
    make_problem(&p);
    imr_train_options good = quick(IMR_LOSS_MNRL, 2), o = good;
    o.lr = 0;
    check_refused(&p, &o, IMR_E_USAGE, "--lr");
    o = good, o.weight_decay = -1;
    check_refused(&p, &o, IMR_E_USAGE, "--weight-decay");
    o = good, o.dropout = 1;
    check_refused(&p, &o, IMR_E_USAGE, "--dropout");
    o = good, o.batch_size = 1;
    check_refused(&p, &o, IMR_E_USAGE, "--batch-size");
    o = good, o.batch_size = 0;
    check_refused(&p, &o, IMR_E_USAGE, "--batch-size");
    o = good, o.negatives = 0;
    check_refused(&p, &o, IMR_E_USAGE, "--num-negatives");
    o = good, o.epochs = 0;
    check_refused(&p, &o, IMR_E_USAGE, "never end");
    o = good, o.lr = 1e30;
    check_refused(&p, &o, IMR_E_NUMERIC, "lower --lr");
    p.negatives[7] = D;
    check_refused(&p, &good, IMR_E_SHAPE, "a negative of query 1 is document 120");
    p.negatives[7] = 0;
    p.data.documents.cols = N - 1;
    check_refused(&p, &good, IMR_E_SHAPE, "the adapter expects 24");
    p.data.documents.cols = N;
    for (size_t q = 0; q <= Q; q++)
        p.positive_start[q] = 0;
    check_refused(&p, &good, IMR_E_SHAPE, "nothing to train on");
}

TEST("queries without positive or negatives are left out and short lists repeat their last")
{
    static problem p;
    make_problem(&p);
    imr_error err;
    imr_adapter *a = untrained(IMR_FORM_DIAGONAL);
    imr_train_history h = {0};
    /* query 0 has no positive, query 1 no negatives, query 2 two */
    p.positive_start[0] = 1;
    p.negative_start[1] = p.negative_start[2] = 5;
    p.negative_start[3] = 7;
    p.negative_start[4] = 7 + NEGATIVES; /* the rest shifts; that is as good */
    imr_train_options o = quick(IMR_LOSS_MARGIN, 2);
    CHECK_OK(imr_train(a, &h, &p.data, &o, NULL, NULL, NULL, &err));
    CHECK_INT(h.left_out, 2);
    CHECK_INT(h.examples, Q - 2);
    imr_train_history_done(&h);
    imr_adapter_free(a);
}

TEST("every allocation of a training may fail")
{
    static problem p;
    make_problem(&p);
    imr_error err;
    imr_train_options o = quick(IMR_LOSS_MNRL, 1);
    for (long i = 0;; i++) {
        imr_adapter *a = NULL;
        imr_train_history h = {0};
        imr_mem_fail_after(i);
        imr_status status = imr_adapter_new(&a, IMR_FORM_DIAGONAL, N, 16, 8, 3, &err);
        if (status == IMR_OK)
            status = imr_train(a, &h, &p.data, &o, NULL, NULL, NULL, &err);
        imr_mem_fail_after(-1);
        imr_adapter_free(a);
        imr_train_history_done(&h);
        if (status == IMR_OK) {
            CHECK(i > 10);
            break;
        }
        CHECK_INT(status, IMR_E_MEMORY);
    }
}
