#include "explain/word_list.h"

#include <math.h>

#include "math/nn.h"
#include "math/topk.h"

/* A word is called a hub when it is among the first of this part of the sampled changes. */
#define HUB_PART  0.2
#define WHAT      "putting changes into words"
#define CANCELLED WHAT " was cancelled"

/* A subject in the coordinates of the lens, each [r]. */
typedef struct seen {
    double *before, *after, *common, *other; /* U' of them */
    double *removal, *reach;                 /* S U' (x' - |x'| unit(x)), S U' x' */
    double *toward;                          /* S U' o */
    double norm_before, norm_after, dot_other;
} seen;
enum { SEEN = 7 };

/* One change of one subject. */
typedef struct item {
    const imr_word_subject *subject;
    const seen *seen;
    imr_change_kind kind;
    double *change;       /* [r] U' delta */
    double length, along; /* |delta|, delta . x' */
    const float *cosines; /* [V] */
    const float *effects; /* [3,V] products with removal, reach and toward; NULL: not needed */
    imr_word_list *out;
} item;

typedef struct job {
    const imr_lens *lens;
    const imr_word_settings *settings;
    double *wide; /* [m] */
    seen *seen;   /* [subjects] */
    item *items;
    size_t n, rows;    /* changes; directions */
    float *directions; /* [rows,r] */
    float *products;   /* [rows,V] */
    float *keys;       /* [V] */
    float *row;        /* [r] */
    uint32_t *ids;     /* [2 words]: listed, the negative after the positive */
    double *basis, *factor;
    size_t span;
} job;

static void job_done(job *j)
{
    void *const all[] = {j->wide, j->seen, j->items, j->directions, j->products,
                         j->keys, j->row,  j->ids,   j->basis};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
}

static const imr_background *background_of(const item *x)
{
    const imr_background *b = x->subject->background;
    return b && b[x->kind].samples ? &b[x->kind] : NULL;
}

/* ---- changes ---- */

static void left_of(double *out, const job *j, const float *x)
{
    for (size_t i = 0; i < j->lens->back->m; i++)
        j->wide[i] = x ? (double)x[i] : 0;
    imr_backproject_left(out, j->lens->back, j->wide);
}

static void see(job *j, seen *s, const imr_word_subject *x, double *at)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, r = b->rank;
    *s = (seen){at, at + r, at + 2 * r, at + 3 * r, at + 4 * r, at + 5 * r, at + 6 * r};
    left_of(s->before, j, x->before);
    left_of(s->after, j, x->after);
    left_of(s->other, j, x->other);
    if (x->common)
        imr_backproject_left(s->common, b, x->common);
    s->norm_before = x->before ? imr_nn_norm(x->before, m) : 0;
    s->norm_after = imr_nn_norm(x->after, m);
    s->dot_other = x->other ? imr_nn_dot(x->after, x->other, m) : 0;
    const double keep = s->norm_before > 0 ? s->norm_after / s->norm_before : 0;
    for (size_t k = 0; k < r; k++) {
        s->removal[k] = b->svd.s[k] * (s->after[k] - keep * s->before[k]);
        s->reach[k] = b->svd.s[k] * s->after[k];
        s->toward[k] = b->svd.s[k] * s->other[k];
    }
}

static void narrow(float *out, const double *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        out[k] = (float)x[k];
}

/* delta of the item's kind, and its unit direction after P+. */
static void change_of(job *j, item *x, float *direction)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, r = b->rank;
    const seen *s = x->seen;
    const imr_change_factors f = imr_change_factors_of(x->kind, s->norm_before, s->norm_after);
    const bool whole = x->kind == IMR_CHANGE_PAPER || x->kind == IMR_CHANGE_UNIT;
    const double *common = whole ? NULL : x->subject->common;
    double square = 0;
    for (size_t i = 0; i < m; i++) {
        const double after = (double)x->subject->after[i];
        const double before = x->subject->before ? (double)x->subject->before[i] : 0;
        const double delta = f.after * after - f.before * before - (common ? common[i] : 0);
        square += delta * delta;
        x->along += delta * after;
    }
    x->length = sqrt(square);
    for (size_t k = 0; k < r; k++)
        x->change[k] = j->wide[k] =
            f.after * s->after[k] - f.before * s->before[k] - (common ? s->common[k] : 0);
    imr_backproject_direction(direction, b, j->wide);
}

