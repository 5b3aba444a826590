#include "explain/shares.h"

#include <math.h>
#include <string.h>

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

/* Words of a text in its order, repetitions joined. */
typedef struct words {
    uint32_t *place; /* [tokens read]: which of them; the arena's */
    uint32_t *first; /* [n]: its first token, */
    uint32_t *count; /* [n]: in how many places it stands, */
    float *weight;   /* [n]: part of the tokens */
    float *rows;     /* [n, dim] */
    size_t n;
} words;

static void words_done(words *w)
{
    void *const all[] = {w->first, w->count, w->weight, w->rows};
    for (size_t i = 0; i < IMR_LEN(all); i++)
        imr_free(all[i]);
}

static bool is_special(const imr_token *k, size_t prefix)
{
    return k->word == IMR_NO_WORD || k->start < prefix;
}

/* Special tokens by id, words of the prefix and of the text by their spelling. */
static imr_status find_places(words *w, const imr_token_sum *s, size_t prefix_bytes,
                              imr_arena *arena, imr_error *err)
{
    IMR_CLEANUP(imr_strmap_done) imr_strmap plain = {0};
    IMR_CLEANUP(imr_strmap_done) imr_strmap prefix = {0};
    IMR_CLEANUP(imr_strmap_done) imr_strmap special = {0};
    w->place = IMR_ARENA_ARRAY(arena, uint32_t, s->tokens.n);
    w->first = IMR_NEW_ARRAY(uint32_t, s->tokens.n);
    w->count = IMR_NEW_ARRAY(uint32_t, s->tokens.n);
    IMR_NEED(w->place && w->first && w->count, err);
    for (size_t b = 0; b < s->tokens.n; b++) {
        const imr_token *k = &s->tokens.v[b];
        const bool none = k->word == IMR_NO_WORD;
        imr_strmap *among = none ? &special : is_special(k, prefix_bytes) ? &prefix : &plain;
        const char *key = none ? (const char *)&k->id : imr_tokens_word(&s->tokens, k->word);
        bool added;
        IMR_NEED(imr_strmap_add(among, key, none ? sizeof k->id : strlen(key), (uint32_t)w->n,
                                &w->place[b], &added),
                 err);
        if (added)
            w->first[w->n++] = (uint32_t)b;
        w->count[w->place[b]] += none || b == 0 || k->word != k[-1].word;
    }
    return IMR_OK;
}

static imr_status join(words *w, const imr_reading *t, imr_arena *arena, imr_error *err)
{
    const imr_token_sum *s = &t->sum;
    IMR_TRY(find_places(w, s, t->prefix, arena, err));
    w->weight = IMR_NEW_ARRAY(float, w->n);
    w->rows = IMR_NEW_ARRAY(float, w->n * s->n);
    IMR_NEED(w->weight && w->rows, err);
    for (size_t b = 0; b < s->tokens.n; b++) {
        const float *from = s->rows + b * s->n;
        float *to = w->rows + w->place[b] * s->n;
        w->weight[w->place[b]] += 1 / (float)s->tokens.n;
        for (size_t j = 0; j < s->n; j++)
            to[j] += from[j];
    }
    return IMR_OK;
}

static imr_status name(imr_pair_word **out, const words *w, const imr_reading *t,
                       const imr_encoder *e, imr_arena *arena, imr_error *err)
{
    const imr_token_sum *s = &t->sum;
    *out = IMR_ARENA_ARRAY(arena, imr_pair_word, w->n + 1);
    IMR_NEED(*out, err);
    for (size_t i = 0; i < w->n; i++) {
        const uint32_t b = w->first[i];
        const imr_token *k = &s->tokens.v[b];
        const char *text = k->word == IMR_NO_WORD ? imr_encoder_token_text(e, k->id)
                                                  : imr_tokens_word(&s->tokens, k->word);
        imr_pair_word *word = &(*out)[i];
        IMR_NEED(word->text = imr_line_keep(text, strlen(text), arena), err);
        word->count = w->count[i];
        word->special = is_special(k, t->prefix);
        word->named = !word->special && imr_word_is_named(word->text);
    }
    return IMR_OK;
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

static imr_status fill(imr_pairs *p, const imr_why_input *in, const words *query,
                       const words *document, imr_arena *arena, imr_error *err)
{
    const size_t n = in->document->sum.n;
    const bool adapted = imr_why_is_adapted(in);
    const imr_share_side query_side = adapted ? side_of(in, true) : (imr_share_side){0};
    const imr_share_side document_side = adapted ? side_of(in, false) : (imr_share_side){0};
    IMR_CLEANUP(imr_share_rows_done) imr_share_rows q = {0};
    IMR_CLEANUP(imr_share_rows_done) imr_share_rows d = {0};
    IMR_CLEANUP(imr_share_average_done) imr_share_average average = {0};
    IMR_TRY(imr_share_rows_init(&q, imr_view_of(query->rows, query->n, n), in->query->sum.extra,
                                adapted ? &query_side : NULL, err));
    IMR_TRY(imr_share_rows_init(&d, imr_view_of(document->rows, document->n, n),
                                in->document->sum.extra, adapted ? &document_side : NULL, err));
    IMR_TRY(imr_share_average_init(&average, in->run, in->document->sum.extra,
                                   adapted ? &document_side : NULL, err));
    p->n_query = query->n;
    p->n_document = document->n;
    p->query_place = query->place;
    p->document_place = document->place;
    IMR_TRY(name(&p->query, query, in->query, in->encoder, arena, err));
    IMR_TRY(name(&p->document, document, in->document, in->encoder, arena, err));
    for (imr_stage k = 0; k < (adapted ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        IMR_TRY(fill_stage(p, k, in, &q, &d, document->weight, &average, arena, err));
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
    IMR_CLEANUP(words_done) words query = {0};
    IMR_CLEANUP(words_done) words document = {0};
    imr_pairs p = {.problem = ""};
    imr_error why;
    IMR_TRY(join(&query, in->query, arena, err));
    IMR_TRY(join(&document, in->document, arena, err));
    const imr_status status = fill(&p, in, &query, &document, arena, &why);
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
