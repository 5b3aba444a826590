/* cli/evaluate_report.c - an evaluation as text and as JSON. */
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "cli/evaluate.h"
#include "cli/options.h"
#include "format/json.h"
#include "math/stats.h"
#include "session/ranker.h"
#include "text/utf8.h"

static size_t kinds(const imr_eval *e)
{
    return e->has_adapter ? IMR_RANKED_COUNT : 1;
}

static imr_eval_group groups(const imr_eval *e)
{
    return e->has_train ? IMR_GROUPS : IMR_GROUP_SEEN; /* without training judgements: all */
}

/* Every row of the first metric and row `all` of the others, Holm-adjusted over the metrics. */
typedef struct summary {
    imr_eval_row group[IMR_GROUPS];
    imr_eval_row *all;            /* [metrics] */
    double *p_before, *p_encoder; /* [metrics] adjusted randomisation p */
} summary;

static void summary_done(summary *s)
{
    imr_free(s->all);
    imr_free(s->p_before);
    imr_free(s->p_encoder);
}

static imr_status summarise(summary *s, const imr_eval_report *r, imr_error *err)
{
    size_t n = r->eval->metrics;
    s->all = IMR_NEW_ARRAY(imr_eval_row, n);
    s->p_before = IMR_NEW_ARRAY(double, n);
    s->p_encoder = IMR_NEW_ARRAY(double, n);
    if (!s->all || !s->p_before || !s->p_encoder)
        return imr_fail_memory(err);
    for (size_t m = 0; m < n; m++) {
        IMR_TRY(imr_eval_row_of(&s->all[m], r->eval, m, IMR_GROUP_ALL, r->seed, err));
        s->p_before[m] = s->all[m].from_before.p_randomised;
        s->p_encoder[m] = s->all[m].from_encoder.p_randomised;
    }
    if (r->eval->has_adapter && s->all[0].from_before.has_verdict) {
        IMR_TRY(imr_holm(s->p_before, s->p_before, n, err));
        IMR_TRY(imr_holm(s->p_encoder, s->p_encoder, n, err));
    }
    for (imr_eval_group g = 0; g < groups(r->eval); g++)
        IMR_TRY(imr_eval_row_of(&s->group[g], r->eval, 0, g, r->seed, err));
    return IMR_OK;
}

/* What the first metric says of the adapter, by its 95 % intervals against the encoder: a gain counts
 * where it holds on documents that training did not see. */
typedef struct verdict {
    const char *code, *text;
} verdict;

static verdict judge(const imr_eval_report *r, const summary *s)
{
    const imr_significance *all = &s->group[IMR_GROUP_ALL].from_encoder;
    const imr_significance *unseen =
        r->eval->has_train ? &s->group[IMR_GROUP_UNSEEN].from_encoder : all;
    const bool told = r->eval->has_train && s->group[IMR_GROUP_UNSEEN].n > 0;
    if (all->has_verdict && all->high < 0)
        return (verdict){"worse", "the adapter is worse than the encoder alone"};
    if (unseen->has_verdict && unseen->low > 0)
        return (verdict){"better", told ? "better than the encoder alone, on documents that "
                                          "training did not see, too"
                                        : "better than the encoder alone"};
    if (all->has_verdict && all->low > 0)
        return (verdict){"seen-only",
                         unseen->high < 0
                             ? "better than the encoder alone on documents that training saw, "
                               "worse on others"
                             : "better than the encoder alone on documents that training saw; for "
                               "others there is no sign of it"};
    return (verdict){"no-evidence", "no sign of a difference from the encoder alone"};
}

/* ---- text ---- */

#define INTERVAL 27 /* columns of "+0.0477 [+0.0334, +0.0630] " */

static void put_fixed(imr_buf *b, double value, bool plus)
{
    char text[64];
    imr_buf_str(b, isfinite(value) ? imr_format_fixed(text, value, 4, plus) : "-");
}

