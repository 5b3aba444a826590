/* One query through every stage, into a trace. */
#include <math.h>

#include "base/clock.h"
#include "base/guard.h"
#include "explain/sentence.h"
#include "math/nn.h"
#include "retrieval/metrics.h"
#include "retrieval/search.h"
#include "retrieval/similarity.h"
#include "session/internal.h"
#include "text/utf8.h"

enum { DEFAULT_FEEDBACK = 100, DEFAULT_TOKENS = 10, MAX_TOKENS = 1000, TOP = 10 };

const char *imr_trace_keep(imr_arena *arena, const char *text)
{
    return imr_line_keep(text, strlen(text), arena);
}

/* ---- documents ---- */

static imr_status name_document(imr_session *s, imr_trace *t, imr_trace_document *d, uint32_t row,
                                imr_error *err)
{
    const bool own = t->pair && row == UINT32_MAX;
    struct imr_title title = {.text = own ? t->pair->text : ""};
    const imr_cache *c = imr_cache_of(s, t);
    const char *id = own ? "text" : imr_ids_at(&c->documents.ids, row);
    if (!own)
        IMR_TRY(imr_titles_get(&title, &s->titles, c, row, err));
    *d = (imr_trace_document){
        .row = row,
        .id = imr_trace_keep(t->arena, id),
        .title = imr_trace_keep(t->arena, title.text),
        .empty = title.empty && s->facts.has_texts,
        .sentence = "",
        .influence = NAN,
        .seen = own || !s->seen.known ? -1 : s->seen.train && imr_qrels_has(s->seen.train, id),
        .relevance = -1};
    return d->id && d->title ? IMR_OK : imr_fail_memory(err);
}

static imr_status fill_documents(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    const size_t most = l->n + TOP + IMR_MOST_PINNED + TOP;
    IMR_NEED(t->documents = IMR_ARENA_ARRAY(t->arena, imr_trace_document, most), err);
    t->left = t->documents + l->n;
    t->n_documents = l->n;
    t->n_scored = l->scored;
    if (s->titles.bytes >= IMR_TITLES_BYTES)
        imr_titles_done(&s->titles);
    for (size_t i = 0; i < l->n; i++) {
        imr_trace_document *d = &t->documents[i];
        IMR_TRY(name_document(s, t, d, l->document[i], err));
        for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++) {
            d->rank[k] = l->rank[k][i];
            d->sim[k] = l->sim[k][i];
        }
        if (s->adapter) {
            d->move = (int32_t)((int64_t)d->rank_before - (int64_t)d->rank_after);
            d->move_encoder = (int32_t)((int64_t)d->rank_encoder - (int64_t)d->rank_after);
        }
        d->delta_sim = d->sim_after - d->sim_before;
        d->feedback = l->feedback[i];
        d->influence = l->influence[i];
        d->influence_moves = l->influence_moves[i];
        t->moved += d->move != 0;
        t->moved_encoder += d->move_encoder != 0;
    }
    return IMR_OK;
}

static bool is_in(const imr_trace *t, uint32_t row)
{
    for (size_t i = 0; i < t->n_documents + t->n_left; i++)
        if (imr_trace_at(t, i)->row == row)
            return true;
    return false;
}

/* What the encoder had among its first ten and the adapter's candidates lack, what is pinned, and
 * what has rank 1 to 10 in the trace beside. */
