#include "explain/attribution.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/mem.h"
#include "explain/toplist.h"
#include "math/blas.h"

/* Rows of cosines held at once, in bytes: a query and 100 documents over 30,522 tokens fit. */
#define BATCH_BYTES ((size_t)16 << 20)
/* A shown token whose direction has no more than this (squared) outside the span of those before it
 * adds nothing: F is float32, so what is left of it is rounding. */
#define SPAN_FLOOR 1e-12

/* A shift in the coordinates of the lens; every vector [r]. */
typedef struct prepared {
    double *direction; /* S^-1 U' delta, unit length or zero */
    double *change;    /* U' delta */
    double *removal;   /* S U' (x' - |x'| unit(x)) */
    double *after;     /* S U' x' */
    double *other;     /* S U' o */
    double length, length_base, alignment;
    double norm_after, dot_other; /* |x'|, x'.o */
    size_t other_row;             /* of values, for IMR_BY_EFFECT: shifts in a row share it */
} prepared;
#define PREPARED_VECTORS ((size_t)5)

/* What the work on one shift is done in; one a thread. */
typedef struct desk {
    double *basis, *factor; /* [span,r], [span+1,span+1]: see extend and coverage_of */
    float *keys, *bars;     /* [V] */
} desk;

typedef struct job {
    const imr_lens *lens;
    const imr_shift *shifts; /* of this batch */
    const imr_attribution_settings *settings;
    size_t tokens, batch, rows; /* per side; shifts at once; rows of values a shift needs */
    size_t span;                /* most directions that can be independent: min(2 tokens, r) */
    imr_attribution *results;   /* [count] */
    prepared *state;            /* [batch] */
    double *wide, *left;        /* [3 batch,m], [3 batch,r]: x, x', o and U' of them */
    double *vectors;            /* [batch,PREPARED_VECTORS,r] */
    desk *desks;                /* [threads] */
    size_t threads;
    float *directions, *values; /* [rows,batch,r], [rows,batch,V] */
    imr_top *tops;              /* [batch,2,tokens] */
    imr_toplist *lists;         /* [batch,2] */
} job;

void imr_attribution_space_done(imr_attribution_space *s)
{
    imr_free(s->memory);
    *s = (imr_attribution_space){0};
}

/* ---- one shift ---- */

IMR_CPU_CLONES
static double dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static void widen(double *out, const float *x, size_t m)
{
    for (size_t j = 0; j < m; j++)
        out[j] = x ? (double)x[j] : 0;
}

static void narrow(float *out, const double *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        out[k] = (float)x[k];
}

/* x [3,m]: x, x', o; left [3,r]: U' of them. */
static void prepare(prepared *p, const imr_backprojector *b, imr_change_kind kind, const double *x,
                    const double *left)
{
    const size_t m = b->m, r = b->rank;
    const double *before = x, *after = x + m, *other = x + 2 * m;
    const double norm_before = sqrt(dot(before, before, m));
    p->norm_after = sqrt(dot(after, after, m));
    p->dot_other = dot(after, other, m);
    const imr_change_factors f = imr_change_factors_of(kind, norm_before, p->norm_after);
    double length = 0, along = 0;
    for (size_t j = 0; j < m; j++) {
        const double delta = f.after * after[j] - f.before * before[j];
        length += delta * delta;
        along += delta * after[j];
    }
    p->length = sqrt(length);
    p->alignment = length > 0 && p->norm_after > 0 ? along / (p->length * p->norm_after) : 0;
    const double keep = norm_before > 0 ? p->norm_after / norm_before : 0;
    double base = 0;
    for (size_t k = 0; k < r; k++) {
        const double s = b->singular[k], old = left[k], new = left[r + k];
        p->change[k] = f.after * new - f.before *old;
        p->direction[k] = p->change[k] / s;
        base += p->direction[k] * p->direction[k];
        p->removal[k] = s * (new - keep *old);
        p->after[k] = s * new;
        p->other[k] = s * left[2 * r + k];
    }
    p->length_base = sqrt(base);
    for (size_t k = 0; k < r; k++)
        p->direction[k] = base > 0 ? p->direction[k] / p->length_base : 0;
}

