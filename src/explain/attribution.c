#include "explain/attribution.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "explain/coverage.h"
#include "explain/prepared.h"
#include "explain/toplist.h"
#include "math/blas.h"

/* Directions multiplied at once: their cosines with a part of the tokens stay in a core's own
 * memory. A query and 100 documents fit. */
#define BATCH_ROWS ((size_t)256)
/* And in bytes, what grows with the tokens or with how many are listed. */
#define BATCH_BYTES ((size_t)16 << 20)
/* Multiplications that are worth a second thread. */
#define WORTH_THREADS ((size_t)1 << 20)

typedef struct item {
    imr_prepared p;
    size_t other; /* shifts in a row share the other side */
} item;

/* What a thread works in. */
typedef struct desk {
    double *basis, *factor; /* [span,r], [span+1,span+1]: see imr_coverage */
    float *values;          /* [rows batch,stride]: products with one part of the tokens */
    float *keys;            /* [IMR_LENS_PART] */
    float *bars;            /* [V] */
    imr_top *tops;          /* [batch + 1,2,tokens], the last for what is shown */
} desk;

typedef struct job {
    const imr_lens *lens;
    const imr_shift *shifts; /* of this batch, n of them */
    const imr_attribution_settings *settings;
    const uint8_t *hidden;
    size_t n;
    size_t tokens, batch, rows; /* per side; shifts at once; rows of values a shift needs */
    size_t span;                /* most directions that can be independent: min(2 tokens, r) */
    size_t parts, stride;       /* of the tokens; of values */
    bool judged;                /* some shift has a background */
    float least;                /* |z| that can be significant */
    imr_attribution *results;   /* [count] */
    item *items;                /* [batch] */
    double *wide, *left;        /* [3 batch,m], [3 batch,r]: x and x', all o, and U' of them */
    double *vectors;            /* [batch,IMR_IMR_PREPARED_VECTORS,r] */
    float *directions;          /* [rows batch,r] */
    float *far;                 /* [V,batch]: the kept |z| of a part, shift after shift */
    uint32_t *far_at;           /* [parts,batch + 1]: where in its part each shift's begin */
    imr_toplist *lists;         /* [threads,batch,2] */
    desk *desks;                /* [threads] */
    size_t threads;
} job;

void imr_attribution_space_done(imr_attribution_space *s)
{
    imr_free(s->memory);
    *s = (imr_attribution_space){0};
}

/* ---- one shift ---- */

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