static imr_status find_left(imr_session *s, const imr_request *request, imr_trace *t,
                            imr_error *err)
{
    const imr_cache *c = imr_cache_of(s, t);
    const imr_ids *ids = &c->documents.ids;
    const size_t ranked = imr_cache_ranked(c);
    uint32_t rows[TOP + IMR_MOST_PINNED + TOP], rank[TOP + IMR_MOST_PINNED + TOP];
    size_t n = s->adapter ? ranked < TOP ? ranked : TOP : 0, first = t->n_documents;
    if (t->pair)
        return IMR_OK;
    imr_ranker_top(&s->ranker, IMR_STAGE_ENCODER, rows, n);
    for (size_t i = 0; i < request->n_pinned && i < IMR_MOST_PINNED; i++)
        n += imr_ids_find(ids, request->pinned[i], &rows[n]);
    for (size_t i = 0; t->beside && i < TOP && i < t->beside->n_documents; i++)
        n += imr_ids_find(ids, t->beside->documents[i].id, &rows[n]);
    for (size_t i = 0; i < n; i++) {
        imr_trace_document *d = &t->left[t->n_left];
        if (is_in(t, rows[i]))
            continue;
        IMR_TRY(name_document(s, t, d, rows[i], err));
        d->sim_before = d->sim_after = d->delta_sim = d->delta_sim_relative = NAN;
        rows[t->n_left++] = rows[i];
    }
    for (imr_stage k = 0; k < (s->adapter ? IMR_STAGE_AFTER : IMR_STAGE_BEFORE); k++) {
        IMR_TRY(
            imr_search_ranks(rank, rows, t->n_left, s->ranker.sim[k], ranked, ids->places, err));
        for (size_t i = 0; i < t->n_left; i++) {
            t->documents[first + i].rank[k] = rows[i] < ranked ? rank[i] : 0;
            t->documents[first + i].sim[k] = s->ranker.sim[k][rows[i]];
        }
    }
    return IMR_OK;
}

/* Where documents stand in the trace beside: those listed there; all, where the other adapter has
 * just scored all. */
static imr_status find_beside(const imr_session *s, imr_trace *t, imr_error *err)
{
    const imr_trace *b = t->beside;
    const imr_ids *ids = &imr_cache_of(s, t)->documents.ids;
    const size_t all = t->n_documents + t->n_left;
    IMR_AUTOFREE uint32_t *rank = IMR_NEW_ARRAY(uint32_t, ids->n + 2 * all);
    uint32_t *rows = rank + ids->n, *found = rows + all;
    IMR_NEED(rank, err);
    for (size_t i = 0; i < b->n_documents; i++) {
        uint32_t row = b->documents[i].row; /* where both are of the whole */
        if (!t->window || imr_ids_find(ids, b->documents[i].id, &row))
            rank[row] = b->documents[i].rank[imr_trace_now(b)];
    }
    for (size_t i = 0; i < all; i++)
        found[i] = rank[rows[i] = t->documents[i].row];
    if (b->number >> 32 != s->number && b->settings.scope != IMR_SCOPE_RERANK)
        IMR_TRY(imr_search_ranks(found, rows, all, s->other->ranker.sim[IMR_STAGE_AFTER], ids->n,
                                 ids->places, err));
    for (size_t i = 0; i < all; i++)
        t->documents[i].rank_beside = found[i];
    return IMR_OK;
}

static int by_rank(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Kendall's tau of the listed documents' orders at two stages. */
static imr_status tau_between(double *tau, const imr_trace *t, imr_stage a, imr_stage b,
                              imr_error *err)
{
    const size_t n = t->n_documents;
    IMR_AUTOFREE uint64_t *keys = IMR_NEW_ARRAY(uint64_t, n);
    IMR_AUTOFREE uint32_t *orders = IMR_NEW_ARRAY(uint32_t, 2 * n);
    imr_rank_similarity compared;
    IMR_NEED(keys && orders, err);
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++)
            keys[i] = (uint64_t)t->documents[i].rank[side ? b : a] << 32 | i;
        qsort(keys, n, sizeof *keys, by_rank);
        for (size_t i = 0; i < n; i++)
            orders[side * n + i] = (uint32_t)keys[i];
    }
    IMR_TRY(imr_rank_compare(&compared, orders, n, orders + n, n, 10, 0.9, err));
    *tau = compared.tau;
    return IMR_OK;
}

/* Standings and lifts: explain/why.h. */
static void lift_all(imr_trace *t, const imr_listing *l)
{
    for (imr_stage k = 0; k < IMR_STAGE_COUNT; k++)
        t->reference[k] = imr_reference_of(l->sim[k], l->n);
    for (size_t i = 0; i < l->n + t->n_left; i++) {
        imr_trace_document *d = &t->documents[i];
        const imr_lift lift = imr_stand(d->standing, d->sim, t->reference);
        d->lift = i < l->n ? lift : (imr_lift){NAN, NAN, NAN};
    }
}

