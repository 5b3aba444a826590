/*
 * The explanation against numbers of an independent implementation (float64): see oracle/README.md.
 * Its inputs are the stored float32 vectors, so what is compared is this module alone; the oracle
 * kept its vectors in double, hence tolerances of one float32 rounding (1e-7 relative).
 */
#include "adapter/adapter.h"
#include "explain/change.h"
#include "explain/word_list.h"
#include "format/npy.h"
#include "math/nn.h"
#include "tests/unit/explain/support.h"

typedef struct array {
    double *v;
    size_t rows, cols; /* a vector is one row */
} array;

static array load(const char *dir, const char *name)
{
    imr_error err = {0};
    imr_npy npy = {0};
    CHECK_OK(imr_npy_open(&npy, test_path(dir, name), &err));
    array a = {.rows = npy.t.rank == 2 ? npy.t.shape[0] : 1, .cols = npy.t.shape[npy.t.rank - 1]};
    const size_t n = a.rows * a.cols;
    float *f = malloc(n * sizeof *f);
    a.v = calloc(n, sizeof *a.v);
    if (!f || !a.v)
        FAIL("out of memory");
    CHECK_OK(imr_tensor_to_f32(&npy.t, f, &err));
    for (size_t i = 0; i < n; i++)
        a.v[i] = (double)f[i];
    if (npy.t.dtype == IMR_F64)
        memcpy(a.v, npy.t.data, n * sizeof *a.v);
    free(f);
    imr_npy_done(&npy);
    return a;
}

static float *load_f(size_t *rows, size_t *cols, const char *dir, const char *name)
{
    array a = load(dir, name);
    const size_t n = a.rows * a.cols;
    float *f = malloc(n * sizeof *f);
    if (!f)
        FAIL("out of memory");
    for (size_t i = 0; i < n; i++)
        f[i] = (float)a.v[i];
    *rows = a.rows;
    *cols = a.cols;
    free(a.v);
    return f;
}

static void near(const char *what, const double *found, const double *expected, size_t n,
                 double tolerance)
{
    test_count();
    for (size_t i = 0; i < n; i++)
        if (!(fabs(found[i] - expected[i]) <= tolerance))
            FAIL("%s[%zu] is %.9g, expected %.9g +- %g", what, i, found[i], expected[i], tolerance);
}

#define FIRST 8 /* documents the goldens hold words for */

typedef struct oracle {
    size_t m, n, k, v;
    float *q, *q_after, *d, *d_after, *e;
    float *o_query; /* unit(q') */
    char **texts;
    imr_backprojector back;
    imr_token_table table;
    imr_lens lens;
} oracle;

static void oracle_open(oracle *o, imr_view weight, const char *dir)
{
    imr_error err = {0};
    size_t rows, cols;
    *o = (oracle){.m = weight.rows, .n = weight.cols};
    o->q = load_f(&rows, &cols, dir, "q_proj.npy");
    CHECK_INT(cols, o->m);
    o->q_after = load_f(&rows, &cols, dir, "q_mod.npy");
    o->d = load_f(&o->k, &cols, dir, "d_proj.npy");
    o->d_after = load_f(&rows, &cols, dir, "d_mod_query0.npy");
    o->e = load_f(&o->v, &cols, dir, "tokens.npy");
    CHECK_INT(cols, o->n);
    o->o_query = malloc(o->m * sizeof *o->o_query);
    o->texts = calloc(o->v, sizeof *o->texts);
    imr_nn_unit(o->o_query, o->q_after, o->m);
    for (size_t t = 0; t < o->v; t++) {
        o->texts[t] = calloc(1, 32);
        snprintf(o->texts[t], 32, "token%zu", t);
    }
    CHECK_OK(imr_backprojector_init(&o->back, weight, &err));
    CHECK_OK(imr_token_table_init(&o->table, imr_view_of(o->e, o->v, o->n),
                                  (const char *const *)o->texts, NULL, &err));
    CHECK_OK(imr_lens_init(&o->lens, &o->table, &o->back, NULL, &err));
}

static void oracle_close(oracle *o)
{
    imr_lens_done(&o->lens);
    imr_token_table_done(&o->table);
    imr_backprojector_done(&o->back);
    for (size_t t = 0; t < o->v; t++)
        free(o->texts[t]);
    free(o->texts);
    free(o->q);
    free(o->q_after);
    free(o->d);
    free(o->d_after);
    free(o->e);
    free(o->o_query);
}