static void put_range(imr_buf *b, double low, double high, bool plus)
{
    imr_buf_char(b, '[');
    put_fixed(b, low, plus);
    imr_buf_str(b, ", ");
    put_fixed(b, high, plus);
    imr_buf_char(b, ']');
}

static void put_interval(imr_buf *b, const imr_significance *s)
{
    size_t start = b->len;
    put_fixed(b, s->difference, true);
    imr_buf_char(b, ' ');
    put_range(b, s->low, s->high, true);
    if (b->len - start < INTERVAL)
        imr_buf_fill(b, ' ', INTERVAL - (b->len - start));
}

static void put_p(imr_buf *b, double p)
{
    char text[64];
    imr_buf_printf(b, "%9s", p < 0.0001 ? "< 0.0001" : imr_format_fixed(text, p, 4, false));
}

/* The differences from another ranking, a line for each metric. */
static void put_tests(imr_buf *b, const imr_eval_report *r, const summary *s, bool from_encoder)
{
    imr_buf_char(b, '\n');
    imr_cli_wrap(b,
                 from_encoder ? "after against encoder: difference and its 95 % interval, queries "
                                "better/equal/worse, p of the t test, of randomisation, Holm's"
                              : "after against before: the same",
                 0, 2);
    for (size_t m = 0; m < r->eval->metrics; m++) {
        char name[IMR_METRIC_NAME], counts[64];
        const imr_significance *t = from_encoder ? &s->all[m].from_encoder : &s->all[m].from_before;
        imr_buf_printf(b, "%-13s ", imr_metric_name(r->options->metrics[m], name));
        put_interval(b, t);
        snprintf(counts, sizeof counts, "%zu/%zu/%zu", t->wins, t->ties, t->losses);
        imr_buf_printf(b, "%-12s", counts);
        if (t->has_verdict) {
            put_p(b, t->p_t);
            put_p(b, t->p_randomised);
            put_p(b, from_encoder ? s->p_encoder[m] : s->p_before[m]);
        } else {
            imr_buf_printf(b, " none below %d queries", IMR_SIGNIFICANCE_MIN);
        }
        imr_buf_char(b, '\n');
    }
}

static const char *candidates(const imr_eval_report *r)
{
    return imr_candidates_name(imr_ranker_candidates(r->adapter, r->options->candidates));
}

static void put_head(imr_buf *b, const imr_eval_report *r)
{
    const char *path = r->cache->path;
    imr_utf8_clean(b, path, strlen(path), IMR_CLEAN_LINE);
    imr_buf_printf(b, ", split %s: num_q %zu, %zu documents", r->split->name, r->eval->queries,
                   r->cache->documents.ids.n);
    if (r->eval->unjudged)
        imr_buf_printf(b, " (%zu queries without judgements left out)", r->eval->unjudged);
    imr_buf_char(b, '\n');
    if (r->adapter) {
        imr_utf8_clean(b, r->adapter->path, strlen(r->adapter->path), IMR_CLEAN_LINE);
        imr_buf_printf(b,
                       "\n  form %s, known from %s, sha256 %.12s\n"
                       "  feedback-k %u by %s, scope %s\n",
                       imr_form_name(r->adapter->w.form),
                       imr_form_source_name(r->adapter->form_from), r->adapter->sha256,
                       r->options->feedback_k, candidates(r), imr_scope_name(r->options->scope));
    }
}

static void put_means(imr_buf *b, const imr_eval_report *r)
{
    imr_buf_printf(b, "\n%-16s", "mean");
    for (size_t k = 0; k < kinds(r->eval); k++)
        imr_buf_printf(b, "%10s", imr_ranking_kind_name((imr_ranking_kind)k));
    imr_buf_char(b, '\n');
    for (size_t m = 0; m < r->eval->metrics; m++) {
        char name[IMR_METRIC_NAME], text[64];
        imr_buf_printf(b, "%-16s", imr_metric_name(r->options->metrics[m], name));
        for (size_t k = 0; k < kinds(r->eval); k++)
            imr_buf_printf(
                b, "%10s",
                imr_format_fixed(text, imr_eval_mean(r->eval, (imr_ranking_kind)k, m), 4, false));
        imr_buf_char(b, '\n');
    }
}