static imr_status summarise(const imr_session *s, imr_trace *t, imr_error *err)
{
    const size_t n = t->n_documents;
    if (!s->adapter) {
        for (size_t i = 0; i < n; i++)
            t->documents[i].delta_sim_relative = NAN;
        t->median_delta_sim = NAN;
        t->kendall_tau = t->tau_encoder = (double)NAN;
        return IMR_OK;
    }
    IMR_AUTOFREE double *values = IMR_NEW_ARRAY(double, n);
    IMR_NEED(values, err);
    for (size_t i = 0; i < n; i++)
        values[i] = (double)t->documents[i].delta_sim;
    const double median = imr_stats_median(values, n);
    t->median_delta_sim = (float)median;
    for (size_t i = 0; i < n; i++)
        t->documents[i].delta_sim_relative = (float)((double)t->documents[i].delta_sim - median);
    IMR_TRY(tau_between(&t->tau_encoder, t, IMR_STAGE_ENCODER, IMR_STAGE_AFTER, err));
    return tau_between(&t->kendall_tau, t, IMR_STAGE_BEFORE, IMR_STAGE_AFTER, err);
}

/* ---- judgements ---- */

/* By cut-off. */
static const struct {
    imr_metric metric;
    const char *name;
} shown[] = {{{IMR_METRIC_NDCG, 10}, "nDCG@10"},
             {{IMR_METRIC_RR, 10}, "RR@10"},
             {{IMR_METRIC_RECALL, 10}, "Recall@10"},
             {{IMR_METRIC_RECALL, 100}, "Recall@100"}};

static const imr_qrels *judgements(const imr_session *s, const char *query_id, uint32_t *query)
{
    for (size_t i = 0; query_id[0] && i < s->cache->n_splits; i++) {
        const imr_qrels *q = s->cache->splits[i].qrels;
        if (q && imr_qrels_find(q, query_id, query))
            return q;
    }
    return NULL;
}

/* The first n of an order over the whole corpus. */
static imr_status measure(imr_session *s, imr_trace *t, imr_stage stage, const imr_qrels *q,
                          uint32_t query, const uint32_t *order, size_t n, imr_error *err)
{
    IMR_AUTOFREE const char **ids = IMR_NEW_ARRAY(const char *, n);
    IMR_NEED(ids, err);
    for (size_t i = 0; i < n; i++)
        ids[i] = imr_ids_at(&imr_cache_of(s, t)->documents.ids, order[i]);
    n = imr_drop_own(ids, n, q->queries.v[query].id);
    for (size_t i = 0; i < t->n_metrics; i++)
        IMR_TRY(imr_metrics_of_ranking(&t->metrics[i].value[stage], &shown[i].metric, 1, q, query,
                                       (const char *const *)ids, n, err));
    return IMR_OK;
}

static imr_status judge(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    uint32_t query;
    const imr_qrels *q = judgements(s, t->query_id, &query);
    if (!q)
        return IMR_OK;
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        imr_trace_document *d = &t->documents[i];
        bool judged = false;
        if (d->row == UINT32_MAX)
            continue;
        const int32_t grade = imr_qrels_grade(
            q, query, imr_ids_at(&imr_cache_of(s, t)->documents.ids, d->row), &judged);
        if (judged)
            d->relevance = grade;
    }
    if (t->pair) /* is no ranking */
        return IMR_OK;
    /* A cut-off beyond the list would be another number. */
    for (size_t i = 0; i < IMR_LEN(shown) && shown[i].metric.k <= l->n; i++)
        t->metrics[t->n_metrics++] =
            (imr_trace_metric){.name = shown[i].name, .value = {NAN, NAN, NAN}};
    IMR_AUTOFREE uint32_t *order = IMR_NEW_ARRAY(uint32_t, l->n);
    IMR_NEED(order, err);
    for (imr_stage k = 0; k < (s->adapter ? IMR_STAGE_COUNT : IMR_STAGE_BEFORE); k++) {
        if (k < IMR_STAGE_AFTER)
            imr_ranker_top(&s->ranker, k, order, l->n);
        IMR_TRY(measure(s, t, k, q, query, k < IMR_STAGE_AFTER ? order : l->document, l->n, err));
    }
    return IMR_OK;
}

