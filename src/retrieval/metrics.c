#include "retrieval/metrics.h"

#include <math.h>

#include "base/number.h"
#include "retrieval/columns.h"

/* Spellings; `cut` is what stands before the number, `whole` the name without a cut-off. The first
 * row of a kind is how we print it, `trec` how trec_eval does. */
static const struct spelling {
    imr_metric_kind kind;
    const char *whole, *cut, *trec_whole, *trec_cut;
} spellings[] = {
    {IMR_METRIC_NDCG, "nDCG", "nDCG@", "ndcg", "ndcg_cut"},
    {IMR_METRIC_NDCG_EXP, "nDCG(exp)", "nDCG(exp)@", NULL, NULL},
    {IMR_METRIC_RR, "RR", "RR@", "recip_rank", NULL},
    {IMR_METRIC_RR, "MRR", "MRR@", NULL, NULL},
    {IMR_METRIC_RECALL, NULL, "Recall@", NULL, "recall"},
    {IMR_METRIC_RECALL, NULL, "R@", NULL, NULL},
    {IMR_METRIC_MAP, "MAP", "MAP@", "map", "map_cut"},
    {IMR_METRIC_MAP, "AP", "AP@", NULL, NULL},
    {IMR_METRIC_P, NULL, "P@", NULL, "P"},
    {IMR_METRIC_SUCCESS, NULL, "Success@", NULL, "success"},
    {IMR_METRIC_REL_RET, "num_rel_ret", NULL, "num_rel_ret", NULL},
};

static bool equals(const char *text, const char *other)
{
    return other && strlen(text) == strlen(other) && imr_begins(text, other, strlen(other));
}

static bool cut_of(const char *digits, uint32_t *k)
{
    int64_t value;
    if (digits[0] < '0' || digits[0] > '9' || !imr_parse_int(digits, strlen(digits), &value) ||
        value < 1 || value > UINT32_MAX)
        return false;
    *k = (uint32_t)value;
    return true;
}

static bool matches(const struct spelling *s, const char *text, uint32_t *k)
{
    *k = 0;
    if (equals(text, s->whole) || equals(text, s->trec_whole))
        return true;
    if (s->cut && imr_begins(text, s->cut, strlen(s->cut)) && cut_of(text + strlen(s->cut), k))
        return true;
    size_t n = s->trec_cut ? strlen(s->trec_cut) : 0;
    return n && imr_begins(text, s->trec_cut, n) && (text[n] == '.' || text[n] == '_') &&
           cut_of(text + n + 1, k);
}

imr_status imr_metric_parse(imr_metric *out, const char *text, imr_error *err)
{
    for (size_t i = 0; i < IMR_LEN(spellings); i++) {
        uint32_t k;
        if (matches(&spellings[i], text, &k)) {
            *out = (imr_metric){spellings[i].kind, k};
            return IMR_OK;
        }
    }
    return imr_fail(err, IMR_E_USAGE,
                    "unknown measure \"%s\"; known: nDCG@k, nDCG(exp)@k, RR@k, Recall@k, MAP@k, "
                    "P@k, Success@k, MAP, RR, num_rel_ret and trec_eval's ndcg_cut.k, map, "
                    "recip_rank, recall.k, P.k, success.k",
                    text);
}

static const struct spelling *spelling_of(imr_metric_kind kind)
{
    size_t i = 0;
    while (spellings[i].kind != kind)
        i++;
    return &spellings[i];
}

char *imr_metric_name(imr_metric m, char *out)
{
    const struct spelling *s = spelling_of(m.kind);
    if (m.k && s->cut)
        snprintf(out, IMR_METRIC_NAME, "%s%u", s->cut, m.k);
    else if (s->whole)
        snprintf(out, IMR_METRIC_NAME, "%s", s->whole);
    else if (s->cut)
        snprintf(out, IMR_METRIC_NAME, "%.*s", (int)strlen(s->cut) - 1, s->cut);
    return out;
}

char *imr_metric_trec_name(imr_metric m, char *out)
{
    const struct spelling *s = spelling_of(m.kind);
    if (m.k && s->trec_cut)
        snprintf(out, IMR_METRIC_NAME, "%s_%u", s->trec_cut, m.k);
    else if (!m.k && s->trec_whole)
        snprintf(out, IMR_METRIC_NAME, "%s", s->trec_whole);
    else
        return imr_metric_name(m, out);
    return out;
}

bool imr_metric_is_count(imr_metric m)
{
    return m.kind == IMR_METRIC_REL_RET;
}

