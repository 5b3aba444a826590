/* Sentences say what the numbers say, and nothing else. */
#include "base/mem.h"
#include "explain/shares.h"
#include "explain/sentence.h"
#include "math/random.h"
#include "tests/support/test.h"

enum { WORDS = 4, SIDE = WORDS + 1, CELLS = SIDE * SIDE };

/* Pairs of made-up words at the encoder's stage and after, sd 1, so that shares are in sd. */
typedef struct scene {
    imr_pair_word query[SIDE], document[SIDE];
    double encoder[CELLS], after[CELLS];
    imr_why why;
    imr_sentence_facts facts;
    imr_arena *arena;
    imr_buf text;
} scene;

static void scene_init(scene *s)
{
    static const char *const query[WORDS] = {"access", "open", "cited", "the"};
    static const char *const document[WORDS] = {"access", "open", "citations", "rate*"};
    memset(s, 0, sizeof *s);
    s->arena = imr_arena_new();
    for (size_t i = 0; i < WORDS; i++) {
        s->query[i] = (imr_pair_word){.text = query[i], .named = imr_word_is_named(query[i])};
        s->document[i] =
            (imr_pair_word){.text = document[i], .named = imr_word_is_named(document[i])};
    }
    s->why.pairs = (imr_pairs){.problem = "",
                               .query = s->query,
                               .document = s->document,
                               .n_query = WORDS,
                               .n_document = WORDS};
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        double *v = k == IMR_STAGE_ENCODER ? s->encoder : s->after;
        s->why.pairs.raw[k] = s->why.pairs.centred[k] = v;
        s->why.pairs.reference[k] = (imr_reference){0.5, 1};
    }
    s->facts = (imr_sentence_facts){.adapter = true, .why = &s->why, .passed = true};
}

static void scene_done(scene *s)
{
    imr_arena_free(s->arena);
    imr_buf_done(&s->text);
}

/* Totals, standings and lift from the matrices; the projector's part of the lift is given. */
static const char *say(scene *s, const uint32_t rank[3], double projector)
{
    imr_error err;
    double sum[2] = {0};
    for (size_t i = 0; i < SIDE; i++)
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
            s->query[i].total[k] = s->document[i].total[k] = 0;
    for (size_t a = 0; a < SIDE; a++)
        for (size_t b = 0; b < SIDE; b++)
            for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
                const double v = s->why.pairs.raw[k][a * SIDE + b];
                s->query[a].total[k] += v;
                s->document[b].total[k] += v;
            }
    for (size_t i = 0; i < CELLS; i++) {
        sum[0] += s->encoder[i];
        sum[1] += s->after[i];
    }
    s->why.standing[IMR_STAGE_ENCODER] = sum[0];
    s->why.standing[IMR_STAGE_BEFORE] = sum[0] + projector;
    s->why.standing[IMR_STAGE_AFTER] = sum[1];
    s->why.lift = (imr_lift){sum[1] - sum[0], projector, sum[1] - sum[0] - projector};
    memcpy(s->facts.rank, rank, sizeof s->facts.rank);
    CHECK_OK(
        imr_pairs_strongest(&s->why.strongest, &s->why.n_strongest, &s->why.pairs, s->arena, &err));
    imr_buf_clear(&s->text);
    imr_sentence_document(&s->text, &s->facts);
    return imr_buf_text(&s->text);
}

#define RANKS(...) ((const uint32_t[3]){__VA_ARGS__})

TEST("a word is named that has two characters, one of them a letter, and is no stop word")
{
    CHECK(imr_word_is_named("folic") && imr_word_is_named("b12") && imr_word_is_named("骨折"));
    CHECK(!imr_word_is_named("") && !imr_word_is_named("x") && !imr_word_is_named("12"));
    CHECK(!imr_word_is_named("--") && !imr_word_is_named("the") && !imr_word_is_named("whether"));
    CHECK(imr_word_is_named("them atic") && imr_word_is_named("a_word_longer_than_stop_words"));
}

TEST("a document that stays is told by its ranks and its three largest pairs, equal words once")
{
    static scene s;
    scene_init(&s);
    s.after[0 * SIDE + 0] = s.encoder[0 * SIDE + 0] = 0.3;  /* access access */
    s.after[1 * SIDE + 1] = s.encoder[1 * SIDE + 1] = 0.2;  /* open open */
    s.after[1 * SIDE + 0] = s.encoder[1 * SIDE + 0] = 0.15; /* open access: both named already */
    s.after[2 * SIDE + 2] = s.encoder[2 * SIDE + 2] = 0.1;  /* cited citations */
    s.after[3 * SIDE + 3] = s.encoder[3 * SIDE + 3] = 0.9;  /* the: no name */
    CHECK_STR(say(&s, RANKS(1, 1, 1), 0),
              "1st for the encoder, projected and now: *access*, *open*, *cited ~ citations*, "
              "among others.");
    s.after[3 * SIDE + 3] = s.encoder[3 * SIDE + 3] = 0.1;
    CHECK_STR(say(&s, RANKS(2, 3, 2), 0),
              "2nd for the encoder, 3rd projected, 2nd now, mostly for *access*, *open*, "
              "*cited ~ citations*.");
    scene_done(&s);
}

