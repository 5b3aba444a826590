#include "session/internal.h"

#include <math.h>

#include "base/number.h"

const char *const imr_candidates_names[] = {"auto", "encoder", "before"};
const char *const imr_scope_names[] = {"rerank", "rescore", "corpus"};

imr_status imr_buf_keep(const char **out, imr_buf *text, imr_arena *arena, imr_error *err)
{
    IMR_TRY(imr_buf_check(text, err));
    *out = imr_arena_strndup(arena, imr_buf_text(text), text->len);
    imr_buf_clear(text);
    return *out ? IMR_OK : imr_fail_memory(err);
}

void imr_trace_settings_json(imr_buf *out, const imr_trace_settings *s)
{
    imr_json_printf(out,
                    "{'feedback_k':%u,'scope':%s,'candidates':%s,'delta':%s,'order':%s,"
                    "'tokens':%u,'what_if':[",
                    s->feedback_k, imr_scope_names[s->scope], imr_candidates_names[s->candidates],
                    imr_change_kind_names[s->delta], imr_token_order_names[s->order], s->tokens);
    for (const char *at = s->what_if.terms; *at; at += strcspn(at, "\n") + 1) {
        imr_buf_str(out, at == s->what_if.terms ? "" : ",");
        imr_json_put_string_n(out, at, strcspn(at, "\n"));
    }
    imr_buf_str(out, "]}");
}

void imr_trace_store_json(imr_buf *out, const imr_trace_store *s)
{
    imr_json_printf(out,
                    "{'kind':%s,'name':%s,'fields':%s,'type':%s,'index':%-s,'metric':%s,"
                    "'filter':%-s,'effort':%u,'recall':{'value':%g,'at':%u,'exact':%hhd,'queries':"
                    "%u},'agreement':{'cosine':%g,'texts':%u}}",
                    s->kind, s->name, s->fields, s->type, s->index, s->metric, s->filter, s->effort,
                    s->recall, s->recall_k, s->recall_exact, s->recall_queries, s->agreement,
                    s->agreed);
}

void imr_trace_store_text(imr_buf *out, const imr_trace_store *s)
{
    imr_buf_printf(out, "%s, %s; ", s->kind, s->fields[0] ? s->fields : s->type);
    if (s->index[0])
        imr_buf_printf(out, "index %s by %s", s->index, s->metric);
    else
        imr_buf_str(out, "no index: exact");
    if (s->effort)
        imr_buf_printf(out, ", effort %u", s->effort);
    if (s->filter[0])
        imr_buf_printf(out, "; filter %s", s->filter);
    if (isfinite(s->recall))
        imr_buf_printf(out, "; recall@%u %s over %u queries%s", s->recall_k,
                       IMR_FIXED(s->recall, 3), s->recall_queries,
                       s->recall_exact ? "" : " on a sample of documents");
    else
        imr_buf_str(out, "; recall not measured");
    if (s->agreed)
        imr_buf_printf(out, "; %u texts encoded anew: cosine %s to the stored vectors", s->agreed,
                       IMR_FIXED(s->agreement, 3));
}

/* The struct itself lives in its arena, so freeing the arena frees everything. */
void imr_trace_free(imr_trace *t)
{
    if (!t || atomic_fetch_sub(&t->owners, 1) != 0)
        return;
    imr_trace_free(t->beside);
    imr_cache_free(t->window);
    imr_arena_free(t->arena);
}

imr_trace *imr_trace_share(const imr_trace *t)
{
    imr_trace *shared = (imr_trace *)(uintptr_t)t;
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void imr_detail_free(imr_detail *d)
{
    if (d && atomic_fetch_sub(&d->owners, 1) == 0)
        imr_arena_free(d->arena);
}

imr_detail *imr_detail_share(const imr_detail *d)
{
    imr_detail *shared = (imr_detail *)(uintptr_t)d;
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void imr_comparison_free(imr_comparison *c)
{
    for (size_t i = 0; c && i < 2; i++) {
        imr_trace_free(c->trace[i]);
        imr_detail_free(c->detail[i]);
    }
    if (c)
        imr_arena_free(c->arena);
}

double imr_trace_gain(uint32_t rank[2], const imr_trace *t, const imr_trace_document *d)
{
    rank[t->second] = d->rank[imr_trace_now(t)];
    rank[!t->second] = d->rank_beside;
    return (rank[0] ? (double)rank[0] : INFINITY) - (rank[1] ? (double)rank[1] : INFINITY);
}

imr_trace_exchange imr_trace_exchanged(const imr_trace *t)
{
    imr_trace_exchange x = {0};
    for (size_t i = 0; t->beside && i < t->n_documents + t->n_left; i++) {
        uint32_t rank[2];
        const imr_trace_document *d = imr_trace_at(t, i);
        imr_trace_gain(rank, t, d);
        const bool first[2] = {rank[0] && rank[0] <= 10, rank[1] && rank[1] <= 10};
        if (first[0] == first[1])
            continue;
        x.documents[first[1]]++;
        x.relevant[first[1]] += d->relevance > 0;
    }
    return x;
}

size_t imr_trace_place(const imr_trace *t, const char *document_id)
{
    for (size_t i = 0; i < t->n_documents + t->n_left; i++)
        if (strcmp(imr_trace_at(t, i)->id, document_id) == 0)
            return i;
    return SIZE_MAX;
}