static void check_shares(const oracle *o, const char *dir)
{
    array before = load(dir, "sim_before.npy"), after = load(dir, "sim_after.npy");
    array delta = load(dir, "delta_sim.npy"), contrib = load(dir, "contrib_first8.npy");
    double *shares = malloc(o->m * sizeof *shares);
    CHECK_INT(delta.cols, o->k);
    for (size_t i = 0; i < o->k; i++) {
        const imr_pair pair = {o->q, o->d + i * o->m, o->q_after, o->d_after + i * o->m, o->m};
        const double sides[2] = {imr_nn_cosine(pair.q, pair.d, o->m),
                                 imr_nn_cosine(pair.q_after, pair.d_after, o->m)};
        double query, document;
        imr_share_check c = imr_contribution_dimensions(shares, NULL, NULL, &pair);
        CHECK_NEAR(sides[0], before.v[i], 1e-7);
        CHECK_NEAR(sides[1], after.v[i], 1e-7);
        CHECK_NEAR(c.delta_sim, delta.v[i], 1e-7);
        CHECK_NEAR(c.sum, delta.v[i], 1e-7);
        CHECK_NEAR(imr_contribution_sides(&query, &document, &pair).sum, delta.v[i], 1e-7);
        if (i < FIRST)
            near("contrib", shares, contrib.v + i * o->m, o->m, 1e-7);
    }
    free(shares);
    free(before.v);
    free(after.v);
    free(delta.v);
    free(contrib.v);
}

/* P+ delta and all token cosines of one change, against rows of the goldens. */
static void check_words(const oracle *o, const imr_word_subject *subject, imr_change_kind kind,
                        const double *base, const double *cosines, const double *effects)
{
    imr_error err = {0};
    double *delta = malloc((2 * o->m + o->n) * sizeof *delta);
    imr_word_list out[1][IMR_CHANGE_COUNT] = {0};
    const imr_word_settings set = {&kind, 1, IMR_ORDER_COSINE, o->v};
    imr_arena *arena = imr_arena_new();
    if (!delta || !arena)
        FAIL("out of memory");
    imr_change_delta(delta, kind, subject->before, subject->after, o->m);
    imr_backproject(delta + 2 * o->m, &o->back, delta, delta + o->m);
    double scale = sqrt(naive_dot(base, base, o->n));
    near("P+ delta", delta + 2 * o->m, base, o->n, 1e-7 * scale);
    CHECK_OK(imr_word_lists(out, &o->lens, subject, 1, &set, arena, NULL, &err));
    const imr_word_list *l = &out[0][kind];
    CHECK_INT(l->n_positive + l->n_negative, o->v);
    for (size_t k = 0; k < o->v; k++) {
        const imr_word_score *s =
            k < l->n_positive ? &l->positive[k] : &l->negative[k - l->n_positive];
        CHECK_NEAR(s->cosine, cosines[s->id], 2e-7);
        if (effects)
            CHECK_NEAR(s->effect, effects[s->id], 1e-6);
    }
    imr_arena_free(arena);
    free(delta);
}

static void check_query_words(const oracle *o, const char *dir)
{
    const imr_word_subject subject = {.before = o->q, .after = o->q_after};
    double *found = malloc(o->m * sizeof *found);
    for (imr_change_kind kind = IMR_CHANGE_PAPER; kind <= IMR_CHANGE_UNIT; kind += 2) {
        const bool unit = kind == IMR_CHANGE_UNIT;
        array delta = load(dir, unit ? "dq_unit.npy" : "dq_paper.npy");
        array base = load(dir, unit ? "dq_orig_unit.npy" : "dq_orig_paper.npy");
        array words = load(dir, unit ? "tok_q_unit.npy" : "tok_q_paper.npy");
        imr_change_delta(found, kind, o->q, o->q_after, o->m);
        near("delta q", found, delta.v, o->m, 1e-7 * sqrt(naive_dot(delta.v, delta.v, o->m)));
        check_words(o, &subject, kind, base.v, words.v, NULL);
        free(delta.v);
        free(base.v);
        free(words.v);
    }
    free(found);
}

static void check_document_words(const oracle *o, const char *dir)
{
    array effects = load(dir, "effect_d_first8.npy");
    for (imr_change_kind kind = IMR_CHANGE_PAPER; kind <= IMR_CHANGE_UNIT; kind += 2) {
        const bool unit = kind == IMR_CHANGE_UNIT;
        array base = load(dir, unit ? "dd_orig_unit_first8.npy" : "dd_orig_paper_first8.npy");
        array words = load(dir, unit ? "tok_d_unit_first8.npy" : "tok_d_paper_first8.npy");
        for (size_t i = 0; i < base.rows; i++) {
            const imr_word_subject subject = {
                .before = o->d + i * o->m, .after = o->d_after + i * o->m, .other = o->o_query};
            check_words(o, &subject, kind, base.v + i * o->n, words.v + i * o->v,
                        effects.v + i * o->v);
        }
        free(base.v);
        free(words.v);
    }
    free(effects.v);
}

