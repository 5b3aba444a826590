/*
 * session/whatif.h - what would rank if: changes to one run, as a text that says them.
 *
 *   without:WORD            the query is encoded without this word, all its places
 *   push:WORD=T             x = |x| unit(x^ + T unit(E_WORD)): the query's vector along a row of
 *                           the token table (less its centre), T in [-10, 10]
 *   form:F                  the adapter's file read as another form, where its tensors allow that
 *   feedback:-ID            this candidate gives no feedback; it stays ranked
 *   off:query off:document  now compares q with d', or q' with d: f(q, d') of method.md section 3
 *   alpha:A                 now compares unit(x^ + A (x'^ - x^)), x^ = unit(x), on both sides; A in
 *                           [0, 1.5]: 0 is `before`, 1 the adapter itself
 *   dim:-J                  dimension J of what now compares is set to 0
 *
 * without and push change all three rankings, the others only now. All may be repeated but alpha
 * and form, of which the last counts. What follows is that of the changed vectors (adapter.h,
 * imr_blend); left out are the steps of the modulation under alpha, off and dim, and under these
 * and form how words show up in other queries. Every trace made so has the warning `what-if` first.
 * Threads: values; no state.
 */
#pragma once

#include "adapter/adapter.h"
#include "base/buf.h"
#include "retrieval/cache.h"
#include "session/trace.h"

typedef enum imr_whatif_kind {
    IMR_WHATIF_WITHOUT,
    IMR_WHATIF_PUSH,
    IMR_WHATIF_FORM,
    IMR_WHATIF_FEEDBACK,
    IMR_WHATIF_OFF,
    IMR_WHATIF_ALPHA,
    IMR_WHATIF_DIM,
    IMR_WHATIF_ANY
} imr_whatif_kind;

typedef struct imr_whatif_term {
    imr_whatif_kind kind;
    const char *value; /* word or id, n bytes */
    int n;
    double number; /* or the place among the choices */
} imr_whatif_term;

/* The next term of a kind, or any; *at begins as the terms. */
bool imr_whatif_next(imr_whatif_term *x, const char **at, imr_whatif_kind kind);
/* Adds a term, "KIND:VALUE" or "KIND VALUE"; alpha:1 takes alpha away. Errors: IMR_E_USAGE says
 * what a term looks like, IMR_E_LIMIT; w is as before then. */
imr_status imr_whatif_add(imr_whatif *w, const char *text, imr_error *err);
/* Takes away the terms that begin so; whether there were any. "": all. */
bool imr_whatif_drop(imr_whatif *w, const char *beginning);
double imr_whatif_alpha(const imr_whatif *w);            /* 1 where nothing is said */
imr_form imr_whatif_form(const imr_whatif *w);           /* AUTO likewise */
void imr_whatif_tell(imr_buf *out, const imr_whatif *w); /* "without folic; alpha 0.5" */

/* What the terms mean for an adapter and a cache; arrays live in the arena. */
typedef struct imr_whatif_parts {
    imr_form form;                     /* AUTO: as it is */
    const imr_blend *query, *document; /* what is compared; NULL: q', d' */
    uint32_t *left_out;                /* rows of the cache that give no feedback */
    size_t n_left_out;
} imr_whatif_parts;

/* adapter may be NULL. Errors: IMR_E_USAGE for what it has not (itself, a form, a dimension) or all
 * dimensions; IMR_E_NOT_FOUND for an unknown document. */
imr_status imr_whatif_read(imr_whatif_parts *out, const imr_whatif *w, const imr_adapter *adapter,
                           const imr_cache *cache, imr_arena *arena, imr_error *err);
