/* From changes to token lists: opening the token table, and explaining one trace with it. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/nn.h"
#include "session/internal.h"
#include "text/utf8.h"

imr_change_kind imr_session_change_kind(imr_delta_kind kind)
{
    return kind == IMR_TRACE_DELTA_UNIT ? IMR_CHANGE_UNIT : IMR_CHANGE_PAPER;
}

static imr_status name_tokens(imr_session *s, imr_words *w, imr_error *err)
{
    const size_t v = imr_encoder_token_count(w->tokeniser);
    w->texts = IMR_ARENA_ARRAY(s->strings, const char *, v);
    w->special = IMR_ARENA_ARRAY(s->strings, uint8_t, v);
    if (!w->texts || !w->special)
        return imr_fail_memory(err);
    IMR_AUTOBUF imr_buf clean = {0};
    for (size_t i = 0; i < v; i++) {
        const char *text = imr_encoder_token_text(w->tokeniser, (uint32_t)i);
        imr_buf_clear(&clean);
        imr_utf8_clean(&clean, text, strlen(text), IMR_CLEAN_LINE);
        IMR_TRY(imr_buf_check(&clean, err));
        w->texts[i] = imr_arena_strndup(s->strings, imr_buf_text(&clean), clean.len);
        w->special[i] = (imr_encoder_token_flags(w->tokeniser, (uint32_t)i) &
                         (IMR_TOKEN_SPECIAL | IMR_TOKEN_UNKNOWN)) != 0;
        if (!w->texts[i])
            return imr_fail_memory(err);
    }
    return IMR_OK;
}

static imr_status fold(imr_session *s, imr_view rows, const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    IMR_TRY(name_tokens(s, w, err));
    IMR_TRY(imr_token_table_init(&w->table, rows, w->texts, w->special, err));
    return imr_lens_init(&w->lens, &w->table, &w->back, progress, err);
}

static bool is_named(const char *table, const char *name)
{
    return table && strcmp(table, name) == 0;
}

/* The encoder and the rows the name stands for; w->tokeniser stays NULL where there are none. */
static imr_status find_rows(imr_session *s, imr_view *rows, const char *table,
                            const imr_encoder_options *lookup, const imr_progress *progress,
                            imr_error *err)
{
    imr_words *w = &s->words;
    const bool folder = table && !is_named(table, "input") && !is_named(table, "encoded");
    if (folder)
        IMR_TRY(imr_encoder_open(&w->own, table, lookup, err));
    const imr_encoder *e = folder ? w->own : s->encoder;
    if (!e) {
        s->facts.tokens_problem =
            "no token table: it comes with the encoder, or from a folder named with --token-table";
        return IMR_OK;
    }
    *rows = imr_encoder_token_rows(e);
    if (is_named(table, "encoded")) {
        IMR_TRY(imr_encoded_table_open(&w->encoded, e, s->facts.inputs.encoder_sha256,
                                       imr_cache_path(s->cache), progress, err));
        *rows = w->encoded.rows;
        s->facts.tokens_notice = imr_session_string(s, w->encoded.notice);
        if (!s->facts.tokens_notice)
            return imr_fail_memory(err);
    }
    imr_error why;
    imr_status status = IMR_OK;
    if (rows->cols != s->adapter->w.n)
        status = imr_fail(&why, IMR_E_SHAPE,
                          "the rows of the token table %s have %zu dimensions, the adapter takes "
                          "vectors of %zu; %s",
                          table ? table : "input", rows->cols, s->adapter->w.n,
                          folder ? "name a table of the same encoder with --token-table"
                                 : "--token-table encoded has rows that fit");
    if (status != IMR_OK && !table) { /* nobody asked for it: only the words are missing */
        s->facts.tokens_problem = imr_session_string(s, why.text);
        return s->facts.tokens_problem ? IMR_OK : imr_fail_memory(err);
    }
    if (status != IMR_OK && err)
        *err = why;
    IMR_TRY(status);
    w->tokeniser = e;
    return IMR_OK;
}

