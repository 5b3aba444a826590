/* Do back-projected words carry a change? session/carry.h */
#include <math.h>

#include "explain/word_list.h"
#include "math/nn.h"
#include "math/random.h"
#include "math/topk.h"
#include "retrieval/similarity.h"
#include "session/internal.h"

enum { WORDS = IMR_FAITH_WORDS, DRAWS = IMR_FAITH_DRAWS, TOP = 10 };

const char *const imr_faith_names[] = {"tau",  "tau_random",  "overlap",       "overlap_random",
                                       "fall", "fall_random", "tau_random_sd", "beats"};
static const imr_change_kind kinds[] = {IMR_CHANGE_PAPER, IMR_CHANGE_OWN};

void imr_faith_done(imr_faith *f)
{
    for (size_t i = 0; i < IMR_LEN(f->told); i++)
        imr_told_free(&f->told[i]);
    *f = (imr_faith){0};
}

imr_status imr_faith_open(imr_faith *out, imr_session *s, const imr_progress *progress,
                          imr_error *err)
{
    static const char *const tables[] = {"input", "context"};
    IMR_CLEANUP(imr_faith_done) imr_faith f = {0};
    for (size_t i = 0; s->adapter && s->encoder && i < IMR_LEN(tables); i++) {
        bool found = false;
        imr_told **told = &f.told[f.n / IMR_LEN(kinds)];
        IMR_NEED(*told = IMR_NEW(imr_told), err);
        IMR_TRY(imr_table_open(&(*told)->source, &found, s, tables[i], false, progress, err));
        if (found)
            IMR_TRY(imr_told_fold(*told, &s->words.back, progress, err));
        else
            imr_told_free(told);
        for (size_t k = 0; k < IMR_LEN(kinds) && found; k++)
            f.rows[f.n++] = (imr_faith_row){.table = tables[i], .kind = kinds[k]};
    }
    return IMR_GIVE(out, f);
}

/* ---- one ranking ---- */

/* The ranking without the directions of n words against `order`: tau, overlap, fall. */
static imr_status without(double out[3], const imr_trace *t, const imr_lens *l,
                          const uint32_t *words, size_t n, const uint32_t *order, imr_error *err)
{
    const imr_why_run *r = &t->run;
    IMR_AUTOFREE float *q = IMR_NEW_ARRAY(float, r->m *n + r->m + r->k);
    IMR_AUTOFREE uint32_t *now = IMR_NEW_ARRAY(uint32_t, r->k);
    IMR_NEED(q && now, err);
    float *d = q + r->m * n, *cosine = d + r->m;
    for (size_t j = 0; j < n; j++) { /* W = P P+ P E = U S F, up to its length */
        imr_packed_row(d, &l->folded, words[j]);
        for (size_t i = 0; i < r->m; i++) {
            double sum = 0;
            for (size_t k = 0; k < l->back->rank; k++)
                sum += l->back->svd.u[i * l->back->svd.k + k] * l->back->svd.s[k] * (double)d[k];
            q[i * n + j] = (float)sum;
        }
    }
    IMR_TRY(imr_qr_f(q, r->m, n, NULL, err));
    for (size_t i = 0; i < r->k; i++) {
        const float *before = r->d + i * r->m, *after = r->d_after + i * r->m;
        const double ratio =
            imr_nn_norm(after, r->m) / fmax(imr_nn_norm(before, r->m), IMR_NN_UNIT_FLOOR);
        memcpy(d, after, r->m * sizeof *d);
        for (size_t j = 0; j < n; j++) {
            double part = 0;
            for (size_t k = 0; k < r->m; k++)
                part += (double)q[k * n + j] * ((double)after[k] - ratio * (double)before[k]);
            for (size_t k = 0; k < r->m; k++)
                d[k] -= (float)(part * (double)q[k * n + j]);
        }
        cosine[i] = (float)imr_nn_cosine(r->q_after, d, r->m);
    }
    imr_topk(now, r->k, cosine, r->k, NULL);
    imr_rank_similarity with;
    IMR_TRY(imr_rank_compare(&with, order, r->k, now, r->k, TOP, 0.9, err));
    const imr_reference all = imr_reference_of(cosine, r->k);
    out[0] = with.tau;
    out[1] = with.overlap;
    out[2] = t->documents[0].standing[IMR_STAGE_AFTER] -
             ((double)cosine[0] - all.mean) / t->reference[IMR_STAGE_AFTER].sd;
    return IMR_OK;
}

