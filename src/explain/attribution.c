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
/* Of a cache, in bytes. */
#define LINE ((size_t)64)
/* Multiplications that are worth a second thread. */
#define WORTH_THREADS ((size_t)1 << 20)
/* Places for tokens that rounded products cannot tell from those shown. There are few where cosines
 * spread (2 to 10 beside 10), and some dozens on the side where they crowd. */
#define SPARE ((size_t)240)
/* Rounded products must leave most tokens out to be of use. */
#define LEFT_OUT ((size_t)4)

typedef struct item {
    imr_prepared p;
    size_t other; /* shifts in a row share the other side */
} item;

/* What a thread works in. */
typedef struct desk {
    double *basis, *factor;  /* [span,r], [span+1,span+1]: see imr_coverage */
    float *values;           /* [rows batch,stride]: products with one part of the tokens */
    float *keys;             /* [IMR_LENS_PART] */
    float *most, *fewest;    /* [V], [V]: of a kept |z|, */
    uint32_t *ids;           /* [V]: and whose it is */
    imr_top *tops;           /* [batch + 1,2,places], the last for what is shown */
    imr_token_score *scores; /* [places] */
} desk;

typedef struct job {
    const imr_lens *lens;
    const imr_shift *shifts;
    const imr_attribution_settings *settings;
    const uint8_t *hidden;
    /*
     * Rough: from rounded products, known within a slack. A list gets more places than are shown;
     * those that can belong to the shown are scored in double. Shifts for which the places do not
     * suffice are unsure, and done again from float32 products.
     */
    bool rough;
    size_t n;                   /* shifts of this batch */
    size_t *which;              /* [batch]: what they are among all */
    uint8_t *unsure;            /* [batch] */
    size_t tokens, batch, rows; /* per side; shifts at once; rows of values a shift needs */
    size_t places;              /* of a list */
    size_t span;                /* most directions that can be independent: min(2 tokens, r) */
    size_t parts, stride;       /* of the tokens; of values */
    bool judged;                /* some shift has a background */
    float least;                /* |z| that can be significant */
    imr_attribution *results;   /* [count] */
    item *items;                /* [batch] */
    double *wide, *left;        /* [3 batch,m], [3 batch,r]: x and x', all o, and U' of them */
    double *vectors;            /* [batch,IMR_IMR_PREPARED_VECTORS,r] */
    float *directions;          /* [rows batch,r] */
    uint32_t *rounded;          /* [batch,cells]: the same for rounded products, */
    float *slack;               /* [batch]: and how far those may be off */
    size_t cells;
    float *far;         /* [V,batch]: the kept |z| of a part, shift after shift, */
    uint8_t *far_token; /* [V,batch]: and whose of the part they are */
    uint32_t *far_at;   /* [parts,batch + 1]: where in its part each shift's begin */
    imr_toplist *lists; /* [threads,batch,2] */
    desk *desks;        /* [threads] */
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
    *at += (count * size + LINE - 1) / LINE * LINE;
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
    j->which = carve(memory, &at, b, sizeof *j->which);
    j->unsure = carve(memory, &at, b, sizeof *j->unsure);
    j->wide = carve(memory, &at, 3 * b * m, sizeof *j->wide);
    j->left = carve(memory, &at, 3 * b * r, sizeof *j->left);
    j->vectors = carve(memory, &at, b * IMR_PREPARED_VECTORS * r, sizeof *j->vectors);
    j->directions = carve(memory, &at, j->rows * b * r, sizeof *j->directions);
    j->rounded = carve(memory, &at, b * j->cells, sizeof *j->rounded);
    j->slack = carve(memory, &at, b, sizeof *j->slack);
    j->far = carve(memory, &at, j->judged ? b * v : 0, sizeof *j->far);
    j->far_token = carve(memory, &at, j->judged ? b * v : 0, sizeof *j->far_token);
    j->far_at = carve(memory, &at, j->judged ? (b + 1) * j->parts : 0, sizeof *j->far_at);
    j->lists = carve(memory, &at, j->threads * b * 2, sizeof *j->lists);
    j->desks = carve(memory, &at, j->threads, sizeof *j->desks);
    for (size_t i = 0; i < j->threads; i++) {
        const size_t corner = j->span + 1;
        const desk d = {.basis = carve(memory, &at, j->span * r, sizeof *d.basis),
                        .factor = carve(memory, &at, corner * corner, sizeof *d.factor),
                        .values = carve(memory, &at, j->rows * b * j->stride, sizeof *d.values),
                        .keys = carve(memory, &at, IMR_LENS_PART, sizeof *d.keys),
                        .most = carve(memory, &at, j->judged ? v : 0, sizeof *d.most),
                        .fewest = carve(memory, &at, j->judged ? v : 0, sizeof *d.fewest),
                        .ids = carve(memory, &at, j->judged ? v : 0, sizeof *d.ids),
                        .tops = carve(memory, &at, (b + 1) * 2 * j->places, sizeof *d.tops),
                        .scores = carve(memory, &at, j->places, sizeof *d.scores)};
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
    j->places = 2 * j->tokens + SPARE;
    j->rough = j->lens->rounded.pairs && j->settings->order == IMR_BY_COSINE && j->tokens &&
               v / LEFT_OUT >= j->places;
    if (!j->rough)
        j->places = j->tokens;
    j->cells = j->rough ? imr_packed_stride(j->lens->rounded.cells) : 0;
    j->parts = (v + IMR_LENS_PART - 1) / IMR_LENS_PART;
    j->stride = imr_packed_stride(IMR_LENS_PART);
    j->threads = imr_team_most();
    const size_t grows = (j->judged ? v * (sizeof *j->far + sizeof *j->far_token) : 0) +
                         j->threads * 2 * j->places * sizeof *j->desks->tops;
    j->batch = least_of(BATCH_ROWS / j->rows, BATCH_BYTES / (grows + 1) + 1);
    j->batch = least_of(j->batch, count);
    /* Not zeroed: most of what may be kept of the tokens never is, and then takes no memory. */
    const size_t bytes = place_all(j, NULL, count) + LINE;
    if (bytes > space->bytes) {
        void *memory = imr_alloc(bytes, 1);
        if (!memory)
            return imr_fail_memory(err);
        imr_free(space->memory);
        *space = (imr_attribution_space){bytes, memory};
    }
    char *memory = space->memory;
    place_all(j, memory + (LINE - (uintptr_t)memory % LINE), count);
    return IMR_OK;
}

/* ---- a batch ---- */

static const imr_shift *shift_of(const job *j, size_t i)
{
    return &j->shifts[j->which[i]];
}

static imr_toplist list_of(const job *j, size_t i, imr_top *v)
{
    return (imr_toplist){.v = v,
                         .k = j->tokens,
                         .spare = j->rough ? j->places - j->tokens : 0,
                         .slack = j->rough ? 2 * j->slack[i] : 0};
}

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
    if (j->rough)
        j->slack[i] =
            imr_lens_round(j->rounded + i * j->cells, j->lens, p->direction, j->directions + i * r);
    else
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
                list_of(j, i, j->desks[thread].tops + (2 * i + side) * j->places);
}

