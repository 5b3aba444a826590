#include "explain/lens.h"

#include <assert.h>
#include <math.h>

#include "base/mem.h"
#include "math/blas.h"
#include "math/topk.h"

/* ---- back ---- */

imr_status imr_backprojector_init(imr_backprojector *out, imr_view weight, imr_error *err)
{
    IMR_CLEANUP(imr_backprojector_done) imr_backprojector b = {.m = weight.rows, .n = weight.cols};
    IMR_TRY(imr_svd_init(&b.svd, weight, err));
    b.rank = b.svd.rank;
    if (b.rank == 0)
        return imr_fail(err, IMR_E_NUMERIC,
                        "projector weight [%zu,%zu] is zero everywhere; nothing can be projected "
                        "back: use an adapter that was trained",
                        b.m, b.n);
    IMR_TRY(imr_matrix_init(&b.basis, b.rank, b.n, err));
    for (size_t i = 0; i < b.rank * b.n; i++)
        b.basis.v[i] = (float)b.svd.vt[i];
    *out = IMR_TAKE(b);
    return IMR_OK;
}

imr_status imr_backprojector_identity(imr_backprojector *out, size_t n, imr_error *err)
{
    IMR_CLEANUP(imr_backprojector_done) imr_backprojector b = {.m = n, .n = n, .rank = n};
    b.svd = (imr_svd){.k = n, .condition = 1};
    IMR_NEED(b.svd.s = IMR_NEW_ARRAY(double, n), err);
    for (size_t i = 0; i < n; i++)
        b.svd.s[i] = 1;
    *out = IMR_TAKE(b);
    return IMR_OK;
}

void imr_backprojector_done(imr_backprojector *b)
{
    imr_svd_done(&b->svd);
    imr_matrix_done(&b->basis);
    *b = (imr_backprojector){0};
}

IMR_CPU_CLONES
void imr_backproject_left(double *out, const imr_backprojector *b, const double *x)
{
    const size_t r = b->rank;
    for (size_t k = 0; k < r; k++)
        out[k] = b->svd.u ? 0 : x[k];
    for (size_t j = 0; b->svd.u && j < b->m; j++) {
        const double *row = b->svd.u + j * b->svd.k;
        const double xj = x[j];
#pragma omp simd
        for (size_t k = 0; k < r; k++)
            out[k] += xj * row[k];
    }
}

void imr_backproject(double *out, const imr_backprojector *b, const double *x, double *scratch)
{
    imr_backproject_left(scratch, b, x);
    for (size_t k = 0; k < b->rank; k++)
        scratch[k] /= b->svd.s[k];
    for (size_t i = 0; i < b->n; i++)
        out[i] = b->svd.vt ? 0 : scratch[i];
    for (size_t k = 0; b->svd.vt && k < b->rank; k++)
        for (size_t i = 0; i < b->n; i++)
            out[i] += scratch[k] * b->svd.vt[k * b->n + i];
}

/* out = x V, of each row of x. */
static void to_basis(float *out, const imr_backprojector *b, imr_view x)
{
    if (b->basis.v)
        imr_blas_gemm(out, b->rank, 1, x, IMR_PLAIN, imr_matrix_view(&b->basis), IMR_TRANSPOSED, 0);
    for (size_t i = 0; !b->basis.v && i < x.rows; i++)
        memcpy(out + i * b->rank, imr_view_row(&x, i), x.cols * sizeof *out);
}

void imr_backproject_direction(float *out, const imr_backprojector *b, double *x)
{
    double square = 0;
    for (size_t k = 0; k < b->rank; k++) {
        x[k] /= b->svd.s[k];
        square += x[k] * x[k];
    }
    const double length = sqrt(square);
    for (size_t k = 0; k < b->rank; k++)
        out[k] = length > 0 ? (float)(x[k] / length) : 0;
}

/* ---- and to words ---- */

/* Rows multiplied between two looks at the cancel flag: 10 to 30 ms at n = 1024 on one core. */
#define FOLD_ROWS ((size_t)2048)
/* Tokens a thread multiplies at a time. */
#define PART ((size_t)256)
/* Multiplications that are worth a second thread. */
#define WORTH_THREADS ((size_t)1 << 20)

/* |x - centre|^2 */
static double squares(const float *x, const float *centre, size_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        const double v = (double)x[i] - (double)centre[i];
        sum += v * v;
    }
    return sum;
}

