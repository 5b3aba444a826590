#include "session/ranker.h"

#include "base/mem.h"
#include "math/blas.h"
#include "math/topk.h"

enum { BLOCK = 4096 }; /* documents a product */

/* The best so far of one query, best first. */
typedef struct best {
    float *score; /* [k] */
    uint32_t *document;
    size_t n;
} best;

/* Puts n documents (from `first` on, of which `order` are the best) among the k best. */
static void merge(best *b, size_t k, const float *scores, uint32_t first, const uint32_t *order,
                  size_t n, const uint32_t *places, best *spare)
{
    size_t i = 0, j = 0, out = 0;
    while (out < k && (i < b->n || j < n)) {
        bool old = j == n;
        if (i < b->n && j < n) {
            const float pair[2] = {b->score[i], scores[order[j]]};
            const uint32_t at[2] = {places[b->document[i]], places[first + order[j]]};
            old = imr_topk_before(pair, at, 0, 1);
        }
        spare->score[out] = old ? b->score[i] : scores[order[j]];
        spare->document[out++] = old ? b->document[i++] : first + order[j++];
    }
    spare->n = out;
    const best used = *b;
    *b = *spare;
    *spare = used;
}

/* One query's products with documents [first, first+n), scaled; order and spare [k]. */
static void take_block(best *b, size_t k, float *scores, const float *scale, size_t first, size_t n,
                       const uint32_t *places, uint32_t *order, best *spare)
{
    for (size_t i = 0; scale && i < n; i++)
        scores[i] *= scale[first + i];
    size_t at = 0;
    while (at < n && b->n == k && scores[at] < b->score[k - 1])
        at++;
    if (at == n)
        return;
    const size_t found = imr_topk(order, k, scores, n, places + first);
    merge(b, k, scores, (uint32_t)first, order, found, places, spare);
}

imr_status imr_candidates(uint32_t *out, const imr_ranker *r, imr_stage stage, imr_view queries,
                          size_t k, const char *what, const imr_progress *progress, imr_error *err)
{
    const bool projected = stage == IMR_STAGE_BEFORE;
    const imr_rows d = projected ? r->projected.d : r->cache->documents.rows;
    const float *scale = projected ? r->projected.working_scale : r->projected.base_scale;
    const uint32_t *places = r->cache->documents.ids.places;
    const size_t q = queries.rows;
    assert(k <= d.rows && queries.cols == d.cols);
    IMR_AUTOFREE float *scores = imr_alloc_aligned(q * BLOCK, sizeof *scores);
    IMR_AUTOFREE float *widened =
        d.half ? imr_alloc_aligned(BLOCK * d.cols, sizeof *widened) : NULL;
    IMR_AUTOFREE float *kept = IMR_NEW_ARRAY(float, 2 * q * k);
    IMR_AUTOFREE uint32_t *rows = IMR_NEW_ARRAY(uint32_t, 3 * q * k);
    IMR_AUTOFREE best *bests = IMR_NEW_ARRAY(best, 2 * q);
    IMR_NEED(scores && (!d.half || widened) && kept && rows && bests, err);
    for (size_t i = 0; i < 2 * q; i++)
        bests[i] = (best){kept + i * k, rows + i * k, 0};
    for (size_t first = 0; first < d.rows && k; first += BLOCK) {
        const size_t n = d.rows - first < BLOCK ? d.rows - first : BLOCK;
        const imr_view block = imr_rows_widened(d, first, n, widened);
        imr_blas_gemm(scores, BLOCK, 1, queries, IMR_PLAIN, block, IMR_TRANSPOSED, 0);
#pragma omp parallel for schedule(static) if (q * n > (size_t)1 << 16)
        for (size_t i = 0; i < q; i++)
            take_block(&bests[i], k, scores + i * BLOCK, scale, first, n, places,
                       rows + (2 * q + i) * k, &bests[q + i]);
        IMR_TRY(imr_ranker_step(progress, what, first + n, d.rows, err));
    }
    for (size_t i = 0; i < q; i++)
        memcpy(out + i * k, bests[i].document, k * sizeof *out);
    return IMR_OK;
}

/* ---- a sample of queries ---- */

imr_status imr_query_sample_init(imr_query_sample *x, const imr_ranker *r, imr_stage stage,
                                 imr_rows vectors, const uint32_t *chosen, size_t n, size_t k,
                                 const char *what, const imr_progress *progress, imr_error *err)
{
    const size_t m = r->adapter->w.m;
    IMR_TRY(imr_matrix_init(&x->base, n, vectors.cols, err));
    IMR_TRY(imr_matrix_init(&x->q, n, m, err));
    IMR_TRY(imr_matrix_init(&x->rows, k, m, err));
    IMR_NEED(x->candidates = IMR_NEW_ARRAY(uint32_t, n * k), err);
    for (size_t i = 0; i < n; i++)
        imr_rows_get(imr_matrix_row(&x->base, i), vectors, chosen[i]);
    IMR_TRY(imr_adapter_project(r->adapter, imr_matrix_view(&x->base), x->q.v, err));
    const imr_matrix *queries = stage == IMR_STAGE_BEFORE ? &x->q : &x->base;
    return imr_candidates(x->candidates, r, stage, imr_matrix_view(queries), k, what, progress,
                          err);
}

void imr_query_sample_done(imr_query_sample *x)
{
    imr_matrix_done(&x->base);
    imr_matrix_done(&x->q);
    imr_matrix_done(&x->rows);
    imr_free(x->candidates);
}