static imr_status prepare(job *j, imr_word_list (*out)[IMR_CHANGE_COUNT],
                          const imr_word_subject *subjects, size_t n, imr_error *err)
{
    const size_t v = j->lens->table->rows.rows, r = j->lens->back->rank, m = j->lens->back->m;
    const bool effects = j->settings->order == IMR_ORDER_EFFECT;
    j->n = n * j->settings->n_kinds;
    j->rows = j->n + (effects ? 3 * n : 0);
    j->span = 2 * j->settings->words < r ? 2 * j->settings->words : r;
    j->wide = IMR_NEW_ARRAY(double, (m > r ? m : r) + (SEEN * n + j->n) * r);
    j->seen = IMR_NEW_ARRAY(seen, n);
    j->items = IMR_NEW_ARRAY(item, j->n);
    j->directions = imr_alloc_aligned(j->rows * r, sizeof *j->directions);
    j->products = imr_alloc_aligned(j->rows * v, sizeof *j->products);
    j->keys = IMR_NEW_ARRAY(float, v);
    j->row = IMR_NEW_ARRAY(float, r);
    j->ids = IMR_NEW_ARRAY(uint32_t, 2 * j->settings->words);
    j->basis = IMR_NEW_ARRAY(double, j->span *r + (j->span + 1) * (j->span + 1));
    if (!j->wide || !j->seen || !j->items || !j->directions || !j->products || !j->keys ||
        !j->row || !j->ids || !j->basis)
        return imr_fail_memory(err);
    j->factor = j->basis + j->span * r;
    double *at = j->wide + (m > r ? m : r);
    for (size_t i = 0; i < n; i++) {
        see(j, &j->seen[i], &subjects[i], at + i * SEEN * r);
        for (size_t k = 0; effects && k < 3; k++)
            narrow(j->directions + (j->n + 3 * i + k) * r,
                   (const double *[]){j->seen[i].removal, j->seen[i].reach, j->seen[i].toward}[k],
                   r);
        for (size_t k = 0; k < j->settings->n_kinds; k++) {
            const size_t place = i * j->settings->n_kinds + k;
            item *x = &j->items[place];
            *x = (item){.subject = &subjects[i],
                        .seen = &j->seen[i],
                        .kind = j->settings->kinds[k],
                        .change = at + (SEEN * n + place) * r,
                        .cosines = j->products + place * v,
                        .effects =
                            effects && subjects[i].other ? j->products + (j->n + 3 * i) * v : NULL,
                        .out = &out[i][j->settings->kinds[k]]};
            change_of(j, x, j->directions + place * r);
        }
    }
    return IMR_OK;
}

/* ---- lists ---- */

/* From W.removal, W.x' and W.o. */
static double effect_of(const seen *s, double a, double after, double other)
{
    const double left = s->norm_after * s->norm_after - 2 * a * after + a * a;
    const double now = s->norm_after > 0 ? s->dot_other / s->norm_after : 0;
    return now - (left > 1e-24 ? (s->dot_other - a * other) / sqrt(left) : 0);
}

/* What orders the words, hidden ones NaN. */
static void set_keys(job *j, const item *x, float sign)
{
    const imr_background *b = background_of(x);
    const size_t v = j->lens->table->rows.rows;
    const float *reach = j->lens->reach;
    for (size_t t = 0; t < v; t++) {
        float key = x->cosines[t];
        if (j->settings->order == IMR_ORDER_Z && b)
            key = (float)imr_background_z(b, (uint32_t)t, (double)key);
        else if (x->effects)
            key = reach[t] > 0 ? (float)effect_of(x->seen, (double)(x->effects[t] / reach[t]),
                                                  (double)(x->effects[v + t] / reach[t]),
                                                  (double)(x->effects[2 * v + t] / reach[t]))
                               : 0;
        j->keys[t] = j->lens->table->hidden[t] ? NAN : sign * key;
    }
}

static void score(imr_word_score *out, const job *j, const item *x, uint32_t id, double bar)
{
    const imr_background *b = background_of(x);
    const double cosine = (double)x->cosines[id], reach = (double)j->lens->reach[id];
    *out = (imr_word_score){.id = id,
                            .cosine = x->cosines[id],
                            .visibility = j->lens->visibility[id],
                            .z = (float)imr_lens_z(j->lens, id, cosine),
                            .background_z = NAN};
    if (b) {
        out->background_z = (float)imr_background_z(b, id, cosine);
        out->hub_count = cosine < 0 ? b->hub_low[id] : b->hub_high[id];
        out->hub = (double)out->hub_count >= HUB_PART * (double)b->samples;
        out->significant = fabs((double)out->background_z) >= bar;
    }
    if (!x->subject->other || !(reach > 0)) {
        out->effect = x->subject->other ? 0 : NAN;
        return;
    }
    const size_t r = j->lens->back->rank;
    imr_packed_row(j->row, &j->lens->folded, id);
    double a = 0, after = 0, other = 0;
    for (size_t k = 0; k < r; k++) {
        a += (double)j->row[k] * x->seen->removal[k];
        after += (double)j->row[k] * x->seen->reach[k];
        other += (double)j->row[k] * x->seen->toward[k];
    }
    out->effect = (float)effect_of(x->seen, a / reach, after / reach, other / reach);
}

