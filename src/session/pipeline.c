/* One query through every stage, into a trace. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "explain/contribution.h"
#include "math/stats.h"
#include "retrieval/metrics.h"
#include "retrieval/similarity.h"
#include "session/internal.h"
#include "text/utf8.h"

enum { TOP_DIMENSIONS = 10, DEFAULT_FEEDBACK = 100, DEFAULT_TOKENS = 10, MAX_TOKENS = 1000 };

typedef struct asked {
    imr_cancel_fn cancel;
    void *user;
    const imr_progress *progress;
} asked;

static bool go_on(void *user, const imr_progress_info *info)
{
    const asked *a = user;
    if (a->cancel && a->cancel(a->user))
        return false;
    return !info || imr_progress_step(a->progress, info->what, info->done, info->total);
}

static imr_status check_cancel(asked *a, imr_error *err)
{
    return go_on(a, NULL) ? IMR_OK : imr_fail(err, IMR_E_CANCELLED, "cancelled");
}

static const char *keep(imr_arena *arena, const char *text)
{
    IMR_AUTOBUF imr_buf clean = {0};
    imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_LINE);
    return clean.failed ? NULL : imr_arena_strndup(arena, imr_buf_text(&clean), clean.len);
}

/* ---- the query's vector ---- */

static imr_status from_cache(imr_session *s, imr_trace *t, uint32_t row, imr_error *err)
{
    const imr_view vectors = imr_cache_query_vectors(s->cache);
    memcpy(s->query_base, imr_view_row(&vectors, row), vectors.cols * sizeof *s->query_base);
    t->query_id = keep(t->arena, imr_cache_query_id(s->cache, row));
    t->query_text = keep(t->arena, imr_cache_query_text(s->cache, row));
    t->query_cached = true;
    t->known_tokens = UINT32_MAX;
    return t->query_id && t->query_text ? IMR_OK : imr_fail_memory(err);
}

static imr_status encode(imr_session *s, imr_trace *t, const char *text, imr_error *err)
{
    IMR_AUTOBUF imr_buf whole = {0};
    imr_buf_str(&whole, s->prefix);
    imr_buf_str(&whole, text);
    IMR_TRY(imr_buf_check(&whole, err));
    const char *start = imr_buf_text(&whole);
    imr_token_count count;
    IMR_TRY(
        imr_encoder_encode(s->encoder, &start, &whole.len, 1, s->query_base, &count, NULL, err));
    if (count.known == 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "no word of the query is known to the encoder (%s), so its vector says "
                        "nothing and would rank at "
                        "random; try other words",
                        s->facts.encoder_name);
    t->known_tokens = (uint32_t)count.known;
    t->query_id = "";
    t->query_text = keep(t->arena, text);
    return t->query_text ? IMR_OK : imr_fail_memory(err);
}

static imr_status find_vector(imr_session *s, const imr_request *request, imr_trace *t,
                              imr_error *err)
{
    uint32_t row;
    if (request->query_id) {
        if (!imr_cache_find_query(s->cache, request->query_id, &row))
            return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s has no query '%s'",
                            imr_cache_path(s->cache), request->query_id);
        return from_cache(s, t, row, err);
    }
    if (!request->text || !request->text[strspn(request->text, " \t\r\n")])
        return imr_fail(err, IMR_E_USAGE, "the query is empty");
    if (strlen(request->text) > IMR_MAX_QUERY_BYTES)
        return imr_fail(err, IMR_E_LIMIT, "the query has %zu bytes, the most is %zu",
                        strlen(request->text), IMR_MAX_QUERY_BYTES);
    if (imr_cache_find_query_text(s->cache, request->text, &row))
        return from_cache(s, t, row, err);
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND,
                        "only cached queries can be asked, the encoder is missing: %s",
                        s->facts.encoder_problem);
    return encode(s, t, request->text, err);
}

/* ---- documents ---- */

static imr_status fill_documents(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    t->documents = IMR_ARENA_ARRAY(t->arena, imr_trace_document, l->n);
    if (!t->documents)
        return imr_fail_memory(err);
    t->n_documents = l->n;
    t->n_scored = l->scored;
    IMR_TRY(imr_document_cache_trim(&s->documents, err));
    for (size_t i = 0; i < l->n; i++) {
        const imr_document_entry *entry;
        imr_trace_document *d = &t->documents[i];
        IMR_TRY(imr_document_cache_get(&s->documents, l->document[i], &entry, err));
        d->id = keep(t->arena, imr_cache_document_id(s->cache, l->document[i]));
        d->title = imr_arena_strdup(t->arena, entry->title);
        if (!d->id || !d->title)
            return imr_fail_memory(err);
        d->row = l->document[i];
        d->rank_encoder = l->rank_encoder[i];
        d->rank_before = l->rank_before[i];
        d->rank_after = l->rank_after[i];
        d->move = (int32_t)((int64_t)d->rank_before - (int64_t)d->rank_after);
        d->sim_encoder = l->sim_encoder[i];
        d->sim_before = l->sim_before[i];
        d->sim_after = l->sim_after[i];
        d->move_encoder = (int32_t)((int64_t)d->rank_encoder - (int64_t)d->rank_after);
        d->delta_sim = d->sim_after - d->sim_before;
        d->sentence = "";
        d->feedback = l->feedback[i];
        d->relevance = -1;
        t->moved += d->move != 0;
        t->moved_encoder += d->move_encoder != 0;
    }
    return IMR_OK;
}