/* From E_t V in row to F_t = unit(E_t) V, and what is read off it; seen_centre [r]: centre V. */
IMR_CPU_CLONES
static void measure(imr_lens *l, float *row, size_t t, const float *centre,
                    const float *seen_centre)
{
    const imr_view *e = &l->table->rows;
    const double *s = l->back->svd.s;
    const size_t r = l->back->rank;
    const double length = sqrt(squares(imr_view_row(e, t), centre, e->cols));
    const double scale = length > 0 ? 1 / length : 0;
    double seen = 0, reach = 0;
#pragma omp simd reduction(+ : seen, reach)
    for (size_t k = 0; k < r; k++) {
        const double v = ((double)row[k] - (double)seen_centre[k]) * scale, w = v * s[k];
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
    IMR_CLEANUP(imr_matrix_done) imr_matrix rows = {0};
    IMR_AUTOFREE float *centre = IMR_NEW_ARRAY(float, e.cols);
    IMR_AUTOFREE float *seen_centre = IMR_NEW_ARRAY(float, l->back->rank);
    IMR_NEED(centre && seen_centre, err);
    if (l->table->centre) {
        memcpy(centre, l->table->centre, e.cols * sizeof *centre);
        to_basis(seen_centre, l->back, imr_view_of(centre, 1, e.cols));
    }
    IMR_TRY(imr_matrix_init(&rows, e.rows, l->back->rank, err));
    for (size_t first = 0; first < e.rows; first += FOLD_ROWS) {
        if (!imr_progress_step(progress, "folding the token table", first, e.rows))
            return imr_fail(err, IMR_E_CANCELLED, "folding the token table was cancelled");
        const size_t n = e.rows - first < FOLD_ROWS ? e.rows - first : FOLD_ROWS;
        to_basis(imr_matrix_row(&rows, first), l->back,
                 (imr_view){imr_view_row(&e, first), n, e.cols, e.stride});
#pragma omp parallel for
        for (size_t t = first; t < first + n; t++)
            measure(l, imr_matrix_row(&rows, t), t, centre, seen_centre);
    }
    return imr_packed_init(&l->folded, imr_matrix_view(&rows), IMR_FLOAT32, NULL, err);
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
    IMR_CLEANUP(imr_lens_done) imr_lens l = {.table = table, .back = back};
    l.visibility = imr_alloc(v, sizeof *l.visibility);
    l.reach = imr_alloc(v, sizeof *l.reach);
    IMR_NEED(l.visibility && l.reach, err);
    IMR_TRY(fold(&l, progress, err));
    *out = IMR_TAKE(l);
    return IMR_OK;
}

void imr_lens_done(imr_lens *l)
{
    imr_packed_done(&l->folded);
    IMR_FREE(l->visibility, l->reach);
    *l = (imr_lens){0};
}

void imr_lens_products(float *out, const imr_lens *l, const float *directions, size_t count,
                       size_t first, size_t last)
{
    const imr_packed *f = &l->folded;
    const size_t cols = f->kernels->cols, panels = PART / cols, begin = first / cols;
    assert(first % IMR_LENS_BLOCK == 0 && (last % IMR_LENS_BLOCK == 0 || last >= f->outs));
    const size_t end = last < f->outs ? last / cols : f->panels;
    const imr_product p = {
        .out = out, .x = directions, .out_stride = f->outs, .x_stride = f->ins, .rows = count};
#pragma omp parallel for schedule(dynamic) if (count * (end - begin) * cols * f->ins >             \
                                               WORTH_THREADS)
    for (size_t at = begin; at < end; at += panels)
        imr_packed_multiply(f, &p, at, at + panels < end ? at + panels : end);
}

double imr_lens_z(const imr_lens *l, uint32_t token, double cosine)
{
    const double visibility = (double)l->visibility[token];
    return visibility > 0 ? cosine / sqrt(visibility / (double)l->back->rank) : 0;
}

/* ---- how well a corpus can be read through it ---- */

enum {
    TEXTS = 16, /* whose cosines are held at once */
    NEAREST = 10,
    RARE = 20 /* one text of so many at most */
};

/* What a measurement holds. */
typedef struct measuring {
    const imr_lens *l;
    imr_matrix centred; /* texts less their mean */
    float *seen;        /* [TEXTS, r] */
    float *cosines;     /* [TEXTS, V] */
    float *shown;       /* [V] those of one text, hidden rows lowest */
    uint32_t *texts_of; /* [V] how many texts have the word */
    uint8_t *mine;      /* [V] is it of this text? */
    double precision, chance, rank;
    size_t counted, ranked;
} measuring;

static void measuring_done(measuring *m)
{
    imr_matrix_done(&m->centred);
    void *const all[] = {m->seen, m->cosines, m->shown, m->texts_of, m->mine};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
}

static imr_status centre_texts(imr_matrix *out, imr_view x, imr_error *err)
{
    IMR_TRY(imr_matrix_init(out, x.rows, x.cols, err));
    for (size_t j = 0; j < x.cols; j++) {
        double sum = 0;
        for (size_t i = 0; i < x.rows; i++)
            sum += (double)imr_view_row(&x, i)[j];
        for (size_t i = 0; i < x.rows; i++)
            imr_matrix_row(out, i)[j] =
                (float)((double)imr_view_row(&x, i)[j] - sum / (double)x.rows);
    }
    return IMR_OK;
}

