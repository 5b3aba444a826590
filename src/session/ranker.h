/*
 * session/ranker.h - the three rankings of a query under one adapter: the one place they come from.
 *
 *   encoder  cos of the base vectors
 *   before   cos(q, d_i) in the working space
 *   after    cos(q', d_i')                                             method.md sections 1, 2
 *
 *   scope     feedback documents     documents scored
 *   rerank    top-K candidates       the same K
 *   rescore   top-K candidates       all N
 *   corpus    all N                  all N
 * Candidates: the head of the ranking settings.candidates names; by default of `encoder` for form
 * mean (the authors' package 0.2), else of `before` (release 0.1). Without an adapter there is the
 * encoder's ranking alone.
 * Ties: higher float32 similarity, then document id descending. All that ranks does it here. Where
 * all N are scored, sweeps (adapter/adapter.h) choose the K that are listed; these get the
 * similarity of their own vectors, so shares add up to what is shown.
 *
 * Cost: two scans of N rows, for rescore one more, for corpus two, and a pass over N similarities
 * for each ranking. Memory: 3N floats besides the projected documents (session/projected.h).
 * Adapter and cache are borrowed.
 * Threads: one at a time (scratch inside).
 */
#pragma once

#include "base/arena.h"
#include "base/progress.h"
#include "retrieval/cache.h"
#include "session/projected.h"
#include "session/whatif.h"

typedef struct imr_ranker {
    const imr_adapter *adapter; /* NULL: none; what if it is read as another form: `other`, */
    const imr_adapter *file;    /* of this */
    imr_adapter other;
    const imr_cache *cache;      /* what is ranked: all of it, or a window into an engine */
    const imr_cache *whole;      /* as it was made with */
    imr_cache *window;           /* NULL, or `cache`, which then is its own */
    imr_projected projected;     /* without an adapter: base_scale alone */
    float *sim[IMR_STAGE_COUNT]; /* [N] of the last query; after only where it was scored */
    float *query;                /* [m] q, projected */
    uint32_t *feedback;          /* [K] best first; unused in scope corpus */
    size_t capacity;             /* of feedback */
    uint32_t *given;             /* [run.k] of them those that give feedback, whose vectors are */
    imr_matrix candidates;
    double adapt_seconds; /* of the last query, in the adapter */
    imr_feedback corpus;  /* of scope corpus */
    /* The adapter's run over the feedback documents of the last query; its q_mod is what is
     * compared, as what if has it. */
    imr_adapter_result run;
    imr_whatif_parts what_if; /* of the last query */
    uint64_t of;              /* number of the trace that all this is of; 0: of none */
} imr_ranker;

/* A step of progress (may be NULL); IMR_E_CANCELLED when it asks to stop. */
imr_status imr_ranker_step(const imr_progress *progress, const char *what, size_t done,
                           size_t total, imr_error *err);

/* The ranking candidates come from when somebody wishes for `wanted`; adapter may be NULL. */
imr_candidates_by imr_ranker_candidates(const imr_adapter *adapter, imr_candidates_by wanted);

/* Opens or makes the projected documents (keep_from and errors: theirs). adapter may be NULL. */
imr_status imr_ranker_init(imr_ranker *out, const imr_adapter *adapter, const imr_cache *cache,
                           size_t keep_from, const imr_progress *progress, imr_error *err);
void imr_ranker_done(imr_ranker *r); /* {0} is fine */
/* From here on ranks a window, which it shares; NULL: what it was made with. Where a window has
 * fewer candidates than feedback_k, those are all; documents beside them get similarities, and rank
 * 0. Nothing is done when it looks there already. */
imr_status imr_ranker_look(imr_ranker *r, const imr_cache *window, imr_error *err);

/* IMR_E_USAGE when k is 0 or larger than the number of documents. */
imr_status imr_ranker_check_k(const imr_cache *cache, size_t k, imr_error *err);

/* One query's listed documents in `after` order. Arrays of n live in the arena. Without an adapter:
 * in the encoder's order, other ranks 0, other similarities NaN, no feedback, d and d_mod NULL. */
typedef struct imr_listing {
    size_t n;
    uint32_t *document;              /* rows of the cache */
    uint32_t *rank[IMR_STAGE_COUNT]; /* from 1; encoder and before over the whole corpus */
    float *sim[IMR_STAGE_COUNT];
    bool *feedback;
    uint64_t scored;  /* documents that got an after similarity */
    float *d, *d_mod; /* [n,m] */
    float *influence; /* as imr_trace_document has them */
    uint32_t *influence_moves;
} imr_listing;

