/*
 * explain/carry.h - do the words carry it? A deletion test of one query or many.
 *
 * Word pairs (method.md section 3b). Words are taken out of the document, every occurrence in what
 * the encoder read, the text is encoded anew, and the lead over the average candidate is compared:
 *
 *   lead = (sim(q, d) - mean) / sd        mean, sd over the listed documents      [sd]
 *   fall = lead - lead without the words  sd stays; out of the query: of the mean, too
 *
 * at the stage encoder or after; scales and biases of the run stay as they are. A word may be taken
 * when it has three letters or more and nothing else. "Shares" are the words' totals of why.pairs
 * at that stage. Random: the mean of two seeded draws; of the query's words each, at most 8. An
 * explanation holds when what it names beats random by far: more than twice as much and, over
 * queries, by more than two standard errors of the difference; of one query, by .3 sd.
 * Cost: at most 14 encodings a stage, of which five are of the document.
 * Threads: no state.
 */
#ifndef IMR_EXPLAIN_CARRY_H
#define IMR_EXPLAIN_CARRY_H

#include "base/buf.h"
#include "explain/why.h"

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

/* Numbers of several queries. {0}: none. */
typedef struct imr_spread {
    size_t n;
    double sum, square;
} imr_spread;
void imr_spread_add(imr_spread *s, double value); /* what is not finite does not count */
double imr_spread_mean(const imr_spread *s);      /* NaN: there are none */
double imr_spread_error(const imr_spread *s);     /* standard error of the mean; NaN below two */

/* At one stage. {0}: no query. */
typedef struct imr_carry_table {
    imr_spread lead, fall[IMR_CARRY_COUNT];
    imr_spread beats[2]; /* fall less that at random, of the document's words and the query's */
} imr_carry_table;
void imr_carry_add(imr_carry_table *t, const imr_carry *c); /* c NULL: nothing */

/* side 0: the document's words, 1: the query's. known: there is something to compare. */
bool imr_carry_holds(const imr_carry_table *t, int side, bool *known);
/* "The three words with the largest shares carry it: ...", or that they do not; markup of
 * explain/sentence.h. Nothing where nothing is known. */
void imr_carry_say(imr_buf *out, const imr_carry_table *t, int side);

#endif