imr_status imr_attribution_tokens(imr_token_score *out, const uint32_t *ids, size_t n,
                                  const imr_lens *lens, const imr_shift *shift,
                                  imr_change_kind kind, imr_error *err)
{
    const size_t m = lens->back->m, r = lens->back->rank;
    IMR_AUTOFREE double *x = imr_alloc(3 * m + (3 + IMR_PREPARED_VECTORS) * r, sizeof *x);
    if (!x)
        return imr_fail_memory(err);
    double *left = x + 3 * m;
    const float *parts[3] = {shift->before, shift->after, shift->other};
    for (size_t i = 0; i < 3; i++) {
        widen(x + i * m, parts[i], m);
        imr_backproject_left(left + i * r, lens->back, x + i * m);
    }
    imr_prepared p;
    imr_prepared_place(&p, left + 3 * r, r);
    imr_prepared_set(&p, lens->back, kind, (const double *[]){x, x + m, x + 2 * m},
                     (const double *[]){left, left + r, left + 2 * r});
    for (size_t i = 0; i < n; i++)
        imr_prepared_score(&out[i], ids[i], &p, lens, shift);
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
    j->items = carve(memory, &at, b, sizeof *j->items);
    j->wide = carve(memory, &at, 3 * b * m, sizeof *j->wide);
    j->left = carve(memory, &at, 3 * b * r, sizeof *j->left);
    j->vectors = carve(memory, &at, b * IMR_PREPARED_VECTORS * r, sizeof *j->vectors);
    j->directions = carve(memory, &at, j->rows * b * r, sizeof *j->directions);
    j->far = carve(memory, &at, j->judged ? b * v : 0, sizeof *j->far);
    j->far_at = carve(memory, &at, j->judged ? (b + 1) * j->parts : 0, sizeof *j->far_at);
    j->lists = carve(memory, &at, j->threads * b * 2, sizeof *j->lists);
    j->desks = carve(memory, &at, j->threads, sizeof *j->desks);
    for (size_t i = 0; i < j->threads; i++) {
        const size_t corner = j->span + 1;
        const desk d = {.basis = carve(memory, &at, j->span * r, sizeof *d.basis),
                        .factor = carve(memory, &at, corner * corner, sizeof *d.factor),
                        .values = carve(memory, &at, j->rows * b * j->stride, sizeof *d.values),
                        .keys = carve(memory, &at, IMR_LENS_PART, sizeof *d.keys),
                        .bars = carve(memory, &at, j->judged ? v : 0, sizeof *d.bars),
                        .tops = carve(memory, &at, (b + 1) * 2 * j->tokens, sizeof *d.tops)};
        if (j->desks)
            j->desks[i] = d;
    }
    return at;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static imr_status reserve(job *j, imr_attribution_space *space, size_t count, imr_error *err)
{
    const size_t v = j->lens->folded.rows, r = j->lens->back->rank;
    j->tokens = least_of(j->settings->tokens, v);
    j->span = least_of(2 * j->tokens, r);
    j->rows = j->settings->order == IMR_BY_EFFECT ? 4 : 1;
    j->parts = (v + IMR_LENS_PART - 1) / IMR_LENS_PART;
    j->stride = imr_packed_stride(IMR_LENS_PART);
    j->threads = imr_team_most();
    const size_t grows =
        (j->judged ? v * sizeof *j->far : 0) + j->threads * 2 * j->tokens * sizeof *j->desks->tops;
    j->batch = least_of(BATCH_ROWS / j->rows, BATCH_BYTES / (grows + 1) + 1);
    j->batch = least_of(j->batch, count);
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

/* Lists for as many threads as there may be; those that do not come leave theirs empty. */
static void prepare(job *j, size_t i)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, r = b->rank, n = j->n, o = 2 * n + j->items[i].other;
    imr_prepared *p = &j->items[i].p;
    imr_prepared_place(p, j->vectors + i * IMR_PREPARED_VECTORS * r, r);
    imr_prepared_set(
        p, b, j->settings->kind,
        (const double *[]){j->wide + 2 * i * m, j->wide + (2 * i + 1) * m, j->wide + o * m},
        (const double *[]){j->left + 2 * i * r, j->left + (2 * i + 1) * r, j->left + o * r});
    narrow(j->directions + i * r, p->direction, r);
    if (j->settings->order == IMR_BY_EFFECT) {
        narrow(j->directions + (n + i) * r, p->removal, r);
        narrow(j->directions + (2 * n + i) * r, p->after, r);
        if (i == 0 || j->items[i - 1].other != j->items[i].other)
            narrow(j->directions + (o + n) * r, p->other, r);
    }
    for (size_t thread = 0; thread < j->threads; thread++)
        for (size_t side = 0; side < 2; side++)
            j->lists[(thread * j->batch + i) * 2 + side] =
                (imr_toplist){j->desks[thread].tops + (2 * i + side) * j->tokens, 0, j->tokens};
}

/* U' of all vectors. Returns the rows of directions, which are those of values: cosines of the
 * shifts, then what their effects take. */
static size_t begin(job *j)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, n = j->n;
    size_t others = 0;
    for (size_t i = 0; i < n; i++) {
        const imr_shift *s = &j->shifts[i];
        widen(j->wide + 2 * i * m, s->before, m);
        widen(j->wide + (2 * i + 1) * m, s->after, m);
        if (i == 0 || s->other != s[-1].other)
            widen(j->wide + (2 * n + others++) * m, s->other, m);
        j->items[i].other = others - 1;
    }
    imr_blas_gemm_d(j->left, 1, j->wide, 2 * n + others, m, IMR_PLAIN, b->left, m, b->rank,
                    IMR_PLAIN, 0);
    return j->settings->order == IMR_BY_EFFECT ? 3 * n + others : n;
}

/* What orders the tokens of shift i: the cosines themselves, or keys. */
static const float *order_keys(const job *j, const desk *d, size_t i, size_t first, size_t tokens)
{
    const size_t n = j->n;
    const float *cosines = d->values + i * j->stride;
    switch (j->settings->order) {
    case IMR_BY_COSINE:
        break;
    case IMR_BY_BACKGROUND:
        for (size_t t = 0; t < tokens; t++)
            d->keys[t] = (float)imr_background_z(j->shifts[i].background, (uint32_t)(first + t),
                                                 (double)cosines[t]);
        return d->keys;
    case IMR_BY_EFFECT:
        imr_prepared_effects(d->keys, &j->items[i].p, j->lens->reach + first,
                             d->values + (n + i) * j->stride, d->values + (2 * n + i) * j->stride,
                             d->values + (3 * n + j->items[i].other) * j->stride, tokens);
        return d->keys;
    }
    return cosines;
}

