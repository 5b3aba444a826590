/*
 * retrieval/metrics.h - how good a ranking is, given judgements.
 *
 *   nDCG@k       sum_{r<=k} g_r/log2(r+1) over the same sum of the ideal ranking: trec_eval's
 *                ndcg_cut, the default of this tool
 *   nDCG(exp)@k  the same with gain 2^g - 1: the reference's "NDCG"
 *   RR@k         1/rank of the first relevant document within k, else 0
 *   Recall@k     relevant within k / all relevant
 *   MAP@k        sum over relevant ranks r<=k of precision at r / all relevant
 *   P@k          relevant within k / k
 *   Success@k    1 when a relevant document is within k, else 0
 *   num_rel_ret  relevant documents retrieved (a count; its summary is a sum, not a mean)
 * k = 0: the whole ranking. Relevant: grade > 0; unjudged and negative count as 0; a query without
 * relevant documents scores 0. The ideal ranking is the top k of all judged, retrieved or not.
 * Whether a ranking shorter than k is an error is the caller's decision.
 * Double precision throughout.
 */
#pragma once

#include "retrieval/qrels.h"

typedef enum imr_metric_kind {
    IMR_METRIC_NDCG,
    IMR_METRIC_NDCG_EXP,
    IMR_METRIC_RR,
    IMR_METRIC_RECALL,
    IMR_METRIC_MAP,
    IMR_METRIC_P,
    IMR_METRIC_SUCCESS,
    IMR_METRIC_REL_RET
} imr_metric_kind;

typedef struct imr_metric {
    imr_metric_kind kind;
    uint32_t k; /* 0: the whole ranking */
} imr_metric;

#define IMR_METRIC_NAME 32

/* Our names ("nDCG@10", "nDCG(exp)@10", "MAP", any case) and trec_eval's ("ndcg_cut.10",
 * "ndcg_cut_10", "ndcg", "map", "map_cut.10", "recip_rank", "P.5", "recall.100", "success.1",
 * "num_rel_ret"). IMR_E_USAGE lists what is known. */
imr_status imr_metric_parse(imr_metric *out, const char *text, imr_error *err);
/* "nDCG@10", "MAP". out holds IMR_METRIC_NAME bytes. Returns out. */
char *imr_metric_name(imr_metric m, char *out);
/* "ndcg_cut_10", "map": as trec_eval prints it; our own name where it has none. */
char *imr_metric_trec_name(imr_metric m, char *out);
/* num_rel_ret: printed as an integer, summed over queries. */
bool imr_metric_is_count(imr_metric m);

/* grades[n]: the ranking's, best first (imr_qrels_grades); ideal[relevant]: imr_qrels_query. */
double imr_metric_value(imr_metric m, const int32_t *grades, size_t n, const int32_t *ideal,
                        size_t relevant);
/* Several from ids: out[n_metrics] of ranked[n], best first. */
imr_status imr_metrics_of_ranking(double *out, const imr_metric *metrics, size_t n_metrics,
                                  const imr_qrels *qrels, size_t query, const char *const *ranked,
                                  size_t n, imr_error *err);

/* ---- many queries ---- */

/* One row of a result: query x metric values with their means (sums for counts). */
typedef struct imr_evaluation {
    size_t queries, metrics; /* queries: those with judgements and a ranking (num_q) */
    uint32_t *query;         /* [queries] index within the qrels */
    double *values;          /* [queries x metrics] */
    double *summary;         /* [metrics] mean, or sum of a count; 0 without queries */
} imr_evaluation;

/* ranked(user, query id, &ids, &n): the ranking of one query, borrowed until the next call; false:
 * no ranking. with_missing (trec_eval -c): judged queries without a ranking count with 0. */
typedef bool (*imr_ranked_fn)(void *user, const char *query_id, const char *const **ids, size_t *n);
imr_status imr_evaluate(imr_evaluation *out, const imr_qrels *qrels, imr_ranked_fn ranked,
                        void *user, const imr_metric *metrics, size_t n_metrics, bool with_missing,
                        imr_error *err);
void imr_evaluation_done(imr_evaluation *e);

/* Documents that are their own query (ArguAna, Quora) count nowhere: an id equal to the query's is
 * taken out of a ranking, as BEIR and MTEB do. The new length. */
size_t imr_drop_own(const char **ids, size_t n, const char *query_id);
