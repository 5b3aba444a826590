#include "explain/shares.h"

#include <math.h>

#include "adapter/weights.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "text/utf8.h"

/* The rounding of a cache stays far below: a float16 store 3e-4, products in bfloat16 the same. */
#define MOST_RESIDUAL 1e-3
enum { STRONGEST = 10 };

static const char stop_words[] =
    " a about above after again against all also although always am among an and another any are "
    "aren as at be because been before being below between both but by can cannot could couldn "
    "did didn do does doesn doing don done down during each either else ever every few for from "
    "further had hadn has hasn have haven having he her here hers herself him himself his how "
    "however i if in into is isn it its itself just let likely ll may me might mine more most "
    "much must my myself neither no nor not now of off often on once one only onto or other "
    "others our ours ourselves out over own per quite rather re same shall she should shouldn "
    "since so some such than that the their theirs them themselves then there therefore these "
    "they this those though through thus to too under until up upon us use used uses using ve "
    "very via was wasn we were weren what whatever when where whether which while who whom whose "
    "why will with within without won would wouldn yet you your yours yourself yourselves ";

bool imr_word_is_named(const char *text)
{
    const size_t len = strlen(text);
    size_t count = 0;
    bool letter = false;
    for (size_t at = 0; at < len; count++) {
        uint32_t cp = 0;
        at += imr_utf8_decode(text + at, len - at, &cp);
        letter |= imr_utf8_is_word(cp) && !(cp >= '0' && cp <= '9');
    }
    if (count < 2 || !letter)
        return false;
    char padded[16]; /* no stop word is longer */
    if (snprintf(padded, sizeof padded, " %s ", text) >= (int)sizeof padded)
        return true;
    return !strstr(stop_words, padded);
}

/* ---- tokens to words ---- */

imr_status imr_words_join(imr_pair_word **out, uint32_t **place, size_t *n, const imr_tokens *t,
                          size_t prefix, size_t end, const imr_encoder *e, imr_arena *arena,
                          imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap plain = {0};
    IMR_CLEANUP(imr_strmap_done) imr_strmap before = {0};
    IMR_CLEANUP(imr_strmap_done) imr_strmap ids = {0};
    *n = 0;
    *out = IMR_ARENA_ARRAY(arena, imr_pair_word, t->n + 1);
    *place = IMR_ARENA_ARRAY(arena, uint32_t, t->n);
    IMR_NEED(*out && *place, err);
    for (size_t b = 0; b < t->n; b++) {
        const imr_token *k = &t->v[b];
        const bool none = k->word == IMR_NO_WORD, special = none || k->start < prefix;
        (*place)[b] = UINT32_MAX;
        if (!e && (special || k->end > end))
            continue;
        const char *text = none ? imr_encoder_token_text(e, k->id) : imr_tokens_word(t, k->word);
        const char *key = none ? (const char *)&k->id : text;
        bool added;
        IMR_NEED(imr_strmap_add(none      ? &ids
                                : special ? &before
                                          : &plain,
                                key, none ? sizeof k->id : strlen(key), (uint32_t)*n, &(*place)[b],
                                &added),
                 err);
        imr_pair_word *word = &(*out)[(*place)[b]];
        word->count += none || b == 0 || k->word != k[-1].word;
        if (!added)
            continue;
        IMR_NEED(word->text = imr_line_keep(text, strlen(text), arena), err);
        word->special = special;
        word->named = !special && imr_word_is_named(word->text);
        ++*n;
    }
    return IMR_OK;
}

/* rows [words, dim] and weight [words], each word's part of the tokens; NULL: not asked for. */
static void add_up(float *rows, float *weight, const uint32_t *place, const imr_token_sum *s)
{
    for (size_t b = 0; b < s->tokens.n; b++) {
        if (weight)
            weight[place[b]] += 1 / (float)s->tokens.n;
        for (size_t j = 0; j < s->n; j++)
            rows[place[b] * s->n + j] += s->rows[b * s->n + j];
    }
}

/* ---- matrices ---- */

