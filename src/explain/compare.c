#include "explain/compare.h"

#include <math.h>

#include "explain/sentence.h"

enum { LOOKED_AT = 20 }; /* pairs, for a sentence */

const char *const imr_compare_names[] = {"documents", "queries", "adapters"};

/* ---- entries ---- */

static double apart(const double value[2])
{
    return isfinite(value[0] - value[1]) ? fabs(value[0] - value[1]) : 0;
}

/* Stage IMR_STAGE_COUNT: after less encoder. */
static double value_of(const imr_compare_entry *e, size_t side, int stage)
{
    const double *v = e->value[side];
    return stage < IMR_STAGE_COUNT ? v[stage] : v[IMR_STAGE_AFTER] - v[IMR_STAGE_ENCODER];
}

size_t imr_compare_lines(imr_compare_line *out, size_t rows, const imr_compare *c, bool words,
                         int stage)
{
    const size_t n = words ? c->n_words : c->n_pairs;
    imr_compare_line others = {"all others", NULL, {0, 0}, true}, sum = {"sum", NULL, {0, 0}, true};
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const imr_compare_entry *e = &(words ? c->words : c->pairs)[i];
        const imr_compare_line l = {e->text,
                                    e->with && strcmp(e->text, e->with) != 0 ? e->with : NULL,
                                    {value_of(e, 0, stage), value_of(e, 1, stage)},
                                    false};
        size_t at = k < rows ? k : rows;
        for (; e->named && at > 0 && apart(l.value) > apart(out[at - 1].value); at--)
            if (at < rows)
                out[at] = out[at - 1];
        if (e->named && at < rows)
            out[at] = l;
        k += e->named && k < rows;
        for (size_t s = 0; s < 2; s++)
            sum.value[s] += l.value[s];
        if (!e->text)
            out[k++] = (imr_compare_line){"not from words", NULL, {l.value[0], l.value[1]}, true};
    }
    for (size_t s = 0; s < 2; s++) {
        others.value[s] = sum.value[s];
        for (size_t i = 0; i < k; i++)
            others.value[s] -= out[i].value[s];
    }
    if (words) {
        out[k++] = others;
        out[k++] = sum;
    }
    return k;
}

/* The text both have; false where it is not one. */
static bool share_text(const imr_pair_word *out[2], size_t *n, const imr_compare *c,
                       const imr_compare_side side[2])
{
    size_t count[2];
    for (size_t s = 0; s < 2; s++) {
        const imr_pairs *p = &side[s].why->pairs;
        const bool document = c->of == IMR_COMPARE_QUERIES;
        out[s] = document ? p->document : p->query;
        count[s] = document ? p->n_document : p->n_query;
    }
    *n = count[0];
    for (size_t i = 0; i < *n && count[0] == count[1]; i++)
        if (strcmp(out[0][i].text, out[1][i].text) != 0)
            return false;
    return count[0] == count[1];
}