static int by_rank(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Kendall's tau of the order by rank_before (or rank_encoder) against the order after. */
static imr_status tau_against(double *tau, const imr_trace *t, imr_stage stage, imr_error *err)
{
    const size_t n = t->n_documents;
    IMR_AUTOFREE uint64_t *keys = IMR_NEW_ARRAY(uint64_t, n);
    IMR_AUTOFREE uint32_t *orders = IMR_NEW_ARRAY(uint32_t, 2 * n);
    imr_rank_similarity compared;
    if (!keys || !orders)
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const imr_trace_document *d = &t->documents[i];
        keys[i] =
            (uint64_t)(stage == IMR_STAGE_ENCODER ? d->rank_encoder : d->rank_before) << 32 | i;
    }
    qsort(keys, n, sizeof *keys, by_rank);
    for (size_t i = 0; i < n; i++) {
        orders[i] = (uint32_t)keys[i];
        orders[n + i] = (uint32_t)i;
    }
    IMR_TRY(imr_rank_compare(&compared, orders, n, orders + n, n, 10, 0.9, err));
    *tau = compared.tau;
    return IMR_OK;
}

static float similarity(const imr_trace_document *d, imr_stage stage)
{
    return stage == IMR_STAGE_ENCODER  ? d->sim_encoder
           : stage == IMR_STAGE_BEFORE ? d->sim_before
                                       : d->sim_after;
}

/* Standings and lifts: explain/why.h. */
static void lift_all(imr_trace *t)
{
    const size_t n = t->n_documents;
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)similarity(&t->documents[i], k) / (double)n;
        for (size_t i = 0; i < n; i++) {
            const double off = (double)similarity(&t->documents[i], k) - mean;
            square += off * off / (double)n;
        }
        t->reference[k] = (imr_reference){mean, n > 1 ? sqrt(square) : 0};
        for (size_t i = 0; i < n; i++)
            t->documents[i].standing[k] =
                t->reference[k].sd > 0
                    ? ((double)similarity(&t->documents[i], k) - mean) / t->reference[k].sd
                    : NAN;
    }
    for (size_t i = 0; i < n; i++) {
        const double *l = t->documents[i].standing;
        t->documents[i].lift = (imr_lift){l[IMR_STAGE_AFTER] - l[IMR_STAGE_ENCODER],
                                          l[IMR_STAGE_BEFORE] - l[IMR_STAGE_ENCODER],
                                          l[IMR_STAGE_AFTER] - l[IMR_STAGE_BEFORE]};
    }
}

static imr_status summarise(imr_trace *t, imr_error *err)
{
    const size_t n = t->n_documents;
    IMR_AUTOFREE double *values = IMR_NEW_ARRAY(double, n);
    if (!values)
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        values[i] = (double)t->documents[i].delta_sim;
    const double median = imr_stats_median(values, n);
    t->median_delta_sim = (float)median;
    for (size_t i = 0; i < n; i++)
        t->documents[i].delta_sim_relative = (float)((double)t->documents[i].delta_sim - median);
    t->sentence = "";
    lift_all(t);
    IMR_TRY(tau_against(&t->tau_encoder, t, IMR_STAGE_ENCODER, err));
    return tau_against(&t->kendall_tau, t, IMR_STAGE_BEFORE, err);
}

/* ---- judgements ---- */

static const imr_qrels *judgements(const imr_session *s, const char *query_id, uint32_t *query)
{
    for (size_t i = 0; query_id[0] && i < imr_cache_splits(s->cache); i++) {
        const imr_qrels *q = imr_cache_split_qrels(s->cache, i);
        if (q && imr_qrels_find(q, query_id, query))
            return q;
    }
    return NULL;
}

/* grades of a whole-corpus order, the first n. */
static double metric_of(const imr_session *s, const imr_qrels *q, uint32_t query, imr_metric m,
                        const uint32_t *order, size_t n, imr_error *err, imr_status *status)
{
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, n);
    double value = 0;
    if (!ids)
        *status = imr_fail_memory(err);
    for (size_t i = 0; ids && i < n; i++)
        ids[i] = imr_cache_document_id(s->cache, order[i]);
    if (ids && *status == IMR_OK)
        *status = imr_metric_of_ranking(&value, m, q, query, (const char *const *)ids, n, err);
    return value;
}

