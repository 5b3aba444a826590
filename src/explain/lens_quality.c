#include "explain/lens_quality.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/blas.h"
#include "math/topk.h"

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

static imr_status centre(imr_matrix *out, imr_view x, imr_error *err)
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
    if (!m->seen || !m->cosines || !m->shown || !m->texts_of || !m->mine)
        return imr_fail_memory(err);
    for (size_t k = starts[0]; k < starts[vectors.rows]; k++) {
        if (own[k] >= v)
            return imr_fail(err, IMR_E_SHAPE,
                            "row %u is outside the token table of %zu rows: texts and table do not "
                            "belong together",
                            own[k], v);
        m->texts_of[own[k]]++;
    }
    return centre(&m->centred, vectors, err);
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

static imr_status measure(measuring *m, const uint32_t *starts, const uint32_t *own,
                          const imr_progress *progress, imr_error *err)
{
    const imr_lens *l = m->l;
    const size_t v = l->table->rows.rows, r = l->back->rank, all = m->centred.rows;
    for (size_t first = 0; first < all && l->table->count[0] > 1; first += TEXTS) {
        if (!imr_progress_step(progress, "measuring the lens", first, all))
            return imr_fail(err, IMR_E_CANCELLED, "measuring the lens was cancelled");
        const size_t texts = all - first < TEXTS ? all - first : TEXTS;
        /* P+ P x has the coordinates V' x; its length does not change an order. */
        imr_blas_gemm(m->seen, r, 1,
                      imr_view_of(imr_matrix_row(&m->centred, first), texts, m->centred.cols),
                      IMR_PLAIN, imr_matrix_view(&l->back->basis), IMR_TRANSPOSED, 0);
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
    IMR_TRY(measure(&m, starts, own, progress, err));
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