/* U' of all vectors. Returns the rows of directions, which are those of values: cosines of the
 * shifts, then what their effects take. */
static size_t begin(job *j)
{
    const imr_backprojector *b = j->lens->back;
    const size_t m = b->m, n = j->n;
    size_t others = 0;
    for (size_t i = 0; i < n; i++) {
        const imr_shift *s = shift_of(j, i);
        widen(j->wide + 2 * i * m, s->before, m);
        widen(j->wide + (2 * i + 1) * m, s->after, m);
        if (i == 0 || s->other != shift_of(j, i - 1)->other)
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
            d->keys[t] = (float)imr_background_z(shift_of(j, i)->background, (uint32_t)(first + t),
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
    uint8_t *far_token = j->judged ? j->far_token + first * j->batch : NULL;
    uint32_t *far_at = j->judged ? j->far_at + part * (j->batch + 1) : NULL;
    size_t kept = 0;
    if (j->judged)
        far_at[0] = 0;
    if (j->rough)
        imr_lens_near(d->values, j->stride, j->lens, j->rounded, rows, first, tokens);
    else
        imr_lens_part(d->values, j->stride, j->lens, j->directions, rows, first, tokens);
    for (size_t i = 0; i < j->n; i++) {
        imr_toplist *lists = &j->lists[(thread * j->batch + i) * 2];
        imr_toplist_scan(&lists[0], &lists[1], order_keys(j, d, i, first, tokens), j->hidden, first,
                         tokens);
        const imr_background *b = shift_of(j, i)->background;
        if (b)
            kept +=
                imr_background_far(far + kept, far_token + kept, b, d->values + i * j->stride,
                                   j->hidden, first, tokens, j->rough ? j->slack[i] : 0, j->least);
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
    for (size_t k = 0; k < m->cols; k += LINE / sizeof *v)
        __builtin_prefetch(v + k);
}

/* Gathers what the parts kept of shift i; returns how many. */
static size_t gather(const job *j, const desk *d, size_t i)
{
    const float *inverse = shift_of(j, i)->background->inverse_sd;
    const float slack = j->rough ? j->slack[i] : 0;
    size_t n = 0;
    for (size_t part = 0; part < j->parts; part++) {
        const size_t first = part * IMR_LENS_PART;
        const uint32_t *at = j->far_at + part * (j->batch + 1) + i;
        for (size_t k = at[0]; k < at[1]; k++, n++) {
            const size_t id = first + j->far_token[first * j->batch + k];
            const float z = j->far[first * j->batch + k], reach = slack * inverse[id];
            d->most[n] = z + reach;
            d->fewest[n] = z - reach;
            d->ids[n] = (uint32_t)id;
        }
    }
    return n;
}

/* Whether a listed token has a |z| from low on, below high. */
static bool listed_between(const imr_attribution *a, double low, double high)
{
    for (size_t k = 0; k < a->n_positive + a->n_negative; k++) {
        const imr_token_score *s =
            k < a->n_positive ? &a->positive[k] : &a->negative[k - a->n_positive];
        const double z = fabs((double)s->background_z);
        if (z >= low && z < high)
            return true;
    }
    return false;
}

/* Computes the |z| that may lie on either side of the bar; returns how many. */
static size_t settle(const job *j, const desk *d, size_t i, size_t n, double bar)
{
    size_t settled = 0;
    for (size_t k = 0; k < n; k++) {
        if (!((double)d->fewest[k] < bar && (double)d->most[k] >= bar))
            continue;
        const double cosine = imr_lens_product(j->lens, d->ids[k], j->items[i].p.direction);
        const double z = imr_background_z(shift_of(j, i)->background, d->ids[k], cosine);
        d->most[k] = d->fewest[k] = (float)fabs(z);
        settled++;
    }
    return settled;
}

/* The least |z| that is significant in shift i, as far as the tokens listed in a can tell. Of |z|
 * that are known within bounds the most they may be give a bar that is not too high, the least one
 * that is not too low; what lies between them is computed when a listed token does. */
static double bar_of(const job *j, const desk *d, size_t i, const imr_attribution *a)
{
    if (!shift_of(j, i)->background)
        return (double)INFINITY;
    const size_t shown = j->hidden ? j->lens->table->count[0] : j->lens->folded.rows;
    const size_t n = gather(j, d, i);
    double bar = imr_background_bar(d->most, n, shown, IMR_SIGNIFICANCE_LEVEL);
    if (!j->rough || !listed_between(a, bar, (double)INFINITY))
        return bar;
    if (!listed_between(a, bar, imr_background_bar(d->fewest, n, shown, IMR_SIGNIFICANCE_LEVEL)))
        return bar;
    while (settle(j, d, i, n, bar))
        bar = imr_background_bar(d->most, n, shown, IMR_SIGNIFICANCE_LEVEL);
    return bar;
}

/* Scores what a list names and puts the first of it on show; returns how many. */
static size_t show_list(const job *j, size_t i, imr_token_score *out, const imr_toplist *list,
                        float sign)
{
    imr_token_score *scores = j->desks[imr_team_member()].scores;
    for (size_t t = 0; t < list->n; t++)
        imr_prepared_score(&scores[t], list->v[t].id, &j->items[i].p, j->lens, shift_of(j, i));
    reorder(scores, list->n, j->settings->order, sign);
    const size_t n = least_of(list->n, j->tokens);
    memcpy(out, scores, n * sizeof *out);
    return n;
}

/* The lists of shift i, and its numbers. */
static void show(const job *j, size_t i, imr_token_score *scores, imr_attribution *out)
{
    const desk *d = &j->desks[imr_team_member()];
    const imr_prepared *p = &j->items[i].p;
    imr_toplist lists[2];
    j->unsure[i] = false;
    for (size_t side = 0; side < 2; side++) {
        lists[side] = list_of(j, i, d->tops + (2 * j->batch + side) * j->places);
        imr_toplist_join(&lists[side], &j->lists[2 * i + side], j->threads, 2 * j->batch);
        j->unsure[i] |= j->rough && p->length_base > 0 && !imr_toplist_certain(&lists[side]);
    }
    if (j->unsure[i])
        return;
    *out = (imr_attribution){.positive = scores,
                             .negative = scores + j->tokens,
                             .alignment = p->alignment,
                             .length = p->length,
                             .length_base = p->length_base};
    for (size_t side = 0; side < 2; side++)
        for (size_t t = 0; t < lists[side].n; t++)
            ask_for(&j->lens->folded, lists[side].v[t].id);
    out->n_positive = show_list(j, i, out->positive, &lists[0], 1);
    out->n_negative = show_list(j, i, out->negative, &lists[1], -1);
    const double bar = bar_of(j, d, i, out);
    for (size_t t = 0; t < out->n_positive; t++)
        out->positive[t].significant = fabs((double)out->positive[t].background_z) >= bar;
    for (size_t t = 0; t < out->n_negative; t++)
        out->negative[t].significant = fabs((double)out->negative[t].background_z) >= bar;
    uint32_t ids[2000];
    size_t n = 0;
    for (size_t side = 0; side < 2; side++)
        for (size_t t = 0; t < (side ? out->n_negative : out->n_positive) && n < IMR_LEN(ids); t++)
            ids[n++] = (side ? out->negative : out->positive)[t].id;
    out->coverage =
        imr_coverage(ids, n, p->change, p->length, j->lens, j->span, d->basis, d->factor);
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
                show(j, i, scores + j->which[i] * 2 * j->settings->tokens,
                     &j->results[j->which[i]]);
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
             .shifts = shifts,
             .settings = settings,
             .hidden = settings->with_hidden ? NULL : lens->table->hidden};
    for (size_t i = 0; i < count; i++)
        j.judged |= shifts[i].background != NULL;
    j.least = imr_background_least(j.hidden ? lens->table->count[0] : lens->folded.rows,
                                   IMR_SIGNIFICANCE_LEVEL);
    IMR_TRY(reserve(&j, space, count, err));
    for (size_t done = 0; done < count; done += j.batch) {
        j.n = least_of(count - done, j.batch);
        for (size_t i = 0; i < j.n; i++)
            j.which[i] = done + i;
        IMR_TRY(run_batch(&j, done, count, scores, progress, err));
        if (!j.rough)
            continue;
        const size_t n = j.n;
        j.n = 0;
        for (size_t i = 0; i < n; i++)
            if (j.unsure[i])
                j.which[j.n++] = j.which[i];
        j.rough = false;
        if (j.n)
            IMR_TRY(run_batch(&j, done, count, scores, progress, err));
        j.rough = true;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = j.results[i];
    return IMR_OK;
}
