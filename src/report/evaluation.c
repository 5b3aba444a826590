/* report/evaluation.c - an evaluation as text and as JSON. */
#include <math.h>

#include "base/number.h"
#include "math/stats.h"
#include "report/evaluation.h"
#include "report/formats.h"
#include "text/utf8.h"

/* The first ranking there is, from k on. */
static size_t kind_from(const imr_eval_report *r, size_t k)
{
    while (k < IMR_RANKED_COUNT && !r->eval->values[k])
        k++;
    return k;
}
#define EACH_KIND(k, r)                                                                            \
    for (size_t k = kind_from(r, 0); (k) < IMR_RANKED_COUNT; (k) = kind_from(r, (k) + 1))

static const char *kind_name(size_t k)
{
    return imr_ranking_kind_name((imr_ranking_kind)k);
}

/* Of metric m; the text lives as long as the block around it. */
#define METRIC(r, m) imr_metric_name((r)->options->metrics[m], (char[IMR_METRIC_NAME]){0})

static imr_eval_group groups(const imr_eval *e)
{
    return e->has_train ? IMR_GROUPS : IMR_GROUP_SEEN; /* without training judgements: all */
}

/* ---- text ---- */

#define FIXED(value)  (isfinite(value) ? IMR_FIXED(value, 4) : "-")
#define SIGNED(value) (isfinite(value) ? IMR_SIGNED(value, 4) : "-")
#define P_VALUE(p)    ((p) < 0.0001 ? "<.0001" : IMR_FIXED(p, 4))

/* And blanks up to the next column. */
static void put_interval(imr_buf *b, const imr_significance *s)
{
    const size_t end = b->len + 27;
    imr_buf_printf(b, "%s [%s, %s]", SIGNED(s->difference), SIGNED(s->low), SIGNED(s->high));
    imr_buf_fill(b, ' ', b->len < end ? end - b->len : 0);
}

/* The differences from another ranking, a line for each metric. */
static void put_tests(imr_buf *b, const imr_eval_report *r, bool from_encoder)
{
    const imr_eval_summary *s = r->summary;
    imr_buf_char(b, '\n');
    imr_report_wrap(b,
                    from_encoder
                        ? "after against encoder: difference and its 95 % interval, queries "
                          "better/equal/worse, p of the t test, of randomisation, Holm's"
                        : "after against before: the same",
                    0, 2, IMR_REPORT_WIDTH);
    for (size_t m = 0; m < r->eval->metrics; m++) {
        const imr_significance *t = from_encoder ? &s->row[m * IMR_GROUPS].from_encoder
                                                 : &s->row[m * IMR_GROUPS].from_before;
        imr_buf_printf(b, "%-13s ", METRIC(r, m));
        put_interval(b, t);
        imr_buf_printf(b, "%-17s", imr_textf("%zu/%zu/%zu", t->wins, t->ties, t->losses).s);
        if (t->has_verdict)
            imr_buf_printf(b, "%7s%7s%7s\n", P_VALUE(t->p_t), P_VALUE(t->p_randomised),
                           P_VALUE(from_encoder ? s->p_encoder[m] : s->p_before[m]));
        else
            imr_buf_printf(b, " none below %d queries\n", IMR_SIGNIFICANCE_MIN);
    }
}

static void put_clean(imr_buf *b, const char *text)
{
    imr_utf8_clean(b, text, strlen(text), IMR_CLEAN_LINE);
}

static const char *candidates(const imr_eval_report *r)
{
    return imr_candidates_names[imr_ranker_candidates(r->adapter, r->options->candidates)];
}

size_t imr_eval_report_missing(imr_buf *line, const imr_eval_report *r, bool queries)
{
    const char *first = "";
    const imr_ids *known = queries ? &r->cache->queries.ids : &r->cache->documents.ids;
    const bool known_all = queries || !r->cache->sampled;
    const size_t n = r->split->qrels && known_all
                         ? (queries ? imr_qrels_absent_queries : imr_qrels_absent)(r->split->qrels,
                                                                                   known, &first)
                         : 0;
    if (n)
        imr_buf_printf(line, "%zu judged %s not in the cache, %s. The first: ", n,
                       queries  ? n == 1 ? "query is" : "queries are"
                       : n == 1 ? "document is"
                                : "documents are",
                       queries
                           ? "and left out"
                           : "so no ranking can find them; they count as missed, as in trec_eval");
    put_clean(line, first);
    return n;
}