imr_status imr_words_open(imr_session *s, const char *table, const imr_encoder_options *lookup,
                          const imr_progress *progress, imr_error *err)
{
    imr_words *w = &s->words;
    imr_trace_inputs *in = &s->facts.inputs;
    imr_view rows = {0};
    /* Rank and condition number belong to the adapter, table or not. */
    IMR_TRY(
        imr_backprojector_init(&w->back, imr_weight_view(&s->adapter->w, IMR_W_PROJECTOR), err));
    in->rank = (uint32_t)w->back.rank;
    in->condition_number = w->back.condition;
    IMR_TRY(find_rows(s, &rows, table, lookup, progress, err));
    if (!w->tokeniser)
        return IMR_OK;
    IMR_TRY(fold(s, rows, progress, err));
    in->table_name = imr_session_string(s, table ? table : "input");
    in->table_rows = w->table.rows.rows;
    if (!in->table_name)
        return imr_fail_memory(err);
    if (w->own)
        IMR_TRY(imr_encoder_sha256(w->own, in->table_sha256, err));
    else
        memcpy(in->table_sha256, in->encoder_sha256, sizeof in->table_sha256);
    w->ready = true;
    s->facts.has_tokens = true;
    return IMR_OK;
}

void imr_words_close(imr_words *w)
{
    imr_background_done(&w->queries);
    imr_background_done(&w->documents);
    imr_attribution_space_done(&w->space);
    imr_lens_done(&w->lens);
    imr_token_table_done(&w->table);
    imr_backprojector_done(&w->back);
    imr_encoded_table_done(&w->encoded);
    imr_encoder_free(w->own);
    *w = (imr_words){0};
}

/* ---- one trace ---- */

/* What the shifts of a trace need beside the trace: unit vectors of the other side. */
typedef struct shifts {
    imr_shift *v; /* the query first, then the documents */
    float *query_unit, *mean_unit;
    imr_attribution *out;
    imr_token_score *scores;
} shifts;

static void shifts_done(shifts *x)
{
    imr_free(x->v);
    imr_free(x->query_unit);
    imr_free(x->mean_unit);
    imr_free(x->out);
    imr_free(x->scores);
}

static imr_status make_shifts(const imr_session *s, const imr_trace *t, shifts *x, imr_error *err)
{
    const size_t m = t->working_dim, n = t->n_documents;
    const imr_words *w = &s->words;
    const bool measured = w->measured && w->kind == imr_session_change_kind(t->settings.delta);
    x->v = IMR_NEW_ARRAY(imr_shift, n + 1);
    x->query_unit = IMR_NEW_ARRAY(float, m);
    x->mean_unit = IMR_NEW_ARRAY(float, m);
    x->out = IMR_NEW_ARRAY(imr_attribution, n + 1);
    x->scores = IMR_NEW_ARRAY(imr_token_score, (n + 1) * 2 * t->settings.tokens);
    IMR_AUTOFREE double *mean = IMR_NEW_ARRAY(double, m);
    if (!x->v || !x->query_unit || !x->mean_unit || !x->out || !x->scores || !mean)
        return imr_fail_memory(err);
    imr_nn_unit(x->query_unit, t->q_after, m);
    for (size_t i = 0; i < n; i++) {
        const float *d = t->d_after + i * m;
        const double norm = imr_nn_norm(d, m);
        for (size_t j = 0; j < m && norm > 1e-12; j++)
            mean[j] += (double)d[j] / norm / (double)n;
        x->v[i + 1] = (imr_shift){t->d + i * m, d, x->query_unit, measured ? &w->documents : NULL};
    }
    for (size_t j = 0; j < m; j++)
        x->mean_unit[j] = (float)mean[j];
    x->v[0] = (imr_shift){t->q, t->q_after, x->mean_unit, measured ? &w->queries : NULL};
    return IMR_OK;
}