static void put_groups(imr_buf *b, const imr_eval_report *r, const summary *s)
{
    static const char *const words[] = {"all", "seen", "unseen"};
    char name[IMR_METRIC_NAME];
    imr_metric_name(r->options->metrics[0], name);
    imr_buf_printf(b, "\n%s by whether training saw a relevant document, with 95 %% intervals\n",
                   name);
    imr_buf_printf(b, "%-8s%6s", "", "num_q");
    for (size_t k = 0; k < kinds(r->eval); k++)
        imr_buf_printf(b, "%9s", imr_ranking_kind_name((imr_ranking_kind)k));
    imr_buf_str(b, r->adapter ? "  after - encoder\n" : "  interval\n");
    for (imr_eval_group g = 0; g < groups(r->eval); g++) {
        const imr_eval_row *row = &s->group[g];
        imr_buf_printf(b, "%-8s%6zu", words[g], row->n);
        for (size_t k = 0; k < kinds(r->eval); k++) {
            char text[64];
            imr_buf_printf(b, "%9s", row->n ? imr_format_fixed(text, row->mean[k], 4, false) : "-");
        }
        imr_buf_str(b, "  ");
        if (r->adapter && row->n)
            put_interval(b, &row->from_encoder);
        else if (row->n)
            put_range(b, row->low[0], row->high[0], false);
        while (b->len && b->data && b->data[b->len - 1] == ' ')
            b->data[--b->len] = '\0';
        imr_buf_char(b, '\n');
    }
    if (r->seen->words)
        imr_cli_wrap(b, r->seen->words, 0, 2);
}

static void put_queries(imr_buf *b, const imr_eval_report *r)
{
    char name[IMR_METRIC_NAME], text[64];
    const imr_eval *e = r->eval;
    imr_buf_printf(b, "\n%-24s%-8s", imr_metric_name(r->options->metrics[0], name),
                   e->has_train ? "seen" : "");
    for (size_t k = 0; k < kinds(e); k++)
        imr_buf_printf(b, "%10s", imr_ranking_kind_name((imr_ranking_kind)k));
    imr_buf_char(b, '\n');
    for (size_t i = 0; i < e->queries; i++) {
        const char *id = imr_ids_at(&r->cache->queries.ids, e->query[i]);
        size_t start = b->len;
        imr_utf8_clean(b, id, strlen(id), IMR_CLEAN_LINE);
        size_t width = imr_utf8_width(imr_buf_text(b) + start, b->len - start);
        imr_buf_fill(b, ' ', width < 24 ? 24 - width : 1);
        imr_buf_printf(b, "%-8s", !e->has_train ? "" : e->seen[i] ? "seen" : "unseen");
        for (size_t k = 0; k < kinds(e); k++)
            imr_buf_printf(b, "%10s",
                           imr_format_fixed(text, e->values[k][i * e->metrics], 4, false));
        imr_buf_char(b, '\n');
    }
}

static void put_similarity(imr_buf *out, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf *b = &line;
    imr_buf_str(b, "after against before, means over queries: RBO(0.9) ");
    put_fixed(b, imr_stats_mean(e->rbo, e->queries), false);
    imr_buf_printf(b, ", top-%zu overlap ", e->overlap_k);
    put_fixed(b, imr_stats_mean(e->overlap, e->queries), false);
    imr_buf_str(b, ", tau-AP ");
    put_fixed(b, imr_stats_mean(e->tau_ap, e->queries), false);
    if (e->mover) {
        const char *query = imr_ids_at(&r->cache->queries.ids, e->mover_query);
        const char *document = imr_ids_at(&r->cache->documents.ids, e->mover_document);
        imr_buf_printf(b, "; largest move %+lld, document ", (long long)e->mover);
        imr_utf8_clean(b, document, strlen(document), IMR_CLEAN_LINE);
        imr_buf_str(b, " of query ");
        imr_utf8_clean(b, query, strlen(query), IMR_CLEAN_LINE);
    }
    imr_buf_char(out, '\n');
    imr_cli_wrap(out, imr_buf_text(b), 0, 2);
}

