/*
 * session/evaluate.h - how good the three rankings of a set of queries are, and whether the
 * difference is more than luck.
 *
 * Rankings come from session/ranker.h, so the numbers are the explorer's. Queries without
 * judgements are left out and counted. Leakage (method.md section 5): a query is "seen" when one of
 * its relevant documents is relevant to a query training used (session/provenance.h); the rows all,
 * seen and unseen are always reported together. Everything that measures many queries does it here;
 * session/audit.h adds what happened in each.
 */
#pragma once

#include "adapter/adapter.h"
#include "base/progress.h"
#include "retrieval/engine.h"
#include "retrieval/metrics.h"
#include "retrieval/significance.h"
#include "session/provenance.h"

typedef enum imr_ranking_kind {
    IMR_RANKED_ENCODER,
    IMR_RANKED_BEFORE,
    IMR_RANKED_AFTER,
    IMR_RANKED_BM25, /* by words alone, for comparison: retrieval/bm25.h, the English form */
    IMR_RANKED_COUNT
} imr_ranking_kind;

const char *imr_ranking_kind_name(imr_ranking_kind k); /* "encoder", "before", "after", "bm25" */

/* Gets every ranking as it is made: ids[n] of documents, best first. */
typedef imr_status (*imr_ranking_sink)(void *user, imr_ranking_kind kind, const char *query_id,
                                       const char *const *ids, const float *scores, size_t n,
                                       imr_error *err);

typedef struct imr_eval_options {
    uint32_t feedback_k; /* also the length of the rankings */
    imr_scope scope;
    imr_candidates_by candidates;
    const imr_metric *metrics;
    size_t n_metrics;
    bool bm25; /* its ranking, too; a document that shares no word with the query is not in it */
    double bm25_k1, bm25_b;
    imr_ranking_sink sink; /* NULL: none */
    void *sink_user;
    bool doubts;        /* look for what speaks against the adapter, see session/provenance.h */
    bool in_memory;     /* no file for the projected documents, see session/projected.h */
    imr_engine *engine; /* NULL, or where candidates come from: the cache has queries alone */
} imr_eval_options;

typedef struct imr_eval {
    size_t queries, metrics;
    size_t unjudged; /* queries left out: no judgements */
    size_t own;   /* queries that are a document themselves: it was taken out of their rankings */
    char *notice; /* NULL, or one sentence about the projected documents */
    imr_doubts doubts;
    bool has_adapter;
    bool has_train;                   /* `seen` means something */
    uint32_t *query;                  /* [queries] of the cache */
    bool *seen;                       /* [queries] */
    double *rbo, *overlap, *tau_ap;   /* [queries] after against before; empty without adapter */
    size_t overlap_k;                 /* what overlap is cut at: 10, or the ranking's length */
    uint32_t mover_query;             /* the largest move of all: a row of the cache, */
    char *mover_document;             /* an id */
    int64_t mover;                    /* rank before - after; 0: nothing moved */
    double *values[IMR_RANKED_COUNT]; /* [queries x metrics]; NULL: no such ranking */
    double unjudged_at[IMR_RANKED_COUNT]; /* mean over queries of more[].unjudged */
    struct imr_eval_more *more;           /* [queries] */
} imr_eval;

/* Of one query, by ranking. */
typedef struct imr_eval_more {
    double first[IMR_RANKED_COUNT];    /* rank of the first relevant document; 0: none is listed */
    double unjudged[IMR_RANKED_COUNT]; /* part of the first overlap_k documents nobody judged */
    double rbo_encoder;                /* after against encoder */
    bool own;                          /* it is a document itself */
} imr_eval_more;

/*
 * Measures `queries` (of the cache). qrels NULL: no metric, all queries count, only how alike the
 * rankings are (retrieval/similarity.h). adapter NULL: only the encoder's ranking. train:
 * judgements of the training split for the leakage rows, NULL when there is none. Errors:
 * IMR_E_USAGE when feedback_k is above the number of documents or a metric's cut-off above
 * feedback_k; IMR_E_NOT_FOUND when no query is judged; IMR_E_SHAPE when the adapter does not fit;
 * IMR_E_CANCELLED; what the sink returns.
 */
imr_status imr_eval_run(imr_eval *out, const imr_cache *cache, const imr_adapter *adapter,
                        const imr_qrels *qrels, const uint32_t *queries, size_t n_queries,
                        const imr_qrels *train, const imr_eval_options *options,
                        const imr_progress *progress, imr_error *err);
