/* A request's query: its text and its vector, from the cache or from the encoder. */
#include <string.h>

#include "session/internal.h"

static imr_status from_cache(imr_session *s, imr_trace *t, uint32_t row, imr_error *err)
{
    const imr_view vectors = imr_rows_view(s->cache->queries.rows);
    memcpy(s->query_base, imr_view_row(&vectors, row), vectors.cols * sizeof *s->query_base);
    t->query_id = imr_trace_keep(t->arena, imr_ids_at(&s->cache->queries.ids, row));
    t->query_text = imr_trace_keep(t->arena, imr_cache_query_text(s->cache, row));
    t->query_cached = true;
    t->known_tokens = UINT32_MAX;
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
    t->known_tokens = (uint32_t)count.known;
    return IMR_OK;
}

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
    return encode(s, t, request->text, err);
}

imr_status imr_session_find_query(imr_session *s, const imr_request *request, imr_trace *t,
                                  imr_error *err)
{
    IMR_TRY(find(s, request, t, err));
    t->query_read = t->query_text;
    IMR_TRY(imr_whatif_leave_out(s, t, err));
    if (t->query_read != t->query_text) {
        if (t->query_cached) /* the prefix is its cache's */
            IMR_NEED(t->query_prefix = imr_arena_strdup(t->arena, s->cache->encoder.query_prefix),
                     err);
        t->query_cached = false;
        IMR_TRY(encode(s, t, t->query_read, err));
    }
    return imr_whatif_push(s, t, err);
}
