#include "retrieval/reference_split.h"

#include <math.h>

#include "base/sort.h"

/* ---- Python's random.Random ---- */

enum { WORDS = 624, MIDDLE = 397 };

typedef struct twister {
    uint32_t v[WORDS];
    size_t at;
} twister;

/* init_by_array with the one word `seed`. */
static void twister_init(twister *t, uint32_t seed)
{
    uint32_t *v = t->v;
    v[0] = 19650218u;
    for (uint32_t i = 1; i < WORDS; i++)
        v[i] = 1812433253u * (v[i - 1] ^ v[i - 1] >> 30) + i;
    size_t i = 1;
    for (size_t k = 0; k < WORDS; k++) {
        v[i] = (v[i] ^ (v[i - 1] ^ v[i - 1] >> 30) * 1664525u) + seed;
        if (++i == WORDS) {
            v[0] = v[WORDS - 1];
            i = 1;
        }
    }
    for (size_t k = 1; k < WORDS; k++) {
        v[i] = (v[i] ^ (v[i - 1] ^ v[i - 1] >> 30) * 1566083941u) - (uint32_t)i;
        if (++i == WORDS) {
            v[0] = v[WORDS - 1];
            i = 1;
        }
    }
    v[0] = 0x80000000u;
    t->at = WORDS;
}

static uint32_t twister_next(twister *t)
{
    if (t->at == WORDS) {
        for (size_t k = 0; k < WORDS; k++) {
            const uint32_t y = (t->v[k] & 0x80000000u) | (t->v[(k + 1) % WORDS] & 0x7fffffffu);
            t->v[k] = t->v[(k + MIDDLE) % WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        t->at = 0;
    }
    uint32_t y = t->v[t->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* Below n, which is at least 1. */
static uint32_t twister_below(twister *t, uint32_t n)
{
    unsigned bits = 0;
    while (n >> bits)
        if (++bits == 32)
            break;
    uint32_t r;
    do
        r = twister_next(t) >> (32 - bits);
    while (r >= n);
    return r;
}

void imr_python_shuffle(uint32_t *order, size_t n, uint32_t seed)
{
    twister t;
    twister_init(&t, seed);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        const uint32_t j = twister_below(&t, (uint32_t)i + 1), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
}

/* ---- splits ---- */

/* The judged queries the dataset has, sorted; returns how many. out has room for all judged. */
static size_t judged(const char **out, const imr_dataset *d, const imr_qrels *qrels)
{
    size_t n = 0;
    for (size_t i = 0; i < qrels->queries.n; i++) {
        uint32_t row;
        const char *id = qrels->queries.v[i].id;
        if (imr_ids_find(&d->query_ids, id, &row))
            out[n++] = id;
    }
    qsort(out, n, sizeof *out, imr_by_text);
    return n;
}

/* ids[n], sorted, become `parts` splits, each sorted. */
static imr_status cut(imr_reference_split *out, const char **ids, size_t n, const double *fractions,
                      size_t parts, uint32_t seed, imr_error *err)
{
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, n);
    IMR_AUTOFREE const char **sorted = IMR_NEW_ARRAY(const char *, n);
    IMR_NEED(order && sorted, err);
    memcpy(sorted, ids, n * sizeof *ids);
    imr_python_shuffle(order, n, seed);
    double running = 0;
    for (size_t p = 0, from = 0; p < parts; p++) {
        running += fractions[p];
        const size_t to = p + 1 < parts ? (size_t)rint((double)n * running) : n;
        for (size_t i = from; i < to; i++)
            ids[i] = sorted[order[i]];
        qsort(ids + from, to - from, sizeof *ids, imr_by_text);
        out[p].ids = ids + from;
        out[p].n = to - from;
        from = to;
    }
    return IMR_OK;
}

void imr_reference_splits_done(imr_reference_splits *s)
{
    imr_free((void *)s->ids);
    *s = (imr_reference_splits){0};
}

imr_status imr_reference_splits_make(imr_reference_splits *out, const imr_dataset *dataset,
                                     uint32_t seed, imr_error *err)
{
    static const char *const names[] = {"train", "validation", "test"};
    const imr_qrels *train = imr_dataset_qrels(dataset, "train");
    const imr_qrels *test = imr_dataset_qrels(dataset, "test");
    const bool two = train && test;
    const imr_qrels *one = test ? test : train;
    if (!one)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "%s has neither qrels/train.tsv nor qrels/test.tsv: there is nothing to "
                        "split",
                        dataset->path);
    IMR_CLEANUP(imr_reference_splits_done) imr_reference_splits s = {0};
    s.ids = IMR_NEW_ARRAY(const char *, one->queries.n + (two ? train->queries.n : 0));
    IMR_NEED(s.ids, err);
    const size_t n = judged(s.ids, dataset, two ? train : one);
    static const double halves[] = {0.85, 0.15}, thirds[] = {0.70, 0.15, 0.15};
    IMR_TRY(cut(s.v, s.ids, n, two ? halves : thirds, two ? 2 : 3, seed, err));
    if (two) {
        s.v[2].ids = s.ids + n;
        s.v[2].n = judged(s.v[2].ids, dataset, test);
    }
    for (size_t i = 0; i < IMR_REFERENCE_SPLITS; i++) {
        s.v[i].name = names[i];
        s.v[i].qrels = two && i < 2 ? train : one;
    }
    return IMR_GIVE(out, s);
}

void imr_reference_hash_id(imr_sha256 *sum, const char *id, bool first)
{
    if (!first)
        imr_sha256_add(sum, "\n", 1);
    imr_sha256_add(sum, id, strlen(id));
}

imr_status imr_reference_hash(const imr_reference_split *split, char out[IMR_SHA256_HEX],
                              imr_error *err)
{
    IMR_AUTOSHA256 imr_sha256 sum;
    imr_sha256_init(&sum);
    for (size_t i = 0; i < split->n; i++)
        imr_reference_hash_id(&sum, split->ids[i], i == 0);
    return imr_sha256_hex(&sum, out, err);
}
