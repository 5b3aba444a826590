#include "explain/background.h"

#include <math.h>

#include "base/mem.h"
#include "math/topk.h"

/* Cosines of so many bytes are held at once. */
#define BATCH_BYTES ((size_t)4 << 20)

typedef struct sampling {
    const imr_lens *lens;
    size_t batch;           /* changes whose cosines are held at once */
    double *wide, *scratch; /* [m], [r] */
    float *directions;      /* [batch,r] */
    float *cosines;         /* [batch,V] */
    double *sum, *squares;  /* [V] */
    float *keys;            /* [V] */
} sampling;

static void sampling_done(sampling *s)
{
    void *const all[] = {s->wide, s->scratch, s->directions, s->cosines,
                         s->sum,  s->squares, s->keys};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
}

static imr_status sampling_init(sampling *s, size_t samples, imr_error *err)
{
    const size_t v = s->lens->table->rows.rows, r = s->lens->back->rank;
    size_t batch = BATCH_BYTES / (v * sizeof(float)) + 1;
    s->batch = batch < samples ? batch : samples;
    s->wide = imr_alloc(s->lens->back->m, sizeof *s->wide);
    s->scratch = imr_alloc(r, sizeof *s->scratch);
    s->directions = imr_alloc_aligned(s->batch * r, sizeof *s->directions);
    s->cosines = imr_alloc_aligned(s->batch * v, sizeof *s->cosines);
    s->sum = imr_calloc(v, sizeof *s->sum);
    s->squares = imr_calloc(v, sizeof *s->squares);
    s->keys = imr_alloc(v, sizeof *s->keys);
    if (!s->wide || !s->scratch || !s->directions || !s->cosines || !s->sum || !s->squares ||
        !s->keys)
        return imr_fail_memory(err);
    return IMR_OK;
}

/* Unit coordinates of P+ delta; zeros when that is zero. */
static void direction(sampling *s, float *out, const float *delta)
{
    for (size_t j = 0; j < s->lens->back->m; j++)
        s->wide[j] = (double)delta[j];
    imr_backproject_left(s->scratch, s->lens->back, s->wide);
    imr_backproject_direction(out, s->lens->back, s->scratch);
}

IMR_CPU_CLONES
static void add_moments(sampling *s, size_t n)
{
    const size_t v = s->lens->table->rows.rows;
    double *sum = s->sum, *squares = s->squares;
    for (size_t i = 0; i < n; i++) {
        const float *cosines = s->cosines + i * v;
#pragma omp simd
        for (size_t t = 0; t < v; t++) {
            const double c = (double)cosines[t];
            sum[t] += c;
            squares[t] += c * c;
        }
    }
}

static void add_hubs(sampling *s, imr_background *b, size_t n)
{
    const size_t v = b->tokens;
    uint32_t top[IMR_HUB_LIST];
    for (size_t i = 0; i < 2 * n; i++) {
        const float *cosines = s->cosines + i / 2 * v, sign = i % 2 ? -1 : 1;
        uint32_t *hubs = i % 2 ? b->hub_low : b->hub_high;
        for (size_t t = 0; t < v; t++)
            s->keys[t] = s->lens->table->hidden[t] ? NAN : sign * cosines[t];
        const size_t found = imr_topk(top, IMR_HUB_LIST, s->keys, v, NULL);
        for (size_t k = 0; k < found && s->keys[top[k]] > 0; k++)
            hubs[top[k]]++;
    }
}

static imr_status measure(imr_background *b, sampling *s, imr_view deltas,
                          const imr_progress *progress, imr_error *err)
{
    const size_t v = b->tokens, r = s->lens->back->rank;
    for (size_t first = 0; first < deltas.rows; first += s->batch) {
        const size_t left = deltas.rows - first, n = left < s->batch ? left : s->batch;
        for (size_t i = 0; i < n; i++)
            direction(s, s->directions + i * r, imr_view_row(&deltas, first + i));
        for (size_t t = 0; t < v; t += IMR_LENS_BLOCK) {
            if (!imr_progress_step(progress, "measuring the background", first, deltas.rows))
                return imr_fail(err, IMR_E_CANCELLED, "measuring the background was cancelled");
            imr_lens_products(s->cosines, s->lens, s->directions, n, t, t + IMR_LENS_BLOCK);
        }
        add_moments(s, n);
        add_hubs(s, b, n);
    }
    const double count = (double)deltas.rows;
    for (size_t t = 0; t < v; t++) {
        const double mean = s->sum[t] / count;
        const double variance = (s->squares[t] - s->sum[t] * mean) / (count - 1);
        b->mean[t] = (float)mean;
        /* Cosines are float32: what is left below their rounding is no spread. */
        b->inverse_sd[t] = variance > 1e-14 ? (float)(1 / sqrt(variance)) : 0;
    }
    return IMR_OK;
}

