/* Taking words out of the texts of a query and a document: explain/carry.h. */
#include "explain/carry.h"

#include <string.h>

#include "adapter/net.h"
#include "base/mem.h"
#include "explain/shares.h"
#include "math/nn.h"
#include "math/random.h"
#include "session/internal.h"
#include "text/utf8.h"

enum { WORDS = 3, DRAWS = 2, QUERY_DRAWS = 8, TRIALS = IMR_CARRY_COUNT + DRAWS + QUERY_DRAWS };

#define SEED 0x9e3779b97f4a7c15u

/* ---- which words ---- */

/* The words of a text that may be taken out: places in the pairs' words, the largest share first. */
typedef struct takes {
    const imr_reading *of;
    const imr_pair_word *words;
    const uint32_t *token; /* [tokens read]: whose word */
    uint32_t *order;
    size_t n;
} takes;

static bool is_plain(const imr_pair_word *w)
{
    const size_t len = strlen(w->text);
    size_t letters = 0;
    for (size_t at = 0; at < len; letters++) {
        uint32_t c = 0;
        at += imr_utf8_decode(w->text + at, len - at, &c);
        if (!imr_utf8_is_letter(c))
            return false;
    }
    return letters >= 3 && !w->special;
}

static imr_status find(takes *out, const imr_reading *of, const imr_pair_word *words, size_t n,
                       const uint32_t *token, imr_stage stage, imr_error *err)
{
    *out = (takes){of, words, token, IMR_NEW_ARRAY(uint32_t, n), 0};
    IMR_NEED(out->order, err);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_plain(&words[i]))
            continue;
        size_t at = out->n++;
        for (; at > 0 && words[i].total[stage] > words[out->order[at - 1]].total[stage]; at--)
            out->order[at] = out->order[at - 1];
        out->order[at] = i;
    }
    return IMR_OK;
}

/* ---- trials ---- */

typedef struct trial {
    imr_carry_kind kind;
    uint32_t gone[WORDS];
    size_t n;
} trial;

typedef struct trials {
    trial v[TRIALS];
    size_t n;
    takes from[2]; /* the document, the query */
} trials;

static void trials_done(trials *t)
{
    IMR_FREE(t->from[0].order, t->from[1].order);
}

static const takes *taken_from(const trials *t, const trial *v)
{
    return &t->from[v->kind >= IMR_CARRY_QUERY_TOP];
}

static void add(trials *t, imr_carry_kind kind, const uint32_t *gone, size_t n)
{
    trial *v = &t->v[t->n];
    *v = (trial){.kind = kind, .n = n};
    memcpy(v->gone, gone, n * sizeof *gone);
    t->n += n > 0;
}

/* Those the query has too, in the order of its text. */
static void add_common(trials *t, const imr_pairs *p)
{
    const takes *d = &t->from[0];
    uint32_t gone[WORDS];
    size_t n = 0;
    for (size_t q = 0; q < p->n_query && n < WORDS; q++)
        for (size_t i = 0; i < d->n && !p->query[q].special; i++)
            if (strcmp(d->words[d->order[i]].text, p->query[q].text) == 0) {
                gone[n++] = d->order[i];
                break;
            }
    add(t, IMR_CARRY_COMMON, gone, n);
}

/* Nothing where all there is would be taken at random as well; of a query that was pushed along a
 * word (session/whatif.h) its text says too little. */
static imr_status plan(trials *t, imr_stage stage, const imr_session *s, const imr_pairs *p,
                       const imr_reading *document, uint32_t row, bool pushed, imr_error *err)
{
    imr_random r;
    imr_random_init(&r, SEED + row);
    IMR_TRY(find(&t->from[0], document, p->document, p->n_document, p->document_place, stage, err));
    IMR_TRY(find(&t->from[1], &s->query, p->query, p->n_query, p->query_place, stage, err));
    add_common(t, p);
    for (int side = 0; side < 2; side++) {
        takes *from = &t->from[side];
        const imr_carry_kind top = side ? IMR_CARRY_QUERY_TOP : IMR_CARRY_TOP;
        const size_t n = side ? 1 : WORDS;
        if (from->n <= n || (side && pushed))
            continue;
        add(t, top, from->order, n);
        if (!side)
            add(t, IMR_CARRY_LEAST, from->order + from->n - n, n);
        for (size_t i = 0; i < (side ? QUERY_DRAWS : DRAWS) && (!side || i < from->n); i++) {
            if (!side || !i)
                imr_random_shuffle(&r, from->order, from->n);
            add(t, top + 1, from->order + (side ? i : 0), n);
        }
    }
    return IMR_OK;
}

/* ---- what they take ---- */