static double sum_of(const double *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

static void add_totals(imr_pairs *p, imr_stage k)
{
    const double *v = p->centred[k] ? p->centred[k] : p->raw[k];
    const size_t cols = p->n_document + 1;
    for (size_t a = 0; a <= p->n_query; a++)
        for (size_t b = 0; b < cols; b++) {
            p->query[a].total[k] += v[a * cols + b];
            p->document[b].total[k] += v[a * cols + b];
        }
}

/* The matrices of one stage, and how far their sum is from the similarity. */
static imr_status fill_stage(imr_pairs *p, imr_stage k, const imr_why_input *in,
                             const imr_share_rows *query, const imr_share_rows *document,
                             const float *weight, const imr_share_average *average,
                             imr_arena *arena, imr_error *err)
{
    const size_t cells = (p->n_query + 1) * (p->n_document + 1);
    const bool reference = in->reference[k].sd > 0;
    p->raw[k] = IMR_ARENA_ARRAY(arena, double, cells);
    p->centred[k] = reference ? IMR_ARENA_ARRAY(arena, double, cells) : NULL;
    if (!p->raw[k] || (reference && !p->centred[k]))
        return imr_fail_memory(err);
    IMR_TRY(imr_share_pairs(p->raw[k], p->centred[k], query, document, k, weight, average, err));
    p->similarity[k] = (double)in->similarity[k];
    p->residual[k] = p->similarity[k] - sum_of(p->raw[k], cells);
    p->reference[k] = in->reference[k];
    /* The average candidate is of the cache, the rows are not: what that makes at the mean is part
     * of the same rounding, and stands where no word is. */
    if (reference)
        p->centred[k][cells - 1] +=
            p->similarity[k] - p->reference[k].mean - p->residual[k] - sum_of(p->centred[k], cells);
    return IMR_OK;
}

static imr_share_side side_of(const imr_why_input *in, bool query)
{
    const imr_weights *w = in->weights;
    const imr_why_run *r = in->run;
    const float *gates = query ? r->query_scale : r->document_scale;
    return (imr_share_side){
        .projector = imr_weight_view(w, IMR_W_PROJECTOR),
        .projector_bias =
            imr_weight_count(w, IMR_W_PROJECTOR_BIAS) ? imr_weight(w, IMR_W_PROJECTOR_BIAS) : NULL,
        .scale = imr_form_scales(w->form) ? gates : NULL,
        .weight = imr_form_scales(w->form) ? NULL : gates,
        .bias = query ? r->query_bias : r->document_bias,
        .gain = imr_weight(w, query ? IMR_W_QUERY_NORM : IMR_W_DOC_NORM),
        .shift = imr_weight(w, query ? IMR_W_QUERY_NORM_BIAS : IMR_W_DOC_NORM_BIAS),
        .blend = query ? r->query_blend : r->document_blend,
    };
}

static imr_status fill(imr_pairs *p, const imr_why_input *in, imr_arena *arena, imr_error *err)
{
    const imr_token_sum *query = &in->query->sum, *document = &in->document->sum;
    const size_t n = document->n;
    const bool adapted = imr_why_is_adapted(in);
    const imr_share_side query_side = adapted ? side_of(in, true) : (imr_share_side){0};
    const imr_share_side document_side = adapted ? side_of(in, false) : (imr_share_side){0};
    IMR_CLEANUP(imr_share_rows_done) imr_share_rows q = {0};
    IMR_CLEANUP(imr_share_rows_done) imr_share_rows d = {0};
    IMR_CLEANUP(imr_share_average_done) imr_share_average average = {0};
    IMR_TRY(imr_words_join(&p->query, &p->query_place, &p->n_query, &query->tokens,
                           in->query->prefix, SIZE_MAX, in->encoder, arena, err));
    IMR_TRY(imr_words_join(&p->document, &p->document_place, &p->n_document, &document->tokens,
                           in->document->prefix, SIZE_MAX, in->encoder, arena, err));
    IMR_AUTOFREE float *weight = IMR_NEW_ARRAY(float, p->n_document);
    IMR_AUTOFREE float *rows = IMR_NEW_ARRAY(float, (p->n_query + p->n_document) * n);
    IMR_NEED(weight && rows, err);
    float *document_rows = rows + p->n_query * n;
    add_up(rows, NULL, p->query_place, query);
    add_up(document_rows, weight, p->document_place, document);
    IMR_TRY(imr_share_rows_init(&q, imr_view_of(rows, p->n_query, n), query->extra,
                                adapted ? &query_side : NULL, err));
    IMR_TRY(imr_share_rows_init(&d, imr_view_of(document_rows, p->n_document, n), document->extra,
                                adapted ? &document_side : NULL, err));
    IMR_TRY(imr_share_average_init(&average, in->run, document->extra,
                                   adapted ? &document_side : NULL, err));
    for (imr_stage k = 0; k < (adapted ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        IMR_TRY(fill_stage(p, k, in, &q, &d, weight, &average, arena, err));
        if (!(fabs(p->residual[k]) <= MOST_RESIDUAL)) {
            *p = (imr_pairs){.problem = "text or encoder is not the cache's: the words do not add "
                                        "up to the similarity"};
            return IMR_OK;
        }
        add_totals(p, k);
    }
    return IMR_OK;
}

imr_status imr_pairs_make(imr_pairs *out, const imr_why_input *in, imr_arena *arena, imr_error *err)
{
    imr_pairs p = {.problem = ""};
    imr_error why;
    const imr_status status = fill(&p, in, arena, &why);
    if (status == IMR_E_NUMERIC) {
        p = (imr_pairs){.problem = imr_arena_strdup(arena, why.text)};
        IMR_NEED(p.problem, err);
    } else if (status != IMR_OK) {
        return imr_fail_memory(err);
    }
    *out = p;
    return IMR_OK;
}

/* ---- the strongest ---- */

/* The best few so far, best first; of equal ones the earlier stays ahead. */
typedef struct best {
    imr_strong_pair v[3 * STRONGEST];
    double key[3 * STRONGEST];
    size_t n;
} best;

static void offer(best *b, size_t most, double key, const imr_strong_pair *pair)
{
    if (b->n == most && !(key > b->key[most - 1]))
        return;
    size_t at = b->n < most ? b->n++ : most - 1;
    for (; at > 0 && key > b->key[at - 1]; at--) {
        b->v[at] = b->v[at - 1];
        b->key[at] = b->key[at - 1];
    }
    b->v[at] = *pair;
    b->key[at] = key;
}

static imr_strong_pair pair_of(const imr_pairs *p, size_t a, size_t b)
{
    const size_t at = a * (p->n_document + 1) + b;
    imr_strong_pair s = {.query = (uint32_t)a, .document = (uint32_t)b, .change = (double)NAN};
    double scaled[IMR_STAGE_COUNT] = {0};
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        s.value[k] = p->centred[k] ? p->centred[k][at] : p->raw[k] ? p->raw[k][at] : (double)NAN;
        if (p->centred[k])
            scaled[k] = s.value[k] / p->reference[k].sd;
    }
    if (p->centred[IMR_STAGE_ENCODER] && p->centred[IMR_STAGE_AFTER])
        s.change = scaled[IMR_STAGE_AFTER] - scaled[IMR_STAGE_ENCODER];
    return s;
}

static bool has(const best *b, const imr_strong_pair *x)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->v[i].query == x->query && b->v[i].document == x->document)
            return true;
    return false;
}