/* ids [words]: who is on it. */
static imr_status list(imr_word_score **out, size_t *n, uint32_t *ids, job *j, const item *x,
                       float sign, double bar, imr_arena *arena, imr_error *err)
{
    set_keys(j, x, sign);
    size_t found = imr_topk(ids, j->settings->words, j->keys, j->lens->table->rows.rows, NULL);
    while (found > 0 && !(j->keys[ids[found - 1]] > 0))
        found--;
    *out = IMR_ARENA_ARRAY(arena, imr_word_score, found);
    IMR_NEED(*out, err);
    *n = found;
    for (size_t i = 0; i < found; i++) {
        score(&(*out)[i], j, x, ids[i], bar);
        (*out)[i].text = imr_arena_strdup(arena, j->lens->table->texts[ids[i]]);
        if (!(*out)[i].text)
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

/* ---- coverage ---- */

/* A shown token whose direction has no more than this (squared) outside the span of those before it
 * adds nothing: F is float32, so what is left of it is rounding. */
#define SPAN_FLOOR 1e-12

/*
 * One step of a Cholesky factorisation L L' of the shown directions' inner products: writes W_token
 * (its coordinates S F_t / reach_t) as row `rows` of basis and fills that row of L. Returns the
 * change's coordinate along what is new in W_token, given those along the rows before
 * (part[0..rows)); NaN when nothing is new.
 */
static double extend(job *j, size_t rows, const double *part, uint32_t id, const double *change)
{
    const size_t r = j->lens->back->rank, stride = j->span + 1;
    const double reach = (double)j->lens->reach[id];
    double *w = j->basis + rows * r, *l = j->factor + rows * stride;
    if (!(reach > 0))
        return (double)NAN;
    imr_packed_row(j->row, &j->lens->folded, id);
    for (size_t k = 0; k < r; k++)
        w[k] = (double)j->row[k] * j->lens->back->svd.s[k] / reach;
    double left = imr_nn_dot_double(w, w, r), along = imr_nn_dot_double(w, change, r);
    for (size_t i = 0; i < rows; i++) {
        const double *above = j->factor + i * stride;
        double g = imr_nn_dot_double(w, j->basis + i * r, r);
        for (size_t k = 0; k < i; k++)
            g -= l[k] * above[k];
        l[i] = g / above[i];
        left -= l[i] * l[i];
        along -= l[i] * part[i];
    }
    if (left < SPAN_FLOOR)
        return (double)NAN;
    l[rows] = sqrt(left);
    return along / l[rows];
}

/* Part of |delta|^2 that the words ids[n] span, x->change being U' delta: by a Cholesky factorisation
 * of their directions' inner products. */
static double coverage(job *j, const item *x, size_t n)
{
    double *part = j->factor + j->span * (j->span + 1); /* the one row L does not use */
    if (!(x->length > 0))
        return 0;
    size_t rows = 0;
    double covered = 0;
    for (size_t i = 0; i < n && rows < j->span; i++) {
        const double new = extend(j, rows, part, j->ids[i], x->change);
        if (isnan(new))
            continue;
        covered += new *new;
        part[rows++] = new;
    }
    return fmin(covered / (x->length * x->length), 1);
}

/* ---- all ---- */

static imr_status show(job *j, const item *x, imr_arena *arena, imr_error *err)
{
    const imr_background *b = background_of(x);
    imr_word_list l = {.common_part = x->out->common_part};
    const double bar = b ? imr_background_threshold(b, x->cosines, j->lens->table->hidden,
                                                    IMR_SIGNIFICANCE_LEVEL, j->keys)
                         : (double)INFINITY;
    IMR_TRY(list(&l.positive, &l.n_positive, j->ids, j, x, 1, bar, arena, err));
    IMR_TRY(list(&l.negative, &l.n_negative, j->ids + l.n_positive, j, x, -1, bar, arena, err));
    l.alignment = x->length > 0 && x->seen->norm_after > 0
                      ? (float)(x->along / (x->length * x->seen->norm_after))
                      : 0;
    l.coverage = (float)coverage(j, x, l.n_positive + l.n_negative);
    *x->out = l;
    return IMR_OK;
}

imr_status imr_word_lists(imr_word_list (*out)[IMR_CHANGE_COUNT], const imr_lens *lens,
                          const imr_word_subject *subjects, size_t n_subjects,
                          const imr_word_settings *settings, imr_arena *arena,
                          const imr_progress *progress, imr_error *err)
{
    const size_t v = lens->table->rows.rows;
    IMR_CLEANUP(job_done) job j = {.lens = lens, .settings = settings};
    IMR_TRY(prepare(&j, out, subjects, n_subjects, err));
    for (size_t t = 0; t < v; t += IMR_LENS_BLOCK) {
        if (!imr_progress_step(progress, WHAT, t, v))
            return imr_fail(err, IMR_E_CANCELLED, CANCELLED);
        imr_lens_products(j.products, lens, j.directions, j.rows, t, t + IMR_LENS_BLOCK);
    }
    for (size_t i = 0; i < j.n; i++) {
        if (!imr_progress_step(progress, WHAT, v, v))
            return imr_fail(err, IMR_E_CANCELLED, CANCELLED);
        IMR_TRY(show(&j, &j.items[i], arena, err));
    }
    return IMR_OK;
}
