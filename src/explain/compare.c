#include "explain/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strmap.h"
#include "explain/sentence.h"

enum { STRONGEST = 10 };

const char *const imr_compare_names[] = {"documents", "queries", "adapters"};

/* ---- entries ---- */

double imr_compare_value(const imr_compare_entry *e, size_t side, int stage)
{
    return stage < IMR_STAGE_COUNT
               ? e->value[side][stage]
               : e->value[side][IMR_STAGE_AFTER] - e->value[side][IMR_STAGE_ENCODER];
}

static double apart(const imr_compare_entry *e, int stage)
{
    const double d = fabs(imr_compare_value(e, 0, stage) - imr_compare_value(e, 1, stage));
    return isfinite(d) ? d : 0;
}

void imr_compare_order(uint32_t *out, const imr_compare_entry *v, size_t n, int stage)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && apart(&v[i], stage) > apart(&v[out[at - 1]], stage); at--)
            out[at] = out[at - 1];
        out[at] = (uint32_t)i;
    }
}

/* Both sides' pairs, seen from the text they share. */
typedef struct table {
    const imr_pairs *pairs[2];
    const imr_pair_word *common, *other[2];
    size_t n_common, n_other[2];
    bool by_document; /* the shared text is the document */
    bool in_sd[IMR_STAGE_COUNT];
} table;

static double cell(const table *t, size_t side, imr_stage k, size_t i, size_t j)
{
    const imr_pairs *p = t->pairs[side];
    const size_t at = t->by_document ? j * (p->n_document + 1) + i : i * (p->n_document + 1) + j;
    return !p->raw[k] || !t->pairs[!side]->raw[k] ? (double)NAN
           : t->in_sd[k]                          ? p->centred[k][at] / p->reference[k].sd
                                                  : p->raw[k][at];
}

/* False: the two do not have the same text. */
static bool lay(table *t, const imr_compare *c, const imr_compare_side side[2])
{
    size_t n[2];
    const imr_pair_word *common[2];
    t->by_document = c->of == IMR_COMPARE_QUERIES;
    for (size_t s = 0; s < 2; s++) {
        const imr_pairs *p = t->pairs[s] = &side[s].why->pairs;
        common[s] = t->by_document ? p->document : p->query;
        n[s] = t->by_document ? p->n_document : p->n_query;
        t->other[s] = t->by_document ? p->query : p->document;
        t->n_other[s] = t->by_document ? p->n_query : p->n_document;
    }
    bool same = n[0] == n[1];
    for (size_t i = 0; same && i < n[0]; i++)
        same = strcmp(common[0][i].text, common[1][i].text) == 0;
    t->common = common[0];
    t->n_common = n[0];
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        t->in_sd[k] = t->pairs[0]->centred[k] && t->pairs[1]->centred[k];
    return same;
}

static void sum_words(imr_compare *c, const table *t)
{
    for (size_t i = 0; i <= t->n_common; i++) {
        imr_compare_entry *e = &c->words[c->n_words++];
        const bool word = i < t->n_common;
        *e = (imr_compare_entry){.text = word ? t->common[i].text : NULL,
                                 .named = word && t->common[i].named,
                                 .special = word && t->common[i].special};
        for (size_t s = 0; s < 2; s++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                for (size_t j = 0; j <= t->n_other[s]; j++)
                    e->value[s][k] += cell(t, s, k, i, j);
    }
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        double rounding[2];
        for (size_t s = 0; s < 2; s++)
            rounding[s] =
                t->pairs[s]->residual[k] / (t->in_sd[k] ? t->pairs[s]->reference[k].sd : 1);
        c->rounding[k] = rounding[0] - rounding[1];
        c->in_sd[k] = t->in_sd[k];
    }
}

/* ---- the strongest pairs ---- */

typedef struct candidate {
    imr_compare_entry e;
    double key;
    size_t place;
    bool kept;
} candidate;

static int by_key(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key ? -1 : 1)
                            : (x->place > y->place) - (x->place < y->place);
}

/* Named words of the text only that side has, by their spelling. */
static imr_status spell(imr_strmap *out, const table *t, size_t side, imr_error *err)
{
    for (size_t j = 0; j < t->n_other[side]; j++) {
        const imr_pair_word *w = &t->other[side][j];
        if (w->named && !imr_strmap_add(out, w->text, strlen(w->text), (uint32_t)j, NULL, NULL))
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static size_t meet(candidate *out, const table *t, const imr_strmap words[2])
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_common; i++)
        for (size_t s = 0; t->common[i].named && s < 2; s++)
            for (size_t j = 0; j < t->n_other[s]; j++) {
                const imr_pair_word *w = &t->other[s][j];
                uint32_t there = 0;
                const bool both = imr_strmap_get(&words[!s], w->text, strlen(w->text), &there);
                if (!w->named || (s == 1 && both))
                    continue;
                candidate *c = &out[n];
                *c = (candidate){.e = {t->common[i].text, w->text, true, false, {{0}}},
                                 .place = n++};
                for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
                    c->e.value[s][k] = cell(t, s, k, i, j);
                    c->e.value[!s][k] = both                      ? cell(t, !s, k, i, there)
                                        : isnan(c->e.value[s][k]) ? (double)NAN
                                                                  : 0;
                }
            }
    return n;
}