static imr_status judge(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    static const struct {
        imr_metric metric;
        const char *name;
    } shown[] = {{{IMR_METRIC_NDCG, 10}, "nDCG@10"},
                 {{IMR_METRIC_RR, 10}, "RR@10"},
                 {{IMR_METRIC_RECALL, 10}, "Recall@10"},
                 {{IMR_METRIC_RECALL, 100}, "Recall@100"}};
    uint32_t query;
    const imr_qrels *q = judgements(s, t->query_id, &query);
    if (!q)
        return IMR_OK;
    for (size_t i = 0; i < t->n_documents; i++) {
        bool judged = false;
        const int32_t grade = imr_qrels_grade(
            q, query, imr_cache_document_id(s->cache, t->documents[i].row), &judged);
        if (judged)
            t->documents[i].relevance = grade;
    }
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, 2 * l->n);
    if (!order)
        return imr_fail_memory(err);
    imr_ranker_top_encoder(&s->ranker, order, l->n);
    imr_ranker_top_before(&s->ranker, order + l->n, l->n);
    imr_status status = IMR_OK;
    for (size_t i = 0; i < IMR_LEN(shown) && status == IMR_OK; i++) {
        if (shown[i].metric.k > l->n)
            continue; /* a cut-off beyond the list would be another number */
        imr_trace_metric *m = &t->metrics[t->n_metrics++];
        m->name = shown[i].name;
        m->encoder = metric_of(s, q, query, shown[i].metric, order, l->n, err, &status);
        m->before = metric_of(s, q, query, shown[i].metric, order + l->n, l->n, err, &status);
        m->after = metric_of(s, q, query, shown[i].metric, l->document, l->n, err, &status);
    }
    return status;
}

/* ---- shares ---- */

static imr_status share(imr_session *s, imr_trace *t, size_t i, double *scratch, imr_error *err)
{
    const size_t m = t->working_dim;
    imr_trace_document *d = &t->documents[i];
    const imr_pair pair = {t->q, t->d + i * m, t->q_after, t->d_after + i * m, m};
    const imr_adapter_result *run = &s->ranker.run;
    const imr_share_check sides =
        imr_contribution_sides(&d->share_query, &d->share_document, &pair);
    d->share_residual = sides.residual;
    if (run->scale_q) {
        imr_step_share stages[IMR_STEP_COUNT];
        const imr_gates gates = {run->scale_q, run->bias_q, run->scale_d, run->bias_d};
        d->stages_residual = imr_contribution_steps(stages, &pair, &gates).residual;
        for (int k = 0; k < IMR_STEPS; k++)
            d->stages[k] =
                (imr_trace_step){imr_step_name((imr_step)k), stages[k].cosine, stages[k].change};
    }
    double *before = scratch + m, *after = scratch + 2 * m;
    uint32_t top[TOP_DIMENSIONS];
    imr_contribution_dimensions(scratch, before, after, &pair);
    d->n_dimensions = imr_contribution_top(top, TOP_DIMENSIONS, scratch, m);
    d->dimensions = IMR_ARENA_ARRAY(t->arena, imr_trace_dimension, d->n_dimensions);
    if (!d->dimensions)
        return imr_fail_memory(err);
    for (size_t k = 0; k < d->n_dimensions; k++)
        d->dimensions[k] = (imr_trace_dimension){top[k], (float)before[top[k]],
                                                 (float)after[top[k]], (float)scratch[top[k]]};
    return IMR_OK;
}

static imr_status share_all(imr_session *s, imr_trace *t, imr_error *err)
{
    IMR_AUTOFREE double *scratch = IMR_NEW_ARRAY(double, 3 * t->working_dim);
    if (!scratch)
        return imr_fail_memory(err);
    for (size_t i = 0; i < t->n_documents; i++)
        IMR_TRY(share(s, t, i, scratch, err));
    return IMR_OK;
}

static float *copy(imr_arena *arena, const float *v, size_t n)
{
    float *out = IMR_ARENA_ARRAY(arena, float, n);
    if (out)
        memcpy(out, v, n * sizeof *out);
    return out;
}

static imr_status keep_vectors(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    const imr_adapter_result *run = &s->ranker.run;
    const size_t m = s->adapter->w.m;
    t->working_dim = m;
    t->q = copy(t->arena, s->ranker.query, m);
    t->q_after = copy(t->arena, run->q_mod, m);
    t->d = l->d;
    t->d_after = l->d_mod;
    if (run->scale_q) {
        t->scale = copy(t->arena, run->scale_q, m);
        t->bias = copy(t->arena, run->bias_q, m);
    }
    return t->q && t->q_after && (!run->scale_q || (t->scale && t->bias)) ? IMR_OK
                                                                          : imr_fail_memory(err);
}