static void put_head(imr_buf *b, const imr_eval_report *r)
{
    const imr_adapter *a = r->adapter;
    put_clean(b, r->cache->path);
    imr_buf_printf(b, ", split %s: num_q %zu, %llu documents", r->split->name, r->eval->queries,
                   (unsigned long long)imr_cache_corpus(r->cache));
    if (r->eval->unjudged)
        imr_buf_printf(b, " (%zu queries without judgements left out)", r->eval->unjudged);
    imr_buf_char(b, '\n');
    if (r->store) {
        IMR_AUTOBUF imr_buf line = {0};
        imr_trace_store_text(&line, r->store);
        imr_buf_str(b, "  ");
        imr_report_wrap(b, imr_buf_text(&line), 2, 4, IMR_REPORT_WIDTH);
    }
    for (int queries = 0; queries < 2; queries++) {
        IMR_AUTOBUF imr_buf line = {0};
        if (imr_eval_report_missing(&line, r, queries))
            imr_report_wrap(b, imr_buf_text(&line), 0, 2, IMR_REPORT_WIDTH);
    }
    if (r->options->bm25)
        imr_buf_printf(b, "bm25: k1 %g, b %g, English stems and stop words\n", r->options->bm25_k1,
                       r->options->bm25_b);
    if (!a)
        return;
    put_clean(b, a->path);
    imr_buf_printf(b,
                   "\n  form %s, known from %s, sha256 %.12s\n"
                   "  feedback-k %u by %s, scope %s\n",
                   imr_form_name(a->w.form), imr_form_source_name(a->form_from), a->sha256,
                   r->options->feedback_k, candidates(r), imr_scope_names[r->options->scope]);
}

/* The names of the rankings over their columns. */
static void put_kinds(imr_buf *b, const imr_eval_report *r, int columns)
{
    EACH_KIND (k, r)
        imr_buf_printf(b, "%*s", columns, kind_name(k));
}

static void put_means(imr_buf *b, const imr_eval_report *r)
{
    imr_buf_printf(b, "\n%-16s", "mean");
    put_kinds(b, r, 10);
    for (size_t m = 0; m < r->eval->metrics; m++) {
        imr_buf_printf(b, "\n%-16s", METRIC(r, m));
        EACH_KIND (k, r)
            imr_buf_printf(b, "%10s", IMR_FIXED(imr_eval_mean(r->eval, (imr_ranking_kind)k, m), 4));
    }
    imr_buf_printf(b, "\nunjudged@%-7zu", r->eval->overlap_k);
    EACH_KIND (k, r)
        imr_buf_printf(b, "%10s", IMR_FIXED(r->eval->unjudged_at[k], 4));
    imr_buf_char(b, '\n');
}

static void put_groups(imr_buf *b, const imr_eval_report *r, size_t metric)
{
    imr_buf_printf(b,
                   "\n%s by whether training saw a relevant document, with 95 %% intervals\n"
                   "%-8s%6s",
                   METRIC(r, metric), "", "num_q");
    put_kinds(b, r, 9);
    imr_buf_str(b, r->adapter ? "  after - encoder\n" : "  interval\n");
    for (imr_eval_group g = 0; g < groups(r->eval); g++) {
        const imr_eval_row *row = &r->summary->row[metric * IMR_GROUPS + g];
        imr_buf_printf(b, "%-8s%6zu", imr_eval_group_name(g), row->n);
        EACH_KIND (k, r)
            imr_buf_printf(b, "%9s", row->n ? IMR_FIXED(row->mean[k], 4) : "-");
        imr_buf_str(b, "  ");
        if (r->adapter && row->n)
            put_interval(b, &row->from_encoder);
        else if (row->n)
            imr_buf_printf(b, "[%s, %s]", FIXED(row->low[0]), FIXED(row->high[0]));
        while (b->len && b->data && b->data[b->len - 1] == ' ')
            b->data[--b->len] = '\0';
        imr_buf_char(b, '\n');
    }
    if (r->seen->words && metric + 1 == (r->audit ? r->eval->metrics : 1))
        imr_report_wrap(b, r->seen->words, 0, 2, IMR_REPORT_WIDTH);
}

