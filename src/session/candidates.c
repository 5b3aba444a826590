#include "session/candidates.h"

#include <math.h>

#include "base/mem.h"
#include "math/blas.h"

enum { BLOCK = 4096 }; /* documents a product */

typedef struct kept {
    float score;
    uint32_t document;
} kept;

/* The best so far of one query: a heap with the worst on top. */
typedef struct heap {
    kept *v;
    size_t n, k;
    const uint32_t *places;
} heap;

static bool stands_before(const heap *h, kept a, kept b)
{
    if (a.score > b.score || b.score > a.score)
        return a.score > b.score;
    return h->places[a.document] > h->places[b.document];
}

static void sift_down(heap *h, size_t n, size_t at)
{
    const kept moving = h->v[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && stands_before(h, h->v[child], h->v[child + 1]))
            child++;
        if (!stands_before(h, moving, h->v[child]))
            break;
        h->v[at] = h->v[child];
        at = child;
    }
    h->v[at] = moving;
}

static void take(heap *h, kept x)
{
    if (h->n < h->k) {
        h->v[h->n++] = x;
        if (h->n == h->k)
            for (size_t i = h->k / 2; i-- > 0;)
                sift_down(h, h->k, i);
    } else if (stands_before(h, x, h->v[0])) {
        h->v[0] = x;
        sift_down(h, h->k, 0);
    }
}

/* A full heap, emptied from its worst on. */
static void sorted(uint32_t *out, heap *h)
{
    for (size_t left = h->n; left > 0; left--) {
        out[left - 1] = h->v[0].document;
        h->v[0] = h->v[left - 1];
        sift_down(h, left - 1, 0);
    }
}

/* Documents [first, first+n) with their products. */
static void take_block(heap *h, const float *scores, const float *scale, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float score = scores[i] * (scale ? scale[first + i] : 1);
        if (h->n == h->k && score < h->v[0].score)
            continue; /* nearly all of them */
        take(h, (kept){isnan(score) ? -INFINITY : score, (uint32_t)(first + i)});
    }
}

imr_status imr_candidates(uint32_t *out, const imr_projected *p, const uint32_t *places,
                          imr_view queries, size_t k, const char *what,
                          const imr_progress *progress, imr_error *err)
{
    const imr_rows d = p->d;
    const size_t q = queries.rows;
    assert(k <= d.rows && queries.cols == d.cols);
    IMR_AUTOFREE float *scores = imr_alloc_aligned(q * BLOCK, sizeof *scores);
    IMR_AUTOFREE float *widened =
        d.half ? imr_alloc_aligned(BLOCK * d.cols, sizeof *widened) : NULL;
    IMR_AUTOFREE kept *entries = IMR_NEW_ARRAY(kept, q * k);
    IMR_AUTOFREE heap *heaps = IMR_NEW_ARRAY(heap, q);
    if (!scores || (d.half && !widened) || !entries || !heaps)
        return imr_fail_memory(err);
    for (size_t i = 0; i < q; i++)
        heaps[i] = (heap){entries + i * k, 0, k, places};
    for (size_t first = 0; first < d.rows && k; first += BLOCK) {
        const size_t n = d.rows - first < BLOCK ? d.rows - first : BLOCK;
        imr_view block;
        if (d.half) {
            imr_rows_read(widened, d, first, n);
            block = imr_view_of(widened, n, d.cols);
        } else {
            block = imr_rows_view(imr_rows_slice(d, first, n));
        }
        imr_blas_gemm(scores, BLOCK, 1, queries, IMR_PLAIN, block, IMR_TRANSPOSED, 0);
#pragma omp parallel for schedule(static) if (q * n > (size_t)1 << 16)
        for (size_t i = 0; i < q; i++)
            take_block(&heaps[i], scores + i * BLOCK, p->working_scale, first, n);
        if (!imr_progress_step(progress, what, first + n, d.rows))
            return imr_fail(err, IMR_E_CANCELLED, "cancelled");
    }
    for (size_t i = 0; i < q; i++)
        sorted(out + i * k, &heaps[i]);
    return IMR_OK;
}