imr_status imr_eval_report_text(imr_buf *b, const imr_eval_report *r, imr_error *err)
{
    IMR_CLEANUP(summary_done) summary s = {0};
    put_head(b, r);
    if (r->split->qrels) {
        IMR_TRY(summarise(&s, r, err));
        put_means(b, r);
        put_groups(b, r, &s);
    } else {
        imr_buf_str(b, "no judgements: only how alike the rankings are can be said\n");
    }
    if (r->adapter)
        put_similarity(b, r);
    if (r->adapter && r->split->qrels) {
        imr_buf_str(b, "\nverdict: ");
        imr_cli_wrap(b, judge(r, &s).text, 9, 2);
        put_tests(b, r, &s, true);
        put_tests(b, r, &s, false);
    }
    if (r->per_query && r->split->qrels)
        put_queries(b, r);
    return imr_buf_check(b, err);
}

/* ---- JSON ---- */

static void put_key(imr_buf *b, const char *key)
{
    imr_json_put_string(b, key);
    imr_buf_str(b, ": ");
}

static void put_named(imr_buf *b, const char *key, double value)
{
    put_key(b, key);
    imr_json_put_number(b, value);
}

static void json_inputs(imr_buf *b, const imr_eval_report *r)
{
    const imr_encoder_identity *e = &r->cache->encoder;
    imr_buf_str(b, "{\"schema\": \"imrnn.evaluation/1\", \"tool\": {\"name\": \"imrnn\", "
                   "\"version\": \"" IMR_VERSION "\"},\n \"command\": [");
    for (int i = 0; i < r->cli->argc; i++) {
        imr_buf_str(b, i ? ", " : "");
        imr_json_put_string(b, r->cli->argv[i]);
    }
    imr_buf_str(b, "],\n \"inputs\": {\"cache\": {\"path\": ");
    imr_json_put_string(b, r->cache->path);
    imr_buf_str(b, ", \"sha256\": ");
    imr_json_put_string(b, r->cache->sha256);
    imr_buf_printf(b, ", \"documents\": %zu, \"dim\": %zu}, \"encoder\": {\"name\": ",
                   r->cache->documents.ids.n, r->cache->dim);
    imr_json_put_string(b, e->name);
    imr_buf_str(b, ", \"sha256\": ");
    imr_json_put_string(b, e->sha256);
    imr_buf_char(b, '}');
    if (r->adapter) {
        imr_buf_str(b, ", \"adapter\": {\"path\": ");
        imr_json_put_string(b, r->adapter->path);
        imr_buf_printf(b,
                       ", \"sha256\": \"%s\", \"form\": \"%s\", \"form_from\": \"%s\", "
                       "\"input_dim\": %zu, \"working_dim\": %zu, \"hidden_dim\": %zu}",
                       r->adapter->sha256, imr_form_name(r->adapter->w.form),
                       imr_form_source_name(r->adapter->form_from), r->adapter->w.n,
                       r->adapter->w.m, r->adapter->w.h);
    }
    imr_buf_str(b, "},\n \"split\": ");
    imr_json_put_string(b, r->split->name);
    imr_buf_printf(b,
                   ", \"settings\": {\"feedback_k\": %u, \"scope\": \"%s\", \"candidates\": "
                   "\"%s\", \"form\": %s%s%s, \"seed\": %llu},\n \"num_q\": %zu, \"unjudged\": "
                   "%zu,\n",
                   r->options->feedback_k, imr_scope_name(r->options->scope), candidates(r),
                   r->adapter ? "\"" : "", r->adapter ? imr_form_name(r->adapter->w.form) : "null",
                   r->adapter ? "\"" : "", (unsigned long long)r->seed, r->eval->queries,
                   r->eval->unjudged);
    if (r->seen->words) {
        imr_buf_printf(
            b, " \"trained_on\": {\"known\": %s, \"text\": ", r->seen->known ? "true" : "false");
        imr_json_put_string(b, r->seen->words);
        imr_buf_str(b, "},\n");
    }
    imr_buf_str(b, " \"warnings\": [");
    for (size_t i = 0; i < r->eval->doubts.n; i++) {
        imr_buf_printf(b, "%s{\"code\": \"%s\", \"text\": ", i ? ", " : "",
                       r->eval->doubts.v[i].code);
        imr_json_put_string(b, r->eval->doubts.v[i].text);
        imr_buf_char(b, '}');
    }
    imr_buf_str(b, "],\n");
}