static void put_queries(imr_buf *b, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    imr_buf_printf(b, "\n%-14s%-7s", r->split->qrels ? METRIC(r, 0) : "query",
                   e->has_train ? "seen" : "");
    put_kinds(b, r, 9);
    imr_buf_char(b, '\n');
    for (size_t n = 0; n < imr_eval_report_rows(r); n++) {
        IMR_AUTOBUF imr_buf text = {0};
        const size_t start = b->len, i = imr_eval_report_row(r, n);
        put_clean(b, imr_ids_at(&r->cache->queries.ids, e->query[i]));
        const size_t width = imr_utf8_width(imr_buf_text(b) + start, b->len - start);
        imr_buf_fill(b, ' ', width < 14 ? 14 - width : 1);
        imr_buf_printf(b, "%-7s", !e->has_train ? "" : e->seen[i] ? "seen" : "unseen");
        EACH_KIND (k, r)
            imr_buf_printf(b, "%9s", IMR_FIXED(e->values[k][i * e->metrics], 4));
        imr_buf_str(b, "  ");
        const size_t used = imr_utf8_width(imr_buf_text(b) + start, b->len - start);
        put_clean(&text, imr_cache_query_text(r->cache, e->query[i]));
        imr_utf8_clip(b, imr_buf_text(&text), text.len, used < 80 ? 80 - used : 1, "...");
        imr_buf_char(b, '\n');
        if (r->audit)
            imr_audit_report_row(b, r->audit, i);
    }
}

static void put_similarity(imr_buf *out, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    IMR_AUTOBUF imr_buf line = {0};
    imr_buf_printf(&line,
                   "after against before, means over queries: RBO(0.9) %s, top-%zu overlap %s, "
                   "tau-AP %s",
                   FIXED(imr_stats_mean(e->rbo, e->queries)), e->overlap_k,
                   FIXED(imr_stats_mean(e->overlap, e->queries)),
                   FIXED(imr_stats_mean(e->tau_ap, e->queries)));
    if (e->mover) {
        imr_buf_printf(&line, "; largest move %+lld, document ", (long long)e->mover);
        put_clean(&line, e->mover_document);
        imr_buf_str(&line, " of query ");
        put_clean(&line, imr_ids_at(&r->cache->queries.ids, e->mover_query));
    }
    imr_buf_char(out, '\n');
    imr_report_wrap(out, imr_buf_text(&line), 0, 2, IMR_REPORT_WIDTH);
}

/* The verdict first, then what it stands on. */
static void put_audit(imr_buf *b, const imr_eval_report *r)
{
    for (size_t i = 0; i < r->eval->doubts.n; i++)
        imr_report_wrap(b, r->eval->doubts.v[i].text, 0, 2, IMR_REPORT_WIDTH);
    if (r->summary->code) {
        imr_report_wrap(b, r->summary->text, 0, 0, IMR_REPORT_WIDTH);
        imr_buf_char(b, '\n');
    }
    put_head(b, r);
    for (size_t m = 0; m < r->eval->metrics; m++)
        put_groups(b, r, m);
    if (r->adapter && r->eval->metrics) {
        imr_buf_char(b, '\n');
        imr_report_audit_words(b, r->audit);
    }
    imr_buf_printf(b, "\n%zu of %zu queries", r->shown, r->eval->queries);
    put_queries(b, r);
}