static void fill_words(imr_compare *c, const imr_pair_word *const text[2],
                       const imr_compare_side side[2])
{
    for (size_t i = 0; i < c->n_words; i++) {
        imr_compare_entry *e = &c->words[i];
        const imr_pair_word *w = &text[0][i];
        *e = (imr_compare_entry){.text = w->text, .named = w->named};
        for (size_t s = 0; s < 2; s++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                e->value[s][k] = k <= c->last
                                     ? text[s][i].total[k] / imr_pairs_unit(&side[s].why->pairs, k)
                                     : (double)NAN;
    }
    for (imr_stage k = 0; k <= c->last; k++) {
        const imr_pairs *a = &side[0].why->pairs, *b = &side[1].why->pairs;
        c->rounding[k] =
            a->residual[k] / imr_pairs_unit(a, k) - b->residual[k] / imr_pairs_unit(b, k);
    }
}

/* Of a pair of words, in sd; 0 where the texts do not have it. */
static double share_of(const imr_pairs *p, const char *query, const char *document, imr_stage k)
{
    const double *v = imr_pairs_shares(p, k);
    for (size_t a = 0; a < p->n_query; a++)
        for (size_t b = 0; b < p->n_document && strcmp(p->query[a].text, query) == 0; b++)
            if (p->query[a].named && p->document[b].named &&
                strcmp(p->document[b].text, document) == 0)
                return v[a * (p->n_document + 1) + b] / imr_pairs_unit(p, k);
    return 0;
}

/* The strongest of either. */
static void fill_pairs(imr_compare *c, const imr_compare_side side[2])
{
    const size_t first = side[0].why->n_strongest;
    for (size_t i = 0; i < first + side[1].why->n_strongest; i++) {
        const imr_why *w = side[i >= first].why;
        const imr_strong_pair *s = &w->strongest[i < first ? i : i - first];
        imr_compare_entry e = {
            w->pairs.query[s->query].text, w->pairs.document[s->document].text, true, {{0}}};
        size_t at = 0;
        while (at < c->n_pairs &&
               (strcmp(c->pairs[at].text, e.text) != 0 || strcmp(c->pairs[at].with, e.with) != 0))
            at++;
        if (at < c->n_pairs)
            continue;
        for (size_t t = 0; t < 2; t++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                e.value[t][k] =
                    k <= c->last ? share_of(&side[t].why->pairs, e.text, e.with, k) : (double)NAN;
        c->pairs[c->n_pairs++] = e;
    }
}

static imr_status fill(imr_compare *c, const imr_compare_side side[2], imr_arena *arena,
                       imr_error *err)
{
    const imr_pairs *a = &side[0].why->pairs, *b = &side[1].why->pairs;
    const imr_pair_word *text[2];
    size_t n;
    c->in_sd = a->centred[c->last];
    if (!share_text(text, &n, c, side))
        c->problem = "the two were not read with the same words";
    for (imr_stage k = 0; k <= c->last; k++)
        if (!a->centred[k] != !b->centred[k])
            c->problem = "only one of the two has an average candidate to compare with";
    if (c->problem[0])
        return IMR_OK;
    c->n_words = n + 1;
    c->words = IMR_ARENA_ARRAY(arena, imr_compare_entry, c->n_words);
    c->pairs = IMR_ARENA_ARRAY(arena, imr_compare_entry,
                               side[0].why->n_strongest + side[1].why->n_strongest + 1);
    IMR_NEED(c->words && c->pairs, err);
    fill_words(c, text, side);
    fill_pairs(c, side);
    return IMR_OK;
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

/* "; the adapter widened the gap by .30 sd (A less B: projector +.25, modulation +.05)" */
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
    imr_buf_printf(out, "; the adapter%s %s by %s sd (A less B: projector %s, modulation %s",
                   c->of == IMR_COMPARE_ADAPTERS ? "s" : "",
                   from * to < 0 && fabs(from) >= IMR_SENTENCE_LIFTED ? "turned it round"
                   : fabs(to) > fabs(from)                            ? "widened the gap"
                                                                      : "narrowed the gap",
                   size_text(a, to - from), imr_sentence_sd(b, c->projector),
                   imr_sentence_sd(d, c->modulation));
    const double query = c->sides[0][0] + c->sides[1][0];
    const double document = c->sides[0][1] + c->sides[1][1];
    if (fabs(c->modulation) >= IMR_SENTENCE_LIFTED && (query + document) * c->modulation > 0)
        imr_buf_printf(out, ", mostly on the side of the %s",
                       fabs(query) > fabs(document) ? "query" : "text");
    imr_buf_char(out, ')');
}

/* Of the pairs furthest apart those that speak for one side: the larger share is its own. True when
 * it named some. */
static bool put_pairs(imr_buf *out, const imr_compare *c, size_t side, const char *before,
                      size_t most)
{
    double sum = 0, least = c->in_sd ? IMR_SENTENCE_NAMED : IMR_SENTENCE_NAMED_COSINE;
    imr_compare_line lines[LOOKED_AT + 3];
    const size_t found = imr_compare_lines(lines, LOOKED_AT, c, false, (int)c->last);
    size_t n = 0;
    for (size_t i = 0; i < found && n < most; i++) {
        const double own = lines[i].value[side], ahead = own - lines[i].value[!side];
        if (!(ahead >= least) || own < ahead / 2)
            continue;
        imr_sentence_named(out, n++ ? ", " : before, lines[i].text, lines[i].with);
        sum += ahead;
    }
    const double gap = c->in_sd ? c->standing[c->last] : c->similarity[c->last];
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
    if (c->in_sd && fabs(gap) >= IMR_SENTENCE_LIFTED && biases / gap > 0.5)
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
    measure(&c, side);
    for (size_t s = 2; s-- > 0;)
        if (side[s].why->pairs.problem[0])
            c.problem = side[s].why->pairs.problem;
    if (!c.problem[0])
        IMR_TRY(fill(&c, side, arena, err));
    put_sentence(&text, &c, side);
    IMR_TRY(imr_buf_check(&text, err));
    c.sentence = imr_arena_strndup(arena, imr_buf_text(&text), text.len);
    IMR_NEED(c.sentence, err);
    *out = c;
    return IMR_OK;
}
