/* A against B: sums, the slow way, and what the sentence says. */
#include "base/arena.h"
#include "base/mem.h"
#include "explain/compare.h"
#include "explain/shares.h"
#include "math/random.h"
#include "tests/support/test.h"

enum { QUERY = 5, MOST = 9, CELLS = (QUERY + 1) * (MOST + 1) };

static imr_error err;

/* One side: a query against a document of words from a small vocabulary. */
typedef struct made {
    imr_pair_word query[QUERY + 1], document[MOST + 1];
    double raw[IMR_STAGE_COUNT][CELLS], centred[IMR_STAGE_COUNT][CELLS];
    imr_why why;
} made;

static const char *const vocabulary[] = {"folic", "acid",  "serum", "the",  "heart",
                                         "renal", "trial", "b12",   "rate", "low"};
static const char *const asked[QUERY] = {"[CLS]", "vitamin", "acid", "b12", "of"};

static void spell(imr_pair_word *w, const char *text)
{
    *w = (imr_pair_word){
        .text = text, .count = 1, .special = text[0] == '[', .named = imr_word_is_named(text)};
}

/* Totals and the strongest of pairs whose matrices are in place. */
static void find_strongest(imr_why *w)
{
    static imr_arena *arena; /* as long as the process */
    imr_pairs *p = &w->pairs;
    arena = arena ? arena : imr_arena_new();
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        for (size_t a = 0; a <= p->n_query; a++)
            p->query[a].total[k] = 0;
        for (size_t b = 0; b <= p->n_document; b++)
            p->document[b].total[k] = 0;
        for (size_t i = 0; i < (p->n_query + 1) * (p->n_document + 1); i++) {
            const double v = p->centred[k] ? p->centred[k][i] : p->raw[k][i];
            p->query[i / (p->n_document + 1)].total[k] += v;
            p->document[i % (p->n_document + 1)].total[k] += v;
        }
    }
    CHECK_OK(imr_pairs_strongest(&w->strongest, &w->n_strongest, p, arena, &err));
}

/* transposed: the text both share is the document, of QUERY words, and the query is other words. */
static void make(made *m, imr_compare_side *side, imr_random *r, bool transposed)
{
    const size_t other = 4 + imr_random_below(r, MOST - 3);
    uint32_t place[IMR_LEN(vocabulary)];
    memset(m, 0, sizeof *m);
    for (uint32_t i = 0; i < IMR_LEN(vocabulary); i++)
        place[i] = i;
    imr_random_shuffle(r, place, IMR_LEN(vocabulary));
    for (size_t i = 0; i < QUERY; i++)
        spell(&m->query[i], asked[i]);
    for (size_t i = 0; i < other; i++)
        spell(&m->document[i], vocabulary[place[i]]);
    imr_why *w = &m->why;
    w->pairs = (imr_pairs){.problem = "",
                           .query = transposed ? m->document : m->query,
                           .document = transposed ? m->query : m->document,
                           .n_query = transposed ? other : QUERY,
                           .n_document = transposed ? QUERY : other};
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        imr_pairs *p = &w->pairs;
        const imr_reference reference = {0.3, 0.05 + imr_random_uniform(r)};
        double raw = 0, centred = 0;
        for (size_t i = 0; i < (QUERY + 1) * (other + 1); i++) {
            raw += m->raw[k][i] = imr_random_normal(r) / 30;
            centred += m->centred[k][i] = imr_random_normal(r) / 30;
        }
        p->raw[k] = m->raw[k];
        p->centred[k] = m->centred[k];
        p->reference[k] = reference;
        p->residual[k] = imr_random_normal(r) * 1e-5;
        p->similarity[k] = centred + reference.mean + p->residual[k];
        m->raw[k][0] += p->similarity[k] - p->residual[k] - raw;
        side->similarity[k] = (float)p->similarity[k];
        side->rank[k] = 1 + (uint32_t)imr_random_below(r, 40);
    }
    w->lift = imr_stand(w->standing, side->similarity, w->pairs.reference);
    w->share_query = imr_random_normal(r) / 10;
    w->share_document = (double)(side->similarity[2] - side->similarity[1]) - w->share_query;
    w->has_steps = true;
    for (size_t i = 1; i < IMR_STEP_COUNT; i++)
        w->steps[i].change = imr_random_normal(r) / 10;
    side->why = w;
    find_strongest(w);
}

