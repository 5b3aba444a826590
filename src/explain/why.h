/*
 * explain/why.h - why a document stands where it stands, and what the adapter did to it.
 *
 * Computed when somebody looks at a document, never for a whole list. Everything said of it on a
 * screen, in text and in JSON is in one imr_why; method.md sections 2 to 4, and:
 *
 *   standing   l_stage = (sim_stage - mean_stage) / sd_stage over the listed documents, population
 *              sd; NaN without a reference (one document, or sd 0)
 *   lift       total = l_after - l_encoder = projector + modulation,
 *              projector = l_before - l_encoder, modulation = l_after - l_before
 *   pairs      shares of words met by words; their sum is the similarity, see imr_pairs
 *   words      what a change says, by kind, see imr_word_list
 *   steps      the cosine after each step of the modulation; sides: query against document
 *   sentence   all of it in one or two plain sentences                       explain/sentence.h
 *
 * Pointers live in the arena of whoever asked.
 * Threads: read-only once made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/adapter.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/progress.h"
#include "encoder/token_sum.h"
#include "explain/change.h"

/* The three rankings: cosine of the base vectors, of the projected, of the modulated ones. */
typedef enum imr_stage {
    IMR_STAGE_ENCODER,
    IMR_STAGE_BEFORE,
    IMR_STAGE_AFTER,
    IMR_STAGE_COUNT
} imr_stage;
extern const char *const imr_stage_names[]; /* "encoder", "before", "after" */

/* In sd of the listed documents; all NaN without a reference. */
typedef struct imr_lift {
    double total, projector, modulation;
} imr_lift;

/* The similarities of one stage over the listed documents. */
typedef struct imr_reference {
    double mean, sd; /* sd: divisor K; 0: no reference */
} imr_reference;

/* ---- words of a change ---- */

/* What a list is ordered by. */
typedef enum imr_token_order {
    IMR_ORDER_COSINE, /* as published */
    IMR_ORDER_Z,      /* background z; by cosine where nothing was measured */
    IMR_ORDER_EFFECT  /* by cosine where there is no other side */
} imr_token_order;
extern const char *const imr_token_order_names[]; /* "cosine", "z", "effect" */

/* Where a word occurs. */
typedef enum imr_where { IMR_IN_NEITHER, IMR_IN_QUERY, IMR_IN_DOCUMENT, IMR_IN_BOTH } imr_where;
extern const char *const imr_where_names[]; /* "neither", "query", "document", "both" */

/* A row of the token table and its part in a change. */
typedef struct imr_word_score {
    const char *text;   /* sanitised, as the table spells it; continuations keep their ## */
    uint32_t id;        /* row of the table */
    float cosine;       /* cos(P+ delta, E_t) */
    float visibility;   /* |P+ P E_t|^2 / |E_t|^2 in [0,1] */
    float z;            /* cosine / sqrt(visibility / r) */
    float background_z; /* NaN while there is no background sample */
    float effect;       /* the similarity the word carries; NaN for kinds without another side */
    uint32_t hub_count; /* in how many sampled changes it is among the top 20 */
    bool hub;           /* in a fifth of the sampled changes or more: says little about this one */
    bool significant;   /* Benjamini-Hochberg at 5 %; false while background_z is NaN */
    imr_where where;
} imr_word_score;

typedef struct imr_word_list {
    imr_word_score *positive, *negative; /* best first: largest, then most negative */
    size_t n_positive, n_negative;
    float alignment;   /* cos(delta, modulated vector) */
    float common_part; /* |mean delta| / mean |delta| over the listed documents; NaN for the query's
                          while nothing was sampled */
    float coverage;    /* part of |delta|^2 that the shown words' directions hold, in [0,1] */
} imr_word_list;

/* ---- word pairs ---- */

typedef struct imr_pair_word {
    const char *text; /* normalised, pieces joined, sanitised; "[CLS]" for a special token; NULL for
                         the last: not from words (biases) */
    uint32_t count;   /* places in the text that were added up */
    bool named;       /* may stand in sentences: two characters, one a letter, no stop word */
    bool special;     /* a special token, or a word of a prefix ("query:") */
    /* Its row or column of the matrices added up: centred, or raw where there is no reference. */
    double total[IMR_STAGE_COUNT];
} imr_pair_word;