imr_status imr_pairs_strongest(imr_strong_pair **out, size_t *n, const imr_pairs *pairs,
                               imr_arena *arena, imr_error *err)
{
    const imr_stage last = pairs->raw[IMR_STAGE_AFTER] ? IMR_STAGE_AFTER : IMR_STAGE_ENCODER;
    best lists[3] = {0}, all = {0}; /* largest, gains, losses */
    for (size_t a = 0; a < pairs->n_query; a++)
        for (size_t b = 0; b < pairs->n_document; b++) {
            if (!pairs->query[a].named || !pairs->document[b].named)
                continue;
            const imr_strong_pair s = pair_of(pairs, a, b);
            offer(&lists[0], STRONGEST, s.value[last], &s);
            if (s.change > 0)
                offer(&lists[1], STRONGEST, s.change, &s);
            if (s.change < 0)
                offer(&lists[2], STRONGEST, -s.change, &s);
        }
    for (size_t l = 0; l < IMR_LEN(lists); l++)
        for (size_t i = 0; i < lists[l].n; i++)
            if (!has(&all, &lists[l].v[i]))
                offer(&all, IMR_LEN(all.v), lists[l].v[i].value[last], &lists[l].v[i]);
    IMR_NEED(*out = IMR_ARENA_ARRAY(arena, imr_strong_pair, all.n), err);
    memcpy(*out, all.v, all.n * sizeof **out);
    *n = all.n;
    return IMR_OK;
}
