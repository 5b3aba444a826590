#include "explain/lens.h"

#include "base/mem.h"
#include "tests/unit/explain/support.h"

static imr_error err;

/* The definition, text by text: P+ P of each text less the mean, a cosine a row, ranks by counting. */
static imr_lens_quality twin(const world *w, const float *x, size_t texts, const uint32_t *starts,
                             const uint32_t *own)
{
    imr_lens_quality q = {0};
    size_t ranked = 0;
    double *seen = malloc(sizeof *seen * w->n), *cosine = malloc(sizeof *cosine * w->v);
    double *p = malloc(sizeof *p * w->m), *scratch = malloc(sizeof *scratch * w->back.rank);
    float *centred = malloc(sizeof *centred * w->n);
    CHECK(seen && cosine && p && scratch && centred);
    for (size_t i = 0; i < texts; i++) {
        for (size_t j = 0; j < w->n; j++) {
            double mean = 0;
            for (size_t k = 0; k < texts; k++)
                mean += (double)x[k * w->n + j] / (double)texts;
            centred[j] = (float)((double)x[i * w->n + j] - mean);
        }
        naive_project(p, w, centred);
        imr_backproject(seen, &w->back, p, scratch);
        size_t shown = 0, rare = 0, hits = 0;
        double ranks = 0;
        for (size_t t = 0; t < w->v; t++)
            cosine[t] = naive_token_cosine(w, seen, t);
        for (size_t k = starts[i]; k < starts[i + 1]; k++) {
            size_t nearer = 0, below = 0, equal = 0, in = 0;
            if (w->table.hidden[own[k]])
                continue;
            shown++;
            for (size_t t = 0; t < w->v; t++) {
                nearer += !w->table.hidden[t] && cosine[t] > cosine[own[k]];
                below += !w->table.hidden[t] && cosine[t] < cosine[own[k]];
                equal += !w->table.hidden[t] && cosine[t] == cosine[own[k]];
            }
            for (size_t j = 0; j < starts[texts]; j++)
                in += own[j] == own[k];
            hits += nearer < 10;
            if (in * 20 > texts)
                continue;
            rare++;
            ranks += ((double)below + ((double)equal - 1) / 2) / ((double)w->table.count[0] - 1);
        }
        if (shown == 0)
            continue;
        CHECK(shown >= 10); /* the twin knows no shorter lists */
        q.precision += (double)hits / 10;
        q.chance += (double)shown / (double)w->table.count[0];
        q.texts++;
        q.rank += rare ? ranks / (double)rare : 0;
        ranked += rare > 0;
    }
    q.precision /= (double)q.texts;
    q.chance /= (double)q.texts;
    q.rank /= (double)ranked;
    free(seen);
    free(cosine);
    free(p);
    free(scratch);
    free(centred);
    return q;
}

/* Texts that lie near their words, so that there is something to find; the last one has none. */
static size_t make_texts(const world *w, float *x, size_t texts, size_t each, uint32_t *starts,
                         uint32_t *own)
{
    imr_random r;
    imr_random_init(&r, 5);
    size_t n = 0;
    for (size_t i = 0; i < texts; i++) {
        for (size_t k = 0; k < each && i + 1 < texts; k++) {
            /* one common word, hidden ones now and then */
            uint32_t id = k == 0 ? 1 : (uint32_t)(i * each + k) % (uint32_t)w->v;
            own[n++] = id;
            for (size_t j = 0; j < w->n; j++)
                x[i * w->n + j] += w->e[id * w->n + j];
        }
        starts[i + 1] = (uint32_t)n;
    }
    return n;
}

TEST("precision, chance and rank are those of plain loops in double, for ranks full and not")
{
    for (size_t rank = 10; rank <= 20; rank += 10) {
        enum { TEXTS = 41, EACH = 20 };
        world w;
        world_init(&w, 20, 24, 300, rank, 140);
        float *x = random_floats(TEXTS * w.n, 1, 141);
        uint32_t starts[TEXTS + 1] = {0}, own[TEXTS * EACH];
        make_texts(&w, x, TEXTS, EACH, starts, own);
        imr_lens_quality q;
        const imr_lens_quality want = twin(&w, x, TEXTS, starts, own);
        CHECK_OK(
            imr_lens_measure(&q, &w.lens, imr_view_of(x, TEXTS, w.n), starts, own, NULL, &err));
        CHECK_NEAR(q.precision, want.precision, 1e-9);
        CHECK_NEAR(q.chance, want.chance, 1e-9);
        CHECK_NEAR(q.rank, want.rank, 1e-5);
        CHECK_INT(q.texts, TEXTS - 1);
        CHECK(q.precision > 3 * q.chance && q.rank > .6);
        CHECK(!imr_lens_is_poor(&q) == (q.precision >= .25 && q.precision >= 3 * q.chance));
        free(x);
        world_done(&w);
    }
}

TEST("a text of one word counts one place; texts without a shown word none; none at all gives NaN")
{
    world w;
    world_init(&w, 6, 8, 20, 6, 150);
    float x[16];
    for (size_t j = 0; j < 8; j++) {
        x[j] = w.e[2 * 8 + j];
        x[8 + j] = -x[j];
    }
    imr_lens_quality q;
    const uint32_t starts[] = {0, 1, 2};
    uint32_t own[] = {2, 6}; /* 6 is hidden */
    CHECK_OK(imr_lens_measure(&q, &w.lens, imr_view_of(x, 2, 8), starts, own, NULL, &err));
    CHECK_INT(q.texts, 1);
    CHECK_NEAR(q.precision, 1, 1e-12);
    CHECK_NEAR(q.chance, 1 / (double)w.table.count[0], 1e-12);
    CHECK(isnan(q.rank)); /* half of the texts have the word */
    own[0] = 6;
    CHECK_OK(imr_lens_measure(&q, &w.lens, imr_view_of(x, 2, 8), starts, own, NULL, &err));
    CHECK(q.texts == 0 && isnan(q.precision) && isnan(q.chance) && !imr_lens_is_poor(&q));
    own[0] = 20;
    CHECK_INT(imr_lens_measure(&q, &w.lens, imr_view_of(x, 2, 8), starts, own, NULL, &err),
              IMR_E_SHAPE);
    CHECK_CONTAINS(err.text, "row 20");
    CHECK_INT(imr_lens_measure(&q, &w.lens, imr_view_of(x, 2, 7), starts, own, NULL, &err),
              IMR_E_SHAPE);
    world_done(&w);
}

static bool refuse(void *user, const imr_progress_info *info)
{
    (void)info;
    return --*(int *)user > 0;
}

TEST("measuring can be cancelled, and every allocation of it may fail")
{
    world w;
    world_init(&w, 6, 8, 20, 6, 170);
    int looks = 1;
    const imr_progress progress = {refuse, &looks};
    imr_lens_quality q = {.rank = 7};
    const uint32_t starts[] = {0, 1}, own[] = {2};
    const imr_view text = imr_view_of(w.e, 1, 8);
    CHECK_INT(imr_lens_measure(&q, &w.lens, text, starts, own, &progress, &err), IMR_E_CANCELLED);
    long i = 0;
    imr_status status;
    do {
        imr_mem_fail_after(i);
        status = imr_lens_measure(&q, &w.lens, text, starts, own, NULL, &err);
        imr_mem_fail_after(-1);
        if (status != IMR_OK) {
            CHECK_INT(status, IMR_E_MEMORY);
            CHECK(q.rank == 7);
        }
    } while (status != IMR_OK && ++i < 100);
    CHECK(i >= 5 && i < 100);
    world_done(&w);
}