static double naive_share(const imr_pairs *p, imr_stage k, const char *query, const char *document)
{
    double sum = 0;
    for (size_t a = 0; a <= p->n_query; a++)
        for (size_t b = 0; b <= p->n_document; b++)
            if ((!query || (a < p->n_query && strcmp(p->query[a].text, query) == 0)) &&
                (!document || (b < p->n_document && strcmp(p->document[b].text, document) == 0)))
                sum += p->centred[k][a * (p->n_document + 1) + b] / p->reference[k].sd;
    return sum;
}

static double part(const imr_compare_entry *e, size_t s, int k)
{
    return k < IMR_STAGE_COUNT ? e->value[s][k] : e->value[s][2] - e->value[s][0];
}

static bool has(const imr_compare *c, const char *text, const char *with)
{
    for (size_t i = 0; i < c->n_pairs; i++)
        if (strcmp(c->pairs[i].text, text) == 0 && strcmp(c->pairs[i].with, with) == 0)
            return true;
    return false;
}

static void check_values(const imr_compare *c, const imr_compare_side side[2], bool transposed)
{
    for (size_t i = 0; i < c->n_words - 1; i++)
        for (size_t s = 0; s < 2; s++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                CHECK_NEAR(c->words[i].value[s][k],
                           naive_share(&side[s].why->pairs, k, transposed ? NULL : c->words[i].text,
                                       transposed ? c->words[i].text : NULL),
                           1e-12);
    size_t found = 0;
    for (size_t s = 0; s < 2; s++)
        for (size_t i = 0; i < side[s].why->n_strongest; i++) {
            const imr_pairs *p = &side[s].why->pairs;
            const imr_strong_pair *pair = &side[s].why->strongest[i];
            CHECK(has(c, p->query[pair->query].text, p->document[pair->document].text));
            found++;
        }
    CHECK(c->n_pairs >= 10 && c->n_pairs <= found);
    for (size_t i = 0; i < c->n_pairs; i++) {
        const imr_compare_entry *e = &c->pairs[i];
        for (size_t s = 0; s < 2; s++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
                CHECK_NEAR(e->value[s][k], naive_share(&side[s].why->pairs, k, e->text, e->with),
                           1e-12);
    }
    for (int k = 0; k <= IMR_STAGE_COUNT; k++) {
        imr_compare_line lines[7];
        CHECK_INT(imr_compare_lines(lines, 4, c, false, k), 4);
        for (size_t i = 0; i < 4; i++) {
            size_t further = 0;
            for (size_t n = 0; n < c->n_pairs; n++)
                further += fabs(part(&c->pairs[n], 0, k) - part(&c->pairs[n], 1, k)) >
                           fabs(lines[i].value[0] - lines[i].value[1]) + 1e-15;
            CHECK(further <= i && !lines[i].rest);
        }
        /* words: two, what no word carries, the others, and the sum of all of them */
        CHECK_INT(imr_compare_lines(lines, 2, c, true, k), 5);
        for (size_t s = 0; s < 2; s++) {
            double sum = 0;
            for (size_t n = 0; n < c->n_words; n++)
                sum += part(&c->words[n], s, k);
            CHECK_NEAR(lines[4].value[s], sum, 1e-12);
            CHECK_NEAR(lines[2].value[s], part(&c->words[c->n_words - 1], s, k), 0);
            CHECK_NEAR(lines[0].value[s] + lines[1].value[s] + lines[2].value[s] +
                           lines[3].value[s],
                       sum, 1e-12);
        }
        CHECK(lines[2].rest && lines[3].rest && lines[4].rest);
    }
}

TEST("words and roundings of A less those of B are the gap, at every stage; pairs are as the slow "
     "way finds them")
{
    imr_random r;
    imr_random_init(&r, 7);
    for (int i = 0; i < 40; i++) {
        const bool queries = i % 2;
        static made m[2];
        imr_compare_side side[2];
        imr_compare c;
        imr_arena *arena = imr_arena_new();
        for (size_t s = 0; s < 2; s++)
            make(&m[s], &side[s], &r, queries);
        CHECK_OK(imr_compare_make(&c, queries ? IMR_COMPARE_QUERIES : IMR_COMPARE_DOCUMENTS, side,
                                  arena, &err));
        CHECK_STR(c.problem, "");
        CHECK_INT(c.n_words, QUERY + 1);
        CHECK(c.words[QUERY].text == NULL);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            double sum = c.rounding[k];
            for (size_t w = 0; w < c.n_words; w++)
                sum += c.words[w].value[0][k] - c.words[w].value[1][k];
            CHECK_NEAR(sum, c.standing[k], 2e-6);
            CHECK_NEAR(c.standing[k], m[0].why.standing[k] - m[1].why.standing[k], 0);
            CHECK_NEAR(c.similarity[k], (double)side[0].similarity[k] - side[1].similarity[k], 0);
        }
        CHECK_NEAR(c.projector + c.modulation, c.standing[2] - c.standing[0], 1e-12);
        CHECK_NEAR(c.sides[0][0] + c.sides[0][1] + c.sides[1][0] + c.sides[1][1] + c.residual,
                   c.similarity[2] - c.similarity[1], 1e-6);
        check_values(&c, side, queries);
        CHECK(!strstr(c.sentence, "nan") && strlen(c.sentence) > 40);
        imr_arena_free(arena);
    }
}

TEST("A against B is minus B against A, and A against itself is nothing")
{
    imr_random r;
    imr_random_init(&r, 8);
    for (int i = 0; i < 20; i++) {
        static made m[2];
        imr_compare_side side[2];
        imr_compare c, d, zero;
        imr_arena *arena = imr_arena_new();
        for (size_t s = 0; s < 2; s++)
            make(&m[s], &side[s], &r, false);
        const imr_compare_side turned[2] = {side[1], side[0]}, same[2] = {side[0], side[0]};
        CHECK_OK(imr_compare_make(&c, IMR_COMPARE_DOCUMENTS, side, arena, &err));
        CHECK_OK(imr_compare_make(&d, IMR_COMPARE_DOCUMENTS, turned, arena, &err));
        CHECK_OK(imr_compare_make(&zero, IMR_COMPARE_DOCUMENTS, same, arena, &err));
        CHECK_NEAR(c.projector + d.projector, 0, 0);
        CHECK_NEAR(c.modulation + d.modulation, 0, 0);
        CHECK_NEAR(zero.projector + zero.modulation, 0, 0);
        CHECK_NEAR(zero.sides[0][0] + zero.sides[1][0], 0, 0);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            CHECK_NEAR(c.standing[k] + d.standing[k], 0, 0);
            CHECK_NEAR(zero.standing[k], 0, 0);
            CHECK_NEAR(zero.rounding[k], 0, 0);
        }
        CHECK_INT(c.n_pairs, d.n_pairs);
        for (size_t p = 0; p < c.n_pairs; p++)
            CHECK(has(&d, c.pairs[p].text, c.pairs[p].with));
        for (size_t w = 0; w < c.n_words; w++)
            for (size_t s = 0; s < 2; s++)
                CHECK_NEAR(c.words[w].value[s][2], d.words[w].value[!s][2], 0);
        CHECK_CONTAINS(zero.sentence, "A and B stand level");
        CHECK_CONTAINS(zero.sentence, "; there is no gap; the adapter left the gap as it was; no "
                                      "single pair of words tells them apart.");
        imr_arena_free(arena);
    }
}