/* Strings of the inputs are the session's; a trace may outlive it. */
static imr_status keep_inputs(imr_session *s, imr_trace *t, imr_error *err)
{
    imr_trace_inputs *in = &t->inputs;
    *in = s->facts.inputs;
    const char **strings[] = {&in->adapter_path, &in->adapter_form, &in->cache_path,
                              &in->encoder_path, &in->encoder_name, &in->encoder_kind,
                              &in->dataset_path, &in->split,        &in->table_name};
    for (size_t i = 0; i < IMR_LEN(strings); i++)
        if (!(*strings[i] = imr_arena_strdup(t->arena, *strings[i])))
            return imr_fail_memory(err);
    return IMR_OK;
}

/* A lens that reads texts no better than chance would name changes at random. */
static imr_status warn(imr_session *s, imr_trace *t, imr_error *err)
{
    const float quality = t->inputs.lens_quality;
    IMR_AUTOBUF imr_buf text = {0};
    if (s->words.ready && !isnan(quality) && quality < 0.75f)
        imr_buf_printf(&text,
                       "the token table reads this corpus poorly: lens quality %.3f (0.5 is "
                       "chance), do not trust the words",
                       (double)quality);
    t->warning = imr_arena_strdup(t->arena, imr_buf_text(&text));
    return t->warning ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_session_check_settings(imr_trace_settings *settings, const imr_session *s,
                                      imr_error *err)
{
    const size_t documents = imr_cache_documents(s->cache);
    settings->candidates = imr_ranker_candidates(s->adapter, settings->candidates);
    if (settings->feedback_k ==
        0) /* the default bends to small corpora; a number somebody gave does not */
        settings->feedback_k =
            documents < DEFAULT_FEEDBACK ? (uint32_t)documents : DEFAULT_FEEDBACK;
    if (settings->tokens == 0)
        settings->tokens = DEFAULT_TOKENS;
    if (settings->tokens > MAX_TOKENS)
        return imr_fail(err, IMR_E_USAGE, "%u tokens a list asked for, the most is %d",
                        settings->tokens, MAX_TOKENS);
    return IMR_OK;
}

static imr_status run(imr_session *s, const imr_request *request, asked *a, imr_trace *t,
                      imr_error *err)
{
    const imr_progress progress = {go_on, a};
    imr_listing l;
    double at = imr_clock_seconds(), now;
    IMR_TRY(find_vector(s, request, t, err));
    now = imr_clock_seconds();
    t->timing.encode = 1e3 * (now - at);
    IMR_TRY(check_cancel(a, err));
    at = now;
    IMR_TRY(imr_ranker_run(&s->ranker, s->query_base, &t->settings, t->arena, &progress, &l, err));
    now = imr_clock_seconds();
    t->timing.adapt = 1e3 * s->ranker.adapt_seconds;
    t->timing.search = 1e3 * (now - at) - t->timing.adapt;
    IMR_TRY(check_cancel(a, err));
    at = now;
    IMR_TRY(keep_inputs(s, t, err));
    IMR_TRY(warn(s, t, err));
    IMR_TRY(keep_vectors(s, t, &l, err));
    IMR_TRY(fill_documents(s, t, &l, err));
    IMR_TRY(summarise(t, err));
    IMR_TRY(judge(s, t, &l, err));
    IMR_TRY(share_all(s, t, err));
    IMR_TRY(check_cancel(a, err));
    IMR_TRY(imr_words_explain(s, t, &progress, err));
    t->timing.explain = 1e3 * (imr_clock_seconds() - at);
    return IMR_OK;
}

imr_status imr_session_run(imr_session *s, const imr_request *request, imr_cancel_fn cancel,
                           void *user, imr_trace **out, imr_error *err)
{
    asked a = {cancel, user, request->progress};
    imr_arena *arena = imr_arena_new();
    imr_trace *t = arena ? IMR_ARENA_ARRAY(arena, imr_trace, 1) : NULL;
    if (!t) {
        imr_arena_free(arena);
        return imr_fail_memory(err);
    }
    t->arena = arena;
    t->settings = request->settings;
    t->serial = request->serial;
    t->query_prefix = imr_arena_strdup(arena, s->prefix);
    imr_status status = t->query_prefix ? IMR_OK : imr_fail_memory(err);
    if (status == IMR_OK)
        status = imr_session_check_settings(&t->settings, s, err);
    if (status == IMR_OK)
        status = run(s, request, &a, t, err);
    if (status != IMR_OK) {
        imr_trace_free(t);
        return status;
    }
    *out = t;
    return IMR_OK;
}
