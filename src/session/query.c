/* A request's query: its text and its vector, from the cache or from the encoder. */
#include <math.h>
#include <strings.h>

#include "math/nn.h"
#include "session/internal.h"

static imr_status from_cache(imr_session *s, imr_trace *t, uint32_t row, imr_error *err)
{
    const imr_view vectors = imr_rows_view(s->cache->queries.rows);
    memcpy(s->query_base, imr_view_row(&vectors, row), vectors.cols * sizeof *s->query_base);
    t->query_id = imr_trace_keep(t->arena, imr_ids_at(&s->cache->queries.ids, row));
    t->query_text = imr_trace_keep(t->arena, imr_cache_query_text(s->cache, row));
    t->query_cached = true;
    return t->query_id && t->query_text ? IMR_OK : imr_fail_memory(err);
}

imr_status imr_session_encode(const imr_session *s, float *out, imr_token_count *count,
                              const char *prefix, const char *text, imr_error *err)
{
    IMR_AUTOBUF imr_buf whole = {0};
    imr_buf_str(&whole, prefix);
    imr_buf_str(&whole, text);
    IMR_TRY(imr_buf_check(&whole, err));
    const char *start = imr_buf_text(&whole);
    return imr_encoder_encode(s->encoder, &start, &whole.len, 1, out, count, NULL, err);
}

static imr_status encode(imr_session *s, imr_trace *t, const char *text, imr_error *err)
{
    imr_token_count count;
    if (imr_encoder_sum_problem(s->encoder)[0]) {
        IMR_TRY(imr_session_encode(s, s->query_base, &count, t->query_prefix, text, err));
    } else { /* a why is likely to follow: the words' rows come with the vector */
        IMR_TRY(imr_session_read_query(s, t->query_prefix, text, NULL, err));
        memcpy(s->query_base, s->query.sum.vector, s->query.sum.n * sizeof *s->query_base);
        count = s->query.sum.count;
    }
    if (count.known == 0)
        return imr_fail(err, IMR_E_UNSUPPORTED,
                        "no word of the query is known to the encoder (%s), so its vector says "
                        "nothing and would rank at "
                        "random; try other words",
                        s->facts.encoder_name);
    return IMR_OK;
}