/* {"nDCG@10": ..., ...} of one ranking: row NULL for the means. */
static void json_metrics(imr_buf *b, const imr_eval_report *r, imr_ranking_kind kind,
                         const double *row)
{
    char name[IMR_METRIC_NAME];
    for (size_t m = 0; m < r->eval->metrics; m++) {
        imr_buf_str(b, m ? ", " : "{");
        put_named(b, imr_metric_name(r->options->metrics[m], name),
                  row ? row[m] : imr_eval_mean(r->eval, kind, m));
    }
}

static void json_rankings(imr_buf *b, const imr_eval_report *r)
{
    imr_buf_str(b, " \"rankings\": {");
    for (size_t k = 0; k < kinds(r->eval); k++) {
        imr_buf_str(b, k ? ",\n  " : "\n  ");
        put_key(b, imr_ranking_kind_name((imr_ranking_kind)k));
        json_metrics(b, r, (imr_ranking_kind)k, NULL);
        imr_buf_printf(b, ", \"num_q\": %zu}", r->eval->queries);
    }
    imr_buf_str(b, "},\n");
}

static void json_difference(imr_buf *b, const imr_significance *s)
{
    imr_buf_char(b, '{');
    put_named(b, "mean", s->difference);
    imr_buf_str(b, ", ");
    put_named(b, "low", s->low);
    imr_buf_str(b, ", ");
    put_named(b, "high", s->high);
    imr_buf_char(b, '}');
}

static void json_leakage(imr_buf *b, const imr_eval_report *r, const summary *s)
{
    char name[IMR_METRIC_NAME];
    imr_buf_printf(b, " \"leakage\": {\"metric\": \"%s\"",
                   imr_metric_name(r->options->metrics[0], name));
    for (imr_eval_group g = 0; g < groups(r->eval); g++) {
        const imr_eval_row *row = &s->group[g];
        imr_buf_printf(b, ",\n  \"%s\": {\"num_q\": %zu", imr_eval_group_name(g), row->n);
        for (size_t k = 0; k < kinds(r->eval); k++) {
            imr_buf_printf(b, ", \"%s\": {", imr_ranking_kind_name((imr_ranking_kind)k));
            put_named(b, "mean", row->n ? row->mean[k] : (double)NAN);
            imr_buf_str(b, ", ");
            put_named(b, "low", row->low[k]);
            imr_buf_str(b, ", ");
            put_named(b, "high", row->high[k]);
            imr_buf_char(b, '}');
        }
        if (r->adapter && row->n) {
            imr_buf_str(b, ", \"after_minus_encoder\": ");
            json_difference(b, &row->from_encoder);
            imr_buf_str(b, ", \"after_minus_before\": ");
            json_difference(b, &row->from_before);
        }
        imr_buf_char(b, '}');
    }
    imr_buf_str(b, "},\n");
}

static void json_test(imr_buf *b, const char *metric, const char *other, const imr_significance *s,
                      double holm)
{
    imr_buf_printf(b, "\n  {\"metric\": \"%s\", \"a\": \"%s\", \"b\": \"after\", ", metric, other);
    put_named(b, "difference", s->difference);
    imr_buf_str(b, ", ");
    put_named(b, "low", s->low);
    imr_buf_str(b, ", ");
    put_named(b, "high", s->high);
    imr_buf_printf(b, ", \"wins\": %zu, \"ties\": %zu, \"losses\": %zu, ", s->wins, s->ties,
                   s->losses);
    put_named(b, "t", s->has_verdict ? s->t : (double)NAN);
    imr_buf_str(b, ", ");
    put_named(b, "p_t", s->has_verdict ? s->p_t : (double)NAN);
    imr_buf_str(b, ", ");
    put_named(b, "p_randomised", s->has_verdict ? s->p_randomised : (double)NAN);
    imr_buf_str(b, ", ");
    put_named(b, "p_holm", s->has_verdict ? holm : (double)NAN);
    imr_buf_char(b, '}');
}