static imr_where where(uint32_t id, const imr_document_entry *query,
                       const imr_document_entry *document)
{
    return (imr_where)imr_token_occurrence(id, query->ids, query->n_ids,
                                           document ? document->ids : NULL,
                                           document ? document->n_ids : 0);
}

static imr_status copy_list(imr_trace_token **out, const imr_token_score *v, size_t n,
                            const imr_session *s, const imr_document_entry *query,
                            const imr_document_entry *document, imr_arena *arena, imr_error *err)
{
    imr_trace_token *list = IMR_ARENA_ARRAY(arena, imr_trace_token, n);
    if (!list)
        return imr_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        list[i] = (imr_trace_token){
            .text = imr_arena_strdup(arena, s->words.texts[v[i].id]),
            .id = v[i].id,
            .cosine = v[i].cosine,
            .visibility = v[i].visibility,
            .z = v[i].z,
            .background_z = v[i].background_z,
            .effect = v[i].effect,
            .hub_count = v[i].hub_count,
            .significant = v[i].significant,
            .where = where(v[i].id, query, document),
        };
        if (!list[i].text)
            return imr_fail_memory(err);
    }
    *out = list;
    return IMR_OK;
}

static imr_status copy_lists(imr_trace_tokens *out, const imr_attribution *a, const imr_session *s,
                             const imr_document_entry *query, const imr_document_entry *document,
                             imr_arena *arena, imr_error *err)
{
    imr_trace_tokens lists = {.n_positive = a->n_positive,
                              .n_negative = a->n_negative,
                              .alignment = (float)a->alignment,
                              .coverage = (float)a->coverage};
    IMR_TRY(copy_list(&lists.positive, a->positive, a->n_positive, s, query, document, arena, err));
    IMR_TRY(copy_list(&lists.negative, a->negative, a->n_negative, s, query, document, arena, err));
    *out = lists;
    return IMR_OK;
}

static imr_status copy_all(imr_session *s, imr_trace *t, const shifts *x, imr_error *err)
{
    IMR_AUTOFREE uint32_t *ids = NULL;
    imr_document_entry query = {0};
    IMR_TRY(imr_token_set(&ids, &query.n_ids, s->words.tokeniser, t->query_text,
                          strlen(t->query_text), err));
    query.ids = ids;
    IMR_TRY(copy_lists(&t->query_tokens, &x->out[0], s, &query, NULL, t->arena, err));
    for (size_t i = 0; i < t->n_documents; i++) {
        const imr_document_entry *entry;
        IMR_TRY(imr_document_cache_get(&s->documents, t->documents[i].row, &entry, err));
        IMR_TRY(
            copy_lists(&t->documents[i].tokens, &x->out[i + 1], s, &query, entry, t->arena, err));
    }
    return IMR_OK;
}

static imr_attribution_order order_of(const imr_trace *t, bool measured)
{
    if (t->settings.order == IMR_ORDER_EFFECT)
        return IMR_BY_EFFECT;
    return t->settings.order == IMR_ORDER_Z && measured ? IMR_BY_BACKGROUND : IMR_BY_COSINE;
}

imr_status imr_words_explain(imr_session *s, imr_trace *t, const imr_progress *progress,
                             imr_error *err)
{
    imr_words *w = &s->words;
    if (!w->ready)
        return IMR_OK;
    const bool measured = w->measured && w->kind == imr_session_change_kind(t->settings.delta);
    const imr_attribution_settings settings = {
        .kind = imr_session_change_kind(t->settings.delta),
        .order = order_of(t, measured),
        .tokens = t->settings.tokens,
    };
    shifts x = {0};
    imr_status status = make_shifts(s, t, &x, err);
    if (status == IMR_OK)
        status = imr_attribution_run(x.out, x.scores, &w->lens, x.v, t->n_documents + 1, &settings,
                                     &w->space, progress, err);
    if (status == IMR_OK)
        status = copy_all(s, t, &x, err);
    shifts_done(&x);
    return status;
}