static void prepared_place(prepared *p, double *vectors, size_t r)
{
    p->direction = vectors;
    p->change = vectors + r;
    p->removal = vectors + 2 * r;
    p->after = vectors + 3 * r;
    p->other = vectors + 4 * r;
}

/* From W.removal, W.x' and W.o. */
static double effect_of(const prepared *p, double a, double after, double other)
{
    const double left = p->norm_after * p->norm_after - 2 * a * after + a * a;
    const double now = p->norm_after > 0 ? p->dot_other / p->norm_after : 0;
    return now - (left > 1e-24 ? (p->dot_other - a * other) / sqrt(left) : 0);
}

static void score(imr_token_score *out, uint32_t id, const prepared *p, const imr_lens *lens,
                  const imr_shift *shift)
{
    const double *const vectors[4] = {p->direction, p->removal, p->after, p->other};
    double products[4];
    if (shift->other)
        imr_lens_product_4(products, lens, id, vectors);
    else
        products[0] = imr_lens_product(lens, id, p->direction);
    const double cosine = products[0], reach = (double)lens->reach[id];
    out->id = id;
    out->cosine = (float)cosine;
    out->visibility = lens->visibility[id];
    out->z = (float)imr_lens_z(lens, id, cosine);
    out->background_z = NAN;
    out->effect = NAN;
    out->hub_count = 0;
    out->significant = false;
    if (shift->other)
        out->effect = reach > 0 ? (float)effect_of(p, products[1] / reach, products[2] / reach,
                                                   products[3] / reach)
                                : 0;
    if (shift->background) {
        out->background_z = (float)imr_background_z(shift->background, id, cosine);
        out->hub_count =
            cosine < 0 ? shift->background->hub_low[id] : shift->background->hub_high[id];
    }
}

imr_status imr_attribution_tokens(imr_token_score *out, const uint32_t *ids, size_t n,
                                  const imr_lens *lens, const imr_shift *shift,
                                  imr_change_kind kind, imr_error *err)
{
    const size_t m = lens->back->m, r = lens->back->rank;
    IMR_AUTOFREE double *x = imr_alloc(3 * m + (3 + PREPARED_VECTORS) * r, sizeof *x);
    if (!x)
        return imr_fail_memory(err);
    double *left = x + 3 * m;
    const float *parts[3] = {shift->before, shift->after, shift->other};
    for (size_t i = 0; i < 3; i++) {
        widen(x + i * m, parts[i], m);
        imr_backproject_left(left + i * r, lens->back, x + i * m);
    }
    prepared p;
    prepared_place(&p, left + 3 * r, r);
    prepare(&p, lens->back, kind, x, left);
    for (size_t i = 0; i < n; i++)
        score(&out[i], ids[i], &p, lens, shift);
    return IMR_OK;
}

/* ---- memory ---- */

static size_t thread_count(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_max_threads();
#else
    return 1;
#endif
}

static size_t this_thread(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}

static void *carve(char *memory, size_t *at, size_t count, size_t size)
{
    void *place = memory ? memory + *at : NULL;
    *at += (count * size + 63) / 64 * 64;
    return place;
}

/* Lays the job out in memory (NULL: only counts). Returns the bytes needed. */
static size_t place_all(job *j, char *memory, size_t count)
{
    const size_t v = j->lens->folded.rows, r = j->lens->back->rank, m = j->lens->back->m;
    const size_t b = j->batch;
    size_t at = 0;
    j->results = carve(memory, &at, count, sizeof *j->results);
    j->state = carve(memory, &at, b, sizeof *j->state);
    j->wide = carve(memory, &at, 3 * b * m, sizeof *j->wide);
    j->left = carve(memory, &at, 3 * b * r, sizeof *j->left);
    j->vectors = carve(memory, &at, b * PREPARED_VECTORS * r, sizeof *j->vectors);
    j->directions = carve(memory, &at, j->rows * b * r, sizeof *j->directions);
    j->values = carve(memory, &at, j->rows * b * v, sizeof *j->values);
    j->tops = carve(memory, &at, b * 2 * j->tokens, sizeof *j->tops);
    j->lists = carve(memory, &at, b * 2, sizeof *j->lists);
    j->desks = carve(memory, &at, j->threads, sizeof *j->desks);
    for (size_t i = 0; i < j->threads; i++) {
        const desk d = {.basis = carve(memory, &at, j->span * r, sizeof *d.basis),
                        .factor =
                            carve(memory, &at, (j->span + 1) * (j->span + 1), sizeof *d.factor),
                        .keys = carve(memory, &at, v, sizeof *d.keys),
                        .bars = carve(memory, &at, v, sizeof *d.bars)};
        if (j->desks)
            j->desks[i] = d;
    }
    return at;
}