/* ---- sentences ---- */

/* Without words: those are the why's, for the document that is looked at. */
static imr_status say_all(const imr_session *s, imr_trace *t, imr_error *err)
{
    IMR_AUTOBUF imr_buf text = {0};
    for (size_t i = 0; i < t->n_documents + t->n_left; i++) {
        imr_trace_document *d = &t->documents[i];
        imr_why why = {.lift = d->lift, .pairs.problem = "not looked at"};
        const imr_sentence_facts facts = {
            .adapter = s->adapter != NULL,
            .rank = {d->rank_encoder, d->rank_before, d->rank_after},
            .passed = i < t->n_documents && imr_session_passed(t, i),
            .alone = t->pair ? d->sim : NULL,
            .why = &why,
        };
        memcpy(why.standing, d->standing, sizeof why.standing);
        imr_sentence_document(&text, &facts);
        IMR_TRY(imr_buf_keep(&d->sentence, &text, t->arena, err));
    }
    t->sentence = "";
    if (t->pair)
        return IMR_OK;
    imr_sentence_ranking ranking = {.adapter = s->adapter != NULL,
                                    .documents = t->n_documents,
                                    .moved = t->moved_encoder,
                                    .tau_modulation = t->kendall_tau};
    if (s->adapter)
        IMR_TRY(tau_between(&ranking.tau_projector, t, IMR_STAGE_ENCODER, IMR_STAGE_BEFORE, err));
    if (t->n_metrics) {
        ranking.metric = t->metrics[0].name;
        ranking.metric_encoder = t->metrics[0].encoder;
        ranking.metric_after = t->metrics[0].after;
    }
    float most = 0;
    for (size_t i = 0; i < t->n_documents; i++)
        if (t->documents[i].influence > most) { /* NaN: none */
            most = t->documents[i].influence;
            ranking.influential = t->documents[i].id;
            ranking.moves = t->documents[i].influence_moves;
        }
    imr_sentence_query(&text, &ranking);
    return imr_buf_keep(&t->sentence, &text, t->arena, err);
}

/* ---- what a why is made of ---- */

static float *copy(imr_arena *arena, const float *v, size_t n)
{
    float *out = IMR_ARENA_ARRAY(arena, float, n);
    if (out)
        memcpy(out, v, n * sizeof *out);
    return out;
}

/* The listed documents' base vectors, the mean of these as unit vectors, and |P x + c| of each where c is not 0. */
static imr_status keep_bases(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    imr_why_run *r = &t->run;
    const imr_rows rows = imr_cache_of(s, t)->documents.rows;
    const imr_weights *w = s->adapter ? &s->adapter->w : NULL;
    const bool has_bias = w && imr_weight_count(w, IMR_W_PROJECTOR_BIAS) > 0;
    IMR_CLEANUP(imr_matrix_done) imr_matrix projected = {0};
    r->base_mean = IMR_ARENA_ARRAY(t->arena, double, r->n);
    r->norms = has_bias ? IMR_ARENA_ARRAY(t->arena, float, l->n) : NULL;
    r->base = IMR_ARENA_ARRAY(t->arena, float, l->n * r->n);
    IMR_NEED(r->base && r->base_mean && (!has_bias || r->norms), err);
    for (size_t i = 0; i < l->n; i++) {
        float *x = r->base + i * r->n;
        if (t->pair)
            memcpy(x, t->pair->base, r->n * sizeof *x);
        else
            imr_rows_get(x, rows, l->document[i]);
        const double norm = fmax(imr_nn_norm(x, r->n), IMR_NN_UNIT_FLOOR);
        for (size_t j = 0; j < r->n; j++)
            r->base_mean[j] += (double)x[j] / norm / (double)l->n;
    }
    if (!has_bias)
        return IMR_OK;
    IMR_TRY(imr_matrix_init(&projected, l->n, r->m, err));
    imr_nn_linear(projected.v, imr_view_of(r->base, l->n, r->n),
                  imr_weight_view(w, IMR_W_PROJECTOR), imr_weight(w, IMR_W_PROJECTOR_BIAS));
    for (size_t i = 0; i < l->n; i++)
        r->norms[i] = (float)imr_nn_norm(imr_matrix_row(&projected, i), r->m);
    return IMR_OK;
}

