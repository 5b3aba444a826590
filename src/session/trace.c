#include "session/trace.h"

#include <string.h>

#include "base/arena.h"

const char *imr_candidates_name(imr_candidates_by c)
{
    static const char *const names[] = {"auto", "encoder", "before"};
    return names[c];
}

const char *imr_scope_name(imr_scope s)
{
    static const char *const names[] = {"rerank", "rescore", "corpus"};
    return names[s];
}

const char *imr_delta_kind_name(imr_delta_kind k)
{
    return k == IMR_TRACE_DELTA_UNIT ? "unit" : "paper";
}

const char *imr_token_order_name(imr_token_order o)
{
    static const char *const names[] = {"cosine", "z", "effect"};
    return names[o];
}

const char *imr_where_name(imr_where w)
{
    static const char *const names[] = {"neither", "query", "document", "both"};
    return names[w];
}

/* The struct itself lives in its arena, so freeing the arena frees everything. */
void imr_trace_free(imr_trace *t)
{
    if (t)
        imr_arena_free(t->arena);
}

void imr_detail_free(imr_detail *d)
{
    if (d)
        imr_arena_free(d->arena);
}

size_t imr_trace_find(const imr_trace *t, const char *document_id)
{
    for (size_t i = 0; i < t->n_documents; i++)
        if (strcmp(t->documents[i].id, document_id) == 0)
            return i;
    return SIZE_MAX;
}
