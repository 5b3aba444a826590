/*
 * session/quality.h - is this adapter any good? What it does to a sample of a cache's queries, in
 * numbers, and in words that follow from them.
 *
 * Sample: queries evenly spread over the judged ones of the split test (else of the first split
 * with judgements, else over all): at most 300, 100 from 100,000 documents on, so that time is
 * bounded: each is ranked once for each reading, as session/ranker.h does. Candidates: 100.
 * Readings: as every form the tensors allow, the adapter's own first; and, up to 50,000 documents,
 * an untrained adapter of the same form and shape (seeded).
 *
 *   step       projector: encoder to projected; modulation: projected to now; whole: encoder to now
 *   moved      mean |rank before the step - rank after it| of the ten first before it that are
 *              ranked after it
 *   rbo, tau   of the two rankings' candidates (retrieval/similarity.h), p = 0.9
 *   kept       how many of the ten first are among the ten first after it
 *   query, document    angle between the vector before and after, degrees; of the ten first
 *              documents. Without a number where the spaces have different dimensions
 *   gate       a scale or a bias, over the sampled queries; sd: mean over its values of the sd over
 *              queries. A value is still when that sd is below 1 % of what it acts on: of the mean
 *              scale; a bias of the entries it is added to, |scale| |x| / m
 *   spectrum   singular values s of the projector; effective rank exp(-sum p ln p), p = s / sum s
 *              (Roy and Vetterli 2007)
 *   hubs       N(d): for how many sampled queries d is among the ten first; skewness
 *              E(N - mean)^3 / sd^3 over all documents (Radovanovic and others 2010)
 *
 * What cannot be told is NaN. Threads: made by one, then read-only.
 */
#pragma once

#include "retrieval/significance.h"
#include "session/ranker.h"

typedef enum imr_effect_step {
    IMR_BY_PROJECTOR,
    IMR_BY_MODULATION,
    IMR_BY_WHOLE,
    IMR_EFFECT_STEPS
} imr_effect_step;

typedef enum imr_effect {
    IMR_EFFECT_MOVED,
    IMR_EFFECT_RBO,
    IMR_EFFECT_TAU,
    IMR_EFFECT_KEPT,
    IMR_EFFECT_QUERY,
    IMR_EFFECT_DOCUMENT,
    IMR_EFFECTS
} imr_effect;

/* Scale and bias that a query gives its documents, and that they give it. */
typedef enum imr_gate_id {
    IMR_GATE_QUERY_SCALE,
    IMR_GATE_QUERY_BIAS,
    IMR_GATE_DOCUMENTS_SCALE,
    IMR_GATE_DOCUMENTS_BIAS,
    IMR_GATES
} imr_gate_id;

typedef struct imr_gate {
    double mean, sd;
    size_t n, still; /* values: m, or m*m of a matrix */
} imr_gate;

typedef struct imr_hubs {
    double skewness;
    size_t distinct;      /* documents that are among the ten first of some query */
    uint32_t most;        /* N of the one that is there most often, */
    const char *document; /* its id, sanitised */
} imr_hubs;

typedef struct imr_quality_reading {
    imr_form form;
    bool untrained;
    double effect[IMR_EFFECT_STEPS][IMR_EFFECTS];
    imr_gate gate[IMR_GATES];
    imr_hubs hubs[IMR_STAGE_COUNT];
    double ndcg[IMR_STAGE_COUNT]; /* mean nDCG@10 */
    imr_significance gain;        /* now against the encoder; NaN without judgements */
} imr_quality_reading;

typedef struct imr_spectrum {
    double *s; /* [k] descending */
    size_t k, rank;
    double condition, effective_rank;
} imr_spectrum;

typedef struct imr_layer {
    const char *name; /* static */
    size_t shape[2], rank;
    double length; /* Frobenius norm */
} imr_layer;

typedef struct imr_quality {
    const char *split; /* "" : all queries */
    size_t queries, of_queries, documents, k;
    bool judged;
    imr_quality_reading reading[3]; /* the adapter's own form, the other, the untrained one */
    size_t n_readings;
    imr_spectrum spectrum;
    imr_layer layer[IMR_W_COUNT];
    size_t n_layers;
    const char *code;              /* of the verdict: imr_quality_say */
    const char *verdict, *meaning; /* one line; a paragraph */
    imr_arena *arena;              /* owns all of it, this included */
} imr_quality;

/*
 * Takes seconds; afterwards r's last query is void. Errors: IMR_E_NOT_FOUND when r has no adapter
 * or its cache no query or no document, IMR_E_CANCELLED, those of imr_ranker_run.
 */
imr_status imr_quality_make(imr_quality **out, imr_ranker *r, const imr_progress *progress,
                            imr_error *err);
void imr_quality_free(imr_quality *q); /* NULL is fine */
IMR_FREE_AT(imr_quality, imr_quality_free)

/*
 * Fills code, verdict and meaning from the numbers (session/quality_words.c has the rules).
 *   backwards, shuffles    tau of the modulation below -.1, below .3
 *   worse, better, same    by the 95 % interval of now against the encoder
 *   unjudged     the order alone is known
 */
imr_status imr_quality_say(imr_quality *q, imr_error *err);
