/*
 * session/carry.h - do the words carry it? Deletion tests of one query or many.
 *
 * Word pairs (method.md section 3b): words are taken out of a text, every occurrence in what the
 * encoder read, it is encoded anew, and the lead over the average candidate is compared:
 *
 *   lead = (sim(q, d) - mean) / sd        mean, sd over the listed documents      [sd]
 *   fall = lead - lead without the words  sd stays; out of the query: of the mean, too
 *
 * at the stage encoder or after; scales and biases of the run stay. A word may be taken when it has
 * three letters or more and nothing else. Shares are the words' totals of why.pairs at that stage.
 * Random: the mean of two seeded draws; of the query's words each, at most 8. An explanation holds
 * when what it names falls more than twice as much and, over queries, by more than two standard
 * errors of the difference; of one query, by .3 sd. Both stages draw the same words, and equal
 * texts are encoded once: mostly seven of the document and eight of the query.
 *
 * Words of a change (section 4, Faithfulness): Q spans (QR) the directions W_t = P E_t of the j
 * largest words of the first document's change; all listed are scored again,
 *
 *   d_i'' = d_i' - Q Q'(d_i' - |d_i'| unit(d_i)) ,   cos(q', d_i'')
 *
 * against j random shown words of the table, 20 seeded draws.
 */
#pragma once

#include "base/buf.h"
#include "explain/why.h"
#include "math/stats.h"

typedef enum imr_carry_kind {
    IMR_CARRY_TOP,          /* out of the document: the three words with the largest shares, */
    IMR_CARRY_RANDOM,       /* three at random, */
    IMR_CARRY_LEAST,        /* the three with the smallest, */
    IMR_CARRY_COMMON,       /* up to three that the query has too; */
    IMR_CARRY_QUERY_TOP,    /* out of the query: the word with the largest share, */
    IMR_CARRY_QUERY_RANDOM, /* one at random */
    IMR_CARRY_COUNT
} imr_carry_kind;
extern const char *const imr_carry_names[]; /* "3 largest" ... "query's random" */

typedef struct imr_carry {
    double lead; /* before anything is taken out */
    struct {
        const char *words; /* "folic, acid"; of the last draw; NULL: there are none to take */
        double fall;
    } of[IMR_CARRY_COUNT];
} imr_carry;

/* At one stage. {0}: no query. */
typedef struct imr_carry_table {
    imr_spread lead, fall[IMR_CARRY_COUNT];
    imr_spread beats[2]; /* fall less that at random, of the document's words and the query's */
} imr_carry_table;
void imr_carry_add(imr_carry_table *t, const imr_carry *c); /* c NULL: nothing */

/* side 0: the document's words, 1: the query's. known: there is something to compare. */
bool imr_carry_holds(const imr_carry_table *t, int side, bool *known);
/* "Without the three words ...: the words carry it.", or that they do not; markup of
 * explain/sentence.h. Nothing where nothing is known. */
void imr_carry_say(imr_buf *out, const imr_carry_table *t, int side);

#define IMR_FAITH_WORDS 10 /* half of m, where that is no larger than these */
#define IMR_FAITH_DRAWS 20
typedef enum imr_faith_number {
    IMR_FAITH_TAU, /* Kendall's, with the ranking now; behind it the mean over random draws */
    IMR_FAITH_TAU_RANDOM,
    IMR_FAITH_OVERLAP, /* of the first ten, 0 to 1 */
    IMR_FAITH_OVERLAP_RANDOM,
    IMR_FAITH_FALL, /* of the document's lead, in sd */
    IMR_FAITH_FALL_RANDOM,
    IMR_FAITH_DRAWN, /* sd of tau over the draws */
    IMR_FAITH_BEATS, /* tau at random less tau */
    IMR_FAITH_COUNT
} imr_faith_number;
extern const char *const imr_faith_names[]; /* "tau", "tau_random" ... */
typedef struct imr_faith_row {
    const char *table;
    imr_change_kind kind;
    imr_spread v[IMR_FAITH_COUNT];
} imr_faith_row;

/* Kinds paper and own in the tables input and context, those at hand. */
typedef struct imr_faith {
    struct imr_told *told[2];
    imr_faith_row rows[4]; /* two a table */
    size_t n;
} imr_faith;
struct imr_session;
struct imr_trace;
imr_status imr_faith_open(imr_faith *out, struct imr_session *s, const imr_progress *progress,
                          imr_error *err);
/* Adds a ranking of two documents or more; nothing without an adapter. */
imr_status imr_faith_add(imr_faith *f, const struct imr_trace *t, imr_error *err);
void imr_faith_done(imr_faith *f); /* {0} is fine */
/* The words named disturb the ranking by far more than random ones. */
bool imr_faith_holds(const imr_faith_row *r);
