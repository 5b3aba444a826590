#include "explain/lens.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "math/blas.h"

/* Rows multiplied between two looks at the cancel flag: 10 to 30 ms at n = 1024 on one core. */
#define FOLD_ROWS ((size_t)2048)
/* Multiplications that are worth a second thread. */
#define WORTH_THREADS ((size_t)1 << 20)
/* Texts whose cosines are held at once while measuring the quality. */
#define QUALITY_TEXTS ((size_t)16)

static double squares(const float *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

/* From E_t V to F_t = unit(E_t) V, and what is read off it. */
IMR_CPU_CLONES
static void measure(imr_lens *l, size_t t)
{
    const imr_view *e = &l->table->rows;
    const double *s = l->back->singular;
    const size_t r = l->folded.cols;
    float *row = imr_matrix_row(&l->folded, t);
    const double length = sqrt(squares(imr_view_row(e, t), e->cols));
    const double scale = length > 0 ? 1 / length : 0;
    double seen = 0, reach = 0;
#pragma omp simd reduction(+ : seen, reach)
    for (size_t k = 0; k < r; k++) {
        const double v = (double)row[k] * scale, w = v * s[k];
        row[k] = (float)v;
        seen += v * v;
        reach += w * w;
    }
    l->visibility[t] = (float)fmin(seen, 1);
    l->reach[t] = (float)sqrt(reach);
}

static imr_status fold(imr_lens *l, const imr_progress *progress, imr_error *err)
{
    const imr_view e = l->table->rows;
    for (size_t first = 0; first < e.rows; first += FOLD_ROWS) {
        if (!imr_progress_step(progress, "folding the token table", first, e.rows))
            return imr_fail(err, IMR_E_CANCELLED, "folding the token table was cancelled");
        const size_t rows = e.rows - first < FOLD_ROWS ? e.rows - first : FOLD_ROWS;
        imr_blas_gemm(imr_matrix_row(&l->folded, first), l->folded.cols, 1,
                      (imr_view){imr_view_row(&e, first), rows, e.cols, e.stride}, IMR_PLAIN,
                      imr_matrix_view(&l->back->basis_f), IMR_TRANSPOSED, 0);
#pragma omp parallel for
        for (size_t t = first; t < first + rows; t++)
            measure(l, t);
    }
    return IMR_OK;
}

imr_status imr_lens_init(imr_lens *out, const imr_token_table *table, const imr_backprojector *back,
                         const imr_progress *progress, imr_error *err)
{
    if (table->rows.cols != back->n)
        return imr_fail(err, IMR_E_SHAPE,
                        "token table has rows of %zu numbers, the adapter reads vectors of %zu: "
                        "use the table of the encoder the adapter was trained on",
                        table->rows.cols, back->n);
    const size_t v = table->rows.rows;
    imr_lens l = {.table = table, .back = back};
    imr_status status = imr_matrix_init(&l.folded, v, back->rank, err);
    if (status == IMR_OK) {
        l.visibility = imr_alloc(v, sizeof *l.visibility);
        l.reach = imr_alloc(v, sizeof *l.reach);
        status = l.visibility && l.reach ? fold(&l, progress, err) : imr_fail_memory(err);
    }
    if (status == IMR_OK)
        status = imr_packed_init(&l.packed, imr_matrix_view(&l.folded), IMR_FLOAT32, NULL, err);
    if (status == IMR_OK && imr_kernels_at(0)->has_bf16)
        status = imr_lens_add_rounded(&l, NULL, err);
    if (status != IMR_OK) {
        imr_lens_done(&l);
        return status;
    }
    *out = l;
    return IMR_OK;
}

static inline double off(float x, uint32_t bits)
{
    float rounded;
    memcpy(&rounded, &bits, sizeof rounded);
    return (double)x - (double)rounded;
}

/* |x - rounded|, of numbers rounded to pairs. */
IMR_CPU_CLONES
static double lost(const uint32_t *pairs, const float *x, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < n / 2; k++) {
        const double low = off(x[2 * k], pairs[k] << 16),
                     high = off(x[2 * k + 1], pairs[k] & 0xffff0000U);
        sum += low * low + high * high;
    }
    if (n % 2) {
        const double last = off(x[n - 1], pairs[n / 2] << 16);
        sum += last * last;
    }
    return sqrt(sum);
}