/* base [n]: the query's vector of the encoder. Lists settings->feedback_k documents; scope,
 * candidates, what_if and influence count, too. Looks at progress (may be NULL) every few ms.
 * Errors: IMR_E_USAGE when feedback_k is 0 or larger than N, or a document that is to give no
 * feedback is no candidate, or the last; those of imr_whatif_read; IMR_E_LIMIT, IMR_E_NUMERIC names
 * the first listed document with a similarity that is not finite, IMR_E_CANCELLED, IMR_E_MEMORY. */
imr_status imr_ranker_run(imr_ranker *r, const float *base, const imr_trace_settings *settings,
                          imr_arena *arena, const imr_progress *progress, imr_listing *out,
                          imr_error *err);

/* The same of one document, base vector `document` [n], that is the only candidate: its row in the
 * cache (out->document) is left to the caller. The orders of the last query are void then. */
imr_status imr_ranker_pair(imr_ranker *r, const float *base, const float *document,
                           const imr_whatif *what_if, imr_arena *arena, imr_listing *out,
                           imr_error *err);

/* What the feedback of each listed document does (method.md section 4): the change of what is
 * compared of the last query, were it left out, and the moves among the first ten listed. Fills
 * l->influence and influence_moves of those that gave feedback; nothing in scope corpus, of one, or
 * of more than IMR_INFLUENCE_MOST: scores are K products with K documents. */
#define IMR_INFLUENCE_MOST 1000
imr_status imr_ranker_influence(const imr_ranker *r, imr_listing *l, imr_error *err);

/* Where a document among the first k of the last query's order `by` would stand now, were those the
 * candidates, all giving feedback, in scope rerank. No scan. The last query's run and similarities
 * of after are void then. */
imr_status imr_ranker_place(imr_ranker *r, size_t k, imr_stage by, uint32_t document,
                            uint32_t *rank, const imr_progress *progress, imr_error *err);

/* rank[Q]: where a document stands now among all (scope rescore, or corpus) for other queries
 * x [Q,n], under the last one's what if, whose similarities and run are void then. One read for the
 * candidates of all, and one a query. */
imr_status imr_ranker_try(imr_ranker *r, uint32_t *rank, imr_view x, uint32_t document,
                          const imr_trace_settings *o, const imr_progress *progress,
                          imr_error *err);

/* The whole-corpus order of the last query, best first: out[k]; `before` with an adapter only. */
void imr_ranker_top(const imr_ranker *r, imr_stage stage, uint32_t *out, size_t k);
/* out[n,m]: projected documents as float32. */
void imr_ranker_gather(const imr_ranker *r, float *out, const uint32_t *documents, size_t n);

/* ---- many queries at once (session/candidates.c) ---- */

/*
 * The feedback documents of many queries in one read of the corpus, as a product in blocks:
 *
 *   out[q,k] = the k documents with the largest cos(query_q, d_i), best first; ties as everywhere
 *              (math/topk.h), NaN last
 *
 * Sums go in another order than the ranker's: documents closer than 1e-6 may change places. stage:
 * encoder, queries [q,n], or before, [q,m]. k at most N; what: for progress, every 4,096 documents.
 * Memory: queries x (4,096 + 2k) values. Threads: OpenMP. Errors: IMR_E_CANCELLED, IMR_E_MEMORY.
 */
imr_status imr_candidates(uint32_t *out, const imr_ranker *r, imr_stage stage, imr_view queries,
                          size_t k, const char *what, const imr_progress *progress, imr_error *err);

/* Queries, projected, and the candidates of each: what the adapter is run over to know it. */
typedef struct imr_query_sample {
    imr_matrix base, q;   /* [n,...] */
    uint32_t *candidates; /* [n,k] */
    imr_matrix rows;      /* [k,m]: the candidates of one, projected */
} imr_query_sample;

/* Rows chosen[n] of vectors; stage: whose head the candidates are. Errors: imr_candidates'. */
imr_status imr_query_sample_init(imr_query_sample *x, const imr_ranker *r, imr_stage stage,
                                 imr_rows vectors, const uint32_t *chosen, size_t n, size_t k,
                                 const char *what, const imr_progress *progress, imr_error *err);
void imr_query_sample_done(imr_query_sample *x); /* {0} is fine */