static void json_queries(imr_buf *b, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    imr_buf_str(b, " \"queries\": [");
    for (size_t i = 0; i < e->queries; i++) {
        imr_buf_str(b, i ? ",\n  {" : "\n  {");
        put_key(b, "id");
        imr_json_put_string(b, imr_ids_at(&r->cache->queries.ids, e->query[i]));
        if (e->has_train)
            imr_buf_printf(b, ", \"seen\": %s", e->seen[i] ? "true" : "false");
        for (size_t k = 0; r->split->qrels && k < kinds(e); k++) {
            imr_buf_str(b, ", ");
            put_key(b, imr_ranking_kind_name((imr_ranking_kind)k));
            json_metrics(b, r, (imr_ranking_kind)k, e->values[k] + i * e->metrics);
            imr_buf_char(b, '}');
        }
        if (r->adapter) {
            imr_buf_str(b, ", ");
            put_named(b, "rbo", e->rbo[i]);
        }
        imr_buf_char(b, '}');
    }
    imr_buf_str(b, "]}");
}

static void json_similarity(imr_buf *b, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    imr_buf_str(b, " \"similarity\": {");
    put_named(b, "rbo", imr_stats_mean(e->rbo, e->queries));
    imr_buf_printf(b, ", \"overlap@%zu\": ", e->overlap_k);
    imr_json_put_number(b, imr_stats_mean(e->overlap, e->queries));
    imr_buf_str(b, ", ");
    put_named(b, "tau_ap", imr_stats_mean(e->tau_ap, e->queries));
    imr_buf_str(b, ", \"largest_move\": ");
    if (e->mover) {
        imr_buf_printf(b, "{\"move\": %lld, \"document\": ", (long long)e->mover);
        imr_json_put_string(b, imr_ids_at(&r->cache->documents.ids, e->mover_document));
        imr_buf_str(b, ", \"query\": ");
        imr_json_put_string(b, imr_ids_at(&r->cache->queries.ids, e->mover_query));
        imr_buf_str(b, "}},\n");
    } else {
        imr_buf_str(b, "null},\n");
    }
}

imr_status imr_eval_report_json(imr_buf *b, const imr_eval_report *r, imr_error *err)
{
    IMR_CLEANUP(summary_done) summary s = {0};
    bool judged = r->split->qrels != NULL;
    json_inputs(b, r);
    if (r->adapter)
        json_similarity(b, r);
    if (judged) {
        IMR_TRY(summarise(&s, r, err));
        json_rankings(b, r);
        json_leakage(b, r, &s);
    }
    if (judged && r->adapter) {
        const verdict v = judge(r, &s);
        imr_buf_printf(b, " \"verdict\": {\"code\": \"%s\", \"text\": \"%s\"},\n", v.code, v.text);
    } else {
        imr_buf_str(b, " \"verdict\": null,\n");
    }
    imr_buf_str(b, " \"tests\": [");
    for (size_t m = 0; judged && r->adapter && m < r->eval->metrics; m++) {
        char name[IMR_METRIC_NAME];
        imr_metric_name(r->options->metrics[m], name);
        imr_buf_str(b, m ? "," : "");
        json_test(b, name, "encoder", &s.all[m].from_encoder, s.p_encoder[m]);
        imr_buf_char(b, ',');
        json_test(b, name, "before", &s.all[m].from_before, s.p_before[m]);
    }
    imr_buf_str(b, "],\n");
    json_queries(b, r);
    return imr_buf_check(b, err);
}
