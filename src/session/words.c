/* The token table: opening it, and what a why needs of it. */
#include <string.h>

#include "base/mem.h"
#include "session/internal.h"
#include "text/utf8.h"

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
    if (rows->cols != imr_cache_dim(s->cache))
        status = imr_fail(&why, IMR_E_SHAPE,
                          "the rows of the token table %s have %zu dimensions, the vectors have "
                          "%zu; %s",
                          table ? table : "input", rows->cols, imr_cache_dim(s->cache),
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
    if (s->adapter) {
        IMR_TRY(imr_backprojector_init(&w->back, imr_weight_view(&s->adapter->w, IMR_W_PROJECTOR),
                                       err));
        in->rank = (uint32_t)w->back.rank;
        in->condition_number = w->back.condition;
    } else { /* words of the vectors themselves */
        IMR_TRY(imr_backprojector_identity(&w->back, imr_cache_dim(s->cache), err));
    }
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
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        imr_background_done(&w->queries[kind]);
        imr_background_done(&w->documents[kind]);
    }
    imr_free(w->query_common);
    imr_lens_done(&w->lens);
    imr_token_table_done(&w->table);
    imr_backprojector_done(&w->back);
    imr_encoded_table_done(&w->encoded);
    imr_encoder_free(w->own);
    *w = (imr_words){0};
}

void imr_words_table(imr_why_table *out, const imr_words *w, const imr_trace_settings *settings)
{
    *out = (imr_why_table){.order = settings->order, .words = settings->tokens};
    if (!w->ready)
        return;
    out->lens = &w->lens;
    out->query_common = w->query_common;
    out->query_common_part = w->query_common_part;
    for (size_t kind = 0; kind < IMR_CHANGE_COUNT; kind++) {
        out->query[kind] = w->queries[kind].samples ? &w->queries[kind] : NULL;
        out->document[kind] = w->documents[kind].samples ? &w->documents[kind] : NULL;
    }
}