/* Which query it is; one of the cache comes with its vector. */
static imr_status find(imr_session *s, const imr_request *request, imr_trace *t, imr_error *err)
{
    uint32_t row;
    const char *id = request->query_id;
    if (!id && request->document && request->text &&
        imr_ids_find(&s->cache->queries.ids, request->text, &row))
        id = request->text;
    if (id) {
        if (!imr_ids_find(&s->cache->queries.ids, id, &row))
            return imr_fail(err, IMR_E_NOT_FOUND, "the cache %s has no query '%s'", s->cache->path,
                            id);
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
    t->query_id = "";
    IMR_NEED(t->query_text = imr_trace_keep(t->arena, request->text), err);
    return IMR_OK;
}

/* ---- what if ---- */

/* Marks the tokens that are of a word of the value; each must be there. */
static imr_status mark(uint32_t *gone, const imr_session *s, const imr_tokens *tokens,
                       const imr_whatif_term *x, imr_error *err)
{
    IMR_CLEANUP(imr_tokens_done) imr_tokens words = {0};
    IMR_TRY(imr_encoder_tokenize(s->encoder, x->value, (size_t)x->n, false, &words, err));
    bool all = words.n > 0;
    for (size_t k = 0; k < words.n && all; k++) {
        const char *word = imr_tokens_word(&words, words.v[k].word);
        all = false;
        for (size_t i = 0; i < tokens->n; i++)
            if (strcmp(imr_tokens_word(tokens, tokens->v[i].word), word) == 0)
                gone[i] = all = true;
    }
    return all ? IMR_OK
               : imr_fail(err, IMR_E_USAGE, "what if without '%.*s'? it is no word of the query",
                          x->n, x->value);
}

static imr_status leave_out(const imr_session *s, imr_trace *t, imr_error *err)
{
    IMR_CLEANUP(imr_tokens_done) imr_tokens tokens = {0};
    IMR_AUTOBUF imr_buf rest = {0};
    const char *at = t->settings.what_if.terms, *text = t->query_text;
    const size_t len = strlen(text);
    bool left = false;
    imr_whatif_term x;
    if (!imr_whatif_next(&x, &at, IMR_WHATIF_WITHOUT))
        return IMR_OK;
    if (!s->encoder)
        return imr_fail(err, IMR_E_NOT_FOUND, "what if without '%.*s'? the encoder is missing: %s",
                        x.n, x.value, s->facts.encoder_problem);
    IMR_TRY(imr_encoder_tokenize(s->encoder, text, len, false, &tokens, err));
    IMR_AUTOFREE uint32_t *gone = IMR_NEW_ARRAY(uint32_t, tokens.n);
    IMR_NEED(gone, err);
    do
        IMR_TRY(mark(gone, s, &tokens, &x, err));
    while (imr_whatif_next(&x, &at, IMR_WHATIF_WITHOUT));
    for (size_t i = 0; i < tokens.n; i++)
        left |= !gone[i] && imr_token_kind_of(imr_tokens_word(&tokens, tokens.v[i].word)) !=
                                IMR_KIND_PUNCTUATION;
    imr_deletion_text(&rest, text, len, &tokens, gone, &(uint32_t){true}, 1);
    return left ? imr_buf_keep(&t->query_read, &rest, t->arena, err)
                : imr_fail(err, IMR_E_USAGE, "what if without every word? nothing is left to ask");
}

/* out [n] = unit(E), E the row of the token table that the value names. */
static imr_status find_word(float *out, const imr_session *s, const imr_whatif_term *x,
                            imr_error *err)
{
    const imr_token_table *t = s->words.told ? &s->words.told->table : NULL;
    size_t row = 0;
    while (t && row < t->rows.rows &&
           (strlen(t->texts[row]) != (size_t)x->n ||
            strncasecmp(t->texts[row], x->value, (size_t)x->n) != 0))
        row++;
    if (!t || row == t->rows.rows)
        return imr_fail(err, IMR_E_NOT_FOUND, "what if pushed along '%.*s'? %s", x->n, x->value,
                        t                       ? "the token table has no such word"
                        : s->facts.words_coming ? "the token table is not open yet"
                                                : s->facts.tokens_problem);
    for (size_t j = 0; j < t->rows.cols; j++)
        out[j] = imr_view_row(&t->rows, row)[j] - (t->centre ? t->centre[j] : 0);
    imr_nn_unit(out, out, t->rows.cols);
    return IMR_OK;
}

static imr_status push(imr_session *s, imr_trace *t, imr_error *err)
{
    const size_t n = s->cache->dim;
    const double length = imr_nn_norm(s->query_base, n);
    float *x = s->query_base;
    imr_whatif_term along;
    IMR_AUTOFREE float *e = IMR_NEW_ARRAY(float, n);
    float *pushed = IMR_ARENA_ARRAY(t->arena, float, n);
    IMR_NEED(e && pushed, err);
    for (const char *at = t->settings.what_if.terms; imr_whatif_next(&along, &at, IMR_WHATIF_PUSH);
         t->push = pushed) {
        IMR_TRY(find_word(e, s, &along, err));
        for (size_t j = 0; j < n; j++)
            pushed[j] += (float)(along.number * length * (double)e[j]);
    }
    for (size_t j = 0; j < n; j++)
        x[j] += pushed[j];
    t->push_by = t->push ? length / fmax(imr_nn_norm(x, n), IMR_NN_UNIT_FLOOR) : 1;
    for (size_t j = 0; j < n && t->push; j++) {
        pushed[j] = (float)(t->push_by * (double)pushed[j]);
        x[j] = (float)(t->push_by * (double)x[j]);
    }
    return IMR_OK;
}

imr_status imr_session_find_query(imr_session *s, const imr_request *request, imr_trace *t,
                                  imr_error *err)
{
    IMR_TRY(find(s, request, t, err));
    t->query_read = t->query_text;
    IMR_TRY(leave_out(s, t, err));
    const bool whole = t->query_read == t->query_text;
    if (t->query_cached && !whole) { /* the prefix is its cache's */
        IMR_NEED(t->query_prefix = imr_arena_strdup(t->arena, s->cache->encoder.query_prefix), err);
        t->query_cached = false;
    }
    if (!t->query_cached)
        IMR_TRY(encode(s, t, whole ? request->text : t->query_read, err));
    return push(s, t, err);
}
