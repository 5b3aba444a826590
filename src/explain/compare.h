/*
 * explain/compare.h - why A stands above B: two whys, one less the other.
 *
 * A and B are two documents of one ranking, one document for two queries, or one document for one
 * query under two adapters (of).
 *
 *   gap       sim_A - sim_B, and standing_A - standing_B in sd; of one ranking the first over sd
 *   change    gap after - gap encoder = projector + modulation, lift_A's less lift_B's, in sd
 *   sides     gap after - gap before, in cosine = sides[A][query] + sides[A][document] +
 *             sides[B][query] + sides[B][document] + residual: Shapley shares of
 *             explain/change.h, B's with the other sign; steps likewise
 *   words     of the text both have (the query; for two queries the document): what each carries
 *             with A and with B, special tokens included and, last, what no word carries (text
 *             NULL); sum of A's - sum of B's + rounding = gap
 *   pairs     the strongest of either (explain/why.h), 0 where a text lacks the word
 *
 * Values are in sd where in_sd, else in cosine units; NaN at stages one of them does not have.
 * A against B is minus B against A; A against itself is zeros.
 */
#pragma once

#include "explain/why.h"

typedef enum imr_compare_of {
    IMR_COMPARE_DOCUMENTS,
    IMR_COMPARE_QUERIES,
    IMR_COMPARE_ADAPTERS
} imr_compare_of;
extern const char *const imr_compare_names[]; /* "documents", "queries", "adapters" */

/* Of one side as its trace has it; rank 0: it has no such stage. */
typedef struct imr_compare_side {
    const imr_why *why;
    uint32_t rank[IMR_STAGE_COUNT];
    float similarity[IMR_STAGE_COUNT];
} imr_compare_side;

typedef struct imr_compare_entry {
    const char *text, *with; /* with NULL: a word */
    bool named;
    double value[2][IMR_STAGE_COUNT];
} imr_compare_entry;

typedef struct imr_compare {
    imr_compare_of of;
    const char *sentence;
    imr_stage last;                                                /* that both have */
    double similarity[IMR_STAGE_COUNT], standing[IMR_STAGE_COUNT]; /* the gap */
    double projector, modulation;
    double sides[2][2], residual; /* [A, B][query, document] */
    double steps[IMR_STEP_COUNT]; /* NaN where has_steps is false of one */
    const char *problem;          /* "" or why there are no words and pairs */
    bool in_sd;
    double rounding[IMR_STAGE_COUNT];
    imr_compare_entry *words, *pairs;
    size_t n_words, n_pairs; /* the last word: not from words */
} imr_compare;

/* Errors: IMR_E_MEMORY. */
imr_status imr_compare_make(imr_compare *out, imr_compare_of of, const imr_compare_side side[2],
                            imr_arena *arena, imr_error *err);

/* A row of a table. with NULL: a word, or two that are equal. rest: no named word. */
typedef struct imr_compare_line {
    const char *text, *with;
    double value[2];
    bool rest;
} imr_compare_line;

/* The `rows` words (or pairs) whose |A's - B's| is largest at a stage (IMR_STAGE_COUNT: after less
 * encoder), and behind words what no word carries, all others, and the sum: out[rows + 3]. Returns
 * how many. */
size_t imr_compare_lines(imr_compare_line *out, size_t rows, const imr_compare *c, bool words,
                         int stage);