static imr_status prepare(measuring *m, imr_view vectors, const uint32_t *starts,
                          const uint32_t *own, imr_error *err)
{
    const size_t v = m->l->table->rows.rows;
    if (vectors.cols != m->l->back->n)
        return imr_fail(err, IMR_E_SHAPE, "text vectors have %zu numbers, the adapter reads %zu",
                        vectors.cols, m->l->back->n);
    m->seen = imr_alloc_aligned(TEXTS * m->l->back->rank, sizeof *m->seen);
    m->cosines = imr_alloc_aligned(TEXTS * v, sizeof *m->cosines);
    m->shown = IMR_NEW_ARRAY(float, v);
    m->texts_of = IMR_NEW_ARRAY(uint32_t, v);
    m->mine = IMR_NEW_ARRAY(uint8_t, v);
    IMR_NEED(m->seen && m->cosines && m->shown && m->texts_of && m->mine, err);
    for (size_t k = starts[0]; k < starts[vectors.rows]; k++) {
        if (own[k] >= v)
            return imr_fail(err, IMR_E_SHAPE,
                            "row %u is outside the token table of %zu rows: texts and table do not "
                            "belong together",
                            own[k], v);
        m->texts_of[own[k]]++;
    }
    return centre_texts(&m->centred, vectors, err);
}

/* (rows below + half of the equal ones) / (shown - 1): the row itself is one of the equal ones. */
IMR_CPU_CLONES
static double percentile(const float *cosines, const imr_token_table *t, float mine)
{
    const uint8_t *hidden = t->hidden;
    uint32_t below = 0, equal = 0;
#pragma omp simd reduction(+ : below, equal)
    for (size_t k = 0; k < t->rows.rows; k++) {
        below += !hidden[k] & (cosines[k] < mine);
        equal += !hidden[k] & (cosines[k] <= mine);
    }
    return ((double)below + ((double)(equal - below) - 1) / 2) / (double)(t->count[0] - 1);
}

static void measure_text(measuring *m, const float *cosines, const uint32_t *own, size_t n,
                         size_t texts)
{
    const imr_token_table *t = m->l->table;
    size_t shown = 0, rare = 0, hits = 0;
    double ranks = 0;
    for (size_t k = 0; k < n; k++) {
        if (t->hidden[own[k]])
            continue;
        m->mine[own[k]] = 1;
        shown++;
        if (m->texts_of[own[k]] * RARE > texts)
            continue;
        ranks += percentile(cosines, t, cosines[own[k]]);
        rare++;
    }
    if (shown == 0)
        return;
    for (size_t k = 0; k < t->rows.rows; k++)
        m->shown[k] = t->hidden[k] ? -INFINITY : cosines[k];
    uint32_t nearest[NEAREST];
    const size_t few = shown < NEAREST ? shown : NEAREST;
    imr_topk(nearest, few, m->shown, t->rows.rows, NULL);
    for (size_t k = 0; k < few; k++)
        hits += m->mine[nearest[k]];
    for (size_t k = 0; k < n; k++)
        m->mine[own[k]] = 0;
    m->precision += (double)hits / (double)few;
    m->chance += (double)shown / (double)t->count[0];
    m->counted++;
    if (rare == 0)
        return;
    m->rank += ranks / (double)rare;
    m->ranked++;
}

static imr_status measure_texts(measuring *m, const uint32_t *starts, const uint32_t *own,
                                const imr_progress *progress, imr_error *err)
{
    const imr_lens *l = m->l;
    const size_t v = l->table->rows.rows, all = m->centred.rows;
    for (size_t first = 0; first < all && l->table->count[0] > 1; first += TEXTS) {
        if (!imr_progress_step(progress, "measuring the lens", first, all))
            return imr_fail(err, IMR_E_CANCELLED, "measuring the lens was cancelled");
        const size_t texts = all - first < TEXTS ? all - first : TEXTS;
        /* P+ P x has the coordinates V' x; its length does not change an order. */
        to_basis(m->seen, l->back,
                 imr_view_of(imr_matrix_row(&m->centred, first), texts, m->centred.cols));
        imr_lens_products(m->cosines, l, m->seen, texts, 0, v);
        for (size_t i = first; i < first + texts; i++)
            measure_text(m, m->cosines + (i - first) * v, own + starts[i],
                         starts[i + 1] - starts[i], all);
    }
    return IMR_OK;
}

imr_status imr_lens_measure(imr_lens_quality *out, const imr_lens *l, imr_view vectors,
                            const uint32_t *starts, const uint32_t *own,
                            const imr_progress *progress, imr_error *err)
{
    IMR_CLEANUP(measuring_done) measuring m = {.l = l};
    IMR_TRY(prepare(&m, vectors, starts, own, err));
    IMR_TRY(measure_texts(&m, starts, own, progress, err));
    const double counted = (double)m.counted;
    *out = (imr_lens_quality){
        .precision = m.counted ? m.precision / counted : (double)NAN,
        .chance = m.counted ? m.chance / counted : (double)NAN,
        .rank = m.ranked ? m.rank / (double)m.ranked : (double)NAN,
        .texts = m.counted,
    };
    return IMR_OK;
}

bool imr_lens_is_poor(const imr_lens_quality *q)
{
    return q->precision < fmax(.25, 3 * q->chance);
}