imr_status imr_lens_add_rounded(imr_lens *l, const imr_kernels *kernels, imr_error *err)
{
    const imr_view f = imr_matrix_view(&l->folded);
    const size_t cells = imr_packed_stride(f.cols / 2 + 1);
    uint32_t *rows IMR_AUTOFREE = imr_alloc_aligned(imr_team_most() * cells, sizeof *rows);
    if (!rows)
        return imr_fail_memory(err);
    imr_packed_done(&l->rounded);
    IMR_TRY(imr_packed_init(&l->rounded, f, IMR_BFLOAT16, kernels, err));
    double visible = 0, most = 0;
#pragma omp parallel for reduction(max : visible, most) if (f.rows * f.cols > WORTH_THREADS)
    for (size_t t = 0; t < f.rows; t++) {
        uint32_t *row = rows + imr_team_member() * cells;
        imr_packed_round(row, &l->rounded, imr_view_row(&f, t));
        most = fmax(most, lost(row, imr_view_row(&f, t), f.cols));
        visible = fmax(visible, (double)l->visibility[t]);
    }
    l->lost = most;
    l->longest = sqrt(visible) * (1 + 1e-6); /* what visibility is rounded by */
    return IMR_OK;
}

void imr_lens_done(imr_lens *l)
{
    imr_matrix_done(&l->folded);
    imr_packed_done(&l->packed);
    imr_packed_done(&l->rounded);
    imr_free(l->visibility);
    imr_free(l->reach);
    *l = (imr_lens){0};
}

/* The tokens from `first` on, which begin a panel. */
static imr_packed part_of(const imr_packed *whole, size_t first, size_t tokens)
{
    imr_packed w = *whole;
    if (w.pairs)
        w.pairs += first * w.cells;
    else
        w.v += first * w.cells;
    w.outs = tokens;
    w.panels = (tokens + w.kernels->cols - 1) / w.kernels->cols;
    return w;
}

void imr_lens_products(float *out, size_t out_stride, const imr_lens *l, const float *directions,
                       size_t count, size_t first, size_t tokens)
{
    assert(first % IMR_LENS_BLOCK == 0 && tokens <= l->folded.rows - first);
    const size_t parts = (tokens + IMR_LENS_PART - 1) / IMR_LENS_PART;
#pragma omp parallel for schedule(dynamic) if (count * tokens * l->packed.ins > WORTH_THREADS)
    for (size_t part = 0; part < parts; part++) {
        const size_t at = part * IMR_LENS_PART;
        imr_lens_part(out + at, out_stride, l, directions, count, first + at,
                      tokens - at < IMR_LENS_PART ? tokens - at : IMR_LENS_PART);
    }
}

void imr_lens_part(float *out, size_t out_stride, const imr_lens *l, const float *directions,
                   size_t count, size_t first, size_t tokens)
{
    assert(first % IMR_LENS_PART == 0 && tokens <= l->folded.rows - first);
    const imr_packed w = part_of(&l->packed, first, tokens);
    const imr_product p = {
        .out = out, .x = directions, .out_stride = out_stride, .x_stride = w.ins, .rows = count};
    imr_packed_multiply(&w, &p, 0, w.panels);
}

float imr_lens_round(uint32_t *rounded, const imr_lens *l, const double *direction, float *scratch)
{
    const size_t r = l->folded.cols;
    double length = 0, narrowed = 0;
    for (size_t k = 0; k < r; k++) {
        scratch[k] = (float)direction[k];
        const double d = direction[k] - (double)scratch[k];
        length += direction[k] * direction[k];
        narrowed += d * d;
    }
    imr_packed_round(rounded, &l->rounded, scratch);
    const double apart = lost(rounded, scratch, r) + sqrt(narrowed), longest = sqrt(length) + apart;
    /* F~.c~ - F.c = (F~ - F).c~ + F.(c~ - c), and of each of r sums in float32 the rounding;
     * what is computed with the result is rounded as well. */
    const double sums = (double)r * 0x1p-23 * (l->longest + l->lost) * longest + 1e-6;
    return (float)(1.0001 * (l->lost * longest + l->longest * apart + sums));
}

void imr_lens_near(float *out, size_t out_stride, const imr_lens *l, uint32_t *rounded,
                   size_t count, size_t first, size_t tokens)
{
    assert(first % IMR_LENS_PART == 0 && tokens <= l->rounded.outs - first);
    const imr_packed w = part_of(&l->rounded, first, tokens);
    const imr_product p = {.out = out, .out_stride = out_stride, .rows = count, .scratch = rounded};
    imr_packed_multiply(&w, &p, 0, w.panels);
}

IMR_CPU_CLONES
double imr_lens_product(const imr_lens *l, uint32_t token, const double *c)
{
    const float *row = imr_matrix_row(&l->folded, token);
    const size_t r = l->folded.cols;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t k = 0; k < r; k++)
        sum += (double)row[k] * c[k];
    return sum;
}