void imr_eval_done(imr_eval *e); /* {0} is fine */

/* The same query by query. ranker NULL: one is made of cache and adapter, else those are its.
 * Options are copied, what they point to is borrowed. */
typedef struct imr_evaluator imr_evaluator;
imr_status imr_evaluator_new(imr_evaluator **out, imr_ranker *ranker, const imr_cache *cache,
                             const imr_adapter *adapter, const imr_qrels *qrels, size_t n_queries,
                             const imr_qrels *train, const imr_eval_options *options,
                             const imr_progress *progress, imr_error *err);
void imr_evaluator_free(imr_evaluator *v); /* NULL is fine */
IMR_FREE_AT(imr_evaluator, imr_evaluator_free)
imr_eval *imr_evaluator_result(imr_evaluator *v);
/* One more row, or one more that is unjudged. ranked: the trace of the ranker's last query; NULL:
 * it is ranked. */
imr_status imr_evaluator_add(imr_evaluator *v, uint32_t query, const imr_trace *ranked,
                             const imr_progress *progress, imr_error *err);
/* Means over the rows. Errors: IMR_E_NOT_FOUND where there are none. */
imr_status imr_evaluator_end(imr_evaluator *v, imr_error *err);

/* A split by name with its judgements, qrels NULL when there are none: IMR_E_NOT_FOUND names the
 * splits there are. *train: the training split's judgements, NULL when there are none or when the
 * split is the training split itself. max_queries 0: all. */
typedef struct imr_eval_split {
    const char *name;
    const uint32_t *queries;
    size_t n_queries;
    const imr_qrels *qrels, *train;
} imr_eval_split;
imr_status imr_eval_find_split(imr_eval_split *out, const imr_cache *cache, const char *name,
                               size_t max_queries, imr_error *err);

/* ---- summaries ---- */
typedef enum imr_eval_group {
    IMR_GROUP_ALL,
    IMR_GROUP_SEEN,
    IMR_GROUP_UNSEEN,
    IMR_GROUPS
} imr_eval_group;

const char *imr_eval_group_name(imr_eval_group g); /* "all", "seen", "unseen" */

typedef struct imr_eval_row {
    size_t n; /* queries of the group */
    double mean[IMR_RANKED_COUNT], low[IMR_RANKED_COUNT], high[IMR_RANKED_COUNT]; /* 95 % */
    imr_significance from_before, from_encoder; /* of `after` against each; n 0 without adapter */
} imr_eval_row;

/* One metric over one group. Bootstrap and randomisation are seeded. */
imr_status imr_eval_row_of(imr_eval_row *out, const imr_eval *e, size_t metric,
                           imr_eval_group group, uint64_t seed, imr_error *err);
/*
 * Row of metric m and group g: row[m * IMR_GROUPS + g]; groups but `all` of the first metric only,
 * unless `every`; n 0: not there. Holm's method goes over the metrics.
 *
 * The verdict is by the first metric's 95 % intervals of now against the encoder, and a gain counts
 * where it holds on documents that training did not see (session/verdict.c):
 *   better, worse, seen-only, no-evidence
 *   too-few     below IMR_VERDICT_MIN queries
 *   unjudged    nothing was judged: text says what changed
 * text: a paragraph, verdict, for which queries, how many judged, what to look at next.
 */
#define IMR_VERDICT_MIN 25 /* topics, the least TREC calls a test: Buckley and Voorhees 2000 */
typedef struct imr_eval_summary {
    imr_eval_row *row;            /* [metrics, IMR_GROUPS] */
    double *p_before, *p_encoder; /* [metrics] adjusted randomisation p of all */
    const char *code;             /* NULL: no adapter, no verdict */
    char *text;
} imr_eval_summary;
/* seen: of the adapter; {0} without one. Errors: IMR_E_CANCELLED, asked between two metrics. */
imr_status imr_eval_summarise(imr_eval_summary *out, const imr_eval *e, const imr_metric *metrics,
                              const imr_seen *seen, uint64_t seed, bool every,
                              const imr_progress *progress, imr_error *err);
void imr_eval_summary_done(imr_eval_summary *s); /* {0} is fine */
/* code and text from the rest: what imr_eval_summarise ends with. */
imr_status imr_eval_judge(imr_eval_summary *s, const imr_eval *e, imr_metric metric,
                          const imr_seen *seen, imr_error *err);

/* Mean of one metric of one ranking over all queries. */
double imr_eval_mean(const imr_eval *e, imr_ranking_kind kind, size_t metric);