static imr_status reserve(job *j, imr_attribution_space *space, size_t count, imr_error *err)
{
    const size_t v = j->lens->folded.rows, r = j->lens->back->rank;
    j->tokens = j->settings->tokens < v ? j->settings->tokens : v;
    j->span = 2 * j->tokens < r ? 2 * j->tokens : r;
    j->rows = j->settings->order == IMR_BY_EFFECT ? 4 : 1;
    j->threads = thread_count();
    j->batch = BATCH_BYTES / (j->rows * v * sizeof(float)) + 1;
    if (j->batch > count)
        j->batch = count;
    const size_t bytes = place_all(j, NULL, count);
    if (bytes > space->bytes) {
        void *memory = imr_alloc_aligned(bytes, 1);
        if (!memory)
            return imr_fail_memory(err);
        imr_free(space->memory);
        *space = (imr_attribution_space){bytes, memory};
    }
    place_all(j, space->memory, count);
    return IMR_OK;
}

/* ---- a batch ---- */

/* Returns the rows of directions, which are those of values: cosines of the n shifts, then what
 * their effects take. */
static size_t prepare_batch(job *j, size_t n)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, r = b->rank;
    for (size_t i = 0; i < n; i++) {
        widen(j->wide + 3 * i * m, j->shifts[i].before, m);
        widen(j->wide + (3 * i + 1) * m, j->shifts[i].after, m);
        widen(j->wide + (3 * i + 2) * m, j->shifts[i].other, m);
    }
    imr_blas_gemm_d(j->left, 1, j->wide, 3 * n, m, IMR_PLAIN, b->left, m, r, IMR_PLAIN, 0);
    size_t others = 3 * n;
    for (size_t i = 0; i < n; i++) {
        prepared *p = &j->state[i];
        prepared_place(p, j->vectors + i * PREPARED_VECTORS * r, r);
        prepare(p, b, j->settings->kind, j->wide + 3 * i * m, j->left + 3 * i * r);
        const bool same = i > 0 && j->shifts[i].other == j->shifts[i - 1].other;
        p->other_row = same ? j->state[i - 1].other_row : others++;
        narrow(j->directions + i * r, p->direction, r);
        if (j->settings->order == IMR_BY_EFFECT) {
            narrow(j->directions + (n + i) * r, p->removal, r);
            narrow(j->directions + (2 * n + i) * r, p->after, r);
            narrow(j->directions + p->other_row * r, p->other, r);
        }
        for (size_t side = 0; side < 2; side++)
            j->lists[2 * i + side] =
                (imr_toplist){j->tops + (2 * i + side) * j->tokens, 0, j->tokens};
    }
    return j->settings->order == IMR_BY_EFFECT ? others : n;
}

/* effect_of for tokens in a row; products of F_t with removal, after and other. */
IMR_CPU_CLONES
static void effect_keys(float *keys, const prepared *p, const float *reach, const float *removal,
                        const float *after, const float *other, size_t tokens)
{
    const double square = p->norm_after * p->norm_after, along = p->dot_other;
    const double now = p->norm_after > 0 ? along / p->norm_after : 0;
#pragma omp simd
    for (size_t t = 0; t < tokens; t++) {
        const double scale = reach[t] > 0 ? 1 / (double)reach[t] : 0;
        const double a = (double)removal[t] * scale;
        const double left = square - 2 * a * (double)after[t] * scale + a * a;
        const double then = (along - a * (double)other[t] * scale) / sqrt(fmax(left, 1e-24));
        keys[t] = (float)(left > 1e-24 ? now - then : now);
    }
}