/*
 * S[a,b] of method.md section 3b, pieces and repetitions of a word added up: matrices
 * [n_query + 1, n_document + 1], row-major, the last row and column what no word carries.
 *
 *   sum of raw[stage]      = similarity[stage] - residual[stage]
 *   sum of centred[stage]  = similarity[stage] - reference.mean - residual[stage]
 *
 * centred is against the average candidate; divided by reference.sd its entries sum to the
 * standing. Stages that do not exist (no adapter) are NULL; so is centred without a reference.
 * residual is the rounding of the cache: the stored vector against the sum; above 1e-3 there are no
 * pairs and problem says so.
 */
typedef struct imr_pairs {
    const char *problem; /* "" or one sentence: why there are none */
    imr_pair_word *query, *document;
    size_t n_query, n_document;
    uint32_t *query_place, *document_place; /* [tokens read]: whose word each is */
    double *raw[IMR_STAGE_COUNT], *centred[IMR_STAGE_COUNT];
    double similarity[IMR_STAGE_COUNT], residual[IMR_STAGE_COUNT];
    imr_reference reference[IMR_STAGE_COUNT];
} imr_pairs;
/* The shares of a stage, against the reference if there is one; NULL: none. */
static inline const double *imr_pairs_shares(const imr_pairs *p, imr_stage stage)
{
    return p->centred[stage] ? p->centred[stage] : p->raw[stage];
}
/* What a share is divided by to be in sd; 1 without a reference: then it is in cosine units. */
static inline double imr_pairs_unit(const imr_pairs *p, imr_stage stage)
{
    return p->centred[stage] ? p->reference[stage].sd : 1;
}

/* One pair among the strongest. Values in cosine units, centred where there is a reference. */
typedef struct imr_strong_pair {
    uint32_t query, document; /* places in imr_pairs.query and .document */
    double value[IMR_STAGE_COUNT];
    double change; /* value after / sd after - value encoder / sd encoder: in sd */
} imr_strong_pair;

/* ---- the whole ---- */

/* How much of a text the encoder read, special tokens counted. total 0: not known. */
typedef struct imr_tokens_read {
    uint32_t read, total;
} imr_tokens_read;

/*
 * Why a document is not higher than it is (session/whynot.c). Ranks are those among all documents;
 * now: of scope rescore, unless scope corpus is in force. gap: what the similarity of the document
 * at rank k is above its own, at the last stage; in sd of the listed ones NaN without a reference.
 */
#define IMR_WHY_NOT_PAIRS 5
#define IMR_WHY_NOT_WORDS 3
typedef struct imr_why_not {
    const char *sentence, *above; /* the document at rank k */
    uint32_t k, rank[IMR_STAGE_COUNT];
    bool adapter, candidate; /* it gave feedback, and so was listed */
    double gap, gap_sd;
    uint32_t among;      /* 0, or candidates of an engine: ranks are among these and it */
    uint32_t feedback_k; /* candidates */
    uint32_t smallest_k; /* how many it takes until it is one (0: not known), */
    uint32_t rank_then;  /* and its rank among those; 0: they are too many to try */
    struct imr_why_not_pair {
        const char *query, *document;
        double share;           /* sd */
    } lacks[IMR_WHY_NOT_PAIRS]; /* named pairs of the document at k with words this one has not */
    size_t n_lacks;
    struct imr_why_not_word {
        const char *text;
        uint32_t rank; /* now, with this word of the document behind the query */
    } words[IMR_WHY_NOT_WORDS];
    size_t n_words;
    bool has_bm25;
    uint32_t bm25; /* rank by words alone; 0: none in common */
} imr_why_not;