static imr_status find_pairs(imr_compare *c, const table *t, imr_arena *arena, imr_error *err)
{
    imr_strmap words[2] = {{0}};
    IMR_AUTOFREE candidate *v =
        IMR_NEW_ARRAY(candidate, t->n_common * (t->n_other[0] + t->n_other[1]) + 1);
    c->pairs = IMR_ARENA_ARRAY(arena, imr_compare_entry, (IMR_STAGE_COUNT + 1) * STRONGEST);
    imr_status status = v && c->pairs ? spell(&words[0], t, 0, err) : imr_fail_memory(err);
    if (status == IMR_OK)
        status = spell(&words[1], t, 1, err);
    const size_t n = status == IMR_OK ? meet(v, t, words) : 0;
    for (int k = IMR_STAGE_COUNT; k >= -1; k--) { /* at the end by the last stage */
        for (size_t i = 0; i < n; i++)
            v[i].key = apart(&v[i].e, k < 0 ? (int)c->last : k);
        if (n)
            qsort(v, n, sizeof *v, by_key);
        for (size_t i = 0; k >= 0 && i < n && i < STRONGEST && v[i].key > 0; i++)
            v[i].kept = true;
    }
    for (size_t i = 0; i < n; i++)
        if (v[i].kept)
            c->pairs[c->n_pairs++] = v[i].e;
    imr_strmap_done(&words[0]);
    imr_strmap_done(&words[1]);
    return status;
}

/* ---- the gap ---- */

static void measure(imr_compare *c, const imr_compare_side side[2])
{
    const imr_why *a = side[0].why, *b = side[1].why;
    c->last = IMR_STAGE_ENCODER;
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        const bool known = side[0].rank[k] && side[1].rank[k];
        c->similarity[k] =
            known ? (double)side[0].similarity[k] - (double)side[1].similarity[k] : (double)NAN;
        c->standing[k] = known ? a->standing[k] - b->standing[k] : (double)NAN;
        if (known && k == IMR_STAGE_AFTER)
            c->last = k;
    }
    const bool changed = c->last == IMR_STAGE_AFTER;
    c->projector = changed ? a->lift.projector - b->lift.projector : (double)NAN;
    c->modulation = changed ? a->lift.modulation - b->lift.modulation : (double)NAN;
    c->residual = changed ? a->share_residual - b->share_residual : (double)NAN;
    for (size_t s = 0; s < 2; s++) {
        const double sign = !changed ? (double)NAN : s ? -1 : 1;
        c->sides[s][0] = sign * side[s].why->share_query;
        c->sides[s][1] = sign * side[s].why->share_document;
    }
    for (size_t i = 0; i < IMR_STEP_COUNT; i++)
        c->steps[i] = changed && a->has_steps && b->has_steps
                          ? a->steps[i].change - b->steps[i].change
                          : (double)NAN;
}

/* ---- the sentence ---- */

static void put_ranks(imr_buf *out, const imr_compare_side side[2], size_t first, imr_stage k)
{
    imr_number n;
    for (size_t i = 0; i < 2; i++) {
        const uint32_t rank = side[i ? !first : first].rank[k];
        imr_buf_printf(out, "%s%s", i ? " and " : "",
                       rank ? imr_sentence_rank(n, rank) : "not listed");
    }
    imr_buf_str(out, k == IMR_STAGE_AFTER ? " now, " : " for the encoder");
}

static const char *size_text(imr_number text, double value)
{
    imr_sentence_sd(text, fabs(value));
    return text + 1;
}

/* "; the adapter widened that by .30 sd: the projector +.25, the modulation +.05" */
static void put_change(imr_buf *out, const imr_compare *c)
{
    const double from = c->standing[IMR_STAGE_ENCODER], to = c->standing[IMR_STAGE_AFTER];
    imr_number a, b, d;
    if (c->last != IMR_STAGE_AFTER || isnan(to - from))
        return;
    if (fabs(to - from) < IMR_SENTENCE_LIFTED) {
        imr_buf_str(out, "; the adapter left the gap as it was");
        return;
    }
    imr_buf_printf(out,
                   "; the adapter %s by %s sd, the projector did %s of that, the modulation %s",
                   from * to < 0 && fabs(from) >= IMR_SENTENCE_LIFTED ? "turned it"
                   : fabs(to) > fabs(from)                            ? "widened the gap"
                                                                      : "narrowed the gap",
                   size_text(a, to - from), imr_sentence_sd(b, c->projector),
                   imr_sentence_sd(d, c->modulation));
    const double query = c->sides[0][0] + c->sides[1][0];
    const double document = c->sides[0][1] + c->sides[1][1];
    if (fabs(c->modulation) >= IMR_SENTENCE_LIFTED)
        imr_buf_printf(out, ", mostly on the side of the %s",
                       fabs(query) > fabs(document) ? "query" : "text");
}