static void put_text(imr_buf *b, const imr_eval_report *r)
{
    put_head(b, r);
    if (r->split->qrels) {
        put_means(b, r);
        put_groups(b, r, 0);
    } else {
        imr_buf_str(b, "no judgements: only how alike the rankings are can be said\n");
    }
    if (r->adapter)
        put_similarity(b, r);
    if (r->adapter && r->split->qrels) {
        imr_buf_str(b, "\nverdict: ");
        imr_report_wrap(b, r->summary->text, 9, 2, IMR_REPORT_WIDTH);
        put_tests(b, r, true);
        put_tests(b, r, false);
    }
    if (r->per_query && r->split->qrels)
        put_queries(b, r);
}

/* ---- JSON ---- */

static imr_status json_inputs(imr_buf *b, const imr_eval_report *r, imr_error *err)
{
    const imr_encoder_identity *e = &r->cache->encoder;
    const imr_adapter *a = r->adapter;
    char judged[IMR_SHA256_HEX];
    IMR_AUTOBUF imr_buf missing = {0};
    imr_json_printf(b, "{'schema': %s, 'tool': {'name': 'imrnn', 'version': %s},\n 'command': [",
                    r->audit ? "imrnn.audit/1" : "imrnn.evaluation/1", IMR_VERSION);
    for (int i = 0; i < (int)r->n_command; i++)
        imr_json_printf(b, i ? ", %s" : "%s", r->command[i]);
    imr_json_printf(b,
                    "],\n 'inputs': {'cache': {'path': %s, 'sha256': %s, 'documents': %zu, 'dim': "
                    "%zu}, 'encoder': {'name': %s, 'sha256': %s}",
                    r->cache->path, r->cache->sha256, (size_t)imr_cache_corpus(r->cache),
                    r->cache->dim, e->name, e->sha256);
    if (r->store) {
        imr_buf_str(b, ", \"store\": ");
        imr_trace_store_json(b, r->store);
    }
    if (a)
        imr_json_printf(b,
                        ", 'adapter': {'path': %s, 'sha256': %s, 'form': %s, 'form_from': %s, "
                        "'input_dim': %zu, 'working_dim': %zu, 'hidden_dim': %zu}",
                        a->path, a->sha256, imr_form_name(a->w.form),
                        imr_form_source_name(a->form_from), a->w.n, a->w.m, a->w.h);
    IMR_TRY(imr_qrels_sha256(judged, r->split->qrels, err));
    if (r->split->qrels)
        imr_json_printf(b, ", 'judgements': {'sha256': %s}", judged);
    imr_json_printf(b,
                    "},\n 'split': %s, 'settings': {'feedback_k': %u, 'scope': %s, 'candidates': "
                    "%s, 'form': %-s, 'seed': %llu",
                    r->split->name, r->options->feedback_k, imr_scope_names[r->options->scope],
                    candidates(r), a ? imr_form_name(a->w.form) : "", (unsigned long long)r->seed);
    if (r->audit)
        imr_json_printf(b, ", 'k': %u, 'max_queries': %zu, 'sort': %-s, 'filter': %-s",
                        r->audit->options.k, r->audit->n_first, r->sort, r->filter);
    imr_json_printf(
        b, "},\n 'num_q': %zu, 'unjudged': %zu, 'absent': %zu, 'absent_queries': %zu,\n",
        r->eval->queries, r->eval->unjudged, imr_eval_report_missing(&missing, r, false),
        imr_eval_report_missing(&missing, r, true));
    if (r->options->bm25)
        imr_json_printf(b, " 'bm25': {'k1': %g, 'b': %g, 'terms': 'english'},\n",
                        r->options->bm25_k1, r->options->bm25_b);
    if (r->seen->words)
        imr_json_printf(b, " 'trained_on': {'known': %hhd, 'text': %s},\n", r->seen->known,
                        r->seen->words);
    imr_json_printf(b, " 'warnings': [");
    for (size_t i = 0; i < r->eval->doubts.n; i++)
        imr_json_printf(b, i ? ", {'code': %s, 'text': %s}" : "{'code': %s, 'text': %s}",
                        r->eval->doubts.v[i].code, r->eval->doubts.v[i].text);
    imr_buf_str(b, "],\n");
    return IMR_OK;
}

