#include "explain/attribution.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "explain/toplist.h"
#include "math/blas.h"

/* Rows of cosines held at once, in bytes: a query and 100 documents over 30,522 tokens fit. */
#define BATCH_BYTES ((size_t)16 << 20)
/* Parts a batch is shared out in; each has scratch of its own. */
#define LANES ((size_t)8)
/* A shown token whose direction is this close to the span of those before it adds nothing: F is
 * float32, so what is left of it is rounding. */
#define SPAN_FLOOR 1e-6

/* A shift in the coordinates of the lens; every vector [r]. */
typedef struct prepared {
    double *direction; /* S^-1 U' delta, unit length or zero */
    double *change;    /* U' delta */
    double *removal;   /* S U' (x' - |x'| unit(x)) */
    double *after;     /* S U' x' */
    double *other;     /* S U' o */
    double length, length_base, alignment;
    double norm_after, dot_other; /* |x'|, x'.o */
} prepared;
#define PREPARED_VECTORS ((size_t)5)

typedef struct job {
    const imr_lens *lens;
    const imr_shift *shifts; /* of this batch */
    const imr_attribution_settings *settings;
    size_t tokens, batch, rows; /* per side; shifts at once; rows of values a shift needs */
    size_t span;                /* most tokens an orthonormal basis needs: min(2 tokens, r) */
    imr_attribution *results;   /* [count] */
    prepared *state;            /* [batch] */
    double *wide, *left;        /* [3 batch,m], [3 batch,r]: x, x', o and U' of them */
    double *vectors;            /* [batch,PREPARED_VECTORS,r] */
    double *basis;              /* [LANES,span,r] */
    float *directions, *values; /* [rows,batch,r], [rows,batch,V] */
    float *keys, *bars;         /* [LANES,IMR_LENS_BLOCK], [LANES,V] */
    imr_top *tops;              /* [batch,2,tokens] */
    imr_toplist *lists;         /* [batch,2] */
} job;

void imr_attribution_space_done(imr_attribution_space *s)
{
    imr_free(s->memory);
    *s = (imr_attribution_space){0};
}

/* ---- one shift ---- */

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
    const double cosine = imr_lens_product(lens, id, p->direction);
    const double reach = (double)lens->reach[id];
    out->id = id;
    out->cosine = (float)cosine;
    out->visibility = lens->visibility[id];
    out->z = (float)imr_lens_z(lens, id, cosine);
    out->background_z = NAN;
    out->effect = NAN;
    out->hub_count = 0;
    out->significant = false;
    if (shift->other)
        out->effect = reach > 0
                          ? (float)effect_of(p, imr_lens_product(lens, id, p->removal) / reach,
                                             imr_lens_product(lens, id, p->after) / reach,
                                             imr_lens_product(lens, id, p->other) / reach)
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
    j->basis = carve(memory, &at, LANES * j->span * r, sizeof *j->basis);
    j->directions = carve(memory, &at, j->rows * b * r, sizeof *j->directions);
    j->values = carve(memory, &at, j->rows * b * v, sizeof *j->values);
    j->keys = carve(memory, &at, LANES * IMR_LENS_BLOCK, sizeof *j->keys);
    j->bars = carve(memory, &at, LANES * v, sizeof *j->bars);
    j->tops = carve(memory, &at, b * 2 * j->tokens, sizeof *j->tops);
    j->lists = carve(memory, &at, b * 2, sizeof *j->lists);
    return at;
}

static imr_status reserve(job *j, imr_attribution_space *space, size_t count, imr_error *err)
{
    const size_t v = j->lens->folded.rows, r = j->lens->back->rank;
    j->tokens = j->settings->tokens < v ? j->settings->tokens : v;
    j->span = 2 * j->tokens < r ? 2 * j->tokens : r;
    j->rows = j->settings->order == IMR_BY_EFFECT ? 4 : 1;
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

static void prepare_batch(job *j, size_t n)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, r = b->rank;
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) {
        widen(j->wide + 3 * i * m, j->shifts[i].before, m);
        widen(j->wide + (3 * i + 1) * m, j->shifts[i].after, m);
        widen(j->wide + (3 * i + 2) * m, j->shifts[i].other, m);
    }
    imr_blas_gemm_d(j->left, 1, j->wide, 3 * n, m, IMR_PLAIN, b->left, m, r, IMR_PLAIN, 0);
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) {
        prepared *p = &j->state[i];
        prepared_place(p, j->vectors + i * PREPARED_VECTORS * r, r);
        prepare(p, b, j->settings->kind, j->wide + 3 * i * m, j->left + 3 * i * r);
        const double *rows[4] = {p->direction, p->removal, p->after, p->other};
        for (size_t row = 0; row < j->rows; row++)
            for (size_t k = 0; k < r; k++)
                j->directions[(row * n + i) * r + k] = (float)rows[row][k];
        for (size_t side = 0; side < 2; side++)
            j->lists[2 * i + side] =
                (imr_toplist){j->tops + (2 * i + side) * j->tokens, 0, j->tokens};
    }
}