IMR_CPU_CLONES
void imr_lens_product_4(double out[4], const imr_lens *l, uint32_t token, const double *const c[4])
{
    const float *row = imr_matrix_row(&l->folded, token);
    const double *c0 = c[0], *c1 = c[1], *c2 = c[2], *c3 = c[3];
    const size_t r = l->folded.cols;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (size_t k = 0; k < r; k++) {
        s0 += (double)row[k] * c0[k];
        s1 += (double)row[k] * c1[k];
        s2 += (double)row[k] * c2[k];
        s3 += (double)row[k] * c3[k];
    }
    out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;
}

double imr_lens_z(const imr_lens *l, uint32_t token, double cosine)
{
    const double visibility = (double)l->visibility[token];
    return visibility > 0 ? cosine / sqrt(visibility / (double)l->back->rank) : 0;
}

/* Mean percentile rank of the shown ones of ids among the shown tokens; NaN when none is shown. */
IMR_CPU_CLONES
static double percentile(const float *cosines, const imr_token_table *t, const uint32_t *ids,
                         size_t n)
{
    const uint8_t *hidden = t->hidden;
    const size_t v = t->rows.rows;
    double sum = 0;
    size_t own = 0;
    for (size_t i = 0; i < n; i++) {
        if (hidden[ids[i]])
            continue;
        const float mine = cosines[ids[i]];
        uint32_t below = 0, equal = 0;
#pragma omp simd reduction(+ : below, equal)
        for (size_t k = 0; k < v; k++) {
            below += !hidden[k] & (cosines[k] < mine);
            equal += !hidden[k] & (cosines[k] <= mine);
        }
        equal -= below;
        /* The token itself is one of the equal ones. */
        sum += ((double)below + ((double)equal - 1) / 2) / (double)(t->count[0] - 1);
        own++;
    }
    return own ? sum / (double)own : (double)NAN;
}

static imr_status check_texts(const imr_lens *l, imr_view vectors, const size_t *starts,
                              const uint32_t *ids, imr_error *err)
{
    if (vectors.cols != l->back->n)
        return imr_fail(err, IMR_E_SHAPE, "text vectors have %zu numbers, the adapter reads %zu",
                        vectors.cols, l->back->n);
    for (size_t i = starts[0]; i < starts[vectors.rows]; i++)
        if (ids[i] >= l->table->rows.rows)
            return imr_fail(err, IMR_E_SHAPE,
                            "token id %u is outside the token table of %zu rows: tokeniser and "
                            "table do not belong together",
                            ids[i], l->table->rows.rows);
    return IMR_OK;
}

imr_status imr_lens_quality(double *quality, size_t *texts_used, const imr_lens *l,
                            imr_view vectors, const size_t *starts, const uint32_t *ids,
                            const imr_progress *progress, imr_error *err)
{
    IMR_TRY(check_texts(l, vectors, starts, ids, err));
    const size_t v = l->table->rows.rows, r = l->back->rank;
    IMR_AUTOFREE float *seen = imr_alloc_aligned(QUALITY_TEXTS * r, sizeof *seen);
    IMR_AUTOFREE float *cosines = imr_alloc_aligned(QUALITY_TEXTS * v, sizeof *cosines);
    if (!seen || !cosines)
        return imr_fail_memory(err);
    double sum = 0;
    size_t used = 0;
    for (size_t first = 0; first < vectors.rows && l->table->count[0] > 1; first += QUALITY_TEXTS) {
        if (!imr_progress_step(progress, "measuring the lens", first, vectors.rows))
            return imr_fail(err, IMR_E_CANCELLED, "measuring the lens was cancelled");
        const size_t left = vectors.rows - first;
        const size_t texts = left < QUALITY_TEXTS ? left : QUALITY_TEXTS;
        /* P+ P x has the coordinates V' x; its length does not change an order. */
        imr_blas_gemm(
            seen, r, 1,
            (imr_view){imr_view_row(&vectors, first), texts, vectors.cols, vectors.stride},
            IMR_PLAIN, imr_matrix_view(&l->back->basis_f), IMR_TRANSPOSED, 0);
        imr_lens_products(cosines, v, l, seen, texts, 0, v);
        double ranks[QUALITY_TEXTS];
        for (size_t i = 0; i < texts; i++)
            ranks[i] = percentile(cosines + i * v, l->table, ids + starts[first + i],
                                  starts[first + i + 1] - starts[first + i]);
        for (size_t i = 0; i < texts; i++)
            if (!isnan(ranks[i])) {
                sum += ranks[i];
                used++;
            }
    }
    *quality = used ? sum / (double)used : (double)NAN;
    if (texts_used)
        *texts_used = used;
    return IMR_OK;
}