imr_status imr_session_ahead(double *out, const imr_session *s, const imr_trace *t, size_t place,
                             const float *document, const float *x, imr_stage stage, imr_error *err)
{
    const imr_why_run *r = &t->run;
    const bool after = stage == IMR_STAGE_AFTER;
    IMR_AUTOFREE float *q = IMR_NEW_ARRAY(float, 2 * r->m + r->k);
    IMR_NEED(q, err);
    float *changed = q + r->m, *cosine = changed + r->m;
    if (after) {
        const imr_view projected = imr_view_of(q, 1, r->m);
        IMR_TRY(imr_adapter_project(s->adapter, imr_view_of(x, 1, r->n), q, err));
        imr_modulate(changed, projected, &s->adapter->w, IMR_W_QUERY_NORM, r->query_scale,
                     r->query_bias);
        imr_blend_rows(changed, projected, r->query_blend);
    }
    imr_nn_cosine_rows(
        cosine, after ? imr_view_of(r->d_after, r->k, r->m) : imr_view_of(r->base, r->k, r->n),
        after ? changed : x);
    *out = after ? (double)cosine[place] : imr_nn_cosine(x, document, r->n);
    *out -= imr_reference_of(cosine, r->k).mean;
    return IMR_OK;
}

/* Encodes what is left of the texts: base [t->n, n]. */
static imr_status encode(float *base, const trials *t, const imr_session *s,
                         const imr_progress *progress, imr_error *err)
{
    IMR_AUTOBUF imr_buf texts = {0};
    size_t start[TRIALS + 1] = {0};
    for (size_t i = 0; i < t->n; i++) {
        const takes *of = taken_from(t, &t->v[i]);
        imr_deletion_text(&texts, of->of, &of->of->sum.tokens, of->token, t->v[i].gone, t->v[i].n);
        start[i + 1] = texts.len;
    }
    return imr_deletion_encode(base, s, &texts, start, t->n, progress, err);
}

static imr_status make(imr_carry *c, imr_stage stage, imr_detail *d, const imr_session *s,
                       const imr_trace *t, const imr_reading *document,
                       const imr_progress *progress, imr_error *err)
{
    const imr_trace_document *of = imr_trace_at(t, d->place);
    IMR_CLEANUP(trials_done) trials all = {0};
    IMR_AUTOFREE float *base = IMR_NEW_ARRAY(float, (TRIALS + 1) * t->run.n);
    IMR_AUTOBUF imr_buf text = {0};
    float found[TRIALS][IMR_STAGE_COUNT];
    double draws[IMR_CARRY_COUNT] = {0};
    IMR_NEED(base, err);
    float *own = base + TRIALS * t->run.n;
    IMR_TRY(plan(&all, stage, s, &d->why.pairs, document, of->row, t->push != NULL, err));
    IMR_TRY(encode(base, &all, s, progress, err));
    IMR_TRY(imr_deletion_score(found, s, t, imr_view_of(base, all.n, t->run.n), err));
    IMR_TRY(imr_cache_read_rows(s->cache, of->row, 1, own, err));
    c->lead = d->why.standing[stage];
    for (size_t i = 0; i < all.n; i++) {
        const trial *v = &all.v[i];
        const takes *from = taken_from(&all, v);
        double left = (double)found[i][stage] - t->reference[stage].mean;
        if (from == &all.from[1])
            IMR_TRY(imr_session_ahead(&left, s, t, d->place, own, base + i * t->run.n, stage, err));
        const double fall = c->lead - left / t->reference[stage].sd;
        c->of[v->kind].fall += (fall - c->of[v->kind].fall) / ++draws[v->kind]; /* the mean */
        for (size_t k = 0; k < v->n; k++)
            imr_buf_printf(&text, "%s%s", k ? ", " : "", from->words[v->gone[k]].text);
        IMR_TRY(imr_buf_keep(&c->of[v->kind].words, &text, d->arena, err));
    }
    return IMR_OK;
}

imr_status imr_carry_fill(imr_detail *d, const imr_session *s, const imr_trace *t,
                          const imr_reading *document, const imr_progress *progress, imr_error *err)
{
    static const imr_stage stages[] = {IMR_STAGE_ENCODER, IMR_STAGE_AFTER};
    imr_progress_part part = {progress, "taking words out", 0, 0};
    const imr_progress inner = {imr_progress_part_step, &part};
    for (size_t i = 0; i < IMR_LEN(stages); i++) {
        const imr_stage k = stages[i];
        if (d->why.pairs.problem[0] || !d->why.pairs.centred[k])
            continue;
        imr_carry *c = IMR_ARENA_ARRAY(d->arena, imr_carry, 1);
        IMR_NEED(c, err);
        IMR_TRY(make(c, k, d, s, t, document, &inner, err));
        d->why.carry[k] = c;
    }
    return IMR_OK;
}