/* Both with the same word pairs but for one, sd 1; standings as given. */
static const char *say(made m[2], imr_compare_side side[2], const double standing[2][3],
                       imr_arena *arena)
{
    imr_compare c;
    for (size_t s = 0; s < 2; s++) {
        imr_why *w = &m[s].why;
        memcpy(w->standing, standing[s], sizeof w->standing);
        find_strongest(w);
        w->lift = (imr_lift){standing[s][2] - standing[s][0], standing[s][1] - standing[s][0],
                             standing[s][2] - standing[s][1]};
    }
    CHECK_OK(imr_compare_make(&c, IMR_COMPARE_DOCUMENTS, side, arena, &err));
    return c.sentence;
}

static void plain_scene(made m[2], imr_compare_side side[2])
{
    imr_random r;
    for (size_t s = 0; s < 2; s++) {
        imr_random_init(&r, 1);
        make(&m[s], &side[s], &r, false);
        memset(m[s].centred, 0, sizeof m[s].centred);
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            m[s].why.pairs.reference[k].sd = 1;
            m[s].why.pairs.residual[k] = 0;
            side[s].rank[k] = 1 + 2 * (uint32_t)s;
        }
        m[s].why.share_query = 0.1;
        m[s].why.share_document = s ? 0.1 : 0.3;
    }
}