TEST(
    "a rise names the step that did it, a fall what was lost, and a word's own asterisk is dropped")
{
    static scene s;
    scene_init(&s);
    s.after[0] = 0.5;
    s.encoder[0] = 0.2;
    s.after[3 * SIDE + 2] = s.encoder[3 * SIDE + 2] = 0.6; /* the citations: no name */
    CHECK_STR(
        say(&s, RANKS(3, 1, 1), 0.25),
        "3rd for the encoder, 1st now; the projector lifted it a little (+.25 sd, in all +.30); "
        "it is here for *access*, among others.");
    s.encoder[2 * SIDE + 3] = 1.6;
    s.after[2 * SIDE + 3] = 0.5;
    CHECK_STR(say(&s, RANKS(1, 2, 6), 0.1),
              "1st for the encoder, 2nd projected, 6th now; the projector lifted it a little "
              "(+.10 sd), the modulation lowered it (-.90 sd); what it lost is mostly "
              "*cited ~ rate*.");
    scene_done(&s);
}

TEST("rank and lift that disagree, biases that hold more than half, and what is outside are said")
{
    static scene s;
    scene_init(&s);
    s.encoder[0] = 0.5;
    s.after[0] = 0.4;
    CHECK_STR(say(&s, RANKS(5, 4, 2), -0.1),
              "5th for the encoder, 4th projected, 2nd now; it rose 3 ranks although its own "
              "standing fell (-.10 sd): those it passed fell more; it is here mostly for "
              "*access*.");
    s.facts.passed = false;
    CHECK_CONTAINS(say(&s, RANKS(3, 2, 2), -0.1), "rose 1 rank although its own standing fell "
                                                  "(-.10 sd): those above it left the list");
    s.after[0] = 0.5;
    CHECK_CONTAINS(say(&s, RANKS(3, 2, 4), 0), "fell 1 rank although its own standing hardly "
                                               "changed (+.00 sd)");
    s.facts.passed = true;
    s.after[0] = 0.8;
    s.after[CELLS - 1] = 0.9;
    CHECK_STR(say(&s, RANKS(13, 4, 2), 0.2),
              "13th for the encoder, 4th projected, 2nd now; its standing changed by +1.20 sd: "
              "+.90 by the adapter's biases, +.30 by words.");
    s.after[0] = 0.2; /* the part is more than the whole */
    CHECK_CONTAINS(say(&s, RANKS(13, 4, 2), 0.2),
                   " changed by +.60 sd: +.90 by the adapter's biases, -.30 by words");
    CHECK_STR(say(&s, RANKS(9, 120, 0), 0),
              "9th for the encoder, not among the adapter's candidates now.");
    scene_done(&s);
}

TEST("without an adapter, without pairs, below the average and alone there is a sentence, too")
{
    static scene s;
    scene_init(&s);
    s.encoder[0] = 0.4;
    s.why.pairs.raw[IMR_STAGE_AFTER] = s.why.pairs.centred[IMR_STAGE_AFTER] = NULL;
    s.why.pairs.raw[IMR_STAGE_BEFORE] = s.why.pairs.centred[IMR_STAGE_BEFORE] = NULL;
    s.facts = (imr_sentence_facts){.why = &s.why, .rank = {22, 0, 0}};
    s.why.strongest = IMR_ARENA_ARRAY(s.arena, imr_strong_pair, 1);
    s.why.strongest[0] = (imr_strong_pair){.value = {0.4}};
    s.why.n_strongest = 1;
    s.why.standing[0] = 0.4;
    imr_sentence_document(&s.text, &s.facts);
    CHECK_STR(imr_buf_text(&s.text), "22nd for the encoder, mostly for *access*.");
    s.why.standing[0] = -0.4;
    imr_buf_clear(&s.text);
    imr_sentence_document(&s.text, &s.facts);
    CHECK_STR(imr_buf_text(&s.text), "22nd for the encoder; below the average candidate, what "
                                     "speaks for it: *access*, among others.");
    const char *unread[] = {"minoxidil", "finasteride"};
    s.why.pairs.problem = "there are none";
    s.why.unread = unread;
    s.why.n_unread = 2;
    s.why.document_tokens = (imr_tokens_read){256, 400};
    imr_buf_clear(&s.text);
    imr_sentence_document(&s.text, &s.facts);
    CHECK_STR(imr_buf_text(&s.text), "22nd for the encoder. The encoder read 256 of 400 tokens; "
                                     "*minoxidil*, *finasteride* stand only after that.");
    scene_done(&s);
}

/* A number that follows `before` in text. */
static double number_after(const char *text, const char *before)
{
    const char *at = strstr(text, before);
    CHECK(at != NULL);
    return strtod(at + strlen(before), NULL);
}