/* What orders the tokens of shift i of n: the cosines themselves, or keys. */
static const float *order_keys(const job *j, size_t i, size_t n, float *keys)
{
    const size_t v = j->lens->folded.rows;
    const float *value = j->values, *cosines = value + i * v;
    switch (j->settings->order) {
    case IMR_BY_COSINE:
        break;
    case IMR_BY_BACKGROUND:
        for (size_t t = 0; t < v; t++)
            keys[t] =
                (float)imr_background_z(j->shifts[i].background, (uint32_t)t, (double)cosines[t]);
        return keys;
    case IMR_BY_EFFECT:
        effect_keys(keys, &j->state[i], j->lens->reach, value + (n + i) * v,
                    value + (2 * n + i) * v, value + j->state[i].other_row * v, v);
        return keys;
    }
    return cosines;
}

/* ---- what is shown ---- */

static float key_of(const imr_token_score *s, imr_attribution_order order)
{
    return order == IMR_BY_COSINE ? s->cosine
                                  : (order == IMR_BY_EFFECT ? s->effect : s->background_z);
}

/* Nearly in order already: selected by float32 keys, scored again in double. */
static void reorder(imr_token_score *list, size_t n, imr_attribution_order order, float sign)
{
    for (size_t i = 1; i < n; i++) {
        const imr_token_score s = list[i];
        const float key = sign * key_of(&s, order);
        size_t at = i;
        for (; at > 0; at--) {
            const float other = sign * key_of(&list[at - 1], order);
            if (other > key || (!(other < key) && list[at - 1].id < s.id))
                break;
            list[at] = list[at - 1];
        }
        list[at] = s;
    }
}

/* W_t in its coordinates, S F_t / reach_t. */
IMR_CPU_CLONES
static void direction_of(double *out, const float *f, const double *singular, double inverse,
                         size_t r)
{
#pragma omp simd
    for (size_t k = 0; k < r; k++)
        out[k] = (double)f[k] * singular[k] * inverse;
}

/*
 * One step of a Cholesky factorisation L L' of the shown directions' inner products: writes W_token
 * (its coordinates S F_t / reach_t) as row `rows` of basis and fills that row of L. Returns the
 * change's coordinate along what is new in W_token, given those along the rows before
 * (part[0..rows)); NaN when nothing is new.
 */