/* A part of the tokens, for all shifts: multiplied, and looked at before it leaves the caches. */
static void sweep(const job *j, size_t rows, size_t part)
{
    const size_t thread = imr_team_member(), first = part * IMR_LENS_PART;
    const size_t tokens = least_of(j->lens->folded.rows - first, IMR_LENS_PART);
    const desk *d = &j->desks[thread];
    float *far = j->judged ? j->far + first * j->batch : NULL;
    uint32_t *far_at = j->judged ? j->far_at + part * (j->batch + 1) : NULL;
    size_t kept = 0;
    if (j->judged)
        far_at[0] = 0;
    imr_lens_part(d->values, j->stride, j->lens, j->directions, rows, first, tokens);
    for (size_t i = 0; i < j->n; i++) {
        imr_toplist *lists = &j->lists[(thread * j->batch + i) * 2];
        imr_toplist_scan(&lists[0], &lists[1], order_keys(j, d, i, first, tokens), j->hidden, first,
                         tokens);
        const imr_background *b = j->shifts[i].background;
        if (b)
            kept += imr_background_far(far + kept, b, d->values + i * j->stride, j->hidden, first,
                                       tokens, j->least);
        if (j->judged)
            far_at[i + 1] = (uint32_t)kept;
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

/* Rows of the table lie anywhere in memory: they travel while others are worked on. */
static void ask_for(const imr_matrix *m, uint32_t row)
{
    const float *v = imr_matrix_row(m, row);
    for (size_t k = 0; k < m->cols; k += 64 / sizeof *v)
        __builtin_prefetch(v + k);
}

/* The least |z| that is significant in shift i, from what its parts kept. */
static double bar_of(const job *j, const desk *d, size_t i)
{
    size_t n = 0;
    if (!j->shifts[i].background)
        return (double)INFINITY;
    for (size_t part = 0; part < j->parts; part++) {
        const uint32_t *at = j->far_at + part * (j->batch + 1) + i;
        const float *far = j->far + part * IMR_LENS_PART * j->batch;
        for (size_t k = at[0]; k < at[1]; k++)
            d->bars[n++] = far[k];
    }
    return imr_background_bar(d->bars, n,
                              j->hidden ? j->lens->table->count[0] : j->lens->folded.rows,
                              IMR_SIGNIFICANCE_LEVEL);
}

/* The lists of shift i, and its numbers. */
static void show(const job *j, size_t i, imr_token_score *scores, imr_attribution *out)
{
    const desk *d = &j->desks[imr_team_member()];
    const imr_shift *shift = &j->shifts[i];
    const imr_prepared *p = &j->items[i].p;
    const double bar = bar_of(j, d, i);
    imr_toplist lists[2];
    for (size_t side = 0; side < 2; side++) {
        lists[side] = (imr_toplist){d->tops + (2 * j->batch + side) * j->tokens, 0, j->tokens};
        imr_toplist_join(&lists[side], &j->lists[2 * i + side], j->threads, 2 * j->batch);
    }
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
            imr_prepared_score(&side[k][t], lists[k].v[t].id, p, j->lens, shift);
            side[k][t].significant = fabs((double)side[k][t].background_z) >= bar;
        }
        reorder(side[k], lists[k].n, j->settings->order, k ? -1.0F : 1.0F);
    }
    out->coverage = imr_coverage(out, p, j->lens, j->span, d->basis, d->factor);
}

/* The calling thread alone looks whether to go on; the others see it before their next part. */
static imr_status run_batch(job *j, size_t done, size_t count, imr_token_score *scores,
                            const imr_progress *progress, imr_error *err)
{
    static const char what[] = "putting changes into words";
    const size_t rows = begin(j), n = j->n;
    atomic_bool on = imr_progress_step(progress, what, done, count);
#pragma omp parallel if (rows * j->lens->packed.outs * j->lens->packed.ins > WORTH_THREADS)
    {
        size_t next = IMR_LENS_BLOCK; /* of the tokens, where to look again */
#pragma omp for schedule(dynamic, 8)
        for (size_t i = 0; i < n; i++)
            prepare(j, i);
#pragma omp for schedule(dynamic)
        for (size_t part = 0; part < j->parts; part++) {
            if (imr_team_member() == 0 && part * IMR_LENS_PART >= next && atomic_load(&on)) {
                next += IMR_LENS_BLOCK;
                if (!imr_progress_step(progress, what, done, count))
                    atomic_store(&on, false);
            }
            if (atomic_load(&on))
                sweep(j, rows, part);
        }
        if (atomic_load(&on)) {
#pragma omp for schedule(dynamic, 2)
            for (size_t i = 0; i < n; i++)
                show(j, i, scores + (done + i) * 2 * j->settings->tokens, &j->results[done + i]);
        }
    }
    return atomic_load(&on) ? IMR_OK : imr_fail(err, IMR_E_CANCELLED, "%s was cancelled", what);
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
    job j = {.lens = lens,
             .settings = settings,
             .hidden = settings->with_hidden ? NULL : lens->table->hidden};
    for (size_t i = 0; i < count; i++)
        j.judged |= shifts[i].background != NULL;
    j.least = imr_background_least(j.hidden ? lens->table->count[0] : lens->folded.rows,
                                   IMR_SIGNIFICANCE_LEVEL);
    IMR_TRY(reserve(&j, space, count, err));
    for (size_t done = 0; done < count; done += j.batch) {
        j.n = least_of(count - done, j.batch);
        j.shifts = shifts + done;
        IMR_TRY(run_batch(&j, done, count, scores, progress, err));
    }
    for (size_t i = 0; i < count; i++)
        out[i] = j.results[i];
    return IMR_OK;
}