static imr_status add(imr_faith_row *row, const imr_trace *t, const imr_lens *l,
                      const imr_word_list *list, const uint32_t *order, imr_error *err)
{
    const size_t all = l->table->rows.rows, n = list->n_positive;
    IMR_AUTOFREE uint32_t *drawn = IMR_NEW_ARRAY(uint32_t, all);
    double tau[DRAWS + 1], found[3] = {0}, mean[3] = {0};
    size_t shown = 0;
    imr_random r;
    IMR_NEED(drawn, err);
    for (uint32_t i = 0; i < all; i++)
        if (!l->table->hidden[i] && l->reach[i] > 0)
            drawn[shown++] = i;
    if (!n || shown <= n)
        return IMR_OK;
    imr_random_init(&r, t->documents[0].row + 1);
    for (size_t i = 0; i <= DRAWS; i++) { /* the last: the words named */
        if (i < DRAWS)
            imr_random_shuffle(&r, drawn, shown);
        for (size_t j = 0; j < n && i == DRAWS; j++)
            drawn[j] = list->positive[j].id;
        IMR_TRY(without(found, t, l, drawn, n, order, err));
        tau[i] = found[0];
        for (size_t k = 0; k < 3 && i < DRAWS; k++)
            mean[k] += found[k] / DRAWS;
    }
    for (int k = 0; k < 3; k++) {
        imr_spread_add(&row->v[2 * k], found[k]);
        imr_spread_add(&row->v[2 * k + 1], mean[k]);
    }
    imr_spread_add(&row->v[IMR_FAITH_DRAWN], imr_stats_sd(tau, DRAWS));
    imr_spread_add(&row->v[IMR_FAITH_BEATS], mean[0] - found[0]);
    return IMR_OK;
}

imr_status imr_faith_add(imr_faith *f, const imr_trace *t, imr_error *err)
{
    const imr_why_run *r = &t->run;
    if (!r->m || !(t->reference[IMR_STAGE_AFTER].sd > 0))
        return IMR_OK;
    IMR_AUTOFREE double *common = IMR_NEW_ARRAY(double, r->m);
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, r->k);
    IMR_NEED(common && order, err);
    for (uint32_t i = 0; i < r->k; i++)
        order[i] = i;
    imr_change_common(common, NULL, imr_view_of(r->d, r->k, r->m),
                      imr_view_of(r->d_after, r->k, r->m));
    const imr_word_subject first = {.before = r->d, .after = r->d_after, .common = common};
    const imr_word_settings settings = {kinds, IMR_LEN(kinds), IMR_ORDER_COSINE,
                                        r->m <= WORDS ? r->m / 2 : WORDS};
    IMR_CLEANUP(imr_arena_free_at) imr_arena *arena = imr_arena_new();
    IMR_NEED(arena, err);
    for (size_t i = 0; i < f->n; i += IMR_LEN(kinds)) {
        imr_word_list lists[1][IMR_CHANGE_COUNT] = {0};
        const imr_lens *l = &f->told[i / IMR_LEN(kinds)]->lens;
        IMR_TRY(imr_word_lists(lists, l, &first, 1, &settings, arena, NULL, err));
        for (size_t k = 0; k < IMR_LEN(kinds); k++)
            IMR_TRY(add(&f->rows[i + k], t, l, &lists[0][kinds[k]], order, err));
    }
    return IMR_OK;
}

bool imr_faith_holds(const imr_faith_row *r)
{
    const imr_spread *beats = &r->v[IMR_FAITH_BEATS];
    const double mean = imr_spread_mean(beats);
    const double spread =
        beats->n > 1 ? imr_spread_error(beats) : imr_spread_mean(&r->v[IMR_FAITH_DRAWN]);
    return mean > 2 * spread && mean > 1 - imr_spread_mean(&r->v[IMR_FAITH_TAU_RANDOM]);
}