/* "after": {"nDCG@10": ..., ... of one ranking, the brace left open: row NULL for the means. */
static void json_metrics(imr_buf *b, const imr_eval_report *r, size_t kind, const double *row)
{
    imr_json_printf(b, "%s: ", kind_name(kind));
    for (size_t m = 0; m < r->eval->metrics; m++)
        imr_json_printf(b, m ? ", %s: %g" : "{%s: %g", METRIC(r, m),
                        row ? row[m] : imr_eval_mean(r->eval, (imr_ranking_kind)kind, m));
}

static void json_rankings(imr_buf *b, const imr_eval_report *r)
{
    imr_json_printf(b, " 'rankings': {");
    EACH_KIND (k, r) {
        imr_buf_str(b, k ? ",\n  " : "\n  ");
        json_metrics(b, r, k, NULL);
        imr_json_printf(b, ", 'unjudged@%zu': %g, 'num_q': %zu}", r->eval->overlap_k,
                        r->eval->unjudged_at[k], r->eval->queries);
    }
    imr_buf_str(b, "},\n");
}

static void json_interval(imr_buf *b, const char *name, double mean, double low, double high)
{
    imr_json_printf(b, ", %s: {'mean': %g, 'low': %g, 'high': %g}", name, mean, low, high);
}

static void json_groups(imr_buf *b, const imr_eval_report *r, size_t metric)
{
    imr_json_printf(b, "{'metric': %s", METRIC(r, metric));
    for (imr_eval_group g = 0; g < groups(r->eval); g++) {
        const imr_eval_row *row = &r->summary->row[metric * IMR_GROUPS + g];
        const imr_significance *e = &row->from_encoder, *p = &row->from_before;
        imr_json_printf(b, ",\n  %s: {'num_q': %zu", imr_eval_group_name(g), row->n);
        EACH_KIND (k, r)
            json_interval(b, kind_name(k), row->n ? row->mean[k] : (double)NAN, row->low[k],
                          row->high[k]);
        if (r->adapter && row->n) {
            json_interval(b, "after_minus_encoder", e->difference, e->low, e->high);
            json_interval(b, "after_minus_before", p->difference, p->low, p->high);
        }
        imr_buf_char(b, '}');
    }
    imr_buf_char(b, '}');
}

static void json_test(imr_buf *b, const char *metric, const char *other, const imr_significance *s,
                      double holm)
{
    imr_json_printf(b,
                    "\n  {'metric': %s, 'a': %s, 'b': 'after', 'difference': %g, 'low': %g, "
                    "'high': %g, 'wins': %zu, 'ties': %zu, 'losses': %zu, 't': %g, 'p_t': %g, "
                    "'p_randomised': %g, 'p_holm': %g}",
                    metric, other, s->difference, s->low, s->high, s->wins, s->ties, s->losses,
                    s->has_verdict ? s->t : (double)NAN, s->has_verdict ? s->p_t : (double)NAN,
                    s->has_verdict ? s->p_randomised : (double)NAN,
                    s->has_verdict ? holm : (double)NAN);
}

static void json_query(imr_buf *b, const imr_eval_report *r, size_t i)
{
    const imr_eval *e = r->eval;
    imr_json_printf(b, "{'id': %s, 'text': %s", imr_ids_at(&r->cache->queries.ids, e->query[i]),
                    imr_cache_query_text(r->cache, e->query[i]));
    if (e->has_train)
        imr_json_printf(b, ", 'seen': %hhd", e->seen[i]);
    EACH_KIND (k, r) {
        if (!r->split->qrels)
            continue;
        imr_buf_str(b, ", ");
        json_metrics(b, r, k, e->values[k] + i * e->metrics);
        imr_buf_char(b, '}');
    }
    if (r->adapter)
        imr_json_printf(b, ", 'rbo': %g", e->rbo[i]);
    imr_buf_char(b, '}');
}