static double extend(double *basis, double *factor, size_t stride, size_t rows, const double *part,
                     const imr_lens *lens, uint32_t id, const double *change)
{
    const size_t r = lens->back->rank;
    const float *f = imr_matrix_row(&lens->folded, id);
    const double reach = (double)lens->reach[id];
    double *w = basis + rows * r, *l = factor + rows * stride;
    if (!(reach > 0))
        return (double)NAN;
    direction_of(w, f, lens->back->singular, 1 / reach, r);
    double left = dot(w, w, r), along = dot(w, change, r);
    for (size_t i = 0; i < rows; i++) {
        const double *above = factor + i * stride;
        double g = dot(w, basis + i * r, r);
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

static double coverage_of(const job *j, const desk *d, const imr_attribution *a, const prepared *p)
{
    const size_t stride = j->span + 1;
    double *part = d->factor + j->span * stride; /* the one row L does not use */
    if (!(p->length > 0))
        return 0;
    size_t rows = 0;
    double covered = 0;
    for (size_t i = 0; i < a->n_positive + a->n_negative && rows < j->span; i++) {
        const uint32_t id =
            i < a->n_positive ? a->positive[i].id : a->negative[i - a->n_positive].id;
        const double new = extend(d->basis, d->factor, stride, rows, part, j->lens, id, p->change);
        if (isnan(new))
            continue;
        covered += new *new;
        part[rows++] = new;
    }
    return fmin(covered / (p->length * p->length), 1);
}

/* Rows of the table lie anywhere in memory: they travel while others are worked on. */
static void ask_for(const imr_matrix *m, uint32_t row)
{
    const float *v = imr_matrix_row(m, row);
    for (size_t k = 0; k < m->cols; k += 64 / sizeof *v)
        __builtin_prefetch(v + k);
}

/* The lists of shift i of n, and its numbers. */
static void show(const job *j, const desk *d, size_t i, size_t n, imr_token_score *scores,
                 imr_attribution *out)
{
    const size_t v = j->lens->folded.rows;
    const imr_shift *shift = &j->shifts[i];
    const prepared *p = &j->state[i];
    imr_toplist *lists = &j->lists[2 * i];
    const uint8_t *hidden = j->settings->with_hidden ? NULL : j->lens->table->hidden;
    imr_toplist_scan(&lists[0], &lists[1], order_keys(j, i, n, d->keys), hidden, 0, v);
    double bar = (double)INFINITY;
    if (shift->background)
        bar = imr_background_threshold(shift->background, j->values + i * v, hidden,
                                       IMR_SIGNIFICANCE_LEVEL, d->bars);
    *out = (imr_attribution){.positive = scores,
                             .negative = scores + j->tokens,
                             .n_positive = lists[0].n,
                             .n_negative = lists[1].n,
                             .alignment = p->alignment,
                             .length = p->length,
                             .length_base = p->length_base};
    imr_token_score *side[2] = {out->positive, out->negative};
    for (size_t k = 0; k < 2; k++)
        for (size_t t = 0; t < lists[k].n; t++)
            ask_for(&j->lens->folded, lists[k].v[t].id);
    for (size_t k = 0; k < 2; k++) {
        for (size_t t = 0; t < lists[k].n; t++) {
            score(&side[k][t], lists[k].v[t].id, p, j->lens, shift);
            side[k][t].significant = fabs((double)side[k][t].background_z) >= bar;
        }
        reorder(side[k], lists[k].n, j->settings->order, k ? -1.0F : 1.0F);
    }
    out->coverage = coverage_of(j, d, out, p);
}

static imr_status run_batch(job *j, size_t done, size_t n, size_t count, imr_token_score *scores,
                            const imr_progress *progress, imr_error *err)
{
    const size_t v = j->lens->folded.rows;
    const size_t rows = prepare_batch(j, n);
    for (size_t first = 0; first < v; first += IMR_LENS_BLOCK) {
        if (!imr_progress_step(progress, "putting changes into words", done, count))
            return imr_fail(err, IMR_E_CANCELLED, "putting changes into words was cancelled");
        const size_t tokens = v - first < IMR_LENS_BLOCK ? v - first : IMR_LENS_BLOCK;
        imr_lens_products(j->values + first, v, j->lens, j->directions, rows, first, tokens);
    }
    /* A row of cosines is scanned, judged and shown while it is in a core's own memory. */
#pragma omp parallel for schedule(dynamic, 4) if (n > 8)
    for (size_t i = 0; i < n; i++)
        show(j, &j->desks[this_thread()], i, n, scores + (done + i) * 2 * j->settings->tokens,
             &j->results[done + i]);
    return IMR_OK;
}

imr_status imr_attribution_run(imr_attribution *out, imr_token_score *scores, const imr_lens *lens,
                               const imr_shift *shifts, size_t count,
                               const imr_attribution_settings *settings,
                               imr_attribution_space *space, const imr_progress *progress,
                               imr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        assert(settings->order != IMR_BY_BACKGROUND || shifts[i].background);
        assert(settings->order != IMR_BY_EFFECT || shifts[i].other);
        assert(!shifts[i].background || shifts[i].background->tokens == lens->folded.rows);
    }
    if (count == 0)
        return IMR_OK;
    job j = {.lens = lens, .settings = settings};
    IMR_TRY(reserve(&j, space, count, err));
    for (size_t done = 0; done < count; done += j.batch) {
        const size_t n = count - done < j.batch ? count - done : j.batch;
        j.shifts = shifts + done;
        IMR_TRY(run_batch(&j, done, n, count, scores, progress, err));
    }
    for (size_t i = 0; i < count; i++)
        out[i] = j.results[i];
    return IMR_OK;
}