/* The pairs that speak for one side: the larger share is its own. True when it named some. */
static bool put_pairs(imr_buf *out, const imr_compare *c, size_t side, const char *before,
                      size_t most)
{
    double sum = 0, least = c->in_sd[c->last] ? IMR_SENTENCE_NAMED : IMR_SENTENCE_NAMED_COSINE;
    size_t n = 0;
    for (size_t i = 0; i < c->n_pairs && n < most; i++) {
        const imr_compare_entry *e = &c->pairs[i];
        const double own = e->value[side][c->last], ahead = own - e->value[!side][c->last];
        if (!(ahead >= least) || own < ahead / 2)
            continue;
        imr_sentence_named(out, n++ ? ", " : before, e->text,
                           strcmp(e->text, e->with) ? e->with : NULL);
        sum += ahead;
    }
    const double gap = c->in_sd[c->last] ? c->standing[c->last] : c->similarity[c->last];
    if (n && !(sum > fabs(gap) / 2))
        imr_buf_str(out, ", among others");
    return n > 0;
}

static void put_words(imr_buf *out, const imr_compare *c, double gap)
{
    static const char *const openings[2] = {"; for A speak ", "; for B speak "};
    const imr_compare_entry *none = &c->words[c->n_words - 1]; /* what no word carries */
    const double biases = none->value[0][c->last] - none->value[1][c->last];
    const size_t first = gap < 0;
    imr_number a;
    if (fabs(gap) >= IMR_SENTENCE_LIFTED && biases / gap > 0.5)
        imr_buf_printf(out, "; %s sd of that comes from the adapter's biases, not from words",
                       size_text(a, biases));
    const bool some = put_pairs(out, c, first, openings[first], 3);
    if (!put_pairs(out, c, !first, openings[!first], 1) && !some)
        imr_buf_str(out, "; no single pair of words tells them apart");
}

static void put_sentence(imr_buf *out, const imr_compare *c, const imr_compare_side side[2])
{
    static const char *const subjects[] = {"", "For the queries A and B it is ",
                                           "Under the adapters A and B it is "};
    const bool in_sd = isfinite(c->standing[c->last]);
    const double gap = in_sd ? c->standing[c->last] : c->similarity[c->last];
    const bool level = !(fabs(gap) >= (in_sd ? 0.005 : 5e-5));
    const bool changed = side[0].rank[IMR_STAGE_AFTER] || side[1].rank[IMR_STAGE_AFTER];
    const size_t first = c->of == IMR_COMPARE_DOCUMENTS && gap < 0;
    imr_number a;
    if (c->of == IMR_COMPARE_DOCUMENTS)
        imr_buf_str(out, level     ? "A and B stand level: "
                         : gap > 0 ? "A stands above B: "
                                   : "B stands above A: ");
    else
        imr_buf_str(out, subjects[c->of]);
    if (changed)
        put_ranks(out, side, first, IMR_STAGE_AFTER);
    put_ranks(out, side, first, IMR_STAGE_ENCODER);
    if (level)
        imr_buf_str(out, "; there is no gap");
    else if (in_sd)
        imr_buf_printf(out, "; %s is ahead by %s sd", gap > 0 ? "A" : "B", size_text(a, gap));
    else
        imr_buf_printf(out, "; %s is ahead by %.4f in cosine", gap > 0 ? "A" : "B", fabs(gap));
    if (changed && c->last == IMR_STAGE_ENCODER)
        imr_buf_str(out, " for the encoder");
    put_change(out, c);
    if (!c->problem[0])
        put_words(out, c, gap);
    imr_buf_char(out, '.');
}

/* ---- all ---- */

imr_status imr_compare_make(imr_compare *out, imr_compare_of of, const imr_compare_side side[2],
                            imr_arena *arena, imr_error *err)
{
    IMR_AUTOBUF imr_buf text = {0};
    imr_compare c = {.of = of, .problem = ""};
    table t = {0};
    measure(&c, side);
    for (size_t s = 2; s-- > 0;)
        if (side[s].why->pairs.problem[0])
            c.problem = side[s].why->pairs.problem;
    if (!c.problem[0] && !lay(&t, &c, side))
        c.problem = "the two were not read with the same words";
    if (!c.problem[0]) {
        c.words = IMR_ARENA_ARRAY(arena, imr_compare_entry, t.n_common + 1);
        IMR_NEED(c.words, err);
        sum_words(&c, &t);
        IMR_TRY(find_pairs(&c, &t, arena, err));
    }
    put_sentence(&text, &c, side);
    IMR_TRY(imr_buf_check(&text, err));
    c.sentence = imr_arena_strndup(arena, imr_buf_text(&text), text.len);
    IMR_NEED(c.sentence, err);
    *out = c;
    return IMR_OK;
}