/* What orders the tokens [first, first+tokens) of shift i of n: the cosines themselves, or keys. */
static const float *order_keys(const job *j, size_t i, size_t n, size_t first, size_t tokens,
                               float *keys)
{
    const size_t v = j->lens->folded.rows;
    const float *value = j->values + i * v + first;
    const float *reach = j->lens->reach + first;
    const imr_background *background = j->shifts[i].background;
    switch (j->settings->order) {
    case IMR_BY_COSINE:
        return value;
    case IMR_BY_BACKGROUND:
        for (size_t t = 0; t < tokens; t++)
            keys[t] = (float)imr_background_z(background, (uint32_t)(first + t), (double)value[t]);
        return keys;
    case IMR_BY_EFFECT:
        for (size_t t = 0; t < tokens; t++) {
            const double scale = reach[t] > 0 ? 1 / (double)reach[t] : 0;
            const float *at = value + t;
            keys[t] =
                (float)effect_of(&j->state[i], (double)at[n * v] * scale,
                                 (double)at[2 * n * v] * scale, (double)at[3 * n * v] * scale);
        }
        return keys;
    }
    return value;
}

static void scan_block(job *j, size_t n, size_t first, size_t tokens)
{
    const uint8_t *hidden = j->settings->with_hidden ? NULL : j->lens->table->hidden;
#pragma omp parallel for
    for (size_t lane = 0; lane < LANES; lane++)
        for (size_t i = lane; i < n; i += LANES) {
            const float *keys = order_keys(j, i, n, first, tokens, j->keys + lane * IMR_LENS_BLOCK);
            imr_toplist_scan(&j->lists[2 * i], &j->lists[2 * i + 1], keys, hidden, first, tokens);
        }
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

/* Adds the token's direction to the orthonormal rows of basis; false when it lies in their span. */
static bool extend(double *basis, size_t rows, const imr_lens *lens, uint32_t id)
{
    const size_t r = lens->back->rank;
    const float *f = imr_matrix_row(&lens->folded, id);
    const double reach = (double)lens->reach[id];
    double *w = basis + rows * r;
    if (!(reach > 0))
        return false;
    for (size_t k = 0; k < r; k++)
        w[k] = (double)f[k] * lens->back->singular[k] / reach;
    /* Twice is enough (Kahan): the second pass removes what rounding left in the first. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < rows; i++) {
            const double *q = basis + i * r;
            const double part = dot(q, w, r);
            for (size_t k = 0; k < r; k++)
                w[k] -= part * q[k];
        }
    const double left = sqrt(dot(w, w, r));
    if (left < SPAN_FLOOR)
        return false;
    for (size_t k = 0; k < r; k++)
        w[k] /= left;
    return true;
}

static double coverage_of(const job *j, const imr_attribution *a, const prepared *p, double *basis)
{
    const size_t r = j->lens->back->rank;
    if (!(p->length > 0))
        return 0;
    size_t rows = 0;
    double covered = 0;
    for (size_t i = 0; i < a->n_positive + a->n_negative && rows < j->span; i++) {
        const uint32_t id =
            i < a->n_positive ? a->positive[i].id : a->negative[i - a->n_positive].id;
        if (!extend(basis, rows, j->lens, id))
            continue;
        const double part = dot(basis + rows * r, p->change, r);
        covered += part * part;
        rows++;
    }
    return fmin(covered / (p->length * p->length), 1);
}

static void show(job *j, size_t i, imr_token_score *scores, imr_attribution *out, size_t lane)
{
    const size_t v = j->lens->folded.rows;
    const imr_shift *shift = &j->shifts[i];
    const prepared *p = &j->state[i];
    const imr_toplist *lists = &j->lists[2 * i];
    double bar = (double)INFINITY;
    if (shift->background)
        bar = imr_background_threshold(shift->background, j->values + i * v,
                                       j->settings->with_hidden ? NULL : j->lens->table->hidden,
                                       IMR_SIGNIFICANCE_LEVEL, j->bars + lane * v);
    *out = (imr_attribution){.positive = scores,
                             .negative = scores + j->tokens,
                             .n_positive = lists[0].n,
                             .n_negative = lists[1].n,
                             .alignment = p->alignment,
                             .length = p->length,
                             .length_base = p->length_base};
    imr_token_score *side[2] = {out->positive, out->negative};
    for (size_t k = 0; k < 2; k++) {
        for (size_t t = 0; t < lists[k].n; t++) {
            score(&side[k][t], lists[k].v[t].id, p, j->lens, shift);
            side[k][t].significant = fabs((double)side[k][t].background_z) >= bar;
        }
        reorder(side[k], lists[k].n, j->settings->order, k ? -1.0F : 1.0F);
    }
    out->coverage = coverage_of(j, out, p, j->basis + lane * j->span * j->lens->back->rank);
}

static imr_status run_batch(job *j, size_t done, size_t n, size_t count, imr_token_score *scores,
                            const imr_progress *progress, imr_error *err)
{
    const size_t v = j->lens->folded.rows;
    prepare_batch(j, n);
    for (size_t first = 0; first < v; first += IMR_LENS_BLOCK) {
        if (!imr_progress_step(progress, "putting changes into words", done, count))
            return imr_fail(err, IMR_E_CANCELLED, "putting changes into words was cancelled");
        const size_t tokens = v - first < IMR_LENS_BLOCK ? v - first : IMR_LENS_BLOCK;
        imr_lens_products(j->values + first, v, j->lens, j->directions, j->rows * n, first, tokens);
        scan_block(j, n, first, tokens);
    }
#pragma omp parallel for
    for (size_t lane = 0; lane < LANES; lane++)
        for (size_t i = lane; i < n; i += LANES)
            show(j, i, scores + (done + i) * 2 * j->settings->tokens, &j->results[done + i], lane);
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