imr_status imr_background_init(imr_background *out, const imr_lens *lens, imr_view deltas,
                               const imr_progress *progress, imr_error *err)
{
    if (deltas.rows < 2 || deltas.cols != lens->back->m)
        return imr_fail(err, IMR_E_SHAPE,
                        "background sample is [%zu,%zu]; at least 2 changes of %zu numbers are "
                        "needed",
                        deltas.rows, deltas.cols, lens->back->m);
    const size_t v = lens->table->rows.rows;
    IMR_CLEANUP(imr_background_done) imr_background b = {.tokens = v, .samples = deltas.rows};
    IMR_CLEANUP(sampling_done) sampling s = {.lens = lens};
    b.mean = imr_alloc(v, sizeof *b.mean);
    b.inverse_sd = imr_alloc(v, sizeof *b.inverse_sd);
    b.hub_high = imr_calloc(v, sizeof *b.hub_high);
    b.hub_low = imr_calloc(v, sizeof *b.hub_low);
    IMR_NEED(b.mean && b.inverse_sd && b.hub_high && b.hub_low, err);
    IMR_TRY(sampling_init(&s, deltas.rows, err));
    IMR_TRY(measure(&b, &s, deltas, progress, err));
    *out = IMR_TAKE(b);
    return IMR_OK;
}

void imr_background_done(imr_background *b)
{
    IMR_FREE(b->mean, b->inverse_sd, b->hub_high, b->hub_low);
    *b = (imr_background){0};
}

double imr_normal_two_sided(double z)
{
    return erfc(fabs(z) / sqrt(2.0));
}

double imr_normal_two_sided_inverse(double p)
{
    if (!(p < 1))
        return 0;
    /* Newton on log p, which is concave and falls with z: from the right of the root every step
     * stays right of it. The start is right of it because p <= exp(-z^2/2). */
    const double target = log(fmax(p, 1e-300)), root = sqrt(2 / acos(-1.0));
    double z = sqrt(-2 * target);
    for (int i = 0; i < 60; i++) {
        const double tail = imr_normal_two_sided(z);
        const double step = (log(tail) - target) * tail / (root * exp(-z * z / 2));
        z = fmax(z + step, 0);
        if (fabs(step) <= 1e-14 * (1 + z))
            break;
    }
    return z;
}

IMR_CPU_CLONES
static size_t count_from(const float *z, size_t n, float bar)
{
    uint32_t count = 0;
#pragma omp simd reduction(+ : count)
    for (size_t i = 0; i < n; i++)
        count += z[i] >= bar;
    return count;
}

double imr_background_threshold(const imr_background *b, const float *cosines,
                                const uint8_t *hidden, double level, float *scratch)
{
    size_t shown = 0;
    for (size_t t = 0; t < b->tokens; t++)
        if (!hidden || !hidden[t])
            scratch[shown++] = fabsf((float)imr_background_z(b, (uint32_t)t, (double)cosines[t]));
    /* k -> number with p <= level k/M falls from M to its largest fixed point, which is the k of
     * Benjamini-Hochberg; so nothing is sorted and no p is computed for a token. */
    for (size_t k = shown; k > 0;) { /* z: what a token needs when k are to pass */
        const double p = level * (double)k / (double)shown;
        const float z = (float)imr_normal_two_sided_inverse(p);
        const size_t passing = count_from(scratch, shown, z);
        if (passing == k)
            return (double)z;
        k = passing;
    }
    return (double)INFINITY;
}