/* The elements of an array, or a line each. */
static void json_queries(imr_buf *b, const imr_eval_report *r, bool lines)
{
    for (size_t i = 0; i < imr_eval_report_rows(r); i++) {
        imr_buf_str(b, lines ? "" : i ? ",\n  " : "\n  ");
        if (r->audit)
            imr_audit_report_query(b, r->audit, r->order[i]);
        else
            json_query(b, r, i);
        imr_buf_str(b, lines ? "\n" : "");
    }
}

static void json_similarity(imr_buf *b, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    imr_json_printf(b, " 'similarity': {'rbo': %g, ", imr_stats_mean(e->rbo, e->queries));
    imr_buf_printf(b, "\"overlap@%zu\": ", e->overlap_k);
    imr_json_printf(b, "%g, 'tau_ap': %g, 'largest_move': ", imr_stats_mean(e->overlap, e->queries),
                    imr_stats_mean(e->tau_ap, e->queries));
    if (e->mover)
        imr_json_printf(b, "{'move': %lld, 'document': %s, 'query': %s}},\n", (long long)e->mover,
                        e->mover_document, imr_ids_at(&r->cache->queries.ids, e->mover_query));
    else
        imr_buf_str(b, "null},\n");
}

static void json_judged(imr_buf *b, const imr_eval_report *r)
{
    json_rankings(b, r);
    imr_json_printf(b, r->audit ? " 'means': [" : " 'leakage': ");
    for (size_t m = 0; m < (r->audit ? r->eval->metrics : 1); m++) {
        imr_buf_str(b, m ? ",\n  " : "");
        json_groups(b, r, m);
    }
    imr_buf_str(b, r->audit ? "],\n" : ",\n");
}

static imr_status put_json(imr_buf *b, const imr_eval_report *r, imr_error *err)
{
    const imr_eval_summary *s = r->summary;
    const bool judged = r->split->qrels != NULL;
    IMR_TRY(json_inputs(b, r, err));
    if (r->adapter && !r->audit) /* what is kept of an audit does not have the largest move */
        json_similarity(b, r);
    if (judged)
        json_judged(b, r);
    if (s->code)
        imr_json_printf(b, " 'verdict': {'code': %s, 'text': %s},\n", s->code, s->text);
    else
        imr_json_printf(b, " 'verdict': null,\n");
    imr_json_printf(b, " 'tests': [");
    for (size_t m = 0; judged && r->adapter && m < r->eval->metrics; m++) {
        const imr_eval_row *row = &s->row[m * IMR_GROUPS];
        imr_buf_str(b, m ? "," : "");
        json_test(b, METRIC(r, m), "encoder", &row->from_encoder, s->p_encoder[m]);
        imr_buf_char(b, ',');
        json_test(b, METRIC(r, m), "before", &row->from_before, s->p_before[m]);
    }
    imr_buf_str(b, "],\n");
    if (r->audit)
        imr_audit_report_words(b, r->audit);
    imr_json_printf(b, " 'queries': [");
    json_queries(b, r, false);
    imr_buf_str(b, "]}");
    return IMR_OK;
}

/* ---- CSV (RFC 4180) ---- */

static void csv_number(imr_buf *b, double value)
{
    imr_buf_printf(b, ",%s", isfinite(value) ? imr_format_float((char[32]){0}, value) : "");
}

static void put_csv(imr_buf *b, const imr_eval_report *r)
{
    const imr_eval *e = r->eval;
    const imr_audit *a = r->audit;
    imr_buf_str(b, "query,text,seen");
    for (size_t c = 0; a && c < IMR_AUDIT_COLUMNS; c++)
        imr_buf_printf(b, ",%s", imr_audit_name((char[IMR_METRIC_NAME + 16]){0}, a, c));
    for (size_t m = 0; !a && m < e->metrics; m++)
        EACH_KIND (k, r)
            imr_buf_printf(b, ",%s.%s", METRIC(r, m), kind_name(k));
    imr_buf_str(b, a ? ",document,sentence\r\n" : "\r\n");
    for (size_t j = 0; j < imr_eval_report_rows(r); j++) {
        const size_t i = imr_eval_report_row(r, j);
        imr_report_csv_cell(b, imr_ids_at(&r->cache->queries.ids, e->query[i]), ",");
        imr_report_csv_cell(b, imr_cache_query_text(r->cache, e->query[i]), ",");
        imr_buf_str(b, !e->has_train ? "" : e->seen[i] ? "seen" : "unseen");
        for (size_t c = 0; a && c < IMR_AUDIT_COLUMNS; c++)
            csv_number(b, a->rows[i].number[c]);
        for (size_t m = 0; !a && m < e->metrics; m++)
            EACH_KIND (k, r)
                csv_number(b, e->values[k][i * e->metrics + m]);
        imr_buf_str(b, a ? "," : "\r\n");
        if (a)
            imr_report_csv_cell(b, imr_audit_document(a, i), ",");
        if (a)
            imr_report_csv_cell(b, a->rows[i].sentence, "\r\n");
    }
}