static void check_all(const oracle *o, const char *dir)
{
    char words[1024];
    snprintf(words, sizeof words, "%s", test_path(dir, "attribution_query0"));
    check_shares(o, words);
    check_query_words(o, words);
    check_document_words(o, words);
}

/* Opens the adapter at path and its goldens in dir. */
static imr_adapter *open_both(oracle *o, const char *path, const char *dir)
{
    imr_error err = {0};
    imr_adapter *a = NULL;
    CHECK_OK(imr_adapter_open(&a, path, IMR_FORM_AUTO, &err));
    oracle_open(o, imr_weight_view(&a->w, IMR_W_PROJECTOR), dir);
    CHECK_INT(o->back.rank, a->w.m);
    return a;
}

static void check_adapter(const char *path, const char *dir)
{
    oracle o;
    imr_adapter *a = open_both(&o, path, dir);
    check_all(&o, dir);
    oracle_close(&o);
    imr_adapter_free(a);
}

TEST("shares, back-projection, words and effects of the tiny adapter equal the goldens")
{
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_golden("tiny/forward"));
    check_adapter(test_golden("tiny/adapter.safetensors"), dir);
}

TEST("shares, back-projection, words and effects of the published adapters equal the goldens")
{
    static const char *const names[] = {
        "imrnns-e5-fiqa",
        "imrnns-e5-nq",
        "imrnns-e5-scifact",
        "imrnns-minilm-fiqa",
        "imrnns-minilm-nq",
        "imrnns-minilm-scifact",
        "imrnns-minilm-webis-touche2020",
    };
    for (size_t i = 0; i < IMR_LEN(names); i++) {
        char name[128], file[1024], dir[1024];
        snprintf(name, sizeof name, "adapters/%s.pt", names[i]);
        snprintf(file, sizeof file, "%s", test_shared(name));
        snprintf(name, sizeof name, "oracle/released/%s", names[i]);
        snprintf(dir, sizeof dir, "%s", test_shared(name));
        check_adapter(file, dir);
    }
}

TEST("the inverse of the tiny projector is the golden one")
{
    oracle o;
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_golden("tiny/forward"));
    imr_adapter *a = open_both(&o, test_golden("tiny/adapter.safetensors"), dir);
    array golden = load(dir, "attribution_query0/pinv.npy");
    CHECK_INT(golden.rows, o.n);
    CHECK_INT(golden.cols, o.m);
    double *unit = calloc(2 * o.m + o.n, sizeof *unit), *column = unit + 2 * o.m;
    if (!unit)
        FAIL("out of memory");
    for (size_t j = 0; j < o.m; j++) {
        unit[j] = 1;
        imr_backproject(column, &o.back, unit, unit + o.m);
        unit[j] = 0;
        for (size_t i = 0; i < o.n; i++) {
            const double expected = golden.v[i * o.m + j];
            CHECK_NEAR(column[i], expected, 1e-6 * fmax(1, fabs(expected)));
        }
    }
    free(unit);
    free(golden.v);
    oracle_close(&o);
    imr_adapter_free(a);
}

TEST("the stages of a run begin and end at the cosines of that run, and each step is part of the "
     "sum")
{
    imr_error err = {0};
    oracle o;
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", test_golden("tiny/forward"));
    imr_adapter *a = open_both(&o, test_golden("tiny/adapter.safetensors"), dir);
    imr_adapter_result r = {0};
    CHECK_OK(imr_adapter_run(a, o.q, imr_view_of(o.d, o.k, o.m), &r, &err));
    const imr_gates gates = {r.scale_q, r.bias_q, r.scale_d, r.bias_d};
    for (size_t i = 0; i < o.k; i++) {
        const imr_pair pair = {r.q, o.d + i * o.m, r.q_mod, r.d_mod + i * o.m, o.m};
        imr_step_share out[IMR_STEP_COUNT];
        const imr_share_check c = imr_contribution_steps(out, &pair, &gates);
        /* The run's similarities are float32. */
        CHECK_NEAR(out[IMR_STEP_PROJECTED].cosine, r.before[i], 1e-6);
        CHECK_NEAR(out[IMR_STEP_QUERY_NORM].cosine, r.after[i], 1e-6);
        CHECK_NEAR(c.sum, (double)r.after[i] - (double)r.before[i], 1e-6);
        CHECK_NEAR(c.residual, 0, 1e-14);
    }
    imr_adapter_result_done(&r);
    oracle_close(&o);
    imr_adapter_free(a);
}
