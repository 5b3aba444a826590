#include "retrieval/similarity.h"

#include <assert.h>

#include "base/mem.h"

typedef struct place {
    uint32_t document, rank; /* from 0 */
} place;

/* A document of both rankings, by its rank in each. */
typedef struct shared {
    uint32_t document, a, b;
} shared;

static int by_document(const void *x, const void *y)
{
    uint32_t a = ((const place *)x)->document, b = ((const place *)y)->document;
    return (a > b) - (a < b);
}

static imr_status places_of(place **out, const uint32_t *v, size_t n, imr_error *err)
{
    IMR_AUTOFREE place *p = IMR_NEW_ARRAY(place, n);
    IMR_NEED(p, err);
    for (size_t i = 0; i < n; i++)
        p[i] = (place){v[i], (uint32_t)i};
    qsort(p, n, sizeof *p, by_document);
    for (size_t i = 1; i < n; i++)
        if (p[i].document == p[i - 1].document)
            return imr_fail(err, IMR_E_FORMAT, "document %u stands twice in one ranking",
                            (unsigned)p[i].document);
    return IMR_GIVE(out, p);
}

/* What both hold, in b's order; a is sorted by document. out has room for the shorter one. */
static size_t intersect(shared *out, const place *a, size_t n_a, const uint32_t *b, size_t n_b)
{
    size_t n = 0;
    for (size_t i = 0; i < n_b; i++) {
        const place key = {.document = b[i]};
        const place *found = bsearch(&key, a, n_a, sizeof *a, by_document);
        if (found)
            out[n++] = (shared){b[i], found->rank, (uint32_t)i};
    }
    return n;
}

/* at[d]: documents shared by the first d+1 of both. */
static void overlaps(size_t *at, size_t depth, const shared *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[s[i].a > s[i].b ? s[i].a : s[i].b]++;
    for (size_t d = 1; d < depth; d++)
        at[d] += at[d - 1];
}

static double rank_biased_overlap(const size_t *at, size_t shorter, size_t longer, double p)
{
    double sum = 0, weight = 1, x_s = (double)at[shorter - 1], x_l = (double)at[longer - 1];
    double s = (double)shorter, l = (double)longer;
    for (size_t i = 0; i < longer; i++) {
        double d = (double)i + 1;
        weight *= p;
        sum += (double)at[i] / d * weight;
        if (i >= shorter)
            sum += x_s * (d - s) / (s * d) * weight;
    }
    return (1 - p) / p * sum + ((x_l - x_s) / l + x_s / s) * weight;
}

/* Fenwick tree over the ranks of a: how many seen so far stand before. */
static uint32_t seen_before(const uint32_t *tree, size_t rank)
{
    uint32_t sum = 0;
    for (size_t i = rank; i > 0; i &= i - 1)
        sum += tree[i];
    return sum;
}

static void see(uint32_t *tree, size_t size, size_t rank)
{
    for (size_t i = rank + 1; i <= size; i += i & -i)
        tree[i]++;
}

static imr_status correlations(imr_rank_similarity *out, const shared *s, size_t n, size_t n_a,
                               imr_error *err)
{
    out->tau = out->tau_ap = 1;
    if (n < 2)
        return IMR_OK;
    IMR_AUTOFREE uint32_t *tree = IMR_NEW_ARRAY(uint32_t, n_a + 1);
    IMR_NEED(tree, err);
    double concordant = 0, weighted = 0;
    for (size_t i = 0; i < n; i++) {
        double right = seen_before(tree, s[i].a);
        concordant += right;
        if (i)
            weighted += right / (double)i;
        see(tree, n_a, s[i].a);
    }
    out->tau = 4 * concordant / ((double)n * (double)(n - 1)) - 1;
    out->tau_ap = 2 * weighted / (double)(n - 1) - 1;
    return IMR_OK;
}

static void find_mover(imr_rank_similarity *out, const shared *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t move = (int64_t)s[i].a - (int64_t)s[i].b;
        if (i == 0 || llabs(move) > llabs(out->move)) {
            out->move = move;
            out->mover = s[i].document;
        }
    }
}

imr_status imr_rank_compare(imr_rank_similarity *out, const uint32_t *a, size_t n_a,
                            const uint32_t *b, size_t n_b, size_t k, double p, imr_error *err)
{
    if (n_a == 0 || n_b == 0)
        return imr_fail(err, IMR_E_USAGE, "an empty ranking cannot be compared");
    size_t shorter = n_a < n_b ? n_a : n_b, longer = n_a < n_b ? n_b : n_a;
    IMR_AUTOFREE place *in_a = NULL;
    IMR_AUTOFREE place *in_b = NULL;
    IMR_TRY(places_of(&in_a, a, n_a, err));
    IMR_TRY(places_of(&in_b, b, n_b, err));
    assert(in_a);
    IMR_AUTOFREE shared *both = IMR_NEW_ARRAY(shared, shorter);
    IMR_AUTOFREE size_t *at = IMR_NEW_ARRAY(size_t, longer);
    IMR_NEED(both && at, err);
    size_t n = intersect(both, in_a, n_a, b, n_b);
    overlaps(at, longer, both, n);
    imr_rank_similarity s = {.k = k < shorter ? k : shorter};
    s.rbo = rank_biased_overlap(at, shorter, longer, p);
    s.overlap = s.k ? (double)at[s.k - 1] / (double)s.k : 1;
    IMR_TRY(correlations(&s, both, n, n_a, err));
    find_mover(&s, both, n);
    *out = s;
    return IMR_OK;
}