static void check_words(const scene *s, const char *text)
{
    double named = 0;
    const bool losses = strstr(text, "what it lost") != NULL;
    size_t n = 0;
    for (const char *at = strchr(text, '*'); at; at = strchr(at, '*'), n++) {
        char pair[64] = "", *tilde;
        const char *end = strchr(++at, '*');
        CHECK(end != NULL && (size_t)(end - at) < sizeof pair);
        memcpy(pair, at, (size_t)(end - at));
        at = end + 1;
        tilde = strstr(pair, " ~ ");
        const char *document = tilde ? tilde + 3 : pair;
        double share = NAN;
        if (tilde)
            *tilde = '\0';
        for (size_t a = 0; a < WORDS; a++)
            for (size_t b = 0; b < WORDS; b++)
                if (strcmp(s->query[a].text, pair) == 0 &&
                    strncmp(s->document[b].text, document, strlen(document)) == 0)
                    share = losses ? s->encoder[a * SIDE + b] - s->after[a * SIDE + b]
                                   : s->after[a * SIDE + b];
        CHECK(share >= 0.02); /* no word without a share */
        named += share;
    }
    CHECK(n <= 3);
    if (n == 0)
        return;
    const double whole = losses ? -s->why.lift.total : s->why.standing[IMR_STAGE_AFTER];
    CHECK((strstr(text, "mostly") != NULL) == (whole > 0 && named > whole / 2));
    CHECK((strstr(text, "among others") != NULL) == (strstr(text, "mostly") == NULL));
}

TEST("over made-up numbers no sentence says more than they do")
{
    static scene s;
    imr_random r;
    imr_random_init(&r, 3);
    for (int round = 0; round < 3000; round++) {
        scene_init(&s);
        const double spread = round % 3 ? 0.15 : 0.02;
        for (size_t i = 0; i < CELLS; i++) {
            s.encoder[i] = spread * imr_random_normal(&r);
            s.after[i] = s.encoder[i] + 0.3 * spread * imr_random_normal(&r);
        }
        const uint32_t ranks[3] = {1 + (uint32_t)imr_random_below(&r, 20),
                                   1 + (uint32_t)imr_random_below(&r, 20),
                                   1 + (uint32_t)imr_random_below(&r, 20)};
        const char *text = say(&s, ranks, 0.1 * imr_random_normal(&r));
        const imr_lift l = s.why.lift;
        check_words(&s, text);
        CHECK(strstr(text, "nan") == NULL && strchr(text, '\n') == NULL);
        CHECK(text[strlen(text) - 1] == '.');
        if (strstr(text, "the projector l"))
            CHECK(fabs(l.projector) >= 0.05);
        if (strstr(text, "the modulation l"))
            CHECK(fabs(l.modulation) >= 0.05);
        if (strstr(text, "a little (")) {
            const double part = number_after(text, "a little (");
            CHECK(fabs(part) < 0.3001);
        }
        if (strstr(text, "biases")) {
            const char *at = strstr(text, " sd: ");
            CHECK(at != NULL);
            while (at > text && at[-1] != ' ')
                at--;
            const double part = number_after(text, " sd: "), whole = strtod(at, NULL);
            CHECK_NEAR(part + number_after(text, " biases, "), whole, 0.0151);
            CHECK(part * whole > 0); /* both are rounded to two places */
            CHECK((fabs(part) + 0.005) / (fabs(whole) - 0.005) > 0.5);
        }
        if (strstr(text, "although"))
            CHECK(ranks[0] != ranks[2] &&
                  (fabs(l.total) < 0.05 || (l.total > 0) != (ranks[2] < ranks[0])));
        scene_done(&s);
    }
}

TEST("a ranking is told by what moved, its metric and the step that changed the order more")
{
    imr_buf text = {0};
    imr_sentence_ranking f = {.adapter = true,
                              .documents = 100,
                              .moved = 96,
                              .tau_projector = 0.71,
                              .tau_modulation = -0.4,
                              .metric = "nDCG@10",
                              .metric_encoder = 0.62,
                              .metric_after = 0.36};
    imr_sentence_query(&text, &f);
    CHECK_STR(imr_buf_text(&text), "96 of 100 moved against the encoder; nDCG@10 .62 -> .36. The "
                                   "modulation turned the ranking around (tau -.40, the projector "
                                   "+.71).");
    f.influential = "d7";
    f.moves = 2;
    imr_buf_clear(&text);
    imr_sentence_query(&text, &f);
    CHECK_CONTAINS(imr_buf_text(&text),
                   " .36. Of the feedback documents d7 moved the query most: without it "
                   "2 of the first ten would stand elsewhere. The modulation ");
    f.influential = NULL;
    f.moved = 0;
    f.metric_after = 0.621;
    imr_buf_clear(&text);
    imr_sentence_query(&text, &f);
    CHECK_STR(imr_buf_text(&text), "0 of 100 moved against the encoder; nDCG@10 .62 as before.");
    imr_buf_clear(&text);
    f.adapter = false;
    imr_sentence_query(&text, &f);
    CHECK_STR(imr_buf_text(&text), "Ranked by the encoder alone; nDCG@10 .62.");
    imr_buf_done(&text);
}