static imr_status keep_vectors(imr_session *s, imr_trace *t, const imr_listing *l, imr_error *err)
{
    const imr_adapter_result *run = &s->ranker.run;
    const size_t n = s->cache->dim, m = s->adapter ? s->adapter->w.m : 0;
    imr_why_run *r = &t->run;
    t->working_dim = m;
    const imr_whatif_parts *w = &s->ranker.what_if;
    *r = (imr_why_run){
        .n = n,
        .m = m,
        .k = l->n,
        .d = l->d,
        .d_after = l->d_mod,
        .query_blend = w->query,
        .document_blend = w->document,
        .other_adapter = w->query || w->document || w->form != IMR_FORM_AUTO,
    };
    const bool scales = s->adapter && imr_form_scales(s->adapter->w.form);
    const struct {
        float **to;
        const float *from;
        size_t count;
    } kept[] = {
        {&r->query_base, s->query_base, n},
        {&r->q, s->ranker.query, m},
        {&r->q_after, run->q_mod, m},
        {&r->document_bias, run->bias_q, m},
        {&r->query_bias, run->bias_d, m},
        {&r->document_scale, run->scale_q, scales ? m : m * m},
        {&r->query_scale, run->scale_d, scales ? m : m * m},
    };
    for (size_t i = 0; i < (m ? IMR_LEN(kept) : 1); i++)
        IMR_NEED(*kept[i].to = copy(t->arena, kept[i].from, kept[i].count), err);
    return keep_bases(s, t, l, err);
}

/* Strings of the inputs are the session's; a trace may outlive it. */
static imr_status keep_inputs(imr_session *s, imr_trace *t, imr_error *err)
{
    imr_trace_inputs *in = &t->inputs;
    *in = s->facts.inputs;
    const char **const strings[] = {
        &in->adapter_path, &in->adapter_form, &in->cache_path,   &in->encoder_path,
        &in->encoder_name, &in->encoder_kind, &in->dataset_path, &in->split,
        &in->table_name,   &in->store.kind,   &in->store.name,   &in->store.fields,
        &in->store.type,   &in->store.index,  &in->store.metric, &in->store.filter};
    if (s->ranker.what_if.form != IMR_FORM_AUTO) {
        in->adapter_form = imr_form_name(s->ranker.what_if.form);
        in->adapter_form_from = "what-if";
    }
    return imr_texts_keep(strings, IMR_LEN(strings), t->arena) ? IMR_OK : imr_fail_memory(err);
}

static imr_status warn(imr_trace *t, const char *code, const char *of, const char *text,
                       imr_error *err)
{
    IMR_AUTOBUF imr_buf both = {0};
    imr_buf_printf(&both, "%s%s", of, text);
    t->warnings[t->n_warnings].code = code;
    return imr_buf_keep(&t->warnings[t->n_warnings++].text, &both, t->arena, err);
}