/* Of the first n of a ranking: their gain, and of the relevant ones how many there are, the rank of
 * the first (0: none) and the sum of the precisions at their ranks. */
typedef struct tally {
    double gain, precision;
    size_t hits, first;
} tally;

static tally count(imr_metric_kind kind, const int32_t *grades, size_t n)
{
    tally t = {0};
    for (size_t i = 0; i < n; i++) {
        if (grades[i] <= 0)
            continue;
        t.gain +=
            (kind == IMR_METRIC_NDCG_EXP ? exp2(grades[i]) - 1 : grades[i]) / log2((double)i + 2);
        t.precision += (double)++t.hits / ((double)i + 1);
        t.first = t.first ? t.first : i + 1;
    }
    return t;
}

double imr_metric_value(imr_metric m, const int32_t *grades, size_t n, const int32_t *ideal,
                        size_t relevant)
{
    size_t cut = m.k && m.k < n ? m.k : n;
    size_t ideal_cut = m.k && m.k < relevant ? m.k : relevant;
    if (relevant == 0)
        return 0;
    const tally t = count(m.kind, grades, cut);
    switch (m.kind) {
    case IMR_METRIC_NDCG:
    case IMR_METRIC_NDCG_EXP:
        return t.gain / count(m.kind, ideal, ideal_cut).gain;
    case IMR_METRIC_RR:
        return t.first ? 1.0 / (double)t.first : 0;
    case IMR_METRIC_RECALL:
        return (double)t.hits / (double)relevant;
    case IMR_METRIC_MAP:
        return t.precision / (double)relevant;
    case IMR_METRIC_P:
        return n ? (double)t.hits / (double)(m.k ? m.k : n) : 0;
    case IMR_METRIC_SUCCESS:
        return t.hits > 0;
    case IMR_METRIC_REL_RET:
        return (double)t.hits;
    }
    return 0;
}

void imr_evaluation_done(imr_evaluation *e)
{
    IMR_FREE(e->query, e->values, e->summary);
    *e = (imr_evaluation){0};
}

imr_status imr_metrics_of_ranking(double *out, const imr_metric *metrics, size_t n_metrics,
                                  const imr_qrels *qrels, size_t query, const char *const *ranked,
                                  size_t n, imr_error *err)
{
    IMR_AUTOFREE int32_t *grades = IMR_NEW_ARRAY(int32_t, n);
    IMR_NEED(grades, err);
    imr_qrels_grades(qrels, query, ranked, n, grades);
    imr_qrels_query q = qrels->queries.v[query];
    for (size_t m = 0; m < n_metrics; m++)
        out[m] = imr_metric_value(metrics[m], grades, n, q.ideal, q.relevant);
    return IMR_OK;
}

static void summarise(imr_evaluation *e, const imr_metric *metrics)
{
    for (size_t m = 0; m < e->metrics; m++) {
        double sum = 0;
        for (size_t i = 0; i < e->queries; i++)
            sum += e->values[i * e->metrics + m];
        e->summary[m] =
            imr_metric_is_count(metrics[m]) || e->queries == 0 ? sum : sum / (double)e->queries;
    }
}

imr_status imr_evaluate(imr_evaluation *out, const imr_qrels *qrels, imr_ranked_fn ranked,
                        void *user, const imr_metric *metrics, size_t n_metrics, bool with_missing,
                        imr_error *err)
{
    size_t count = qrels->queries.n;
    IMR_CLEANUP(imr_evaluation_done)
    imr_evaluation e = {.metrics = n_metrics,
                        .query = IMR_NEW_ARRAY(uint32_t, count),
                        .values = imr_calloc(count, n_metrics * sizeof(double)),
                        .summary = IMR_NEW_ARRAY(double, n_metrics)};
    IMR_NEED(e.query && e.values && e.summary, err);
    for (size_t q = 0; q < count; q++) {
        const char *const *ids = NULL;
        size_t n = 0;
        const bool found = ranked(user, qrels->queries.v[q].id, &ids, &n);
        if (!found && !with_missing)
            continue;
        IMR_TRY(imr_metrics_of_ranking(e.values + e.queries * n_metrics, metrics, n_metrics, qrels,
                                       q, ids, found ? n : 0, err));
        e.query[e.queries++] = (uint32_t)q;
    }
    summarise(&e, metrics);
    return IMR_GIVE(out, e);
}

size_t imr_drop_own(const char **ids, size_t n, const char *query_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], query_id) != 0)
            ids[kept++] = ids[i];
    return kept;
}
