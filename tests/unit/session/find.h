/* Where a document is listed in a trace, SIZE_MAX: it is not. */
#ifndef IMR_TEST_SESSION_FIND_H
#define IMR_TEST_SESSION_FIND_H

#include "session/session.h"

static inline size_t listed_at(const imr_trace *t, const char *document_id)
{
    const size_t place = imr_trace_place(t, document_id);
    return place < t->n_documents ? place : SIZE_MAX;
}

#endif