/* A lens that reads texts no better than chance would name changes at random. */
static imr_status find_warnings(imr_session *s, imr_trace *t, imr_error *err)
{
    const imr_lens_quality *lens = &t->inputs.lens;
    IMR_AUTOBUF imr_buf text = {0};
    const imr_doubts none = {0}, *doubts = &s->doubts,
                     *others = s->other ? &s->other->doubts : &none;
    IMR_NEED(t->warnings = IMR_ARENA_ARRAY(t->arena, imr_trace_warning, doubts->n + others->n + 3),
             err);
    imr_trace_warning *w = t->warnings;
    if (t->settings.what_if.terms[0]) { /* first: nothing may hide it */
        imr_buf_str(&text, "what if: ");
        imr_whatif_tell(&text, &t->settings.what_if);
        w[t->n_warnings].code = "what-if";
        IMR_TRY(imr_buf_keep(&w[t->n_warnings++].text, &text, t->arena, err));
    }
    for (size_t i = 0; i < doubts->n; i++)
        IMR_TRY(warn(t, doubts->v[i].code, "", doubts->v[i].text, err));
    for (size_t i = 0; i < others->n; i++)
        IMR_TRY(warn(t, others->v[i].code,
                     s->second ? "adapter A: " : "adapter B: ", others->v[i].text, err));
    if (s->words.told && imr_lens_is_poor(lens)) {
        imr_buf_printf(&text,
                       "the token table %s reads this corpus poorly: %.2f of the ten words nearest "
                       "to a text occur in it, of ten at random %.2f; do not trust the words",
                       t->inputs.table_name, lens->precision, lens->chance);
        w[t->n_warnings].code = "lens-low";
        IMR_TRY(imr_buf_keep(&w[t->n_warnings++].text, &text, t->arena, err));
    }
    uint32_t query;
    const imr_qrels *q = judgements(s, t->query_id, &query);
    const bool saw = q && s->seen.train && imr_qrels_saw(s->seen.train, q, query);
    t->seen = !q || !s->adapter ? "" : !s->seen.known ? "unknown" : saw ? "seen" : "unseen";
    if (saw)
        IMR_TRY(warn(t, "leakage", "",
                     "training saw relevant documents of this query: what the adapter does "
                     "for it says nothing about documents it never saw",
                     err));
    t->warning = t->n_warnings ? t->warnings[0].text : "";
    return IMR_OK;
}

imr_status imr_session_check_settings(imr_trace_settings *settings, const imr_session *s,
                                      imr_error *err)
{
    const size_t documents = s->cache->documents.ids.n;
    const imr_form form = imr_whatif_form(&settings->what_if);
    if (settings->candidates == IMR_CANDIDATES_AUTO && form != IMR_FORM_AUTO)
        settings->candidates =
            form == IMR_FORM_MEAN ? IMR_CANDIDATES_ENCODER : IMR_CANDIDATES_BEFORE;
    if (s->engine &&
        (settings->scope != IMR_SCOPE_RERANK || settings->candidates == IMR_CANDIDATES_BEFORE))
        return imr_fail(
            err, IMR_E_UNSUPPORTED,
            "%s takes the vectors of all documents, and these stay in the engine: scope "
            "rerank with the candidates of the encoder works",
            settings->scope == IMR_SCOPE_RERANK    ? "--candidates before"
            : settings->scope == IMR_SCOPE_RESCORE ? "scope rescore"
                                                   : "scope corpus");
    settings->candidates = s->engine ? IMR_CANDIDATES_ENCODER
                                     : imr_ranker_candidates(s->adapter, settings->candidates);
    if (settings->feedback_k ==
        0) /* the default bends to small corpora; a number somebody gave does not */
        settings->feedback_k =
            documents < DEFAULT_FEEDBACK ? (uint32_t)documents : DEFAULT_FEEDBACK;
    if (settings->tokens == 0)
        settings->tokens = DEFAULT_TOKENS;
    if (settings->ranking_k == 0)
        settings->ranking_k = settings->feedback_k < TOP ? settings->feedback_k : TOP;
    if (settings->ranking_k > settings->feedback_k)
        return imr_fail(err, IMR_E_USAGE,
                        "rank %u asked for, but %u documents are listed: --feedback-k says how "
                        "many",
                        settings->ranking_k, settings->feedback_k);
    if (settings->tokens > MAX_TOKENS)
        return imr_fail(err, IMR_E_USAGE, "%u tokens a list asked for, the most is %d",
                        settings->tokens, MAX_TOKENS);
    return IMR_OK;
}

