/*
 * explain/sentence.h - a why in one or two plain sentences, built from its numbers only.
 *
 *   case                    sentence
 *   stays                   1st for the encoder, projected and now: *access*, *open*, *cited ~
 *                           citations*, among others.
 *   rises                   3rd for the encoder, 1st now; the projector lifted it a little (+.25
 *                           sd, in all +.30); it is here for *folic*, *acid ~ folic*, among others.
 *   falls                   1st for the encoder, 6th now; the modulation lowered it (-.90 sd, in
 *                           all -1.10); what it lost: *expression ~ genes*, among others.
 *   rank and lift disagree  ... rose 3 ranks although its own standing fell (-.10 sd): those it
 *                           passed fell more.
 *   not from words          13th for the encoder, 2nd now; its standing changed by +1.20 sd: +.90
 *                           by the adapter's biases, +.30 by words.
 *   a pair alone            cosine .29 for the encoder, .33 now: *bone ~ hip*, among others.
 *   outside the list        9th for the encoder, not among the adapter's candidates now.
 *
 * Rules (method.md section 3b, "One sentence"): the projector or the modulation is said to have
 * lifted or lowered from .05 sd on, and by "a little" below .3 sd; both are named where they
 * disagree; neither of a document that stays at all three stages. At most three pairs are named,
 * those of the largest share (of the largest loss where it fell), each of at least .02 sd
 * (.002 in cosine, without a reference); equal words once, and no pair of two words that were
 * named. "mostly" where those named hold more than half of the sum, else "among others". Where the
 * biases hold more than half of the standing no word is named.
 *
 * Markup: a word or a pair of words stands between two asterisks, which no word contains; all else
 * is plain ASCII but for the words themselves.
 */
#pragma once

#include "base/buf.h"
#include "explain/why.h"

/* Of one document. */
typedef struct imr_sentence_facts {
    bool adapter;                   /* false: ranks and lift of the encoder alone are looked at */
    uint32_t rank[IMR_STAGE_COUNT]; /* 0: not ranked; after: not among the candidates */
    bool passed;        /* a listed document changed sides with it, encoder against now */
    const float *alone; /* [IMR_STAGE_COUNT] cosines of a pair without a ranking; NULL: in one */
    const imr_why *why; /* all but its sentence; where there are no pairs no word is named */
} imr_sentence_facts;

void imr_sentence_document(imr_buf *out, const imr_sentence_facts *f);

/* Of words that were left out, after it: those that cost most, in sd (sd 0: of the cosine). Nothing
 * where none costs .02. */
void imr_sentence_deletion(imr_buf *out, const imr_pair_word *words, size_t n, imr_stage stage,
                           double sd);

/* Of a ranking. */
typedef struct imr_sentence_ranking {
    bool adapter;
    size_t documents, moved;              /* listed; against the encoder */
    double tau_projector, tau_modulation; /* of the orders before and after that step */
    const char *metric;                   /* NULL: not judged */
    double metric_encoder, metric_after;
    const char *influential; /* NULL, or the document whose feedback changes the query most, */
    uint32_t moves;          /* and how many of the first ten it moves */
} imr_sentence_ranking;

void imr_sentence_query(imr_buf *out, const imr_sentence_ranking *f);

/* ---- pieces ---- */

#define IMR_SENTENCE_LIFTED       0.05 /* sd; what is less is not told */
#define IMR_SENTENCE_NAMED        0.02
#define IMR_SENTENCE_NAMED_COSINE 0.002 /* where there is no reference: sd are near .1 */

typedef char imr_number[32];
const char *imr_sentence_sd(imr_number text, double value); /* +.25, -1.10: no zero at the front */
const char *imr_sentence_rank(imr_number text, uint32_t rank); /* 1st */
/* *word* or *word ~ other* (other may be NULL), after what stands before it. */
void imr_sentence_named(imr_buf *out, const char *before, const char *word, const char *other);
/* A sentence without these marks. */
void imr_sentence_plain(imr_buf *out, const char *sentence);