TEST("the sentence says who is ahead by how much, what the adapter did, and which words hold it")
{
    static made m[2];
    imr_compare_side side[2];
    imr_arena *arena = imr_arena_new();
    plain_scene(m, side);
    const size_t cols = m[0].why.pairs.n_document + 1;
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) { /* vitamin met the first word, b12 the last */
        m[0].centred[k][1 * cols + 0] = 0.5;
        m[1].centred[k][3 * cols + 1] = 0.1;
    }
    const char *first = m[0].document[0].text, *second = m[0].document[1].text;
    char expected[400];
    snprintf(
        expected, sizeof expected,
        "A stands above B: 1st and 3rd now, 1st and 3rd for the encoder; A is ahead by .40 sd; "
        "the adapter widened the gap by .30 sd (A less B: projector +.10, modulation +.20, mostly "
        "on the "
        "side "
        "of the text); for A speak *vitamin ~ %s*; for B speak *b12 ~ "
        "%s*, among others.",
        first, second);
    CHECK(imr_word_is_named(first) && imr_word_is_named(second) && strcmp(second, "b12"));
    m[1].centred[2][3 * cols + 1] = 0.1;
    CHECK_STR(say(m, side, (const double[2][3]){{1, 1.1, 1.4}, {0.9, 0.9, 1}}, arena), expected);
    CHECK_CONTAINS(
        say(m, side, (const double[2][3]){{1, 1, 1.4}, {2, 1.5, 1}}, arena),
        "the adapter turned it round by 1.40 sd (A less B: projector +.50, modulation +.90");
    CHECK_CONTAINS(say(m, side, (const double[2][3]){{1, 1, 1}, {2, 1.5, 1.2}}, arena),
                   "B stands above A: 3rd and 1st now, 3rd and 1st for the encoder; B is ahead by "
                   ".20 sd; the adapter narrowed the gap by .80 sd");
    side[1].rank[IMR_STAGE_AFTER] = 0; /* not among the candidates */
    CHECK_CONTAINS(say(m, side, (const double[2][3]){{1, 1, 1}, {2, 1.5, NAN}}, arena),
                   "B stands above A: not listed and 1st now, 3rd and 1st for the encoder; B is "
                   "ahead by 1.00 sd for the encoder; for B speak");
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) /* what no word carries */
        m[0].centred[k][QUERY * cols + cols - 1] = 0.3;
    side[1].rank[IMR_STAGE_AFTER] = 3;
    CHECK_CONTAINS(say(m, side, (const double[2][3]){{1, 1, 1.4}, {1, 1, 1}}, arena),
                   "; .30 sd of that comes from the adapter's biases, not from words");
    imr_arena_free(arena);
}

TEST("without a reference the gap is in cosine, without pairs it says why, and nothing is NaN")
{
    static made m[2];
    imr_compare_side side[2];
    imr_compare c;
    imr_arena *arena = imr_arena_new();
    plain_scene(m, side);
    side[0].similarity[2] = 0.5f;
    side[1].similarity[2] = 0.25f;
    for (size_t s = 0; s < 2; s++)
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            m[s].why.pairs.centred[k] = NULL;
            m[s].why.standing[k] = (double)NAN;
        }
    m[0].why.lift = m[1].why.lift = (imr_lift){NAN, NAN, NAN};
    find_strongest(&m[0].why);
    find_strongest(&m[1].why);
    CHECK_OK(imr_compare_make(&c, IMR_COMPARE_DOCUMENTS, side, arena, &err));
    CHECK(!c.in_sd && isnan(c.standing[2]));
    CHECK_CONTAINS(c.sentence, "A is ahead by 0.2500 in cosine");
    CHECK(!strstr(c.sentence, "nan"));
    m[1].why.pairs = (imr_pairs){.problem = "no texts"};
    CHECK_OK(imr_compare_make(&c, IMR_COMPARE_ADAPTERS, side, arena, &err));
    CHECK_STR(c.problem, "no texts");
    CHECK_INT(c.n_words + c.n_pairs, 0);
    CHECK_CONTAINS(c.sentence, "Under the adapters A and B it is 1st and 3rd now");
    m[1].why.pairs = m[0].why.pairs;
    m[1].why.pairs.n_query--;
    CHECK_OK(imr_compare_make(&c, IMR_COMPARE_DOCUMENTS, side, arena, &err));
    CHECK_CONTAINS(c.problem, "not read with the same words");
    imr_arena_free(arena);
}