typedef struct imr_why {
    const char *sentence;
    double standing[IMR_STAGE_COUNT];
    imr_lift lift;
    imr_pairs pairs;
    /* the ten largest of after (without an adapter: of encoder), the ten largest gains and the ten
     * largest losses, named words only, each pair once; largest first */
    imr_strong_pair *strongest;
    size_t n_strongest;
    imr_word_list words[IMR_CHANGE_COUNT];
    imr_step_share steps[IMR_STEP_COUNT]; /* only where has_steps: not in form full */
    double steps_residual;
    bool has_steps;
    double share_query, share_document, share_residual; /* Shapley; sum + residual = delta_sim */
    struct imr_why_dimension {
        uint32_t index;
        float before, after, share; /* q^_j d^_j, q'^_j d'^_j, their difference */
    } * dimensions;                 /* largest |share| first */
    size_t n_dimensions;
    imr_tokens_read query_tokens, document_tokens;
    const imr_why_not *why_not; /* on demand */
    /* On demand, by stage (session/carry.h); NULL: not asked for, or nothing to compare. */
    const struct imr_carry *carry[IMR_STAGE_COUNT];
    /* On demand (session/deletion.c), for encoders whose vectors are no sum: words of the document
     * in its order, `total` what the similarity loses when all places of the word are left out and
     * the text is encoded anew. NULL: not asked for. */
    imr_pair_word *deletion;
    size_t n_deletion;
    /* Words of the query that the document has only where the encoder did not read. */
    const char **unread;
    size_t n_unread;
} imr_why;

/* Mean and sd of one stage; sd 0 for a single document. */
imr_reference imr_reference_of(const float *similarities, size_t n);
/* Standings and lift from the similarities of the three stages and their references. */
imr_lift imr_stand(double standing[IMR_STAGE_COUNT], const float similarity[IMR_STAGE_COUNT],
                   const imr_reference reference[IMR_STAGE_COUNT]);

/* ---- what it is made of ---- */

/* One query's run, as its trace keeps it. Without an adapter m is 0 and what has m is NULL. */
typedef struct imr_why_run {
    size_t n, m, k;    /* encoder and working dimension, listed documents */
    float *query_base; /* [n] */
    float *base;       /* [k,n] in the order of the list */
    double *base_mean; /* [n] mean of the listed documents' unit base vectors */
    float *q, *q_after;
    float *d, *d_after; /* [k,m] in the order of the list */
    float *norms;       /* [k] |P x + c|; NULL where c is zero */
    /* Of the documents' modulation (s, b) and of the query's (u, w), [m]; form full: matrices [m,m]
     * in place of the scales. */
    float *document_scale, *document_bias, *query_scale, *query_bias;
    /* What if (session/whatif.h): q_after and d_after are those; NULL: q', d'. */
    const imr_blend *query_blend, *document_blend;
    bool other_adapter; /* it computes otherwise than the background was measured with */
} imr_why_run;

/* A text as its encoder read it. {0}: no text, or no tokeniser for it. */
typedef struct imr_reading {
    imr_buf text;        /* with its prefix */
    size_t prefix, body; /* bytes: the prefix, and where the document's text begins */
    imr_tokens tokens;   /* all of it, special tokens around it, words spelled */
    imr_token_sum sum;   /* rows NULL: there is none */
    imr_tokens_read read;
    size_t read_end; /* where reading ended */
    uint64_t pushed; /* number of the trace whose push is in the sum; 0: none */
} imr_reading;

/* What changes are told in. lens NULL: there is no table, lists stay empty. */
typedef struct imr_why_table {
    const struct imr_lens *lens;
    const struct imr_background *query, *document; /* as imr_word_subject has them */
    const double *query_common; /* [m] mean unit change of the sampled queries; NULL: no `own`.
                                   Without an adapter [n] the mean of the sampled documents */
    float query_common_part;
    imr_token_order order;
    size_t words;
} imr_why_table;

typedef struct imr_why_input {
    const imr_why_run *run;
    const struct imr_weights *weights; /* NULL: no adapter */
    const imr_encoder *encoder;        /* NULL: no pairs */
    size_t place;                      /* of the document in the run */
    const float *document_base;        /* [n]; only without an adapter */
    uint32_t rank[IMR_STAGE_COUNT];
    float similarity[IMR_STAGE_COUNT];
    imr_reference reference[IMR_STAGE_COUNT];
    bool passed;         /* explain/sentence.h */
    bool alone;          /* a pair without a ranking */
    const char *problem; /* why there can be no pairs; "" */
    const imr_reading *query, *document;
    imr_why_table table;
} imr_why_input;

/* A document that is not among the candidates has the encoder's stage alone. */
static inline bool imr_why_is_adapted(const imr_why_input *in)
{
    return in->weights && in->place < in->run->k;
}

/* query_words: what the query's change says. Errors: IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_why_make(imr_why *out, imr_word_list query_words[IMR_CHANGE_COUNT],
                        const imr_why_input *in, imr_arena *arena, const imr_progress *progress,
                        imr_error *err);