static imr_status list_pair(imr_session *s, const char *document, imr_trace *t, imr_listing *l,
                            imr_error *err)
{
    t->settings.feedback_k = 1;
    IMR_TRY(imr_pair_find(s, t, document, err));
    IMR_TRY(imr_ranker_pair(&s->ranker, s->query_base, t->pair->base, &t->settings.what_if,
                            t->arena, l, err));
    l->document[0] = t->pair->row;
    return IMR_OK;
}

static imr_status run(imr_session *s, const imr_request *request, imr_trace *t, imr_error *err)
{
    imr_listing l;
    double at = imr_clock_seconds(), now;
    IMR_NEED(t->query_prefix = imr_arena_strdup(t->arena, s->prefix), err);
    IMR_TRY(imr_session_check_settings(&t->settings, s, err));
    if (s->engine && s->engine->driver->wake)
        s->engine->driver->wake(s->engine);
    IMR_TRY(imr_session_find_query(s, request, t, err));
    now = imr_clock_seconds();
    t->timing.encode = 1e3 * (now - at);
    IMR_TRY(imr_ranker_step(request->progress, "ranking", 0, 0, err));
    at = now;
    if (s->engine)
        IMR_TRY(imr_session_engine_look(s, request, t, err));
    IMR_TRY(request->document ? list_pair(s, request->document, t, &l, err)
                              : imr_ranker_run(&s->ranker, s->query_base, &t->settings, t->arena,
                                               request->progress, &l, err));
    now = imr_clock_seconds();
    t->timing.adapt = 1e3 * s->ranker.adapt_seconds;
    t->timing.search = 1e3 * (now - at) - t->timing.adapt;
    IMR_TRY(imr_ranker_step(request->progress, "ranking", 0, 0, err));
    at = now;
    IMR_TRY(keep_inputs(s, t, err));
    IMR_TRY(find_warnings(s, t, err));
    IMR_TRY(keep_vectors(s, t, &l, err));
    if (t->pair)
        IMR_TRY(imr_pair_tokens(s, t, err));
    IMR_TRY(fill_documents(s, t, &l, err));
    IMR_TRY(find_left(s, request, t, err));
    if (t->pair)
        t->documents[0].rank_beside = t->beside != NULL;
    else if (t->beside)
        IMR_TRY(find_beside(s, t, err));
    lift_all(t, &l);
    IMR_TRY(summarise(s, t, err));
    IMR_TRY(judge(s, t, &l, err));
    IMR_TRY(say_all(s, t, err));
    t->timing.explain = 1e3 * (imr_clock_seconds() - at);
    return imr_guard_check(err);
}

/* beside: taken. */
static imr_status make(imr_session *s, const imr_request *request, imr_trace *beside,
                       imr_trace **out, imr_error *err)
{
    imr_arena *arena;
    IMR_CLEANUP(imr_trace_free_at) imr_trace *t = imr_arena_begin(&arena, sizeof *t);
    if (!t)
        imr_trace_free(beside);
    IMR_NEED(t, err);
    t->arena = arena;
    t->beside = beside;
    t->second = s->second;
    t->settings = request->settings;
    t->serial = request->serial;
    t->number = s->number << 32 | ++s->runs;
    IMR_TRY(run(s, request, t, err));
    s->ranker.of = t->pair ? 0 : t->number;
    return IMR_GIVE(out, t);
}

imr_status imr_session_run(imr_session *s, const imr_request *request, imr_trace **out,
                           imr_error *err)
{
    imr_trace *beside = request->beside ? imr_trace_share(request->beside) : NULL;
    if (s->other && !beside && !request->alone) {
        imr_request other = *request;
        other.settings.influence = false;
        const imr_status status = make(s->other, &other, NULL, &beside, err);
        if (status == IMR_E_USAGE && strstr(request->settings.what_if.terms, "feedback:"))
            /* its candidates are others */
            return imr_error_prefix(err, status, s->second ? "adapter A" : "adapter B");
        IMR_TRY(status);
    }
    return make(s, request, beside, out, err);
}