/* ---- by form ---- */

imr_status imr_eval_report_write(imr_buf *b, const imr_eval_report *r, imr_eval_form form,
                                 imr_error *err)
{
    const unsigned refused = imr_mem_refused;
    if (form == IMR_EVAL_TEXT)
        (r->audit ? put_audit : put_text)(b, r);
    else if (form == IMR_EVAL_JSON)
        IMR_TRY(put_json(b, r, err));
    else if (form == IMR_EVAL_JSONL)
        json_queries(b, r, true);
    else if (form == IMR_EVAL_CSV)
        put_csv(b, r);
    else
        imr_eval_report_page(b, r, form == IMR_EVAL_HTML);
    return refused != imr_mem_refused ? imr_fail_memory(err) : imr_buf_check(b, err);
}

/* ---- several adapters ---- */

static void json_side(imr_buf *b, const imr_eval_side *s, double holm)
{
    imr_json_printf(b, "\n  {'path': %s", s->path);
    json_interval(b, "after_minus_encoder", s->all.difference, s->all.low, s->all.high);
    if (s->unseen.n)
        json_interval(b, "unseen", s->unseen.difference, s->unseen.low, s->unseen.high);
    imr_json_printf(b, ", 'p_randomised': %g, 'p_holm': %g}",
                    s->all.has_verdict ? s->all.p_randomised : (double)NAN,
                    s->all.has_verdict ? holm : (double)NAN);
}

static void put_side(imr_buf *b, const imr_eval_side *s, double holm)
{
    put_clean(b, s->path);
    imr_buf_str(b, "\n  ");
    put_interval(b, &s->all);
    imr_buf_printf(b, "%9s%9s", s->all.has_verdict ? P_VALUE(s->all.p_randomised) : "-",
                   s->all.has_verdict ? P_VALUE(holm) : "-");
    if (s->unseen.n)
        imr_buf_printf(b, "  unseen %s", SIGNED(s->unseen.difference));
    imr_buf_char(b, '\n');
}

imr_status imr_eval_report_sides(imr_buf *b, imr_metric metric, const imr_eval_side *sides,
                                 size_t n, bool json, imr_error *err)
{
    char name[IMR_METRIC_NAME];
    IMR_AUTOFREE double *p = IMR_NEW_ARRAY(double, n);
    IMR_NEED(p, err);
    for (size_t i = 0; i < n; i++)
        p[i] = sides[i].all.has_verdict ? sides[i].all.p_randomised : 1;
    IMR_TRY(imr_holm(p, p, n, err));
    imr_metric_name(metric, name);
    if (json)
        imr_json_printf(b, "{'schema': 'imrnn.comparison/1', 'metric': %s, 'adapters': [", name);
    else
        imr_buf_printf(
            b,
            "side by side, %s of each adapter against the encoder: difference and 95 %%\n"
            "  interval, p of randomisation, Holm's over the %zu adapters\n",
            name, n);
    for (size_t i = 0; i < n; i++) {
        if (json && i)
            imr_buf_char(b, ',');
        (json ? json_side : put_side)(b, &sides[i], p[i]);
    }
    imr_buf_str(b, json ? "]}" : "");
    return imr_buf_check(b, err);
}
